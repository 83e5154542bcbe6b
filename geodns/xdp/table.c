/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/xdp/table.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "geodns/dns/edns.h"
#include "geodns/dns/name.h"
#include "geodns/geo/intern.h"
#include "geodns/xdp/buckets.h"
#include "geodns/xdp/causes.h"
#include "geodns/xdp/fit.h"
#include "geodns/xdp/groups.h"
#include "geodns/xdp/pack.h"
#include "lib/alloc.h"

/* No answer of the program can be one that user space would truncate. */
_Static_assert(XDP_ANSWER_MAX <= DNS_UDP_SIZE_MIN, "truncated");

/* A list of elements that grows. */
struct list {
	uint8_t *data;
	size_t size, count, room;
};

/* What is looked up by name. No padding. */
struct entry_key {
	uint64_t words[XDP_NAME_WORDS];
	uint64_t flags;
};

/* All that names of one set have in common. No padding but what is zeroed. */
struct set_key {
	uint32_t checks[XDP_TARGETS_MAX];
	uint64_t off; /* targets that are dialled off */
	uint32_t row, ttl, ttl_min, target_count;
	uint32_t flags;
	uint32_t answers, when_all_down;
};

struct xdp_table {
	const struct catalog *catalog;
	struct xdp_settings settings;
	unsigned processors;

	struct list names, targets, addrs4, addrs6, ttls;
	struct list sets;      /* of struct xdp_set */
	struct list set_names; /* by set: a name of it (const struct geo_name *) */
	struct geo_intern keys, set_keys, rows;
	struct xdp_bucket *buckets;
	struct xdp_packed trees[2]; /* IPv4, IPv6 */
	struct xdp_groups groups;   /* of IPv6 */
	uint16_t *firsts;	    /* of each order, its first pop */
	size_t order_count;
	int64_t *first_targets; /* by name of the configuration */
	size_t answered;

	struct xdp_causes causes;
	struct xdp_set *live_sets;
	uint32_t *live_ttls;
};

static void *list_add(struct list *list, const void *elements, size_t count)
{
	size_t at = list->count;

	if (at + count > list->room) {
		list->room = (at + count) * 2;
		list->data = xrealloc(list->data, list->room * list->size);
	}
	list->count += count;
	memcpy(list->data + at * list->size, elements, count * list->size);
	return list->data + at * list->size;
}

/* ---- names ---- */

/* False: it is longer than the program looks. */
static bool key_make(struct entry_key *key, const uint8_t *name, uint64_t flags)
{
	size_t len = dns_name_length(name);

	*key = (struct entry_key){ .flags = flags };
	if (len > XDP_NAME_MAX)
		return false;
	memcpy(key->words, name, len);
	for (size_t i = 0; i < XDP_NAME_WORDS; i++)
		key->words[i] = xdp_word_lower(key->words[i]);
	return true;
}

/* What the name says is found only if nothing has been said of it before. */
static void entry_add(struct xdp_table *t, const uint8_t *owner, uint64_t wildcard,
		      const struct xdp_name *entry)
{
	struct xdp_name name = *entry;
	struct entry_key key;
	size_t before = t->keys.count;

	if (!key_make(&key, owner, wildcard) || geo_intern_add(&t->keys, &key) != before)
		return;
	memcpy(name.key, key.words, sizeof(name.key));
	name.flags |= (uint32_t)wildcard;
	list_add(&t->names, &name, 1);
}

/* ---- what a name answers ---- */

static uint32_t addrs_add(struct list *list, const struct addr *addrs, size_t count)
{
	uint32_t first = (uint32_t)list->count;

	for (size_t i = 0; i < count; i++)
		list_add(list, addrs[i].bytes, 1);
	return first;
}

static uint32_t targets_add(struct xdp_table *t, const struct geo_name *name)
{
	uint32_t first = (uint32_t)t->targets.count;

	for (size_t i = 0; i < name->target_count; i++) {
		const struct geo_target *from = &name->targets[i];
		const struct xdp_target target = {
			.first_a = addrs_add(&t->addrs4, from->a, from->a_count),
			.first_aaaa = addrs_add(&t->addrs6, from->aaaa, from->aaaa_count),
			.a_count = from->a_count,
			.aaaa_count = from->aaaa_count,
		};

		list_add(&t->targets, &target, 1);
	}
	return first;
}

/* ---- sets ---- */

static uint32_t set_add(struct xdp_table *t, const struct geo_name *name)
{
	const uint32_t flags =
		(name->groups[0].policy == GEO_NEAREST && name->target_count > 1 ? XDP_SET_NEAREST
										 : 0U) |
		(name->by_place ? XDP_SET_BY_PLACE : 0U);
	struct set_key key;
	size_t before = t->set_keys.count;
	uint32_t number;

	memset(&key, 0, sizeof(key));
	for (size_t i = 0; i < name->target_count; i++) {
		key.checks[i] = name->targets[i].check;
		key.off |= (uint64_t)(name->targets[i].dial == 0) << i;
	}
	key.row = geo_intern_add(&t->rows, name->target_of_pop);
	key.ttl = name->ttl;
	key.ttl_min = name->ttl_min;
	key.target_count = (uint32_t)name->target_count;
	key.flags = flags;
	key.answers = name->answers;
	key.when_all_down = name->when_all_down;
	number = geo_intern_add(&t->set_keys, &key);
	if (number == before) {
		const struct xdp_set set = { .row = key.row * t->settings.pop_count,
					     .first_ttl = (uint32_t)t->ttls.count,
					     .answers = name->answers,
					     .flags = flags };

		list_add(&t->sets, &set, 1);
		list_add(&t->set_names, &name, 1);
		for (size_t i = 0; i < name->target_count; i++)
			list_add(&t->ttls, &name->ttl, 1);
	}
	return number;
}

static const struct geo_name *const *set_names(const struct xdp_table *t)
{
	return (const struct geo_name *const *)(const void *)t->set_names.data;
}

/* The program may read at any moment: each of these is one store. */
static void set_write(const struct xdp_table *t, const struct snapshot *snap, size_t index)
{
	const struct geo_health health = { snap->health, snap->pops };
	const struct geo_name *name = set_names(t)[index];
	struct xdp_set *set = &t->live_sets[index];

	for (size_t i = 0; i < name->target_count; i++) {
		const struct geo_choice alone = { .count = 1, .targets = { &name->targets[i] } };

		/* Of several targets, the program takes the least. */
		__atomic_store_n(&t->live_ttls[set->first_ttl + i],
				 snapshot_ttl(snap, name, &alone), __ATOMIC_RELAXED);
	}
	__atomic_store_n(&set->mask, geo_name_mask(name, &health), __ATOMIC_RELEASE);
}

/* ---- the whole ---- */

static void name_add(struct xdp_table *t, size_t index)
{
	const struct geo_name *name = &t->catalog->conf->names[index];
	const struct zone *zone = catalog_zone_find(t->catalog, name->owner, false);
	const struct zone_match match = zone_lookup(zone, name->owner, false);
	struct xdp_name entry = { .flags = XDP_NAME_UP };

	t->first_targets[index] = -1;
	if (match.found == ZONE_EXACT && match.node->geo == name && xdp_name_fits(name)) {
		entry.flags = zone_keys(zone) ? XDP_NAME_SIGNED : 0;
		entry.set = set_add(t, name);
		entry.first_target = targets_add(t, name);
		t->first_targets[index] = entry.first_target;
		t->answered++;
	}
	entry_add(t, name->owner, 0, &entry);
	if (dns_name_is_wildcard(name->owner))
		entry_add(t, dns_name_parent(name->owner), XDP_NAME_WILDCARD, &entry);
}

/* What exists beside a geographic wildcard is not its (RFC 4592, 2.2.1). */
static void beside_wildcards_add(struct xdp_table *t)
{
	static const struct xdp_name left = { .flags = XDP_NAME_UP };
	const struct geodns_conf *conf = t->catalog->conf;

	for (size_t i = 0; i < conf->zone_count; i++) {
		const struct zone_node *n = zone_nodes(t->catalog->zones[i]);

		for (; n; n = n->next_of_all) {
			if (n->parent && n->parent->wildcard && n->parent->wildcard->geo)
				entry_add(t, n->name, 0, &left);
		}
		entry_add(t, conf->zones[i].apex, 0, &left);
	}
}

static void trees_make(struct xdp_table *t)
{
	size_t count;
	const struct geo_class *classes = geo_map_classes(t->catalog->map, &count);
	uint32_t *leaf_of = xcalloc(count, sizeof(*leaf_of));

	for (size_t i = 0; i < count; i++)
		leaf_of[i] = classes[i].order << XDP_LEAF_ORDER |
			     (classes[i].is_private ? XDP_LEAF_PRIVATE : 0);
	for (unsigned i = 0; i < 2; i++) {
		xdp_pack(&t->trees[i], geo_map_tree(t->catalog->map, i ? ADDR_IPV6 : ADDR_IPV4),
			 leaf_of, i == 0);
		t->settings.root_bits[i] = t->trees[i].root_bits;
	}
	xdp_groups_make(&t->groups, geo_map_tree(t->catalog->map, ADDR_IPV6), &t->trees[1],
			leaf_of);
	t->settings.group_mask = (uint32_t)t->groups.line_count - 1;
	free(leaf_of);
}

static void firsts_make(struct xdp_table *t)
{
	const uint16_t *orders = geo_map_orders(t->catalog->map, &t->order_count);

	t->firsts = xcalloc(t->order_count + 1, sizeof(*t->firsts));
	for (size_t i = 0; i < t->order_count && t->settings.pop_count > 0; i++)
		t->firsts[i] = orders[i * t->settings.pop_count];
}

static void settings_make(struct xdp_table *t)
{
	const struct geodns_conf *conf = t->catalog->conf;
	struct xdp_settings *s = &t->settings;

	s->pop_count = (uint32_t)conf->places.pop_count;
	for (size_t i = 0; i < conf->listen_count; i++) {
		static const uint8_t zero[16];
		const struct endpoint *from = &conf->listen[i];
		struct xdp_listen *to = &s->listen[s->listen_count];

		/* Which addresses are ours, only the kernel knows then. */
		if (memcmp(from->addr.bytes, zero, sizeof(zero)) == 0)
			continue;
		assert(s->listen_count < XDP_LISTEN_MAX);
		memcpy(to->addr, from->addr.bytes, sizeof(to->addr));
		to->family = from->addr.family;
		to->port = (uint32_t)((from->port & 0xff) << 8 | from->port >> 8);
		s->listen_count++;
	}
}

static void words_get(uint64_t words[2], const struct addr *addr)
{
	memcpy(words, addr->bytes, 2 * sizeof(*words));
	words[0] = be64toh(words[0]);
	words[1] = be64toh(words[1]);
}

static void limit_make(struct xdp_limit *to, const struct rate_limit_options *from)
{
	to->pace = rate_pace(from->per_second, from->burst, 1);
	to->slip = from->slip;
	assert(from->exempt_count <= XDP_EXEMPT_MAX);
	for (size_t i = 0; i < from->exempt_count; i++) {
		const struct prefix *prefix = &from->exempt[i];
		struct xdp_exempt *e = &to->exempt[to->exempt_count++];
		struct addr ones = { .family = prefix->addr.family };
		uint64_t words[2];

		e->family = prefix->addr.family;
		words_get(words, &prefix->addr);
		e->hi = words[0];
		e->lo = words[1];
		memset(ones.bytes, 0xff, addr_size(ones.family));
		ones = addr_mask(&ones, prefix->len);
		words_get(words, &ones);
		e->mask_hi = words[0];
		e->mask_lo = words[1];
	}
}

static void table_init(struct xdp_table *t)
{
	t->names.size = sizeof(struct xdp_name);
	t->targets.size = sizeof(struct xdp_target);
	t->addrs4.size = sizeof(uint32_t);
	t->addrs6.size = sizeof(struct xdp_addr6);
	t->ttls.size = sizeof(uint32_t);
	t->sets.size = sizeof(struct xdp_set);
	t->set_names.size = sizeof(const struct geo_name *);
	geo_intern_init(&t->keys, sizeof(struct entry_key));
	geo_intern_init(&t->set_keys, sizeof(struct set_key));
	geo_intern_init(&t->rows, sizeof(uint16_t) * t->catalog->conf->places.pop_count);
}

struct xdp_table *xdp_table_new(const struct snapshot *snap, unsigned processors, uint64_t seed,
				const char **why)
{
	const struct geodns_conf *conf = snap->catalog->conf;
	struct xdp_table *t = x_new(struct xdp_table);

	*why = NULL;
	t->catalog = snap->catalog;
	t->processors = processors;
	t->settings.seed = seed & ~UINT64_C(1);
	table_init(t);
	settings_make(t);
	if (conf->protection.has_limit)
		limit_make(&t->settings.limit, &conf->protection.limit);
	firsts_make(t);
	t->first_targets = xcalloc(conf->name_count + 1, sizeof(*t->first_targets));
	for (size_t i = 0; i < conf->name_count; i++)
		name_add(t, i);
	beside_wildcards_add(t);
	t->settings.target_count = (uint32_t)t->targets.count;
	xdp_causes_init(&t->causes, snap, set_names(t), t->sets.count);
	t->live_sets = (struct xdp_set *)(void *)t->sets.data;
	t->live_ttls = (uint32_t *)(void *)t->ttls.data;
	for (size_t i = 0; i < t->sets.count; i++)
		set_write(t, snap, i);
	if (t->settings.listen_count == 0)
		*why = "listen has no address but unspecified ones";
	else if (t->answered == 0)
		*why = "no name that it could answer";
	else if (t->order_count > XDP_ORDERS_MAX ||
		 t->order_count * conf->places.pop_count > UINT32_MAX ||
		 t->targets.count * processors > UINT32_MAX)
		*why = "too many PoPs and names";
	else if (!xdp_buckets_make(&t->buckets, &t->settings,
				   (const struct xdp_name *)(const void *)t->names.data,
				   t->names.count))
		*why = "too many names";
	if (*why) {
		xdp_table_free(t);
		return NULL;
	}
	trees_make(t);
	return t;
}

static void list_free(struct list *list)
{
	free(list->data);
	list->data = NULL;
}

static void filling_free(struct xdp_table *t)
{
	geo_intern_fini(&t->keys);
	geo_intern_fini(&t->set_keys);
	geo_intern_fini(&t->rows);
	list_free(&t->names);
	list_free(&t->targets);
	list_free(&t->addrs4);
	list_free(&t->addrs6);
	list_free(&t->sets);
	list_free(&t->ttls);
	free(t->buckets);
	free(t->firsts);
	t->buckets = NULL;
	t->firsts = NULL;
	free(t->groups.lines);
	free(t->groups.hints);
	t->groups = (struct xdp_groups){ .lines = NULL };
	for (unsigned i = 0; i < 2; i++) {
		free(t->trees[i].root);
		free(t->trees[i].words);
		free(t->trees[i].node_at);
		t->trees[i] = (struct xdp_packed){ .root = NULL };
	}
}

void xdp_table_settle(struct xdp_table *table, struct xdp_set *sets, uint32_t *ttls)
{
	filling_free(table);
	table->live_sets = sets;
	table->live_ttls = ttls;
}

void xdp_table_free(struct xdp_table *table)
{
	if (!table)
		return;
	filling_free(table);
	list_free(&table->set_names);
	free(table->first_targets);
	xdp_causes_fini(&table->causes);
	free(table);
}

const struct xdp_settings *xdp_table_settings(const struct xdp_table *table)
{
	return &table->settings;
}

static struct xdp_array array_of(const void *data, size_t count, size_t size, size_t per)
{
	return (struct xdp_array){ data, count * size, (count + per - 1) / per + (count == 0) };
}

static struct xdp_array tree_array(const struct xdp_packed *tree, bool is_root)
{
	if (is_root)
		return array_of(tree->root, tree->root_count, sizeof(uint32_t), XDP_CHUNK / 4);
	return array_of(tree->words, tree->word_count, sizeof(uint32_t), XDP_CHUNK / 4);
}

static struct xdp_array list_array(const struct list *list, size_t per)
{
	return array_of(list->data, list->count, list->size, per);
}

struct xdp_array xdp_table_array(const struct xdp_table *t, enum xdp_array_id id)
{
	const struct geo_map *map = t->catalog->map;
	const size_t pops = t->settings.pop_count;
	size_t orders;

	switch (id) {
	case XDP_ARRAY_buckets:
		return array_of(t->buckets, (size_t)t->settings.bucket_mask + 1,
				sizeof(struct xdp_bucket), 1);
	case XDP_ARRAY_names:
		return list_array(&t->names, 1);
	case XDP_ARRAY_sets:
		return list_array(&t->sets, 1);
	case XDP_ARRAY_rows:
		return array_of(t->rows.keys, t->rows.count * pops, sizeof(uint16_t),
				XDP_CHUNK / 2);
	case XDP_ARRAY_ttls:
		return list_array(&t->ttls, XDP_CHUNK / 4);
	case XDP_ARRAY_targets:
		return list_array(&t->targets, 1);
	case XDP_ARRAY_addrs4:
		return list_array(&t->addrs4, XDP_CHUNK / 4);
	case XDP_ARRAY_addrs6:
		return list_array(&t->addrs6, 1);
	case XDP_ARRAY_firsts:
		return array_of(t->firsts, t->order_count, sizeof(uint16_t), XDP_CHUNK / 2);
	case XDP_ARRAY_orders:
		return array_of(geo_map_orders(map, &orders), t->order_count * pops,
				sizeof(uint16_t), XDP_CHUNK / 2);
	case XDP_ARRAY_root4:
	case XDP_ARRAY_words4:
		return tree_array(&t->trees[0], id == XDP_ARRAY_root4);
	case XDP_ARRAY_root6:
	case XDP_ARRAY_words6:
		return tree_array(&t->trees[1], id == XDP_ARRAY_root6);
	case XDP_ARRAY_hints6:
		return array_of(t->groups.hints, (size_t)1 << XDP_HINT_BITS, sizeof(uint16_t),
				XDP_CHUNK / 2);
	case XDP_ARRAY_groups6:
		return array_of(t->groups.lines, t->groups.line_count,
				sizeof(struct xdp_group_line), 1);
	case XDP_ARRAY_limits:
		return (struct xdp_array){ NULL, 0,
					   t->settings.limit.pace.token_ns > 0 ? RATE_SETS : 1 };
	case XDP_ARRAY_tally:
		return (struct xdp_array){
			NULL, 0, (t->targets.count * t->processors) / (XDP_CHUNK / 8) + 1
		};
	case XDP_ARRAY_counts:
		return (struct xdp_array){ NULL, 0, t->processors };
	case XDP_ARRAY_COUNT:
		break;
	}
	return (struct xdp_array){ NULL, 0, 0 };
}

size_t xdp_table_answered(const struct xdp_table *table)
{
	return table->answered;
}

size_t xdp_table_left(const struct xdp_table *table)
{
	return table->catalog->conf->name_count - table->answered;
}

size_t xdp_table_update(struct xdp_table *t, const struct snapshot *snap)
{
	const uint32_t *sets;
	const size_t count = xdp_causes_changed(&t->causes, snap, &sets);

	for (size_t i = 0; i < count; i++)
		set_write(t, snap, sets[i]);
	return count;
}

int64_t xdp_table_first_target(const struct xdp_table *table, size_t name)
{
	return table->first_targets[name];
}
