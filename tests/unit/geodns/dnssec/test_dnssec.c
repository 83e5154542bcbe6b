/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signed answers, whole: what they hold, and that a validator finds every signature good. */
#include "tests/support/dnssec_rig.h"

struct row {
	const char *what;
	struct test_query query;
	int signatures;
	const char *reply;
};

/* clang-format off */
static const struct row positive_rows[] = {
	{ "without DO nothing changes", Q("ns1.lab.test", DNS_TYPE_A, .size = 1232), 0, "NOERROR aa | AN ns1.lab.test 3600 A 10.1.0.53 | opt 1232" },
	{ "nor without OPT", Q("nothing.lab.test", DNS_TYPE_A), 0, "NXDOMAIN aa | NS lab.test 60 SOA" },
	{ "an unsigned zone beside it", D("a.sub.lab.test", DNS_TYPE_A), 0, "NOERROR aa | AN a.sub.lab.test 300 A 10.1.0.99" OPT },
	{ "an unsigned zone denies as ever", D("b.sub.lab.test", DNS_TYPE_A), 0, "NXDOMAIN aa | NS sub.lab.test 300 SOA" OPT },
	{ "address, case kept", D("NS1.lab.TEST", DNS_TYPE_A), 1,
	  "NOERROR aa | AN NS1.lab.TEST 3600 A 10.1.0.53 | AN NS1.lab.TEST 3600 RRSIG A" OPT },
	{ "SOA", D("lab.test", DNS_TYPE_SOA), 1, "NOERROR aa | AN lab.test 600 SOA | AN lab.test 600 RRSIG SOA" OPT },
	{ "MX and what goes with it", D("lab.test", DNS_TYPE_MX), 2,
	  "NOERROR aa | AN lab.test 3600 MX 10 mail.lab.test | AN lab.test 3600 RRSIG MX"
	  " | AR mail.lab.test 3600 A 10.1.0.25 | AR mail.lab.test 3600 RRSIG A" OPT },
	{ "SRV", D("_sip._tcp.lab.test", DNS_TYPE_SRV), 2,
	  "NOERROR aa | AN _sip._tcp.lab.test 3600 SRV 21 octets | AN _sip._tcp.lab.test 3600 RRSIG SRV"
	  " | AR mail.lab.test 3600 A 10.1.0.25 | AR mail.lab.test 3600 RRSIG A" OPT },
	{ "NS", D("lab.test", DNS_TYPE_NS), 3,
	  "NOERROR aa | AN lab.test 3600 NS ns1.lab.test | AN lab.test 3600 NS ns2.other.test | AN lab.test 3600 RRSIG NS"
	  " | AR ns1.lab.test 3600 A 10.1.0.53 | AR ns1.lab.test 3600 RRSIG A"
	  " | AR ns1.lab.test 3600 AAAA 2001:db8:f001::53 | AR ns1.lab.test 3600 RRSIG AAAA" OPT },
	{ "the keys", D("lab.test", DNS_TYPE_DNSKEY), 1,
	  "NOERROR aa | AN lab.test 3600 DNSKEY 68 octets | AN lab.test 3600 DNSKEY 68 octets | AN lab.test 3600 RRSIG DNSKEY" OPT },
	{ "for the parent", D("lab.test", DNS_TYPE_CDS), 1, "NOERROR aa | AN lab.test 3600 CDS 36 octets | AN lab.test 3600 RRSIG CDS" OPT },
	{ "and its other form", D("lab.test", DNS_TYPE_CDNSKEY), 1, "NOERROR aa | AN lab.test 3600 CDNSKEY 68 octets | AN lab.test 3600 RRSIG CDNSKEY" OPT },
	{ "geographic", D("u1.geo.lab.test", DNS_TYPE_A, .ecs = "100.64.1.0/24"), 1,
	  "NOERROR aa | AN u1.geo.lab.test 30 A 198.18.34.1 | AN u1.geo.lab.test 30 RRSIG A" OPT " ecs 24/24" },
	{ "geographic, elsewhere", D("u1.geo.lab.test", DNS_TYPE_AAAA, .ecs = "100.64.2.0/24"), 1,
	  "NOERROR aa | AN u1.geo.lab.test 30 AAAA 2001:db8:1003::1 | AN u1.geo.lab.test 30 RRSIG AAAA" OPT " ecs 24/24" },
	{ "ANY", D("mail.lab.test", DNS_TYPE_ANY), 1, "NOERROR aa | AN mail.lab.test 3600 A 10.1.0.25 | AN mail.lab.test 3600 RRSIG A" OPT },
	{ "chain to a geographic name", D("alias.lab.test", DNS_TYPE_A), 3,
	  "NOERROR aa | AN alias.lab.test 3600 CNAME www.lab.test | AN alias.lab.test 3600 RRSIG CNAME"
	  " | AN www.lab.test 3600 CNAME home.geo.lab.test | AN www.lab.test 3600 RRSIG CNAME"
	  " | AN home.geo.lab.test 30 A 198.18.33.1 | AN home.geo.lab.test 30 RRSIG A" OPT },
	{ "wildcard: as if the name were there", D("a.wild.lab.test", DNS_TYPE_TXT), 1,
	  "NOERROR aa | AN a.wild.lab.test 3600 TXT 5 octets | AN a.wild.lab.test 3600 RRSIG TXT" OPT },
	{ "literal *", D("*.wild.lab.test", DNS_TYPE_TXT), 1,
	  "NOERROR aa | AN *.wild.lab.test 3600 TXT 5 octets | AN *.wild.lab.test 3600 RRSIG TXT" OPT },
	{ "DNAME is signed, the CNAME made of it is not", D("host.old.lab.test", DNS_TYPE_A), 2,
	  "NOERROR aa | AN old.lab.test 3600 DNAME new.lab.test | AN old.lab.test 3600 RRSIG DNAME"
	  " | AN host.old.lab.test 3600 CNAME host.new.lab.test"
	  " | AN host.new.lab.test 3600 A 10.1.0.70 | AN host.new.lab.test 3600 RRSIG A" OPT },
	{ "NSEC asked for", D("mail.lab.test", DNS_TYPE_NSEC), 1,
	  "NOERROR aa | AN mail.lab.test 60 NSEC \\000.mail.lab.test A RRSIG NSEC | AN mail.lab.test 60 RRSIG NSEC" OPT },
	{ "RRSIG asked for: one", D("mail.lab.test", DNS_TYPE_RRSIG), -1, "NOERROR aa | AN mail.lab.test 60 RRSIG NSEC" OPT },
	{ "RRSIG asked for without DO", Q("mail.lab.test", DNS_TYPE_RRSIG), -1, "NOERROR aa | AN mail.lab.test 60 RRSIG NSEC" },
	{ "signed delegation", D("x.deleg.lab.test", DNS_TYPE_A), 1,
	  "NOERROR | NS deleg.lab.test 3600 NS ns.far.example | NS deleg.lab.test 3600 NS ns.deleg.lab.test"
	  " | NS deleg.lab.test 3600 NS ns.sibling.lab.test"
	  " | NS deleg.lab.test 3600 DS 36 octets | NS deleg.lab.test 3600 RRSIG DS"
	  " | AR ns.deleg.lab.test 3600 A 10.1.0.60 | AR ns.deleg.lab.test 3600 AAAA 2001:db8:f001::60"
	  " | AR ns.sibling.lab.test 3600 A 10.1.0.61" OPT },
	{ "unsigned delegation", D("x.sibling.lab.test", DNS_TYPE_A), 1,
	  "NOERROR | NS sibling.lab.test 3600 NS ns.sibling.lab.test"
	  " | NS sibling.lab.test 60 NSEC sibling\\000.lab.test NS RRSIG NSEC | NS sibling.lab.test 60 RRSIG NSEC"
	  " | AR ns.sibling.lab.test 3600 A 10.1.0.61" OPT },
	{ "DS at the cut", D("deleg.lab.test", DNS_TYPE_DS), 1,
	  "NOERROR aa | AN deleg.lab.test 3600 DS 36 octets | AN deleg.lab.test 3600 RRSIG DS" OPT },
	{ "class CH is not signed", D("id.server", DNS_TYPE_TXT, .qclass = DNS_CLASS_CH), 0,
	  "NOERROR aa | AN id.server 0 TXT 4 octets" OPT },
	{ "DS of a zone that is ours too", D("sub.lab.test", DNS_TYPE_DS), 1,
	  "NOERROR aa | AN sub.lab.test 3600 DS 36 octets | AN sub.lab.test 3600 RRSIG DS" OPT },
};

static const struct row negative_rows[] = {
	{ "no such name", D("nothing.lab.test", DNS_TYPE_A), 2, "NOERROR aa | " DENIES("nothing.lab.test", NX) OPT },
	{ "no such name, case kept", D("Nothing.LAB.test", DNS_TYPE_A), 2,
	  "NOERROR aa | NS LAB.test 60 SOA | NS LAB.test 60 RRSIG SOA | NS Nothing.LAB.test 60 NSEC \\000.nothing.lab.test " NX " | NS Nothing.LAB.test 60 RRSIG NSEC" OPT },
	{ "no such name, CO", D("nothing.lab.test", DNS_TYPE_A, .compact_ok = true), 2,
	  "NXDOMAIN aa | " DENIES("nothing.lab.test", NX) OPT " co" },
	{ "CO where there is something", D("ns1.lab.test", DNS_TYPE_A, .compact_ok = true), 1,
	  "NOERROR aa | AN ns1.lab.test 3600 A 10.1.0.53 | AN ns1.lab.test 3600 RRSIG A" OPT " co" },
	{ "CO without DO", Q("nothing.lab.test", DNS_TYPE_A, .compact_ok = true), 0, "NXDOMAIN aa | NS lab.test 60 SOA | opt 1232" },
	{ "below a leaf", D("x.ns1.lab.test", DNS_TYPE_A), 2, "NOERROR aa | " DENIES("x.ns1.lab.test", NX) OPT },
	{ "no such name, ANY", D("nothing.lab.test", DNS_TYPE_ANY), 2, "NOERROR aa | " DENIES("nothing.lab.test", NX) OPT },
	{ "no such name, NSEC", D("nothing.lab.test", DNS_TYPE_NSEC), 2, "NOERROR aa | " DENIES("nothing.lab.test", NX) OPT },
	{ "no such type", D("ns1.lab.test", DNS_TYPE_MX), 2, "NOERROR aa | " DENIES("ns1.lab.test", "A AAAA RRSIG NSEC") OPT },
	{ "no such type at the apex", D("lab.test", DNS_TYPE_A), 2,
	  "NOERROR aa | " DENIES("lab.test", "NS SOA MX RRSIG NSEC DNSKEY CDS CDNSKEY") OPT },
	{ "DS of the zone itself", D("lab.test", DNS_TYPE_DS), 2,
	  "NOERROR aa | " DENIES("lab.test", "NS SOA MX RRSIG NSEC DNSKEY CDS CDNSKEY") OPT },
	{ "empty non-terminal", D("ent.lab.test", DNS_TYPE_A), 2, "NOERROR aa | " DENIES("ent.lab.test", "RRSIG NSEC") OPT },
	{ "empty non-terminal above a geographic wildcard", D("geo.lab.test", DNS_TYPE_A), 2, "NOERROR aa | " DENIES("geo.lab.test", "RRSIG NSEC") OPT },
	{ "empty non-terminal, CO", D("ent.lab.test", DNS_TYPE_ANY, .compact_ok = true), 2, "NOERROR aa | " DENIES("ent.lab.test", "RRSIG NSEC") OPT " co" },
	{ "wildcard NODATA", D("a.wild.lab.test", DNS_TYPE_A), 2, "NOERROR aa | " DENIES("a.wild.lab.test", "MX TXT RRSIG NSEC") OPT },
	{ "blocked below an existing name", D("z.y.wild.lab.test", DNS_TYPE_TXT), 2, "NOERROR aa | " DENIES("z.y.wild.lab.test", NX) OPT },
	{ "no DS at the cut", D("sibling.lab.test", DNS_TYPE_DS), 2,
	  "NOERROR aa | " SOA " | NS sibling.lab.test 60 NSEC sibling\\000.lab.test NS RRSIG NSEC | NS sibling.lab.test 60 RRSIG NSEC" OPT },
	{ "geographic, another type", D("u1.geo.lab.test", DNS_TYPE_TXT, .ecs = "100.64.1.0/24"), 2,
	  "NOERROR aa | " DENIES("u1.geo.lab.test", "A AAAA RRSIG NSEC") OPT " ecs 24/0" },
	{ "geographic, IPv4 only", D("v4only.lab.test", DNS_TYPE_AAAA), 2, "NOERROR aa | " DENIES("v4only.lab.test", "A RRSIG NSEC") OPT },
	{ "chain, no such name at its end", D("dangling.lab.test", DNS_TYPE_A), 3,
	  "NOERROR aa | AN dangling.lab.test 3600 CNAME nothing.lab.test | AN dangling.lab.test 3600 RRSIG CNAME | " DENIES("nothing.lab.test", NX) OPT },
	{ "chain, no such type at its end", D("www.lab.test", DNS_TYPE_MX), 3,
	  "NOERROR aa | AN www.lab.test 3600 CNAME home.geo.lab.test | AN www.lab.test 3600 RRSIG CNAME | " DENIES("home.geo.lab.test", "A AAAA RRSIG NSEC") OPT },
	{ "chain by DNAME to no name", D("x.old.lab.test", DNS_TYPE_A), 3,
	  "NOERROR aa | AN old.lab.test 3600 DNAME new.lab.test | AN old.lab.test 3600 RRSIG DNAME"
	  " | AN x.old.lab.test 3600 CNAME x.new.lab.test | " DENIES("x.new.lab.test", NX) OPT },
	{ "NXNAME cannot be asked for", D("nothing.lab.test", DNS_TYPE_NXNAME), 0, "FORMERR" OPT },
	{ "NXNAME, in no zone of ours", Q("example.org", DNS_TYPE_NXNAME), 0, "FORMERR" },
};
/* clang-format on */

static void rows_check(const struct row *rows, size_t count)
{
	struct signed_world w = world_new(2, "");
	char *text = xmalloc(DNS_TEXT_SIZE);

	for (size_t i = 0; i < count; i++) {
		const struct asked a = { .query = rows[i].query };
		struct answer_result res;
		int good = ask(&w, &a, text, &res);

		cr_expect_str_eq(text, rows[i].reply, "%s: %s", rows[i].what, text);
		/* -1: the signed records themselves are not there to be looked at. */
		cr_expect_eq(good, rows[i].signatures, "%s: %d good", rows[i].what, good);
		cr_expect_eq(res.signatures, rows[i].signatures < 0 ? 1 : rows[i].signatures, "%s",
			     rows[i].what);
	}
	free(text);
	world_free(&w);
}

Test(dnssec, positive_answers_and_referrals)
{
	rows_check(positive_rows, sizeof(positive_rows) / sizeof(positive_rows[0]));
}

Test(dnssec, denials)
{
	rows_check(negative_rows, sizeof(negative_rows) / sizeof(negative_rows[0]));
}

Test(dnssec, a_geographic_name_that_has_no_address_at_present)
{
	struct signed_world w = world_new(2, "v4only TXT t\n");
	const struct asked a = { .query = D("v4only.lab.test", DNS_TYPE_A) };
	char *text = xmalloc(DNS_TEXT_SIZE);
	struct answer_result res;

	memset(w.snap->health, HEALTH_DOWN, w.catalog->conf->check_count);
	cr_expect_eq(ask(&w, &a, text, &res), 2);
	cr_expect_str_eq(text,
			 "NOERROR aa | NS lab.test 20 SOA | NS lab.test 20 RRSIG SOA"
			 " | NS v4only.lab.test 20 NSEC \\000.v4only.lab.test TXT RRSIG NSEC"
			 " | NS v4only.lab.test 20 RRSIG NSEC" OPT,
			 "what denies A must not claim it: %s", text);
	free(text);
	world_free(&w);
}

/* clang-format off */
#define TARGET(pop, what) "{'pop':'" pop "','check':'c','address':'10.200.0.1'," what "}"
static const char policy_conf[] =
	"{'version':1,'listen':['127.0.0.1:5353'],"
	"'zones':[{'name':'lab.test','file':'lab'},{'name':'sub.lab.test','file':'sub'}],"
	"'pops':[{'name':'fra','at':[50.1,8.7]},{'name':'nyc','at':[40.7,-74.0]}],"
	"'checks':{'c':{'type':'tcp','port':80}},'names':["
	"{'name':'lab.test','answers':2,'https':{'alpn':['h2']},'pops':["
	TARGET("fra", "'a':['10.0.0.9','10.0.0.1']") "," TARGET("nyc", "'a':['10.0.0.5','10.0.0.2']") "]},"
	"{'name':'cdn.lab.test','when_all_down':'none','pops':["
	TARGET("fra", "'cname':'Mail.lab.test'") "," TARGET("nyc", "'cname':'x.example'") "]},"
	"{'name':'v4.lab.test','when_all_down':'none','pops':[" TARGET("fra", "'a':['10.0.0.9']") "]}]}";

static const struct policy_row { const char *what; bool down; struct test_query query; int signatures; const char *reply; } policy_rows[] = {
	{ "several targets, at the apex", false, D("lab.test", DNS_TYPE_A), 1,
	  "NOERROR aa | AN lab.test 30 A 10.0.0.9 | AN lab.test 30 A 10.0.0.1 | AN lab.test 30 A 10.0.0.5 | AN lab.test 30 A 10.0.0.2 | AN lab.test 30 RRSIG A" OPT },
	{ "HTTPS", false, D("lab.test", DNS_TYPE_HTTPS), 1,
	  "NOERROR aa | AN lab.test 30 HTTPS 1 . alpn=h2 ipv4hint=10.0.0.9,10.0.0.1,10.0.0.5,10.0.0.2 | AN lab.test 30 RRSIG HTTPS" OPT },
	{ "the apex has them", false, D("lab.test", DNS_TYPE_TXT), 2,
	  "NOERROR aa | " DENIES("lab.test", "A NS SOA MX RRSIG NSEC DNSKEY CDS CDNSKEY HTTPS") OPT },
	{ "CNAME", false, D("cdn.lab.test", DNS_TYPE_A), 2,
	  "NOERROR aa | AN cdn.lab.test 30 CNAME Mail.lab.test | AN cdn.lab.test 30 RRSIG CNAME"
	  " | AN Mail.lab.test 3600 A 10.1.0.25 | AN Mail.lab.test 3600 RRSIG A" OPT },
	{ "NSEC of a CNAME, not that of its target", false, D("cdn.lab.test", DNS_TYPE_NSEC), 1,
	  "NOERROR aa | AN cdn.lab.test 60 NSEC \\000.cdn.lab.test CNAME RRSIG NSEC | AN cdn.lab.test 60 RRSIG NSEC" OPT },
	{ "no CNAME at present, nor for longer than it may be", true, D("cdn.lab.test", DNS_TYPE_A), 2,
	  "NOERROR aa | " FOR_30_S("cdn.lab.test", "RRSIG NSEC") OPT },
	{ "nor when ANY is asked", true, D("cdn.lab.test", DNS_TYPE_ANY), 2,
	  "NOERROR aa | " FOR_30_S("cdn.lab.test", "RRSIG NSEC") OPT },
	{ "no address at present, ANY", true, D("v4.lab.test", DNS_TYPE_ANY), 2,
	  "NOERROR aa | " FOR_30_S("v4.lab.test", "RRSIG NSEC") OPT },
	{ "no address at present, another type", true, D("v4.lab.test", DNS_TYPE_TXT), 2,
	  "NOERROR aa | " DENIES("v4.lab.test", "A RRSIG NSEC") OPT },
	{ "DNAME to a name without an address at present", true, D("v4.dn.lab.test", DNS_TYPE_A), 3,
	  "NOERROR aa | AN dn.lab.test 3600 DNAME lab.test | AN dn.lab.test 3600 RRSIG DNAME"
	  " | AN v4.dn.lab.test 3600 CNAME v4.lab.test | " FOR_30_S("v4.lab.test", "RRSIG NSEC") OPT },
};
/* clang-format on */

Test(dnssec, what_policies_answer)
{
	struct signed_world w = world_of(policy_conf, 2, "dn DNAME lab.test.\n");
	char *text = xmalloc(DNS_TEXT_SIZE);

	for (size_t i = 0; i < sizeof(policy_rows) / sizeof(policy_rows[0]); i++) {
		const struct policy_row *row = &policy_rows[i];
		const struct asked a = { .query = row->query };
		struct answer_result res;
		int good;

		memset(w.snap->health, row->down ? HEALTH_DOWN : HEALTH_UP,
		       w.catalog->conf->check_count);
		good = ask(&w, &a, text, &res);
		cr_expect_str_eq(text, row->reply, "%s: %s", row->what, text);
		cr_expect_eq(good, row->signatures, "%s: %d", row->what, good);
	}
	free(text);
	world_free(&w);
}

Test(dnssec, one_key_for_everything)
{
	struct signed_world w = world_new(1, "");
	const struct asked a[] = { { .query = D("lab.test", DNS_TYPE_DNSKEY) },
				   { .query = D("mail.lab.test", DNS_TYPE_A) } };
	char *text = xmalloc(DNS_TEXT_SIZE);
	struct answer_result res;

	for (unsigned i = 0; i < 2; i++)
		cr_expect_eq(ask(&w, &a[i], text, &res), 1, "%s", text);
	free(text);
	world_free(&w);
}

Test(dnssec, what_the_file_publishes)
{
	/* RFC 8078, 4: take the DS away; a key of before stays beside ours. */
	struct signed_world w = world_new(2, "@ CDS 0 0 0 00\n@ DNSKEY 256 3 13 "
					     "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edb"
					     "krSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==\n");
	const struct asked keys = { .query = D("lab.test", DNS_TYPE_DNSKEY) },
			   cds = { .query = D("lab.test", DNS_TYPE_CDS) },
			   other = { .query = D("lab.test", DNS_TYPE_CDNSKEY) };
	char *text = xmalloc(DNS_TEXT_SIZE);
	struct answer_result res;

	cr_expect_eq(ask(&w, &keys, text, &res), 1);
	cr_expect_str_eq(text, "NOERROR aa | AN lab.test 3600 DNSKEY 68 octets"
			       " | AN lab.test 3600 DNSKEY 68 octets"
			       " | AN lab.test 3600 DNSKEY 68 octets"
			       " | AN lab.test 3600 RRSIG DNSKEY" OPT);
	cr_expect_eq(ask(&w, &cds, text, &res), 1);
	cr_expect_str_eq(text, "NOERROR aa | AN lab.test 3600 CDS 5 octets"
			       " | AN lab.test 3600 RRSIG CDS" OPT);
	cr_expect_eq(ask(&w, &other, text, &res), 2, "%s", text);
	free(text);
	world_free(&w);
}

Test(dnssec, large_rrsets)
{
	char *extra = xmalloc(100000), *text = xmalloc(DNS_TEXT_SIZE);
	struct asked udp = { .query = D("big.lab.test", DNS_TYPE_TXT) }, tcp = udp;
	struct answer_result res;
	struct signed_world w;
	size_t len = 0;

	tcp.tcp = true;
	for (unsigned i = 0; i < 400; i++)
		len += (size_t)snprintf(extra + len, 100, "big TXT \"%u\"\nbig MX %u Mail\n",
					i * 7919 % 1000, i * 31 % 500);
	w = world_new(2, extra);
	cr_expect_eq(ask(&w, &udp, text, &res), 0);
	cr_expect_str_eq(text, "NOERROR aa tc" OPT);
	cr_expect_eq(ask(&w, &tcp, text, &res), 1);
	tcp.query.type = DNS_TYPE_MX;
	cr_expect_eq(ask(&w, &tcp, text, &res), 2, "with compressed names: %.300s", text);
	free(extra);
	free(text);
	world_free(&w);
}

/* An RRset goes with its signature or not at all; asked with every limit. */
Test(dnssec, truncation)
{
	struct signed_world w = world_new(2, "");
	static const struct test_query queries[] = { D("nothing.lab.test", DNS_TYPE_A),
						     D("alias.lab.test", DNS_TYPE_A),
						     D("x.sibling.lab.test", DNS_TYPE_A),
						     D("lab.test", DNS_TYPE_NS) };
	struct dnssec_signer *signer = dnssec_signer_new(1000);
	uint8_t packet[600], out[1232];
	char *text = xmalloc(DNS_TEXT_SIZE);

	for (size_t q = 0; q < sizeof(queries) / sizeof(queries[0]); q++) {
		struct answer_request req = {
			.packet = packet, .tcp = true, .unix_time = NOW, .signer = signer
		};
		unsigned cut = 0;

		req.len = test_query_encode(&queries[q], packet, sizeof(packet));
		for (size_t limit = req.len + 31; limit < 900; limit++) {
			struct answer_result res;

			memset(out, 0xc1, sizeof(out));
			res = answer(w.snap, &req, out, limit);
			cr_assert_leq(res.len, limit);
			test_reply_text(out, res.len, text, DNS_TEXT_SIZE);
			cr_assert_str_neq(text, "malformed", "limit %zu", limit);
			cr_assert_eq(verify_reply(out, res.len, w.keys, 2, NOW), res.signatures,
				     "%zu: %s", limit, text);
			if (res.truncated)
				cr_assert(!strstr(text, " NSEC \\") || strstr(text, "RRSIG NSEC"),
					  "%s", text);
			cut += res.truncated;
		}
		cr_expect_gt(cut, 100);
	}
	dnssec_signer_free(signer);
	free(text);
	world_free(&w);
}

/* Is each RRset of the answer and authority section, but for those that never are, signed? */
static bool all_are_signed(const uint8_t *msg, size_t len)
{
	struct verify_record *all = xcalloc(VERIFY_RECORDS_MAX, sizeof(*all));
	size_t count = verify_read(msg, len, all);
	bool is_referral = !(msg[2] & DNS_FLAG_AA >> 8), good = true, has_dname = false;

	for (size_t i = 0; i < count && good; i++) {
		const struct verify_record *v = &all[i];
		bool found = v->section == DNS_ADDITIONAL || v->type == DNS_TYPE_RRSIG ||
			     (v->type == DNS_TYPE_NS && is_referral) ||
			     (v->type == DNS_TYPE_CNAME && has_dname);

		has_dname |= v->type == DNS_TYPE_DNAME;
		for (size_t k = 0; k < count && !found; k++) {
			found = all[k].type == DNS_TYPE_RRSIG && all[k].section == v->section &&
				dns_name_equal(all[k].owner, v->owner) &&
				(all[k].rdata[0] << 8 | all[k].rdata[1]) == v->type;
		}
		good = found;
	}
	free(all);
	return good;
}

/*
 * Over UDP, with what resolvers say they take. Without TC, nothing of answer and authority is
 * missing.
 */
static unsigned sizes_check(const struct signed_world *w, const char *what, struct test_query q,
			    struct dnssec_signer *signer)
{
	char *whole = xmalloc(DNS_TEXT_SIZE), *text = xmalloc(DNS_TEXT_SIZE);
	uint8_t packet[600], out[DNS_UDP_SIZE_MAX];
	struct answer_request req = { .packet = packet,
				      .client = addr_from_ipv4(0x64400035),
				      .unix_time = NOW,
				      .signer = signer };
	struct answer_result res;
	unsigned cut = 0;
	size_t required;

	ask(w, &(struct asked){ .query = q, .tcp = true }, whole, &res);
	required = (size_t)((strstr(whole, " | AR") ? strstr(whole, " | AR")
						    : strstr(whole, " | opt")) -
			    whole);
	for (q.size = 512; q.size <= DNS_UDP_SIZE_MAX; q.size = (uint16_t)(q.size + 4)) {
		req.len = test_query_encode(&q, packet, sizeof(packet));
		res = answer(w->snap, &req, out, sizeof(out));
		test_reply_text(out, res.len, text, DNS_TEXT_SIZE);
		cr_assert_leq(res.len, q.size, "%s: %s", what, text);
		cr_assert_eq(res.truncated, strncmp(text, whole, required) != 0, "%s, %u: %s", what,
			     q.size, text);
		cr_assert(all_are_signed(out, res.len), "%s, %u: %s", what, q.size, text);
		if (!signer)
			cr_assert_eq(res.signatures_made, res.signatures,
				     "%s, %u: what does not fit has been signed: %s", what, q.size,
				     text);
		cut += res.truncated;
	}
	cr_expect_not(res.truncated, "%s: fits into 1232 octets: %s", what, text);
	free(whole);
	free(text);
	return cut;
}

Test(dnssec, every_size_over_udp)
{
#define LABEL "a23456789b123456789c123456789d123456789e123456789f123456789."
	static const struct test_query larger[] = {
		D(LABEL LABEL LABEL "lab.test", DNS_TYPE_A),
		D(LABEL LABEL LABEL "wild.lab.test", DNS_TYPE_A),
		D(LABEL LABEL "sibling.lab.test", DNS_TYPE_A),
		D(LABEL LABEL LABEL "old.lab.test", DNS_TYPE_A, .ecs = "2001:db8::/56",
		  .nsid = true),
		D("mid.lab.test", DNS_TYPE_TXT),
		D("tomid.lab.test", DNS_TYPE_TXT, .compact_ok = true),
	};
	struct dnssec_signer *signer = dnssec_signer_new(1000);
	char extra[1024];
	struct signed_world w;
	unsigned cut = 0;

	snprintf(extra, sizeof(extra), "mid TXT \"%0250d\" \"%0250d\"\ntomid CNAME mid\n", 1, 2);
	w = world_new(2, extra);
	for (size_t i = 0; i < sizeof(positive_rows) / sizeof(positive_rows[0]); i++) {
		if (positive_rows[i].signatures != 0 && positive_rows[i].query.dnssec_ok)
			sizes_check(&w, positive_rows[i].what, positive_rows[i].query, signer);
	}
	for (size_t i = 0; i < sizeof(negative_rows) / sizeof(negative_rows[0]); i++) {
		if (negative_rows[i].signatures != 0)
			sizes_check(&w, negative_rows[i].what, negative_rows[i].query, signer);
	}
	for (size_t i = 0; i < sizeof(larger) / sizeof(larger[0]); i++)
		cut += sizes_check(&w, larger[i].name, larger[i], NULL);
	cr_expect_gt(cut, 200);
	dnssec_signer_free(signer);
	world_free(&w);
}
