/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Network interfaces of domains as they are asked for: by options, by --net
 * OPTION,..., by a section of a configuration file. Pure but for net_seed() and
 * net_resolver().
 */
#ifndef DOMCTL_NIC_H
#define DOMCTL_NIC_H

#include <asm/domus_guest.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "disk.h"
#include "error.h"
#include "opts.h"

#define NIC_QUEUES_MAX	8	/* pairs */
#define NIC_MTU_MIN	68
#define NIC_MTU_MAX	65535
#define NIC_VLAN_MAX	4094
#define NIC_MAC		6	/* bytes */
#define NIC_MAC_TEXT	18

/* What the host's end is connected to */
enum nic_mode {
	NIC_UNSAID,
	NIC_BRIDGE,
	NIC_HOST,	/* a network of its own, routed, with NAT */
	NIC_MANUAL,	/* nothing: that is up to the user */
};

/**
 * struct nic
 * @name: of the device, "": made
 * @bridge: with NIC_BRIDGE
 * @vlan: 0: not said
 * @mac: of the guest's end; by net_derive() unless @has_mac
 * @ifname: of the host's end, "": by net_derive()
 * @mtu, @queues, @queue_size: 0: not said
 * @flags: DOMUS_DEV_FLAG_SPLIT
 */
struct nic {
	enum nic_mode mode;
	char name[DOMUS_DEV_NAME_MAX + 1];
	char bridge[IFNAMSIZ];
	uint32_t vlan;
	bool has_mac;
	uint8_t mac[NIC_MAC];
	char ifname[IFNAMSIZ];
	uint32_t mtu;
	uint32_t queues;
	uint32_t queue_size;
	uint32_t flags;
	struct disk_rates rates;
};

/* Ids of net_opts: out of the way of other tables. */
enum {
	NIC_OPT_BRIDGE = 2000, NIC_OPT_HOST, NIC_OPT_MANUAL, NIC_OPT_VLAN, NIC_OPT_MAC,
	NIC_OPT_NAME, NIC_OPT_IFNAME, NIC_OPT_MTU, NIC_OPT_QUEUES, NIC_OPT_QUEUE_SIZE,
	NIC_OPT_RING,
};

extern const struct opt net_opts[];

/* One option by its id, those of DISK_RATE_OPTS, too. Return: 0, or -1 with EXIT_USAGE. */
int net_option(struct nic *nic, int id, const char *value, struct error *error);

/* What is left to check when all options are read. Return: 0, or -1 with EXIT_USAGE. */
int net_check(const struct nic *nic, struct error *error);

/* Read OPTION[=VALUE],... into a zero @nic, and check it. Return: as net_check(). */
int net_parse(struct nic *nic, const char *text, struct error *error);

/* Is it a name of a device? Return: 0, or -1 with EXIT_USAGE. */
int net_name_check(const char *name, struct error *error);

/* Name what has none: net0, net1 ... @taken: is a name in use? */
void net_name(struct nic *nic, bool (*taken)(void *arg, const char *name), void *arg);

/* XX:XX:XX:XX:XX:XX */
const char *net_mac_text(char text[NIC_MAC_TEXT], const uint8_t mac[NIC_MAC]);

/**
 * net_derive() - make address and name of the host's end where they are not said
 * @domain: its name
 * @seed: of this host, net_seed()
 *
 * The same for the same names on the same host. The address is a local one (d6:...).
 */
void net_derive(struct nic *nic, const char *domain, uint64_t seed);
uint64_t net_seed(void);

/* struct net_prefix - addresses in use, in host byte order; @length: 0 to 32 */
struct net_prefix {
	uint32_t address;
	unsigned int length;
};

/* Where networks of NIC_HOST are taken from, the first one first; nothing ends it. */
extern const struct net_prefix net_ranges[];

#define NET_HOST_BITS 30	/* length of such a network's prefix */

/**
 * net_pick() - find a network for NIC_HOST
 * @used: networks of the host
 * @from: not below it, in the order of net_ranges; 0: from the start
 *
 * Return: its address, or 0: there is none.
 */
uint32_t net_pick(const struct net_prefix *used, size_t nr, uint32_t from);

/* The host's and the guest's address in such a network. */
static inline uint32_t net_host_address(uint32_t network)
{
	return network + 1;
}

static inline uint32_t net_guest_address(uint32_t network)
{
	return network + 2;
}

#define NET_ADDRESS_TEXT 16

const char *net_address_text(char text[NET_ADDRESS_TEXT], uint32_t address);

/* The first server that a resolv.conf has for others than this host, or 0. */
uint32_t net_read_resolver(FILE *file);
uint32_t net_resolver(void);

/**
 * net_cmdline() - the parameter that gives a Linux guest its address
 * @to, @size: filled: "ip=..."
 * @index: of the interface among the domain's
 * @resolver: 0: none
 */
void net_cmdline(char *to, size_t size, uint32_t network, const char *domain,
		 unsigned int index, uint32_t resolver);

/* Does a kernel's command line say addresses itself? */
bool net_cmdline_has_ip(const char *cmdline);

#endif /* DOMCTL_NIC_H */
