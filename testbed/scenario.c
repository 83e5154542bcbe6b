/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/scenario.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/city.h"

#define NODE_NAME_MAX 32

static const char *const relation_names[] = { "customer", "peer", "provider", NULL };
static const char *const shape_names[] = { "host", "rack", NULL };
static const char *const router_names[] = { "bird", "frr", NULL };
static const char *const traffic_names[] = { "udp", "dns", "http", "session", NULL };
static const char *const mode_names[] = { "geodns", "anycast", NULL };
static const char *const speaker_names[] = { "lb", "bird", NULL };
static const char *const cache_names[] = { "none", "browser", "jvm", "until_restart", NULL };
static const char *const profile_names[] = { "ideal", "internet", NULL };

const char *profile_name(enum profile profile)
{
	return profile_names[profile];
}

bool scenario_wants_bfd(const struct scenario *s)
{
	for (size_t i = 0; i < s->variant_count; i++) {
		if (s->variants[i].bfd)
			return true;
	}
	return false;
}

bool scenario_wants_continuity(const struct scenario *s)
{
	for (size_t i = 0; i < s->variant_count; i++) {
		if (s->variants[i].continuity)
			return true;
	}
	return false;
}

const char *traffic_kind_name(enum traffic_kind kind)
{
	return traffic_names[kind];
}

static struct place place_load(const struct conf *at)
{
	struct place place = { 0 };

	if (json_is_string(at->json)) {
		place.name = conf_as_string(at);
		if (!city_find(&place.point, place.name))
			conf_fail(at, "unknown city '%.40s'; give [latitude, longitude]",
				  place.name);
	} else if (!at->json) {
		conf_fail(at, "required");
	} else {
		place.point = geo_point_load(at);
	}
	return place;
}

/* Of a DNS name: a dot would make two of it. */
static const char *label_load(const struct conf *object)
{
	const char *name = conf_name(object, "name");
	const struct conf at = conf_get(object, "name");

	if (strchr(name, '.'))
		conf_fail(&at, "'%s' has a dot, but is one label of a DNS name", name);
	return name;
}

/* Names become host names, directories and interface names. */
static const char *node_name_load(const struct conf *object)
{
	const char *name = label_load(object);
	const struct conf at = conf_get(object, "name");

	if (strlen(name) > NODE_NAME_MAX)
		conf_fail(&at, "longer than %d characters", NODE_NAME_MAX);
	return name;
}

/* "at" is one place, or an array of places, each of which gets a router. */
static void network_places_load(struct scenario *s, const struct conf *object,
				struct scenario_network *net)
{
	const struct conf at = conf_get(object, "at");
	const json_t *first = json_array_get(at.json, 0);

	net->place_count = 1;
	if (json_is_array(at.json) && !json_is_number(first)) {
		net->place_count = conf_count(&at);
		if (net->place_count < 1 || net->place_count > SCENARIO_ROUTERS_MAX)
			conf_fail(&at, "needs 1 to %d places", SCENARIO_ROUTERS_MAX);
		net->places = arena_new_array(s->arena, struct place, net->place_count);
		for (size_t i = 0; i < net->place_count; i++) {
			const struct conf item = conf_item(&at, i);

			net->places[i] = place_load(&item);
			if (!net->places[i].name)
				conf_fail(&item, "a router's place must be a city: it names it");
		}
		return;
	}
	net->places = arena_new_object(s->arena, struct place);
	net->places[0] = place_load(&at);
}

/* BIRD cannot wait between updates: where they do it is FRR, unasked. */
static enum router_kind router_load(const struct scenario *s, const struct conf *object)
{
	const struct conf at = conf_get(object, "router");
	enum router_kind kind = s->profile == PROFILE_INTERNET ? ROUTER_FRR : ROUTER_BIRD;

	kind = (enum router_kind)conf_choice(object, "router", router_names, (int)kind);
	if (s->profile == PROFILE_INTERNET && kind == ROUTER_BIRD)
		conf_fail(&at, "bird has no MRAI, which the profile 'internet' needs: use frr");
	return kind;
}

static void networks_load(struct scenario *s, const struct conf *root)
{
	const struct conf array = conf_array(root, "networks", 1, SCENARIO_NETWORKS_MAX);

	s->network_count = conf_count(&array);
	s->networks = arena_new_array(s->arena, struct scenario_network, s->network_count);
	for (size_t i = 0; i < s->network_count; i++) {
		struct scenario_network *net = &s->networks[i];
		const struct conf item = conf_item(&array, i);

		CONF_KEYS(&item, "name", "asn", "at", "router", "ignores_communities");
		net->name = node_name_load(&item);
		net->asn = (uint32_t)conf_int(&item, "asn", 1, 65534, CONF_REQUIRED);
		if (net->asn == 64500) {
			const struct conf at = conf_get(&item, "asn");

			conf_fail(&at, "64500 is the pops' own");
		}
		net->router = router_load(s, &item);
		net->ignores_communities = conf_bool(&item, "ignores_communities", false);
		network_places_load(s, &item, net);
		for (size_t j = 0; j < i; j++) {
			const struct conf at = conf_get(&item, "asn");

			if (s->networks[j].asn == net->asn)
				conf_fail(&at, "already the AS of '%s'", s->networks[j].name);
		}
	}
}

static size_t network_find(const struct scenario *s, const struct conf *object, const char *key)
{
	const struct conf at = conf_get(object, key);
	const char *name = conf_as_string(&at);

	for (size_t i = 0; i < s->network_count; i++) {
		if (strcmp(s->networks[i].name, name) == 0)
			return i;
	}
	conf_fail(&at, "unknown network '%.40s'", name);
	return 0;
}

static void pop_shape_load(const struct conf *object, struct scenario_pop *pop)
{
	const struct conf router = conf_get(object, "router");
	const struct conf origins = conf_array(object, "origins", 0, 1);

	pop->shape = (enum pop_shape)conf_choice(object, "shape", shape_names, SHAPE_HOST);
	pop->router = (enum router_kind)conf_choice(object, "router", router_names, ROUTER_BIRD);
	if (router.json && pop->shape == SHAPE_HOST)
		conf_fail(&router, "is a rack's: a pop of shape host has no router of its own");
	for (size_t i = 0; i < conf_count(&origins); i++) {
		const struct conf origin = conf_item(&origins, i);

		if (strcmp(conf_as_string(&origin), "local") != 0)
			conf_fail(&origin, "a pop of shape %s has the origin 'local'",
				  shape_names[pop->shape]);
	}
}

static void pops_load(struct scenario *s, const struct conf *root)
{
	const struct conf array = conf_array(root, "pops", 1, SCENARIO_POPS_MAX);

	s->pop_count = conf_count(&array);
	s->pops = arena_new_array(s->arena, struct scenario_pop, s->pop_count);
	for (size_t i = 0; i < s->pop_count; i++) {
		const struct conf item = conf_item(&array, i);
		const struct conf at = conf_get(&item, "at");

		CONF_KEYS(&item, "name", "at", "shape", "router", "origins");
		s->pops[i].name = node_name_load(&item);
		s->pops[i].place = place_load(&at);
		pop_shape_load(&item, &s->pops[i]);
	}
}

static struct scenario_bfd bfd_load(const struct conf *object, struct scenario_bfd def)
{
	const struct conf at = conf_get(object, "bfd");

	if (!at.json)
		return def;
	CONF_KEYS(&at, "interval_ms", "multiplier");
	return (struct scenario_bfd){
		.interval_ms = (unsigned)conf_int(&at, "interval_ms", 10, 60000, def.interval_ms),
		.multiplier = (unsigned)conf_int(&at, "multiplier", 2, 255, def.multiplier),
	};
}

static void links_load(struct scenario *s, const struct conf *root)
{
	const struct conf array = conf_array(root, "links", 1, 2000);

	s->link_count = conf_count(&array);
	s->links = arena_new_array(s->arena, struct scenario_link, s->link_count);
	for (size_t i = 0; i < s->link_count; i++) {
		struct scenario_link *link = &s->links[i];
		const struct conf item = conf_item(&array, i);

		CONF_KEYS(&item, "from", "to", "relation", "delay_ms", "jitter_ms", "loss",
			  "rate_mbit", "bfd");
		link->from = conf_string(&item, "from", CONF_REQUIRED_STRING);
		link->to = conf_string(&item, "to", CONF_REQUIRED_STRING);
		link->relation = (enum relation)conf_choice(&item, "relation", relation_names,
							    CONF_REQUIRED);
		link->delay_ms = conf_number(&item, "delay_ms", 0, 10000, -1);
		link->jitter_ms = conf_number(&item, "jitter_ms", 0, 1000, 0);
		link->loss = conf_number(&item, "loss", 0, 1, 0);
		link->rate_mbit = conf_number(&item, "rate_mbit", 0, 100000, 0);
		link->bfd = bfd_load(&item, s->bfd);
	}
}

static void nameservers_load(struct scenario *s, const struct conf *root)
{
	const struct conf array = conf_array(root, "nameservers", 1, 16);
	bool has_root = false;

	s->nameserver_count = conf_count(&array);
	/* Room for the root, which nobody needs to mention. */
	s->nameservers =
		arena_new_array(s->arena, struct scenario_nameserver, s->nameserver_count + 1);
	for (size_t i = 0; i < s->nameserver_count; i++) {
		const struct conf item = conf_item(&array, i);

		CONF_KEYS(&item, "name", "network", "delay_ms");
		s->nameservers[i].name = node_name_load(&item);
		s->nameservers[i].network = network_find(s, &item, "network");
		s->nameservers[i].delay_ms = conf_number(&item, "delay_ms", 0, 1000, 0.5);
		has_root = has_root || strcmp(s->nameservers[i].name, "root") == 0;
	}
	if (!has_root) {
		s->nameservers[s->nameserver_count] = s->nameservers[0];
		s->nameservers[s->nameserver_count++].name = "root";
	} else if (s->nameserver_count == 1) {
		conf_fail(&array, "the root alone cannot answer for the lab's names");
	}
}

static void traffic_load(struct scenario *s, const struct conf *object,
			 struct scenario_client *client)
{
	const struct conf array = conf_array(object, "traffic", 1, 4);

	client->traffic_count = conf_count(&array);
	client->traffic = arena_new_array(s->arena, struct scenario_traffic, client->traffic_count);
	for (size_t i = 0; i < client->traffic_count; i++) {
		const struct conf item = conf_item(&array, i);

		CONF_KEYS(&item, "kind", "period_ms");
		client->traffic[i].kind =
			(enum traffic_kind)conf_choice(&item, "kind", traffic_names, CONF_REQUIRED);
		client->traffic[i].period_ms =
			(unsigned)conf_int(&item, "period_ms", 10, 600000, CONF_REQUIRED);
		for (size_t j = 0; j < i; j++) {
			if (client->traffic[j].kind == client->traffic[i].kind)
				conf_fail(&item, "kind '%s' twice",
					  traffic_names[client->traffic[i].kind]);
		}
	}
}

static void clients_load(struct scenario *s, const struct conf *root)
{
	const struct conf array = conf_array(root, "clients", 1, SCENARIO_CLIENTS_MAX);

	s->client_count = conf_count(&array);
	s->clients = arena_new_array(s->arena, struct scenario_client, s->client_count);
	for (size_t i = 0; i < s->client_count; i++) {
		struct scenario_client *client = &s->clients[i];
		const struct conf item = conf_item(&array, i);
		const struct conf resolver = conf_get(&item, "resolver");

		CONF_KEYS(&item, "name", "network", "users", "resolver", "cache", "access_ms",
			  "traffic");
		client->name = node_name_load(&item);
		client->network = network_find(s, &item, "network");
		client->users = (unsigned)conf_int(&item, "users", 1, 10000, CONF_REQUIRED);
		if (resolver.json) {
			CONF_KEYS(&resolver, "ecs", "stretch_ttl");
			client->ecs = conf_bool(&resolver, "ecs", false);
			client->stretch_ttl =
				(unsigned)conf_int(&resolver, "stretch_ttl", 0, 86400, 0);
		}
		client->cache = cache_names[conf_choice(&item, "cache", cache_names, 0)];
		client->access_ms = conf_number(&item, "access_ms", 0, 1000, 2);
		traffic_load(s, &item, client);
	}
}

static void variants_load(struct scenario *s, const struct conf *root)
{
	const struct conf array = conf_array(root, "variants", 1, SCENARIO_VARIANTS_MAX);

	s->variant_count = conf_count(&array);
	s->variants = arena_new_array(s->arena, struct scenario_variant, s->variant_count);
	for (size_t i = 0; i < s->variant_count; i++) {
		const struct conf item = conf_item(&array, i);

		CONF_KEYS(&item, "name", "mode", "ttl", "bfd", "continuity");
		s->variants[i].name = label_load(&item);
		s->variants[i].mode =
			(enum variant_mode)conf_choice(&item, "mode", mode_names, CONF_REQUIRED);
		s->variants[i].ttl = (unsigned)conf_int(&item, "ttl", 0, 86400, 30);
		s->variants[i].bfd = conf_bool(&item, "bfd", false);
		s->variants[i].continuity = conf_bool(&item, "continuity", false);
		if (s->variants[i].continuity && s->variants[i].mode != MODE_ANYCAST)
			conf_fail(&item, "continuity is for what routes move: mode anycast");
		for (size_t j = 0; j < i; j++) {
			if (strcmp(s->variants[j].name, s->variants[i].name) == 0)
				conf_fail(&item, "name '%s' twice", s->variants[i].name);
		}
	}
}

/* A trial lasts until the last undo has had as long to settle as the fault had. */
static unsigned duration_default(const struct scenario *s)
{
	unsigned end = s->ramp_ms + 10000;

	for (size_t i = 0; i < s->fault_count; i++) {
		const struct scenario_fault *f = &s->faults[i];
		unsigned settle = f->undo_ms ? f->undo_ms : 60000;

		if (f->at_ms + f->jitter_ms + 2 * settle > end)
			end = f->at_ms + f->jitter_ms + 2 * settle;
	}
	return end;
}

static void limits_load(struct scenario *s, const struct conf *root)
{
	const struct conf limits = conf_get(root, "limits");

	if (limits.json)
		CONF_KEYS(&limits, "wires_late_ms", "senders_late_ms");
	s->limits.wires_late_ms = conf_number(&limits, "wires_late_ms", 0.05, 10000, 0.5);
	s->limits.senders_late_ms = conf_number(&limits, "senders_late_ms", 1, 2000, 5);
}

static void settings_load(struct scenario *s, const struct conf *root)
{
	const struct conf checks = conf_get(root, "checks");

	s->name = conf_name(root, "name");
	s->seed = (uint64_t)conf_int(root, "seed", 0, INT64_MAX, 1);
	s->trials = (unsigned)conf_int(root, "trials", 1, 10000, 1);
	s->profile = (enum profile)conf_choice(root, "profile", profile_names, PROFILE_IDEAL);
	s->speaker = (enum speaker_kind)conf_choice(root, "speaker", speaker_names, SPEAKER_LB);
	s->hold_time = (unsigned)conf_int(root, "hold_time", 3, 65535, 9);
	limits_load(s, root);
	s->bfd = bfd_load(root, (struct scenario_bfd){ 50, 3 });
	s->path_stretch = conf_number(root, "path_stretch", 1, 10, 1.4);
	s->ramp_ms = (unsigned)conf_int(root, "ramp_ms", 0, 3600000, 5000);
	s->checks.interval_ms = 1000;
	if (checks.json) {
		CONF_KEYS(&checks, "interval_ms", "timeout_ms", "rise", "fall");
		s->checks.interval_ms =
			(unsigned)conf_int(&checks, "interval_ms", 50, 3600000, 1000);
	}
	s->checks.timeout_ms = s->checks.interval_ms < 1000 ? s->checks.interval_ms : 1000;
	s->checks.timeout_ms = (unsigned)conf_int(&checks, "timeout_ms", 10, s->checks.interval_ms,
						  s->checks.timeout_ms);
	s->checks.rise = (unsigned)conf_int(&checks, "rise", 1, 100, 2);
	s->checks.fall = (unsigned)conf_int(&checks, "fall", 1, 100, 3);
}

/* A fault that nobody would see is a mistake, not a quiet trial. */
static void duration_check(const struct scenario *s, const struct conf *root)
{
	const struct conf array = conf_get(root, "timeline");

	for (size_t i = 0; i < s->fault_count; i++) {
		const struct conf item = conf_item(&array, i);

		if (s->faults[i].at_ms + s->faults[i].jitter_ms >= s->duration_ms)
			conf_fail(&item, "may come after the end of the trial (duration_ms %u)",
				  s->duration_ms);
	}
}

/* Nodes of all kinds share one space of names. Routers of large networks get theirs later. */
static void names_check(const struct scenario *s, const struct conf *root)
{
	size_t total = s->network_count + s->pop_count + s->nameserver_count + s->client_count;
	const char **names = xcalloc(total, sizeof(*names));
	size_t n = 0;

	for (size_t i = 0; i < s->network_count; i++)
		names[n++] = s->networks[i].name;
	for (size_t i = 0; i < s->pop_count; i++)
		names[n++] = s->pops[i].name;
	for (size_t i = 0; i < s->nameserver_count; i++)
		names[n++] = s->nameservers[i].name;
	for (size_t i = 0; i < s->client_count; i++)
		names[n++] = s->clients[i].name;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < i; j++) {
			if (strcmp(names[i], names[j]) == 0)
				conf_fail(root, "two nodes are named '%s'", names[i]);
		}
	}
	free(names);
}

struct scenario *scenario_load(json_t *json, struct conf_error *err)
{
	struct arena *arena = arena_new();
	struct scenario *s = arena_new_object(arena, struct scenario);
	const struct conf root = conf_root(json, err);

	s->arena = arena;
	CONF_KEYS(&root, "version", "name", "seed", "trials", "profile", "speaker", "hold_time",
		  "checks", "bfd", "limits", "path_stretch", "ramp_ms", "duration_ms", "networks",
		  "pops", "links", "nameservers", "clients", "variants", "timeline");
	conf_int(&root, "version", 1, 1, CONF_REQUIRED);
	settings_load(s, &root);
	networks_load(s, &root);
	pops_load(s, &root);
	links_load(s, &root);
	nameservers_load(s, &root);
	clients_load(s, &root);
	variants_load(s, &root);
	scenario_timeline_load(s, &root);
	s->duration_ms =
		(unsigned)conf_int(&root, "duration_ms", 1000, 7200000, duration_default(s));
	if (!err->set) {
		duration_check(s, &root);
		names_check(s, &root);
	}
	if (err->set) {
		arena_free(arena);
		return NULL;
	}
	s->json = json;
	return s;
}

/* Beside the sources in a build tree, below share/ when installed. */
static const char *const scenario_folders[] = { "../../testbed/scenarios",
						"../share/catchment/scenarios", NULL };

static bool shipped_path(const char *name, char *path, size_t size)
{
	char exe[512];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	if (n <= 0 || strchr(name, '/'))
		return false;
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	if (!slash)
		return false;
	*slash = '\0';
	for (size_t i = 0; scenario_folders[i]; i++) {
		int len = snprintf(path, size, "%s/%s/%s.json", exe, scenario_folders[i], name);

		if (len > 0 && (size_t)len < size && access(path, R_OK) == 0)
			return true;
	}
	return false;
}

struct scenario *scenario_read(const char *name, struct conf_error *err)
{
	struct scenario *s = NULL;
	char path[1024];
	json_t *json;

	if (access(name, R_OK) != 0 && shipped_path(name, path, sizeof(path)))
		name = path;
	json = conf_read_file(name, err);
	if (json)
		s = scenario_load(json, err);
	if (!s)
		json_decref(json);
	return s;
}

struct scenario *scenario_read_shipped(const char *name, struct conf_error *err)
{
	char path[1024];

	if (name[0] == '.' || !shipped_path(name, path, sizeof(path))) {
		conf_fail(&(struct conf){ .err = err }, "no scenario of that name is shipped");
		return NULL;
	}
	return scenario_read(path, err);
}

bool scenario_has_router(const struct scenario *s, enum router_kind kind)
{
	for (size_t i = 0; i < s->network_count; i++) {
		if (s->networks[i].router == kind)
			return true;
	}
	for (size_t i = 0; i < s->pop_count; i++) {
		if (s->pops[i].shape == SHAPE_RACK && s->pops[i].router == kind)
			return true;
	}
	return false;
}

void scenario_free(struct scenario *scenario)
{
	if (!scenario)
		return;
	json_decref(scenario->json);
	arena_free(scenario->arena);
}
