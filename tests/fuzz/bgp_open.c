/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "lb/bgp/open.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bgp_open open, again;
	uint8_t buf[BGP_OPEN_SIZE_MAX];

	memset(&again, 0, sizeof(again));
	if (bgp_open_decode(&open, data, len).code != 0)
		return 0;
	/* Multiprotocol for families that are not ours has no other form to come back as. */
	if (!open.ipv4 && !open.ipv6)
		return 0;
	len = bgp_open_encode(&open, buf, sizeof(buf));
	if (bgp_open_decode(&again, buf, len).code != 0 || memcmp(&open, &again, sizeof(open)) != 0)
		abort();
	return 0;
}
