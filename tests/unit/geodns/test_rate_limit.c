/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "geodns/rate_limit.h"
#include "lib/alloc.h"

static const uint8_t key[SIPHASH_KEY_SIZE] = "any will do here";

static struct addr at(const char *text)
{
	struct addr a;

	cr_assert(addr_parse(&a, text));
	return a;
}

static struct rate_limit *limit_new(const struct rate_limit_options *options, unsigned shares)
{
	struct rate_limit *limit = rate_limit_new(shares, key);

	rate_limit_set(limit, options);
	return limit;
}

struct counts {
	unsigned of[3]; /* by verdict */
};

/* That many queries at once. */
static struct counts ask(struct rate_limit *limit, const char *client, double now_s, unsigned times)
{
	const struct addr addr = at(client);
	struct counts c = { 0 };

	for (unsigned i = 0; i < times; i++)
		c.of[rate_limit_take(limit, &addr,
				     (struct instant){ (int64_t)(now_s * NS_PER_S + 0.5) })]++;
	return c;
}

#define EXPECT(asked, wholes, shorts, nones)                                                       \
	do {                                                                                       \
		const struct counts c = asked;                                                     \
		cr_expect(c.of[RATE_WHOLE] == (wholes) && c.of[RATE_SHORT] == (shorts) &&          \
				  c.of[RATE_NONE] == (nones),                                      \
			  "%s: %u %u %u", #asked, c.of[0], c.of[1], c.of[2]);                      \
	} while (0)

Test(rate_limit, a_bucket_empties_and_fills)
{
	const struct rate_limit_options options = { .per_second = 10, .burst = 20, .slip = 2 };
	struct rate_limit *limit = limit_new(&options, 1);

	EXPECT(ask(limit, "192.0.2.1", 100, 20), 20, 0, 0);
	EXPECT(ask(limit, "192.0.2.1", 100, 10), 0, 5, 5);
	EXPECT(ask(limit, "192.0.2.1", 100.1, 2), 1, 0, 1);
	EXPECT(ask(limit, "192.0.2.1", 101.1, 12), 10, 1, 1);
	/* Being refused costs nothing: a full bucket again after two seconds, and no more. */
	EXPECT(ask(limit, "192.0.2.1", 103.1, 20), 20, 0, 0);
	EXPECT(ask(limit, "192.0.2.1", 1e6, 21), 20, 1, 0);
	rate_limit_free(limit);
}

Test(rate_limit, networks)
{
	const struct rate_limit_options options = { .per_second = 1, .burst = 1, .slip = 1 };
	struct rate_limit *limit = limit_new(&options, 1);

	EXPECT(ask(limit, "192.0.2.1", 5, 1), 1, 0, 0);
	EXPECT(ask(limit, "192.0.2.255", 5, 1), 0, 1, 0);
	EXPECT(ask(limit, "192.0.3.0", 5, 1), 1, 0, 0);
	EXPECT(ask(limit, "2001:db8:0:100::1", 5, 1), 1, 0, 0);
	EXPECT(ask(limit, "2001:db8:0:1ff:ffff::1", 5, 1), 0, 1, 0);
	EXPECT(ask(limit, "2001:db8:0:200::1", 5, 1), 1, 0, 0);
	/* Its first octets are those of 192.0.2.0/24. */
	EXPECT(ask(limit, "c000:200::", 5, 1), 1, 0, 0);
	EXPECT(ask(limit, "0.0.0.0", 5, 1), 1, 0, 0);
	EXPECT(ask(limit, "::", 5, 1), 1, 0, 0);
	rate_limit_free(limit);
}

Test(rate_limit, slip)
{
	static const struct {
		unsigned slip, shorts;
	} rows[] = { { 0, 0 }, { 1, 60 }, { 2, 30 }, { 3, 20 }, { 100, 0 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct rate_limit_options options = { 1, 1, rows[i].slip, NULL, 0 };
		struct rate_limit *limit = limit_new(&options, 1);

		EXPECT(ask(limit, "192.0.2.1", 5, 61), 1, rows[i].shorts, 60 - rows[i].shorts);
		rate_limit_free(limit);
	}
}

Test(rate_limit, shares_add_up)
{
	const struct rate_limit_options options = { .per_second = 8, .burst = 8, .slip = 0 };
	const struct rate_limit_options small = { .per_second = 1, .burst = 1, .slip = 0 };
	struct rate_limit *limit = limit_new(&options, 4);

	EXPECT(ask(limit, "192.0.2.1", 5, 9), 2, 0, 7);
	EXPECT(ask(limit, "192.0.2.1", 6, 9), 2, 0, 7);
	rate_limit_free(limit);
	limit = limit_new(&small, 4);
	EXPECT(ask(limit, "192.0.2.1", 5, 9), 1, 0, 8);
	EXPECT(ask(limit, "192.0.2.1", 8.9, 9), 0, 0, 9);
	EXPECT(ask(limit, "192.0.2.1", 9, 9), 1, 0, 8);
	rate_limit_free(limit);
}

Test(rate_limit, a_good_cookie_costs_the_others_nothing)
{
	const struct rate_limit_options options = { .per_second = 1, .burst = 5, .slip = 0 };
	struct rate_limit *limit = limit_new(&options, 1);
	const struct addr resolver = at("192.0.2.1");

	for (unsigned i = 0; i < 100; i++) {
		EXPECT(ask(limit, "192.0.2.1", 5, 1), 1, 0, 0);
		rate_limit_give_back(limit, &resolver);
	}
	EXPECT(ask(limit, "192.0.2.2", 5, 6), 5, 0, 1);
	rate_limit_free(limit);
}

Test(rate_limit, exempt_networks)
{
	struct prefix exempt[2];
	const struct rate_limit_options options = { 1, 1, 0, exempt, 2 };
	struct rate_limit *limit = limit_new(&options, 1);

	cr_assert(prefix_parse(&exempt[0], "198.51.100.0/25") &&
		  prefix_parse(&exempt[1], "2001:db8::/32"));
	EXPECT(ask(limit, "198.51.100.9", 5, 50), 50, 0, 0);
	EXPECT(ask(limit, "2001:db8:1::", 5, 50), 50, 0, 0);
	EXPECT(ask(limit, "198.51.100.200", 5, 50), 1, 0, 49);
	rate_limit_free(limit);
}

/*
 * Any number of other networks cannot wash a victim's bucket out: those that have asked once are
 * fuller than it, and go first.
 */
Test(rate_limit, a_table_full_of_others)
{
	const struct rate_limit_options options = { .per_second = 10, .burst = 100, .slip = 0 };
	struct rate_limit *limit = limit_new(&options, 1);
	const struct instant now = { 5 * NS_PER_S };

	EXPECT(ask(limit, "192.0.2.1", 5, 101), 100, 0, 1);
	for (uint32_t i = 0; i < 500000; i++) {
		const struct addr other = addr_from_ipv4(i << 8);

		if (i == 0xc00002)
			continue;
		cr_assert_eq(rate_limit_take(limit, &other, now), RATE_WHOLE, "network %u", i);
	}
	EXPECT(ask(limit, "192.0.2.1", 5, 50), 0, 0, 50);
	rate_limit_free(limit);
}
