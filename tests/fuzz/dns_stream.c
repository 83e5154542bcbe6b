/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Octets in pieces. The first octet says how the others are cut; whatever it is, the same
 * messages come out as from reading lengths straight on, and put back they are the same octets.
 */
#include <assert.h>

#include "geodns/dns/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
	struct dns_stream in, back;
	const uint8_t *expected; /* of what was sent: what no message has been made of yet */
	bool ended;
};

static void take(struct reading *r)
{
	struct wire_reader message;

	while (!r->ended) {
		bool ready = dns_stream_is_ready(&r->in);
		enum dns_stream_next next = dns_stream_next(&r->in, &message);
		size_t len;

		assert(ready == (next != DNS_STREAM_MORE));
		if (next == DNS_STREAM_MORE)
			return;
		len = (size_t)r->expected[0] << 8 | r->expected[1];
		r->ended = next == DNS_STREAM_END;
		assert(r->ended == (len == 0));
		if (r->ended)
			return;
		assert(wire_left(&message) == len);
		assert(memcmp(message.pos, r->expected + 2, len) == 0);
		dns_stream_put(&r->back, message.pos, len);
		r->expected += 2 + len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading r = { 0 };
	const uint8_t *bytes, *from, *at, *end = data + size;
	size_t step, waiting, room, n;

	if (size < 3)
		return 0;
	step = 1 + data[0] * data[0];
	from = r.expected = at = data + 1;
	while (at < end && !r.ended) {
		uint8_t *to = dns_stream_room(&r.in, &room);

		n = (size_t)(end - at);
		n = n < step ? n : step;
		n = n < room ? n : room;
		assert(n > 0 && r.in.room <= DNS_STREAM_MESSAGE_MAX);
		memcpy(to, at, n);
		dns_stream_received(&r.in, n);
		at += n;
		take(&r);
	}
	waiting = dns_stream_waiting(&r.back, &bytes);
	assert(waiting == (size_t)(r.expected - from));
	assert(waiting == 0 || memcmp(bytes, from, waiting) == 0);
	dns_stream_fini(&r.in);
	dns_stream_fini(&r.back);
	return 0;
}
