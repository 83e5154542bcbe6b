/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nobody without the key is believed. What can be sent arrives as it was; with one bit of it
 * changed it does not, unless that bit is of the payload. Input: which bit, then the packet.
 */
#include <stdlib.h>

#include "lb/flow/gue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void demand_same(const struct gue_packet *got, const uint8_t *inner)
{
	demand(memcmp(got->inner, inner, got->inner_len) == 0);
	demand(got->hop == GUE_HOP && got->inner_len == got->flow.length);
}

/* What is found in a packet that was changed is another flow, or the change is not in the key. */
static void change(const struct gue_path *path, uint8_t *buf, size_t len, size_t bit)
{
	struct gue_packet before, after;

	demand(gue_decode(&before, path, buf, len) == GUE_ACCEPTED);
	buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	if (gue_decode(&after, path, buf, len) != GUE_ACCEPTED)
		return;
	demand(bit / 8 >= GUE_SIZE);
	demand(memcmp(&before.flow.key, &after.flow.key, FLOW_KEY_SIZE) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct gue_path path = { .key = { 0x243f6a8885a308d3, 0x13198a2e03707344 },
				 .epoch = 0xca7c4e57,
				 .epoch_before = 0x0cea0 };
	struct gue_packet got;
	uint8_t *buf;
	size_t bit, sent;

	flow_addr_map(path.source, 1);
	flow_addr_map(path.destination, 2);
	if (gue_decode(&got, &path, data, len) == GUE_ACCEPTED)
		abort();
	if (len < 2)
		return 0;
	bit = (size_t)(data[0] << 8 | data[1]);
	data += 2;
	len -= 2;
	buf = malloc(GUE_SIZE + len);
	sent = gue_encode(&path, data, len, buf, GUE_SIZE + len);
	if (sent > 0) {
		demand(gue_decode(&got, &path, buf, sent) == GUE_ACCEPTED);
		demand_same(&got, data);
		change(&path, buf, sent, bit % (8 * sent));
	}
	free(buf);
	return 0;
}
