/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whatever comes whenever: no state that there is not, no interval that was not agreed to, no
 * packet that we ourselves would refuse, and time goes on. Input: a byte of options, then packets,
 * each after a byte of how many 10 ms later and a byte of its length.
 */
#include <stdlib.h>

#include "lb/bfd/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct bfd_session *s, struct instant now)
{
	uint32_t tx = bfd_session_tx_interval(s);
	int64_t wait = s->transmit.ns == INSTANT_NEVER.ns ? 0 : s->transmit.ns - now.ns;

	demand(s->session_state <= BFD_UP && s->local_discr == 1);
	demand(tx >= s->conf.desired_min_tx && tx >= s->remote_min_rx);
	demand(s->session_state == BFD_UP || s->desired_min_tx >= BFD_SLOW_TX_US);
	demand(wait <= (int64_t)tx * NS_PER_US);
	demand(s->session_state != BFD_UP || s->detect.ns != INSTANT_NEVER.ns);
}

static void send(struct bfd_session *s, struct bfd_step step, struct instant now)
{
	uint8_t buf[BFD_PACKET_MAX];
	struct bfd_packet packet;
	size_t len;

	check(s, now);
	if (!step.send)
		return;
	len = bfd_session_packet(s, step.final, buf, sizeof(buf), now);
	if (len == 0)
		return;
	/* Up and Init always know whom they speak to. */
	demand(bfd_packet_decode(&packet, buf, len) == BFD_ACCEPTED);
	demand(!(packet.poll && packet.final) && packet.state == s->session_state);
	check(s, now);
}

static struct instant pass(struct bfd_session *s, struct instant now, struct instant until)
{
	for (int steps = 0; bfd_session_deadline(s).ns <= until.ns; steps++) {
		struct instant next = bfd_session_deadline(s);

		demand(steps < 100000);
		now = next.ns > now.ns ? next : now;
		send(s, bfd_session_tick(s, now), now);
	}
	return until;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t *end = data + len;
	struct bfd_session_conf conf = { .desired_min_tx = 50000,
					 .required_min_rx = 50000,
					 .detect_mult = 3 };
	struct instant now = { NS_PER_S };
	struct bfd_session s;

	if (len == 0)
		return 0;
	conf.passive = *data & 1;
	conf.detect_mult = *data & 2 ? 1 : 3;
	bfd_session_init(&s, &conf, 1, *data++, now);
	while (end - data >= 2) {
		struct instant until = instant_after_ms(now, 10 * data[0]);
		size_t size = data[1] < end - data - 2 ? data[1] : (size_t)(end - data - 2);
		struct bfd_packet packet;
		enum bfd_discard why;

		data += 2;
		now = pass(&s, now, until);
		if (bfd_packet_decode(&packet, data, size) == BFD_ACCEPTED)
			send(&s, bfd_session_receive(&s, &packet, data, size, now, &why), now);
		data += size;
	}
	return 0;
}
