// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk.c: disks as they are asked for; see disk.h.
 *
 *   1. options
 *   2. FILE,OPTION=VALUE,...
 *   3. names
 *   4. opening images
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"
#include "size.h"

#define SECTOR 512

/* ---- 1. Options ----------------------------------------------------------- */

const struct opt disk_opts[] = {
	DISK_OPTS,
	{ NULL, 0, NULL, 0 },
};

static int set_io(struct disk *disk, enum disk_io io, struct error *error)
{
	if (disk->io != DISK_IO_AUTO && disk->io != io)
		return error_set(error, EXIT_USAGE, "disk",
				 "direct and buffered exclude each other");
	disk->io = io;
	return 0;
}

static int set_serial(struct disk *disk, const char *value, struct error *error)
{
	if (!*value)
		return error_set(error, EXIT_USAGE, "serial", "is empty");
	if (strlen(value) > DOMUS_DEV_SERIAL_MAX)
		return error_set(error, EXIT_USAGE, "serial", "is longer than %d bytes",
				 DOMUS_DEV_SERIAL_MAX);
	for (const char *c = value; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			return error_set(error, EXIT_USAGE, "serial", "must be printable ASCII");
	snprintf(disk->serial, sizeof(disk->serial), "%s", value);
	return 0;
}

static int set_queue_size(struct disk *disk, const char *value, struct error *error)
{
	uint64_t number = 0;

	if (number_parse(value, "queue-size", 2, 1024, &number, error))
		return -1;
	if (number & (number - 1))
		return error_set(error, EXIT_USAGE, "queue-size", "%s is no power of two", value);
	disk->queue_size = (uint32_t)number;
	return 0;
}

int disk_ring_option(uint32_t *flags, const char *value, struct error *error)
{
	if (!strcmp(value, "split"))
		*flags |= DOMUS_DEV_FLAG_SPLIT;
	else if (!strcmp(value, "packed"))
		*flags &= ~(uint32_t)DOMUS_DEV_FLAG_SPLIT;
	else
		return error_set(error, EXIT_USAGE, "ring", "'%.40s' is neither split nor packed",
				 value);
	return 0;
}

bool disk_rates_said(const struct disk_rates *rates)
{
	return rates->has_bytes || rates->has_ops || rates->has_burst;
}

int disk_rate_option(struct disk_rates *rates, int id, const char *value, struct error *error)
{
	char text[SIZE_TEXT];
	uint64_t number = 0;

	switch (id) {
	case DISK_RATE:
		if (size_parse(value, "rate", &rates->bytes, error))
			return -1;
		if (rates->bytes > DOMUS_DEV_RATE_MAX)
			return error_set(error, EXIT_USAGE, "rate", "%s is more than %s a second",
					 value, size_format(text, DOMUS_DEV_RATE_MAX));
		rates->has_bytes = true;
		return 0;
	case DISK_OPS:
		rates->has_ops = true;
		return number_parse(value, "ops", 0, DOMUS_DEV_RATE_MAX, &rates->ops, error);
	default:
		if (number_parse(value, "burst", 0, DOMUS_DEV_RATE_BURST_MS_MAX, &number, error))
			return -1;
		rates->has_burst = true;
		rates->burst_ms = (uint32_t)number;
		return 0;
	}
}

int disk_option(struct disk *disk, int id, const char *value, struct error *error)
{
	uint64_t number = 0;

	switch (id) {
	case DISK_NAME:
		if (disk_name_check(value, error))
			return -1;
		snprintf(disk->name, sizeof(disk->name), "%s", value);
		return 0;
	case DISK_READONLY:
		disk->flags |= DOMUS_DEV_FLAG_READONLY;
		return 0;
	case DISK_SHARED:
		disk->flags |= DOMUS_DEV_FLAG_SHARED;
		return 0;
	case DISK_FORCE:
		disk->flags |= DOMUS_DEV_FLAG_FORCE;
		return 0;
	case DISK_WRITETHROUGH:
		disk->flags |= DOMUS_DEV_FLAG_WRITETHROUGH;
		return 0;
	case DISK_DIRECT:
		return set_io(disk, DISK_IO_DIRECT, error);
	case DISK_BUFFERED:
		return set_io(disk, DISK_IO_BUFFERED, error);
	case DISK_SERIAL:
		return set_serial(disk, value, error);
	case DISK_QUEUES:
		if (number_parse(value, "queues", 1, DOMUS_DEV_QUEUES_MAX, &number, error))
			return -1;
		disk->queues = (uint32_t)number;
		return 0;
	case DISK_QUEUE_SIZE:
		return set_queue_size(disk, value, error);
	case DISK_RING:
		return disk_ring_option(&disk->flags, value, error);
	default:
		return disk_rate_option(&disk->rates, id, value, error);
	}
}

/* ---- 2. FILE,OPTION=VALUE,... ---------------------------------------------- */

/* Copies up to a single comma, two of them as one. Return: what follows, or NULL: the end. */
static const char *field(const char *text, char *to)
{
	for (; *text; text++) {
		if (*text == ',' && *++text != ',') {
			*to = '\0';
			return text;
		}
		*to++ = *text;
	}
	*to = '\0';
	return NULL;
}

static int parse_option(struct disk *disk, char *text, struct error *error)
{
	const char *value;
	int id = opts_pair(disk_opts, text, &value, error);

	if (id == OPTS_ERROR)
		return -1;
	if (id != OPTS_END)
		return disk_option(disk, id, value, error);
	return error_set(error, EXIT_USAGE, "--disk", "unknown option '%.40s' behind the file",
			 text);
}

int disk_parse(struct disk *disk, const char *text, struct error *error)
{
	char *buf = malloc(strlen(text) + 1);
	int result = 0;

	if (!buf)
		return error_set(error, EXIT_REFUSED, "--disk", "no memory");
	text = field(text, buf);
	disk->file = strdup(buf);
	if (!disk->file)
		result = error_set(error, EXIT_REFUSED, "--disk", "no memory");
	else if (!*disk->file)
		result = error_set(error, EXIT_USAGE, "--disk", "the file's name is empty");
	while (text && !result) {
		text = field(text, buf);
		result = parse_option(disk, buf, error);
	}
	free(buf);
	return result;
}

void disk_free(struct disk *disk)
{
	free(disk->file);
	disk->file = NULL;
}

/* ---- 3. Names -------------------------------------------------------------- */

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

int disk_name_check(const char *name, struct error *error)
{
	if (!*name)
		return error_set(error, EXIT_USAGE, "disk name", "is empty");
	if (strlen(name) > DOMUS_DEV_NAME_MAX)
		return error_set(error, EXIT_USAGE, "disk name", "is longer than %d bytes",
				 DOMUS_DEV_NAME_MAX);
	for (size_t i = 0; name[i]; i++)
		if (!is_alnum(name[i]) && (!i || !strchr("._-", name[i])))
			return error_set(error, EXIT_USAGE, "disk name", "'%s' must be letters, "
					 "digits, '.', '_' and '-', a letter or digit first", name);
	return 0;
}

void disk_name(struct disk *disk, bool (*taken)(void *arg, const char *name), void *arg)
{
	const char *slash = strrchr(disk->file, '/');
	const char *base = slash ? slash + 1 : disk->file;
	char stem[DOMUS_DEV_NAME_MAX + 1];
	size_t length = 0;

	while (*base && !is_alnum(*base))
		base++;
	for (; length < DOMUS_DEV_NAME_MAX && base[length]; length++)
		stem[length] = is_alnum(base[length]) || strchr("._-", base[length]) ?
			       base[length] : '-';
	stem[length] = '\0';
	if (!length)
		snprintf(stem, sizeof(stem), "disk");
	snprintf(disk->name, sizeof(disk->name), "%s", stem);
	/* Ends: there are fewer devices than numbers. */
	for (unsigned int i = 2; taken(arg, disk->name); i++) {
		char number[16];
		int digits = snprintf(number, sizeof(number), "-%u", i);

		snprintf(disk->name, sizeof(disk->name), "%.*s%s", DOMUS_DEV_NAME_MAX - digits,
			 stem, number);
	}
}

struct disks {
	const struct disk *disks;
	size_t nr;
};

static bool among(void *arg, const char *name)
{
	const struct disks *all = arg;

	for (size_t i = 0; i < all->nr; i++)
		if (!strcmp(all->disks[i].name, name))
			return true;
	return false;
}

int disk_name_all(struct disk *disks, size_t nr, struct error *error)
{
	struct disks all = { .disks = disks };

	for (size_t i = 0; i < nr; i++) {
		all.nr = i;
		if (*disks[i].name && among(&all, disks[i].name))
			return error_set(error, EXIT_USAGE, "disk name", "'%s' is given twice",
					 disks[i].name);
	}
	/* A name that was given goes before one that is made, wherever it stands. */
	all.nr = nr;
	for (size_t i = 0; i < nr; i++) {
		if (!*disks[i].name) {
			struct disk named = disks[i];

			disk_name(&named, among, &all);
			memcpy(disks[i].name, named.name, sizeof(named.name));
		}
	}
	return 0;
}

/* ---- 4. Opening ------------------------------------------------------------ */

struct label {
	char text[160];
};

static struct label label_of(const struct disk *disk)
{
	struct label label;
	size_t length = strlen(disk->file);

	/* Of a long path the end says more. */
	snprintf(label.text, sizeof(label.text), "disk %s%s", length > 140 ? "..." : "",
		 length > 140 ? disk->file + length - 140 : disk->file);
	return label;
}

static int open_failed(const struct disk *disk, struct error *error)
{
	struct label label = label_of(disk);
	bool writable = !(disk->flags & DOMUS_DEV_FLAG_READONLY);
	const char *hint = "";

	if (writable && (errno == EROFS || errno == EACCES || errno == EPERM)) {
		/* Would it do to read it? */
		int saved = errno;
		int fd = open(disk->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

		if (fd >= 0) {
			close(fd);
			hint = " (to write to it; with readonly it can be attached)";
		}
		errno = saved;
	}
	return error_set(error, errno == ENOENT ? EXIT_NOT_FOUND : EXIT_REFUSED, label.text, "%s%s",
			 errno == EBUSY ? "is in use on the host" : strerror(errno), hint);
}

/*
 * The owner may leave the access time alone: then no read of the guest's makes the host's
 * file system write, and the module need not hand reads to a thread that may wait for it.
 */
static int open_quietly(const char *file, int flags)
{
	int fd = open(file, flags | O_NOATIME);

	return fd < 0 && errno == EPERM ? open(file, flags) : fd;
}

/* Return: the file, or -1 with errno, -2 with the error. */
static int open_as(const struct disk *disk, int flags, struct error *error)
{
	int fd;

	if (disk->io != DISK_IO_BUFFERED) {
		fd = open_quietly(disk->file, flags | O_DIRECT);
		if (fd >= 0 || errno != EINVAL)
			return fd;
		/* Not all file systems can, and not all file systems say so alike. */
		if (disk->io == DISK_IO_DIRECT) {
			error_set(error, EXIT_REFUSED, label_of(disk).text,
				  "its file system has no direct I/O");
			return -2;
		}
	}
	return open_quietly(disk->file, flags);
}

static int check_size(const struct disk *disk, uint64_t size, struct error *error)
{
	struct label label = label_of(disk);

	if (!size)
		return error_set(error, EXIT_REFUSED, label.text, "is empty");
	if (size < SECTOR)
		return error_set(error, EXIT_REFUSED, label.text,
				 "has %" PRIu64 " bytes: too small, a sector has %d", size,
				 SECTOR);
	if (size % SECTOR)
		return error_set(error, EXIT_REFUSED, label.text,
				 "has %" PRIu64 " bytes: no multiple of %d", size, SECTOR);
	return 0;
}

static int check_image(const struct disk *disk, int fd, struct error *error)
{
	uint64_t size = 0;
	int readonly = 0;
	struct stat st;

	if (fstat(fd, &st))
		return open_failed(disk, error);
	if (S_ISREG(st.st_mode))
		return check_size(disk, (uint64_t)st.st_size, error);
	if (!S_ISBLK(st.st_mode))
		return error_set(error, EXIT_REFUSED, label_of(disk).text,
				 "neither a file nor a block device");
	if (ioctl(fd, BLKGETSIZE64, &size) || ioctl(fd, BLKROGET, &readonly))
		return open_failed(disk, error);
	if (readonly && !(disk->flags & DOMUS_DEV_FLAG_READONLY)) {
		errno = EROFS;
		return open_failed(disk, error);
	}
	/* What others have written through the host's cache: the module waits for nothing. */
	if (fsync(fd))
		return open_failed(disk, error);
	return check_size(disk, size, error);
}

/* Has the loop device @name of the host's this file? A block device has no other file. */
static bool loop_has(const char *name, const struct stat *image)
{
	char path[PATH_MAX];
	struct stat st;
	FILE *f;

	if (snprintf(path, sizeof(path), "/sys/block/%s/loop/backing_file", name) >=
	    (int)sizeof(path))
		return false;
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(path, sizeof(path), f))
		path[0] = '\0';
	fclose(f);
	path[strcspn(path, "\n")] = '\0';
	return !stat(path, &st) && st.st_dev == image->st_dev && st.st_ino == image->st_ino;
}

/*
 * A file has no O_EXCL: whether a loop device, mounted perhaps, has it, only sysfs tells. One
 * that comes later is not kept away: this is a fence, not a lock.
 */
static int check_loops(const struct disk *disk, const struct stat *image, struct error *error)
{
	DIR *dir = opendir("/sys/block");
	struct dirent *entry;
	int result = 0;

	if (!dir)
		return 0;
	while (!result && (entry = readdir(dir))) {
		if (!strncmp(entry->d_name, "loop", 4) && loop_has(entry->d_name, image))
			result = error_set(error, EXIT_REFUSED, label_of(disk).text,
					   "is in use by /dev/%s of the host, which may be mounted",
					   entry->d_name);
	}
	closedir(dir);
	return result;
}

int disk_open(const struct disk *disk, struct error *error)
{
	bool readonly = disk->flags & DOMUS_DEV_FLAG_READONLY;
	bool shared = disk->flags & (DOMUS_DEV_FLAG_SHARED | DOMUS_DEV_FLAG_FORCE);
	int flags = (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY;
	struct stat st;
	bool exclusive;
	int fd;

	/* Before it is opened: to open a pipe or a terminal does something. */
	if (stat(disk->file, &st))
		return open_failed(disk, error);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return error_set(error, EXIT_REFUSED, label_of(disk).text,
				 "neither a file nor a block device");
	if (S_ISREG(st.st_mode) && !readonly && !shared && check_loops(disk, &st, error))
		return -1;
	/* A device that is written to is ours alone. Who else has it the module knows best. */
	exclusive = S_ISBLK(st.st_mode) && !readonly && !shared;
	fd = open_as(disk, flags | (exclusive ? O_EXCL : 0), error);
	if (fd == -1 && errno == EBUSY && exclusive)
		fd = open_as(disk, flags, error);
	if (fd == -1)
		return open_failed(disk, error);
	if (fd < 0)
		return -1;
	if (!check_image(disk, fd, error))
		return fd;
	close(fd);
	return -1;
}
