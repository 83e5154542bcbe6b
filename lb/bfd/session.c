/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bfd/session.h"

#include <string.h>

static const struct bfd_step nothing;

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t next_random(struct bfd_session *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 17;
	s->random ^= s->random << 5;
	return s->random;
}

uint32_t bfd_session_tx_interval(const struct bfd_session *s)
{
	return larger(s->tx_in_force, s->remote_min_rx);
}

/* 6.8.4, asynchronous mode: their multiplier, and the slower of what both agreed to. */
uint64_t bfd_session_detection_time(const struct bfd_session *s)
{
	return (uint64_t)s->remote_detect_mult * larger(s->rx_in_force, s->remote_desired_min_tx);
}

static struct instant after_us(struct instant t, uint64_t us)
{
	return instant_after_ns(t, (int64_t)us * NS_PER_US);
}

/* 6.8.7: up to a quarter less; with Detect Mult 1 at least a tenth less. */
static void roll_jitter(struct bfd_session *s)
{
	uint32_t most = s->conf.detect_mult == 1 ? 900 : 1000;

	s->jitter = 750 + next_random(s) % (most - 750 + 1);
}

/* May anything be sent at all. */
static bool is_mute(const struct bfd_session *s)
{
	return s->conf.passive && s->remote_discr == 0;
}

/* 6.8.7: whether packets go out by themselves. */
static bool is_periodic(const struct bfd_session *s)
{
	bool demanded =
		s->remote_demand && s->session_state == BFD_UP && s->remote_session_state == BFD_UP;

	return !is_mute(s) && s->remote_min_rx != 0 && (!demanded || s->polling);
}

/*
 * After each packet sent, and after a change of whatever the interval depends on: that counts from
 * the last packet, not from the change (6.8.3). Where that time is past already the packet is due
 * now, or since it was before: nobody could have sent it earlier, so it is not late.
 */
static void plan_transmit(struct bfd_session *s, struct instant now)
{
	uint64_t us = (uint64_t)bfd_session_tx_interval(s) * s->jitter / 1000;
	struct instant known = instant_min(s->transmit, now), due;

	if (!is_periodic(s)) {
		s->transmit = INSTANT_NEVER;
	} else if (s->last_sent.ns == INSTANT_NEVER.ns) {
		s->transmit = now;
	} else {
		due = after_us(s->last_sent, us);
		s->transmit = due.ns > known.ns ? due : known;
	}
}

static void begin_poll(struct bfd_session *s)
{
	s->poll_again = s->polling;
	s->polling = true;
}

/* 6.8.3: what is sent changes at once, what is in force perhaps when the peer knows of it. */
static void set_intervals(struct bfd_session *s, uint32_t tx, uint32_t rx, struct instant now)
{
	bool up = s->session_state == BFD_UP;

	if (!up)
		tx = larger(tx, BFD_SLOW_TX_US);
	if (tx == s->desired_min_tx && rx == s->required_min_rx)
		return;
	s->desired_min_tx = tx;
	s->required_min_rx = rx;
	if (!up || tx < s->tx_in_force)
		s->tx_in_force = tx;
	if (!up || rx > s->rx_in_force)
		s->rx_in_force = rx;
	/* Before the first word there is nobody who could know otherwise. */
	if (s->remote_discr != 0)
		begin_poll(s);
	plan_transmit(s, now);
}

static void end_poll(struct bfd_session *s, struct instant now)
{
	s->polling = false;
	if (s->poll_again) {
		s->poll_again = false;
		s->polling = true;
		return;
	}
	s->tx_in_force = s->desired_min_tx;
	s->rx_in_force = s->required_min_rx;
	plan_transmit(s, now);
}

static struct bfd_step enter(struct bfd_session *s, enum bfd_state state, uint8_t diag,
			     struct instant now)
{
	struct bfd_step step = { .send = true, .changed = true, .was = s->session_state };

	s->session_state = state;
	s->local_diag = diag;
	set_intervals(s, s->conf.desired_min_tx, s->conf.required_min_rx, now);
	return step;
}

void bfd_session_init(struct bfd_session *s, const struct bfd_session_conf *conf,
		      uint32_t discriminator, uint32_t seed, struct instant now)
{
	*s = (struct bfd_session){
		.conf = *conf,
		.random = seed | 1,
		.session_state = BFD_DOWN,
		.remote_session_state = BFD_DOWN,
		.local_discr = discriminator,
		.desired_min_tx = larger(conf->desired_min_tx, BFD_SLOW_TX_US),
		.required_min_rx = conf->required_min_rx,
		.remote_min_rx = 1,
		.last_sent = INSTANT_NEVER,
		.transmit = INSTANT_NEVER,
		.detect = INSTANT_NEVER,
		.forget = INSTANT_NEVER,
	};
	s->tx_in_force = s->desired_min_tx;
	s->rx_in_force = s->required_min_rx;
	bfd_auth_init(&s->auth, &conf->auth, next_random(s));
	roll_jitter(s);
	plan_transmit(s, now);
}

/* The state machine of 6.8.6; in AdminDown nothing leads out. */
static struct bfd_step follow(struct bfd_session *s, enum bfd_state remote, struct instant now)
{
	switch (s->session_state) {
	case BFD_ADMIN_DOWN:
		break;
	case BFD_DOWN:
		if (remote == BFD_DOWN)
			return enter(s, BFD_INIT, BFD_DIAG_NONE, now);
		if (remote == BFD_INIT)
			return enter(s, BFD_UP, BFD_DIAG_NONE, now);
		break;
	case BFD_INIT:
		if (remote == BFD_INIT || remote == BFD_UP)
			return enter(s, BFD_UP, BFD_DIAG_NONE, now);
		if (remote == BFD_ADMIN_DOWN)
			return enter(s, BFD_DOWN, BFD_DIAG_NEIGHBOR_DOWN, now);
		break;
	case BFD_UP:
		if (remote == BFD_DOWN || remote == BFD_ADMIN_DOWN)
			return enter(s, BFD_DOWN, BFD_DIAG_NEIGHBOR_DOWN, now);
		break;
	}
	return nothing;
}

static void note_remote(struct bfd_session *s, const struct bfd_packet *packet)
{
	s->remote_discr = packet->my_discriminator;
	s->remote_session_state = packet->state;
	s->remote_diag = packet->diag;
	s->remote_demand = packet->demand;
	s->remote_cpi = packet->control_plane_independent;
	s->remote_min_rx = packet->required_min_rx;
	s->remote_desired_min_tx = packet->desired_min_tx;
	s->remote_detect_mult = packet->detect_mult;
}

static void heard(struct bfd_session *s, struct instant now)
{
	uint64_t us = bfd_session_detection_time(s);

	s->detect = after_us(now, us);
	s->forget = after_us(now, 2 * us);
}

struct bfd_step bfd_session_receive(struct bfd_session *s, const struct bfd_packet *packet,
				    const uint8_t *buf, size_t len, struct instant now,
				    enum bfd_discard *why)
{
	struct bfd_step step;

	*why = bfd_auth_check(&s->auth, packet, buf, len);
	if (*why != BFD_ACCEPTED)
		return nothing;
	note_remote(s, packet);
	if (packet->final && s->polling)
		end_poll(s, now);
	plan_transmit(s, now);
	if (s->session_state == BFD_ADMIN_DOWN) {
		s->forget = after_us(now, 2 * bfd_session_detection_time(s));
		*why = BFD_IS_ADMIN_DOWN;
		return nothing;
	}
	step = follow(s, packet->state, now);
	/* The state decides on what is in force, and so on how long the peer may be silent. */
	heard(s, now);
	plan_transmit(s, now);
	if (packet->poll) {
		step.send = true;
		step.final = true;
	}
	return step;
}

/* 6.8.4 and 6.8.1: who has been silent for so long is no longer known. */
static struct bfd_step detect(struct bfd_session *s, struct instant now)
{
	s->detect = INSTANT_NEVER;
	s->remote_discr = 0;
	s->remote_demand = false;
	/* Nobody is there to end it. */
	s->polling = s->poll_again = false;
	s->tx_in_force = s->desired_min_tx;
	s->rx_in_force = s->required_min_rx;
	/* With nothing heard there is no least interval but the slow one (6.8.1: initially 1). */
	s->remote_min_rx = 1;
	plan_transmit(s, now);
	if (s->session_state != BFD_INIT && s->session_state != BFD_UP)
		return nothing;
	return enter(s, BFD_DOWN, BFD_DIAG_DETECTION_TIME_EXPIRED, now);
}

struct bfd_step bfd_session_tick(struct bfd_session *s, struct instant now)
{
	struct bfd_step step = nothing;

	if (instant_reached(s->detect, now))
		step = detect(s, now);
	if (instant_reached(s->forget, now)) {
		s->forget = INSTANT_NEVER;
		bfd_auth_forget(&s->auth);
	}
	step.send |= instant_reached(s->transmit, now);
	return step;
}

struct instant bfd_session_deadline(const struct bfd_session *s)
{
	return instant_min(instant_min(s->transmit, s->detect), s->forget);
}

struct bfd_step bfd_session_set_admin_down(struct bfd_session *s, bool down, struct instant now)
{
	if (down == (s->session_state == BFD_ADMIN_DOWN))
		return nothing;
	if (!down)
		return enter(s, BFD_DOWN, BFD_DIAG_NONE, now);
	/* Whether the peer lives is no longer our question. */
	s->detect = INSTANT_NEVER;
	return enter(s, BFD_ADMIN_DOWN, BFD_DIAG_ADMIN_DOWN, now);
}

struct bfd_step bfd_session_set_timers(struct bfd_session *s, const struct bfd_session_conf *conf,
				       struct instant now)
{
	bool other = conf->detect_mult != s->conf.detect_mult;

	s->conf.desired_min_tx = conf->desired_min_tx;
	s->conf.required_min_rx = conf->required_min_rx;
	s->conf.detect_mult = conf->detect_mult;
	set_intervals(s, conf->desired_min_tx, conf->required_min_rx, now);
	/* A packet that says something new goes out at once (6.8.7). */
	return (struct bfd_step){ .send = other || s->polling };
}

size_t bfd_session_packet(struct bfd_session *s, bool final, uint8_t *buf, size_t size,
			  struct instant now)
{
	const struct bfd_packet packet = {
		.diag = s->local_diag,
		.state = s->session_state,
		.poll = s->polling && !final, /* never both (6.5) */
		.final = final,
		.detect_mult = s->conf.detect_mult,
		.my_discriminator = s->local_discr,
		.your_discriminator = s->remote_discr,
		.desired_min_tx = s->desired_min_tx,
		.required_min_rx = s->required_min_rx,
	};

	if (is_mute(s))
		return 0;
	if (!final) {
		s->last_sent = now;
		roll_jitter(s);
		plan_transmit(s, now);
	}
	return bfd_auth_encode(&s->auth, &packet, buf, size);
}
