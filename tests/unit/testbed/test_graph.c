/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/graph.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/testbed/small.h"

static char *drawn(const struct topology *t, void (*draw)(FILE *, const struct topology *))
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	draw(f, t);
	fclose(f);
	return text;
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text++)
		n++;
	return n;
}

Test(graph, mermaid)
{
	struct scenario *s = small_scenario(EDITS({ "links/3/relation", "\"peer\"" }));
	struct topology *t = small_topology(s);
	char *text = drawn(t, graph_mermaid);

	cr_expect_eq(strncmp(text, "flowchart BT\n", 13), 0);
	cr_expect_eq(count(text, "\n"), 1 + t->node_count + t->link_count);
	cr_expect_not_null(strstr(text, "  n1[\"big-frankfurt<br/>AS 65002\"]\n"));
	cr_expect_not_null(strstr(text, "  n5([\"p1\"])\n"));
	cr_expect_not_null(strstr(text, "  n5 -->|0.1 ms| n0\n"), "from customer to provider");
	cr_expect_not_null(strstr(text, "  n0 -->|7.5 ms| n1\n"));
	cr_expect_not_null(strstr(text, "  n1 ===|"), "inside a network");
	cr_expect_not_null(strstr(text, "  n4 ---|"), "peers");
	free(text);
	topology_free(t);
	scenario_free(s);
}

/* The arrow leads to the provider, whichever end the author wrote first. */
Test(graph, mermaid_turns_a_provider_round)
{
	struct scenario *s = small_scenario(EDITS({ "links/2/relation", "\"provider\"" }));
	struct topology *t = small_topology(s);
	char *text = drawn(t, graph_mermaid);

	cr_expect_not_null(strstr(text, "  n1 -->|7.5 ms| n0\n"), "%s", text);
	free(text);
	topology_free(t);
	scenario_free(s);
}

Test(graph, svg)
{
	struct scenario *s = small_scenario(EDITS());
	struct topology *t = small_topology(s);
	char *text = drawn(t, graph_svg);

	cr_expect_eq(count(text, "<line "), t->link_count);
	cr_expect_eq(count(text, "<circle "), t->node_count);
	cr_expect_eq(count(text, "<title>"), t->link_count + t->node_count);
	cr_expect_eq(count(text, "</title>"), t->link_count + t->node_count);
	cr_expect_not_null(strstr(text, ">p1</text>"));
	/* Berlin: 52.52 north, 13.40 east on a map of 1200 by 600. */
	cr_expect_not_null(strstr(text, "cx=\"644.7\" cy=\"124.9\""), "%s", text);
	cr_expect_str_eq(text + strlen(text) - 7, "</svg>\n");
	free(text);
	topology_free(t);
	scenario_free(s);
}

Test(graph, a_rack)
{
	struct scenario *s = small_scenario(EDITS({ "pops/0/shape", "\"rack\"" }));
	struct topology *t = small_topology(s);
	char *text = drawn(t, graph_mermaid);

	cr_expect_eq(count(text, "\n"), 1 + t->node_count + t->link_count);
	cr_expect_not_null(strstr(text, "  n5([\"p1\"])\n"));
	cr_expect_not_null(strstr(text, "  n7[\"p1-edge<br/>AS 64500\"]\n"), "%s", text);
	cr_expect_not_null(strstr(text, "  n7 -->|0.1 ms| n0\n"), "%s", text);
	cr_expect_not_null(strstr(text, "  n5 ===|0.1 ms| n7\n"), "the LAN\n%s", text);
	free(text);
	text = drawn(t, graph_svg);
	cr_expect_eq(count(text, "<line "), t->link_count);
	cr_expect_eq(count(text, "<circle "), t->node_count);
	free(text);
	topology_free(t);
	scenario_free(s);
}
