/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/conf.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/alloc.h"
#include "tests/unit/lb/base_conf.h"

static struct lb_conf *load(const char *patch, struct conf_error *err)
{
	json_t *document = base_conf_json();

	base_conf_patch(document, patch);
	return lb_conf_load(document, err);
}

#define VIP(rest)                                                                                  \
	"{'vips':[{'name':'v','prefixes':['198.18.0.0/24'],'addresses':['198.18.0.1']," rest "}]}"
#define PEER(rest) "{'bgp':{'peers':[{'name':'t1','address':'10.1.1.2','asn':65101," rest "}]}}"

static const struct {
	const char *name, *patch, *expected;
} mistakes[] = {
	{ "unknown key", "{'vip':1}", "vip: unknown key" },
	{ "version", "{'version':2}", "version: 2 is not between 1 and 1" },
	{ "name", "{'pop':'-'}", "pop: '-' is not a name" },
	{ "AS zero", "{'asn':0}", "asn: 0 is not between 1 and 4294967294" },
	{ "AS_TRANS", "{'asn':23456}", "asn: 23456 is reserved (RFC 6793)" },
	{ "router id", "{'router_id':'::1'}",
	  "router_id: expected an IPv4 address other than 0.0.0.0" },
	{ "identity address", "{'identity':{'addresses':['10.200.2.1']}}",
	  "identity.addresses[0]: is outside its prefixes" },
	{ "identity port", "{'identity':{'port':0}}",
	  "identity.port: 0 is not between 1 and 65535" },
	{ "check's address", "{'checks':{'web':{'address':'10.0.0.1'}}}",
	  "checks.web.address: unknown key" },
	{ "unused check", "{'checks':{'dns':{'type':'tcp'}}}", "checks.dns.port: required" },
	{ "checks a list", "{'checks':[]}", "checks: expected an object" },
	{ "unknown check", "{'origins':[{'name':'a','address':'127.0.0.1','check':'wed'}]}",
	  "origins[0].check: unknown check 'wed'" },
	{ "origin twice",
	  "{'origins':[{'name':'a','address':'127.0.0.1','check':'web'},"
	  "{'name':'a','address':'127.0.0.2','check':'web'}]}",
	  "origins[1].name: name 'a' is already taken" },
	{ "unknown origin", VIP("'origins':['a','c']"), "vips[0].origins[1]: unknown origin 'c'" },
	{ "no origins", VIP("'origins':[]"), "vips[0].origins: needs at least 1 item" },
	{ "same origin", VIP("'origins':['a','a']"), "vips[0].origins[1]: is given twice" },
	{ "too many needed", VIP("'origins':['a'],'min_healthy':2"),
	  "vips[0].min_healthy: 2 is not between 1 and 1" },
	{ "announce", VIP("'origins':['a'],'announce':'never'"),
	  "vips[0].announce: unknown value 'never'" },
	{ "linger", VIP("'origins':['a'],'linger_ms':-1"),
	  "vips[0].linger_ms: -1 is not between 0 and 3600000" },
	{ "minimum up time", VIP("'origins':['a'],'min_up_ms':3600001"),
	  "vips[0].min_up_ms: 3600001 is not between 0 and 3600000" },
	{ "minimum down time", VIP("'origins':['a'],'min_down_ms':-1"),
	  "vips[0].min_down_ms: -1 is not between 0 and 3600000" },
	{ "hold-down without a beginning", VIP("'origins':['a'],'hold_down':{}"),
	  "vips[0].hold_down.initial_ms: required" },
	{ "hold-down that ends before it begins",
	  VIP("'origins':['a'],'hold_down':{'initial_ms':1000,'max_ms':999}"),
	  "vips[0].hold_down.max_ms: 999 is not between 1000 and 86400000" },
	{ "hold-down that is forgotten at once",
	  VIP("'origins':['a'],'hold_down':{'initial_ms':1000,'decay_ms':0}"),
	  "vips[0].hold_down.decay_ms: 0 is not between 1 and 86400000" },
	{ "community", VIP("'origins':['a'],'policy':{'communities':['65536:1']}"),
	  "vips[0].policy.communities[0]: '65536:1' is neither ASN:VALUE, ASN:VALUE:VALUE nor "
	  "a known name" },
	{ "med", VIP("'origins':['a'],'policy':{'med':4294967296}"),
	  "vips[0].policy.med: 4294967296 is not between 0 and 4294967295" },
	{ "prepend", VIP("'origins':['a'],'policy':{'prepend':17}"),
	  "vips[0].policy.prepend: 17 is not between 0 and 16" },
	{ "host bits", "{'identity':{'prefixes':['10.200.1.1/24']}}",
	  "identity.prefixes[0]: '10.200.1.1/24' is not a prefix such as 192.0.2.0/24" },
	{ "default route", "{'identity':{'prefixes':['0.0.0.0/0']}}",
	  "identity.prefixes[0]: a default route is not ours to announce" },
	{ "prefix twice", "{'identity':{'prefixes':['10.200.1.0/24','10.200.1.0/24']}}",
	  "identity.prefixes[1]: is given twice" },
	{ "overlap with the identity",
	  "{'vips':[{'name':'v','prefixes':['10.200.0.0/16'],'addresses':['10.200.9.1'],"
	  "'origins':['a']}]}",
	  "vips[0].prefixes[0]: overlaps 10.200.1.0/24 of the identity" },
	{ "overlap of vips",
	  "{'vips':[{'name':'v','prefixes':['198.18.0.0/24'],'addresses':['198.18.0.1'],"
	  "'origins':['a']},{'name':'w','prefixes':['198.18.0.0/23'],'addresses':['198.18.1.1'],"
	  "'origins':['a']}]}",
	  "vips[1].prefixes[0]: overlaps 198.18.0.0/24 of vip 'v'" },
	{ "ladder as low as min_healthy",
	  VIP("'origins':['a','b'],'min_healthy':2,'ladder':[{'healthy_below':2}]"),
	  "vips[0].ladder[0].healthy_below: 2 is not between 3 and 2" },
	{ "ladder that does not fall",
	  VIP("'origins':['a','b'],'announce':'always',"
	      "'ladder':[{'healthy_below':1},{'healthy_below':1}]"),
	  "vips[0].ladder[1].healthy_below: 1 is not between 1 and 0" },
	{ "step without a number", VIP("'origins':['a','b'],'ladder':[{}]"),
	  "vips[0].ladder[0].healthy_below: required" },
	{ "hold time", "{'bgp':{'hold_time':2}}",
	  "bgp.hold_time: 1 and 2 seconds are not allowed (RFC 4271, 4.2)" },
	{ "peer's hold time", PEER("'hold_time':1"),
	  "bgp.peers[0].hold_time: 1 and 2 seconds are not allowed (RFC 4271, 4.2)" },
	{ "listen", "{'bgp':{'listen':['here']}}",
	  "bgp.listen[0]: expected ADDRESS or ADDRESS:PORT" },
	{ "dump without a file", PEER("'dump':{}"), "bgp.peers[0].dump.file: required" },
	{ "dump to nowhere", PEER("'dump':{'file':''}"), "bgp.peers[0].dump.file: is empty" },
	{ "dump too short", PEER("'dump':{'file':'x','max_bytes':16383}"),
	  "bgp.peers[0].dump.max_bytes: 16383 is not between 16384 and 1099511627776" },
	{ "two dumps to one file",
	  "{'bgp':{'listen':['0.0.0.0'],'peers':[{'name':'r','range':'10.2.0.0/16','asn':65101,"
	  "'dump':{'file':'x'}},{'name':'t','address':'10.1.1.2','asn':65102,"
	  "'dump':{'file':'x-2'}}]}}",
	  "bgp.peers[1]: peer 'r-2' dumps to the same file" },
	{ "unknown key of BFD", PEER("'bfd':{'echo':true}"), "bgp.peers[0].bfd.echo: unknown key" },
	{ "BFD interval", PEER("'bfd':{'interval_ms':9}"),
	  "bgp.peers[0].bfd.interval_ms: 9 is not between 10 and 60000" },
	{ "BFD multiplier", PEER("'bfd':{'multiplier':0}"),
	  "bgp.peers[0].bfd.multiplier: 0 is not between 1 and 255" },
	{ "BFD key", PEER("'bfd':{'auth':{'type':'sha1'}}"),
	  "bgp.peers[0].bfd.auth.key_file: required" },
	{ "BFD key file", PEER("'bfd':{'auth':{'key_file':'/nowhere'}}"),
	  "bgp.peers[0].bfd.auth.key_file: cannot open: No such file or directory" },
	{ "BFD key too long", PEER("'bfd':{'auth':{'key_file':'Makefile'}}"),
	  "bgp.peers[0].bfd.auth.key_file: a key has at most 20 bytes" },
	{ "BFD key empty", PEER("'bfd':{'auth':{'key_file':'/dev/null'}}"),
	  "bgp.peers[0].bfd.auth.key_file: has no key in its first line" },
	{ "BFD key type", PEER("'bfd':{'auth':{'type':'md5','key_file':'VERSION'}}"),
	  "bgp.peers[0].bfd.auth.type: unknown value 'md5'" },
	{ "BFD of a range",
	  "{'bgp':{'listen':['::'],'peers':[{'name':'t','range':'10.0.0.0/8','asn':65101,"
	  "'bfd':{}}]}}",
	  "bgp.peers[0].bfd: is for a peer with an address, not for a range" },
	{ "passive", PEER("'passive':true"),
	  "bgp.peers[0].passive: a passive peer needs bgp.listen" },
	{ "local address", PEER("'local_address':'::1'"),
	  "bgp.peers[0].local_address: is not of the family of the peer's address" },
	{ "family", PEER("'families':['ipv5']"),
	  "bgp.peers[0].families[0]: expected \"ipv4\" or \"ipv6\"" },
	{ "no family", PEER("'families':[]"), "bgp.peers[0].families: needs at least 1 item" },
	{ "family twice", PEER("'families':['ipv4','ipv4']"),
	  "bgp.peers[0].families[1]: is given twice" },
	{ "next hop", PEER("'next_hop':{'ipv6':'10.0.0.1'}"),
	  "bgp.peers[0].next_hop.ipv6: expected an IPv6 address" },
	{ "IPv6 next hops without IPv4", PEER("'families':['ipv6'],'extended_next_hop':true"),
	  "bgp.peers[0].extended_next_hop: is for the family ipv4 (RFC 8950)" },
	{ "link-local without an interface",
	  "{'bgp':{'peers':[{'name':'t','address':'fe80::1','asn':65101}]}}",
	  "bgp.peers[0].address: is link-local: give its interface, too" },
	{ "interface of a global address", PEER("'interface':'eth0'"),
	  "bgp.peers[0].interface: is for a link-local address, or for none" },
	{ "interface of a range",
	  "{'bgp':{'listen':['::'],'peers':[{'name':'t','range':'fe80::/10','asn':65101,"
	  "'interface':'eth0'}]}}",
	  "bgp.peers[0].interface: has one peer, not a range of them" },
	{ "long interface",
	  "{'bgp':{'peers':[{'name':'t','interface':'sixteen-letters-','asn':1}]}}",
	  "bgp.peers[0].interface: is not the name of an interface" },
	{ "interface twice",
	  "{'bgp':{'peers':[{'name':'t','interface':'eth0','asn':1},"
	  "{'name':'u','interface':'eth0','asn':2}]}}",
	  "bgp.peers[1].interface: is already that of peer 't'" },
	{ "unnumbered with a key",
	  "{'bgp':{'peers':[{'name':'t','interface':'eth0','asn':1,'md5_key_file':'VERSION'}]}}",
	  "bgp.peers[0].md5_key_file: needs the peer's address beside its interface" },
	{ "unnumbered with BFD",
	  "{'bgp':{'peers':[{'name':'t','interface':'eth0','asn':1,'bfd':{}}]}}",
	  "bgp.peers[0].bfd: is not for link-local addresses" },
	{ "ASN in words", "{'bgp':{'peers':[{'name':'t','interface':'eth0','asn':'internal'}]}}",
	  "bgp.peers[0].asn: expected a number or \"external\"" },
	{ "restart time 0", PEER("'graceful_restart':{'restart_time':0}"),
	  "bgp.peers[0].graceful_restart.restart_time: 0 is not between 1 and 4095" },
	{ "restart time of 13 bits", PEER("'graceful_restart':{'restart_time':4096}"),
	  "bgp.peers[0].graceful_restart.restart_time: 4096 is not between 1 and 4095" },
	{ "hops", PEER("'multihop':256"), "bgp.peers[0].multihop: 256 is not between 1 and 255" },
	{ "TTL security towards ourselves",
	  "{'bgp':{'peers':[{'name':'t1','address':'10.1.1.2','asn':64500,"
	  "'ttl_security':true}]}}",
	  "bgp.peers[0].ttl_security: towards a peer of the own ASN needs multihop" },
	{ "no key file", PEER("'md5_key_file':'/nowhere'"),
	  "bgp.peers[0].md5_key_file: cannot open: No such file or directory" },
	{ "empty key", PEER("'md5_key_file':'/dev/null'"),
	  "bgp.peers[0].md5_key_file: has no key in its first line" },
	{ "endless key", PEER("'md5_key_file':'/dev/zero'"),
	  "bgp.peers[0].md5_key_file: has no key in its first line" },
	{ "long key", PEER("'md5_key_file':'Makefile'"),
	  "bgp.peers[0].md5_key_file: a key has at most 80 bytes" },
	{ "shutdown text",
	  "{'bgp':{'shutdown_text':'0123456789012345678901234567890123456789012345678901234567890123"
	  "0123456789012345678901234567890123456789012345678901234567890123"
	  "0123456789012345678901234567890123456789012345678901234567890123"
	  "0123456789012345678901234567890123456789012345678901234567890123'}}",
	  "bgp.shutdown_text: has more than 255 bytes (RFC 9003)" },
	{ "role", PEER("'role':'boss'"), "bgp.peers[0].role: unknown value 'boss'" },
	{ "strict without a role", PEER("'role_strict':true"),
	  "bgp.peers[0].role_strict: needs a role of our own" },
	{ "role towards ourselves",
	  "{'bgp':{'peers':[{'name':'t1','address':'10.1.1.2','asn':64500,'role':'peer'}]}}",
	  "bgp.peers[0].role: is for peers of another AS (RFC 9234)" },
	{ "range and address", PEER("'range':'10.0.0.0/8'"),
	  "bgp.peers[0].range: stands in place of an address and a port" },
	{ "limit without a range", PEER("'limit':2"), "bgp.peers[0].limit: is for a range" },
	{ "range that is dialled",
	  "{'bgp':{'listen':['::'],'peers':[{'name':'t','range':'10.0.0.0/8','asn':65101,"
	  "'passive':false}]}}",
	  "bgp.peers[0].passive: whoever is in a range must dial us" },
	{ "ranges that overlap",
	  "{'bgp':{'listen':['::'],'peers':[{'name':'t','range':'10.0.0.0/8','asn':65101},"
	  "{'name':'u','range':'10.1.0.0/16','asn':65101}]}}",
	  "bgp.peers[1].range: overlaps that of peer 't-1'" },
	{ "a slot's name",
	  "{'bgp':{'listen':['::'],'peers':[{'name':'t','range':'10.0.0.0/8','asn':65101},"
	  "{'name':'t-8','address':'10.1.0.1','asn':65101}]}}",
	  "bgp.peers[1]: two peers are called 't-8'" },
	{ "too many slots",
	  "{'bgp':{'listen':['::'],'peers':[{'name':'t','range':'10.0.0.0/8','asn':65101,"
	  "'limit':200},{'name':'u','range':'11.0.0.0/8','asn':65101,'limit':57}]}}",
	  "bgp.peers[1]: more than 256 peers, slots included" },
	{ "peer twice",
	  "{'bgp':{'peers':[{'name':'t1','address':'10.1.1.2','asn':65101},"
	  "{'name':'t2','address':'10.1.1.2','asn':65102}]}}",
	  "bgp.peers[1].address: is already that of peer 't1'" },
	{ "peer's vip", PEER("'vips':['v','w']"), "bgp.peers[0].vips[1]: unknown vip 'w'" },
	{ "peer's vip twice", PEER("'vips':['v','v']"), "bgp.peers[0].vips[1]: is given twice" },
	{ "peer's vip a number", PEER("'vips':[1]"),
	  "bgp.peers[0].vips[0]: expected a string, found a number" },
	{ "peer's identity", PEER("'identity':'no'"),
	  "bgp.peers[0].identity: expected true or false, found a string" },
	{ "plane", "{'dataplane':{'type':'ebpf'}}", "dataplane.type: unknown value 'ebpf'" },
	{ "interface", "{'dataplane':{'interface':'abcdefghijklmnop'}}",
	  "dataplane.interface: an interface's name has 1 to 15 letters" },
	{ "metric", "{'dataplane':{'metric':0}}",
	  "dataplane.metric: 0 is not between 1 and 2147483646" },
};

Test(lb_conf, says_what_is_wrong)
{
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct conf_error err = { 0 };
		struct lb_conf *conf = load(mistakes[i].patch, &err);
		char text[400];

		cr_expect_null(conf, "%s", mistakes[i].name);
		cr_expect_str_eq(conf_error_format(&err, text, sizeof(text)), mistakes[i].expected,
				 "%s: got '%s'", mistakes[i].name, text);
		lb_conf_free(conf);
	}
}

Test(lb_conf, fills_in_defaults)
{
	struct conf_error err = { 0 };
	struct lb_conf *conf = load("{}", &err);
	const struct lb_vip_conf *vip;

	cr_assert(conf, "%s: %s", err.path, err.reason);
	vip = lb_conf_vip_find(conf, "v");
	cr_assert(vip);
	cr_expect_eq(vip->min_healthy, 1);
	cr_expect_eq(vip->linger_ms, 60000);
	cr_expect_eq(vip->announce, LB_ANNOUNCE_VERDICT);
	cr_expect_eq(vip->origins[1], 1);
	cr_expect_eq(conf->identity.port, 8053);
	cr_expect_eq(conf->origins[1].check.target.addr.family, ADDR_IPV6);
	cr_expect_eq(conf->origins[1].check.target.port, 80);
	cr_expect_eq(conf->bgp.peers[0].remote.port, 179);
	cr_expect_eq(conf->bgp.peers[0].hold_time, 9);
	cr_expect_eq(conf->bgp.peers[0].connect_retry, 5);
	cr_expect_eq(conf->bgp.peers[0].transport.hops, 1);
	cr_expect_not(conf->bgp.peers[0].transport.ttl_security);
	cr_expect(conf->bgp.peers[0].ipv4 && !conf->bgp.peers[0].ipv6);
	cr_expect_eq(conf->bgp.peers[0].graceful_restart.time, 0, "a black hole if we are dead");
	cr_expect_not(conf->bgp.peers[0].extended_next_hop);
	cr_expect_eq(conf->dataplane.metric, 32);
	cr_expect(conf->dataplane.routes && !conf->has_api);
	cr_expect_null(lb_conf_vip_find(conf, "w"));
	lb_conf_free(conf);
}

Test(lb_conf, loads_the_documented_example)
{
	struct conf_error err = { 0 };
	struct lb_conf *conf = lb_conf_load(conf_read_file("docs/example/lb.json", &err), &err);
	const struct bgp_peer_conf *peer;

	cr_assert(conf, "%s: %s", err.path, err.reason);
	cr_expect_eq(conf->vip_count, 2);
	cr_expect_eq(conf->vips[1].announce, LB_ANNOUNCE_ALWAYS);
	cr_expect(conf->vips[0].policy.has_med);
	cr_expect_eq(conf->vips[0].policy.communities[0], 65101U << 16 | 100);
	cr_expect_eq(conf->vips[0].policy.large[0].data2, 2);
	cr_expect_eq(conf->vips[0].ladder[0].healthy_below, 2);
	cr_expect_eq(conf->vips[0].ladder[0].policy.med, 200, "the step's wins");
	cr_expect_eq(conf->vips[0].ladder[0].policy.community_count, 2, "the VIP's, too");
	cr_expect_eq(conf->vips[0].hold_down.min_up_ms, 500);
	cr_expect_eq(conf->vips[0].hold_down.max_ms, 60000);
	cr_expect_eq(conf->vips[1].hold_down.initial_ms, 0, "off");
	peer = &conf->bgp.peers[0];
	cr_expect_str_eq(peer->dump.file, "/var/log/catchment/t1.mrt");
	cr_expect_null(conf->bgp.peers[1].dump.file);
	cr_expect(peer->ipv4 && peer->ipv6 && peer->default_route && !peer->passive);
	cr_expect_eq(peer->next_hop6.family, ADDR_IPV6);
	cr_expect(peer->transport.ttl_security);
	cr_expect_eq(peer->role, BGP_ROLE_CUSTOMER);
	cr_expect_eq(conf->bfd.count, 1);
	cr_expect_str_eq(conf->bfd.specs[0].name, "t1");
	cr_expect(addr_equal(&conf->bfd.specs[0].local, &peer->local));
	cr_expect_eq(conf->bfd.specs[0].session.desired_min_tx, 50000);
	cr_expect_eq(conf->bfd.specs[0].session.detect_mult, 3);
	cr_expect_eq(conf->bfd.specs[0].session.auth.type, BFD_AUTH_NONE);
	cr_expect_null(conf->bfd.specs[1].name);
	cr_expect_eq(conf->bgp.peers[1].hold_time, 3);
	cr_expect_eq(conf->bgp.peers[1].policy.prepend, 1);
	cr_expect_eq(conf->bgp.peers[1].deprefer.prepend, 3);
	cr_expect_null(peer->only.prefixes);
	cr_expect_eq(conf->bgp.peers[1].only.count, 2, "both of the VIP's, not the identity");
	cr_expect_str_eq(conf->api.unix_path, "/run/catchment-lb.sock");
	lb_conf_free(conf);
}

Test(lb_conf, hold_down_and_dump_by_default)
{
	static const struct {
		const char *name, *patch;
		struct hold_down_conf expected;
	} rows[] = {
		{ "none", VIP("'origins':['a']"), { 0 } },
		{ "only its beginning",
		  VIP("'origins':['a'],'hold_down':{'initial_ms':500}"),
		  { .initial_ms = 500, .max_ms = 60000, .decay_ms = 60000 } },
		{ "a late beginning",
		  VIP("'origins':['a'],'hold_down':{'initial_ms':90000}"),
		  { .initial_ms = 90000, .max_ms = 90000, .decay_ms = 90000 } },
		{ "forgotten as slowly as it lasts",
		  VIP("'origins':['a'],'hold_down':{'initial_ms':1,'max_ms':8}"),
		  { .initial_ms = 1, .max_ms = 8, .decay_ms = 8 } },
	};
	struct conf_error err = { 0 };
	struct lb_conf *conf;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		conf = load(rows[i].patch, &err);
		cr_assert(conf, "%s: %s: %s", rows[i].name, err.path, err.reason);
		cr_expect_eq(memcmp(&conf->vips[0].hold_down, &rows[i].expected,
				    sizeof(rows[i].expected)),
			     0, "%s", rows[i].name);
		lb_conf_free(conf);
	}
	conf = load("{'bgp':{'listen':['0.0.0.0'],'peers':[{'name':'r','range':'10.2.0.0/16',"
		    "'asn':65101,'limit':2,'dump':{'file':'x'}}]}}",
		    &err);
	cr_assert(conf, "%s: %s", err.path, err.reason);
	cr_expect_str_eq(conf->bgp.peers[0].dump.file, "x-1");
	cr_expect_str_eq(conf->bgp.peers[1].dump.file, "x-2", "one for each slot");
	cr_expect_eq(conf->bgp.peers[1].dump.max_bytes, 64 << 20);
	lb_conf_free(conf);
}

Test(lb_conf, bfd_key_is_the_first_line_of_its_file)
{
	struct conf_error err = { 0 };
	struct lb_conf *conf =
		load(PEER("'bfd':{'multihop':true,'auth':{'key_file':'VERSION'}}"), &err);
	const struct bfd_spec *spec;
	char version[16] = "";
	FILE *file = fopen("VERSION", "re");

	cr_assert(conf, "%s: %s", err.path, err.reason);
	cr_assert(file && fgets(version, sizeof(version), file));
	fclose(file);
	version[strcspn(version, "\n")] = '\0';
	spec = &conf->bfd.specs[0];
	cr_expect(spec->multihop && !spec->session.passive);
	cr_expect_eq(spec->session.auth.type, BFD_AUTH_METICULOUS_SHA1);
	cr_expect_eq(spec->session.auth.key_id, 1);
	cr_expect_str_eq((const char *)spec->session.auth.key, version);
	lb_conf_free(conf);
}

static const struct {
	const char *name, *keys;
	bool all, vip, other, identity;
} told[] = {
	{ "unless said otherwise", "'multihop':1", true, true, true, true },
	{ "one VIP", "'vips':['v']", false, true, false, true },
	{ "all by name", "'vips':['w','v']", false, true, true, true },
	{ "none", "'vips':[]", false, false, false, true },
	{ "all but the identity", "'identity':false", false, true, true, false },
	{ "nothing at all", "'vips':[],'identity':false", false, false, false, false },
	{ "the identity is the default", "'identity':true", true, true, true, true },
};

Test(lb_conf, what_a_peer_is_told_of)
{
	struct prefix vip, other, identity;

	cr_assert(prefix_parse(&vip, "198.18.0.0/24") && prefix_parse(&other, "2001:db8:1::/48") &&
		  prefix_parse(&identity, "10.200.1.0/24"));
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		struct conf_error err = { 0 };
		char *patch =
			xasprintf("{'vips':[{'name':'v','prefixes':['198.18.0.0/24'],'addresses':"
				  "['198.18.0.1'],'origins':['a']},{'name':'w','prefixes':"
				  "['2001:db8:1::/48'],'addresses':['2001:db8:1::1'],'origins':"
				  "['a']}],'bgp':{'peers':[{'name':'t1','address':'10.1.1.2',"
				  "'asn':65101,%s}]}}",
				  told[i].keys);
		struct lb_conf *conf = load(patch, &err);
		const struct bgp_only *only;

		cr_assert(conf, "%s: %s %s", told[i].name, err.path, err.reason);
		only = &conf->bgp.peers[0].only;
		cr_expect_eq(!only->prefixes, told[i].all, "%s", told[i].name);
		cr_expect_eq(bgp_only_allows(only, &vip), told[i].vip, "%s", told[i].name);
		cr_expect_eq(bgp_only_allows(only, &other), told[i].other, "%s", told[i].name);
		cr_expect_eq(bgp_only_allows(only, &identity), told[i].identity, "%s",
			     told[i].name);
		lb_conf_free(conf);
		free(patch);
	}
}

Test(lb_conf, unnumbered_peers)
{
	struct conf_error err = { 0 };
	struct lb_conf *conf =
		load("{'bgp':{'peers':["
		     "{'name':'t','interface':'eth0','asn':'external'},"
		     "{'name':'u','interface':'eth1','asn':65101,"
		     "'extended_next_hop':false},"
		     "{'name':'v','interface':'eth2','address':'fe80::1','asn':65101},"
		     "{'name':'w','interface':'eth3','address':'fe80::1','asn':65101}"
		     "]}}",
		     &err);
	const struct bgp_peer_conf *peers;

	cr_assert(conf, "%s: %s", err.path, err.reason);
	peers = conf->bgp.peers;
	cr_expect(peers[0].unnumbered && peers[0].ipv4 && peers[0].ipv6);
	cr_expect(peers[0].extended_next_hop, "else IPv4 would have none");
	cr_expect_eq(peers[0].asn, 0);
	cr_expect_eq(peers[0].remote.port, 179);
	cr_expect_eq(peers[0].transport.hops, 1);
	cr_expect_str_eq(peers[0].interface, "eth0");
	cr_expect_not(peers[1].extended_next_hop);
	cr_expect(!peers[2].unnumbered && peers[2].ipv6 && !peers[2].ipv4);
	cr_expect(addr_equal(&peers[2].remote.addr, &peers[3].remote.addr), "of two interfaces");
	lb_conf_free(conf);
}

/* Slots are peers, too, and have none. */
Test(lb_conf, bfd_is_that_of_its_peer_behind_the_slots_of_a_range)
{
	struct conf_error err = { 0 };
	struct lb_conf *conf = load("{'bgp':{'listen':['::'],'peers':["
				    "{'name':'t','range':'10.0.0.0/8','asn':65101,'limit':3},"
				    "{'name':'u','address':'192.0.2.1','asn':65102,'bfd':{}}]}}",
				    &err);

	cr_assert(conf, "%s: %s", err.path, err.reason);
	cr_assert_eq(conf->bgp.peer_count, 4);
	cr_expect_eq(conf->bfd.count, 1);
	for (size_t i = 0; i < 3; i++)
		cr_expect_null(conf->bfd.specs[i].name);
	cr_expect_str_eq(conf->bfd.specs[3].name, "u");
	cr_expect(addr_equal(&conf->bfd.specs[3].remote, &conf->bgp.peers[3].remote.addr));
	lb_conf_free(conf);
}
