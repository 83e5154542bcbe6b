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

	adj_rib_out_withdraw(rib, &prefix, 1);
}

/* The bytes have the prefixes that the batch says, no matter what was in the message before. */
static void expect_same(const struct adj_rib_out_batch *batch, const struct bgp_update *update)
{
	const struct bgp_attrs *attrs = &update->attrs;
	const struct bgp_nlri *two[2] = { &update->withdrawn, &attrs->mp_unreach };
	size_t n = 0;

	if (batch->announced) {
		two[0] = &update->reach;
		two[1] = &attrs->mp_reach;
	}
	for (int i = 0; i < 2; i++) {
		struct wire_reader r = wire_reader(two[i]->bytes, two[i]->len);
		struct prefix prefix;

		while (two[i]->len > 0 && bgp_nlri_next(&r, two[i]->family, &prefix)) {
			cr_assert_lt(n, batch->count);
			cr_expect(prefix_equal(&prefix, &batch->prefixes[n]), "prefix %zu", n);
			n++;
		}
	}
	cr_expect_eq(n, batch->count);
}

/*
 * What comes next, after another peer's message: "+2 -1 E B e" is two announced, one withdrawn,
 * End-of-RIB, refresh marks.
 */
static const char *drain_after(struct adj_rib_out *rib, struct adj_rib_out_message *message)
{
	static char text[256];
	const struct adj_rib_out_batch *batch = &message->batch;
	size_t used = 0;

	text[0] = '\0';
	while (adj_rib_out_next(rib, message)) {
		struct bgp_frame frame;
		struct bgp_error err;
		struct bgp_update update;

		cr_assert_eq(bgp_frame_next(&frame, &err, message->bytes, message->size),
			     BGP_FRAME_MESSAGE);
		cr_assert_eq(frame.size, message->size);
		cr_assert_eq(frame.type, batch->type);
		if (frame.type == BGP_MSG_ROUTE_REFRESH) {
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%c",
						 used ? " " : "", frame.body[2] == 1 ? 'B' : 'e');
			continue;
		}
		cr_assert_eq(bgp_update_decode(&update, frame.body, frame.body_len, BGP_FOUR_OCTET),
			     BGP_UPDATE_OK);
		cr_assert_eq(batch->count == 0, update.end_of_rib != ADDR_NONE);
		if (batch->count > 0)
			expect_same(batch, &update);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? " " : "",
					 batch->count == 0  ? "E"
					 : batch->announced ? "+"
							    : "-");
		if (batch->count > 0)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%zu",
						 batch->count);
	}
	return text;
}

static const char *drain(struct adj_rib_out *rib)
{
	struct adj_rib_out_message message;

	message.size = 0;
	return drain_after(rib, &message);
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

struct other_peer {
	const char *name;
	const char *told[4], *other[4]; /* what one is to be told is withdrawn, and the other */
	const char *expect;		/* of the other */
};

static const struct other_peer other_peers[] = {
	{ "the same", { "10.0.0.0/24", "10.0.1.0/24" }, { "10.0.0.0/24", "10.0.1.0/24" }, "-2" },
	{ "fewer", { "10.0.0.0/24", "10.0.1.0/24" }, { "10.0.0.0/24" }, "-1" },
	{ "more", { "10.0.0.0/24" }, { "10.0.0.0/24", "10.0.1.0/24" }, "-2" },
	{ "the last is another",
	  { "10.0.0.0/24", "10.0.1.0/24" },
	  { "10.0.0.0/24", "10.0.2.0/24" },
	  "-2" },
	{ "the first is another",
	  { "10.0.0.0/24", "10.0.2.0/24" },
	  { "10.0.1.0/24", "10.0.2.0/24" },
	  "-2" },
	{ "another length", { "10.0.0.0/24" }, { "10.0.0.0/25" }, "-1" },
	{ "another family", { "10.0.0.0/24" }, { "2001:db8::/48" }, "-1" },
	{ "both families",
	  { "10.0.0.0/24", "2001:db8::/48" },
	  { "10.0.0.0/24", "2001:db8::/48" },
	  "-1 -1" },
	{ "the second family only", { "10.0.0.0/24", "2001:db8::/48" }, { "2001:db8::/48" }, "-1" },
	{ "nothing", { "10.0.0.0/24" }, { NULL }, "" },
};

/* Announced, told, withdrawn, and that not yet told. */
static struct adj_rib_out *about_to_withdraw(const char *const texts[4])
{
	struct adj_rib_out *rib = adj_rib_out_new();
	struct prefix prefixes[4];
	size_t count = 0;

	session_up(rib);
	for (; count < 4 && texts[count]; count++) {
		prefixes[count] = prefix_of(texts[count]);
		announce(rib, texts[count], 0);
	}
	drain(rib);
	adj_rib_out_withdraw(rib, prefixes, count);
	return rib;
}

Test(adj_rib_out, after_what_another_peer_was_told)
{
	for (size_t i = 0; i < sizeof(other_peers) / sizeof(other_peers[0]); i++) {
		const struct other_peer *row = &other_peers[i];
		struct adj_rib_out *rib = about_to_withdraw(row->told);
		struct adj_rib_out *other = about_to_withdraw(row->other);
		struct adj_rib_out_message message;

		message.size = 0;
		drain_after(rib, &message);
		cr_expect_str_eq(drain_after(other, &message), row->expect, "%s", row->name);
		cr_expect_eq(adj_rib_out_sent_count(other), 0, "%s", row->name);
		cr_expect_str_eq(drain_after(other, &message), "", "%s: again", row->name);
		adj_rib_out_free(rib);
		adj_rib_out_free(other);
	}
}

Test(adj_rib_out, after_another_kind_of_message)
{
	const char *const texts[4] = { "10.0.0.0/24" };
	struct adj_rib_out *rib = about_to_withdraw(texts), *other = about_to_withdraw(texts);
	struct adj_rib_out_message message;

	message.size = 0;
	announce(rib, "10.0.0.0/24", 1);
	cr_expect_str_eq(drain_after(rib, &message), "+1");
	cr_expect_str_eq(drain_after(other, &message), "-1", "the same prefix was announced");
	session_up(rib);
	withdraw(rib, "10.0.0.0/24");
	cr_expect_str_eq(drain_after(rib, &message), "E E");
	announce(other, "10.0.0.0/24", 0);
	cr_expect_str_eq(drain_after(other, &message), "+1");
	adj_rib_out_refresh(other, ADDR_IPV4);
	withdraw(other, "10.0.0.0/24");
	cr_expect_str_eq(drain_after(other, &message), "-1");
	adj_rib_out_free(rib);
	adj_rib_out_free(other);
}

/* More than the message takes: the other gets all of it, too. */
Test(adj_rib_out, after_what_did_not_fit)
{
	struct adj_rib_out *ribs[2] = { adj_rib_out_new(), adj_rib_out_new() };
	struct adj_rib_out_message message;
	struct bgp_policy policy = { 0 };

	message.size = 0;
	for (uint32_t i = 0; i < 2 * 300; i++) {
		struct prefix prefix = prefix_of("2001:db8::/128");

		prefix.addr.bytes[14] = (uint8_t)((i / 2) >> 8);
		prefix.addr.bytes[15] = (uint8_t)(i / 2);
		adj_rib_out_announce(ribs[i % 2], &prefix, &policy);
	}
	for (int i = 0; i < 2; i++) {
		session_up(ribs[i]);
		drain(ribs[i]);
		adj_rib_out_withdraw_all(ribs[i]);
		cr_expect_str_eq(drain_after(ribs[i], &message), "-239 -61");
		adj_rib_out_free(ribs[i]);
	}
}
