// SPDX-License-Identifier: GPL-2.0-only
/* links: userspace/domctl/create.c userspace/domctl/config.c userspace/domctl/disk.c */
/* links: userspace/domctl/nic.c userspace/domctl/small.c userspace/domctl/port.c */
/* links: userspace/domctl/vsock.c userspace/domctl/attach.c userspace/domctl/wire.c */
/* links: userspace/domctl/limit.c userspace/domctl/print.c userspace/domctl/backing.c */
/* links: userspace/domctl/cpus.c userspace/domctl/thread.c */
/* links: userspace/domctl/opts.c userspace/domctl/size.c userspace/domctl/error.c */
/* libs: -linih -lpthread */
/*
 * What the command line of domctl create can say, a configuration file can, too, and it
 * means the same: each option of the three tables is said both ways, and all that comes
 * of it is compared. An option that has no sample here fails.
 *
 *   1. what a domain is to be, as text
 *   2. saying it
 *   3. options of the domain
 *   4. options of disks and network interfaces
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "create.h"
#include "nl_small.h"
#include "report.h"

#define TEXT 4096

static char path[32];	/* of the configuration file */

/* Of programs that are not linked: those that have main(), or speak to the module. */
int command_opts(struct ctx *ctx, struct opts *o, const char **value)
{
	return opts_next(o, value, &ctx->error);
}

int control_vsock_new(struct control *c, const struct control_ref *ref, const char *name,
		      uint64_t cid, uint64_t features, const int *eventfds,
		      struct error *error)
{
	(void)c;
	(void)ref;
	(void)cid;
	(void)features;
	(void)eventfds;
	return error_set(error, EXIT_REFUSED, name, "there is no module");
}

/* ---- 1. As text -------------------------------------------------------------- */

static void __attribute__((format(printf, 2, 3))) add(char *to, const char *format, ...)
{
	size_t length = strlen(to);
	va_list args;

	va_start(args, format);
	vsnprintf(to + length, TEXT - length, format, args);
	va_end(args);
}

static void add_rates(char *to, const struct disk_rates *r)
{
	add(to, " rates %d %d %d %" PRIu64 " %" PRIu64 " %u", r->has_bytes, r->has_ops,
	    r->has_burst, r->bytes, r->ops, r->burst_ms);
}

static void add_devices(char *to, const struct create *c)
{
	for (size_t i = 0; i < c->config.nr_disks; i++) {
		const struct disk *d = &c->disks[i];

		add(to, "; disk %s %s '%s' flags %x io %d %ux%u", d->name, d->file, d->serial,
		    d->flags, d->io, d->queues, d->queue_size);
		add_rates(to, &d->rates);
	}
	for (size_t i = 0; i < c->config.nr_nics; i++) {
		const struct nic *n = &c->nics[i];
		char mac[NIC_MAC_TEXT];

		add(to, "; net %s mode %d '%s' vlan %u %s %d %s mtu %u flags %x %ux%u", n->name,
		    n->mode, n->bridge, n->vlan, net_mac_text(mac, n->mac), n->has_mac, n->ifname,
		    n->mtu, n->flags, n->queues, n->queue_size);
		add_rates(to, &n->rates);
	}
}

static void add_small(char *to, const struct small *s)
{
	add(to, "; vsock %d %" PRIu64 " terminal %d rng %d balloon %d %d", s->vsock, s->cid,
	    s->terminal, s->rng, s->balloon, s->reporting);
	add_rates(to, &s->rng_rates);
	for (size_t i = 0; i < s->nr_ports; i++)
		add(to, " port %s %s", s->ports[i].name, s->ports[i].path);
}

static void add_all(char *to, const struct create *c)
{
	const struct holder_config *d = &c->config;
	char nodes[CPUS_TEXT];

	add(to, "%s kernel %s initrd %s append '%s' memory %" PRIu64 " vcpus %u of %u log %s",
	    d->name, c->kernel, c->initrd ? c->initrd : "-", d->cmdline, d->memory, d->vcpus,
	    d->max_vcpus, d->log ? d->log : "-");
	add(to, " paused %d", d->paused);
	add(to, " reboots %u %d tied %d mode %d escape %d timeout %" PRIu64 " %d", d->max_reboots,
	    c->counted, d->tied, c->mode, c->escape, c->timeout, c->limited);
	add(to, " weight %u cap %u limit %" PRIu64, d->limits.weight, d->limits.cap,
	    d->limits.memory);
	add(to, " max %" PRIu64 " hugetlb %" PRIu64 " thp %d ksm %d nodes %d %s", d->max_memory,
	    d->backing.hugetlb, d->backing.thp, d->backing.ksm, d->backing.on_nodes,
	    cpus_format(nodes, &d->backing.nodes));
	add_devices(to, c);
	add_small(to, &d->small);
}

/* ---- 2. Saying it ------------------------------------------------------------ */

/* What comes of a command line: the domain, or "refused: " and the cause in @to. */
static bool says(char to[TEXT], char **argv)
{
	static const struct command self = { .opts = create_opts };
	struct create *c = calloc(1, sizeof(*c));
	struct ctx ctx = { .help = false };
	int argc = 0;
	bool good;

	if (!c)
		exit(1);
	while (argv[argc])
		argc++;
	*to = '\0';
	good = !create_parse(&ctx, &self, argc, argv, c);
	if (good)
		add_all(to, c);
	else
		add(to, "refused: %s: %s", ctx.error.what, ctx.error.why);
	create_free(c);
	free(c);
	return good;
}

/* "web" with @word and, unless it is NULL, the @value behind it. */
static bool line_says(char to[TEXT], const char *word, const char *value)
{
	const char *const argv[] = { "web", "--kernel", "/k", word, value, NULL };

	return says(to, (char **)(uintptr_t)argv);
}

/* The same with a file that has @more of the domain, or another section. */
static bool file_says(char to[TEXT], const char *more)
{
	const char *const argv[] = { "--file", path, NULL };
	FILE *file = fopen(path, "w");

	if (!file)
		exit(1);
	fprintf(file, "[domain]\nname = web\n%s%s\n",
		strncmp(more, "kernel", 6) ? "kernel = /k\n" : "", more);
	fclose(file);
	return says(to, (char **)(uintptr_t)argv);
}

static void compare(bool good, const char *line, const char *file, const char *name)
{
	ok(good, "%s", name);
	if (!good)
		printf("# command line: %s\n# file:         %s\n", line, file);
}

/* ---- 3. Options of the domain -------------------------------------------------- */

/* struct sample - of an option; @with: what it needs, as an option of --net */
struct sample {
	const char *name;
	const char *value;
	const char *with;
};

static const struct sample *sample_of(const struct sample *samples, const char *name)
{
	for (; samples->name; samples++)
		if (!strcmp(samples->name, name))
			return samples;
	ok(false, "%s has a sample", name);
	return NULL;
}

static const struct sample domain_samples[] = {
	{ "kernel", "/other", NULL }, { "initrd", "/i", NULL },
	{ "append", "a=b c # ; \"d\"", NULL }, { "memory", "1G", NULL }, { "vcpus", "3", NULL },
	{ "max-vcpus", "5", NULL },
	{ "rng", "rate=2M,burst=7", NULL }, { "balloon", "reporting", NULL },
	{ "port", "a=/a,b=/b", NULL }, { "terminal", NULL, NULL }, { "vsock", "77", NULL },
	{ "paused", NULL, NULL },
	{ "console", NULL, NULL }, { "detach", NULL, NULL }, { "wait", NULL, NULL },
	{ "timeout", "5", NULL }, { "log", "/l", NULL }, { "max-reboots", "4", NULL },
	{ "escape", "^A", NULL }, { "weight", "7", NULL }, { "cap", "30%", NULL },
	{ "max-memory", "1G", NULL }, { "memory-limit", "64M", NULL }, { "hugetlb", "2M", NULL },
	{ "thp", "never", NULL }, { "ksm", NULL, NULL }, { "numa-node", "0,2-3", NULL },
	{ NULL, NULL, NULL },
};

/* Those that are sections, or the file itself. */
static bool is_section(const struct opt *opt)
{
	return opt->id == OPT_FILE || opt->id == OPT_DISK || opt->id == OPT_NET;
}

static void domain_option(const struct opt *opt, const char *value, const char *plain)
{
	char line[TEXT], file[TEXT], word[64], key[128], name[160];
	bool good;

	snprintf(word, sizeof(word), "--%s", opt->name);
	snprintf(key, sizeof(key), "%s = %s", opt->name, value ? value : "yes");
	snprintf(name, sizeof(name), "[domain] %s", key);
	good = line_says(line, word, value) && file_says(file, key);
	/* A sample that changes nothing shows nothing, but what is the default. */
	if (opt->id != OPT_DETACH)
		good = good && strcmp(line, plain) != 0;
	compare(good && !strcmp(line, file), line, file, name);
	if (opt->metavar)
		return;
	snprintf(key, sizeof(key), "%s = no", opt->name);
	snprintf(name, sizeof(name), "[domain] %s is as without it", key);
	good = file_says(file, key);
	compare(good && !strcmp(plain, file), plain, file, name);
}

/*
 * An empty value: where the command line takes it, so does the file. A path is none: the
 * file would have it name a directory.
 */
static void domain_empty(const struct opt *opt)
{
	char line[TEXT], file[TEXT], word[64], key[64], name[80];
	bool by_line, by_file;

	snprintf(word, sizeof(word), "--%s", opt->name);
	snprintf(key, sizeof(key), "%s =", opt->name);
	snprintf(name, sizeof(name), "[domain] %s", key);
	by_line = line_says(line, word, "") && strcmp(opt->metavar, "FILE") != 0;
	by_file = file_says(file, key);
	compare(by_line == by_file && (!by_file || !strcmp(line, file)), line, file, name);
}

static void test_domain(void)
{
	char plain[TEXT], file[TEXT];
	bool good = line_says(plain, NULL, NULL) && file_says(file, "");

	compare(good && !strcmp(plain, file), plain, file, "[domain] with nothing but a kernel");
	for (const struct opt *opt = create_opts; opt->name; opt++) {
		const struct sample *sample;

		if (is_section(opt))
			continue;
		sample = sample_of(domain_samples, opt->name);
		if (sample)
			domain_option(opt, sample->value, plain);
		if (opt->metavar)
			domain_empty(opt);
	}
	good = line_says(plain, "--append", "") && file_says(file, "append =");
	compare(good && strstr(file, "append ''"), plain, file, "append = nothing is taken");
}

/* ---- 4. Options of devices ------------------------------------------------------ */

static const struct sample disk_samples[] = {
	{ "readonly", NULL, NULL }, { "shared", NULL, NULL }, { "force", NULL, NULL },
	{ "writethrough", NULL, NULL }, { "direct", NULL, NULL }, { "buffered", NULL, NULL },
	{ "serial", "a,b = c", NULL }, { "queues", "3", NULL }, { "queue-size", "64", NULL },
	{ "ring", "split", NULL }, { "rate", "3M", NULL }, { "ops", "9", NULL },
	{ "burst", "8", NULL }, { NULL, NULL, NULL },
};

static const struct sample nic_samples[] = {
	{ "bridge", "br7", "" }, { "host", NULL, "" }, { "manual", NULL, "" },
	{ "vlan", "5", "bridge=b" }, { "mac", "d6:00:12:34:56:78", "host" },
	{ "ifname", "x0", "host" }, { "mtu", "9000", "host" }, { "queues", "3", "host" },
	{ "queue-size", "64", "host" }, { "ring", "split", "host" }, { "rate", "3M", "host" },
	{ "ops", "9", "host" }, { "burst", "8", "host" }, { NULL, NULL, NULL },
};

/*
 * struct kind - of device
 * @word: of the command line, @first: of its value; @begin: the same as a section
 */
struct kind {
	const char *word;
	const char *first;
	const char *begin;
};

static const struct kind disk_kind = { "--disk", "/d,name=d", "[disk d]\nfile = /d\n" };
static const struct kind nic_kind = { "--net", "name=n", "[net n]\n" };

/* Both ways, with @key unless it is NULL, of @value, or NULL: it has none. */
static bool device_says(char line[TEXT], char file[TEXT], const struct kind *kind,
			const struct sample *with, const char *key, const char *value)
{
	const char *needs = with && with->with ? with->with : "";
	char text[TEXT] = "", section[TEXT] = "";
	bool good;

	add(text, "%s%s%s", kind->first, *needs ? "," : "", needs);
	add(section, "%s%s%s", kind->begin, needs,
	    *needs && !strchr(needs, '=') ? " = yes" : "");
	if (key) {
		add(text, ",%s%s", key, value ? "=" : "");
		add(section, "\n%s = %s", key, value ? value : "yes");
	}
	/* A comma is written twice there. */
	for (; value && *value; value++)
		add(text, *value == ',' ? ",," : "%c", *value);
	good = line_says(line, kind->word, text);
	return file_says(file, section) && good;
}

static void device_option(const struct kind *kind, const struct opt *opt,
			  const struct sample *sample)
{
	char line[TEXT], file[TEXT], plain[TEXT], without[TEXT], no[TEXT] = "", name[96];
	bool good;

	device_says(plain, without, kind, sample, NULL, NULL);
	good = device_says(line, file, kind, sample, opt->name, sample->value);
	good = good && strcmp(line, plain) != 0;
	snprintf(name, sizeof(name), "%s %s", kind->word, opt->name);
	compare(good && !strcmp(line, file), line, file, name);
	snprintf(name, sizeof(name), "%s %s: %s", kind->word, opt->name,
		 opt->metavar ? "cannot be empty" : "no is as without it");
	if (opt->metavar) {
		good = device_says(line, file, kind, sample, opt->name, "");
		compare(!good && !strncmp(line, "refused", 7) && !strncmp(file, "refused", 7),
			line, file, name);
		return;
	}
	add(no, "%s%s%s = no", kind->begin, sample->with && *sample->with ? "host = yes\n" : "",
	    opt->name);
	file_says(file, no);
	compare(!strcmp(file, without), without, file, name);
}

static void test_devices(const struct kind *kind, const struct opt *opts, int name,
			 const struct sample *samples)
{
	char line[TEXT], file[TEXT];
	bool good;

	for (const struct opt *opt = opts; opt->name; opt++) {
		const struct sample *sample;

		if (opt->id == name)
			continue;
		sample = sample_of(samples, opt->name);
		if (sample)
			device_option(kind, opt, sample);
	}
	good = device_says(line, file, kind, samples, "none-such", "1");
	compare(!good && strstr(line, "unknown option") && strstr(file, "no such key"), line, file,
		"what there is not");
}

int main(void)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/domctl-opts-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return 1;
	close(fd);
	puts("KTAP version 1");
	test_domain();
	test_devices(&disk_kind, disk_opts, DISK_NAME, disk_samples);
	test_devices(&nic_kind, net_opts, NIC_OPT_NAME, nic_samples);
	unlink(path);
	printf("1..%d\n", results);
	return failures != 0;
}
