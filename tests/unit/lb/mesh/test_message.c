/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/mesh/message.h"

#include <criterion/criterion.h>
#include <string.h>

static const uint8_t chunk[MESH_CHUNK_SIZE] = { 1, 2, [MESH_CHUNK_SIZE - 1] = 0xff };

/* One of each type, every field another. */
static struct mesh_message sample(enum mesh_type type)
{
	struct mesh_message m = { .boot = 0x0102030405060708, .echo = 9, .seq = 10, .type = type };

	switch (type) {
	case MESH_HELLO:
		m.hello = (struct mesh_hello){ .word = MESH_RESTARTS,
					       .hears = true,
					       .prove = true,
					       .multiplier = 3,
					       .interval_ms = 80,
					       .gue_port = 6080,
					       .restarting_ms = 5000,
					       .load = 250,
					       .epoch = 0xdeadbeef,
					       .challenge = 11,
					       .answer = 12,
					       .sent = 13,
					       .sent_echo = 14,
					       .held_us = 15,
					       .vip_total = 70,
					       .vip_first = 64,
					       .vip_count = 2,
					       .vips = { { 77, MESH_VIP_UP },
							 { 78, MESH_VIP_DEPREFERRED } } };
		break;
	case MESH_NETWORKS:
		m.chunk.index = MESH_CHUNKS - 1;
		m.chunk.bits = chunk;
		break;
	case MESH_ASK:
	case MESH_ANSWER:
	case MESH_GONE:
		m.question.id = type == MESH_GONE ? 0 : 42;
		memset(m.question.flow, 0xab, MESH_FLOW_SIZE);
		if (type == MESH_ANSWER) {
			m.question.yes = true;
			m.question.age_ms = 123456;
			m.question.idle_ms = 77;
		}
		break;
	}
	return m;
}

static const enum mesh_type types[] = { MESH_HELLO, MESH_NETWORKS, MESH_ASK, MESH_ANSWER,
					MESH_GONE };
#define TYPES (sizeof(types) / sizeof(types[0]))

Test(mesh_message, round_trip)
{
	for (size_t i = 0; i < TYPES; i++) {
		const struct mesh_message m = sample(types[i]);
		uint8_t buf[MESH_PLAIN_MAX], again[MESH_PLAIN_MAX];
		size_t len = mesh_message_encode(&m, buf, sizeof(buf));
		struct mesh_message out;

		cr_assert_gt(len, 0);
		cr_assert(mesh_message_decode(&out, buf, len), "type %d", types[i]);
		cr_expect_eq(mesh_message_encode(&out, again, sizeof(again)), len);
		cr_expect_arr_eq(buf, again, len, "type %d", types[i]);
		cr_expect_eq(out.boot, m.boot);
		cr_expect_eq(out.echo, m.echo);
		cr_expect_eq(out.seq, m.seq);
		if (types[i] == MESH_HELLO)
			cr_expect_arr_eq(&out.hello, &m.hello, sizeof(m.hello));
	}
}

Test(mesh_message, every_shorter_buffer_fails)
{
	for (size_t i = 0; i < TYPES; i++) {
		const struct mesh_message m = sample(types[i]);
		uint8_t buf[MESH_PLAIN_MAX];
		size_t len = mesh_message_encode(&m, buf, sizeof(buf));
		struct mesh_message out;

		for (size_t shorter = 0; shorter < len; shorter++) {
			cr_expect_not(mesh_message_decode(&out, buf, shorter),
				      "type %d, %zu of %zu", types[i], shorter, len);
			cr_expect_eq(mesh_message_encode(&m, buf, shorter), 0);
		}
	}
}

/* The layout, which PoPs of other versions rely on. */
Test(mesh_message, an_answer_octet_by_octet)
{
	static const uint8_t head[] = { 1, 2, 3, 4, 5, 6, 7,  8, 0, 0, 0, 0, 0, 0, 0, 9, 0,
					0, 0, 0, 0, 0, 0, 10, 4, 0, 0, 0, 0, 0, 0, 0, 42 };
	static const uint8_t tail[] = { 0xab, 1, 0, 1, 0xe2, 0x40, 0, 0, 0, 77 };
	const struct mesh_message m = sample(MESH_ANSWER);
	uint8_t buf[MESH_PLAIN_MAX];

	cr_assert_eq(mesh_message_encode(&m, buf, sizeof(buf)), 82);
	cr_expect_arr_eq(buf, head, sizeof(head));
	cr_expect_arr_eq(buf + 72, tail, sizeof(tail));
}

/* Nothing here is worth sending to somebody under another's address. */
Test(mesh_message, an_answer_is_no_longer_than_its_question)
{
	const struct mesh_message ask = sample(MESH_ASK), answer = sample(MESH_ANSWER);
	uint8_t buf[MESH_PLAIN_MAX];

	cr_expect_leq(mesh_message_encode(&answer, buf, sizeof(buf)),
		      mesh_message_encode(&ask, buf, sizeof(buf)));
}

static const struct {
	const char *name;
	enum mesh_type type;
	size_t at; /* the octet that is changed */
	uint8_t to;
	bool good;
} changes[] = {
	{ "type 0", MESH_HELLO, 24, 0, false },
	{ "unknown type", MESH_HELLO, 24, 6, false },
	{ "unknown word", MESH_HELLO, 25, 4, false },
	{ "unknown flag is passed over", MESH_HELLO, 26, 0x87, true },
	{ "multiplier 0", MESH_HELLO, 27, 0, false },
	{ "reserved octet is passed over", MESH_HELLO, 28, 0xff, true },
	{ "interval 0", MESH_HELLO, 30, 0, false },
	{ "challenge 0", MESH_HELLO, 52, 0, false },
	{ "more VIPs than follow", MESH_HELLO, 85, 3, false },
	{ "more VIPs than there are", MESH_HELLO, 82, 65, false },
	{ "first beyond the last", MESH_HELLO, 84, 69, false },
	{ "unknown bits of a VIP are passed over", MESH_HELLO, 94, 0xff, true },
	{ "chunk beyond the last", MESH_NETWORKS, 25, MESH_CHUNKS, false },
	{ "verdict 2", MESH_ANSWER, 73, 2, false },
	{ "verdict 0", MESH_ANSWER, 73, 0, true },
	{ "seq 0", MESH_GONE, 23, 0, false },
};

Test(mesh_message, changed_octets)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const struct mesh_message m = sample(changes[i].type);
		uint8_t buf[MESH_PLAIN_MAX];
		size_t len = mesh_message_encode(&m, buf, sizeof(buf));
		struct mesh_message out;

		buf[changes[i].at] = changes[i].to;
		cr_expect_eq(mesh_message_decode(&out, buf, len), changes[i].good, "%s",
			     changes[i].name);
	}
}

Test(mesh_message, no_life_is_none)
{
	struct mesh_message m = sample(MESH_GONE), out;
	uint8_t buf[MESH_PLAIN_MAX];
	size_t len;

	m.boot = 0;
	len = mesh_message_encode(&m, buf, sizeof(buf));
	cr_expect_not(mesh_message_decode(&out, buf, len));
}

Test(mesh_message, what_a_later_version_adds_is_passed_over)
{
	for (size_t i = 0; i < TYPES; i++) {
		const struct mesh_message m = sample(types[i]);
		uint8_t buf[MESH_PLAIN_MAX] = { 0 };
		size_t len = mesh_message_encode(&m, buf, sizeof(buf));
		struct mesh_message out;

		cr_expect(mesh_message_decode(&out, buf, len + 7), "type %d", types[i]);
	}
}

Test(mesh_message, the_biggest_hello_fits)
{
	struct mesh_message m = sample(MESH_HELLO), out;
	uint8_t buf[MESH_PLAIN_MAX];
	size_t len;

	m.hello.vip_total = m.hello.vip_count = MESH_VIPS_A_HELLO;
	m.hello.vip_first = 0;
	len = mesh_message_encode(&m, buf, sizeof(buf));
	cr_expect_gt(len, 0);
	cr_expect(mesh_message_decode(&out, buf, len));
}
