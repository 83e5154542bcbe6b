/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/event_log.h"

#include <assert.h>

#include "lib/alloc.h"

struct event_log {
	char **lines; /* event id stands at (id - 1) % capacity */
	size_t capacity;
	uint64_t last_id;
	struct event_subscriber *subscribers;
};

struct event_log *event_log_new(size_t capacity)
{
	struct event_log *log = x_new(struct event_log);

	assert(capacity > 0);
	log->capacity = capacity;
	log->lines = xcalloc(capacity, sizeof(*log->lines));
	return log;
}

void event_log_free(struct event_log *log)
{
	if (!log)
		return;
	assert(!log->subscribers);
	for (size_t i = 0; i < log->capacity; i++)
		free(log->lines[i]);
	free(log->lines);
	free(log);
}

static char **slot(const struct event_log *log, uint64_t id)
{
	return &log->lines[(id - 1) % log->capacity];
}

void event_log_add(struct event_log *log, struct instant now, const char *kind, json_t *fields)
{
	uint64_t id = log->last_id + 1;
	json_t *event =
		json_pack("{s:I, s:I, s:s}", "id", (json_int_t)id, "t_ns", now.ns, "kind", kind);
	struct event_subscriber *next;
	char *line;

	assert(event);
	assert(!json_object_get(fields, "id") && !json_object_get(fields, "t_ns") &&
	       !json_object_get(fields, "kind"));
	if (fields)
		json_object_update(event, fields);
	json_decref(fields);
	line = json_dumps(event, JSON_COMPACT);
	json_decref(event);
	if (!line)
		abort();
	free(*slot(log, id));
	*slot(log, id) = line;
	log->last_id = id;
	/* Whoever is told may unsubscribe. */
	for (struct event_subscriber *sub = log->subscribers; sub; sub = next) {
		next = sub->next;
		sub->on_event(sub);
	}
}

const char *event_log_next(const struct event_log *log, uint64_t *after)
{
	uint64_t oldest = log->last_id > log->capacity ? log->last_id - log->capacity + 1 : 1;

	if (*after == log->last_id)
		return NULL;
	/* Ahead of the log: the reader's id comes from before a restart. */
	if (*after > log->last_id || *after + 1 < oldest)
		*after = oldest - 1;
	if (*after == log->last_id)
		return NULL;
	++*after;
	return *slot(log, *after);
}

uint64_t event_log_last_id(const struct event_log *log)
{
	return log->last_id;
}

void event_log_subscribe(struct event_log *log, struct event_subscriber *sub)
{
	sub->next = log->subscribers;
	sub->link = &log->subscribers;
	if (sub->next)
		sub->next->link = &sub->next;
	log->subscribers = sub;
}

void event_log_unsubscribe(struct event_subscriber *sub)
{
	*sub->link = sub->next;
	if (sub->next)
		sub->next->link = sub->link;
	sub->next = NULL;
	sub->link = NULL;
}
