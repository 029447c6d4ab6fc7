// SPDX-License-Identifier: GPL-2.0-only
/* end.c: how it ended, in a line. */
#include <stdio.h>
#include <unistd.h>

#include "end.h"
#include "names.h"

void end_greet(const struct attach *a, const char *name)
{
	if (a->in < 0 || !isatty(a->in))
		return;
	if (a->escape == ATTACH_NO_ESCAPE)
		fprintf(stderr, "Attached to %s; there is no way to detach.\n", name);
	else if (a->escape < 0x20)
		fprintf(stderr, "Attached to %s; ^%c detaches.\n", name, a->escape + '@');
	else
		fprintf(stderr, "Attached to %s; %c detaches.\n", name, a->escape);
}

int end_domain(struct ctx *ctx, const char *name, const struct wire *last)
{
	const char *reason = reason_name(last->head.code);
	int status = reason_status(last->head.code);
	struct print *p = &ctx->print;

	if (last->head.code == DOMUS_REASON_REBOOT)
		reason = "reboot-loop";
	if (p->json) {
		print_object(p, NULL, NULL);
		print_string(p, "name", NULL, name);
		print_number(p, "id", NULL, last->head.id);
		print_string(p, "reason", NULL, reason);
		print_string(p, "reason_text", NULL, last->data);
		print_number(p, "reboots", NULL, last->head.reboots);
		print_number(p, "status", NULL, (uint64_t)status);
		print_object_end(p);
		print_done(p);
		return status;
	}
	fprintf(stderr, "%s: ", name);
	print_safe(stderr, *last->data ? last->data : reason);
	fputc('\n', stderr);
	return status;
}

int end_console(struct ctx *ctx, const char *name, enum attach_result result,
		const struct wire *last, const struct attach *a)
{
	char what[DOMUS_NAME_MAX + 16];

	snprintf(what, sizeof(what), "console %s", name);
	switch (result) {
	case ATTACH_ENDED:
		/* The console's errand is done, however the guest's went. */
		(void)end_domain(ctx, name, last);
		return EXIT_DONE;
	case ATTACH_DETACHED:
		if (isatty(a->in))
			fprintf(stderr, "\nDetached from %s, which runs on.\n", name);
		return EXIT_DONE;
	case ATTACH_TAKEN:
		return error_set(&ctx->error, EXIT_REFUSED, what, "was taken over");
	case ATTACH_SIGNALLED:
		return EXIT_SIGNAL + a->signal;
	case ATTACH_LOST:
		return error_set(&ctx->error, EXIT_HOLDER_DIED, "holder",
				 "of %s is gone, and the domain with it", name);
	default:
		return -1;
	}
}
