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
	{ "no-llgr", BGP_COMMUNITY_NO_LLGR },
	{ "blackhole", BGP_COMMUNITY_BLACKHOLE },
	{ "no-export", BGP_COMMUNITY_NO_EXPORT },
	{ "no-advertise", BGP_COMMUNITY_NO_ADVERTISE },
	{ "no-export-subconfed", BGP_COMMUNITY_NO_EXPORT_SUBCONFED },
	{ "no-peer", BGP_COMMUNITY_NO_PEER },
};

bool bgp_policy_has_community(const struct bgp_policy *policy, uint32_t community)
{
	for (size_t i = 0; i < policy->community_count; i++) {
		if (policy->communities[i] == community)
			return true;
	}
	return false;
}

bool bgp_policy_add_community(struct bgp_policy *policy, uint32_t community)
{
	if (bgp_policy_has_community(policy, community))
		return true;
	if (policy->community_count == BGP_COMMUNITIES_MAX)
		return false;
	policy->communities[policy->community_count++] = community;
	return true;
}

static bool large_equal(const struct bgp_large_community *a, const struct bgp_large_community *b)
{
	return a->asn == b->asn && a->data1 == b->data1 && a->data2 == b->data2;
}

bool bgp_policy_add_large(struct bgp_policy *policy, const struct bgp_large_community *community)
{
	for (size_t i = 0; i < policy->large_count; i++) {
		if (large_equal(&policy->large[i], community))
			return true;
	}
	if (policy->large_count == BGP_COMMUNITIES_MAX)
		return false;
	policy->large[policy->large_count++] = *community;
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
		for (size_t i = 0; i < extra->large_count; i++)
			bgp_policy_add_large(&policy, &extra->large[i]);
	}
	policy.prepend = prepend < BGP_PREPEND_MAX ? (uint8_t)prepend : BGP_PREPEND_MAX;
	return policy;
}

bool bgp_policy_equal(const struct bgp_policy *a, const struct bgp_policy *b)
{
	return a->prepend == b->prepend && a->has_med == b->has_med &&
	       (!a->has_med || a->med == b->med) && a->community_count == b->community_count &&
	       memcmp(a->communities, b->communities,
		      a->community_count * sizeof(a->communities[0])) == 0 &&
	       a->large_count == b->large_count &&
	       memcmp(a->large, b->large, a->large_count * sizeof(a->large[0])) == 0;
}

/* Decimal digits only, at most max; *end is the first byte behind them. */
static bool parse_number(const char *text, uint32_t max, const char **end, uint32_t *out)
{
	uint64_t value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		value = value * 10 + (uint64_t)(*p - '0');
		if (value > max)
			return false;
	}
	*end = p;
	*out = (uint32_t)value;
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
	if (!parse_number(text, UINT16_MAX, &p, &high) || *p != ':' ||
	    !parse_number(p + 1, UINT16_MAX, &p, &low) || *p)
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

bool bgp_large_community_parse(struct bgp_large_community *out, const char *text)
{
	struct bgp_large_community c;
	const char *p;

	if (!parse_number(text, UINT32_MAX, &p, &c.asn) || *p != ':' ||
	    !parse_number(p + 1, UINT32_MAX, &p, &c.data1) || *p != ':' ||
	    !parse_number(p + 1, UINT32_MAX, &p, &c.data2) || *p)
		return false;
	*out = c;
	return true;
}

const char *bgp_large_community_format(const struct bgp_large_community *community,
				       char buf[BGP_COMMUNITY_TEXT_SIZE])
{
	snprintf(buf, BGP_COMMUNITY_TEXT_SIZE, "%u:%u:%u", (unsigned)community->asn,
		 (unsigned)community->data1, (unsigned)community->data2);
	return buf;
}
