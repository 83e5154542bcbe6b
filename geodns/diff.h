/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * diff.h - which networks another configuration would move, name by name.
 *
 * Both maps are walked side by side: where neither of them changes is a network. For each name
 * that is in both catalogs, and each network, the PoPs answered are compared by their names, all
 * checks being up and nothing said. Where the hash of a network decides, a few thousand draws
 * stand for all, so numbers are estimates then. Private blocks are left out; of IPv6, only
 * 2000::/3 counts. Pure.
 */
#ifndef GEODNS_DIFF_H
#define GEODNS_DIFF_H

#include <jansson.h>

#include "geodns/snapshot.h"

/*
 * {"names_added": [...], "names_removed": [...], "ipv4_networks", "ipv6_networks", "names":
 * [{"name", "ipv4": AMOUNT, "ipv6": AMOUNT, "moves": [{"from": [PoPs], "to": [...], "ipv4",
 * "ipv6"}]}]} where AMOUNT is {"networks", "share"}, a share of all addresses from 0 to 1. Names
 * that nobody is moved for are left out; no PoPs: none, or the last resort. The caller's.
 */
json_t *geodns_diff(const struct catalog *old, const struct catalog *next);
/* The same as text to read, malloc'd. */
char *geodns_diff_text(const json_t *diff);

#endif
