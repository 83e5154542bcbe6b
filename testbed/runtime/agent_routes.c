/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_routes.c - telling the supervisor when the kernel's BGP routes change.
 *
 * What users feel is the kernel's table, not the daemon's: so the instant that
 * counts is that of the netlink notification. Rows collect for a moment:
 *
 *	{"type":"routes", "rows":[[t_ns, "add"|"del", "198.18.0.0/24", "10.1.128.0"], ...]}
 *
 * The last is "" for a wire, "unreachable" for a route that drops what it takes.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "lib/addr.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "testbed/runtime/agent_parts.h"

#define COLLECT_S    0.02
#define PROTO_BIRD   12
#define PROTO_STATIC 196 /* of FRR; its BGP and OSPF are in rtnetlink.h */
#define BUFFER_BYTES (4 * 1024 * 1024)

struct agent_routes {
	struct agent *agent;
	struct nl_sock *nl;
	ev_io readable;
	ev_timer collect;
	json_t *rows;
};

static bool attr_addr(struct nlattr *attr, int family, struct addr *out)
{
	enum addr_family f = family == AF_INET ? ADDR_IPV4 : ADDR_IPV6;

	*out = (struct addr){ .family = (uint8_t)f };
	if (!attr)
		return true; /* a default route has no destination */
	if (nla_len(attr) != (int)addr_size(f))
		return false;
	*out = addr_from_bytes(f, nla_data(attr));
	return true;
}

/* A routing daemon's: not what the kernel or we have put there. */
static bool is_daemons(unsigned protocol)
{
	return protocol == PROTO_BIRD || protocol == RTPROT_BGP || protocol == RTPROT_OSPF ||
	       protocol == PROTO_STATIC;
}

static const char *next_hop(const struct rtmsg *rt, const struct nlattr *gateway,
			    const struct addr *via, char buf[ADDR_TEXT_SIZE])
{
	if (rt->rtm_type != RTN_UNICAST)
		return "unreachable";
	return gateway ? addr_format(via, buf) : "";
}

static int on_route(struct nl_msg *msg, void *arg)
{
	struct agent_routes *r = arg;
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct rtmsg *rt = nlmsg_data(hdr);
	struct nlattr *attrs[RTA_MAX + 1];
	struct prefix dst;
	struct addr via;
	char to[PREFIX_TEXT_SIZE], hop[ADDR_TEXT_SIZE];

	if ((hdr->nlmsg_type != RTM_NEWROUTE && hdr->nlmsg_type != RTM_DELROUTE) ||
	    !is_daemons(rt->rtm_protocol) || rt->rtm_table != RT_TABLE_MAIN ||
	    nlmsg_parse(hdr, sizeof(*rt), attrs, RTA_MAX, NULL) < 0 ||
	    !attr_addr(attrs[RTA_DST], rt->rtm_family, &dst.addr) ||
	    !attr_addr(attrs[RTA_GATEWAY], rt->rtm_family, &via))
		return NL_OK;
	dst.len = rt->rtm_dst_len;
	json_array_append_new(r->rows, json_pack("[I, s, s, s]", (json_int_t)clock_now().ns,
						 hdr->nlmsg_type == RTM_NEWROUTE ? "add" : "del",
						 prefix_format(&dst, to),
						 next_hop(rt, attrs[RTA_GATEWAY], &via, hop)));
	if (!ev_is_active(&r->collect))
		ev_timer_start(r->agent->loop, &r->collect);
	return NL_OK;
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct agent_routes *r = w->data;

	(void)loop;
	(void)revents;
	/* An overflow (-NLE_NOMEM) is an invalid trial, not a silent gap. */
	if (nl_recvmsgs_default(r->nl) == -NLE_NOMEM)
		control_send(r->agent->control,
			     json_pack("{s:s, s:s}", "type", "lost", "what", "route changes"), -1);
}

static void on_collected(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct agent_routes *r = w->data;

	(void)loop;
	(void)revents;
	ev_timer_set(&r->collect, COLLECT_S, 0);
	control_send(r->agent->control, json_pack("{s:s, s:o}", "type", "routes", "rows", r->rows),
		     -1);
	r->rows = json_array();
}

void agent_routes_watch(struct agent *agent)
{
	struct agent_routes *r = x_new(struct agent_routes);

	r->agent = agent;
	r->rows = json_array();
	r->nl = nl_socket_alloc();
	agent->routes = r;
	nl_socket_disable_seq_check(r->nl);
	nl_socket_modify_cb(r->nl, NL_CB_VALID, NL_CB_CUSTOM, on_route, r);
	if (nl_connect(r->nl, NETLINK_ROUTE) < 0)
		return;
	nl_socket_set_nonblocking(r->nl);
	nl_socket_set_buffer_size(r->nl, BUFFER_BYTES, 0);
	nl_socket_add_memberships(r->nl, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, 0);
	ev_io_init(&r->readable, on_readable, nl_socket_get_fd(r->nl), EV_READ);
	ev_timer_init(&r->collect, on_collected, COLLECT_S, 0);
	r->readable.data = r->collect.data = r;
	ev_io_start(agent->loop, &r->readable);
}
