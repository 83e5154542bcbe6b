/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lb/bgp/error.h"

static const struct {
	const char *rfc;
	uint8_t code, subcode;
	const char *text;
} rows[] = {
	{ "4271", 1, 1, "Message Header Error/Connection Not Synchronized (1/1)" },
	{ "4271", 2, 6, "OPEN Message Error/Unacceptable Hold Time (2/6)" },
	{ "5492", 2, 7, "OPEN Message Error/Unsupported Capability (2/7)" },
	{ "9234", 2, 11, "OPEN Message Error/Role Mismatch (2/11)" },
	{ "4271", 4, 0, "Hold Timer Expired (4/0)" },
	{ "6608", 5, 1, "FSM Error/Unexpected Message in OpenSent (5/1)" },
	{ "6608", 5, 2, "FSM Error/Unexpected Message in OpenConfirm (5/2)" },
	{ "6608", 5, 3, "FSM Error/Unexpected Message in Established (5/3)" },
	{ "4486", 6, 1, "Cease/Maximum Number of Prefixes Reached (6/1)" },
	{ "4486", 6, 2, "Cease/Administrative Shutdown (6/2)" },
	{ "4486", 6, 3, "Cease/Peer De-configured (6/3)" },
	{ "4486", 6, 4, "Cease/Administrative Reset (6/4)" },
	{ "4486", 6, 5, "Cease/Connection Rejected (6/5)" },
	{ "4486", 6, 6, "Cease/Other Configuration Change (6/6)" },
	{ "4486", 6, 7, "Cease/Connection Collision Resolution (6/7)" },
	{ "4486", 6, 8, "Cease/Out of Resources (6/8)" },
	{ "8538", 6, 9, "Cease/Hard Reset (6/9)" },
	{ "9384", 6, 10, "Cease/BFD Down (6/10)" },
	{ "7313", 7, 1, "ROUTE-REFRESH Message Error/Invalid Message Length (7/1)" },
	{ "9687", 8, 0, "Send Hold Timer Expired (8/0)" },
	{ "a later one", 6, 11, "Cease (6/11)" },
	{ "a later one", 9, 1, "Unknown Error (9/1)" },
};

Test(bgp_error, names)
{
	char text[BGP_ERROR_TEXT_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct bgp_error err = bgp_error_make(rows[i].code, rows[i].subcode, NULL, 0);

		cr_expect_str_eq(bgp_error_format(&err, text), rows[i].text, "RFC %s", rows[i].rfc);
	}
}

/* RFC 9003: what the peer says may be anything, and its length a lie. */
Test(bgp_error, shutdown_text)
{
	char text[BGP_ERROR_TEXT_SIZE];
	struct bgp_error err = bgp_error_make(BGP_ERR_CEASE, BGP_CEASE_RESET, "\3a\nb", 4);

	cr_expect_str_eq(bgp_error_format(&err, text), "Cease/Administrative Reset (6/4): a?b");
	err.data[0] = 255;
	cr_expect_str_eq(bgp_error_format(&err, text), "Cease/Administrative Reset (6/4): a?b");
	err.data[0] = 0;
	cr_expect_str_eq(bgp_error_format(&err, text), "Cease/Administrative Reset (6/4)");
	err = bgp_error_make(BGP_ERR_CEASE, BGP_CEASE_DECONFIGURED, "\3abc", 4);
	cr_expect_str_eq(bgp_error_format(&err, text), "Cease/Peer De-configured (6/3)",
			 "only shutdown and reset carry one");
}
