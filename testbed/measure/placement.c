/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/measure/placement.h"

#include <math.h>

#include "lib/alloc.h"

/* A success before the fault: cell is group x pop. */
struct sample {
	size_t cell;
	int64_t latency_ns;
};

int placement_nearest(const struct run_record *run, size_t group, uint32_t left_out)
{
	double best_km = INFINITY;
	int best = RUN_NO_INDEX;

	if (!run->groups[group].placed)
		return RUN_NO_INDEX;
	for (size_t i = 0; i < run->pop_count; i++) {
		double km;

		if (!run->pops[i].placed || run->pops[i].name == left_out)
			continue;
		km = geo_distance_km(run->groups[group].at, run->pops[i].at);
		if (km < best_km) {
			best_km = km;
			best = (int)i;
		}
	}
	return best;
}

int64_t placement_estimate_ns(double km)
{
	return llround(2 * km / PLACEMENT_KM_MS * PLACEMENT_STRETCH * 1e6);
}

static int compare_samples(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	if (x->cell != y->cell)
		return x->cell < y->cell ? -1 : 1;
	return x->latency_ns < y->latency_ns ? -1 : x->latency_ns > y->latency_ns;
}

static bool is_counted(const struct run_record *run, const struct run_user *user)
{
	return user->primary && run->trials[user->trial].valid;
}

/* The user's successes before the first fault into samples; returns how many. */
static size_t samples_of(const struct run_record *run, const struct run_user *user,
			 struct sample *samples)
{
	int group = run_place_find(run->groups, run->group_count, user->group);
	size_t count = 0;

	for (size_t i = 0; i < user->count && group != RUN_NO_INDEX; i++) {
		const struct slot *slot = &user->slots[i];
		int pop;

		if (slot->planned_ns >= run->trials[user->trial].first_fault_ns)
			break;
		pop = run_place_find(run->pops, run->pop_count, slot->pop);
		if (slot->outcome == OUTCOME_OK && pop != RUN_NO_INDEX)
			samples[count++] =
				(struct sample){ (size_t)group * run->pop_count + (size_t)pop,
						 slot->completed_ns - slot->planned_ns };
	}
	return count;
}

/* Lower the groups' best to the medians that were seen. */
static void best_seen(const struct run_record *run, struct sample *samples, size_t n, int64_t *best)
{
	size_t j;

	if (n > 0)
		qsort(samples, n, sizeof(*samples), compare_samples);
	for (size_t i = 0; i < n; i = j) {
		size_t group = samples[i].cell / run->pop_count;
		int64_t median;

		for (j = i; j < n && samples[j].cell == samples[i].cell;)
			j++;
		median = samples[i + (j - i - 1) / 2].latency_ns;
		if (median < best[group])
			best[group] = median;
	}
}

/* For pops that a group never heard from, distance bounds what it could have had. */
static void best_estimated(const struct run_record *run, const struct sample *samples, size_t n,
			   int64_t *best)
{
	bool *seen = xcalloc(run->group_count * run->pop_count + 1, sizeof(*seen));

	for (size_t i = 0; i < n; i++)
		seen[samples[i].cell] = true;
	for (size_t cell = 0; cell < run->group_count * run->pop_count; cell++) {
		const struct run_place *group = &run->groups[cell / run->pop_count];
		const struct run_place *pop = &run->pops[cell % run->pop_count];
		int64_t estimate;

		if (seen[cell] || !group->placed || !pop->placed)
			continue;
		estimate = placement_estimate_ns(geo_distance_km(group->at, pop->at));
		if (estimate < best[cell / run->pop_count])
			best[cell / run->pop_count] = estimate;
	}
	free(seen);
}

static int64_t *best_of_groups(const struct run_record *run, struct sample *room)
{
	int64_t *best = xmalloc((run->group_count + 1) * sizeof(*best));
	size_t n = 0;

	for (size_t g = 0; g < run->group_count; g++)
		best[g] = INT64_MAX;
	for (size_t i = 0; i < run->user_count; i++) {
		if (is_counted(run, &run->users[i]))
			n += samples_of(run, &run->users[i], room + n);
	}
	best_seen(run, room, n, best);
	best_estimated(run, room, n, best);
	return best;
}

static void user_place(const struct run_record *run, const struct run_user *user,
		       struct sample *samples, const int64_t *best, struct placement *p)
{
	size_t n = samples_of(run, user, samples);
	int nearest;
	size_t group, last;
	int64_t over;

	if (n == 0)
		return;
	group = samples[0].cell / run->pop_count;
	last = samples[n - 1].cell % run->pop_count;
	nearest = placement_nearest(run, group, NAME_NONE);
	if (nearest != RUN_NO_INDEX) {
		p->users++;
		p->nearest += (size_t)nearest == last;
	}
	/* The median over all pops that answered this user: what it lived with. */
	for (size_t i = 0; i < n; i++)
		samples[i].cell = 0;
	qsort(samples, n, sizeof(*samples), compare_samples);
	over = samples[(n - 1) / 2].latency_ns - best[group];
	samples[0].latency_ns = over;
	p->timed++;
	p->worse += over >= PLACEMENT_WORSE_NS;
}

static void variant_place(const struct run_record *run, uint32_t variant, struct sample *room,
			  const int64_t *best, struct placement *p)
{
	size_t overs = 0;

	for (size_t i = 0; i < run->user_count; i++) {
		if (run->users[i].variant != variant || !is_counted(run, &run->users[i]))
			continue;
		/* Each user's excess stays in room[overs], the samples behind are scratch. */
		user_place(run, &run->users[i], room + overs, best, p);
		overs = p->timed;
	}
	if (overs == 0)
		return;
	qsort(room, overs, sizeof(*room), compare_samples);
	p->over_p50_ns = room[(overs + 1) / 2 - 1].latency_ns;
	p->over_p90_ns = room[(overs * 9 + 9) / 10 - 1].latency_ns;
}

struct placement *placement_measure(const struct run_record *run)
{
	struct placement *all = xcalloc(run->variant_count + 1, sizeof(*all));
	size_t slots = 0;
	struct sample *room;
	int64_t *best;

	for (size_t i = 0; i < run->user_count; i++)
		slots += run->users[i].count;
	room = xcalloc(slots + 1, sizeof(*room));
	best = best_of_groups(run, room);
	for (size_t v = 0; v < run->variant_count; v++)
		variant_place(run, run->variants[v].name, room, best, &all[v]);
	free(best);
	free(room);
	return all;
}
