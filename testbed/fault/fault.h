/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fault.h - breaking things in a running lab, and mending them.
 *
 *	pop_crash       the wires of all the pop's nodes black-hole in one step, then
 *	                they are destroyed: power loss. Undo: new ones, from nothing.
 *	lb_crash        catchment-lb (or the pop's BIRD) is killed. Undo: started.
 *	origin_failure  nginx and the lab's origin are killed. Undo: started.
 *	link_cut        nothing passes a link any more, in either direction, and what
 *	                was under way is lost. Both ends lose their carrier, unless
 *	                it is to be a silent one. Undo: it is whole.
 *
 *	catchment_shift the pop's upstreams prefer every other way to what it shares
 *	                with other pops (router/policy.h): its users move, it lives.
 *	                Undo: they prefer it again.
 *
 *	drain           the pop's catchment-lb is asked to drain (POST /v1/drain). Undo: DELETE.
 *	                What it refuses is a mishap.
 *
 * A target is a pop, of link_cut a link (topology_link_find()). Of a rack, drain, lb_crash and
 * origin_failure act on the lb's node. A pop has one fault of its own at a time; its links may be
 * cut, and its users be moved, besides.
 */
#ifndef TESTBED_FAULT_FAULT_H
#define TESTBED_FAULT_FAULT_H

#include "testbed/runtime/lab.h"

struct fault {
	struct fault *next;
	unsigned id;
	struct fault_order order; /* with a target of its own */
	size_t pop;		  /* index in the scenario; SIZE_MAX: it hits none */
	size_t node;		  /* the lb's; SIZE_MAX: it is not about a pop */
	size_t link;		  /* SIZE_MAX: it is not about a link */
	struct instant begun;
	struct instant undone; /* INSTANT_NEVER while it lasts */
};

/* The faults of a lab, oldest first. Zero it to start with. */
struct faults {
	struct fault *first;
	unsigned last_id;
};

/*
 * NULL, and *reason set, when it cannot be done: no such target ("no such ..."), or it is not up,
 * or broken already.
 */
struct fault *fault_inject(struct faults *faults, struct lab *lab, const struct fault_order *order,
			   const char **reason);
/* 0, or -EALREADY, or what starting the node anew says. */
int fault_undo(struct fault *fault, struct lab *lab);
/*
 * BFD has found the path to this pop dead at that instant: it may be because of the fault, while it
 * lasts or a little later.
 */
bool fault_explains_bfd(const struct fault *fault, size_t pop, int64_t t_ns);
/* NULL: none. */
struct fault *fault_find(const struct faults *faults, unsigned id);
/* Undo all that last. */
void faults_undo(struct faults *faults, struct lab *lab);
void faults_clear(struct faults *faults);
/* While there are more than keep: forget the oldest that are undone. */
void faults_forget(struct faults *faults, size_t keep);
/* {"id","kind","target","t_ns","undone_ns"} */
json_t *fault_to_json(const struct fault *fault);

#endif
