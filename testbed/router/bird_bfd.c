/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/router/bird_bfd.h"

#include "testbed/router/policy.h"

/* At each of its ends BFD has the wire for itself: the first session asks for none. */
void bird_bfd_protocol_write(FILE *f, const struct topology *t, size_t at)
{
	const struct topology_node *node = &t->nodes[at];
	bool begun = false;

	for (size_t i = 0; i < node->link_count; i++) {
		const struct topology_link *l = &t->links[node->links[i]];

		if (!l->bfd)
			continue;
		if (!begun)
			fprintf(f, "protocol bfd {\n\tdebug { events };\n");
		begun = true;
		fprintf(f, "\tinterface \"%s\" { interval %u ms; multiplier %u; };\n",
			l->end[topology_end_at(l, at)].iface, l->bfd->interval_ms,
			l->bfd->multiplier);
	}
	if (begun)
		fprintf(f, "}\n");
}

static void head_write(FILE *f, const struct topology *t, const struct topology_link *l,
		       unsigned end, unsigned hold_time)
{
	const struct topology_end *near = &l->end[end], *far = &l->end[!end];

	fprintf(f,
		"\tlocal %s as %u;\n\tneighbor %s as %u;\n%s\thold time %u;\n"
		"\terror wait time 1, 2;\n\tbfd on;\n",
		policy_addr_text(&near->addr[1]), policy_asn(t, &t->nodes[near->node]),
		policy_addr_text(&far->addr[1]), policy_asn(t, &t->nodes[far->node]),
		l->lan ? "\tdirect;\n" : "", hold_time);
}

void bird_bfd_edge_write(FILE *f, const struct topology *t, const struct topology_link *l,
			 unsigned end)
{
	fprintf(f, "protocol bgp lb_bfd { # %s, BFD\n", t->nodes[l->end[!end].node].name);
	head_write(f, t, l, end, POLICY_HOLD_TIME);
	fprintf(f, "\tpassive yes;\n"
		   "\tipv4 { import filter from_lb; export none; };\n"
		   "\tipv6 { import filter from_lb; export none; };\n}\n");
}

void bird_bfd_router_write(FILE *f, const struct topology *t, const struct topology_link *l,
			   unsigned end, unsigned n)
{
	fprintf(f, "protocol bgp pop_%u_bfd { # %s, BFD\n", n, t->nodes[l->end[!end].node].name);
	head_write(f, t, l, end, POLICY_HOLD_TIME);
	fprintf(f,
		"\tpassive yes;\n"
		"\tipv4 { import filter from_pop_%u; export none; };\n"
		"\tipv6 { import filter from_pop_%u; export none; };\n}\n",
		n, n);
}

static void prefixes_write(FILE *f, const struct topology *t, size_t pop, unsigned family)
{
	const char *comma = "";

	for (size_t v = 0; v < t->scenario->variant_count; v++) {
		const struct scenario_variant *variant = &t->scenario->variants[v];
		size_t slot = topology_slot(t, v, pop);

		if (!variant->bfd)
			continue;
		fprintf(f, "%s%s", comma,
			policy_prefix_text(topology_service_prefix(v, slot, family)));
		comma = ", ";
	}
}

void bird_bfd_function_write(FILE *f, const struct topology *t, size_t pop)
{
	fprintf(f, "function is_bfd() {\n\tif net.type = NET_IP4 then return net ~ [ ");
	prefixes_write(f, t, pop, 0);
	fprintf(f, " ];\n\treturn net ~ [ ");
	prefixes_write(f, t, pop, 1);
	fprintf(f, " ];\n}\n");
}

/* Without its own address given, BIRD would take for IPv4's next hop whatever it found first. */
void bird_bfd_pop_write(FILE *f, const struct topology *t, const struct topology_link *l,
			unsigned end, unsigned n, const char *which)
{
	fprintf(f, "protocol bgp up_%u_bfd { # %s, BFD\n", n, t->nodes[l->end[!end].node].name);
	head_write(f, t, l, end, t->scenario->hold_time);
	fprintf(f, "\tconnect delay time 1;\n\tconnect retry time 1;\n");
	for (unsigned family = 0; family < 2; family++)
		fprintf(f,
			"\t%s { next hop address %s; import none; export where %s && is_bfd(); };\n",
			family ? "ipv6" : "ipv4", policy_addr_text(&l->end[end].addr[family]),
			which);
	fprintf(f, "}\n");
}
