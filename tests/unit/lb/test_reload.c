/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/reload.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/lb/base_conf.h"

static struct lb_conf *load(const char *patch)
{
	json_t *document = base_conf_json();
	struct conf_error err = { 0 };
	struct lb_conf *conf;

	base_conf_patch(document, "{'api':{'listen':'127.0.0.1:8080'},"
				  "'bgp':{'listen':['10.1.1.3']}}");
	base_conf_patch(document, patch);
	conf = lb_conf_load(document, &err);
	cr_assert(conf, "%s: %s: %s", patch, err.path, err.reason);
	return conf;
}

#define PEERS(list) "{'bgp':{'peers':[" list "]}}"
#define T1(rest)    "{'name':'t1','address':'10.1.1.2','asn':65101" rest "}"
#define T2	    "{'name':'t2','address':'10.1.2.2','asn':65102}"
#define RANGE(rest) "{'name':'r','range':'10.9.0.0/16','asn':65109" rest "}"
#define BFD(rest)   PEERS(T1(",'bfd':{" rest "}"))
#define VIP(rest)                                                                                  \
	"{'vips':[{'name':'v','prefixes':['198.18.0.0/24'],'addresses':['198.18.0.1'],"            \
	"'origins':['a','b']" rest "}]}"
#define KEYED(rest) "'mesh':{'key_file':'tests/unit/lb/mesh/rfc7748.key'" rest "}"
#define CONTINUOUS(rest)                                                                           \
	"{" KEYED(                                                                                 \
		rest) ",'dataplane':{'type':'local','continuity':{'interfaces':[{'name':'eth0'}]}}}"
#define XDP_ITEMS(rest)                                                                            \
	"'vips':[{'name':'v','prefixes':['198.18.0.0/24'],'addresses':['198.18.0.1'],"             \
	"'origins':['a','b']" rest "}],"                                                           \
	"'dataplane':{'type':'xdp','interfaces':[{'name':'eth0'}]}"
#define XDP(rest)  "{" XDP_ITEMS(rest) "}"
#define XDP_MESHED "{" XDP_ITEMS(",'services':['tcp/80']") "," KEYED("") "}"
#define V(name, net)                                                                               \
	"{'name':'" name "','prefixes':['198.18." net ".0/24'],'addresses':['198.18." net          \
	".1'],'origins':['a','b']}"

#define POP(name, address, first)                                                                  \
	"{'name':'" name "','address':'" address "','public_key':'" first                          \
	"20f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a'}"
#define AMS	     POP("ams", "10.200.2.1", "85")
#define MESH(rest)   "{" KEYED(rest) "}"
#define MESHED(list) MESH(",'pops':[" list "]")

struct row {
	const char
		*key; /* of the peer or VIP that it is about, as docs/lb.md has it; NULL: other */
	const char *name, *before, *after, *expected; /* what changes, in words */
};

/* clang-format off */
static const struct row rows[] = {
	{ NULL, "the same", "{}", "{}", "nothing has changed" },
	{ NULL, "defaults written out", "{}",
	  "{'identity':{'port':8053},'dataplane':{'interface':'lo','routes':true,'metric':32},"
	  "'bgp':{'hold_time':9,'connect_retry':5,'drain_ms':0,"
	  "'peers':[" T1(",'port':179,'passive':false,'families':['ipv4'],'multihop':1,"
			 "'ttl_security':false,'role':'none','policy':{},'hold_time':9") "]}}",
	  "nothing has changed" },
	{ NULL, "an unused check", "{}", "{'checks':{'dns':{'type':'tcp','port':53}}}",
	  "nothing has changed" },

	/* Origins and their checks. */
	{ NULL, "another interval", "{}", "{'checks':{'web':{'interval_ms':50}}}",
	  "origin a changed, origin b changed" },
	{ NULL, "another path", "{}", "{'checks':{'web':{'path':'/ok'}}}",
	  "origin a changed, origin b changed" },
	{ NULL, "a text to find", "{}", "{'checks':{'web':{'match':'yes'}}}",
	  "origin a changed, origin b changed" },
	{ NULL, "another host", "{}", "{'checks':{'web':{'host':'www'}}}",
	  "origin a changed, origin b changed" },
	{ NULL, "the check has another name", "{}",
	  "{'checks':{'w2':{'type':'http','port':80,'path':'/'}},"
	  "'origins':[{'name':'a','address':'127.0.0.1','check':'w2'},"
	  "{'name':'b','address':'::1','check':'web'}]}", "origin a changed" },
	{ NULL, "another server", "{}",
	  "{'origins':[{'name':'a','address':'127.0.0.9','check':'web'},"
	  "{'name':'b','address':'::1','check':'web'}]}", "origin a reset" },
	{ NULL, "an origin more, in another order", "{}",
	  "{'origins':[{'name':'c','address':'127.0.0.3','check':'web'},"
	  "{'name':'b','address':'::1','check':'web'},"
	  "{'name':'a','address':'127.0.0.1','check':'web'}]}", "origin c added" },
	{ NULL, "an origin less", "{}",
	  "{'origins':[{'name':'b','address':'::1','check':'web'}],"
	  "'vips':[{'name':'v','prefixes':['198.18.0.0/24'],'addresses':['198.18.0.1'],"
	  "'origins':['b']}]}", "origin a removed, vip v changed" },

	/* VIPs. */
	{ "name", "renamed", "{}", "{'vips':[" V("w", "0") "]}", "vip w added, vip v removed" },
	{ NULL, "a VIP more, before it", "{}", "{'vips':[" V("u", "9") "," V("v", "0") "]}",
	  "vip u added" },
	{ NULL, "a VIP less", "{'vips':[" V("u", "9") "," V("v", "0") "]}", "{}",
	  "vip u removed" },
	{ "prefixes", "another prefix", "{}", "{'vips':[" V("v", "3") "]}", "vip v changed" },
	{ "addresses", "an address more", "{}",
	  "{'vips':[{'name':'v','prefixes':['198.18.0.0/24'],"
	  "'addresses':['198.18.0.1','198.18.0.2'],'origins':['a','b']}]}", "vip v changed" },
	{ "announce", "announced always", "{}", VIP(",'announce':'always'"), "vip v changed" },
	{ "origins", "other origins", "{}",
	  "{'vips':[{'name':'v','prefixes':['198.18.0.0/24'],'addresses':['198.18.0.1'],"
	  "'origins':['b']}]}", "vip v changed" },
	{ "min_healthy", "more must be healthy", "{}", VIP(",'min_healthy':2"), "vip v changed" },
	{ "linger_ms", "lingers shorter", "{}", VIP(",'linger_ms':1"), "vip v changed" },
	{ "services", "one service less", XDP(",'services':['tcp/80','udp/80']"),
	  XDP(",'services':['tcp/80']"), "vip v changed" },
	{ "services", "another protocol", XDP(",'services':['tcp/80']"),
	  XDP(",'services':['udp/80']"), "vip v changed" },
	{ NULL, "another weight", XDP(",'services':['tcp/80']"),
	  XDP(",'services':['tcp/80'],'origins':['a',{'name':'b','weight':1}]"), "vip v changed" },
	{ NULL, "a weight written out", XDP(",'services':['tcp/80']"),
	  XDP(",'services':['tcp/80'],'origins':['a',{'name':'b','weight':100}]"),
	  "nothing has changed" },
	{ "continuity", "no continuity", "{}", VIP(",'continuity':false"), "vip v changed" },
	{ "min_up_ms", "up for longer", "{}", VIP(",'min_up_ms':1"), "vip v changed" },
	{ "min_down_ms", "down for longer", "{}", VIP(",'min_down_ms':1"), "vip v changed" },
	{ "hold_down", "hold-down", "{}",
	  VIP(",'hold_down':{'initial_ms':1000,'max_ms':2000,'decay_ms':3000}"), "vip v changed" },
	{ "policy", "its policy", "{}", VIP(",'policy':{'med':1}"), "vip v changed" },
	{ "ladder", "a ladder", "{}", VIP(",'ladder':[{'healthy_below':2}]"), "vip v changed" },
	{ "ladder", "its step's policy", VIP(",'ladder':[{'healthy_below':2}]"),
	  VIP(",'ladder':[{'healthy_below':2,'policy':{'prepend':1}}]"), "vip v changed" },

	/* Peers: what they are told. */
	{ "policy", "policy", "{}", PEERS(T1(",'policy':{'communities':['65101:1:2']}")),
	  "peer t1 changed" },
	{ "deprefer", "deprefer", "{}", PEERS(T1(",'deprefer':{'prepend':2}")),
	  "peer t1 changed" },
	{ "vips", "no VIP", "{}", PEERS(T1(",'vips':[]")), "peer t1 changed" },
	{ "identity", "without the identity", "{}", PEERS(T1(",'identity':false")),
	  "peer t1 changed" },
	{ NULL, "when we dial again", "{}", "{'bgp':{'connect_retry':60}}", "peer t1 changed" },
	{ "dump", "what is dumped", "{}", PEERS(T1(",'dump':{'file':'/tmp/t1.mrt'}")),
	  "peer t1 changed" },
	/* Peers: the session. */
	{ "address", "another address", "{}",
	  PEERS("{'name':'t1','address':'10.1.1.9','asn':65101}"), "peer t1 reset" },
	{ "port", "another port", "{}", PEERS(T1(",'port':1179")), "peer t1 reset" },
	{ "asn", "another ASN", "{}", PEERS("{'name':'t1','address':'10.1.1.2','asn':65102}"),
	  "peer t1 reset" },
	{ "interface", "another interface", PEERS("{'name':'t1','interface':'eth0','asn':65101}"),
	  PEERS("{'name':'t1','interface':'eth1','asn':65101}"), "peer t1 reset" },
	{ "graceful_restart", "graceful restart", "{}",
	  PEERS(T1(",'graceful_restart':{'restart_time':30}")), "peer t1 reset" },
	{ "local_address", "our end", "{}", PEERS(T1(",'local_address':'10.1.1.3'")),
	  "peer t1 reset" },
	{ "passive", "no longer dialled", "{}", PEERS(T1(",'passive':true")), "peer t1 reset" },
	{ "families", "both families", "{}", PEERS(T1(",'families':['ipv4','ipv6']")),
	  "peer t1 reset" },
	{ "extended_next_hop", "RFC 8950", "{}", PEERS(T1(",'extended_next_hop':true")),
	  "peer t1 reset" },
	{ "next_hop", "next hop", "{}", PEERS(T1(",'next_hop':{'ipv4':'10.1.1.7'}")),
	  "peer t1 reset" },
	{ "default_route", "its default route", "{}", PEERS(T1(",'default_route':true")),
	  "peer t1 reset" },
	{ "hold_time", "hold time", "{}", PEERS(T1(",'hold_time':30")), "peer t1 reset" },
	{ NULL, "hold time of all", "{}", "{'bgp':{'hold_time':30}}", "peer t1 reset" },
	{ NULL, "hold time of all but one's own", PEERS(T1(",'hold_time':30") "," T2),
	  "{'bgp':{'hold_time':15,'peers':[" T1(",'hold_time':30") "," T2 "]}}", "peer t2 reset" },
	{ "multihop", "multihop", "{}", PEERS(T1(",'multihop':3")), "peer t1 reset" },
	{ "ttl_security", "TTL security", "{}", PEERS(T1(",'ttl_security':true")),
	  "peer t1 reset" },
	{ "role", "role", "{}", PEERS(T1(",'role':'customer'")), "peer t1 reset" },
	{ "role_strict", "strict role", PEERS(T1(",'role':'customer'")),
	  PEERS(T1(",'role':'customer','role_strict':true")), "peer t1 reset" },
	{ "md5_key_file", "a key", "{}", PEERS(T1(",'md5_key_file':'VERSION'")), "peer t1 reset" },
	{ "md5_key_file", "another key", PEERS(T1(",'md5_key_file':'LICENSE'")),
	  PEERS(T1(",'md5_key_file':'VERSION'")), "peer t1 reset" },
	{ NULL, "policy and session", "{}", PEERS(T1(",'policy':{'med':1},'hold_time':30")),
	  "peer t1 reset" },
	/* Peers that come and go. */
	{ "name", "a peer renamed", "{}", PEERS("{'name':'x','address':'10.1.1.2','asn':65101}"),
	  "peer x added, peer t1 removed" },
	{ NULL, "a peer more, in front", "{}", PEERS(T2 "," T1("")), "peer t2 added" },
	{ NULL, "a peer less, in front", PEERS(T2 "," T1("")), "{}", "peer t2 removed" },
	{ NULL, "another order", PEERS(T2 "," T1("")), PEERS(T1("") "," T2),
	  "nothing has changed" },
	{ NULL, "one for another", "{}", PEERS(T2), "peer t2 added, peer t1 removed" },
	{ "limit", "two slots more", PEERS(RANGE(",'limit':1")), PEERS(RANGE(",'limit':3")),
	  "peer r-2 added, peer r-3 added" },
	{ "limit", "a slot less", PEERS(RANGE(",'limit':2")), PEERS(RANGE(",'limit':1")),
	  "peer r-2 removed" },
	{ "range", "another range", PEERS(RANGE(",'limit':1")),
	  PEERS("{'name':'r','range':'10.8.0.0/16','asn':65109,'limit':1}"), "peer r-1 reset" },
	{ NULL, "policy of a range", PEERS(RANGE(",'limit':2")),
	  PEERS(RANGE(",'limit':2,'policy':{'med':1}")), "peer r-1 changed, peer r-2 changed" },
	/* Their BFD sessions; BGP stays. */
	{ "bfd", "watched", "{}", BFD(""), "peer t1 changed" },
	{ "bfd", "no longer watched", BFD(""), "{}", "peer t1 changed" },
	{ "bfd", "defaults of BFD", BFD(""), BFD("'interval_ms':300,'multiplier':3"),
	  "nothing has changed" },
	{ "bfd", "interval", BFD(""), BFD("'interval_ms':50"), "peer t1 changed" },
	{ "bfd", "BFD's key", BFD("'auth':{'key_file':'VERSION'}"),
	  BFD("'auth':{'key_file':'VERSION','key_id':2}"), "peer t1 changed" },

	/* Other PoPs. */
	{ NULL, "a mesh", "{}", MESH(""), "setting mesh changed" },
	{ NULL, "no mesh any more", MESHED(AMS), "{}", "pop ams removed, setting mesh changed" },
	{ NULL, "defaults of the mesh", MESHED(AMS),
	  MESH(",'port':6079,'gue_port':6080,'interval_ms':80,'multiplier':3,'reset_after_ms':1000,"
	       "'pops':[" AMS "]"), "nothing has changed" },
	{ NULL, "a pop more", MESHED(AMS), MESHED(POP("lon", "10.200.3.1", "86") "," AMS),
	  "pop lon added" },
	{ NULL, "a pop elsewhere", MESHED(AMS), MESHED(POP("ams", "10.200.3.1", "85")),
	  "pop ams reset" },
	{ NULL, "with another key", MESHED(AMS), MESHED(POP("ams", "10.200.2.1", "86")),
	  "pop ams reset" },
	{ NULL, "another key of ours", MESHED(AMS),
	  "{'mesh':{'key_file':'tests/unit/lb/mesh/other.key','pops':[" AMS "]}}",
	  "setting mesh changed" },
	{ NULL, "port of the mesh", MESH(",'port':6079"), MESH(",'port':6081"),
	  "setting mesh changed" },
	{ NULL, "port of GUE", MESH(""), MESH(",'gue_port':6081"), "setting mesh changed" },
	{ NULL, "hellos", MESH(""), MESH(",'interval_ms':40"), "setting mesh changed" },
	{ NULL, "patience with them", MESH(""), MESH(",'multiplier':4"), "setting mesh changed" },
	{ NULL, "patience with the dead", MESH(""), MESH(",'reset_after_ms':500"),
	  "setting mesh changed" },

	/* The rest. */
	{ NULL, "the identity's policy", "{}", "{'identity':{'policy':{'med':1}}}",
	  "setting identity changed" },
	{ NULL, "the identity's port", "{}", "{'identity':{'port':80}}",
	  "setting identity changed" },
	{ NULL, "the identity itself", "{}",
	  "{'identity':{'prefixes':['10.200.2.0/24'],'addresses':['10.200.2.1']}}",
	  "setting identity changed" },
	{ NULL, "listen", "{}", "{'bgp':{'listen':['10.1.1.3:1179']}}",
	  "setting bgp.listen changed" },
	{ NULL, "nameservers", "{}", "{'drain':{'geodns':[{'api':'unix:a'}]}}",
	  "setting drain.geodns changed" },
	{ NULL, "drain", "{}", "{'bgp':{'drain_ms':5}}", "setting bgp.drain_ms changed" },
	{ NULL, "shutdown text", "{}", "{'bgp':{'shutdown_text':'bye'}}",
	  "setting bgp.shutdown_text changed" },
	{ NULL, "no routes", "{}", "{'dataplane':{'routes':false}}",
	  "setting dataplane.routes changed" },
	{ NULL, "metric", "{}", "{'dataplane':{'metric':7}}", "setting dataplane.metric changed" },
};
/* clang-format on */

Test(lb_reload, finds_what_has_changed)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lb_conf *old = load(rows[i].before), *new = load(rows[i].after);
		struct lb_diff diff;
		json_t *report;
		char *text;

		lb_diff_init(&diff, old, new);
		report = lb_diff_report(&diff, old, new);
		text = lb_diff_text(report);
		cr_expect_str_eq(text, rows[i].expected, "%s: got '%s'", rows[i].name, text);
		cr_expect_null(diff.restart, "%s", rows[i].name);
		free(text);
		json_decref(report);
		lb_diff_fini(&diff);
		lb_conf_free(old);
		lb_conf_free(new);
	}
}

static const struct {
	const char *patch, *pointer;
} restarts[] = {
	{ "{'pop':'ams'}", "/pop" },
	{ "{'asn':64501}", "/asn" },
	{ "{'router_id':'10.200.1.2'}", "/router_id" },
	{ "{'api':{'listen':'127.0.0.1:8081'}}", "/api" },
	{ "{'api':{'listen':'unix:/run/lb.sock'}}", "/api" },
	{ "{'dataplane':{'interface':'eth0'}}", "/dataplane/interface" },
	{ XDP(",'services':['tcp/80']"), "/dataplane/type" },
	{ "{'dataplane':{'interface':'eth0'},'pop':'ams','bgp':{'peers':[]}}", "/pop" },
	{ "{'mesh':{'key_file':'tests/unit/lb/mesh/rfc7748.key'},"
	  "'dataplane':{'type':'local','continuity':{'interfaces':[{'name':'eth0'}]}}}",
	  "/dataplane/continuity" },
};

Test(lb_reload, knows_what_needs_a_restart)
{
	for (size_t i = 0; i < sizeof(restarts) / sizeof(restarts[0]); i++) {
		struct lb_conf *old = load("{}"), *new = load(restarts[i].patch);
		struct lb_diff diff;

		lb_diff_init(&diff, old, new);
		cr_expect_str_eq(diff.restart ? diff.restart : "none", restarts[i].pointer, "%s",
				 restarts[i].patch);
		lb_diff_fini(&diff);
		lb_conf_free(old);
		lb_conf_free(new);
	}
}

/* Of the mesh, once continuity has begun with it. */
static const struct {
	const char *old, *new, *pointer;
} handovers[] = {
	{ CONTINUOUS(""), CONTINUOUS(""), "none" },
	{ CONTINUOUS(""), CONTINUOUS(",'interval_ms':50"), "none" },
	{ CONTINUOUS(""), CONTINUOUS(",'gue_port':6081"), "/mesh" },
	{ CONTINUOUS(""), CONTINUOUS(",'reset_after_ms':500"), "/mesh" },
	{ XDP_MESHED, XDP(",'services':['tcp/80']"), "/mesh" },
	{ XDP(",'services':['tcp/80']"), XDP_MESHED, "/mesh" },
	{ MESH(""), MESH(",'gue_port':6081"), "none" },
};

Test(lb_reload, knows_what_continuity_began_with)
{
	for (size_t i = 0; i < sizeof(handovers) / sizeof(handovers[0]); i++) {
		struct lb_conf *old = load(handovers[i].old), *new = load(handovers[i].new);
		struct lb_diff diff;

		lb_diff_init(&diff, old, new);
		cr_expect_str_eq(diff.restart ? diff.restart : "none", handovers[i].pointer, "%s",
				 handovers[i].new);
		lb_diff_fini(&diff);
		lb_conf_free(old);
		lb_conf_free(new);
	}
}

static const struct {
	const char *name, *before, *after;
	enum lb_bfd_change change;
} bfd_rows[] = {
	{ "none", "{}", "{}", LB_BFD_SAME },
	{ "the same", BFD(""), BFD(""), LB_BFD_SAME },
	{ "begins", "{}", BFD(""), LB_BFD_ANEW },
	{ "ends", BFD(""), "{}", LB_BFD_ANEW },
	{ "interval", BFD(""), BFD("'interval_ms':50"), LB_BFD_TIMERS },
	{ "multiplier", BFD(""), BFD("'multiplier':5"), LB_BFD_TIMERS },
	{ "multihop", BFD(""), BFD("'multihop':true"), LB_BFD_ANEW },
	{ "passive", BFD(""), BFD("'passive':true"), LB_BFD_ANEW },
	{ "key", BFD(""), BFD("'auth':{'key_file':'VERSION'}"), LB_BFD_ANEW },
	{ "key and interval", BFD(""), BFD("'interval_ms':50,'auth':{'key_file':'VERSION'}"),
	  LB_BFD_ANEW },
	{ "hold time alone", BFD(""), PEERS(T1(",'hold_time':30,'bfd':{}")), LB_BFD_SAME },
	{ "from another address", BFD(""), PEERS(T1(",'local_address':'10.1.1.3','bfd':{}")),
	  LB_BFD_ANEW },
};

Test(lb_reload, bfd_sessions)
{
	for (size_t i = 0; i < sizeof(bfd_rows) / sizeof(bfd_rows[0]); i++) {
		struct lb_conf *old = load(bfd_rows[i].before), *new = load(bfd_rows[i].after);
		struct lb_diff diff;

		lb_diff_init(&diff, old, new);
		cr_expect_eq(diff.bfd[0], bfd_rows[i].change, "%s: %d", bfd_rows[i].name,
			     (int)diff.bfd[0]);
		lb_diff_fini(&diff);
		lb_conf_free(old);
		lb_conf_free(new);
	}
}

Test(lb_reload, matches_by_name)
{
	struct lb_conf *old = load(PEERS(T1("") "," T2)), *new = load(PEERS(T2));
	struct lb_diff diff;

	lb_diff_init(&diff, old, new);
	cr_expect_eq(diff.peers[0].change, LB_SAME);
	cr_expect_eq(diff.peers[0].was, 1);
	cr_expect_eq(lb_match_find(diff.peers, 1, 1), 0);
	cr_expect_eq(lb_match_find(diff.peers, 1, 0), 1, "gone");
	lb_diff_fini(&diff);
	lb_conf_free(old);
	lb_conf_free(new);
}

static bool has_row(const char *key)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].key && strcmp(rows[i].key, key) == 0)
			return true;
	return false;
}

/* The keys in the first cell of a table's line. */
static size_t expect_rows(const char *line, const char *section)
{
	const char *end = strchr(line + 1, '|');
	char key[64];
	size_t count = 0;
	int n;

	for (const char *p = strchr(line, '`'); p && p < end; p = strchr(p + n + 2, '`')) {
		n = (int)strcspn(p + 1, "`");
		snprintf(key, sizeof(key), "%.*s", n, p + 1);
		cr_expect(has_row(key),
			  "docs/lb.md, %s: a reload must compare '%s': give it a row here", section,
			  key);
		count++;
	}
	return count;
}

/* A key that a reload does not compare would come into force by chance. */
Test(lb_reload, every_documented_key_of_vips_and_peers_is_compared)
{
	FILE *file = fopen("docs/lb.md", "re");
	const char *section = NULL;
	char line[4096];
	size_t count = 0;

	cr_assert(file);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "## vips", 7) == 0)
			section = "vips";
		else if (strncmp(line, "A peer has a ", 13) == 0)
			section = "peers";
		else if (line[0] == '#')
			section = NULL;
		if (section && strncmp(line, "| `", 3) == 0)
			count += expect_rows(line, section);
	}
	fclose(file);
	cr_expect_gt(count, 20);
}
