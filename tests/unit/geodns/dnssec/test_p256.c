/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <nettle/base16.h>
#include <nettle/sha2.h>

#include "geodns/dnssec/p256.h"
#include "tests/support/dnssec_verify.h"

static void unhex(uint8_t *out, const char *text)
{
	struct base16_decode_ctx ctx;
	size_t len = strlen(text) / 2;

	base16_decode_init(&ctx);
	cr_assert(base16_decode_update(&ctx, &len, out, strlen(text), text));
}

static void digest_of(const char *message, uint8_t digest[32])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, strlen(message), (const uint8_t *)message);
	sha256_digest(&ctx, 32, digest);
}

Test(p256, signs_as_rfc_6979_says)
{
	static const char secret_text[] =
		"C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721";
	static const char public_text[] =
		"60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
		"7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299";
	static const struct {
		const char *message, *signature;
	} rows[] = {
		{ "sample", "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
			    "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8" },
		{ "test", "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367"
			  "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083" },
	};
	uint8_t secret[32], wanted[64], digest[32], signature[64];
	struct p256_key key;

	unhex(secret, secret_text);
	unhex(wanted, public_text);
	cr_assert(p256_key_init(&key, secret));
	cr_assert_arr_eq(key.public, wanted, 64);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		digest_of(rows[i].message, digest);
		unhex(wanted, rows[i].signature);
		p256_sign(&key, digest, signature);
		cr_expect_arr_eq(signature, wanted, 64, "%s", rows[i].message);
		cr_expect(verify_ecdsa(key.public, digest, signature), "%s", rows[i].message);
		signature[5] ^= 1;
		cr_expect_not(verify_ecdsa(key.public, digest, signature), "%s", rows[i].message);
	}
	p256_key_fini(&key);
}

Test(p256, every_digest_can_be_signed)
{
	static const uint8_t secret[32] = { [31] = 7 };
	/* Also those that are above the order of the curve as a number. */
	uint8_t digest[32], a[64], b[64];
	struct p256_key key;

	cr_assert(p256_key_init(&key, secret));
	for (unsigned i = 0; i < 64; i++) {
		memset(digest, i < 32 ? 0xff : 0, sizeof(digest));
		digest[i % 32] = (uint8_t)i;
		p256_sign(&key, digest, a);
		p256_sign(&key, digest, b);
		cr_expect_arr_eq(a, b, 64, "the same again: %u", i);
		cr_expect(verify_ecdsa(key.public, digest, a), "%u", i);
	}
	p256_key_fini(&key);
}

Test(p256, refuses_what_is_no_key)
{
	static const char order[] =
		"FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";
	uint8_t secret[32] = { 0 };
	struct p256_key key;

	cr_expect_not(p256_key_init(&key, secret), "0");
	unhex(secret, order);
	cr_expect_not(p256_key_init(&key, secret), "the order");
	secret[31]--;
	cr_assert(p256_key_init(&key, secret), "the last one");
	p256_key_fini(&key);
	memset(secret, 0xff, sizeof(secret));
	cr_expect_not(p256_key_init(&key, secret), "2^256 - 1");
}
