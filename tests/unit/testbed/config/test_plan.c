/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/config/plan.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "lb/conf.h"
#include "tests/unit/testbed/small.h"

static const json_t *at(const json_t *json, const char *path)
{
	char buf[128], *rest = buf, *part;

	snprintf(buf, sizeof(buf), "%s", path);
	while (json && (part = strsep(&rest, "/")))
		json = json_is_array(json) ? json_array_get(json, strtoul(part, NULL, 10))
					   : json_object_get(json, part);
	return json;
}

static const char *text_at(const json_t *json, const char *path)
{
	const char *text = json_string_value(at(json, path));

	return text ? text : "(none)";
}

static bool array_has(const json_t *array, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach (array, i, item) {
		if (strcmp(json_string_value(item), text) == 0)
			return true;
	}
	return false;
}

static json_t *file_json(const json_t *plan, const char *name)
{
	char path[64];
	const char *text;
	json_t *json;

	snprintf(path, sizeof(path), PLAN_DIR "/%s", name);
	text = json_string_value(json_object_get(json_object_get(plan, "files"), path));
	cr_assert_not_null(text, "no %s", name);
	json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	cr_assert_not_null(json, "%s is not JSON", name);
	return json;
}

/* The plan of one node of the small scenario. */
struct planned {
	struct scenario *s;
	struct topology *t;
	json_t *plan;
};

static struct planned planned_new(const struct edit *edits, const char *node)
{
	struct planned p = { .s = small_scenario(edits) };

	p.t = small_topology(p.s);
	p.plan = plan_node(p.t, small_node(p.t, node));
	return p;
}

static void planned_free(struct planned *p)
{
	json_decref(p->plan);
	topology_free(p->t);
	scenario_free(p->s);
}

/* What holds for every plan of whatever node. */
static void plan_is_sound(const json_t *plan, const char *node)
{
	const json_t *files = json_object_get(plan, "files"), *daemon, *text;
	const char *path;
	size_t i;

	cr_expect_str_eq(text_at(plan, "type"), "setup");
	cr_expect_str_eq(text_at(plan, "node"), node);
	cr_expect_gt(json_array_size(json_object_get(plan, "links")), 0, "%s", node);
	cr_expect_gt(json_array_size(json_object_get(plan, "daemons")), 0, "%s", node);
	json_object_foreach ((json_t *)(uintptr_t)files, path, text) {
		const char *dot = strrchr(path, '.');

		cr_expect_eq(path[0], '/', "%s", path);
		cr_assert(json_is_string(text) && json_string_length(text) > 0, "%s", path);
		if (dot && strcmp(dot, ".json") == 0) {
			json_t *parsed =
				json_loads(json_string_value(text), JSON_REJECT_DUPLICATES, NULL);

			cr_expect_not_null(parsed, "%s: %s", node, path);
			json_decref(parsed);
		}
	}
	/* A configuration that a daemon is told to read is among the files. */
	json_array_foreach (json_object_get(plan, "daemons"), i, daemon) {
		const json_t *word;
		size_t w;

		cr_expect_gt(json_array_size(json_object_get(daemon, "argv")), 0);
		json_array_foreach (json_object_get(daemon, "argv"), w, word) {
			if (strncmp(json_string_value(word), PLAN_DIR "/", strlen(PLAN_DIR) + 1) ==
			    0)
				cr_expect_not_null(json_object_get(files, json_string_value(word)),
						   "%s: %s", node, json_string_value(word));
		}
	}
}

Test(plan, every_node_of_every_shipped_scenario)
{
	for (char **path = small_shipped_paths(); *path; path++) {
		struct scenario *s = small_shipped(*path);
		struct topology *t = small_topology(s);

		for (size_t i = 0; i < t->node_count; i++) {
			json_t *plan = plan_node(t, i), *again = plan_node(t, i);

			cr_assert_not_null(plan);
			plan_is_sound(plan, t->nodes[i].name);
			cr_expect(json_equal(plan, again), "%s", t->nodes[i].name);
			json_decref(plan);
			json_decref(again);
		}
		topology_free(t);
		scenario_free(s);
	}
}

/* Each end of a wire knows the other's addresses, and by which MAC address they are reached. */
Test(plan, wires_know_their_far_ends)
{
	struct scenario *s = small_scenario(EDITS());
	struct topology *t = small_topology(s);
	json_t *plans[16];

	for (size_t i = 0; i < t->node_count; i++)
		plans[i] = plan_node(t, i);
	for (size_t i = 0; i < t->node_count; i++) {
		const json_t *link;
		size_t l;

		json_array_foreach (json_object_get(plans[i], "links"), l, link) {
			size_t id = (size_t)json_integer_value(json_object_get(link, "link"));
			unsigned end = (unsigned)json_integer_value(json_object_get(link, "end"));
			const struct topology_end *far = &t->links[id].end[!end];
			const json_t *their_link, *peer;
			size_t k, p;

			json_array_foreach (json_object_get(plans[far->node], "links"), k,
					    their_link) {
				if (json_integer_value(json_object_get(their_link, "link")) !=
				    (json_int_t)id)
					continue;
				json_array_foreach (json_object_get(link, "peers"), p, peer) {
					char addr[64];
					static const char *const lengths[] = { "31", "127", "64" };

					snprintf(addr, sizeof(addr), "%s/%s",
						 json_string_value(json_array_get(peer, 0)),
						 lengths[p]);
					cr_expect(array_has(json_object_get(their_link, "addrs"),
							    addr),
						  "%s", addr);
					cr_expect_str_eq(json_string_value(json_array_get(peer, 1)),
							 text_at(their_link, "mac"));
				}
			}
		}
	}
	for (size_t i = 0; i < t->node_count; i++)
		json_decref(plans[i]);
	topology_free(t);
	scenario_free(s);
}

Test(plan, a_router)
{
	struct planned p = planned_new(EDITS(), "a");

	cr_expect_str_eq(text_at(p.plan, "daemons/0/name"), "bird");
	cr_expect(json_is_true(at(p.plan, "watch_routes")));
	cr_expect(array_has(at(p.plan, "lo"), "10.1.0.1/32"));
	cr_expect_str_eq(json_string_value(json_object_get(json_object_get(p.plan, "sysctls"),
							   "net/ipv4/ip_forward")),
			 "1");
	planned_free(&p);
}

/* zebra first, the others when it listens, their file when all do. */
Test(plan, a_router_of_frr)
{
	struct planned p = planned_new(EDITS({ "networks/1/router", "\"frr\"" }), "big-frankfurt");
	static const char *const names[] = {
		"zebra", "staticd", "bgpd", "ospfd", "ospf6d", "vtysh"
	};
	const json_t *daemons = at(p.plan, "daemons"), *vtysh = json_array_get(daemons, 5);

	cr_assert_eq(json_array_size(daemons), 6);
	for (size_t i = 0; i < 6; i++) {
		const json_t *daemon = json_array_get(daemons, i);

		cr_expect_str_eq(text_at(daemon, "name"), names[i]);
		cr_expect_eq(json_array_size(at(daemon, "after")), i == 0 ? 0 : i < 5 ? 1 : 5);
		if (i > 0)
			cr_expect_str_eq(text_at(daemon, "after/0"), "/run/frr/zebra.vty");
	}
	cr_expect_str_eq(text_at(daemons, "2/argv/0"), "/usr/lib/frr/bgpd");
	cr_expect(json_is_true(at(vtysh, "once")));
	cr_expect_str_eq(text_at(vtysh, "after/4"), "/run/frr/ospf6d.vty");
	cr_expect_not_null(json_object_get(at(p.plan, "files"), PLAN_DIR "/frr.conf"));
	cr_expect_null(json_object_get(at(p.plan, "files"), PLAN_DIR "/bird.conf"));
	planned_free(&p);
	/* Alone in its network: nobody to speak OSPF with. */
	p = planned_new(EDITS({ "networks/0/router", "\"frr\"" }), "a");
	cr_expect_eq(json_array_size(at(p.plan, "daemons")), 4);
	planned_free(&p);
}

Test(plan, a_pop_with_lb)
{
	struct planned p = planned_new(
		EDITS({ "checks", "{\"interval_ms\": 250, \"fall\": 4}" }, { "hold_time", "3" }),
		"p2");
	json_t *lb = file_json(p.plan, "lb.json");

	cr_expect_str_eq(text_at(lb, "pop"), "p2");
	cr_expect_str_eq(text_at(lb, "router_id"), "10.200.2.1");
	cr_expect_eq(json_integer_value(at(lb, "asn")), 64500);
	cr_expect_eq(json_integer_value(at(lb, "bgp/hold_time")), 3);
	cr_expect_str_eq(text_at(lb, "bgp/peers/0/address"), "10.2.128.7");
	cr_expect_eq(json_integer_value(at(lb, "bgp/peers/0/asn")), 65002);
	cr_expect_eq(json_integer_value(at(lb, "checks/web/interval_ms")), 250);
	cr_expect_eq(json_integer_value(at(lb, "checks/web/timeout_ms")), 250);
	cr_expect_eq(json_integer_value(at(lb, "checks/web/fall")), 4);
	cr_expect_str_eq(text_at(lb, "vips/0/prefixes/0"), "198.18.0.0/24");
	cr_expect_str_eq(text_at(lb, "vips/0/announce"), "verdict");
	cr_expect_str_eq(text_at(lb, "vips/1/prefixes/0"), "198.18.34.0/24");
	cr_expect_str_eq(text_at(lb, "vips/1/addresses/1"), "2001:db8:1002::1");
	cr_expect_str_eq(text_at(lb, "vips/1/announce"), "always");
	/* The lb puts the addresses on lo itself. */
	cr_expect_eq(json_array_size(at(p.plan, "lo")), 0);
	json_decref(lb);
	planned_free(&p);
}

/* Two sessions with the upstream, which share the VIPs out among themselves. */
Test(plan, a_pop_with_bfd)
{
	struct planned p = planned_new(
		EDITS({ "variants/0/bfd", "true" }, { "bfd", "{\"interval_ms\": 20}" }), "p2");
	json_t *lb = file_json(p.plan, "lb.json");

	cr_assert_eq(json_array_size(at(lb, "bgp/peers")), 2);
	cr_expect_str_eq(text_at(lb, "bgp/peers/0/name"), "big-newyork");
	cr_expect_str_eq(text_at(lb, "bgp/peers/0/address"), "10.2.128.7");
	cr_expect_eq(json_array_size(at(lb, "bgp/peers/0/vips")), 1);
	cr_expect_str_eq(text_at(lb, "bgp/peers/0/vips/0"), "geo");
	cr_expect_null(at(lb, "bgp/peers/0/bfd"));
	cr_expect_str_eq(text_at(lb, "bgp/peers/1/name"), "big-newyork-bfd");
	cr_expect_str_eq(text_at(lb, "bgp/peers/1/address"), "2001:db8:f002:4::1");
	cr_expect_str_eq(text_at(lb, "bgp/peers/1/local_address"), "2001:db8:f002:4::");
	cr_expect_eq(json_integer_value(at(lb, "bgp/peers/1/asn")), 65002);
	cr_expect_str_eq(text_at(lb, "bgp/peers/1/next_hop/ipv4"), "10.2.128.6");
	cr_expect_str_eq(text_at(lb, "bgp/peers/1/next_hop/ipv6"), "2001:db8:f002:4::");
	cr_expect_eq(json_array_size(at(lb, "bgp/peers/1/vips")), 1);
	cr_expect_str_eq(text_at(lb, "bgp/peers/1/vips/0"), "any");
	cr_expect(json_is_false(at(lb, "bgp/peers/1/identity")));
	cr_expect_null(at(lb, "bgp/peers/1/default_route"));
	cr_expect_eq(json_integer_value(at(lb, "bgp/peers/1/bfd/interval_ms")), 20);
	cr_expect_eq(json_integer_value(at(lb, "bgp/peers/1/bfd/multiplier")), 3);
	cr_expect_null(at(p.plan, "daemons/0/nice"));
	json_decref(lb);
	planned_free(&p);
}

Test(plan, whoever_does_bfd_goes_first)
{
	struct planned a = planned_new(EDITS({ "variants/0/bfd", "true" }), "a");
	struct planned b = planned_new(EDITS({ "variants/0/bfd", "true" }), "b");
	struct planned p1 =
		planned_new(EDITS({ "variants/0/bfd", "true" }, { "speaker", "\"bird\"" }), "p1");

	cr_expect_lt(json_integer_value(at(a.plan, "daemons/0/nice")), 0);
	cr_expect_null(at(b.plan, "daemons/0/nice"), "no pop, no BFD");
	cr_expect_str_eq(text_at(p1.plan, "daemons/2/name"), "bird");
	cr_expect_lt(json_integer_value(at(p1.plan, "daemons/2/nice")), 0);
	planned_free(&a);
	planned_free(&b);
	planned_free(&p1);
}

/* The key of a pop in a mesh where the lb reads it, which is not in a pop's folder. */
static void key_write(const json_t *plan, json_t *lb, const char *path)
{
	const char *text = json_string_value(
		json_object_get(json_object_get(plan, "files"), PLAN_DIR "/mesh.key"));
	json_t *mesh = json_object_get(lb, "mesh");
	FILE *f;

	if (!mesh)
		return;
	cr_assert_not_null(text, "a mesh without a key");
	f = fopen(path, "w");
	cr_assert_not_null(f);
	cr_assert_geq(fputs(text, f), 0);
	cr_assert_eq(fclose(f), 0);
	json_object_set_new(mesh, "key_file", json_string(path));
}

static void lb_takes_it(const struct topology *t, size_t node, const char *path, const char *key)
{
	json_t *plan = plan_node(t, node), *lb = file_json(plan, "lb.json");
	struct conf_error err = { 0 };
	struct lb_conf *conf;

	key_write(plan, lb, key);
	conf = lb_conf_load(lb, &err);
	cr_expect_not_null(conf, "%s, %s: %s: %s", path, t->nodes[node].name, err.path, err.reason);
	lb_conf_free(conf);
	json_decref(plan);
}

Test(plan, the_lb_takes_what_is_written_for_it)
{
	char key[] = "/tmp/test-plan-XXXXXX";
	int fd = mkstemp(key);

	cr_assert_geq(fd, 0);
	close(fd);
	for (char **path = small_shipped_paths(); *path; path++) {
		struct scenario *s = small_shipped(*path);
		struct topology *t = small_topology(s);

		for (size_t i = 0; i < t->node_count; i++) {
			if (t->nodes[i].kind == NODE_POP)
				lb_takes_it(t, i, *path, key);
		}
		topology_free(t);
		scenario_free(s);
	}
	unlink(key);
}

Test(plan, a_pop_with_bird)
{
	struct planned p = planned_new(EDITS({ "speaker", "\"bird\"" }), "p2");

	cr_expect(array_has(at(p.plan, "lo"), "10.200.2.1/32"));
	cr_expect(array_has(at(p.plan, "lo"), "198.18.0.1/32"));
	cr_expect(array_has(at(p.plan, "lo"), "198.18.34.1/32"));
	cr_expect_null(json_object_get(at(p.plan, "files"), PLAN_DIR "/lb.json"));
	cr_expect_not_null(
		strstr(json_string_value(json_object_get(json_object_get(p.plan, "files"),
							 PLAN_DIR "/nginx.conf")),
		       "listen 10.200.2.1:8053;"));
	planned_free(&p);
}

Test(plan, an_edge)
{
	struct planned p = planned_new(EDITS({ "pops/1/shape", "\"rack\"" }), "p2-edge");
	const json_t *routes = at(p.plan, "routes"), *route;
	size_t i;

	cr_expect_str_eq(text_at(p.plan, "daemons/0/name"), "bird");
	cr_expect_eq(json_array_size(at(p.plan, "daemons")), 1);
	cr_expect(json_is_true(at(p.plan, "watch_routes")));
	cr_expect_str_eq(json_string_value(json_object_get(json_object_get(p.plan, "sysctls"),
							   "net/ipv6/conf/all/forwarding")),
			 "1");
	/* Identity, A_0 and U_1,2 of both families: what is withdrawn does not leave again. */
	cr_expect_eq(json_array_size(routes), 6);
	json_array_foreach (routes, i, route) {
		cr_expect_null(json_object_get(route, "via"));
	}
	cr_expect_str_eq(text_at(p.plan, "routes/0/dst"), "10.200.2.0/24");
	cr_expect_str_eq(text_at(p.plan, "routes/1/dst"), "198.18.0.0/24");
	cr_expect_str_eq(text_at(p.plan, "routes/2/dst"), "198.18.34.0/24");
	cr_expect_str_eq(text_at(p.plan, "routes/5/dst"), "2001:db8:1002::/48");
	/* Of its wires, the LAN is the last. */
	cr_expect_str_eq(text_at(p.plan, "links/0/addrs/0"), "10.2.128.6/31");
	cr_expect_str_eq(text_at(p.plan, "links/1/addrs/0"), "10.201.2.1/24");
	cr_expect_str_eq(text_at(p.plan, "links/1/addrs/1"), "2001:db8:f602::1/64");
	cr_expect_str_eq(text_at(p.plan, "links/1/peers/0/0"), "10.201.2.2");
	planned_free(&p);
}

Test(plan, an_edge_of_frr)
{
	struct planned p = planned_new(
		EDITS({ "pops/1/shape", "\"rack\"" }, { "pops/1/router", "\"frr\"" }), "p2-edge");

	cr_expect(scenario_has_router(p.s, ROUTER_FRR), "so the lab looks for it first");
	cr_expect_eq(json_array_size(at(p.plan, "daemons")), 3);
	cr_expect_str_eq(text_at(p.plan, "daemons/0/name"), "zebra");
	cr_expect_str_eq(text_at(p.plan, "daemons/1/name"), "bgpd");
	cr_expect_str_eq(text_at(p.plan, "daemons/2/name"), "vtysh");
	cr_expect_eq(json_array_size(at(p.plan, "routes")), 6);
	planned_free(&p);
}

/* One peer, of its own AS, from whom it has the way out. */
Test(plan, a_rack_s_lb)
{
	struct planned p = planned_new(EDITS({ "pops/1/shape", "\"rack\"" }), "p2");
	json_t *lb = file_json(p.plan, "lb.json");

	cr_expect_eq(json_array_size(at(lb, "bgp/peers")), 1);
	cr_expect_str_eq(text_at(lb, "bgp/peers/0/name"), "p2-edge");
	cr_expect_str_eq(text_at(lb, "bgp/peers/0/address"), "10.201.2.1");
	cr_expect_str_eq(text_at(lb, "bgp/peers/0/local_address"), "10.201.2.2");
	cr_expect_eq(json_integer_value(at(lb, "bgp/peers/0/asn")), 64500);
	cr_expect(json_is_true(at(lb, "bgp/peers/0/default_route")));
	cr_expect_str_eq(text_at(lb, "router_id"), "10.200.2.1", "not the edge's");
	cr_expect_str_eq(text_at(p.plan, "links/0/addrs/0"), "10.201.2.2/24");
	cr_expect_not(json_is_true(at(p.plan, "watch_routes")));
	json_decref(lb);
	planned_free(&p);
}

/* The variant that wants BFD is told by the session that has it, the rest by the other. */
Test(plan, a_rack_s_lb_with_bfd)
{
	struct planned p = planned_new(
		EDITS({ "pops/1/shape", "\"rack\"" }, { "variants/1/bfd", "true" }), "p2");
	json_t *lb = file_json(p.plan, "lb.json");

	cr_expect_eq(json_array_size(at(lb, "bgp/peers")), 2);
	cr_expect_str_eq(text_at(lb, "bgp/peers/0/vips/0"), "any");
	cr_expect_str_eq(text_at(lb, "bgp/peers/1/name"), "p2-edge-bfd");
	cr_expect_str_eq(text_at(lb, "bgp/peers/1/address"), "2001:db8:f602::1");
	cr_expect_eq(json_integer_value(at(lb, "bgp/peers/1/asn")), 64500);
	cr_expect_str_eq(text_at(lb, "bgp/peers/1/vips/0"), "geo");
	cr_expect_eq(json_integer_value(at(lb, "bgp/peers/1/bfd/interval_ms")), 50);
	json_decref(lb);
	planned_free(&p);
}

Test(plan, a_nameserver)
{
	struct planned p = planned_new(EDITS(), "ns1");
	json_t *geodns = file_json(p.plan, "geodns.json");

	cr_expect_str_eq(text_at(geodns, "identity"), "ns1");
	cr_expect_str_eq(text_at(geodns, "listen/0"), "10.2.1.1:53");
	cr_expect_str_eq(text_at(geodns, "listen/1"), "[2001:db8:f002::1:1]:53");
	cr_expect_str_eq(text_at(geodns, "networks/0/prefix"), "100.64.0.0/24");
	cr_expect_eq(json_array_size(at(geodns, "names")), 1, "anycast needs no geography");
	cr_expect_str_eq(text_at(geodns, "names/0/name"), "*.geo.lab.test");
	cr_expect_eq(json_integer_value(at(geodns, "names/0/ttl")), 5);
	cr_expect_str_eq(text_at(geodns, "names/0/pops/1/a/0"), "198.18.34.1");
	cr_expect_str_eq(text_at(geodns, "names/0/pops/1/address"), "10.200.2.1");
	cr_expect_not_null(
		strstr(json_string_value(json_object_get(json_object_get(p.plan, "files"),
							 PLAN_DIR "/lab.test.zone")),
		       "*.any.lab.test. 30 IN A 198.18.0.1\n"));
	json_decref(geodns);
	planned_free(&p);
}

Test(plan, the_root_delegates)
{
	struct planned p = planned_new(EDITS(), "root");
	json_t *geodns = file_json(p.plan, "geodns.json");
	const char *zone = json_string_value(
		json_object_get(json_object_get(p.plan, "files"), PLAN_DIR "/root.zone"));

	cr_expect_str_eq(text_at(geodns, "zones/0/name"), ".");
	cr_expect_null(at(geodns, "names"));
	cr_expect_not_null(strstr(zone, "lab.test. 3600 IN NS ns1.lab.test.\n"));
	cr_expect_not_null(strstr(zone, "ns1.lab.test. 3600 IN A 10.2.1.1\n"));
	cr_expect_null(strstr(zone, "IN NS root.lab.test."));
	json_decref(geodns);
	planned_free(&p);
}

Test(plan, a_resolver)
{
	struct planned plain = planned_new(EDITS(), "c1");
	struct planned ecs = planned_new(
		EDITS({ "clients/0/resolver", "{\"ecs\": true, \"stretch_ttl\": 60}" }), "c1");
	const char *conf = json_string_value(
		json_object_get(json_object_get(plain.plan, "files"), PLAN_DIR "/unbound.conf"));

	cr_expect(array_has(at(plain.plan, "lo"), "100.64.0.10/32"));
	cr_expect(array_has(at(plain.plan, "lo"), "100.64.0.53/32"));
	cr_expect_str_eq(json_string_value(json_object_get(json_object_get(plain.plan, "files"),
							   "/etc/resolv.conf")),
			 "nameserver 100.64.0.53\n");
	cr_expect_null(strstr(conf, "subnetcache"));
	cr_expect_not_null(strstr(conf, "local-zone: \"test.\" nodefault"));
	conf = json_string_value(
		json_object_get(json_object_get(ecs.plan, "files"), PLAN_DIR "/unbound.conf"));
	cr_expect_not_null(strstr(conf, "send-client-subnet: 0.0.0.0/0"));
	cr_expect_not_null(strstr(conf, "cache-min-ttl: 60"));
	planned_free(&plain);
	planned_free(&ecs);
}

Test(plan, users_of_all_groups_are_counted_through)
{
	struct scenario *s = small_scenario(EDITS(
		{ "clients/1", "{\"name\": \"c2\", \"network\": \"a\", \"users\": 3, "
			       "\"traffic\": [{\"kind\": \"session\", \"period_ms\": 250}]}" }));
	struct topology *t = small_topology(s);
	json_t *c1 = plan_client(t, 0, 1, 77), *c2 = plan_client(t, 1, 1, 77);
	json_t *later = plan_client(t, 1, 2, 77);

	cr_expect_eq(plan_first_user(s, 0), 1);
	cr_expect_eq(plan_first_user(s, 1), 3);
	cr_expect_eq(json_integer_value(at(c2, "first_user")), 3);
	cr_expect_eq(json_integer_value(at(c2, "users")), 3);
	cr_expect_eq(json_integer_value(at(c2, "start_ns")), 77);
	cr_expect_str_eq(text_at(c2, "group"), "c2");
	cr_expect_str_eq(text_at(c2, "resolver"), "100.64.1.53:53");
	cr_expect_str_eq(text_at(c2, "traffic/0/kind"), "session");
	cr_expect_str_eq(text_at(c2, "variants/1/zone"), "geo.lab.test");
	cr_expect_neq(json_integer_value(at(c1, "seed")), json_integer_value(at(c2, "seed")));
	cr_expect_neq(json_integer_value(at(c2, "seed")), json_integer_value(at(later, "seed")));
	json_decref(c1);
	json_decref(c2);
	json_decref(later);
	topology_free(t);
	scenario_free(s);
}

Test(plan, a_router_is_told_to_send_users_elsewhere)
{
	static const bool of_p1[] = { true, false };
	struct scenario *s = small_scenario(EDITS({ "networks/1/router", "\"frr\"" }));
	struct topology *t = small_topology(s);
	json_t *bird = plan_shift(t, small_node(t, "a"), of_p1);
	json_t *frr = plan_shift(t, small_node(t, "big-newyork"), of_p1);

	cr_expect_str_eq(text_at(bird, "path"), PLAN_DIR "/bird.conf");
	cr_expect_not_null(strstr(text_at(bird, "text"), "bgp_local_pref = 20"));
	cr_expect_str_eq(text_at(bird, "argv/0"), "birdc");
	cr_expect_str_eq(text_at(bird, "argv/3"), "configure");
	cr_expect(json_is_true(at(bird, "once")));
	cr_expect_str_eq(text_at(frr, "path"), PLAN_DIR "/shift.conf");
	cr_expect_str_eq(text_at(frr, "argv/0"), "sh");
	cr_expect_not_null(strstr(text_at(frr, "argv/2"), "vtysh -f " PLAN_DIR "/shift.conf && "));
	cr_expect_not_null(strstr(text_at(frr, "argv/2"), " soft in'"));
	cr_expect(json_is_true(at(frr, "once")));
	json_decref(bird);
	json_decref(frr);
	topology_free(t);
	scenario_free(s);
}
