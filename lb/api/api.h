/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * api.h - the REST API of catchment-lb: what is true now, why, and since when.
 *
 * Only reads, but for reload.c, drain.c and origins.c. Served by lib/http.h in the daemon's loop;
 * docs/api/lb.yaml describes every path and answer. Instants are CLOCK_MONOTONIC in nanoseconds, as
 * in events.
 */
#ifndef LB_API_API_H
#define LB_API_API_H

#include "lb/daemon.h"

/* Ends with a NULL method; the context is the struct lb_daemon. */
extern const struct http_route lb_api_routes[];

/* Handlers, in the file of their name. */
int lb_api_metrics(void *ctx, const struct http_request *req, struct http_reply *reply);
int lb_api_peers(void *ctx, const struct http_request *req, struct http_reply *reply);
int lb_api_peer(void *ctx, const struct http_request *req, struct http_reply *reply);
int lb_api_explain(void *ctx, const struct http_request *req, struct http_reply *reply);
int lb_api_mesh(void *ctx, const struct http_request *req, struct http_reply *reply);
int lb_api_get_drain(void *ctx, const struct http_request *req, struct http_reply *reply);
int lb_api_post_drain(void *ctx, const struct http_request *req, struct http_reply *reply);
int lb_api_delete_drain(void *ctx, const struct http_request *req, struct http_reply *reply);
int lb_api_reload(void *ctx, const struct http_request *req, struct http_reply *reply);
int lb_api_put_origin(void *ctx, const struct http_request *req, struct http_reply *reply);

/* Objects that several handlers show; index: into the configuration's list. */
json_t *lb_api_vip(const struct lb_daemon *lb, size_t index);
json_t *lb_api_origin(const struct lb_origin *origin);
/* What it gets of that VIP besides, where the plane knows; i: of the VIP's list. */
json_t *lb_api_vip_origin(const struct lb_daemon *lb, size_t index, size_t i);
/* How an announcement is held back; null: the identity's, which never is. */
json_t *lb_api_hold_down(const struct announcement *item);
/* null: off. */
json_t *lb_api_continuity(const struct lb_daemon *lb);
/* One announcement, and to which peers it has been sent. */
json_t *lb_api_announcement(const struct lb_daemon *lb, const struct announcement *item);

#endif
