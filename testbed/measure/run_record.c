/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/measure/run_record.h"

#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/clock.h"

/* Ids of the words that rows are sorted out by. */
struct words {
	uint32_t udp, http, dns, session, fault, trial, begin, end, invalid;
};

/* One request or session row with what it is sorted by; series is the kind or the session. */
struct row {
	uint32_t trial, variant, series, index;
	int32_t user;
	bool is_session;
	int64_t t_ns;
};

struct rows {
	struct row *rows;
	size_t count;
};

const char *run_name(const struct run_record *run, uint32_t id)
{
	return name_table_text(run->raw.names, id);
}

int run_place_find(const struct run_place *places, size_t count, uint32_t name)
{
	for (size_t i = 0; i < count; i++) {
		if (places[i].name == name)
			return (int)i;
	}
	return RUN_NO_INDEX;
}

const json_t *run_scenario_find(const struct run_record *run, const char *list, const char *name)
{
	const json_t *items = json_object_get(json_object_get(run->result, "scenario"), list);
	const json_t *item;
	size_t i;

	json_array_foreach (items, i, item) {
		const char *text = json_string_value(json_object_get(item, "name"));

		if (text && strcmp(text, name) == 0)
			return item;
	}
	return NULL;
}

static uint32_t word(struct run_record *run, const char *text)
{
	return name_table_add(run->raw.names, text, strlen(text));
}

static struct words words_of(struct run_record *run)
{
	return (struct words){ word(run, "udp"),     word(run, "http"),	 word(run, "dns"),
			       word(run, "session"), word(run, "fault"), word(run, "trial"),
			       word(run, "begin"),   word(run, "end"),	 word(run, "invalid") };
}

static struct run_place *places_load(struct run_record *run, const char *list, size_t *count)
{
	const json_t *items = json_object_get(json_object_get(run->result, "scenario"), list);
	const json_t *known = json_object_get(json_object_get(run->result, "places"), list);
	struct run_place *places =
		arena_new_array(run->arena, struct run_place, json_array_size(items) + 1);
	const json_t *item;
	size_t i;

	*count = 0;
	json_array_foreach (items, i, item) {
		const char *text = json_string_value(json_object_get(item, "name"));
		const json_t *at = text ? json_object_get(known, text) : NULL;
		struct run_place *place = &places[*count];

		if (!text)
			continue;
		place->name = word(run, text);
		place->text = run_name(run, place->name);
		place->placed = json_array_size(at) == 2;
		place->at.lat = json_number_value(json_array_get(at, 0));
		place->at.lon = json_number_value(json_array_get(at, 1));
		(*count)++;
	}
	return places;
}

static void trials_load(struct run_record *run)
{
	const json_t *items = json_object_get(run->result, "trials");
	const json_t *item;
	size_t i;

	run->trial_count = json_array_size(items);
	run->trials = arena_new_array(run->arena, struct run_trial, run->trial_count + 1);
	json_array_foreach (items, i, item) {
		run->trials[i] = (struct run_trial){
			.number = (int32_t)json_integer_value(json_object_get(item, "trial")),
			.valid = json_is_true(json_object_get(item, "valid")),
			.begin_ns = INT64_MAX,
			.end_ns = -1,
		};
	}
}

static size_t trial_find(const struct run_record *run, int32_t number, size_t guess)
{
	if (guess < run->trial_count && run->trials[guess].number == number)
		return guess;
	for (size_t i = 0; i < run->trial_count; i++) {
		if (run->trials[i].number == number)
			return i;
	}
	return run->trial_count;
}

static int64_t event_completed_ns(const struct event *ev)
{
	return ev->t_ns + (ev->latency_us > 0 ? ev->latency_us * NS_PER_US : 0);
}

static void trials_bound(struct run_record *run, const struct words *w)
{
	size_t at = 0;

	for (size_t i = 0; i < run->daemon_count; i++) {
		const struct event *ev = &run->daemons[i];

		at = trial_find(run, ev->trial, at);
		if (at == run->trial_count || ev->kind != w->trial)
			continue;
		if (ev->result == w->begin)
			run->trials[at].begin_ns = ev->t_ns;
		else if (ev->result == w->invalid)
			run->trials[at].valid = false;
	}
}

/*
 * A trial ends with the last answer or failure of its users. Its end row comes later, when the
 * faults are undone and all has settled; nobody watches meanwhile, and "not back within T" must
 * not count that time.
 */
static void trials_end(struct run_record *run, const struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		struct run_trial *trial = &run->trials[rows->rows[i].trial];
		int64_t completed = event_completed_ns(&run->raw.events[rows->rows[i].index]);

		if (completed >= trial->end_ns)
			trial->end_ns = completed + 1;
	}
	for (size_t i = 0; i < run->trial_count; i++)
		run->trials[i].first_fault_ns = run->trials[i].end_ns;
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->is_session != y->is_session)
		return x->is_session ? 1 : -1;
	if (x->trial != y->trial)
		return x->trial < y->trial ? -1 : 1;
	if (x->variant != y->variant)
		return x->variant < y->variant ? -1 : 1;
	if (x->user != y->user)
		return x->user < y->user ? -1 : 1;
	if (x->series != y->series)
		return x->series < y->series ? -1 : 1;
	if (x->t_ns != y->t_ns)
		return x->t_ns < y->t_ns ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static bool same_series(const struct row *x, const struct row *y)
{
	return x->trial == y->trial && x->variant == y->variant && x->user == y->user &&
	       x->series == y->series && x->is_session == y->is_session;
}

/* Requests and session events of known trials; all else goes to run->daemons. */
static struct rows rows_sort_out(struct run_record *run, const struct words *w)
{
	struct rows rows = { .rows = xcalloc(run->raw.count + 1, sizeof(*rows.rows)) };
	size_t at = 0;

	run->daemons = xcalloc(run->raw.count + 1, sizeof(*run->daemons));
	for (size_t i = 0; i < run->raw.count; i++) {
		const struct event *ev = &run->raw.events[i];
		bool is_session = ev->kind == w->session;

		if (!is_session && ev->kind != w->udp && ev->kind != w->http &&
		    ev->kind != w->dns) {
			run->daemons[run->daemon_count++] = *ev;
			continue;
		}
		at = trial_find(run, ev->trial, at);
		if (at == run->trial_count)
			continue;
		rows.rows[rows.count++] = (struct row){
			.trial = (uint32_t)at,
			.variant = ev->variant,
			.series = is_session ? ev->detail : ev->kind,
			.index = (uint32_t)i,
			.user = ev->user,
			.is_session = is_session,
			.t_ns = ev->t_ns,
		};
	}
	qsort(rows.rows, rows.count, sizeof(*rows.rows), compare_rows);
	return rows;
}

static int64_t period_ns(const struct run_record *run, uint32_t group, const char *kind)
{
	const json_t *client = run_scenario_find(run, "clients", run_name(run, group));
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(client, "traffic"), i, item) {
		const char *text = json_string_value(json_object_get(item, "kind"));

		/* "http" rows are those of http and https alike. */
		if (text && strncmp(text, kind, strlen(kind)) == 0)
			return (int64_t)(json_number_value(json_object_get(item, "period_ms")) *
					 (double)NS_PER_MS);
	}
	return 0;
}

static void user_add(struct run_record *run, const struct row *rows, size_t count)
{
	struct slot *slots = arena_new_array(run->arena, struct slot, count);
	const struct event *first = &run->raw.events[rows->index];
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		const struct event *ev = &run->raw.events[rows[i].index];
		enum outcome outcome = outcome_parse(run_name(run, ev->result));

		if (outcome != OUTCOMES)
			slots[kept++] =
				(struct slot){ ev->t_ns, event_completed_ns(ev), ev->pop, outcome };
	}
	run->users[run->user_count++] = (struct run_user){
		.trial = rows->trial,
		.variant = first->variant,
		.group = first->source,
		.kind = first->kind,
		.user = first->user,
		.period_ns = period_ns(run, first->source, run_name(run, first->kind)),
		.slots = slots,
		.count = kept,
	};
}

static void session_add(struct run_record *run, const struct row *rows, size_t count)
{
	struct session_event *events = arena_new_array(run->arena, struct session_event, count);
	const struct event *first = &run->raw.events[rows->index];

	for (size_t i = 0; i < count; i++) {
		const struct event *ev = &run->raw.events[rows[i].index];

		events[i] = (struct session_event){ ev->t_ns, event_completed_ns(ev), ev->pop,
						    session_step_parse(run_name(run, ev->result)) };
	}
	run->sessions[run->session_count++] = (struct run_session){
		.trial = rows->trial,
		.variant = first->variant,
		.period_ns = period_ns(run, first->source, "session"),
		.events = events,
		.count = count,
	};
}

static void series_build(struct run_record *run, const struct rows *rows)
{
	size_t series[2] = { 0 }, i, j;

	for (i = 0; i < rows->count; i++)
		series[rows->rows[i].is_session] +=
			i == 0 || !same_series(&rows->rows[i - 1], &rows->rows[i]);
	run->users = arena_new_array(run->arena, struct run_user, series[0] + 1);
	run->sessions = arena_new_array(run->arena, struct run_session, series[1] + 1);
	for (i = 0; i < rows->count; i = j) {
		for (j = i + 1; j < rows->count && same_series(&rows->rows[i], &rows->rows[j]);)
			j++;
		if (rows->rows[i].is_session)
			session_add(run, &rows->rows[i], j - i);
		else
			user_add(run, &rows->rows[i], j - i);
	}
}

static int kind_rank(const struct words *w, uint32_t kind)
{
	return kind == w->udp ? 0 : kind == w->http ? 1 : 2;
}

/* Of one user's series, which are neighbours, mark the one of the best kind. */
static void primaries_mark(struct run_record *run, const struct words *w)
{
	size_t j;

	for (size_t i = 0; i < run->user_count; i = j) {
		struct run_user *first = &run->users[i], *best = first;

		for (j = i + 1; j < run->user_count; j++) {
			struct run_user *u = &run->users[j];

			if (u->trial != first->trial || u->variant != first->variant ||
			    u->user != first->user)
				break;
			if (kind_rank(w, u->kind) < kind_rank(w, best->kind))
				best = u;
		}
		best->primary = true;
	}
}

/* "<id> <kind> <target>", the target with its spaces. */
static void fault_name(struct run_record *run, struct run_fault *fault, const char *detail)
{
	char *id = arena_strdup(run->arena, detail);
	char *kind = strchr(id, ' ');
	char *target;

	if (kind)
		*kind++ = '\0';
	else
		kind = id + strlen(id);
	fault->id = id;
	fault->key = arena_strdup(run->arena, kind);
	target = strchr(kind, ' ');
	if (target)
		*target++ = '\0';
	fault->kind = kind;
	fault->target = target ? target : "";
}

static int compare_faults(const void *a, const void *b)
{
	const struct run_fault *x = a, *y = b;

	if (x->trial != y->trial)
		return x->trial < y->trial ? -1 : 1;
	return x->window.begin_ns < y->window.begin_ns ? -1
						       : x->window.begin_ns > y->window.begin_ns;
}

static void fault_end(struct run_record *run, const struct event *ev)
{
	struct run_fault ended = { 0 };

	fault_name(run, &ended, run_name(run, ev->detail));
	for (size_t i = 0; i < run->fault_count; i++) {
		struct run_fault *fault = &run->faults[i];

		if (run->trials[fault->trial].number == ev->trial && !fault->undone &&
		    fault->window.begin_ns <= ev->t_ns && strcmp(fault->id, ended.id) == 0) {
			fault->undone = true;
			fault->window.end_ns = ev->t_ns;
			return;
		}
	}
}

/* The fault lasts until its undo or the trial's end; fail-back until the next fault or that end. */
static void fault_windows(struct run_record *run)
{
	for (size_t i = 0; i < run->fault_count; i++) {
		struct run_fault *fault = &run->faults[i];
		struct run_trial *trial = &run->trials[fault->trial];

		fault->window.until_ns = trial->end_ns;
		/* Undone behind the users' backs: for them it lasted. */
		if (fault->window.end_ns >= trial->end_ns) {
			fault->window.end_ns = trial->end_ns;
			fault->undone = false;
		}
		if (fault->window.begin_ns < trial->first_fault_ns)
			trial->first_fault_ns = fault->window.begin_ns;
		for (size_t j = i + 1; j < run->fault_count; j++) {
			const struct run_fault *next = &run->faults[j];

			if (next->trial == fault->trial &&
			    next->window.begin_ns >= fault->window.end_ns) {
				fault->window.until_ns = next->window.begin_ns;
				break;
			}
		}
	}
}

static void faults_build(struct run_record *run, const struct words *w)
{
	size_t faults = 0;

	for (size_t i = 0; i < run->daemon_count; i++)
		faults += run->daemons[i].kind == w->fault;
	run->faults = arena_new_array(run->arena, struct run_fault, faults + 1);
	for (size_t i = 0; i < run->daemon_count; i++) {
		const struct event *ev = &run->daemons[i];
		size_t trial = trial_find(run, ev->trial, 0);
		struct run_fault *fault = &run->faults[run->fault_count];

		if (ev->kind != w->fault || ev->result != w->begin || trial == run->trial_count)
			continue;
		*fault = (struct run_fault){ .trial = trial, .window = { ev->t_ns, INT64_MAX, 0 } };
		/* The row names the node that was hit, a router or nameserver perhaps. */
		if (run_place_find(run->pops, run->pop_count, ev->pop) != RUN_NO_INDEX)
			fault->pop = ev->pop;
		fault_name(run, fault, run_name(run, ev->detail));
		run->fault_count++;
	}
	if (run->fault_count > 0)
		qsort(run->faults, run->fault_count, sizeof(*run->faults), compare_faults);
	for (size_t i = 0; i < run->daemon_count; i++) {
		if (run->daemons[i].kind == w->fault && run->daemons[i].result == w->end)
			fault_end(run, &run->daemons[i]);
	}
	fault_windows(run);
}

int run_record_build(struct run_record *out, struct event_record *raw, const json_t *result,
		     char *err, size_t err_size)
{
	struct run_record run = { .arena = arena_new(), .raw = *raw, .result = result };
	struct words w = words_of(&run);
	struct rows rows;

	*raw = (struct event_record){ 0 };
	if (!json_is_array(json_object_get(result, "trials")) ||
	    !json_is_object(json_object_get(result, "scenario"))) {
		snprintf(err, err_size, "result.json: scenario and trials are needed");
		run_record_fini(&run);
		return -1;
	}
	run.groups = places_load(&run, "clients", &run.group_count);
	run.pops = places_load(&run, "pops", &run.pop_count);
	run.variants = places_load(&run, "variants", &run.variant_count);
	trials_load(&run);
	rows = rows_sort_out(&run, &w);
	trials_bound(&run, &w);
	trials_end(&run, &rows);
	series_build(&run, &rows);
	free(rows.rows);
	primaries_mark(&run, &w);
	faults_build(&run, &w);
	*out = run;
	return 0;
}

void run_record_fini(struct run_record *run)
{
	arena_free(run->arena);
	event_record_fini(&run->raw);
	free(run->daemons);
	*run = (struct run_record){ 0 };
}
