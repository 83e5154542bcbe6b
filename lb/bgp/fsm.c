/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/fsm.h"

#define HOLD_TIME_INITIAL 240			   /* in OpenSent; RFC 4271, section 10 */
#define SEND_HOLD_MIN	  INT64_C(480)		   /* seconds; RFC 9687, section 4.4 */
#define LASTED		  (INT64_C(60) * NS_PER_S) /* a session that held so long is no failure */

static const struct bgp_actions nothing;

static void disarm(struct bgp_fsm *fsm)
{
	fsm->idle_hold = fsm->connect_retry = fsm->hold = fsm->keepalive = fsm->send_hold =
		INSTANT_NEVER;
}

void bgp_fsm_init(struct bgp_fsm *fsm, const struct bgp_fsm_conf *conf)
{
	*fsm = (struct bgp_fsm){ .conf = *conf, .state = BGP_IDLE, .random = conf->seed | 1 };
	disarm(fsm);
}

struct instant bgp_fsm_deadline(const struct bgp_fsm *fsm)
{
	struct instant t = instant_min(fsm->idle_hold, fsm->connect_retry);

	t = instant_min(t, instant_min(fsm->hold, fsm->keepalive));
	return instant_min(t, fsm->send_hold);
}

bool bgp_fsm_is_started(const struct bgp_fsm *fsm)
{
	return fsm->state != BGP_IDLE || fsm->idle_hold.ns != INSTANT_NEVER.ns;
}

/* RFC 4271, section 10: three quarters to the whole of the time. */
static struct instant after_jittered(struct bgp_fsm *fsm, struct instant now, int64_t ns)
{
	fsm->random ^= fsm->random << 13;
	fsm->random ^= fsm->random >> 17;
	fsm->random ^= fsm->random << 5;
	return instant_after_ns(now, ns / 1024 * (768 + fsm->random % 257));
}

/* 1, 2, 4 ... seconds, at most connect_retry. */
static struct instant idle_hold(struct bgp_fsm *fsm, struct instant now)
{
	int64_t seconds = INT64_C(1) << (fsm->failures < 16 ? fsm->failures : 16);

	if (seconds > fsm->conf.connect_retry)
		seconds = fsm->conf.connect_retry;
	return after_jittered(fsm, now, seconds * NS_PER_S);
}

/* Fall back to Idle, telling the peer why when there is a reason to give. */
static struct bgp_actions go_idle(struct bgp_fsm *fsm, struct instant now,
				  const struct bgp_error *why, const char *reason)
{
	struct bgp_actions act = { .set = BGP_TCP_CLOSE, .reason = reason };

	if (why && why->code != BGP_ERR_NONE) {
		act.notification = *why;
		act.set |= BGP_SEND_NOTIFICATION;
	}
	if (fsm->state == BGP_ESTABLISHED) {
		act.set |= BGP_SESSION_DOWN;
		if (now.ns - fsm->established_at.ns >= LASTED)
			fsm->failures = 0;
	}
	fsm->state = BGP_IDLE;
	fsm->hold_time = fsm->keepalive_time = 0;
	disarm(fsm);
	fsm->idle_hold = idle_hold(fsm, now);
	fsm->failures++;
	return act;
}

static struct bgp_actions go_open_sent(struct bgp_fsm *fsm, struct instant now)
{
	disarm(fsm);
	fsm->state = BGP_OPEN_SENT;
	fsm->hold = instant_after_s(now, HOLD_TIME_INITIAL);
	return (struct bgp_actions){ .set = BGP_SEND_OPEN };
}

static void restart_connect_retry(struct bgp_fsm *fsm, struct instant now)
{
	fsm->connect_retry = after_jittered(fsm, now, fsm->conf.connect_retry * NS_PER_S);
}

static struct bgp_actions go_connect(struct bgp_fsm *fsm, struct instant now, unsigned before)
{
	disarm(fsm);
	fsm->state = BGP_CONNECT;
	restart_connect_retry(fsm, now);
	return (struct bgp_actions){ .set = before | BGP_TCP_CONNECT,
				     .reason = before ? "connection attempt timed out" : NULL };
}

static struct bgp_actions leave_idle(struct bgp_fsm *fsm, struct instant now)
{
	if (fsm->conf.dials)
		return go_connect(fsm, now, 0);
	disarm(fsm);
	fsm->state = BGP_ACTIVE;
	return nothing;
}

static struct bgp_actions idle(struct bgp_fsm *fsm, const struct bgp_event *ev)
{
	bool started = bgp_fsm_is_started(fsm);

	if (ev->type == BGP_EVENT_START && !started)
		return leave_idle(fsm, ev->now);
	if (ev->type == BGP_EVENT_TICK && instant_reached(fsm->idle_hold, ev->now))
		return leave_idle(fsm, ev->now);
	if (ev->type == BGP_EVENT_TCP_UP && started && !fsm->conf.dials)
		return go_open_sent(fsm, ev->now);
	return nothing;
}

/* Connect and Active: no connection, or none yet. */
static struct bgp_actions connecting(struct bgp_fsm *fsm, const struct bgp_event *ev)
{
	if (ev->type == BGP_EVENT_TCP_UP)
		return go_open_sent(fsm, ev->now);
	if (ev->type == BGP_EVENT_TCP_DOWN && fsm->state == BGP_CONNECT) {
		fsm->state = BGP_ACTIVE;
		restart_connect_retry(fsm, ev->now);
		return (struct bgp_actions){ .set = BGP_TCP_CLOSE, .reason = "cannot connect" };
	}
	if (ev->type == BGP_EVENT_TICK && instant_reached(fsm->connect_retry, ev->now))
		return go_connect(fsm, ev->now, fsm->state == BGP_CONNECT ? BGP_TCP_CLOSE : 0);
	return nothing;
}

static void restart_hold(struct bgp_fsm *fsm, struct instant now)
{
	fsm->hold = fsm->hold_time ? instant_after_s(now, fsm->hold_time) : INSTANT_NEVER;
}

static void restart_keepalive(struct bgp_fsm *fsm, struct instant now)
{
	fsm->keepalive = fsm->hold_time ? after_jittered(fsm, now, fsm->hold_time * NS_PER_S / 3)
					: INSTANT_NEVER;
}

/* RFC 6608: the subcode names the state, the data the type of the message. */
static struct bgp_actions unexpected(struct bgp_fsm *fsm, const struct bgp_event *ev)
{
	uint8_t subcode = (uint8_t)(fsm->state - BGP_OPEN_SENT + BGP_FSM_IN_OPEN_SENT);
	uint8_t type = ev->type == BGP_EVENT_OPEN	 ? BGP_MSG_OPEN
		       : ev->type == BGP_EVENT_UPDATE	 ? BGP_MSG_UPDATE
		       : ev->type == BGP_EVENT_KEEPALIVE ? BGP_MSG_KEEPALIVE
							 : BGP_MSG_ROUTE_REFRESH;
	struct bgp_error err = bgp_error_make(BGP_ERR_FSM, subcode, &type, 1);

	return go_idle(fsm, ev->now, &err, "unexpected message");
}

static struct bgp_actions open_sent(struct bgp_fsm *fsm, const struct bgp_event *ev)
{
	if (ev->type != BGP_EVENT_OPEN)
		return unexpected(fsm, ev);
	fsm->hold_time = ev->hold_time < fsm->conf.hold_time ? ev->hold_time : fsm->conf.hold_time;
	fsm->keepalive_time = fsm->hold_time / 3;
	fsm->state = BGP_OPEN_CONFIRM;
	restart_hold(fsm, ev->now);
	restart_keepalive(fsm, ev->now);
	return (struct bgp_actions){ .set = BGP_SEND_KEEPALIVE };
}

static struct bgp_actions open_confirm(struct bgp_fsm *fsm, const struct bgp_event *ev)
{
	if (ev->type != BGP_EVENT_KEEPALIVE)
		return unexpected(fsm, ev);
	fsm->state = BGP_ESTABLISHED;
	fsm->established_at = ev->now;
	restart_hold(fsm, ev->now);
	return (struct bgp_actions){ .set = BGP_SESSION_UP };
}

static struct bgp_actions established(struct bgp_fsm *fsm, const struct bgp_event *ev)
{
	if (ev->type == BGP_EVENT_OPEN)
		return unexpected(fsm, ev);
	restart_hold(fsm, ev->now);
	return nothing;
}

static struct bgp_actions connected_tick(struct bgp_fsm *fsm, struct instant now)
{
	struct bgp_error err;

	if (instant_reached(fsm->hold, now)) {
		err = bgp_error_make(BGP_ERR_HOLD_TIMER, 0, NULL, 0);
		return go_idle(fsm, now, &err, "hold timer expired");
	}
	if (instant_reached(fsm->send_hold, now)) {
		err = bgp_error_make(BGP_ERR_SEND_HOLD_TIMER, 0, NULL, 0);
		return go_idle(fsm, now, &err, "send hold timer expired");
	}
	if (!instant_reached(fsm->keepalive, now))
		return nothing;
	restart_keepalive(fsm, now);
	return (struct bgp_actions){ .set = BGP_SEND_KEEPALIVE };
}

static void write_blocked(struct bgp_fsm *fsm, struct instant now)
{
	int64_t seconds = 2 * (int64_t)fsm->hold_time;

	if (fsm->hold_time == 0 || fsm->send_hold.ns != INSTANT_NEVER.ns)
		return;
	fsm->send_hold = instant_after_s(now, seconds > SEND_HOLD_MIN ? seconds : SEND_HOLD_MIN);
}

/* The events that mean the same in every state with a connection. */
static bool common(struct bgp_fsm *fsm, const struct bgp_event *ev, struct bgp_actions *act)
{
	struct bgp_error collision = bgp_error_cease(BGP_CEASE_COLLISION, NULL);
	struct bgp_error bfd_down = bgp_error_cease(BGP_CEASE_BFD_DOWN, NULL);

	*act = nothing;
	switch (ev->type) {
	case BGP_EVENT_START:
	case BGP_EVENT_TCP_UP: /* a shell with two connections for one machine: not ours */
		return true;
	case BGP_EVENT_TCP_DOWN:
		*act = go_idle(fsm, ev->now, NULL, "connection closed");
		return true;
	case BGP_EVENT_NOTIFICATION:
		*act = go_idle(fsm, ev->now, NULL, "notification received");
		return true;
	case BGP_EVENT_BAD_MESSAGE:
		*act = go_idle(fsm, ev->now, &ev->error, "bad message");
		return true;
	case BGP_EVENT_STOP:
		*act = go_idle(fsm, ev->now, &ev->error, "stopped");
		return true;
	case BGP_EVENT_COLLISION:
		*act = go_idle(fsm, ev->now, &collision, "connection collision");
		fsm->failures--; /* nothing has failed */
		return true;
	case BGP_EVENT_BFD_DOWN:
		*act = go_idle(fsm, ev->now, &bfd_down, "BFD session down");
		return true;
	case BGP_EVENT_TICK:
		*act = connected_tick(fsm, ev->now);
		return true;
	case BGP_EVENT_WRITE_BLOCKED:
		write_blocked(fsm, ev->now);
		return true;
	case BGP_EVENT_WRITE_DONE:
		fsm->send_hold = INSTANT_NEVER;
		return true;
	case BGP_EVENT_OPEN:
	case BGP_EVENT_KEEPALIVE:
	case BGP_EVENT_UPDATE:
	case BGP_EVENT_ROUTE_REFRESH:
		break;
	}
	return false;
}

/* No connection yet: close what is being dialled and wait, or for STOP, stay. */
static struct bgp_actions give_up(struct bgp_fsm *fsm, const struct bgp_event *ev)
{
	bool dialling = fsm->state == BGP_CONNECT;

	if (ev->type == BGP_EVENT_COLLISION && (fsm->state == BGP_IDLE || !fsm->conf.dials))
		return nothing;
	fsm->state = BGP_IDLE;
	disarm(fsm);
	if (ev->type == BGP_EVENT_COLLISION)
		fsm->idle_hold = instant_after_s(ev->now, 1);
	return (struct bgp_actions){ .set = dialling ? BGP_TCP_CLOSE : 0,
				     .reason = dialling ? "not needed" : NULL };
}

static struct bgp_actions step(struct bgp_fsm *fsm, const struct bgp_event *ev)
{
	struct bgp_actions act;

	if (fsm->state >= BGP_OPEN_SENT && common(fsm, ev, &act))
		return act;
	if (fsm->state < BGP_OPEN_SENT &&
	    (ev->type == BGP_EVENT_STOP || ev->type == BGP_EVENT_COLLISION))
		return give_up(fsm, ev);
	switch (fsm->state) {
	case BGP_IDLE:
		return idle(fsm, ev);
	case BGP_CONNECT:
	case BGP_ACTIVE:
		return connecting(fsm, ev);
	case BGP_OPEN_SENT:
		return open_sent(fsm, ev);
	case BGP_OPEN_CONFIRM:
		return open_confirm(fsm, ev);
	case BGP_ESTABLISHED:
		return established(fsm, ev);
	}
	__builtin_unreachable();
}

struct bgp_actions bgp_fsm_step(struct bgp_fsm *fsm, const struct bgp_event *ev)
{
	struct bgp_actions act = step(fsm, ev);

	/* Stopped means stopped: nothing may start it again but START. */
	if (ev->type == BGP_EVENT_STOP) {
		disarm(fsm);
		fsm->failures = 0;
	}
	return act;
}
