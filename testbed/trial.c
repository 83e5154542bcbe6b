/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/trial.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"

#define SENDER_LATE_SHARE 0.01 /* of the sends may be later: so p99 is within it */
#define SETTLE_PATIENCE_S 60
#define USERS_PATIENCE_S  10 /* for the users to end, who need not much over a second */

/* A fault of the timeline in this trial: its instants, drawn. */
struct planned {
	struct trial *trial;
	const struct scenario_fault *fault;
	struct fault *done;
	ev_timer begin, undo;
};

/* How punctual the users of a group were. */
struct punctuality {
	uint64_t sent, late;
};

struct trial {
	struct lab *lab;
	struct users *users;
	unsigned number;
	const struct trial_owner *owner;
	void *ctx;
	struct instant start; /* of the users */
	struct faults faults;
	struct planned *planned;
	size_t planned_count;
	struct punctuality *punctuality; /* of each client group */
	size_t users_running;
	char reason[200]; /* why it is invalid, "" if it is not */
	ev_timer end, overdue, settle;
	struct instant settle_until;
};

/* splitmix64, as in the wires: independent of them, seeded the same way. */
static double random_share(uint64_t seed, unsigned trial, size_t index)
{
	uint64_t z = seed + 0x9e3779b97f4a7c15 * ((uint64_t)trial * 1000 + index + 1);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

static void row_write(const struct trial *t, const char *kind, const char *result,
		      const char *detail)
{
	record_row(t->lab->record, &(struct record_row){ .t_ns = clock_now().ns,
							 .source = "testbed",
							 .kind = kind,
							 .variant = "",
							 .user = "",
							 .pop = "",
							 .result = result,
							 .latency_us = -1,
							 .detail = detail });
}

void trial_mishap(struct trial *t, const char *reason)
{
	if (!t->reason[0])
		snprintf(t->reason, sizeof(t->reason), "%s", reason);
}

void trial_bfd_down(struct trial *t, size_t pop, int64_t t_ns)
{
	const struct topology *topology = t->lab->topology;
	char why[120];

	for (const struct fault *f = t->faults.first; f; f = f->next) {
		if (fault_explains_bfd(f, pop, t_ns))
			return;
	}
	snprintf(why, sizeof(why), "BFD found %.60s dead, which it was not",
		 topology->scenario->pops[pop].name);
	trial_mishap(t, why);
}

struct faults *trial_faults(struct trial *t)
{
	return &t->faults;
}

static void finish(struct trial *t)
{
	row_write(t, "trial", t->reason[0] ? "invalid" : "end", t->reason);
	if (!record_flush(t->lab->record))
		trial_mishap(t, "events.csv could not be written: is the disk full?");
	t->owner->on_done(t->ctx, t, t->reason[0] ? t->reason : NULL);
}

/* The wires' own verdict on this trial. */
static void wires_judge(struct trial *t)
{
	const double limit_ns = t->lab->topology->scenario->limits.wires_late_ms * 1e6;
	struct wire_stats *stats = xmalloc(sizeof(*stats));
	double late_ns, unread_ns;
	char detail[256], why[80];

	wire_engine_stats(t->lab->engine, stats, true);
	late_ns = (double)histogram_quantile(&stats->late_ns, 0.99);
	unread_ns = (double)histogram_quantile(&stats->unread_ns, 0.99);
	snprintf(detail, sizeof(detail),
		 "{\"late_us\":{\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f},"
		 "\"unread_us\":{\"p99\":%.1f,\"max\":%.1f},\"delivered\":%llu,\"dropped\":%llu}",
		 (double)histogram_quantile(&stats->late_ns, 0.50) / 1e3, late_ns / 1e3,
		 (double)stats->late_ns.max / 1e3, unread_ns / 1e3,
		 (double)stats->unread_ns.max / 1e3, (unsigned long long)stats->delivered,
		 (unsigned long long)stats->dropped);
	row_write(t, "wires", "ok", detail);
	if (late_ns > limit_ns) {
		snprintf(why, sizeof(why), "wires were %.2f ms late (p99)", late_ns / 1e6);
		trial_mishap(t, why);
	}
	if (unread_ns > limit_ns) {
		snprintf(why, sizeof(why), "wires stood still for %.2f ms (p99)", unread_ns / 1e6);
		trial_mishap(t, why);
	}
	if (stats->dropped > 0) {
		snprintf(why, sizeof(why), "wires dropped %llu packets",
			 (unsigned long long)stats->dropped);
		trial_mishap(t, why);
	}
	free(stats);
}

static void senders_judge(struct trial *t)
{
	const struct scenario *s = t->lab->topology->scenario;

	for (size_t i = 0; i < s->client_count; i++) {
		const struct punctuality *p = &t->punctuality[i];
		char why[160];

		if ((double)p->late <= SENDER_LATE_SHARE * (double)p->sent)
			continue;
		snprintf(why, sizeof(why), "the users of %.60s sent %.1f %% over %g ms late",
			 s->clients[i].name, 100.0 * (double)p->late / (double)p->sent,
			 s->limits.senders_late_ms);
		trial_mishap(t, why);
	}
}

/* After the faults are undone the next trial must find the lab as this one did. */
static void on_settle(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct trial *t = w->data;

	(void)revents;
	if (lab_is_settled(t->lab)) {
		ev_timer_stop(loop, w);
		finish(t);
	} else if (instant_reached(t->settle_until, clock_now())) {
		ev_timer_stop(loop, w);
		trial_mishap(t, "the lab has not settled after the faults were undone");
		finish(t);
	}
}

static void users_gone(struct trial *t)
{
	ev_timer_stop(t->lab->loop, &t->overdue);
	wires_judge(t);
	senders_judge(t);
	faults_undo(&t->faults, t->lab);
	t->settle_until = instant_after_s(clock_now(), SETTLE_PATIENCE_S);
	ev_timer_start(t->lab->loop, &t->settle);
}

static void on_end(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct trial *t = w->data;

	(void)revents;
	users_signal(t->users, SIGTERM);
	ev_timer_start(loop, &t->overdue);
}

/* Some users have died without a word, or are stuck: the trial must end all the same. */
static void on_overdue(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct trial *t = w->data;

	(void)loop;
	(void)revents;
	trial_mishap(t, "some users have not ended when told to");
	t->users_running = 0;
	users_signal(t->users, SIGKILL);
	users_gone(t);
}

static void fault_note(const struct trial *t, const struct scenario_fault *f, const char *what)
{
	char text[160];

	snprintf(text, sizeof(text), "%s %s%s", fault_kind_name(f->order.kind), f->order.target,
		 what);
	t->owner->on_note(t->ctx, t, text);
}

static void on_fault(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct planned *p = w->data;
	struct trial *t = p->trial;
	const char *why = "";

	(void)revents;
	p->done = fault_inject(&t->faults, t->lab, &p->fault->order, &why);
	if (!p->done) {
		trial_mishap(t, why);
		return;
	}
	fault_note(t, p->fault, "");
	if (p->fault->undo_ms > 0)
		ev_timer_start(loop, &p->undo);
}

static void on_undo(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct planned *p = w->data;

	(void)loop;
	(void)revents;
	if (fault_undo(p->done, p->trial->lab) < 0)
		trial_mishap(p->trial, "a fault could not be undone");
	fault_note(p->trial, p->fault, " undone");
}

static void faults_plan(struct trial *t, uint64_t seed)
{
	const struct scenario *s = t->lab->topology->scenario;

	t->planned_count = s->fault_count;
	t->planned = xcalloc(s->fault_count, sizeof(*t->planned));
	for (size_t i = 0; i < s->fault_count; i++) {
		const struct scenario_fault *f = &s->faults[i];
		struct planned *p = &t->planned[i];
		double at_ms = USERS_START_AFTER_MS + f->at_ms +
			       f->jitter_ms * random_share(seed, t->number, i);

		p->trial = t;
		p->fault = f;
		ev_timer_init(&p->begin, on_fault, at_ms / 1e3, 0);
		ev_timer_init(&p->undo, on_undo, f->undo_ms / 1e3, 0);
		p->begin.data = p->undo.data = p;
		ev_timer_start(t->lab->loop, &p->begin);
	}
}

struct trial *trial_new(struct lab *lab, struct users *users, unsigned number,
			const struct trial_owner *owner, void *ctx)
{
	struct trial *t = x_new(struct trial);
	struct wire_stats *before = xmalloc(sizeof(*before));

	t->lab = lab;
	t->users = users;
	t->number = number;
	t->owner = owner;
	t->ctx = ctx;
	t->start = instant_after_ms(clock_now(), USERS_START_AFTER_MS);
	t->punctuality = xcalloc(lab->topology->scenario->client_count, sizeof(*t->punctuality));
	record_trial(lab->record, number);
	row_write(t, "trial", "begin", "");
	wire_engine_stats(lab->engine, before, true);
	free(before);
	ev_timer_init(&t->end, on_end,
		      (USERS_START_AFTER_MS + lab->topology->scenario->duration_ms) / 1e3, 0);
	ev_timer_init(&t->overdue, on_overdue, USERS_PATIENCE_S, 0);
	ev_timer_init(&t->settle, on_settle, 0.02, 0.02);
	t->end.data = t->overdue.data = t->settle.data = t;
	ev_now_update(lab->loop);
	t->users_running = users_start(users, number, t->start);
	faults_plan(t, lab->topology->scenario->seed);
	ev_timer_start(lab->loop, &t->end);
	return t;
}

void trial_free(struct trial *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->planned_count; i++) {
		ev_timer_stop(t->lab->loop, &t->planned[i].begin);
		ev_timer_stop(t->lab->loop, &t->planned[i].undo);
	}
	ev_timer_stop(t->lab->loop, &t->end);
	ev_timer_stop(t->lab->loop, &t->overdue);
	ev_timer_stop(t->lab->loop, &t->settle);
	faults_clear(&t->faults);
	free(t->planned);
	free(t->punctuality);
	free(t);
}

struct trial_progress trial_progress(const struct trial *t)
{
	int64_t elapsed_ns = clock_now().ns - t->start.ns;

	return (struct trial_progress){
		.number = t->number,
		.elapsed_s = elapsed_ns > 0 ? (unsigned)(elapsed_ns / NS_PER_S) : 0,
		.duration_s = t->lab->topology->scenario->duration_ms / 1000,
	};
}

static const char *item_text(const json_t *row, size_t index)
{
	const char *text = json_string_value(json_array_get(row, index));

	return text ? text : "";
}

/* Rows: t_ns, kind, variant, user, pop, result, latency_us, detail. */
static void samples_record(struct trial *t, const json_t *msg)
{
	const char *group = json_string_value(json_object_get(msg, "group"));
	const json_t *row;
	char user[24];
	size_t i;

	json_array_foreach (json_object_get(msg, "rows"), i, row) {
		snprintf(user, sizeof(user), "%lld",
			 (long long)json_integer_value(json_array_get(row, 3)));
		record_row(t->lab->record,
			   &(struct record_row){ .t_ns = json_integer_value(json_array_get(row, 0)),
						 .source = group ? group : "",
						 .kind = item_text(row, 1),
						 .variant = item_text(row, 2),
						 .user = user,
						 .pop = item_text(row, 4),
						 .result = item_text(row, 5),
						 .latency_us =
							 json_integer_value(json_array_get(row, 6)),
						 .detail = item_text(row, 7) });
	}
}

/* A second of a sender: {"buckets":[[bound_us, count], ...]}, the last bound being null. */
static void sender_note(struct trial *t, const json_t *msg)
{
	const char *group = json_string_value(json_object_get(msg, "group"));
	const struct topology_node *node = group ? topology_find(t->lab->topology, group) : NULL;
	char *detail = json_dumps(msg, JSON_COMPACT);
	const double limit_us = t->lab->topology->scenario->limits.senders_late_ms * 1e3;
	const json_t *bucket;
	size_t i;

	record_row(t->lab->record, &(struct record_row){ .t_ns = clock_now().ns,
							 .source = group ? group : "",
							 .kind = "sender",
							 .variant = "",
							 .user = "",
							 .pop = "",
							 .result = "",
							 .latency_us = -1,
							 .detail = detail });
	free(detail);
	json_array_foreach (json_object_get(json_object_get(msg, "late_us"), "buckets"), i,
			    bucket) {
		const json_t *bound = json_array_get(bucket, 0);
		uint64_t count = (uint64_t)json_integer_value(json_array_get(bucket, 1));

		if (!node || node->kind != NODE_CLIENT)
			break;
		t->punctuality[node->index].sent += count;
		if (json_is_null(bound) || (double)json_integer_value(bound) > limit_us)
			t->punctuality[node->index].late += count;
	}
	if (json_integer_value(json_object_get(msg, "lost")) > 0)
		trial_mishap(t, "measurements were lost");
}

void trial_client_message(struct trial *t, const json_t *msg)
{
	const char *type = json_string_value(json_object_get(msg, "type"));

	if (!type)
		return;
	if (strcmp(type, "samples") == 0)
		samples_record(t, msg);
	else if (strcmp(type, "sender") == 0)
		sender_note(t, msg);
	else if (strcmp(type, "gone") == 0)
		trial_mishap(t, "a users' process has gone");
	else if (strcmp(type, "bye") == 0 && t->users_running > 0 && --t->users_running == 0)
		users_gone(t);
}

json_t *trial_to_json(const struct trial *t, const char *reason)
{
	json_t *faults = json_array();

	for (const struct fault *f = t->faults.first; f; f = f->next)
		json_array_append_new(faults, fault_to_json(f));
	return json_pack("{s:i, s:b, s:s, s:o}", "trial", (int)t->number, "valid", reason == NULL,
			 "reason", reason ? reason : "", "faults", faults);
}
