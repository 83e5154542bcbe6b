/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * json.h - our values as JSON, for events and the API.
 *
 * Each returns a new reference and never NULL.
 */
#ifndef LB_API_JSON_H
#define LB_API_JSON_H

#include <jansson.h>

#include "lb/bgp/policy.h"
#include "lib/addr.h"
#include "lib/clock.h"

/* Any text: JSON must be UTF-8 but a peer's words need not be; what is not becomes '?'. NULL: null.
 */
json_t *lb_json_text(const char *text);
json_t *lb_json_instant(struct instant at); /* CLOCK_MONOTONIC, ns; null: zero or INSTANT_NEVER */
json_t *lb_json_addr(const struct addr *addr);	     /* null where there is none */
json_t *lb_json_router_id(uint32_t id);		     /* null for 0 */
json_t *lb_json_endpoint(const struct endpoint *ep); /* null without an address */
json_t *lb_json_prefix(const struct prefix *prefix);
json_t *lb_json_addrs(const struct addr *addrs, size_t count);
json_t *lb_json_prefixes(const struct prefix *prefixes, size_t count);
/* {"prepend":0,"communities":["64500:1"],"med":10|null} */
json_t *lb_json_policy(const struct bgp_policy *policy);

#endif
