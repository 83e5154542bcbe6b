/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/api/api.h"

#include <string.h>

#include "lb/api/json.h"
#include "lib/version.h"

json_t *lb_api_vip(const struct lb_daemon *lb, size_t index)
{
	const struct vip *vip = &lb->vips[index];
	const struct lb_vip_conf *conf = vip->conf;
	json_t *origins = json_array();

	for (size_t i = 0; i < conf->origin_count; i++)
		json_array_append_new(origins, lb_api_vip_origin(lb, index, i));
	return json_pack("{s:s, s:s, s:I, s:o, s:s, s:b, s:b, s:i, s:i, s:s, s:I, s:o, s:o, s:o}",
			 "name", conf->name, "state", health_name(vip->state), "since_ns",
			 (json_int_t)vip->since.ns, "reason", lb_json_text(vip->reason), "announce",
			 conf->announce == LB_ANNOUNCE_ALWAYS ? "always" : "verdict", "announced",
			 announcer_has_vip(&lb->announcer, vip), "held_down",
			 announcer_find_held(&lb->announcer, vip) != NULL, "healthy", (int)vip->up,
			 "min_healthy", (int)conf->min_healthy, "presence",
			 presence_state_name(lb->seats[index].presence.state), "linger_ms",
			 (json_int_t)conf->linger_ms, "prefixes",
			 lb_json_prefixes(conf->prefixes, conf->prefix_count), "addresses",
			 lb_json_addrs(conf->addresses, conf->address_count), "origins", origins);
}

json_t *lb_api_hold_down(const struct announcement *item)
{
	const struct hold_down *h = &item->hold_down;
	struct instant end = { 0 };

	if (!item->vip)
		return json_null();
	if (announcement_is_held(item))
		end = hold_down_end(h, &item->vip->conf->hold_down);
	return json_pack("{s:b, s:o, s:i, s:I}", "held", announcement_is_held(item), "until_ns",
			 lb_json_instant(end), "flaps", (int)h->flaps, "flaps_total",
			 (json_int_t)h->flaps_total);
}

json_t *lb_api_announcement(const struct lb_daemon *lb, const struct announcement *item)
{
	char reason[ANNOUNCE_REASON_SIZE];
	json_t *sent = json_array();

	announcement_reason(item, clock_now(), reason);
	for (size_t i = 0; i < lb->conf->bgp.peer_count; i++)
		if (bgp_speaker_has_sent(lb->speaker, i, &item->prefix, NULL))
			json_array_append_new(sent, json_string(lb->conf->bgp.peers[i].name));
	return json_pack("{s:o, s:s, s:I, s:o, s:s?, s:o, s:o, s:o}", "prefix",
			 lb_json_prefix(&item->prefix), "state", announce_state_name(item->state),
			 "since_ns", (json_int_t)item->since.ns, "reason", lb_json_text(reason),
			 "vip", item->vip ? item->vip->conf->name : NULL, "policy",
			 lb_json_policy(item->policy), "hold_down", lb_api_hold_down(item),
			 "sent_to", sent);
}

static int get_healthz(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct lb_daemon *lb = ctx;

	(void)req;
	reply->json = json_pack("{s:s}", "status", lb->stopping ? "stopping" : "ok");
	return lb->stopping ? 503 : 200;
}

static json_t *identity_object(const struct lb_identity_conf *id)
{
	if (id->prefix_count == 0)
		return json_null();
	return json_pack("{s:o, s:o, s:i}", "prefixes",
			 lb_json_prefixes(id->prefixes, id->prefix_count), "addresses",
			 lb_json_addrs(id->addresses, id->address_count), "port", (int)id->port);
}

static size_t count_established(const struct lb_daemon *lb)
{
	struct bgp_peer_info info;
	size_t count = 0;

	for (size_t i = 0; i < lb->conf->bgp.peer_count; i++) {
		bgp_speaker_peer_info(lb->speaker, i, &info);
		count += info.state == BGP_ESTABLISHED;
	}
	return count;
}

static int get_status(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct lb_daemon *lb = ctx;
	const struct lb_conf *conf = lb->conf;
	json_t *origins = json_array();
	size_t up = 0, announced = 0;

	(void)req;
	for (size_t i = 0; i < conf->origin_count; i++)
		json_array_append_new(origins, lb_api_origin(&lb->origins[i]));
	for (size_t i = 0; i < conf->vip_count; i++)
		up += lb->vips[i].state == HEALTH_UP;
	for (size_t i = 0; i < lb->announcer.count; i++)
		announced += lb->announcer.items[i].state != ANNOUNCE_WITHDRAWN;
	reply->json = json_pack("{s:s, s:s, s:I, s:I, s:b, s:I, s:o, s:o, s:o}", "pop", conf->pop,
				"version", version_text(), "started_ns", (json_int_t)lb->started.ns,
				"now_ns", (json_int_t)clock_now().ns, "stopping", lb->stopping,
				"asn", (json_int_t)conf->bgp.asn, "router_id",
				lb_json_router_id(conf->bgp.router_id), "identity",
				identity_object(&conf->identity), "origins", origins);
	json_object_update_new(
		reply->json,
		json_pack("{s:{s:I, s:I}, s:{s:I, s:I}, s:{s:I, s:I}, s:I, s:s}", "vips", "total",
			  (json_int_t)conf->vip_count, "up", (json_int_t)up, "peers", "total",
			  (json_int_t)conf->bgp.peer_count, "established",
			  (json_int_t)count_established(lb), "prefixes", "total",
			  (json_int_t)lb->announcer.count, "announced", (json_int_t)announced,
			  "last_event_id", (json_int_t)event_log_last_id(lb->events), "dataplane",
			  lb->rack ? "xdp" : lb->dp->ops->name));
	json_object_set_new(reply->json, "continuity", lb_api_continuity(lb));
	return 200;
}

static int get_vips(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct lb_daemon *lb = ctx;
	json_t *vips = json_array();

	(void)req;
	for (size_t i = 0; i < lb->conf->vip_count; i++)
		json_array_append_new(vips, lb_api_vip(lb, i));
	reply->json = json_pack("{s:o}", "vips", vips);
	return 200;
}

static int get_vip(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct lb_daemon *lb = ctx;
	const struct lb_vip_conf *vip = lb_conf_vip_find(lb->conf, req->params[0]);

	if (!vip)
		return http_problem(reply, 404, NULL, "there is no vip '%s'", req->params[0]);
	reply->json = lb_api_vip(lb, (size_t)(vip - lb->conf->vips));
	return 200;
}

static int get_announcements(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct lb_daemon *lb = ctx;
	json_t *items = json_array();

	(void)req;
	for (size_t i = 0; i < lb->announcer.count; i++)
		json_array_append_new(items, lb_api_announcement(lb, &lb->announcer.items[i]));
	reply->json = json_pack("{s:o}", "announcements", items);
	return 200;
}

static int get_events(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct lb_daemon *lb = ctx;

	(void)req;
	reply->events = lb->events;
	return 200;
}

static const char *const explain_query[] = { "prefix", NULL };
static const char *const events_query[] = { "since", NULL };

const struct http_route lb_api_routes[] = {
	{ "GET", "/healthz", get_healthz, NULL },
	{ "GET", "/metrics", lb_api_metrics, NULL },
	{ "GET", "/v1/status", get_status, NULL },
	{ "GET", "/v1/vips", get_vips, NULL },
	{ "GET", "/v1/vips/{name}", get_vip, NULL },
	{ "PUT", "/v1/vips/{name}/origins/{origin}", lb_api_put_origin, NULL },
	{ "GET", "/v1/peers", lb_api_peers, NULL },
	{ "GET", "/v1/peers/{name}", lb_api_peer, NULL },
	{ "GET", "/v1/announcements", get_announcements, NULL },
	{ "GET", "/v1/mesh", lb_api_mesh, NULL },
	{ "GET", "/v1/explain", lb_api_explain, explain_query },
	{ "GET", "/v1/events", get_events, events_query },
	{ "GET", "/v1/drain", lb_api_get_drain, NULL },
	{ "POST", "/v1/drain", lb_api_post_drain, NULL },
	{ "DELETE", "/v1/drain", lb_api_delete_drain, NULL },
	{ "POST", "/v1/reload", lb_api_reload, NULL },
	{ 0 },
};
