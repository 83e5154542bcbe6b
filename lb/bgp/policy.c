/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct well_known {
	const char *name;
	uint32_t community;
};

static const struct well_known well_known[] = {
	{ "graceful-shutdown", BGP_COMMUNITY_GRACEFUL_SHUTDOWN },
	{ "no-export", BGP_COMMUNITY_NO_EXPORT },
	{ "no-advertise", BGP_COMMUNITY_NO_ADVERTISE },
};

bool bgp_policy_add_community(struct bgp_policy *policy, uint32_t community)
{
	for (size_t i = 0; i < policy->community_count; i++) {
		if (policy->communities[i] == community)
			return true;
	}
	if (policy->community_count == BGP_COMMUNITIES_MAX)
		return false;
	policy->communities[policy->community_count++] = community;
	return true;
}

struct bgp_policy bgp_policy_merge(const struct bgp_policy *base, const struct bgp_policy *extra)
{
	struct bgp_policy policy = *base;
	unsigned prepend = base->prepend;

	if (extra) {
		prepend += extra->prepend;
		if (extra->has_med) {
			policy.has_med = true;
			policy.med = extra->med;
		}
		for (size_t i = 0; i < extra->community_count; i++)
			bgp_policy_add_community(&policy, extra->communities[i]);
	}
	policy.prepend = prepend < BGP_PREPEND_MAX ? (uint8_t)prepend : BGP_PREPEND_MAX;
	return policy;
}

bool bgp_policy_equal(const struct bgp_policy *a, const struct bgp_policy *b)
{
	return a->prepend == b->prepend && a->has_med == b->has_med &&
	       (!a->has_med || a->med == b->med) && a->community_count == b->community_count &&
	       memcmp(a->communities, b->communities,
		      a->community_count * sizeof(a->communities[0])) == 0;
}

/* Decimal digits only, at most 65535; *end is the first byte behind them. */
static bool parse_half(const char *text, const char **end, uint32_t *out)
{
	uint32_t value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		value = value * 10 + (uint32_t)(*p - '0');
		if (value > UINT16_MAX)
			return false;
	}
	*end = p;
	*out = value;
	return p > text;
}

bool bgp_community_parse(uint32_t *out, const char *text)
{
	uint32_t high, low;
	const char *p;

	for (size_t i = 0; i < sizeof(well_known) / sizeof(well_known[0]); i++) {
		if (strcmp(text, well_known[i].name) == 0) {
			*out = well_known[i].community;
			return true;
		}
	}
	if (!parse_half(text, &p, &high) || *p != ':' || !parse_half(p + 1, &p, &low) || *p)
		return false;
	*out = high << 16 | low;
	return true;
}

const char *bgp_community_format(uint32_t community, char buf[BGP_COMMUNITY_TEXT_SIZE])
{
	snprintf(buf, BGP_COMMUNITY_TEXT_SIZE, "%u:%u", (unsigned)(uint16_t)(community >> 16),
		 (unsigned)(uint16_t)community);
	return buf;
}
