/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "geodns/dns/stream.h"

/* Bytes of the text, pieces apart by '|'; "\3abc" is too clever, so lengths are written as <3>. */
static size_t bytes_of(const char *text, size_t len, uint8_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '<') {
			unsigned value = 0;

			for (i++; text[i] != '>'; i++)
				value = value * 10 + (unsigned)(text[i] - '0');
			out[n++] = (uint8_t)value;
		} else {
			out[n++] = (uint8_t)text[i];
		}
	}
	return n;
}

static void receive(struct dns_stream *s, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		size_t room, n;
		uint8_t *to = dns_stream_room(s, &room);

		cr_assert_gt(room, 0);
		n = len < room ? len : room;
		memcpy(to, bytes, n);
		dns_stream_received(s, n);
		bytes += n;
		len -= n;
		if (dns_stream_is_ready(s))
			cr_assert_eq(len, 0, "the rows' pieces fit into what is received at once");
	}
}

/* What comes out, as "abc,de" and then '.' at an end. False at the end. */
static bool take(struct dns_stream *s, char *out)
{
	struct wire_reader message;

	for (;;) {
		bool ready = dns_stream_is_ready(s);

		switch (dns_stream_next(s, &message)) {
		case DNS_STREAM_MORE:
			cr_assert_not(ready);
			return true;
		case DNS_STREAM_MESSAGE:
			cr_assert(ready);
			sprintf(out + strlen(out), "%.*s,", (int)wire_left(&message),
				(const char *)message.pos);
			break;
		case DNS_STREAM_END:
			cr_assert(ready);
			strcat(out, ".");
			return false;
		}
	}
}

Test(stream, pieces)
{
	static const struct {
		const char *name, *pieces, *messages;
	} rows[] = {
		{ "nothing", "", "" },
		{ "one", "<0><3>abc", "abc," },
		{ "two at once", "<0><3>abc<0><2>de", "abc,de," },
		{ "byte by byte", "<0>|<3>|a|b|c|<0>|<1>|d", "abc,d," },
		{ "the length split", "<0><1>a<0>|<2>bc", "a,bc," },
		{ "behind its length", "<0><3>|abc", "abc," },
		{ "the end of one with the next", "<0><3>ab|c<0><3>de|f", "abc,def," },
		{ "cut short", "<0><3>ab", "" },
		{ "only half of a length", "<0><1>a<0>", "a," },
		{ "length 0", "<0><0>", "." },
		{ "length 0, and more", "<0><1>a<0><0><0><1>b", "a,." },
		{ "length 0 in pieces", "<0><1>a<0>|<0>", "a,." },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dns_stream s = { 0 };
		char out[100] = "";
		bool going_on = true;

		for (const char *p = rows[i].pieces; going_on && *p;) {
			size_t len = strcspn(p, "|");
			uint8_t bytes[100];

			receive(&s, bytes, bytes_of(p, len, bytes));
			going_on = take(&s, out);
			p += len + (p[len] == '|');
		}
		cr_expect_str_eq(out, rows[i].messages, "%s: %s", rows[i].name, out);
		dns_stream_fini(&s);
	}
}

Test(stream, the_longest_in_whatever_pieces)
{
	static uint8_t message[DNS_STREAM_MESSAGE_MAX];
	static const size_t steps[] = { 1, 1023, 1024, 1025, 16384, sizeof(message) };

	for (size_t i = 2; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 31 >> 3);
	message[0] = message[1] = 0xff;
	for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
		struct dns_stream s = { 0 };
		struct wire_reader got;
		size_t room, at = 0;

		while (!dns_stream_is_ready(&s)) {
			uint8_t *to = dns_stream_room(&s, &room);
			size_t n = room < steps[k] ? room : steps[k];

			cr_assert_leq(at + n, sizeof(message), "no more than this message");
			cr_assert_leq(s.room, sizeof(message));
			memcpy(to, message + at, n);
			dns_stream_received(&s, n);
			at += n;
		}
		cr_expect_eq(at, sizeof(message));
		cr_assert_eq(dns_stream_next(&s, &got), DNS_STREAM_MESSAGE);
		cr_expect_eq(wire_left(&got), 65535);
		cr_expect_arr_eq(got.pos, message + 2, 65535);
		cr_expect_eq(dns_stream_next(&s, &got), DNS_STREAM_MORE);
		cr_expect_leq(s.room, 1024, "what it has needed is given back");
		dns_stream_fini(&s);
	}
}

Test(stream, what_was_taken_makes_room)
{
	struct dns_stream s = { 0 };
	struct wire_reader message;

	for (unsigned i = 0; i < 10000; i++) {
		static const uint8_t bytes[] = { 0, 5, 'h', 'e', 'l', 'l', 'o', 0, 9 };
		size_t room;

		/* A message, and the beginning of one that is finished in the next round. */
		if (i > 0) {
			receive(&s, (const uint8_t *)"123456789", 9);
			cr_assert_eq(dns_stream_next(&s, &message), DNS_STREAM_MESSAGE);
			cr_assert_eq(wire_left(&message), 9);
		}
		receive(&s, bytes, sizeof(bytes));
		cr_assert_eq(dns_stream_next(&s, &message), DNS_STREAM_MESSAGE);
		cr_assert_arr_eq(message.pos, "hello", 5);
		dns_stream_room(&s, &room);
		cr_assert_leq(s.room, 1024);
	}
	dns_stream_fini(&s);
}

Test(stream, answers_wait_in_their_order)
{
	struct dns_stream s = { 0 };
	const uint8_t *bytes;
	uint8_t answer[300], expected[2 * 302];

	cr_expect_eq(dns_stream_waiting(&s, &bytes), 0);
	for (unsigned round = 0; round < 50; round++) {
		size_t len = 300 - round, taken = 0;

		memset(answer, (int)round, sizeof(answer));
		expected[0] = (uint8_t)(len >> 8);
		expected[1] = (uint8_t)len;
		memset(expected + 2, (int)round, len);
		memcpy(expected + 2 + len, expected, 2 + len);
		dns_stream_put(&s, answer, len);
		cr_assert_eq(dns_stream_waiting(&s, &bytes), 2 + len);
		dns_stream_sent(&s, 1);
		taken++;
		dns_stream_put(&s, answer, len);
		while (taken < 2 * (2 + len)) {
			size_t n = dns_stream_waiting(&s, &bytes);

			cr_assert_eq(n, 2 * (2 + len) - taken);
			n = n < 100 ? n : 100;
			cr_assert_arr_eq(bytes, expected + taken, n);
			dns_stream_sent(&s, n);
			taken += n;
		}
	}
	cr_expect_eq(dns_stream_waiting(&s, &bytes), 0);
	dns_stream_fini(&s);
}

Test(stream, waiting_answers_take_what_they_need)
{
	static uint8_t answer[65535];
	struct dns_stream s = { 0 };
	const uint8_t *bytes;

	dns_stream_put(&s, answer, sizeof(answer));
	dns_stream_sent(&s, 60000);
	dns_stream_put(&s, answer, 50000);
	cr_expect_eq(s.room, DNS_STREAM_MESSAGE_MAX, "what was sent makes room");
	dns_stream_put(&s, answer, sizeof(answer));
	cr_expect_eq(dns_stream_waiting(&s, &bytes), 5537 + 50002 + 65537);
	cr_expect_leq(s.room, 2 * DNS_STREAM_MESSAGE_MAX);
	dns_stream_sent(&s, 5537 + 50002 + 65537);
	cr_expect_eq(s.room, 0);
	dns_stream_fini(&s);
}
