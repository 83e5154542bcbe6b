/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/dataplane/neighbor_message.h"

#include <criterion/criterion.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

static const uint8_t mac[6] = { 2, 0, 0, 0, 0xaa, 1 };

/* Of 10.201.1.11, in state, on interface 4. */
static struct nl_msg *neigh(int type, uint16_t state, int mac_size, bool has_address)
{
	const struct ndmsg head = { .ndm_family = AF_INET, .ndm_ifindex = 4, .ndm_state = state };
	const uint8_t address[4] = { 10, 201, 1, 11 };
	struct nl_msg *msg = nlmsg_alloc_simple(type, 0);

	nlmsg_append(msg, (void *)&head, sizeof(head), NLMSG_ALIGNTO);
	if (has_address)
		nla_put(msg, NDA_DST, sizeof(address), address);
	if (mac_size)
		nla_put(msg, NDA_LLADDR, mac_size, mac);
	nla_put_u8(msg, NDA_PROTOCOL, 67);
	return msg;
}

static const struct {
	const char *name;
	int type;
	uint16_t state;
	int mac_size;
	bool is_known, is_lost, is_gone, is_fixed;
} states[] = {
	{ "reachable", RTM_NEWNEIGH, NUD_REACHABLE, 6, true, false, false, false },
	{ "stale", RTM_NEWNEIGH, NUD_STALE, 6, true, false, false, false },
	{ "asked again", RTM_NEWNEIGH, NUD_PROBE, 6, true, false, false, false },
	{ "fixed", RTM_NEWNEIGH, NUD_PERMANENT, 6, true, false, false, true },
	{ "asked for", RTM_NEWNEIGH, NUD_INCOMPLETE, 0, false, false, false, false },
	{ "not answered", RTM_NEWNEIGH, NUD_FAILED, 0, false, true, false, false },
	{ "not answered any more", RTM_NEWNEIGH, NUD_FAILED, 6, false, true, false, false },
	{ "no Ethernet", RTM_NEWNEIGH, NUD_REACHABLE, 4, false, false, false, false },
	{ "removed", RTM_DELNEIGH, NUD_REACHABLE, 6, false, true, true, false },
	{ "a fixed one removed", RTM_DELNEIGH, NUD_PERMANENT, 6, false, true, true, false },
};

Test(neighbor_message, says_what_is_known)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct nl_msg *msg =
			neigh(states[i].type, states[i].state, states[i].mac_size, true);
		struct neighbor_news news;

		cr_assert(neighbor_news_read(&news, nlmsg_hdr(msg)), "%s", states[i].name);
		cr_expect_eq(addr_to_ipv4(&news.addr), 0x0ac9010b);
		cr_expect(news.ifindex == 4 && news.protocol == 67, "%s", states[i].name);
		cr_expect_eq(news.is_known, states[i].is_known, "%s", states[i].name);
		cr_expect_eq(news.is_lost, states[i].is_lost, "%s", states[i].name);
		cr_expect_eq(news.is_gone, states[i].is_gone, "%s", states[i].name);
		cr_expect_eq(news.is_fixed, states[i].is_fixed, "%s", states[i].name);
		if (news.is_known)
			cr_expect_arr_eq(news.mac, mac, sizeof(mac));
		nlmsg_free(msg);
	}
}

Test(neighbor_message, passes_over_the_rest)
{
	struct nl_msg *no_address = neigh(RTM_NEWNEIGH, NUD_REACHABLE, 6, false);
	struct nl_msg *other = neigh(RTM_NEWADDR, NUD_REACHABLE, 6, true);
	struct nl_msg *bridge = neigh(RTM_NEWNEIGH, NUD_REACHABLE, 6, true);
	struct neighbor_news news;

	((struct ndmsg *)nlmsg_data(nlmsg_hdr(bridge)))->ndm_family = AF_BRIDGE;
	cr_expect_not(neighbor_news_read(&news, nlmsg_hdr(no_address)));
	cr_expect_not(neighbor_news_read(&news, nlmsg_hdr(other)));
	cr_expect_not(neighbor_news_read(&news, nlmsg_hdr(bridge)));
	nlmsg_free(no_address);
	nlmsg_free(other);
	nlmsg_free(bridge);
}

static const struct {
	const char *name;
	uint8_t type;
	bool has_interface, has_gateway;
	bool is_read, is_ours, is_on_link;
} ways[] = {
	{ "on the link", RTN_UNICAST, true, false, true, false, true },
	{ "behind a router", RTN_UNICAST, true, true, true, false, false },
	{ "this machine", RTN_LOCAL, true, false, true, true, false },
	{ "unreachable", RTN_UNREACHABLE, false, false, false, false, false },
};

Test(neighbor_message, tells_the_way)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const struct rtmsg head = { .rtm_family = AF_INET, .rtm_type = ways[i].type };
		struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWROUTE, 0);
		struct neighbor_way way;

		nlmsg_append(msg, (void *)&head, sizeof(head), NLMSG_ALIGNTO);
		if (ways[i].has_interface)
			nla_put_u32(msg, RTA_OIF, 4);
		if (ways[i].has_gateway)
			nla_put_u32(msg, RTA_GATEWAY, 0x0101a8c0);
		cr_assert_eq(neighbor_way_read(&way, nlmsg_hdr(msg)), ways[i].is_read, "%s",
			     ways[i].name);
		if (ways[i].is_read)
			cr_expect(way.ifindex == 4 && way.is_ours == ways[i].is_ours &&
					  way.is_on_link == ways[i].is_on_link,
				  "%s", ways[i].name);
		nlmsg_free(msg);
	}
}
