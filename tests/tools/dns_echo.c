/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dns_echo ADDRESS:PORT: what a nameserver cannot do without. Receives datagrams in batches of 32
 * and sends each back with QR set, as it is: the yardstick of bench_geodns.py.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/addr.h"

#define BATCH 32
#define ROOM  1232

struct slot {
	uint8_t bytes[ROOM];
	struct sockaddr_storage peer;
	struct iovec iov;
};

static void headers_prepare(struct slot *slots, struct mmsghdr *msgs)
{
	for (unsigned i = 0; i < BATCH; i++) {
		slots[i].iov = (struct iovec){ slots[i].bytes, ROOM };
		msgs[i].msg_hdr = (struct msghdr){ .msg_name = &slots[i].peer,
						   .msg_namelen = sizeof(slots[i].peer),
						   .msg_iov = &slots[i].iov,
						   .msg_iovlen = 1 };
	}
}

static void serve(int fd)
{
	static struct slot slots[BATCH];
	static struct mmsghdr msgs[BATCH];

	for (;;) {
		int n;

		headers_prepare(slots, msgs);
		n = recvmmsg(fd, msgs, BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++) {
			slots[i].bytes[2] |= 0x80;
			slots[i].iov.iov_len = msgs[i].msg_len;
		}
		for (int sent = 0; sent < n;) {
			int more = sendmmsg(fd, msgs + sent, (unsigned)(n - sent), 0);

			sent += more > 0 ? more : 1;
		}
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_storage ss;
	struct endpoint at;
	int fd;

	if (argc != 2 || !endpoint_parse(&at, argv[1], 0)) {
		fprintf(stderr, "usage: dns_echo ADDRESS:PORT\n");
		return 2;
	}
	fd = socket(at.addr.family == ADDR_IPV4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&ss, endpoint_to_sockaddr(&at, &ss)) < 0) {
		perror("dns_echo");
		return 3;
	}
	serve(fd);
}
