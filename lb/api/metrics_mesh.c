/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of GET /metrics that is about the mesh. */
#include "lb/api/metrics.h"
#include "lb/mesh/mesh.h"

static double pop_up(const struct mesh_pop *pop)
{
	return pop->peer.state == MESH_LIVE;
}

static double pop_round_trip(const struct mesh_pop *pop)
{
	return (double)pop->peer.round_trip_ns / NS_PER_S;
}

static double pop_downs(const struct mesh_pop *pop)
{
	return (double)pop->counters.downs;
}

static double pop_sent(const struct mesh_pop *pop)
{
	return (double)pop->counters.sent;
}

static double pop_received(const struct mesh_pop *pop)
{
	return (double)pop->counters.received;
}

static double pop_asked(const struct mesh_pop *pop)
{
	return (double)pop->counters.asked;
}

static double pop_was_asked(const struct mesh_pop *pop)
{
	return (double)pop->counters.was_asked;
}

static const struct {
	const char *name, *type, *help;
	double (*value)(const struct mesh_pop *pop);
} families[] = {
	{ "catchment_lb_mesh_up", "gauge", "1 while the other PoP and we hear each other.",
	  pop_up },
	{ "catchment_lb_mesh_round_trip_seconds", "gauge",
	  "Round trip to the other PoP, smoothed; 0 before the first.", pop_round_trip },
	{ "catchment_lb_mesh_downs_total", "counter", "Times that the other PoP was lost.",
	  pop_downs },
	{ "catchment_lb_mesh_messages_out_total", "counter", "Messages sent to the other PoP.",
	  pop_sent },
	{ "catchment_lb_mesh_messages_in_total", "counter",
	  "Messages of the other PoP that were authentic and new.", pop_received },
	{ "catchment_lb_mesh_questions_out_total", "counter",
	  "Questions about flows to the other PoP.", pop_asked },
	{ "catchment_lb_mesh_questions_in_total", "counter",
	  "Questions about flows of the other PoP.", pop_was_asked },
};

static void write_refused(const struct mesh_core *core, struct metrics *m)
{
	metrics_family(m, "catchment_lb_mesh_refused_total", "counter",
		       "Datagrams from the address of the other PoP that had no effect, and why.");
	for (size_t i = 0; i < core->slot_count; i++) {
		const struct mesh_counters *c;
		const char *name;

		if (!core->slots[i])
			continue;
		c = &core->slots[i]->counters;
		name = core->slots[i]->name;
		metrics_sample(m, (double)c->forged, "pop", name, "why", "forged", (char *)NULL);
		metrics_sample(m, (double)c->malformed, "pop", name, "why", "malformed",
			       (char *)NULL);
		metrics_sample(m, (double)c->replayed, "pop", name, "why", "replayed",
			       (char *)NULL);
		metrics_sample(m, (double)c->stale, "pop", name, "why", "stale", (char *)NULL);
		metrics_sample(m, (double)c->unproven, "pop", name, "why", "unproven",
			       (char *)NULL);
		metrics_sample(m, (double)c->limited, "pop", name, "why", "limited", (char *)NULL);
	}
}

void lb_metrics_mesh(const struct lb_daemon *lb, struct metrics *m)
{
	const struct mesh_core *core;

	if (!lb->mesh)
		return;
	core = mesh_core(lb->mesh);
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		metrics_family(m, families[f].name, families[f].type, families[f].help);
		for (size_t i = 0; i < core->slot_count; i++)
			if (core->slots[i])
				metrics_sample(m, families[f].value(core->slots[i]), "pop",
					       core->slots[i]->name, (char *)NULL);
	}
	write_refused(core, m);
	metrics_family(m, "catchment_lb_mesh_strangers_total", "counter",
		       "Datagrams to the mesh from addresses of no PoP.");
	metrics_sample(m, (double)core->strangers, (char *)NULL);
	metrics_family(m, "catchment_lb_mesh_lost_total", "counter",
		       "Messages to other PoPs that the kernel has not taken.");
	metrics_sample(m, (double)mesh_lost(lb->mesh), (char *)NULL);
}
