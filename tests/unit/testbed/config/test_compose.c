/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/config/compose.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "testbed/config/plan.h"
#include "tests/unit/testbed/small.h"

static char *scalar(const char *text)
{
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	compose_scalar_write(f, text);
	fclose(f);
	return out;
}

Test(compose, scalars)
{
	static const struct {
		const char *name, *text, *yaml;
	} rows[] = {
		{ "a word", "fra", "fra" },
		{ "a path", "/run/lab_1/x.sock", "/run/lab_1/x.sock" },
		{ "nothing", "", "''" },
		{ "true in YAML 1.1", "on", "'on'" },
		{ "so is", "Yes", "'Yes'" },
		{ "false", "NO", "'NO'" },
		{ "Norway's cousin", "n", "'n'" },
		{ "null", "null", "'null'" },
		{ "null, too", "~", "'~'" },
		{ "digits", "7", "'7'" },
		{ "a float", "1e3", "'1e3'" },
		{ "minutes in base 60", "12:30:00", "'12:30:00'" },
		{ "a word that begins like one", "north", "north" },
		{ "a list's item", "- a", "'- a'" },
		{ "a mapping", "a: b", "'a: b'" },
		{ "a comment", "a #b", "'a #b'" },
		{ "an anchor", "&a", "'&a'" },
		{ "a merge", "<<", "'<<'" },
		{ "flow", "a,b]", "'a,b]'" },
		{ "a variable", "$HOME ${X:-y}", "'$$HOME $${X:-y}'" },
		{ "an apostrophe", "it's", "'it''s'" },
		{ "JSON", "{\"a\":\"\\n\"}", "'{\"a\":\"\\n\"}'" },
		{ "line ends", "a\nb\t\"\\$", "\"a\\x0ab\\x09\\\"\\\\$$\"" },
		{ "DEL, which YAML forbids", "a\x7f", "\"a\\x7f\"" },
		{ "UTF-8", "M\xc3\xbcnchen", "'M\xc3\xbcnchen'" },
		{ "a blank at the end", "a ", "'a '" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *yaml = scalar(rows[i].text);

		cr_expect_str_eq(yaml, rows[i].yaml, "%s: %s, not %s", rows[i].name, yaml,
				 rows[i].yaml);
		free(yaml);
	}
}

static const struct compose_options in_file = { .lab = "small", .supervisor = true };

static char *written(const struct topology *t, const struct compose_options *options)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	compose_write(f, t, options);
	fclose(f);
	return text;
}

/* The lines of one block, from its own to the next that is indented no deeper. To be freed. */
static char *block(const char *text, const char *head)
{
	const char *start = text, *end;
	size_t indent = strspn(head, " ");

	while ((start = strstr(start, head)) && start != text && start[-1] != '\n')
		start++;
	cr_assert_not_null(start, "no '%s' in:\n%s", head, text);
	for (end = strchr(start, '\n') + 1; *end && strspn(end, " ") > indent;)
		end = strchr(end, '\n') + 1;
	return strndup(start, (size_t)(end - start));
}

/* That each of these is in the block, and what begins with '!' is not. */
static void block_expect(const char *text, const char *head, const char *const *parts)
{
	char *found = block(text, head);

	for (; *parts; parts++) {
		bool wanted = **parts != '!';

		cr_expect_eq(strstr(found, *parts + !wanted) != NULL, wanted, "'%s' in:\n%s",
			     *parts, found);
	}
	free(found);
}
#define EXPECT(text, head, ...) block_expect(text, head, (const char *const[]){ __VA_ARGS__, NULL })

/* p1 and p2, ns1 and the root; a, b and the three of big; c1. */
Test(compose, services)
{
	struct scenario *s = small_scenario(EDITS());
	struct topology *t = small_topology(s);
	char *text = written(t, &in_file);

	EXPECT(text, "  testbed:\n", "<<: *common\n", "8080']",
	       "${CATCHMENT_PORTS:-81}00:", "lab:/run/catchment", "${CATCHMENT_OUT:-../out}:/out",
	       "      LAB: ${LAB:-run}\n", "      LAB_NAME: small\n",
	       "      SCENARIO: '{\"version\":1,", "!restart", "stop_grace_period: 60s\n",
	       "    depends_on:\n      - a\n", "      - c1\n", "!build");
	EXPECT(text, "  a:\n", "<<: *router\n",
	       "build: {context: '${CATCHMENT_SOURCE:-..}', dockerfile: docker/Dockerfile}\n");
	EXPECT(text, "  p1:\n", "<<: *pop\n", "hostname: p1\n",
	       "ports: ['127.0.0.1:${CATCHMENT_PORTS:-81}01:8080']\n",
	       "command: [node, --wait, --control, /run/catchment/small/control, --name, p1]\n");
	EXPECT(text, "  p2:\n", "<<: *pop\n", "}02:8080']\n", "!build");
	EXPECT(text, "  ns1:\n", "<<: *nameserver\n", "}51:8080']\n");
	EXPECT(text, "  root:\n", "<<: *nameserver\n", "}52:8080']\n");
	EXPECT(text, "  big-newyork:\n", "<<: *router\n", "!ports");
	EXPECT(text, "  c1:\n", "<<: *client\n", "!ports");
	for (size_t i = 0; i < t->node_count; i++) {
		char *head = xasprintf("  %s:\n", t->nodes[i].name);

		free(block(text, head));
		free(head);
	}
	EXPECT(text, "volumes:\n", "  lab: {}\n");
	cr_expect_null(strstr(text, "version:"), "Compose v2 warns of it");
	cr_expect_not_null(strstr(text, "  pull_policy: never\n"), "v2 asks a registry for it");
	free(text);
	topology_free(t);
	scenario_free(s);
}

Test(compose, privileges_by_kind)
{
	struct scenario *s = small_scenario(EDITS());
	struct topology *t = small_topology(s);
	char *text = written(t, &in_file);

	EXPECT(text, "x-common:", "cap_drop: [ALL]\n", "no-new-privileges:true", "max-size",
	       "!cap_add", "!privileged");
	EXPECT(text, "x-node:", "<<: *common\n", "cap_add: [NET_ADMIN, NET_RAW]\n",
	       "devices: [/dev/net/tun]\n", "restart: on-failure\n");
	EXPECT(text, "x-router:", "<<: *node\n", "!cap_add", "network_mode: none\n",
	       "sysctls: *router-sysctls\n", "!healthcheck");
	EXPECT(text, "x-pop:", "<<: *node\n", "!cap_add", "networks: [management]\n",
	       "sysctls: *host-sysctls\n", "--unix-socket, /run/catchment-lb.sock,");
	EXPECT(text, "x-nameserver:", "<<: *node\n", "!cap_add", "networks: [management]\n",
	       "--unix-socket, /run/catchment-geodns.sock,");
	EXPECT(text, "x-client:", "<<: *node\n", "cap_add: [NET_ADMIN, NET_RAW, SYS_NICE]\n",
	       "cpu_shares: 16384\n", "network_mode: none\n", "!healthcheck");
	EXPECT(text, "  testbed:\n", "cap_add: [SYS_NICE, DAC_OVERRIDE, CHOWN]\n",
	       "cpu_shares: 65536\n", "!NET_ADMIN", "!devices");
	cr_expect_null(strstr(text, "privileged: true"));
	free(text);
	topology_free(t);
	scenario_free(s);
}

Test(compose, whoever_does_bfd_goes_before_others)
{
	struct scenario *s = small_scenario(EDITS({ "variants/0/bfd", "true" }));
	struct topology *t = small_topology(s);
	char *text = written(t, &in_file);

	EXPECT(text, "  a:\n", "cpu_shares: 8192\n");
	EXPECT(text, "  p1:\n", "cpu_shares: 8192\n");
	EXPECT(text, "  b:\n", "!cpu_shares");
	EXPECT(text, "  big-frankfurt:\n", "!cpu_shares");
	free(text);
	topology_free(t);
	scenario_free(s);
}

Test(compose, a_program_on_the_interfaces_needs_its_capabilities)
{
	static const char *const continuity[] = { "false", "true" };

	for (size_t i = 0; i < 2; i++) {
		struct scenario *s =
			small_scenario(EDITS({ "variants/0/continuity", continuity[i] }));
		struct topology *t = small_topology(s);
		char *text = written(t, &in_file);

		EXPECT(text,
		       "x-pop:", i ? "cap_add: [NET_ADMIN, NET_RAW, SYS_ADMIN]\n" : "!SYS_ADMIN");
		EXPECT(text, "x-router:", "!SYS_ADMIN");
		EXPECT(text, "x-client:", "!SYS_ADMIN");
		free(text);
		topology_free(t);
		scenario_free(s);
	}
}

/* The agent cannot write them in a container, and so relies on the file. */
Test(compose, sysctls_are_the_plan_s)
{
	static const struct {
		enum node_kind kind;
		const char *head;
	} rows[] = { { NODE_ROUTER, "x-router-sysctls:" },
		     { NODE_POP, "x-host-sysctls:" },
		     { NODE_NAMESERVER, "x-host-sysctls:" },
		     { NODE_CLIENT, "x-host-sysctls:" } };
	struct scenario *s = small_scenario(EDITS());
	struct topology *t = small_topology(s);
	char *text = written(t, &in_file);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *sysctls = plan_sysctls(rows[i].kind), *value;
		const char *key;

		cr_expect_gt(json_object_size(sysctls), 5);
		json_object_foreach (sysctls, key, value) {
			char *line = xasprintf("  %s: '%s'\n", key, json_string_value(value));

			for (char *p = line; (p = strchr(p, '/'));)
				*p = '.';
			EXPECT(text, rows[i].head, line);
			free(line);
		}
		json_decref(sysctls);
		EXPECT(text, rows[i].head, "  net.ipv6.conf.default.disable_ipv6: '0'\n",
		       "!net.ipv6.conf.all.disable_ipv6");
	}
	free(text);
	topology_free(t);
	scenario_free(s);
}

/* A router like any other: no privilege, no REST, no port more. */
Test(compose, an_edge_is_a_router)
{
	struct scenario *s = small_scenario(EDITS({ "pops/1/shape", "\"rack\"" }));
	struct topology *t = small_topology(s);
	char *text = written(t, &in_file);

	EXPECT(text, "  p2-edge:\n", "<<: *router\n", "hostname: p2-edge\n", "!ports");
	EXPECT(text, "  p2:\n", "<<: *pop\n", "}02:8080']\n");
	EXPECT(text, "    depends_on:\n", "      - p2-edge\n");
	free(text);
	topology_free(t);
	scenario_free(s);
}

/* FRR will not start without privileges that it does not use: its routers have them, no other. */
Test(compose, routers_of_frr)
{
	struct scenario *s = small_scenario(EDITS({ "networks/1/router", "\"frr\"" },
						  { "pops/1/shape", "\"rack\"" },
						  { "pops/1/router", "\"frr\"" }));
	struct topology *t = small_topology(s);
	char *text = written(t, &in_file);

	EXPECT(text, "  a:\n", "<<: *router\n", "!*frr", "!SYS_ADMIN");
	EXPECT(text, "  big-newyork:\n", "<<: *frr\n", "!<<: *router");
	EXPECT(text, "  p2-edge:\n", "<<: *frr\n");
	EXPECT(text, "x-frr: &frr\n", "  <<: *router\n",
	       "  cap_add: [NET_ADMIN, NET_RAW, SYS_ADMIN, NET_BIND_SERVICE]\n");
	EXPECT(text, "x-router: &router\n", "!SYS_ADMIN");
	free(text);
	topology_free(t);
	scenario_free(s);
}

/* Pops of speaker BIRD have no REST: nothing to publish, to check, or to be reached by. */
Test(compose, pops_without_rest)
{
	struct scenario *s = small_scenario(EDITS({ "speaker", "\"bird\"" }));
	struct topology *t = small_topology(s);
	char *text = written(t, &in_file);

	EXPECT(text, "x-pop:", "network_mode: none\n", "!healthcheck", "!networks");
	EXPECT(text, "  p1:\n", "!ports");
	free(text);
	topology_free(t);
	scenario_free(s);
}

/* The host's own supervisor: no service of that kind, its directory and the engine's ports. */
Test(compose, for_a_supervisor_on_the_host)
{
	static const struct compose_options options = { .lab = "it's $1",
							.control_dir = "/run/catchment/it's $1" };
	struct scenario *s = small_scenario(EDITS());
	struct topology *t = small_topology(s);
	char *text = written(t, &options);

	cr_expect_null(strstr(text, "testbed:"));
	cr_expect_null(strstr(text, "build:"));
	cr_expect_null(strstr(text, "SCENARIO"));
	cr_expect_null(strstr(text, "\nvolumes:"));
	EXPECT(text, "x-node:", "    - type: bind\n", "      source: '/run/catchment/it''s $$1'\n",
	       "      target: '/run/catchment/it''s $$1'\n", "!lab:");
	EXPECT(text, "  p2:\n", "ports: ['127.0.0.1::8080']\n",
	       "--control, '/run/catchment/it''s $$1/control', --name, p2]");
	free(text);
	topology_free(t);
	scenario_free(s);
}

Test(compose, names_that_yaml_takes_for_something_else)
{
	struct scenario *s = small_scenario(
		EDITS({ "pops/0/name", "\"on\"" }, { "links/0/from", "\"on\"" },
		      { "timeline/0/target", "\"on\"" }, { "clients/0/name", "\"007\"" }));
	struct topology *t = small_topology(s);
	char *text = written(t, &in_file);

	EXPECT(text, "    depends_on:\n", "      - 'on'\n", "      - '007'\n");
	EXPECT(text, "  'on':\n", "hostname: 'on'\n", "--name, 'on']\n");
	EXPECT(text, "  '007':\n", "hostname: '007'\n", "--name, '007']\n");
	free(text);
	topology_free(t);
	scenario_free(s);
}

/* What is no scenario's today may be tomorrow's: nothing in it reaches YAML or the shell. */
Test(compose, hostile_scenario)
{
	struct scenario *s = small_scenario(EDITS());
	struct topology *t = small_topology(s);
	json_t *name = json_incref(json_object_get(s->json, "name")); /* the scenario borrows it */
	char *text;

	json_object_set_new(s->json, "name", json_string("$(x) ${y} '\"\n\x7f#: M\xc3\xbcnchen"));
	text = written(t, &in_file);
	EXPECT(text, "  testbed:\n",
	       "      SCENARIO: \"{\\\"version\\\":1,\\\"name\\\":\\\"$$(x) $${y} '\\\\\\\"\\\\n"
	       "\\x7f#: M\\\\u00FCnchen\\\"");
	free(text);
	json_decref(name);
	topology_free(t);
	scenario_free(s);
}

Test(compose, mistakes)
{
	static const struct compose_options on_host = { .lab = "x", .control_dir = "/run/x" };
	struct scenario *s = small_scenario(EDITS({ "clients/0/name", "\"testbed\"" }));
	struct topology *t = small_topology(s);
	char *mistake = compose_mistake(t, &in_file), *large;

	cr_assert_not_null(mistake);
	cr_expect_str_eq(mistake, "a node is named 'testbed', as the supervisor's service is");
	cr_expect_null(compose_mistake(t, &on_host), "which has no such service");
	free(mistake);
	topology_free(t);
	scenario_free(s);

	s = small_scenario(EDITS());
	t = small_topology(s);
	cr_expect_null(compose_mistake(t, &in_file));
	large = xcalloc(1, 130001);
	memset(large, 'x', 130000);
	json_object_set_new(s->json, "name", json_string(large));
	mistake = compose_mistake(t, &in_file);
	cr_expect_not_null(mistake, "an environment would not take it");
	free(mistake);
	free(large);
	topology_free(t);
	scenario_free(s);
}

static char *file_text(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	ssize_t n;

	cr_assert_not_null(f, "%s", path);
	n = getdelim(&text, &size, '\0', f);
	cr_assert_gt(n, 0);
	fclose(f);
	return text;
}

/* "make compose" writes it. */
Test(compose, shipped_file_is_up_to_date)
{
	struct scenario *s = small_shipped("testbed/scenarios/world.json");
	struct topology *t = small_topology(s);
	const struct compose_options options = { .lab = s->name, .supervisor = true };
	char *text = written(t, &options), *shipped = file_text("docker/docker-compose.yml");

	cr_expect(strcmp(text, shipped) == 0, "docker/docker-compose.yml is old: make compose");
	free(text);
	free(shipped);
	topology_free(t);
	scenario_free(s);
}
