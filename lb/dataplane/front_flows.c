/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_flows.c - the connection table from user space: what was found of flows, and ageing.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "lb/dataplane/front_state.h"

/* Parts of the table, one each second: all of it is looked at in ten minutes. */
#define SWEEPS 600

struct flow_now front_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return flow_now((uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec);
}

struct flow_place front_flow_place(const struct front *front, const struct flow_key *key,
				   uint64_t *hash)
{
	*hash = flow_key_hash(&front->secret, key);
	return flow_place(*hash, front->buckets - 1);
}

/* User space has judged: the flow may be asked about again. */
static void asking_reset(struct front *f, uint64_t hash)
{
	struct front_asking *slot = &f->asking[hash % FRONT_ASKING];
	uint64_t word = __atomic_load_n(&slot->word, __ATOMIC_RELAXED);

	if (word >> 24 == hash >> 24)
		__atomic_store_n(&slot->word, 0, __ATOMIC_RELAXED);
}

/* ---- whether a flow is here ---- */

static bool kernel_knows(const struct front *f, const struct flow_key *key)
{
	struct bpf_test_run_opts opts = {
		.sz = sizeof(opts), .data_in = key, .data_size_in = sizeof(*key), .repeat = 1
	};

	return bpf_prog_test_run_opts(f->known, &opts) == 0 && opts.retval == 1;
}

bool front_flow_find(struct front *front, const struct flow_key *key, uint64_t *age_ms)
{
	const struct flow_now now = front_now();
	uint64_t hash, word;
	const struct flow_place place = front_flow_place(front, key, &hash);
	const struct flow_entry *entry = flow_table_lookup(front->flows, &place, now, &word);
	const bool is_open =
		entry && (FLOW_STATE(word) == FLOW_OPEN || FLOW_STATE(word) == FLOW_CLOSING);
	struct flow_place half;

	if (age_ms)
		*age_ms = is_open ? flow_age_ms(entry, now) : 0;
	if (front->options.plane == FRONT_LOCAL)
		return kernel_knows(front, key);
	half = flow_place(hash, front->half_buckets - 1);
	return is_open || half_open_lookup(front->half, &half, now) != 0;
}

/* The kernel has it, the table does not: it is older than the table, and nobody knows more. */
static const struct answerer_flow old_flow = { ANSWERER_OPEN, OWNER_HALF_OPEN_MS - 1, UINT32_MAX };

static struct answerer_flow half_look(struct front *f, uint64_t hash, struct flow_now now)
{
	const struct flow_place place = flow_place(hash, f->half_buckets - 1);
	uint64_t word;
	const struct flow_entry *entry = flow_table_lookup(f->half, &place, now, &word);

	if (!entry)
		return (struct answerer_flow){ .standing = ANSWERER_ABSENT };
	/* In microseconds, nearly. */
	return (struct answerer_flow){ ANSWERER_HALF_OPEN, half_open_age(entry, now) / 1000, 0 };
}

static bool origin_is_there(const struct front *front, uint32_t index)
{
	return index < FRONT_ORIGINS_MAX && front->origins[index].ifindex != 0;
}

struct answerer_flow front_flow_look(struct front *front, const struct flow_key *key)
{
	const bool is_local = front->options.plane == FRONT_LOCAL;
	const struct flow_now now = front_now();
	uint64_t hash, word;
	const struct flow_place place = front_flow_place(front, key, &hash);
	const struct flow_entry *entry = flow_table_lookup(front->flows, &place, now, &word);
	struct answerer_flow flow;

	/* What is handed over for a VIP that has gone is not delivered, whoever still knows it. */
	if (!front_has_vip(front, key) || (is_local && !kernel_knows(front, key)))
		return (struct answerer_flow){ .standing = ANSWERER_ABSENT };
	if (!entry || (FLOW_STATE(word) != FLOW_OPEN && FLOW_STATE(word) != FLOW_CLOSING)) {
		flow = half_look(front, hash, now);
		return is_local && flow.standing == ANSWERER_ABSENT ? old_flow : flow;
	}
	/* With its origin gone, so is the flow: whoever is asked last resets it. */
	if (!is_local && !origin_is_there(front, FLOW_TARGET(word)))
		return (struct answerer_flow){ .standing = ANSWERER_ABSENT };
	flow.standing = FLOW_STATE(word) == FLOW_OPEN ? ANSWERER_OPEN : ANSWERER_CLOSING;
	flow.age_ms = (uint32_t)flow_age_ms(entry, now);
	/* Units of 2^30 ns, so that one is 1.07 s. */
	flow.idle_ms = flow_entry_idle(entry, now) * 1074;
	return flow;
}

/* ---- what was found ---- */

static bool flow_put(struct front *f, const struct flow_key *key, uint32_t state, unsigned pop)
{
	const struct flow_now now = front_now();
	uint64_t hash, word;
	const struct flow_place place = front_flow_place(f, key, &hash);
	bool is_put = false;

	/* A SYN has made it ours meanwhile; before, the program forgot what it had of it. */
	flow_table_lookup(f->flows, &place, now, &word);
	if (FLOW_STATE(word) != FLOW_OPEN)
		is_put = flow_table_put(f->flows, f->buckets - 1, &place, state, pop, now) !=
			 FLOW_PUT_NONE;
	asking_reset(f, hash);
	return is_put;
}

bool front_flow_learn(struct front *front, const struct flow_key *key, unsigned pop)
{
	return flow_put(front, key, FLOW_ELSEWHERE, pop);
}

void front_flow_refuse(struct front *front, const struct flow_key *key)
{
	flow_put(front, key, FLOW_NOWHERE, 0);
}

void front_flow_forget(struct front *front, const struct flow_key *key)
{
	uint64_t hash, word;
	const struct flow_place place = front_flow_place(front, key, &hash);
	struct flow_entry *entry = flow_table_lookup(front->flows, &place, front_now(), &word);

	if (entry && (FLOW_STATE(word) == FLOW_ELSEWHERE || FLOW_STATE(word) == FLOW_NOWHERE))
		flow_entry_forget(entry, word);
	asking_reset(front, hash);
}

void front_pops_forget(struct front *front, const bool *pops)
{
	for (size_t i = 0; i < (size_t)front->buckets * FLOW_SLOTS; i++) {
		struct flow_entry *entry = &front->flows[i / FLOW_SLOTS].entries[i % FLOW_SLOTS];
		const uint64_t word = flow_entry_word(entry);

		if (FLOW_STATE(word) == FLOW_ELSEWHERE && FLOW_TARGET(word) < FRONT_POPS_MAX &&
		    pops[FLOW_TARGET(word)])
			flow_entry_forget(entry, word);
	}
}

void front_origin_flows(const struct front *front, uint32_t *flows)
{
	memset(flows, 0, FRONT_ORIGINS_MAX * sizeof(*flows));
	for (size_t i = 0; i < (size_t)front->buckets * FLOW_SLOTS; i++) {
		const uint64_t word =
			flow_entry_word(&front->flows[i / FLOW_SLOTS].entries[i % FLOW_SLOTS]);

		if (FLOW_STATE(word) == FLOW_OPEN && FLOW_TARGET(word) < FRONT_ORIGINS_MAX)
			flows[FLOW_TARGET(word)]++;
	}
}

/* ---- ageing ---- */

/* Of each walk through a table the census counts once it is complete. */
void front_sweep(struct front *front)
{
	const struct flow_now now = front_now();
	size_t part = (front->buckets + SWEEPS - 1) / SWEEPS;

	if (part > front->buckets - front->swept)
		part = front->buckets - front->swept;
	flow_table_sweep(front->flows, front->swept, part, now, &front->sweeping);
	front->swept += part;
	if (front->swept == front->buckets) {
		front->census = front->sweeping;
		front->sweeping = (struct flow_census){ 0 };
		front->swept = 0;
	}
	flow_cap_halve(front->cap);
}

void front_census(const struct front *front, struct flow_census *out)
{
	*out = front->census;
}
