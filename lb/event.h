/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * event.h - the kinds of events of catchment-lb, one function each.
 *
 * Each adds one event to the log that /v1/events serves and writes one line to
 * standard error. The names of kinds and fields are an interface: the lab
 * splits a failure into its causes by them (docs/api/lb.yaml).
 */
#ifndef LB_EVENT_H
#define LB_EVENT_H

#include "lb/announce/announce.h"
#include "lb/bfd/bfd.h"
#include "lb/drain.h"
#include "lb/mesh/core.h"
#include "lib/event_log.h"

void lb_event_started(struct event_log *log, struct instant now, const char *pop);
void lb_event_stopping(struct event_log *log, struct instant now);
/* drain_begin {deadline_ms}, drain_withdrawn {late}, drain_end, drain_undone: its phase now */
void lb_event_drain(struct event_log *log, struct instant now, const struct drain *drain);
/* check_up, check_down {origin, check, reason} */
void lb_event_check(struct event_log *log, struct instant now, const struct lb_origin *origin);
/* origin_found {origin, mac} */
void lb_event_origin_found(struct event_log *log, struct instant now,
			   const struct lb_origin *origin, const char *mac);
/* origin_lost {origin, reason}: packets cannot be brought to it */
void lb_event_origin_lost(struct event_log *log, struct instant now,
			  const struct lb_origin *origin);
/* origin_share {vip, origin, weight, drain}: it has been told so */
void lb_event_share(struct event_log *log, struct instant now, const char *vip, const char *origin,
		    const struct vip_share *share);
/* vip_up, vip_down {vip, reason} */
void lb_event_vip(struct event_log *log, struct instant now, const struct vip *vip);
/*
 * announced, de-preferred, withdrawn {prefix, vip, reason, detected_ns}; vip null: the identity's;
 * t_ns is when it was decided, detected_ns when that was seen which led to it
 */
void lb_event_announcement(struct event_log *log, const struct announcement *item);
/*
 * sent {peer, prefix, action, detected_ns, decided_ns}; action: "announce" or "withdraw"; the other
 * two are those of the change that is told, null (NULL) when that was long ago
 */
void lb_event_sent(struct event_log *log, struct instant at, const char *peer,
		   const struct prefix *prefix, bool announced,
		   const struct timeline_entry *change);
/* peer_up, peer_down {peer, reason} */
void lb_event_peer(struct event_log *log, struct instant now, const char *peer, bool up,
		   const char *reason);
/*
 * bfd_up {peer}, bfd_down {peer, diagnostic, remote_diagnostic, remote_state, silent_ms,
 * detection_time_ms}; t_ns is when the BFD thread saw it
 */
void lb_event_bfd(struct event_log *log, const char *peer, const struct bfd_change *change);
/* mesh_up {pop, rtt_us}; of both t_ns is when it was seen */
void lb_event_mesh_up(struct event_log *log, const struct mesh_pop *pop);
/* mesh_down {pop, state, reason, silent_ms}: it is not live any more, or not back in time */
void lb_event_mesh_down(struct event_log *log, const struct mesh_pop *pop,
			const struct mesh_change *change);
/* default_route {peer, family, next_hop}; next_hop null: gone */
void lb_event_default_route(struct event_log *log, struct instant now, const char *peer,
			    enum addr_family family, const struct addr *next_hop);
/* vip_present, vip_lingering, vip_absent {vip}: its addresses on this machine */
void lb_event_presence(struct event_log *log, struct instant now, const char *vip,
		       const char *state);
/* reloaded {changes}, as POST /v1/reload answers it; reload_refused {reason} */
void lb_event_reloaded(struct event_log *log, struct instant now, const json_t *changes);
void lb_event_reload_refused(struct event_log *log, struct instant now, const char *path,
			     const char *reason);

#endif
