/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "testbed/client/cache.h"

static const struct row {
	const char *what;
	enum client_cache_policy policy;
	int64_t kept_s; /* still there a nanosecond before, gone at; -1: never gone */
} rows[] = {
	{ "none", CLIENT_CACHE_NONE, 0 },
	{ "browser", CLIENT_CACHE_BROWSER, 60 },
	{ "jvm", CLIENT_CACHE_JVM, 30 },
	{ "until restart", CLIENT_CACHE_UNTIL_RESTART, -1 },
};

Test(client_cache, keeps_as_long_as_its_policy_says)
{
	const struct addr addr = addr_from_ipv4(0xc6120001);
	const struct instant t0 = { 5 * NS_PER_S };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct client_cache *cache = client_cache_new(rows[i].policy, 2);
		const struct instant gone = instant_after_s(t0, rows[i].kept_s);
		struct addr out;

		cr_expect_not(client_cache_get(cache, 1, t0, &out), "%s: empty", rows[i].what);
		client_cache_put(cache, 1, t0, &addr);
		cr_expect_not(client_cache_get(cache, 0, t0, &out), "%s: other", rows[i].what);
		if (rows[i].kept_s < 0) {
			cr_expect(client_cache_get(cache, 1, instant_after_s(t0, 1000000), &out));
		} else {
			cr_expect_not(client_cache_get(cache, 1, gone, &out), "%s", rows[i].what);
			if (rows[i].kept_s > 0)
				cr_expect(client_cache_get(cache, 1, instant_after_ns(gone, -1),
							   &out),
					  "%s: before", rows[i].what);
		}
		client_cache_free(cache);
	}
}

Test(client_cache, new_answer_starts_a_new_time)
{
	struct client_cache *cache = client_cache_new(CLIENT_CACHE_JVM, 1);
	const struct addr a = addr_from_ipv4(1), b = addr_from_ipv4(2);
	struct addr out;

	client_cache_put(cache, 0, (struct instant){ 0 }, &a);
	client_cache_put(cache, 0, (struct instant){ 20 * NS_PER_S }, &b);
	cr_assert(client_cache_get(cache, 0, (struct instant){ 49 * NS_PER_S }, &out));
	cr_expect(addr_equal(&out, &b));
	client_cache_free(cache);
}
