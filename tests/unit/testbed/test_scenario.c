/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/testbed/small.h"

struct row {
	const char *what;
	const char *at, *value;
	const char *mistake;
};

#define LONG_NAME "\"abcdefghijklmnopqrstuvwxyz0123456\"" /* 33 characters */

/* clang-format off */
static const struct row rows[] = {
	{ "no version",         "version", NULL, "version: required" },
	{ "another version",    "version", "2", "version: 2 is not between 1 and 1" },
	{ "unknown key",        "speed", "1", "speed: unknown key" },
	{ "no name",            "name", NULL, "name: required" },
	{ "name with a slash",  "name", "\"a/b\"", "name: 'a/b' is not a name" },
	{ "seed below zero",    "seed", "-1", "seed: -1 is not between 0 and 9223372036854775807" },
	{ "no trials",          "trials", "0", "trials: 0 is not between 1 and 10000" },
	{ "trials as text",     "trials", "\"3\"", "trials: expected a whole number, found a string" },
	{ "unknown profile",    "profile", "\"fast\"", "profile: unknown value 'fast'" },
	{ "unknown speaker",    "speaker", "\"frr\"", "speaker: unknown value 'frr'" },
	{ "short hold time",    "hold_time", "2", "hold_time: 2 is not between 3 and 65535" },
	{ "path below straight", "path_stretch", "0.5", "path_stretch: 0.5 is not between 1 and 10" },
	{ "short trial",        "duration_ms", "10", "duration_ms: 10 is not between 1000 and 7200000" },
	{ "checks as text",     "checks", "\"often\"", "checks: expected an object, found a string" },
	{ "checks too often",   "checks", "{\"interval_ms\": 49}",
	  "checks.interval_ms: 49 is not between 50 and 3600000" },
	{ "time-out over interval", "checks", "{\"interval_ms\": 500, \"timeout_ms\": 501}",
	  "checks.timeout_ms: 501 is not between 10 and 500" },
	{ "rise of zero",       "checks", "{\"rise\": 0}", "checks.rise: 0 is not between 1 and 100" },

	{ "limits a number",    "limits", "1", "limits: expected an object, found a number" },
	{ "limits' key",        "limits", "{\"late_ms\": 1}", "limits.late_ms: unknown key" },
	{ "wires always late",  "limits", "{\"wires_late_ms\": 0}",
	  "limits.wires_late_ms: 0 is not between 0.05 and 10000" },
	{ "senders never late", "limits", "{\"senders_late_ms\": 2001}",
	  "limits.senders_late_ms: 2001 is not between 1 and 2000" },
	{ "BFD a number",       "bfd", "50", "bfd: expected an object, found a number" },
	{ "BFD's key",          "bfd", "{\"echo\": true}", "bfd.echo: unknown key" },
	{ "BFD too often",      "bfd", "{\"interval_ms\": 9}",
	  "bfd.interval_ms: 9 is not between 10 and 60000" },

	{ "no networks",        "networks", "[]", "networks: needs at least 1 item" },
	{ "networks missing",   "networks", NULL, "networks: required" },
	{ "networks an object", "networks", "{}", "networks: expected an array, found an object" },
	{ "network a number",   "networks/0", "7", "networks[0]: expected an object, found a number" },
	{ "network's key",      "networks/0/as", "7", "networks[0].as: unknown key" },
	{ "long name",          "networks/0/name", LONG_NAME, "networks[0].name: longer than 32 characters" },
	{ "name with a dot",    "networks/0/name", "\"a.b\"",
	  "networks[0].name: 'a.b' has a dot, but is one label of a DNS name" },
	{ "the pops' AS",       "networks/0/asn", "64500", "networks[0].asn: 64500 is the pops' own" },
	{ "AS of 4 octets",     "networks/0/asn", "65535", "networks[0].asn: 65535 is not between 1 and 65534" },
	{ "deaf in part",       "networks/0/ignores_communities", "\"some\"",
	  "networks[0].ignores_communities: expected true or false, found a string" },
	{ "an AS twice",        "networks/1/asn", "65001", "networks[1].asn: already the AS of 'a'" },
	{ "unknown router",     "networks/0/router", "\"ios\"", "networks[0].router: unknown value 'ios'" },
	{ "a router's number",  "networks/0/router", "1", "networks[0].router: expected a string, found a number" },
	{ "no place",           "networks/0/at", NULL, "networks[0].at: required" },
	{ "unknown city",       "networks/0/at", "\"Atlantis\"",
	  "networks[0].at: unknown city 'Atlantis'; give [latitude, longitude]" },
	{ "beyond the pole",    "networks/0/at", "[90.5, 0]", "networks[0].at[0]: 90.5 is not between -90 and 90" },
	{ "half a point",       "networks/0/at", "[50]", "networks[0].at: expected [latitude, longitude] in degrees" },
	{ "no places",          "networks/1/at", "[]", "networks[1].at: needs 1 to 16 places" },
	{ "a nameless router",  "networks/1/at", "[\"Paris\", [50, 8]]",
	  "networks[1].at[1]: a router's place must be a city: it names it" },
	{ "two of one name",    "networks/0/name", "\"b\"", "two nodes are named 'b'" },

	{ "no pops",            "pops", "[]", "pops: needs at least 1 item" },
	{ "pop without place",  "pops/1/at", NULL, "pops[1].at: required" },
	{ "pop's key",          "pops/1/asn", "1", "pops[1].asn: unknown key" },
	{ "a distant origin",   "pops/0/origins", "[\"db\"]",
	  "pops[0].origins[0]: a pop of shape host has the origin 'local'" },
	{ "two origins",        "pops/0/origins", "[\"local\", \"local\"]",
	  "pops[0].origins: has 2 items, at most 1 are possible" },
	{ "unknown shape",      "pops/0/shape", "\"tower\"", "pops[0].shape: unknown value 'tower'" },
	{ "a host's router",    "pops/0/router", "\"bird\"",
	  "pops[0].router: is a rack's: a pop of shape host has no router of its own" },
	{ "unknown edge",       "pops/0", "{\"name\": \"p1\", \"at\": \"Berlin\", \"shape\": \"rack\", \"router\": \"ios\"}",
	  "pops[0].router: unknown value 'ios'" },
	{ "a rack's distant origin", "pops/0",
	  "{\"name\": \"p1\", \"at\": \"Berlin\", \"shape\": \"rack\", \"origins\": [\"db\"]}",
	  "pops[0].origins[0]: a pop of shape rack has the origin 'local'" },
	{ "pop named as network", "pops/1/name", "\"a\"", "two nodes are named 'a'" },

	{ "no relation",        "links/0/relation", NULL, "links[0].relation: required" },
	{ "unknown relation",   "links/0/relation", "\"friend\"", "links[0].relation: unknown value 'friend'" },
	{ "loss over all",      "links/0/loss", "1.5", "links[0].loss: 1.5 is not between 0 and 1" },
	{ "delay below zero",   "links/0/delay_ms", "-1", "links[0].delay_ms: -1 is not between 0 and 10000" },
	{ "no far end",         "links/0/to", NULL, "links[0].to: required" },
	{ "link's BFD",         "links/0/bfd", "{\"multiplier\": 1}",
	  "links[0].bfd.multiplier: 1 is not between 2 and 255" },
	{ "link's key",         "links/3/cost", "1", "links[3].cost: unknown key" },

	{ "no nameservers",     "nameservers", NULL, "nameservers: required" },
	{ "nowhere",            "nameservers/0/network", "\"x\"", "nameservers[0].network: unknown network 'x'" },
	{ "in a router",        "nameservers/0/network", "\"big-newyork\"",
	  "nameservers[0].network: unknown network 'big-newyork'" },
	{ "the root alone",     "nameservers/0/name", "\"root\"",
	  "nameservers: the root alone cannot answer for the lab's names" },

	{ "users of nobody",    "clients/0/network", NULL, "clients[0].network: required" },
	{ "no users",           "clients/0/users", "0", "clients[0].users: 0 is not between 1 and 10000" },
	{ "no traffic",         "clients/0/traffic", NULL, "clients[0].traffic: required" },
	{ "unknown traffic",    "clients/0/traffic/0/kind", "\"gopher\"",
	  "clients[0].traffic[0].kind: unknown value 'gopher'" },
	{ "traffic twice",      "clients/0/traffic/1", "{\"kind\": \"udp\", \"period_ms\": 50}",
	  "clients[0].traffic[1]: kind 'udp' twice" },
	{ "no period",          "clients/0/traffic/0/period_ms", NULL, "clients[0].traffic[0].period_ms: required" },
	{ "unknown cache",      "clients/0/cache", "\"big\"", "clients[0].cache: unknown value 'big'" },
	{ "resolver's key",     "clients/0/resolver", "{\"dnssec\": true}",
	  "clients[0].resolver.dnssec: unknown key" },
	{ "ECS as text",        "clients/0/resolver", "{\"ecs\": \"yes\"}",
	  "clients[0].resolver.ecs: expected true or false, found a string" },

	{ "no variants",        "variants", "[]", "variants: needs at least 1 item" },
	{ "unknown mode",       "variants/0/mode", "\"magic\"", "variants[0].mode: unknown value 'magic'" },
	{ "a variant twice",    "variants/1/name", "\"any\"", "variants[1]: name 'any' twice" },
	{ "variant with a dot", "variants/1/name", "\"any.b\"",
	  "variants[1].name: 'any.b' has a dot, but is one label of a DNS name" },
	{ "TTL over a day",     "variants/1/ttl", "86401", "variants[1].ttl: 86401 is not between 0 and 86400" },

	{ "variant's BFD",      "variants/0/bfd", "{}", "variants[0].bfd: expected true or false, found an object" },

	{ "unknown fault",      "timeline/0/fault", "\"flood\"", "timeline[0].fault: unknown value 'flood'" },
	{ "no target",          "timeline/0/target", NULL, "timeline[0].target: required" },
	{ "target no pop",      "timeline/0/target", "\"big\"", "timeline[0].target: unknown pop 'big'" },
	{ "a fault after the end", "duration_ms", "1000",
	  "timeline[0]: may come after the end of the trial (duration_ms 1000)" },
	{ "carrier of a crash", "timeline/0/carrier", "false", "timeline[0].carrier: is of the fault link_cut" },
	{ "deadline of a crash", "timeline/0/deadline_ms", "5", "timeline[0].deadline_ms: is of the fault drain" },
	{ "no instant",         "timeline/0/at_ms", NULL, "timeline[0].at_ms: required" },
};
/* clang-format on */

Test(scenario, mistakes_name_path_and_reason)
{
	char buf[400];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		const char *got = small_mistake(EDITS({ row->at, row->value }), buf, sizeof(buf));

		cr_expect_str_eq(got, row->mistake, "%s: %s", row->what, got);
	}
}

Test(scenario, the_first_mistake_is_told)
{
	char buf[400];

	small_mistake(EDITS({ "seed", "-1" }, { "variants", "[]" }), buf, sizeof(buf));
	cr_expect_str_eq(buf, "seed: -1 is not between 0 and 9223372036854775807");
}

/* Only FRR can wait between updates: it is what one gets, and BIRD what one cannot have. */
Test(scenario, the_profile_internet_needs_frr)
{
	struct scenario *s = small_scenario(
		EDITS({ "profile", "\"internet\"" }, { "networks/1/router", "\"frr\"" }));
	char buf[400];

	cr_expect_eq(s->profile, PROFILE_INTERNET);
	cr_expect_str_eq(profile_name(s->profile), "internet");
	for (size_t i = 0; i < s->network_count; i++)
		cr_expect_eq(s->networks[i].router, ROUTER_FRR);
	cr_expect(scenario_has_router(s, ROUTER_FRR));
	cr_expect_not(scenario_has_router(s, ROUTER_BIRD));
	scenario_free(s);
	small_mistake(EDITS({ "profile", "\"internet\"" }, { "networks/1/router", "\"bird\"" }),
		      buf, sizeof(buf));
	cr_expect_str_eq(buf, "networks[1].router: bird has no MRAI, which the profile 'internet' "
			      "needs: use frr");
}

Test(scenario, defaults)
{
	struct scenario *s = small_scenario(EDITS());

	cr_expect_eq(s->seed, 1);
	cr_expect_eq(s->trials, 1);
	cr_expect_eq(s->profile, PROFILE_IDEAL);
	cr_expect_eq(s->networks[0].router, ROUTER_BIRD);
	cr_expect_eq(s->speaker, SPEAKER_LB);
	cr_expect_eq(s->hold_time, 9);
	cr_expect_eq(s->checks.interval_ms, 1000);
	cr_expect_eq(s->checks.timeout_ms, 1000);
	cr_expect_eq(s->checks.rise, 2);
	cr_expect_eq(s->checks.fall, 3);
	cr_expect_float_eq(s->limits.wires_late_ms, 0.5, 1e-9);
	cr_expect_float_eq(s->limits.senders_late_ms, 5, 1e-9);
	cr_expect_eq(s->bfd.interval_ms, 50);
	cr_expect_eq(s->bfd.multiplier, 3);
	cr_expect_not(scenario_wants_bfd(s));
	cr_expect_float_eq(s->path_stretch, 1.4, 1e-9);
	cr_expect_eq(s->ramp_ms, 5000);
	/* The fault is never undone: as long as a minute for it, and another to settle. */
	cr_expect_eq(s->duration_ms, 121000);
	cr_expect_eq(s->networks[0].place_count, 1);
	cr_expect_eq(s->networks[1].place_count, 3);
	cr_expect_null(s->networks[2].places[0].name);
	cr_expect_float_eq(s->networks[2].places[0].point.lon, 2.5, 1e-9);
	cr_expect_eq(s->pops[0].shape, SHAPE_HOST);
	cr_expect_lt(s->links[0].delay_ms, 0);
	cr_expect_eq(s->links[0].loss, 0);
	cr_expect_eq(s->links[0].rate_mbit, 0);
	cr_expect_float_eq(s->links[2].delay_ms, 7.5, 1e-9);
	cr_expect_float_eq(s->nameservers[0].delay_ms, 0.5, 1e-9);
	cr_expect_not(s->clients[0].ecs);
	cr_expect_eq(s->clients[0].stretch_ttl, 0);
	cr_expect_str_eq(s->clients[0].cache, "none");
	cr_expect_float_eq(s->clients[0].access_ms, 2, 1e-9);
	cr_expect_eq(s->variants[0].ttl, 30);
	cr_expect_eq(s->variants[1].ttl, 5);
	cr_expect_eq(s->faults[0].undo_ms, 0);
	scenario_free(s);
}

Test(scenario, links_have_the_bfd_of_all_but_for_what_they_say)
{
	struct scenario *s = small_scenario(EDITS({ "bfd", "{\"interval_ms\": 100}" },
						  { "links/1/bfd", "{\"multiplier\": 5}" },
						  { "variants/1/bfd", "true" }));

	cr_expect(scenario_wants_bfd(s));
	cr_expect_not(s->variants[0].bfd);
	cr_expect_eq(s->links[0].bfd.interval_ms, 100);
	cr_expect_eq(s->links[0].bfd.multiplier, 3);
	cr_expect_eq(s->links[1].bfd.interval_ms, 100);
	cr_expect_eq(s->links[1].bfd.multiplier, 5);
	scenario_free(s);
}

Test(scenario, a_root_is_added_where_the_first_nameserver_is)
{
	struct scenario *s = small_scenario(EDITS());

	cr_expect_eq(s->nameserver_count, 2);
	cr_expect_str_eq(s->nameservers[1].name, "root");
	cr_expect_eq(s->nameservers[1].network, 1);
	scenario_free(s);
	s = small_scenario(EDITS({ "nameservers/1", "{\"name\": \"root\", \"network\": \"a\"}" }));
	cr_expect_eq(s->nameserver_count, 2);
	cr_expect_eq(s->nameservers[1].network, 0);
	scenario_free(s);
}

Test(scenario, a_short_interval_shortens_the_time_out)
{
	struct scenario *s = small_scenario(EDITS({ "checks", "{\"interval_ms\": 250}" }));

	cr_expect_eq(s->checks.timeout_ms, 250);
	scenario_free(s);
}

Test(scenario, a_trial_lasts_until_its_faults_have_settled)
{
	struct scenario *s = small_scenario(
		EDITS({ "timeline/0/undo_ms", "20000" }, { "timeline/0/jitter_ms", "500" }));

	cr_expect_eq(s->duration_ms, 1000 + 500 + 2 * 20000);
	scenario_free(s);
	s = small_scenario(EDITS({ "timeline", NULL }));
	cr_expect_eq(s->fault_count, 0);
	cr_expect_eq(s->duration_ms, 15000);
	scenario_free(s);
}

Test(scenario, shipped_ones_load)
{
	for (char **path = small_shipped_paths(); *path; path++) {
		struct scenario *s = small_shipped(*path);
		struct topology *t = small_topology(s);
		const char *file = strrchr(*path, '/') + 1;

		/* A scenario is found by its file's name and shown by its own: they must agree. */
		cr_expect_eq(strncmp(file, s->name, strlen(s->name)), 0, "%s: %s", *path, s->name);
		cr_expect_str_eq(file + strlen(s->name), ".json");
		topology_free(t);
		scenario_free(s);
	}
}

Test(scenario, a_file_that_is_not_there)
{
	struct conf_error err = { 0 };

	cr_expect_null(scenario_read("no/such.json", &err));
	cr_expect_str_eq(err.reason, "cannot open: No such file or directory");
}

Test(scenario, a_cut_is_seen_unless_it_is_not)
{
	struct scenario *s = small_scenario(
		EDITS({ "timeline/0/fault", "\"link_cut\"" }, { "timeline/0/target", "\"p1-a\"" }));

	cr_expect_eq(s->faults[0].order.kind, FAULT_LINK_CUT);
	cr_expect(s->faults[0].order.carrier);
	scenario_free(s);
	s = small_scenario(EDITS({ "timeline/0/fault", "\"link_cut\"" },
				 { "timeline/0/target", "\"p1-a\"" },
				 { "timeline/0/carrier", "false" }));
	cr_expect_str_eq(s->faults[0].order.target, "p1-a");
	cr_expect_not(s->faults[0].order.carrier);
	scenario_free(s);
}

Test(scenario, a_shift_needs_another_way)
{
	const struct edit shift = { "timeline/0/fault", "\"catchment_shift\"" };
	char buf[400];

	cr_expect_str_eq(small_mistake(EDITS(shift), buf, sizeof(buf)), "");
	cr_expect_str_eq(small_mistake(EDITS(shift, { "variants/0", NULL }), buf, sizeof(buf)),
			 "timeline[0]: catchment_shift: no variant is anycast");
	cr_expect_str_eq(small_mistake(EDITS(shift, { "pops/1", NULL }, { "links/1", NULL }), buf,
				       sizeof(buf)),
			 "timeline[0]: catchment_shift: there is no other pop");
}

Test(scenario, a_drain_needs_whoever_drains)
{
	const struct edit drain = { "timeline/0/fault", "\"drain\"" };
	struct scenario *s = small_scenario(EDITS(drain));
	char buf[400];

	cr_expect_eq(s->faults[0].order.deadline_ms, 30000);
	scenario_free(s);
	s = small_scenario(EDITS(drain, { "timeline/0/deadline_ms", "500" }));
	cr_expect_eq(s->faults[0].order.deadline_ms, 500);
	scenario_free(s);
	cr_expect_str_eq(small_mistake(EDITS(drain, { "speaker", "\"bird\"" }), buf, sizeof(buf)),
			 "timeline[0]: drain: the pops have no catchment-lb");
}

Test(scenario, names_of_faults)
{
	enum fault_kind kind = FAULT_POP_CRASH;

	for (int i = FAULT_POP_CRASH; i <= FAULT_DRAIN; i++) {
		cr_expect(fault_kind_parse(&kind, fault_kind_name((enum fault_kind)i)));
		cr_expect_eq(kind, i);
	}
	cr_expect_not(fault_kind_parse(&kind, "flood"));
	cr_expect_str_eq(traffic_kind_name(TRAFFIC_SESSION), "session");
}
