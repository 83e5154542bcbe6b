/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/wire/queue.h"

#include <criterion/criterion.h>
#include <math.h>

static struct instant at_us(int64_t us)
{
	return (struct instant){ us * NS_PER_US };
}

Test(queue, delay_is_added)
{
	struct wire_queue q;
	struct instant due;

	wire_queue_init(&q, &(struct wire_shape){ .delay_ns = 20 * NS_PER_MS }, 1);
	cr_assert(wire_queue_offer(&q, 1500, at_us(7), &due));
	cr_expect_eq(due.ns, 20 * NS_PER_MS + 7000);
	cr_assert(wire_queue_offer(&q, 1500, at_us(7), &due));
	cr_expect_eq(due.ns, 20 * NS_PER_MS + 7000, "without a rate packets travel together");
}

/* 8 Mbit/s: a byte takes a microsecond. Offers at these instants leave at those. */
struct step {
	int64_t at_us;
	size_t len;
	int64_t due_us; /* -1: lost */
};

struct row {
	const char *what;
	struct step steps[6];
};

/* clang-format off */
static const struct row rows[] = {
	{ "an idle line",          { { 0, 1000, 1000 } } },
	{ "one waits for another", { { 0, 1000, 1000 }, { 0, 1000, 2000 }, { 500, 100, 2100 } } },
	{ "idle again",            { { 0, 1000, 1000 }, { 5000, 100, 5100 } } },
	{ "the limit is full",     { { 0, 1500, 1500 }, { 0, 1500, 3000 }, { 0, 100, -1 } } },
	{ "what is lost takes no time", { { 0, 1500, 1500 }, { 0, 1500, 3000 }, { 0, 100, -1 },
					  { 1000, 100, 3100 } } },
	{ "it empties as it sends", { { 0, 2000, 2000 }, { 0, 10, 2010 }, { 9, 10, -1 },
				      { 10, 10, 2020 } } },
};
/* clang-format on */

Test(queue, rate_and_limit)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire_queue q;
		struct instant due;

		wire_queue_init(&q, &(struct wire_shape){ .rate_bps = 8000000, .limit = 2000 }, 1);
		for (const struct step *step = rows[i].steps; step->len > 0; step++) {
			bool kept = wire_queue_offer(&q, step->len, at_us(step->at_us), &due);

			cr_expect_eq(kept, step->due_us >= 0, "%s, at %lld", rows[i].what,
				     (long long)step->at_us);
			if (kept)
				cr_expect_eq(due.ns, step->due_us * NS_PER_US, "%s: %lld",
					     rows[i].what, (long long)due.ns);
		}
	}
}

Test(queue, rate_and_delay_add_up)
{
	const struct wire_shape shape = { .rate_bps = 8000000, .limit = 9000, .delay_ns = 5000000 };
	struct wire_queue q;
	struct instant due;

	wire_queue_init(&q, &shape, 1);
	cr_assert(wire_queue_offer(&q, 1000, at_us(0), &due));
	cr_expect_eq(due.ns, 6000000);
}

Test(queue, loss_has_its_share)
{
	static const double shares[] = { 0, 0.001, 0.1, 0.5, 0.999 };
	const int n = 100000;

	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		struct wire_queue q;
		struct instant due;
		int lost = 0;
		double deviation = sqrt(n * shares[i] * (1 - shares[i]));

		wire_queue_init(
			&q, &(struct wire_shape){ .loss = (uint32_t)(shares[i] * 4294967296.0) },
			42);
		for (int p = 0; p < n; p++)
			lost += !wire_queue_offer(&q, 100, at_us(p), &due);
		/* The seed is fixed, so this either holds always or never. */
		cr_expect_leq(fabs(lost - n * shares[i]), 4 * deviation, "%g: %d of %d", shares[i],
			      lost, n);
	}
}

/* So far apart that no packet meets another. */
Test(queue, jitter_uses_its_whole_range)
{
	const int64_t delay = 1000000, jitter = 500000;
	struct wire_queue q;
	int64_t least = INT64_MAX, most = 0;

	wire_queue_init(&q, &(struct wire_shape){ .delay_ns = delay, .jitter_ns = jitter }, 3);
	for (int p = 0; p < 10000; p++) {
		struct instant now = at_us(p * 1000), due;

		cr_assert(wire_queue_offer(&q, 100, now, &due));
		least = due.ns - now.ns < least ? due.ns - now.ns : least;
		most = due.ns - now.ns > most ? due.ns - now.ns : most;
	}
	cr_expect_geq(least, delay);
	cr_expect_lt(least, delay + jitter / 100);
	cr_expect_leq(most, delay + jitter);
	cr_expect_gt(most, delay + jitter * 99 / 100);
}

Test(queue, jitter_never_reorders)
{
	const int64_t delay = 1000000, jitter = 500000;
	struct wire_queue q;
	struct instant due, before = { 0 };

	wire_queue_init(&q, &(struct wire_shape){ .delay_ns = delay, .jitter_ns = jitter }, 3);
	for (int p = 0; p < 10000; p++) {
		struct instant now = at_us(p * 10);

		cr_assert(wire_queue_offer(&q, 100, now, &due));
		cr_assert_geq(due.ns, before.ns);
		cr_assert_geq(due.ns - now.ns, delay);
		cr_assert_leq(due.ns - now.ns, delay + jitter);
		before = due;
	}
}

Test(queue, a_seed_repeats_the_fate)
{
	const struct wire_shape shape = { .delay_ns = 1000000,
					  .jitter_ns = 800000,
					  .loss = 1u << 30 };
	struct wire_queue a, b, c;
	int differences = 0;

	wire_queue_init(&a, &shape, 9);
	wire_queue_init(&b, &shape, 9);
	wire_queue_init(&c, &shape, 10);
	for (int p = 0; p < 1000; p++) {
		struct instant x = { 0 }, y = { 0 }, z = { 0 };
		bool kept = wire_queue_offer(&a, 100, at_us(p * 1000), &x);

		cr_assert_eq(wire_queue_offer(&b, 100, at_us(p * 1000), &y), kept);
		cr_assert_eq(x.ns, y.ns);
		differences += wire_queue_offer(&c, 100, at_us(p * 1000), &z) != kept;
	}
	cr_expect_gt(differences, 100, "another seed is another fate");
}
