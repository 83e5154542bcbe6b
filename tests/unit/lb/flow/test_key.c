/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/unit/lb/flow/packets.h"

#define CLIENT4 "192.0.2.1"
#define VIP4	"203.0.113.7"
#define CLIENT6 "2001:db8:1:2::1"
#define VIP6	"2001:db8:ffff::7"
#define TCP4	"tcp 192.0.2.1:1234 > 203.0.113.7:443"
#define UDP4	"udp 192.0.2.1:1234 > 203.0.113.7:443"
#define TCP6	"tcp [2001:db8:1:2::1]:1234 > [2001:db8:ffff::7]:443"
#define UDP6	"udp [2001:db8:1:2::1]:1234 > [2001:db8:ffff::7]:443"
#define NO_PORT "tcp 192.0.2.1:0 > 203.0.113.7:0"

static void tcp4(struct packet *p)
{
	packet_ipv4(p, FLOW_TCP, CLIENT4, VIP4);
	packet_tcp(p, 1234, 443, FLOW_TCP_SYN);
}

static void udp4(struct packet *p)
{
	packet_ipv4(p, FLOW_UDP, CLIENT4, VIP4);
	packet_udp(p, 1234, 443);
}

static void tcp6(struct packet *p)
{
	packet_ipv6(p, FLOW_TCP, CLIENT6, VIP6);
	packet_tcp(p, 1234, 443, FLOW_TCP_SYN);
}

static void udp6(struct packet *p)
{
	packet_ipv6(p, FLOW_UDP, CLIENT6, VIP6);
	packet_udp(p, 1234, 443);
}

static void padded(struct packet *p)
{
	udp4(p);
	packet_end(p);
	packet_add(p, NULL, 18);
	p->ips = 0;
}

static void options4(struct packet *p)
{
	packet_ipv4(p, FLOW_TCP, CLIENT4, VIP4)[0] = 0x4f;
	packet_add(p, NULL, 40);
	packet_tcp(p, 1234, 443, FLOW_TCP_ACK);
}

static void tcp_options(struct packet *p)
{
	packet_ipv4(p, FLOW_TCP, CLIENT4, VIP4);
	packet_tcp(p, 1234, 443, FLOW_TCP_ACK)[12] = 15 << 4;
	packet_add(p, NULL, 40);
}

static void tcp_options_missing(struct packet *p)
{
	packet_ipv4(p, FLOW_TCP, CLIENT4, VIP4);
	packet_tcp(p, 1234, 443, FLOW_TCP_ACK)[12] = 6 << 4;
}

static void tcp_offset_4(struct packet *p)
{
	packet_ipv4(p, FLOW_TCP, CLIENT4, VIP4);
	packet_tcp(p, 1234, 443, FLOW_TCP_ACK)[12] = 4 << 4;
}

static void ihl_4(struct packet *p)
{
	packet_ipv4(p, FLOW_TCP, CLIENT4, VIP4)[0] = 0x44;
	packet_tcp(p, 1234, 443, FLOW_TCP_ACK);
}

static void version_5(struct packet *p)
{
	packet_ipv4(p, FLOW_TCP, CLIENT4, VIP4)[0] = 0x55;
	packet_tcp(p, 1234, 443, FLOW_TCP_ACK);
}

static void longer_than_it_is(struct packet *p)
{
	tcp4(p);
	packet_end(p);
	p->octets[3]++;
	p->ips = 0;
}

static void shorter_than_tcp(struct packet *p)
{
	tcp4(p);
	packet_end(p);
	p->octets[3]--;
	p->ips = 0;
}

static void first_fragment4(struct packet *p)
{
	tcp4(p);
	p->octets[6] = 0x20;
}

static void later_fragment4(struct packet *p)
{
	tcp4(p);
	p->octets[7] = 1;
}

static void dont_fragment4(struct packet *p)
{
	tcp4(p);
	p->octets[6] = 0x40;
}

static void esp4(struct packet *p)
{
	packet_ipv4(p, 50, CLIENT4, VIP4);
	packet_add(p, NULL, 8);
}

static void ping4(struct packet *p)
{
	packet_ipv4(p, FLOW_ICMP, CLIENT4, VIP4);
	packet_icmp(p, 8);
}

static void error4_of(struct packet *p, uint8_t type, const char *to, const char *from)
{
	packet_ipv4(p, FLOW_ICMP, "198.51.100.9", to);
	packet_icmp(p, type);
	packet_ipv4(p, FLOW_TCP, from, CLIENT4);
	packet_tcp(p, 443, 1234, FLOW_TCP_ACK);
	p->len -= FLOW_TCP_SIZE - 8;
	packet_end(p);
	/* The quoted packet was longer than what is quoted of it. */
	p->octets[p->ip[1] + 2] = 5;
	p->ips = 0;
}

static void too_big4(struct packet *p)
{
	error4_of(p, 3, VIP4, VIP4);
}

static void time_exceeded4(struct packet *p)
{
	error4_of(p, 11, VIP4, VIP4);
}

static void redirect4(struct packet *p)
{
	error4_of(p, 5, VIP4, VIP4);
}

static void error_about_another(struct packet *p)
{
	error4_of(p, 3, VIP4, "203.0.113.8");
}

static void error_quotes_7(struct packet *p)
{
	too_big4(p);
	p->len--;
	p->octets[3]--;
}

/* What it quotes lies behind its end, as padding would. */
static void error_quotes_padding(struct packet *p)
{
	too_big4(p);
	p->octets[3] -= 4;
}

static void error_quotes_fragment(struct packet *p)
{
	too_big4(p);
	p->octets[p->ip[1] + 7] = 9;
}

static void error_quotes_options(struct packet *p)
{
	packet_ipv4(p, FLOW_ICMP, "198.51.100.9", VIP4);
	packet_icmp(p, 12);
	packet_ipv4(p, FLOW_UDP, VIP4, CLIENT4)[0] = 0x46;
	packet_add(p, NULL, 4);
	packet_udp(p, 443, 1234);
}

static void error_quotes_error(struct packet *p)
{
	packet_ipv4(p, FLOW_ICMP, "198.51.100.9", VIP4);
	packet_icmp(p, 3);
	packet_ipv4(p, FLOW_ICMP, VIP4, CLIENT4);
	packet_icmp(p, 3);
}

static void error4_quotes_ipv6(struct packet *p)
{
	packet_ipv4(p, FLOW_ICMP, "198.51.100.9", VIP4);
	packet_icmp(p, 3);
	packet_ipv6(p, FLOW_UDP, VIP6, CLIENT6);
	packet_udp(p, 443, 1234);
}

static void too_big6(struct packet *p)
{
	packet_ipv6(p, FLOW_ICMPV6, "2001:db8::9", VIP6);
	packet_icmp(p, 2);
	packet_ipv6(p, FLOW_UDP, VIP6, CLIENT6);
	packet_udp(p, 443, 1234);
}

static void solicitation6(struct packet *p)
{
	packet_ipv6(p, FLOW_ICMPV6, "2001:db8::9", VIP6);
	packet_icmp(p, 135);
}

/* Hop-by-Hop of 16 octets, Destination Options, Routing with nothing left, AH of 24. */
static void extensions6(struct packet *p)
{
	packet_ipv6(p, 0, CLIENT6, VIP6);
	packet_add(p, (const uint8_t[16]){ 60, 1 }, 16);
	packet_add(p, (const uint8_t[8]){ 43 }, 8);
	packet_add(p, (const uint8_t[24]){ 51, 2, 4, 0 }, 24);
	packet_add(p, (const uint8_t[24]){ FLOW_TCP, 4 }, 24);
	packet_tcp(p, 1234, 443, FLOW_TCP_FIN);
}

static void extension_in_padding(struct packet *p)
{
	extensions6(p);
	packet_end(p);
	p->octets[5] = 20;
	p->ips = 0;
}

static void segments_left(struct packet *p)
{
	packet_ipv6(p, 43, CLIENT6, VIP6);
	packet_add(p, (const uint8_t[24]){ FLOW_TCP, 2, 4, 1 }, 24);
	packet_tcp(p, 1234, 443, FLOW_TCP_ACK);
}

static void extensions(struct packet *p, unsigned count)
{
	packet_ipv6(p, 60, CLIENT6, VIP6);
	for (unsigned i = 1; i < count; i++)
		packet_add(p, (const uint8_t[8]){ 60 }, 8);
	packet_add(p, (const uint8_t[8]){ FLOW_UDP }, 8);
	packet_udp(p, 1234, 443);
}

static void extensions_6_of_them(struct packet *p)
{
	extensions(p, 6);
}

static void extensions_7_of_them(struct packet *p)
{
	extensions(p, 7);
}

static void extension_longer_than_packet(struct packet *p)
{
	packet_ipv6(p, 60, CLIENT6, VIP6);
	packet_add(p, (const uint8_t[8]){ FLOW_UDP, 9 }, 8);
	packet_udp(p, 1234, 443);
}

static void fragment6(struct packet *p, uint8_t high, uint8_t low)
{
	packet_ipv6(p, 44, CLIENT6, VIP6);
	packet_add(p, (const uint8_t[8]){ FLOW_TCP, 0, high, low }, 8);
	packet_tcp(p, 1234, 443, FLOW_TCP_ACK);
}

static void atomic_fragment6(struct packet *p)
{
	fragment6(p, 0, 0);
}

static void first_fragment6(struct packet *p)
{
	fragment6(p, 0, 1);
}

static void later_fragment6(struct packet *p)
{
	fragment6(p, 0, 8);
}

static void mapped6(struct packet *p)
{
	packet_ipv6(p, FLOW_TCP, "::ffff:192.0.2.1", VIP6);
	packet_tcp(p, 1234, 443, FLOW_TCP_ACK);
}

struct row {
	const char *name;
	void (*make)(struct packet *p);
	enum flow_found want;
	const char *key;
	uint8_t tcp_flags;
	bool is_error, has_more;
};

static const struct row rows[] = {
	{ "TCP", tcp4, FLOW_FOUND, TCP4, FLOW_TCP_SYN, 0, 0 },
	{ "UDP", udp4, FLOW_FOUND, UDP4, 0, 0, 0 },
	{ "TCP over IPv6", tcp6, FLOW_FOUND, TCP6, FLOW_TCP_SYN, 0, 0 },
	{ "UDP over IPv6", udp6, FLOW_FOUND, UDP6, 0, 0, 0 },
	{ "Ethernet's padding behind it", padded, FLOW_FOUND, UDP4, 0, 0, 0 },
	{ "40 octets of IPv4 options", options4, FLOW_FOUND, TCP4, FLOW_TCP_ACK, 0, 0 },
	{ "40 octets of TCP options", tcp_options, FLOW_FOUND, TCP4, FLOW_TCP_ACK, 0, 0 },
	{ "TCP options that are not there", tcp_options_missing, FLOW_BAD, NULL, 0, 0, 0 },
	{ "TCP's Data Offset is 4", tcp_offset_4, FLOW_BAD, NULL, 0, 0, 0 },
	{ "IHL is 4", ihl_4, FLOW_BAD, NULL, 0, 0, 0 },
	{ "version 5", version_5, FLOW_BAD, NULL, 0, 0, 0 },
	{ "Total Length beyond the end", longer_than_it_is, FLOW_BAD, NULL, 0, 0, 0 },
	{ "Total Length ends within TCP", shorter_than_tcp, FLOW_BAD, NULL, 0, 0, 0 },
	{ "DF", dont_fragment4, FLOW_FOUND, TCP4, FLOW_TCP_SYN, 0, 0 },
	{ "the first fragment", first_fragment4, FLOW_FOUND, TCP4, FLOW_TCP_SYN, 0, 1 },
	{ "another fragment", later_fragment4, FLOW_FRAGMENT, NO_PORT, 0, 0, 0 },
	{ "ESP", esp4, FLOW_OTHER, "protocol 50 192.0.2.1:0 > 203.0.113.7:0", 0, 0, 0 },
	{ "echo request", ping4, FLOW_OTHER, "protocol 1 192.0.2.1:0 > 203.0.113.7:0", 0, 0, 0 },
	{ "fragmentation needed", too_big4, FLOW_FOUND, TCP4, 0, 1, 0 },
	{ "time exceeded", time_exceeded4, FLOW_FOUND, TCP4, 0, 1, 0 },
	{ "a redirect is no error of the flow", redirect4, FLOW_OTHER,
	  "protocol 1 198.51.100.9:0 > 203.0.113.7:0", 0, 0, 0 },
	{ "an error about another's packet", error_about_another, FLOW_BAD, NULL, 0, 0, 0 },
	{ "7 octets quoted", error_quotes_7, FLOW_BAD, NULL, 0, 0, 0 },
	{ "what is quoted lies in the padding", error_quotes_padding, FLOW_BAD, NULL, 0, 0, 0 },
	{ "an extension header in the padding", extension_in_padding, FLOW_BAD, NULL, 0, 0, 0 },
	{ "a fragment quoted", error_quotes_fragment, FLOW_FRAGMENT, NO_PORT, 0, 1, 0 },
	{ "options quoted", error_quotes_options, FLOW_FOUND, UDP4, 0, 1, 0 },
	{ "an error about an error", error_quotes_error, FLOW_OTHER,
	  "protocol 1 192.0.2.1:0 > 203.0.113.7:0", 0, 1, 0 },
	{ "IPv6 quoted by IPv4", error4_quotes_ipv6, FLOW_BAD, NULL, 0, 0, 0 },
	{ "packet too big", too_big6, FLOW_FOUND, UDP6, 0, 1, 0 },
	{ "neighbour solicitation", solicitation6, FLOW_OTHER,
	  "protocol 58 [2001:db8::9]:0 > [2001:db8:ffff::7]:0", 0, 0, 0 },
	{ "four extension headers", extensions6, FLOW_FOUND, TCP6, FLOW_TCP_FIN, 0, 0 },
	{ "Segments Left", segments_left, FLOW_OTHER,
	  "protocol 43 [2001:db8:1:2::1]:0 > [2001:db8:ffff::7]:0", 0, 0, 0 },
	{ "six extension headers", extensions_6_of_them, FLOW_FOUND, UDP6, 0, 0, 0 },
	{ "seven extension headers", extensions_7_of_them, FLOW_OTHER,
	  "protocol 60 [2001:db8:1:2::1]:0 > [2001:db8:ffff::7]:0", 0, 0, 0 },
	{ "an extension header beyond the end", extension_longer_than_packet, FLOW_BAD, NULL, 0, 0,
	  0 },
	{ "an atomic fragment", atomic_fragment6, FLOW_FOUND, TCP6, FLOW_TCP_ACK, 0, 0 },
	{ "the first fragment of IPv6", first_fragment6, FLOW_FOUND, TCP6, FLOW_TCP_ACK, 0, 1 },
	{ "another fragment of IPv6", later_fragment6, FLOW_FRAGMENT,
	  "tcp [2001:db8:1:2::1]:0 > [2001:db8:ffff::7]:0", 0, 0, 0 },
	{ "an IPv4 client in IPv6", mapped6, FLOW_BAD, NULL, 0, 0, 0 },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

Test(flow_key, of_every_kind_of_packet)
{
	for (size_t i = 0; i < ROWS; i++) {
		struct packet p = { 0 };
		struct flow_packet flow;
		char text[FLOW_KEY_TEXT_SIZE];
		enum flow_found got;

		rows[i].make(&p);
		packet_end(&p);
		got = flow_packet_read(&flow, p.octets, p.len);
		cr_expect_eq(got, rows[i].want, "%s: %d", rows[i].name, got);
		if (got != rows[i].want || got == FLOW_BAD)
			continue;
		cr_expect_str_eq(flow_key_format(&flow.key, text), rows[i].key, "%s: %s",
				 rows[i].name, text);
		cr_expect_eq(flow.tcp_flags, rows[i].tcp_flags, "%s", rows[i].name);
		cr_expect_eq(flow.is_error, rows[i].is_error, "%s", rows[i].name);
		cr_expect_eq(flow.has_more, rows[i].has_more, "%s", rows[i].name);
		cr_expect_eq(flow.family, p.octets[0] >> 4);
	}
}

/* Each in memory of its very length, so that reading beyond it is seen under ASan. */
Test(flow_key, of_no_packet_that_is_cut_short)
{
	for (size_t i = 0; i < ROWS; i++) {
		struct packet p = { 0 };
		struct flow_packet flow;
		size_t length;

		rows[i].make(&p);
		packet_end(&p);
		if (flow_packet_read(&flow, p.octets, p.len) == FLOW_BAD)
			continue;
		length = flow.length;
		for (size_t len = 0; len < length; len++) {
			uint8_t *shorter = malloc(len + 1);

			memcpy(shorter + 1, p.octets, len);
			cr_expect_eq(flow_packet_read(&flow, shorter + 1, len), FLOW_BAD,
				     "%s: %zu octets", rows[i].name, len);
			free(shorter);
		}
	}
}

Test(flow_key, offsets_and_lengths)
{
	struct packet p = { 0 };
	struct flow_packet flow;

	extensions6(&p);
	packet_add(&p, "data", 4);
	packet_end(&p);
	packet_add(&p, NULL, 9);
	cr_assert_eq(flow_packet_read(&flow, p.octets, p.len), FLOW_FOUND);
	cr_expect_eq(flow.l4_at, 40 + 16 + 8 + 24 + 24);
	cr_expect_eq(flow.length, flow.l4_at + FLOW_TCP_SIZE + 4);
}

static struct flow_key key_of(void (*make)(struct packet *p))
{
	struct packet p = { 0 };
	struct flow_packet flow;

	make(&p);
	packet_end(&p);
	cr_assert_eq(flow_packet_read(&flow, p.octets, p.len), FLOW_FOUND);
	return flow.key;
}

/* What the error quotes was sent by us: both have the same key. */
Test(flow_key, an_error_is_of_the_flow_that_it_is_about)
{
	const struct flow_key key = key_of(tcp4), error = key_of(too_big4);

	cr_expect_arr_eq(&key, &error, sizeof(key));
}

Test(flow_key, what_a_syn_is)
{
	static const struct {
		uint8_t flags;
		bool is_syn;
	} flags[] = {
		{ FLOW_TCP_SYN, true },
		{ FLOW_TCP_SYN | 0xc0, true }, /* with ECE and CWR (RFC 3168) */
		{ FLOW_TCP_SYN | FLOW_TCP_ACK, false },
		{ FLOW_TCP_SYN | FLOW_TCP_RST, false },
		{ FLOW_TCP_ACK, false },
		{ 0, false },
	};
	struct flow_packet packet = { .key.proto = FLOW_TCP };

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		packet.tcp_flags = flags[i].flags;
		cr_expect_eq(flow_packet_is_syn(&packet), flags[i].is_syn, "0x%02x",
			     flags[i].flags);
	}
	packet = (struct flow_packet){ .key.proto = FLOW_UDP, .tcp_flags = FLOW_TCP_SYN };
	cr_expect_not(flow_packet_is_syn(&packet));
}

static uint32_t number_at(const void *octets)
{
	uint32_t x;

	memcpy(&x, octets, sizeof(x));
	return x;
}

/* As hash.h says it, with numbers of 128 bits, of which the lower 64 count. */
static uint64_t half_of(const struct flow_half_secret *secret, const uint32_t *x, size_t pairs)
{
	unsigned __int128 sum = secret->from;

	for (size_t i = 0; i < pairs; i++)
		sum += (unsigned __int128)(uint64_t)(secret->pairs[i].a + x[2 * i]) *
		       (uint64_t)(secret->pairs[i].b + x[2 * i + 1]);
	return (uint64_t)sum >> 32;
}

/* The last step, undone: x ^ x >> n is its own inverse for n >= 32, else in two steps. */
static uint64_t unscattered(uint64_t hash)
{
	uint64_t inverse = 1;

	for (int i = 0; i < 6; i++)
		inverse *= 2 - UINT64_C(0x9e3779b97f4a7c15) * inverse;
	hash ^= hash >> 29 ^ hash >> 58;
	hash *= inverse;
	return hash ^ hash >> 32;
}

Test(flow_key, hash_is_of_what_differs)
{
	const struct siphash_key octets = { 0x0123456789abcdef, 0xfedcba9876543210 };
	struct flow_key key = key_of(tcp4);
	struct flow_secret secret;
	uint32_t x[10];

	flow_secret_make(&secret, &octets);
	x[0] = number_at(key.client + 12);
	x[1] = number_at(key.vip + 12);
	x[2] = number_at(&key.client_port);
	x[3] = FLOW_TCP;
	cr_expect_eq(unscattered(flow_key_hash(&secret, &key)),
		     half_of(&secret.ipv4[0], x, 2) << 32 | half_of(&secret.ipv4[1], x, 2));
	key = key_of(tcp6);
	for (size_t i = 0; i < 9; i++)
		x[i] = number_at((const uint8_t *)&key + 4 * i);
	x[9] = FLOW_TCP;
	cr_expect_eq(unscattered(flow_key_hash(&secret, &key)),
		     half_of(&secret.ipv6[0], x, 5) << 32 | half_of(&secret.ipv6[1], x, 5));
}

/* Clients that differ by little, by one number or by two, do not crowd: 4 to a bucket on average.
 */
Test(flow_key, hash_scatters)
{
	static uint8_t buckets[16384];
	struct flow_secret secret;

	for (uint64_t seed = 0; seed < 100; seed++) {
		const struct siphash_key octets = { seed, ~seed };
		unsigned most = 0;

		flow_secret_make(&secret, &octets);
		memset(buckets, 0, sizeof(buckets));
		for (uint32_t i = 0; i < 65536; i++) {
			const uint32_t client = FIXED_BE32(0x64400000 + (seed % 2 ? i : i / 256));
			const uint32_t port = seed % 2 ? 1024 : 1024 + i % 256;
			uint64_t hash = flow_hash_ipv4(&secret, client, 0x010012c6,
						       FIXED_BE32(port << 16 | 80), FLOW_TCP);
			uint8_t *bucket = &buckets[hash % 16384];

			most = ++*bucket > most ? *bucket : most;
		}
		/* Of as many random numbers 20 in one is one in ten thousand such runs. */
		cr_expect_leq(most, 20, "seed %llu: %u", (unsigned long long)seed, most);
	}
}

/* Which secrets follow from which octets stays as it is: tables outlive programs. */
Test(flow_key, secret_is_of_every_octet)
{
	const struct siphash_key octets = { 1, 2 }, others = { 1, 3 };
	struct flow_secret one, same, other;
	const uint64_t *words = (const uint64_t *)&one;

	flow_secret_make(&one, &octets);
	flow_secret_make(&same, &octets);
	flow_secret_make(&other, &others);
	cr_expect_arr_eq(&one, &same, sizeof(one));
	for (size_t i = 0; i < sizeof(one) / sizeof(*words); i++) {
		const uint64_t index = FIXED_LE64((uint64_t)i);

		cr_expect_eq(words[i], siphash24_words(&octets, &index, 1));
		cr_expect_neq(words[i], ((const uint64_t *)&other)[i]);
	}
}

/* Every octet of a key but the zeros changes its hash, and no two changes give the same. */
Test(flow_key, hash_is_of_every_octet)
{
	const struct siphash_key octets = { 1, 2 };
	struct flow_secret secret;
	void (*const makes[])(struct packet *) = { tcp4, tcp6 };

	flow_secret_make(&secret, &octets);
	for (size_t m = 0; m < 2; m++) {
		const struct flow_key key = key_of(makes[m]);
		uint64_t hashes[39] = { flow_key_hash(&secret, &key) };
		size_t count = 1;

		for (size_t i = 0; i < 38; i++) {
			struct flow_key other = key;

			/* Of IPv4 what all addresses have in common. */
			if (m == 0 && (i < 12 || (i >= 16 && i < 28)))
				continue;
			((uint8_t *)&other)[i] ^= 1;
			hashes[count++] = flow_key_hash(&secret, &other);
			for (size_t j = 0; j + 1 < count; j++)
				cr_expect_neq(hashes[j], hashes[count - 1], "octet %zu", i);
		}
		cr_expect_eq(count, m == 0 ? 15 : 39);
	}
}

Test(flow_key, networks_of_both_families)
{
	struct flow_key four = key_of(tcp4), six = key_of(tcp6);
	struct prefix prefix = flow_key_prefix(&four);
	char text[PREFIX_TEXT_SIZE];

	cr_expect_str_eq(prefix_format(&prefix, text), "192.0.2.0/24");
	cr_expect_eq(flow_key_network(&four), UINT64_C(0x0400000000c00002));
	four.client[15] = 99;
	cr_expect_eq(flow_key_network(&four) & 0xffffff, 0xc00002);
	prefix = flow_key_prefix(&six);
	cr_expect_str_eq(prefix_format(&prefix, text), "2001:db8:1::/48");
	cr_expect_eq(flow_key_network(&six), UINT64_C(0x060020010db80001));
}

Test(flow_key, addresses_there_and_back)
{
	static const char *const texts[] = { "192.0.2.1", "2001:db8::1", "0.0.0.0", "::1" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint8_t mapped[FLOW_ADDR_SIZE];
		struct addr addr, again;

		cr_assert(addr_parse(&addr, texts[i]));
		flow_addr_set(mapped, &addr);
		again = flow_addr_get(mapped);
		cr_expect(addr_equal(&addr, &again), "%s", texts[i]);
	}
}
