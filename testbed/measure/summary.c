/* SPDX-License-Identifier: GPL-3.0-or-later */
/* summary of result.json: the valid trials of a run together, per variant and fault. */
#include <string.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "testbed/measure/bootstrap.h"
#include "testbed/measure/geodns_model.h"
#include "testbed/measure/measure.h"
#include "testbed/measure/placement.h"
#include "testbed/measure/survival.h"

/* The effects of one fault on one variant in all valid trials. */
struct pool {
	const struct run_record *run;
	const struct effect **effects;
	size_t count, affected;
	/* Resolvers with affected users, trial by trial; by trial and group. */
	uint32_t *trial_of, *cluster_of;
	uint32_t clusters;
};

static struct pool pool_new(const struct run_record *run, const struct measure_effects *all,
			    size_t variant, const char *key)
{
	struct pool pool = { .run = run };

	pool.effects = xcalloc(all->count + 1, sizeof(const struct effect *));
	for (size_t i = 0; i < all->count; i++) {
		const struct effect *e = &all->effects[i];

		if (e->variant != variant || strcmp(e->fault->key, key) != 0 ||
		    !run->trials[e->fault->trial].valid)
			continue;
		pool.effects[pool.count++] = e;
		pool.affected += e->affected_count;
	}
	return pool;
}

/* Number the resolvers that have members, so that no empty one is drawn. */
static void pool_cluster(struct pool *pool)
{
	size_t groups = pool->run->group_count;
	size_t cells = pool->run->trial_count * groups;

	pool->cluster_of = xcalloc(cells + 1, sizeof(*pool->cluster_of));
	pool->trial_of = xcalloc(cells + 1, sizeof(*pool->trial_of));
	for (size_t i = 0; i < pool->count; i++) {
		const struct effect *e = pool->effects[i];

		for (size_t j = 0; j < e->affected_count; j++) {
			if (e->affected[j].group != RUN_NO_INDEX)
				pool->cluster_of[e->fault->trial * groups +
						 (size_t)e->affected[j].group] = 1;
		}
	}
	for (size_t cell = 0; cell < cells; cell++) {
		if (!pool->cluster_of[cell])
			continue;
		pool->trial_of[pool->clusters] = (uint32_t)(cell / groups);
		pool->cluster_of[cell] = pool->clusters++;
	}
}

static void pool_free(struct pool *pool)
{
	free(pool->effects);
	free(pool->cluster_of);
	free(pool->trial_of);
}

static uint32_t cluster_find(const struct pool *pool, const struct effect *e,
			     const struct effect_user *user)
{
	if (user->group == RUN_NO_INDEX)
		return 0;
	return pool->cluster_of[e->fault->trial * pool->run->group_count + (size_t)user->group];
}

enum measure { RECONNECT, FAILOVER, FAILBACK, LOSS_WINDOW };

static int64_t user_time(const struct effect_user *user, enum measure measure)
{
	switch (measure) {
	case RECONNECT:
		return user->recovery.reconnect_ns;
	case FAILOVER:
		return user->recovery.failover_ns;
	case FAILBACK:
		return user->recovery.failback_ns;
	case LOSS_WINDOW:
		return (int64_t)user->recovery.failed * user->period_ns;
	}
	return RECOVERY_NEVER;
}

/* Sorted; the caller frees. Fail-back only of faults that were undone. */
static struct lifetime *lifetimes_of(const struct pool *pool, enum measure measure, size_t *count)
{
	struct lifetime *lives = xcalloc(pool->affected + 1, sizeof(*lives));

	*count = 0;
	for (size_t i = 0; i < pool->count; i++) {
		const struct effect *e = pool->effects[i];
		const struct fault_window *w = &e->fault->window;

		if (measure == FAILBACK && !e->fault->undone)
			continue;
		for (size_t j = 0; j < e->affected_count; j++) {
			int64_t t = user_time(&e->affected[j], measure);
			struct lifetime life =
				effect_lifetime(e, t, cluster_find(pool, e, &e->affected[j]));

			if (measure == FAILBACK && t == RECOVERY_NEVER)
				life.t = w->until_ns - w->end_ns;
			lives[(*count)++] = life;
		}
	}
	survival_sort(lives, *count);
	return lives;
}

static json_t *quantile_ms(int64_t ns)
{
	if (ns == SURVIVAL_NEVER || ns == INT64_MIN)
		return json_null();
	return ns == RECOVERY_NEVER ? json_real(0) : measure_ms(ns); /* a difference of -1 ns */
}

/* null stands for never. */
static void interval_set(json_t *object, const char *key, const struct pool *pool,
			 struct lifetime *lives, size_t n, double p)
{
	json_int_t seed = json_integer_value(json_object_get(pool->run->result, "seed"));
	struct bootstrap_interval interval =
		bootstrap_quantile(lives, n, pool->trial_of, pool->clusters, p, (uint64_t)seed);

	if (interval.known)
		json_object_set_new(
			object, key,
			json_pack("[o, o]", quantile_ms(interval.low), quantile_ms(interval.high)));
}

static json_t *distribution_json(const struct pool *pool, enum measure measure)
{
	static const struct {
		const char *key;
		double p;
	} quantiles[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "max", 1 } };
	size_t n, never = 0;
	struct lifetime *lives = lifetimes_of(pool, measure, &n);
	json_t *object = json_object();

	for (int i = 0; i < 4; i++)
		json_object_set_new(object, quantiles[i].key,
				    quantile_ms(survival_quantile(lives, n, quantiles[i].p)));
	for (size_t i = 0; i < n; i++)
		never += !lives[i].ended;
	json_object_set_new(object, "n", json_integer((json_int_t)n));
	json_object_set_new(object, "never", json_integer((json_int_t)never));
	/* What "never" means here: longer than this was nobody watched. */
	json_object_set_new(object, "observed_ms", n ? measure_ms(lives[n - 1].t) : json_null());
	interval_set(object, "p50_interval", pool, lives, n, 0.5);
	interval_set(object, "p90_interval", pool, lives, n, 0.9);
	free(lives);
	return object;
}

static json_t *sum_json(uint64_t sum)
{
	return json_integer((json_int_t)sum);
}

#define POOL_SUM(pool, field)                                                                      \
	__extension__({                                                                            \
		uint64_t sum_ = 0;                                                                 \
		for (size_t i_ = 0; i_ < (pool)->count; i_++)                                      \
			sum_ += (pool)->effects[i_]->field;                                        \
		sum_;                                                                              \
	})

static json_t *sessions_sum(const struct pool *p)
{
	json_t *o = json_object();

	json_object_set_new(o, "open", sum_json(POOL_SUM(p, sessions.open)));
	json_object_set_new(o, "survived", sum_json(POOL_SUM(p, sessions.survived)));
	json_object_set_new(o, "reset", sum_json(POOL_SUM(p, sessions.reset)));
	json_object_set_new(o, "timed_out", sum_json(POOL_SUM(p, sessions.timed_out)));
	json_object_set_new(o, "undecided", sum_json(POOL_SUM(p, sessions.undecided)));
	json_object_set_new(o, "stalled", sum_json(POOL_SUM(p, sessions.stalled)));
	json_object_set_new(o, "others", sum_json(POOL_SUM(p, sessions.others)));
	json_object_set_new(o, "collateral", sum_json(POOL_SUM(p, sessions.collateral)));
	return o;
}

static json_t *failures_sum(const struct pool *p)
{
	json_t *o = json_object();

	for (enum outcome out = OUTCOME_OK + 1; out < OUTCOMES; out++)
		json_object_set_new(o, outcome_name(out), sum_json(POOL_SUM(p, outcomes[out])));
	return o;
}

static int compare_ns(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* The median over the trials in which it was seen (of an even number, the lower one). */
#define POOL_MEDIAN_MS(pool, field)                                                                \
	__extension__({                                                                            \
		int64_t *seen_ = xcalloc((pool)->count + 1, sizeof(*seen_));                       \
		size_t n_ = 0;                                                                     \
		json_t *median_;                                                                   \
		for (size_t i_ = 0; i_ < (pool)->count; i_++) {                                    \
			if ((pool)->effects[i_]->field != RECOVERY_NEVER)                          \
				seen_[n_++] = (pool)->effects[i_]->field;                          \
		}                                                                                  \
		qsort(seen_, n_, sizeof(*seen_), compare_ns);                                      \
		median_ = n_ ? measure_ms(seen_[(n_ - 1) / 2]) : json_null();                      \
		free(seen_);                                                                       \
		median_;                                                                           \
	})

/* The same over trials with affected users; where not all of them made it, it took longest. */
#define POOL_MEDIAN_USERS_MS(pool, field)                                                          \
	__extension__({                                                                            \
		int64_t *seen_ = xcalloc((pool)->count + 1, sizeof(*seen_));                       \
		size_t n_ = 0;                                                                     \
		json_t *median_;                                                                   \
		for (size_t i_ = 0; i_ < (pool)->count; i_++) {                                    \
			int64_t t_ = (pool)->effects[i_]->field;                                   \
			if ((pool)->effects[i_]->affected_count > 0)                               \
				seen_[n_++] = t_ == RECOVERY_NEVER ? SURVIVAL_NEVER : t_;          \
		}                                                                                  \
		qsort(seen_, n_, sizeof(*seen_), compare_ns);                                      \
		median_ = n_ ? quantile_ms(seen_[(n_ - 1) / 2]) : json_null();                     \
		free(seen_);                                                                       \
		median_;                                                                           \
	})

static json_t *cause_medians(const struct pool *p)
{
	json_t *o = json_object();

	json_object_set_new(o, "detected", POOL_MEDIAN_MS(p, cause.detected_ns));
	json_object_set_new(o, "withdrawn", POOL_MEDIAN_MS(p, cause.withdrawn_ns));
	json_object_set_new(o, "record_changed", POOL_MEDIAN_MS(p, cause.record_changed_ns));
	json_object_set_new(o, "routers_converged", POOL_MEDIAN_MS(p, cause.routers_converged_ns));
	json_object_set_new(o, "first_user", POOL_MEDIAN_USERS_MS(p, first_user_ns));
	json_object_set_new(o, "last_user", POOL_MEDIAN_USERS_MS(p, last_user_ns));
	json_object_set_new(o, "stable", POOL_MEDIAN_USERS_MS(p, stable_ns));
	return o;
}

static json_t *phase_json(const struct pool *p, enum effect_phase phase)
{
	const struct run_record *run = p->run;
	json_t *groups = json_object();

	for (size_t g = 0; g < run->group_count; g++) {
		json_t *row = json_object();

		for (size_t c = 0; c < run->pop_count; c++) {
			size_t cell = g * run->pop_count + c;
			uint64_t users = POOL_SUM(p, catchment[phase][cell]);

			if (users > 0)
				json_object_set_new(row, run->pops[c].text, sum_json(users));
		}
		json_object_set_new(groups, run->groups[g].text, row);
	}
	return groups;
}

static json_t *share_json(uint64_t part, uint64_t whole)
{
	return whole ? json_real((double)part / (double)whole) : json_null();
}

static void catchment_set(json_t *object, const struct pool *p)
{
	static const char *const phases[PHASES] = { "before", "during", "after" };
	json_t *catchment = json_object(), *control = json_object();

	for (enum effect_phase phase = 0; phase < PHASES; phase++) {
		json_object_set_new(catchment, phases[phase], phase_json(p, phase));
		json_object_set_new(
			control, phases[phase],
			share_json(POOL_SUM(p, at_nearest[phase]), POOL_SUM(p, placed[phase])));
	}
	json_object_set_new(catchment, "moved", sum_json(POOL_SUM(p, moved)));
	json_object_set_new(catchment, "moved_unaffected", sum_json(POOL_SUM(p, moved_unaffected)));
	json_object_set_new(catchment, "flips", sum_json(POOL_SUM(p, flips)));
	json_object_set_new(object, "catchment", catchment);
	json_object_set_new(object, "control", control);
}

static json_t *failback_json(const struct pool *p)
{
	json_t *o = json_object();

	json_object_set_new(o, "undone", sum_json(POOL_SUM(p, fault->undone)));
	json_object_set_new(o, "returned", sum_json(POOL_SUM(p, returned)));
	json_object_set_new(o, "requests", sum_json(POOL_SUM(p, failback_requests)));
	json_object_set_new(o, "failed", sum_json(POOL_SUM(p, failback_failed)));
	json_object_set_new(o, "ms", distribution_json(p, FAILBACK));
	return o;
}

static json_t *period_json(const struct pool *p)
{
	int64_t min = p->effects[0]->period_min_ns, max = 0;

	for (size_t i = 0; i < p->count; i++) {
		min = p->effects[i]->period_min_ns < min ? p->effects[i]->period_min_ns : min;
		max = p->effects[i]->period_max_ns > max ? p->effects[i]->period_max_ns : max;
	}
	return json_pack("{s:o, s:o}", "min", measure_ms(min), "max", measure_ms(max));
}

static json_t *pool_json(struct pool *p)
{
	const struct run_fault *fault = p->effects[0]->fault;
	json_t *o = json_object(), *model = geodns_model_json(p->run, p->effects, p->count);
	uint64_t requests = POOL_SUM(p, requests), failed = POOL_SUM(p, failed);

	pool_cluster(p);
	json_object_set_new(o, "kind", json_string(fault->kind));
	json_object_set_new(o, "target", json_string(fault->target));
	json_object_set_new(o, "pop",
			    fault->pop ? json_string(run_name(p->run, fault->pop)) : json_null());
	json_object_set_new(o, "trials", sum_json(p->count));
	json_object_set_new(o, "users", sum_json(POOL_SUM(p, users)));
	json_object_set_new(o, "affected", sum_json(p->affected));
	json_object_set_new(o, "period_ms", period_json(p));
	json_object_set_new(o, "reconnect_ms", distribution_json(p, RECONNECT));
	json_object_set_new(o, "failover_ms", distribution_json(p, FAILOVER));
	json_object_set_new(o, "loss_window_ms", distribution_json(p, LOSS_WINDOW));
	json_object_set_new(o, "requests", sum_json(requests));
	json_object_set_new(o, "failed", sum_json(failed));
	json_object_set_new(o, "failed_share", share_json(failed, requests));
	json_object_set_new(o, "failures", failures_sum(p));
	json_object_set_new(o, "sessions", sessions_sum(p));
	json_object_set_new(o, "cause_ms", cause_medians(p));
	json_object_set_new(o, "failback", failback_json(p));
	catchment_set(o, p);
	if (model)
		json_object_set_new(o, "model", model);
	return o;
}

/* Each key counts once, where it appears first. */
static bool is_first_of_key(const struct run_record *run, size_t fault)
{
	for (size_t i = 0; i < fault; i++) {
		if (strcmp(run->faults[i].key, run->faults[fault].key) == 0)
			return false;
	}
	return true;
}

/* By variant and fault key what tell() says of the users in that pool. */
static json_t *pools_json(const struct run_record *run, const struct measure_effects *all,
			  json_t *tell(struct pool *pool))
{
	json_t *variants = json_object();

	for (size_t v = 0; v < run->variant_count; v++) {
		json_t *faults = json_object();

		for (size_t f = 0; f < run->fault_count; f++) {
			struct pool pool;

			if (!is_first_of_key(run, f))
				continue;
			pool = pool_new(run, all, v, run->faults[f].key);
			if (pool.count > 0)
				json_object_set_new(faults, run->faults[f].key, tell(&pool));
			pool_free(&pool);
		}
		json_object_set_new(variants, run->variants[v].text, faults);
	}
	return variants;
}

static json_t *placement_json(const struct run_record *run)
{
	struct placement *all = placement_measure(run);
	json_t *o = json_object();

	for (size_t v = 0; v < run->variant_count; v++) {
		const struct placement *p = &all[v];

		json_object_set_new(o, run->variants[v].text,
				    json_pack("{s:I, s:I, s:o, s:I, s:I, s:o, s:o, s:o}", "users",
					      (json_int_t)p->users, "nearest",
					      (json_int_t)p->nearest, "nearest_share",
					      share_json(p->nearest, p->users), "timed",
					      (json_int_t)p->timed, "worse_25ms",
					      (json_int_t)p->worse, "worse_25ms_share",
					      share_json(p->worse, p->timed), "over_best_p50_ms",
					      p->timed ? measure_ms(p->over_p50_ns) : json_null(),
					      "over_best_p90_ms",
					      p->timed ? measure_ms(p->over_p90_ns) : json_null()));
	}
	free(all);
	return o;
}

/* Users affected in both variants in the same trial: a's reconnect time less b's. */
static size_t pair_lifetimes(const struct pool *a, const struct pool *b, struct lifetime *out,
			     size_t *both_never)
{
	size_t n = 0;

	for (size_t i = 0; i < a->count && i < b->count; i++) {
		const struct effect *x = a->effects[i], *y = b->effects[i];
		size_t k = 0;

		for (size_t j = 0; j < x->affected_count; j++) {
			int64_t s = x->affected[j].recovery.reconnect_ns, t;

			while (k < y->affected_count && y->affected[k].user < x->affected[j].user)
				k++;
			if (k == y->affected_count || y->affected[k].user != x->affected[j].user)
				continue;
			t = y->affected[k].recovery.reconnect_ns;
			if (s == RECOVERY_NEVER && t == RECOVERY_NEVER) {
				(*both_never)++;
				continue;
			}
			out[n++] =
				(struct lifetime){ s == RECOVERY_NEVER	 ? SURVIVAL_NEVER
						   : t == RECOVERY_NEVER ? INT64_MIN
									 : s - t,
						   true, 1, cluster_find(a, x, &x->affected[j]) };
		}
	}
	survival_sort(out, n);
	return n;
}

static json_t *pair_json(const struct run_record *run, const struct pool *a, const struct pool *b)
{
	struct lifetime *lives = xcalloc(a->affected + 1, sizeof(*lives));
	size_t both_never = 0, a_first = 0, b_first = 0;
	size_t n = pair_lifetimes(a, b, lives, &both_never);
	json_t *o = json_object();

	for (size_t i = 0; i < n; i++) {
		a_first += lives[i].t < 0;
		b_first += lives[i].t > 0;
	}
	json_object_set_new(o, "a", json_string(run->variants[a->effects[0]->variant].text));
	json_object_set_new(o, "b", json_string(run->variants[b->effects[0]->variant].text));
	json_object_set_new(o, "fault", json_string(a->effects[0]->fault->key));
	json_object_set_new(o, "n", sum_json(n + both_never));
	json_object_set_new(o, "both_never", sum_json(both_never));
	json_object_set_new(o, "a_first", sum_json(a_first));
	json_object_set_new(o, "b_first", sum_json(b_first));
	json_object_set_new(o, "p50_ms", quantile_ms(survival_quantile(lives, n, 0.5)));
	interval_set(o, "p50_interval", a, lives, n, 0.5);
	free(lives);
	return o;
}

static void pairs_add(json_t *pairs, const struct run_record *run,
		      const struct measure_effects *all, size_t v, const char *key)
{
	struct pool a = pool_new(run, all, v, key);

	pool_cluster(&a);
	for (size_t w = v + 1; w < run->variant_count && a.count > 0; w++) {
		struct pool b = pool_new(run, all, w, key);

		if (b.count > 0)
			json_array_append_new(pairs, pair_json(run, &a, &b));
		pool_free(&b);
	}
	pool_free(&a);
}

static json_t *pairs_json(const struct run_record *run, const struct measure_effects *all)
{
	json_t *pairs = json_array();

	for (size_t f = 0; f < run->fault_count; f++) {
		for (size_t v = 0; v < run->variant_count && is_first_of_key(run, f); v++)
			pairs_add(pairs, run, all, v, run->faults[f].key);
	}
	return pairs;
}

json_t *measure_summary(const struct run_record *run, const struct measure_effects *all)
{
	json_t *summary = json_object();
	size_t valid = 0;

	for (size_t i = 0; i < run->trial_count; i++)
		valid += run->trials[i].valid;
	json_object_set_new(summary, "trials",
			    json_pack("{s:I, s:I}", "valid", (json_int_t)valid, "invalid",
				      (json_int_t)(run->trial_count - valid)));
	json_object_set_new(summary, "variants", pools_json(run, all, pool_json));
	json_object_set_new(summary, "paired", pairs_json(run, all));
	json_object_set_new(summary, "placement", placement_json(run));
	return summary;
}

static json_t *curve_json(struct pool *pool)
{
	json_t *list = json_array(), *o = json_object();
	struct survival_step *curve;
	struct lifetime *lives;
	size_t n, steps;

	pool_cluster(pool);
	lives = lifetimes_of(pool, RECONNECT, &n);
	curve = xcalloc(n + 1, sizeof(*curve));
	steps = survival_curve(lives, n, curve);
	for (size_t i = 0; i < steps; i++)
		json_array_append_new(list,
				      json_pack("[o, f]", measure_ms(curve[i].t), curve[i].ended));
	json_object_set_new(o, "n", sum_json(n));
	json_object_set_new(o, "until_ms", n ? measure_ms(lives[n - 1].t) : json_null());
	json_object_set_new(o, "steps", list);
	free(curve);
	free(lives);
	return o;
}

json_t *measure_curves(const struct run_record *run, const struct measure_effects *all)
{
	return pools_json(run, all, curve_json);
}
