/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * api.h - the REST interface of catchment-geodns (docs/api/geodns.yaml).
 */
#ifndef GEODNS_API_API_H
#define GEODNS_API_API_H

#include "geodns/geodns.h"
#include "lib/http.h"

/* Ends with a NULL method; the handlers' context is a struct geodns. */
extern const struct http_route geodns_api_routes[];

/* Serve them, if the configuration says so, as g->http. Returns 0 or -errno. */
int geodns_api_start(struct geodns *g, struct ev_loop *loop);

/* GET /v1/names, GET /v1/names/{name}: names as configured, with their PoPs' states. Handlers. */
int geodns_api_names_get(void *ctx, const struct http_request *req, struct http_reply *reply);
int geodns_api_name_get(void *ctx, const struct http_request *req, struct http_reply *reply);
/*
 * How an answer for that client comes about; docs/api/geodns.yaml lists the keys. name must be
 * geographic; client may be a resolver's address or what it sends as client subnet. The caller owns
 * the result.
 */
json_t *geodns_api_explain(const struct snapshot *snap, const struct geo_name *name,
			   const struct addr *client);
/* GET /v1/pops, GET /v1/pops/{name}, PUT /v1/pops/{name}/state: handlers. */
int geodns_api_pops_get(void *ctx, const struct http_request *req, struct http_reply *reply);
int geodns_api_pop_get(void *ctx, const struct http_request *req, struct http_reply *reply);
int geodns_api_pop_state_put(void *ctx, const struct http_request *req, struct http_reply *reply);
/* "unchecked", or what its check says. */
const char *geodns_api_state(const struct snapshot *snap, const struct geo_target *target);
/* Append the addresses of that family to a list, or to a new one if it is NULL. */
json_t *geodns_api_addrs(json_t *list, const struct geo_target *target, enum addr_family family);
/* A target's cname as text, or null. */
json_t *geodns_api_cname(const struct geo_target *target);

#endif
