/* SPDX-License-Identifier: GPL-3.0-or-later */
/* announce_rig.h - one PoP with its announcer, and what is heard of it. */
#ifndef TESTS_LB_ANNOUNCE_RIG_H
#define TESTS_LB_ANNOUNCE_RIG_H

#include "lb/announce/announce.h"

/* One PoP: identity M, vip "any" by verdict with two prefixes, vip "dns" always. */
struct announce_rig {
	struct prefix identity[1], any[2], dns[1];
	struct lb_vip_conf vip_confs[2];
	struct lb_conf conf;
	struct vip vips[2];
	struct announcer announcer;
	struct instant next;
	char heard[300]; /* "+10.200.1.0/24 -198.18.0.0/24 " */
	char reason[ANNOUNCE_REASON_SIZE];
};

struct announce_rig *announce_rig_new(void);
void announce_rig_free(struct announce_rig *rig);
/* An announce_change_fn: into heard. */
void announce_rig_hear(void *rig, const struct announcement *item);
/* What is heard in a step at that time. */
const char *announce_rig_step(struct announce_rig *rig, int64_t ns);
const char *announce_rig_step_ms(struct announce_rig *rig, int64_t ms);

#endif
