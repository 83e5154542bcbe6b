/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * geodns_fixture.h - for tests: a catalog with three PoPs and two zones.
 *
 * Clients: 100.64.0.0/24 in Paris (fra nearest), 100.64.1.0/24 in Chicago (nyc),
 * 100.64.2.0/24 in Perth (sin), 10.9.0.0/16 a resolver in Chicago; others in Frankfurt.
 */
#ifndef TESTS_SUPPORT_GEODNS_FIXTURE_H
#define TESTS_SUPPORT_GEODNS_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geodns/dns/name.h"
#include "geodns/snapshot.h"
#include "geodns/zone/load.h"
#include "lib/alloc.h"

static const char fixture_conf[] =
	"{'version':1,'listen':['127.0.0.1:5353'],'identity':'ns1',"
	"'zones':[{'name':'lab.test','file':'lab'},{'name':'sub.lab.test','file':'sub'}],"
	"'pops':[{'name':'fra','at':[50.1,8.7]},{'name':'nyc','at':[40.7,-74.0]},"
	"{'name':'sin','at':[1.35,103.8]}],"
	"'networks':[{'prefix':'100.64.0.0/24','at':[48.8,2.3]},"
	"{'prefix':'100.64.1.0/24','at':[41.9,-87.6]},{'prefix':'100.64.2.0/"
	"24','at':[-31.9,115.9]},"
	"{'prefix':'10.9.0.0/16','at':[41.9,-87.6]},"
	"{'prefix':'2001:db8:f801::/48','at':[41.9,-87.6]}],"
	"'default_at':[50.1,8.7],"
	"'checks':{'verdict':{'type':'http','port':8053,'interval_ms':1000,'timeout_ms':1000}},"
	"'names':[{'name':'*.geo.lab.test','ttl':30,'pops':["
	"{'pop':'fra','a':['198.18.33.1'],'aaaa':['2001:db8:1001::1'],'check':'verdict',"
	"'address':'10.200.1.1'},"
	"{'pop':'nyc','a':['198.18.34.1'],'aaaa':['2001:db8:1002::1'],'check':'verdict',"
	"'address':'10.200.2.1'},"
	"{'pop':'sin','a':['198.18.35.1'],'aaaa':['2001:db8:1003::1'],'check':'verdict',"
	"'address':'10.200.3.1'}]},"
	"{'name':'v4only.lab.test','ttl':20,'when_all_down':'none','pops':["
	"{'pop':'fra','a':['198.18.33.2'],'check':'verdict','address':'10.200.1.1'},"
	"{'pop':'nyc','a':['198.18.34.2'],'check':'verdict','address':'10.200.2.1'}]},"
	"{'name':'any.lab.test','ttl':5,'pops':[{'pop':'fra','a':['198.18.0.1'],"
	"'aaaa':['2001:db8::1']}]}]}";

static const char fixture_lab[] =
	"$TTL 3600\n"
	"@ 600 SOA ns1 hostmaster 1 7200 3600 1209600 60\n"
	"@ NS ns1\n@ NS ns2.other.test.\n"
	"ns1 A 10.1.0.53\nns1 AAAA 2001:db8:f001::53\n"
	"@ MX 10 mail\nmail A 10.1.0.25\n"
	"www CNAME home.geo\nalias CNAME www\ndangling CNAME nothing\nabroad CNAME x.example.\n"
	"loop1 CNAME loop2\nloop2 CNAME loop1\nself CNAME self\n"
	"txt.ent TXT \"deep\"\n"
	"*.wild TXT \"wild\"\n*.wild MX 5 mail\nthere.wild A 10.1.0.9\nx.y.wild A 10.1.0.8\n"
	"*.wcname CNAME mail\n"
	"exists.geo TXT \"blocks the wildcard\"\n"
	"deleg NS ns.deleg\ndeleg NS ns.sibling\ndeleg NS ns.far.example.\n"
	"ns.deleg A 10.1.0.60\nns.deleg AAAA 2001:db8:f001::60\n"
	"deleg DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000\n"
	"sibling NS ns.sibling\nns.sibling A 10.1.0.61\n"
	"sub NS ns1\nsub DS 2 8 2 "
	"0000000000000000000000000000000000000000000000000000000000000000\n"
	"old DNAME new\nhost.new A 10.1.0.70\nloopd DNAME loopd.loopd\n"
	"_sip._tcp SRV 0 5 5060 mail\n";

static const char fixture_sub[] =
	"$TTL 300\n@ SOA ns1.lab.test. host 1 2 3 4 900\n@ NS ns1.lab.test.\n"
	"a A 10.1.0.99\n";

/* JSON is easier to read in C with single quotes. */
static inline struct geodns_conf *fixture_conf_load(const char *text, struct conf_error *err)
{
	struct geodns_conf *conf;
	char *copy = xstrdup(text);

	for (char *p = copy; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	conf = geodns_conf_parse(copy, strlen(copy), NULL, err);
	free(copy);
	return conf;
}

static inline struct zone *fixture_zone_load(const char *apex, const char *text)
{
	struct zone_error err;
	uint8_t name[DNS_NAME_MAX];
	struct zone *zone;

	dns_name_parse(name, apex);
	zone = zone_load_text(name, text, strlen(text), &err);
	if (!zone) {
		fprintf(stderr, "fixture %s: %s\n", apex, err.text);
		abort();
	}
	return zone;
}

/* conf_text: with the zones of fixture_conf; extra: further lines of lab.test; keys: to sign it. */
static inline struct catalog *fixture_catalog_signed(const char *conf_text, const char *extra,
						     struct dnssec_keys *keys)
{
	struct zone_error zone_err;
	struct conf_error err = { 0 };
	struct geodns_conf *conf = fixture_conf_load(conf_text, &err);
	struct zone **zones = xcalloc(2, sizeof(struct zone *));
	char *lab = xasprintf("%s%s", fixture_lab, extra);
	struct catalog *catalog = NULL;
	char text[400];

	if (conf) {
		zones[0] = fixture_zone_load("lab.test", lab);
		zones[1] = fixture_zone_load("sub.lab.test", fixture_sub);
		if (keys && !zone_keys_set(zones[0], keys, &zone_err)) {
			fprintf(stderr, "fixture: %s\n", zone_err.text);
			abort();
		}
		catalog = catalog_new(conf, zones, &err);
	}
	free(lab);
	if (!catalog) {
		fprintf(stderr, "fixture: %s\n", conf_error_format(&err, text, sizeof(text)));
		abort();
	}
	return catalog;
}

static inline struct catalog *fixture_catalog_of(const char *conf_text, const char *extra)
{
	return fixture_catalog_signed(conf_text, extra, NULL);
}

static inline struct catalog *fixture_catalog(const char *extra)
{
	return fixture_catalog_of(fixture_conf, extra);
}

/* The PoPs whose names are in the text are down, the others up. */
static inline void fixture_health(const struct geodns_conf *conf, const char *down, uint8_t *health)
{
	for (size_t i = 0; i < conf->check_count; i++) {
		const char *pop = conf->places.pops[conf->checks[i].pop].name;

		health[i] = down && strstr(down, pop) ? HEALTH_DOWN : HEALTH_UP;
	}
}

#endif
