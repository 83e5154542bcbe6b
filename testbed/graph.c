/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/graph.h"

#define MAP_WIDTH  1200.0
#define MAP_HEIGHT 600.0

static const char *link_arrow(const struct topology_link *l)
{
	if (l->internal || l->lan)
		return "===";
	return l->relation == RELATION_PEER ? "---" : "-->";
}

void graph_mermaid(FILE *out, const struct topology *t)
{
	static const char *const shapes[][2] = { [NODE_ROUTER] = { "[", "]" },
						 [NODE_POP] = { "([", "])" },
						 [NODE_NAMESERVER] = { "[(", ")]" },
						 [NODE_CLIENT] = { "((", "))" },
						 [NODE_EDGE] = { "[", "]" } };

	fprintf(out, "flowchart BT\n");
	for (size_t i = 0; i < t->node_count; i++) {
		const struct topology_node *n = &t->nodes[i];

		fprintf(out, "  n%zu%s\"%s", i, shapes[n->kind][0], n->name);
		if (n->kind == NODE_ROUTER || n->kind == NODE_EDGE)
			fprintf(out, "<br/>AS %u", topology_asn(t, i));
		fprintf(out, "\"%s\n", shapes[n->kind][1]);
	}
	for (size_t i = 0; i < t->link_count; i++) {
		const struct topology_link *l = &t->links[i];
		bool turned = !l->internal && !l->lan && l->relation == RELATION_PROVIDER;

		fprintf(out, "  n%zu %s|%.1f ms| n%zu\n", l->end[turned].node, link_arrow(l),
			l->delay_ms, l->end[!turned].node);
	}
}

static double map_x(const struct topology_node *n)
{
	return (n->place.point.lon + 180) / 360 * MAP_WIDTH;
}

static double map_y(const struct topology_node *n)
{
	return (90 - n->place.point.lat) / 180 * MAP_HEIGHT;
}

static const char *link_class(const struct topology_link *l)
{
	if (l->internal || l->lan)
		return "in";
	return l->relation == RELATION_PEER ? "pe" : "cu";
}

void graph_svg(FILE *out, const struct topology *t)
{
	static const char *const classes[] = { [NODE_ROUTER] = "r",
					       [NODE_POP] = "p",
					       [NODE_NAMESERVER] = "s",
					       [NODE_CLIENT] = "c",
					       [NODE_EDGE] = "r" };
	static const int radius[] = { [NODE_ROUTER] = 4,
				      [NODE_POP] = 9,
				      [NODE_NAMESERVER] = 5,
				      [NODE_CLIENT] = 3,
				      [NODE_EDGE] = 4 };

	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
		"font-family=\"sans-serif\" font-size=\"11\">\n"
		"<style>line{stroke-width:1}.in{stroke:#56b4e9;stroke-width:2}.pe{stroke:#999;"
		"stroke-dasharray:4 3}.cu{stroke:#bbb}.r{fill:#0072b2}.p{fill:#d55e00}"
		".s{fill:#cc79a7}.c{fill:#009e73}</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		MAP_WIDTH, MAP_HEIGHT);
	for (size_t i = 0; i < t->link_count; i++) {
		const struct topology_link *l = &t->links[i];
		const struct topology_node *a = &t->nodes[l->end[0].node];
		const struct topology_node *b = &t->nodes[l->end[1].node];

		fprintf(out,
			"<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\">"
			"<title>%s to %s: %.1f ms</title></line>\n",
			link_class(l), map_x(a), map_y(a), map_x(b), map_y(b), a->name, b->name,
			l->delay_ms);
	}
	for (size_t i = 0; i < t->node_count; i++) {
		const struct topology_node *n = &t->nodes[i];

		fprintf(out,
			"<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%d\"><title>%s</title>"
			"</circle>\n",
			classes[n->kind], map_x(n), map_y(n), radius[n->kind], n->name);
		if (n->kind == NODE_POP)
			fprintf(out, "<text x=\"%.1f\" y=\"%.1f\">%s</text>\n", map_x(n) + 11,
				map_y(n) - 6, n->name);
	}
	fprintf(out, "</svg>\n");
}
