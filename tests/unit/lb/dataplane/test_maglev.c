/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/dataplane/maglev.h"

#define NODES 1000

struct setup {
	struct maglev_node nodes[NODES];
	char names[NODES][24];
	size_t count;
	uint16_t table[MAGLEV_SIZE];
};

/* "web1" ...; weights: given, or else 1 each. */
static struct setup *setup(size_t count, const uint32_t *weights)
{
	struct setup *s = calloc(1, sizeof(*s));

	s->count = count;
	for (size_t i = 0; i < count; i++) {
		snprintf(s->names[i], sizeof(s->names[i]), "web%zu", i + 1);
		s->nodes[i] = (struct maglev_node){ s->names[i], weights ? weights[i] : 1 };
	}
	maglev_fill(s->table, s->nodes, count);
	return s;
}

static size_t slots_of(const struct setup *s, size_t node)
{
	size_t slots = 0;

	for (size_t i = 0; i < MAGLEV_SIZE; i++)
		slots += s->table[i] == node;
	return slots;
}

/* Every node has its part, to the slot, and to one percent of it where that is more than a slot. */
static void expect_balance(const struct setup *s, const char *name)
{
	double sum = 0;

	for (size_t i = 0; i < s->count; i++)
		sum += s->nodes[i].weight;
	for (size_t i = 0; i < s->count; i++) {
		double part = s->nodes[i].weight / sum * MAGLEV_SIZE;
		double off = (double)slots_of(s, i) - part;

		cr_expect(off > -1 && off < 1, "%s: %s has %zu slots of %.1f", name, s->names[i],
			  slots_of(s, i), part);
		if (part >= 100)
			cr_expect(off < part / 100 && off > -part / 100, "%s", name);
	}
}

Test(maglev, balance_within_a_percent)
{
	static const size_t counts[] = { 1, 2, 3, 7, 10, 100, 655, 1000 };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct setup *s = setup(counts[i], NULL);
		size_t least = MAGLEV_SIZE, most = 0;

		for (size_t node = 0; node < counts[i]; node++) {
			size_t slots = slots_of(s, node);

			least = slots < least ? slots : least;
			most = slots > most ? slots : most;
		}
		cr_expect_leq(most - least, 1, "%zu nodes: %zu to %zu", counts[i], least, most);
		cr_expect_leq((most * (double)counts[i] / MAGLEV_SIZE - 1) * 100, 1);
		cr_expect_geq((least * (double)counts[i] / MAGLEV_SIZE - 1) * 100, -1);
		free(s);
	}
}

Test(maglev, balance_by_weight)
{
	static const struct {
		const char *name;
		size_t count;
		uint32_t weights[8];
	} rows[] = {
		{ "one and two", 2, { 1, 2 } },
		{ "percents", 4, { 50, 25, 15, 10 } },
		{ "a small one", 3, { 1000, 1000, 1 } },
		{ "the greatest weights", 3, { 65535, 65534, 1 } },
		{ "one is drained", 3, { 100, 0, 100 } },
		{ "primes", 8, { 2, 3, 5, 7, 11, 13, 17, 19 } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct setup *s = setup(rows[i].count, rows[i].weights);

		expect_balance(s, rows[i].name);
		free(s);
	}
}

Test(maglev, what_is_drained_gets_nothing)
{
	const uint32_t weights[] = { 5, 0, 5, 0 }, none[] = { 0, 0 };
	struct setup *s = setup(4, weights);

	cr_expect_eq(slots_of(s, 1) + slots_of(s, 3) + slots_of(s, MAGLEV_NONE), 0);
	free(s);
	s = setup(2, none);
	cr_expect_eq(slots_of(s, MAGLEV_NONE), MAGLEV_SIZE);
	free(s);
	s = setup(0, NULL);
	cr_expect_eq(slots_of(s, MAGLEV_NONE), MAGLEV_SIZE);
	free(s);
}

/* Slots that have changed: of those to or from the node, and of the others between themselves. */
struct moves {
	size_t must, other;
};

static struct moves moves(const struct setup *before, const struct setup *after, size_t node)
{
	struct moves m = { 0 };

	for (size_t i = 0; i < MAGLEV_SIZE; i++) {
		if (before->table[i] == after->table[i])
			continue;
		if (before->table[i] == node || after->table[i] == node)
			m.must++;
		else
			m.other++;
	}
	return m;
}

struct change {
	const char *name;
	size_t count;
	uint32_t from, to;   /* the weight of one of them; the others have 100 */
	double other_atmost; /* percent of all slots that may move between the others */
};

/* The paper measures about as much (figure 12); what must move is the change of its part. */
Test(maglev, few_slots_move)
{
	static const struct change rows[] = {
		{ "one of 3 goes", 3, 100, 0, 0.8 },
		{ "one of 10 goes", 10, 100, 0, 0.8 },
		{ "one of 100 goes", 100, 100, 0, 0.8 },
		{ "one of 1000 goes", 1000, 100, 0, 0.8 },
		{ "one of 10 comes", 10, 0, 100, 0.8 },
		{ "one of 10 becomes half", 10, 100, 50, 0.8 },
		{ "one of 10 becomes a little less", 10, 100, 99, 0.2 },
		{ "one of 100 becomes double", 100, 100, 200, 0.8 },
	};
	static uint32_t weights[NODES];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct change *row = &rows[i];
		const size_t node = row->count / 2;
		struct setup *before, *after;
		struct moves m;
		double part, percent;

		for (size_t n = 0; n < row->count; n++)
			weights[n] = 100;
		weights[node] = row->from;
		before = setup(row->count, weights);
		weights[node] = row->to;
		after = setup(row->count, weights);
		m = moves(before, after, node);
		part = (double)slots_of(before, node) - (double)slots_of(after, node);
		part = part < 0 ? -part : part;
		percent = 100.0 * (double)m.other / MAGLEV_SIZE;
		cr_log_info("%s: %zu for %.0f, %.2f %% others", row->name, m.must, part, percent);
		cr_expect_leq(percent, row->other_atmost, "%s: %.2f %%", row->name, percent);
		cr_expect_geq((double)m.must, part, "%s", row->name);
		cr_expect_leq((double)m.must, part + MAGLEV_SIZE * row->other_atmost / 100, "%s",
			      row->name);
		free(before);
		free(after);
	}
}

/* Names decide, not places in the configuration. */
Test(maglev, the_order_of_configuration_does_not_matter)
{
	uint32_t weights[100];
	struct setup *s, *mixed;

	for (size_t i = 0; i < 100; i++)
		weights[i] = (uint32_t)(1 + i % 7);
	s = setup(100, weights);
	mixed = setup(100, weights);
	for (size_t i = 0; i < 100; i++)
		mixed->nodes[i] = s->nodes[i * 37 % 100];
	maglev_fill(mixed->table, mixed->nodes, 100);
	for (size_t i = 0; i < MAGLEV_SIZE; i++)
		cr_assert_str_eq(mixed->nodes[mixed->table[i]].name, s->nodes[s->table[i]].name);
	free(s);
	free(mixed);
}

/* PoPs of different versions, and a restart, agree: this is what it always was. */
Test(maglev, it_is_the_same_for_ever)
{
	const uint32_t weights[] = { 3, 1, 2 };
	struct setup *s = setup(3, weights), *again = setup(3, weights);
	uint64_t sum = 0;

	cr_expect_arr_eq(s->table, again->table, sizeof(s->table));
	for (size_t i = 0; i < MAGLEV_SIZE; i++)
		sum = sum * 31 + s->table[i];
	cr_expect_eq(sum, UINT64_C(0xbee3b6d4cd04d397), "0x%016lx", sum);
	free(s);
	free(again);
}

/* Not drawn from one another: weights in proportion are the same table. */
Test(maglev, only_proportions_count)
{
	const uint32_t ones[] = { 1, 2, 3 }, hundreds[] = { 100, 200, 300 };
	struct setup *s = setup(3, ones), *t = setup(3, hundreds);

	cr_expect_arr_eq(s->table, t->table, sizeof(s->table));
	free(s);
	free(t);
}

Test(maglev, slots_of_hashes)
{
	cr_expect_eq(maglev_slot(0), 0);
	cr_expect_eq(maglev_slot(65537), 0);
	cr_expect_eq(maglev_slot(UINT64_MAX), 0); /* 65537 divides 2^64 - 1 */
	cr_expect_lt(maglev_slot(UINT64_MAX - 1), MAGLEV_SIZE);
}
