/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/reload.h"

#include <string.h>

#include "lb/bgp/peer_conf.h"
#include "lib/alloc.h"
#include "lib/text.h"

static bool prefixes_equal(const struct prefix *a, size_t a_count, const struct prefix *b,
			   size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (!prefix_equal(&a[i], &b[i]))
			return false;
	return true;
}

static bool addresses_equal(const struct addr *a, size_t a_count, const struct addr *b,
			    size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (!addr_equal(&a[i], &b[i]))
			return false;
	return true;
}

static bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return addr_equal(&a->addr, &b->addr) && a->port == b->port;
}

/* ---- origins ---- */

static enum lb_change compare_origins(const struct lb_origin_conf *a,
				      const struct lb_origin_conf *b)
{
	if (!addr_equal(&a->check.target.addr, &b->check.target.addr))
		return LB_RESET;
	return strcmp(a->check_name, b->check_name) == 0 && check_spec_equal(&a->check, &b->check)
		       ? LB_SAME
		       : LB_CHANGED;
}

static struct lb_match match_origin(const struct lb_conf *old, const struct lb_origin_conf *origin)
{
	for (size_t i = 0; i < old->origin_count; i++)
		if (strcmp(old->origins[i].name, origin->name) == 0)
			return (struct lb_match){ compare_origins(&old->origins[i], origin), i };
	return (struct lb_match){ .change = LB_ADDED };
}

/* ---- VIPs ---- */

/* By name: indices mean nothing across configurations. */
static bool origins_equal(const struct lb_conf *old, const struct lb_vip_conf *a,
			  const struct lb_conf *new, const struct lb_vip_conf *b)
{
	if (a->origin_count != b->origin_count)
		return false;
	for (size_t i = 0; i < a->origin_count; i++)
		if (strcmp(old->origins[a->origins[i]].name, new->origins[b->origins[i]].name) != 0)
			return false;
	return true;
}

static bool services_equal(const struct lb_vip_conf *a, const struct lb_vip_conf *b)
{
	if (a->service_count != b->service_count ||
	    memcmp(a->weights, b->weights, a->origin_count * sizeof(*a->weights)) != 0)
		return false;
	for (size_t i = 0; i < a->service_count; i++)
		if (a->services[i].proto != b->services[i].proto ||
		    a->services[i].port != b->services[i].port)
			return false;
	return true;
}

static bool ladders_equal(const struct lb_vip_conf *a, const struct lb_vip_conf *b)
{
	if (a->step_count != b->step_count)
		return false;
	for (size_t i = 0; i < a->step_count; i++)
		if (a->ladder[i].healthy_below != b->ladder[i].healthy_below ||
		    !bgp_policy_equal(&a->ladder[i].policy, &b->ladder[i].policy))
			return false;
	return true;
}

static bool hold_downs_equal(const struct hold_down_conf *a, const struct hold_down_conf *b)
{
	return a->min_up_ms == b->min_up_ms && a->min_down_ms == b->min_down_ms &&
	       a->initial_ms == b->initial_ms && a->max_ms == b->max_ms &&
	       a->decay_ms == b->decay_ms;
}

static bool vips_equal(const struct lb_conf *old, const struct lb_vip_conf *a,
		       const struct lb_conf *new, const struct lb_vip_conf *b)
{
	return prefixes_equal(a->prefixes, a->prefix_count, b->prefixes, b->prefix_count) &&
	       addresses_equal(a->addresses, a->address_count, b->addresses, b->address_count) &&
	       origins_equal(old, a, new, b) && services_equal(a, b) &&
	       a->announce == b->announce && a->min_healthy == b->min_healthy &&
	       a->linger_ms == b->linger_ms && a->continuity == b->continuity &&
	       hold_downs_equal(&a->hold_down, &b->hold_down) &&
	       bgp_policy_equal(&a->policy, &b->policy) && ladders_equal(a, b);
}

static struct lb_match match_vip(const struct lb_conf *old, const struct lb_conf *new,
				 const struct lb_vip_conf *vip)
{
	const struct lb_vip_conf *was = lb_conf_vip_find(old, vip->name);

	if (!was)
		return (struct lb_match){ .change = LB_ADDED };
	return (struct lb_match){ vips_equal(old, was, new, vip) ? LB_SAME : LB_CHANGED,
				  (size_t)(was - old->vips) };
}

/* ---- peers ---- */

static enum lb_bfd_change compare_bfd(const struct bfd_spec *a, const struct bfd_spec *b)
{
	const struct bfd_session_conf *s = &a->session, *t = &b->session;

	if (!a->name || !b->name)
		return a->name || b->name ? LB_BFD_ANEW : LB_BFD_SAME;
	if (!addr_equal(&a->remote, &b->remote) || !addr_equal(&a->local, &b->local) ||
	    a->multihop != b->multihop || s->passive != t->passive ||
	    s->auth.type != t->auth.type || s->auth.key_id != t->auth.key_id ||
	    memcmp(s->auth.key, t->auth.key, sizeof(s->auth.key)) != 0)
		return LB_BFD_ANEW;
	return s->desired_min_tx == t->desired_min_tx && s->required_min_rx == t->required_min_rx &&
			       s->detect_mult == t->detect_mult
		       ? LB_BFD_SAME
		       : LB_BFD_TIMERS;
}

static enum lb_change peer_change(enum bgp_peer_change bgp, enum lb_bfd_change bfd)
{
	switch (bgp) {
	case BGP_PEER_SAME:
		return bfd == LB_BFD_SAME ? LB_SAME : LB_CHANGED;
	case BGP_PEER_QUIET:
	case BGP_PEER_ROUTES:
		return LB_CHANGED;
	case BGP_PEER_SESSION:
		break;
	}
	return LB_RESET;
}

static void match_peer(struct lb_diff *diff, const struct lb_conf *old, const struct lb_conf *new,
		       size_t index)
{
	static const struct bfd_spec none;
	const struct bgp_peer_conf *peer = &new->bgp.peers[index];
	size_t was = bgp_peer_conf_find(&old->bgp, peer->name);
	const struct bfd_spec *spec = &new->bfd.specs[index];

	if (was == old->bgp.peer_count) {
		diff->bfd[index] = compare_bfd(&none, spec);
		diff->peers[index] = (struct lb_match){ .change = LB_ADDED };
		return;
	}
	diff->bfd[index] = compare_bfd(&old->bfd.specs[was], spec);
	diff->peers[index] = (struct lb_match){
		peer_change(bgp_peer_conf_compare(&old->bgp.peers[was], peer), diff->bfd[index]),
		was,
	};
}

/* ---- other PoPs ---- */

static struct lb_match match_pop(const struct mesh_conf *old, const struct mesh_pop_conf *pop)
{
	for (size_t i = 0; i < old->pop_count; i++) {
		const struct mesh_pop_conf *was = &old->pops[i];
		bool same = endpoint_equal(&was->at, &pop->at) &&
			    memcmp(was->public_key, pop->public_key, MESH_KEY_SIZE) == 0;

		if (strcmp(was->name, pop->name) == 0)
			return (struct lb_match){ same ? LB_SAME : LB_RESET, i };
	}
	return (struct lb_match){ .change = LB_ADDED };
}

static bool meshes_equal(const struct mesh_conf *a, const struct mesh_conf *b)
{
	return a->enabled == b->enabled && a->port == b->port && a->gue_port == b->gue_port &&
	       a->timing.interval_ms == b->timing.interval_ms &&
	       a->timing.multiplier == b->timing.multiplier &&
	       a->reset_after_ms == b->reset_after_ms &&
	       memcmp(a->public_key, b->public_key, MESH_KEY_SIZE) == 0;
}

/* ---- the rest ---- */

static bool identities_equal(const struct lb_identity_conf *a, const struct lb_identity_conf *b)
{
	return prefixes_equal(a->prefixes, a->prefix_count, b->prefixes, b->prefix_count) &&
	       addresses_equal(a->addresses, a->address_count, b->addresses, b->address_count) &&
	       a->port == b->port && bgp_policy_equal(&a->policy, &b->policy);
}

static bool listens_equal(const struct bgp_speaker_conf *a, const struct bgp_speaker_conf *b)
{
	if (a->listen_count != b->listen_count)
		return false;
	for (size_t i = 0; i < a->listen_count; i++)
		if (!endpoint_equal(&a->listen[i], &b->listen[i]))
			return false;
	return true;
}

static bool geodns_equal(const struct lb_conf *old, const struct lb_conf *new)
{
	if (old->geodns_count != new->geodns_count)
		return false;
	for (size_t i = 0; i < old->geodns_count; i++) {
		const struct lb_geodns_conf *a = &old->geodns[i], *b = &new->geodns[i];

		if (!text_equal(a->api, b->api) || !text_equal(a->token, b->token) ||
		    !text_equal(a->pop, b->pop))
			return false;
	}
	return true;
}

static void compare_settings(struct lb_diff *diff, const struct lb_conf *old,
			     const struct lb_conf *new)
{
	const struct lb_dataplane_conf *a = &old->dataplane, *b = &new->dataplane;

	diff->settings[LB_SETTING_IDENTITY] = !identities_equal(&old->identity, &new->identity);
	diff->settings[LB_SETTING_LISTEN] = !listens_equal(&old->bgp, &new->bgp);
	diff->settings[LB_SETTING_DRAIN] = old->bgp.drain_ms != new->bgp.drain_ms;
	diff->settings[LB_SETTING_SHUTDOWN_TEXT] =
		!text_equal(old->bgp.shutdown_text, new->bgp.shutdown_text);
	diff->settings[LB_SETTING_ROUTES] = a->routes != b->routes;
	diff->settings[LB_SETTING_METRIC] = a->metric != b->metric;
	diff->settings[LB_SETTING_GEODNS] = !geodns_equal(old, new);
	diff->settings[LB_SETTING_MESH] = !meshes_equal(&old->mesh, &new->mesh);
}

static bool apis_equal(const struct lb_conf *old, const struct lb_conf *new)
{
	const struct http_options *a = &old->api, *b = &new->api;

	if (!old->has_api || !new->has_api)
		return old->has_api == new->has_api;
	return endpoint_equal(&a->listen, &b->listen) && text_equal(a->unix_path, b->unix_path) &&
	       text_equal(a->token, b->token);
}

bool lb_continuity_conf_equal(const struct lb_continuity_conf *a,
			      const struct lb_continuity_conf *b)
{
	if (a->interface_count != b->interface_count || a->mode != b->mode ||
	    a->flows != b->flows || a->mtu != b->mtu || !text_equal(a->pin, b->pin))
		return false;
	for (size_t i = 0; i < a->interface_count; i++) {
		if (strcmp(a->interfaces[i].name, b->interfaces[i].name) != 0 ||
		    !addr_equal(&a->interfaces[i].neighbor, &b->interfaces[i].neighbor))
			return false;
	}
	return true;
}

/* What continuity takes from the mesh when it starts. */
static bool handover_equal(const struct mesh_conf *old, const struct mesh_conf *new)
{
	return old->enabled == new->enabled &&
	       (!new->enabled ||
		(old->gue_port == new->gue_port && old->reset_after_ms == new->reset_after_ms));
}

/* Who we are to everybody, and where we are asked: a peer would have to begin anew with all. */
static const char *find_restart(const struct lb_conf *old, const struct lb_conf *new)
{
	if (strcmp(old->pop, new->pop) != 0)
		return "/pop";
	if (old->bgp.asn != new->bgp.asn)
		return "/asn";
	if (old->bgp.router_id != new->bgp.router_id)
		return "/router_id";
	if (!apis_equal(old, new))
		return "/api";
	if (old->dataplane.plane != new->dataplane.plane)
		return "/dataplane/type";
	if (strcmp(old->dataplane.interface, new->dataplane.interface) != 0)
		return "/dataplane/interface";
	if (!lb_continuity_conf_equal(&old->dataplane.continuity, &new->dataplane.continuity))
		return new->dataplane.plane == LB_PLANE_XDP ? "/dataplane/interfaces"
							    : "/dataplane/continuity";
	if (new->dataplane.continuity.interface_count > 0 &&
	    !handover_equal(&old->mesh, &new->mesh))
		return "/mesh";
	return NULL;
}

void lb_diff_init(struct lb_diff *diff, const struct lb_conf *old, const struct lb_conf *new)
{
	size_t peers = new->bgp.peer_count;

	*diff = (struct lb_diff){ .restart = find_restart(old, new) };
	diff->origins = xcalloc(new->origin_count + 1, sizeof(struct lb_match));
	for (size_t i = 0; i < new->origin_count; i++)
		diff->origins[i] = match_origin(old, &new->origins[i]);
	diff->vips = xcalloc(new->vip_count + 1, sizeof(struct lb_match));
	for (size_t i = 0; i < new->vip_count; i++)
		diff->vips[i] = match_vip(old, new, &new->vips[i]);
	diff->peers = xcalloc(peers + 1, sizeof(struct lb_match));
	diff->bfd = xcalloc(peers + 1, sizeof(enum lb_bfd_change));
	for (size_t i = 0; i < peers; i++)
		match_peer(diff, old, new, i);
	diff->pops = xcalloc(new->mesh.pop_count + 1, sizeof(struct lb_match));
	for (size_t i = 0; i < new->mesh.pop_count; i++)
		diff->pops[i] = match_pop(&old->mesh, &new->mesh.pops[i]);
	compare_settings(diff, old, new);
}

void lb_diff_fini(struct lb_diff *diff)
{
	free(diff->origins);
	free(diff->vips);
	free(diff->peers);
	free(diff->bfd);
	free(diff->pops);
	*diff = (struct lb_diff){ 0 };
}

size_t lb_match_find(const struct lb_match *matches, size_t count, size_t was)
{
	size_t i = 0;

	while (i < count && (matches[i].change == LB_ADDED || matches[i].was != was))
		i++;
	return i;
}

/* ---- in words ---- */

/* Names of one kind of item; name: of item i of either list. */
struct names {
	const struct lb_match *matches;
	size_t old_count, new_count;
	const char *(*name)(const struct lb_conf *conf, size_t i);
};

static const char *origin_name(const struct lb_conf *conf, size_t i)
{
	return conf->origins[i].name;
}

static const char *vip_name(const struct lb_conf *conf, size_t i)
{
	return conf->vips[i].name;
}

static const char *peer_name(const struct lb_conf *conf, size_t i)
{
	return conf->bgp.peers[i].name;
}

static const char *pop_name(const struct lb_conf *conf, size_t i)
{
	return conf->mesh.pops[i].name;
}

static void add_name(json_t *object, const char *key, const char *name)
{
	json_array_append_new(json_object_get(object, key), json_string(name));
}

static json_t *names_report(const struct names *names, const struct lb_conf *old,
			    const struct lb_conf *new)
{
	json_t *object =
		json_pack("{s:[], s:[], s:[], s:[]}", "added", "removed", "changed", "reset");

	for (size_t i = 0; i < names->old_count; i++)
		if (lb_match_find(names->matches, names->new_count, i) == names->new_count)
			add_name(object, "removed", names->name(old, i));
	for (size_t i = 0; i < names->new_count; i++) {
		switch (names->matches[i].change) {
		case LB_SAME:
			break;
		case LB_CHANGED:
			add_name(object, "changed", names->name(new, i));
			break;
		case LB_RESET:
			add_name(object, "reset", names->name(new, i));
			break;
		case LB_ADDED:
			add_name(object, "added", names->name(new, i));
			break;
		}
	}
	return object;
}

json_t *lb_diff_report(const struct lb_diff *diff, const struct lb_conf *old,
		       const struct lb_conf *new)
{
	static const char *const settings[LB_SETTINGS] = {
		[LB_SETTING_IDENTITY] = "identity",
		[LB_SETTING_LISTEN] = "bgp.listen",
		[LB_SETTING_DRAIN] = "bgp.drain_ms",
		[LB_SETTING_SHUTDOWN_TEXT] = "bgp.shutdown_text",
		[LB_SETTING_ROUTES] = "dataplane.routes",
		[LB_SETTING_METRIC] = "dataplane.metric",
		[LB_SETTING_GEODNS] = "drain.geodns",
		[LB_SETTING_MESH] = "mesh",
	};
	const struct names origins = { diff->origins, old->origin_count, new->origin_count,
				       origin_name };
	const struct names vips = { diff->vips, old->vip_count, new->vip_count, vip_name };
	const struct names peers = { diff->peers, old->bgp.peer_count, new->bgp.peer_count,
				     peer_name };
	const struct names pops = { diff->pops, old->mesh.pop_count, new->mesh.pop_count,
				    pop_name };
	json_t *changed = json_array();

	for (int i = 0; i < LB_SETTINGS; i++)
		if (diff->settings[i])
			json_array_append_new(changed, json_string(settings[i]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "origins", names_report(&origins, old, new),
			 "vips", names_report(&vips, old, new), "peers",
			 names_report(&peers, old, new), "pops", names_report(&pops, old, new),
			 "settings", changed);
}

static void append(char **text, const char *what, const char *name, const char *how)
{
	char *longer = xasprintf("%s%s%s %s %s", *text, **text ? ", " : "", what, name, how);

	free(*text);
	*text = longer;
}

char *lb_diff_text(const json_t *report)
{
	static const char *const kinds[][2] = {
		{ "origins", "origin" }, { "vips", "vip" }, { "peers", "peer" }, { "pops", "pop" }
	};
	static const char *const hows[] = { "added", "removed", "changed", "reset" };
	const json_t *names;
	char *text = xstrdup("");
	json_t *name;
	size_t at;

	for (size_t i = 0; i < 16; i++) {
		names = json_object_get(json_object_get(report, kinds[i / 4][0]), hows[i % 4]);
		json_array_foreach (names, at, name) {
			append(&text, kinds[i / 4][1], json_string_value(name), hows[i % 4]);
		}
	}
	names = json_object_get(report, "settings");
	json_array_foreach (names, at, name) {
		append(&text, "setting", json_string_value(name), "changed");
	}
	if (!*text)
		append(&text, "nothing", "has", "changed");
	return text;
}
