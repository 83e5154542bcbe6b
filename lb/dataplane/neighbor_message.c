/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/dataplane/neighbor_message.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <string.h>

#define FIXED_STATES (NUD_PERMANENT | NUD_NOARP)
#define KNOWN_STATES (FIXED_STATES | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)

bool neighbor_news_read(struct neighbor_news *out, struct nlmsghdr *message)
{
	const struct ndmsg *head = nlmsg_data(message);
	struct neighbor_news news = { 0 };
	struct nlattr *tb[NDA_MAX + 1];
	enum addr_family family;

	if ((message->nlmsg_type != RTM_NEWNEIGH && message->nlmsg_type != RTM_DELNEIGH) ||
	    nlmsg_parse(message, sizeof(*head), tb, NDA_MAX, NULL) < 0 ||
	    (head->ndm_family != AF_INET && head->ndm_family != AF_INET6))
		return false;
	family = head->ndm_family == AF_INET ? ADDR_IPV4 : ADDR_IPV6;
	if (!tb[NDA_DST] || (size_t)nla_len(tb[NDA_DST]) != addr_size(family))
		return false;
	news.addr = addr_from_bytes(family, nla_data(tb[NDA_DST]));
	news.ifindex = (unsigned)head->ndm_ifindex;
	news.is_gone = message->nlmsg_type == RTM_DELNEIGH;
	news.is_lost = news.is_gone || head->ndm_state & NUD_FAILED;
	news.is_fixed = !news.is_gone && head->ndm_state & FIXED_STATES;
	if (tb[NDA_PROTOCOL])
		news.protocol = nla_get_u8(tb[NDA_PROTOCOL]);
	if (!news.is_gone && head->ndm_state & KNOWN_STATES && tb[NDA_LLADDR] &&
	    nla_len(tb[NDA_LLADDR]) == sizeof(news.mac)) {
		news.is_known = true;
		memcpy(news.mac, nla_data(tb[NDA_LLADDR]), sizeof(news.mac));
	}
	*out = news;
	return true;
}

bool neighbor_way_read(struct neighbor_way *out, struct nlmsghdr *message)
{
	const struct rtmsg *head = nlmsg_data(message);
	struct nlattr *tb[RTA_MAX + 1];

	if (message->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse(message, sizeof(*head), tb, RTA_MAX, NULL) < 0 || !tb[RTA_OIF])
		return false;
	*out = (struct neighbor_way){
		.ifindex = nla_get_u32(tb[RTA_OIF]),
		.is_ours = head->rtm_type == RTN_LOCAL,
		.is_on_link = head->rtm_type == RTN_UNICAST && !tb[RTA_GATEWAY] && !tb[RTA_VIA],
	};
	return true;
}
