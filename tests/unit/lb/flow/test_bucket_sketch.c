/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <criterion/criterion.h>

#include "lb/flow/bucket_sketch.h"
#include "lib/addr.h"

static const uint8_t key[SIPHASH_KEY_SIZE] = { 1, 2, 3 };

static struct instant ms(int64_t n)
{
	return (struct instant){ n * NS_PER_MS };
}

static struct flow_key client(const char *text)
{
	struct flow_key flow = { .proto = 6 };
	struct in_addr ipv4;

	if (inet_pton(AF_INET, text, &ipv4) == 1) {
		flow.client[10] = flow.client[11] = 0xff;
		memcpy(flow.client + 12, &ipv4, 4);
	} else {
		cr_assert_eq(inet_pton(AF_INET6, text, flow.client), 1, "%s", text);
	}
	return flow;
}

Test(bucket_sketch, networks_are_apart_and_hosts_of_one_are_not)
{
	static const struct {
		const char *name, *first, *second;
		bool same;
	} rows[] = {
		{ "hosts of a /24", "192.0.2.1", "192.0.2.254", true },
		{ "two /24", "192.0.2.1", "192.0.3.1", false },
		{ "hosts of a /48", "2001:db8:1::1", "2001:db8:1:ffff::9", true },
		{ "two /48", "2001:db8:1::1", "2001:db8:2::1", false },
		{ "one octet, two families", "32.1.13.1", "2001:d01::", false },
	};
	const struct bucket_rate rate = { 1, 2 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct bucket_sketch *sketch = bucket_sketch_new(4096, key);
		const struct flow_key a = client(rows[i].first), b = client(rows[i].second);

		cr_expect(bucket_sketch_take(sketch, &rate, &a, ms(1)), "%s", rows[i].name);
		cr_expect(bucket_sketch_take(sketch, &rate, &a, ms(1)), "%s", rows[i].name);
		cr_expect_not(bucket_sketch_take(sketch, &rate, &a, ms(1)), "%s", rows[i].name);
		cr_expect_eq(bucket_sketch_take(sketch, &rate, &b, ms(1)), !rows[i].same, "%s",
			     rows[i].name);
		cr_expect(bucket_sketch_take(sketch, &rate, &b, ms(2001)), "%s", rows[i].name);
		bucket_sketch_free(sketch);
	}
}

/* One network that asks all the time costs few of the others anything. */
Test(bucket_sketch, a_flood_of_networks_is_counted_in_fixed_memory)
{
	struct bucket_sketch *sketch = bucket_sketch_new(1024, key);
	const struct bucket_rate rate = { 10, 10 };
	unsigned hurt = 0, taken = 0;

	for (uint32_t i = 0; i < 100; i++)
		for (int n = 0; n < 30; n++) {
			struct flow_key flow = client("10.0.0.0");

			flow.client[13] = (uint8_t)i;
			taken += bucket_sketch_take(sketch, &rate, &flow, ms(1));
		}
	cr_expect_leq(taken, 1000, "%u: none gets more than its burst", taken);
	for (uint32_t i = 0; i < 10000; i++) {
		struct flow_key flow = client("172.16.0.0");

		flow.client[13] = (uint8_t)(i >> 8);
		flow.client[14] = (uint8_t)i;
		hurt += !bucket_sketch_take(sketch, &rate, &flow, ms(1));
	}
	/* Both of its buckets are of a busy one: 1 % of 10000; and 10000 fill 1024 by themselves.
	 */
	cr_expect_lt(hurt, 2500, "%u of 10000", hurt);
	bucket_sketch_free(sketch);
}
