/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET /v1/explain?prefix=: why a prefix is or is not announced, down to each
 * peer, and how it came to be so. Any prefix or address may be asked for; the longest configured
 * prefix that covers it answers.
 */
#include "lb/api/api.h"
#include "lb/api/json.h"
#include "lib/alloc.h"

static const struct announcement *find_covering(const struct announcer *announcer,
						const struct prefix *asked)
{
	const struct announcement *best = NULL;

	for (size_t i = 0; i < announcer->count; i++) {
		const struct announcement *item = &announcer->items[i];

		if (item->prefix.len <= asked->len &&
		    prefix_contains(&item->prefix, &asked->addr) &&
		    (!best || item->prefix.len > best->prefix.len))
			best = item;
	}
	return best;
}

/* The peer's "vips" or "identity" does not name it. malloc'd. */
static char *only_reason(const struct announcement *item, bool sent)
{
	if (sent)
		return xstrdup("the withdrawal is about to be sent");
	if (!item->vip)
		return xstrdup("this peer is not told of the identity");
	return xasprintf("vip %s is not among those that this peer is told of",
			 item->vip->conf->name);
}

/* Why a peer has the prefix from us, or not. malloc'd. */
static char *peer_reason(const struct announcement *item, const struct bgp_peer_info *info,
			 bool sent)
{
	bool ipv4 = item->prefix.addr.family == ADDR_IPV4,
	     spoken = ipv4 ? info->negotiated.ipv4 : info->negotiated.ipv6;
	const struct addr *next_hop = ipv4 ? &info->next_hop4 : &info->next_hop6;

	if (info->state != BGP_ESTABLISHED)
		return xasprintf("the session is not established but %s%s%s",
				 bgp_state_name(info->state), info->last_down[0] ? ": " : "",
				 info->last_down);
	if (!spoken)
		return xstrdup("the family is not spoken with this peer");
	if (item->state != ANNOUNCE_WITHDRAWN && next_hop->family == ADDR_NONE)
		return xstrdup("there is no address of this family on the session's interface to "
			       "be the next hop");
	if (item->state != ANNOUNCE_WITHDRAWN)
		return xstrdup(sent ? "it has been sent" : "it is about to be sent");
	return xstrdup(sent ? "the withdrawal is about to be sent"
			    : "it is not announced to anybody");
}

static json_t *peer_object(const struct lb_daemon *lb, const struct announcement *item, size_t peer)
{
	const struct bgp_only *only = &lb->conf->bgp.peers[peer].only;
	struct bgp_policy policy;
	struct bgp_peer_info info;
	bool sent = bgp_speaker_has_sent(lb->speaker, peer, &item->prefix, &policy);
	char *reason;
	json_t *json;

	bgp_speaker_peer_info(lb->speaker, peer, &info);
	reason = bgp_only_allows(only, &item->prefix) ? peer_reason(item, &info, sent)
						      : only_reason(item, sent);
	json = json_pack("{s:s, s:s, s:I, s:b, s:o, s:o}", "peer", info.name, "state",
			 bgp_state_name(info.state), "since_ns", (json_int_t)info.state_since.ns,
			 "sent", sent, "reason", lb_json_text(reason), "policy",
			 sent ? lb_json_policy(&policy) : json_null());
	free(reason);
	return json;
}

/* Peers that were told of a change, and when. */
static json_t *sent_array(const struct lb_daemon *lb, const struct timeline_entry *entry)
{
	json_t *sent = json_array();

	for (size_t i = 0; i < lb->conf->bgp.peer_count; i++)
		if (entry->sent[i].ns != 0)
			json_array_append_new(
				sent, json_pack("{s:s, s:I}", "peer", lb->conf->bgp.peers[i].name,
						"sent_ns", (json_int_t)entry->sent[i].ns));
	return sent;
}

static json_t *timeline_array(const struct lb_daemon *lb, const struct timeline *timeline)
{
	json_t *array = json_array();

	for (size_t i = 0; i < timeline->count; i++) {
		const struct timeline_entry *entry = &timeline->entries[i];

		json_array_append_new(
			array,
			json_pack("{s:s, s:o, s:I, s:I, s:o}", "state",
				  announce_state_name((enum announce_state)entry->state), "reason",
				  lb_json_text(entry->reason), "detected_ns",
				  (json_int_t)entry->detected.ns, "decided_ns",
				  (json_int_t)entry->decided.ns, "sent", sent_array(lb, entry)));
	}
	return array;
}

static json_t *explanation(const struct lb_daemon *lb, const struct prefix *asked,
			   const struct announcement *item)
{
	char reason[ANNOUNCE_REASON_SIZE];
	json_t *peers = json_array();

	announcement_reason(item, clock_now(), reason);
	for (size_t i = 0; i < lb->conf->bgp.peer_count; i++)
		json_array_append_new(peers, peer_object(lb, item, i));
	return json_pack("{s:o, s:o, s:s, s:I, s:o, s:o, s:o, s:o, s:o}", "asked",
			 lb_json_prefix(asked), "prefix", lb_json_prefix(&item->prefix), "state",
			 announce_state_name(item->state), "since_ns", (json_int_t)item->since.ns,
			 "reason", lb_json_text(reason), "hold_down", lb_api_hold_down(item),
			 "timeline", timeline_array(lb, &item->timeline), "vip",
			 item->vip ? lb_api_vip(lb, (size_t)(item->vip - lb->vips)) : json_null(),
			 "peers", peers);
}

int lb_api_explain(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct lb_daemon *lb = ctx;
	const char *text = http_query(req, "prefix");
	const struct announcement *item;
	struct prefix asked;

	if (!text || !prefix_parse(&asked, text))
		return http_problem(reply, 400, "prefix", "'%s' is not a prefix or an address",
				    text ? text : "");
	item = find_covering(&lb->announcer, &asked);
	if (!item)
		return http_problem(reply, 404, "prefix", "no prefix of ours covers %s", text);
	reply->json = explanation(lb, &asked, item);
	return 200;
}
