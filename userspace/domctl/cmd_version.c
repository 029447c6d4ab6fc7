// SPDX-License-Identifier: GPL-2.0-only
/* cmd_version.c: domctl version: what is here, and do the parts fit together. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "domctl.h"
#include "image.h"
#include "nl.h"

static void print_features(struct print *p, uint64_t features)
{
	print_array(p, "features", NULL);
	for (unsigned int bit = 0; bit < 64; bit++) {
		char unknown[16];

		if (!(features >> bit & 1))
			continue;
		snprintf(unknown, sizeof(unknown), "bit-%u", bit);
		print_string(p, NULL, NULL, image_feature(bit) ? image_feature(bit) : unknown);
	}
	print_array_end(p);
}

static void feature_line(struct print *p, uint64_t features)
{
	char line[512] = "";

	for (unsigned int bit = 0; bit < 64; bit++) {
		size_t used = strlen(line);

		if (features >> bit & 1 && image_feature(bit))
			snprintf(line + used, sizeof(line) - used, "%s%s", used ? " " : "",
				 image_feature(bit));
	}
	/* Text only: JSON has the array. */
	if (!p->json)
		print_string(p, NULL, "Features", line);
}

static void print_module(struct print *p, const struct control_info *info)
{
	char abi[32];

	print_string(p, "module", "Module", info->version);
	print_number(p, "host_abi", "Host ABI", info->abi_host);
	snprintf(abi, sizeof(abi), "%u.%u", info->abi_guest >> 16, info->abi_guest & 0xffff);
	print_string(p, "guest_abi", "Guest ABI", abi);
	print_number(p, "max_vcpus", "Most vCPUs", info->max_vcpus);
	print_number(p, "max_domains", "Most domains", info->max_domains);
	print_features(p, info->features);
	feature_line(p, info->features);
}

static int run(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct error absent = { 0 };
	struct control *control = NULL;
	struct control_info info = { 0 };
	struct error misfit = { 0 };

	(void)command_word(ctx, self, argc, argv, NULL);
	if (ctx->error.status || ctx->help)
		return -1;
	/* Without the module this is a complete answer, not an error. */
	(void)control_open_any(&control, &info, &absent);
	if (control && info.abi_host != DOMUS_HOST_ABI)
		error_set(&misfit, EXIT_REFUSED, "module", "is of host ABI %u, domctl of %u: "
			  "update the older one", info.abi_host, DOMUS_HOST_ABI);
	print_object(&ctx->print, NULL, NULL);
	print_string(&ctx->print, "domctl", "domctl", DOMCTL_VERSION);
	print_number(&ctx->print, "domctl_host_abi", NULL, DOMUS_HOST_ABI);
	print_bool(&ctx->print, "module_loaded", NULL, control);
	if (control)
		print_module(&ctx->print, &info);
	else if (!ctx->print.json)
		print_string(&ctx->print, NULL, "Module", "not loaded");
	/* One JSON text in all cases. */
	if (misfit.status && ctx->print.json)
		print_error_member(&ctx->print, &misfit);
	print_object_end(&ctx->print);
	print_done(&ctx->print);
	control_close(control);
	if (!misfit.status || ctx->print.json)
		return misfit.status;
	ctx->error = misfit;
	return -1;
}

const struct command cmd_version = {
	.name = "version",
	.usage = "",
	.help = "print the versions of domctl, of the module and of their ABIs",
	.run = run,
};
