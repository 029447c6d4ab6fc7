// SPDX-License-Identifier: GPL-2.0-only
/* Frames of Ethernet. */
#include "frame.h"

u32 get_be(const u8 *from, unsigned int bytes)
{
	u32 value = 0;

	while (bytes--)
		value = value << 8 | *from++;
	return value;
}

void put_be(u8 *to, unsigned int bytes, u32 value)
{
	while (bytes--) {
		to[bytes] = value;
		value >>= 8;
	}
}

u16 ip_checksum(const u8 *from, unsigned int bytes)
{
	u32 sum = 0;

	for (; bytes > 1; bytes -= 2, from += 2)
		sum += get_be(from, 2);
	if (bytes)
		sum += *from << 8;
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}
