/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/client/udp.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/client/request.h"
#include "testbed/client/token.h"

struct probe {
	struct client_request req; /* first: a probe is a request */
	struct client_udp_flow *flow;
	struct probe *later, *earlier; /* in the flow, by the time of sending */
};

struct client_udp_flow {
	struct client_user *user;
	struct addr addr;
	uint32_t token; /* flow part of the tokens */
	ev_io io;
	bool retired; /* the user has another one: goes with its last probe */
	struct probe *oldest, *newest;
};

static void flow_free(struct client_udp_flow *flow)
{
	ev_io_stop(flow->user->group->loop, &flow->io);
	close(flow->io.fd);
	free(flow);
}

static void flow_add(struct client_udp_flow *flow, struct probe *probe)
{
	probe->flow = flow;
	probe->earlier = flow->newest;
	if (flow->newest)
		flow->newest->later = probe;
	else
		flow->oldest = probe;
	flow->newest = probe;
}

static void flow_remove(struct client_udp_flow *flow, struct probe *probe)
{
	if (probe->earlier)
		probe->earlier->later = probe->later;
	else
		flow->oldest = probe->later;
	if (probe->later)
		probe->later->earlier = probe->earlier;
	else
		flow->newest = probe->earlier;
}

static struct probe *flow_find(const struct client_udp_flow *flow, uint64_t slot)
{
	struct probe *probe = flow->oldest;

	while (probe && probe->req.slot.n != slot)
		probe = probe->later;
	return probe;
}

static void on_end(struct client_request *req, enum client_result result __attribute__((unused)))
{
	struct probe *probe = (struct probe *)req;
	struct client_udp_flow *flow = probe->flow;

	if (flow)
		flow_remove(flow, probe);
	free(probe);
	if (flow && flow->retired && !flow->oldest)
		flow_free(flow);
}

/*
 * What a datagram answers: the probe that its token names; the oldest one if it makes no sense,
 * since somebody there answers and nobody knows what; none if it is late or a duplicate.
 */
static void reply_take(struct client_udp_flow *flow, const char *buf, size_t len)
{
	struct protocol_reply reply;
	struct probe *probe;
	uint64_t slot;

	if (!protocol_reply_parse(&reply, buf, len) ||
	    !client_token_parse(reply.token, flow->token, &slot)) {
		if (flow->oldest)
			client_request_finish(&flow->oldest->req, CLIENT_WRONG, "", NULL);
		return;
	}
	probe = flow_find(flow, slot);
	if (probe)
		client_request_finish(&probe->req, CLIENT_OK, reply.pop, NULL);
}

static int queued_errno(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			return (int)((struct sock_extended_err *)CMSG_DATA(c))->ee_errno;
	}
	return EHOSTUNREACH;
}

/* Fail the probe that an ICMP error quotes. False when no error is queued. */
static bool error_take(struct client_udp_flow *flow, bool *freed)
{
	char buf[PROTOCOL_LINE_MAX], control[512];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	const ssize_t n = recvmsg(flow->io.fd, &msg, MSG_ERRQUEUE);
	struct protocol_request req;
	struct probe *probe = NULL;
	uint64_t slot;

	if (n < 0)
		return false;
	/* A router may quote eight octets only (RFC 792): then it is the oldest's, most likely. */
	if (!protocol_request_parse(&req, buf, (size_t)n))
		probe = flow->oldest;
	else if (client_token_parse(req.token, flow->token, &slot))
		probe = flow_find(flow, slot);
	if (!probe)
		return true;
	*freed = flow->retired && flow->oldest == flow->newest;
	client_request_finish(&probe->req, client_result_from_errno(queued_errno(&msg)), "", NULL);
	return true;
}

static void errors_take(struct client_udp_flow *flow)
{
	bool freed = false;

	while (!freed && error_take(flow, &freed))
		;
}

static void on_readable(struct ev_loop *loop __attribute__((unused)), ev_io *w,
			int revents __attribute__((unused)))
{
	char buf[PROTOCOL_LINE_MAX + 1];
	const ssize_t n = recv(w->fd, buf, sizeof(buf), 0);

	/* Nothing to read, and yet awake: the error queue it is. */
	if (n >= 0)
		reply_take(w->data, buf, (size_t)n);
	else
		errors_take(w->data);
}

/* NULL, and errno set, when there is no route. */
static struct client_udp_flow *flow_new(struct client_user *user, const struct addr *addr)
{
	const struct endpoint to = { *addr, PROTOCOL_UDP_PORT };
	const bool v6 = addr->family == ADDR_IPV6;
	const int fd = client_socket_new(&to, SOCK_DGRAM);
	struct sockaddr_storage sa;
	const socklen_t len = endpoint_to_sockaddr(&to, &sa);
	struct client_udp_flow *flow;

	setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &(int){ 1 },
		   sizeof(int));
	if (connect(fd, (struct sockaddr *)&sa, len) < 0) {
		const int err = errno;

		close(fd);
		errno = err;
		return NULL;
	}
	flow = x_new(struct client_udp_flow);
	flow->user = user;
	flow->addr = *addr;
	flow->token =
		client_token_flow(user->group->conf->seed, user->number, user->variant, CLIENT_UDP);
	ev_io_init(&flow->io, on_readable, fd, EV_READ);
	flow->io.data = flow;
	ev_io_start(user->group->loop, &flow->io);
	return flow;
}

/* The user's socket to this address, the old one's replacement if it has another. */
static struct client_udp_flow *flow_get(struct client_user *user, const struct addr *addr)
{
	struct client_udp_flow *flow = user->udp;

	if (flow && addr_equal(&flow->addr, addr))
		return flow;
	client_udp_free(user);
	user->udp = flow_new(user, addr);
	return user->udp;
}

static int datagram_send(const struct client_udp_flow *flow, uint64_t slot)
{
	struct protocol_request req = { 0 };
	char buf[PROTOCOL_LINE_MAX];
	size_t len;

	client_token_format(flow->token, slot, req.token);
	len = protocol_request_format(&req, buf, sizeof(buf));
	return send(flow->io.fd, buf, len, 0) < 0 ? errno : 0;
}

static void on_address(struct client_request *req)
{
	struct client_udp_flow *flow = flow_get(req->user, &req->addr);
	int err = flow ? 0 : errno;

	if (flow)
		err = datagram_send(flow, req->slot.n);
	/* An earlier datagram's error stands in the way of the next one: take it, then send. */
	if (flow && err) {
		errors_take(flow);
		err = datagram_send(flow, req->slot.n);
	}
	if (err)
		client_request_finish(req, client_result_from_errno(err), "", NULL);
	else
		flow_add(flow, (struct probe *)req);
}

void client_udp_send(struct client_user *user, const struct client_slot *slot)
{
	static const struct client_request_ops ops = { on_address, on_end };
	struct probe *probe = x_new(struct probe);

	probe->req.user = user;
	probe->req.slot = *slot;
	probe->req.ops = &ops;
	client_request_start(&probe->req);
}

void client_udp_free(struct client_user *user)
{
	struct client_udp_flow *flow = user->udp;

	user->udp = NULL;
	if (!flow)
		return;
	flow->retired = true;
	if (!flow->oldest)
		flow_free(flow);
}
