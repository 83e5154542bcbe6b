/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <math.h>

#include "geodns/geo/hash.h"

static uint64_t network(const char *text)
{
	struct addr a;

	cr_assert(addr_parse(&a, text));
	return geo_network_hash(&a);
}

/* Servers of one service may be of different versions: what they draw must not change. */
Test(geo_hash, is_the_same_for_ever)
{
	const uint64_t fra = geo_seed("fra", GEO_SEED_POP);

	cr_expect_eq(fra, UINT64_C(0xf8d093f178effc78));
	cr_expect_eq(geo_seed("fra", GEO_SEED_GROUP), UINT64_C(0x37ee24be487891b5));
	cr_expect_eq(network("100.64.1.200"), UINT64_C(0x24def2627fba7449));
	cr_expect_eq(network("2001:db8:f801::1"), UINT64_C(0x1745c021578112cf));
	cr_expect(!geo_dial_accepts(network("100.64.1.0"), fra, 12));
	cr_expect(geo_dial_accepts(network("100.64.1.0"), fra, 13));
	cr_expect_float_eq((double)geo_cost(network("100.64.1.0"), fra), 1672165853.8,
			   6e-5 * 0x1p30);
}

Test(geo_hash, the_network_is_the_24_or_48)
{
	cr_expect_eq(network("100.64.1.0"), network("100.64.1.255"));
	cr_expect_neq(network("100.64.1.0"), network("100.64.2.0"));
	cr_expect_eq(network("2001:db8:1::"), network("2001:db8:1:ffff::1"));
	cr_expect_neq(network("2001:db8:1::"), network("2001:db8:2::"));
	cr_expect_neq(network("0.0.0.0"), network("::"));
}

/* For a mixed x, the x that geo_mix() makes it from. */
static uint64_t unmix(uint64_t x)
{
	/* The inverse of an odd factor modulo 2^64, by Newton. */
	const uint64_t factors[] = { UINT64_C(0x94d049bb133111eb), UINT64_C(0xbf58476d1ce4e5b9) };
	const unsigned shifts[] = { 31, 27, 30 };

	for (unsigned i = 0; i < 3; i++) {
		uint64_t y = x;

		for (unsigned k = 0; k < 64 / shifts[i]; k++)
			y = x ^ y >> shifts[i];
		x = y;
		if (i < 2) {
			uint64_t inverse = factors[i];

			for (unsigned k = 0; k < 6; k++)
				inverse *= 2 - factors[i] * inverse;
			x *= inverse;
		}
	}
	return x;
}

/* The cost of that draw. */
static uint64_t cost_of(uint64_t draw)
{
	uint64_t network = unmix(draw);

	cr_assert_eq(geo_mix(network), draw);
	return geo_cost(network, 0);
}

Test(geo_hash, cost_is_the_log_and_falls)
{
	static const uint64_t edges[] = { 1, 2, 3, UINT64_C(1) << 63, UINT64_MAX - 1, UINT64_MAX };
	uint64_t last = UINT64_MAX;

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		uint64_t cost = cost_of(edges[i]);

		cr_expect(cost >= 1 && cost <= UINT64_C(64) << GEO_COST_BITS && cost <= last);
		last = cost;
	}
	last = UINT64_MAX;
	for (double log = 63.9; log > 0.0001; log -= 0.0037) {
		uint64_t draw = (uint64_t)exp2(64 - log), cost = cost_of(draw);

		cr_expect_float_eq((double)cost / 0x1p30, 64 - log2((double)(draw | 1)), 6e-5,
				   "%g: %g", log, (double)cost / 0x1p30);
		cr_expect_leq(cost, last);
		last = cost;
	}
}

Test(geo_hash, scores)
{
	/* clang-format off */
	static const struct { const char *what; struct geo_score a, b; bool wins; } rows[] = {
		{ "less cost", { 10, 1 }, { 11, 1 }, true },
		{ "more cost", { 11, 1 }, { 10, 1 }, false },
		{ "the same", { 10, 1 }, { 10, 1 }, false },
		{ "weight makes up for cost", { 19, 2 }, { 10, 1 }, true },
		{ "not more than its share", { 20, 2 }, { 10, 1 }, false },
		{ "without weight behind", { 1, 0 }, { UINT64_C(64) << 30, 1 }, false },
		{ "before one without weight", { UINT64_C(64) << 30, 1 }, { 1, 0 }, true },
		{ "both without weight", { 1, 0 }, { 2, 0 }, false },
		{ "no overflow", { (UINT64_C(64) << 30) - 1, 1000 }, { UINT64_C(64) << 30, 1000 }, true },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(geo_score_wins(&rows[i].a, &rows[i].b), rows[i].wins, "%s",
			     rows[i].what);
}

Test(geo_hash, dial_takes_its_share_and_only_adds)
{
	const uint64_t seed = geo_seed("fra", GEO_SEED_POP);
	unsigned accepted[101] = { 0 };

	for (uint32_t i = 0; i < 20000; i++) {
		struct addr a = addr_from_ipv4(0x14000000 + (i << 8));
		uint64_t hash = geo_network_hash(&a);
		bool before = false;

		for (unsigned percent = 0; percent <= 100; percent++) {
			bool now = geo_dial_accepts(hash, seed, percent);

			cr_assert(now || !before, "turned up, it lets go of nobody");
			accepted[percent] += now;
			before = now;
		}
	}
	cr_expect_eq(accepted[0], 0);
	cr_expect_eq(accepted[100], 20000);
	for (unsigned percent = 1; percent < 100; percent++)
		cr_expect_float_eq(accepted[percent] / 20000.0, percent / 100.0, 0.015, "%u: %u",
				   percent, accepted[percent]);
}
