/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/verdict.h"

#include <string.h>

static int get_verdict(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct lb_daemon *lb = ctx;

	for (size_t i = 0; i < lb->conf->vip_count; i++) {
		const struct vip *vip = &lb->vips[i];

		if (strcmp(vip->conf->name, req->params[0]) != 0)
			continue;
		if (vip->state == HEALTH_UP && !lb->stopping) {
			reply->json = json_pack("{s:s, s:s, s:s}", "pop", lb->conf->pop, "vip",
						vip->conf->name, "state", "up");
			return 200;
		}
		reply->json = json_pack("{s:s, s:s, s:s, s:s}", "pop", lb->conf->pop, "vip",
					vip->conf->name, "state", "down", "reason",
					lb->stopping ? "the daemon is stopping" : vip->reason);
		return 503;
	}
	return http_problem(reply, 404, NULL, "there is no vip '%s'", req->params[0]);
}

const struct http_route lb_verdict_routes[] = {
	{ "GET", "/verdict/{vip}", get_verdict, NULL },
	{ 0 },
};
