/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/server/udp.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "geodns/dns/edns.h"
#include "lib/alloc.h"
#include "lib/clock.h"

#define BATCH	     32
#define QUERY_MAX    4096 /* nobody's query is longer */
#define RECEIVE_ROOM (1 << 20)

/* One packet of a batch, with what the kernel says about it. */
struct slot {
	uint8_t query[QUERY_MAX];
	uint8_t reply[DNS_UDP_SIZE_MAX];
	struct sockaddr_storage peer;
	struct iovec in, out;
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control;
};

struct thread {
	struct udp_server *server;
	pthread_t id;
	bool running;
	struct pollfd *polls; /* one per address, then stop_fd */
	struct counters counters;
	struct dnssec_signer *signer;
	struct slot slots[BATCH];
	struct mmsghdr received[BATCH], sent[BATCH];
};

struct udp_server {
	const struct store *store;
	size_t listen_count;
	unsigned thread_count;
	struct thread **threads;
	int stop_fd;
};

static int option_set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? 0 : -errno;
}

static bool is_unspecified(const struct addr *addr)
{
	const struct addr zero = { .family = addr->family };

	return addr_equal(addr, &zero);
}

/*
 * Path MTU discovery is left out (OMIT): a forged ICMP could make answers fragment,
 * and none is longer than every path allows.
 */
static int options_set(int fd, const struct endpoint *at)
{
	bool ipv4 = at->addr.family == ADDR_IPV4;
	int err = option_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);

	option_set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_ROOM);
	if (!err && !ipv4)
		err = option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (!err && ipv4)
		err = option_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
	if (!err && !ipv4)
		err = option_set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
	/* A socket bound to one address answers from it anyway. */
	if (!err && is_unspecified(&at->addr))
		err = ipv4 ? option_set(fd, IPPROTO_IP, IP_PKTINFO, 1)
			   : option_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	return err;
}

/* Returns the descriptor or -errno. */
static int socket_open(const struct endpoint *at)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(at, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	err = options_set(fd, at);
	if (!err && bind(fd, (struct sockaddr *)&ss, len) < 0)
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/*
 * What the kernel said about the query's destination, turned into the reply's source. The
 * interface is left to routing (an anycast address is on loopback, its clients are not), but
 * for link-local addresses, which mean nothing without.
 */
static void source_set(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			info.ipi_ifindex = 0;
			info.ipi_spec_dst = info.ipi_addr;
			memcpy(CMSG_DATA(c), &info, sizeof(info));
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				info.ipi6_ifindex = 0;
			memcpy(CMSG_DATA(c), &info, sizeof(info));
		}
	}
}

static void slots_prepare(struct thread *t)
{
	for (unsigned i = 0; i < BATCH; i++) {
		struct slot *slot = &t->slots[i];

		slot->in = (struct iovec){ slot->query, sizeof(slot->query) };
		t->received[i].msg_hdr = (struct msghdr){ .msg_name = &slot->peer,
							  .msg_namelen = sizeof(slot->peer),
							  .msg_iov = &slot->in,
							  .msg_iovlen = 1,
							  .msg_control = &slot->control,
							  .msg_controllen = sizeof(slot->control) };
	}
}

/* True if there is something to send. */
static bool slot_answer(struct thread *t, const struct snapshot *snap, unsigned i,
			uint32_t unix_time)
{
	const struct mmsghdr *in = &t->received[i];
	struct slot *slot = &t->slots[i];
	struct answer_request req = { .packet = slot->query,
				      .len = in->msg_len,
				      .unix_time = unix_time,
				      .signer = t->signer };
	struct answer_result result = { 0 };
	struct endpoint peer;

	if (!endpoint_from_sockaddr(&peer, (struct sockaddr *)&slot->peer))
		return false;
	/* Nobody can be reached at port 0: such a source is forged. */
	if (peer.port != 0 && !(in->msg_hdr.msg_flags & MSG_TRUNC)) {
		req.client = peer.addr;
		result = answer(snap, &req, slot->reply, sizeof(slot->reply));
	}
	counters_add(&t->counters, peer.addr.family == ADDR_IPV4 ? COUNTERS_UDP4 : COUNTERS_UDP6,
		     &result);
	slot->out = (struct iovec){ slot->reply, result.len };
	return result.len > 0;
}

/* A reply that the kernel refuses (no route, filtered) is lost like any packet: go on behind it. */
static void replies_send(int fd, struct mmsghdr *msgs, unsigned count)
{
	while (count > 0) {
		int n = sendmmsg(fd, msgs, count, 0);

		if (n < 0 && errno == EINTR)
			continue;
		n = n < 1 ? 1 : n;
		msgs += n;
		count -= (unsigned)n;
	}
}

static void batch_serve(struct thread *t, int fd)
{
	const struct snapshot *snap;
	unsigned replies = 0;
	uint32_t unix_time;
	int n;

	slots_prepare(t);
	n = recvmmsg(fd, t->received, BATCH, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return;
	rcu_thread_online();
	snap = store_read(t->server->store);
	unix_time = clock_unix_time();
	for (unsigned i = 0; i < (unsigned)n; i++) {
		struct msghdr *reply = &t->sent[replies].msg_hdr;

		if (!slot_answer(t, snap, i, unix_time))
			continue;
		*reply = t->received[i].msg_hdr;
		reply->msg_iov = &t->slots[i].out;
		reply->msg_flags = 0;
		source_set(reply);
		replies++;
	}
	rcu_thread_offline();
	replies_send(fd, t->sent, replies);
}

static void *thread_run(void *arg)
{
	struct thread *t = arg;
	size_t n = t->server->listen_count;

	rcu_register_thread();
	rcu_thread_offline();
	while (t->polls[n].revents == 0) {
		if (poll(t->polls, n + 1, -1) < 0)
			continue;
		for (size_t i = 0; i < n; i++) {
			if (t->polls[i].revents)
				batch_serve(t, t->polls[i].fd);
		}
	}
	rcu_unregister_thread();
	return NULL;
}

static struct thread *thread_new(size_t signatures_kept)
{
	struct thread *t = x_new(struct thread);

	t->signer = dnssec_signer_new(signatures_kept);
	return t;
}

static int thread_open(struct udp_server *server, struct thread *t, const struct endpoint *listen,
		       const struct endpoint **failed)
{
	size_t n = server->listen_count;

	t->server = server;
	t->polls = xcalloc(n + 1, sizeof(*t->polls));
	for (size_t i = 0; i <= n; i++)
		t->polls[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	t->polls[n].fd = server->stop_fd;
	for (size_t i = 0; i < n; i++) {
		int fd = socket_open(&listen[i]);

		*failed = &listen[i];
		if (fd < 0)
			return fd;
		t->polls[i].fd = fd;
	}
	return 0;
}

int udp_server_new(struct udp_server **out, const struct geodns_conf *conf,
		   const struct store *store, const struct endpoint **failed)
{
	struct udp_server *server = x_new(struct udp_server);
	int err = 0;

	server->store = store;
	server->listen_count = conf->listen_count;
	server->thread_count = conf->threads;
	server->threads = xcalloc(conf->threads, sizeof(struct thread *));
	for (unsigned i = 0; i < conf->threads; i++)
		server->threads[i] = thread_new(conf->dnssec.signatures_kept);
	*failed = &conf->listen[0];
	server->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->stop_fd < 0)
		err = -errno;
	for (unsigned i = 0; i < conf->threads && !err; i++)
		err = thread_open(server, server->threads[i], conf->listen, failed);
	if (err) {
		udp_server_free(server);
		return err;
	}
	*out = server;
	return 0;
}

int udp_server_start(struct udp_server *server)
{
	sigset_t all, before;
	int err = 0;

	/* Signals are the control thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned i = 0; i < server->thread_count && !err; i++) {
		struct thread *t = server->threads[i];

		err = -pthread_create(&t->id, NULL, thread_run, t);
		t->running = err == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

static void thread_free(struct thread *t, size_t listen_count)
{
	if (t->running)
		pthread_join(t->id, NULL);
	for (size_t i = 0; t->polls && i < listen_count; i++) {
		if (t->polls[i].fd >= 0)
			close(t->polls[i].fd);
	}
	dnssec_signer_free(t->signer);
	free(t->polls);
	free(t);
}

void udp_server_free(struct udp_server *server)
{
	if (!server)
		return;
	if (server->stop_fd >= 0)
		eventfd_write(server->stop_fd, 1);
	for (unsigned i = 0; i < server->thread_count; i++)
		thread_free(server->threads[i], server->listen_count);
	if (server->stop_fd >= 0)
		close(server->stop_fd);
	free(server->threads);
	free(server);
}

void udp_server_count(const struct udp_server *server, struct counters *sum)
{
	for (unsigned i = 0; i < server->thread_count; i++)
		counters_sum(sum, &server->threads[i]->counters);
}
