/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/client/stub.h"

#include <assert.h>
#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/alloc.h"

#define BUCKETS 1024 /* power of two */
/* Answers read before the loop looks at anything else. */
#define BURST 64

struct client_stub {
	struct ev_loop *loop;
	ev_io io;
	struct endpoint resolver;
	enum addr_family family;
	struct client_lookup *buckets[BUCKETS];
};

static void query_send(const struct client_stub *stub, const struct client_lookup *lookup)
{
	uint8_t buf[CLIENT_DNS_SIZE];
	struct sockaddr_storage sa;
	const socklen_t sa_len = endpoint_to_sockaddr(&stub->resolver, &sa);
	const size_t len =
		client_dns_query_encode(buf, sizeof(buf), lookup->id, lookup->name, stub->family);

	assert(len > 0); /* the configuration's zones are valid names */
	/* Not sent is the same as lost on the way: the repetition or the deadline follows. */
	(void)!sendto(stub->io.fd, buf, len, 0, (struct sockaddr *)&sa, sa_len);
}

static void on_retry(struct ev_loop *loop __attribute__((unused)), ev_timer *w,
		     int revents __attribute__((unused)))
{
	const struct client_lookup *lookup = w->data;

	query_send(lookup->stub, lookup);
}

void client_stub_cancel(struct client_lookup *lookup)
{
	if (!lookup->stub)
		return;
	ev_timer_stop(lookup->stub->loop, &lookup->retry);
	*lookup->link = lookup->next;
	if (lookup->next)
		lookup->next->link = lookup->link;
	lookup->stub = NULL;
}

void client_stub_ask(struct client_stub *stub, struct client_lookup *lookup)
{
	struct client_lookup **bucket;

	/* Not for security, which the lab does not need, but so that restarts do not collide. */
	if (getrandom(&lookup->id, sizeof(lookup->id), 0) != sizeof(lookup->id))
		lookup->id = (uint16_t)(lookup->id + 1);
	bucket = &stub->buckets[lookup->id % BUCKETS];
	lookup->stub = stub;
	lookup->next = *bucket;
	lookup->link = bucket;
	if (lookup->next)
		lookup->next->link = &lookup->next;
	*bucket = lookup;
	ev_timer_init(&lookup->retry, on_retry, CLIENT_STUB_RETRY_MS / 1e3, 0);
	lookup->retry.data = lookup;
	ev_timer_start(stub->loop, &lookup->retry);
	query_send(stub, lookup);
}

static void answer_take(struct client_stub *stub, const uint8_t *buf, size_t len)
{
	const uint16_t id = len >= 2 ? (uint16_t)(buf[0] << 8 | buf[1]) : 0;
	enum client_dns_status status;
	struct addr addr = { 0 };

	for (struct client_lookup *l = stub->buckets[id % BUCKETS]; l; l = l->next) {
		if (l->id != id ||
		    !client_dns_reply_decode(buf, len, l->name, stub->family, &status, &addr))
			continue;
		client_stub_cancel(l);
		l->on_answer(l, status, &addr);
		return;
	}
}

static void on_readable(struct ev_loop *loop __attribute__((unused)), ev_io *w,
			int revents __attribute__((unused)))
{
	struct client_stub *stub = w->data;

	for (int i = 0; i < BURST; i++) {
		uint8_t buf[4096];
		struct sockaddr_storage sa;
		socklen_t sa_len = sizeof(sa);
		const ssize_t n =
			recvfrom(w->fd, buf, sizeof(buf), 0, (struct sockaddr *)&sa, &sa_len);
		struct endpoint from;

		if (n < 0)
			return;
		if (endpoint_from_sockaddr(&from, (struct sockaddr *)&sa) &&
		    from.port == stub->resolver.port &&
		    addr_equal(&from.addr, &stub->resolver.addr))
			answer_take(stub, buf, (size_t)n);
	}
}

int client_stub_new(struct client_stub **out, struct ev_loop *loop, const struct endpoint *resolver,
		    enum addr_family family)
{
	const int af = resolver->addr.family == ADDR_IPV6 ? AF_INET6 : AF_INET;
	const int fd = socket(af, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct client_stub *stub;

	if (fd < 0)
		return -errno;
	stub = x_new(struct client_stub);
	stub->loop = loop;
	stub->resolver = *resolver;
	stub->family = family;
	ev_io_init(&stub->io, on_readable, fd, EV_READ);
	stub->io.data = stub;
	ev_io_start(loop, &stub->io);
	*out = stub;
	return 0;
}

void client_stub_free(struct client_stub *stub)
{
	if (!stub)
		return;
	ev_io_stop(stub->loop, &stub->io);
	close(stub->io.fd);
	free(stub);
}
