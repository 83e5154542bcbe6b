/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What GET /v1/status and GET /metrics tell of connections that have come here with their routes.
 */
#include "lb/continuity.h"
#include "lb/api/api.h"
#include "lb/api/metrics.h"
#include "lb/dataplane/front.h"

json_t *lb_api_continuity(const struct lb_daemon *lb)
{
	const struct lb_continuity *c = lb->continuity;
	const struct owner_counters *o;
	json_t *packets;

	if (!c)
		return json_null();
	o = lb_continuity_owner(c);
	packets = json_object();
	for (unsigned i = 0; i < FRONT_COUNTS; i++) {
		const char *name = front_count_name((enum front_count)i);

		if (name)
			json_object_set_new(packets, name,
					    json_integer((json_int_t)front_count(
						    lb_continuity_front(c), (enum front_count)i)));
	}
	return json_pack("{s:o, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I}, s:{s:I, s:I}}", "packets",
			 packets, "flows", "asked", (json_int_t)o->questions, "settled",
			 (json_int_t)o->settled, "refused", (json_int_t)o->refused, "unclear",
			 (json_int_t)o->unclear, "resets", (json_int_t)o->resets, "unanswered",
			 (json_int_t)o->unanswered, "asking", (json_int_t)o->flows, "answered",
			 "yes", (json_int_t)lb_continuity_answers(c)->yes, "no",
			 (json_int_t)lb_continuity_answers(c)->no);
}

static void write_flows(const struct owner_counters *o, struct metrics *m)
{
	metrics_family(m, "catchment_lb_flows_asked_total", "counter",
		       "Flows of which nobody here knew, by what became of the question.");
	metrics_sample(m, (double)o->settled, "verdict", "settled", (char *)NULL);
	metrics_sample(m, (double)o->refused, "verdict", "refused", (char *)NULL);
	metrics_sample(m, (double)o->unclear, "verdict", "unclear", (char *)NULL);
	metrics_family(m, "catchment_lb_flows_asking", "gauge", "Flows under question now.");
	metrics_sample(m, (double)o->flows, (char *)NULL);
	metrics_family(m, "catchment_lb_flow_resets_total", "counter",
		       "Resets sent, for flows that no PoP has.");
	metrics_sample(m, (double)o->resets, (char *)NULL);
	metrics_family(m, "catchment_lb_flow_unanswered_total", "counter",
		       "Packets of such flows that were dropped without one.");
	metrics_sample(m, (double)o->unanswered, (char *)NULL);
}

void lb_metrics_continuity(const struct lb_daemon *lb, struct metrics *m)
{
	const struct lb_continuity *c = lb->continuity;

	if (!c)
		return;
	metrics_family(m, "catchment_lb_front_packets_total", "counter",
		       "Packets seen before the kernel, by what became of them.");
	for (unsigned i = 0; i < FRONT_COUNTS; i++) {
		const char *name = front_count_name((enum front_count)i);

		if (name)
			metrics_sample(
				m, (double)front_count(lb_continuity_front(c), (enum front_count)i),
				"fate", name, (char *)NULL);
	}
	write_flows(lb_continuity_owner(c), m);
	metrics_family(m, "catchment_lb_flow_answers_total", "counter",
		       "Answers to other PoPs that asked for a flow.");
	metrics_sample(m, (double)lb_continuity_answers(c)->yes, "answer", "yes", (char *)NULL);
	metrics_sample(m, (double)lb_continuity_answers(c)->no, "answer", "no", (char *)NULL);
}
