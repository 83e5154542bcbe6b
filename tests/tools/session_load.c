/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session_load ADDRESS PORT NETWORK SOURCES SESSIONS BULK PROBES PERIOD_MS: users with long
 * connections to a session_serve.
 *
 * SESSIONS connections, from SOURCES addresses each in another /24 from NETWORK on. Each sends a
 * heartbeat every PERIOD_MS, planned ahead and spread evenly, whether the last one was answered
 * or not; BULK of them, as evenly spread, send SESSION_MAX octets in place of that, once the last
 * were answered. PROBES datagram sockets do what heartbeats do and show what routing alone costs.
 * All of it goes in turns of a millisecond, so that silences are right to two of them.
 *
 * Commands, a line each, and each is answered by one:
 *	open	connects whoever is not; answered when everybody has been answered
 *	mark	from now on silences are counted
 *	report	what became of them since then, as JSON: how many are open, reset, closed,
 *		wrong (an octet was not what it should be), messages answered, and the longest
 *		silence of each open session and of each probe, in microseconds
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/support/session_stream.h"

#define HEARTBEAT    48 /* octets behind the head */
#define MSS	     1388
#define EVENTS	     256
#define OPEN_LIMIT_S 60
#define OPEN_AT_ONCE 100 /* connections in a millisecond's turn */
#define STDIN_MARK   UINT32_MAX

enum fate { FATE_NONE, FATE_CONNECTING, FATE_OPEN, FATE_RESET, FATE_CLOSED, FATE_WRONG };

struct session {
	struct session_stream stream;
	enum fate fate;
	uint32_t serial; /* of the next message to be sent */
	uint64_t answered;
	struct instant heard;
	int64_t silence_ns; /* the longest one since the mark */
};

struct load {
	int epoll;
	struct sockaddr_in to;
	uint32_t network;
	unsigned sources, sessions, bulk, probes;
	int64_t period_ns;
	struct session *all; /* sessions, then probes */
	struct instant start;
	uint64_t turns; /* heartbeats that have been due */
	bool is_opening;
	struct instant opening_since;
	unsigned next_open;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static bool is_probe(const struct load *l, unsigned i)
{
	return i >= l->sessions;
}

/* All at once they would be a burst that makes others late. */
static bool is_bulk(const struct load *l, unsigned i)
{
	const unsigned apart = l->bulk > 0 ? l->sessions / l->bulk : 0;

	return apart > 0 && i % apart == 0 && i / apart < l->bulk;
}

static void watch(struct load *l, unsigned i, uint32_t events, int how)
{
	struct epoll_event event = { .events = events, .data.u32 = i };

	if (epoll_ctl(l->epoll, how, l->all[i].stream.fd, &event) < 0)
		die("epoll");
}

static void session_end(struct load *l, unsigned i, enum fate fate)
{
	struct session *s = &l->all[i];

	close(s->stream.fd);
	session_stream_fini(&s->stream);
	s->fate = fate;
}

static void session_open(struct load *l, unsigned i)
{
	struct session *s = &l->all[i];
	struct sockaddr_in from = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(l->network + i % l->sources * 256) };
	const int type = is_probe(l, i) ? SOCK_DGRAM : SOCK_STREAM;
	const int on = 1, mss = MSS, keepalive_s = 1;
	const int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (type == SOCK_STREAM) {
		if (!session_socket_set(fd))
			die("setsockopt");
		setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &mss, sizeof(mss));
		/* Who only waits for an answer would never learn that nobody is there. */
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &keepalive_s, sizeof(keepalive_s));
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &keepalive_s, sizeof(keepalive_s));
	}
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0)
		die("bind");
	if (connect(fd, (struct sockaddr *)&l->to, sizeof(l->to)) < 0 && errno != EINPROGRESS)
		die("connect");
	*s = (struct session){ .fate = FATE_CONNECTING, .heard = clock_now() };
	session_stream_init(&s->stream, fd);
	watch(l, i, EPOLLIN | (type == SOCK_STREAM ? EPOLLOUT : 0), EPOLL_CTL_ADD);
	if (type == SOCK_DGRAM)
		s->fate = FATE_OPEN;
}

static void session_send(struct load *l, unsigned i)
{
	struct session *s = &l->all[i];
	const bool bulk = is_bulk(l, i);

	if (s->fate != FATE_OPEN || (bulk && s->serial != s->stream.expected))
		return;
	if (session_stream_put(&s->stream, i, s->serial, bulk ? SESSION_MAX : HEARTBEAT))
		s->serial++;
	/* A datagram that does not find a way is one that was lost. */
	if (!session_stream_flush(&s->stream) && !is_probe(l, i))
		session_end(l, i, FATE_RESET);
	else if (is_probe(l, i))
		s->stream.out_at = s->stream.out_len = 0;
	else if (s->stream.out_len > 0)
		watch(l, i, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
}

static void session_hear(struct session *s)
{
	const struct instant now = clock_now();

	if (now.ns - s->heard.ns > s->silence_ns)
		s->silence_ns = now.ns - s->heard.ns;
	s->heard = now;
	s->answered++;
}

static void probe_read(struct session *s)
{
	struct session_head head;

	while (recv(s->stream.fd, &head, sizeof(head), 0) >= (ssize_t)sizeof(head))
		session_hear(s);
}

static void session_read(struct load *l, unsigned i)
{
	struct session *s = &l->all[i];
	struct session_head head;
	const int on = 1;

	for (;;) {
		switch (session_stream_next(&s->stream, &head)) {
		case SESSION_MORE:
			setsockopt(s->stream.fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
			return;
		case SESSION_MESSAGE:
			if (head.session != i) {
				session_end(l, i, FATE_WRONG);
				return;
			}
			session_hear(s);
			break;
		case SESSION_BAD:
			session_end(l, i, FATE_WRONG);
			return;
		case SESSION_END:
			session_end(l, i, errno ? FATE_RESET : FATE_CLOSED);
			return;
		}
	}
}

static void session_event(struct load *l, unsigned i, uint32_t events)
{
	struct session *s = &l->all[i];

	if (s->stream.fd < 0)
		return;
	if (is_probe(l, i)) {
		probe_read(s);
		return;
	}
	if (s->fate == FATE_CONNECTING && (events & EPOLLOUT) && !(events & EPOLLERR)) {
		s->fate = FATE_OPEN;
		watch(l, i, EPOLLIN, EPOLL_CTL_MOD);
		session_send(l, i);
	} else if (s->fate == FATE_OPEN && (events & EPOLLOUT)) {
		if (session_stream_flush(&s->stream) && s->stream.out_len == 0)
			watch(l, i, EPOLLIN, EPOLL_CTL_MOD);
	}
	if (s->stream.fd >= 0 && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
		session_read(l, i);
}

/* Whoever's turn has come. */
static void heartbeats_send(struct load *l)
{
	const unsigned count = l->sessions + l->probes;
	const struct instant now = clock_now();
	const uint64_t due = (uint64_t)((now.ns - l->start.ns) / (l->period_ns / count));

	/* After a standstill of more than a period nobody has two turns at once. */
	if (due - l->turns > count)
		l->turns = due - count;
	while (l->turns < due)
		session_send(l, (unsigned)(l->turns++ % count));
}

static void opening_go_on(struct load *l)
{
	const unsigned count = l->sessions + l->probes;
	unsigned open = 0;

	for (unsigned n = 0; n < OPEN_AT_ONCE && l->next_open < count; l->next_open++) {
		if (l->all[l->next_open].fate == FATE_OPEN)
			continue;
		session_open(l, l->next_open);
		n++;
	}
	for (unsigned i = 0; i < count; i++)
		open += l->all[i].fate == FATE_OPEN && l->all[i].answered > 0;
	if (open < count && clock_now().ns < l->opening_since.ns + OPEN_LIMIT_S * NS_PER_S)
		return;
	l->is_opening = false;
	printf("%u\n", open);
	fflush(stdout);
}

static void silences_print(const struct load *l, const char *name, unsigned from, unsigned to)
{
	const struct instant now = clock_now();
	const char *comma = "";

	printf(", \"%s\": [", name);
	for (unsigned i = from; i < to; i++) {
		const struct session *s = &l->all[i];
		const int64_t since = now.ns - s->heard.ns;

		if (s->fate != FATE_OPEN)
			continue;
		printf("%s%" PRId64, comma,
		       (since > s->silence_ns ? since : s->silence_ns) / NS_PER_US);
		comma = ", ";
	}
	printf("]");
}

static void report(const struct load *l)
{
	unsigned fates[FATE_WRONG + 1] = { 0 };
	uint64_t answered = 0;

	for (unsigned i = 0; i < l->sessions; i++) {
		fates[l->all[i].fate]++;
		answered += l->all[i].answered;
	}
	printf("{\"open\": %u, \"reset\": %u, \"closed\": %u, \"wrong\": %u, \"answered\": %" PRIu64,
	       fates[FATE_OPEN], fates[FATE_RESET], fates[FATE_CLOSED], fates[FATE_WRONG],
	       answered);
	silences_print(l, "silence_us", 0, l->sessions);
	silences_print(l, "probe_us", l->sessions, l->sessions + l->probes);
	printf("}\n");
	fflush(stdout);
}

static void command_do(struct load *l, const char *line)
{
	if (strcmp(line, "open\n") == 0) {
		l->is_opening = true;
		l->opening_since = clock_now();
		l->next_open = 0;
	} else if (strcmp(line, "mark\n") == 0) {
		for (unsigned i = 0; i < l->sessions + l->probes; i++)
			l->all[i].silence_ns = 0;
		puts("marked");
		fflush(stdout);
	} else {
		report(l);
	}
}

static void load_init(struct load *l, char **words)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = STDIN_MARK };
	struct in_addr network;

	*l = (struct load){
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.to = { .sin_family = AF_INET,
			.sin_port = htons((uint16_t)strtoul(words[2], NULL, 10)) },
		.sources = (unsigned)strtoul(words[4], NULL, 10),
		.sessions = (unsigned)strtoul(words[5], NULL, 10),
		.bulk = (unsigned)strtoul(words[6], NULL, 10),
		.probes = (unsigned)strtoul(words[7], NULL, 10),
		.period_ns = strtoll(words[8], NULL, 10) * NS_PER_MS,
		.start = clock_now(),
	};
	if (inet_pton(AF_INET, words[1], &l->to.sin_addr) != 1 ||
	    inet_pton(AF_INET, words[3], &network) != 1)
		die("addresses");
	l->network = ntohl(network.s_addr);
	l->all = xcalloc(l->sessions + l->probes, sizeof(*l->all));
	for (unsigned i = 0; i < l->sessions + l->probes; i++)
		l->all[i].stream.fd = -1;
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0)
		die("epoll");
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	struct instant turn = clock_now();
	struct load l;
	char line[64];

	if (argc != 9) {
		fputs("session_load ADDRESS PORT NETWORK SOURCES SESSIONS BULK PROBES PERIOD_MS\n",
		      stderr);
		return 1;
	}
	setvbuf(stdin, NULL, _IONBF, 0); /* what epoll says is there, is not in a buffer */
	load_init(&l, argv);
	for (;;) {
		const int n = epoll_wait(l.epoll, events, EVENTS, 0);

		for (int i = 0; i < n; i++) {
			if (events[i].data.u32 != STDIN_MARK)
				session_event(&l, events[i].data.u32, events[i].events);
			else if (fgets(line, sizeof(line), stdin))
				command_do(&l, line);
			else
				return 0;
		}
		heartbeats_send(&l);
		if (l.is_opening)
			opening_go_on(&l);
		if (n < EVENTS)
			session_turn_await(&turn);
	}
}
