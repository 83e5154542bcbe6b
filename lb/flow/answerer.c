/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/flow/answerer.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/alloc.h"

struct answerer {
	struct answerer_conf conf;
	struct answerer_flow (*find)(void *ctx, const struct flow_key *key);
	void *ctx;
	struct answerer_counters counters;
	struct bucket all;
	struct bucket each[]; /* pops */
};

struct answerer_conf answerer_conf_default(unsigned pops)
{
	return (struct answerer_conf){
		.pops = pops,
		.each = { 10000, 40000 },
		.all = { 20000, 80000 },
	};
}

struct answerer *answerer_new(const struct answerer_conf *conf,
			      struct answerer_flow (*find)(void *ctx, const struct flow_key *key),
			      void *ctx)
{
	struct answerer *a = xcalloc(1, sizeof(*a) + conf->pops * sizeof(*a->each));

	a->conf = *conf;
	a->find = find;
	a->ctx = ctx;
	return a;
}

void answerer_free(struct answerer *a)
{
	free(a);
}

bool answerer_question_take(struct answerer *a, unsigned pop, uint64_t id,
			    const struct flow_key *key, struct owner_answer *out,
			    struct instant now)
{
	struct answerer_flow flow;
	uint32_t age_ms;

	assert(pop < a->conf.pops);
	if (!bucket_take(&a->each[pop], &a->conf.each, 1, 0, now) ||
	    !bucket_take(&a->all, &a->conf.all, 1, 0, now)) {
		a->counters.limited++;
		return false;
	}
	flow = a->find(a->ctx, key);
	age_ms = flow.age_ms < OWNER_HALF_OPEN_MS ? flow.age_ms : OWNER_HALF_OPEN_MS - 1;
	*out = (struct owner_answer){ .id = id, .key = *key };
	switch (flow.standing) {
	case ANSWERER_ABSENT:
		a->counters.no++;
		return true;
	case ANSWERER_HALF_OPEN:
		out->age_ms = OWNER_HALF_OPEN_MS + age_ms;
		out->idle_ms = UINT32_MAX;
		break;
	case ANSWERER_OPEN:
		out->age_ms = age_ms;
		out->idle_ms = flow.idle_ms;
		break;
	case ANSWERER_CLOSING:
		out->age_ms = age_ms;
		out->idle_ms = UINT32_MAX;
		break;
	}
	out->yes = true;
	a->counters.yes++;
	return true;
}

const struct answerer_counters *answerer_counters(const struct answerer *a)
{
	return &a->counters;
}
