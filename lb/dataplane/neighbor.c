/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages are put together by hand on libnl's core: its rtnl_neigh objects do not know
 * NDA_FLAGS_EXT. Two sockets: on one each request is followed by its acknowledgement, the other
 * only listens.
 */
#include "lb/dataplane/neighbor.h"

#include <errno.h>
#include <ev.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lb/dataplane/neighbor_doubt.h"
#include "lb/dataplane/neighbor_message.h"
#include "lb/dataplane/netlink.h"
#include "lib/alloc.h"

#ifndef NTF_EXT_MANAGED
#define NTF_EXT_MANAGED (1 << 0)
#endif

/* Who is not known is asked for again. */
#define RETRY_S 1.0
/* Entries go in bursts, as with a link that goes down. */
#define SETTLE_S 0.05

struct item {
	struct addr addr;
	struct neighbor neighbor;
	unsigned ifindex; /* 0: no way there is known */
	bool is_fixed;
	bool is_ours; /* we have made it managed */
	bool is_asked;
	struct neighbor_doubt doubt;
};

struct neighbors {
	struct ev_loop *loop;
	struct nl_sock *sock, *watch;
	struct ev_io io;
	struct ev_timer retry;
	void (*on_change)(void *ctx);
	void *ctx;
	struct item *items;
	size_t count;
	/* Of the request under way. */
	int error;
	bool is_done, is_way, has_changed;
	struct neighbor_way way;
	/* Left by a predecessor; while starting. */
	struct neighbor_news *left;
	size_t left_count;
};

/* ---- requests ---- */

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *arg)
{
	struct neighbors *n = arg;

	(void)from;
	n->error = err->error;
	n->is_done = true;
	return NL_STOP;
}

static int on_done(struct nl_msg *msg, void *arg)
{
	struct neighbors *n = arg;

	(void)msg;
	n->is_done = true;
	return NL_STOP;
}

static struct nl_msg *message(int type, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg)
		abort();
	return msg;
}

/* Send, wait for the end of the answer, free the message. */
static int request(struct neighbors *n, struct nl_msg *msg, bool failed)
{
	n->error = 0;
	n->is_done = false;
	if (failed || nl_send_auto(n->sock, msg) < 0)
		n->error = failed ? -EMSGSIZE : -EIO;
	while (!n->error && !n->is_done) {
		if (nl_recvmsgs_default(n->sock) < 0 && !n->error)
			n->error = -EIO;
	}
	nlmsg_free(msg);
	return n->error;
}

static uint8_t af(const struct addr *addr)
{
	return addr->family == ADDR_IPV4 ? AF_INET : AF_INET6;
}

static int way_ask(struct neighbors *n, const struct addr *addr, struct neighbor_way *out)
{
	const struct rtmsg head = { .rtm_family = af(addr),
				    .rtm_dst_len = (uint8_t)addr_bits(addr->family) };
	struct nl_msg *msg = message(RTM_GETROUTE, 0);
	bool failed = nlmsg_append(msg, (void *)&head, sizeof(head), NLMSG_ALIGNTO) < 0 ||
		      nla_put(msg, RTA_DST, (int)addr_size(addr->family), addr->bytes) < 0;
	int err;

	n->is_way = false;
	err = request(n, msg, failed);
	*out = n->way;
	return err ? err : n->is_way ? 0 : -ENETUNREACH;
}

static int entry_request(struct neighbors *n, int type, const struct item *item, uint16_t state,
			 uint32_t flags_ext)
{
	const struct ndmsg head = { .ndm_family = af(&item->addr),
				    .ndm_ifindex = (int)item->ifindex,
				    .ndm_state = state };
	struct nl_msg *msg = message(type, type == RTM_NEWNEIGH ? NLM_F_CREATE : 0);
	bool failed =
		nlmsg_append(msg, (void *)&head, sizeof(head), NLMSG_ALIGNTO) < 0 ||
		nla_put(msg, NDA_DST, (int)addr_size(item->addr.family), item->addr.bytes) < 0;

	if (type == RTM_NEWNEIGH)
		failed = failed || nla_put_u8(msg, NDA_PROTOCOL, DP_PROTOCOL) < 0;
	if (flags_ext)
		failed = failed || nla_put_u32(msg, NDA_FLAGS_EXT, flags_ext) < 0;
	return request(n, msg, failed);
}

static int table_read(struct neighbors *n)
{
	const struct ndmsg all = { .ndm_family = AF_UNSPEC };
	struct nl_msg *msg = message(RTM_GETNEIGH, NLM_F_DUMP);

	return request(n, msg, nlmsg_append(msg, (void *)&all, sizeof(all), NLMSG_ALIGNTO) < 0);
}

/* ---- what is known of an address ---- */

static struct item *find(const struct neighbors *n, const struct addr *addr)
{
	for (size_t i = 0; i < n->count; i++)
		if (addr_equal(&n->items[i].addr, addr))
			return &n->items[i];
	return NULL;
}

static void become(struct neighbors *n, struct item *item, enum neighbor_state state)
{
	n->has_changed |= item->neighbor.state != state;
	item->neighbor.state = state;
}

/* False: there is no such interface. */
static bool interface_ask(unsigned ifindex, unsigned long what, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is_there;

	*ifr = (struct ifreq){ 0 };
	if (fd < 0)
		return false;
	is_there = if_indextoname(ifindex, ifr->ifr_name) && ioctl(fd, what, ifr) == 0;
	close(fd);
	return is_there;
}

static void own_mac(unsigned ifindex, uint8_t mac[6])
{
	struct ifreq ifr;

	if (interface_ask(ifindex, SIOCGIFHWADDR, &ifr))
		memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
}

static bool is_link_up(unsigned ifindex)
{
	struct ifreq ifr;

	return interface_ask(ifindex, SIOCGIFFLAGS, &ifr) && ifr.ifr_flags & IFF_RUNNING;
}

/* It cannot be reached, says the kernel. */
static void doubt(struct neighbors *n, struct item *item, enum neighbor_state found)
{
	become(n, item,
	       neighbor_doubt_judge(&item->doubt, found, is_link_up(item->neighbor.ifindex),
				    clock_now()));
}

static void take_mac(struct neighbors *n, struct item *item, const uint8_t mac[6])
{
	struct neighbor now = { .state = NEIGHBOR_KNOWN, .ifindex = item->ifindex };

	memcpy(now.mac, mac, sizeof(now.mac));
	own_mac(item->ifindex, now.from);
	neighbor_doubt_end(&item->doubt);
	n->has_changed |= memcmp(&now, &item->neighbor, sizeof(now)) != 0;
	item->neighbor = now;
}

static void on_news(struct neighbors *n, const struct neighbor_news *news)
{
	struct item *item = find(n, &news->addr);

	if (!item || item->ifindex != news->ifindex)
		return;
	item->is_fixed = news->is_fixed;
	item->is_ours &= !news->is_gone;
	if (news->is_known) {
		take_mac(n, item, news->mac);
	} else if (news->is_gone) {
		neighbor_doubt_begin(&item->doubt, clock_now());
		become(n, item, NEIGHBOR_ASKED);
	} else if (news->is_lost) {
		doubt(n, item, NEIGHBOR_LOST);
	}
}

static void keep_left(struct neighbors *n, const struct neighbor_news *news)
{
	n->left = xreallocarray(n->left, n->left_count + 1, sizeof(*n->left));
	n->left[n->left_count++] = *news;
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct neighbors *n = arg;
	struct neighbor_news news;

	if (neighbor_way_read(&n->way, nlmsg_hdr(msg)))
		n->is_way = true;
	if (!neighbor_news_read(&news, nlmsg_hdr(msg)))
		return NL_OK;
	if (news.protocol == DP_PROTOCOL && n->count == 0)
		keep_left(n, &news);
	on_news(n, &news);
	return NL_OK;
}

/* ---- asking ---- */

static void way_find(struct neighbors *n, struct item *item)
{
	struct neighbor_way way = { 0 };
	int err = way_ask(n, &item->addr, &way);

	item->ifindex = 0;
	if (err)
		doubt(n, item, NEIGHBOR_NO_WAY);
	else if (way.is_ours)
		doubt(n, item, NEIGHBOR_OURS);
	else if (!way.is_on_link)
		doubt(n, item, NEIGHBOR_BEHIND);
	else
		item->ifindex = way.ifindex;
}

/* What the kernel finds, it tells the other socket. */
static void ask(struct neighbors *n, struct item *item)
{
	way_find(n, item);
	if (item->ifindex == 0 || item->is_fixed)
		return;
	if (item->neighbor.state > NEIGHBOR_LOST)
		become(n, item, NEIGHBOR_ASKED);
	if (item->neighbor.state == NEIGHBOR_ASKED && !item->doubt.is_asked)
		neighbor_doubt_begin(&item->doubt, clock_now());
	if (entry_request(n, RTM_NEWNEIGH, item, NUD_NONE, NTF_EXT_MANAGED)) {
		doubt(n, item, NEIGHBOR_NO_WAY);
		item->ifindex = 0;
	} else {
		item->is_ours = true;
	}
}

static void release(struct neighbors *n, struct item *item)
{
	if (item->is_ours && item->ifindex)
		entry_request(n, RTM_DELNEIGH, item, NUD_NONE, 0);
}

static void retry_arm(struct neighbors *n)
{
	double after = 0;

	for (size_t i = 0; i < n->count; i++) {
		const struct item *item = &n->items[i];

		if (item->neighbor.state == NEIGHBOR_ASKED && item->ifindex && !item->is_ours)
			after = SETTLE_S;
		else if (item->neighbor.state != NEIGHBOR_KNOWN && after == 0)
			after = RETRY_S;
	}
	ev_now_update(n->loop);
	/* Others' news put nobody off. */
	if (after > 0 && ev_is_active(&n->retry) && ev_timer_remaining(n->loop, &n->retry) <= after)
		return;
	ev_timer_stop(n->loop, &n->retry);
	if (after == 0)
		return;
	ev_timer_set(&n->retry, after, 0);
	ev_timer_start(n->loop, &n->retry);
}

static void tell(struct neighbors *n)
{
	const bool has_changed = n->has_changed;

	n->has_changed = false;
	retry_arm(n);
	if (has_changed)
		n->on_change(n->ctx);
}

static void on_retry(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct neighbors *n = timer->data;

	(void)loop;
	(void)revents;
	for (size_t i = 0; i < n->count; i++) {
		struct item *item = &n->items[i];

		if (item->neighbor.state == NEIGHBOR_ASKED && item->is_ours)
			doubt(n, item, NEIGHBOR_LOST);
		if (item->neighbor.state != NEIGHBOR_KNOWN)
			ask(n, item);
	}
	table_read(n);
	tell(n);
}

static int on_heard(struct nl_msg *msg, void *arg)
{
	struct neighbors *n = arg;
	struct neighbor_news news;

	if (neighbor_news_read(&news, nlmsg_hdr(msg)))
		on_news(n, &news);
	return NL_OK;
}

static void on_readable(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct neighbors *n = io->data;
	int err;

	(void)loop;
	(void)revents;
	do {
		err = nl_recvmsgs_default(n->watch);
	} while (err >= 0);
	/* Some were lost: the table has them. */
	if (err == -NLE_NOMEM)
		table_read(n);
	tell(n);
}

/* ---- the outside ---- */

static int sockets_open(struct neighbors *n)
{
	n->sock = nl_socket_alloc();
	n->watch = nl_socket_alloc();
	if (!n->sock || !n->watch)
		abort();
	nl_socket_disable_seq_check(n->watch);
	nl_socket_modify_err_cb(n->sock, NL_CB_CUSTOM, on_error, n);
	nl_socket_modify_cb(n->sock, NL_CB_ACK, NL_CB_CUSTOM, on_done, n);
	nl_socket_modify_cb(n->sock, NL_CB_FINISH, NL_CB_CUSTOM, on_done, n);
	nl_socket_modify_cb(n->sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, n);
	nl_socket_modify_cb(n->watch, NL_CB_VALID, NL_CB_CUSTOM, on_heard, n);
	if (nl_connect(n->sock, NETLINK_ROUTE) < 0 || nl_connect(n->watch, NETLINK_ROUTE) < 0 ||
	    nl_socket_set_nonblocking(n->watch) < 0 ||
	    nl_socket_add_memberships(n->watch, RTNLGRP_NEIGH, RTNLGRP_NONE) < 0)
		return -EPROTONOSUPPORT;
	return 0;
}

/* Managed by a predecessor that was killed. Who is still wanted is asked for anew. */
static void left_remove(struct neighbors *n)
{
	for (size_t i = 0; i < n->left_count; i++) {
		const struct item item = { .addr = n->left[i].addr, .ifindex = n->left[i].ifindex };

		if (!find(n, &item.addr))
			entry_request(n, RTM_DELNEIGH, &item, NUD_NONE, 0);
	}
	free(n->left);
	n->left = NULL;
	n->left_count = 0;
}

int neighbors_new(struct neighbors **out, struct ev_loop *loop, void (*on_change)(void *ctx),
		  void *ctx)
{
	struct neighbors *n = x_new(struct neighbors);
	int err;

	*n = (struct neighbors){ .loop = loop, .on_change = on_change, .ctx = ctx };
	ev_init(&n->io, on_readable);
	ev_init(&n->retry, on_retry);
	n->io.data = n->retry.data = n;
	err = sockets_open(n);
	if (!err)
		err = table_read(n);
	if (err) {
		neighbors_free(n, false);
		return err;
	}
	ev_io_set(&n->io, nl_socket_get_fd(n->watch), EV_READ);
	ev_io_start(loop, &n->io);
	*out = n;
	return 0;
}

void neighbors_free(struct neighbors *n, bool keep)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->count && !keep; i++)
		release(n, &n->items[i]);
	ev_io_stop(n->loop, &n->io);
	ev_timer_stop(n->loop, &n->retry);
	nl_socket_free(n->sock);
	nl_socket_free(n->watch);
	free(n->left);
	free(n->items);
	free(n);
}

void neighbors_set(struct neighbors *n, const struct addr *addrs, size_t count)
{
	struct item *old = n->items;
	const size_t old_count = n->count;

	n->items = xcalloc(count + 1, sizeof(*n->items));
	n->count = 0;
	for (size_t i = 0; i < count; i++) {
		if (find(n, &addrs[i]))
			continue;
		n->items[n->count++] = (struct item){ .addr = addrs[i] };
		for (size_t j = 0; j < old_count; j++)
			if (addr_equal(&old[j].addr, &addrs[i]))
				n->items[n->count - 1] = old[j];
	}
	for (size_t j = 0; j < old_count; j++)
		if (!find(n, &old[j].addr))
			release(n, &old[j]);
	free(old);
	/* The ways first, so that what the table says of them is heard. */
	for (size_t i = 0; i < n->count; i++)
		if (!n->items[i].is_asked)
			way_find(n, &n->items[i]);
	table_read(n);
	for (size_t i = 0; i < n->count; i++) {
		if (!n->items[i].is_asked)
			ask(n, &n->items[i]);
		n->items[i].is_asked = true;
	}
	left_remove(n);
	n->has_changed = false;
	retry_arm(n);
}

const struct neighbor *neighbors_find(const struct neighbors *n, const struct addr *addr)
{
	const struct item *item = find(n, addr);

	return item ? &item->neighbor : NULL;
}

void neighbors_probe(struct neighbors *n, const struct addr *addr)
{
	struct item *item = find(n, addr);

	if (!item || item->ifindex == 0 || item->is_fixed || item->neighbor.state != NEIGHBOR_KNOWN)
		return;
	/* The state is not looked at with the flag, which goes without it. */
	entry_request(n, RTM_NEWNEIGH, item, NUD_PROBE, 0);
	entry_request(n, RTM_NEWNEIGH, item, NUD_NONE, NTF_EXT_MANAGED);
}

const char *neighbor_format(const struct neighbor *neighbor, char buf[NEIGHBOR_TEXT_SIZE])
{
	const uint8_t *mac = neighbor->mac;

	snprintf(buf, NEIGHBOR_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return buf;
}

const char *neighbor_obstacle(const struct neighbor *neighbor)
{
	static const char *const texts[] = {
		[NEIGHBOR_ASKED] = "its MAC address is not known yet",
		[NEIGHBOR_KNOWN] = NULL,
		[NEIGHBOR_LOST] = "nobody on the link says to have its address",
		[NEIGHBOR_OURS] = "it is this machine, which plane xdp cannot bring packets to",
		[NEIGHBOR_BEHIND] = "it is behind a router, and not on a link of ours",
		[NEIGHBOR_NO_WAY] = "there is no way to it",
	};

	return texts[neighbor->state];
}
