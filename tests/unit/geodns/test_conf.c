/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <time.h>
#include <unistd.h>

#include "geodns/secrets.h"
#include "lib/pointer.h"
#include "tests/support/geodns_fixture.h"

#define HEAD	   "'version':1,'listen':['127.0.0.1:53'],'zones':[{'name':'lab.test','file':'z'}]"
#define DB	   "'databases':[{'file':'x.mmdb'}]"
#define POPS	   "'pops':[{'name':'fra','at':[50,8]},{'name':'nyc','at':[40,-74]}]"
#define CHECKS	   "'checks':{'c':{'type':'http','port':80},'t':{'type':'tcp','port':80}}"
#define NAME(pops) HEAD "," POPS "," CHECKS ",'names':[{'name':'a.lab.test','pops':[" pops "]}]"
#define FRA	   "{'pop':'fra','a':['10.0.0.1'],'check':'c','address':'10.0.0.9'}"
#define WITH(more, pops)                                                                                                          \
	HEAD "," POPS "," CHECKS                                                                                                  \
	     ",'regions':{'eu':{'networks':['20.0.0.0/8']},'us':{'networks':['21.0.0.0/8']}},'names':[{'name':'a.lab.test'," more \
	     ",'pops':[" pops "]}]"
#define TWO(more) WITH(more, FRA ",{'pop':'nyc','a':['10.0.0.2']}")
#define LONG	  "1234567890123456789012345678901234567890123456789012345678901234567890"

Test(geodns_conf, mistakes_have_a_path)
{
	/* clang-format off */
	static const struct { const char *what, *text, *error; } rows[] = {
		{ "smallest", HEAD, NULL },
		{ "no version", "'listen':['127.0.0.1'],'zones':[{'name':'.','file':'z'}]", "version: required" },
		{ "unknown key", HEAD ",'x':1", "x: unknown key" },
		{ "nothing to listen on", "'version':1,'listen':[],'zones':[{'name':'.','file':'z'}]", "listen: needs at least 1 item" },
		{ "bad address", "'version':1,'listen':['x'],'zones':[{'name':'.','file':'z'}]", "listen[0]: 'x' is not an address and port" },
		{ "listen twice", "'version':1,'listen':['127.0.0.1:53','127.0.0.1'],'zones':[{'name':'.','file':'z'}]", "listen[1]: '127.0.0.1' is there twice" },
		{ "TLS", HEAD ",'tls':{'listen':['127.0.0.1','[::1]:853'],'certificate':'c','key':'k'}", NULL },
		{ "TLS nowhere", HEAD ",'tls':{'listen':[],'certificate':'c','key':'k'}", "tls.listen: needs at least 1 item" },
		{ "TLS without a certificate", HEAD ",'tls':{'listen':['127.0.0.1'],'key':'k'}", "tls.certificate: required" },
		{ "TLS without a key", HEAD ",'tls':{'listen':['127.0.0.1'],'certificate':'c'}", "tls.key: required" },
		{ "TLS where TCP is", HEAD ",'tls':{'listen':['127.0.0.1:53'],'certificate':'c','key':'k'}", "tls.listen[0]: '127.0.0.1:53' is there twice" },
		{ "TLS twice", HEAD ",'tls':{'listen':['127.0.0.1','127.0.0.1:853'],'certificate':'c','key':'k'}", "tls.listen[1]: '127.0.0.1:853' is there twice" },
		{ "TLS, unknown key", HEAD ",'tls':{'listen':['127.0.0.1'],'certificate':'c','key':'k','x':1}", "tls.x: unknown key" },
		{ "zone twice", "'version':1,'listen':['::1'],'zones':[{'name':'a','file':'z'},{'name':'A.','file':'y'}]", "zones[1]: zone 'A.' is there twice" },
		{ "zone's name", "'version':1,'listen':['::1'],'zones':[{'name':'a..b','file':'z'}]", "zones[0].name: 'a..b' is not a domain name" },
		{ "threads", HEAD ",'threads':0", "threads: 0 is not between 1 and 64" },
		{ "cookies and a limit", HEAD ",'cookies':{'secrets_file':'s'},'rate_limit':{'per_second':5,'burst':9,'slip':0,'exempt':['10.0.0.0/8']}", NULL },
		{ "cookies without a file", HEAD ",'cookies':{}", "cookies.secrets_file: required" },
		{ "limit without a rate", HEAD ",'rate_limit':{'slip':1}", "rate_limit.per_second: required" },
		{ "limit of nothing", HEAD ",'rate_limit':{'per_second':0}", "rate_limit.per_second: 0 is not between 1 and 1000000" },
		{ "exempt address with bits behind its length", HEAD ",'rate_limit':{'per_second':5,'exempt':['10.0.0.1/8']}", "rate_limit.exempt[0]: " },
		{ "pop twice", HEAD ",'pops':[{'name':'a','at':[0,0]},{'name':'a','at':[0,0]}]", "pops[1]: pop 'a' is there twice" },
		{ "place", HEAD ",'pops':[{'name':'a','at':[91,0]}]", "pops[0].at" },
		{ "bits behind the prefix", HEAD ",'networks':[{'prefix':'10.0.0.1/8','at':[0,0]}]", "networks[0].prefix: " },
		{ "network twice", HEAD ",'networks':[{'prefix':'10.0.0.0/8','at':[0,0]},{'prefix':'10.0.0.0/8','at':[1,0]}]", "networks[1]: the same prefix as networks[0]" },
		{ "network without clients", HEAD ",'networks':[{'at':[0,0]}]", "networks[0]: needs one of prefix, asn, country and continent" },
		{ "network with two", HEAD "," DB ",'networks':[{'prefix':'10.0.0.0/8','asn':1,'at':[0,0]}]", "networks[0]: needs one of prefix, asn, country and continent" },
		{ "network without place", HEAD ",'networks':[{'prefix':'10.0.0.0/8'}]", "networks[0]: needs one of at and pops" },
		{ "network with two places", HEAD "," POPS ",'networks':[{'prefix':'10.0.0.0/8','at':[0,0],'pops':['fra']}]", "networks[0]: needs one of at and pops" },
		{ "order of pops", HEAD "," POPS ",'networks':[{'prefix':'10.0.0.0/8','pops':['nyc','fra']}]", NULL },
		{ "unknown pop in an order", HEAD "," POPS ",'networks':[{'prefix':'10.0.0.0/8','pops':['nyc','x']}]", "networks[0].pops[1]: unknown pop 'x'" },
		{ "pop twice in an order", HEAD "," POPS ",'networks':[{'prefix':'10.0.0.0/8','pops':['nyc','nyc']}]", "networks[0].pops[1]: pop 'nyc' is there twice" },
		{ "no pops in an order", HEAD "," POPS ",'networks':[{'prefix':'10.0.0.0/8','pops':[]}]", "networks[0].pops: needs at least 1 item" },
		{ "rules for clients", HEAD "," POPS "," DB ",'networks':[{'asn':64500,'pops':['nyc']},{'country':'DE','at':[0,0]},{'continent':'AS','at':[1,1]}]", NULL },
		{ "rule without databases", HEAD ",'networks':[{'asn':64500,'at':[0,0]}]", "networks[0].asn: there are no databases that tell it" },
		{ "ASN twice", HEAD "," DB ",'networks':[{'asn':1,'at':[0,0]},{'asn':2,'at':[0,0]},{'asn':1,'at':[0,0]}]", "networks[2]: the same asn as networks[0]" },
		{ "country twice", HEAD "," DB ",'networks':[{'country':'DE','at':[0,0]},{'country':'de','at':[0,0]}]", "networks[1]: the same country as networks[0]" },
		{ "no country", HEAD "," DB ",'networks':[{'country':'UK','at':[0,0]}]", "networks[0].country: 'UK' is not a country such as DE" },
		{ "no continent", HEAD "," DB ",'networks':[{'continent':'XX','at':[0,0]}]", "networks[0].continent: 'XX' is not one of AF, AN" },
		{ "ASN 0", HEAD "," DB ",'networks':[{'asn':0,'at':[0,0]}]", "networks[0].asn: 0 is not between 1 and 4294967294" },
		{ "bias", HEAD ",'pops':[{'name':'a','at':[0,0],'bias_km':-500.5}]", NULL },
		{ "bias beyond the world", HEAD ",'pops':[{'name':'a','at':[0,0],'bias_km':50000}]", "pops[0].bias_km: " },
		{ "database twice", HEAD ",'databases':[{'file':'a'},{'file':'a'}]", "databases[1]: the same file as databases[0]" },
		{ "database without a file", HEAD ",'databases':[{}]", "databases[0].file: required" },
		{ "regions", HEAD "," DB ",'regions':{'eu':{'countries':['DE','FR'],'continents':['EU'],'asns':[1],'networks':['10.0.0.0/8','2001:db8::/32']}}", NULL },
		{ "region of networks needs no database", HEAD ",'regions':{'eu':{'networks':['10.0.0.0/8']}}", NULL },
		{ "region of countries does", HEAD ",'regions':{'eu':{'countries':['DE']}}", "regions.eu.countries[0]: there are no databases" },
		{ "empty region", HEAD ",'regions':{'eu':{'countries':[]}}", "regions.eu: is empty" },
		{ "region's key", HEAD ",'regions':{'eu':{'country':['DE']}}", "regions.eu.country: unknown key" },
		{ "regions' shape", HEAD ",'regions':[]", "regions: expected an object with up to 64 regions" },
		{ "unused check is read too", HEAD ",'checks':{'c':{'type':'icmp','port':80}}", "checks.c.type: unknown value 'icmp'" },
		{ "address in a check", HEAD ",'checks':{'c':{'type':'tcp','port':80,'address':'10.0.0.1'}}", "checks.c.address: belongs to" },
		{ "geographic name", NAME(FRA), NULL },
		{ "no pops", HEAD ",'names':[{'name':'a.lab.test','pops':[]}]", "names[0].pops: needs at least 1 item" },
		{ "unknown pop", NAME(FRA ",{'pop':'xx','a':['10.0.0.2']}"), "names[0].pops[1].pop: unknown pop 'xx'" },
		{ "pop twice in a name", NAME(FRA "," FRA), "names[0].pops[1]: pop 'fra' is there twice" },
		{ "unknown check", NAME("{'pop':'fra','a':['10.0.0.1'],'check':'x','address':'10.0.0.9'}"), "names[0].pops[0].check: unknown check 'x'" },
		{ "check without address", NAME("{'pop':'fra','a':['10.0.0.1'],'check':'c'}"), "names[0].pops[0].address: required" },
		{ "address without check", NAME("{'pop':'fra','a':['10.0.0.1'],'address':'10.0.0.9'}"), "names[0].pops[0].address: means nothing without a check" },
		{ "path that ends the request line", NAME("{'pop':'fra','a':['10.0.0.1'],'check':'c','address':'10.0.0.9','path':'/ x'}"), "names[0].pops[0].path: '/ x' is not a path" },
		{ "empty host", NAME("{'pop':'fra','a':['10.0.0.1'],'check':'c','address':'10.0.0.9','host':''}"), "names[0].pops[0].host: '' is not a host" },
		{ "empty match", NAME("{'pop':'fra','a':['10.0.0.1'],'check':'c','address':'10.0.0.9','match':''}"), "names[0].pops[0].match: a text to look for" },
		{ "path for tcp", NAME("{'pop':'fra','a':['10.0.0.1'],'check':'t','address':'10.0.0.9','path':'/'}"), "names[0].pops[0]: check 't' is of type tcp" },
		{ "no address to answer", NAME("{'pop':'fra'}"), "names[0].pops[0]: has neither a nor aaaa" },
		{ "a of the other family", NAME("{'pop':'fra','a':['::1']}"), "names[0].pops[0].a[0]: is not an IPv4 address" },
		{ "families differ", NAME(FRA ",{'pop':'nyc','aaaa':['::1']}"), "names[0].pops[1]: must have a only, as pops[0] has" },
		{ "signed", "'version':1,'listen':['::1'],'zones':[{'name':'a','file':'z','dnssec':{'csk':'k'}}]", NULL },
		{ "signed by no key", "'version':1,'listen':['::1'],'zones':[{'name':'a','file':'z','dnssec':{}}]", "zones[0].dnssec.ksk: required" },
		{ "signed by half a pair", "'version':1,'listen':['::1'],'zones':[{'name':'a','file':'z','dnssec':{'ksk':'k'}}]", "zones[0].dnssec.zsk: required" },
		{ "signed by both ways", "'version':1,'listen':['::1'],'zones':[{'name':'a','file':'z','dnssec':{'csk':'k','zsk':'z'}}]", "zones[0].dnssec: has either csk, or ksk and zsk" },
		{ "signed for minutes", "'version':1,'listen':['::1'],'zones':[{'name':'a','file':'z','dnssec':{'csk':'k','validity_s':600}}]", "zones[0].dnssec.validity_s: 600 is not between 3600 and" },
		{ "signed by what", "'version':1,'listen':['::1'],'zones':[{'name':'a','file':'z','dnssec':{'csk':'k','algorithm':8}}]", "zones[0].dnssec.algorithm: unknown key" },
		{ "no signatures at all", HEAD ",'dnssec':{'signatures_per_s':0}", "dnssec.signatures_per_s: 0 is not between 1 and" },
		{ "policy", HEAD "," POPS ",'names':[{'name':'a.lab.test','policy':'far','pops':[" FRA "]}]", "names[0].policy: unknown value 'far'" },
		{ "dial", HEAD ",'pops':[{'name':'a','at':[0,0],'dial':101}]", "pops[0].dial: 101 is not between 0 and 100" },
		{ "regions", HEAD ",'regions':[]", "regions: expected an object" },
		{ "region", HEAD ",'regions':{'eu':{'pops':[]}}", "regions.eu.pops: unknown key" },
		{ "answers", WITH("'answers':9", FRA), "names[0].answers: 9 is not between 1 and 8" },
		{ "shared address", WITH("'answers':2", FRA ",{'pop':'nyc','a':['10.0.0.2','10.0.0.1']}"), "names[0].pops[1]: shares an address with pops[0]" },
		{ "shared address, one answer", NAME(FRA ",{'pop':'nyc','a':['10.0.0.1']}"), NULL },
		{ "weight", WITH("'policy':'weighted'", "{'pop':'fra','a':['10.0.0.1'],'weight':1001}"), "names[0].pops[0].weight: 1001 is not between 0 and 1000" },
		{ "weight for nothing", NAME("{'pop':'fra','a':['10.0.0.1'],'weight':1}"), "names[0].pops[0].weight: means nothing with the policy nearest" },
		{ "sticky has no weights", WITH("'policy':'sticky'", "{'pop':'fra','a':['10.0.0.1'],'weight':1}"), "names[0].pops[0].weight: means nothing with the policy sticky" },
		{ "last resort", WITH("'when_all_down':{'a':['10.0.0.5']}", FRA), NULL },
		{ "last resort of another family", WITH("'when_all_down':{'aaaa':['::5']}", FRA), "names[0].when_all_down: must have a only, as pops[0] has" },
		{ "empty last resort", WITH("'when_all_down':{}", FRA), "names[0].when_all_down: has neither a nor aaaa nor cname" },
		{ "last resort with a check", WITH("'when_all_down':{'a':['10.0.0.5'],'check':'c'}", FRA), "names[0].when_all_down.check: unknown key" },
		{ "when_all_down", WITH("'when_all_down':'some'", FRA), "names[0].when_all_down: unknown value 'some'" },
		{ "cname", NAME("{'pop':'fra','cname':'x.example'},{'pop':'nyc','cname':'y.example'}"), NULL },
		{ "cname beside a", NAME("{'pop':'fra','cname':'x.example','a':['10.0.0.1']}"), "names[0].pops[0].cname: cannot stand beside a or aaaa" },
		{ "cname in one PoP only", NAME("{'pop':'fra','cname':'x.example'},{'pop':'nyc','a':['10.0.0.1']}"), "names[0].pops[1]: must have cname, as pops[0] has" },
		{ "cname that is none", NAME("{'pop':'fra','cname':'x..example'}"), "names[0].pops[0].cname: 'x..example' is not a domain name" },
		{ "cname to itself", NAME("{'pop':'fra','cname':'A.lab.test.'}"), "names[0].pops[0].cname: is the name itself" },
		{ "several cnames", WITH("'answers':2", "{'pop':'fra','cname':'x.example'}"), "names[0].answers: there can be only one CNAME" },
		{ "https beside cname", WITH("'https':{}", "{'pop':'fra','cname':'x.example'}"), "names[0].https: cannot stand beside cname" },
		{ "https", WITH("'https':{'alpn':['h3'],'port':0}", FRA), "names[0].https.port: 0 is not between 1 and 65535" },
		{ "https, empty protocol", WITH("'https':{'alpn':['h3','']}", FRA), "names[0].https.alpn[1]: a protocol such as h2 is required" },
		{ "https, no protocol at all", WITH("'https':{'no_default_alpn':true}", FRA), "names[0].https: no_default_alpn needs alpn" },
		{ "https, too much", WITH("'https':{'alpn':['" LONG "','" LONG "','" LONG "','" LONG "']}", FRA), "names[0].https.alpn: is longer than 255 octets in all" },
		{ "https, as much as can be", WITH("'svcb':{'alpn':['" LONG "','" LONG "','" LONG "'],'no_default_alpn':true,'port':65535}", FRA), NULL },
		{ "groups", TWO("'groups':[{'name':'x','pops':['nyc']},{'name':'y','pops':['fra'],'policy':'sticky'}]"), NULL },
		{ "no groups", TWO("'groups':[]"), "names[0].groups: needs at least 1 item" },
		{ "group's policy", TWO("'groups':[{'name':'x','pops':['nyc','fra'],'policy':'x'}]"), "names[0].groups[0].policy: unknown value 'x'" },
		{ "group twice", TWO("'groups':[{'name':'x','pops':['nyc']},{'name':'x','pops':['fra']}]"), "names[0].groups[1]: group 'x' is there twice" },
		{ "empty group", TWO("'groups':[{'name':'x','pops':[]}]"), "names[0].groups[0].pops: needs at least 1 item" },
		{ "in no group", TWO("'groups':[{'name':'x','pops':['nyc']}]"), "names[0].groups: pop 'fra' is in no group" },
		{ "in two groups", TWO("'groups':[{'name':'x','pops':['nyc','fra']},{'name':'y','pops':['fra']}]"), "names[0].groups[1].pops[0]: pop 'fra' is in a group already" },
		{ "not of the name", WITH("'groups':[{'name':'x','pops':['fra','nyc']}]", FRA), "names[0].groups[0].pops[1]: 'nyc' is none of the name's pops" },
		{ "group's weight for nothing", TWO("'groups':[{'name':'x','pops':['nyc','fra'],'weight':2}]"), "names[0].groups[0].weight: means nothing with the policy nearest" },
		{ "weights by group", WITH("'groups':[{'name':'x','policy':'weighted','pops':['fra']},{'name':'y','pops':['nyc']}]", "{'pop':'fra','a':['10.0.0.1'],'weight':2},{'pop':'nyc','a':['10.0.0.2'],'weight':2}"), "names[0].pops[1].weight: means nothing with the policy nearest" },
		{ "fence", TWO("'fences':[{'region':'eu','pops':['nyc']},{'region':'us','pops':['nyc']}]"), NULL },
		{ "fence twice", TWO("'fences':[{'region':'eu','pops':['nyc']},{'region':'eu','pops':['fra']}]"), "names[0].fences[1]: the same region as fences[0]" },
		{ "fence around nothing", TWO("'fences':[{'region':'eu','pops':[]}]"), "names[0].fences[0].pops: needs at least 1 item" },
		{ "fence around another's PoP", WITH("'fences':[{'region':'eu','pops':['nyc']}]", FRA), "names[0].fences[0].pops[0]: 'nyc' is none of the name's pops" },
		{ "unknown region", TWO("'fences':[{'region':'xx','pops':['nyc']}]"), "names[0].fences[0].region: unknown region 'xx'" },
		{ "names before all that they need", "'names':[{'name':'a.lab.test','pops':[" FRA "]}]," CHECKS "," POPS "," HEAD, NULL },
		{ "mistake in names before all", "'names':[{'name':'a.lab.test','pops':[" FRA ",{'pop':'xx'}]}]," CHECKS "," POPS "," HEAD, "names[0].pops[1].pop: unknown pop 'xx'" },
		{ "mistake elsewhere comes first", "'names':[{'x':1}]," CHECKS "," POPS "," HEAD ",'threads':0", "threads: 0 is not between 1 and 64" },
		{ "names twice", NAME(FRA) ",'names':[]", "line 1, column 327: duplicate object key near '\"names\"'" },
		{ "names' shape", HEAD ",'names':{}", "names: expected an array, found an object" },
		{ "no object in names", HEAD ",'names':[1]", "names[0]: expected an object, found a number" },
		{ "comma behind the last name", HEAD ",'names':[{},]", "line 1, column 93: unexpected token near ']'" },
		{ "key twice in a name", HEAD ",\n'names':[{'ttl':1,\n'ttl':2}]", "line 3, column 5: duplicate object key near '\"ttl\"'" },
		{ "syntax goes before meaning", HEAD ",'names':[{'x':1},\n{'name':}]", "line 2, column 9: unexpected token near '}'" },
		{ "syntax behind names", HEAD ",'names':[{'x':1}],\n}", "line 2, column 1: string or '}' expected near '}'" },
		{ "names without an end", HEAD ",'names':[{},{}", "line 1, column 95: ']' expected near '}'" },
		{ "escapes and fractions in names", NAME("{'pop':'f\\u0072a','a':['10.0.0.1'],'weight':1.5}"), "names[0].pops[0].weight: expected a whole number, found a number" },
		{ "fence and none", TWO("'when_all_down':'none','fences':[{'region':'eu','pops':['nyc']}]"), "names[0].when_all_down: none cannot go with fences" },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_error err = { 0 };
		char *text = xasprintf("{%s}", rows[i].text), buf[400];
		struct geodns_conf *conf = fixture_conf_load(text, &err);

		cr_expect_eq(conf != NULL, rows[i].error == NULL, "%s", rows[i].what);
		conf_error_format(&err, buf, sizeof(buf));
		if (rows[i].error)
			cr_expect(strncmp(buf, rows[i].error, strlen(rows[i].error)) == 0, "%s: %s",
				  rows[i].what, buf);
		else
			cr_expect(!err.set, "%s: %s", rows[i].what, buf);
		geodns_conf_free(conf);
		free(text);
	}
}

Test(geodns_conf, the_example_is_complete)
{
	struct conf_error err = { 0 };
	char buf[400];
	struct geodns_conf *conf = geodns_conf_read("docs/example/geodns.json", NULL, &err);
	struct catalog *catalog;

	cr_assert(conf, "%s", conf_error_format(&err, buf, sizeof(buf)));
	cr_expect_eq(conf->check_count, 3);
	cr_expect_str_eq(conf->checks[1].spec.path, "/verdict/geodns30");
	cr_expect_str_eq(conf->checks[1].spec.match, "\"pop\":\"nyc\"");
	cr_expect_eq(conf->checks[1].spec.target.port, 8053);
	catalog = catalog_load(conf, "docs/example", &err);
	cr_assert(catalog, "%s", conf_error_format(&err, buf, sizeof(buf)));
	catalog_free(catalog);
}

Test(geodns_conf, secrets_are_read_from_beside_the_configuration)
{
	static const struct {
		const char *what, *text, *error;
	} files[] = {
		{ "one", "e5e973e5a6b2a43f48e7dc849e37bfcf\n", NULL },
		{ "not one", "e5e973e5a6b2a43f\n", "cookies.secrets_file: line 1: not 32" },
		{ "empty", "", "cookies.secrets_file: must hold one or two secrets" },
		{ "missing", NULL, "cookies.secrets_file: cannot read: No such file" },
	};
	char folder[] = "/tmp/secrets-XXXXXX", *path;

	cr_assert(mkdtemp(folder));
	path = xasprintf("%s/secrets", folder);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct dns_cookie_secrets secrets = { 0 };
		struct conf_error err = { 0 };
		char buf[400] = "";

		unlink(path);
		if (files[i].text) {
			FILE *f = fopen(path, "w");

			fputs(files[i].text, f);
			fclose(f);
		}
		cr_expect_eq(secrets_load(&secrets, folder, "secrets", &err), !files[i].error, "%s",
			     files[i].what);
		if (files[i].error)
			conf_error_format(&err, buf, sizeof(buf));
		cr_expect(!files[i].error ||
				  strncmp(buf, files[i].error, strlen(files[i].error)) == 0,
			  "%s: %s", files[i].what, buf);
		cr_expect_eq(secrets.count, files[i].error ? 0 : 1, "%s", files[i].what);
	}
	unlink(path);
	rmdir(folder);
	free(path);
}

Test(geodns_conf, same_question_is_asked_once)
{
	struct conf_error err = { 0 };
	struct geodns_conf *conf = fixture_conf_load(fixture_conf, &err);

	cr_assert(conf);
	cr_expect_eq(conf->check_count, 3, "five targets, three PoPs: %zu", conf->check_count);
	cr_expect_eq(conf->names[1].targets[1].check, conf->names[0].targets[1].check);
	geodns_conf_free(conf);
}

/* The names before the mistake are not in it, but its place is. */
Test(geodns_conf, a_mistake_is_found_in_the_document)
{
	static const struct {
		const char *what, *text, *pointer;
	} rows[] = {
		{ "among names", "'names':[{},{'name':'a','a.b':1},{}]", "/names/0/name" },
		{ "key with a dot", "'names':[{'a.b':1}]", "/names/0/a.b" },
		{ "second name",
		  "'names':[{'name':'a.lab.test','pops':[{'pop':'fra','a':['10.0.0.1']}]},"
		  "{'name':'b','x.y':{}}]",
		  "/names/1/x.y" },
		{ "not plain", "'names':[{'name':'\\u0061','x.y':{}}]", "/names/0/x.y" },
		{ "beside names", "'names':[{}],'checks':{'a.b':{}}", "/checks/a.b/type" },
		{ "in the text", "'names':[{},]", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = xasprintf("{" HEAD "," POPS ",%s}", rows[i].text);
		char pointer[POINTER_SIZE];
		struct conf_error err = { 0 };
		json_t *document;

		for (char *p = text; *p; p++)
			*p = *p == '\'' ? '"' : *p;
		cr_expect_null(geodns_conf_parse(text, strlen(text), &document, &err));
		cr_expect_eq(document != NULL, rows[i].pointer != NULL, "%s", rows[i].what);
		if (document)
			cr_expect_str_eq(pointer_write(pointer, "", document, err.path),
					 rows[i].pointer, "%s", rows[i].what);
		json_decref(document);
		free(text);
	}
}

/* Each was compared with all before it: minutes for 100 000. */
Test(geodns_conf, many_checks_are_read_in_no_time)
{
	const unsigned count = 40000;
	struct conf_error err = { 0 };
	struct geodns_conf *conf;
	clock_t begun = clock();
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "{%s,%s,%s,'names':[", HEAD, POPS, CHECKS);
	for (unsigned i = 0; i < count; i++)
		fprintf(out,
			"%s{'name':'n%u.lab.test','pops':[{'pop':'fra','a':['10.0.0.1'],"
			"'check':'c','address':'10.0.0.9','path':'/%u'}]}",
			i ? "," : "", i, i / 2);
	fprintf(out, "]}");
	fclose(out);
	conf = fixture_conf_load(text, &err);
	cr_assert(conf, "%s: %s", err.path, err.reason);
	cr_expect_eq(conf->check_count, count / 2, "shared by two names each");
	cr_expect_eq(conf->names[count - 1].targets[0].check, count / 2 - 1);
	cr_expect_lt(clock() - begun, 5 * CLOCKS_PER_SEC);
	geodns_conf_free(conf);
	free(text);
}

Test(geodns_conf, a_database_that_is_not_there)
{
	struct conf_error err = { 0 };
	struct geodns_conf *conf = fixture_conf_load("{" HEAD "," POPS "," DB "}", &err);
	struct zone **zones = xcalloc(1, sizeof(struct zone *));
	char buf[400];

	cr_assert(conf);
	zones[0] = fixture_zone_load("lab.test", "@ SOA a b 1 2 3 4 5\n@ NS a\n");
	cr_expect_null(catalog_new(conf, zones, &err));
	cr_expect_str_eq(conf_error_format(&err, buf, sizeof(buf)),
			 "databases[0].file: ./x.mmdb: No such file or directory");
}

Test(geodns_conf, names_must_lie_in_a_zone)
{
	struct conf_error err = { 0 };
	struct geodns_conf *conf = fixture_conf_load(
		"{" HEAD "," POPS
		",'names':[{'name':'a.example','pops':[{'pop':'fra','a':['10.0.0.1']}]}]}",
		&err);
	struct zone **zones = xcalloc(1, sizeof(struct zone *));
	char buf[400];

	cr_assert(conf);
	zones[0] = fixture_zone_load("lab.test", "@ SOA a b 1 2 3 4 5\n@ NS a\n");
	cr_expect_null(catalog_new(conf, zones, &err));
	cr_expect_str_eq(conf_error_format(&err, buf, sizeof(buf)),
			 "names[0].name: lies in none of the zones");
}
