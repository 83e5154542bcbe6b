/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/continuity_state.h"

#include <errno.h>
#include <linux/magic.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "lb/dataplane/front.h"
#include "lb/dataplane/maglev.h"
#include "lb/rack.h"
#include "lb/reload.h"
#include "lib/alloc.h"
#include "lib/log.h"

#define SWEEP_S	  1.0
#define VIPS_KEPT ((size_t)LB_VIPS_MAX * LB_ADDRESSES_MAX)

_Static_assert(MESH_FLOW_SIZE == FLOW_KEY_SIZE, "the mesh carries keys as they stand");
_Static_assert(MESH_POPS_MAX <= OWNER_POPS_MAX, "slots are the machine's PoPs");

/* ---- what has been counted ---- */

static bool is_xdp(const struct lb_continuity *c)
{
	return c->lb->conf->dataplane.plane == LB_PLANE_XDP;
}

/* Without it plane local goes on, and plane xdp is nothing. where: "" or " on eth0". */
static int say_why_not(const struct lb_continuity *c, const char *where, int err, const char *why)
{
	if (!why)
		why = err == -ENETUNREACH ? "a frame sent by XDP is not answered by the neighbor"
					  : strerror(-err);
	if (is_xdp(c))
		log_error("dataplane: no plane xdp%s: %s; type \"local\" does without it", where,
			  why);
	else
		log_warn("continuity: off%s (%s): connections break when routes change", where,
			 why);
	return err;
}

const struct front *lb_continuity_front(const struct lb_continuity *c)
{
	return c->front;
}

const struct owner_counters *lb_continuity_owner(const struct lb_continuity *c)
{
	return owner_counters(c->owner);
}

const struct answerer_counters *lb_continuity_answers(const struct lb_continuity *c)
{
	return answerer_counters(c->answerer);
}

/* ---- birth and death ---- */

static void vip_remove(struct lb_continuity *c, const struct addr *addr)
{
	const struct endpoint all = { *addr, 0 };

	front_vip_remove(c->front, &all, 0);
}

static int vips_set(struct lb_continuity *c)
{
	const struct lb_conf *conf = c->lb->conf;
	int err = front_own_set(c->front, conf->identity.addresses, conf->identity.address_count);

	for (size_t i = 0; i < c->vip_count; i++)
		vip_remove(c, &c->vips[i]);
	c->vip_count = 0;
	for (size_t i = 0; !is_xdp(c) && i < conf->vip_count; i++) {
		const struct lb_vip_conf *vip = &conf->vips[i];

		for (size_t j = 0; vip->continuity && j < vip->address_count && !err; j++) {
			const struct endpoint all = { vip->addresses[j], 0 };

			err = front_vip_add(c->front, &all, 0, (unsigned)i, 0);
			if (!err)
				c->vips[c->vip_count++] = all.addr;
		}
	}
	return err;
}

void lb_continuity_reload(struct lb_continuity *c)
{
	int err;

	if (!c)
		return;
	if (vips_set(c) < 0)
		log_error("continuity: not all addresses of the VIPs find room");
	err = lb_continuity_sockets_renew(c);
	if (err)
		log_error("continuity: no socket to hand packets over: %s", strerror(-err));
}

void lb_continuity_leave(struct lb_continuity *c, const struct lb_conf *next)
{
	if (!c || !c->is_pinned ||
	    (c->lb->conf->dataplane.plane == next->dataplane.plane &&
	     lb_continuity_conf_equal(&c->lb->conf->dataplane.continuity,
				      &next->dataplane.continuity)))
		return;
	log_warn("continuity: the next one has another: this restart breaks connections");
	c->is_pinned = false;
}

static int interfaces_attach(struct lb_continuity *c)
{
	const struct lb_continuity_conf *conf = &c->lb->conf->dataplane.continuity;

	for (size_t i = 0; i < conf->interface_count; i++) {
		const struct lb_interface_conf *at = &conf->interfaces[i];
		const struct addr *neighbor =
			at->neighbor.family == ADDR_NONE ? NULL : &at->neighbor;
		enum front_mode got;
		int err = front_attach(c->front, at->name, (enum front_mode)conf->mode, neighbor,
				       &got);

		if (err) {
			char where[IFNAMSIZ + 4];

			snprintf(where, sizeof(where), " on %s", at->name);
			return say_why_not(c, where, err, NULL);
		}
		log_info("%s: on %s, %s", is_xdp(c) ? "dataplane" : "continuity", at->name,
			 got == FRONT_MODE_NATIVE ? "native" : "generic");
	}
	return 0;
}

static bool can_pin(const char *pin)
{
	char *folder = xstrdup(pin);
	struct statfs fs;
	bool can;

	*strrchr(folder, '/') = '\0';
	can = statfs(folder[0] ? folder : "/", &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
	if (!can)
		log_warn("continuity: %s is not on a bpf filesystem (mount -t bpf): a restart "
			 "breaks connections",
			 folder);
	free(folder);
	return can;
}

static int front_start(struct lb_continuity *c)
{
	const struct lb_conf *conf = c->lb->conf;
	const struct front_options options = {
		.plane = is_xdp(c) ? FRONT_XDP : FRONT_LOCAL,
		.services = is_xdp(c) ? lb_rack_services(conf) : 0,
		.maglev_size = is_xdp(c) ? MAGLEV_SIZE : 0,
		.flows = conf->dataplane.continuity.flows,
		.gue_port = conf->mesh.gue_port,
		.pin = c->is_pinned ? conf->dataplane.continuity.pin : NULL,
		.on_packet = lb_continuity_on_packet,
		.ctx = c,
	};
	const char *why = NULL;
	int err = front_new(&c->front, &options, &why);

	return err ? say_why_not(c, "", err, why) : 0;
}

static struct answerer_flow flow_look(void *ctx, const struct flow_key *key)
{
	struct lb_continuity *c = ctx;

	return front_flow_look(c->front, key);
}

static void machines_start(struct lb_continuity *c)
{
	const struct mesh_conf *mesh = &c->lb->conf->mesh;
	struct owner_conf conf = owner_conf_default(MESH_POPS_MAX, mesh->reset_after_ms);
	const struct answerer_conf answers = answerer_conf_default(MESH_POPS_MAX);

	mesh_random(conf.key, sizeof(conf.key));
	c->owner = owner_new(&conf, &lb_continuity_ops, c, clock_now());
	c->answerer = answerer_new(&answers, flow_look, c);
}

static void watchers_start(struct lb_continuity *c)
{
	ev_io_set(&c->packets, front_fd(c->front), EV_READ);
	ev_io_start(c->lb->loop, &c->packets);
	ev_timer_set(&c->sweep, SWEEP_S, SWEEP_S);
	ev_timer_start(c->lb->loop, &c->sweep);
}

int lb_continuity_start(struct lb_continuity **out, struct lb_daemon *lb)
{
	const bool is_vital = lb->conf->dataplane.plane == LB_PLANE_XDP;
	struct lb_continuity *c;
	int err;

	*out = NULL;
	if (lb->conf->dataplane.continuity.interface_count == 0 || (!lb->mesh && !is_vital))
		return 0;
	c = x_new(struct lb_continuity);
	c->lb = lb;
	c->gue = c->raw = (struct lb_continuity_sockets){ -1, -1 };
	c->vips = xcalloc(VIPS_KEPT, sizeof(*c->vips));
	ev_init(&c->packets, lb_continuity_on_readable);
	ev_init(&c->step, lb_continuity_on_step);
	ev_init(&c->sweep, lb_continuity_on_sweep);
	ev_prepare_init(&c->forgetting, lb_continuity_on_forgetting);
	c->packets.data = c->step.data = c->sweep.data = c->forgetting.data = c;
	c->is_pinned =
		lb->conf->dataplane.continuity.pin && can_pin(lb->conf->dataplane.continuity.pin);
	err = front_start(c);
	if (err) {
		lb_continuity_free(c);
		return is_vital ? err : 0;
	}
	machines_start(c);
	err = lb_continuity_sockets_open(c);
	if (!err)
		err = vips_set(c);
	if (!err && is_vital)
		err = lb_rack_start(&lb->rack, lb, c->front);
	if (err)
		say_why_not(c, "", err, NULL);
	else
		err = interfaces_attach(c);
	if (err) {
		lb_continuity_free(c);
		return is_vital ? err : 0;
	}
	watchers_start(c);
	*out = c;
	return 0;
}

void lb_continuity_free(struct lb_continuity *c)
{
	if (!c)
		return;
	ev_io_stop(c->lb->loop, &c->packets);
	ev_timer_stop(c->lb->loop, &c->step);
	ev_timer_stop(c->lb->loop, &c->sweep);
	ev_prepare_stop(c->lb->loop, &c->forgetting);
	lb_rack_free(c->lb->rack, c->lb->restarts && c->is_pinned);
	c->lb->rack = NULL;
	front_free(c->front, c->lb->restarts && c->is_pinned);
	owner_free(c->owner);
	answerer_free(c->answerer);
	lb_continuity_sockets_close(c);
	free(c->vips);
	free(c);
}
