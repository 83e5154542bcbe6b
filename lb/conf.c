/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order of the loader is that of the document's dependencies: checks, the
 * origins that name them, the VIPs that name those; what must hold between
 * VIPs comes last. The BGP part is in conf_bgp.c,
 * that of BFD in conf_bfd.c, the mesh in conf_mesh.c, the data plane in conf_dataplane.c.
 */
#include "lb/conf.h"

#include <stdlib.h>
#include <string.h>

#include "lb/dataplane/maglev.h"
#include "lib/alloc.h"
#include "lib/arena.h"

const char *lb_conf_unique_name(const struct conf *array, size_t i, const struct conf *item)
{
	const char *name = conf_name(item, "name");

	for (size_t j = 0; j < i; j++) {
		struct conf other = conf_item(array, j);
		const struct conf at = conf_get(item, "name");

		if (strcmp(conf_string(&other, "name", ""), name) == 0)
			conf_fail(&at, "name '%s' is already taken", name);
	}
	return name;
}

/* Load an array of prefixes, none of them twice. */
static struct prefix *load_prefixes(const struct conf *object, struct arena *arena, size_t *count)
{
	const struct conf array = conf_array(object, "prefixes", 1, LB_PREFIXES_MAX);
	struct prefix *prefixes;

	*count = conf_count(&array);
	prefixes = arena_new_array(arena, struct prefix, *count);
	for (size_t i = 0; i < *count; i++) {
		const struct conf item = conf_item(&array, i);

		prefixes[i] = conf_as_prefix(&item);
		if (prefixes[i].len == 0)
			conf_fail(&item, "a default route is not ours to announce");
		for (size_t j = 0; j < i; j++)
			if (prefix_equal(&prefixes[i], &prefixes[j]))
				conf_fail(&item, "is given twice");
	}
	return prefixes;
}

static bool within(const struct addr *addr, const struct prefix *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_contains(&prefixes[i], addr))
			return true;
	return false;
}

/* Load an array of addresses, none of them twice, all inside the prefixes. */
static struct addr *load_addresses(const struct conf *object, struct arena *arena,
				   const struct prefix *prefixes, size_t prefix_count,
				   size_t *count)
{
	const struct conf array = conf_array(object, "addresses", 1, LB_ADDRESSES_MAX);
	struct addr *addresses;

	*count = conf_count(&array);
	addresses = arena_new_array(arena, struct addr, *count);
	for (size_t i = 0; i < *count; i++) {
		const struct conf item = conf_item(&array, i);

		addresses[i] = conf_as_addr(&item);
		if (!within(&addresses[i], prefixes, prefix_count))
			conf_fail(&item, "is outside its prefixes");
		for (size_t j = 0; j < i; j++)
			if (addr_equal(&addresses[i], &addresses[j]))
				conf_fail(&item, "is given twice");
	}
	return addresses;
}

static void load_identity(const struct conf *root, struct lb_conf *conf)
{
	struct lb_identity_conf *id = &conf->identity;
	const struct conf at = conf_get(root, "identity");

	if (!at.json)
		return;
	CONF_KEYS(&at, "prefixes", "addresses", "port", "policy");
	id->prefixes = load_prefixes(&at, conf->arena, &id->prefix_count);
	id->addresses = load_addresses(&at, conf->arena, id->prefixes, id->prefix_count,
				       &id->address_count);
	id->port = (uint16_t)conf_int(&at, "port", 1, UINT16_MAX, 8053);
	lb_policy_load(&at, "policy", &id->policy);
}

/* Every check is read, used or not: a mistake in an unused one is a mistake all the same. */
static void load_checks(const struct conf *checks)
{
	const char *name;
	json_t *value;

	if (checks->json && !json_is_object(checks->json)) {
		conf_fail(checks, "expected an object");
		return;
	}
	json_object_foreach (checks->json, name, value) {
		const struct conf check = conf_get(checks, name);
		const struct addr nowhere = addr_from_ipv4(0);
		struct check_spec spec;

		/* lib/check.h knows an address; ours is the origin's. */
		if (conf_has(&check, "address")) {
			const struct conf at = conf_get(&check, "address");

			conf_fail(&at, "unknown key");
			return;
		}
		check_spec_load(&check, &nowhere, &spec);
	}
}

static void load_origin(const struct conf *item, const struct conf *checks,
			struct lb_origin_conf *out)
{
	struct addr address;
	struct conf check;

	CONF_KEYS(item, "name", "address", "check");
	address = conf_addr(item, "address");
	out->check_name = conf_string(item, "check", CONF_REQUIRED_STRING);
	check = conf_get(checks, out->check_name);
	if (!check.json) {
		const struct conf at = conf_get(item, "check");

		conf_fail(&at, "unknown check '%s'", out->check_name);
		return;
	}
	check_spec_load(&check, &address, &out->check);
}

static void load_origins(const struct conf *root, struct lb_conf *conf)
{
	const struct conf checks = conf_get(root, "checks");
	const struct conf array = conf_array(root, "origins", 0, LB_ORIGINS_MAX);

	load_checks(&checks);
	conf->origin_count = conf_count(&array);
	conf->origins = arena_new_array(conf->arena, struct lb_origin_conf, conf->origin_count);
	for (size_t i = 0; i < conf->origin_count && !root->err->set; i++) {
		const struct conf item = conf_item(&array, i);

		conf->origins[i].name = lb_conf_unique_name(&array, i, &item);
		load_origin(&item, &checks, &conf->origins[i]);
	}
}

/* name: at's text; at: where a mistake is. */
static size_t find_origin(const struct lb_conf *conf, const struct conf *at, const char *name)
{
	for (size_t i = 0; i < conf->origin_count; i++)
		if (strcmp(conf->origins[i].name, name) == 0)
			return i;
	conf_fail(at, "unknown origin '%s'", name);
	return 0;
}

/* A name, or an object of name and weight. */
static void load_vip_origin(const struct conf *at, const struct lb_conf *conf,
			    struct lb_vip_conf *vip, size_t i)
{
	vip->weights[i] = LB_WEIGHT_DEFAULT;
	if (!conf_is_object(at)) {
		vip->origins[i] = find_origin(conf, at, conf_as_string(at));
		return;
	}
	CONF_KEYS(at, "name", "weight");
	vip->origins[i] = find_origin(conf, at, conf_string(at, "name", CONF_REQUIRED_STRING));
	vip->weights[i] = (uint32_t)conf_int(at, "weight", 0, MAGLEV_WEIGHT_MAX, LB_WEIGHT_DEFAULT);
}

static void load_vip_origins(const struct conf *item, struct lb_conf *conf, struct lb_vip_conf *vip)
{
	const struct conf array = conf_array(item, "origins", 1, LB_ORIGINS_MAX);

	vip->origin_count = conf_count(&array);
	vip->origins = arena_new_array(conf->arena, size_t, vip->origin_count);
	vip->weights = arena_new_array(conf->arena, uint32_t, vip->origin_count);
	for (size_t i = 0; i < vip->origin_count && !item->err->set; i++) {
		const struct conf at = conf_item(&array, i);

		load_vip_origin(&at, conf, vip, i);
		for (size_t j = 0; j < i; j++)
			if (vip->origins[i] == vip->origins[j])
				conf_fail(&at, "is given twice");
	}
}

/* "tcp/80" */
static struct lb_service_conf parse_service(const struct conf *at)
{
	const char *text = conf_as_string(at);
	struct lb_service_conf service = { 0 };
	unsigned long port;
	char *end;

	if (strncmp(text, "tcp/", 4) == 0)
		service.proto = IPPROTO_TCP;
	else if (strncmp(text, "udp/", 4) == 0)
		service.proto = IPPROTO_UDP;
	port = service.proto && text[4] >= '1' && text[4] <= '9' ? strtoul(text + 4, &end, 10) : 0;
	if (port == 0 || *end || port > UINT16_MAX)
		conf_fail(at, "'%.40s' is not a service such as tcp/80 or udp/53", text);
	service.port = (uint16_t)port;
	return service;
}

static void load_services(const struct conf *item, struct arena *arena, struct lb_vip_conf *vip)
{
	const struct conf array = conf_array(item, "services", 0, LB_SERVICES_MAX);

	vip->service_count = conf_count(&array);
	vip->services = arena_new_array(arena, struct lb_service_conf, vip->service_count + 1);
	for (size_t i = 0; i < vip->service_count && !item->err->set; i++) {
		const struct conf at = conf_item(&array, i);

		vip->services[i] = parse_service(&at);
		for (size_t j = 0; j < i; j++)
			if (vip->services[i].port == vip->services[j].port &&
			    vip->services[i].proto == vip->services[j].proto)
				conf_fail(&at, "is given twice");
	}
	if (array.json && vip->service_count == 0)
		conf_fail(&array, "needs at least 1 item");
}

/* From below all of the origins down to just what is needed, each step lower than the last. */
static void load_ladder(const struct conf *item, struct arena *arena, struct lb_vip_conf *vip)
{
	const struct conf array = conf_array(item, "ladder", 0, LB_LADDER_MAX);
	bool always = vip->announce == LB_ANNOUNCE_ALWAYS;
	int64_t lowest = always ? 1 : (int64_t)vip->min_healthy + 1;
	int64_t highest = (int64_t)vip->origin_count;

	vip->step_count = conf_count(&array);
	vip->ladder = arena_new_array(arena, struct lb_step_conf, vip->step_count);
	for (size_t i = 0; i < vip->step_count && !item->err->set; i++) {
		const struct conf at = conf_item(&array, i);
		struct bgp_policy own;

		CONF_KEYS(&at, "healthy_below", "policy");
		vip->ladder[i].healthy_below =
			(unsigned)conf_int(&at, "healthy_below", lowest, highest, CONF_REQUIRED);
		highest = (int64_t)vip->ladder[i].healthy_below - 1;
		lb_policy_load(&at, "policy", &own);
		vip->ladder[i].policy = bgp_policy_merge(&vip->policy, &own);
	}
}

static void load_hold_down(const struct conf *item, struct hold_down_conf *out)
{
	const struct conf at = conf_get(item, "hold_down");
	uint32_t max_ms = 60000;

	out->min_up_ms = (uint32_t)conf_int(item, "min_up_ms", 0, 3600000, 0);
	out->min_down_ms = (uint32_t)conf_int(item, "min_down_ms", 0, 3600000, 0);
	if (!at.json)
		return;
	CONF_KEYS(&at, "initial_ms", "max_ms", "decay_ms");
	out->initial_ms = (uint32_t)conf_int(&at, "initial_ms", 1, 3600000, CONF_REQUIRED);
	if (max_ms < out->initial_ms)
		max_ms = out->initial_ms;
	out->max_ms = (uint32_t)conf_int(&at, "max_ms", out->initial_ms, 86400000, max_ms);
	out->decay_ms = (uint32_t)conf_int(&at, "decay_ms", 1, 86400000, out->max_ms);
}

static void load_vip(const struct conf *item, struct lb_conf *conf, struct lb_vip_conf *vip)
{
	static const char *const modes[] = { "verdict", "always", NULL };

	CONF_KEYS(item, "name", "prefixes", "addresses", "services", "announce", "min_healthy",
		  "origins", "linger_ms", "continuity", "min_up_ms", "min_down_ms", "hold_down",
		  "policy", "ladder");
	vip->prefixes = load_prefixes(item, conf->arena, &vip->prefix_count);
	vip->addresses = load_addresses(item, conf->arena, vip->prefixes, vip->prefix_count,
					&vip->address_count);
	vip->announce =
		(enum lb_announce_mode)conf_choice(item, "announce", modes, LB_ANNOUNCE_VERDICT);
	load_vip_origins(item, conf, vip);
	load_services(item, conf->arena, vip);
	if (!item->err->set)
		vip->min_healthy =
			(unsigned)conf_int(item, "min_healthy", 1, (int64_t)vip->origin_count, 1);
	vip->linger_ms = (unsigned)conf_int(item, "linger_ms", 0, 3600000, 60000);
	vip->continuity = conf_bool(item, "continuity", true);
	load_hold_down(item, &vip->hold_down);
	lb_policy_load(item, "policy", &vip->policy);
	load_ladder(item, conf->arena, vip);
}

/* Whether prefix overlaps one of others; says so at item. */
static void check_overlap(const struct conf *item, const struct prefix *prefix,
			  const struct prefix *others, size_t count, const char *owner)
{
	char text[PREFIX_TEXT_SIZE];

	for (size_t i = 0; i < count; i++)
		if (prefix_overlaps(prefix, &others[i]))
			conf_fail(item, "overlaps %s of %s", prefix_format(&others[i], text),
				  owner);
}

static void check_vip_overlaps(const struct conf *vips, const struct lb_conf *conf, size_t index)
{
	const struct lb_vip_conf *vip = &conf->vips[index];
	const struct conf item = conf_item(vips, index);
	const struct conf array = conf_get(&item, "prefixes");
	char owner[80];

	for (size_t i = 0; i < vip->prefix_count; i++) {
		const struct conf at = conf_item(&array, i);

		check_overlap(&at, &vip->prefixes[i], conf->identity.prefixes,
			      conf->identity.prefix_count, "the identity");
		for (size_t j = 0; j < index; j++) {
			snprintf(owner, sizeof(owner), "vip '%s'", conf->vips[j].name);
			check_overlap(&at, &vip->prefixes[i], conf->vips[j].prefixes,
				      conf->vips[j].prefix_count, owner);
		}
	}
}

static void load_vips(const struct conf *root, struct lb_conf *conf)
{
	const struct conf array = conf_array(root, "vips", 0, LB_VIPS_MAX);

	conf->vip_count = conf_count(&array);
	conf->vips = arena_new_array(conf->arena, struct lb_vip_conf, conf->vip_count);
	for (size_t i = 0; i < conf->vip_count && !root->err->set; i++) {
		const struct conf item = conf_item(&array, i);

		conf->vips[i].name = lb_conf_unique_name(&array, i, &item);
		load_vip(&item, conf, &conf->vips[i]);
		if (!root->err->set)
			check_vip_overlaps(&array, conf, i);
	}
}

static void load_root(const struct conf *root, struct lb_conf *conf)
{
	const struct conf api = conf_get(root, "api");

	CONF_KEYS(root, "version", "pop", "asn", "router_id", "api", "identity", "checks",
		  "origins", "vips", "bgp", "mesh", "drain", "dataplane");
	conf_int(root, "version", 1, 1, CONF_REQUIRED);
	conf->pop = conf_name(root, "pop");
	conf->has_api = api.json;
	if (conf->has_api)
		http_options_load(&api, &conf->api, &conf->token);
	load_identity(root, conf);
	load_origins(root, conf);
	load_vips(root, conf);
	lb_bgp_conf_load(root, conf);
	lb_bfd_conf_load(root, conf->arena, &conf->bgp, &conf->bfd);
	lb_mesh_conf_load(root, conf);
	lb_drain_conf_load(root, conf);
	lb_dataplane_conf_load(root, conf);
}

struct lb_conf *lb_conf_load(json_t *document, struct conf_error *err)
{
	const struct conf root = conf_root(document, err);
	struct lb_conf *conf;

	if (!document)
		return NULL;
	conf = x_new(struct lb_conf);
	conf->document = document;
	conf->arena = arena_new();
	load_root(&root, conf);
	if (!err->set)
		return conf;
	lb_conf_free(conf);
	return NULL;
}

void lb_conf_free(struct lb_conf *conf)
{
	if (!conf)
		return;
	arena_free(conf->arena);
	json_decref(conf->document);
	free(conf->token);
	free(conf);
}

const struct lb_vip_conf *lb_conf_vip_find(const struct lb_conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->vip_count; i++)
		if (strcmp(conf->vips[i].name, name) == 0)
			return &conf->vips[i];
	return NULL;
}

bool lb_conf_has_prefix(const struct lb_conf *conf, const struct prefix *prefix)
{
	for (size_t i = 0; i < conf->identity.prefix_count; i++)
		if (prefix_equal(&conf->identity.prefixes[i], prefix))
			return true;
	for (size_t i = 0; i < conf->vip_count; i++)
		for (size_t j = 0; j < conf->vips[i].prefix_count; j++)
			if (prefix_equal(&conf->vips[i].prefixes[j], prefix))
				return true;
	return false;
}

bool lb_conf_has_address(const struct lb_conf *conf, const struct addr *addr)
{
	for (size_t i = 0; i < conf->identity.address_count; i++)
		if (addr_equal(&conf->identity.addresses[i], addr))
			return true;
	for (size_t i = 0; i < conf->vip_count; i++)
		for (size_t j = 0; j < conf->vips[i].address_count; j++)
			if (addr_equal(&conf->vips[i].addresses[j], addr))
				return true;
	return false;
}
