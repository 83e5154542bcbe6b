/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * continuity_state.h - what the files of continuity share, and nobody else includes.
 *
 *	continuity.c	    birth and death, interfaces, VIPs
 *	continuity_flows.c  between front and the owner
 *	continuity_send.c   packets that leave here
 *	continuity_mesh.c   what other PoPs tell and ask
 */
#ifndef LB_CONTINUITY_STATE_H
#define LB_CONTINUITY_STATE_H

#include "lb/continuity.h"
#include "lb/dataplane/front_layout.h"
#include "lb/flow/answerer.h"
#include "lb/flow/gue.h"
#include "lb/flow/owner.h"

struct front_packet;

/* A socket of each family. */
struct lb_continuity_sockets {
	int ipv4, ipv6; /* -1: none */
};

struct lb_continuity {
	struct lb_daemon *lb;
	struct front *front;
	bool is_pinned; /* what front has stays for a successor */
	struct owner *owner;
	struct answerer *answerer;
	struct ev_io packets;
	struct ev_timer step, sweep;
	struct ev_prepare forgetting; /* while there is a PoP to be forgotten */
	bool forgotten[FRONT_POPS_MAX];
	struct lb_continuity_sockets gue, raw;
	/* Addresses that front has been told of. */
	size_t vip_count;
	struct addr *vips;
};

/* What the owner does; its context is the struct. */
extern const struct owner_ops lb_continuity_ops;

/* After anything that may have moved the owner's deadline. */
void lb_continuity_arm(struct lb_continuity *c);

/* Callbacks: of front, and of the watchers. */
void lb_continuity_on_packet(void *ctx, const struct front_packet *packet);
void lb_continuity_on_readable(struct ev_loop *loop, ev_io *io, int revents);
void lb_continuity_on_step(struct ev_loop *loop, ev_timer *timer, int revents);
void lb_continuity_on_sweep(struct ev_loop *loop, ev_timer *timer, int revents);
void lb_continuity_on_forgetting(struct ev_loop *loop, ev_prepare *prepare, int revents);

/* -errno; what was opened until then is closed by the last one. */
int lb_continuity_sockets_open(struct lb_continuity *c);
/* After the identity or the PoPs have changed: packets leave from its address. */
int lb_continuity_sockets_renew(struct lb_continuity *c);
void lb_continuity_sockets_close(struct lb_continuity *c);
/* The way to a PoP and the way back. */
void lb_continuity_paths(const struct lb_continuity *c, const struct mesh_pop *pop,
			 struct gue_path *in, struct gue_path *out);
/* A packet, from its IP header on, goes to the PoP in that slot. */
void lb_continuity_hand_over(struct lb_continuity *c, unsigned slot, const uint8_t *packet,
			     size_t len);
void lb_continuity_reset(struct lb_continuity *c, const struct owner_packet *packet);

#endif
