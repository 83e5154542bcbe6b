/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/catchment.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

/* A pop's number is its index; the scenario's count of pops stands for none. */
struct served {
	uint8_t pop, told; /* now, and as of the last catchment_moves_take() */
	uint8_t failures;  /* in a row */
};

struct group {
	unsigned first_user, users;
	const char *kind; /* of traffic that is looked at; NULL: none */
};

struct catchment {
	const struct scenario *scenario;
	struct group *groups;
	struct served *served; /* of each user, of each variant */
	unsigned users;
};

static const char *kind_choose(const struct scenario_client *client)
{
	static const enum traffic_kind preferred[] = { TRAFFIC_UDP, TRAFFIC_HTTP, TRAFFIC_SESSION };

	for (size_t k = 0; k < sizeof(preferred) / sizeof(preferred[0]); k++) {
		for (size_t i = 0; i < client->traffic_count; i++) {
			if (client->traffic[i].kind == preferred[k])
				return traffic_kind_name(preferred[k]);
		}
	}
	return NULL;
}

struct catchment *catchment_new(const struct scenario *s)
{
	struct catchment *c = x_new(struct catchment);

	c->scenario = s;
	c->groups = xcalloc(s->client_count, sizeof(*c->groups));
	for (size_t i = 0; i < s->client_count; i++) {
		c->groups[i] = (struct group){ .first_user = c->users + 1,
					       .users = s->clients[i].users,
					       .kind = kind_choose(&s->clients[i]) };
		c->users += s->clients[i].users;
	}
	c->served = xcalloc((size_t)c->users * s->variant_count, sizeof(*c->served));
	catchment_clear(c);
	return c;
}

void catchment_free(struct catchment *c)
{
	if (!c)
		return;
	free(c->groups);
	free(c->served);
	free(c);
}

void catchment_clear(struct catchment *c)
{
	const uint8_t none = (uint8_t)c->scenario->pop_count;

	for (size_t i = 0; i < c->users * c->scenario->variant_count; i++)
		c->served[i] = (struct served){ .pop = none, .told = none };
}

static struct served *served_at(const struct catchment *c, unsigned user, size_t variant)
{
	return &c->served[(user - 1) * c->scenario->variant_count + variant];
}

static const struct group *group_of(const struct catchment *c, unsigned user)
{
	for (size_t i = 0; i < c->scenario->client_count; i++) {
		if (user - c->groups[i].first_user < c->groups[i].users)
			return &c->groups[i];
	}
	return NULL;
}

static size_t variant_find(const struct scenario *s, const char *name)
{
	size_t v = 0;

	while (v < s->variant_count && strcmp(s->variants[v].name, name) != 0)
		v++;
	return v;
}

static size_t pop_find(const struct scenario *s, const char *name)
{
	size_t p = 0;

	while (p < s->pop_count && strcmp(s->pops[p].name, name) != 0)
		p++;
	return p;
}

void catchment_note(struct catchment *c, const struct catchment_row *row)
{
	const struct scenario *s = c->scenario;
	const struct group *group = group_of(c, row->user);
	const size_t variant = variant_find(s, row->variant);
	const bool session = strcmp(row->kind, traffic_kind_name(TRAFFIC_SESSION)) == 0;
	struct served *served;

	if (!group || !group->kind || strcmp(group->kind, row->kind) != 0 ||
	    variant == s->variant_count)
		return;
	served = served_at(c, row->user, variant);
	if (strcmp(row->result, session ? "open" : "ok") == 0) {
		served->pop = (uint8_t)pop_find(s, row->pop);
		served->failures = 0;
	} else if (session || ++served->failures >= CATCHMENT_FAILURES) {
		served->pop = (uint8_t)s->pop_count;
		served->failures = CATCHMENT_FAILURES - 1; /* so the next one is too many again */
	}
}

static json_t *entry_to_json(const struct catchment *c, size_t group, size_t variant)
{
	const struct scenario *s = c->scenario;
	const struct group *g = &c->groups[group];
	unsigned count[SCENARIO_POPS_MAX + 1] = { 0 };
	json_t *pops = json_object();

	for (unsigned u = g->first_user; u < g->first_user + g->users; u++)
		count[served_at(c, u, variant)->pop]++;
	for (size_t p = 0; p < s->pop_count; p++) {
		if (count[p] > 0)
			json_object_set_new(pops, s->pops[p].name, json_integer(count[p]));
	}
	return json_pack("{s:s, s:s, s:i, s:o, s:i}", "variant", s->variants[variant].name, "group",
			 s->clients[group].name, "users", (int)g->users, "pops", pops, "unserved",
			 (int)count[s->pop_count]);
}

json_t *catchment_to_json(const struct catchment *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->scenario->client_count; i++) {
		for (size_t v = 0; c->groups[i].kind && v < c->scenario->variant_count; v++)
			json_array_append_new(list, entry_to_json(c, i, v));
	}
	return list;
}

static json_t *pop_to_json(const struct scenario *s, size_t pop)
{
	return pop < s->pop_count ? json_string(s->pops[pop].name) : json_null();
}

static void moves_append(struct catchment *c, size_t group, size_t variant, json_t *list)
{
	const struct scenario *s = c->scenario;
	const struct group *g = &c->groups[group];
	unsigned count[SCENARIO_POPS_MAX + 1][SCENARIO_POPS_MAX + 1] = { { 0 } };

	for (unsigned u = g->first_user; u < g->first_user + g->users; u++) {
		struct served *served = served_at(c, u, variant);

		count[served->told][served->pop]++;
		served->told = served->pop;
	}
	for (size_t from = 0; from <= s->pop_count; from++) {
		for (size_t to = 0; to <= s->pop_count; to++) {
			if (from == to || count[from][to] == 0)
				continue;
			json_array_append_new(
				list,
				json_pack("{s:s, s:s, s:s, s:o, s:o, s:i}", "kind", "catchment",
					  "variant", s->variants[variant].name, "group",
					  s->clients[group].name, "from", pop_to_json(s, from),
					  "to", pop_to_json(s, to), "users", (int)count[from][to]));
		}
	}
}

json_t *catchment_moves_take(struct catchment *c, size_t group)
{
	json_t *list = json_array();

	for (size_t v = 0; v < c->scenario->variant_count; v++)
		moves_append(c, group, v, list);
	return list;
}
