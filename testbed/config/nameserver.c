/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nameserver.c - the root, and the nameservers of lab.test: catchment-geodns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "testbed/config/parts.h"
#include "testbed/config/plan.h"

#define GEODNS_SOCKET "/run/catchment-geodns.sock"
#define ZONE_TTL      3600

static bool is_root(const struct topology_node *node)
{
	return strcmp(node->name, "root") == 0;
}

/* A and AAAA of every nameserver of lab.test, or of the root alone. */
static void addresses_write(FILE *f, const struct topology *t, bool root)
{
	char v4[ADDR_TEXT_SIZE], v6[ADDR_TEXT_SIZE];

	for (size_t i = 0; i < t->node_count; i++) {
		const struct topology_node *n = &t->nodes[i];

		if (n->kind == NODE_NAMESERVER && is_root(n) == root)
			fprintf(f, "%s%s %d IN A %s\n%s%s %d IN AAAA %s\n", n->name,
				root ? "." : ".lab.test.", ZONE_TTL, addr_format(&n->addr[0], v4),
				n->name, root ? "." : ".lab.test.", ZONE_TTL,
				addr_format(&n->addr[1], v6));
	}
}

static void delegation_write(FILE *f, const struct topology *t)
{
	for (size_t i = 0; i < t->node_count; i++) {
		const struct topology_node *n = &t->nodes[i];

		if (n->kind == NODE_NAMESERVER && !is_root(n))
			fprintf(f, "lab.test. %d IN NS %s.lab.test.\n", ZONE_TTL, n->name);
	}
	addresses_write(f, t, false);
}

static char *root_zone(const struct topology *t)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, ". %d IN SOA root. lab.root. 1 3600 600 86400 60\n. %d IN NS root.\n", ZONE_TTL,
		ZONE_TTL);
	addresses_write(f, t, true);
	delegation_write(f, t);
	fclose(f);
	return text;
}

/* Anycast needs no geography: one address for everybody, with the same TTL. */
static char *lab_zone(const struct topology *t)
{
	const struct scenario *s = t->scenario;
	char *text = NULL, addr[ADDR_TEXT_SIZE];
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, "lab.test. %d IN SOA ns1.lab.test. lab.lab.test. 1 3600 600 86400 5\n",
		ZONE_TTL);
	delegation_write(f, t);
	for (size_t v = 0; v < s->variant_count; v++) {
		for (unsigned family = 0; family < 2; family++) {
			struct addr a = topology_host(topology_service_prefix(v, 0, family), 1);

			if (s->variants[v].mode == MODE_ANYCAST)
				fprintf(f, "*.%s.lab.test. %u IN %s %s\n", s->variants[v].name,
					s->variants[v].ttl, family ? "AAAA" : "A",
					addr_format(&a, addr));
		}
	}
	fclose(f);
	return text;
}

static json_t *json_point(struct geo_point p)
{
	return json_pack("[f, f]", p.lat, p.lon);
}

static json_t *networks_of(const struct topology *t)
{
	json_t *networks = json_array();

	for (size_t i = 0; i < t->node_count; i++) {
		const struct topology_node *n = &t->nodes[i];

		for (unsigned family = 0; n->kind == NODE_CLIENT && family < 2; family++)
			json_array_append_new(
				networks,
				json_pack("{s:o, s:o}", "prefix",
					  json_prefix(topology_client_prefix(n->index, family)),
					  "at", json_point(n->place.point)));
	}
	return networks;
}

/* The pop's identity is asked for the verdict of this variant's VIP, and must name itself. */
static json_t *name_pop(const struct topology *t, size_t variant, size_t pop)
{
	struct addr a = topology_host(topology_service_prefix(variant, pop + 1, 0), 1);
	struct addr aaaa = topology_host(topology_service_prefix(variant, pop + 1, 1), 1);
	struct addr identity = topology_host(topology_identity_prefix(pop, 0), 1);
	char path[96], match[64];

	snprintf(path, sizeof(path), "/verdict/%s", t->scenario->variants[variant].name);
	snprintf(match, sizeof(match), "\"pop\":\"%s\"", t->scenario->pops[pop].name);
	return json_pack("{s:s, s:[o], s:[o], s:s, s:o, s:s, s:s}", "pop",
			 t->scenario->pops[pop].name, "a", json_addr(a), "aaaa", json_addr(aaaa),
			 "check", "verdict", "address", json_addr(identity), "path", path, "match",
			 match);
}

static json_t *names_of(const struct topology *t)
{
	const struct scenario *s = t->scenario;
	json_t *names = json_array();

	for (size_t v = 0; v < s->variant_count; v++) {
		json_t *pops = json_array();
		char name[80];

		snprintf(name, sizeof(name), "*.%s.lab.test", s->variants[v].name);
		for (size_t i = 0; i < s->pop_count; i++)
			json_array_append_new(pops, name_pop(t, v, i));
		if (s->variants[v].mode == MODE_GEODNS)
			json_array_append_new(names, json_pack("{s:s, s:i, s:s, s:s, s:O}", "name",
							       name, "ttl", (int)s->variants[v].ttl,
							       "policy", "nearest", "when_all_down",
							       "all", "pops", pops));
		json_decref(pops);
	}
	return names;
}

static json_t *pops_of(const struct topology *t)
{
	json_t *pops = json_array();

	for (size_t i = 0; i < t->scenario->pop_count; i++)
		json_array_append_new(
			pops, json_pack("{s:s, s:o}", "name", t->scenario->pops[i].name, "at",
					json_point(t->scenario->pops[i].place.point)));
	return pops;
}

static json_t *listen_of(const struct topology_node *node)
{
	char v4[ADDR_TEXT_SIZE], v6[ADDR_TEXT_SIZE], l4[64], l6[64];

	snprintf(l4, sizeof(l4), "%s:53", addr_format(&node->addr[0], v4));
	snprintf(l6, sizeof(l6), "[%s]:53", addr_format(&node->addr[1], v6));
	return json_pack("[s, s]", l4, l6);
}

void part_nameserver(json_t *setup, const struct topology *t, size_t at)
{
	const struct topology_node *node = &t->nodes[at];
	const struct scenario *s = t->scenario;
	bool root = is_root(node);
	json_t *conf = json_pack("{s:i, s:s, s:o, s:{s:s}, s:[{s:s, s:s}]}", "version", 1,
				 "identity", node->name, "listen", listen_of(node), "api", "listen",
				 "unix:" GEODNS_SOCKET, "zones", "name", root ? "." : "lab.test",
				 "file", root ? "root.zone" : "lab.test.zone");

	if (!root) {
		json_object_set_new(conf, "networks", networks_of(t));
		json_object_set_new(conf, "pops", pops_of(t));
		json_object_set_new(conf, "checks",
				    json_pack("{s:{s:s, s:i, s:i, s:i, s:i, s:i, s:i}}", "verdict",
					      "type", "http", "port", PLAN_PORT_VERDICT, "status",
					      200, "interval_ms", (int)s->checks.interval_ms,
					      "timeout_ms", (int)s->checks.timeout_ms, "rise",
					      (int)s->checks.rise, "fall", (int)s->checks.fall));
		json_object_set_new(conf, "names", names_of(t));
	}
	part_file(setup, "geodns.json", json_dumps(conf, JSON_INDENT(1)));
	part_file(setup, root ? "root.zone" : "lab.test.zone", root ? root_zone(t) : lab_zone(t));
	part_daemon(setup, "geodns", GEODNS_SOCKET,
		    (const char *const[]){ "catchment-geodns", "--config", "geodns.json", NULL });
	json_decref(conf);
}
