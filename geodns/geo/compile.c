/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/geo/compile.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "geodns/geo/intern.h"
#include "geodns/geo/order.h"
#include "lib/alloc.h"

/* Of a database: it goes no deeper, and these are the facts. Else the number of its node. */
#define DONE	 UINT32_C(0x80000000)
#define NO_FACTS 0
#define UNKNOWN	 UINT32_MAX
/* Half a megabyte of root and less makes the first steps of all look-ups hits. */
#define ROOT_BITS_IPV4 18
#define ROOT_BITS_IPV6 16

/* What a leaf follows from; a key, so without padding. */
struct cause {
	uint64_t regions; /* by prefix */
	uint32_t facts;
	uint32_t network; /* by prefix, or GEO_PREFIX_NONE */
	uint32_t is_private;
	uint32_t zero;
};

struct compile {
	const struct geo_places *places;
	const struct geo_rules *rules;
	const struct geo_prefixes *prefixes;
	struct geo_database *const *databases;
	struct geo_ranker *ranker;
	struct geo_tree_builder *builder;

	unsigned wanted, seen;			      /* GEO_FACTS_ */
	struct geo_intern offsets[GEO_DATABASES_MAX]; /* of data, and the facts there */
	uint32_t *facts_at[GEO_DATABASES_MAX];
	size_t facts_room[GEO_DATABASES_MAX];
	struct geo_intern facts;
	struct geo_intern pairs; /* of facts of two databases, and what both know together */
	uint32_t *pair_facts;
	size_t pair_room;
	struct geo_intern points; /* places of the world, and the orders seen from there */
	uint32_t *point_orders;
	size_t point_room;
	uint32_t *network_orders;
	uint32_t rest_order;
	struct geo_intern orders;
	uint16_t *row;		  /* scratch */
	struct geo_intern causes; /* of those by prefix */
	uint32_t *cause_classes;
	size_t cause_room;
	uint32_t *facts_classes; /* by facts alone, UNKNOWN so far; most leaves are such */
	size_t facts_classes_room;
	struct geo_intern classes;

	struct geo_map_error *err;
	bool failed;
};

/* A prefix, and what is known of it so far. */
struct cursor {
	uint64_t hi, lo;
	unsigned depth;
	struct geo_prefix_range range;
	struct cause cause;
	uint32_t at[GEO_DATABASES_MAX];
};

static void fail(struct compile *c, size_t database, const char *text)
{
	if (!c->failed) {
		c->err->database = database;
		snprintf(c->err->text, sizeof(c->err->text), "%s", text);
	}
	c->failed = true;
}

static void blame(struct compile *c, size_t database, const char *why)
{
	char text[200];

	snprintf(text, sizeof(text), "%.120s: %s", geo_database_info(c->databases[database])->path,
		 why);
	fail(c, database, text);
}

/* An array beside the keys of a table: where the value of a key has its place. */
static uint32_t *beside(uint32_t **values, size_t *room, uint32_t number)
{
	if (number >= *room) {
		while (number >= *room)
			*room = *room ? 2 * *room : 64;
		*values = xreallocarray(*values, *room, sizeof(**values));
	}
	return &(*values)[number];
}

static uint32_t data_facts(struct compile *c, size_t database, uint32_t offset)
{
	struct geo_intern *offsets = &c->offsets[database];
	size_t before = offsets->count;
	uint32_t number = geo_intern_add(offsets, &offset);
	uint32_t *facts_at = beside(&c->facts_at[database], &c->facts_room[database], number);
	struct geo_database_error err;
	struct geo_facts facts;

	if (number < before)
		return *facts_at;
	*facts_at = NO_FACTS;
	if (!geo_database_facts(c->databases[database], offset, c->wanted, &facts, &err)) {
		fail(c, database, err.text);
		return NO_FACTS;
	}
	c->seen |= geo_facts_kinds(&facts);
	geo_rules_reduce(c->rules, &facts);
	*facts_at = geo_intern_add(&c->facts, &facts);
	return *facts_at;
}

static uint32_t branch_at(struct compile *c, size_t database, struct geo_branch branch)
{
	switch (branch.kind) {
	case GEO_BRANCH_NODE:
		return branch.value;
	case GEO_BRANCH_DATA:
		return DONE | data_facts(c, database, branch.value);
	case GEO_BRANCH_NONE:
		return DONE | NO_FACTS;
	}
	return DONE | NO_FACTS;
}

static const struct geo_facts *facts_get(const struct compile *c, uint32_t number)
{
	return (const struct geo_facts *)c->facts.keys + number;
}

/* What two databases know, the first one being believed. */
static uint32_t facts_join(struct compile *c, uint32_t first, uint32_t second)
{
	const uint64_t pair = (uint64_t)first << 32 | second;
	size_t before = c->pairs.count;
	struct geo_facts facts;
	uint32_t number, *joined;

	if (first == NO_FACTS || second == NO_FACTS || first == second)
		return first == NO_FACTS ? second : first;
	number = geo_intern_add(&c->pairs, &pair);
	joined = beside(&c->pair_facts, &c->pair_room, number);
	if (number == before) {
		facts = *facts_get(c, first);
		geo_facts_complete(&facts, facts_get(c, second));
		*joined = geo_intern_add(&c->facts, &facts);
	}
	return *joined;
}

static uint32_t point_order(struct compile *c, const struct geo_point *at)
{
	size_t before = c->points.count;
	uint32_t number = geo_intern_add(&c->points, at);
	uint32_t *order = beside(&c->point_orders, &c->point_room, number);

	if (number == before) {
		geo_ranker_place(c->ranker, at, c->row);
		*order = geo_intern_add(&c->orders, c->row);
	}
	return *order;
}

static uint32_t decision_order(struct compile *c, const struct geo_decision *decision)
{
	uint32_t *order = &c->rest_order;

	if (decision->has_at)
		return point_order(c, &decision->at);
	if (decision->network)
		order = &c->network_orders[decision->network - c->places->networks];
	if (*order == UNKNOWN) {
		if (decision->network)
			geo_ranker_network(c->ranker, decision->network, c->row);
		else
			geo_ranker_place(c->ranker, NULL, c->row);
		*order = geo_intern_add(&c->orders, c->row);
	}
	return *order;
}

static uint32_t class_decide(struct compile *c, const struct cause *cause)
{
	const struct geo_network *network =
		cause->network == GEO_PREFIX_NONE ? NULL : &c->places->networks[cause->network];
	struct geo_decision decision =
		geo_rules_decide(c->rules, network, facts_get(c, cause->facts));
	struct geo_class key = { .regions = cause->regions | decision.regions,
				 .order = decision_order(c, &decision),
				 .is_private = cause->is_private };
	uint32_t class = geo_intern_add(&c->classes, &key);

	if (class <= GEO_TREE_CLASS_MAX)
		return class;
	fail(c, 0, "more than 16 million different orders of PoPs");
	return 0;
}

static uint32_t facts_class(struct compile *c, const struct cause *cause)
{
	uint32_t *class;

	if (cause->facts >= c->facts_classes_room) {
		size_t room = c->facts_classes_room;

		beside(&c->facts_classes, &c->facts_classes_room, cause->facts);
		memset(c->facts_classes + room, 0xff,
		       (c->facts_classes_room - room) * sizeof(*c->facts_classes));
	}
	class = &c->facts_classes[cause->facts];
	if (*class == UNKNOWN)
		*class = class_decide(c, cause);
	return *class;
}

static uint32_t cause_class(struct compile *c, const struct cause *cause)
{
	size_t before = c->causes.count;
	uint32_t number, *class;

	if (cause->network == GEO_PREFIX_NONE && !cause->regions && !cause->is_private)
		return facts_class(c, cause);
	number = geo_intern_add(&c->causes, cause);
	class = beside(&c->cause_classes, &c->cause_room, number);
	if (number == before)
		*class = class_decide(c, cause);
	return *class;
}

static void leaf_emit(struct compile *c, const struct cursor *at)
{
	struct cause cause = at->cause;

	for (size_t i = 0; i < c->places->database_count; i++)
		cause.facts = facts_join(c, cause.facts, at->at[i] & ~DONE);
	geo_tree_builder_add(c->builder, at->hi, at->lo, at->depth, cause_class(c, &cause));
}

/* Both halves of a prefix. Their own part of the configuration's prefixes is set by the caller. */
static void halves_set(struct compile *c, const struct cursor *at, struct cursor halves[2],
		       unsigned bits)
{
	struct geo_database_error err;
	struct geo_branch branches[2];

	for (size_t i = 0; i < c->places->database_count && at->depth == bits; i++) {
		if (!(at->at[i] & DONE))
			blame(c, i, "its tree is deeper than addresses are long");
	}
	if (c->failed)
		return;
	halves[0] = *at;
	halves[0].depth++;
	halves[1] = halves[0];
	if (at->depth < 64)
		halves[1].hi |= UINT64_C(1) << (63 - at->depth);
	else
		halves[1].lo |= UINT64_C(1) << (127 - at->depth);
	for (size_t i = 0; i < c->places->database_count && !c->failed; i++) {
		if (at->at[i] & DONE)
			continue;
		if (!geo_database_step(c->databases[i], at->at[i], branches, &err)) {
			fail(c, i, err.text);
		} else {
			halves[0].at[i] = branch_at(c, i, branches[0]);
			halves[1].at[i] = branch_at(c, i, branches[1]);
		}
	}
}

/* Recursion is as deep as an address is long. */
static void walk(struct compile *c, struct cursor *at, enum addr_family family)
{
	struct cursor halves[2];
	bool done;

	geo_prefixes_apply(c->prefixes, &at->range, at->depth, &at->cause.network,
			   &at->cause.regions, &at->cause.is_private);
	done = at->range.first == at->range.last;
	for (size_t i = 0; i < c->places->database_count; i++)
		done = done && at->at[i] & DONE;
	if (done) {
		leaf_emit(c, at);
		return;
	}
	halves_set(c, at, halves, addr_bits(family));
	if (c->failed)
		return;
	geo_prefixes_split(c->prefixes, &at->range, at->depth, &halves[0].range, &halves[1].range);
	walk(c, &halves[0], family);
	if (!c->failed)
		walk(c, &halves[1], family);
}

static struct geo_tree *family_compile(struct compile *c, enum addr_family family,
				       unsigned root_bits)
{
	struct cursor at = { .cause = { .network = GEO_PREFIX_NONE, .facts = NO_FACTS } };
	struct geo_tree *tree = NULL;

	c->builder = geo_tree_builder_new(addr_bits(family), root_bits);
	at.range = geo_prefixes_family(c->prefixes, family);
	for (size_t i = 0; i < c->places->database_count; i++)
		at.at[i] = branch_at(c, i, geo_database_root(c->databases[i], family));
	walk(c, &at, family);
	if (c->failed)
		geo_tree_builder_free(c->builder);
	else
		tree = geo_tree_builder_finish(c->builder);
	return tree;
}

static void tables_init(struct compile *c)
{
	static const struct geo_facts nothing = { .asn = 0 };
	const struct geo_places *places = c->places;

	c->wanted = GEO_FACTS_PLACE | (c->rules->by_asn ? GEO_FACTS_ASN : 0) |
		    (c->rules->by_continent ? GEO_FACTS_CONTINENT : 0) |
		    (c->rules->by_country || c->rules->by_continent ? GEO_FACTS_COUNTRY : 0);
	c->ranker = geo_ranker_new(places);
	for (size_t i = 0; i < places->database_count; i++)
		geo_intern_init(&c->offsets[i], sizeof(uint32_t));
	geo_intern_init(&c->facts, sizeof(struct geo_facts));
	geo_intern_add(&c->facts, &nothing);
	geo_intern_init(&c->pairs, sizeof(uint64_t));
	geo_intern_init(&c->points, sizeof(struct geo_point));
	geo_intern_init(&c->orders, places->pop_count * sizeof(uint16_t));
	geo_intern_init(&c->causes, sizeof(struct cause));
	geo_intern_init(&c->classes, sizeof(struct geo_class));
	c->row = xcalloc(places->pop_count + 1, sizeof(*c->row));
	c->rest_order = UNKNOWN;
	c->network_orders =
		xreallocarray(NULL, places->network_count + 1, sizeof(*c->network_orders));
	for (size_t i = 0; i < places->network_count; i++)
		c->network_orders[i] = UNKNOWN;
}

/* All but the orders and classes. */
static void tables_fini(struct compile *c)
{
	geo_ranker_free(c->ranker);
	for (size_t i = 0; i < c->places->database_count; i++) {
		geo_intern_fini(&c->offsets[i]);
		free(c->facts_at[i]);
	}
	geo_intern_fini(&c->facts);
	geo_intern_fini(&c->pairs);
	free(c->pair_facts);
	geo_intern_fini(&c->points);
	free(c->point_orders);
	free(c->network_orders);
	free(c->row);
	geo_intern_fini(&c->causes);
	free(c->cause_classes);
	free(c->facts_classes);
}

/* A file that says nothing at all is no database that somebody wanted. */
static void databases_used(struct compile *c)
{
	for (size_t i = 0; i < c->places->database_count; i++) {
		if (c->offsets[i].count == 0)
			blame(c, i, "it has no networks");
	}
}

/*
 * Nobody can be told apart, private or not: one leaf of length 0, so that an answer
 * is everybody's.
 */
static void one_class_collapse(struct geo_compiled *out)
{
	for (size_t i = 1; i < out->class_count; i++) {
		if (out->classes[i].order != out->classes[0].order ||
		    out->classes[i].regions != out->classes[0].regions)
			return;
	}
	out->class_count = 1;
	out->classes[0].is_private = 0;
	for (unsigned i = 0; i < 2; i++) {
		struct geo_tree_builder *b = geo_tree_builder_new(i ? 128 : 32, 8);

		geo_tree_free(out->trees[i]);
		geo_tree_builder_add(b, 0, 0, 0, 0);
		out->trees[i] = geo_tree_builder_finish(b);
	}
}

bool geo_compile(const struct geo_rules *rules, const struct geo_prefixes *prefixes,
		 struct geo_database *const *databases, struct geo_compiled *out,
		 struct geo_map_error *err)
{
	const struct geo_places *places = rules->places;
	struct compile c = { .places = places,
			     .rules = rules,
			     .prefixes = prefixes,
			     .databases = databases,
			     .err = err };

	assert(places->pop_count <= UINT16_MAX && places->database_count <= GEO_DATABASES_MAX &&
	       places->region_count <= GEO_REGIONS_MAX);
	tables_init(&c);
	*out = (struct geo_compiled){ 0 };
	out->trees[0] = family_compile(&c, ADDR_IPV4, ROOT_BITS_IPV4);
	if (!c.failed)
		out->trees[1] = family_compile(&c, ADDR_IPV6, ROOT_BITS_IPV6);
	if (!c.failed)
		databases_used(&c);
	out->order_count = c.orders.count;
	out->orders = geo_intern_take(&c.orders);
	out->class_count = c.classes.count;
	out->classes = geo_intern_take(&c.classes);
	out->facts = c.seen;
	tables_fini(&c);
	if (!c.failed) {
		one_class_collapse(out);
		return true;
	}
	geo_tree_free(out->trees[0]);
	geo_tree_free(out->trees[1]);
	free(out->orders);
	free(out->classes);
	return false;
}
