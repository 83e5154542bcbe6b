/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/drain: take this PoP out, look at how that goes, undo it. */
#include "lb/draining.h"

#include "lb/api/api.h"
#include "lb/api/json.h"
#include "lb/nameserver.h"
#include "lib/conf.h"

#define DEADLINE_MS 30000 /* unless bgp.drain_ms says otherwise */

static json_t *flow_object(const struct lb_daemon *lb, size_t vip)
{
	static const char *const others[] = { [DRAIN_OTHERS_UNKNOWN] = "unknown",
					      [DRAIN_OTHERS_NONE] = "none",
					      [DRAIN_OTHERS_SOME] = "some" };
	const struct drain_flow *flow = &lb->drain.flows[vip];

	return json_pack("{s:s, s:b, s:I, s:I, s:s}", "name", lb->conf->vips[vip].name, "counted",
			 !flow->unknown, "busiest", (json_int_t)flow->busiest, "now",
			 (json_int_t)flow->now, "other_pops", others[lb_drain_others(lb, vip)]);
}

static json_t *drain_object(const struct lb_daemon *lb)
{
	const struct drain *d = &lb->drain;
	struct instant deadline = { 0 };
	json_t *vips = json_array();

	for (size_t i = 0; i < d->count; i++)
		json_array_append_new(vips, flow_object(lb, i));
	if (d->phase == DRAIN_DEPREFERRED)
		deadline = instant_after_ms(d->begun, d->deadline_ms);
	return json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:b, s:o, s:o}", "phase",
			 drain_phase_name(d->phase), "stops", lb_drain_is_on(lb) && lb->drain_stops,
			 "begun_ns", lb_json_instant(d->begun), "deadline_ns",
			 lb_json_instant(deadline), "withdrawn_ns", lb_json_instant(d->withdrawn),
			 "drained_ns", lb_json_instant(d->drained), "late", d->late, "vips", vips,
			 "nameservers", lb_nameservers_show(lb->nameservers));
}

int lb_api_get_drain(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	(void)req;
	reply->json = drain_object(ctx);
	return 200;
}

int lb_api_post_drain(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	struct lb_daemon *lb = ctx;
	unsigned deadline_ms = lb->conf->bgp.drain_ms ? lb->conf->bgp.drain_ms : DEADLINE_MS;
	struct conf_error err = { 0 };
	const struct conf root = conf_root(req->body, &err);
	char pointer[sizeof(err.path) + 1];
	unsigned grace_ms = lb_drain_grace_ms(lb->conf);
	bool force = false;

	if (req->body) {
		CONF_KEYS(&root, "deadline_ms", "grace_ms", "force");
		deadline_ms = (unsigned)conf_int(&root, "deadline_ms", 0, 86400000, deadline_ms);
		grace_ms = (unsigned)conf_int(&root, "grace_ms", 0, 86400000, grace_ms);
		force = conf_bool(&root, "force", false);
	}
	if (err.set) {
		snprintf(pointer, sizeof(pointer), "%s%s", err.path[0] ? "/" : "", err.path);
		return http_problem(reply, 422, pointer, "%s", err.reason);
	}
	if (lb->stopping || lb->restarts || lb_drain_is_on(lb))
		return http_problem(reply, 409, NULL, "the daemon is %s",
				    lb->stopping   ? "stopping"
				    : lb->restarts ? "restarting"
						   : "draining");
	if (!force && lb_drain_last(lb))
		return http_problem(reply, 409, NULL,
				    "no other PoP that is known announces vip %s: its users would "
				    "have nobody (\"force\": true does it all the same)",
				    lb_drain_last(lb));
	lb_drain_begin(lb, deadline_ms, grace_ms, false);
	reply->json = drain_object(lb);
	return 200;
}

int lb_api_delete_drain(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	struct lb_daemon *lb = ctx;

	(void)req;
	if (lb->stopping || !lb_drain_is_on(lb))
		return http_problem(reply, 409, NULL, "the daemon is %s",
				    lb->stopping ? "stopping" : "not draining");
	lb_drain_undo(lb);
	reply->json = drain_object(lb);
	return 200;
}
