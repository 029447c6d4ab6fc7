// SPDX-License-Identifier: GPL-2.0-only
/* cmd_monitor.c: what happens to domains, as it happens. */
#include <string.h>
#include <time.h>

#include "domctl.h"
#include "names.h"
#include "nl.h"
#include "size.h"

/* struct monitor - @ctx: where it is printed; @only: the only domain, if it has an id */
struct monitor {
	struct ctx *ctx;
	struct control *control;
	struct control_ref only;
};

static const struct print_column columns[] = {
	{ "TIME", 23 }, { "EVENT", 9 }, { "NAME", 16 }, { "REASON", 0 }, { NULL, 0 },
};

/* Local, with milliseconds. */
static void print_time(struct print *p)
{
	char text[32], whole[64];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	if (p->json) {
		print_number(p, "time_ns", NULL,
			     (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
		return;
	}
	localtime_r(&now.tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(whole, sizeof(whole), "%s.%03ld", text, now.tv_nsec / 1000000);
	print_string(p, NULL, "Time", whole);
}

static void print_event(struct print *p, const char *what, const struct control_domain *d)
{
	print_object(p, NULL, NULL);
	print_time(p);
	print_string(p, "event", "Event", what);
	if (d) {
		print_string(p, "name", "Name", d->name);
		print_number(p, "id", NULL, d->id);
		print_number(p, "uid", NULL, d->uid);
		print_string(p, "state", NULL, state_name(d->state));
		print_string(p, "reason", NULL, reason_name(d->reason_code));
		print_string(p, "reason_text", "Reason", d->reason);
	}
	print_object_end(p);
	print_done(p);
	fflush(p->file);
}

/* It may have gone before we listened. */
static bool is_there(struct monitor *m)
{
	struct control_domain domain;
	struct error ignored = { 0 };

	return !m->only.id || !control_domain_get(m->control, &m->only, &domain, &ignored);
}

static bool on_event(const struct control_event *event, void *arg)
{
	struct monitor *m = arg;
	struct print *p = &m->ctx->print;

	switch (event->kind) {
	case CONTROL_LISTENS:
		if (p->json)
			print_event(p, "listening", NULL);
		else
			print_table(p, columns);
		fflush(p->file);
		return !is_there(m);
	case CONTROL_LOST:
		print_event(p, "lost", NULL);
		break;
	case CONTROL_EVENT:
		if (m->only.id && event->domain.id != m->only.id)
			return false;
		print_event(p, event_name(event->number), &event->domain);
		break;
	}
	/* nobody reads any more, or there is nothing more to come */
	return ferror(p->file) || (m->only.id && event->kind == CONTROL_EVENT &&
				   event->number == DOMUS_EVENT_GONE);
}

static int run(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct monitor m = {
		.ctx = ctx,
		.only.name = command_word(ctx, self, argc, argv, "[NAME]"),
	};
	struct control_domain domain = { .id = 0 };
	struct control *events = NULL;
	int result = -1;

	if (ctx->error.status || ctx->help ||
	    (m.only.name && name_check(m.only.name, &ctx->error)) ||
	    control_open(&m.control, NULL, &ctx->error))
		return -1;
	if ((!m.only.name || !control_domain_get(m.control, &m.only, &domain, &ctx->error)) &&
	    !control_open(&events, NULL, &ctx->error)) {
		m.only.id = domain.id;
		result = control_listen(events, on_event, &m, &ctx->error);
	}
	control_close(events);
	control_close(m.control);
	return result;
}

const struct command cmd_monitor = {
	.name = "monitor",
	.usage = "[NAME]",
	.help = "print what happens to domains, as it happens\n"
		"\n"
		"Until it is interrupted, or domain NAME has gone. With -j a line of JSON each.\n",
	.run = run,
};
