/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/mesh_link.h"

#include <string.h>

#include "lb/continuity.h"
#include "lb/event.h"
#include "lib/log.h"

static void on_change(void *ctx, size_t slot, const struct mesh_change *change)
{
	struct lb_daemon *lb = ctx;
	const struct mesh_pop *pop = mesh_core_pop(mesh_core(lb->mesh), slot);
	bool was_live = change->was == MESH_LIVE, live = change->state == MESH_LIVE;

	/* What is known of its former life is worth nothing, although there was no silence. */
	if (was_live && live && change->restarted) {
		const struct mesh_change end = { .state = MESH_INIT, .reason = "it has restarted" };

		lb_event_mesh_down(lb->events, pop, &end);
	}
	if (live && (!was_live || change->restarted))
		lb_event_mesh_up(lb->events, pop);
	else if (was_live || change->was == MESH_RESTARTING)
		lb_event_mesh_down(lb->events, pop, change);
	lb_continuity_on_change(lb->continuity, slot, change);
}

static void on_ask(void *ctx, size_t slot, uint64_t id, const uint8_t flow[MESH_FLOW_SIZE])
{
	struct lb_daemon *lb = ctx;
	struct mesh_answer no = { .id = id };

	if (lb->continuity) {
		lb_continuity_on_ask(lb->continuity, slot, id, flow);
		return;
	}
	memcpy(no.flow, flow, sizeof(no.flow));
	mesh_answer(lb->mesh, slot, &no);
}

static void on_answer(void *ctx, size_t slot, const struct mesh_answer *answer)
{
	struct lb_daemon *lb = ctx;

	lb_continuity_on_answer(lb->continuity, slot, answer);
}

static void on_gone(void *ctx, size_t slot, const uint8_t flow[MESH_FLOW_SIZE])
{
	struct lb_daemon *lb = ctx;

	lb_continuity_on_gone(lb->continuity, slot, flow);
}

static const struct mesh_handlers *handlers(struct lb_daemon *lb, struct mesh_handlers *out)
{
	*out = (struct mesh_handlers){ .ctx = lb,
				       .on_change = on_change,
				       .on_ask = on_ask,
				       .on_answer = on_answer,
				       .on_gone = on_gone };
	return out;
}

int lb_mesh_start(struct lb_daemon *lb)
{
	char text[ENDPOINT_TEXT_SIZE];
	struct endpoint failed = { 0 };
	struct mesh_handlers own;
	int err;

	if (!lb->conf->mesh.enabled)
		return 0;
	err = mesh_new(&lb->mesh, lb->loop, &lb->conf->mesh, handlers(lb, &own), &failed);
	if (err)
		log_error("mesh: cannot listen on %s: %s", endpoint_format(&failed, text),
			  strerror(-err));
	return err;
}

static uint8_t vip_bits(const struct lb_daemon *lb, size_t index)
{
	const struct vip *vip = &lb->vips[index];
	unsigned bits = vip->state == HEALTH_UP ? MESH_VIP_UP : 0;

	for (size_t i = 0; i < lb->announcer.count; i++) {
		const struct announcement *item = &lb->announcer.items[i];

		if (item->vip != vip)
			continue;
		switch (item->state) {
		case ANNOUNCE_WITHDRAWN:
			break;
		case ANNOUNCE_DEPREFERRED:
			bits |= MESH_VIP_DEPREFERRED;
			break;
		case ANNOUNCE_ANNOUNCED:
			bits |= MESH_VIP_ANNOUNCED;
			break;
		}
	}
	return (uint8_t)bits;
}

void lb_mesh_tell(struct lb_daemon *lb)
{
	struct mesh_vip vips[MESH_VIPS_MAX];

	_Static_assert(MESH_VIPS_MAX >= LB_VIPS_MAX, "all of them can be told");
	if (!lb->mesh)
		return;
	for (size_t i = 0; i < lb->conf->vip_count; i++)
		vips[i] = (struct mesh_vip){ mesh_name_hash(lb->conf->vips[i].name),
					     vip_bits(lb, i) };
	mesh_set_vips(lb->mesh, vips, lb->conf->vip_count);
}

void lb_mesh_say(struct lb_daemon *lb, enum mesh_word word)
{
	if (lb->mesh)
		mesh_say(lb->mesh, word, 0);
}

void lb_mesh_say_restart(struct lb_daemon *lb, uint32_t for_ms)
{
	if (lb->mesh)
		mesh_say(lb->mesh, MESH_RESTARTS, for_ms);
}

int lb_mesh_prepare(struct lb_daemon *lb, const struct lb_conf *next, struct endpoint *failed)
{
	struct mesh_handlers own;
	int err;

	if (!next->mesh.enabled)
		return 0;
	if (lb->mesh)
		return mesh_prepare(lb->mesh, &next->mesh, failed);
	err = mesh_new(&lb->mesh, lb->loop, &next->mesh, handlers(lb, &own), failed);
	lb->mesh_is_new = !err;
	return err;
}

void lb_mesh_unprepare(struct lb_daemon *lb)
{
	if (lb->mesh_is_new) {
		mesh_free(lb->mesh);
		lb->mesh = NULL;
		lb->mesh_is_new = false;
	} else if (lb->mesh) {
		mesh_unprepare(lb->mesh);
	}
}

void lb_mesh_take(struct lb_daemon *lb, const struct lb_conf *next)
{
	if (!next->mesh.enabled) {
		lb_mesh_say(lb, MESH_STOPS);
		mesh_free(lb->mesh);
		lb->mesh = NULL;
	} else if (!lb->mesh_is_new) {
		mesh_reload(lb->mesh, &next->mesh);
	}
	lb->mesh_is_new = false;
}
