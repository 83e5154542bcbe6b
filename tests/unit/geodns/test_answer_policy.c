/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Geographic names beyond "the nearest PoP's address": policies, CNAME, HTTPS, apex, scopes. */
#include <criterion/criterion.h>

#include "geodns/answer.h"
#include "tests/support/dns_message.h"
#include "tests/support/geodns_fixture.h"

#define SOA "NS lab.test 60 SOA"

#define TARGET(pop, n, more) "{'pop':'" pop "','check':'c','address':'10.200." n ".1'," more "}"
#define BOTH(pop, n)	     TARGET(pop, n, "'a':['192.0.2." n "'],'aaaa':['2001:db8::" n "']")
#define CNAME(pop, n)	     TARGET(pop, n, "'cname':'" pop ".edge.lab.test'")
#define ALL_BOTH	     BOTH("fra", "1") "," BOTH("nyc", "2") "," BOTH("sin", "3")
#define ALL_CNAME	     CNAME("fra", "1") "," CNAME("nyc", "2") "," CNAME("sin", "3")

/* clang-format off */
static const char policy_conf[] =
	"{'version':1,'listen':['127.0.0.1:5353'],"
	"'zones':[{'name':'lab.test','file':'lab'},{'name':'sub.lab.test','file':'sub'}],"
	"'pops':[{'name':'fra','at':[50.1,8.7]},{'name':'nyc','at':[40.7,-74.0]},"
	"{'name':'sin','at':[1.35,103.8],'dial':50}],"
	"'networks':[{'prefix':'100.64.0.0/24','at':[48.8,2.3]},"
	"{'prefix':'100.64.1.0/24','at':[41.9,-87.6]},{'prefix':'100.64.1.128/25','at':[48.8,2.3]},"
	"{'prefix':'100.80.0.0/12','at':[-31.9,115.9]},"
	"{'prefix':'2001:db8:f800::/40','at':[41.9,-87.6]}],"
	"'default_at':[50.1,8.7],'regions':{'loop':{'networks':['100.64.1.192/26','10.0.0.0/8']}},"
	"'checks':{'c':{'type':'tcp','port':80}},'names':["
	"{'name':'lab.test','pops':[" BOTH("fra", "1") "," BOTH("nyc", "2") "],'https':{'alpn':['h2','h3']}},"
	"{'name':'two.lab.test','answers':2,'pops':[" BOTH("fra", "1") "," BOTH("nyc", "2") "],"
	"'https':{'alpn':['h2'],'no_default_alpn':true,'port':8443},'svcb':{}},"
	"{'name':'order.lab.test','policy':'failover','pops':[" BOTH("nyc", "2") "," BOTH("fra", "1") "],'https':{}},"
	"{'name':'*.hash.lab.test','policy':'sticky','pops':[" ALL_BOTH "],'https':{}},"
	"{'name':'dial.lab.test','ttl':7,'when_all_down':{'a':['192.0.2.9'],'aaaa':['2001:db8::9']},'pops':[" ALL_BOTH "]},"
	"{'name':'fence.lab.test','fences':[{'region':'loop','pops':['nyc']}],'pops':["
	BOTH("fra", "1") "," BOTH("nyc", "2") "]},"
	"{'name':'line.lab.test','policy':'failover','fences':[{'region':'loop','pops':['nyc']}],'pops':["
	BOTH("fra", "1") "," BOTH("nyc", "2") "]},"
	"{'name':'cdn.lab.test','ttl':9,'pops':[" CNAME("fra", "1") "," CNAME("nyc", "2") "]},"
	"{'name':'*.cdn.lab.test','policy':'sticky','pops':[" ALL_CNAME "]},"
	"{'name':'again.lab.test','pops':[" TARGET("fra", "1", "'cname':'x.hash.lab.test'") ","
	TARGET("nyc", "2", "'cname':'cdn.lab.test'") "]},"
	"{'name':'loop.lab.test','policy':'failover','pops':[" TARGET("fra", "1", "'cname':'pool.lab.test'") "]},"
	"{'name':'pool.lab.test','policy':'failover','pops':[" TARGET("fra", "1", "'cname':'loop.lab.test'") "]},"
	"{'name':'gone.lab.test','when_all_down':'none','pops':[" TARGET("fra", "1", "'cname':'nothing.lab.test'") ","
	TARGET("nyc", "2", "'cname':'cdn.example'") "]}]}";
/* clang-format on */

static const char policy_zone[] = "fra.edge A 198.51.100.1\nnyc.edge A 198.51.100.2\n"
				  "sin.edge A 198.51.100.3\nin CNAME cdn\n"
				  "dial HTTPS 1 . alpn=h2\n";

struct row {
	const char *what;
	struct test_query query;
	const char *down;
	const char *reply;
};

static void ask(const struct snapshot *snap, const struct test_query *q, bool tcp, char *text)
{
	uint8_t packet[600], *out = xmalloc(ANSWER_SIZE_MAX);
	struct answer_request req = { .packet = packet, .tcp = tcp };
	struct answer_result res;

	req.len = test_query_encode(q, packet, sizeof(packet));
	req.client = addr_from_ipv4(0x64400035); /* 100.64.0.53, Paris */
	res = answer(snap, &req, out, ANSWER_SIZE_MAX);
	test_reply_text(out, res.len, text, DNS_TEXT_SIZE);
	free(out);
}

/* clang-format off */
static const struct row rows[] = {
	{ "apex, beside SOA and NS", Q("lab.test", DNS_TYPE_A, .ecs = "100.64.1.0/25"), "",
	  "NOERROR aa | AN lab.test 30 A 192.0.2.2 | opt 1232 ecs 25/25" },
	{ "apex, its own records", Q("lab.test", DNS_TYPE_MX), "",
	  "NOERROR aa | AN lab.test 3600 MX 10 mail.lab.test | AR mail.lab.test 3600 A 10.1.0.25" },
	{ "apex, ANY", Q("lab.test", DNS_TYPE_ANY), "", "NOERROR aa | AN lab.test 30 A 192.0.2.1" },
	{ "apex, HTTPS", Q("LAB.test", DNS_TYPE_HTTPS, .ecs = "100.64.1.0/25"), "",
	  "NOERROR aa | AN LAB.test 30 HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.2 ipv6hint=2001:db8::2 | opt 1232 ecs 25/25" },
	{ "HTTPS follows health", Q("lab.test", DNS_TYPE_HTTPS), "fra",
	  "NOERROR aa | AN lab.test 30 HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.2 ipv6hint=2001:db8::2" },
	{ "no SVCB unless configured", Q("lab.test", DNS_TYPE_SVCB), "", "NOERROR aa | " SOA },
	{ "HTTPS of the zone file, where none is configured", Q("dial.lab.test", DNS_TYPE_HTTPS, .ecs = "100.64.1.0/25"), "",
	  "NOERROR aa | AN dial.lab.test 3600 HTTPS 1 . alpn=h2 | opt 1232 ecs 25/0" },
	{ "two nearest", Q("two.lab.test", DNS_TYPE_A), "",
	  "NOERROR aa | AN two.lab.test 30 A 192.0.2.1 | AN two.lab.test 30 A 192.0.2.2" },
	{ "two, one is down", Q("two.lab.test", DNS_TYPE_AAAA), "fra", "NOERROR aa | AN two.lab.test 30 AAAA 2001:db8::2" },
	{ "HTTPS with all parameters", Q("two.lab.test", DNS_TYPE_HTTPS, .ecs = "100.64.1.0/25"), "",
	  "NOERROR aa | AN two.lab.test 30 HTTPS 1 . alpn=h2 no-default-alpn port=8443 ipv4hint=192.0.2.2,192.0.2.1"
	  " ipv6hint=2001:db8::2,2001:db8::1 | opt 1232 ecs 25/25" },
	{ "SVCB without any", Q("two.lab.test", DNS_TYPE_SVCB), "nyc",
	  "NOERROR aa | AN two.lab.test 30 SVCB 1 . ipv4hint=192.0.2.1 ipv6hint=2001:db8::1" },
	{ "failover is everybody's", Q("order.lab.test", DNS_TYPE_A, .ecs = "100.64.1.0/25"), "",
	  "NOERROR aa | AN order.lab.test 30 A 192.0.2.2 | opt 1232 ecs 25/0" },
	{ "failover, all types alike", Q("order.lab.test", DNS_TYPE_HTTPS), "nyc",
	  "NOERROR aa | AN order.lab.test 30 HTTPS 1 . ipv4hint=192.0.2.1 ipv6hint=2001:db8::1" },
	{ "hash: the scope is /24", Q("u1.hash.lab.test", DNS_TYPE_A, .ecs = "20.1.2.0/24"), "sin fra",
	  "NOERROR aa | AN u1.hash.lab.test 30 A 192.0.2.2 | opt 1232 ecs 24/24" },
	{ "hash: the scope is /24, SOURCE shorter", Q("u1.hash.lab.test", DNS_TYPE_A, .ecs = "20.0.0.0/8"), "sin fra",
	  "NOERROR aa | AN u1.hash.lab.test 30 A 192.0.2.2 | opt 1232 ecs 8/24" },
	{ "hash: the scope is /24, SOURCE longer, short leaf", Q("u1.hash.lab.test", DNS_TYPE_A, .ecs = "100.80.3.0/32"), "sin fra",
	  "NOERROR aa | AN u1.hash.lab.test 30 A 192.0.2.2 | opt 1232 ecs 32/24" },
	{ "hash: the scope is /48", Q("u1.hash.lab.test", DNS_TYPE_A, .ecs = "2001:db8:f800::/56"), "sin fra",
	  "NOERROR aa | AN u1.hash.lab.test 30 A 192.0.2.2 | opt 1232 ecs 56/48" },
	{ "hash: HTTPS too", Q("u1.hash.lab.test", DNS_TYPE_HTTPS, .ecs = "20.1.2.0/24"), "sin fra",
	  "NOERROR aa | AN u1.hash.lab.test 30 HTTPS 1 . ipv4hint=192.0.2.2 ipv6hint=2001:db8::2 | opt 1232 ecs 24/24" },
	{ "hash: private address, scope /24 as everywhere", Q("u1.hash.lab.test", DNS_TYPE_A, .ecs = "10.1.2.0/24"), "sin fra",
	  "NOERROR aa | AN u1.hash.lab.test 30 A 192.0.2.2 | opt 1232 ecs 24/24" },
	{ "hash: negative answer, scope 0", Q("u1.hash.lab.test", DNS_TYPE_TXT, .ecs = "20.1.2.0/24"), "",
	  "NOERROR aa | " SOA " | opt 1232 ecs 24/0" },
	{ "a dial makes nearest hash", Q("dial.lab.test", DNS_TYPE_A, .ecs = "100.64.0.0/16"), "",
	  "NOERROR aa | AN dial.lab.test 7 A 192.0.2.1 | opt 1232 ecs 16/24" },
	{ "but a longer leaf stays", Q("dial.lab.test", DNS_TYPE_A, .ecs = "100.64.1.0/25"), "",
	  "NOERROR aa | AN dial.lab.test 7 A 192.0.2.2 | opt 1232 ecs 25/25" },
	{ "last resort", Q("dial.lab.test", DNS_TYPE_A), "fra nyc sin", "NOERROR aa | AN dial.lab.test 7 A 192.0.2.9" },
	{ "last resort, AAAA", Q("dial.lab.test", DNS_TYPE_AAAA), "fra nyc sin",
	  "NOERROR aa | AN dial.lab.test 7 AAAA 2001:db8::9" },
	{ "outside of the fence", Q("fence.lab.test", DNS_TYPE_A, .ecs = "100.64.1.128/26"), "",
	  "NOERROR aa | AN fence.lab.test 30 A 192.0.2.1 | opt 1232 ecs 26/26" },
	{ "within, though fra is nearer", Q("fence.lab.test", DNS_TYPE_A, .ecs = "100.64.1.192/26"), "",
	  "NOERROR aa | AN fence.lab.test 30 A 192.0.2.2 | opt 1232 ecs 26/26" },
	{ "within, all admitted are down", Q("fence.lab.test", DNS_TYPE_AAAA, .ecs = "100.64.1.192/26"), "nyc sin",
	  "NOERROR aa | AN fence.lab.test 30 AAAA 2001:db8::2 | opt 1232 ecs 26/26" },
	{ "a fence gives failover a place", Q("line.lab.test", DNS_TYPE_A, .ecs = "100.64.1.192/32"), "nyc",
	  "NOERROR aa | AN line.lab.test 30 A 192.0.2.2 | opt 1232 ecs 32/26" },
	{ "beside it, failover", Q("line.lab.test", DNS_TYPE_A, .ecs = "100.64.1.128/32"), "",
	  "NOERROR aa | AN line.lab.test 30 A 192.0.2.1 | opt 1232 ecs 32/26" },
	{ "CNAME, and on to its address", Q("cdn.lab.test", DNS_TYPE_A, .ecs = "100.64.1.0/25"), "",
	  "NOERROR aa | AN cdn.lab.test 9 CNAME nyc.edge.lab.test | AN nyc.edge.lab.test 3600 A 198.51.100.2 | opt 1232 ecs 25/25" },
	{ "CNAME asked for", Q("cdn.lab.test", DNS_TYPE_CNAME), "", "NOERROR aa | AN cdn.lab.test 9 CNAME fra.edge.lab.test" },
	{ "CNAME, ANY", Q("cdn.lab.test", DNS_TYPE_ANY), "fra", "NOERROR aa | AN cdn.lab.test 9 CNAME nyc.edge.lab.test" },
	{ "CNAME for all types; its scope stays", Q("cdn.lab.test", DNS_TYPE_TXT, .ecs = "100.64.1.0/25"), "",
	  "NOERROR aa | AN cdn.lab.test 9 CNAME nyc.edge.lab.test | " SOA " | opt 1232 ecs 25/25" },
	{ "CNAME behind a CNAME of the zone file", Q("in.lab.test", DNS_TYPE_A), "",
	  "NOERROR aa | AN in.lab.test 3600 CNAME cdn.lab.test | AN cdn.lab.test 9 CNAME fra.edge.lab.test"
	  " | AN fra.edge.lab.test 3600 A 198.51.100.1" },
	{ "wildcard CNAME", Q("a.b.cdn.lab.test", DNS_TYPE_A, .ecs = "20.1.2.0/24"), "sin fra",
	  "NOERROR aa | AN a.b.cdn.lab.test 30 CNAME nyc.edge.lab.test | AN nyc.edge.lab.test 3600 A 198.51.100.2 | opt 1232 ecs 24/24" },
	{ "CNAME to a hashing name: the longer scope", Q("again.lab.test", DNS_TYPE_A, .ecs = "20.1.0.0/16"), "sin nyc",
	  "NOERROR aa | AN again.lab.test 30 CNAME x.hash.lab.test | AN x.hash.lab.test 30 A 192.0.2.1 | opt 1232 ecs 16/24" },
	{ "CNAME to a CNAME", Q("again.lab.test", DNS_TYPE_A, .ecs = "100.64.1.0/25"), "",
	  "NOERROR aa | AN again.lab.test 30 CNAME cdn.lab.test | AN cdn.lab.test 9 CNAME nyc.edge.lab.test"
	  " | AN nyc.edge.lab.test 3600 A 198.51.100.2 | opt 1232 ecs 25/25" },
	{ "CNAME loop", Q("loop.lab.test", DNS_TYPE_A), "",
	  "NOERROR aa | AN loop.lab.test 30 CNAME pool.lab.test | AN pool.lab.test 30 CNAME loop.lab.test" },
	{ "CNAME to no name", Q("gone.lab.test", DNS_TYPE_A), "", "NXDOMAIN aa | AN gone.lab.test 30 CNAME nothing.lab.test | " SOA },
	{ "CNAME abroad", Q("gone.lab.test", DNS_TYPE_A), "fra", "NOERROR aa | AN gone.lab.test 30 CNAME cdn.example" },
	{ "CNAME, all down: none", Q("gone.lab.test", DNS_TYPE_A, .ecs = "20.1.2.0/24"), "fra nyc",
	  "NOERROR aa | NS lab.test 30 SOA | opt 1232 ecs 24/0" },
};
/* clang-format on */

Test(answer_policy, rows)
{
	struct catalog *catalog = fixture_catalog_of(policy_conf, policy_zone);
	char *text = xmalloc(DNS_TEXT_SIZE);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct snapshot *snap = snapshot_new(catalog, NULL);

		fixture_health(catalog->conf, rows[i].down, snap->health);
		ask(snap, &rows[i].query, false, text);
		cr_expect_str_eq(text, rows[i].reply, "%s: %s", rows[i].what, text);
		free(snap);
	}
	free(text);
	catalog_free(catalog);
}

Test(answer_policy, many_addresses_are_truncated_whole)
{
	char *conf = xmalloc(20000), *text = xmalloc(DNS_TEXT_SIZE), *p = conf;
	struct test_query q = Q("many.lab.test", DNS_TYPE_HTTPS, .size = 1232);
	struct catalog *catalog;
	struct snapshot *snap;

	p += sprintf(p, "{'version':1,'listen':['::1'],'zones':[{'name':'lab.test','file':'l'},"
			"{'name':'sub.lab.test','file':'s'}],'pops':[");
	for (unsigned i = 0; i < 8; i++)
		p += sprintf(p, "%s{'name':'p%u','at':[0,%u]}", i ? "," : "", i, i);
	p += sprintf(p, "],'names':[{'name':'many.lab.test','answers':8,'https':{},'pops':[");
	for (unsigned i = 0; i < 8; i++) {
		p += sprintf(p, "%s{'pop':'p%u','aaaa':[", i ? "," : "", i);
		for (unsigned k = 0; k < 16; k++)
			p += sprintf(p, "%s'2001:db8::%u:%u'", k ? "," : "", i, k);
		p += sprintf(p, "]}");
	}
	sprintf(p, "]}]}");
	catalog = fixture_catalog_of(conf, "");
	snap = snapshot_new(catalog, NULL);
	ask(snap, &q, false, text);
	cr_expect_str_eq(text, "NOERROR aa tc | opt 1232", "%s", text);
	ask(snap, &q, true, text);
	cr_expect(strstr(text, "HTTPS 1 . ipv6hint=2001:db8::,2001:db8::1,"), "%.200s", text);
	cr_expect(strstr(text, ",2001:db8::7:15 | opt"), "hints of all eight");
	q.type = DNS_TYPE_AAAA;
	ask(snap, &q, false, text);
	cr_expect_str_eq(text, "NOERROR aa tc | opt 1232", "%s", text);
	free(snap);
	catalog_free(catalog);
	free(conf);
	free(text);
}

/* What a resolver may hold for all addresses that share the scope must be the answer of each. */
static void tile_check(const struct snapshot *snap, const struct geo_name *name,
		       const struct addr *addr)
{
	struct snapshot_choice at = snapshot_choose(snap, name, addr);
	struct addr first = addr_mask(addr, at.scope), last = first, some = *addr;
	const struct addr *others[] = { &first, &last, &some };

	for (unsigned b = at.scope; b < addr_bits((enum addr_family)addr->family); b++) {
		last.bytes[b / 8] |= (uint8_t)(0x80 >> b % 8);
		if (rand() % 2)
			some.bytes[b / 8] ^= (uint8_t)(0x80 >> b % 8);
	}
	for (unsigned i = 0; i < 3; i++) {
		struct snapshot_choice other = snapshot_choose(snap, name, others[i]);

		cr_assert_eq(other.scope, at.scope, "%s: scopes overlap", name->text);
		cr_assert_eq(other.to.count, at.to.count);
		for (unsigned k = 0; k < at.to.count; k++)
			cr_assert(other.to.targets[k] == at.to.targets[k], "%s", name->text);
	}
}

Test(answer_policy, scopes_of_a_name_tile_the_addresses)
{
	static const char *const downs[] = { "", "fra", "fra nyc", "fra nyc sin" };
	struct catalog *catalog = fixture_catalog_of(policy_conf, policy_zone);
	struct snapshot *snap = snapshot_new(catalog, NULL);

	srand(1);
	for (unsigned n = 0; n < 4000; n++) {
		static const uint8_t starts[][6] = { { 100, 64, 1, 127 },
						     { 100, 80, 3 },
						     { 10, 1, 2 },
						     { 0x20, 0x01, 0x0d, 0xb8, 0xf8, 7 } };
		struct addr a = { .family = n % 4 == 3 ? ADDR_IPV6 : ADDR_IPV4 };

		for (unsigned i = 0; i < addr_size((enum addr_family)a.family); i++)
			a.bytes[i] = i < 6 && rand() % 4 ? starts[n % 4][i] : (uint8_t)rand();
		fixture_health(catalog->conf, downs[n / 4 % 4], snap->health);
		for (size_t i = 0; i < catalog->conf->name_count; i++)
			tile_check(snap, &catalog->conf->names[i], &a);
	}
	free(snap);
	catalog_free(catalog);
}
