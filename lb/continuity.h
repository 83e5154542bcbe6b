/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * continuity.h - connections outlive a change of routes: packets in mid-flow that are not ours find
 * the PoP whose they are.
 *
 *	interface --front--> unknown packet --owner--> mesh: whose is it?
 *	                                       |--yes--> GUE to that PoP, then cached in front
 *	                                       `--nobody--> reset
 *	mesh: is it yours? --answerer--> front: is it here?
 *
 * A shell: front (the program on the interfaces), owner and answerer (pure) and the mesh, put
 * together in the loop. PoPs are the mesh's slots everywhere.
 */
#ifndef LB_CONTINUITY_H
#define LB_CONTINUITY_H

#include "lb/daemon.h"
#include "lb/flow/answerer.h"
#include "lb/mesh/core.h"

struct front;
struct lb_continuity;

/*
 * What the configuration asks for, once the mesh is there. Without the privileges or an interface
 * that can do it the daemon goes on without, *out is NULL, and the log has said so in one line. In
 * plane xdp there is nothing to go on with: -errno.
 */
int lb_continuity_start(struct lb_continuity **out, struct lb_daemon *lb);
/* NULL is fine, here and below. Removes the program from the interfaces. */
void lb_continuity_free(struct lb_continuity *c);
/* After a reload: VIPs, the identity's addresses. */
void lb_continuity_reload(struct lb_continuity *c);

/* Before a restart: what is pinned stays only for a successor that finds it. */
void lb_continuity_leave(struct lb_continuity *c, const struct lb_conf *next);

/* What has been counted. */
const struct front *lb_continuity_front(const struct lb_continuity *c);
const struct owner_counters *lb_continuity_owner(const struct lb_continuity *c);
const struct answerer_counters *lb_continuity_answers(const struct lb_continuity *c);

/* From the mesh. */
void lb_continuity_on_change(struct lb_continuity *c, size_t slot,
			     const struct mesh_change *change);
void lb_continuity_on_ask(struct lb_continuity *c, size_t slot, uint64_t id,
			  const uint8_t flow[MESH_FLOW_SIZE]);
void lb_continuity_on_answer(struct lb_continuity *c, size_t slot,
			     const struct mesh_answer *answer);
void lb_continuity_on_gone(struct lb_continuity *c, size_t slot,
			   const uint8_t flow[MESH_FLOW_SIZE]);

#endif
