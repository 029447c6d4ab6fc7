// SPDX-License-Identifier: GPL-2.0-only
/* port.c: sockets of ports; see port.h. */
#include <errno.h>
#include <linux/domus.h>
#include <asm/domus_guest.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "port.h"

#define BACKLOG 8

struct label {
	char text[PORT_PATH_MAX + 16];
};

static struct label label_of(const char *path)
{
	struct label label;

	snprintf(label.text, sizeof(label.text), "port %s", path);
	return label;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

int port_name_check(const char *name, struct error *error)
{
	if (!*name)
		return error_set(error, EXIT_USAGE, "port name", "is empty");
	if (strlen(name) > DOMUS_DEV_NAME_MAX)
		return error_set(error, EXIT_USAGE, "port name", "is longer than %d bytes",
				 DOMUS_DEV_NAME_MAX);
	for (size_t i = 0; name[i]; i++)
		if (!is_alnum(name[i]) && (!i || !strchr("._-", name[i])))
			return error_set(error, EXIT_USAGE, "port name", "'%s' must be letters, "
					 "digits, '.', '_' and '-', a letter or digit first", name);
	return 0;
}

int port_path_check(const char *path, struct error *error)
{
	if (!*path)
		return error_set(error, EXIT_USAGE, "port path", "is empty");
	if (strlen(path) > PORT_PATH_MAX)
		return error_set(error, EXIT_USAGE, "port path", "is longer than %d bytes",
				 PORT_PATH_MAX);
	return 0;
}

const char *port_parse(const char *text, char *name, struct error *error)
{
	const char *equals = strchr(text, '=');

	if (!equals) {
		error_set(error, EXIT_USAGE, "port", "'%.40s' is not NAME=PATH", text);
		return NULL;
	}
	if (equals - text > DOMUS_DEV_NAME_MAX) {
		error_set(error, EXIT_USAGE, "port name", "is longer than %d bytes",
			  DOMUS_DEV_NAME_MAX);
		return NULL;
	}
	snprintf(name, DOMUS_DEV_NAME_MAX + 1, "%.*s", (int)(equals - text), text);
	if (port_name_check(name, error) || port_path_check(equals + 1, error))
		return NULL;
	return equals + 1;
}

static void address_of(struct sockaddr_un *sun, const char *path)
{
	*sun = (struct sockaddr_un) { .sun_family = AF_UNIX };
	snprintf(sun->sun_path, sizeof(sun->sun_path), "%s", path);
}

int port_connect(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sun;
	int saved;

	if (fd < 0)
		return -1;
	address_of(&sun, path);
	if (!connect(fd, (const struct sockaddr *)&sun, sizeof(sun)))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* What a holder that was killed has left is in nobody's way. Return: 0, or -1. */
static int make_room(const char *path, struct error *error)
{
	struct stat st;
	int fd;

	if (lstat(path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return error_set(error, EXIT_REFUSED, label_of(path).text,
				 "is there already, and no socket");
	fd = port_connect(path);
	if (fd >= 0)
		close(fd);
	if (fd >= 0 || errno != ECONNREFUSED)
		return error_set(error, EXIT_REFUSED, label_of(path).text,
				 "somebody else listens there");
	(void)unlink(path);
	return 0;
}

int port_listen(const char *path, struct error *error)
{
	struct sockaddr_un sun;
	int fd;

	if (make_room(path, error))
		return -1;
	address_of(&sun, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && !bind(fd, (const struct sockaddr *)&sun, sizeof(sun))) {
		/* Who may write to it may connect: at first only we. */
		if (!chmod(path, 0600) && !listen(fd, BACKLOG))
			return fd;
		(void)unlink(path);
	}
	error_set(error, EXIT_REFUSED, label_of(path).text, "%s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

void port_remove(const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && S_ISSOCK(st.st_mode) && st.st_uid == geteuid())
		(void)unlink(path);
}
