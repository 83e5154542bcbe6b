/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <nettle/sha1.h>
#include <string.h>

#include "lb/bfd/auth.h"

static const struct bfd_packet hello = { .state = BFD_DOWN,
					 .detect_mult = 3,
					 .my_discriminator = 1,
					 .desired_min_tx = 1000000,
					 .required_min_rx = 50000 };

static struct bfd_auth ours(enum bfd_auth_type type, const char *key, uint32_t sequence)
{
	struct bfd_auth_conf conf = { .type = type, .key_id = 7 };
	struct bfd_auth auth;

	memcpy(conf.key, key, strlen(key));
	bfd_auth_init(&auth, &conf, sequence);
	return auth;
}

/* What the receiver says to a packet that has this sequence number. */
static enum bfd_discard check_number(struct bfd_auth *receiver, uint32_t number)
{
	struct bfd_auth sender = { .conf = receiver->conf, .transmitted = number - 1 };
	uint8_t buf[BFD_PACKET_MAX];
	struct bfd_packet packet;
	size_t len = bfd_auth_encode(&sender, &hello, buf, sizeof(buf));

	cr_assert_eq(bfd_packet_decode(&packet, buf, len), BFD_ACCEPTED);
	cr_assert_eq(packet.auth.sequence, number);
	return bfd_auth_check(receiver, &packet, buf, len);
}

/* Computed by the letter of 6.7.4: the key, filled up with zeros, where the hash will be. */
Test(bfd_auth, hash_is_sha1_of_the_packet_with_the_key_in_it)
{
	struct bfd_auth auth = ours(BFD_AUTH_KEYED_SHA1, "secret", 41);
	uint8_t buf[BFD_PACKET_MAX], copy[BFD_PACKET_MAX], hash[20];
	struct sha1_ctx sha1;

	cr_assert_eq(bfd_auth_encode(&auth, &hello, buf, sizeof(buf)), 52);
	cr_expect_eq(buf[1] & 4, 4);
	cr_expect_eq(memcmp(buf + 24, "\4\x1c\7\0\0\0\0\x2a", 8), 0);
	memcpy(copy, buf, 32);
	memset(copy + 32, 0, 20);
	memcpy(copy + 32, "secret", 6);
	sha1_init(&sha1);
	sha1_update(&sha1, sizeof(copy), copy);
	sha1_digest(&sha1, sizeof(hash), hash);
	cr_expect_eq(memcmp(hash, buf + 32, 20), 0);
	cr_expect_eq(bfd_auth_encode(&auth, &hello, buf, 51), 0, "does not fit");
}

Test(bfd_auth, every_damaged_bit_is_seen)
{
	struct bfd_auth sender = ours(BFD_AUTH_METICULOUS_SHA1, "secret", 0);
	uint8_t buf[BFD_PACKET_MAX];
	size_t len = bfd_auth_encode(&sender, &hello, buf, sizeof(buf));

	for (size_t bit = 0; bit < 8 * len; bit++) {
		struct bfd_auth receiver = ours(BFD_AUTH_METICULOUS_SHA1, "secret", 0);
		struct bfd_packet packet;

		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (bfd_packet_decode(&packet, buf, len) == BFD_ACCEPTED) {
			cr_expect_neq(bfd_auth_check(&receiver, &packet, buf, len), BFD_ACCEPTED,
				      "bit %zu", bit);
			cr_expect(!receiver.is_known, "bit %zu moved the window", bit);
		}
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

Test(bfd_auth, sections_that_are_not_ours)
{
	struct bfd_auth none = ours(BFD_AUTH_NONE, "", 0);
	struct bfd_auth keyed = ours(BFD_AUTH_KEYED_SHA1, "secret", 0);
	struct bfd_auth meticulous = ours(BFD_AUTH_METICULOUS_SHA1, "secret", 0);
	struct bfd_auth other_key = ours(BFD_AUTH_KEYED_SHA1, "secreT", 0);
	struct bfd_auth other_id = keyed;
	const struct {
		const char *name;
		struct bfd_auth *sender, *receiver;
		enum bfd_discard want;
	} rows[] = {
		{ "the same", &keyed, &keyed, BFD_ACCEPTED },
		{ "no key on either side", &none, &none, BFD_ACCEPTED },
		{ "we have no key", &keyed, &none, BFD_AUTH_UNEXPECTED },
		{ "the peer has no key", &none, &keyed, BFD_AUTH_MISSING },
		{ "another type", &meticulous, &keyed, BFD_AUTH_WRONG_TYPE },
		{ "another key", &other_key, &keyed, BFD_AUTH_WRONG_HASH },
		{ "another Key ID", &other_id, &keyed, BFD_AUTH_WRONG_TYPE },
	};

	other_id.conf.key_id = 8;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t buf[BFD_PACKET_MAX];
		size_t len = bfd_auth_encode(rows[i].sender, &hello, buf, sizeof(buf));
		struct bfd_auth receiver = *rows[i].receiver;
		struct bfd_packet packet;

		receiver.is_known = false;
		cr_assert_eq(bfd_packet_decode(&packet, buf, len), BFD_ACCEPTED);
		cr_expect_eq(bfd_auth_check(&receiver, &packet, buf, len), rows[i].want, "%s",
			     rows[i].name);
	}
}

/* A section whose length is not that of its type, as found by a fuzzer of other people. */
Test(bfd_auth, cut_off_section_is_refused)
{
	struct bfd_auth auth = ours(BFD_AUTH_KEYED_SHA1, "secret", 0);
	uint8_t buf[BFD_PACKET_MAX];
	struct bfd_packet packet;

	bfd_auth_encode(&auth, &hello, buf, sizeof(buf));
	for (uint8_t length = 26; length < BFD_PACKET_MAX; length++) {
		buf[3] = length;
		cr_assert_eq(bfd_packet_decode(&packet, buf, length), BFD_ACCEPTED);
		cr_expect_eq(bfd_auth_check(&auth, &packet, buf, length), BFD_AUTH_WRONG_TYPE);
		cr_expect_eq(bfd_auth_check(&auth, &packet, buf, sizeof(buf)), BFD_AUTH_WRONG_TYPE);
	}
}

Test(bfd_auth, sequence_window)
{
	static const struct {
		const char *name;
		uint32_t last, next;
		bool keyed, meticulous;
	} rows[] = {
		{ "the same again", 100, 100, true, false },
		{ "the next", 100, 101, true, true },
		{ "3 * Detect Mult ahead", 100, 109, true, true },
		{ "one more", 100, 110, false, false },
		{ "one back", 100, 99, false, false },
		{ "over the end", UINT32_MAX, 0, true, true },
		{ "over the end, at the edge", UINT32_MAX - 3, 5, true, true },
		{ "over the end, too far", UINT32_MAX - 3, 6, false, false },
		{ "half round", 100, 0x80000064, false, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bfd_auth keyed = ours(BFD_AUTH_KEYED_SHA1, "k", 0);
		struct bfd_auth meticulous = ours(BFD_AUTH_METICULOUS_SHA1, "k", 0);

		cr_assert_eq(check_number(&keyed, rows[i].last), BFD_ACCEPTED, "any at first");
		cr_assert_eq(check_number(&meticulous, rows[i].last), BFD_ACCEPTED);
		cr_expect_eq(check_number(&keyed, rows[i].next),
			     rows[i].keyed ? BFD_ACCEPTED : BFD_AUTH_OLD_SEQUENCE, "%s",
			     rows[i].name);
		cr_expect_eq(check_number(&meticulous, rows[i].next),
			     rows[i].meticulous ? BFD_ACCEPTED : BFD_AUTH_OLD_SEQUENCE, "%s",
			     rows[i].name);
		bfd_auth_forget(&meticulous);
		cr_expect_eq(check_number(&meticulous, 5000), BFD_ACCEPTED, "forgotten");
	}
}

Test(bfd_auth, number_advances_with_news_or_with_every_packet)
{
	struct bfd_auth keyed = ours(BFD_AUTH_KEYED_SHA1, "k", 10);
	struct bfd_auth meticulous = ours(BFD_AUTH_METICULOUS_SHA1, "k", UINT32_MAX);
	struct bfd_packet packet = hello;
	uint8_t buf[BFD_PACKET_MAX];

	bfd_auth_encode(&keyed, &packet, buf, sizeof(buf));
	cr_expect_eq(keyed.transmitted, 11);
	packet.poll = true;
	bfd_auth_encode(&keyed, &packet, buf, sizeof(buf));
	cr_expect_eq(keyed.transmitted, 11, "a poll is no news");
	packet.state = BFD_UP;
	bfd_auth_encode(&keyed, &packet, buf, sizeof(buf));
	cr_expect_eq(keyed.transmitted, 12);
	bfd_auth_encode(&meticulous, &packet, buf, sizeof(buf));
	cr_expect_eq(meticulous.transmitted, 0);
	bfd_auth_encode(&meticulous, &packet, buf, sizeof(buf));
	cr_expect_eq(meticulous.transmitted, 1);
}
