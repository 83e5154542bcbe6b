/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "testbed/client/heartbeat.h"

static enum client_beat feed(struct client_heartbeat *hb, const char *text, uint64_t *n)
{
	struct protocol_reply reply;

	return client_heartbeat_input(hb, &text, text + strlen(text), n, &reply);
}

Test(client_heartbeat, asks_and_is_answered)
{
	struct client_heartbeat hb;
	char out[PROTOCOL_LINE_MAX];
	size_t len;
	uint64_t n;

	client_heartbeat_init(&hb, 0xabcdef01);
	cr_expect_eq(client_heartbeat_output(&hb, out, sizeof(out)), 0);
	client_heartbeat_add(&hb, 7);
	len = client_heartbeat_output(&hb, out, sizeof(out));
	cr_assert_eq(len, strlen("catchment abcdef01:7\n"));
	cr_expect_eq(memcmp(out, "catchment abcdef01:7\n", len), 0);
	client_heartbeat_written(&hb, len);
	cr_expect_eq(client_heartbeat_output(&hb, out, sizeof(out)), 0);
	cr_expect(client_heartbeat_is_waiting(&hb));
	cr_expect_eq(feed(&hb, "catchment abcdef01:7 fra\n", &n), CLIENT_BEAT_REPLY);
	cr_expect_eq(n, 7);
	cr_expect_not(client_heartbeat_is_waiting(&hb));
	/* Slots in between may be left out while nothing waits. */
	client_heartbeat_add(&hb, 12);
	cr_expect_gt(client_heartbeat_output(&hb, out, sizeof(out)), 0);
}

/* Whatever pieces the socket takes and gives, the bytes are the same. */
Test(client_heartbeat, any_pieces_of_a_stall)
{
	for (size_t piece = 1; piece < 90; piece++) {
		struct client_heartbeat hb;
		struct protocol_reply reply;
		char all[600] = "", out[200], replies[600] = "";
		uint64_t n, expected = 8;
		const char *pos = replies;
		size_t len, used = 0;

		client_heartbeat_init(&hb, 1);
		for (n = 8; n < 13; n++)
			client_heartbeat_add(&hb, n);
		while ((len = client_heartbeat_output(&hb, out, sizeof(out))) > 0) {
			len = len < piece ? len : piece;
			memcpy(all + used, out, len);
			used += len;
			client_heartbeat_written(&hb, len);
		}
		cr_assert_str_eq(all, "catchment 00000001:8\ncatchment 00000001:9\n"
				      "catchment 00000001:10\ncatchment 00000001:11\n"
				      "catchment 00000001:12\n");
		for (n = 8; n < 13; n++)
			sprintf(replies + strlen(replies), "catchment 00000001:%" PRIu64 " lax\n",
				n);
		while (*pos) {
			const size_t left = strlen(pos);
			const char *end = pos + (left < piece ? left : piece);
			enum client_beat beat;

			while ((beat = client_heartbeat_input(&hb, &pos, end, &n, &reply)) !=
			       CLIENT_BEAT_MORE) {
				cr_assert_eq(beat, CLIENT_BEAT_REPLY);
				cr_assert_eq(n, expected++);
				cr_assert_str_eq(reply.pop, "lax");
			}
		}
		cr_expect_eq(expected, 13);
		cr_expect_not(client_heartbeat_is_waiting(&hb));
	}
}

static const struct row {
	const char *what, *line;
} wrong[] = {
	{ "another slot", "catchment 00000001:6 fra\n" },
	{ "another flow", "catchment 00000002:5 fra\n" },
	{ "a request", "catchment 00000001:5\n" },
	{ "no protocol", "HTTP/1.1 400 Bad Request\r\n" },
	{ "slot with a sign", "catchment 00000001:+5 fra\n" },
	{ "slot with a zero", "catchment 00000001:05 fra\n" },
	{ "endless line",
	  "catchment 00000001:5 ffffffffffffffffffffffffffffffffffffffffffffffffffff"
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" },
};

Test(client_heartbeat, wrong_answers)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct client_heartbeat hb;
		uint64_t n;

		client_heartbeat_init(&hb, 1);
		client_heartbeat_add(&hb, 5);
		client_heartbeat_written(&hb, strlen("catchment 00000001:5\n"));
		cr_expect_eq(feed(&hb, wrong[i].line, &n), CLIENT_BEAT_WRONG, "%s", wrong[i].what);
	}
}

Test(client_heartbeat, answer_before_the_question_is_wrong)
{
	struct client_heartbeat hb;
	uint64_t n;

	client_heartbeat_init(&hb, 1);
	client_heartbeat_add(&hb, 5);
	client_heartbeat_written(&hb, 4);
	cr_expect_eq(feed(&hb, "catchment 00000001:5 fra\n", &n), CLIENT_BEAT_WRONG);
}
