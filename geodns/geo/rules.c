/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/geo/rules.h"

#include "geodns/geo/country.h"
#include "lib/alloc.h"

#define ASN_OTHER UINT32_MAX /* reserved (RFC 7300) */

const char *geo_source_name(enum geo_source source)
{
	static const char *const names[] = {
		[GEO_BY_PREFIX] = "prefix",	[GEO_BY_ASN] = "asn",
		[GEO_BY_COUNTRY] = "country",	[GEO_BY_CONTINENT] = "continent",
		[GEO_BY_DATABASE] = "database", [GEO_BY_DEFAULT] = "default",
		[GEO_BY_NOTHING] = "none",
	};

	return names[source];
}

static uint64_t key_of(enum geo_source by, uint32_t key)
{
	return (uint64_t)by << 32 | key;
}

static int rule_compare(const void *a, const void *b)
{
	const struct geo_rule *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static void rule_add(struct geo_rules *rules, const struct geo_clients *clients,
		     const struct geo_network *network, uint64_t region)
{
	if (clients->by == GEO_BY_PREFIX)
		return;
	rules->by_asn |= clients->by == GEO_BY_ASN;
	rules->by_country |= clients->by == GEO_BY_COUNTRY;
	rules->by_continent |= clients->by == GEO_BY_CONTINENT;
	rules->rules[rules->count++] =
		(struct geo_rule){ key_of(clients->by, clients->key), region, network };
}

/* Those with the same key become one. */
static void rules_fold(struct geo_rules *rules)
{
	size_t count = 0;

	qsort(rules->rules, rules->count, sizeof(*rules->rules), rule_compare);
	for (size_t i = 0; i < rules->count; i++) {
		const struct geo_rule *r = &rules->rules[i];
		struct geo_rule *last = count > 0 ? &rules->rules[count - 1] : NULL;

		if (last && last->key == r->key) {
			last->regions |= r->regions;
			last->network = last->network ? last->network : r->network;
		} else {
			rules->rules[count++] = *r;
		}
	}
	rules->count = count;
}

void geo_rules_init(struct geo_rules *rules, const struct geo_places *places)
{
	size_t room = places->network_count;

	for (size_t i = 0; i < places->region_count; i++)
		room += places->regions[i].client_count;
	*rules = (struct geo_rules){ .places = places };
	rules->rules = xcalloc(room + 1, sizeof(*rules->rules));
	for (size_t i = 0; i < places->network_count; i++)
		rule_add(rules, &places->networks[i].clients, &places->networks[i], 0);
	for (size_t i = 0; i < places->region_count; i++) {
		for (size_t k = 0; k < places->regions[i].client_count; k++)
			rule_add(rules, &places->regions[i].clients[k], NULL, UINT64_C(1) << i);
	}
	rules_fold(rules);
}

void geo_rules_fini(struct geo_rules *rules)
{
	free(rules->rules);
}

static const struct geo_rule *rule_find(const struct geo_rules *rules, enum geo_source by,
					uint32_t key)
{
	const struct geo_rule wanted = { .key = key_of(by, key) };

	if (key == 0 || rules->count == 0)
		return NULL;
	return bsearch(&wanted, rules->rules, rules->count, sizeof(wanted), rule_compare);
}

void geo_rules_reduce(const struct geo_rules *rules, struct geo_facts *facts)
{
	if (!facts->continent && rules->by_continent)
		facts->continent = geo_country_continent(facts->country);
	if (!rules->by_continent)
		facts->continent = 0;
	if (!rules->by_country)
		facts->country = 0;
	if (!rules->by_asn)
		facts->asn = 0;
	else if (facts->asn && !rule_find(rules, GEO_BY_ASN, facts->asn))
		facts->asn = ASN_OTHER;
}

void geo_facts_complete(struct geo_facts *facts, const struct geo_facts *more)
{
	if (!facts->has_at) {
		facts->has_at = more->has_at;
		facts->at = more->at;
	}
	if (!facts->country)
		facts->country = more->country;
	if (!facts->continent)
		facts->continent = more->continent;
	if (!facts->asn)
		facts->asn = more->asn;
}

static struct geo_decision decision_place(const struct geo_places *places,
					  const struct geo_facts *facts)
{
	if (facts->has_at)
		return (struct geo_decision){ GEO_BY_DATABASE, NULL, facts->at, true, 0 };
	if (places->has_default)
		return (struct geo_decision){ GEO_BY_DEFAULT, NULL, places->default_at, true, 0 };
	return (struct geo_decision){ .source = GEO_BY_NOTHING };
}

struct geo_decision geo_rules_decide(const struct geo_rules *rules,
				     const struct geo_network *by_prefix,
				     const struct geo_facts *facts)
{
	const struct geo_rule *found[] = {
		[GEO_BY_ASN] = rule_find(rules, GEO_BY_ASN, facts->asn),
		[GEO_BY_COUNTRY] = rule_find(rules, GEO_BY_COUNTRY, facts->country),
		[GEO_BY_CONTINENT] = rule_find(rules, GEO_BY_CONTINENT, facts->continent),
	};
	struct geo_decision decision = decision_place(rules->places, facts);
	const struct geo_network *network = by_prefix;

	for (size_t by = GEO_BY_ASN; by <= GEO_BY_CONTINENT; by++) {
		if (!found[by])
			continue;
		decision.regions |= found[by]->regions;
		network = network ? network : found[by]->network;
	}
	if (network) {
		decision.source = network->clients.by;
		decision.network = network;
		decision.has_at = !network->pops;
		decision.at = network->at;
	}
	return decision;
}
