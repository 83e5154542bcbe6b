/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lab_bfd.c - what routers find out by BFD, as rows of the record. */
#include <string.h>

#include "testbed/runtime/lab.h"
#include "testbed/runtime/router_log.h"

/* The pop at either end of this node's wire to peer, NULL when there is none. */
static const char *pop_of(const struct topology *t, size_t node, const struct addr *peer)
{
	const struct topology_node *at = &t->nodes[node];

	for (size_t i = 0; i < at->link_count; i++) {
		const struct topology_link *l = &t->links[at->links[i]];
		const struct topology_end *far = &l->end[!topology_end_at(l, node)];
		unsigned router;

		if (topology_link_is_uplink(t, l, &router) &&
		    (addr_equal(&far->addr[0], peer) || addr_equal(&far->addr[1], peer)))
			return t->scenario->pops[t->nodes[l->end[!router].node].index].name;
	}
	return NULL;
}

void lab_bfd_line(struct lab_node *node, int64_t t_ns, const char *line)
{
	const struct topology *t = node->lab->topology;
	char peer[ADDR_TEXT_SIZE];
	struct router_bfd bfd;
	const char *pop;

	if (!router_log_bfd(&bfd, line))
		return;
	pop = pop_of(t, node->index, &bfd.peer);
	if (!pop)
		return;
	record_row(node->lab->record,
		   &(struct record_row){ .t_ns = t_ns,
					 .source = t->nodes[node->index].name,
					 .kind = bfd.up ? "bfd_up" : "bfd_down",
					 .variant = "",
					 .user = "",
					 .pop = pop,
					 .result = "",
					 .latency_us = -1,
					 .detail = addr_format(&bfd.peer, peer) });
}
