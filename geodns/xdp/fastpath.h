/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fastpath.h - the program on the configured interfaces, kept in step with the store.
 *
 * A new verdict is a few stores to the program's maps. A new catalog is a new program that takes
 * the old one's place on each interface at once (a link of the kernel is updated), so that no
 * query is lost or answered from half of each. The links are the process's: however it ends,
 * the interfaces are as before. Where it cannot be, one line says why, and all queries
 * come to user space, which is always there for those that the program leaves, too. Control thread
 * only, but for fastpath_next_new(): to pack and load city data takes seconds, to put it in place
 * does not.
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
struct fastpath_next;

/* Nothing is on an interface before the first snapshot. seed: for the hash of names. */
struct fastpath *fastpath_new(uint64_t seed);
/* Takes it off the interfaces. */
void fastpath_free(struct fastpath *fastpath);
/*
 * The program for a catalog that is going to be published, as if nothing were known of health. Any
 * thread, while the fast path and the catalog are there. NULL: the catalog does not want one.
 */
struct fastpath_next *fastpath_next_new(const struct fastpath *fastpath,
					const struct catalog *catalog);
/* Of one that was not set. Before its catalog is freed. */
void fastpath_next_free(struct fastpath_next *next);
/* Taken over (NULL too), for when its catalog is published: next of all. */
void fastpath_next_set(struct fastpath *fastpath, struct fastpath_next *next);
/*
 * For the store: what user space answers from now. With a new catalog come its "xdp" options, and
 * the old catalog, which must still be there, is credited with what has been counted for it. A
 * program that has not been set for it is made here.
 */
void fastpath_publish(void *fastpath, const struct snapshot *snap);

/* How it is on an interface. Text is static, but for the name, which is the fast path's. */
struct fastpath_place {
	const char *interface;
	const char *mode; /* "native", "generic"; NULL: user space answers all */
	const char *why;  /* if so */
};

/* Of the configured interfaces the i-th, as it is now. False: there are no more. */
bool fastpath_place(const struct fastpath *fastpath, size_t i, struct fastpath_place *out);
/* Since the process began, whatever program it was. */
struct xdp_counts fastpath_counts(const struct fastpath *fastpath);
/* By index of the catalog's names and of the name's targets: what is not yet in its tally. */
uint64_t fastpath_tally(const struct fastpath *fastpath, size_t name, size_t target);
/* Add what was answered, as counters_add() would have counted it. */
void fastpath_count(const struct fastpath *fastpath, struct counters *sum);
/* "length", "header", ...: why a query was left to user space. */
const char *fastpath_reason_name(enum xdp_reason reason);

#endif
