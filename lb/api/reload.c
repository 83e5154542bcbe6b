/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POST /v1/reload: read the configuration's file again. */
#include "lb/api/api.h"
#include "lb/apply.h"

int lb_api_reload(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	struct lb_reload_reply done;

	if (req->body && json_object_size(req->body) > 0)
		return http_problem(reply, 422, "",
				    "there is nothing to say in a body: the file "
				    "of the configuration is read again");
	lb_daemon_reload(ctx, &done);
	if (done.status == 200)
		reply->json = done.changes;
	else
		http_problem(reply, done.status, done.pointer[0] ? done.pointer : NULL, "%s",
			     done.reason);
	return done.status;
}
