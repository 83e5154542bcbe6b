/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pop.c - the node of a pop's lb: catchment-lb (or BIRD), nginx, the lab's origin.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/alloc.h"
#include "testbed/config/parts.h"
#include "testbed/config/plan.h"
#include "testbed/router/bird.h"

/* The prefix of slot 0 or of this pop's own slot, as the variant's mode wants. */
static struct prefix vip_prefix(const struct topology *t, size_t variant, size_t pop,
				unsigned family)
{
	return topology_service_prefix(variant, topology_slot(t, variant, pop), family);
}

static json_t *prefixes_of(const struct topology *t, size_t variant, size_t pop)
{
	return json_pack("[o, o]", json_prefix(vip_prefix(t, variant, pop, 0)),
			 json_prefix(vip_prefix(t, variant, pop, 1)));
}

static json_t *addresses_of(const struct topology *t, size_t variant, size_t pop)
{
	return json_pack("[o, o]", json_addr(topology_host(vip_prefix(t, variant, pop, 0), 1)),
			 json_addr(topology_host(vip_prefix(t, variant, pop, 1), 1)));
}

/* With GeoDNS the prefix stays while the pop lives: DNS alone acts. */
static json_t *vips_of(const struct topology *t, size_t pop)
{
	json_t *vips = json_array();

	for (size_t v = 0; v < t->scenario->variant_count; v++) {
		const struct scenario_variant *variant = &t->scenario->variants[v];

		json_array_append_new(
			vips, json_pack("{s:s, s:o, s:o, s:s, s:b, s:[s]}", "name", variant->name,
					"prefixes", prefixes_of(t, v, pop), "addresses",
					addresses_of(t, v, pop), "announce",
					variant->mode == MODE_ANYCAST ? "verdict" : "always",
					"continuity", variant->continuity, "origins", "local"));
	}
	return vips;
}

/* Of the variants that want BFD, or of the others. */
static json_t *vips_named(const struct scenario *s, bool bfd)
{
	json_t *names = json_array();

	for (size_t v = 0; v < s->variant_count; v++) {
		if (s->variants[v].bfd == bfd)
			json_array_append_new(names, json_string(s->variants[v].name));
	}
	return names;
}

/*
 * The second session of a wire whose first is watched by nobody: so that all variants suffer the
 * same fault at the same instant, though only some of them notice at once.
 */
static json_t *bfd_peer(const struct topology *t, const struct topology_link *l, unsigned end)
{
	const struct topology_end *near = &l->end[end], *far = &l->end[!end];
	char name[IFACE_NAME_SIZE + 4];

	snprintf(name, sizeof(name), "%s-bfd", near->iface);
	return json_pack("{s:s, s:o, s:o, s:I, s:[s, s], s:{s:o, s:o}, s:o, s:b, s:{s:i, s:i}}",
			 "name", name, "address", json_addr(far->addr[1]), "local_address",
			 json_addr(near->addr[1]), "asn", (json_int_t)topology_asn(t, far->node),
			 "families", "ipv4", "ipv6", "next_hop", "ipv4", json_addr(near->addr[0]),
			 "ipv6", json_addr(near->addr[1]), "vips", vips_named(t->scenario, true),
			 "identity", 0, "bfd", "interval_ms", (int)l->bfd->interval_ms,
			 "multiplier", (int)l->bfd->multiplier);
}

static json_t *bgp_of(const struct topology *t, size_t at)
{
	const struct topology_node *node = &t->nodes[at];
	json_t *peers = json_array();

	for (size_t i = 0; i < node->link_count; i++) {
		const struct topology_link *l = &t->links[node->links[i]];
		const struct topology_end *near = &l->end[topology_end_at(l, at)];
		const struct topology_end *far = &l->end[!topology_end_at(l, at)];

		json_array_append_new(peers,
				      json_pack("{s:s, s:o, s:o, s:I, s:[s, s], s:b}", "name",
						near->iface, "address", json_addr(far->addr[0]),
						"local_address", json_addr(near->addr[0]), "asn",
						(json_int_t)topology_asn(t, far->node), "families",
						"ipv4", "ipv6", "default_route", 1));
		if (!l->bfd)
			continue;
		json_object_set_new(json_array_get(peers, json_array_size(peers) - 1), "vips",
				    vips_named(t->scenario, false));
		json_array_append_new(peers, bfd_peer(t, l, topology_end_at(l, at)));
	}
	return json_pack("{s:i, s:i, s:o}", "hold_time", (int)t->scenario->hold_time,
			 "connect_retry", 1, "peers", peers);
}

static char *lb_config(const struct topology *t, size_t at)
{
	const struct topology_node *node = &t->nodes[at];
	const struct scenario *s = t->scenario;
	struct prefix m4 = topology_identity_prefix(node->index, 0);
	struct prefix m6 = topology_identity_prefix(node->index, 1);
	json_t *conf = json_pack(
		"{s:i, s:s, s:i, s:o, s:{s:s}, s:{s:[o, o], s:[o, o], s:i},"
		" s:{s:{s:s, s:i, s:s, s:i, s:s, s:i, s:i, s:i, s:i}},"
		" s:[{s:s, s:s, s:s}], s:o, s:o, s:{s:s}}",
		"version", 1, "pop", node->name, "asn", POP_ASN, "router_id",
		json_addr(topology_host(m4, 1)), "api", "listen", "unix:" PLAN_LB_SOCKET,
		"identity", "prefixes", json_prefix(m4), json_prefix(m6), "addresses",
		json_addr(topology_host(m4, 1)), json_addr(topology_host(m6, 1)), "port",
		PLAN_PORT_VERDICT, "checks", "web", "type", "http", "port", 80, "path", "/healthz",
		"status", 200, "match", node->name, "interval_ms", (int)s->checks.interval_ms,
		"timeout_ms", (int)s->checks.timeout_ms, "rise", (int)s->checks.rise, "fall",
		(int)s->checks.fall, "origins", "name", "local", "address", "127.0.0.1", "check",
		"web", "vips", vips_of(t, node->index), "bgp", bgp_of(t, at), "dataplane", "type",
		"local");
	char *text;

	part_continuity(conf, t, at);
	text = json_dumps(conf, JSON_INDENT(1));
	json_decref(conf);
	return text;
}

static char *nginx_config(const struct topology *t, const struct topology_node *pop)
{
	struct addr identity = topology_host(topology_identity_prefix(pop->index, 0), 1);
	char text[ADDR_TEXT_SIZE], *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	fprintf(f, "daemon off;\nuser root;\nworker_processes 1;\nerror_log stderr;\n"
		   "pid /run/nginx.pid;\nevents { worker_connections 1024; }\n"
		   "http {\n\taccess_log off;\n\tdefault_type text/plain;\n"
		   "\tclient_body_temp_path /run/nginx/body;\n\tproxy_temp_path /run/nginx/proxy;\n"
		   "\tfastcgi_temp_path /run/nginx/fastcgi;\n\tuwsgi_temp_path /run/nginx/uwsgi;\n"
		   "\tscgi_temp_path /run/nginx/scgi;\n");
	fprintf(f,
		"\tserver {\n\t\tlisten 80;\n\t\tlisten [::]:80;\n\t\tadd_header X-Pop %s;\n"
		"\t\tlocation / { return 200 \"%s\\n\"; }\n\t}\n",
		pop->name, pop->name);
	/* BIRD has no verdict to give: nginx being alive stands for it. */
	if (t->scenario->speaker == SPEAKER_BIRD)
		fprintf(f,
			"\tserver {\n\t\tlisten %s:%d;\n\t\tlocation /verdict/ { return 200 "
			"'{\"pop\":\"%s\",\"state\":\"up\"}'; }\n\t}\n",
			addr_format(&identity, text), PLAN_PORT_VERDICT, pop->name);
	fprintf(f, "}\n");
	fclose(f);
	return out;
}

/* What the lb would put on the loopback interface. */
static void bird_pop_addresses(json_t *setup, const struct topology *t, size_t pop)
{
	json_t *lo = json_object_get(setup, "lo");

	for (unsigned family = 0; family < 2; family++) {
		struct prefix p = topology_identity_prefix(pop, family);

		p.addr = topology_host(p, 1);
		p.len = family ? 128 : 32;
		json_array_append_new(lo, json_prefix(p));
		for (size_t v = 0; v < t->scenario->variant_count; v++) {
			p.addr = topology_host(vip_prefix(t, v, pop, family), 1);
			json_array_append_new(lo, json_prefix(p));
		}
	}
}

void part_pop(json_t *setup, const struct topology *t, size_t at)
{
	const struct topology_node *pop = &t->nodes[at];

	if (t->scenario->speaker == SPEAKER_BIRD)
		bird_pop_addresses(setup, t, pop->index);
	part_file(setup, "nginx.conf", nginx_config(t, pop));
	part_daemon(setup, "nginx", NULL,
		    (const char *const[]){ "nginx", "-e", "stderr", "-p", PLAN_DIR, "-c",
					   "nginx.conf", NULL });
	part_daemon(
		setup, "origin", NULL,
		(const char *const[]){ "catchment-testbed", "origin", "--pop", pop->name, NULL });
	if (t->scenario->speaker == SPEAKER_BIRD) {
		part_bird(setup, t, at, bird_pop_config(t, at));
		return;
	}
	part_file(setup, "lb.json", lb_config(t, at));
	if (scenario_wants_continuity(t->scenario))
		part_file(setup, "mesh.key", mesh_key_text(t, pop->index));
	part_daemon(setup, "lb", PLAN_LB_SOCKET,
		    (const char *const[]){ "catchment-lb", "--config", "lb.json", NULL });
}
