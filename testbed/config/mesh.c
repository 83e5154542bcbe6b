/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mesh.c - the pops of a lab know each other, where a variant wants continuity.
 *
 * Their keys follow from the scenario's seed: a lab is no place for secrets, and the same topology
 * gives the same plans.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "testbed/config/parts.h"

static void key_make(const struct topology *t, size_t pop, uint8_t secret[crypto_scalarmult_BYTES])
{
	char *text =
		xasprintf("catchment lab %llu pop %zu", (unsigned long long)t->scenario->seed, pop);

	crypto_generichash(secret, crypto_scalarmult_BYTES, (const uint8_t *)text, strlen(text),
			   NULL, 0);
	free(text);
}

char *mesh_key_text(const struct topology *t, size_t pop)
{
	uint8_t secret[crypto_scalarmult_BYTES];
	char hex[2 * crypto_scalarmult_BYTES + 1];

	key_make(t, pop, secret);
	return xasprintf("%s\n", sodium_bin2hex(hex, sizeof(hex), secret, sizeof(secret)));
}

static json_t *pop_pack(const struct topology *t, size_t pop)
{
	uint8_t secret[crypto_scalarmult_BYTES], open[crypto_scalarmult_BYTES];
	char hex[2 * crypto_scalarmult_BYTES + 1];

	key_make(t, pop, secret);
	crypto_scalarmult_base(open, secret);
	return json_pack("{s:s, s:o, s:s}", "name", t->scenario->pops[pop].name, "address",
			 json_addr(topology_host(topology_identity_prefix(pop, 0), 1)),
			 "public_key", sodium_bin2hex(hex, sizeof(hex), open, sizeof(open)));
}

static json_t *interfaces_of(const struct topology *t, size_t at)
{
	const struct topology_node *node = &t->nodes[at];
	json_t *interfaces = json_array();

	for (size_t i = 0; i < node->link_count; i++) {
		const struct topology_link *l = &t->links[node->links[i]];

		json_array_append_new(interfaces, json_pack("{s:s}", "name",
							    l->end[topology_end_at(l, at)].iface));
	}
	return interfaces;
}

void part_continuity(json_t *lb, const struct topology *t, size_t at)
{
	json_t *pops;

	if (!scenario_wants_continuity(t->scenario))
		return;
	pops = json_array();
	for (size_t i = 0; i < t->scenario->pop_count; i++)
		json_array_append_new(pops, pop_pack(t, i));
	json_object_set_new(lb, "mesh",
			    json_pack("{s:s, s:o}", "key_file", "mesh.key", "pops", pops));
	json_object_set_new(json_object_get(lb, "dataplane"), "continuity",
			    json_pack("{s:o}", "interfaces", interfaces_of(t, at)));
}
