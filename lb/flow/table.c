/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/flow/table.h"

static void sweep(struct flow_entry *entry, struct flow_now now, struct flow_census *census)
{
	const uint64_t word = flow_entry_word(entry);
	const uint32_t state = FLOW_STATE(word);

	if (word == 0 || state > FLOW_HALF) {
		census->states[FLOW_FREE]++;
		return;
	}
	if (flow_entry_is_over(word, entry, now) && flow_entry_forget(entry, word)) {
		census->states[FLOW_FREE]++;
		census->freed++;
		return;
	}
	census->states[state]++;
	if (state != FLOW_HALF && flow_entry_age(entry, now) > FLOW_AGE_MAX)
		*(volatile uint32_t *)&entry->born = now.born - FLOW_AGE_MAX;
}

void flow_table_sweep(struct flow_bucket *buckets, size_t from, size_t count, struct flow_now now,
		      struct flow_census *census)
{
	for (size_t i = from; i < from + count; i++) {
		for (size_t slot = 0; slot < FLOW_SLOTS; slot++)
			sweep(&buckets[i].entries[slot], now, census);
	}
}

uint32_t flow_buckets_for(uint64_t flows)
{
	uint32_t buckets = 2;

	while (buckets < FLOW_BUCKETS_MAX && (uint64_t)buckets * FLOW_SLOTS < 2 * flows)
		buckets *= 2;
	return buckets;
}

uint64_t flow_age_ms(const struct flow_entry *entry, struct flow_now now)
{
	return ((uint64_t)flow_entry_age(entry, now) << FLOW_BORN_SHIFT) / 1000000;
}
