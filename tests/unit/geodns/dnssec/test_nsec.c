/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "geodns/dnssec/nsec.h"
#include "geodns/zone/load.h"
#include "tests/support/dns_message.h"

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define Z63                                                                                        \
	"\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255"    \
	"\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255"    \
	"\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255"    \
	"\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255"

/* RFC 4034, 6.1: label by label from the root, as lower-case octets. */
static int canonical_compare(const uint8_t *a, const uint8_t *b)
{
	unsigned na = dns_name_labels(a), nb = dns_name_labels(b);

	for (unsigned i = 1; i <= na && i <= nb; i++) {
		const uint8_t *x = a, *y = b;

		for (unsigned k = na; k > i; k--)
			x = dns_name_parent(x);
		for (unsigned k = nb; k > i; k--)
			y = dns_name_parent(y);
		for (unsigned o = 1; o <= x[0] && o <= y[0]; o++) {
			int diff = dns_octet_lower(x[o]) - dns_octet_lower(y[o]);

			if (diff != 0)
				return diff;
		}
		if (x[0] != y[0])
			return x[0] - y[0];
	}
	return (int)na - (int)nb;
}

Test(nsec, next_name)
{
	/* clang-format off */
	static const struct { const char *what, *name, *next; } rows[] = {
		{ "a label of one zero octet in front", "a.lab.test", "\\000.a.lab.test" },
		{ "the apex", "lab.test", "\\000.lab.test" },
		{ "case kept", "A.lab.test", "\\000.A.lab.test" },
		{ "253 octets: just fits", A63 "." A63 "." A63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.lab.test",
		  "\\000." A63 "." A63 "." A63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.lab.test" },
		{ "254 octets: a longer label", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa." A63 "." A63 "." A63 ".lab.test",
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\000." A63 "." A63 "." A63 ".lab.test" },
		{ "254 octets, the label full: raised", A63 "." A63 "." A63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.lab.test",
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab." A63 "." A63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.lab.test" },
		{ "255 octets: raised", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa." A63 "." A63 "." A63 ".lab.test",
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab." A63 "." A63 "." A63 ".lab.test" },
		{ "an upper-case letter is its lower-case one", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaB." A63 "." A63 "." A63 ".lab.test",
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac." A63 "." A63 "." A63 ".lab.test" },
		{ "in front of the letters: past the upper-case ones", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\064." A63 "." A63 "." A63 ".lab.test",
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa[." A63 "." A63 "." A63 ".lab.test" },
		{ "the last octets there are", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\255\\255." A63 "." A63 "." A63 ".lab.test",
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab." A63 "." A63 "." A63 ".lab.test" },
	};
	/* clang-format on */
	uint8_t apex[DNS_NAME_MAX], name[DNS_NAME_MAX], next[DNS_NAME_MAX];
	char text[DNS_NAME_TEXT_SIZE];

	dns_name_parse(apex, "lab.test");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert(dns_name_parse(name, rows[i].name) > 0, "%s", rows[i].what);
		nsec_name_next(next, name, apex);
		cr_expect_str_eq(dns_name_format(next, text), rows[i].next, "%s: %s", rows[i].what,
				 text);
		cr_expect_leq(dns_name_length(next), DNS_NAME_MAX, "%s", rows[i].what);
		cr_expect_gt(canonical_compare(next, name), 0, "%s", rows[i].what);
	}
}

Test(nsec, behind_the_last_name_comes_the_apex)
{
	static const char last[] =
		Z63 "." Z63 "." Z63 "."
		    "\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255"
		    "\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255"
		    "\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255"
		    "\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255"
		    "\\255\\255\\255\\255.lab.test";
	uint8_t apex[DNS_NAME_MAX], name[DNS_NAME_MAX], next[DNS_NAME_MAX];

	dns_name_parse(apex, "lab.test");
	cr_assert_eq(dns_name_parse(name, last), DNS_NAME_MAX);
	nsec_name_next(next, name, apex);
	cr_expect(dns_name_equal(next, apex));
	/* One label up there is still room. */
	name[1 + 63 + 1] = 0xfe;
	nsec_name_next(next, name, apex);
	cr_expect_gt(canonical_compare(next, name), 0);
	cr_expect_eq(dns_name_labels(next), 5);
}

static const char zone_text[] =
	"$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\nns AAAA ::1\nx.ent TXT t\n"
	"cut NS ns.cut\ncut DS 1 8 2 "
	"0000000000000000000000000000000000000000000000000000000000000000\n"
	"bare NS ns.bare\nns.bare A 10.0.0.2\ncut TXT beside\n"
	"far TYPE65000 \\# 1 01\nfar CAA 0 issue \"x\"\nfar TYPE32768 \\# 1 01\n";

Test(nsec, types)
{
	/* clang-format off */
	static const struct { const char *what, *owner, *node; uint16_t without; const char *text; } rows[] = {
		{ "addresses", "ns.lab.test", "ns.lab.test", 0, " \\000.ns.lab.test A AAAA RRSIG NSEC" },
		{ "one that it has none of at present", "ns.lab.test", "ns.lab.test", DNS_TYPE_A, " \\000.ns.lab.test AAAA RRSIG NSEC" },
		{ "apex", "lab.test", "lab.test", 0, " \\000.lab.test NS SOA RRSIG NSEC" },
		{ "empty non-terminal", "ent.lab.test", "ent.lab.test", 0, " \\000.ent.lab.test RRSIG NSEC" },
		{ "no such name", "no.lab.test", NULL, 0, " \\000.no.lab.test RRSIG NSEC NXNAME" },
		{ "a wildcard's, at the name that it matches", "q.lab.test", "x.ent.lab.test", 0, " \\000.q.lab.test TXT RRSIG NSEC" },
		{ "signed delegation, past all below", "cut.lab.test", "cut.lab.test", 0, " cut\\000.lab.test NS DS RRSIG NSEC" },
		{ "unsigned delegation", "bare.lab.test", "bare.lab.test", DNS_TYPE_NS, " bare\\000.lab.test NS RRSIG NSEC" },
		{ "windows", "far.lab.test", "far.lab.test", 0, " \\000.far.lab.test RRSIG NSEC TYPE257 TYPE32768 TYPE65000" },
	};
	/* clang-format on */
	uint8_t apex[DNS_NAME_MAX], owner[DNS_NAME_MAX], of[DNS_NAME_MAX], rdata[NSEC_RDATA_MAX];
	struct zone_error err;
	struct zone *zone;

	dns_name_parse(apex, "lab.test");
	zone = zone_load_text(apex, zone_text, sizeof(zone_text) - 1, &err);
	cr_assert(zone && zone_check(zone, &err), "%s", err.text);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nsec nsec = { .owner = owner, .apex = apex, .without = rows[i].without };
		char text[2000] = "";
		FILE *out = fmemopen(text, sizeof(text), "w");
		size_t len;

		dns_name_parse(owner, rows[i].owner);
		if (rows[i].node) {
			dns_name_parse(of, rows[i].node);
			nsec.node = zone_node_find(zone, of);
		}
		len = nsec_rdata_encode(&nsec, rdata);
		cr_expect(test_dnssec_text(rdata, wire_reader(rdata, len), DNS_TYPE_NSEC, out));
		fclose(out);
		cr_expect_str_eq(text, rows[i].text, "%s: %s", rows[i].what, text);
	}
	zone_free(zone);
}

Test(nsec, a_name_may_have_every_type)
{
	uint8_t apex[DNS_NAME_MAX], data = 1, *rdata = malloc(NSEC_RDATA_MAX);
	struct zone_error err;
	struct zone *zone;
	struct nsec nsec = { .owner = apex, .apex = apex };
	size_t len;

	dns_name_parse(apex, "lab.test");
	zone = zone_new(apex);
	for (unsigned window = 0; window < 256; window++) {
		const struct zone_record record = { .owner = apex,
						    .type = (uint16_t)(window << 8 | 127),
						    .rdata = &data,
						    .len = 1 };
		const struct zone_record last = { .owner = apex,
						  .type = (uint16_t)(window << 8 | 255),
						  .rdata = &data,
						  .len = 1 };

		cr_assert(zone_record_add(zone, &record, &err), "%s", err.text);
		cr_assert(window == 0 || zone_record_add(zone, &last, &err), "%s", err.text);
	}
	nsec.node = zone_apex(zone);
	len = nsec_rdata_encode(&nsec, rdata);
	cr_expect_eq(len, 2 + 10 + (2 + 16) + 255 * 34);
	free(rdata);
	zone_free(zone);
}
