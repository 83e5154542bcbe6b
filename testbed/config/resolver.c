/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * resolver.c - a client network's recursive resolver: Unbound.
 */
#include <stdio.h>
#include <string.h>

#include "testbed/config/parts.h"
#include "testbed/config/plan.h"

static char *root_hints(const struct topology *t)
{
	const struct topology_node *root = topology_find(t, "root");
	char *text = NULL, v4[ADDR_TEXT_SIZE], v6[ADDR_TEXT_SIZE];
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, ". 3600000 NS root.\nroot. 3600000 A %s\nroot. 3600000 AAAA %s\n",
		addr_format(&root->addr[0], v4), addr_format(&root->addr[1], v6));
	fclose(f);
	return text;
}

/*
 * Debian's Unbound answers NXDOMAIN for "test." by itself unless told not to, and with the ECS
 * module in place caches per network. No trust anchor: the lab's root is nobody's.
 */
static char *unbound_config(const struct topology *t, size_t client)
{
	const struct scenario_client *c = &t->scenario->clients[client];
	struct addr addr[2];
	char text[2][ADDR_TEXT_SIZE], *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	for (unsigned family = 0; family < 2; family++) {
		addr[family] = topology_host(topology_client_prefix(client, family), RESOLVER_HOST);
		addr_format(&addr[family], text[family]);
	}
	fprintf(f,
		"server:\n"
		"\tinterface: %s\n\tinterface: %s\n\tinterface: 127.0.0.1\n"
		"\toutgoing-interface: %s\n\toutgoing-interface: %s\n"
		"\taccess-control: 0.0.0.0/0 allow\n\taccess-control: ::/0 allow\n"
		"\tnum-threads: 1\n\tusername: \"\"\n\tchroot: \"\"\n\tdirectory: \"%s\"\n"
		"\tpidfile: \"\"\n\tuse-syslog: no\n\tverbosity: 0\n"
		"\troot-hints: \"%s/root.hints\"\n\tlocal-zone: \"test.\" nodefault\n"
		"\tmsg-cache-size: 4m\n\trrset-cache-size: 4m\n\toutgoing-range: 256\n"
		"\tnum-queries-per-thread: 256\n\tcache-min-ttl: %u\n",
		text[0], text[1], text[0], text[1], PLAN_DIR, PLAN_DIR, c->stretch_ttl);
	if (c->ecs)
		fprintf(f, "\tmodule-config: \"subnetcache iterator\"\n"
			   "\tsend-client-subnet: 0.0.0.0/0\n\tsend-client-subnet: ::/0\n"
			   "\tclient-subnet-always-forward: yes\n");
	else
		fprintf(f, "\tmodule-config: \"iterator\"\n");
	fprintf(f, "remote-control:\n\tcontrol-enable: no\n");
	fclose(f);
	return out;
}

void part_resolver(json_t *setup, const struct topology *t, size_t at)
{
	const struct topology_node *node = &t->nodes[at];
	json_t *lo = json_object_get(setup, "lo");
	char text[ADDR_TEXT_SIZE + 16], addr[ADDR_TEXT_SIZE];

	for (unsigned family = 0; family < 2; family++) {
		struct prefix p = topology_client_prefix(node->index, family);

		p.addr = topology_host(p, RESOLVER_HOST);
		p.len = family ? 128 : 32;
		json_array_append_new(lo, json_prefix(p));
		if (family == 0) {
			snprintf(text, sizeof(text), "nameserver %s\n", addr_format(&p.addr, addr));
			json_object_set_new(json_object_get(setup, "files"), "/etc/resolv.conf",
					    json_string(text));
		}
	}
	part_file(setup, "root.hints", root_hints(t));
	part_file(setup, "unbound.conf", unbound_config(t, node->index));
	part_daemon(setup, "unbound", NULL,
		    (const char *const[]){ "unbound", "-d", "-p", "-c", "unbound.conf", NULL });
}
