/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/measure/effect.h"

#include <string.h>

#include "lib/alloc.h"
#include "testbed/measure/placement.h"
#include "testbed/measure/survival.h"

/* Nobody wants users there while the fault lasts. Of these it lives, and may be reached or not. */
static bool takes_out(const struct run_fault *fault)
{
	return strcmp(fault->kind, "link_cut") != 0 && strcmp(fault->kind, "catchment_shift") != 0;
}

static void catchment_add(struct effect *e, const struct run_record *run, int group, uint32_t pop,
			  enum effect_phase phase)
{
	int column = run_place_find(run->pops, run->pop_count, pop);
	uint32_t dead = phase == PHASE_DURING && takes_out(e->fault) ? e->fault->pop : NAME_NONE;
	int nearest;

	if (group == RUN_NO_INDEX || column == RUN_NO_INDEX)
		return;
	e->catchment[phase][(size_t)group * run->pop_count + (size_t)column]++;
	nearest = placement_nearest(run, (size_t)group, dead);
	if (nearest == RUN_NO_INDEX)
		return;
	e->placed[phase]++;
	e->at_nearest[phase] += nearest == column;
}

static void totals_add(struct effect *e, const struct run_user *user, const struct recovery *r,
		       bool affected)
{
	e->users++;
	e->requests += r->requests;
	e->failed += r->failed;
	e->flips += r->flips;
	for (int o = 0; o < OUTCOMES; o++)
		e->outcomes[o] += r->outcomes[o];
	if (r->pop_before != NAME_NONE && r->pop_during != NAME_NONE &&
	    r->pop_during != r->pop_before) {
		e->moved++;
		e->moved_unaffected += !affected;
	}
	if (e->users == 1 || user->period_ns < e->period_min_ns)
		e->period_min_ns = user->period_ns;
	if (user->period_ns > e->period_max_ns)
		e->period_max_ns = user->period_ns;
}

static void affected_add(struct effect *e, const struct run_user *user, int group,
			 const struct recovery *r)
{
	e->affected[e->affected_count++] =
		(struct effect_user){ user->user, group, user->period_ns, *r };
	e->returned += r->failback_ns != RECOVERY_NEVER && r->pop_after == r->pop_before;
	e->failback_requests += r->failback_requests;
	e->failback_failed += r->failback_failed;
}

static void user_add(struct effect *e, const struct run_record *run, const struct run_user *user)
{
	const struct run_fault *fault = e->fault;
	struct recovery r = recovery_measure(user->slots, user->count, &fault->window);
	int group = run_place_find(run->groups, run->group_count, user->group);
	/* A fault that hits no pop affects whom it costs a request. */
	bool affected = fault->pop != NAME_NONE ? r.pop_before == fault->pop : r.failed > 0;

	totals_add(e, user, &r, affected);
	catchment_add(e, run, group, r.pop_before, PHASE_BEFORE);
	catchment_add(e, run, group, r.pop_during, PHASE_DURING);
	catchment_add(e, run, group, r.pop_after, PHASE_AFTER);
	if (affected)
		affected_add(e, user, group, &r);
}

static void session_add(struct effect *e, const struct run_session *session)
{
	struct session_verdict v = session_judge(session->events, session->count, &e->fault->window,
						 session->period_ns);
	struct effect_sessions *s = &e->sessions;

	if (v.fate == FATE_NOT_OPEN)
		return;
	if (e->fault->pop != NAME_NONE && v.pop != e->fault->pop) {
		s->others++;
		s->collateral += v.fate == FATE_RESET || v.fate == FATE_TIMED_OUT;
		return;
	}
	s->open++;
	s->survived += v.fate == FATE_SURVIVED;
	s->reset += v.fate == FATE_RESET;
	s->timed_out += v.fate == FATE_TIMED_OUT;
	s->undecided += v.fate == FATE_UNDECIDED;
	s->stalled += v.stalled;
}

/* First and last user to be answered again, and when the last one stayed so. */
static void milestones(struct effect *e)
{
	bool all_back = true, all_stable = true;

	e->first_user_ns = e->last_user_ns = e->stable_ns = RECOVERY_NEVER;
	for (size_t i = 0; i < e->affected_count; i++) {
		const struct recovery *r = &e->affected[i].recovery;

		all_back = all_back && r->reconnect_ns != RECOVERY_NEVER;
		all_stable = all_stable && r->failover_ns != RECOVERY_NEVER;
		if (r->reconnect_ns != RECOVERY_NEVER &&
		    (e->first_user_ns == RECOVERY_NEVER || r->reconnect_ns < e->first_user_ns))
			e->first_user_ns = r->reconnect_ns;
		if (r->reconnect_ns > e->last_user_ns)
			e->last_user_ns = r->reconnect_ns;
		if (r->failover_ns > e->stable_ns)
			e->stable_ns = r->failover_ns;
	}
	if (!all_back)
		e->last_user_ns = RECOVERY_NEVER;
	if (!all_stable)
		e->stable_ns = RECOVERY_NEVER;
}

void effect_measure(struct effect *out, const struct run_record *run, const struct run_fault *fault,
		    size_t variant)
{
	struct effect e = { .fault = fault, .variant = variant };
	uint32_t name = run->variants[variant].name;
	const json_t *means = run_scenario_find(run, "variants", run->variants[variant].text);

	e.affected = xcalloc(run->user_count + 1, sizeof(*e.affected));
	for (int p = 0; p < PHASES; p++)
		e.catchment[p] = xcalloc(run->group_count * run->pop_count + 1, sizeof(uint32_t));
	for (size_t i = 0; i < run->user_count; i++) {
		const struct run_user *user = &run->users[i];

		if (user->primary && user->trial == fault->trial && user->variant == name)
			user_add(&e, run, user);
	}
	for (size_t i = 0; i < run->session_count; i++) {
		const struct run_session *session = &run->sessions[i];

		if (session->trial == fault->trial && session->variant == name)
			session_add(&e, session);
	}
	e.cause = cause_split(run, fault, name, cause_means_of_variant(means));
	milestones(&e);
	*out = e;
}

void effect_fini(struct effect *effect)
{
	free(effect->affected);
	for (int p = 0; p < PHASES; p++)
		free(effect->catchment[p]);
}

struct lifetime effect_lifetime(const struct effect *effect, int64_t t_ns, uint32_t cluster)
{
	const struct fault_window *w = &effect->fault->window;
	bool ended = t_ns != RECOVERY_NEVER;

	return (struct lifetime){ ended ? t_ns : w->end_ns - w->begin_ns, ended, 1, cluster };
}
