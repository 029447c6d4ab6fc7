// SPDX-License-Identifier: GPL-2.0-only
/*
 * process.c: a holder as a process of the host; see process.h.
 *
 *   1. holding on to it
 *   2. its vCPU threads
 *   3. where they may run
 *
 * The holder calls its threads vcpu0, vcpu1 ... (holder.c). They are the same ones over
 * reboots, with the affinity that they have.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process.h"

/* How long a vCPU of a domain that is being made is looked for, and how often. */
#define FIND_MS 5000
#define LOOK_MS 10

/* ---- 1. Holding --------------------------------------------------------------- */

int process_hold(struct control *control, const struct control_ref *ref,
		 struct control_domain *domain)
{
	int fd = domain->pid ? (int)syscall(SYS_pidfd_open, domain->pid, 0) : -1;
	struct error ignored = { 0 };

	if (fd >= 0 && (control_domain_get(control, ref, domain, &ignored) || !domain->pid)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Has it ended within @ms? */
static bool has_ended(const struct process *process, int ms)
{
	struct pollfd fd = { .fd = process->fd, .events = POLLIN };

	return poll(&fd, 1, ms) > 0;
}

int process_open(struct process *process, struct control *control,
		 const struct control_ref *ref, struct control_domain *domain,
		 struct error *error)
{
	char path[32];

	*process = (struct process) { .fd = process_hold(control, ref, domain), .proc = -1 };
	snprintf(path, sizeof(path), "/proc/%" PRIu32, domain->pid);
	if (process->fd >= 0)
		process->proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* The process that it was opened of has not ended: it is that one's. */
	if (process->proc >= 0 && !has_ended(process, 0))
		return 0;
	process_close(process);
	return error_set(error, EXIT_REFUSED, "holder",
			 "of %s has gone, or is in a PID namespace that we do not see",
			 domain->name);
}

void process_close(struct process *process)
{
	if (process->proc >= 0)
		close(process->proc);
	if (process->fd >= 0)
		close(process->fd);
}

/* A number of KiB of a line "NAME: N kB", in bytes. */
static uint64_t size_in(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) * 1024 : 0;
}

/* A file in a directory, as a string. Return: false: there is none. */
static bool read_at(int directory, const char *path, char *text, size_t size)
{
	int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

uint64_t process_memory(const struct process *process)
{
	uint64_t merged = 0;
	uint64_t all = 0;
	char text[4096];

	if (read_at(process->proc, "status", text, sizeof(text)))
		all = size_in(text, "RssAnon:") + size_in(text, "VmSwap:");
	if (read_at(process->proc, "ksm_merging_pages", text, sizeof(text)))
		merged = strtoull(text, NULL, 10) * 4096;
	return merged < all ? all - merged : 0;
}

/* ---- 2. Threads --------------------------------------------------------------- */

/* A file of a thread, as a string. Return: false: there is none. */
static bool read_file(const struct process *process, pid_t tid, const char *name, char *text,
		      size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "task/%d/%s", tid, name);
	return read_at(process->proc, path, text, size);
}

/* Which vCPU's a thread is, or -1. */
static int vcpu_of(const struct process *process, pid_t tid)
{
	char comm[32];
	char *end;
	unsigned long vcpu;

	if (!read_file(process, tid, "comm", comm, sizeof(comm)) ||
	    strncmp(comm, "vcpu", 4) != 0 || !isdigit((unsigned char)comm[4]))
		return -1;
	vcpu = strtoul(comm + 4, &end, 10);
	return *end == '\n' && vcpu < DOMUS_MAX_VCPUS ? (int)vcpu : -1;
}

/* The 39th word of a thread's stat: the 37th behind its name. */
static unsigned int cpu_of(const struct process *process, pid_t tid)
{
	char stat[1024];
	const char *at;

	if (!read_file(process, tid, "stat", stat, sizeof(stat)))
		return 0;
	at = strrchr(stat, ')');
	for (int i = 0; at && i < 37; i++)
		at = strchr(at + 1, ' ');
	return at ? (unsigned int)strtoul(at, NULL, 10) : 0;
}

/* Return: 0, or -1. */
static int get_affinity(pid_t tid, struct cpus *cpus)
{
	*cpus = (struct cpus) { .bits = { 0 } };
	return sched_getaffinity(tid, sizeof(*cpus), (cpu_set_t *)cpus);
}

static int set_affinity(pid_t tid, const struct cpus *cpus)
{
	return sched_setaffinity(tid, sizeof(*cpus), (const cpu_set_t *)cpus);
}

void process_vcpus(const struct process *process, struct process_vcpu *vcpus)
{
	int fd = openat(process->proc, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	memset(vcpus, 0, DOMUS_MAX_VCPUS * sizeof(*vcpus));
	if (!directory) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(directory))) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
		int nr = tid > 0 ? vcpu_of(process, tid) : -1;

		if (nr < 0 || vcpus[nr].tid || get_affinity(tid, &vcpus[nr].affinity))
			continue;
		vcpus[nr].cpu = cpu_of(process, tid);
		/* It is there still: it was what we have asked. */
		if (vcpu_of(process, tid) == nr)
			vcpus[nr].tid = tid;
	}
	closedir(directory);
}

/* ---- 3. Affinity -------------------------------------------------------------- */

static int refused(uint32_t vcpu, int err, struct error *error)
{
	char what[32];

	snprintf(what, sizeof(what), "vcpu %" PRIu32, vcpu);
	if (err == EPERM)
		return error_set(error, EXIT_REFUSED, what, "no permission: it takes the domain's "
				 "owner, or CAP_SYS_NICE");
	if (err == EINVAL)
		return error_set(error, EXIT_REFUSED, "cpus",
				 "its holder's cgroup has none of these");
	return error_errno(error, what, "cannot be pinned", err);
}

int process_set_whole(const struct process_vcpu *thread, uint32_t vcpu, const struct cpus *cpus,
		      bool all, struct error *error)
{
	char text[CPUS_TEXT];
	struct cpus got;

	if (set_affinity(thread->tid, cpus))
		return errno == ESRCH ? 0 : refused(vcpu, errno, error);
	if (all || get_affinity(thread->tid, &got) || cpus_equal(&got, cpus))
		return 0;
	(void)set_affinity(thread->tid, &thread->affinity);
	return error_set(error, EXIT_REFUSED, "cpus", "of these its holder's cgroup has %s only",
			 cpus_format(text, &got));
}

int process_pin(const struct process *process, struct control *control,
		const struct control_ref *ref, uint32_t vcpu, const struct cpus *cpus, bool all,
		struct error *error)
{
	struct process_vcpu *vcpus = malloc(DOMUS_MAX_VCPUS * sizeof(*vcpus));
	struct control_domain domain = { 0 };
	bool done = false;
	int result = 0;

	if (!vcpus)
		return error_set(error, EXIT_REFUSED, "vcpu", "no memory");
	for (int waited = 0; !done && !result; waited += LOOK_MS) {
		process_vcpus(process, vcpus);
		if (vcpus[vcpu].tid)
			result = process_set_whole(&vcpus[vcpu], vcpu, cpus, all, error);
		/* It is there still: it was the one that was told. */
		done = !result && vcpus[vcpu].tid &&
		       vcpu_of(process, vcpus[vcpu].tid) == (int)vcpu;
		if (!result)
			result = control_domain_get(control, ref, &domain, error);
		if (!result && domain.state == DOMUS_STATE_DEAD)
			result = error_set(error, EXIT_REFUSED, ref->name,
					   "is dead: none of its vCPUs runs");
		if (!done && !result && (waited >= FIND_MS || has_ended(process, LOOK_MS)))
			result = error_set(error, EXIT_REFUSED, "holder", "of %s has no thread "
					   "for vCPU %" PRIu32, ref->name, vcpu);
	}
	free(vcpus);
	return result;
}
