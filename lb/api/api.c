/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/api/api.h"

#include <string.h>

#include "lb/api/json.h"
#include "lib/version.h"

static json_t *origin_object(const struct lb_origin *origin)
{
	return json_pack("{s:s, s:s, s:o, s:s, s:o}", "name", origin->conf->name, "check",
			 origin->conf->check_name, "address",
			 lb_json_addr(&origin->conf->check.target.addr), "state",
			 health_name(origin->state), "reason", lb_json_text(origin->reason));
}

json_t *lb_api_vip(const struct lb_daemon *lb, size_t index)
{
	const struct vip *vip = &lb->vips[index];
	const struct lb_vip_conf *conf = vip->conf;
	json_t *origins = json_array();

	for (size_t i = 0; i < conf->origin_count; i++)
		json_array_append_new(origins, origin_object(&lb->origins[conf->origins[i]]));
	return json_pack("{s:s, s:s, s:I, s:o, s:s, s:b, s:i, s:i, s:s, s:I, s:o, s:o, s:o}",
			 "name", conf->name, "state", health_name(vip->state), "since_ns",
			 (json_int_t)vip->since.ns, "reason", lb_json_text(vip->reason), "announce",
			 conf->announce == LB_ANNOUNCE_ALWAYS ? "always" : "verdict", "announced",
			 announcer_has_vip(&lb->announcer, vip), "healthy", (int)vip->up,
			 "min_healthy", (int)conf->min_healthy, "presence",
			 presence_state_name(lb->seats[index].presence.state), "linger_ms",
			 (json_int_t)conf->linger_ms, "prefixes",
			 lb_json_prefixes(conf->prefixes, conf->prefix_count), "addresses",
			 lb_json_addrs(conf->addresses, conf->address_count), "origins", origins);
}

static json_t *messages_object(const uint64_t counts[BGP_MSG_TYPES])
{
	json_t *object = json_object();

	for (int type = BGP_MSG_OPEN; type < BGP_MSG_TYPES; type++)
		json_object_set_new(object, bgp_message_type_name((enum bgp_message_type)type),
				    json_integer((json_int_t)counts[type]));
	return object;
}

static json_t *endpoint_string(const struct endpoint *ep)
{
	char text[ENDPOINT_TEXT_SIZE];

	return ep->addr.family == ADDR_NONE ? json_null() : json_string(endpoint_format(ep, text));
}

static json_t *router_id_string(uint32_t id)
{
	const struct addr addr = addr_from_ipv4(id);

	return id ? lb_json_addr(&addr) : json_null();
}

/* A value for each family; absent where there is none. */
static json_t *families_object(const struct addr *ipv4, const struct addr *ipv6)
{
	return json_pack("{s:o, s:o}", "ipv4", lb_json_addr(ipv4), "ipv6", lb_json_addr(ipv6));
}

static json_t *transport_object(const struct bgp_transport *transport)
{
	return json_pack("{s:o, s:b, s:b}", "multihop",
			 transport->hops ? json_integer(transport->hops) : json_null(),
			 "ttl_security", transport->ttl_security, "md5",
			 transport->md5_key != NULL);
}

/* By key of docs/api/lb.yaml, those that there were. */
static json_t *discarded_object(const uint64_t counts[BFD_DISCARDS])
{
	json_t *object = json_object();

	for (int why = BFD_ACCEPTED + 1; why < BFD_DISCARDS; why++)
		if (counts[why])
			json_object_set_new(object, bfd_discard_key((enum bfd_discard)why),
					    json_integer((json_int_t)counts[why]));
	return object;
}

/* What the session was configured to be, and what was negotiated. */
static json_t *bfd_object(const struct lb_daemon *lb, size_t index)
{
	const struct bfd_spec *spec = &lb->conf->bfd.specs[index];
	struct bfd_info info;
	json_t *bfd;

	if (!bfd_info_get(lb->bfd, index, &info))
		return json_null();
	bfd = json_pack("{s:s, s:s, s:I, s:s, s:s, s:b, s:s, s:b, s:b, s:b}", "state",
			bfd_state_name(info.state), "remote_state",
			bfd_state_name(info.remote_state), "since_ns", (json_int_t)info.since.ns,
			"diagnostic", bfd_diag_name(info.local_diag), "remote_diagnostic",
			bfd_diag_name(info.remote_diag), "multihop", spec->multihop, "auth",
			bfd_auth_type_name(spec->session.auth.type), "realtime",
			bfd_is_realtime(lb->bfd), "remote_control_plane_independent",
			info.remote_cpi, "remote_demand", info.remote_demand);
	json_object_update_new(
		bfd, json_pack("{s:I, s:I, s:I, s:I, s:i, s:i, s:I, s:I}", "tx_interval_us",
			       (json_int_t)info.tx_interval, "detection_time_us",
			       (json_int_t)info.detection_time, "remote_min_rx_us",
			       (json_int_t)info.remote_min_rx, "remote_min_tx_us",
			       (json_int_t)info.remote_min_tx, "multiplier",
			       (int)spec->session.detect_mult, "remote_multiplier",
			       (int)info.remote_detect_mult, "local_discriminator",
			       (json_int_t)info.local_discriminator, "remote_discriminator",
			       (json_int_t)info.remote_discriminator));
	json_object_update_new(bfd, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "ups",
					      (json_int_t)info.ups, "downs", (json_int_t)info.downs,
					      "detections", (json_int_t)info.detections,
					      "last_silence_us",
					      (json_int_t)(info.last_silence_ns / NS_PER_US),
					      "packets_in", (json_int_t)info.packets_in,
					      "packets_out", (json_int_t)info.packets_out,
					      "send_errors", (json_int_t)info.send_errors,
					      "discarded", discarded_object(info.discarded)));
	return bfd;
}

json_t *lb_api_peer(const struct lb_daemon *lb, size_t index)
{
	struct bgp_peer_info info;
	json_t *families = json_array(), *peer;

	bgp_speaker_peer_info(lb->speaker, index, &info);
	if (info.ipv4)
		json_array_append_new(families, json_string("ipv4"));
	if (info.ipv6)
		json_array_append_new(families, json_string("ipv6"));
	peer = json_pack("{s:s, s:s, s:I, s:b, s:I, s:o, s:o, s:o, s:i, s:i, s:o}", "name",
			 info.name, "state", bgp_state_name(info.state), "since_ns",
			 (json_int_t)info.state_since.ns, "incoming", info.incoming, "asn",
			 (json_int_t)info.remote_asn, "local", endpoint_string(&info.local),
			 "remote", endpoint_string(&info.remote), "router_id",
			 router_id_string(info.remote_router_id), "hold_time", (int)info.hold_time,
			 "keepalive", (int)info.keepalive, "families", families);
	json_object_update_new(
		peer,
		json_pack("{s:{s:b, s:b, s:b, s:b, s:s}, s:I, s:o, s:o, s:I, s:I, s:I}",
			  "capabilities", "four_octet_asn", info.four_octet_asn, "route_refresh",
			  info.route_refresh, "enhanced_refresh", info.enhanced_refresh,
			  "graceful_restart", info.graceful_restart, "role",
			  bgp_role_name(info.role), "leaks", (json_int_t)info.leaks, "next_hop",
			  families_object(&info.next_hop4, &info.next_hop6), "default_route",
			  families_object(&info.default_route4, &info.default_route6), "announced",
			  (json_int_t)info.announced, "established", (json_int_t)info.established,
			  "updates_malformed", (json_int_t)info.updates_malformed));
	json_object_set_new(json_object_get(peer, "capabilities"), "extended_next_hop",
			    json_boolean(info.extended_next_hop));
	json_object_set_new(peer, "transport", transport_object(info.transport));
	json_object_update_new(peer, json_pack("{s:o, s:o, s:o, s:o, s:o}", "messages_in",
					       messages_object(info.in), "messages_out",
					       messages_object(info.out), "last_error_in",
					       lb_json_text(info.last_error_in), "last_error_out",
					       lb_json_text(info.last_error_out), "last_down",
					       lb_json_text(info.last_down)));
	json_object_set_new(peer, "bfd", bfd_object(lb, index));
	return peer;
}

json_t *lb_api_announcement(const struct lb_daemon *lb, const struct announcement *item)
{
	json_t *sent = json_array();

	for (size_t i = 0; i < lb->conf->bgp.peer_count; i++)
		if (bgp_speaker_has_sent(lb->speaker, i, &item->prefix, NULL))
			json_array_append_new(sent, json_string(lb->conf->bgp.peers[i].name));
	return json_pack("{s:o, s:s, s:I, s:o, s:s?, s:o, s:o}", "prefix",
			 lb_json_prefix(&item->prefix), "state", announce_state_name(item->state),
			 "since_ns", (json_int_t)item->since.ns, "reason",
			 lb_json_text(item->reason), "vip",
			 item->vip ? item->vip->conf->name : NULL, "policy",
			 lb_json_policy(item->policy), "sent_to", sent);
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
		json_array_append_new(origins, origin_object(&lb->origins[i]));
	for (size_t i = 0; i < conf->vip_count; i++)
		up += lb->vips[i].state == HEALTH_UP;
	for (size_t i = 0; i < lb->announcer.count; i++)
		announced += lb->announcer.items[i].state != ANNOUNCE_WITHDRAWN;
	reply->json = json_pack("{s:s, s:s, s:I, s:I, s:b, s:I, s:o, s:o, s:o}", "pop", conf->pop,
				"version", version_text(), "started_ns", (json_int_t)lb->started.ns,
				"now_ns", (json_int_t)clock_now().ns, "stopping", lb->stopping,
				"asn", (json_int_t)conf->bgp.asn, "router_id",
				router_id_string(conf->bgp.router_id), "identity",
				identity_object(&conf->identity), "origins", origins);
	json_object_update_new(
		reply->json,
		json_pack("{s:{s:I, s:I}, s:{s:I, s:I}, s:{s:I, s:I}, s:I, s:s}", "vips", "total",
			  (json_int_t)conf->vip_count, "up", (json_int_t)up, "peers", "total",
			  (json_int_t)conf->bgp.peer_count, "established",
			  (json_int_t)count_established(lb), "prefixes", "total",
			  (json_int_t)lb->announcer.count, "announced", (json_int_t)announced,
			  "last_event_id", (json_int_t)event_log_last_id(lb->events), "dataplane",
			  lb->dp->ops->name));
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

static int get_peers(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct lb_daemon *lb = ctx;
	json_t *peers = json_array();

	(void)req;
	for (size_t i = 0; i < lb->conf->bgp.peer_count; i++)
		json_array_append_new(peers, lb_api_peer(lb, i));
	reply->json = json_pack("{s:o}", "peers", peers);
	return 200;
}

static int get_peer(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct lb_daemon *lb = ctx;

	for (size_t i = 0; i < lb->conf->bgp.peer_count; i++) {
		if (strcmp(lb->conf->bgp.peers[i].name, req->params[0]) != 0)
			continue;
		reply->json = lb_api_peer(lb, i);
		return 200;
	}
	return http_problem(reply, 404, NULL, "there is no peer '%s'", req->params[0]);
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
	{ "GET", "/v1/peers", get_peers, NULL },
	{ "GET", "/v1/peers/{name}", get_peer, NULL },
	{ "GET", "/v1/announcements", get_announcements, NULL },
	{ "GET", "/v1/explain", lb_api_explain, explain_query },
	{ "GET", "/v1/events", get_events, events_query },
	{ 0 },
};
