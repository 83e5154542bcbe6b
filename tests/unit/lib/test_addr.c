/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lib/addr.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct addr A(const char *text) {
	struct addr addr = { 0 };

	cr_assert(addr_parse(&addr, text), "%s", text);
	return addr;
}

static struct prefix
P(const char *text) {
	struct prefix prefix = { 0 };

	cr_assert(prefix_parse(&prefix, text), "%s", text);
	return prefix;
}

Test(addr, parse_and_format)
{
	/* clang-format off */
	static const struct { const char *text, *again; } rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "2001:DB8:0:0::1", "2001:db8::1" },
		{ "::", "::" },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "", NULL }, { "192.0.2", NULL }, { "192.0.2.256", NULL }, { "192.0.2.1 ", NULL },
		{ "192.0.2.1/24", NULL }, { "2001:db8::1::", NULL }, { "fe80::1%eth0", NULL }, { "fra1", NULL },
	};
	/* clang-format on */
	char buf[ADDR_TEXT_SIZE];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr addr = { .family = 9 };
		bool good = addr_parse(&addr, rows[i].text);

		cr_expect_eq(good, rows[i].again != NULL, "%s", rows[i].text);
		if (good)
			cr_expect_str_eq(addr_format(&addr, buf), rows[i].again);
		else
			cr_expect_eq(addr.family, 9, "%s: changed", rows[i].text);
	}
	cr_expect_str_eq(addr_format(&(struct addr){ 0 }, buf), "none");
}

Test(addr, order)
{
	static const char *const rising[] = { "0.0.0.0", "9.255.255.255", "10.0.0.0",  "255.0.0.0",
					      "::",	 "::1",		  "2001:db8::" };

	for (size_t i = 0; i < COUNT(rising); i++) {
		for (size_t k = 0; k < COUNT(rising); k++) {
			struct addr a = A(rising[i]), b = A(rising[k]);
			int order = addr_compare(&a, &b);

			cr_expect_eq((order > 0) - (order < 0), (i > k) - (i < k), "%s and %s",
				     rising[i], rising[k]);
			cr_expect_eq(addr_equal(&a, &b), i == k);
		}
	}
}

Test(addr, bits_masks_and_sums)
{
	struct addr v4 = A("192.0.2.129"), v6 = A("2001:db8::ff");
	struct addr got, want;

	cr_expect(addr_bit(&v4, 0) && addr_bit(&v4, 1) && !addr_bit(&v4, 2));
	cr_expect(addr_bit(&v4, 24) && !addr_bit(&v4, 30) && addr_bit(&v4, 31));
	cr_expect(!addr_bit(&v6, 119) && addr_bit(&v6, 120));
	for (unsigned len = 0; len <= 32; len++) {
		got = addr_mask(&(struct addr){ ADDR_IPV4, { 255, 255, 255, 255 } }, len);
		want = addr_from_ipv4(len ? UINT32_MAX << (32 - len) : 0);
		cr_expect(addr_equal(&got, &want), "/%u", len);
	}
	got = addr_mask(&v6, 121);
	want = A("2001:db8::80");
	cr_expect(addr_equal(&got, &want));
	got = addr_plus(&v4, 127);
	want = A("192.0.3.0");
	cr_expect(addr_equal(&got, &want));
	got = addr_plus(&v6, 0xff01);
	want = A("2001:db8::1:0");
	cr_expect(addr_equal(&got, &want));
	got = addr_plus(&(struct addr){ ADDR_IPV4, { 255, 255, 255, 255 } }, 1);
	want = A("0.0.0.0");
	cr_expect(addr_equal(&got, &want), "wraps");
	cr_expect_eq(addr_to_ipv4(&v4), 0xc0000281);
}

Test(addr, private)
{
	static const char *const private[] = { "0.0.0.0",     "10.255.0.1", "127.0.0.1",
					       "169.254.1.1", "172.31.0.1", "192.168.0.1",
					       "::",	      "::1",	    "fd00::1",
					       "fe80::1" };
	static const char *const public[] = { "1.1.1.1",    "11.0.0.0",	  "100.64.0.1",
					      "172.32.0.1", "198.18.0.1", "2001:db8::1",
					      "::2" };

	for (size_t i = 0; i < COUNT(private); i++)
		cr_expect(addr_is_private(&(struct addr[]){ A(private[i]) }[0]), "%s", private[i]);
	for (size_t i = 0; i < COUNT(public); i++)
		cr_expect(!addr_is_private(&(struct addr[]){ A(public[i]) }[0]), "%s", public[i]);
}

Test(addr, private_blocks_to_their_ends)
{
	const struct prefix *block;

	for (size_t i = 0; (block = addr_private_block(i)); i++) {
		struct addr at = block->addr;

		cr_expect(addr_is_private(&at), "%zu begins", i);
		for (unsigned b = block->len; b < addr_bits((enum addr_family)at.family); b++)
			at.bytes[b / 8] |= (uint8_t)(0x80 >> b % 8);
		cr_expect(addr_is_private(&at), "%zu ends", i);
		at = addr_plus(&at, 1);
		cr_expect(!addr_is_private(&at), "behind %zu", i);
	}
}

Test(prefix, parse_and_format)
{
	/* clang-format off */
	static const struct { const char *text, *again; } rows[] = {
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "192.0.2.1", "192.0.2.1/32" },
		{ "192.0.2.1/32", "192.0.2.1/32" },
		{ "2001:db8::/32", "2001:db8::/32" },
		{ "2001:db8::1", "2001:db8::1/128" },
		{ "::/0", "::/0" },
		{ "10.0.0.1/8", NULL }, { "10.0.0.0/33", NULL }, { "::/129", NULL }, { "10.0.0.0/", NULL },
		{ "10.0.0.0/-1", NULL }, { "10.0.0.0/+8", NULL }, { "10.0.0.0/8 ", NULL }, { "10.0.0.0/8/8", NULL },
		{ "/8", NULL }, { "", NULL }, { "10.0.0.0/99999999999999999999", NULL },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/00000000000128", NULL },
	};
	/* clang-format on */
	char buf[PREFIX_TEXT_SIZE];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct prefix prefix;
		bool good = prefix_parse(&prefix, rows[i].text);

		cr_expect_eq(good, rows[i].again != NULL, "%s", rows[i].text);
		if (good)
			cr_expect_str_eq(prefix_format(&prefix, buf), rows[i].again);
	}
}

Test(prefix, contains_and_overlaps)
{
	/* clang-format off */
	static const struct { const char *a, *b; bool contains, overlaps; } rows[] = {
		{ "10.0.0.0/8", "10.1.0.0/16", true, true },
		{ "10.1.0.0/16", "10.0.0.0/8", false, true },
		{ "10.0.0.0/9", "10.128.0.0/9", false, false },
		{ "0.0.0.0/0", "255.255.255.255", true, true },
		{ "0.0.0.0/0", "::/0", false, false },
		{ "::/0", "2001:db8::/32", true, true },
		{ "192.0.2.1", "192.0.2.1", true, true },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct prefix a = P(rows[i].a), b = P(rows[i].b);

		cr_expect_eq(prefix_contains(&a, &b.addr), rows[i].contains, "%s %s", rows[i].a,
			     rows[i].b);
		cr_expect_eq(prefix_overlaps(&a, &b), rows[i].overlaps, "%s %s", rows[i].a,
			     rows[i].b);
		cr_expect_eq(prefix_overlaps(&b, &a), rows[i].overlaps, "%s %s", rows[i].b,
			     rows[i].a);
	}
}

Test(endpoint, parse_and_format)
{
	/* clang-format off */
	static const struct { const char *text; uint16_t port; const char *again; } rows[] = {
		{ "192.0.2.1:53", 0, "192.0.2.1:53" },
		{ "192.0.2.1", 53, "192.0.2.1:53" },
		{ "192.0.2.1:0", 53, "192.0.2.1:0" },
		{ "[2001:db8::1]:65535", 0, "[2001:db8::1]:65535" },
		{ "2001:db8::1", 53, "[2001:db8::1]:53" },
		{ "192.0.2.1", 0, NULL }, { "2001:db8::1", 0, NULL }, { "192.0.2.1:65536", 0, NULL },
		{ "192.0.2.1:", 0, NULL }, { ":53", 0, NULL }, { "[192.0.2.1]:53", 0, NULL },
		{ "[2001:db8::1]", 53, NULL }, { "[]:53", 0, NULL }, { "localhost:53", 0, NULL },
		{ "2001:db8::1:65536", 53, NULL },
	};
	/* clang-format on */
	char buf[ENDPOINT_TEXT_SIZE];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct endpoint ep = { .port = 7 };
		bool good = endpoint_parse(&ep, rows[i].text, rows[i].port);

		cr_expect_eq(good, rows[i].again != NULL, "%s", rows[i].text);
		if (good)
			cr_expect_str_eq(endpoint_format(&ep, buf), rows[i].again);
		else
			cr_expect(ep.port == 7 && ep.addr.family == ADDR_NONE, "%s: changed",
				  rows[i].text);
	}
}

Test(endpoint, sockaddr_and_back)
{
	static const char *const texts[] = { "192.0.2.1:53", "[2001:db8::1]:65535" };
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = htons(5) };
	struct endpoint ep, again;
	struct sockaddr_storage ss;

	for (size_t i = 0; i < COUNT(texts); i++) {
		socklen_t len;

		cr_assert(endpoint_parse(&ep, texts[i], 0));
		len = endpoint_to_sockaddr(&ep, &ss);
		cr_expect_eq(len,
			     i == 0 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		cr_assert(endpoint_from_sockaddr(&again, (struct sockaddr *)&ss));
		cr_expect(addr_equal(&ep.addr, &again.addr) && ep.port == again.port);
	}
	cr_assert(addr_parse(&ep.addr, "::ffff:192.0.2.9"));
	memcpy(&mapped.sin6_addr, ep.addr.bytes, 16);
	cr_assert(endpoint_from_sockaddr(&again, (struct sockaddr *)&mapped));
	cr_expect_eq(again.addr.family, ADDR_IPV4);
	cr_expect_eq(addr_to_ipv4(&again.addr), 0xc0000209);
	ss.ss_family = AF_UNIX;
	cr_expect(!endpoint_from_sockaddr(&again, (struct sockaddr *)&ss));
}
