/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/api/json.h"

#include "lib/alloc.h"

json_t *lb_json_text(const char *text)
{
	json_t *json = text ? json_string(text) : json_null();
	char *copy;

	if (json)
		return json;
	copy = xstrdup(text);
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	json = json_string(copy);
	free(copy);
	return json;
}

json_t *lb_json_instant(struct instant at)
{
	return at.ns == 0 || at.ns == INSTANT_NEVER.ns ? json_null() : json_integer(at.ns);
}

json_t *lb_json_addr(const struct addr *addr)
{
	char text[ADDR_TEXT_SIZE];

	return addr->family == ADDR_NONE ? json_null() : json_string(addr_format(addr, text));
}

json_t *lb_json_router_id(uint32_t id)
{
	const struct addr addr = addr_from_ipv4(id);

	return id ? lb_json_addr(&addr) : json_null();
}

json_t *lb_json_endpoint(const struct endpoint *ep)
{
	char text[ENDPOINT_TEXT_SIZE];

	return ep->addr.family == ADDR_NONE ? json_null() : json_string(endpoint_format(ep, text));
}

json_t *lb_json_prefix(const struct prefix *prefix)
{
	char text[PREFIX_TEXT_SIZE];

	return json_string(prefix_format(prefix, text));
}

json_t *lb_json_addrs(const struct addr *addrs, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, lb_json_addr(&addrs[i]));
	return array;
}

json_t *lb_json_prefixes(const struct prefix *prefixes, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, lb_json_prefix(&prefixes[i]));
	return array;
}

json_t *lb_json_policy(const struct bgp_policy *policy)
{
	json_t *communities = json_array();
	char text[BGP_COMMUNITY_TEXT_SIZE];

	for (size_t i = 0; i < policy->community_count; i++)
		json_array_append_new(communities, json_string(bgp_community_format(
							   policy->communities[i], text)));
	for (size_t i = 0; i < policy->large_count; i++)
		json_array_append_new(communities, json_string(bgp_large_community_format(
							   &policy->large[i], text)));
	return json_pack("{s:i, s:o, s:o}", "prepend", (int)policy->prepend, "communities",
			 communities, "med",
			 policy->has_med ? json_integer(policy->med) : json_null());
}
