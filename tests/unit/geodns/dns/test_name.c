/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "geodns/dns/name.h"

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L61 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

Test(dns_name, parse)
{
	/* clang-format off */
	static const struct { const char *what, *text; size_t len; const char *wire, *again; } rows[] = {
		{ "root", ".", 1, "", "." },
		{ "two labels", "lab.test", 10, "\x03lab\x04test", "lab.test" },
		{ "final dot", "lab.test.", 10, "\x03lab\x04test", "lab.test" },
		{ "case kept", "LaB", 5, "\x03LaB", "LaB" },
		{ "wildcard", "*.a", 5, "\x01*\x01" "a", "*.a" },
		{ "escaped dot", "a\\.b", 5, "\x03" "a.b", "a\\.b" },
		{ "decimal escape", "a\\000\\255", 5, "\x03" "a\0\xff", "a\\000\\255" },
		{ "escape above 255", "\\256", 0, NULL, NULL },
		{ "short escape", "\\25", 0, NULL, NULL },
		{ "lonely backslash", "a\\", 0, NULL, NULL },
		{ "empty", "", 0, NULL, NULL },
		{ "empty label", "a..b", 0, NULL, NULL },
		{ "leading dot", ".a", 0, NULL, NULL },
		{ "label of 63", L63, 65, "\x3f" L63, L63 },
		{ "label of 64", L63 "a", 0, NULL, NULL },
		{ "255 octets", L63 "." L63 "." L63 "." L61, 255, NULL, NULL },
		{ "256 octets", L63 "." L63 "." L63 "." L61 "a", 0, NULL, NULL },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t wire[DNS_NAME_MAX];
		char text[DNS_NAME_TEXT_SIZE];
		size_t len = dns_name_parse(wire, rows[i].text);

		cr_expect_eq(len, rows[i].len, "%s: %zu", rows[i].what, len);
		if (rows[i].wire)
			cr_expect(memcmp(wire, rows[i].wire, len) == 0, "%s", rows[i].what);
		if (rows[i].again)
			cr_expect_str_eq(dns_name_format(wire, text), rows[i].again, "%s",
					 rows[i].what);
		if (len)
			cr_expect_eq(dns_name_length(wire), len);
	}
}

Test(dns_name, relations)
{
	/* clang-format off */
	static const struct { const char *what, *name, *ancestor; bool equal, under; } rows[] = {
		{ "case does not count", "A.LAB.test", "a.lab.TEST", true, true },
		{ "below", "x.y.lab.test", "lab.test", false, true },
		{ "above", "test", "lab.test", false, false },
		{ "beside", "lab.tests", "lab.test", false, false },
		{ "a label's end is not a label", "xlab.test", "lab.test", false, false },
		{ "all is below the root", "x", ".", false, true },
		{ "not only letters fold", "a[.b", "a{.b", false, false },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t a[DNS_NAME_MAX], b[DNS_NAME_MAX];

		cr_assert(dns_name_parse(a, rows[i].name) && dns_name_parse(b, rows[i].ancestor));
		cr_expect_eq(dns_name_equal(a, b), rows[i].equal, "%s", rows[i].what);
		cr_expect_eq(dns_name_is_under(a, b), rows[i].under, "%s", rows[i].what);
	}
}

Test(dns_name, decode_refuses)
{
	/* clang-format off */
	static const struct { const char *what, *wire; size_t len; bool good; } rows[] = {
		{ "whole", "\x01" "a\0", 3, true },
		{ "cut short", "\x01" "a", 2, false },
		{ "nothing", "", 0, false },
		{ "pointer", "\x01" "a\xc0\x00", 4, false },
		{ "extended label", "\x41" "a\0", 3, false },
		{ "reserved label", "\x81" "a\0", 3, false },
	};
	/* clang-format on */
	uint8_t longest[300];
	struct wire_reader r;
	size_t len;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r = wire_reader(rows[i].wire, rows[i].len);
		cr_expect_eq(dns_name_decode(&r, &len) != NULL, rows[i].good, "%s", rows[i].what);
	}
	for (size_t i = 0; i < sizeof(longest); i++)
		longest[i] = i % 2 == 0;
	longest[254] = 0;
	r = wire_reader(longest, sizeof(longest));
	cr_expect(dns_name_decode(&r, &len) && len == 255, "127 labels of one octet");
	longest[254] = 1;
	longest[256] = 0;
	r = wire_reader(longest, sizeof(longest));
	cr_expect_null(dns_name_decode(&r, &len), "257 octets");
}

static uint32_t path_hash(const char *text, unsigned label)
{
	uint8_t name[DNS_NAME_MAX];
	struct dns_path path;

	cr_assert(dns_name_parse(name, text));
	dns_path_init(&path, name);
	cr_assert_lt(label, path.count, "%s", text);
	return path.hash[label];
}

Test(dns_name, path)
{
	/* The same suffix in other names and other case; labels of all lengths modulo eight. */
	cr_expect_eq(path_hash("www.Example.TEST", 1), path_hash("eXAMPLE.test", 0));
	cr_expect_eq(path_hash("abcdefghijklmnopqrstuvwxyz.test", 0),
		     path_hash("ABCDEFGHIJKLMNOPQRSTUVWXYZ.Test", 0));
	cr_expect_neq(path_hash("a.test", 0), path_hash("b.test", 0));
	cr_expect_neq(path_hash("ab.test", 0), path_hash("a.b.test", 0));
	cr_expect_neq(path_hash("aaaaaaaa.test", 0), path_hash("aaaaaaaaa.test", 0));
	/* Of labels of all lengths modulo eight each octet counts. */
	for (unsigned len = 1; len <= 20; len++) {
		for (unsigned i = 0; i < len; i++) {
			char a[32], b[32];

			snprintf(a, sizeof(a), "%.*s.test", (int)len, "abcdefghijklmnopqrstuvwxyz");
			memcpy(b, a, sizeof(b));
			b[i] = '-';
			cr_expect_neq(path_hash(a, 0), path_hash(b, 0), "%s, %s", a, b);
		}
	}
}

/* Which a hash may well take for each other. */
Test(dns_name, letters_alone_have_case)
{
	/* clang-format off */
	static const struct { const char *a, *b; bool equal; } rows[] = {
		{ "A-Z.test", "a-z.TEST", true },
		{ "\\064.test", "`.test", false },
		{ "[.test", "{.test", false },
		{ "\\193.test", "\\225.test", false },
		{ "\\193.test", "a.test", false },
		{ "a.test", "aa.test", false },
	};
	/* clang-format on */
	uint8_t a[DNS_NAME_MAX], b[DNS_NAME_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert(dns_name_parse(a, rows[i].a) && dns_name_parse(b, rows[i].b));
		cr_expect_eq(dns_name_equal(a, b), rows[i].equal, "%s, %s", rows[i].a, rows[i].b);
		cr_expect_eq(dns_name_equal(b, a), rows[i].equal, "%s, %s", rows[i].b, rows[i].a);
	}
}

Test(dns_name, path_of_the_root_and_of_the_longest)
{
	uint8_t name[DNS_NAME_MAX] = { 0 };
	struct dns_path path;

	dns_path_init(&path, name);
	cr_expect_eq(path.count, 0);
	for (unsigned i = 0; i < 127; i++) {
		name[2 * i] = 1;
		name[2 * i + 1] = 'a';
	}
	dns_path_init(&path, name);
	cr_expect_eq(path.count, 127);
	cr_expect_eq(path.at[126], 252);
	for (unsigned i = 0; i < 126; i++)
		cr_expect_eq(path.hash[i], dns_label_hash(path.hash[i + 1], name + path.at[i]));
}
