/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

#include "geodns/server/gate.h"

static bool enter(struct gate *gate, const char *text)
{
	struct addr client;
	unsigned idle_ms;

	cr_assert(addr_parse(&client, text));
	return gate_enter(gate, &client, &idle_ms);
}

static void leave(struct gate *gate, const char *text)
{
	struct addr client;

	cr_assert(addr_parse(&client, text));
	gate_leave(gate, &client);
}

/* +: is let in, -: is not, !: leaves. */
Test(gate, stories)
{
	static const struct {
		const char *name;
		struct gate_limits limits;
		const char *steps[12];
	} rows[] = {
		{ "as many of one client",
		  { 9, 2, 0 },
		  { "+10.0.0.1", "+10.0.0.1", "-10.0.0.1", "!10.0.0.1", "+10.0.0.1",
		    "-10.0.0.1" } },
		{ "neighbours are others",
		  { 9, 1, 0 },
		  { "+10.0.0.1", "+10.0.0.2", "-10.0.0.1", "-10.0.0.2" } },
		{ "a /64 is one client",
		  { 9, 1, 0 },
		  { "+2001:db8::1", "-2001:db8::ffff:1", "+2001:db8:0:1::1", "!2001:db8::1",
		    "+2001:db8::2" } },
		{ "families are apart", { 9, 1, 0 }, { "+0.0.0.0", "+::", "-::1", "-0.0.0.0" } },
		{ "in all",
		  { 3, 3, 0 },
		  { "+10.0.0.1", "+10.0.0.2", "+10.0.0.3", "-10.0.0.4", "-10.0.0.1", "!10.0.0.2",
		    "+10.0.0.4", "-10.0.0.2" } },
		{ "who is refused is not counted",
		  { 9, 1, 0 },
		  { "+10.0.0.1", "-10.0.0.1", "-10.0.0.1", "!10.0.0.1", "+10.0.0.1" } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gate *gate = gate_new(&rows[i].limits, i);
		const char *inside[12];
		size_t count = 0;

		for (const char *const *step = rows[i].steps; *step; step++) {
			const char *client = *step + 1;

			if (**step != '!') {
				cr_expect_eq(enter(gate, client), **step == '+', "%s: %s",
					     rows[i].name, *step);
				if (**step == '+')
					inside[count++] = client;
				continue;
			}
			leave(gate, client);
			for (size_t k = 0; k < count; k++) {
				if (strcmp(inside[k], client) == 0) {
					inside[k] = inside[--count];
					break;
				}
			}
		}
		while (count > 0)
			leave(gate, inside[--count]);
		gate_free(gate);
	}
}

Test(gate, other_limits_hold_for_those_who_come)
{
	struct gate_limits limits = { 9, 3, 1000 };
	struct gate *gate = gate_new(&limits, 1);
	struct addr client;
	unsigned idle_ms = 0;

	addr_parse(&client, "10.0.0.1");
	cr_expect(gate_enter(gate, &client, &idle_ms));
	cr_expect_eq(idle_ms, 1000);
	cr_expect(enter(gate, "10.0.0.1"));
	limits = (struct gate_limits){ 3, 1, 50 };
	gate_limits_set(gate, &limits);
	cr_expect_not(enter(gate, "10.0.0.1"));
	addr_parse(&client, "10.0.0.2");
	cr_expect(gate_enter(gate, &client, &idle_ms));
	cr_expect_eq(idle_ms, 50);
	cr_expect_not(enter(gate, "10.0.0.3"));
	leave(gate, "10.0.0.1");
	cr_expect(enter(gate, "10.0.0.3"));
	leave(gate, "10.0.0.1");
	leave(gate, "10.0.0.2");
	leave(gate, "10.0.0.3");
	gate_free(gate);
}

Test(gate, more_clients_than_buckets)
{
	const struct gate_limits limits = { 20000, 1, 0 };
	struct gate *gate = gate_new(&limits, 7);
	unsigned idle_ms;

	for (uint32_t i = 0; i < 20000; i++) {
		const struct addr client = addr_from_ipv4(i);

		cr_assert(gate_enter(gate, &client, &idle_ms));
	}
	cr_expect_not(enter(gate, "192.0.2.1"));
	for (uint32_t i = 20000; i-- > 0;) {
		const struct addr client = addr_from_ipv4(i);

		gate_leave(gate, &client);
	}
	cr_expect(enter(gate, "192.0.2.1"));
	leave(gate, "192.0.2.1");
	gate_free(gate);
}

struct crowd {
	struct gate *gate;
	atomic_uint inside, most;
};

static void *crowd_run(void *arg)
{
	const struct addr client = addr_from_ipv4(0x0a000001);
	struct crowd *crowd = arg;
	unsigned idle_ms;

	for (unsigned i = 0; i < 20000; i++) {
		unsigned now, most;

		if (!gate_enter(crowd->gate, &client, &idle_ms))
			continue;
		now = atomic_fetch_add(&crowd->inside, 1) + 1;
		most = atomic_load(&crowd->most);
		while (now > most && !atomic_compare_exchange_weak(&crowd->most, &most, now))
			;
		atomic_fetch_sub(&crowd->inside, 1);
		gate_leave(crowd->gate, &client);
	}
	return NULL;
}

Test(gate, threads)
{
	const struct gate_limits limits = { 9, 2, 0 };
	struct crowd crowd = { .gate = gate_new(&limits, 3) };
	pthread_t threads[4];

	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, crowd_run, &crowd), 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	cr_expect_leq(crowd.most, 2);
	cr_expect_geq(crowd.most, 1);
	cr_expect(enter(crowd.gate, "10.0.0.1"));
	cr_expect(enter(crowd.gate, "10.0.0.1"));
	cr_expect_not(enter(crowd.gate, "10.0.0.1"));
	leave(crowd.gate, "10.0.0.1");
	leave(crowd.gate, "10.0.0.1");
	gate_free(crowd.gate);
}
