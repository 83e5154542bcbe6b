/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/mesh/seal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t salt[MESH_SALT_SIZE] = "sixteen octets!";
static const char words[] = "catchment";

struct pair {
	uint8_t a[MESH_KEY_SIZE], b[MESH_KEY_SIZE]; /* secret */
	struct mesh_keys at_a, at_b;		    /* that they share */
};

static void make_pair(struct pair *pair)
{
	uint8_t key[MESH_KEY_SIZE];

	cr_assert(mesh_seal_init());
	mesh_random(pair->a, MESH_KEY_SIZE);
	mesh_random(pair->b, MESH_KEY_SIZE);
	mesh_key_public(key, pair->b);
	cr_assert(mesh_keys_derive(&pair->at_a, pair->a, key));
	mesh_key_public(key, pair->a);
	cr_assert(mesh_keys_derive(&pair->at_b, pair->b, key));
}

Test(mesh_seal, what_one_seals_the_other_opens)
{
	uint8_t datagram[MESH_DATAGRAM_MAX], plain[MESH_PLAIN_MAX];
	struct pair pair;
	size_t len, plain_len;

	make_pair(&pair);
	len = mesh_seal(datagram, (const uint8_t *)words, sizeof(words), &pair.at_a, salt, 1);
	cr_assert_eq(len, sizeof(words) + MESH_SEAL_SIZE);
	cr_assert_eq(mesh_seal_open(plain, &plain_len, datagram, len, &pair.at_b), MESH_OPENED);
	cr_assert_eq(plain_len, sizeof(words));
	cr_expect_str_eq((const char *)plain, words);
}

Test(mesh_seal, keys_of_a_pair_meet_and_differ_by_direction_and_purpose)
{
	struct pair pair;

	make_pair(&pair);
	cr_expect_arr_eq(pair.at_a.send, pair.at_b.receive, MESH_KEY_SIZE);
	cr_expect_arr_eq(pair.at_a.receive, pair.at_b.send, MESH_KEY_SIZE);
	cr_expect_arr_eq(pair.at_a.gue_send, pair.at_b.gue_receive, MESH_GUE_KEY_SIZE);
	cr_expect_arr_eq(pair.at_a.gue_receive, pair.at_b.gue_send, MESH_GUE_KEY_SIZE);
	cr_expect_arr_neq(pair.at_a.send, pair.at_a.receive, MESH_KEY_SIZE);
	cr_expect_arr_neq(pair.at_a.gue_send, pair.at_a.gue_receive, MESH_GUE_KEY_SIZE);
	cr_expect_arr_neq(pair.at_a.send, pair.at_a.gue_send, MESH_GUE_KEY_SIZE);
}

Test(mesh_seal, every_changed_bit_is_seen)
{
	uint8_t datagram[MESH_DATAGRAM_MAX], plain[MESH_PLAIN_MAX];
	struct pair pair;
	size_t len, plain_len;

	make_pair(&pair);
	len = mesh_seal(datagram, (const uint8_t *)words, sizeof(words), &pair.at_a, salt, 1);
	for (size_t bit = 0; bit < len * 8; bit++) {
		enum mesh_opened expected = bit < 32 ? MESH_MALFORMED : MESH_FORGED;

		datagram[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_expect_eq(mesh_seal_open(plain, &plain_len, datagram, len, &pair.at_b), expected,
			     "bit %zu", bit);
		datagram[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

Test(mesh_seal, every_other_length_is_seen)
{
	uint8_t datagram[MESH_DATAGRAM_MAX + 1] = { 0 }, plain[MESH_PLAIN_MAX];
	struct pair pair;
	size_t len, plain_len;

	make_pair(&pair);
	len = mesh_seal(datagram, (const uint8_t *)words, sizeof(words), &pair.at_a, salt, 1);
	for (size_t other = 0; other <= sizeof(datagram); other++)
		if (other != len)
			cr_expect_neq(
				mesh_seal_open(plain, &plain_len, datagram, other, &pair.at_b),
				MESH_OPENED, "%zu of %zu", other, len);
}

/* Who else has it: its sender, another PoP, one that knows only what is public. */
Test(mesh_seal, nobody_else_can_open_it)
{
	uint8_t datagram[MESH_DATAGRAM_MAX], plain[MESH_PLAIN_MAX];
	struct mesh_keys keys;
	struct pair pair, others;
	size_t len, plain_len;
	uint8_t key[MESH_KEY_SIZE];

	make_pair(&pair);
	make_pair(&others);
	len = mesh_seal(datagram, (const uint8_t *)words, sizeof(words), &pair.at_a, salt, 1);
	cr_expect_eq(mesh_seal_open(plain, &plain_len, datagram, len, &pair.at_a), MESH_FORGED,
		     "sent back to its sender");
	/* As c, who expects a's messages: the hint is right, the key is not. */
	mesh_key_public(key, pair.a);
	cr_assert(mesh_keys_derive(&keys, others.a, key));
	cr_expect_eq(mesh_seal_open(plain, &plain_len, datagram, len, &keys), MESH_FORGED);
	cr_expect_eq(mesh_seal_open(plain, &plain_len, datagram, len, &others.at_a), MESH_FORGED);
}

Test(mesh_seal, the_longest_message)
{
	static const uint8_t longest[MESH_PLAIN_MAX] = { 1 };
	uint8_t datagram[MESH_DATAGRAM_MAX], plain[MESH_PLAIN_MAX];
	struct pair pair;
	size_t len, plain_len;

	make_pair(&pair);
	len = mesh_seal(datagram, longest, sizeof(longest), &pair.at_a, salt, UINT64_MAX);
	cr_assert_eq(len, 1232);
	cr_assert_eq(mesh_seal_open(plain, &plain_len, datagram, len, &pair.at_b), MESH_OPENED);
	cr_expect_arr_eq(plain, longest, sizeof(longest));
}

Test(mesh_seal, keys_that_are_none)
{
	uint8_t secret[MESH_KEY_SIZE], public_key[MESH_KEY_SIZE];
	static const uint8_t zero[MESH_KEY_SIZE];
	struct mesh_keys keys;

	cr_assert(mesh_seal_init());
	mesh_random(secret, sizeof(secret));
	mesh_key_public(public_key, secret);
	cr_expect_not(mesh_keys_derive(&keys, secret, zero), "of small order");
	cr_expect_not(mesh_keys_derive(&keys, secret, public_key), "our own");
}

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static const struct {
	const char *name, *text;
	bool good;
} texts[] = {
	{ "good", HEX, true },
	{ "capitals", "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", true },
	{ "empty", "", false },
	{ "a digit less", "00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	  false },
	{ "a digit more", HEX "0", false },
	{ "not a digit", "g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	  false },
	{ "a space", "00 102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", false },
};

Test(mesh_seal, keys_as_text)
{
	char back[MESH_KEY_DIGITS + 1];
	uint8_t key[MESH_KEY_SIZE];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_expect_eq(mesh_key_parse(key, texts[i].text), texts[i].good, "%s",
			     texts[i].name);
	cr_assert(mesh_key_parse(key, HEX));
	cr_expect_str_eq(mesh_key_format(key, back), HEX);
}

/* RFC 7748, section 6.1: Bob's. */
Test(mesh_seal, public_key_of_the_rfc)
{
	char text[MESH_KEY_DIGITS + 1];
	uint8_t secret[MESH_KEY_SIZE], public_key[MESH_KEY_SIZE];

	cr_assert(mesh_seal_init());
	cr_assert(mesh_key_parse(
		secret, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
	mesh_key_public(public_key, secret);
	cr_expect_str_eq(mesh_key_format(public_key, text),
			 "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
}

/* ---- the file ---- */

static char dir[] = "/tmp/mesh-XXXXXX";
static char path[64];

static void setup(void)
{
	cr_assert(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/key", dir);
	cr_assert(mesh_seal_init());
}

static void teardown(void)
{
	unlink(path);
	rmdir(dir);
}

TestSuite(mesh_key_file, .init = setup, .fini = teardown);

Test(mesh_key_file, is_made_once_for_its_owner_alone)
{
	uint8_t first[MESH_KEY_SIZE], second[MESH_KEY_SIZE], secret[MESH_KEY_SIZE];
	char line[80] = "";
	struct stat st;
	FILE *file;

	cr_assert_eq(mesh_key_make(path, first), 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0600);
	cr_assert_eq(mesh_key_make(path, second), 0, "what is there is read");
	cr_expect_arr_eq(first, second, MESH_KEY_SIZE);
	file = fopen(path, "r");
	cr_assert(fgets(line, sizeof(line), file));
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	cr_assert(mesh_key_parse(secret, line));
	mesh_key_public(second, secret);
	cr_expect_arr_eq(first, second, MESH_KEY_SIZE);
}

Test(mesh_key_file, is_never_overwritten)
{
	uint8_t key[MESH_KEY_SIZE];
	char line[80] = "";
	FILE *file = fopen(path, "w");

	fputs("precious\n", file);
	fclose(file);
	cr_expect_eq(mesh_key_make(path, key), -EINVAL);
	file = fopen(path, "r");
	cr_assert(fgets(line, sizeof(line), file));
	fclose(file);
	cr_expect_str_eq(line, "precious\n");
}

Test(mesh_key_file, where_none_can_be)
{
	uint8_t key[MESH_KEY_SIZE];

	cr_expect_eq(mesh_key_make("/nonexistent/key", key), -ENOENT);
}
