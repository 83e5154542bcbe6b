/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>

#include "testbed/client/heartbeat.h"

/* Replies count up from the first slot, whatever the bytes, until one is wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *pos = (const char *)data, *end = pos + len;
	struct client_heartbeat hb;
	struct protocol_reply reply;
	enum client_beat beat;
	uint64_t n, expected = 5;
	char out[PROTOCOL_LINE_MAX];

	client_heartbeat_init(&hb, 1);
	for (n = 5; n < 9; n++)
		client_heartbeat_add(&hb, n);
	while ((len = client_heartbeat_output(&hb, out, sizeof(out))) > 0)
		client_heartbeat_written(&hb, len);
	while ((beat = client_heartbeat_input(&hb, &pos, end, &n, &reply)) == CLIENT_BEAT_REPLY) {
		if (n != expected++ || n > 8)
			abort();
	}
	if (beat == CLIENT_BEAT_MORE && pos != end)
		abort();
	return 0;
}
