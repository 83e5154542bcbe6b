/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the mesh tells of other PoPs, and what they ask. */
#include <string.h>

#include "lb/continuity_state.h"
#include "lb/dataplane/front.h"

static struct flow_key key_of(const uint8_t flow[MESH_FLOW_SIZE])
{
	struct flow_key key;

	memcpy(&key, flow, sizeof(key));
	return key;
}

static void pop_tell(struct lb_continuity *c, size_t slot)
{
	const struct mesh_pop *pop = mesh_core_pop(mesh_core(c->lb->mesh), slot);
	struct gue_path in, out;

	if (!pop) {
		front_pop_set(c->front, (unsigned)slot, NULL, NULL, 0);
		return;
	}
	lb_continuity_paths(c, pop, &in, &out);
	front_pop_set(c->front, (unsigned)slot, &in, &out, pop->gue_port);
}

static void forget_later(struct lb_continuity *c, unsigned pop)
{
	c->forgotten[pop] = true;
	ev_prepare_start(c->lb->loop, &c->forgetting);
}

/* Many change at once, as in a partition: one walk through the table is for all of them. */
void lb_continuity_on_forgetting(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
	struct lb_continuity *c = prepare->data;

	(void)revents;
	ev_prepare_stop(loop, prepare);
	front_pops_forget(c->front, c->forgotten);
	memset(c->forgotten, 0, sizeof(c->forgotten));
}

void lb_continuity_on_change(struct lb_continuity *c, size_t slot, const struct mesh_change *change)
{
	const struct instant now = clock_now();
	const unsigned pop = (unsigned)slot;
	const struct mesh_pop *other;

	if (!c)
		return;
	other = mesh_core_pop(mesh_core(c->lb->mesh), slot);
	/* A new life has none of the flows of the one before. */
	if (change->restarted || change->state == MESH_DOWN || change->state == MESH_INIT) {
		owner_pop_dead(c->owner, pop, now);
		forget_later(c, pop);
	}
	/* What it hands over is not taken any longer, whoever has its slot next. */
	if (change->removed) {
		owner_pop_gone(c->owner, pop, now);
		front_pop_set(c->front, pop, NULL, NULL, 0);
	}
	if (change->state == MESH_LIVE) {
		pop_tell(c, slot);
		owner_pop_live(c->owner, pop, (uint32_t)(other->peer.round_trip_ns / NS_PER_US),
			       now);
	} else if (change->state == MESH_RESTARTING) {
		owner_pop_restarting(c->owner, pop, other->peer.expiry, now);
	}
	lb_continuity_arm(c);
}

void lb_continuity_on_ask(struct lb_continuity *c, size_t slot, uint64_t id,
			  const uint8_t flow[MESH_FLOW_SIZE])
{
	const struct flow_key key = key_of(flow);
	struct mesh_answer said = { .id = id };
	struct owner_answer answer;

	if (!answerer_question_take(c->answerer, (unsigned)slot, id, &key, &answer, clock_now()))
		return;
	memcpy(said.flow, flow, sizeof(said.flow));
	said.yes = answer.yes;
	said.age_ms = answer.age_ms;
	said.idle_ms = answer.idle_ms;
	mesh_answer(c->lb->mesh, slot, &said);
}

void lb_continuity_on_answer(struct lb_continuity *c, size_t slot, const struct mesh_answer *answer)
{
	const struct owner_answer heard = { .id = answer->id,
					    .key = key_of(answer->flow),
					    .yes = answer->yes,
					    .age_ms = answer->age_ms,
					    .idle_ms = answer->idle_ms };

	if (!c)
		return;
	owner_answer_take(c->owner, (unsigned)slot, &heard, clock_now());
	lb_continuity_arm(c);
}

void lb_continuity_on_gone(struct lb_continuity *c, size_t slot, const uint8_t flow[MESH_FLOW_SIZE])
{
	const struct flow_key key = key_of(flow);

	if (!c)
		return;
	front_flow_forget(c->front, &key);
	owner_flow_gone(c->owner, (unsigned)slot, &key);
}
