/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames of Ethernet: ARP, and ICMP over IPv4. */
#ifndef FRAME_H
#define FRAME_H

#include "nic.h"

#define ETH_IP		0x0800
#define ETH_ARP		0x0806
#define ICMP		1
#define ECHO_REPLY	0
#define ECHO_REQUEST	8

struct ether {
	u8 to[6], from[6];
	u8 type[2];
} __attribute__((packed));

struct arp {
	struct ether eth;
	u8 fixed[6], op[2];
	u8 from_mac[6], from_ip[4], to_mac[6], to_ip[4];
} __attribute__((packed));

struct ip {
	struct ether eth;
	u8 version, tos, bytes[2], id[2], fragment[2], ttl, protocol, sum[2];
	u8 from[4], to[4];
	u8 data[NIC_FRAME - sizeof(struct ether) - 20];
} __attribute__((packed));

/* Numbers of up to 4 bytes, as networks have them. */
u32 get_be(const u8 *from, unsigned int bytes);
void put_be(u8 *to, unsigned int bytes, u32 value);

u16 ip_checksum(const u8 *from, unsigned int bytes);

#endif /* FRAME_H */
