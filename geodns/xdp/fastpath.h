/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fastpath.h - the program on the configured interfaces, kept in step with the store.
 *
 * A new verdict is a few stores to the program's maps. A new catalog is a new program that takes
 * the old one's place on each interface at once (a link of the kernel is updated), so that no
 * query is lost or answered from half of each. The links are the process's: however it ends,
 * the interfaces are as before. Where it cannot be, one line says why, and all queries
 * come to user space, which is always there for those that the program leaves, too. Control thread
 * only.
 */
#ifndef GEODNS_XDP_FASTPATH_H
#define GEODNS_XDP_FASTPATH_H

#include <stdbool.h>
#include <stdint.h>

#include "geodns/server/counters.h"
#include "geodns/snapshot.h"
#include "geodns/xdp/layout.h"
#include "geodns/xdp/options.h"

struct fastpath;

/* Nothing is on an interface before the first snapshot. seed: for the hash of names. */
struct fastpath *fastpath_new(uint64_t seed);
/* Takes it off the interfaces. */
void fastpath_free(struct fastpath *fastpath);
/*
 * For the store: what user space answers from now. With a new catalog come its "xdp" options, and
 * the old catalog, which must still be there, is credited with what has been counted for it.
 */
void fastpath_publish(void *fastpath, const struct snapshot *snap);
bool fastpath_is_on(const struct fastpath *fastpath);
/* Since the process began, whatever program it was. */
struct xdp_counts fastpath_counts(const struct fastpath *fastpath);
/* By index of the catalog's names and of the name's targets: what is not yet in its tally. */
uint64_t fastpath_tally(const struct fastpath *fastpath, size_t name, size_t target);
/* Add what was answered, as counters_add() would have counted it. */
void fastpath_count(const struct fastpath *fastpath, struct counters *sum);
/* "length", "header", ...: why a query was left to user space. */
const char *fastpath_reason_name(enum xdp_reason reason);

#endif
