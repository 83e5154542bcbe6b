/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "geodns/dns/name.h"
#include "geodns/geo/name.h"
#include "geodns/zone/load.h"

#define APEX "@ SOA ns h 1 2 3 4 5\n@ NS ns\n"

Test(zone, refuses)
{
	/* clang-format off */
	static const struct { const char *what, *text, *error; } rows[] = {
		{ "smallest", APEX, NULL },
		{ "no SOA", "@ NS ns\n", "lab.test: no SOA at the apex" },
		{ "two SOA", APEX "@ SOA ns h 2 2 3 4 5\n", "lab.test: more than one SOA" },
		{ "the same SOA twice counts once", APEX "@ SOA ns h 1 2 3 4 5\n", NULL },
		{ "SOA below the apex", APEX "x SOA ns h 1 2 3 4 5\n", "x.lab.test: SOA below the apex" },
		{ "no NS", "@ SOA ns h 1 2 3 4 5\n", "lab.test: no NS at the apex" },
		{ "out of the zone", APEX "x.other. A 10.0.0.1\n", "line 3: x.other: not in this zone" },
		{ "CNAME and other data", APEX "x CNAME y\nx TXT t\n", "x.lab.test: CNAME beside another record" },
		{ "two CNAME", APEX "x CNAME y\nx CNAME z\n", "x.lab.test: CNAME beside another record" },
		{ "the same CNAME twice counts once", APEX "x CNAME y\nx CNAME Y\n", NULL },
		{ "CNAME at the apex", APEX "@ CNAME y\n", "lab.test: CNAME beside another record" },
		{ "below a DNAME", APEX "d DNAME e\nx.d A 10.0.0.1\n", "x.d.lab.test: lies below a DNAME" },
		{ "two DNAME", APEX "d DNAME e\nd DNAME f\n", "d.lab.test: more than one DNAME" },
		{ "delegated wildcard", APEX "*.d NS ns\n", "*.d.lab.test: NS or DNAME at a wildcard" },
		{ "DS at the apex", APEX "@ DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\n", "lab.test: DS at the apex: it belongs into the zone above" },
		{ "class CH", APEX "x CH A 10.0.0.1\n", "line 3: " },
		{ "bad address", APEX "x A 10.0.0.256\n", "line 3: " },
		{ "raw address of three octets", APEX "x A \\# 3 010203\n", "line 3: x.lab.test: data that its type cannot have" },
		{ "raw NS that is no name", APEX "x NS \\# 1 05\n", "line 3: x.lab.test: data that its type cannot have" },
		{ "unknown type", APEX "x TYPE65000 \\# 3 010203\n", NULL },
		{ "meta type", APEX "x TYPE255 \\# 0\n", "line 3: " },
		{ "TTL too large", APEX "x 4294967295 A 10.0.0.1\n", "line 3: x.lab.test: TTL above 2147483647" },
		{ "include from memory", APEX "$INCLUDE /etc/hostname\n", "line 3: $INCLUDE is for files only" },
		{ "unfinished last line", APEX "x A 10.0.0.1", NULL },
		{ "open parenthesis", APEX "x TXT ( a\n", "line " },
	};
	/* clang-format on */
	const uint8_t *apex = (const uint8_t *)"\x03lab\x04test";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct zone_error err = { "" };
		struct zone *zone = zone_load_text(apex, rows[i].text, strlen(rows[i].text), &err);
		bool good = zone && zone_check(zone, &err);

		cr_expect_eq(good, !rows[i].error, "%s: %s", rows[i].what, err.text);
		if (rows[i].error)
			cr_expect(strncmp(err.text, rows[i].error, strlen(rows[i].error)) == 0,
				  "%s: %s", rows[i].what, err.text);
		zone_free(zone);
	}
}

/* What geographic names own: addresses, addresses and HTTPS, or a CNAME. */
struct geo_row {
	const char *what, *text, *owner, *error;
};

static void geo_rows_check(const struct geo_row *rows, size_t count, const struct geo_name *like)
{
	const uint8_t *apex = (const uint8_t *)"\x03lab\x04test";

	for (size_t i = 0; i < count; i++) {
		struct zone_error err = { "" };
		struct zone *zone = zone_load_text(apex, rows[i].text, strlen(rows[i].text), &err);
		uint8_t owner[DNS_NAME_MAX];
		struct geo_name geo = *like;
		bool good;

		cr_assert(zone && dns_name_parse(owner, rows[i].owner));
		geo.owner = owner;
		good = zone_geo_add(zone, &geo, &err) && zone_check(zone, &err);
		cr_expect_eq(good, !rows[i].error, "%s: %s", rows[i].what, err.text);
		if (rows[i].error)
			cr_expect_str_eq(err.text, rows[i].error, "%s", rows[i].what);
		else
			cr_expect(!zone_geo_add(zone, &geo, &err), "%s: twice", rows[i].what);
		zone_free(zone);
	}
}

Test(zone, geographic_names_have_their_place)
{
	/* clang-format off */
	static const struct geo_row rows[] = {
		{ "new name", APEX, "a.lab.test", NULL },
		{ "wildcard", APEX, "*.a.lab.test", NULL },
		{ "apex", APEX, "lab.test", NULL },
		{ "beside TXT", APEX "a TXT t\n", "a.lab.test", NULL },
		{ "beside HTTPS", APEX "a HTTPS 1 .\n", "a.lab.test", NULL },
		{ "A there", APEX "a A 10.0.0.1\n", "a.lab.test", "a.lab.test: has addresses in the zone file" },
		{ "AAAA there", APEX "a AAAA ::1\n", "A.lab.test", "A.lab.test: has addresses in the zone file" },
		{ "CNAME there", APEX "a CNAME b\n", "a.lab.test", "a.lab.test: has a CNAME in the zone file" },
		{ "cut there", APEX "a NS b\n", "a.lab.test", "a.lab.test: is delegated in the zone file" },
		{ "below a cut", APEX "b NS c\n", "x.a.b.lab.test", "x.a.b.lab.test: lies below a delegation" },
		{ "below a DNAME", APEX "b DNAME c\n", "a.b.lab.test", "a.b.lab.test: lies below a DNAME" },
	};
	static const struct geo_row https[] = {
		{ "apex", APEX "@ TXT t\n", "lab.test", NULL },
		{ "HTTPS there", APEX "a HTTPS 1 .\n", "a.lab.test", "a.lab.test: has HTTPS or SVCB in the zone file" },
		{ "SVCB there", APEX "a SVCB 1 .\n", "a.lab.test", NULL },
	};
	static const struct geo_row cname[] = {
		{ "new name", APEX, "a.lab.test", NULL },
		{ "with names below", APEX "b.a TXT t\n", "a.lab.test", NULL },
		{ "TXT there", APEX "a TXT t\n", "a.lab.test", "a.lab.test: has records in the zone file, and no CNAME stands beside any" },
		{ "A there", APEX "a A 10.0.0.1\n", "a.lab.test", "a.lab.test: has addresses in the zone file" },
		{ "apex", APEX, "lab.test", "lab.test: is the apex, where no CNAME can be" },
	};
	/* clang-format on */

	geo_rows_check(rows, sizeof(rows) / sizeof(rows[0]), &(struct geo_name){ 0 });
	geo_rows_check(https, sizeof(https) / sizeof(https[0]),
		       &(struct geo_name){ .https.len = 3 });
	geo_rows_check(cname, sizeof(cname) / sizeof(cname[0]),
		       &(struct geo_name){ .has_cname = true });
}

Test(zone, many_names_and_the_smallest_ttl)
{
	char *text = malloc(200000), *p = text;
	const uint8_t *apex = (const uint8_t *)"";
	struct zone_error err;
	struct zone *zone;
	uint8_t name[DNS_NAME_MAX];
	const struct zone_node *node;

	p += sprintf(p, APEX "x 30 A 10.0.0.1\nx 20 A 10.0.0.2\nx 40 A 10.0.0.2\n");
	for (unsigned i = 0; i < 5000; i++)
		p += sprintf(p, "n%u.sub A 10.0.0.1\n", i);
	zone = zone_load_text(apex, text, strlen(text), &err);
	cr_assert(zone && zone_check(zone, &err), "the root is a zone: %s", err.text);
	cr_expect_eq(zone_name_count(zone), 5003);
	for (unsigned i = 0; i < 5000; i++) {
		sprintf(text, "N%u.Sub", i);
		dns_name_parse(name, text);
		cr_assert(zone_lookup(zone, name, false).found == ZONE_EXACT, "%s", text);
	}
	dns_name_parse(name, "x");
	node = zone_node_find(zone, name);
	cr_assert(node);
	cr_expect_eq(zone_rrset_find(node, DNS_TYPE_A)->ttl, 20);
	cr_expect_null(zone_rrset_find(node, DNS_TYPE_A)->rdata->next->next, "duplicate dropped");
	zone_free(zone);
	free(text);
}
