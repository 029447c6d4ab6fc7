// SPDX-License-Identifier: GPL-2.0-only
/*
 * runtime.c: the runtime directory.
 *
 *   1. where it is
 *   2. making it, its lock
 *   3. sockets
 *
 * A socket is bound under another name and renamed when it listens: one that
 * refuses connections is therefore always a dead holder's. The lock keeps a sweep
 * from removing the new socket of a name whose old one it has just found dead.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "port.h"
#include "runtime.h"

#define SUFFIX ".sock"
#define TERMINAL ".terminal"

/* How long a holder that answers nobody is waited for, in seconds. */
#define CONNECT_S 5

/* As long as a socket's address allows. */
struct address {
	struct sockaddr_un sun;
};

/* ---- 1. Where ------------------------------------------------------------- */

static bool is_directory(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static void directory_of(uid_t uid, char *path, size_t size)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");

	if (uid == 0) {
		snprintf(path, size, "/run/domus");
		return;
	}
	/* The variable says where our own is, not another user's. */
	if (uid == geteuid() && xdg && *xdg == '/' && is_directory(xdg)) {
		snprintf(path, size, "%s/domus", xdg);
		return;
	}
	snprintf(path, size, "/run/user/%u", uid);
	if (is_directory(path))
		snprintf(path, size, "/run/user/%u/domus", uid);
	else
		snprintf(path, size, "/tmp/domus-%u", uid);
}

static int address_of(struct address *a, uid_t uid, const char *name, const char *suffix,
		      struct error *error)
{
	char directory[256];
	int n;

	directory_of(uid, directory, sizeof(directory));
	a->sun = (struct sockaddr_un) { .sun_family = AF_UNIX };
	n = snprintf(a->sun.sun_path, sizeof(a->sun.sun_path), "%s/%s%s", directory, name,
		     suffix);
	if (n < 0 || (size_t)n >= sizeof(a->sun.sun_path))
		return error_set(error, EXIT_REFUSED, "runtime directory",
				 "the path of a socket in %.100s is too long", directory);
	return 0;
}

static int socket_address(struct address *a, uid_t uid, const char *name, struct error *error)
{
	return address_of(a, uid, name, SUFFIX, error);
}

int runtime_path(const char *name, uid_t uid, char *path, struct error *error)
{
	struct address a;

	if (address_of(&a, uid, name, TERMINAL, error))
		return -1;
	memcpy(path, a.sun.sun_path, sizeof(a.sun.sun_path));
	return 0;
}

/* ---- 2. Making ------------------------------------------------------------ */

int runtime_prepare(struct error *error)
{
	char path[256];
	struct stat st;

	directory_of(geteuid(), path, sizeof(path));
	if (mkdir(path, 0700) && errno != EEXIST)
		return error_set(error, EXIT_REFUSED, "runtime directory", "%.100s: %s", path,
				 strerror(errno));
	/* In /tmp anybody may have made it before us. */
	if (lstat(path, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 022))
		return error_set(error, EXIT_REFUSED, "runtime directory",
				 "%.100s is not a directory of ours alone", path);
	return 0;
}

/* Return: the directory, locked until it is closed, or -1. */
static int lock_directory(void)
{
	char path[256];
	int fd;

	directory_of(geteuid(), path, sizeof(path));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		(void)flock(fd, LOCK_EX);
	return fd;
}

/* ---- 3. Sockets ----------------------------------------------------------- */

int runtime_listen(const char *name, struct error *error)
{
	int lock = lock_directory();
	struct address temporary;
	struct address final;
	char hidden[DOMUS_NAME_MAX + 16];
	int fd = -1;

	snprintf(hidden, sizeof(hidden), ".%d", getpid());
	if (socket_address(&final, geteuid(), name, error) ||
	    socket_address(&temporary, geteuid(), hidden, error))
		goto out;
	(void)unlink(temporary.sun.sun_path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&temporary.sun, sizeof(temporary.sun)) &&
	    !chmod(temporary.sun.sun_path, 0600) && !listen(fd, 8) &&
	    !rename(temporary.sun.sun_path, final.sun.sun_path))
		goto out;
	error_errno(error, "socket", final.sun.sun_path, errno);
	if (fd >= 0)
		close(fd);
	fd = -1;
	(void)unlink(temporary.sun.sun_path);
out:
	if (lock >= 0)
		close(lock);
	return fd;
}

int runtime_terminal(const char *name, char *path, struct error *error)
{
	int lock;
	int fd;

	if (runtime_path(name, geteuid(), path, error))
		return -1;
	/* a sweep must not find it bound, and nobody there yet */
	lock = lock_directory();
	fd = port_listen(path, error);
	if (lock >= 0)
		close(lock);
	return fd;
}

/* @flags: SOCK_NONBLOCK: EAGAIN when too many others wait for an answer. */
static int connect_to(const struct address *a, int flags)
{
	const struct timeval patience = { .tv_sec = CONNECT_S };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
	int saved;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (const struct sockaddr *)&a->sun, sizeof(a->sun)))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int runtime_connect(const char *name, uid_t uid, struct error *error)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t size = sizeof(peer);
	struct address a;
	int fd;

	if (socket_address(&a, uid, name, error))
		return -1;
	fd = connect_to(&a, 0);
	if (fd < 0)
		error_set(error, EXIT_REFUSED, "holder", "does not answer at %s: %s",
			  a.sun.sun_path, strerror(errno));
	/* Another user's directory may lead anywhere. */
	if (fd >= 0 && (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) ||
			peer.uid != uid)) {
		error_set(error, EXIT_REFUSED, "holder",
			  "who answers at %s is not the domain's owner", a.sun.sun_path);
		close(fd);
		return -1;
	}
	return fd;
}

void runtime_remove(const char *name)
{
	struct error ignored = { 0 };
	struct address a;
	int lock = lock_directory();

	if (!socket_address(&a, geteuid(), name, &ignored))
		(void)unlink(a.sun.sun_path);
	if (lock >= 0)
		close(lock);
}

/* Is the file's name NAME and @suffix? @name: DOMUS_NAME_MAX + 1 bytes */
static bool is_of(const char *file, const char *suffix, char *name)
{
	size_t length = strlen(file);
	size_t end = strlen(suffix);

	if (length <= end || length - end > DOMUS_NAME_MAX ||
	    strcmp(file + length - end, suffix) != 0)
		return false;
	snprintf(name, DOMUS_NAME_MAX + 1, "%.*s", (int)(length - end), file);
	return true;
}

/*
 * Of a holder that was killed before it had a socket of its own, or behind that. Where there
 * is one the terminal is not asked: its guest would take us for a client.
 */
static void sweep_terminal(const char *name)
{
	struct error ignored = { 0 };
	struct address a;
	int fd;

	if (socket_address(&a, geteuid(), name, &ignored) || !access(a.sun.sun_path, F_OK) ||
	    address_of(&a, geteuid(), name, TERMINAL, &ignored))
		return;
	fd = port_connect(a.sun.sun_path);
	if (fd >= 0)
		close(fd);
	else if (errno == ECONNREFUSED)
		(void)unlink(a.sun.sun_path);
}

/* Removes one socket if nobody listens. */
static void sweep_one(const char *file)
{
	struct error ignored = { 0 };
	char name[DOMUS_NAME_MAX + 1];
	struct address a;
	int fd;

	if (is_of(file, TERMINAL, name))
		sweep_terminal(name);
	if (!is_of(file, SUFFIX, name) || socket_address(&a, geteuid(), name, &ignored))
		return;
	/* The lock is held: a holder that waits for it answers nobody. */
	fd = connect_to(&a, SOCK_NONBLOCK);
	if (fd >= 0)
		close(fd);
	if (fd >= 0 || errno != ECONNREFUSED)
		return;
	(void)unlink(a.sun.sun_path);
	if (!address_of(&a, geteuid(), name, TERMINAL, &ignored))
		(void)unlink(a.sun.sun_path);
}

void runtime_sweep(void)
{
	struct dirent *entry;
	int lock = lock_directory();
	DIR *directory;

	if (lock < 0)
		return;
	/* The lock belongs to the open file: a copy of the descriptor shares it. */
	directory = fdopendir(lock);
	if (!directory) {
		close(lock);
		return;
	}
	while ((entry = readdir(directory)))
		sweep_one(entry->d_name);
	closedir(directory);
}
