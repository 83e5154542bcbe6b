/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * table.h - a snapshot as the arrays that the program on the interface reads (layout.h).
 *
 * Pure. The program knows nearest and failover in one group, without fences and without what is
 * decided by hash; other names are marked as left to user space. Which targets may be answered
 * is decided here, by geo_name_mask(), once for all names that decide alike (a set), and again
 * by xdp_table_update() after a new verdict: nobody else needs to know what health is.
 */
#ifndef GEODNS_XDP_TABLE_H
#define GEODNS_XDP_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "geodns/snapshot.h"
#include "geodns/xdp/layout.h"

struct xdp_array {
	const void *data; /* NULL: zero */
	size_t octets;	  /* of data */
	size_t elements;  /* of the map */
};

struct xdp_table;

/*
 * processors: rows of counters; seed: anything. NULL, with *why set, for what the program cannot
 * do at all: then nothing but user space answers.
 */
struct xdp_table *xdp_table_new(const struct snapshot *snap, unsigned processors, uint64_t seed,
				const char **why);
void xdp_table_free(struct xdp_table *table);

const struct xdp_settings *xdp_table_settings(const struct xdp_table *table);
struct xdp_array xdp_table_array(const struct xdp_table *table, enum xdp_array_id id);
/* Names that the program answers, and those that it leaves. */
size_t xdp_table_answered(const struct xdp_table *table);
size_t xdp_table_left(const struct xdp_table *table);

/*
 * Once all arrays are where the program sees them: free those that are not needed any more, and
 * from now on write to these (writable: as many octets as xdp_table_array() has said).
 */
void xdp_table_settle(struct xdp_table *table, struct xdp_set *sets, uint32_t *ttls);
/*
 * Bring masks and TTLs up to date. snap: another one of the same catalog; only sets with a check
 * whose verdict is another than the last time are computed. Returns how many these were.
 */
size_t xdp_table_update(struct xdp_table *table, const struct snapshot *snap);
/* Where a name's targets begin in a row of tally; -1: the program does not answer it. */
int64_t xdp_table_first_target(const struct xdp_table *table, size_t name);

#endif
