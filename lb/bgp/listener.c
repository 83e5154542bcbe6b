/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/listener.h"

#include <errno.h>
#include <ev.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lb/bgp/frame.h"
#include "lb/bgp/notification.h"
#include "lb/bgp/session.h"
#include "lb/bgp/transport.h"
#include "lib/accepter.h"
#include "lib/alloc.h"

#define BACKLOG	    64
#define REFUSED_MAX 16 /* being told so at one time; more are just closed */

struct listening {
	struct listening *next;
	struct bgp_listener *listener;
	struct endpoint at;
	struct accepter accepter;
};

struct refused {
	struct refused *next;
	struct bgp_listener *listener;
	struct bgp_session *session;
};

struct bgp_listener {
	struct ev_loop *loop;
	bgp_on_listen *on_listen;
	bgp_on_accept *on_accept;
	void *ctx;
	struct listening *sockets;
	struct refused *refused;
	size_t refused_count;
};

struct bgp_listener *bgp_listener_new(struct ev_loop *loop, bgp_on_listen *on_listen,
				      bgp_on_accept *on_accept, void *ctx)
{
	struct bgp_listener *listener = x_new(struct bgp_listener);

	listener->loop = loop;
	listener->on_listen = on_listen;
	listener->on_accept = on_accept;
	listener->ctx = ctx;
	return listener;
}

static void refused_down(void *ctx, int error)
{
	struct refused *refused = ctx;

	(void)error;
	bgp_session_close(refused->session);
}

static void refused_gone(void *ctx)
{
	struct refused *gone = ctx, **link = &gone->listener->refused;

	while (*link != gone)
		link = &(*link)->next;
	*link = gone->next;
	gone->listener->refused_count--;
	free(gone);
}

/* The session is closed as soon as it is made: nothing else is ever called. */
static const struct bgp_session_handlers refused_handlers = {
	.on_down = refused_down,
	.on_gone = refused_gone,
};

static void refuse(struct bgp_listener *listener, int fd, enum bgp_cease subcode)
{
	struct bgp_error err = bgp_error_cease(subcode, NULL);
	struct refused *refused;
	uint8_t message[64];
	struct wire_writer w = wire_writer(message, sizeof(message));
	uint8_t body[8];
	size_t start = bgp_frame_begin(&w, BGP_MSG_NOTIFICATION);

	if (listener->refused_count >= REFUSED_MAX) {
		close(fd);
		return;
	}
	wire_put_bytes(&w, body, bgp_notification_encode(&err, body, sizeof(body)));
	bgp_frame_end(&w, start);
	refused = x_new(struct refused);
	refused->listener = listener;
	refused->session = bgp_session_adopt(listener->loop, fd);
	refused->next = listener->refused;
	listener->refused = refused;
	listener->refused_count++;
	bgp_session_set_handlers(refused->session, &refused_handlers, refused);
	bgp_session_write(refused->session, message, wire_written(&w), NULL);
	bgp_session_close(refused->session);
}

static void on_connection(void *ctx, int fd, const struct sockaddr *sa)
{
	struct listening *listening = ctx;
	struct bgp_listener *listener = listening->listener;
	struct endpoint from;
	enum bgp_cease subcode;

	if (!endpoint_from_sockaddr(&from, sa)) {
		close(fd);
		return;
	}
	subcode = listener->on_accept(listener->ctx, fd, &from.addr, sockaddr_interface(sa));
	if (subcode)
		refuse(listener, fd, subcode);
}

static int listen_on(struct bgp_listener *listener, const struct endpoint *endpoint)
{
	struct sockaddr_storage sa;
	socklen_t len = endpoint_to_sockaddr(endpoint, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
	int error;

	if (fd < 0)
		return -errno;
	error = listener->on_listen(listener->ctx, fd, endpoint->addr.family);
	if (error) {
		close(fd);
		return error;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	    (sa.ss_family != AF_INET6 ||
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0) &&
	    bind(fd, (struct sockaddr *)&sa, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int bgp_listener_add(struct bgp_listener *listener, const struct endpoint *endpoint)
{
	int fd = listen_on(listener, endpoint);
	struct listening *listening;

	if (fd < 0)
		return fd;
	listening = x_new(struct listening);
	listening->listener = listener;
	listening->at = *endpoint;
	listening->next = listener->sockets;
	listener->sockets = listening;
	accepter_start(&listening->accepter, listener->loop, fd, "speaker", on_connection,
		       listening);
	return 0;
}

/* The link to who listens there, or to the NULL at the end. */
static struct listening **find(struct bgp_listener *listener, const struct endpoint *at)
{
	struct listening **link = &listener->sockets;

	while (*link && !(addr_equal(&(*link)->at.addr, &at->addr) && (*link)->at.port == at->port))
		link = &(*link)->next;
	return link;
}

bool bgp_listener_has(const struct bgp_listener *listener, const struct endpoint *endpoint)
{
	return *find((struct bgp_listener *)listener, endpoint);
}

static void listening_free(struct listening **link)
{
	struct listening *gone = *link;

	*link = gone->next;
	accepter_stop(&gone->accepter);
	free(gone);
}

void bgp_listener_remove(struct bgp_listener *listener, const struct endpoint *endpoint)
{
	struct listening **link = find(listener, endpoint);

	if (*link)
		listening_free(link);
}

int bgp_listener_prepare(struct bgp_listener *listener)
{
	int error = 0;

	for (struct listening *l = listener->sockets; l && !error; l = l->next)
		error = listener->on_listen(listener->ctx, l->accepter.io.fd, l->at.addr.family);
	return error;
}

void bgp_listener_unkey(struct bgp_listener *listener, const struct prefix *peers)
{
	for (struct listening *l = listener->sockets; l; l = l->next)
		if (l->at.addr.family == peers->addr.family)
			bgp_transport_key(l->accepter.io.fd, peers, "");
}

void bgp_listener_free(struct bgp_listener *listener)
{
	if (!listener)
		return;
	while (listener->sockets)
		listening_free(&listener->sockets);
	while (listener->refused) {
		struct refused *refused = listener->refused;

		listener->refused = refused->next;
		bgp_session_abort(refused->session);
		free(refused);
	}
	free(listener);
}
