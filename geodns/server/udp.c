/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/server/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "geodns/dns/edns.h"
#include "geodns/rate_limit.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/thread.h"

#define BATCH	     32
#define QUERY_MAX    1500 /* nobody's query is longer */
#define RECEIVE_ROOM (1 << 20)

union peer {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* One packet of a batch, and its reply. */
struct slot {
	uint8_t reply[DNS_UDP_SIZE_MAX];
	uint8_t query[QUERY_MAX];
};

/* Which of our addresses it was sent to, where the socket has all of them. */
union control {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* What a packet was read as. */
struct request {
	bool has_peer, is_query;
	struct endpoint peer;
	struct answer_question question; /* if is_query */
};

/* One socket's. What each packet needs lies close together; its octets are elsewhere. */
struct thread {
	struct udp_server *server;
	pthread_t id;
	unsigned number; /* from 0 */
	bool running;
	bool any_address; /* which one is to be asked for, packet by packet */
	int fd;
	struct counters counters;
	struct dnssec_signer *signer;
	struct rate_limit *limit;
	struct mmsghdr received[BATCH], sent[BATCH];
	struct iovec in[BATCH], out[BATCH];
	union peer peers[BATCH];
	union control controls[BATCH];
	struct request requests[BATCH];
	struct slot slots[BATCH];
};

struct udp_server {
	const struct store *store;
	unsigned thread_count;
	struct thread **threads;
	bool stopping;
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
 * None of our answers is longer than every path allows, so none is to be fragmented: neither by us,
 * whatever (forged) ICMP says of the path, nor on the way, where halves can be forged (RFC 9715).
 * Over IPv4 that is "don't fragment", which needs no identification (RFC 6864): the kernel draws
 * one for each packet else. What the program on the interface sends is the same.
 */
static int options_set(int fd, const struct endpoint *at)
{
	bool ipv4 = at->addr.family == ADDR_IPV4;
	int err = option_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);

	option_set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_ROOM);
	if (!err && !ipv4)
		err = option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (!err && ipv4)
		err = option_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
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

/* What recvmmsg() has changed of the first n, as it was. */
static void headers_reset(struct thread *t, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct msghdr *m = &t->received[i].msg_hdr;

		m->msg_namelen = sizeof(t->peers[i]);
		m->msg_controllen = t->any_address ? sizeof(t->controls[i]) : 0;
	}
}

static void headers_prepare(struct thread *t)
{
	for (unsigned i = 0; i < BATCH; i++) {
		t->in[i] = (struct iovec){ t->slots[i].query, QUERY_MAX };
		t->received[i].msg_hdr = (struct msghdr){
			.msg_name = &t->peers[i],
			.msg_iov = &t->in[i],
			.msg_iovlen = 1,
			.msg_control = t->any_address ? &t->controls[i] : NULL,
		};
	}
	headers_reset(t, BATCH);
}

/* What is the same for all packets of a batch. */
struct batch {
	const struct snapshot *snap;
	bool has_limit;
	struct instant now;
	uint32_t unix_time;
};

static void request_answer(struct thread *t, const struct batch *batch, struct request *r,
			   uint8_t *reply, struct answer_result *result)
{
	struct answer_request req = { .client = r->peer.addr,
				      .unix_time = batch->unix_time,
				      .signer = t->signer };

	if (batch->has_limit)
		req.rate = rate_limit_take(t->limit, &req.client, batch->now);
	answer_decoded(result, batch->snap, &req, &r->question, reply, DNS_UDP_SIZE_MAX);
	if (batch->has_limit && req.rate == RATE_WHOLE && result->cookie == DNS_COOKIE_GOOD)
		rate_limit_give_back(t->limit, &req.client);
}

/* Nobody can be reached at port 0: such a source is forged. */
static void packet_read(struct thread *t, unsigned i)
{
	const struct mmsghdr *in = &t->received[i];
	struct request *r = &t->requests[i];

	r->has_peer = endpoint_from_sockaddr(&r->peer, &t->peers[i].any);
	r->is_query = r->has_peer && r->peer.port != 0 && !(in->msg_hdr.msg_flags & MSG_TRUNC) &&
		      dns_query_decode(&r->question.query, t->slots[i].query, in->msg_len);
	if (r->is_query)
		answer_client(&r->question.client, &r->question.query, &r->peer.addr);
}

/* All of a batch are read before the first one is answered: their clients are found at once. */
static void batch_read(struct thread *t, const struct batch *batch, unsigned count)
{
	struct addr addrs[BATCH] = { 0 };
	struct geo_leaf leaves[BATCH];

	for (unsigned i = 0; i < count; i++) {
		packet_read(t, i);
		if (t->requests[i].is_query)
			addrs[i] = t->requests[i].question.client.addr;
	}
	_Static_assert(BATCH <= GEO_LOOKUPS_MAX, "a batch is looked up at once");
	geo_map_lookup_all(batch->snap->catalog->map, addrs, count, leaves);
	for (unsigned i = 0; i < count; i++)
		t->requests[i].question.client.leaf = leaves[i];
}

/* Returns the length of the reply, 0: none. */
static size_t packet_answer(struct thread *t, const struct batch *batch, unsigned i)
{
	struct request *r = &t->requests[i];
	struct answer_result result = { 0 };

	if (!r->has_peer)
		return 0;
	if (r->is_query)
		request_answer(t, batch, r, t->slots[i].reply, &result);
	counters_add(&t->counters, r->peer.addr.family == ADDR_IPV4 ? COUNTERS_UDP4 : COUNTERS_UDP6,
		     &result);
	if (result.geographic)
		tally_add(batch->snap->catalog->tally, t->number, result.name, result.target);
	return result.len;
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

/* Answer the packets that have been received, and address the replies. Returns how many. */
static unsigned batch_answer(struct thread *t, unsigned count)
{
	struct batch batch = { .now = clock_now(), .unix_time = clock_unix_time() };
	unsigned replies = 0;

	rcu_thread_online();
	batch.snap = store_read(t->server->store);
	batch.has_limit = batch.snap->catalog->conf->protection.has_limit;
	if (batch.has_limit)
		rate_limit_set(t->limit, &batch.snap->catalog->conf->protection.limit);
	batch_read(t, &batch, count);
	for (unsigned i = 0; i < count; i++) {
		struct msghdr *reply = &t->sent[replies].msg_hdr;
		size_t len = packet_answer(t, &batch, i);

		if (len == 0)
			continue;
		t->out[i] = (struct iovec){ t->slots[i].reply, len };
		*reply = t->received[i].msg_hdr;
		reply->msg_iov = &t->out[i];
		if (t->any_address)
			source_set(reply);
		replies++;
	}
	rcu_thread_offline();
	return replies;
}

/* Blocks where there is nothing to do: a poll() in front would be a third call into the kernel. */
static void *thread_run(void *arg)
{
	struct thread *t = arg;

	rcu_register_thread();
	rcu_thread_offline();
	headers_prepare(t);
	for (;;) {
		int n = recvmmsg(t->fd, t->received, BATCH, MSG_WAITFORONE, NULL);

		/* Then the socket has been shut down, and what it gives is nothing. */
		if (__atomic_load_n(&t->server->stopping, __ATOMIC_ACQUIRE))
			break;
		if (n <= 0)
			continue;
		replies_send(t->fd, t->sent, batch_answer(t, (unsigned)n));
		headers_reset(t, (unsigned)n);
	}
	rcu_unregister_thread();
	return NULL;
}

static struct thread *thread_new(struct udp_server *server, const struct geodns_conf *conf,
				 unsigned number, const uint8_t key[SIPHASH_KEY_SIZE])
{
	struct thread *t = x_new(struct thread);

	t->server = server;
	t->number = number;
	t->fd = -1;
	t->signer = dnssec_signer_new(conf->dnssec.signatures_kept);
	t->limit = rate_limit_new(conf->threads, key);
	return t;
}

static int thread_open(struct thread *t, const struct endpoint *listen)
{
	int fd = socket_open(listen);

	if (fd < 0)
		return fd;
	t->fd = fd;
	t->any_address = is_unspecified(&listen->addr);
	return 0;
}

/* A thread for each address, and that conf->threads times. */
int udp_server_new(struct udp_server **out, const struct geodns_conf *conf,
		   const struct store *store, const struct endpoint **failed)
{
	struct udp_server *server = x_new(struct udp_server);
	uint8_t key[SIPHASH_KEY_SIZE] = { 0 };
	int err = getrandom(key, sizeof(key), 0) < 0 ? -errno : 0;

	*failed = &conf->listen[0];
	server->store = store;
	server->thread_count = conf->threads * (unsigned)conf->listen_count;
	server->threads = xcalloc(server->thread_count, sizeof(struct thread *));
	for (unsigned i = 0; i < server->thread_count; i++)
		server->threads[i] = thread_new(server, conf, i, key);
	for (unsigned i = 0; i < server->thread_count && !err; i++) {
		*failed = &conf->listen[i % conf->listen_count];
		err = thread_open(server->threads[i], *failed);
	}
	if (err) {
		udp_server_free(server);
		return err;
	}
	*out = server;
	return 0;
}

int udp_server_start(struct udp_server *server)
{
	int err = 0;

	for (unsigned i = 0; i < server->thread_count && !err; i++) {
		struct thread *t = server->threads[i];

		err = thread_spawn(&t->id, NULL, thread_run, t);
		t->running = err == 0;
	}
	return err;
}

static void thread_free(struct thread *t)
{
	/* Wakes the thread up, though it says that nobody is connected. */
	if (t->running) {
		shutdown(t->fd, SHUT_RDWR);
		pthread_join(t->id, NULL);
	}
	dnssec_signer_free(t->signer);
	if (t->fd >= 0)
		close(t->fd);
	rate_limit_free(t->limit);
	free(t);
}

void udp_server_free(struct udp_server *server)
{
	if (!server)
		return;
	__atomic_store_n(&server->stopping, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < server->thread_count; i++)
		thread_free(server->threads[i]);
	free(server->threads);
	free(server);
}

void udp_server_count(const struct udp_server *server, struct counters *sum)
{
	for (unsigned i = 0; i < server->thread_count; i++)
		counters_sum(sum, &server->threads[i]->counters);
}
