/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first octet says where from and how far; what is taken is taken again with less behind it. */
#include <stdlib.h>

#include "lb/bgp/nd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct addr from = { .family = ADDR_IPV6 };
	enum bgp_nd_type type;
	int hop_limit;

	if (len == 0)
		return 0;
	if (data[0] & 1)
		from.bytes[0] = 0xfe, from.bytes[1] = 0x80;
	hop_limit = data[0] & 2 ? 64 : 255;
	type = bgp_nd_decode(data + 1, len - 1, hop_limit, &from);
	if (type == BGP_ND_NONE)
		return 0;
	if (hop_limit != 255 || data[1] != type || (type == BGP_ND_ADVERT && !(data[0] & 1)))
		abort();
	if (bgp_nd_decode(data + 1, type == BGP_ND_ADVERT ? 16 : 8, 255, &from) != type)
		abort();
	return 0;
}
