// SPDX-License-Identifier: GPL-2.0-only
/*
 * nic.c: network interfaces as they are asked for; see nic.h.
 *
 *   1. options
 *   2. OPTION=VALUE,...
 *   3. names, addresses
 *   4. networks of --net host
 *   5. what the guest is told of them
 */
#include <linux/domus.h>
#include <stdlib.h>
#include <string.h>

#include "nic.h"
#include "size.h"

/* ---- 1. Options ----------------------------------------------------------- */

const struct opt net_opts[] = {
	{ "bridge", 0, "BRIDGE", NIC_OPT_BRIDGE },
	{ "host", 0, NULL, NIC_OPT_HOST },
	{ "manual", 0, NULL, NIC_OPT_MANUAL },
	{ "vlan", 0, "N", NIC_OPT_VLAN },
	{ "mac", 0, "MAC", NIC_OPT_MAC },
	{ "name", 0, "NAME", NIC_OPT_NAME },
	{ "ifname", 0, "NAME", NIC_OPT_IFNAME },
	{ "mtu", 0, "N", NIC_OPT_MTU },
	{ "queues", 0, "N", NIC_OPT_QUEUES },
	{ "queue-size", 0, "N", NIC_OPT_QUEUE_SIZE },
	{ "ring", 0, "KIND", NIC_OPT_RING },
	DISK_RATE_OPTS,
	{ NULL, 0, NULL, 0 },
};

static int set_mode(struct nic *nic, enum nic_mode mode, struct error *error)
{
	if (nic->mode != NIC_UNSAID && nic->mode != mode)
		return error_set(error, EXIT_USAGE, "net",
				 "bridge, host and manual exclude each other");
	nic->mode = mode;
	return 0;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* A name that the kernel takes for a network device, and that no shell minds. */
static int set_ifname(char to[IFNAMSIZ], const char *what, const char *value,
		      struct error *error)
{
	if (!*value)
		return error_set(error, EXIT_USAGE, what, "is empty");
	if (strlen(value) >= IFNAMSIZ)
		return error_set(error, EXIT_USAGE, what, "is longer than %d bytes", IFNAMSIZ - 1);
	for (size_t i = 0; value[i]; i++)
		if (!is_alnum(value[i]) && (!i || !strchr("._-", value[i])))
			return error_set(error, EXIT_USAGE, what, "'%s' must be letters, digits, "
					 "'.', '_' and '-', a letter or digit first", value);
	snprintf(to, IFNAMSIZ, "%s", value);
	return 0;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int set_mac(struct nic *nic, const char *value, struct error *error)
{
	static const uint8_t zero[NIC_MAC];
	uint8_t mac[NIC_MAC];
	bool good = strlen(value) == NIC_MAC_TEXT - 1;

	for (size_t i = 0; good && i < NIC_MAC; i++) {
		const char *at = value + 3 * i;

		good = hex(at[0]) >= 0 && hex(at[1]) >= 0 && (at[2] == ':' || !at[2]);
		if (good)
			mac[i] = (uint8_t)(hex(at[0]) << 4 | hex(at[1]));
	}
	if (!good)
		return error_set(error, EXIT_USAGE, "mac",
				 "'%.40s' is no MAC address (as d6:00:12:34:56:78)", value);
	if (mac[0] & 1 || !memcmp(mac, zero, sizeof(mac)))
		return error_set(error, EXIT_USAGE, "mac", "%s is not that of one station", value);
	memcpy(nic->mac, mac, sizeof(mac));
	nic->has_mac = true;
	return 0;
}

static int set_number(uint32_t *to, const char *what, const char *value, uint64_t min,
		      uint64_t max, struct error *error)
{
	uint64_t number = 0;

	if (number_parse(value, what, min, max, &number, error))
		return -1;
	*to = (uint32_t)number;
	return 0;
}

static int set_queue_size(struct nic *nic, const char *value, struct error *error)
{
	if (set_number(&nic->queue_size, "queue-size", value, 16, 1024, error))
		return -1;
	if (nic->queue_size & (nic->queue_size - 1))
		return error_set(error, EXIT_USAGE, "queue-size", "%s is no power of two", value);
	return 0;
}

int net_option(struct nic *nic, int id, const char *value, struct error *error)
{
	switch (id) {
	case NIC_OPT_BRIDGE:
		return set_mode(nic, NIC_BRIDGE, error) ? -1 :
		       set_ifname(nic->bridge, "bridge", value, error);
	case NIC_OPT_HOST:
		return set_mode(nic, NIC_HOST, error);
	case NIC_OPT_MANUAL:
		return set_mode(nic, NIC_MANUAL, error);
	case NIC_OPT_VLAN:
		return set_number(&nic->vlan, "vlan", value, 1, NIC_VLAN_MAX, error);
	case NIC_OPT_MAC:
		return set_mac(nic, value, error);
	case NIC_OPT_NAME:
		if (net_name_check(value, error))
			return -1;
		snprintf(nic->name, sizeof(nic->name), "%s", value);
		return 0;
	case NIC_OPT_IFNAME:
		return set_ifname(nic->ifname, "ifname", value, error);
	case NIC_OPT_MTU:
		return set_number(&nic->mtu, "mtu", value, NIC_MTU_MIN, NIC_MTU_MAX, error);
	case NIC_OPT_QUEUES:
		return set_number(&nic->queues, "queues", value, 1, NIC_QUEUES_MAX, error);
	case NIC_OPT_QUEUE_SIZE:
		return set_queue_size(nic, value, error);
	case NIC_OPT_RING:
		return disk_ring_option(&nic->flags, value, error);
	default:
		return disk_rate_option(&nic->rates, id, value, error);
	}
}

int net_check(const struct nic *nic, struct error *error)
{
	if (nic->mode == NIC_UNSAID)
		return error_set(error, EXIT_USAGE, "net", "one of bridge=BRIDGE, host and manual "
				 "is needed");
	if (nic->vlan && nic->mode != NIC_BRIDGE)
		return error_set(error, EXIT_USAGE, "vlan", "is for interfaces in a bridge");
	return 0;
}

/* ---- 2. OPTION=VALUE,... -------------------------------------------------- */

static int parse_option(struct nic *nic, char *text, struct error *error)
{
	const char *value;
	int id = opts_pair(net_opts, text, &value, error);

	if (id == OPTS_ERROR)
		return -1;
	if (id != OPTS_END)
		return net_option(nic, id, value, error);
	return error_set(error, EXIT_USAGE, "--net", "unknown option '%.40s'", text);
}

int net_parse(struct nic *nic, const char *text, struct error *error)
{
	char *buf = strdup(text);
	char *rest = buf;
	int result = 0;

	if (!buf)
		return error_set(error, EXIT_REFUSED, "--net", "no memory");
	while (rest && !result)
		result = parse_option(nic, strsep(&rest, ","), error);
	free(buf);
	return result ? -1 : net_check(nic, error);
}

/* ---- 3. Names, addresses -------------------------------------------------- */

int net_name_check(const char *name, struct error *error)
{
	struct error cause = { 0 };

	/* The rule is that of all devices. */
	if (!disk_name_check(name, &cause))
		return 0;
	return error_set(error, cause.status, "net name", "%s", cause.why);
}

void net_name(struct nic *nic, bool (*taken)(void *arg, const char *name), void *arg)
{
	unsigned int i = 0;

	/* Ends: there are fewer devices than numbers. */
	do
		snprintf(nic->name, sizeof(nic->name), "net%u", i++);
	while (taken(arg, nic->name));
}

const char *net_mac_text(char text[NIC_MAC_TEXT], const uint8_t mac[NIC_MAC])
{
	snprintf(text, NIC_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return text;
}

/* FNV-1a, with the end of the text, so that "a", "bc" is not "ab", "c". */
static uint64_t mix(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
	while (*text++);
	return hash;
}

/* The last characters change the lowest and the highest bits only: spread them. */
static uint64_t spread(uint64_t hash)
{
	hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdULL;
	return hash ^ hash >> 33;
}

uint64_t net_seed(void)
{
	FILE *file = fopen("/etc/machine-id", "re");
	uint64_t seed = 0xcbf29ce484222325ULL;
	char id[64] = "";

	if (file && fgets(id, sizeof(id), file))
		seed = mix(seed, id);
	if (file)
		fclose(file);
	return seed;
}

void net_derive(struct nic *nic, const char *domain, uint64_t seed)
{
	uint64_t hash = spread(mix(mix(seed, domain), nic->name));
	char whole[DOMUS_NAME_MAX + 1 + DOMUS_DEV_NAME_MAX + 1];
	int length;

	if (!nic->has_mac) {
		nic->mac[0] = 0xd6;
		for (size_t i = 1; i < NIC_MAC; i++)
			nic->mac[i] = (uint8_t)(hash >> 8 * (i - 1));
	}
	if (*nic->ifname)
		return;
	length = snprintf(whole, sizeof(whole), "%s-%s", domain, nic->name);
	if (length < IFNAMSIZ)
		memcpy(nic->ifname, whole, (size_t)length + 1);
	else
		snprintf(nic->ifname, sizeof(nic->ifname), "%.8s-%06x", domain,
			 (unsigned int)(spread(mix(mix(0, domain), nic->name)) & 0xffffff));
}

/* ---- 4. Networks of --net host -------------------------------------------- */

#define PREFIX(a, b, c, d, length) { (uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d), length }

const struct net_prefix net_ranges[] = {
	PREFIX(10, 213, 0, 0, 16),
	PREFIX(172, 29, 0, 0, 16),
	PREFIX(192, 168, 213, 0, 24),
	{ 0, 0 },
};

static uint32_t mask(unsigned int length)
{
	return length ? ~0U << (32 - length) : 0;
}

/* A default route goes everywhere, and is in nobody's way. */
static bool overlaps(const struct net_prefix *used, uint32_t network)
{
	uint32_t common = mask(used->length < NET_HOST_BITS ? used->length : NET_HOST_BITS);

	return used->length && !((used->address ^ network) & common);
}

static bool is_free(const struct net_prefix *used, size_t nr, uint32_t network)
{
	for (size_t i = 0; i < nr; i++)
		if (overlaps(&used[i], network))
			return false;
	return true;
}

uint32_t net_pick(const struct net_prefix *used, size_t nr, uint32_t from)
{
	const uint32_t step = 1U << (32 - NET_HOST_BITS);

	for (const struct net_prefix *range = net_ranges; range->length; range++) {
		uint32_t network = range->address;

		if (from) {
			if ((from ^ range->address) & mask(range->length))
				continue;
			network = from;
			from = 0;
		}
		for (; !((network ^ range->address) & mask(range->length)); network += step)
			if (is_free(used, nr, network))
				return network;
	}
	return 0;
}

const char *net_address_text(char text[NET_ADDRESS_TEXT], uint32_t address)
{
	snprintf(text, NET_ADDRESS_TEXT, "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
		 address >> 8 & 255, address & 255);
	return text;
}

/* ---- 5. What the guest is told -------------------------------------------- */

uint32_t net_read_resolver(FILE *file)
{
	unsigned int a, b, c, d;
	char line[256];

	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " nameserver %3u.%3u.%3u.%3u", &a, &b, &c, &d) != 4 ||
		    a > 255 || b > 255 || c > 255 || d > 255)
			continue;
		/* One on the host itself answers nobody else. */
		if (a && a != 127)
			return a << 24 | b << 16 | c << 8 | d;
	}
	return 0;
}

uint32_t net_resolver(void)
{
	static const char *const files[] = {
		"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf",
	};
	uint32_t address = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files) && !address; i++) {
		FILE *file = fopen(files[i], "re");

		if (!file)
			continue;
		address = net_read_resolver(file);
		fclose(file);
	}
	return address;
}

void net_cmdline(char *to, size_t size, uint32_t network, const char *domain,
		 unsigned int index, uint32_t resolver)
{
	char guest[NET_ADDRESS_TEXT];
	char host[NET_ADDRESS_TEXT];
	char dns[NET_ADDRESS_TEXT] = "";

	if (resolver)
		net_address_text(dns, resolver);
	/* client:server:gateway:netmask:hostname:device:autoconf:dns */
	snprintf(to, size, "ip=%s::%s:255.255.255.252:%s:eth%u:off%s%s",
		 net_address_text(guest, net_guest_address(network)),
		 net_address_text(host, net_host_address(network)), domain, index,
		 *dns ? ":" : "", dns);
}

bool net_cmdline_has_ip(const char *cmdline)
{
	const char *at = cmdline;

	while ((at = strstr(at, "ip="))) {
		if (at == cmdline || at[-1] == ' ')
			return true;
		at++;
	}
	return false;
}
