/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/discovery.h"

#include <errno.h>
#include <ev.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lb/bgp/nd.h"
#include "lib/alloc.h"
#include "lib/log.h"

#define EAGER_S	     1.0 /* between two rounds while there is somebody to be found */
#define STEADY_S     10.0
#define EAGER_ROUNDS 10
#define READ_MAX     64 /* packets in one go: a flood must not starve the sessions */

struct bgp_discovery {
	struct ev_loop *loop;
	char *interface;
	bgp_on_router *on_router;
	void *ctx;
	int fd; /* -1: none yet */
	unsigned ifindex;
	ev_io readable;
	ev_timer timer;
	unsigned rounds;    /* since the last bgp_discovery_ask() */
	struct addr router; /* the last one heard */
	int error;	    /* that has been said, -errno */
};

static void close_socket(struct bgp_discovery *d)
{
	if (d->fd < 0)
		return;
	ev_io_stop(d->loop, &d->readable);
	close(d->fd);
	d->fd = -1;
}

static int set(int fd, int level, int option, const void *value, size_t len)
{
	return setsockopt(fd, level, option, value, (socklen_t)len) < 0 ? -errno : 0;
}

/* To hear routers (ff02::1 is everybody's) and those who look for one (ff02::2). */
static int configure(int fd, const char *interface, unsigned ifindex)
{
	static const struct {
		int option, value;
	} options[] = {
		{ IPV6_MULTICAST_HOPS, 255 },
		{ IPV6_UNICAST_HOPS, 255 },
		{ IPV6_MULTICAST_LOOP, 0 },
		{ IPV6_RECVHOPLIMIT, 1 },
	};
	struct ipv6_mreq routers = { .ipv6mr_interface = ifindex };
	struct icmp6_filter filter;
	int error;

	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(BGP_ND_SOLICIT, &filter);
	ICMP6_FILTER_SETPASS(BGP_ND_ADVERT, &filter);
	error = set(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter));
	if (!error)
		error = set(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, strlen(interface) + 1);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]) && !error; i++)
		error = set(fd, IPPROTO_IPV6, options[i].option, &options[i].value, sizeof(int));
	if (!error)
		error = set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &ifindex, sizeof(ifindex));
	routers.ipv6mr_multiaddr.s6_addr[0] = 0xff;
	routers.ipv6mr_multiaddr.s6_addr[1] = 0x02;
	routers.ipv6mr_multiaddr.s6_addr[15] = 2;
	if (!error)
		error = set(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &routers, sizeof(routers));
	return error;
}

/* The socket belongs to an interface; one of the same name that is another needs another. */
static int open_socket(struct bgp_discovery *d)
{
	unsigned ifindex = if_nametoindex(d->interface);
	int error;

	if (d->fd >= 0 && ifindex == d->ifindex)
		return 0;
	close_socket(d);
	if (ifindex == 0)
		return -ENODEV;
	d->fd = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	if (d->fd < 0)
		return -errno;
	d->ifindex = ifindex;
	error = configure(d->fd, d->interface, ifindex);
	if (error) {
		close(d->fd);
		d->fd = -1;
		return error;
	}
	ev_io_set(&d->readable, d->fd, EV_READ);
	ev_io_start(d->loop, &d->readable);
	return 0;
}

/* To one, or to the group ff02::last. What is not sent is sent with the next round. */
static void send_message(const struct bgp_discovery *d, enum bgp_nd_type type,
			 const struct addr *to, uint8_t last)
{
	const struct endpoint ep = {
		.addr = to ? *to : (struct addr){ ADDR_IPV6, { 0xff, 0x02, [15] = last } }
	};
	uint8_t buf[BGP_ND_SIZE_MAX];
	size_t size = bgp_nd_encode(type, buf, sizeof(buf));
	struct sockaddr_storage sa;
	socklen_t len = endpoint_to_sockaddr(&ep, &sa);

	((struct sockaddr_in6 *)&sa)->sin6_scope_id = d->ifindex;
	(void)sendto(d->fd, buf, size, 0, (const struct sockaddr *)&sa, len);
}

static void arm(struct bgp_discovery *d)
{
	ev_timer_stop(d->loop, &d->timer);
	ev_timer_set(&d->timer, d->rounds < EAGER_ROUNDS ? EAGER_S : STEADY_S, 0);
	ev_timer_start(d->loop, &d->timer);
}

static void run_round(struct bgp_discovery *d)
{
	int error = open_socket(d);

	if (error && error != d->error)
		log_warn("interface %s: cannot look for a BGP peer: %s", d->interface,
			 strerror(-error));
	d->error = error;
	if (!error) {
		send_message(d, BGP_ND_ADVERT, NULL, 1);
		if (d->router.family == ADDR_NONE)
			send_message(d, BGP_ND_SOLICIT, NULL, 2);
	}
	d->rounds++;
	arm(d);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	run_round(timer->data);
}

static int hop_limit_of(struct msghdr *msg)
{
	int hops = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)
			memcpy(&hops, CMSG_DATA(c), sizeof(hops));
	}
	return hops;
}

static void take(struct bgp_discovery *d, enum bgp_nd_type type, const struct addr *from)
{
	if (type == BGP_ND_SOLICIT)
		send_message(d, BGP_ND_ADVERT, addr_is_link_local(from) ? from : NULL, 1);
	if (type != BGP_ND_ADVERT)
		return;
	if (!addr_equal(&d->router, from)) {
		d->router = *from;
		d->rounds = EAGER_ROUNDS;
		/* Who has just come up may not have heard of us. */
		send_message(d, BGP_ND_ADVERT, from, 0);
	}
	d->on_router(d->ctx, from);
}

/* False when there is nothing more to read. */
static bool read_one(struct bgp_discovery *d)
{
	uint8_t bytes[1500];
	union {
		struct cmsghdr align;
		uint8_t space[CMSG_SPACE(sizeof(int))];
	} control;
	struct sockaddr_storage sa;
	struct iovec iov = { bytes, sizeof(bytes) };
	struct msghdr msg = { .msg_name = &sa,
			      .msg_namelen = sizeof(sa),
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(d->fd, &msg, 0);
	struct endpoint from;

	if (n < 0)
		return false;
	if (endpoint_from_sockaddr(&from, (const struct sockaddr *)&sa))
		take(d, bgp_nd_decode(bytes, (size_t)n, hop_limit_of(&msg), &from.addr),
		     &from.addr);
	return true;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct bgp_discovery *d = io->data;

	(void)loop;
	(void)events;
	for (int i = 0; i < READ_MAX && read_one(d); i++)
		continue;
}

struct bgp_discovery *bgp_discovery_new(struct ev_loop *loop, const char *interface,
					bgp_on_router *on_router, void *ctx)
{
	struct bgp_discovery *d = x_new(struct bgp_discovery);

	d->loop = loop;
	d->interface = xstrdup(interface);
	d->on_router = on_router;
	d->ctx = ctx;
	d->fd = -1;
	ev_init(&d->readable, on_readable);
	ev_init(&d->timer, on_timer);
	d->readable.data = d->timer.data = d;
	run_round(d);
	return d;
}

void bgp_discovery_ask(struct bgp_discovery *d)
{
	d->router = (struct addr){ 0 };
	d->rounds = 0;
	arm(d);
}

void bgp_discovery_free(struct bgp_discovery *d)
{
	if (!d)
		return;
	ev_timer_stop(d->loop, &d->timer);
	close_socket(d);
	free(d->interface);
	free(d);
}
