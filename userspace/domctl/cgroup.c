// SPDX-License-Identifier: GPL-2.0-only
/*
 * cgroup.c: the cgroup of a domain; see cgroup.h.
 *
 *   1. files of cgroups
 *   2. where cgroups are, and where a process is
 *   3. where the caller may make some
 *   4. settings
 *   5. making one
 *   6. leaving, removing
 *
 * No lock: whoever sweeps removes what is empty, which a new one is for a moment. Its maker
 * finds it gone then, and makes it again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"

#define SLICE		"domus.slice"
#define PERIOD_US	100000
#define TRIES		20	/* to make one that others sweep away */
#define WORKERS_MS	2000	/* for the host's workers to end, behind a holder */
#define PF_KTHREAD	0x00200000U

/* ---- 1. Files --------------------------------------------------------------------- */

/* @path/@file, or -1 with errno. */
static int open_file(const char *path, const char *file, int flags)
{
	char whole[PATH_MAX + 32];

	snprintf(whole, sizeof(whole), "%s/%s", path, file);
	return open(whole, flags | O_CLOEXEC);
}

/* The content of a file as a string, and closes it. Return: false: nothing was read. */
static bool slurp(int fd, char *text, size_t size)
{
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool read_file(const struct cgroup *cgroup, const char *file, char *text, size_t size)
{
	return slurp(open_file(cgroup->path, file, O_RDONLY), text, size);
}

/* Return: 0: it is there. */
static int access_file(const struct cgroup *cgroup, const char *file)
{
	char whole[PATH_MAX + 32];

	snprintf(whole, sizeof(whole), "%s/%s", cgroup->path, file);
	return access(whole, F_OK);
}

/* Return: 0, or errno. */
static int write_file(const char *path, const char *file, const char *text)
{
	int fd = open_file(path, file, O_WRONLY);
	int err = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		err = errno;
	close(fd);
	return err;
}

/* ---- 2. Where they are --------------------------------------------------------------- */

/* The mount point of cgroup2, of a whole hierarchy. Return: 0, or -1: there is none. */
static int find_mount(struct cgroup *cgroup)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t room = 0;
	int result = -1;

	while (file && result && getline(&line, &room, file) > 0) {
		char root[PATH_MAX];
		char point[PATH_MAX];

		if (!strstr(line, " - cgroup2 ") ||
		    sscanf(line, "%*s %*s %*s %4095s %4095s", root, point) != 2 ||
		    strcmp(root, "/") != 0)
			continue;
		snprintf(cgroup->path, sizeof(cgroup->path), "%s", point);
		cgroup->name = strlen(cgroup->path);
		result = 0;
	}
	free(line);
	if (file)
		fclose(file);
	return result;
}

/* Goes down from @cgroup. Return: 0, or -1: the path is too long. */
static int append(struct cgroup *cgroup, const char *name)
{
	size_t length = strlen(cgroup->path);
	size_t room = sizeof(cgroup->path) - length;

	if (*name == '/')
		name++;
	if (*name && (size_t)snprintf(cgroup->path + length, room, "/%s", name) >= room)
		return -1;
	return 0;
}

/* As people know it: "/" for the root. */
static const char *name_of(const struct cgroup *cgroup)
{
	return cgroup->path[cgroup->name] ? cgroup->path + cgroup->name : "/";
}

int cgroup_of(int proc, struct cgroup *cgroup)
{
	int fd = openat(proc, "cgroup", O_RDONLY | O_CLOEXEC);
	char text[2 * PATH_MAX];
	char *at;

	if (!slurp(fd, text, sizeof(text)))
		return -1;
	/* Lines of version 1 have other numbers. */
	at = strstr(text, "\n0::");
	at = at ? at + 4 : text + 3;
	if ((at == text + 3 && strncmp(text, "0::", 3) != 0) || find_mount(cgroup))
		return -1;
	at[strcspn(at, "\n")] = '\0';
	/* Outside of our namespace of cgroups, or removed. */
	if (!strncmp(at, "/..", 3) || strstr(at, " (deleted)"))
		return -1;
	return append(cgroup, at);
}

static int find_self(struct cgroup *cgroup)
{
	int proc = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = -1;

	if (proc >= 0) {
		result = cgroup_of(proc, cgroup);
		close(proc);
	}
	return result;
}

void cgroup_here(struct cgroup *cgroup)
{
	if (find_self(cgroup))
		*cgroup->path = '\0';
}

/* ---- 3. Where the caller may ---------------------------------------------------------- */

static bool may_write(const char *path, const char *file)
{
	char whole[PATH_MAX + 32];

	snprintf(whole, sizeof(whole), "%s%s%s", path, *file ? "/" : "", file);
	return !faccessat(AT_FDCWD, whole, W_OK, AT_EACCESS);
}

/* The topmost one on the way to ours that we may make others in, and move ourselves. */
static int find_delegated(struct cgroup *cgroup, const char *what, struct error *error)
{
	struct cgroup self;

	if (find_mount(cgroup))
		return error_set(error, EXIT_REFUSED, what, "cgroup2 is not mounted on this host");
	if (find_self(&self))
		return error_set(error, EXIT_REFUSED, what, "it is not seen which cgroup we are in");
	for (size_t end = cgroup->name;; end++) {
		if (self.path[end] && self.path[end] != '/')
			continue;
		snprintf(cgroup->path, sizeof(cgroup->path), "%.*s", (int)end, self.path);
		if (may_write(cgroup->path, "") && may_write(cgroup->path, "cgroup.procs") &&
		    may_write(cgroup->path, "cgroup.subtree_control"))
			return 0;
		if (!self.path[end])
			break;
	}
	return error_set(error, EXIT_REFUSED, what, "this user has no cgroup to make others in (we "
			 "are in %.200s): it takes root, or systemd-run --user --scope",
			 name_of(&self));
}

/* Is @word one of those in a file of it? */
static bool lists(const struct cgroup *cgroup, const char *file, const char *word)
{
	char text[512];

	if (!read_file(cgroup, file, text, sizeof(text)))
		return false;
	text[strcspn(text, "\n")] = '\0';
	for (char *at = strtok(text, " "); at; at = strtok(NULL, " "))
		if (!strcmp(at, word))
			return true;
	return false;
}

/*
 * One with processes of its own may have controllers of threads, but then none below it can
 * hold a process. Only the root may have both, and it is of no type.
 */
static bool is_leaf(const struct cgroup *cgroup)
{
	char text[32];

	return read_file(cgroup, "cgroup.type", text, sizeof(text)) &&
	       read_file(cgroup, "cgroup.procs", text, sizeof(text));
}

/* Has those below @cgroup be controlled. Return: 0, or -1. */
static int enable(const struct cgroup *cgroup, const char *controller, const char *what,
		  struct error *error)
{
	char text[32];
	int err = 0;

	if (!lists(cgroup, "cgroup.controllers", controller))
		return error_set(error, EXIT_REFUSED, what, "cgroup %.200s has no controller \"%s\"",
				 name_of(cgroup), controller);
	snprintf(text, sizeof(text), "+%s", controller);
	if (is_leaf(cgroup))
		err = EBUSY;
	else if (!lists(cgroup, "cgroup.subtree_control", controller))
		err = write_file(cgroup->path, "cgroup.subtree_control", text);
	if (err == EBUSY)
		return error_set(error, EXIT_REFUSED, what, "cgroup %.200s has processes of its own, "
				 "so that none below it can have controller \"%s\"",
				 name_of(cgroup), controller);
	return err ? error_errno(error, what, "cgroup.subtree_control", err) : 0;
}

/* ---- 4. Settings --------------------------------------------------------------------- */

/* A file, as the kernel calls it, and what goes in. */
struct setting {
	const char *controller;
	const char *file;
	char text[64];
};

#define SETTINGS 3

/* What @limits says. Return: how many. */
static size_t settings_of(const struct limits *limits, struct setting *settings)
{
	size_t nr = 0;

	if (limits->weight) {
		settings[nr] = (struct setting) { "cpu", "cpu.weight", "" };
		snprintf(settings[nr++].text, sizeof(settings->text), "%" PRIu32, limits->weight);
	}
	if (limits->cap) {
		settings[nr] = (struct setting) { "cpu", "cpu.max", "" };
		if (limits->cap == LIMITS_NO_CAP)
			snprintf(settings[nr++].text, sizeof(settings->text), "max");
		else
			snprintf(settings[nr++].text, sizeof(settings->text), "%" PRIu64 " %d",
				 (uint64_t)limits->cap * PERIOD_US / 100, PERIOD_US);
	}
	if (limits->memory) {
		settings[nr] = (struct setting) { "memory", "memory.max", "max" };
		if (limits->memory != LIMITS_NO_MEMORY)
			snprintf(settings[nr].text, sizeof(settings->text), "%" PRIu64,
				 limits->memory);
		nr++;
	}
	return nr;
}

/* One that is used again must not keep what was said of another. What it has not is not there. */
static void forget_settings(const struct cgroup *cgroup)
{
	(void)write_file(cgroup->path, "cpu.weight", "100");
	(void)write_file(cgroup->path, "cpu.max", "max");
	(void)write_file(cgroup->path, "memory.max", "max");
}

static int refused(const struct cgroup *cgroup, const struct setting *setting, int err,
		   struct error *error)
{
	char what[64];

	snprintf(what, sizeof(what), "cgroup %.40s", name_of(cgroup));
	if (err == EACCES || err == EPERM)
		return error_set(error, EXIT_REFUSED, what, "no permission to write to %s",
				 setting->file);
	if (err == ENOENT)
		return error_set(error, EXIT_REFUSED, what, "has no %s: its controller \"%s\" is off",
				 setting->file, setting->controller);
	return error_set(error, EXIT_REFUSED, what, "%s takes no '%s': %s", setting->file,
			 setting->text, strerror(err));
}

/*
 * A cgroup that was made for other limits has not all controllers. Where this one cannot be
 * had either, the setting's file is not there, which is said of it.
 */
static void switch_on(const struct cgroup *cgroup, const char *controller)
{
	struct error ignored = { 0 };
	struct cgroup slice = *cgroup;
	struct cgroup above;

	if (lists(cgroup, "cgroup.controllers", controller))
		return;
	*strrchr(slice.path, '/') = '\0';
	above = slice;
	*strrchr(above.path, '/') = '\0';
	if (!enable(&above, controller, "", &ignored))
		(void)enable(&slice, controller, "", &ignored);
}

int cgroup_set(const struct cgroup *cgroup, const struct limits *limits, struct error *error)
{
	struct setting settings[SETTINGS];
	char before[SETTINGS][64];
	size_t nr = settings_of(limits, settings);

	for (size_t i = 0; i < nr; i++) {
		int err;

		switch_on(cgroup, settings[i].controller);
		(void)read_file(cgroup, settings[i].file, before[i], sizeof(*before));
		err = write_file(cgroup->path, settings[i].file, settings[i].text);
		if (!err)
			continue;
		for (size_t k = 0; k < i; k++)
			(void)write_file(cgroup->path, settings[k].file, before[k]);
		return refused(cgroup, &settings[i], err, error);
	}
	return 0;
}

void cgroup_get(const struct cgroup *cgroup, struct limits *limits)
{
	uint64_t period;
	uint64_t quota;
	char text[64];

	*limits = (struct limits) { .weight = 0 };
	if (read_file(cgroup, "cpu.weight", text, sizeof(text)))
		limits->weight = (uint32_t)strtoul(text, NULL, 10);
	if (read_file(cgroup, "cpu.max", text, sizeof(text)))
		limits->cap = sscanf(text, "%" SCNu64 " %" SCNu64, &quota, &period) == 2 && period ?
			      (uint32_t)(quota * 100 / period) : LIMITS_NO_CAP;
	if (read_file(cgroup, "memory.max", text, sizeof(text)))
		limits->memory = *text == 'm' ? LIMITS_NO_MEMORY : strtoull(text, NULL, 10);
}

/* The number behind a @word at the beginning of a line, or that of the file where it is NULL. */
static uint64_t number_in(const struct cgroup *cgroup, const char *file, const char *word)
{
	size_t length = word ? strlen(word) : 0;
	char text[4096];

	if (!read_file(cgroup, file, text, sizeof(text)))
		return 0;
	if (!word)
		return strtoull(text, NULL, 10);
	for (char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!strncmp(at, word, length) && at[length] == ' ')
			return strtoull(at + length, NULL, 10);
	}
	return 0;
}

void cgroup_memory(const struct cgroup *cgroup, struct cgroup_memory *memory)
{
	char text[64];

	*memory = (struct cgroup_memory) {
		.counted = !access_file(cgroup, "memory.current"),
		.now = number_in(cgroup, "memory.current", NULL),
		.swapped = number_in(cgroup, "memory.swap.current", NULL),
		.files = number_in(cgroup, "memory.stat", "file"),
		.swap_max = UINT64_MAX,
		.killed = number_in(cgroup, "memory.events", "oom_kill"),
		.by_limit = number_in(cgroup, "memory.events", "oom"),
	};
	if (read_file(cgroup, "memory.swap.max", text, sizeof(text)) && *text != 'm')
		memory->swap_max = strtoull(text, NULL, 10);
}

/* ---- 5. Making ----------------------------------------------------------------------- */

static int make_directory(const struct cgroup *cgroup, const char *what, struct error *error)
{
	if (!mkdir(cgroup->path, 0755) || errno == EEXIST)
		return 0;
	return error_set(error, EXIT_REFUSED, what, "cgroup %.200s cannot be made: %s",
			 name_of(cgroup), strerror(errno));
}

/* The slice with its controllers. Return: 0, or -1. */
static int make_slice(struct cgroup *cgroup, const struct setting *settings, size_t nr,
		      const char *what, struct error *error)
{
	struct cgroup above;

	if (find_delegated(cgroup, what, error))
		return -1;
	above = *cgroup;
	if (append(cgroup, SLICE))
		return error_set(error, EXIT_REFUSED, what, "the cgroup's path is too long");
	for (size_t i = 0; i < nr; i++)
		if (enable(&above, settings[i].controller, what, error))
			return -1;
	if (make_directory(cgroup, what, error))
		return -1;
	for (size_t i = 0; i < nr; i++)
		if (enable(cgroup, settings[i].controller, what, error))
			return -1;
	return 0;
}

/*
 * A new one, or one that is there still, whose workers have not gone yet. Return: 0; 1:
 * it was swept away meanwhile; -1.
 */
static int fill(const struct cgroup *cgroup, const struct limits *limits, pid_t pid,
		const char *what, struct error *error)
{
	struct error cause = { 0 };
	char text[24];
	int err;

	(void)rmdir(cgroup->path);
	if (make_directory(cgroup, what, error))
		return -1;
	forget_settings(cgroup);
	if (cgroup_set(cgroup, limits, &cause)) {
		err = access(cgroup->path, F_OK) ? errno : 0;
		if (err == ENOENT)
			return 1;
		(void)rmdir(cgroup->path);
		*error = cause;
		return -1;
	}
	snprintf(text, sizeof(text), "%d", pid);
	err = write_file(cgroup->path, "cgroup.procs", text);
	if (err == ENOENT || err == ENODEV)
		return 1;
	if (!err)
		return 0;
	(void)rmdir(cgroup->path);
	if (err == EACCES || err == EPERM)
		return error_set(error, EXIT_REFUSED, what, "no permission to move the holder to "
				 "cgroup %.200s", name_of(cgroup));
	return error_set(error, EXIT_REFUSED, what, "the holder cannot be moved to cgroup %.200s: %s",
			 name_of(cgroup), strerror(err));
}

int cgroup_make(const char *name, pid_t pid, const struct limits *limits, struct cgroup *cgroup,
		struct error *error)
{
	const char *what = limits_said(limits);
	struct setting settings[SETTINGS];
	int result = 1;

	if (make_slice(cgroup, settings, settings_of(limits, settings), what, error))
		return -1;
	if (append(cgroup, name))
		return error_set(error, EXIT_REFUSED, what, "the cgroup's path is too long");
	for (int i = 0; result > 0 && i < TRIES; i++)
		result = fill(cgroup, limits, pid, what, error);
	return result > 0 ? error_set(error, EXIT_REFUSED, what, "cgroup %.200s is removed again "
				      "and again", name_of(cgroup)) : result;
}

/* Is it a thread of the host's kernel, with this beginning of its name? */
static bool is_worker(pid_t pid, const char *prefix)
{
	char path[32];
	char stat[1024];
	unsigned long flags = 0;
	char *at;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	if (!slurp(open_file(path, "stat", O_RDONLY), stat, sizeof(stat)))
		return false;
	at = strchr(stat, '(');
	if (!at || strncmp(at + 1, prefix, strlen(prefix)) != 0)
		return false;
	at = strrchr(stat, ')');
	return at && sscanf(at + 1, " %*c %*s %*s %*s %*s %*s %lu", &flags) == 1 &&
	       flags & PF_KTHREAD;
}

/* Who is in it, a line for each; NULL: it cannot be read. */
static FILE *open_list(const struct cgroup *cgroup)
{
	int fd = open_file(cgroup->path, "cgroup.procs", O_RDONLY);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (fd >= 0 && !file)
		close(fd);
	return file;
}

void cgroup_move_workers(uint32_t id, const struct cgroup *from, const struct cgroup *to)
{
	FILE *file = open_list(from);
	char line[32];
	char prefix[24];

	snprintf(prefix, sizeof(prefix), "domus-%" PRIu32 "-", id);
	while (file && fgets(line, sizeof(line), file))
		if (is_worker((pid_t)strtol(line, NULL, 10), prefix))
			(void)write_file(to->path, "cgroup.procs", line);
	if (file)
		fclose(file);
}

/* ---- 6. Leaving ---------------------------------------------------------------------- */

int cgroup_find(int proc, const char *name, struct cgroup *cgroup)
{
	char own[NAME_MAX + 1];
	size_t length;
	size_t whole;

	snprintf(own, sizeof(own), "/" SLICE "/%.200s", name);
	if (cgroup_of(proc, cgroup))
		return -1;
	length = strlen(own);
	whole = strlen(cgroup->path);
	return whole - cgroup->name >= length && !strcmp(cgroup->path + whole - length, own) ?
	       0 : -1;
}

int cgroup_leave(const char *name, uint32_t id, const struct cgroup *before, struct cgroup *left)
{
	int proc = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int events = -1;

	if (proc < 0)
		return -1;
	if (*before->path && !cgroup_find(proc, name, left) &&
	    !write_file(before->path, "cgroup.procs", "0")) {
		cgroup_move_workers(id, left, before);
		events = open_file(left->path, "cgroup.events", O_RDONLY);
	}
	close(proc);
	return events >= 0 && cgroup_remove(left, events) ? -1 : events;
}

bool cgroup_remove(const struct cgroup *left, int events)
{
	char text[128];

	/* What happens from here on is told. */
	(void)!pread(events, text, sizeof(text), 0);
	if (rmdir(left->path) && errno == EBUSY)
		return false;
	close(events);
	return true;
}

void cgroup_wait(const struct cgroup *left, int events, int ms)
{
	struct timespec now;
	int64_t end;

	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec * 1000LL + now.tv_nsec / 1000000 + ms;
	while (!cgroup_remove(left, events)) {
		struct pollfd fd = { .fd = events, .events = POLLPRI };
		int64_t rest;

		clock_gettime(CLOCK_MONOTONIC, &now);
		rest = end - (now.tv_sec * 1000LL + now.tv_nsec / 1000000);
		if (rest <= 0) {
			close(events);
			return;
		}
		(void)poll(&fd, 1, (int)rest);
	}
}

/* Has its holder ended, and something of the kernel's has not? */
static bool has_workers_only(const struct cgroup *cgroup)
{
	FILE *file = open_list(cgroup);
	bool some = false;
	bool only = true;
	char line[32];

	while (file && fgets(line, sizeof(line), file)) {
		some = true;
		only &= is_worker((pid_t)strtol(line, NULL, 10), "");
	}
	if (file)
		fclose(file);
	return some && only;
}

void cgroup_sweep(const char *name)
{
	struct error ignored = { 0 };
	struct dirent *entry;
	struct cgroup cgroup;
	DIR *directory;
	int events;

	if (find_delegated(&cgroup, "", &ignored) || append(&cgroup, SLICE))
		return;
	directory = opendir(cgroup.path);
	if (!directory)
		return;
	/* One that has anybody in it cannot be removed. */
	while ((entry = readdir(directory)))
		if (entry->d_type == DT_DIR && *entry->d_name != '.')
			(void)unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
	closedir(directory);
	if (append(&cgroup, name) || !has_workers_only(&cgroup))
		return;
	events = open_file(cgroup.path, "cgroup.events", O_RDONLY);
	if (events >= 0)
		cgroup_wait(&cgroup, events, WORKERS_MS);
}
