/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/client/result.h"

#include <errno.h>

const char *client_result_name(enum client_result result)
{
	static const char *const names[] = { "ok",	  "refused", "unreachable", "reset",
					     "silent",	  "wrong",   "dns_failed",  "open",
					     "timed_out", "closed" };

	return names[result];
}

enum client_result client_result_from_errno(int err)
{
	switch (err) {
	case ECONNREFUSED:
		return CLIENT_REFUSED;
	case ECONNRESET:
	case ECONNABORTED:
	case EPIPE:
		return CLIENT_RESET;
	case ETIMEDOUT:
		return CLIENT_SILENT;
	default:
		/*
		 * EHOSTUNREACH, ENETUNREACH and what else ICMP says; EINVAL and EACCES are how
		 * Linux words a blackhole and a prohibit route of one's own.
		 */
		return CLIENT_UNREACHABLE;
	}
}
