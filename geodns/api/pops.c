/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PoPs, and what is said about them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "geodns/api/api.h"
#include "lib/pointer.h"

static const struct pop_states *states(const struct geodns *g)
{
	static const struct pop_states none;

	return g->desk ? pop_desk_states(g->desk) : &none;
}

static json_t *statement_json(const struct geodns *g, const struct pop_statement *s)
{
	json_t *ends = json_null();

	if (s->until.ns != INSTANT_NEVER.ns)
		ends = json_integer((s->until.ns - clock_now().ns) / NS_PER_S + 1);
	return json_pack("{s:s,s:s,s:o,s:b}", "source", s->source, "state",
			 pop_state_names[s->state], "ends_in_s", ends, "lasting",
			 pop_statement_is_operators(s) && pop_desk_is_lasting(g->desk));
}

static json_t *pop_json(const struct geodns *g, size_t index)
{
	const struct geodns_conf *conf = g->catalog->conf;
	const struct geo_pop *pop = &conf->places.pops[index];
	const struct pop_states *ps = states(g);
	json_t *said = json_array();

	for (size_t i = 0; i < ps->count; i++) {
		if (strcmp(ps->list[i].pop, pop->name) == 0)
			json_array_append_new(said, statement_json(g, &ps->list[i]));
	}
	return json_pack("{s:s,s:[f,f],s:i,s:s,s:o}", "pop", pop->name, "at", pop->at.lat,
			 pop->at.lon, "dial", (int)conf->dials[index], "state",
			 pop_state_names[g->store.current->pops[index]], "statements", said);
}

int geodns_api_pops_get(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct geodns *g = ctx;
	json_t *pops = json_array();

	(void)req;
	for (size_t i = 0; i < g->catalog->conf->places.pop_count; i++)
		json_array_append_new(pops, pop_json(g, i));
	reply->json = json_pack("{s:o}", "pops", pops);
	return 200;
}

static size_t pop_find(const struct geodns *g, const char *name)
{
	const struct geo_places *places = &g->catalog->conf->places;
	size_t i = 0;

	while (i < places->pop_count && strcmp(places->pops[i].name, name) != 0)
		i++;
	return i;
}

int geodns_api_pop_get(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct geodns *g = ctx;
	size_t index = pop_find(g, req->params[0]);

	if (index == g->catalog->conf->places.pop_count)
		return http_problem(reply, 404, NULL, "no pop '%s'", req->params[0]);
	reply->json = pop_json(g, index);
	return 200;
}

static void statement_load(json_t *body, struct pop_statement *s, struct conf_error *err)
{
	const struct conf root = conf_root(body, err);
	int64_t ttl;

	CONF_KEYS(&root, "state", "ttl_s", "source");
	s->state = (enum geo_pop_state)conf_choice(&root, "state", pop_state_names, CONF_REQUIRED);
	snprintf(s->source, sizeof(s->source), "%s",
		 conf_has(&root, "source") ? conf_name(&root, "source") : POP_STATE_OPERATOR);
	ttl = conf_int(&root, "ttl_s", 1, POP_STATE_TTL_MAX, 0);
	s->until = ttl > 0 ? instant_after_s(clock_now(), ttl) : INSTANT_NEVER;
	if (ttl == 0 && s->state != GEO_POP_AUTO && !pop_statement_is_operators(s)) {
		const struct conf at = conf_get(&root, "ttl_s");

		conf_fail(&at, "required: only what source '%s' says may be without end",
			  POP_STATE_OPERATOR);
	}
}

static int say(const struct geodns *g, const struct pop_statement *s, struct http_reply *reply)
{
	int err = pop_desk_say(g->desk, s);

	if (err == -ENOSPC)
		return http_problem(reply, 409, NULL, "already %d sources speak about pop '%s'",
				    POP_STATE_SOURCES_MAX, s->pop);
	if (err)
		return http_problem(reply, 500, NULL,
				    "nothing has changed: the state file cannot be written: %s",
				    strerror(-err));
	reply->json = pop_json(g, pop_find(g, s->pop));
	return 200;
}

int geodns_api_pop_state_put(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct geodns *g = ctx;
	struct pop_statement s = { .pop = "" };
	struct conf_error err = { 0 };

	if (pop_find(g, req->params[0]) == g->catalog->conf->places.pop_count)
		return http_problem(reply, 404, NULL, "no pop '%s'", req->params[0]);
	if (!req->body)
		return http_problem(reply, 422, "",
				    "a body is required, such as {\"state\": "
				    "\"drain\"}");
	snprintf(s.pop, sizeof(s.pop), "%s", req->params[0]);
	statement_load(req->body, &s, &err);
	if (err.set)
		return pointer_problem(reply, "", req->body, &err);
	return say(g, &s, reply);
}
