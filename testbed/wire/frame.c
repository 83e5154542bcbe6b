/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/wire/frame.h"

#include <netinet/in.h>

#define ETHERNET_BYTES 14
#define TYPE_IPV4      0x0800
#define TYPE_IPV6      0x86dd
#define IPV4_LEAST     20
#define IPV6_BYTES     40
#define PORT_BGP       179

static unsigned u16_at(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* Where TCP begins, 0 if it is none. */
static size_t tcp_find(const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + ETHERNET_BYTES;
	unsigned type;

	if (len < ETHERNET_BYTES + IPV4_LEAST)
		return 0;
	type = u16_at(frame + 12);
	if (type == TYPE_IPV4 && ip[9] == IPPROTO_TCP && (u16_at(ip + 6) & 0x1fff) == 0)
		return ETHERNET_BYTES + 4 * (size_t)(ip[0] & 0x0f);
	if (type == TYPE_IPV6 && ip[6] == IPPROTO_TCP)
		return ETHERNET_BYTES + IPV6_BYTES;
	return 0;
}

bool frame_is_bgp(const uint8_t *frame, size_t len)
{
	size_t tcp = tcp_find(frame, len);

	return tcp > 0 && len >= tcp + 4 &&
	       (u16_at(frame + tcp) == PORT_BGP || u16_at(frame + tcp + 2) == PORT_BGP);
}
