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

/*
 * How an answer for that client comes about: {"name", "owner", "zone", "client", "network",
 * "place", "scope", "order": [{"pop", "km", "state"}], "pop", "why", "ttl", "a", "aaaa"}. name must
 * be geographic; client may be a resolver's address or what it sends as client subnet. The caller
 * owns the result.
 */
json_t *geodns_api_explain(const struct snapshot *snap, const struct geo_name *name,
			   const struct addr *client);
json_t *geodns_api_addrs(const struct addr *addrs, size_t count);

#endif
