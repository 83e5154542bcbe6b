/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/event.h"

#include <stdio.h>
#include <stdlib.h>

#include "lb/api/json.h"
#include "lb/reload.h"
#include "lib/log.h"
#include "lib/version.h"

void lb_event_started(struct event_log *log, struct instant now, const char *pop)
{
	log_info("pop %s: catchment-lb %s started", pop, version_text());
	event_log_add(log, now, "started",
		      json_pack("{s:s, s:s}", "pop", pop, "version", version_text()));
}

void lb_event_stopping(struct event_log *log, struct instant now)
{
	log_info("stopping");
	event_log_add(log, now, "stopping", NULL);
}

void lb_event_drain(struct event_log *log, struct instant now, const struct drain *drain)
{
	switch (drain->phase) {
	case DRAIN_NONE:
		log_info("the draining is undone");
		event_log_add(log, now, "drain_undone", NULL);
		break;
	case DRAIN_DEPREFERRED:
		log_info("draining for %u ms at most", drain->deadline_ms);
		event_log_add(log, now, "drain_begin",
			      json_pack("{s:I}", "deadline_ms", (json_int_t)drain->deadline_ms));
		break;
	case DRAIN_WITHDRAWN:
		log_info("drained as far as others listen: %s",
			 drain->late ? "the deadline has come" : "nobody new comes any more");
		event_log_add(log, now, "drain_withdrawn", json_pack("{s:b}", "late", drain->late));
		break;
	case DRAIN_DRAINED:
		log_info("drained: nothing comes any more");
		event_log_add(log, now, "drain_end", NULL);
		break;
	}
}

void lb_event_check(struct event_log *log, struct instant now, const struct lb_origin *origin)
{
	bool up = origin->state == HEALTH_UP;

	log_info("origin %s: %s%s%s", origin->conf->name, health_name(origin->state),
		 origin->reason[0] ? ": " : "", origin->reason);
	event_log_add(log, now, up ? "check_up" : "check_down",
		      json_pack("{s:s, s:s, s:o}", "origin", origin->conf->name, "check",
				origin->conf->check_name, "reason", lb_json_text(origin->reason)));
}

void lb_event_origin_found(struct event_log *log, struct instant now,
			   const struct lb_origin *origin, const char *mac)
{
	log_info("origin %s: is at %s", origin->conf->name, mac);
	event_log_add(log, now, "origin_found",
		      json_pack("{s:s, s:s}", "origin", origin->conf->name, "mac", mac));
}

void lb_event_origin_lost(struct event_log *log, struct instant now, const struct lb_origin *origin)
{
	log_warn("origin %s: gets no packets: %s", origin->conf->name, origin->obstacle);
	event_log_add(
		log, now, "origin_lost",
		json_pack("{s:s, s:s}", "origin", origin->conf->name, "reason", origin->obstacle));
}

void lb_event_share(struct event_log *log, struct instant now, const char *vip, const char *origin,
		    const struct vip_share *share)
{
	log_info("vip %s: origin %s has weight %u%s", vip, origin, (unsigned)share->weight,
		 share->drain ? " and drains" : "");
	event_log_add(log, now, "origin_share",
		      json_pack("{s:s, s:s, s:I, s:b}", "vip", vip, "origin", origin, "weight",
				(json_int_t)share->weight, "drain", share->drain));
}

void lb_event_vip(struct event_log *log, struct instant now, const struct vip *vip)
{
	bool up = vip->state == HEALTH_UP;

	log_info("vip %s: %s: %s", vip->conf->name, health_name(vip->state), vip->reason);
	event_log_add(log, now, up ? "vip_up" : "vip_down",
		      json_pack("{s:s, s:o}", "vip", vip->conf->name, "reason",
				lb_json_text(vip->reason)));
}

void lb_event_announcement(struct event_log *log, const struct announcement *item)
{
	const char *state = announce_state_name(item->state);
	char prefix[PREFIX_TEXT_SIZE], reason[ANNOUNCE_REASON_SIZE];

	prefix_format(&item->prefix, prefix);
	announcement_reason(item, item->since, reason);
	log_info("prefix %s: %s: %s", prefix, state, reason);
	event_log_add(log, item->since, state,
		      json_pack("{s:s, s:s?, s:o, s:I}", "prefix", prefix, "vip",
				item->vip ? item->vip->conf->name : NULL, "reason",
				lb_json_text(reason), "detected_ns",
				(json_int_t)item->detected.ns));
}

void lb_event_sent(struct event_log *log, struct instant at, const char *peer,
		   const struct prefix *prefix, bool announced, const struct timeline_entry *change)
{
	const char *action = announced ? "announce" : "withdraw";
	char text[PREFIX_TEXT_SIZE];

	prefix_format(prefix, text);
	log_debug("peer %s: sent %s %s", peer, action, text);
	event_log_add(log, at, "sent",
		      json_pack("{s:s, s:s, s:s, s:o, s:o}", "peer", peer, "prefix", text, "action",
				action, "detected_ns",
				change ? lb_json_instant(change->detected) : json_null(),
				"decided_ns",
				change ? lb_json_instant(change->decided) : json_null()));
}

void lb_event_peer(struct event_log *log, struct instant now, const char *peer, bool up,
		   const char *reason)
{
	log_info("peer %s: %s: %s", peer, up ? "up" : "down", reason);
	event_log_add(log, now, up ? "peer_up" : "peer_down",
		      json_pack("{s:s, s:o}", "peer", peer, "reason", lb_json_text(reason)));
}

void lb_event_bfd(struct event_log *log, const char *peer, const struct bfd_change *change)
{
	double silent_ms = (double)change->silent_ns / NS_PER_MS;
	double detection_ms = (double)change->detection_time / 1000;

	if (change->state == BFD_UP) {
		log_info("bfd %s: up", peer);
		event_log_add(log, change->at, "bfd_up", json_pack("{s:s}", "peer", peer));
	} else if (change->was == BFD_UP) {
		log_info("bfd %s: down: %s, silent for %.1f ms of %.1f", peer,
			 bfd_diag_name(change->local_diag), silent_ms, detection_ms);
		event_log_add(log, change->at, "bfd_down",
			      json_pack("{s:s, s:s, s:s, s:s, s:f, s:f}", "peer", peer,
					"diagnostic", bfd_diag_name(change->local_diag),
					"remote_diagnostic", bfd_diag_name(change->remote_diag),
					"remote_state", bfd_state_name(change->remote_state),
					"silent_ms", silent_ms, "detection_time_ms", detection_ms));
	}
}

void lb_event_mesh_up(struct event_log *log, const struct mesh_pop *pop)
{
	json_int_t rtt_us = pop->peer.round_trip_ns / NS_PER_US;

	log_info("mesh %s: live, round trip %.1f ms", pop->name, (double)rtt_us / 1000);
	event_log_add(log, pop->peer.since, "mesh_up",
		      json_pack("{s:s, s:I}", "pop", pop->name, "rtt_us", rtt_us));
}

void lb_event_mesh_down(struct event_log *log, const struct mesh_pop *pop,
			const struct mesh_change *change)
{
	double silent_ms = (double)change->silent_ns / NS_PER_MS;

	log_info("mesh %s: %s: %s, last heard %.1f ms ago", pop->name,
		 mesh_state_name(change->state), change->reason, silent_ms);
	event_log_add(log, pop->peer.since, "mesh_down",
		      json_pack("{s:s, s:s, s:s, s:f}", "pop", pop->name, "state",
				mesh_state_name(change->state), "reason", change->reason,
				"silent_ms", silent_ms));
}

void lb_event_default_route(struct event_log *log, struct instant now, const char *peer,
			    enum addr_family family, const struct addr *next_hop)
{
	const char *name = family == ADDR_IPV4 ? "ipv4" : "ipv6";
	char text[ADDR_TEXT_SIZE];

	if (next_hop)
		addr_format(next_hop, text);
	log_info("peer %s: %s default route %s%s", peer, name, next_hop ? "via " : "gone",
		 next_hop ? text : "");
	event_log_add(log, now, "default_route",
		      json_pack("{s:s, s:s, s:s?}", "peer", peer, "family", name, "next_hop",
				next_hop ? text : NULL));
}

void lb_event_presence(struct event_log *log, struct instant now, const char *vip,
		       const char *state)
{
	char kind[32];

	snprintf(kind, sizeof(kind), "vip_%s", state);
	log_debug("vip %s: addresses %s", vip, state);
	event_log_add(log, now, kind, json_pack("{s:s}", "vip", vip));
}

void lb_event_reloaded(struct event_log *log, struct instant now, const json_t *changes)
{
	char *text = lb_diff_text(changes);

	log_info("reloaded: %s", text);
	free(text);
	event_log_add(log, now, "reloaded", json_pack("{s:o}", "changes", json_deep_copy(changes)));
}

void lb_event_reload_refused(struct event_log *log, struct instant now, const char *path,
			     const char *reason)
{
	log_error("%s: not reloaded, all stays as it is: %s", path, reason);
	event_log_add(log, now, "reload_refused",
		      json_pack("{s:o}", "reason", lb_json_text(reason)));
}
