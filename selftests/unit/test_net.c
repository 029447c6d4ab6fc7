// SPDX-License-Identifier: GPL-2.0-only
/* links: userspace/domctl/nic.c userspace/domctl/disk.c userspace/domctl/size.c */
/* links: userspace/domctl/opts.c */
/* links: userspace/domctl/error.c */
/*
 * Network interfaces as domctl is asked for them.
 *
 *   1. reporting
 *   2. --net OPTION=VALUE,... that must work
 *   3. what must be refused, each with its line
 *   4. names and addresses that are made
 *   5. networks of --net host
 *   6. what a guest is told
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nic.h"
#include "report.h"

/* ---- 1. Reporting --------------------------------------------------------- */

/* ---- 2. What works -------------------------------------------------------- */

static void test_parse(void)
{
	static const uint8_t mac[] = { 0xd6, 0, 0xab, 0xcd, 0xef, 1 };
	struct nic n = { .mode = NIC_UNSAID };
	struct error error = { 0 };

	ok(!net_parse(&n, "host", &error) && n.mode == NIC_HOST && !*n.name && !n.has_mac &&
	   !n.mtu && !n.rates.has_bytes, "host");
	n = (struct nic) { .mode = NIC_UNSAID };
	ok(!net_parse(&n, "bridge=br-0.1_x,vlan=4094,mac=D6:00:ab:CD:ef:01,name=lan,ifname=lan0,"
		      "mtu=65535,queues=8,queue-size=1024,ring=split,rate=1M,ops=7,burst=60000",
		      &error) && n.flags == DOMUS_DEV_FLAG_SPLIT &&
	   n.mode == NIC_BRIDGE && !strcmp(n.bridge, "br-0.1_x") && n.vlan == 4094 && n.has_mac &&
	   !memcmp(n.mac, mac, sizeof(mac)) && !strcmp(n.name, "lan") &&
	   !strcmp(n.ifname, "lan0") &&
	   n.mtu == 65535 && n.queues == 8 && n.queue_size == 1024 && n.rates.bytes == 1 << 20 &&
	   n.rates.ops == 7 && n.rates.burst_ms == 60000, "all options");
	n = (struct nic) { .mode = NIC_UNSAID };
	ok(!net_parse(&n, "vlan=1,bridge=123456789012345,bridge=b,mtu=68,queue-size=16,queues=1",
		      &error) && !strcmp(n.bridge, "b") && n.mtu == 68, "the last of two counts");
	n = (struct nic) { .mode = NIC_UNSAID };
	ok(!net_parse(&n, "manual,rate=0", &error) && n.mode == NIC_MANUAL && n.rates.has_bytes,
	   "manual, no limit");
}

/* ---- 3. What is refused --------------------------------------------------- */

#define RULE "must be letters, digits, '.', '_' and '-', a letter or digit first"

static const struct {
	const char *text;
	const char *line;
} wrong[] = {
	{ "", "--net: unknown option ''" },
	{ "host,", "--net: unknown option ''" },
	{ ",host", "--net: unknown option ''" },
	{ "Host", "--net: unknown option 'Host'" },
	{ "br0", "--net: unknown option 'br0'" },
	{ "none,host", "--net: unknown option 'none'" },
	{ "host=yes", "host: takes no value" },
	{ "bridge", "bridge: needs a value: bridge=BRIDGE" },
	{ "bridge=", "bridge: is empty" },
	{ "bridge=a/b", "bridge: 'a/b' " RULE },
	{ "bridge=..", "bridge: '..' " RULE },
	{ "bridge=a%d", "bridge: 'a%d' " RULE },
	{ "bridge=1234567890123456", "bridge: is longer than 15 bytes" },
	{ "bridge=b,host", "net: bridge, host and manual exclude each other" },
	{ "manual,bridge=b", "net: bridge, host and manual exclude each other" },
	{ "vlan=3", "net: one of bridge=BRIDGE, host and manual is needed" },
	{ "name=a", "net: one of bridge=BRIDGE, host and manual is needed" },
	{ "host,vlan=3", "vlan: is for interfaces in a bridge" },
	{ "bridge=b,vlan=0", "vlan: 0 is not in 1 to 4094" },
	{ "bridge=b,vlan=4095", "vlan: 4095 is not in 1 to 4094" },
	{ "bridge=b,vlan=-1", "vlan: '-1' is not a number" },
	{ "bridge=b,vlan=4294967297", "vlan: 4294967297 is not in 1 to 4094" },
	{ "host,mac=", "mac: '' is no MAC address (as d6:00:12:34:56:78)" },
	{ "host,mac=d6:00:12:34:56", "mac: 'd6:00:12:34:56' is no MAC address (as "
				     "d6:00:12:34:56:78)" },
	{ "host,mac=d6:00:12:34:56:7", "mac: 'd6:00:12:34:56:7' is no MAC address (as "
				       "d6:00:12:34:56:78)" },
	{ "host,mac=d6:00:12:34:56:789", "mac: 'd6:00:12:34:56:789' is no MAC address (as "
					 "d6:00:12:34:56:78)" },
	{ "host,mac=d6-00-12-34-56-78", "mac: 'd6-00-12-34-56-78' is no MAC address (as "
					"d6:00:12:34:56:78)" },
	{ "host,mac=d6:00:12:34:56:g8", "mac: 'd6:00:12:34:56:g8' is no MAC address (as "
					"d6:00:12:34:56:78)" },
	{ "host,mac=ff:ff:ff:ff:ff:ff", "mac: ff:ff:ff:ff:ff:ff is not that of one station" },
	{ "host,mac=33:33:00:00:00:01", "mac: 33:33:00:00:00:01 is not that of one station" },
	{ "host,mac=00:00:00:00:00:00", "mac: 00:00:00:00:00:00 is not that of one station" },
	{ "host,name=", "net name: is empty" },
	{ "host,name=-a", "net name: '-a' " RULE },
	{ "host,name=12345678901234567890123456789012", "net name: is longer than 31 bytes" },
	{ "host,ifname=", "ifname: is empty" },
	{ "host,ifname=dom%d", "ifname: 'dom%d' " RULE },
	{ "host,ifname=a b", "ifname: 'a b' " RULE },
	{ "host,ifname=a:b", "ifname: 'a:b' " RULE },
	{ "host,mtu=67", "mtu: 67 is not in 68 to 65535" },
	{ "host,mtu=65536", "mtu: 65536 is not in 68 to 65535" },
	{ "host,queues=0", "queues: 0 is not in 1 to 8" },
	{ "host,queues=9", "queues: 9 is not in 1 to 8" },
	{ "host,queue-size=8", "queue-size: 8 is not in 16 to 1024" },
	{ "host,queue-size=48", "queue-size: 48 is no power of two" },
	{ "host,ring=both", "ring: 'both' is neither split nor packed" },
	{ "host,rate=fast", "rate: 'fast' is not a size (as 512M or 2G)" },
	{ "host,burst=60001", "burst: 60001 is not in 0 to 60000" },
};

static void test_wrong(void)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct nic n = { .mode = NIC_UNSAID };
		struct error error = { 0 };
		char got[2048] = "nothing";

		if (net_parse(&n, wrong[i].text, &error))
			snprintf(got, sizeof(got), "%s: %s", error.what, error.why);
		ok(error.status == EXIT_USAGE && !strcmp(got, wrong[i].line), "refused: %s",
		   wrong[i].line);
		if (strcmp(got, wrong[i].line) != 0)
			printf("# %s\n", got);
	}
}

/* ---- 4. What is made ------------------------------------------------------ */

static bool is_first(void *arg, const char *name)
{
	return !strcmp(name, "net0") || !strcmp(name, (const char *)arg);
}

static struct nic derived(const char *domain, const char *name, uint64_t seed)
{
	struct nic n = { .mode = NIC_HOST };

	snprintf(n.name, sizeof(n.name), "%s", name);
	net_derive(&n, domain, seed);
	return n;
}

static bool same_mac(struct nic a, struct nic b)
{
	return !memcmp(a.mac, b.mac, sizeof(a.mac));
}

/* The last three bytes decide what a bridge or a switch sees of most vendors' addresses. */
static void test_spread(void)
{
	unsigned int twice = 0;
	uint8_t seen[256] = { 0 };

	for (unsigned int i = 0; i < 64; i++) {
		char name[16];

		snprintf(name, sizeof(name), "net%u", i);
		twice += seen[derived("web", name, 1).mac[5]]++ > 3;
	}
	ok(!twice, "the names' ends reach all bytes of the address");
}

static void test_made(void)
{
	const char *long_name = "a-domain-of-a-long-name";
	struct nic n = { .mode = NIC_HOST };
	char text[NIC_MAC_TEXT];
	char other[] = "net1";

	net_name(&n, is_first, other);
	ok(!strcmp(n.name, "net2"), "the first free name");
	n = derived("web", "net0", 1);
	ok(n.mac[0] == 0xd6 && !strcmp(n.ifname, "web-net0"), "%s", net_mac_text(text, n.mac));
	ok(same_mac(n, derived("web", "net0", 1)), "the same for the same names");
	ok(!same_mac(n, derived("web", "net1", 1)) && !same_mac(n, derived("wec", "net0", 1)) &&
	   !same_mac(n, derived("web", "net0", 2)) && !same_mac(derived("we", "bnet0", 1), n),
	   "another one for others, and on another host");
	ok(!strcmp(derived("0123456789", "net0", 1).ifname, "0123456789-net0"), "15 bytes fit");
	n = derived(long_name, "net0", 1);
	ok(strlen(n.ifname) == 15 && !strncmp(n.ifname, "a-domain-", 9) &&
	   strcmp(n.ifname, derived(long_name, "net1", 1).ifname) != 0 &&
	   !strcmp(n.ifname, derived(long_name, "net0", 9).ifname), "longer: %s", n.ifname);
	test_spread();
}

/* ---- 5. Networks ---------------------------------------------------------- */

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static void test_pick(void)
{
	const struct net_prefix usual[] = {
		{ 0, 0 }, { IP(192, 168, 1, 0), 24 }, { IP(127, 0, 0, 0), 8 },
	};
	const struct net_prefix first[] = { { IP(10, 213, 0, 0), 30 }, { IP(10, 213, 0, 6), 32 } };
	const struct net_prefix vpn[] = { { IP(10, 0, 0, 0), 8 } };
	const struct net_prefix most[] = { { IP(10, 0, 0, 0), 8 }, { IP(172, 16, 0, 0), 12 } };
	const struct net_prefix all[] = { { IP(10, 0, 0, 0), 8 }, { IP(172, 16, 0, 0), 12 },
					  { IP(192, 168, 0, 0), 16 } };
	const struct net_prefix half[] = { { IP(10, 213, 0, 0), 17 }, { IP(10, 213, 128, 0), 18 } };

	ok(net_pick(usual, 3, 0) == IP(10, 213, 0, 0), "a default route is in nobody's way");
	ok(net_pick(first, 1, 0) == IP(10, 213, 0, 4), "the next one");
	ok(net_pick(first, 2, 0) == IP(10, 213, 0, 8), "an address in it is enough");
	ok(net_pick(vpn, 1, 0) == IP(172, 29, 0, 0), "a wider route: another range");
	ok(net_pick(most, 2, 0) == IP(192, 168, 213, 0), "the last range");
	ok(!net_pick(all, 3, 0), "none");
	ok(net_pick(half, 2, 0) == IP(10, 213, 192, 0), "behind wide ones");
	ok(net_pick(usual, 3, IP(10, 213, 0, 4)) == IP(10, 213, 0, 4), "from one on");
	ok(net_pick(usual, 3, IP(10, 213, 255, 252)) == IP(10, 213, 255, 252), "the last of a range");
	ok(net_pick(most, 2, IP(192, 168, 213, 252)) == IP(192, 168, 213, 252) &&
	   !net_pick(most, 2, IP(192, 168, 214, 0)), "the last of all");
}

/* ---- 6. The guest --------------------------------------------------------- */

static uint32_t resolver(const char *text)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	uint32_t address = net_read_resolver(file);

	fclose(file);
	return address;
}

static void test_told(void)
{
	char text[256];

	net_cmdline(text, sizeof(text), IP(10, 213, 0, 4), "web", 1, 0);
	ok(!strcmp(text, "ip=10.213.0.6::10.213.0.5:255.255.255.252:web:eth1:off"), "%s", text);
	net_cmdline(text, sizeof(text), IP(10, 213, 0, 0), "web", 0, IP(192, 0, 2, 53));
	ok(!strcmp(text, "ip=10.213.0.2::10.213.0.1:255.255.255.252:web:eth0:off:192.0.2.53"),
	   "%s", text);
	ok(resolver("# x\nnameserver 127.0.0.53\nnameserver ::1\n nameserver 192.0.2.1\n"
		    "nameserver 192.0.2.2\n") == IP(192, 0, 2, 1), "the first that is not the host");
	ok(!resolver("nameserver 300.1.1.1\nnameserver 0.0.0.0\nnameserver\nsearch x\n"), "none");
	ok(net_cmdline_has_ip("ip=dhcp") && net_cmdline_has_ip("a ip=dhcp") &&
	   !net_cmdline_has_ip("skip=1 zip=2") && !net_cmdline_has_ip("") &&
	   net_cmdline_has_ip("skip=1 ip=off"), "who says ip= himself");
}

int main(void)
{
	puts("KTAP version 1");
	test_parse();
	test_wrong();
	test_made();
	test_pick();
	test_told();
	printf("1..%d\n", results);
	return failures != 0;
}
