/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What signing costs and remembers over time, and zones that cannot be signed. */
#include "tests/support/dnssec_rig.h"

/* What is remembered changes no octet. */
Test(dnssec, remembered_or_made_anew_is_the_same)
{
	struct signed_world w = world_new(2, "");
	static const struct test_query queries[] = { D("nothing.lab.test", DNS_TYPE_A),
						     D("u1.geo.lab.test", DNS_TYPE_A),
						     D("lab.test", DNS_TYPE_NS),
						     D("x.deleg.lab.test", DNS_TYPE_A),
						     D("a.wild.lab.test", DNS_TYPE_TXT) };
	struct dnssec_signer *signer = dnssec_signer_new(1000);
	uint8_t packet[600], a[1232], b[1232];

	for (unsigned round = 0; round < 3; round++) {
		for (size_t q = 0; q < sizeof(queries) / sizeof(queries[0]); q++) {
			struct answer_request req = { .packet = packet, .unix_time = NOW + round };
			struct answer_result anew, kept;

			req.len = test_query_encode(&queries[q], packet, sizeof(packet));
			anew = answer(w.snap, &req, a, sizeof(a));
			req.signer = signer;
			kept = answer(w.snap, &req, b, sizeof(b));
			cr_expect(anew.len == kept.len && memcmp(a, b, kept.len) == 0);
			cr_expect_eq(anew.signatures_made, anew.signatures);
			cr_expect(round == 0 || kept.signatures_made == 0, "query %zu: %u made", q,
				  kept.signatures_made);
		}
	}
	dnssec_signer_free(signer);
	world_free(&w);
}

/* Who asks for a name in all cases (0x20) cannot use up what the zone's own names have. */
Test(dnssec, one_signature_whatever_the_case)
{
	static const struct {
		const char *what, *lower, *upper;
		uint16_t type;
	} rows[] = {
		{ "address", "ns1.lab.test", "nS1.LaB.tEST", DNS_TYPE_A },
		{ "no such type", "ns1.lab.test", "NS1.lab.TEST", DNS_TYPE_HTTPS },
		{ "no such name", "nothing.lab.test", "NOTHING.lab.test", DNS_TYPE_A },
		{ "wildcard", "a.wild.lab.test", "A.wiLD.lab.test", DNS_TYPE_TXT },
		{ "wildcard, no such type", "a.wild.lab.test", "A.wiLD.lab.test", DNS_TYPE_A },
		{ "no DS", "sibling.lab.test", "SIBLING.lab.test", DNS_TYPE_DS },
		{ "geographic", "u1.geo.lab.test", "U1.GEO.lab.test", DNS_TYPE_A },
		{ "geographic, no such type", "v4only.lab.test", "V4only.lab.test", DNS_TYPE_AAAA },
	};
	struct signed_world w = world_new(2, "");
	struct dnssec_signer *signer = dnssec_signer_new(1000);
	char *text = xmalloc(DNS_TEXT_SIZE);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct asked lower = { .query = D(rows[i].lower, rows[i].type),
					     .signer = signer };
		const struct asked upper = { .query = D(rows[i].upper, rows[i].type),
					     .signer = signer };
		struct answer_result res;

		cr_expect_geq(ask(&w, &lower, text, &res), 1, "%s: %s", rows[i].what, text);
		cr_expect_geq(ask(&w, &upper, text, &res), 1, "%s: %s", rows[i].what, text);
		cr_expect_eq(res.signatures_made, 0, "%s: %u more", rows[i].what,
			     res.signatures_made);
	}
	dnssec_signer_free(signer);
	free(text);
	world_free(&w);
}

Test(dnssec, half_of_the_validity_later_they_are_others)
{
	struct signed_world w = world_new(2, "");
	struct dnssec_signer *signer = dnssec_signer_new(1000);
	struct asked a = { .query = D("mail.lab.test", DNS_TYPE_A), .signer = signer };
	char *text = xmalloc(DNS_TEXT_SIZE);
	struct answer_result res;
	unsigned made = 0;

	for (uint32_t day = 0; day < 70; day++) {
		a.now = NOW + day * 86400;
		cr_expect_eq(ask(&w, &a, text, &res), 1, "day %u", day);
		made += res.signatures_made;
	}
	cr_expect(made >= 20 && made <= 21, "%u signatures for 70 days", made);
	dnssec_signer_free(signer);
	free(text);
	world_free(&w);
}

/* A flood of names that are not there costs its budget, and what is there is answered. */
Test(dnssec, the_budget)
{
	struct signed_world w = world_new(2, "");
	struct dnssec_signer *signer = dnssec_signer_new(1000);
	const struct asked good = { .query = D("mail.lab.test", DNS_TYPE_A), .signer = signer };
	char *text = xmalloc(DNS_TEXT_SIZE), name[40];
	unsigned refused = 0, made = 0;
	struct answer_result res;
	struct asked a = { .signer = signer };

	w.catalog->conf->dnssec.signatures_per_s = 50;
	for (unsigned i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "x%u.lab.test", i);
		a.query = (struct test_query)D(name, DNS_TYPE_A);
		cr_assert_geq(ask(&w, &a, text, &res), 0);
		made += res.signatures_made;
		refused += res.signatures_refused;
		if (!res.signatures_refused)
			continue;
		cr_assert_str_eq(text, "NOERROR aa tc | " SOA OPT);
		cr_assert(res.truncated);
	}
	cr_expect_eq(made, 50 + 1);
	cr_expect_eq(refused, 150);
	cr_expect_eq(ask(&w, &good, text, &res), 1, "the zone's own go on: %s", text);
	w.catalog->conf->dnssec.signatures_per_s = 3; /* the SOA, this one and a third */
	a.query = (struct test_query)D("lab.test", DNS_TYPE_NS);
	cr_expect_eq(ask(&w, &a, text, &res), 1, "the additional one goes without: %s", text);
	cr_expect(!res.signatures_refused && !res.truncated && strstr(text, "AR ns1.lab.test"));
	a.query = (struct test_query)D(name, DNS_TYPE_A);
	a.tcp = true;
	cr_expect_eq(ask(&w, &a, text, &res), 2, "over TCP there is no budget: %s", text);
	a.tcp = false;
	a.now = NOW + 1;
	snprintf(name, sizeof(name), "y.lab.test");
	cr_expect_eq(ask(&w, &a, text, &res), 2, "a second later: %s", text);
	dnssec_signer_free(signer);
	free(text);
	world_free(&w);
}

/*
 * Of eight PoPs there are 70 sets of four, and a client that names networks has them all: they
 * cost a budget of their own.
 */
Test(dnssec, a_budget_for_sets_that_networks_choose)
{
	char *conf = xmalloc(4000), *p = conf, *text = xmalloc(DNS_TEXT_SIZE), net[32];
	struct dnssec_signer *signer = dnssec_signer_new(1000);
	const struct asked plain = { .query = D("mail.lab.test", DNS_TYPE_A), .signer = signer },
			   none = { .query = D("x.lab.test", DNS_TYPE_A), .signer = signer };
	unsigned refused = 0, made = 0;
	struct answer_result res;
	struct signed_world w;

	p += sprintf(p, "{'version':1,'listen':['::1'],'zones':[{'name':'lab.test','file':'l'},"
			"{'name':'sub.lab.test','file':'s'}],'pops':[");
	for (unsigned i = 0; i < 8; i++)
		p += sprintf(p, "%s{'name':'p%u','at':[0,%u]}", i ? "," : "", i, i);
	p += sprintf(p, "],'names':[{'name':'set.lab.test','policy':'sticky','answers':4,'pops':[");
	for (unsigned i = 0; i < 8; i++)
		p += sprintf(p, "%s{'pop':'p%u','a':['10.0.0.%u']}", i ? "," : "", i, i);
	sprintf(p, "]}]}");
	w = world_of(conf, 2, "");
	w.catalog->conf->dnssec.signatures_per_s = 20;
	for (unsigned i = 0; i < 200; i++) {
		struct asked a = { .query = D("set.lab.test", DNS_TYPE_A), .signer = signer };

		snprintf(net, sizeof(net), "20.1.%u.0/24", i);
		a.query.ecs = net;
		cr_assert_geq(ask(&w, &a, text, &res), 0);
		made += res.signatures_made;
		refused += res.signatures_refused;
	}
	cr_expect_eq(made, 20);
	cr_expect_gt(refused, 50);
	cr_expect_eq(ask(&w, &plain, text, &res), 1, "the zone's own go on: %s", text);
	cr_expect_eq(ask(&w, &none, text, &res), 2, "so do denials: %s", text);
	dnssec_signer_free(signer);
	world_free(&w);
	free(conf);
	free(text);
}

/* Cookies and the rate limit decide first; who is answered whole, is answered signed. */
Test(dnssec, behind_cookies_and_the_rate_limit)
{
	struct signed_world w = world_new(2, "");
	char *text = xmalloc(DNS_TEXT_SIZE), half[] = "2464c4abcf10c957", cookie[49], wanted[400];
	struct asked a = { .query = D("mail.lab.test", DNS_TYPE_A, .cookie = half) };
	struct answer_result res;
	unsigned line;

	cr_assert(dns_cookie_secrets_parse(&w.catalog->cookie_secrets,
					   "e5e973e5a6b2a43f48e7dc849e37bfcf", &line));
	cr_expect_eq(ask(&w, &a, text, &res), 1, "%s", text);
	memcpy(cookie, strstr(text, half), 48);
	cookie[48] = '\0';

	a.rate = RATE_SHORT;
	cr_expect_eq(ask(&w, &a, text, &res), 0);
	snprintf(wanted, sizeof(wanted), "BADCOOKIE" OPT " cookie %s", cookie);
	cr_expect_str_eq(text, wanted, "%s", text);
	cr_expect_eq(res.signatures_made, 0, "nothing is signed for who may be anybody");
	a.query.cookie = cookie;
	cr_expect_eq(ask(&w, &a, text, &res), 1);
	snprintf(wanted, sizeof(wanted),
		 "NOERROR aa | AN mail.lab.test 3600 A 10.1.0.25"
		 " | AN mail.lab.test 3600 RRSIG A" OPT " cookie %s",
		 cookie);
	cr_expect_str_eq(text, wanted, "%s", text);
	a.query = (struct test_query)D("nothing.lab.test", DNS_TYPE_A, .cookie = cookie);
	cr_expect_eq(ask(&w, &a, text, &res), 2, "%s", text);
	a.query.cookie = NULL;
	cr_expect_eq(ask(&w, &a, text, &res), 0);
	cr_expect_str_eq(text, "NOERROR tc" OPT, "%s", text);
	free(text);
	world_free(&w);
}

/* RFC 4035, 2.2: each RRset has a signature by each algorithm among the zone's DNSKEYs. */
Test(dnssec, a_key_of_an_algorithm_that_we_cannot_sign_with)
{
	static const char *const rows[][2] = {
		{ "@ DNSKEY 257 3 8 AwEAAQ==\n",
		  "lab.test: a DNSKEY of algorithm 8, with which nothing would be signed" },
		{ "@ TYPE48 \\# 2 0101\n", "lab.test: a DNSKEY that is cut short" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = xasprintf("@ SOA ns h 1 2 3 4 5\n@ NS ns\n%s", rows[i][0]);
		struct zone *zone = fixture_zone_load("lab.test", text);
		struct zone_error err;

		cr_expect_not(zone_keys_set(zone, keys_new(1), &err));
		cr_expect_str_eq(err.text, rows[i][1]);
		zone_free(zone);
		free(text);
	}
}

Test(dnssec, a_zone_that_is_signed_already)
{
	static const char *const rows[][2] = {
		{ "x NSEC a A\n", "x.lab.test: RRSIG or NSEC in a zone that we are to sign" },
		{ "@ NSEC3PARAM 1 0 0 -\n",
		  "lab.test: RRSIG or NSEC in a zone that we are to sign" },
		{ "@ RRSIG A 13 2 60 20300101000000 20200101000000 1 lab.test. AAAA\n",
		  "lab.test: RRSIG or NSEC in a zone that we are to sign" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = xasprintf("@ SOA ns h 1 2 3 4 5\n@ NS ns\n%s", rows[i][0]);
		struct zone *zone = fixture_zone_load("lab.test", text);
		struct zone_error err;

		cr_assert(zone_keys_set(zone, keys_new(1), &err));
		cr_expect_not(zone_check(zone, &err));
		cr_expect_str_eq(err.text, rows[i][1]);
		zone_free(zone);
		zone = fixture_zone_load("lab.test", text);
		cr_expect(zone_check(zone, &err), "unsigned, it is served as it is");
		zone_free(zone);
		free(text);
	}
}
