/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/state.h"

const char *bgp_state_name(enum bgp_state state)
{
	static const char *const names[BGP_STATES] = { "Idle",	   "Connect",	  "Active",
						       "OpenSent", "OpenConfirm", "Established" };

	return names[state];
}
