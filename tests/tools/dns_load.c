/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dns_load ADDRESS:PORT FILE SECONDS WINDOW: ask the queries of a file (each behind two octets of
 * length, as over TCP), in batches of 32, never more than WINDOW unanswered ones at a time, again
 * and again. At the end one line of JSON says what came of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/addr.h"
#include "lib/alloc.h"
#include "lib/clock.h"

#define BATCH	  32
#define ROOM	  1500
#define TIMEOUT_S 0.2

struct query {
	uint8_t *bytes;
	size_t len;
};

struct load {
	int fd;
	struct query *queries;
	size_t count, next;
	unsigned outstanding;
	uint64_t sent, answered, good, lost, octets;
	uint8_t replies[BATCH][ROOM];
};

static bool queries_read(struct load *l, const char *path)
{
	FILE *f = fopen(path, "re");
	uint8_t prefix[2];
	size_t room = 0;

	while (f && fread(prefix, 1, 2, f) == 2) {
		size_t len = (size_t)prefix[0] << 8 | prefix[1];

		if (l->count == room) {
			room = room ? 2 * room : 1024;
			l->queries = xreallocarray(l->queries, room, sizeof(*l->queries));
		}
		l->queries[l->count] = (struct query){ xmalloc(len), len };
		if (fread(l->queries[l->count++].bytes, 1, len, f) != len)
			break;
	}
	if (f)
		fclose(f);
	return l->count > 0;
}

static void batch_send(struct load *l)
{
	struct mmsghdr msgs[BATCH] = { 0 };
	struct iovec iov[BATCH];
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		const struct query *q = &l->queries[(l->next + i) % l->count];

		iov[i] = (struct iovec){ q->bytes, q->len };
		msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	n = sendmmsg(l->fd, msgs, BATCH, 0);
	if (n < 0)
		return;
	l->next = (l->next + (size_t)n) % l->count;
	l->sent += (uint64_t)n;
	l->outstanding += (unsigned)n;
}

/* Wait for one and take all that are there. */
static void replies_receive(struct load *l)
{
	struct mmsghdr msgs[BATCH] = { 0 };
	struct iovec iov[BATCH];
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ l->replies[i], ROOM };
		msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	n = recvmmsg(l->fd, msgs, BATCH, MSG_WAITFORONE, NULL);
	if (n < 0) {
		l->lost += l->outstanding;
		l->outstanding = 0;
		return;
	}
	for (int i = 0; i < n; i++) {
		const uint8_t *reply = l->replies[i];

		l->octets += msgs[i].msg_len;
		/* QR, NOERROR, and something in the answer section. */
		l->good += msgs[i].msg_len >= 12 && reply[2] & 0x80 && !(reply[3] & 0xf) &&
			   (reply[6] | reply[7]);
	}
	l->answered += (uint64_t)n;
	l->outstanding -= (unsigned)n < l->outstanding ? (unsigned)n : l->outstanding;
}

static double load_run(struct load *l, double seconds, unsigned window)
{
	const struct instant begun = clock_now();
	const struct instant end = instant_after_ns(begun, (int64_t)(seconds * NS_PER_S));
	struct instant now = begun;

	while (!instant_reached(end, now) || l->outstanding > 0) {
		if (!instant_reached(end, now) && l->outstanding + BATCH <= window)
			batch_send(l);
		else
			replies_receive(l);
		now = clock_now();
	}
	return (double)(now.ns - begun.ns) / NS_PER_S;
}

int main(int argc, char **argv)
{
	static struct load l;
	struct sockaddr_storage ss;
	struct timeval timeout = { .tv_usec = (suseconds_t)(TIMEOUT_S * 1e6) };
	struct endpoint at;
	double took;

	if (argc != 5 || !endpoint_parse(&at, argv[1], 0) || !queries_read(&l, argv[2])) {
		fprintf(stderr, "usage: dns_load ADDRESS:PORT FILE SECONDS WINDOW\n");
		return 2;
	}
	l.fd = socket(at.addr.family == ADDR_IPV4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
	setsockopt(l.fd, SOL_SOCKET, SO_RCVBUF, &(int){ 1 << 20 }, sizeof(int));
	setsockopt(l.fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (connect(l.fd, (struct sockaddr *)&ss, endpoint_to_sockaddr(&at, &ss)) < 0) {
		fprintf(stderr, "dns_load: %s\n", strerror(errno));
		return 3;
	}
	took = load_run(&l, strtod(argv[3], NULL), (unsigned)strtoul(argv[4], NULL, 10));
	printf("{\"seconds\": %.6f, \"sent\": %llu, \"answered\": %llu, \"good\": %llu, "
	       "\"lost\": %llu, \"octets\": %llu}\n",
	       took, (unsigned long long)l.sent, (unsigned long long)l.answered,
	       (unsigned long long)l.good, (unsigned long long)l.lost,
	       (unsigned long long)l.octets);
	return 0;
}
