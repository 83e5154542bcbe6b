/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages are put together by hand on libnl's core: its rtnl_addr objects do
 * not know IFA_PROTO.
 */
#include "lb/dataplane/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

#include "lib/alloc.h"

struct dp_netlink {
	struct nl_sock *sock;
	int error; /* of the last request, -errno: libnl's own codes are coarser */
};

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *arg)
{
	struct dp_netlink *nl = arg;

	(void)from;
	nl->error = err->error;
	return NL_STOP;
}

int dp_netlink_open(struct dp_netlink **out)
{
	struct dp_netlink *nl = x_new(struct dp_netlink);

	nl->sock = nl_socket_alloc();
	if (!nl->sock)
		abort();
	if (nl_connect(nl->sock, NETLINK_ROUTE) < 0) {
		dp_netlink_close(nl);
		return -EPROTONOSUPPORT;
	}
	nl_socket_modify_err_cb(nl->sock, NL_CB_CUSTOM, on_error, nl);
	*out = nl;
	return 0;
}

void dp_netlink_close(struct dp_netlink *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->sock);
	free(nl);
}

static struct nl_msg *message(int type, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg)
		abort();
	return msg;
}

/* Send, wait for the acknowledgement, free the message. failed: it did not fit. */
static int request(struct dp_netlink *nl, struct nl_msg *msg, bool failed)
{
	int err = failed ? -EMSGSIZE : 0;

	nl->error = 0;
	if (!err && (nl_send_auto(nl->sock, msg) < 0 || nl_wait_for_ack(nl->sock) < 0))
		err = nl->error ? nl->error : -EIO;
	nlmsg_free(msg);
	return err;
}

static uint8_t af(enum addr_family family)
{
	return family == ADDR_IPV4 ? AF_INET : AF_INET6;
}

static int address_request(struct dp_netlink *nl, int type, int flags, unsigned ifindex,
			   const struct addr *addr)
{
	const struct ifaddrmsg head = {
		.ifa_family = af(addr->family),
		.ifa_prefixlen = (uint8_t)addr_bits(addr->family),
		.ifa_index = ifindex,
		.ifa_scope = RT_SCOPE_UNIVERSE,
	};
	struct nl_msg *msg = message(type, flags);
	int size = (int)addr_size(addr->family);
	bool failed = nlmsg_append(msg, (void *)&head, sizeof(head), NLMSG_ALIGNTO) < 0 ||
		      nla_put(msg, IFA_LOCAL, size, addr->bytes) < 0 ||
		      nla_put(msg, IFA_ADDRESS, size, addr->bytes) < 0;

	if (type == RTM_NEWADDR)
		failed = failed || nla_put_u32(msg, IFA_FLAGS, IFA_F_NODAD) < 0 ||
			 nla_put_u8(msg, IFA_PROTO, DP_PROTOCOL) < 0;
	return request(nl, msg, failed);
}

int dp_netlink_address_add(struct dp_netlink *nl, unsigned ifindex, const struct addr *addr)
{
	return address_request(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, addr);
}

int dp_netlink_address_remove(struct dp_netlink *nl, unsigned ifindex, const struct addr *addr)
{
	return address_request(nl, RTM_DELADDR, 0, ifindex, addr);
}

static int put_prefix(struct nl_msg *msg, const struct prefix *prefix, uint8_t type,
		      uint32_t metric)
{
	const struct rtmsg head = {
		.rtm_family = af(prefix->addr.family),
		.rtm_dst_len = prefix->len,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = DP_PROTOCOL,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = type,
	};

	if (nlmsg_append(msg, (void *)&head, sizeof(head), NLMSG_ALIGNTO) < 0 ||
	    nla_put_u32(msg, RTA_PRIORITY, metric) < 0)
		return -EMSGSIZE;
	if (prefix->len == 0)
		return 0;
	return nla_put(msg, RTA_DST, (int)addr_size(prefix->addr.family), prefix->addr.bytes);
}

int dp_netlink_unreachable_add(struct dp_netlink *nl, const struct prefix *prefix)
{
	struct nl_msg *msg = message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);

	return request(nl, msg,
		       put_prefix(msg, prefix, RTN_UNREACHABLE, DP_UNREACHABLE_METRIC) < 0);
}

int dp_netlink_unreachable_remove(struct dp_netlink *nl, const struct prefix *prefix)
{
	struct nl_msg *msg = message(RTM_DELROUTE, 0);

	return request(nl, msg,
		       put_prefix(msg, prefix, RTN_UNREACHABLE, DP_UNREACHABLE_METRIC) < 0);
}

/* Of the route's own family RTA_GATEWAY, of the other RTA_VIA (Linux 5.2). */
static int put_gateway(struct nl_msg *msg, enum addr_family family, const struct addr *next_hop)
{
	uint16_t via_family = af(next_hop->family);
	uint8_t via[sizeof(struct rtvia) + sizeof(next_hop->bytes)];
	size_t size = addr_size(next_hop->family);

	if (next_hop->family == family)
		return nla_put(msg, RTA_GATEWAY, (int)size, next_hop->bytes);
	memcpy(via, &via_family, sizeof(via_family));
	memcpy(via + sizeof(struct rtvia), next_hop->bytes, size);
	return nla_put(msg, RTA_VIA, (int)(sizeof(struct rtvia) + size), via);
}

/* One struct rtnexthop and its gateway. */
static int put_leg(struct nl_msg *msg, enum addr_family family, const struct leg *leg)
{
	struct rtnexthop *hop = nlmsg_reserve(msg, sizeof(*hop), NLMSG_ALIGNTO);
	size_t start;

	if (!hop)
		return -EMSGSIZE;
	start = nlmsg_hdr(msg)->nlmsg_len - sizeof(*hop);
	*hop = (struct rtnexthop){ .rtnh_ifindex = (int)leg->ifindex };
	if (put_gateway(msg, family, &leg->next_hop) < 0)
		return -EMSGSIZE;
	hop->rtnh_len = (unsigned short)(nlmsg_hdr(msg)->nlmsg_len - start);
	return 0;
}

static int put_advmss(struct nl_msg *msg, uint32_t advmss)
{
	struct nlattr *metrics = nla_nest_start(msg, RTA_METRICS);

	if (!metrics || nla_put_u32(msg, RTAX_ADVMSS, advmss) < 0)
		return -EMSGSIZE;
	return nla_nest_end(msg, metrics);
}

static struct prefix default_prefix(enum addr_family family)
{
	return (struct prefix){ .addr = { .family = (uint8_t)family } };
}

int dp_netlink_default_set(struct dp_netlink *nl, enum addr_family family, uint32_t metric,
			   const struct legs *legs, uint32_t advmss, bool replace)
{
	const struct prefix all = default_prefix(family);
	struct nl_msg *msg =
		message(RTM_NEWROUTE, NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL));
	bool failed = put_prefix(msg, &all, RTN_UNICAST, metric) < 0;
	struct nlattr *hops;

	failed = failed || (advmss && put_advmss(msg, advmss) < 0);
	hops = nla_nest_start(msg, RTA_MULTIPATH);
	failed = failed || !hops;
	for (size_t i = 0; i < legs->count && !failed; i++)
		failed = put_leg(msg, family, &legs->items[i]) < 0;
	if (!failed)
		nla_nest_end(msg, hops);
	return request(nl, msg, failed);
}

int dp_netlink_default_remove(struct dp_netlink *nl, enum addr_family family, uint32_t metric)
{
	const struct prefix all = default_prefix(family);
	struct nl_msg *msg = message(RTM_DELROUTE, 0);

	return request(nl, msg, put_prefix(msg, &all, RTN_UNICAST, metric) < 0);
}

struct walk {
	dp_leftover_fn *found;
	void *ctx;
};

static bool get_prefix(struct prefix *out, uint8_t family, unsigned len, struct nlattr *attr)
{
	enum addr_family ours = family == AF_INET ? ADDR_IPV4 : ADDR_IPV6;

	if (family != AF_INET && family != AF_INET6)
		return false;
	*out = default_prefix(ours);
	out->len = (uint8_t)len;
	if (attr && (size_t)nla_len(attr) == addr_size(ours))
		out->addr = addr_from_bytes(ours, nla_data(attr));
	return attr || len == 0;
}

static void on_address(const struct walk *walk, struct nlmsghdr *hdr)
{
	const struct ifaddrmsg *head = nlmsg_data(hdr);
	struct nlattr *tb[IFA_MAX + 1];
	struct dp_leftover left = { .kind = DP_ADDRESS, .ifindex = head->ifa_index };

	if (nlmsg_parse(hdr, sizeof(*head), tb, IFA_MAX, NULL) < 0 || !tb[IFA_PROTO] ||
	    nla_get_u8(tb[IFA_PROTO]) != DP_PROTOCOL)
		return;
	if (get_prefix(&left.prefix, head->ifa_family, head->ifa_prefixlen,
		       tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS]))
		walk->found(walk->ctx, &left);
}

static void on_route(const struct walk *walk, struct nlmsghdr *hdr)
{
	const struct rtmsg *head = nlmsg_data(hdr);
	struct nlattr *tb[RTA_MAX + 1];
	struct dp_leftover left = {
		.kind = head->rtm_type == RTN_UNREACHABLE ? DP_UNREACHABLE : DP_ROUTE,
	};

	if (head->rtm_protocol != DP_PROTOCOL || head->rtm_table != RT_TABLE_MAIN ||
	    nlmsg_parse(hdr, sizeof(*head), tb, RTA_MAX, NULL) < 0)
		return;
	left.metric = tb[RTA_PRIORITY] ? nla_get_u32(tb[RTA_PRIORITY]) : 0;
	if (get_prefix(&left.prefix, head->rtm_family, head->rtm_dst_len, tb[RTA_DST]))
		walk->found(walk->ctx, &left);
}

static int on_item(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);

	if (hdr->nlmsg_type == RTM_NEWADDR)
		on_address(arg, hdr);
	else if (hdr->nlmsg_type == RTM_NEWROUTE)
		on_route(arg, hdr);
	return NL_OK;
}

int dp_netlink_leftovers(struct dp_netlink *nl, dp_leftover_fn *found, void *ctx)
{
	static const int types[] = { RTM_GETADDR, RTM_GETROUTE };
	struct walk walk = { found, ctx };
	struct nl_cb *base = nl_socket_get_cb(nl->sock), *cb = nl_cb_clone(base);
	int err = 0;

	nl_cb_put(base);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_item, &walk);
	for (size_t i = 0; i < 2 && !err; i++) {
		struct rtgenmsg all = { .rtgen_family = AF_UNSPEC };

		if (nl_send_simple(nl->sock, types[i], NLM_F_DUMP, &all, sizeof(all)) < 0 ||
		    nl_recvmsgs(nl->sock, cb) < 0)
			err = -EIO;
	}
	nl_cb_put(cb);
	return err;
}

int dp_netlink_watch_links(struct dp_netlink *nl, int *fd)
{
	nl_socket_disable_seq_check(nl->sock);
	if (nl_socket_set_nonblocking(nl->sock) < 0 ||
	    nl_socket_add_memberships(nl->sock, RTNLGRP_LINK, RTNLGRP_NONE) < 0)
		return -EIO;
	*fd = nl_socket_get_fd(nl->sock);
	return 0;
}

void dp_netlink_watch_drain(struct dp_netlink *nl)
{
	/* An overrun (-NLE_NOMEM) says the same as a message: something has changed. */
	while (nl_recvmsgs_default(nl->sock) >= 0)
		;
}
