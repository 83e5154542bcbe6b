/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "geodns/answer.h"
#include "tests/support/dns_message.h"
#include "tests/support/geodns_fixture.h"

#define SOA "NS lab.test 60 SOA"

struct row {
	const char *what;
	struct test_query query;
	const char *client; /* NULL: 100.64.0.53 (Paris) */
	const char *down;   /* PoPs whose checks have failed */
	const char *reply;
};

static const char *ask(const struct snapshot *snap, const struct row *row, char *text)
{
	uint8_t packet[600], *out = xmalloc(ANSWER_SIZE_MAX);
	struct answer_request req = { .packet = packet };
	struct answer_result res;

	req.len = test_query_encode(&row->query, packet, sizeof(packet));
	cr_assert(addr_parse(&req.client, row->client ? row->client : "100.64.0.53"));
	res = answer(snap, &req, out, ANSWER_SIZE_MAX);
	test_reply_text(out, res.len, text, DNS_TEXT_SIZE);
	free(out);
	return text;
}

static void rows_check(const struct row *rows, size_t count)
{
	struct catalog *catalog = fixture_catalog("");
	char *text = xmalloc(DNS_TEXT_SIZE);

	for (size_t i = 0; i < count; i++) {
		struct snapshot *snap = snapshot_new(catalog, NULL);

		fixture_health(catalog->conf, rows[i].down, snap->health);
		cr_expect_str_eq(ask(snap, &rows[i], text), rows[i].reply, "%s: %s", rows[i].what,
				 text);
		free(snap);
	}
	free(text);
	catalog_free(catalog);
}

/* clang-format off */
static const struct row ordinary_rows[] = {
	{ "address", Q("ns1.lab.test", DNS_TYPE_A), 0, 0, "NOERROR aa | AN ns1.lab.test 3600 A 10.1.0.53" },
	{ "case kept, RD copied", Q("NS1.lAb.TesT", DNS_TYPE_A, .rd = true), 0, 0,
	  "NOERROR aa rd | AN NS1.lAb.TesT 3600 A 10.1.0.53" },
	{ "OPT only when asked with", Q("ns1.lab.test", DNS_TYPE_A, .size = 4096), 0, 0,
	  "NOERROR aa | AN ns1.lab.test 3600 A 10.1.0.53 | opt 1232" },
	{ "DO echoed", Q("ns1.lab.test", DNS_TYPE_A, .dnssec_ok = true), 0, 0,
	  "NOERROR aa | AN ns1.lab.test 3600 A 10.1.0.53 | opt 1232 do" },
	{ "NSID", Q("ns1.lab.test", DNS_TYPE_A, .nsid = true), 0, 0,
	  "NOERROR aa | AN ns1.lab.test 3600 A 10.1.0.53 | opt 1232 nsid ns1" },
	{ "NS with the addresses it has", Q("lab.test", DNS_TYPE_NS), 0, 0,
	  "NOERROR aa | AN lab.test 3600 NS ns1.lab.test | AN lab.test 3600 NS ns2.other.test"
	  " | AR ns1.lab.test 3600 A 10.1.0.53 | AR ns1.lab.test 3600 AAAA 2001:db8:f001::53" },
	{ "MX", Q("lab.test", DNS_TYPE_MX), 0, 0,
	  "NOERROR aa | AN lab.test 3600 MX 10 mail.lab.test | AR mail.lab.test 3600 A 10.1.0.25" },
	{ "SRV", Q("_sip._tcp.lab.test", DNS_TYPE_SRV), 0, 0,
	  "NOERROR aa | AN _sip._tcp.lab.test 3600 SRV 21 octets | AR mail.lab.test 3600 A 10.1.0.25" },
	{ "NODATA, TTL is MINIMUM", Q("ns1.lab.test", DNS_TYPE_MX), 0, 0, "NOERROR aa | " SOA },
	{ "NODATA, TTL is the SOA's", Q("a.sub.lab.test", DNS_TYPE_MX), 0, 0,
	  "NOERROR aa | NS sub.lab.test 300 SOA" },
	{ "NXDOMAIN", Q("nothing.lab.test", DNS_TYPE_A), 0, 0, "NXDOMAIN aa | " SOA },
	{ "below a leaf", Q("x.ns1.lab.test", DNS_TYPE_A), 0, 0, "NXDOMAIN aa | " SOA },
	{ "empty non-terminal", Q("ent.lab.test", DNS_TYPE_A), 0, 0, "NOERROR aa | " SOA },
	{ "empty non-terminal above a geographic wildcard", Q("geo.lab.test", DNS_TYPE_A), 0, 0,
	  "NOERROR aa | " SOA },
	{ "not our zone", Q("example.org", DNS_TYPE_A), 0, 0, "REFUSED" },
	{ "the root", Q(".", DNS_TYPE_NS), 0, 0, "REFUSED" },
	{ "above our zone", Q("test", DNS_TYPE_A, .size = 512, .ecs = "100.64.0.0/24"), 0, 0,
	  "REFUSED | opt 1232 ecs 24/0" },
	{ "AXFR", Q("lab.test", DNS_TYPE_AXFR), 0, 0, "REFUSED" },
	{ "IXFR", Q("lab.test", DNS_TYPE_IXFR), 0, 0, "REFUSED" },
	{ "meta type MAILB", Q("lab.test", 253), 0, 0, "NOTIMP" },
	{ "OPT as a question", Q("lab.test", DNS_TYPE_OPT), 0, 0, "NOTIMP" },
	{ "unknown type", Q("lab.test", 12345), 0, 0, "NOERROR aa | " SOA },
	{ "class ANY", Q("lab.test", DNS_TYPE_SOA, .qclass = 255), 0, 0, "REFUSED" },
	{ "unknown class", Q("lab.test", DNS_TYPE_SOA, .qclass = 77), 0, 0, "REFUSED" },
	{ "id.server", Q("Id.Server", DNS_TYPE_TXT, .qclass = 3), 0, 0,
	  "NOERROR aa | AN Id.Server 0 TXT 4 octets" },
	{ "hostname.bind", Q("hostname.bind", DNS_TYPE_TXT, .qclass = 3), 0, 0,
	  "NOERROR aa | AN hostname.bind 0 TXT 4 octets" },
	{ "version.bind is not told", Q("version.bind", DNS_TYPE_TXT, .qclass = 3), 0, 0, "REFUSED" },
	{ "ANY is one RRset", Q("ns1.lab.test", DNS_TYPE_ANY), 0, 0,
	  "NOERROR aa | AN ns1.lab.test 3600 A 10.1.0.53" },
	{ "ANY at a CNAME", Q("www.lab.test", DNS_TYPE_ANY), 0, 0,
	  "NOERROR aa | AN www.lab.test 3600 CNAME home.geo.lab.test" },
	{ "ANY at an empty non-terminal", Q("ent.lab.test", DNS_TYPE_ANY), 0, 0, "NOERROR aa | " SOA },
};

static const struct row chain_rows[] = {
	{ "CNAME asked for", Q("alias.lab.test", DNS_TYPE_CNAME), 0, 0,
	  "NOERROR aa | AN alias.lab.test 3600 CNAME www.lab.test" },
	{ "chain to a geographic name", Q("alias.lab.test", DNS_TYPE_A, .ecs = "100.64.1.0/24"), 0, 0,
	  "NOERROR aa | AN alias.lab.test 3600 CNAME www.lab.test"
	  " | AN www.lab.test 3600 CNAME home.geo.lab.test"
	  " | AN home.geo.lab.test 30 A 198.18.34.1 | opt 1232 ecs 24/24" },
	{ "chain, type missing at its end", Q("alias.lab.test", DNS_TYPE_MX, .ecs = "100.64.1.0/24"), 0, 0,
	  "NOERROR aa | AN alias.lab.test 3600 CNAME www.lab.test"
	  " | AN www.lab.test 3600 CNAME home.geo.lab.test | " SOA " | opt 1232 ecs 24/0" },
	{ "CNAME to no name", Q("dangling.lab.test", DNS_TYPE_A), 0, 0,
	  "NXDOMAIN aa | AN dangling.lab.test 3600 CNAME nothing.lab.test | " SOA },
	{ "CNAME abroad", Q("abroad.lab.test", DNS_TYPE_A), 0, 0,
	  "NOERROR aa | AN abroad.lab.test 3600 CNAME x.example" },
	{ "loop of two", Q("loop1.lab.test", DNS_TYPE_A), 0, 0,
	  "NOERROR aa | AN loop1.lab.test 3600 CNAME loop2.lab.test"
	  " | AN loop2.lab.test 3600 CNAME loop1.lab.test" },
	{ "loop of one", Q("self.lab.test", DNS_TYPE_A), 0, 0,
	  "NOERROR aa | AN self.lab.test 3600 CNAME self.lab.test" },
	{ "wildcard", Q("a.wild.lab.test", DNS_TYPE_TXT), 0, 0,
	  "NOERROR aa | AN a.wild.lab.test 3600 TXT 5 octets" },
	{ "wildcard, several labels", Q("c.b.a.wild.lab.test", DNS_TYPE_TXT), 0, 0,
	  "NOERROR aa | AN c.b.a.wild.lab.test 3600 TXT 5 octets" },
	{ "wildcard NODATA", Q("a.wild.lab.test", DNS_TYPE_A), 0, 0, "NOERROR aa | " SOA },
	{ "wildcard blocked by an existing name", Q("there.wild.lab.test", DNS_TYPE_TXT), 0, 0,
	  "NOERROR aa | " SOA },
	{ "wildcard blocked below an existing name", Q("a.there.wild.lab.test", DNS_TYPE_TXT), 0, 0,
	  "NXDOMAIN aa | " SOA },
	{ "wildcard blocked by an empty non-terminal", Q("y.wild.lab.test", DNS_TYPE_TXT), 0, 0,
	  "NOERROR aa | " SOA },
	{ "only from the closest encloser", Q("z.y.wild.lab.test", DNS_TYPE_TXT), 0, 0,
	  "NXDOMAIN aa | " SOA },
	{ "literal *", Q("*.wild.lab.test", DNS_TYPE_TXT), 0, 0,
	  "NOERROR aa | AN *.wild.lab.test 3600 TXT 5 octets" },
	{ "the wildcard's parent", Q("wild.lab.test", DNS_TYPE_TXT), 0, 0, "NOERROR aa | " SOA },
	{ "* in the middle is a name like any other", Q("a.*.wild.lab.test", DNS_TYPE_TXT), 0, 0,
	  "NXDOMAIN aa | " SOA },
	{ "wildcard CNAME", Q("q.wcname.lab.test", DNS_TYPE_A), 0, 0,
	  "NOERROR aa | AN q.wcname.lab.test 3600 CNAME mail.lab.test"
	  " | AN mail.lab.test 3600 A 10.1.0.25" },
	{ "referral with glue, that below the cut first", Q("x.deleg.lab.test", DNS_TYPE_A), 0, 0,
	  "NOERROR | NS deleg.lab.test 3600 NS ns.deleg.lab.test"
	  " | NS deleg.lab.test 3600 NS ns.sibling.lab.test | NS deleg.lab.test 3600 NS ns.far.example"
	  " | AR ns.deleg.lab.test 3600 A 10.1.0.60 | AR ns.deleg.lab.test 3600 AAAA 2001:db8:f001::60"
	  " | AR ns.sibling.lab.test 3600 A 10.1.0.61" },
	{ "the cut's NS is a referral too, scope 0", Q("sibling.lab.test", DNS_TYPE_NS, .ecs = "100.64.0.0/24"), 0, 0,
	  "NOERROR | NS sibling.lab.test 3600 NS ns.sibling.lab.test"
	  " | AR ns.sibling.lab.test 3600 A 10.1.0.61 | opt 1232 ecs 24/0" },
	{ "glue is not an answer", Q("ns.sibling.lab.test", DNS_TYPE_A), 0, 0,
	  "NOERROR | NS sibling.lab.test 3600 NS ns.sibling.lab.test"
	  " | AR ns.sibling.lab.test 3600 A 10.1.0.61" },
	{ "DS at the cut", Q("deleg.lab.test", DNS_TYPE_DS), 0, 0,
	  "NOERROR aa | AN deleg.lab.test 3600 DS 36 octets" },
	{ "no DS at the cut", Q("sibling.lab.test", DNS_TYPE_DS), 0, 0, "NOERROR aa | " SOA },
	{ "DS below the cut", Q("x.sibling.lab.test", DNS_TYPE_DS), 0, 0,
	  "NOERROR | NS sibling.lab.test 3600 NS ns.sibling.lab.test"
	  " | AR ns.sibling.lab.test 3600 A 10.1.0.61" },
	{ "DS of a zone that is ours too: the parent's", Q("sub.lab.test", DNS_TYPE_DS), 0, 0,
	  "NOERROR aa | AN sub.lab.test 3600 DS 36 octets" },
	{ "DS of a zone whose parent is not ours", Q("lab.test", DNS_TYPE_DS), 0, 0, "NOERROR aa | " SOA },
	{ "the deeper of our zones", Q("a.sub.lab.test", DNS_TYPE_A), 0, 0,
	  "NOERROR aa | AN a.sub.lab.test 300 A 10.1.0.99" },
	{ "DNAME", Q("host.old.lab.test", DNS_TYPE_A), 0, 0,
	  "NOERROR aa | AN old.lab.test 3600 DNAME new.lab.test"
	  " | AN host.old.lab.test 3600 CNAME host.new.lab.test | AN host.new.lab.test 3600 A 10.1.0.70" },
	{ "DNAME to no name", Q("x.old.lab.test", DNS_TYPE_A), 0, 0,
	  "NXDOMAIN aa | AN old.lab.test 3600 DNAME new.lab.test"
	  " | AN x.old.lab.test 3600 CNAME x.new.lab.test | " SOA },
	{ "DNAME's owner itself", Q("old.lab.test", DNS_TYPE_A), 0, 0, "NOERROR aa | " SOA },
	{ "DNAME that leads to itself", Q("x.loopd.lab.test", DNS_TYPE_A), 0, 0,
	  "NOERROR aa | AN loopd.lab.test 3600 DNAME loopd.loopd.lab.test"
	  " | AN x.loopd.lab.test 3600 CNAME x.loopd.loopd.lab.test" },
	{ "DNAME, too long",
	  Q("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.loopd.lab.test", DNS_TYPE_A), 0, 0,
	  "YXDOMAIN aa | AN loopd.lab.test 3600 DNAME loopd.loopd.lab.test" },
};

static const struct row geo_rows[] = {
	{ "nearest by the resolver's address", Q("u1.geo.lab.test", DNS_TYPE_A), 0, 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.33.1" },
	{ "resolver elsewhere", Q("u1.geo.lab.test", DNS_TYPE_A), "100.64.2.53", 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.35.1" },
	{ "AAAA decides alike", Q("U1.Geo.lab.test", DNS_TYPE_AAAA), "100.64.2.53", 0,
	  "NOERROR aa | AN U1.Geo.lab.test 30 AAAA 2001:db8:1003::1" },
	{ "ANY", Q("u1.geo.lab.test", DNS_TYPE_ANY), "100.64.2.53", 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.35.1" },
	{ "no ECS received, none sent", Q("u1.geo.lab.test", DNS_TYPE_A, .size = 1232), 0, 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.33.1 | opt 1232" },
	{ "ECS before the resolver's address", Q("u1.geo.lab.test", DNS_TYPE_A, .ecs = "100.64.1.0/24"), 0, 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.34.1 | opt 1232 ecs 24/24" },
	{ "ECS longer than the scope", Q("u1.geo.lab.test", DNS_TYPE_A, .ecs = "100.64.1.7/32"), 0, 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.34.1 | opt 1232 ecs 32/24" },
	{ "ECS shorter than the scope", Q("u1.geo.lab.test", DNS_TYPE_A, .ecs = "100.64.0.0/16"), 0, 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.33.1 | opt 1232 ecs 16/24" },
	{ "ECS, IPv6", Q("u1.geo.lab.test", DNS_TYPE_A, .ecs = "2001:db8:f801::/56"), 0, 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.34.1 | opt 1232 ecs 56/48" },
	{ "ECS, SOURCE 0", Q("u1.geo.lab.test", DNS_TYPE_A, .ecs = "0.0.0.0/0"), "100.64.2.53", 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.35.1 | opt 1232 ecs 0/0" },
	{ "ECS, private address: the resolver's", Q("u1.geo.lab.test", DNS_TYPE_A, .ecs = "192.168.7.0/24"), "100.64.2.53", 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.35.1 | opt 1232 ecs 24/16" },
	{ "ECS, private though a network is named for it", Q("u1.geo.lab.test", DNS_TYPE_A, .ecs = "10.9.1.0/24"), 0, 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.33.1 | opt 1232 ecs 24/16" },
	{ "ECS, loopback", Q("u1.geo.lab.test", DNS_TYPE_A, .ecs = "127.0.0.1/32"), "100.64.1.53", 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.34.1 | opt 1232 ecs 32/8" },
	{ "ECS, link-local", Q("u1.geo.lab.test", DNS_TYPE_A, .ecs = "169.254.7.0/24"), "100.64.1.53", 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.34.1 | opt 1232 ecs 24/16" },
	{ "ECS, link-local, IPv6", Q("u1.geo.lab.test", DNS_TYPE_A, .ecs = "fe80::/56"), "100.64.1.53", 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.34.1 | opt 1232 ecs 56/10" },
	{ "ECS, loopback, IPv6", Q("u1.geo.lab.test", DNS_TYPE_A, .ecs = "::1/128"), "100.64.1.53", 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.34.1 | opt 1232 ecs 128/127" },
	{ "ECS, unique-local", Q("u1.geo.lab.test", DNS_TYPE_A, .ecs = "fd00::/56"), "100.64.1.53", 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.34.1 | opt 1232 ecs 56/7" },
	{ "a private resolver has a place", Q("u1.geo.lab.test", DNS_TYPE_A), "10.9.0.53", 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.34.1" },
	{ "IPv6 resolver", Q("u1.geo.lab.test", DNS_TYPE_A), "2001:db8:f801::53", 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.34.1" },
	{ "in no network: the default place", Q("u1.geo.lab.test", DNS_TYPE_A), "8.8.8.8", 0,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.33.1" },
	{ "nearest is down", Q("u1.geo.lab.test", DNS_TYPE_A, .ecs = "100.64.0.0/24"), 0, "fra",
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.34.1 | opt 1232 ecs 24/24" },
	{ "nearest is down, AAAA", Q("u1.geo.lab.test", DNS_TYPE_AAAA), 0, "fra",
	  "NOERROR aa | AN u1.geo.lab.test 30 AAAA 2001:db8:1002::1" },
	{ "all are down: all", Q("u1.geo.lab.test", DNS_TYPE_A), 0, "fra nyc sin",
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.33.1" },
	{ "all are down: none is NODATA, scope 0, TTL as of what is not there", Q("v4only.lab.test", DNS_TYPE_A, .ecs = "100.64.0.0/24"), 0, "fra nyc",
	  "NOERROR aa | NS lab.test 20 SOA | opt 1232 ecs 24/0" },
	{ "IPv4 only, asked for AAAA", Q("v4only.lab.test", DNS_TYPE_AAAA, .ecs = "100.64.0.0/24"), 0, 0,
	  "NOERROR aa | " SOA " | opt 1232 ecs 24/0" },
	{ "IPv4 only, a PoP that it lacks is passed over", Q("v4only.lab.test", DNS_TYPE_A), "100.64.2.53", 0,
	  "NOERROR aa | AN v4only.lab.test 20 A 198.18.33.2" },
	{ "another type at a geographic name", Q("u1.geo.lab.test", DNS_TYPE_TXT, .ecs = "100.64.0.0/24"), 0, 0,
	  "NOERROR aa | " SOA " | opt 1232 ecs 24/0" },
	{ "existing name blocks the geographic wildcard", Q("exists.geo.lab.test", DNS_TYPE_A), 0, 0,
	  "NOERROR aa | " SOA },
	{ "literal * of a geographic wildcard", Q("*.geo.lab.test", DNS_TYPE_A), 0, 0,
	  "NOERROR aa | AN *.geo.lab.test 30 A 198.18.33.1" },
	{ "one PoP only: valid for everybody", Q("any.lab.test", DNS_TYPE_A, .ecs = "100.64.1.0/24"), 0, 0,
	  "NOERROR aa | AN any.lab.test 5 A 198.18.0.1 | opt 1232 ecs 24/0" },
	{ "ordinary answer, scope 0", Q("ns1.lab.test", DNS_TYPE_A, .ecs = "100.64.1.0/24"), 0, 0,
	  "NOERROR aa | AN ns1.lab.test 3600 A 10.1.0.53 | opt 1232 ecs 24/0" },
	{ "negative answer, scope 0", Q("nothing.lab.test", DNS_TYPE_A, .ecs = "100.64.1.0/24"), 0, 0,
	  "NXDOMAIN aa | " SOA " | opt 1232 ecs 24/0" },
};
/* clang-format on */

#define ROWS(rows) rows_check(rows, sizeof(rows) / sizeof((rows)[0]))

Test(answer, ordinary_names)
{
	ROWS(ordinary_rows);
}

Test(answer, chains_wildcards_and_cuts)
{
	ROWS(chain_rows);
}

Test(answer, geographic_names)
{
	ROWS(geo_rows);
}

static struct answer_result ask_sized(const struct catalog *catalog, const struct test_query *q,
				      bool tcp, char *text)
{
	struct snapshot *snap = snapshot_new(catalog, NULL);
	uint8_t packet[600], *out = xmalloc(ANSWER_SIZE_MAX);
	struct answer_request req = { .packet = packet, .tcp = tcp };
	struct answer_result res;

	req.client = addr_from_ipv4(0x64400035);
	req.len = test_query_encode(q, packet, sizeof(packet));
	res = answer(snap, &req, out, ANSWER_SIZE_MAX);
	test_reply_text(out, res.len, text, DNS_TEXT_SIZE);
	free(out);
	free(snap);
	return res;
}

Test(answer, truncation_is_all_or_nothing)
{
	char zone[20000] = "", *text = xmalloc(DNS_TEXT_SIZE);
	struct catalog *catalog;
	struct answer_result res;

	for (unsigned i = 0; i < 100; i++) {
		snprintf(zone + strlen(zone), 200,
			 "big A 10.2.0.%u\ncut NS ns%u.cut\nns%u.cut A 10.3.0.%u\n", i, i, i, i);
		snprintf(zone + strlen(zone), 200, "far NS ns%u.cut\n", i);
	}
	strcat(zone, "tobig CNAME big\n");
	catalog = fixture_catalog(zone);

	res = ask_sized(catalog, &(struct test_query)Q("big.lab.test", DNS_TYPE_A), false, text);
	cr_expect_str_eq(text, "NOERROR aa tc");
	cr_expect(res.truncated && res.len <= 512);
	ask_sized(catalog, &(struct test_query)Q("big.lab.test", DNS_TYPE_A, .size = 512), false,
		  text);
	cr_expect_str_eq(text, "NOERROR aa tc | opt 1232", "OPT is there in truncated replies: %s",
			 text);
	ask_sized(catalog,
		  &(struct test_query)Q("tobig.lab.test", DNS_TYPE_A, .size = 65535, .nsid = true),
		  false, text);
	cr_expect_str_eq(text, "NOERROR aa tc | AN tobig.lab.test 3600 CNAME big.lab.test"
			       " | opt 1232 nsid ns1");
	res = ask_sized(catalog, &(struct test_query)Q("big.lab.test", DNS_TYPE_A), true, text);
	cr_expect(!res.truncated && res.len > 1600 && strstr(text, "10.2.0.99"));

	/* 100 NS fit into 1232 octets, their glue does not: RFC 9471. */
	res = ask_sized(catalog, &(struct test_query)Q("x.cut.lab.test", DNS_TYPE_A, .size = 200),
			false, text);
	cr_expect(res.truncated && res.len <= 512, "%s", text);
	res = ask_sized(catalog, &(struct test_query)Q("x.cut.lab.test", DNS_TYPE_A), true, text);
	cr_expect(!res.truncated && strstr(text, "AR ns99.cut.lab.test 3600 A 10.3.0.99"));
	free(text);
	catalog_free(catalog);
}

Test(answer, glue_that_does_not_fit)
{
	char zone[4000] = "", *text = xmalloc(DNS_TEXT_SIZE);
	struct catalog *catalog;
	struct answer_result res;

	for (unsigned i = 0; i < 18; i++)
		snprintf(zone + strlen(zone), 200,
			 "in NS ns%u.in\nns%u.in A 10.3.0.%u\nby NS ns%u.in\n", i, i, i, i);
	catalog = fixture_catalog(zone);
	res = ask_sized(catalog, &(struct test_query)Q("x.in.lab.test", DNS_TYPE_A), false, text);
	cr_expect(res.truncated, "in-domain glue is required: %s", text);
	cr_expect(strstr(text, "NS ns17.in.lab.test"), "%s", text);
	res = ask_sized(catalog, &(struct test_query)Q("x.by.lab.test", DNS_TYPE_A), false, text);
	cr_expect(!res.truncated, "sibling glue is not: %s", text);
	cr_expect(strstr(text, "NS ns17.in.lab.test"), "%s", text);
	free(text);
	catalog_free(catalog);
}

/* Where the data of a type have names, and it is not one of RFC 1035 (RFC 3597, 4; RFC 6672, 2.5).
 */
Test(answer, names_are_compressed_in_data_of_the_old_types_only)
{
	static const struct {
		const char *what;
		uint16_t type;
		unsigned len; /* of the data in a reply to a question for this very name */
	} types[] = {
		{ "NS", DNS_TYPE_NS, 2 + 2 },
		{ "MX", DNS_TYPE_MX, 2 + 2 },
		{ "PTR", DNS_TYPE_PTR, 2 },
		{ "SRV", DNS_TYPE_SRV, 6 + 12 },
		{ "NAPTR", 35, 4 + 2 + 1 + 1 + 12 },
		{ "RP", 17, 12 + 12 },
		{ "AFSDB", 18, 2 + 12 },
		{ "DNAME", DNS_TYPE_DNAME, 12 },
		{ "SVCB", DNS_TYPE_SVCB, 2 + 12 },
		{ "HTTPS", DNS_TYPE_HTTPS, 2 + 12 },
		{ "unknown", 65400, 14 },
	};
	struct catalog *catalog = fixture_catalog(
		"n PTR n\nn MX 1 n\nn SRV 1 2 3 n\nn NAPTR 1 2 U \"\" \"\" n\nn RP n n\nn AFSDB 1 n\n"
		"dn DNAME n\nn SVCB 1 n\nn HTTPS 1 n\n"
		"n TYPE65400 \\# 14 01 6e 03 6c6162 04 74657374 00 0000\nd NS n\n");
	struct snapshot *snap = snapshot_new(catalog, NULL);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const char *name = types[i].type == DNS_TYPE_NS	     ? "d.lab.test"
				   : types[i].type == DNS_TYPE_DNAME ? "dn.lab.test"
								     : "n.lab.test";
		const struct test_query q = Q(name, types[i].type);
		uint8_t packet[100], out[DNS_UDP_SIZE_MAX];
		struct answer_request req = { .packet = packet, .client = addr_from_ipv4(1) };
		size_t len = test_query_encode(&q, packet, sizeof(packet));
		struct wire_reader r;

		req.len = len;
		r = wire_reader(out, answer(snap, &req, out, sizeof(out)).len);
		wire_get_bytes(&r, len + 2); /* the question as sent, and a pointer to its name */
		cr_expect_eq(wire_get_u16(&r), types[i].type, "%s", types[i].what);
		wire_get_bytes(&r, 2 + 4);
		cr_expect_eq(wire_get_u16(&r), types[i].len, "%s", types[i].what);
	}
	free(snap);
	catalog_free(catalog);
}

/*
 * Names are compressed against those in the message, not against what the buffer held before,
 * which may be anything, a pointer to itself included. Asked with every limit, so that replies
 * end within names, too.
 */
static void stale_buffer_check(const char *name)
{
	struct catalog *catalog = fixture_catalog("*.long CNAME nothing.a.b.c.d.e.f.g.h.i.j.k\n");
	struct snapshot *snap = snapshot_new(catalog, NULL);
	const struct test_query q = Q(name, DNS_TYPE_A);
	char *text = xmalloc(DNS_TEXT_SIZE);
	uint8_t packet[100], out[0x200];
	struct answer_request req = { .packet = packet, .tcp = true };
	unsigned cut = 0;

	req.len = test_query_encode(&q, packet, sizeof(packet));
	for (size_t limit = req.len; limit < 0x1c0; limit++) {
		struct answer_result res;

		memset(out, 0xc1, sizeof(out)); /* at 0x1c1: a pointer to 0x1c1 */
		res = answer(snap, &req, out, limit);
		cr_expect_leq(res.len, limit);
		test_reply_text(out, res.len, text, DNS_TEXT_SIZE);
		cr_expect_str_neq(text, "malformed", "limit %zu", limit);
		cut += res.truncated;
	}
	cr_expect_gt(cut, 20);
	free(text);
	free(snap);
	catalog_free(catalog);
}

Test(answer, stale_octets_where_a_name_did_not_fit, .timeout = 10)
{
	stale_buffer_check("x.long.lab.test");
}

Test(answer, stale_octets_behind_the_half_of_a_name, .timeout = 10)
{
	stale_buffer_check("a.a.old.lab.test");
}
