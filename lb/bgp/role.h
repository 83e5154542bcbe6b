/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * role.h - who is whose customer, and what it keeps from leaking (RFC 9234).
 *
 * Pure. A role is ours towards a peer; both sides say theirs in OPEN and must fit. Who has one
 * marks what it sends down or across with OTC, and does not take up what has such a mark.
 */
#ifndef LB_BGP_ROLE_H
#define LB_BGP_ROLE_H

#include <stdbool.h>
#include <stdint.h>

/* In the order of the capability's values, which begin with 0. */
enum bgp_role {
	BGP_ROLE_NONE, /* not said */
	BGP_ROLE_PROVIDER,
	BGP_ROLE_RS, /* a route server */
	BGP_ROLE_RS_CLIENT,
	BGP_ROLE_CUSTOMER,
	BGP_ROLE_PEER,
};

/* "provider", "rs", "rs-client", "customer", "peer"; "none". */
const char *bgp_role_name(enum bgp_role role);
/* Section 4.2: what the two sides say fits, or one says nothing. */
bool bgp_role_fits(enum bgp_role own, enum bgp_role peer);
/* Section 5: what we send has to carry OTC. */
bool bgp_role_marks(enum bgp_role own);
/* Section 5: a route from this peer that carries this OTC must not be used. */
bool bgp_role_is_leak(enum bgp_role own, uint32_t otc, uint32_t peer_asn);

#endif
