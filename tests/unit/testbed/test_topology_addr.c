/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plan of addresses. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "testbed/topology.h"

static const char *prefix_text(struct prefix prefix)
{
	static char buf[4][PREFIX_TEXT_SIZE];
	static unsigned turn;

	return prefix_format(&prefix, buf[turn++ % 4]);
}

enum block { NETWORK, CLIENT, IDENTITY, LAN };

struct block_row {
	const char *what;
	enum block block;
	size_t index;
	const char *v4, *v6;
};

/* clang-format off */
static const struct block_row block_rows[] = {
	{ "first network",  NETWORK,  0,   "10.1.0.0/16",     "2001:db8:f001::/48" },
	{ "last network",   NETWORK,  198, "10.199.0.0/16",   "2001:db8:f0c7::/48" },
	{ "first client",   CLIENT,   0,   "100.64.0.0/24",   "2001:db8:f800::/48" },
	{ "last client",    CLIENT,   255, "100.64.255.0/24", "2001:db8:f8ff::/48" },
	{ "first identity", IDENTITY, 0,   "10.200.1.0/24",   "2001:db8:f701::/48" },
	{ "last identity",  IDENTITY, 22,  "10.200.23.0/24",  "2001:db8:f717::/48" },
	{ "first LAN",      LAN,      0,   "10.201.1.0/24",   "2001:db8:f601::/64" },
	{ "last LAN",       LAN,      22,  "10.201.23.0/24",  "2001:db8:f617::/64" },
};

struct service_row {
	const char *what;
	size_t variant, slot;
	const char *v4, *v6;
};

static const struct service_row service_rows[] = {
	{ "A_0",          0,  0,  "198.18.0.0/24",   "2001:db8::/48" },
	{ "U_0 of pop 1", 0,  1,  "198.18.1.0/24",   "2001:db8:1::/48" },
	{ "U_0 of the last pop", 0, 23, "198.18.23.0/24", "2001:db8:17::/48" },
	{ "A_1",          1,  0,  "198.18.32.0/24",  "2001:db8:1000::/48" },
	{ "U_7 of pop 3", 7,  3,  "198.18.227.0/24", "2001:db8:7003::/48" },
	{ "A_8",          8,  0,  "198.19.0.0/24",   "2001:db8:8000::/48" },
	{ "U_14 of the last pop", 14, 23, "198.19.215.0/24", "2001:db8:e017::/48" },
};
/* clang-format on */

static struct prefix block_prefix(const struct block_row *row, unsigned family)
{
	switch (row->block) {
	case NETWORK:
		return topology_network_prefix(row->index, family);
	case CLIENT:
		return topology_client_prefix(row->index, family);
	case IDENTITY:
		return topology_identity_prefix(row->index, family);
	case LAN:
		return topology_lan_prefix(row->index, family);
	}
	abort();
}

Test(topology_addr, blocks_of_addresses)
{
	for (size_t i = 0; i < sizeof(block_rows) / sizeof(block_rows[0]); i++) {
		const struct block_row *row = &block_rows[i];

		cr_expect_str_eq(prefix_text(block_prefix(row, 0)), row->v4, "%s: %s", row->what,
				 prefix_text(block_prefix(row, 0)));
		cr_expect_str_eq(prefix_text(block_prefix(row, 1)), row->v6, "%s: %s", row->what,
				 prefix_text(block_prefix(row, 1)));
	}
	for (size_t i = 0; i < sizeof(service_rows) / sizeof(service_rows[0]); i++) {
		const struct service_row *row = &service_rows[i];
		struct prefix v4 = topology_service_prefix(row->variant, row->slot, 0);
		struct prefix v6 = topology_service_prefix(row->variant, row->slot, 1);

		cr_expect_str_eq(prefix_text(v4), row->v4, "%s: %s", row->what, prefix_text(v4));
		cr_expect_str_eq(prefix_text(v6), row->v6, "%s: %s", row->what, prefix_text(v6));
	}
}

/* Nothing that a scenario may hold shares an address with anything else. */
Test(topology_addr, blocks_do_not_overlap)
{
	struct prefix all[2 * (199 + 256 + 2 * 23 + 15 * 24)];
	size_t n = 0;

	for (unsigned f = 0; f < 2; f++) {
		for (size_t i = 0; i < SCENARIO_NETWORKS_MAX; i++)
			all[n++] = topology_network_prefix(i, f);
		for (size_t i = 0; i < SCENARIO_CLIENTS_MAX; i++)
			all[n++] = topology_client_prefix(i, f);
		for (size_t i = 0; i < SCENARIO_POPS_MAX; i++) {
			all[n++] = topology_identity_prefix(i, f);
			all[n++] = topology_lan_prefix(i, f);
		}
		for (size_t v = 0; v < SCENARIO_VARIANTS_MAX; v++) {
			for (size_t slot = 0; slot <= SCENARIO_POPS_MAX; slot++)
				all[n++] = topology_service_prefix(v, slot, f);
		}
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < i; j++)
			cr_assert_not(prefix_overlaps(&all[i], &all[j]), "%s and %s",
				      prefix_text(all[i]), prefix_text(all[j]));
	}
}

Test(topology_addr, service_prefixes_are_found_again)
{
	struct prefix none;
	size_t variant, slot;

	for (size_t v = 0; v < SCENARIO_VARIANTS_MAX; v++) {
		for (size_t n = 0; n <= SCENARIO_POPS_MAX; n++) {
			for (unsigned f = 0; f < 2; f++) {
				struct prefix p = topology_service_prefix(v, n, f);

				cr_assert(topology_service_find(&p, &variant, &slot));
				cr_assert(variant == v && slot == n, "%s", prefix_text(p));
			}
		}
	}
	cr_assert(prefix_parse(&none, "198.18.24.0/24"));
	cr_expect_not(topology_service_find(&none, &variant, &slot), "a slot beyond the pops");
	cr_assert(prefix_parse(&none, "198.18.0.0/19"));
	cr_expect_not(topology_service_find(&none, &variant, &slot), "another length");
	cr_assert(prefix_parse(&none, "10.1.0.0/24"));
	cr_expect_not(topology_service_find(&none, &variant, &slot));
}
