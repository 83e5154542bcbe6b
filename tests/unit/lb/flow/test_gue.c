/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "lb/flow/gue.h"
#include "tests/unit/lb/flow/packets.h"

#define AMS 0x0102c80aU /* 10.200.2.1 as it stands in memory */
#define FRA 0x0103c80aU

static struct gue_path path4(void)
{
	struct gue_path path = { .key = { 0x1111, 0x2222 },
				 .epoch = 0xcafe0001,
				 .epoch_before = 7 };

	flow_addr_map(path.source, AMS);
	flow_addr_map(path.destination, FRA);
	return path;
}

static struct gue_path path6(void)
{
	struct gue_path path = path4();

	inet_pton(AF_INET6, "2001:db8:a::1", path.source);
	inet_pton(AF_INET6, "2001:db8:b::1", path.destination);
	return path;
}

static struct packet tcp4(void)
{
	struct packet p = { 0 };

	packet_ipv4(&p, FLOW_TCP, "192.0.2.1", "203.0.113.7");
	packet_tcp(&p, 1234, 443, FLOW_TCP_ACK);
	packet_add(&p, "payload", 7);
	packet_end(&p);
	return p;
}

static struct packet tcp6(void)
{
	struct packet p = { 0 };

	packet_ipv6(&p, FLOW_TCP, "2001:db8::1", "2001:db8:ffff::7");
	packet_tcp(&p, 1234, 443, FLOW_TCP_ACK);
	packet_end(&p);
	return p;
}

struct datagram {
	uint8_t octets[4096];
	size_t len;
};

static struct datagram encode(const struct gue_path *path, const struct packet *inner)
{
	struct datagram d;

	d.len = gue_encode(path, inner->octets, inner->len, d.octets, sizeof(d.octets));
	cr_assert_eq(d.len, GUE_SIZE + inner->len);
	return d;
}

Test(gue, what_is_sent_arrives)
{
	const struct gue_path paths[] = { path4(), path6() };
	const struct packet inners[] = { tcp4(), tcp6() };

	for (size_t i = 0; i < 4; i++) {
		const struct packet *inner = &inners[i / 2];
		struct datagram d = encode(&paths[i % 2], inner);
		struct gue_packet got;

		cr_assert_eq(gue_decode(&got, &paths[i % 2], d.octets, d.len), GUE_ACCEPTED);
		cr_expect_eq(got.hop, GUE_HOP);
		cr_assert_eq(got.inner_len, inner->len);
		cr_expect_eq(got.inner, d.octets + GUE_SIZE);
		cr_expect_arr_eq(got.inner, inner->octets, inner->len);
		cr_expect_eq(got.flow.tcp_flags, FLOW_TCP_ACK);
	}
}

/* As the head of gue.h draws it. The tag is that of the plain SipHash over the octets named there.
 */
Test(gue, layout)
{
	static const uint8_t head[] = { 0x05, 4, 0, 0, 1, 1, 0, 0, 0xca, 0xfe, 0, 1, 0, 0, 0, 0 };
	const struct gue_path path = path4();
	const struct packet inner = tcp4();
	struct datagram d = encode(&path, &inner);
	struct gue_packet got;
	uint8_t tagged[80] = { 0 }, key[SIPHASH_KEY_SIZE] = { 0x11, 0x11 };
	uint64_t tag;

	key[8] = key[9] = 0x22;
	cr_expect_arr_eq(d.octets, head, sizeof(head));
	cr_assert_eq(gue_decode(&got, &path, d.octets, d.len), GUE_ACCEPTED);
	memcpy(tagged, &got.flow.key, FLOW_KEY_SIZE);
	memcpy(tagged + 40, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\xc8\x02\x01", 16);
	memcpy(tagged + 56, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\xc8\x03\x01", 16);
	memcpy(tagged + 72, "\1\4\1\0\xca\xfe\0\1", 8);
	tag = siphash24(key, tagged, sizeof(tagged));
	for (unsigned i = 0; i < 8; i++)
		cr_expect_eq(d.octets[16 + i], (uint8_t)(tag >> 8 * i));
}

/* One thing is changed of a good datagram, or of what its receiver expects. */
struct row {
	const char *name;
	enum gue_verdict want;
	size_t at;
	uint8_t is;
};

static const struct row rows[] = {
	{ "variant 1", GUE_BAD_VERSION, 0, 0x45 },
	{ "a control message", GUE_BAD_VERSION, 0, 0x25 },
	{ "Hlen 4", GUE_BAD_HEADER, 0, 4 },
	{ "Hlen 6", GUE_BAD_HEADER, 0, 6 },
	{ "no IP inside", GUE_BAD_HEADER, 1, 47 },
	{ "IPv6 is said, IPv4 is inside", GUE_BAD_INNER, 1, 41 },
	{ "a flag", GUE_BAD_HEADER, 2, 0x80 },
	{ "another flag", GUE_BAD_HEADER, 3, 1 },
	{ "version 2 of ours", GUE_BAD_VERSION, 4, 2 },
	{ "it may go twice", GUE_BAD_HEADER, 5, 2 },
	{ "another hop than was tagged", GUE_FORGED, 5, 0 },
	{ "what has to be zero", GUE_BAD_HEADER, 6, 1 },
	{ "what has to be zero, too", GUE_BAD_HEADER, 7, 1 },
	{ "an epoch that nobody told", GUE_OLD_EPOCH, 8, 1 },
	{ "reserved", GUE_BAD_HEADER, 12, 1 },
	{ "reserved to the end", GUE_BAD_HEADER, 15, 1 },
	{ "another client", GUE_FORGED, GUE_SIZE + 15, 2 },
	{ "another VIP", GUE_FORGED, GUE_SIZE + 19, 8 },
	{ "another client's port", GUE_FORGED, GUE_SIZE + 20, 9 },
	{ "another VIP's port", GUE_FORGED, GUE_SIZE + 22, 9 },
	{ "UDP", GUE_BAD_INNER, GUE_SIZE + 9, FLOW_UDP },
	{ "a SYN", GUE_BAD_INNER, GUE_SIZE + 33, FLOW_TCP_SYN },
	{ "FIN, which the tag is not of", GUE_ACCEPTED, GUE_SIZE + 33, FLOW_TCP_FIN },
	{ "no flow", GUE_BAD_INNER, GUE_SIZE + 9, 50 },
	{ "a fragment", GUE_BAD_INNER, GUE_SIZE + 7, 1 },
	{ "longer inside than it came", GUE_BAD_INNER, GUE_SIZE + 3, 48 },
	{ "the payload is not covered", GUE_ACCEPTED, GUE_SIZE + 40, 'P' },
};

Test(gue, what_is_changed_is_seen)
{
	const struct gue_path path = path4();
	const struct packet inner = tcp4();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct datagram d = encode(&path, &inner);
		struct gue_packet got = { .hop = 99 };
		enum gue_verdict verdict;

		cr_assert_neq(d.octets[rows[i].at], rows[i].is, "%s", rows[i].name);
		d.octets[rows[i].at] = rows[i].is;
		verdict = gue_decode(&got, &path, d.octets, d.len);
		cr_expect_eq(verdict, rows[i].want, "%s: %s", rows[i].name,
			     gue_verdict_key(verdict));
		cr_expect_eq(got.hop == 99, verdict != GUE_ACCEPTED, "%s", rows[i].name);
	}
}

Test(gue, every_bit_of_the_tag_counts)
{
	const struct gue_path path = path4();
	const struct packet inner = tcp4();
	struct datagram d = encode(&path, &inner);
	struct gue_packet got;

	for (unsigned bit = 0; bit < 64; bit++) {
		d.octets[16 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_expect_eq(gue_decode(&got, &path, d.octets, d.len), GUE_FORGED, "bit %u", bit);
		d.octets[16 + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	cr_expect_eq(gue_decode(&got, &path, d.octets, d.len), GUE_ACCEPTED);
}

Test(gue, who_sends_to_whom_counts)
{
	const struct gue_path good = path4();
	const struct packet inner = tcp4();
	struct datagram d = encode(&good, &inner);
	struct gue_packet got;
	struct gue_path path = good;

	path.source[15] ^= 1;
	cr_expect_eq(gue_decode(&got, &path, d.octets, d.len), GUE_FORGED, "another source");
	path = good;
	path.destination[15] ^= 1;
	cr_expect_eq(gue_decode(&got, &path, d.octets, d.len), GUE_FORGED,
		     "another address of ours");
	path = good;
	path.key.k1 ^= 1;
	cr_expect_eq(gue_decode(&got, &path, d.octets, d.len), GUE_FORGED, "another key");
	/* What goes to a PoP does not come back from it: reflected, under the same key. */
	path = good;
	memcpy(path.source, good.destination, FLOW_ADDR_SIZE);
	memcpy(path.destination, good.source, FLOW_ADDR_SIZE);
	cr_expect_eq(gue_decode(&got, &path, d.octets, d.len), GUE_FORGED, "reflected");
}

/* The sender has started again: what it sent before is still on its way. */
Test(gue, two_epochs_are_taken)
{
	struct gue_path path = path4();
	const struct packet inner = tcp4();
	struct datagram d = encode(&path, &inner);
	struct gue_packet got;

	path.epoch_before = path.epoch;
	path.epoch = 0x1234;
	cr_expect_eq(gue_decode(&got, &path, d.octets, d.len), GUE_ACCEPTED);
	path.epoch_before = path.epoch;
	path.epoch = 0x5678;
	cr_expect_eq(gue_decode(&got, &path, d.octets, d.len), GUE_OLD_EPOCH);
	/* To take another epoch for it does not help. */
	fixed_store32(d.octets + 8, htonl(path.epoch));
	cr_expect_eq(gue_decode(&got, &path, d.octets, d.len), GUE_FORGED);
}

Test(gue, nothing_shorter_is_taken)
{
	const struct gue_path path = path4();
	const struct packet inner = tcp4();
	struct datagram d = encode(&path, &inner);
	struct gue_packet got;

	for (size_t len = 0; len < d.len; len++) {
		uint8_t *shorter = malloc(len + 1);

		memcpy(shorter + 1, d.octets, len);
		cr_expect_eq(gue_decode(&got, &path, shorter + 1, len),
			     len < GUE_SIZE ? GUE_TRUNCATED : GUE_BAD_INNER, "%zu octets", len);
		cr_expect_eq(gue_encode(&path, inner.octets, inner.len, shorter, len), 0);
		free(shorter);
	}
}

/* An error goes to the owner of the flow that it is about: its tag is that flow's. */
Test(gue, an_icmp_error_goes_the_way_of_its_flow)
{
	const struct gue_path path = path4();
	struct packet error = { 0 };
	struct datagram d;
	struct gue_packet got;

	packet_ipv4(&error, FLOW_ICMP, "198.51.100.9", "203.0.113.7");
	packet_icmp(&error, 3);
	packet_ipv4(&error, FLOW_TCP, "203.0.113.7", "192.0.2.1");
	packet_tcp(&error, 443, 1234, 0);
	packet_end(&error);
	d = encode(&path, &error);
	cr_assert_eq(gue_decode(&got, &path, d.octets, d.len), GUE_ACCEPTED);
	cr_expect(got.flow.is_error);
	cr_expect_eq(ntohs(got.flow.key.client_port), 1234);
}

Test(gue, what_is_not_handed_over_is_not_sent)
{
	const struct gue_path path = path4();
	struct packet ping = { 0 }, udp = { 0 }, fragment = tcp4();
	uint8_t buf[256];

	packet_ipv4(&ping, FLOW_ICMP, "192.0.2.1", "203.0.113.7");
	packet_icmp(&ping, 8);
	packet_end(&ping);
	cr_expect_eq(gue_encode(&path, ping.octets, ping.len, buf, sizeof(buf)), 0);
	packet_ipv4(&udp, FLOW_UDP, "192.0.2.1", "203.0.113.7");
	packet_udp(&udp, 1234, 443);
	packet_end(&udp);
	cr_expect_eq(gue_encode(&path, udp.octets, udp.len, buf, sizeof(buf)), 0);
	cr_assert_neq(gue_encode(&path, fragment.octets, fragment.len, buf, sizeof(buf)), 0);
	fragment.octets[33] = FLOW_TCP_SYN;
	cr_expect_eq(gue_encode(&path, fragment.octets, fragment.len, buf, sizeof(buf)), 0);
	fragment.octets[33] = FLOW_TCP_ACK;
	fragment.octets[7] = 1;
	cr_expect_eq(gue_encode(&path, fragment.octets, fragment.len, buf, sizeof(buf)), 0);
}

/* Octets behind the packet inside, as Ethernet's padding, are left behind on either side. */
Test(gue, padding_is_left_behind)
{
	const struct gue_path path = path4();
	struct packet inner = tcp4();
	struct datagram d;
	struct gue_packet got;
	size_t len = inner.len;

	packet_add(&inner, NULL, 6);
	d.len = gue_encode(&path, inner.octets, inner.len, d.octets, sizeof(d.octets));
	cr_expect_eq(d.len, GUE_SIZE + len);
	cr_assert_eq(gue_decode(&got, &path, d.octets, d.len + 6), GUE_ACCEPTED);
	cr_expect_eq(got.inner_len, len);
}

static uint16_t sum_of(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

Test(gue, outer_headers)
{
	static const uint8_t want4[20] = { 0x45, 0xb9, 0x05, 0xdc, 0, 0, 0x40, 0,   64, 17,
					   0,	 0,    10,   200,  2, 1, 10,   200, 3,	1 };
	static const uint8_t udp[8] = { 0xc0, 5, 0x17, 0xc0, 0x05, 0xc8, 0, 0 };
	struct gue_path path = path4();
	uint8_t buf[40];

	gue_ipv4_write(buf, path.source, path.destination, 0xb9, 1500 - GUE_OVERHEAD_IPV4);
	cr_expect_eq(sum_of(buf, 20), 0xffff);
	buf[10] = buf[11] = 0;
	cr_expect_arr_eq(buf, want4, sizeof(want4));
	gue_udp_write(buf, gue_source_port(5ULL << 48), GUE_PORT, 1500 - GUE_OVERHEAD_IPV4);
	cr_expect_arr_eq(buf, udp, sizeof(udp));
	path = path6();
	gue_ipv6_write(buf, path.source, path.destination, 0xb9, 1500 - GUE_OVERHEAD_IPV6);
	cr_expect_arr_eq(buf, "\x6b\x90\0\0\x05\xb4\x11\x40", 8);
	cr_expect_arr_eq(buf + 8, path.source, 16);
	cr_expect_arr_eq(buf + 24, path.destination, 16);
	cr_expect_eq(GUE_OVERHEAD_IPV4, 52);
	cr_expect_eq(GUE_OVERHEAD_IPV6, 72);
}

/* Checksums whose sum carries twice. */
Test(gue, outer_checksum_of_any_addresses)
{
	for (uint32_t i = 0; i < 100000; i++) {
		uint8_t buf[20], a[16], b[16];

		flow_addr_map(a, i * 2654435761U);
		flow_addr_map(b, ~(i * 40503U));
		gue_ipv4_write(buf, a, b, (uint8_t)i, i % 1400);
		cr_assert_eq(sum_of(buf, 20), 0xffff);
	}
}

Test(gue, everything_has_a_name)
{
	for (int i = 0; i < GUE_VERDICTS; i++)
		cr_expect(gue_verdict_name((enum gue_verdict)i) &&
			  gue_verdict_key((enum gue_verdict)i));
}
