/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "geodns/dnssec/rrsig.h"
#include "geodns/dnssec/signer.h"

/* The first octets say which set; those behind them make it another one. */
static void digest_make(uint8_t digest[32], uint32_t set, uint32_t which)
{
	memset(digest, 0, 32);
	memcpy(digest, &set, sizeof(set));
	memcpy(digest + 16, &which, sizeof(which));
}

static bool knows(struct dnssec_signer *signer, enum dnssec_pool pool, uint32_t set, uint32_t which)
{
	const struct p256_key key = { .public = { 1 } };
	const uint8_t *found;
	uint8_t digest[32];

	digest_make(digest, set, which);
	found = dnssec_signer_find(signer, pool, digest, &key);
	cr_expect(!found || found[0] == (uint8_t)which);
	return found;
}

static void keep(struct dnssec_signer *signer, enum dnssec_pool pool, uint32_t set, uint32_t which)
{
	const struct p256_key key = { .public = { 1 } };
	uint8_t digest[32], signature[64] = { (uint8_t)which };

	digest_make(digest, set, which);
	dnssec_signer_keep(signer, pool, digest, &key, signature);
}

Test(signer, the_one_unused_for_longest_gives_way)
{
	struct dnssec_signer *signer = dnssec_signer_new(64);

	for (uint32_t i = 0; i < 4; i++)
		keep(signer, DNSSEC_POOL_ZONE, 7, i);
	for (uint32_t i = 0; i < 4; i++)
		cr_expect(knows(signer, DNSSEC_POOL_ZONE, 7, i));
	knows(signer, DNSSEC_POOL_ZONE, 7, 0);
	keep(signer, DNSSEC_POOL_ZONE, 7, 4);
	cr_expect_not(knows(signer, DNSSEC_POOL_ZONE, 7, 1));
	for (uint32_t i = 0; i < 5; i++)
		cr_expect(i == 1 || knows(signer, DNSSEC_POOL_ZONE, 7, i), "%u", i);
	dnssec_signer_free(signer);
}

Test(signer, a_key_of_its_own)
{
	struct dnssec_signer *signer = dnssec_signer_new(64);
	const struct p256_key other = { .public = { 2 } };
	uint8_t digest[32];

	keep(signer, DNSSEC_POOL_ZONE, 7, 1);
	digest_make(digest, 7, 1);
	cr_expect_null(dnssec_signer_find(signer, DNSSEC_POOL_ZONE, digest, &other));
	dnssec_signer_free(signer);
}

Test(signer, what_clients_make_up_displaces_nothing_else)
{
	struct dnssec_signer *signer = dnssec_signer_new(1000);

	for (uint32_t i = 0; i < 1000; i++)
		keep(signer, DNSSEC_POOL_ZONE, i * 0x9e3779b9, 1);
	for (uint32_t i = 0; i < 100000; i++)
		keep(signer, DNSSEC_POOL_INVENTED, i * 0x9e3779b9, 2);
	for (uint32_t i = 0; i < 100000; i++)
		keep(signer, DNSSEC_POOL_CHOSEN, i * 0x9e3779b9, 3);
	cr_expect(knows(signer, DNSSEC_POOL_ZONE, 999 * 0x9e3779b9, 1));
	cr_expect(knows(signer, DNSSEC_POOL_CHOSEN, 99999U * 0x9e3779b9, 3));
	cr_expect(knows(signer, DNSSEC_POOL_INVENTED, 99999U * 0x9e3779b9, 2));
	cr_expect_not(knows(signer, DNSSEC_POOL_INVENTED, 0, 2));
	dnssec_signer_free(signer);
}

Test(signer, a_budget_for_each_second_and_pool)
{
	struct dnssec_signer *signer = dnssec_signer_new(64);

	for (unsigned second = 100; second < 103; second++) {
		for (unsigned i = 0; i < 3; i++)
			cr_expect(dnssec_signer_allow(signer, DNSSEC_POOL_INVENTED, second, 3));
		cr_expect_not(dnssec_signer_allow(signer, DNSSEC_POOL_INVENTED, second, 3));
		cr_expect(dnssec_signer_allow(signer, DNSSEC_POOL_ZONE, second, 3));
		cr_expect(dnssec_signer_allow(signer, DNSSEC_POOL_CHOSEN, second, 3));
		cr_expect(dnssec_signer_allow(signer, DNSSEC_POOL_INVENTED, second, 0), "none set");
	}
	dnssec_signer_free(signer);
}

static void records_digest(const char *octets, uint8_t digest[32])
{
	/* x. 60 A, one for each octet */
	static const uint8_t owner[] = "\1x";
	const struct rrsig_head head = { .type = DNS_TYPE_A, .labels = 1, .ttl = 60 };
	uint8_t message[500];
	struct wire_writer w = wire_writer(message, sizeof(message));
	struct rrsig_rrset set;

	for (const char *p = octets; *p; p++) {
		wire_put_bytes(&w, owner, 3);
		wire_put_u16(&w, DNS_TYPE_A);
		wire_put_u16(&w, DNS_CLASS_IN);
		wire_put_u32(&w, 60);
		wire_put_u16(&w, 4);
		wire_put_u32(&w, (uint32_t)(unsigned char)*p << 24);
	}
	set = (struct rrsig_rrset){ message, message, w.pos, owner };
	rrsig_digest(&set, &head, owner, digest);
}

Test(rrsig, neither_order_nor_repetition_matters)
{
	static const char *const same[] = { "abc", "cba", "bac", "aabbcc", "cabcab" };
	static const char *const others[] = { "ab", "abd", "abcd", "b" };
	uint8_t wanted[32], got[32];

	records_digest("abc", wanted);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		records_digest(same[i], got);
		cr_expect_arr_eq(got, wanted, 32, "%s", same[i]);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		records_digest(others[i], got);
		cr_expect_arr_neq(got, wanted, 32, "%s", others[i]);
	}
}

Test(rrsig, validity_in_halves)
{
	const uint8_t *names[] = { (const uint8_t *)"\x01"
						    "a\x04test",
				   (const uint8_t *)"\x01"
						    "b\x04test" };
	const uint32_t validity = 7 * 86400;
	uint32_t changed_at[2] = { 0 };

	for (unsigned n = 0; n < 2; n++) {
		struct rrsig_head before = { .type = DNS_TYPE_A }, head = before;
		unsigned changes = 0;

		rrsig_times(1800000000, validity, names[n], &before);
		for (uint32_t now = 1800000000; now < 1800000000 + validity; now += 60) {
			rrsig_times(now, validity, names[n], &head);
			cr_assert_leq(head.inception, now - RRSIG_EARLY_S);
			cr_assert_geq(head.expiration, now + validity / 2);
			cr_assert_leq(head.expiration, now + validity);
			if (head.inception != before.inception) {
				changes++;
				changed_at[n] = now % (validity / 2);
			}
			before = head;
		}
		cr_expect_eq(changes, 2);
	}
	cr_expect_neq(changed_at[0], changed_at[1], "not all in the same second");
}
