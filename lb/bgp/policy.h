/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * policy.h - what a route says about itself beyond its prefix: prepends, MED, communities.
 *
 * A value, compared and copied whole. A peer has one, an announcement may add one.
 * Pure.
 */
#ifndef LB_BGP_POLICY_H
#define LB_BGP_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Room for all that may meet in one route: a peer's policy, a VIP's, that of a step of its ladder,
 * the peer's deprefer, and GRACEFUL_SHUTDOWN while draining. lb/conf_bgp.c sees to it.
 */
#define BGP_PREPEND_MAX		64
#define BGP_COMMUNITIES_MAX	65
#define BGP_COMMUNITY_TEXT_SIZE 33 /* of a large one, too */

#define BGP_COMMUNITY_GRACEFUL_SHUTDOWN	  0xffff0000U /* RFC 8326 */
#define BGP_COMMUNITY_NO_LLGR		  0xffff0007U /* RFC 9494 */
#define BGP_COMMUNITY_BLACKHOLE		  0xffff029aU /* RFC 7999 */
#define BGP_COMMUNITY_NO_EXPORT		  0xffffff01U /* RFC 1997 */
#define BGP_COMMUNITY_NO_ADVERTISE	  0xffffff02U
#define BGP_COMMUNITY_NO_EXPORT_SUBCONFED 0xffffff03U
#define BGP_COMMUNITY_NO_PEER		  0xffffff04U /* RFC 3765 */

/* RFC 8092: an ASN, and what that network makes of the rest. */
struct bgp_large_community {
	uint32_t asn, data1, data2;
};

struct bgp_policy {
	uint8_t prepend; /* times that the own ASN is added to the one that must be there */
	bool has_med;
	uint32_t med;
	uint8_t community_count;
	uint8_t large_count;
	uint32_t communities[BGP_COMMUNITIES_MAX];
	struct bgp_large_community large[BGP_COMMUNITIES_MAX];
};

/* Adds a community unless it is there. False when there is no room. */
bool bgp_policy_add_community(struct bgp_policy *policy, uint32_t community);
bool bgp_policy_has_community(const struct bgp_policy *policy, uint32_t community);
bool bgp_policy_add_large(struct bgp_policy *policy, const struct bgp_large_community *community);
/*
 * base with extra (may be NULL) on top: prepends add up to at most BGP_PREPEND_MAX, extra's MED
 * wins, communities are united, up to BGP_COMMUNITIES_MAX of either kind.
 */
struct bgp_policy bgp_policy_merge(const struct bgp_policy *base, const struct bgp_policy *extra);
bool bgp_policy_equal(const struct bgp_policy *a, const struct bgp_policy *b);

/*
 * "64500:100", or a name: "graceful-shutdown", "no-llgr", "blackhole", "no-export",
 * "no-advertise", "no-export-subconfed", "no-peer".
 */
bool bgp_community_parse(uint32_t *out, const char *text);
/* Always as two numbers. Returns buf. */
const char *bgp_community_format(uint32_t community, char buf[BGP_COMMUNITY_TEXT_SIZE]);
/* "4200000000:1:2", no leading zeroes (RFC 8092, section 4). */
bool bgp_large_community_parse(struct bgp_large_community *out, const char *text);
const char *bgp_large_community_format(const struct bgp_large_community *community,
				       char buf[BGP_COMMUNITY_TEXT_SIZE]);

#endif
