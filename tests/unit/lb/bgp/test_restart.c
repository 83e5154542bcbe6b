/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "lb/bgp/error.h"
#include "lb/bgp/notification.h"
#include "lb/bgp/restart.h"

/* RFC 4724, section 4.2, and RFC 8538, section 4. */
static const struct {
	const char *what;
	enum bgp_loss loss;
	bool agreed, notify, want;
} rows[] = {
	{ "closed", BGP_LOSS_CLOSED, true, false, true },
	{ "closed, with N", BGP_LOSS_CLOSED, true, true, true },
	{ "closed, nobody agreed", BGP_LOSS_CLOSED, false, false, false },
	{ "closed, N alone is nothing", BGP_LOSS_CLOSED, false, true, false },
	{ "NOTIFICATION", BGP_LOSS_NOTIFICATION, true, false, false },
	{ "NOTIFICATION, with N", BGP_LOSS_NOTIFICATION, true, true, true },
	{ "NOTIFICATION, nobody agreed", BGP_LOSS_NOTIFICATION, false, true, false },
	{ "hard reset, BFD, the end", BGP_LOSS_FINAL, true, true, false },
};

Test(bgp_restart, what_is_kept)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(bgp_restart_keeps(rows[i].loss, rows[i].agreed, rows[i].notify),
			     rows[i].want, "%s", rows[i].what);
}

/* What we wrap a peer finds inside, its text too, though of a very long one the end is lost. */
Test(bgp_restart, hard_reset)
{
	struct bgp_error cease = bgp_error_cease(BGP_CEASE_SHUTDOWN, "moved");
	struct bgp_error hard = bgp_error_hard_reset(&cease), got;
	char text[BGP_ERROR_TEXT_SIZE], lengthy[BGP_SHUTDOWN_TEXT_MAX + 1];
	uint8_t body[BGP_ERROR_DATA_MAX + 2];
	size_t len = bgp_notification_encode(&hard, body, sizeof(body));

	cr_expect(bgp_notification_is_hard_reset(body, len));
	got = bgp_notification_decode(body, len);
	cr_expect_str_eq(bgp_error_format(&got, text),
			 "Cease/Administrative Shutdown (6/2): moved");
	len = bgp_notification_encode(&cease, body, sizeof(body));
	cr_expect_not(bgp_notification_is_hard_reset(body, len));
	cr_expect_not(bgp_notification_is_hard_reset(body, 1));

	memset(lengthy, 'x', sizeof(lengthy));
	lengthy[BGP_SHUTDOWN_TEXT_MAX] = '\0';
	cease = bgp_error_cease(BGP_CEASE_SHUTDOWN, lengthy);
	hard = bgp_error_hard_reset(&cease);
	len = bgp_notification_encode(&hard, body, sizeof(body));
	cr_assert_gt(len, 0);
	got = bgp_notification_decode(body, len);
	cr_expect_eq(got.subcode, BGP_CEASE_SHUTDOWN);
	cr_expect_eq(got.data_len, BGP_ERROR_DATA_MAX - 2);
}
