/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trials[].variants of result.json: the numbers of one trial, user by user. */
#include "lib/clock.h"
#include "testbed/measure/measure.h"

static json_t *ns_or_null(int64_t ns)
{
	return ns == RECOVERY_NEVER ? json_null() : json_integer(ns);
}

static json_t *outcomes_json(const uint64_t outcomes[OUTCOMES])
{
	json_t *object = json_object();

	for (enum outcome o = OUTCOME_OK + 1; o < OUTCOMES; o++)
		json_object_set_new(object, outcome_name(o), json_integer((json_int_t)outcomes[o]));
	return object;
}

static json_t *sessions_json(const struct effect_sessions *s)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "open", (json_int_t)s->open,
			 "survived", (json_int_t)s->survived, "reset", (json_int_t)s->reset,
			 "timed_out", (json_int_t)s->timed_out, "undecided",
			 (json_int_t)s->undecided, "stalled", (json_int_t)s->stalled, "others",
			 (json_int_t)s->others, "collateral", (json_int_t)s->collateral);
}

static json_t *cause_json(const struct effect *e)
{
	return json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "fault", 0, "detected",
			 ns_or_null(e->cause.detected_ns), "withdrawn",
			 ns_or_null(e->cause.withdrawn_ns), "record_changed",
			 ns_or_null(e->cause.record_changed_ns), "routers_converged",
			 ns_or_null(e->cause.routers_converged_ns), "first_user",
			 ns_or_null(e->first_user_ns), "last_user", ns_or_null(e->last_user_ns),
			 "stable", ns_or_null(e->stable_ns));
}

/* The arrays run over the affected users in the same order. */
static void users_json(json_t *object, const struct effect *e)
{
	static const char *const keys[] = { "users", "reconnect_ms", "failover_ms",
					    "loss_window_ms", "failback_ms" };
	json_t *lists[5];

	for (int i = 0; i < 5; i++) {
		lists[i] = json_array();
		json_object_set_new(object, keys[i], lists[i]);
	}
	for (size_t i = 0; i < e->affected_count; i++) {
		const struct effect_user *u = &e->affected[i];
		const struct recovery *r = &u->recovery;

		json_array_append_new(lists[0], json_integer(u->user));
		json_array_append_new(lists[1], measure_ms(r->reconnect_ns));
		json_array_append_new(lists[2], measure_ms(r->failover_ns));
		json_array_append_new(lists[3], measure_ms((int64_t)r->failed * u->period_ns));
		json_array_append_new(lists[4], measure_ms(r->failback_ns));
	}
}

static json_t *fault_json(const struct effect *e)
{
	const struct run_fault *fault = e->fault;
	json_t *object = json_object();

	json_object_set_new(object, "kind", json_string(fault->kind));
	json_object_set_new(object, "target", json_string(fault->target));
	json_object_set_new(object, "lasted_ms",
			    measure_ms(fault->window.end_ns - fault->window.begin_ns));
	json_object_set_new(object, "all_users", json_integer((json_int_t)e->users));
	json_object_set_new(object, "affected", json_integer((json_int_t)e->affected_count));
	users_json(object, e);
	json_object_set_new(object, "requests", json_integer((json_int_t)e->requests));
	json_object_set_new(object, "failed", json_integer((json_int_t)e->failed));
	json_object_set_new(object, "failures", outcomes_json(e->outcomes));
	json_object_set_new(object, "sessions", sessions_json(&e->sessions));
	json_object_set_new(object, "cause_ns", cause_json(e));
	return object;
}

/* Every request of every kind in the trial. */
static void requests_json(json_t *object, const struct run_record *run, size_t trial,
			  uint32_t variant)
{
	uint64_t requests = 0, outcomes[OUTCOMES] = { 0 };

	for (size_t i = 0; i < run->user_count; i++) {
		const struct run_user *u = &run->users[i];

		if (u->trial != trial || u->variant != variant)
			continue;
		requests += u->count;
		for (size_t j = 0; j < u->count; j++)
			outcomes[u->slots[j].outcome]++;
	}
	json_object_set_new(object, "requests", json_integer((json_int_t)requests));
	json_object_set_new(object, "failed",
			    json_integer((json_int_t)(requests - outcomes[OUTCOME_OK])));
	json_object_set_new(object, "failures", outcomes_json(outcomes));
}

static void sessions_add(struct effect_sessions *sum, const struct effect_sessions *s)
{
	sum->open += s->open;
	sum->survived += s->survived;
	sum->reset += s->reset;
	sum->timed_out += s->timed_out;
	sum->undecided += s->undecided;
	sum->stalled += s->stalled;
	sum->others += s->others;
	sum->collateral += s->collateral;
}

/* Arrays and sessions over all faults of the trial in their order; the causes are the first's. */
static json_t *variant_json(const struct run_record *run, const struct measure_effects *all,
			    size_t trial, size_t variant)
{
	json_t *object = json_object(), *faults = json_object();
	json_t *reconnect = json_array(), *failover = json_array();
	struct effect_sessions sessions = { 0 };
	const struct effect *first = NULL;

	for (size_t i = 0; i < all->count; i++) {
		const struct effect *e = &all->effects[i];
		json_t *fault;

		if (e->fault->trial != trial || e->variant != variant)
			continue;
		fault = fault_json(e);
		json_array_extend(reconnect, json_object_get(fault, "reconnect_ms"));
		json_array_extend(failover, json_object_get(fault, "failover_ms"));
		json_object_set_new(faults, e->fault->id, fault);
		sessions_add(&sessions, &e->sessions);
		first = first ? first : e;
	}
	json_object_set_new(object, "reconnect_ms", reconnect);
	json_object_set_new(object, "failover_ms", failover);
	requests_json(object, run, trial, run->variants[variant].name);
	json_object_set_new(object, "sessions", sessions_json(&sessions));
	json_object_set_new(object, "cause_ns", first ? cause_json(first) : json_object());
	json_object_set_new(object, "faults", faults);
	return object;
}

json_t *measure_ms(int64_t ns)
{
	int64_t us = ns >= 0 ? (ns + 500) / NS_PER_US : (ns - 500) / NS_PER_US;

	return ns == RECOVERY_NEVER ? json_null() : json_real((double)us / 1000);
}

json_t *measure_trial_variants(const struct run_record *run, const struct measure_effects *all,
			       size_t trial)
{
	json_t *variants = json_object();

	for (size_t v = 0; v < run->variant_count; v++)
		json_object_set_new(variants, run->variants[v].text,
				    variant_json(run, all, trial, v));
	return variants;
}
