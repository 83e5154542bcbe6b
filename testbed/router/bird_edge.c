/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bird_edge.c - BIRD as the edge router of a rack (see bird.h).
 */
#include <stdio.h>
#include <stdlib.h>

#include "testbed/router/bird.h"
#include "testbed/router/bird_bfd.h"
#include "testbed/router/policy.h"

static const char *const family_names[] = { "ipv4", "ipv6" };

/* "local 10.201.1.1 as 64500" and the same of the neighbor. */
static void ends_write(FILE *f, const struct topology *t, const struct topology_link *l,
		       unsigned end)
{
	static const char *const words[] = { "local", "neighbor" };

	for (unsigned e = 0; e < 2; e++) {
		const struct topology_end *at = &l->end[e == 0 ? end : !end];

		fprintf(f, "\t%s %s as %u;\n", words[e], policy_addr_text(&at->addr[0]),
			topology_asn(t, at->node));
	}
}

/* The lb dials, so a new one is back at once. Of the wire: or IPv6 would have no next hop. */
static void lb_write(FILE *f, const struct topology *t, const struct topology_link *l, unsigned end)
{
	fprintf(f, "protocol bgp lb { # %s\n", t->nodes[l->end[!end].node].name);
	ends_write(f, t, l, end);
	fprintf(f, "\tdirect;\n\tpassive yes;\n\thold time %d;\n\terror wait time 1, 2;\n",
		POLICY_HOLD_TIME);
	for (unsigned family = 0; family < 2; family++)
		fprintf(f,
			"\t%s { next hop self; import filter from_lb; "
			"export where net.len = 0; };\n",
			family_names[family]);
	fprintf(f, "}\n");
	if (l->bfd)
		bird_bfd_edge_write(f, t, l, end);
}

static void upstream_write(FILE *f, const struct topology *t, const struct topology_link *l,
			   unsigned end, unsigned n)
{
	fprintf(f, "protocol bgp up_%u { # %s\n", n, t->nodes[l->end[!end].node].name);
	ends_write(f, t, l, end);
	fprintf(f,
		"\thold time %u;\n\tconnect delay time 1;\n\tconnect retry time 1;\n"
		"\terror wait time 1, 2;\n",
		t->scenario->hold_time);
	for (unsigned family = 0; family < 2; family++)
		fprintf(f, "\t%s { import where net ~ [ %s ]; export where proto = \"lb\"; };\n",
			family_names[family], family ? "::/0" : "0.0.0.0/0");
	fprintf(f, "}\n");
	if (l->bfd)
		bird_bfd_pop_write(f, t, l, end, n, "proto = \"lb_bfd\"");
}

char *bird_edge_config(const struct topology *t, size_t at)
{
	const struct topology_node *edge = &t->nodes[at];
	struct addr id = topology_host(topology_lan_prefix(edge->index, 0), LAN_EDGE_HOST);
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	bird_head_write(f, edge, &id);
	for (unsigned family = 0; family < 2; family++)
		fprintf(f,
			"protocol kernel { %s { import none; export all; }; scan time 60;\n"
			"\tmerge paths yes; }\n",
			family_names[family]);
	/* No more than the upstreams take. */
	fprintf(f, "filter from_lb {\n");
	bird_pop_reject_write(f, edge->index);
	fprintf(f, "\taccept;\n}\n");
	if (scenario_wants_bfd(t->scenario))
		bird_bfd_function_write(f, t, edge->index);
	for (size_t i = 0; i < edge->link_count; i++) {
		const struct topology_link *l = &t->links[edge->links[i]];
		unsigned end = topology_end_at(l, at);

		if (l->lan)
			lb_write(f, t, l, end);
		else
			upstream_write(f, t, l, end, (unsigned)i + 1);
	}
	bird_bfd_protocol_write(f, t, at);
	fclose(f);
	return text;
}
