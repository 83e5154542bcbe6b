/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/restart.h"

bool bgp_restart_keeps(enum bgp_loss loss, bool agreed, bool both_notify)
{
	switch (loss) {
	case BGP_LOSS_CLOSED:
		return agreed;
	case BGP_LOSS_NOTIFICATION:
		return agreed && both_notify;
	case BGP_LOSS_FINAL:
		break;
	}
	return false;
}
