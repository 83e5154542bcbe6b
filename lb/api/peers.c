/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /v1/peers[/{name}]: all that is known of the BGP peers, their timers, errors and paths. */
#include <string.h>

#include "lb/api/api.h"
#include "lb/api/json.h"

static json_t *messages_object(const uint64_t counts[BGP_MSG_TYPES])
{
	json_t *object = json_object();

	for (int type = BGP_MSG_OPEN; type < BGP_MSG_TYPES; type++)
		json_object_set_new(object, bgp_message_type_name((enum bgp_message_type)type),
				    json_integer((json_int_t)counts[type]));
	return object;
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

static json_t *families_array(bool ipv4, bool ipv6)
{
	json_t *families = json_array();

	if (ipv4)
		json_array_append_new(families, json_string("ipv4"));
	if (ipv6)
		json_array_append_new(families, json_string("ipv6"));
	return families;
}

/* What one side has said in its OPEN. */
static json_t *capabilities_object(const struct bgp_open *open)
{
	return json_pack("{s:o, s:b, s:b, s:b, s:b, s:b, s:s}", "families",
			 families_array(open->ipv4, open->ipv6), "four_octet_asn",
			 open->four_octet_asn, "route_refresh", open->route_refresh,
			 "enhanced_refresh", open->enhanced_refresh, "graceful_restart",
			 open->graceful_restart, "extended_next_hop", open->extended_next_hop,
			 "role", bgp_role_name(open->role));
}

static json_t *negotiated_object(const struct bgp_peer_info *info)
{
	if (info->state != BGP_ESTABLISHED)
		return json_null();
	return json_pack("{s:o, s:b, s:b, s:b}", "families",
			 families_array(info->negotiated.ipv4, info->negotiated.ipv6),
			 "four_octet_asn", info->negotiated.four_octet_asn, "enhanced_refresh",
			 info->negotiated.enhanced_refresh, "extended_next_hop",
			 info->negotiated.extended_next_hop);
}

/* Negative: not configured, or not negotiated as yet. */
static json_t *seconds_or_null(int seconds)
{
	return seconds < 0 ? json_null() : json_integer(seconds);
}

static json_t *timer_object(int configured, int negotiated, struct instant next, struct instant now)
{
	int64_t left_ms = (next.ns - now.ns) / NS_PER_MS;

	return json_pack("{s:o, s:o, s:o}", "configured", seconds_or_null(configured), "negotiated",
			 seconds_or_null(negotiated), "next_ms",
			 next.ns == INSTANT_NEVER.ns ? json_null()
						     : json_integer(left_ms > 0 ? left_ms : 0));
}

static json_t *timers_object(const struct bgp_peer_info *info)
{
	bool up = info->state == BGP_ESTABLISHED;
	struct instant now = clock_now();
	int hold_time = info->conf->hold_time;

	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o}", "hold",
		timer_object(hold_time, up ? info->hold_time : -1, info->next_hold, now),
		"keepalive",
		timer_object(hold_time / 3, up ? info->keepalive : -1, info->next_keepalive, now),
		"connect_retry",
		timer_object(info->conf->connect_retry, -1, info->next_connect_retry, now),
		"idle_hold", timer_object(-1, -1, info->next_idle_hold, now), "send_hold",
		timer_object(-1, -1, info->next_send_hold, now));
}

static json_t *dump_object(const struct bgp_peer_info *info)
{
	if (!info->has_dump)
		return json_null();
	return json_pack("{s:o, s:I, s:I, s:I, s:I}", "file", lb_json_text(info->conf->dump.file),
			 "max_bytes", (json_int_t)info->conf->dump.max_bytes, "bytes",
			 (json_int_t)info->dump.bytes, "records", (json_int_t)info->dump.records,
			 "lost", (json_int_t)info->dump.lost);
}

static json_t *session_object(const struct bgp_peer_info *info)
{
	uint32_t asn = info->conf->asn ? info->conf->asn : info->received.asn;

	return json_pack("{s:s, s:s, s:I, s:b, s:I, s:o, s:o, s:o, s:i, s:i, s:o}", "name",
			 info->name, "state", bgp_state_name(info->state), "since_ns",
			 (json_int_t)info->state_since.ns, "incoming", info->incoming, "asn",
			 (json_int_t)asn, "local", lb_json_endpoint(&info->local), "remote",
			 lb_json_endpoint(&info->remote), "router_id",
			 lb_json_router_id(info->remote_router_id), "hold_time",
			 (int)info->hold_time, "keepalive", (int)info->keepalive, "families",
			 families_array(info->negotiated.ipv4, info->negotiated.ipv6));
}

static json_t *counters_object(const struct bgp_peer_info *info)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "announced",
			 (json_int_t)info->announced, "queued_bytes", (json_int_t)info->queued,
			 "established", (json_int_t)info->established, "downs",
			 (json_int_t)info->downs, "updates_malformed",
			 (json_int_t)info->updates_malformed, "leaks", (json_int_t)info->leaks,
			 "messages_in", messages_object(info->in), "messages_out",
			 messages_object(info->out));
}

static json_t *errors_object(const struct bgp_peer_info *info)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "last_error_in",
			 lb_json_text(info->last_error_in), "last_error_in_ns",
			 lb_json_instant(info->last_error_in_at), "last_error_out",
			 lb_json_text(info->last_error_out), "last_error_out_ns",
			 lb_json_instant(info->last_error_out_at), "last_down",
			 lb_json_text(info->last_down), "last_down_ns",
			 lb_json_instant(info->last_down_at));
}

static json_t *peer_object(const struct lb_daemon *lb, size_t index)
{
	struct bgp_peer_info info;
	json_t *peer;

	bgp_speaker_peer_info(lb->speaker, index, &info);
	peer = session_object(&info);
	json_object_update_new(
		peer,
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "capabilities",
			  capabilities_object(&info.received), "offered",
			  capabilities_object(&info.offered), "negotiated",
			  negotiated_object(&info), "timers", timers_object(&info), "next_hop",
			  families_object(&info.next_hop4, &info.next_hop6), "default_route",
			  families_object(&info.default_route4, &info.default_route6), "transport",
			  transport_object(&info.conf->transport)));
	json_object_update_new(peer, counters_object(&info));
	json_object_update_new(peer, errors_object(&info));
	json_object_set_new(peer, "default_route_kept", json_boolean(info.default_kept));
	json_object_set_new(peer, "dump", dump_object(&info));
	json_object_set_new(peer, "bfd", bfd_object(lb, index));
	return peer;
}

int lb_api_peers(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct lb_daemon *lb = ctx;
	json_t *peers = json_array();

	(void)req;
	for (size_t i = 0; i < lb->conf->bgp.peer_count; i++)
		json_array_append_new(peers, peer_object(lb, i));
	reply->json = json_pack("{s:o}", "peers", peers);
	return 200;
}

int lb_api_peer(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct lb_daemon *lb = ctx;

	for (size_t i = 0; i < lb->conf->bgp.peer_count; i++) {
		if (strcmp(lb->conf->bgp.peers[i].name, req->params[0]) != 0)
			continue;
		reply->json = peer_object(lb, i);
		return 200;
	}
	return http_problem(reply, 404, NULL, "there is no peer '%s'", req->params[0]);
}
