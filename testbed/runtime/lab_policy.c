/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab_policy.c - a lab's routers change their minds.
 *
 * Each is given the whole of what it shall do now, so that it does not matter how much of what it
 * was told before it has done already. What carries that out is a process of the node that ends
 * well, or the trial is not what it seems.
 */
#include <stdio.h>

#include "testbed/config/plan.h"
#include "testbed/runtime/lab.h"

/* A name that nothing in the node has: an agent starts no second one of a name that runs. */
static void router_tell(struct lab *lab, size_t router)
{
	json_t *plan = plan_shift(lab->topology, router, lab->shifted);

	json_object_set_new(plan, "name", json_sprintf("policy-%u", ++lab->policies));
	lab_file_put(lab, router, json_string_value(json_object_get(plan, "path")),
		     json_string_value(json_object_get(plan, "text")));
	lab_daemon_start(lab, router, plan);
	json_decref(plan);
}

/* It may have several wires to one router. */
static bool is_upstream(const struct topology *t, size_t node, size_t pop)
{
	for (size_t i = 0; i < t->nodes[node].link_count; i++) {
		const struct topology_link *l = &t->links[t->nodes[node].links[i]];
		unsigned router;

		if (topology_link_is_uplink(t, l, &router) && l->end[router].node == node &&
		    t->nodes[l->end[!router].node].index == pop)
			return true;
	}
	return false;
}

struct instant lab_shift(struct lab *lab, size_t pop, bool shifted)
{
	struct instant at = clock_now();

	lab->shifted[pop] = shifted;
	for (size_t i = 0; i < lab->topology->node_count; i++) {
		if (is_upstream(lab->topology, i, pop))
			router_tell(lab, i);
	}
	return at;
}
