/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clients that both maps have in the same class each are alike: they are counted together first,
 * so that a name is tried once for each pair of classes, not once for each of millions of networks.
 */
#include "geodns/diff.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"

#define FAMILIES 2
/* Draws that stand for all networks, shared out among the pairs. */
#define DRAWS	  16384
#define DRAWS_MIN 8

typedef unsigned __int128 address; /* IPv4 in its first 32 bits */

/* By family. */
struct amount {
	double networks[FAMILIES], share[FAMILIES];
};

struct pair {
	uint32_t class[2]; /* in old, in next */
	struct amount amount;
};

struct pairs {
	struct pair *list;
	size_t count, room;
	uint32_t *slots; /* hash table: indices of list, plus 1 */
	size_t mask;
	struct amount total;
};

struct answer_pops {
	unsigned count;
	uint16_t pops[GEO_ANSWERS_MAX]; /* in next, by name; those that old alone has behind them */
};

struct move {
	struct answer_pops from, to;
	struct amount amount;
};

struct moves {
	struct move *list;
	size_t count;
	struct amount total;
};

/* The two sides, and what their PoPs are called on both. */
struct sides {
	const struct catalog *catalogs[2];
	const struct geo_class *classes[2];
	const uint16_t *orders[2];
	struct snapshot *healthy[2];
	uint16_t *pop_of_old; /* index in next, or pop_count of next and its own index */
};

static void amount_add(struct amount *to, const struct amount *a, double factor)
{
	for (unsigned i = 0; i < FAMILIES; i++) {
		to->networks[i] += a->networks[i] * factor;
		to->share[i] += a->share[i] * factor;
	}
}

/* ---- pairs of classes ---- */

static size_t pair_slot(const struct pairs *p, const uint32_t class[2])
{
	uint64_t hash = ((uint64_t) class[0] << 32 | class[1]) * UINT64_C(0x9e3779b97f4a7c15);
	size_t slot = (size_t)(hash >> 20) & p->mask;

	while (p->slots[slot] > 0) {
		const struct pair *pair = &p->list[p->slots[slot] - 1];

		if (pair->class[0] == class[0] && pair->class[1] == class[1])
			break;
		slot = (slot + 1) & p->mask;
	}
	return slot;
}

static void pairs_grow(struct pairs *p)
{
	p->room = p->room ? 2 * p->room : 1024;
	p->list = xreallocarray(p->list, p->room, sizeof(*p->list));
	free(p->slots);
	p->slots = xcalloc(2 * p->room, sizeof(*p->slots));
	p->mask = 2 * p->room - 1;
	for (size_t i = 0; i < p->count; i++)
		p->slots[pair_slot(p, p->list[i].class)] = (uint32_t)i + 1;
}

static struct pair *pair_intern(struct pairs *p, const uint32_t class[2])
{
	size_t slot;

	if (p->count == p->room)
		pairs_grow(p);
	slot = pair_slot(p, class);
	if (p->slots[slot] == 0) {
		p->list[p->count] = (struct pair){ .class = { class[0], class[1] } };
		p->slots[slot] = (uint32_t)++p->count;
	}
	return &p->list[p->slots[slot] - 1];
}

static void network_add(struct pairs *p, const struct sides *s, const uint32_t class[2],
			unsigned family, double share)
{
	struct amount amount = { 0 };

	/* As long as one of them keeps it apart it is no network of its own for the other. */
	if (s->classes[0][class[0]].is_private || s->classes[1][class[1]].is_private)
		return;
	amount.networks[family] = 1;
	amount.share[family] = share;
	amount_add(&pair_intern(p, class)->amount, &amount, 1);
	amount_add(&p->total, &amount, 1);
}

/* From first on, all that begins with the same bits. */
static void family_walk(struct pairs *p, const struct sides *s, unsigned family, address first,
			unsigned bits)
{
	const enum addr_family name = family == 0 ? ADDR_IPV4 : ADDR_IPV6;
	const struct geo_tree *trees[2] = { geo_map_tree(s->catalogs[0]->map, name),
					    geo_map_tree(s->catalogs[1]->map, name) };
	address at = first, step;

	do {
		uint32_t class[2];
		unsigned length = bits;

		for (unsigned i = 0; i < 2; i++) {
			uint32_t leaf =
				geo_tree_lookup(trees[i], (uint64_t)(at >> 64), (uint64_t)at);

			class[i] = geo_tree_leaf_class(leaf);
			if (geo_tree_leaf_length(leaf) > length)
				length = geo_tree_leaf_length(leaf);
		}
		network_add(p, s, class, family, ldexp(1, (int)bits - (int)length));
		assert(length <= 128);
		step = length > 0 ? (address)1 << (128 - length) : 0;
		at += step;
	} while (step != 0 && at != 0 && (bits == 0 || (at ^ first) >> (128 - bits) == 0));
}

/* Shares are of what is counted. */
static struct pairs pairs_new(const struct sides *s)
{
	struct pairs p = { 0 };

	family_walk(&p, s, 0, 0, 0);
	family_walk(&p, s, 1, (address)2 << 124, 3);
	for (size_t i = 0; i < p.count; i++) {
		for (unsigned f = 0; f < FAMILIES; f++) {
			if (p.total.share[f] > 0)
				p.list[i].amount.share[f] /= p.total.share[f];
		}
	}
	return p;
}

/* ---- one name ---- */

static struct answer_pops choose(const struct sides *s, unsigned side, const struct geo_name *name,
				 uint32_t class, uint64_t network)
{
	const struct snapshot *snap = s->healthy[side];
	const struct geo_class *c = &s->classes[side][class];
	size_t pops = snap->catalog->conf->places.pop_count;
	const struct geo_client client = { s->orders[side] + (size_t)c->order * pops, pops,
					   c->regions, network };
	const struct geo_health health = { snap->health, snap->pops };
	struct geo_choice choice;
	struct answer_pops answer = { 0 };

	geo_name_choose(&choice, name, &client, &health);
	for (unsigned i = 0; i < choice.count; i++) {
		uint16_t pop = choice.targets[i]->pop;

		if (pop != GEO_NO_POP)
			answer.pops[answer.count++] = side == 0 ? s->pop_of_old[pop] : pop;
	}
	return answer;
}

static bool answers_equal(const struct answer_pops *a, const struct answer_pops *b)
{
	return a->count == b->count && memcmp(a->pops, b->pops, a->count * sizeof(a->pops[0])) == 0;
}

static void move_add(struct moves *moves, const struct answer_pops *from,
		     const struct answer_pops *to, const struct amount *amount, double factor)
{
	size_t i = 0;

	if (answers_equal(from, to))
		return;
	while (i < moves->count && (!answers_equal(&moves->list[i].from, from) ||
				    !answers_equal(&moves->list[i].to, to)))
		i++;
	if (i == moves->count) {
		moves->list = xreallocarray(moves->list, i + 1, sizeof(*moves->list));
		moves->list[moves->count++] = (struct move){ *from, *to, { { 0 }, { 0 } } };
	}
	amount_add(&moves->list[i].amount, amount, factor);
	amount_add(&moves->total, amount, factor);
}

/* SplitMix64: hashes of networks are as good as random. */
static uint64_t draw(uint64_t n)
{
	n = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
	n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
	return n ^ n >> 31;
}

static bool groups_equal(const struct geo_group *a, const struct geo_group *b)
{
	return a->seed == b->seed && a->first == b->first && a->count == b->count &&
	       a->weight == b->weight && a->policy == b->policy;
}

static bool targets_equal(const struct sides *s, const struct geo_target *old,
			  const struct geo_target *next)
{
	return s->pop_of_old[old->pop] == next->pop && old->seed == next->seed &&
	       old->weight == next->weight && old->dial == next->dial && old->group == next->group;
}

/*
 * Is it certain without a try that nobody moves? Only of names that ask for no place: most of
 * 100 000 names are as they were, and thousands of draws for each would take minutes.
 */
static bool names_equal(const struct sides *s, const struct geo_name *old,
			const struct geo_name *next)
{
	if (old->by_place || next->by_place || old->fence_count + next->fence_count > 0 ||
	    old->policy != next->policy || old->when_all_down != next->when_all_down ||
	    old->answers != next->answers || old->target_count != next->target_count ||
	    old->group_count != next->group_count)
		return false;
	for (size_t i = 0; i < old->group_count; i++) {
		if (!groups_equal(&old->groups[i], &next->groups[i]))
			return false;
	}
	for (size_t i = 0; i < old->target_count; i++) {
		if (!targets_equal(s, &old->targets[i], &next->targets[i]))
			return false;
	}
	return true;
}

static struct moves name_compare(const struct sides *s, const struct pairs *pairs,
				 const struct geo_name *old, const struct geo_name *next)
{
	bool by_place = old->by_place || next->by_place;
	bool by_network = old->by_network || next->by_network;
	struct moves moves = { 0 };
	uint64_t drawn = 0;

	if (names_equal(s, old, next))
		return moves;
	for (size_t i = 0; i < pairs->count && (by_place || i == 0); i++) {
		const struct pair *pair = &pairs->list[i];
		const struct amount *amount = by_place ? &pair->amount : &pairs->total;
		double share = fmax(amount->share[0], amount->share[1]);
		unsigned draws = by_network ? DRAWS_MIN + (unsigned)(DRAWS * fmin(share, 1)) : 1;

		for (unsigned k = 0; k < draws; k++) {
			uint64_t network = draw(drawn++);
			const struct answer_pops from = choose(s, 0, old, pair->class[0], network);
			const struct answer_pops to = choose(s, 1, next, pair->class[1], network);

			move_add(&moves, &from, &to, amount, 1.0 / draws);
		}
	}
	return moves;
}

/* ---- as a document ---- */

static json_t *amount_json(const struct amount *a, unsigned family)
{
	return json_pack("{s:I,s:f}", "networks", (json_int_t)llround(a->networks[family]), "share",
			 a->share[family]);
}

static json_t *pops_json(const struct sides *s, const struct answer_pops *answer)
{
	const struct geo_places *old = &s->catalogs[0]->conf->places;
	const struct geo_places *next = &s->catalogs[1]->conf->places;
	json_t *list = json_array();

	for (unsigned i = 0; i < answer->count; i++) {
		size_t pop = answer->pops[i];

		json_array_append_new(list,
				      json_string(pop < next->pop_count
							  ? next->pops[pop].name
							  : old->pops[pop - next->pop_count].name));
	}
	return list;
}

static int move_compare(const void *a, const void *b)
{
	const struct move *x = a, *y = b;
	double more = fmax(y->amount.share[0], y->amount.share[1]) -
		      fmax(x->amount.share[0], x->amount.share[1]);

	return more > 0 ? 1 : more < 0 ? -1 : 0;
}

/* The largest first. NULL if nobody moves. */
static json_t *name_json(const struct sides *s, const struct pairs *pairs,
			 const struct geo_name *old, const struct geo_name *next)
{
	struct moves moves = name_compare(s, pairs, old, next);
	json_t *list, *json = NULL;

	if (moves.count > 0) {
		list = json_array();
		qsort(moves.list, moves.count, sizeof(*moves.list), move_compare);
		for (size_t i = 0; i < moves.count; i++) {
			const struct move *m = &moves.list[i];

			json_array_append_new(list, json_pack("{s:o,s:o,s:o,s:o}", "from",
							      pops_json(s, &m->from), "to",
							      pops_json(s, &m->to), "ipv4",
							      amount_json(&m->amount, 0), "ipv6",
							      amount_json(&m->amount, 1)));
		}
		json = json_pack("{s:s,s:o,s:o,s:o}", "name", next->text, "ipv4",
				 amount_json(&moves.total, 0), "ipv6", amount_json(&moves.total, 1),
				 "moves", list);
	}
	free(moves.list);
	return json;
}

static json_t *names_json(const struct sides *s, const struct pairs *pairs)
{
	const struct geodns_conf *conf = s->catalogs[1]->conf;
	json_t *names = json_array();

	for (size_t i = 0; i < conf->name_count; i++) {
		const struct geo_name *old =
			catalog_name_find(s->catalogs[0], conf->names[i].owner);
		json_t *json = old ? name_json(s, pairs, old, &conf->names[i]) : NULL;

		if (json)
			json_array_append_new(names, json);
	}
	return names;
}

static json_t *missing_json(const struct catalog *from, const struct catalog *in)
{
	json_t *list = json_array();

	for (size_t i = 0; i < from->conf->name_count; i++) {
		if (!catalog_name_find(in, from->conf->names[i].owner))
			json_array_append_new(list, json_string(from->conf->names[i].text));
	}
	return list;
}

static struct sides sides_new(const struct catalog *old, const struct catalog *next)
{
	const struct geo_places *from = &old->conf->places, *to = &next->conf->places;
	struct sides s = { .catalogs = { old, next } };

	for (unsigned i = 0; i < 2; i++) {
		size_t count;

		s.classes[i] = geo_map_classes(s.catalogs[i]->map, &count);
		s.orders[i] = geo_map_orders(s.catalogs[i]->map, &count);
		s.healthy[i] = snapshot_new(s.catalogs[i], NULL);
	}
	s.pop_of_old = xcalloc(from->pop_count + 1, sizeof(*s.pop_of_old));
	for (size_t i = 0; i < from->pop_count; i++) {
		size_t k = 0;

		while (k < to->pop_count && strcmp(from->pops[i].name, to->pops[k].name) != 0)
			k++;
		s.pop_of_old[i] = (uint16_t)(k < to->pop_count ? k : k + i);
	}
	return s;
}

json_t *geodns_diff(const struct catalog *old, const struct catalog *next)
{
	struct sides s = sides_new(old, next);
	struct pairs pairs = pairs_new(&s);
	json_t *json;

	/* Of a name that all are answered alike: everybody. */
	for (unsigned f = 0; f < FAMILIES; f++)
		pairs.total.share[f] = pairs.total.share[f] > 0 ? 1 : 0;
	json = json_pack("{s:o,s:o,s:I,s:I,s:o}", "names_added", missing_json(next, old),
			 "names_removed", missing_json(old, next), "ipv4_networks",
			 (json_int_t)pairs.total.networks[0], "ipv6_networks",
			 (json_int_t)pairs.total.networks[1], "names", names_json(&s, &pairs));
	for (unsigned i = 0; i < 2; i++)
		free(s.healthy[i]);
	free(s.pop_of_old);
	free(pairs.list);
	free(pairs.slots);
	return json;
}

/* ---- as text ---- */

static void pops_print(FILE *out, const json_t *pops)
{
	const json_t *pop;
	size_t i;

	if (json_array_size(pops) == 0)
		fputs("(none)", out);
	json_array_foreach (pops, i, pop) {
		fprintf(out, "%s%s", i ? "+" : "", json_string_value(pop));
	}
}

static void amounts_print(FILE *out, const json_t *object)
{
	const char *const families[] = { "ipv4", "ipv6" }, *const words[] = { "IPv4", "IPv6" };
	const char *separator = "";

	for (unsigned i = 0; i < FAMILIES; i++) {
		const json_t *amount = json_object_get(object, families[i]);
		json_int_t networks = json_integer_value(json_object_get(amount, "networks"));
		double share = json_real_value(json_object_get(amount, "share"));

		if (share == 0)
			continue;
		fprintf(out, "%s%.3g %% of %s (%lld network%s)", separator, 100 * share, words[i],
			(long long)networks, networks == 1 ? "" : "s");
		separator = ", ";
	}
	fputc('\n', out);
}

static void names_print(FILE *out, const json_t *names, const char *what)
{
	const json_t *name;
	size_t i;

	json_array_foreach (names, i, name) {
		fprintf(out, "%s: %s\n", json_string_value(name), what);
	}
}

char *geodns_diff_text(const json_t *diff)
{
	const json_t *name, *move;
	char *text = NULL;
	size_t size, i, k;
	FILE *out = open_memstream(&text, &size);

	names_print(out, json_object_get(diff, "names_added"), "new");
	names_print(out, json_object_get(diff, "names_removed"), "removed");
	json_array_foreach (json_object_get(diff, "names"), i, name) {
		fprintf(out, "%s: ", json_string_value(json_object_get(name, "name")));
		amounts_print(out, name);
		json_array_foreach (json_object_get(name, "moves"), k, move) {
			fputs("  ", out);
			pops_print(out, json_object_get(move, "from"));
			fputs(" -> ", out);
			pops_print(out, json_object_get(move, "to"));
			fputs(": ", out);
			amounts_print(out, move);
		}
	}
	if (ftell(out) == 0)
		fputs("nobody moves\n", out);
	fclose(out);
	text[size - 1] = '\0'; /* no empty line at the end */
	return text;
}
