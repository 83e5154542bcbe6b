/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fault.h - breaking things in a running lab, and mending them.
 *
 *	pop_crash       the wires of all the pop's nodes black-hole in one step, then
 *	                they are destroyed: power loss. Undo: new ones, from nothing.
 *	lb_crash        catchment-lb (or the pop's BIRD) is killed. Undo: started.
 *	origin_failure  nginx and the lab's origin are killed. Undo: started.
 *
 * A target is a pop. Of a rack, the latter two act on the lb's node.
 */
#ifndef TESTBED_FAULT_FAULT_H
#define TESTBED_FAULT_FAULT_H

#include "testbed/runtime/lab.h"

struct fault {
	struct fault *next;
	unsigned id;
	enum fault_kind kind;
	size_t node; /* the lb's */
	struct instant begun;
	struct instant undone; /* INSTANT_NEVER while it lasts */
};

/* The faults of a lab, oldest first. Zero it to start with. */
struct faults {
	struct fault *first;
	unsigned last_id;
};

/* NULL, and *reason set, when it cannot be done: no such pop, or it is not up, or broken already.
 */
struct fault *fault_inject(struct faults *faults, struct lab *lab, enum fault_kind kind,
			   const char *target, const char **reason);
/* 0, or -EALREADY, or what starting the node anew says. */
int fault_undo(struct fault *fault, struct lab *lab);
/* NULL: none. */
struct fault *fault_find(const struct faults *faults, unsigned id);
/* Undo all that last. */
void faults_undo(struct faults *faults, struct lab *lab);
void faults_clear(struct faults *faults);
/* While there are more than keep: forget the oldest that are undone. */
void faults_forget(struct faults *faults, size_t keep);
/* {"id","kind","target","t_ns","undone_ns"} */
json_t *fault_to_json(const struct fault *fault, const struct lab *lab);

#endif
