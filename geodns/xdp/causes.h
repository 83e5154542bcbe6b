/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * causes.h - which sets of names (layout.h) a new snapshot can have changed.
 *
 * What a set says depends on the checks and PoPs of its targets: its causes. Each is remembered as
 * it was the last time, so that a new verdict touches only the sets that depend on it, whatever
 * the number of names. Pure.
 */
#ifndef GEODNS_XDP_CAUSES_H
#define GEODNS_XDP_CAUSES_H

#include <stddef.h>
#include <stdint.h>

#include "geodns/snapshot.h"

struct xdp_causes {
	const struct catalog *catalog;
	size_t count;	/* the catalog's checks, then its PoPs */
	uint64_t *last; /* by cause: as the last snapshot had it */
	/* In sets, of each cause the first of those that depend on it, and one behind the last. */
	size_t *first;
	uint32_t *sets;
	uint8_t *touched; /* by set, while looking */
	uint32_t *touched_list;
};

/* names: by set, one that is in it. The catalog must outlive it. */
void xdp_causes_init(struct xdp_causes *causes, const struct snapshot *snap,
		     const struct geo_name *const *names, size_t set_count);
/* Also of one that is all zero. */
void xdp_causes_fini(struct xdp_causes *causes);
/*
 * The sets with a cause that is not as in the last snapshot; each once, until the next call.
 * Returns how many. snap: of the same catalog.
 */
size_t xdp_causes_changed(struct xdp_causes *causes, const struct snapshot *snap,
			  const uint32_t **sets);

#endif
