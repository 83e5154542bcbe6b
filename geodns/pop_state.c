/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/pop_state.h"

#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"

#define STATEMENTS_MAX 100000

const char *const pop_state_names[] = {
	[GEO_POP_AUTO] = "auto",
	[GEO_POP_UP] = "up",
	[GEO_POP_DOWN] = "down",
	[GEO_POP_DRAIN] = "drain",
	NULL,
};

void pop_states_fini(struct pop_states *ps)
{
	free(ps->list);
	*ps = (struct pop_states){ 0 };
}

struct pop_states pop_states_copy(const struct pop_states *ps)
{
	struct pop_states copy = { .count = ps->count };

	if (ps->count > 0)
		copy.list = xmemdup(ps->list, ps->count * sizeof(*ps->list));
	return copy;
}

bool pop_statement_is_operators(const struct pop_statement *s)
{
	return strcmp(s->source, POP_STATE_OPERATOR) == 0;
}

static void statement_remove(struct pop_states *ps, struct pop_statement *s)
{
	*s = ps->list[--ps->count];
}

bool pop_states_say(struct pop_states *ps, const struct pop_statement *statement)
{
	struct pop_statement *before = NULL;
	size_t sources = 0;

	for (size_t i = 0; i < ps->count; i++) {
		struct pop_statement *s = &ps->list[i];

		if (strcmp(s->pop, statement->pop) != 0)
			continue;
		sources++;
		if (strcmp(s->source, statement->source) == 0)
			before = s;
	}
	if (statement->state == GEO_POP_AUTO) {
		if (before)
			statement_remove(ps, before);
		return true;
	}
	if (before) {
		*before = *statement;
		return true;
	}
	/* There is always room for the operator. */
	if (sources >= POP_STATE_SOURCES_MAX && !pop_statement_is_operators(statement))
		return false;
	ps->list = xreallocarray(ps->list, ps->count + 1, sizeof(*ps->list));
	ps->list[ps->count++] = *statement;
	return true;
}

/* Which of two states by programs counts. */
static unsigned severity(enum geo_pop_state state)
{
	switch (state) {
	case GEO_POP_AUTO:
		return 0;
	case GEO_POP_UP:
		return 1;
	case GEO_POP_DRAIN:
		return 2;
	case GEO_POP_DOWN:
		return 3;
	}
	return 0;
}

enum geo_pop_state pop_states_get(const struct pop_states *ps, const char *pop)
{
	enum geo_pop_state worst = GEO_POP_AUTO;

	for (size_t i = 0; i < ps->count; i++) {
		const struct pop_statement *s = &ps->list[i];

		if (strcmp(s->pop, pop) != 0)
			continue;
		if (pop_statement_is_operators(s))
			return s->state;
		if (severity(s->state) > severity(worst))
			worst = s->state;
	}
	return worst;
}

struct instant pop_states_deadline(const struct pop_states *ps)
{
	struct instant deadline = INSTANT_NEVER;

	for (size_t i = 0; i < ps->count; i++)
		deadline = instant_min(deadline, ps->list[i].until);
	return deadline;
}

bool pop_states_expire(struct pop_states *ps, struct instant now, struct pop_statement *out)
{
	for (size_t i = 0; i < ps->count; i++) {
		if (!instant_reached(ps->list[i].until, now))
			continue;
		*out = ps->list[i];
		statement_remove(ps, &ps->list[i]);
		return true;
	}
	return false;
}

/* ---- as a document ---- */

/* Ends are kept by the clock on the wall: the other one begins anew with the machine. */
json_t *pop_states_save(const struct pop_states *ps, struct instant now, int64_t unix_ns)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ps->count; i++) {
		const struct pop_statement *s = &ps->list[i];
		json_t *json;

		if (!pop_statement_is_operators(s))
			continue;
		json = json_pack("{s:s,s:s}", "pop", s->pop, "state", pop_state_names[s->state]);
		if (s->until.ns != INSTANT_NEVER.ns)
			json_object_set_new(
				json, "until",
				json_integer((unix_ns + (s->until.ns - now.ns)) / NS_PER_S + 1));
		json_array_append_new(list, json);
	}
	return json_pack("{s:i,s:o}", "version", 1, "pops", list);
}

void pop_states_load(struct pop_states *ps, json_t *json, struct instant now, int64_t unix_ns,
		     struct conf_error *err)
{
	const struct conf root = conf_root(json, err);
	const struct conf list = conf_array(&root, "pops", 0, STATEMENTS_MAX);

	CONF_KEYS(&root, "version", "pops");
	conf_int(&root, "version", 1, 1, CONF_REQUIRED);
	for (size_t i = 0; i < conf_count(&list) && !err->set; i++) {
		const struct conf at = conf_item(&list, i);
		struct pop_statement s = { .source = POP_STATE_OPERATOR, .until = INSTANT_NEVER };
		int64_t until;

		CONF_KEYS(&at, "pop", "state", "until");
		snprintf(s.pop, sizeof(s.pop), "%s", conf_name(&at, "pop"));
		s.state = (enum geo_pop_state)conf_choice(&at, "state", pop_state_names,
							  CONF_REQUIRED);
		until = conf_int(&at, "until", 0, INT64_MAX / NS_PER_S, 0);
		if (until > 0)
			s.until = instant_after_ns(now, until * NS_PER_S - unix_ns);
		if (!err->set && !instant_reached(s.until, now))
			pop_states_say(ps, &s);
	}
}
