// SPDX-License-Identifier: GPL-2.0-only
/* netnat.c: NAT for networks of --net host; see netnat.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netnat.h"
#include "print.h"

#define TABLE	"domus_nic"
#define FORWARD	"/proc/sys/net/ipv4/ip_forward"

/* libnftables has words of its own for the lack of it, on stderr. */
static bool may(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return !syscall(SYS_capget, &head, data) &&
	       data[CAP_TO_INDEX(CAP_NET_ADMIN)].effective & CAP_TO_MASK(CAP_NET_ADMIN);
}

/* Runs commands. Return: what they print, for free(), or NULL with the first line of why. */
static char *run(const char *commands, char *why, size_t size)
{
	struct nft_ctx *nft;
	char *output = NULL;

	snprintf(why, size, "it needs CAP_NET_ADMIN");
	if (!may())
		return NULL;
	nft = nft_ctx_new(NFT_CTX_DEFAULT);
	snprintf(why, size, "no memory");
	if (!nft)
		return NULL;
	if (!nft_ctx_buffer_output(nft) && !nft_ctx_buffer_error(nft)) {
		if (!nft_run_cmd_from_buffer(nft, commands)) {
			output = strdup(nft_ctx_get_output_buffer(nft));
		} else {
			const char *text = nft_ctx_get_error_buffer(nft);
			const char *error = strstr(text, "Error: ");

			text = error ? error + strlen("Error: ") : text;
			snprintf(why, size, "%.*s", (int)strcspn(text, "\n"), text);
		}
	}
	nft_ctx_free(nft);
	return output;
}

static int forward(const char *what, struct error *error)
{
	int fd = open(FORWARD, O_RDWR | O_CLOEXEC);
	char now = '0';
	int result = 0;

	if (fd < 0 || read(fd, &now, 1) != 1 ||
	    (now == '0' && pwrite(fd, "1", 1, 0) != 1))
		result = error_set(error, EXIT_REFUSED, what, "cannot switch on net.ipv4.ip_forward, "
				   "which --net host needs: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return result;
}

int netnat_add(const struct nic *nic, uint32_t ifindex, uint32_t network, const char *domain,
	       struct error *error)
{
	char what[DOMUS_DEV_NAME_MAX + 16];
	char guest[NET_ADDRESS_TEXT];
	char base[NET_ADDRESS_TEXT];
	char commands[2048];
	char range[32] = "";
	char why[256];
	char *output;

	snprintf(what, sizeof(what), "net %.*s", DOMUS_DEV_NAME_MAX, nic->name);
	net_address_text(base, network);
	net_address_text(guest, net_guest_address(network));
	for (const struct net_prefix *r = net_ranges; r->length; r++) {
		char text[NET_ADDRESS_TEXT];

		if (!((network ^ r->address) >> (32 - r->length)))
			snprintf(range, sizeof(range), "%s/%u", net_address_text(text, r->address),
				 r->length);
	}
	/*
	 * Who speaks for the guest is the guest, by IPv4 alone: by IPv6 it could become the
	 * host's router. Who speaks to it first is the host, or another guest: the host
	 * forwards now, and its neighbours may know. By the number of the device, which no
	 * other one gets; its name may be another's when the holder was killed.
	 */
	snprintf(commands, sizeof(commands),
		 "table inet " TABLE "%" PRIu32 " {\n"
		 " comment \"domus: %s of %s\"\n"
		 " chain postrouting {\n"
		 "  type nat hook postrouting priority srcnat; policy accept;\n"
		 "  ip saddr %s/%d ip daddr != %s masquerade\n"
		 " }\n"
		 " chain prerouting {\n"
		 "  type filter hook prerouting priority raw; policy accept;\n"
		 "  iif \"%s\" meta nfproto ipv6 drop\n"
		 "  iif \"%s\" ip saddr != %s drop\n"
		 " }\n"
		 " chain forward {\n"
		 "  type filter hook forward priority filter; policy accept;\n"
		 "  oif \"%s\" ct state new ip saddr != %s drop\n"
		 " }\n"
		 "}\n", ifindex, nic->name, domain, base, NET_HOST_BITS, range, nic->ifname,
		 nic->ifname, guest, nic->ifname, range);
	output = run(commands, why, sizeof(why));
	if (!output)
		return error_set(error, EXIT_REFUSED, what, "NAT: nftables: %s", why);
	free(output);
	if (!forward(what, error))
		return 0;
	snprintf(commands, sizeof(commands), "delete table inet " TABLE "%" PRIu32, ifindex);
	free(run(commands, why, sizeof(why)));
	return -1;
}

void netnat_sweep(void)
{
	char why[256];
	char *tables = run("list tables inet", why, sizeof(why));
	char *rest = tables;
	char *line;

	while (rest && (line = strsep(&rest, "\n"))) {
		char name[IFNAMSIZ];
		char command[64];
		uint32_t ifindex;

		/* The table was there before we look for the device, and the device before it. */
		if (sscanf(line, "table inet " TABLE "%" SCNu32, &ifindex) != 1 ||
		    if_indextoname(ifindex, name) || errno != ENXIO)
			continue;
		snprintf(command, sizeof(command), "delete table inet " TABLE "%" PRIu32, ifindex);
		free(run(command, why, sizeof(why)));
	}
	free(tables);
}

/* The first chain of @chains, as nft lists them, whose policy drops what is forwarded. */
static bool find_dropping(char *chains, char *text, size_t size)
{
	char family[16] = "", table[128] = "", chain[128] = "";
	char *line;

	while ((line = strsep(&chains, "\n"))) {
		if (sscanf(line, "table %15s %127s", family, table) == 2 ||
		    sscanf(line, " chain %127s", chain) == 1)
			continue;
		/* other families have forwarding of their own */
		if ((!strcmp(family, "ip") || !strcmp(family, "inet")) &&
		    strstr(line, " hook forward ") && strstr(line, "policy drop")) {
			snprintf(text, size, "chain %s of table %s %s", chain, family, table);
			return true;
		}
	}
	return false;
}

void netnat_warn(void)
{
	char why[256];
	char *chains = run("list chains", why, sizeof(why));
	char chain[320];

	if (chains && find_dropping(chains, chain, sizeof(chain)))
		print_warning("net host", "%s drops what it does not accept: it must let this "
			      "network pass (see domctl-net(8))", chain);
	free(chains);
}
