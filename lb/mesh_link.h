/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mesh_link.h - the mesh in the daemon: when it begins and ends, what it tells the other PoPs of
 * us, and what becomes of what they tell.
 */
#ifndef LB_MESH_LINK_H
#define LB_MESH_LINK_H

#include "lb/daemon.h"

/* If the configuration has a mesh. -errno, said in the log. */
int lb_mesh_start(struct lb_daemon *lb);
/* Everything about our VIPs, as it is decided now; what is the same is not told again. */
void lb_mesh_tell(struct lb_daemon *lb);
void lb_mesh_say(struct lb_daemon *lb, enum mesh_word word);
/* That we are gone, and back in for_ms at the latest. */
void lb_mesh_say_restart(struct lb_daemon *lb, uint32_t for_ms);

/*
 * Of a reload: open what next needs, 0 or -errno and where; then either undo that, or go over to
 * it, which cannot fail.
 */
int lb_mesh_prepare(struct lb_daemon *lb, const struct lb_conf *next, struct endpoint *failed);
void lb_mesh_unprepare(struct lb_daemon *lb);
void lb_mesh_take(struct lb_daemon *lb, const struct lb_conf *next);

#endif
