/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * compose.c - the compose file: one anchor for each kind of node, one service for each node.
 *
 * Privileges. Everything is dropped and each kind gets back what it cannot do without:
 *
 *	every node	NET_ADMIN	TAP devices, addresses, routes; BIRD and lb set them, too
 *			NET_RAW		the agent's pings over the wires, OSPF, lb's packet socket
 *	PoPs		SYS_ADMIN	lb's program on the interfaces, if a variant has continuity:
 *			BPF and PERFMON would do, but Debian's Docker 20.10 refuses names that it
 *			does not know, and its filter of system calls lets bpf() pass by this one
 *	FRR routers	SYS_ADMIN	FRR ends if it cannot give up all that it might have used,
 *			NET_BIND_SERVICE	though it uses neither here
 *	clients		SYS_NICE	users send on time while the machine is busy
 *	testbed		SYS_NICE	the wires' real-time thread
 *			DAC_OVERRIDE	writes to ../out, whoever owns it,
 *			CHOWN		and gives its owner what it has written
 *
 * The image is nobody's but ours: Compose v2 would ask the registry for it once for each service
 * that does not build it, and early ones would give up then.
 *
 * Shares of the processor are what nice values are in namespaces, since a container competes as
 * one: users before whoever does BFD, those before other daemons, the wires before all. Where a
 * kernel has real-time scheduling by group (CONFIG_RT_GROUP_SCHED, cgroup v1) a container has
 * none, and the shares are what is left.
 *
 * No port needs NET_BIND_SERVICE, the sysctl is for that; no daemon changes its user.
 */
#include "testbed/config/compose.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/alloc.h"
#include "testbed/config/plan.h"

#define SERVICE "testbed"
/* The kernel's limit for one string of the environment is 128 KiB. */
#define ENVIRONMENT_MAX (120 * 1024UL)

struct compose_kind {
	enum node_kind kind;
	const char *name; /* of the anchor */
	const char *text; /* what it has beyond all nodes */
};

static const struct compose_kind kinds[] = {
	{ NODE_ROUTER, "router", "" },
	{ NODE_POP, "pop", "" },
	{ NODE_NAMESERVER, "nameserver", "" },
	{ NODE_CLIENT, "client",
	  "  cap_add: [NET_ADMIN, NET_RAW, SYS_NICE]\n  cpu_shares: 16384\n" },
};

/* A PoP whose lb has a program on its interfaces. */
static const char front_caps[] = "  cap_add: [NET_ADMIN, NET_RAW, SYS_ADMIN]\n";

/* A router that needs more; only in the file where there is one. */
#define FRR_KIND "frr"

static const char usage[] =
	"# LAB=run     (default) runs it, prints the table, writes the report to ../out and stops\n"
	"# LAB=stay    stays up with its users, for 'docker-compose exec', 'docker kill' and so on\n"
	"# LAB=serve   waits for runs, which are posted to the testbed's REST\n"
	"# LAB_OPTIONS of 'catchment-testbed run' or 'up', as '--trials 5 --seed 3'\n"
	"# CATCHMENT_IMAGE=catchment, CATCHMENT_SOURCE=.. (to build it), CATCHMENT_OUT=../out\n"
	"# CATCHMENT_PORTS=81: first digits of the ports on 127.0.0.1. Another one and another\n"
	"#   project (docker-compose -p NAME) make a second lab at the same time\n";

/* Words that are no text for YAML 1.1, which Compose 1.29 reads. */
static bool is_reserved(const char *text)
{
	static const char *const words[] = { "y",   "n",    "yes",   "no",   "on",
					     "off", "true", "false", "null", NULL };

	for (size_t i = 0; words[i]; i++) {
		if (strcasecmp(text, words[i]) == 0)
			return true;
	}
	return false;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Begins with a letter or a path's slash: what begins otherwise may be a number or worse. */
static bool is_plain(const char *text)
{
	if (!is_letter(text[0]) && text[0] != '/')
		return false;
	for (const char *p = text; *p; p++) {
		if (!is_letter(*p) && !(*p >= '0' && *p <= '9') && !strchr("-_./", *p))
			return false;
	}
	return !is_reserved(text);
}

static void double_quoted_write(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else if (c == '$')
			fputs("$$", out);
		else
			fprintf(out, c == '"' || c == '\\' ? "\\%c" : "%c", c);
	}
	fputc('"', out);
}

void compose_scalar_write(FILE *out, const char *text)
{
	if (is_plain(text)) {
		fputs(text, out);
		return;
	}
	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f) {
			double_quoted_write(out, text);
			return;
		}
	}
	fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'' || *text == '$')
			fputc(*text, out);
		fputc(*text, out);
	}
	fputc('\'', out);
}

static void entry_write(FILE *out, unsigned indent, const char *key, const char *value)
{
	fprintf(out, "%*s", (int)indent, "");
	compose_scalar_write(out, key);
	fputs(": ", out);
	compose_scalar_write(out, value);
	fputc('\n', out);
}

/* The socket of the node's REST, to be freed, or NULL if it has none. */
static char *rest_socket(const struct topology *t, size_t at)
{
	json_t *plan = plan_node(t, at), *daemon;
	char *path = NULL;
	size_t i;

	json_array_foreach (json_object_get(plan, "daemons"), i, daemon) {
		const char *events = json_string_value(json_object_get(daemon, "events"));

		if (events && !path)
			path = xstrdup(events);
	}
	json_decref(plan);
	return path;
}

/* A router forwards; all others are hosts, and alike. */
static const char *sysctls_name(enum node_kind kind)
{
	return kind == NODE_ROUTER ? "router-sysctls" : "host-sysctls";
}

/* A pop's edge is a router like any other, and FRR's are like no other. */
static const char *anchor_name(const struct topology *t, const struct topology_node *node)
{
	bool edge = node->kind == NODE_EDGE;
	enum router_kind router = ROUTER_BIRD;

	if (edge)
		router = t->scenario->pops[node->index].router;
	else if (node->kind == NODE_ROUTER)
		router = t->scenario->networks[node->network].router;
	if (router == ROUTER_FRR)
		return FRR_KIND;
	return kinds[edge ? NODE_ROUTER : node->kind].name;
}

/*
 * In a container /proc/sys is read-only, so what the plan wants is set from outside. An engine
 * that gives the management network no IPv6 switches it off for all devices that are yet to come;
 * the management interface itself stays without, which keeps its chatter off the bridge.
 */
static void sysctls_write(FILE *out, enum node_kind kind)
{
	json_t *sysctls = plan_sysctls(kind), *value;
	const char *key;

	fprintf(out, "x-%s: &%s\n", sysctls_name(kind), sysctls_name(kind));
	json_object_set_new(sysctls, "net/ipv6/conf/default/disable_ipv6", json_string("0"));
	json_object_set_new(sysctls, "net/ipv6/conf/lo/disable_ipv6", json_string("0"));
	json_object_set_new(sysctls, "net/ipv4/ip_unprivileged_port_start", json_string("0"));
	json_object_foreach (sysctls, key, value) {
		char *name = xstrdup(key);

		for (char *p = name; *p; p++) {
			if (*p == '/')
				*p = '.';
		}
		entry_write(out, 2, name, json_string_value(value));
		free(name);
	}
	json_decref(sysctls);
	fputc('\n', out);
}

/* A check is a new process in the container: rare enough to be lost among what is measured. */
static void healthcheck_write(FILE *out, unsigned indent, const char *socket)
{
	fprintf(out,
		"%*shealthcheck:\n"
		"%*s  test: [CMD, curl, -sfo, /dev/null, %s%s%shttp://localhost%s/healthz]\n"
		"%*s  interval: 60s\n%*s  timeout: 10s\n%*s  retries: 2\n",
		(int)indent, "", (int)indent, "", socket ? "--unix-socket, " : "",
		socket ? socket : "", socket ? ", " : "", socket ? "" : ":8080", (int)indent, "",
		(int)indent, "", (int)indent, "");
}

static void common_write(FILE *out, const struct compose_options *o)
{
	fputs("x-common: &common\n"
	      "  image: ${CATCHMENT_IMAGE:-catchment}\n"
	      "  pull_policy: never\n"
	      "  cap_drop: [ALL]\n"
	      "  security_opt: ['no-new-privileges:true']\n"
	      "  logging: {driver: json-file, options: {max-size: 1m, max-file: '2'}}\n\n"
	      "x-node: &node\n"
	      "  <<: *common\n"
	      "  cap_add: [NET_ADMIN, NET_RAW]\n"
	      "  devices: [/dev/net/tun]\n"
	      "  tmpfs: [/run]\n"
	      "  volumes:\n",
	      out);
	if (o->supervisor) {
		fputs("    - lab:" PLAN_LAB_ROOT "\n", out);
	} else {
		char *target = xasprintf(PLAN_LAB_ROOT "/%s", o->lab);

		fputs("    - type: bind\n", out);
		entry_write(out, 6, "source", o->control_dir);
		entry_write(out, 6, "target", target);
		free(target);
	}
	/* The agent ends with failure when its node must begin anew, see agent.h. */
	fputs("  restart: on-failure\n"
	      "  stop_grace_period: 3s\n\n",
	      out);
}

/* A scenario has at least one of each of the kinds above. */
static size_t first_of(const struct topology *t, enum node_kind kind)
{
	size_t i = 0;

	while (t->nodes[i].kind != kind)
		i++;
	return i;
}

static void kind_write(FILE *out, const struct topology *t, const struct compose_kind *kind)
{
	char *socket = rest_socket(t, first_of(t, kind->kind));
	const bool has_front = kind->kind == NODE_POP && scenario_wants_continuity(t->scenario);

	fprintf(out, "x-%s: &%s\n  <<: *node\n%s%s  sysctls: *%s\n", kind->name, kind->name,
		kind->text, has_front ? front_caps : "", sysctls_name(kind->kind));
	if (socket) {
		fputs("  networks: [management]\n", out);
		healthcheck_write(out, 2, socket);
	} else {
		fputs("  network_mode: none\n", out);
	}
	fputc('\n', out);
	free(socket);
}

static void frr_write(FILE *out, const struct topology *t)
{
	if (scenario_has_router(t->scenario, ROUTER_FRR))
		fprintf(out,
			"x-" FRR_KIND ": &" FRR_KIND "\n  <<: *%s\n"
			"  cap_add: [NET_ADMIN, NET_RAW, SYS_ADMIN, NET_BIND_SERVICE]\n\n",
			kinds[NODE_ROUTER].name);
}

static void port_write(FILE *out, const struct compose_options *o, unsigned last)
{
	if (o->supervisor)
		fprintf(out, "    ports: ['127.0.0.1:${CATCHMENT_PORTS:-81}%02u:%d']\n", last,
			COMPOSE_REST_PORT);
	else
		fprintf(out, "    ports: ['127.0.0.1::%d']\n", COMPOSE_REST_PORT);
}

static void node_write(FILE *out, const struct topology *t, const struct compose_options *o,
		       size_t at)
{
	const struct topology_node *node = &t->nodes[at];
	char *socket = rest_socket(t, at);
	char *control = xasprintf(PLAN_LAB_ROOT "/%s/control", o->lab);

	fputs("  ", out);
	compose_scalar_write(out, node->name);
	fprintf(out, ":\n    <<: *%s\n", anchor_name(t, node));
	entry_write(out, 4, "hostname", node->name);
	if (topology_has_bfd(t, at))
		fputs("    cpu_shares: 8192\n", out);
	fputs("    command: [node, --wait, --control, ", out);
	compose_scalar_write(out, control);
	fputs(", --name, ", out);
	compose_scalar_write(out, node->name);
	fputs("]\n", out);
	if (socket)
		port_write(out, o,
			   (node->kind == NODE_POP ? COMPOSE_PORT_POP : COMPOSE_PORT_NAMESERVER) +
				   (unsigned)node->index);
	free(control);
	free(socket);
}

/* ASCII, and without line ends, whatever is in it. */
static char *scenario_text(const struct scenario *s)
{
	return json_dumps(s->json, JSON_COMPACT | JSON_ENSURE_ASCII);
}

/*
 * It starts after the nodes and, what matters, ends before them: a lab whose nodes go away under
 * it has had an accident.
 */
static void dependencies_write(FILE *out, const struct topology *t)
{
	fputs("    depends_on:\n", out);
	for (size_t i = 0; i < t->node_count; i++) {
		fputs("      - ", out);
		compose_scalar_write(out, t->nodes[i].name);
		fputc('\n', out);
	}
}

static void supervisor_write(FILE *out, const struct topology *t, const struct compose_options *o)
{
	char *scenario = scenario_text(t->scenario);

	fputs("  " SERVICE ":\n"
	      "    <<: *common\n"
	      "    hostname: " SERVICE "\n"
	      "    entrypoint: [/usr/local/lib/catchment/testbed]\n"
	      "    cap_add: [SYS_NICE, DAC_OVERRIDE, CHOWN]\n"
	      "    cpu_shares: 65536\n"
	      "    volumes: ['lab:" PLAN_LAB_ROOT "', '${CATCHMENT_OUT:-../out}:/out']\n"
	      "    networks: [management]\n",
	      out);
	port_write(out, o, COMPOSE_PORT_TESTBED);
	healthcheck_write(out, 4, NULL);
	/* For what was measured until then to become a report. */
	fputs("    stop_grace_period: 60s\n"
	      "    environment:\n"
	      "      LAB: ${LAB:-run}\n"
	      "      LAB_OPTIONS: ${LAB_OPTIONS:-}\n",
	      out);
	entry_write(out, 6, "LAB_NAME", o->lab);
	entry_write(out, 6, "SCENARIO", scenario);
	dependencies_write(out, t);
	free(scenario);
}

char *compose_mistake(const struct topology *t, const struct compose_options *options)
{
	char *scenario;
	size_t size;

	if (!options->supervisor)
		return NULL;
	if (topology_find(t, SERVICE))
		return xstrdup("a node is named '" SERVICE "', as the supervisor's service is");
	scenario = scenario_text(t->scenario);
	size = strlen(scenario);
	free(scenario);
	if (size > ENVIRONMENT_MAX)
		return xasprintf("%zu bytes of scenario, an environment takes %lu at most", size,
				 ENVIRONMENT_MAX);
	return NULL;
}

void compose_write(FILE *out, const struct topology *t, const struct compose_options *options)
{
	fprintf(out,
		"# SPDX-License-Identifier: GPL-3.0-or-later\n"
		"# The lab of the scenario '%s', written by 'catchment-testbed compose'.\n%s%s\n",
		t->scenario->name, options->supervisor ? "#\n" : "",
		options->supervisor ? usage : "");
	sysctls_write(out, NODE_ROUTER);
	sysctls_write(out, NODE_POP);
	common_write(out, options);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		kind_write(out, t, &kinds[i]);
	frr_write(out, t);
	fputs("services:\n", out);
	for (size_t i = 0; i < t->node_count; i++) {
		node_write(out, t, options, i);
		/* With the first service that Compose 1.29 comes to: it would pull the image. */
		if (options->supervisor && i == 0)
			fputs("    build: {context: '${CATCHMENT_SOURCE:-..}', "
			      "dockerfile: docker/Dockerfile}\n",
			      out);
	}
	if (options->supervisor)
		supervisor_write(out, t, options);
	fputs("\nnetworks:\n  management: {}\n", out);
	if (options->supervisor)
		fputs("\nvolumes:\n  lab: {}\n", out);
}
