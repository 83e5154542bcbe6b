/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rules.h - the rules about ASNs, countries and continents, made fast, and who decides.
 *
 * Pure. Borrows from the places that it was made of.
 */
#ifndef GEODNS_GEO_RULES_H
#define GEODNS_GEO_RULES_H

#include "geodns/geo/places.h"

struct geo_rule {
	uint64_t key;			   /* the kind of clients, and which */
	uint64_t regions;		   /* that these are in */
	const struct geo_network *network; /* or NULL */
};

struct geo_rules {
	const struct geo_places *places;
	struct geo_rule *rules; /* by key, each once */
	size_t count;
	bool by_asn, by_country, by_continent; /* is there any? */
};

/* What decides for a client, and its regions. */
struct geo_decision {
	enum geo_source source;
	const struct geo_network *network; /* of the first four sources, else NULL */
	struct geo_point at;		   /* if has_at */
	bool has_at;
	uint64_t regions; /* for what the facts say; regions' prefixes come on top */
};

void geo_rules_init(struct geo_rules *rules, const struct geo_places *places);
void geo_rules_fini(struct geo_rules *rules);
/*
 * Forget what no rule can tell apart, and derive the continent: fewer facts are different then.
 * An ASN that no rule names remains one, so that a database further down is not asked.
 */
void geo_rules_reduce(const struct geo_rules *rules, struct geo_facts *facts);
/* What is missing in facts is taken from more. */
void geo_facts_complete(struct geo_facts *facts, const struct geo_facts *more);
/* by_prefix: the longest prefix's network, or NULL. */
struct geo_decision geo_rules_decide(const struct geo_rules *rules,
				     const struct geo_network *by_prefix,
				     const struct geo_facts *facts);

#endif
