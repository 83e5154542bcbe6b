/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/verdict.h"

#include <string.h>

#include "lb/draining.h"

/* Why no user may be sent to this VIP, perhaps in buf; NULL: they may. */
static const char *obstacle(const struct lb_daemon *lb, size_t vip, char buf[ANNOUNCE_REASON_SIZE])
{
	const struct announcement *held = announcer_find_held(&lb->announcer, &lb->vips[vip]);

	if (lb->stopping)
		return "the daemon is stopping";
	if (lb_drain_is_on(lb))
		return "the daemon is draining";
	if (lb->vips[vip].state != HEALTH_UP)
		return lb->vips[vip].reason;
	/* DNS would send them where no route leads yet. */
	if (held && held->state == ANNOUNCE_WITHDRAWN)
		return announcement_reason(held, clock_now(), buf);
	return lb->seats[vip].incomplete ? "an address of it cannot be put on this machine" : NULL;
}

static int get_verdict(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct lb_daemon *lb = ctx;
	char buf[ANNOUNCE_REASON_SIZE];

	for (size_t i = 0; i < lb->conf->vip_count; i++) {
		const struct vip *vip = &lb->vips[i];
		const char *reason;

		if (strcmp(vip->conf->name, req->params[0]) != 0)
			continue;
		reason = obstacle(lb, i, buf);
		if (!reason) {
			reply->json = json_pack("{s:s, s:s, s:s}", "pop", lb->conf->pop, "vip",
						vip->conf->name, "state", "up");
			return 200;
		}
		reply->json = json_pack("{s:s, s:s, s:s, s:s}", "pop", lb->conf->pop, "vip",
					vip->conf->name, "state", "down", "reason", reason);
		return 503;
	}
	return http_problem(reply, 404, NULL, "there is no vip '%s'", req->params[0]);
}

const struct http_route lb_verdict_routes[] = {
	{ "GET", "/verdict/{vip}", get_verdict, NULL },
	{ 0 },
};
