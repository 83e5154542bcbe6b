/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between front, which sees packets, and the owner, which judges them. */
#include "lb/continuity_state.h"
#include "lb/dataplane/front.h"
#include "lb/rack.h"

/* ---- what the machine wants done ---- */

void lb_continuity_arm(struct lb_continuity *c)
{
	const struct instant now = clock_now(), deadline = owner_deadline(c->owner);

	ev_timer_stop(c->lb->loop, &c->step);
	if (deadline.ns == INSTANT_NEVER.ns)
		return;
	ev_now_update(c->lb->loop);
	ev_timer_set(&c->step, instant_wait_s(deadline, now), 0);
	ev_timer_start(c->lb->loop, &c->step);
}

void lb_continuity_on_step(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct lb_continuity *c = timer->data;

	(void)loop;
	(void)revents;
	owner_step(c->owner, clock_now());
	lb_continuity_arm(c);
}

static void ask(void *ctx, unsigned pop, uint64_t id, const struct flow_key *key)
{
	struct lb_continuity *c = ctx;

	mesh_ask(c->lb->mesh, pop, id, (const uint8_t *)key);
}

static void release(void *ctx, unsigned pop, const struct owner_packet *packet)
{
	lb_continuity_hand_over(ctx, pop, packet->bytes, packet->len);
}

static void learn(void *ctx, const struct flow_key *key, unsigned pop, uint32_t ttl_ms)
{
	struct lb_continuity *c = ctx;

	(void)ttl_ms; /* front's own, which are no longer */
	if (pop == OWNER_NOWHERE)
		front_flow_refuse(c->front, key);
	else
		front_flow_learn(c->front, key, pop);
}

static void reset(void *ctx, const struct owner_packet *packet)
{
	lb_continuity_reset(ctx, packet);
}

static void hint(void *ctx, const struct flow_key *key, uint64_t *bits)
{
	struct lb_continuity *c = ctx;
	const struct mesh_core *core = c->lb->mesh ? mesh_core(c->lb->mesh) : NULL;

	for (size_t slot = 0; core && slot < core->slot_count; slot++)
		if (mesh_core_may_know(core, slot, key->client))
			bits[slot / 64] |= UINT64_C(1) << slot % 64;
}

static bool is_here(void *ctx, const struct flow_key *key)
{
	struct lb_continuity *c = ctx;

	return front_flow_find(c->front, key, NULL);
}

const struct owner_ops lb_continuity_ops = {
	.ask = ask,
	.release = release,
	.learn = learn,
	.reset = reset,
	.hint = hint,
	.is_here = is_here,
};

/* ---- what front shows ---- */

void lb_continuity_on_packet(void *ctx, const struct front_packet *packet)
{
	struct lb_continuity *c = ctx;
	const struct owner_packet unknown = {
		.key = packet->key,
		.bytes = packet->data,
		.len = packet->len,
		.is_reset = packet->tcp_flags & FLOW_TCP_RST,
		.is_error = packet->is_error,
		.is_cut = packet->is_cut,
	};

	switch (packet->kind) {
	case FRONT_ASK:
		if (c->lb->rack && !lb_rack_continues(c->lb->rack, packet->row)) {
			reset(c, &unknown);
			front_flow_refuse(c->front, &unknown.key);
			break;
		}
		owner_packet_take(c->owner, &unknown, clock_now());
		break;
	case FRONT_RELEASE:
		lb_continuity_hand_over(c, packet->pop, packet->data, packet->len);
		break;
	case FRONT_GONE:
		mesh_gone(c->lb->mesh, packet->pop, (const uint8_t *)&packet->key);
		break;
	}
}

void lb_continuity_on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct lb_continuity *c = io->data;

	(void)loop;
	(void)revents;
	front_read(c->front);
	lb_continuity_arm(c);
}

static void served(void *ctx, const uint8_t client[FLOW_ADDR_SIZE])
{
	mesh_served(ctx, client);
}

/* Paths become longer or shorter while they live. */
static void round_trips_tell(struct lb_continuity *c)
{
	const struct mesh_core *core = mesh_core(c->lb->mesh);
	const struct instant now = clock_now();

	for (unsigned slot = 0; slot < FRONT_POPS_MAX; slot++) {
		const struct mesh_pop *pop = mesh_core_pop(core, slot);

		if (pop && pop->peer.state == MESH_LIVE)
			owner_pop_live(c->owner, slot,
				       (uint32_t)(pop->peer.round_trip_ns / NS_PER_US), now);
	}
}

void lb_continuity_on_sweep(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct lb_continuity *c = timer->data;

	(void)loop;
	(void)revents;
	front_sweep(c->front);
	if (c->lb->mesh) {
		front_networks_take(c->front, served, c->lb->mesh);
		round_trips_tell(c);
	}
}
