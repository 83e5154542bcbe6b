/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/role.h"

const char *bgp_role_name(enum bgp_role role)
{
	switch (role) {
	case BGP_ROLE_NONE:
		return "none";
	case BGP_ROLE_PROVIDER:
		return "provider";
	case BGP_ROLE_RS:
		return "rs";
	case BGP_ROLE_RS_CLIENT:
		return "rs-client";
	case BGP_ROLE_CUSTOMER:
		return "customer";
	case BGP_ROLE_PEER:
		return "peer";
	}
	return "";
}

static enum bgp_role counterpart(enum bgp_role role)
{
	switch (role) {
	case BGP_ROLE_PROVIDER:
		return BGP_ROLE_CUSTOMER;
	case BGP_ROLE_CUSTOMER:
		return BGP_ROLE_PROVIDER;
	case BGP_ROLE_RS:
		return BGP_ROLE_RS_CLIENT;
	case BGP_ROLE_RS_CLIENT:
		return BGP_ROLE_RS;
	case BGP_ROLE_PEER:
		return BGP_ROLE_PEER;
	case BGP_ROLE_NONE:
		break;
	}
	return BGP_ROLE_NONE;
}

bool bgp_role_fits(enum bgp_role own, enum bgp_role peer)
{
	return own == BGP_ROLE_NONE || peer == BGP_ROLE_NONE || counterpart(own) == peer;
}

bool bgp_role_marks(enum bgp_role own)
{
	return own == BGP_ROLE_PROVIDER || own == BGP_ROLE_RS || own == BGP_ROLE_PEER;
}

bool bgp_role_is_leak(enum bgp_role own, uint32_t otc, uint32_t peer_asn)
{
	if (own == BGP_ROLE_PROVIDER || own == BGP_ROLE_RS)
		return true;
	return own == BGP_ROLE_PEER && otc != peer_asn;
}
