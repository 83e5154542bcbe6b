/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include <stdio.h>

#include "lb/bgp/adj_rib_out.h"
#include "lb/bgp/frame.h"
#include "lb/bgp/update.h"

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix;

	cr_assert(prefix_parse(&prefix, text), "%s", text);
	return prefix;
}

static void session_up(struct adj_rib_out *rib)
{
	struct adj_rib_out_session session = { .asn = 64500, .four_octet = true };

	addr_parse(&session.next_hop4, "10.0.0.1");
	addr_parse(&session.next_hop6, "2001:db8::1");
	adj_rib_out_session_up(rib, &session);
}

static void announce(struct adj_rib_out *rib, const char *text, uint8_t prepend)
{
	struct prefix prefix = prefix_of(text);
	struct bgp_policy policy = { .prepend = prepend };

	adj_rib_out_announce(rib, &prefix, &policy);
}

static void withdraw(struct adj_rib_out *rib, const char *text)
{
	struct prefix prefix = prefix_of(text);

	adj_rib_out_withdraw(rib, &prefix);
}

/* What comes next: "+2 -1 E B e" is two announced, one withdrawn, End-of-RIB, refresh marks. */
static const char *drain(struct adj_rib_out *rib)
{
	static char text[256];
	uint8_t buf[BGP_MESSAGE_MAX];
	struct adj_rib_out_batch batch;
	size_t size, used = 0;

	text[0] = '\0';
	while ((size = adj_rib_out_next(rib, buf, sizeof(buf), &batch)) > 0) {
		struct bgp_frame frame;
		struct bgp_error err;
		struct bgp_update update;

		cr_assert_eq(bgp_frame_next(&frame, &err, buf, size), BGP_FRAME_MESSAGE);
		cr_assert_eq(frame.size, size);
		cr_assert_eq(frame.type, batch.type);
		if (frame.type == BGP_MSG_ROUTE_REFRESH) {
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%c",
						 used ? " " : "", frame.body[2] == 1 ? 'B' : 'e');
			continue;
		}
		cr_assert_eq(bgp_update_decode(&update, frame.body, frame.body_len, BGP_FOUR_OCTET),
			     BGP_UPDATE_OK);
		cr_assert_eq(batch.count == 0, update.end_of_rib != ADDR_NONE);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? " " : "",
					 batch.count == 0  ? "E"
					 : batch.announced ? "+"
							   : "-");
		if (batch.count > 0)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%zu",
						 batch.count);
	}
	return text;
}

Test(adj_rib_out, life)
{
	struct adj_rib_out *rib = adj_rib_out_new();
	struct prefix a = prefix_of("198.18.0.0/24");
	struct bgp_policy told;

	announce(rib, "198.18.0.0/24", 0);
	announce(rib, "198.18.1.0/24", 0);
	announce(rib, "198.18.2.0/24", 3);
	announce(rib, "2001:db8::/48", 0);
	cr_expect_str_eq(drain(rib), "", "no session, nothing to say");
	session_up(rib);
	cr_expect_str_eq(drain(rib), "+2 +1 E +1 E", "equal attributes together");
	cr_expect_eq(adj_rib_out_sent_count(rib), 4);
	announce(rib, "198.18.0.0/24", 0);
	cr_expect_str_eq(drain(rib), "", "nothing has changed");
	announce(rib, "198.18.0.0/24", 2);
	cr_expect_str_eq(drain(rib), "+1", "replaced");
	cr_expect(adj_rib_out_has_sent(rib, &a, &told));
	cr_expect_eq(told.prepend, 2);
	withdraw(rib, "198.18.0.0/24");
	cr_expect(adj_rib_out_has_sent(rib, &a, NULL), "not yet told");
	withdraw(rib, "2001:db8::/48");
	withdraw(rib, "203.0.113.0/24");
	cr_expect_str_eq(drain(rib), "-1 -1");
	cr_expect_not(adj_rib_out_has_sent(rib, &a, NULL));
	adj_rib_out_session_down(rib);
	cr_expect_eq(adj_rib_out_sent_count(rib), 0);
	session_up(rib);
	cr_expect_str_eq(drain(rib), "+1 +1 E E", "what is left");
	adj_rib_out_free(rib);
}

/* RFC 4724, section 4.1: not before all is said, and then once. */
Test(adj_rib_out, end_of_rib_that_waits)
{
	struct adj_rib_out *rib = adj_rib_out_new();

	announce(rib, "198.18.0.0/24", 0);
	session_up(rib);
	adj_rib_out_hold(rib);
	cr_expect_str_eq(drain(rib), "+1");
	announce(rib, "198.18.1.0/24", 0);
	cr_expect_str_eq(drain(rib), "+1");
	adj_rib_out_release(rib);
	cr_expect_str_eq(drain(rib), "E E");
	adj_rib_out_hold(rib);
	adj_rib_out_session_down(rib);
	session_up(rib);
	cr_expect_str_eq(drain(rib), "+2 E E", "another session is another matter");
	adj_rib_out_free(rib);
}

Test(adj_rib_out, changes_that_cancel_out)
{
	struct adj_rib_out *rib = adj_rib_out_new();

	session_up(rib);
	drain(rib);
	announce(rib, "198.18.0.0/24", 0);
	withdraw(rib, "198.18.0.0/24");
	cr_expect_str_eq(drain(rib), "", "came and went unseen");
	announce(rib, "198.18.0.0/24", 0);
	drain(rib);
	withdraw(rib, "198.18.0.0/24");
	announce(rib, "198.18.0.0/24", 0);
	cr_expect_str_eq(drain(rib), "", "went and came back unseen");
	adj_rib_out_free(rib);
}

Test(adj_rib_out, refresh)
{
	struct adj_rib_out *rib = adj_rib_out_new();

	session_up(rib);
	announce(rib, "198.18.0.0/24", 0);
	announce(rib, "2001:db8::/48", 0);
	drain(rib);
	adj_rib_out_refresh(rib, ADDR_IPV6);
	cr_expect_str_eq(drain(rib), "+1");
	adj_rib_out_refresh(rib, ADDR_NONE);
	cr_expect_str_eq(drain(rib), "");
	adj_rib_out_withdraw_all(rib);
	cr_expect_str_eq(drain(rib), "-1 -1");
	adj_rib_out_free(rib);
}

Test(adj_rib_out, refresh_with_marks_of_rfc_7313)
{
	struct adj_rib_out *rib = adj_rib_out_new();
	struct adj_rib_out_session session = { .asn = 64500,
					       .four_octet = true,
					       .enhanced_refresh = true };

	addr_parse(&session.next_hop4, "10.0.0.1");
	announce(rib, "198.18.0.0/24", 0);
	announce(rib, "198.18.1.0/24", 1);
	adj_rib_out_session_up(rib, &session);
	adj_rib_out_refresh(rib, ADDR_IPV4);
	adj_rib_out_refresh(rib, ADDR_IPV6);
	cr_expect_str_eq(drain(rib), "+1 +1 E B +1 +1 e", "End-of-RIB first, then all between");
	adj_rib_out_refresh(rib, ADDR_IPV4);
	withdraw(rib, "198.18.1.0/24");
	announce(rib, "198.18.2.0/24", 2);
	cr_expect_str_eq(drain(rib), "-1 B +1 +1 e", "all between the marks");
	adj_rib_out_refresh(rib, ADDR_IPV4);
	adj_rib_out_session_down(rib);
	adj_rib_out_session_up(rib, &session);
	cr_expect_str_eq(drain(rib), "+1 +1 E", "a refresh ends with its session");
	adj_rib_out_session_up(rib, &session);
	adj_rib_out_hold(rib);
	adj_rib_out_refresh(rib, ADDR_IPV4);
	cr_expect_str_eq(drain(rib), "+1 +1", "it waits for an End-of-RIB that waits");
	adj_rib_out_release(rib);
	cr_expect_str_eq(drain(rib), "E B +1 +1 e");
	adj_rib_out_free(rib);
}

Test(adj_rib_out, family_not_spoken)
{
	struct adj_rib_out *rib = adj_rib_out_new();
	struct adj_rib_out_session session = { .asn = 64500, .four_octet = true };

	addr_parse(&session.next_hop4, "10.0.0.1");
	announce(rib, "198.18.0.0/24", 0);
	announce(rib, "2001:db8::/48", 0);
	adj_rib_out_session_up(rib, &session);
	cr_expect_str_eq(drain(rib), "+1 E");
	adj_rib_out_free(rib);
}

Test(adj_rib_out, many)
{
	struct adj_rib_out *rib = adj_rib_out_new();
	struct prefix base = prefix_of("10.0.0.0/32");
	struct bgp_policy policy = { 0 };

	for (uint32_t i = 0; i < 600; i++) {
		struct prefix prefix = base;

		prefix.addr = addr_plus(&base.addr, (i * 7) % 600);
		adj_rib_out_announce(rib, &prefix, &policy);
	}
	session_up(rib);
	cr_expect_str_eq(drain(rib), "+256 +256 +88 E E");
	adj_rib_out_withdraw_all(rib);
	cr_expect_str_eq(drain(rib), "-256 -256 -88");
	adj_rib_out_free(rib);
}
