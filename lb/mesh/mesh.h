/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mesh.h - the mesh of all PoPs, in the daemon's loop: core.h on UDP sockets.
 *
 * One socket for each family in which there are other PoPs, bound to the identity address. What
 * does not fit into the kernel's queue is lost and counted; nothing here waits. PoPs are known by
 * slots, see core.h, from which all reading functions are to be taken:
 * mesh_core_is_live(mesh_core(mesh), slot) and so on.
 */
#ifndef LB_MESH_MESH_H
#define LB_MESH_MESH_H

#include <ev.h>

#include "lb/mesh/core.h"

struct mesh;

/*
 * Join. The conf is enabled and need not outlive the call. Of handlers, send is set here. 0, or
 * -errno: then *failed, if any, is where it could not listen.
 */
int mesh_new(struct mesh **out, struct ev_loop *loop, const struct mesh_conf *conf,
	     const struct mesh_handlers *handlers, struct endpoint *failed);
/* Tells nobody: mesh_say() before. NULL is fine. */
void mesh_free(struct mesh *mesh);
/* Open what this configuration needs beside what there is; 0 or -errno, and nothing has changed. */
int mesh_prepare(struct mesh *mesh, const struct mesh_conf *conf, struct endpoint *failed);
/* After that: go over to it. */
void mesh_reload(struct mesh *mesh, const struct mesh_conf *conf);
/* Prepared, but not to be reloaded after all. */
void mesh_unprepare(struct mesh *mesh);

const struct mesh_core *mesh_core(const struct mesh *mesh);
/* Of this life, told to all, in the tags of packets in GUE. */
uint32_t mesh_epoch(const struct mesh *mesh);
/* Datagrams that the kernel has not taken. */
uint64_t mesh_lost(const struct mesh *mesh);
/* The slot of the PoP of this name, or SIZE_MAX. */
size_t mesh_find(const struct mesh *mesh, const char *name);

/* As core.h has them. This is sent at once, */
void mesh_say(struct mesh *mesh, enum mesh_word word, uint32_t for_ms);
/* and this with all that is said in this turn of the loop, before it waits. */
void mesh_set_vips(struct mesh *mesh, const struct mesh_vip *vips, size_t count);
bool mesh_ask(struct mesh *mesh, size_t slot, uint64_t id, const uint8_t flow[MESH_FLOW_SIZE]);
void mesh_answer(struct mesh *mesh, size_t slot, const struct mesh_answer *answer);
void mesh_gone(struct mesh *mesh, size_t slot, const uint8_t flow[MESH_FLOW_SIZE]);
void mesh_served(struct mesh *mesh, const uint8_t client[16]);
/* Some other PoP is live, not about to go, and announces this VIP, which is up there. */
bool mesh_others_announce(const struct mesh *mesh, const char *vip);

#endif
