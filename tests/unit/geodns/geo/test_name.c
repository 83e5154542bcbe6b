/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "geodns/pop_state.h"
#include "tests/support/geodns_fixture.h"

#define NETWORKS 20000u

#define HEAD                                                                                       \
	"{'version':1,'listen':['::1'],'zones':[{'name':'lab.test','file':'z'}],"                  \
	"'regions':{'eu':{'networks':['20.0.0.0/8']},'de':{'networks':['20.1.0.0/16']},"           \
	"'us':{'networks':['21.0.0.0/8']}},'checks':{'c':{'type':'tcp','port':80}},'pops':["
#define POP(name) "{'name':'" name "','at':[0,0]}"
#define POPS	  POP("fra") "," POP("ams") "," POP("nyc") "," POP("sfo") "," POP("sin")
#define T(pop, octet, more)                                                                        \
	"{'pop':'" pop "','a':['10.0.0." octet "'],'check':'c','address':'10.1.0." octet "'" more  \
	"}"
#define TARGETS	      T("fra", "1", "") "," T("ams", "2", "") "," T("nyc", "3", "") "," T("sfo", "4", "")
#define EUROPE(more)  "{'name':'europe','pops':['fra','ams']" more "}"
#define AMERICA(more) "{'name':'america','pops':['nyc','sfo']" more "}"

/* One name of one configuration. */
struct subject {
	struct geodns_conf *conf;
	const struct geo_name *name;
	uint8_t checks[64], pops[64];
	struct geo_health health;
	uint16_t order[8]; /* that of pops */
	struct geo_client client;
};

static void subject_init(struct subject *s, const char *pops, const char *name)
{
	char *text = xasprintf("%s%s],'names':[{'name':'a.lab.test',%s}]}", HEAD, pops, name);
	struct conf_error err = { 0 };
	char buf[400];

	memset(s, 0, sizeof(*s));
	s->health = (struct geo_health){ s->checks, s->pops };
	s->conf = fixture_conf_load(text, &err);
	cr_assert(s->conf, "%s: %s", conf_error_format(&err, buf, sizeof(buf)), text);
	free(text);
	s->name = s->conf->names;
	s->client.order = s->order;
	s->client.pop_count = s->conf->places.pop_count;
	for (uint16_t i = 0; i < s->client.pop_count; i++)
		s->order[i] = i;
}

static void subject_fini(struct subject *s)
{
	geodns_conf_free(s->conf);
}

static const char *pop_name(const struct subject *s, const struct geo_target *t)
{
	return t->pop == GEO_NO_POP ? "resort" : s->conf->places.pops[t->pop].name;
}

/* "fra nyc", in that order. */
static void order_set(struct subject *s, const char *names)
{
	char *text = xstrdup(names), *rest = NULL;
	size_t i = 0;

	for (char *n = strtok_r(text, " ", &rest); n; n = strtok_r(NULL, " ", &rest)) {
		uint16_t pop = 0;

		while (strcmp(s->conf->places.pops[pop].name, n) != 0)
			pop++;
		s->order[i++] = pop;
	}
	cr_assert_eq(i, s->client.pop_count);
	free(text);
}

static const char *choose(struct subject *s, const char *down, char text[100])
{
	struct geo_choice choice;

	fixture_health(s->conf, down, s->checks);
	geo_name_choose(&choice, s->name, &s->client, &s->health);
	text[0] = '\0';
	for (unsigned i = 0; i < choice.count; i++)
		snprintf(text + strlen(text), 100 - strlen(text), "%s%s", i ? " " : "",
			 pop_name(s, choice.targets[i]));
	return text;
}

/* The first pop's name for the nth network, "" for none. */
static const char *drawn(struct subject *s, uint32_t n)
{
	const struct addr a = addr_from_ipv4(0x14000000 + (n << 8));
	struct geo_choice choice;

	s->client.network = geo_network_hash(&a);
	geo_name_choose(&choice, s->name, &s->client, &s->health);
	return choice.count ? pop_name(s, choice.targets[0]) : "";
}

/* Of all networks, how many has it? */
static double share(struct subject *s, const char *pop)
{
	unsigned count = 0;

	for (uint32_t n = 0; n < NETWORKS; n++)
		count += strcmp(drawn(s, n), pop) == 0;
	return count / (double)NETWORKS;
}

#define NEAR_EU "fra ams nyc sfo sin"
#define NEAR_US "sin sfo nyc ams fra"
enum { EU = 1, DE = 2, US = 4 };

Test(geo_name, what_is_chosen)
{
	/* clang-format off */
	static const struct { const char *what, *name, *order, *down; uint64_t regions; const char *chosen; } rows[] = {
		{ "nearest", "'pops':[" TARGETS "]", NEAR_EU, "", 0, "fra" },
		{ "nearest, elsewhere; a PoP that the name lacks is passed over", "'pops':[" TARGETS "]", NEAR_US, "", 0, "sfo" },
		{ "nearest is down", "'pops':[" TARGETS "]", NEAR_EU, "fra", 0, "ams" },
		{ "all down: all", "'pops':[" TARGETS "]", NEAR_EU, "fra ams nyc sfo", 0, "fra" },
		{ "all down: none", "'when_all_down':'none','pops':[" TARGETS "]", NEAR_EU, "fra ams nyc sfo", 0, "" },
		{ "all down: last resort", "'when_all_down':{'a':['10.9.9.9']},'pops':[" TARGETS "]", NEAR_EU, "fra ams nyc sfo", 0, "resort" },
		{ "not all down: no last resort", "'when_all_down':{'a':['10.9.9.9']},'pops':[" TARGETS "]", NEAR_EU, "fra ams nyc", 0, "sfo" },
		{ "failover", "'policy':'failover','pops':[" T("nyc", "3", "") "," T("fra", "1", "") "]", NEAR_EU, "", 0, "nyc" },
		{ "failover, first is down", "'policy':'failover','pops':[" T("nyc", "3", "") "," T("fra", "1", "") "]", NEAR_US, "nyc", 0, "fra" },
		{ "failover, all down", "'policy':'failover','pops':[" T("nyc", "3", "") "," T("fra", "1", "") "]", NEAR_EU, "nyc fra", 0, "nyc" },
		{ "two nearest", "'answers':2,'pops':[" TARGETS "]", NEAR_US, "nyc", 0, "sfo ams" },
		{ "more wanted than there are", "'answers':8,'pops':[" TARGETS "]", NEAR_US, "nyc", 0, "sfo ams fra" },
		{ "several, all down", "'answers':3,'pops':[" TARGETS "]", NEAR_US, "fra ams nyc sfo", 0, "sfo nyc ams" },
		{ "three by failover", "'policy':'failover','answers':3,'pops':[" TARGETS "]", NEAR_US, "ams", 0, "fra nyc sfo" },
		{ "weight 0 is for when there is no other", "'policy':'weighted','pops':[" T("fra", "1", ",'weight':0") "," T("ams", "2", ",'weight':0") "," T("nyc", "3", "") "]", NEAR_EU, "", 0, "nyc" },
		{ "weight 0, then the first listed", "'policy':'weighted','pops':[" T("fra", "1", ",'weight':0") "," T("ams", "2", ",'weight':0") "," T("nyc", "3", "") "]", NEAR_EU, "nyc", 0, "fra" },
		{ "weight 0, several", "'policy':'weighted','answers':3,'pops':[" T("fra", "1", ",'weight':0") "," T("ams", "2", ",'weight':0") "," T("nyc", "3", "") "]", NEAR_US, "", 0, "nyc fra ams" },

		{ "fence: not in its region", "'fences':[{'region':'eu','pops':['fra','ams']}],'pops':[" TARGETS "]", NEAR_US, "", US, "sfo" },
		{ "fence: in its region", "'fences':[{'region':'eu','pops':['fra','ams']}],'pops':[" TARGETS "]", NEAR_US, "", EU, "ams" },
		{ "fence: never left, all within are down", "'fences':[{'region':'eu','pops':['fra','ams']}],'pops':[" TARGETS "]", NEAR_US, "fra ams", EU, "ams" },
		{ "fence: or the last resort", "'when_all_down':{'a':['10.9.9.9']},'fences':[{'region':'eu','pops':['fra','ams']}],'pops':[" TARGETS "]", NEAR_US, "fra ams", EU, "resort" },
		{ "fence: several", "'answers':4,'fences':[{'region':'eu','pops':['fra','ams']}],'pops':[" TARGETS "]", NEAR_US, "", EU, "ams fra" },
		{ "fence: failover", "'policy':'failover','fences':[{'region':'us','pops':['sfo','nyc']}],'pops':[" TARGETS "]", NEAR_EU, "", US, "nyc" },
		{ "two fences: both bind", "'fences':[{'region':'eu','pops':['fra','ams']},{'region':'de','pops':['fra']}],'pops':[" TARGETS "]", NEAR_US, "", EU | DE, "fra" },
		{ "two fences, in any order", "'fences':[{'region':'de','pops':['fra']},{'region':'eu','pops':['fra','ams']}],'pops':[" TARGETS "]", NEAR_US, "fra", EU | DE, "fra" },
		{ "two fences that leave nothing: the first binds", "'fences':[{'region':'de','pops':['fra']},{'region':'eu','pops':['ams']}],'pops':[" TARGETS "]", NEAR_US, "", EU | DE, "fra" },
		{ "fence around one group", "'groups':[" EUROPE("") "," AMERICA("") "],'fences':[{'region':'eu','pops':['ams']}],'pops':[" TARGETS "]", NEAR_US, "ams", EU, "ams" },

		{ "fence: PoPs outside do not make a group near", "'groups':[" EUROPE("") "," AMERICA("") "],'fences':[{'region':'eu','pops':['fra','nyc']}],'pops':[" TARGETS "]", "sfo fra nyc ams sin", "", EU, "fra" },

		{ "groups: the nearest one", "'groups':[" EUROPE("") "," AMERICA("") "],'pops':[" TARGETS "]", NEAR_US, "", 0, "sfo" },
		{ "groups: stays within while one is up", "'groups':[" EUROPE("") "," AMERICA("") "],'pops':[" TARGETS "]", "fra nyc ams sfo sin", "fra", 0, "ams" },
		{ "groups: a dead one is skipped", "'groups':[" EUROPE("") "," AMERICA("") "],'pops':[" TARGETS "]", "fra ams sin sfo nyc", "fra ams", 0, "sfo" },
		{ "groups: all down", "'groups':[" EUROPE("") "," AMERICA("") "],'pops':[" TARGETS "]", NEAR_US, "fra ams sfo nyc", 0, "sfo" },
		{ "groups: each has its policy", "'groups':[" EUROPE("") "," AMERICA(",'policy':'failover'") "],'pops':[" TARGETS "]", NEAR_US, "", 0, "nyc" },
		{ "groups: in the group's order, not that of pops", "'policy':'failover','groups':[{'name':'g','policy':'failover','pops':['sfo','fra','nyc','ams']}],'pops':[" TARGETS "]", NEAR_EU, "", 0, "sfo" },
		{ "groups: failover", "'policy':'failover','groups':[" AMERICA("") "," EUROPE("") "],'pops':[" TARGETS "]", NEAR_EU, "", 0, "nyc" },
		{ "groups: failover, dead one skipped", "'policy':'failover','groups':[" AMERICA("") "," EUROPE("") "],'pops':[" TARGETS "]", NEAR_US, "nyc sfo", 0, "ams" },
		{ "groups: several answers go on in the next", "'answers':3,'groups':[" EUROPE("") "," AMERICA("") "],'pops':[" TARGETS "]", "fra nyc ams sfo sin", "", 0, "fra ams nyc" },
		{ "groups: weight 0 behind", "'policy':'weighted','groups':[" EUROPE(",'weight':0") "," AMERICA("") "],'pops':[" TARGETS "]", NEAR_EU, "", 0, "nyc" },
		{ "groups: weight 0 when the other is dead", "'policy':'weighted','groups':[" EUROPE(",'weight':0") "," AMERICA("") "],'pops':[" TARGETS "]", NEAR_EU, "nyc sfo", 0, "fra" },
	};
	/* clang-format on */
	char text[100];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subject s;

		subject_init(&s, POPS, rows[i].name);
		order_set(&s, rows[i].order);
		s.client.regions = rows[i].regions;
		cr_expect_str_eq(choose(&s, rows[i].down, text), rows[i].chosen, "%s: %s",
				 rows[i].what, text);
		subject_fini(&s);
	}
}

Test(geo_name, dials)
{
#define DIALS(fra, ams)                                                                            \
	"{'name':'fra','at':[0,0],'dial':" fra "},{'name':'ams','at':[0,0],'dial':" ams "}"
#define PAIR "'pops':[" T("fra", "1", "") "," T("ams", "2", "") "]"
	/* clang-format off */
	static const struct { const char *what, *pops, *name, *down; double fra, ams; } rows[] = {
		{ "open", DIALS("100", "100"), PAIR, "", 1, 0 },
		{ "a part goes to the next", DIALS("30", "100"), PAIR, "", 0.3, 0.7 },
		{ "off", DIALS("0", "100"), PAIR, "", 0, 1 },
		{ "failover too", DIALS("30", "100"), "'policy':'failover'," PAIR, "", 0.3, 0.7 },
		{ "those whom neither accepts have the nearest", DIALS("30", "50"), PAIR, "", 0.3 + 0.7 * 0.5, 0.7 * 0.5 },
		{ "a PoP alone has all", DIALS("30", "100"), PAIR, "ams", 1, 0 },
		{ "a PoP alone has all, none or not", DIALS("30", "100"), "'when_all_down':'none'," PAIR, "ams", 1, 0 },
		{ "before a last resort it has its share", DIALS("30", "100"), "'when_all_down':{'a':['10.9.9.9']}," PAIR, "ams", 0.3, 0 },
		{ "off, alone: better than one that is down", DIALS("0", "100"), PAIR, "ams", 1, 0 },
		{ "off, alone: none", DIALS("0", "100"), "'when_all_down':'none'," PAIR, "ams", 0, 0 },
		{ "off, alone: the last resort", DIALS("0", "100"), "'when_all_down':{'a':['10.9.9.9']}," PAIR, "ams", 0, 0 },
		{ "both off", DIALS("0", "0"), PAIR, "", 1, 0 },
		{ "off before in part", DIALS("0", "1"), PAIR, "", 0, 1 },
		{ "all down: dials do not count", DIALS("0", "100"), PAIR, "fra ams", 1, 0 },
		{ "has nothing to do with the weights' draws", DIALS("50", "100"), "'policy':'sticky'," PAIR, "", 0.25, 0.75 },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subject s;

		subject_init(&s, rows[i].pops, rows[i].name);
		fixture_health(s.conf, rows[i].down, s.checks);
		cr_expect_float_eq(share(&s, "fra"), rows[i].fra, 0.01, "%s: fra has %g",
				   rows[i].what, share(&s, "fra"));
		cr_expect_float_eq(share(&s, "ams"), rows[i].ams, 0.01, "%s: ams has %g",
				   rows[i].what, share(&s, "ams"));
		subject_fini(&s);
	}
}

#define WEIGHTED(fra, ams, nyc)                                                                    \
	"'policy':'weighted','pops':[" T("fra", "1", ",'weight':" fra) "," T(                      \
		"ams", "2", ",'weight':" ams) "," T("nyc", "3", ",'weight':" nyc) "]"

Test(geo_name, weights_are_shares)
{
	/* clang-format off */
	static const struct { const char *what, *name; double fra, ams, nyc; } rows[] = {
		{ "equal", WEIGHTED("1", "1", "1"), 1 / 3.0, 1 / 3.0, 1 / 3.0 },
		{ "sticky", "'policy':'sticky','pops':[" T("fra", "1", "") "," T("ams", "2", "") "," T("nyc", "3", "") "]", 1 / 3.0, 1 / 3.0, 1 / 3.0 },
		{ "1 2 5", WEIGHTED("1", "2", "5"), 1 / 8.0, 2 / 8.0, 5 / 8.0 },
		{ "0 1 3", WEIGHTED("0", "1", "3"), 0, 0.25, 0.75 },
		{ "1000 1 1000", WEIGHTED("1000", "1", "1000"), 0.5, 0, 0.5 },
		{ "groups", "'policy':'weighted','groups':[{'name':'one','policy':'sticky','weight':1,'pops':['fra','ams']},"
		  "{'name':'two','weight':3,'pops':['nyc']}],'pops':[" T("fra", "1", "") "," T("ams", "2", "") "," T("nyc", "3", "") "]",
		  0.125, 0.125, 0.75 },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subject s;

		subject_init(&s, POPS, rows[i].name);
		cr_expect_float_eq(share(&s, "fra"), rows[i].fra, 0.012, "%s: fra has %g",
				   rows[i].what, share(&s, "fra"));
		cr_expect_float_eq(share(&s, "ams"), rows[i].ams, 0.012, "%s: ams has %g",
				   rows[i].what, share(&s, "ams"));
		cr_expect_float_eq(share(&s, "nyc"), rows[i].nyc, 0.012, "%s: nyc has %g",
				   rows[i].what, share(&s, "nyc"));
		subject_fini(&s);
	}
}

/*
 * Compare two states of the world, network by network. Only those that were at from or come to
 * to may move (NULL: nobody), and some must.
 */
static void moves_check(struct subject *before, struct subject *after, const char *from,
			const char *to, const char *what)
{
	unsigned moved = 0;

	for (uint32_t n = 0; n < NETWORKS; n++) {
		const char *old = drawn(before, n), *new = drawn(after, n);

		if (strcmp(old, new) == 0)
			continue;
		moved++;
		cr_expect((from && strcmp(old, from) == 0) || (to && strcmp(new, to) == 0),
			  "%s: %s to %s", what, old, new);
	}
	cr_expect_eq(moved > 0, from || to, "%s: %u moved", what, moved);
}

Test(geo_name, nobody_moves_without_a_reason)
{
	/* clang-format off */
	static const struct { const char *what, *pops, *name, *down, *from, *to; } rows[] = {
		{ "nothing has changed", POPS, WEIGHTED("2", "3", "4"), "", NULL, NULL },
		{ "one is down", POPS, WEIGHTED("2", "3", "4"), "ams", "ams", NULL },
		{ "two are down", POPS, WEIGHTED("2", "3", "0"), "ams", "ams", "fra" },
		{ "more weight", POPS, WEIGHTED("2", "3", "9"), "", NULL, "nyc" },
		{ "less weight", POPS, WEIGHTED("2", "1", "4"), "", "ams", NULL },
		{ "weight 0", POPS, WEIGHTED("0", "3", "4"), "", "fra", NULL },
		{ "all weights doubled", POPS, WEIGHTED("4", "6", "8"), "", NULL, NULL },
		{ "PoPs in another order", POP("sin") "," POP("nyc") "," POP("ams") "," POP("fra") "," POP("sfo"),
		  "'policy':'weighted','pops':[" T("nyc", "3", ",'weight':4") "," T("fra", "1", ",'weight':2") "," T("ams", "2", ",'weight':3") "]", "", NULL, NULL },
		{ "one more", POPS, "'policy':'weighted','pops':[" T("sin", "5", "") "," T("fra", "1", ",'weight':2") ","
		  T("ams", "2", ",'weight':3") "," T("nyc", "3", ",'weight':4") "]", "", NULL, "sin" },
		{ "dialled down", "{'name':'fra','at':[0,0],'dial':60}," POP("ams") "," POP("nyc"), WEIGHTED("2", "3", "4"), "", "fra", NULL },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subject before, after;

		subject_init(&before, POPS, WEIGHTED("2", "3", "4"));
		subject_init(&after, rows[i].pops, rows[i].name);
		fixture_health(before.conf, "", before.checks);
		fixture_health(after.conf, rows[i].down, after.checks);
		moves_check(&before, &after, rows[i].from, rows[i].to, rows[i].what);
		subject_fini(&before);
		subject_fini(&after);
	}
}

/* The PoPs of a network in the order of its draws: that is who takes over, one after the other. */
Test(geo_name, several_answers_are_the_best_ones)
{
	struct subject all, one;
	char text[100];

	subject_init(&all, POPS, "'answers':4," WEIGHTED("2", "3", "4"));
	subject_init(&one, POPS, WEIGHTED("2", "3", "4"));
	for (uint32_t n = 0; n < 200; n++) {
		char *list, *rest = NULL, down[100] = "";

		drawn(&all, n);
		list = xstrdup(choose(&all, "", text));
		cr_expect_eq(strlen(list), strlen("fra ams nyc"));
		for (char *p = strtok_r(list, " ", &rest); p; p = strtok_r(NULL, " ", &rest)) {
			fixture_health(one.conf, down, one.checks);
			cr_expect_str_eq(drawn(&one, n), p);
			strcat(down, p);
		}
		free(list);
	}
	subject_fini(&all);
	subject_fini(&one);
}

Test(geo_name, scopes)
{
	/* clang-format off */
	static const struct { const char *what, *pops, *name; unsigned leaf, ipv4, ipv6; } rows[] = {
		{ "nearest", POPS, "'pops':[" TARGETS "]", 17, 17, 17 },
		{ "one PoP", POPS, "'pops':[" T("fra", "1", "") "]", 17, 0, 0 },
		{ "one PoP, dialled down", DIALS("50", "100"), "'pops':[" T("fra", "1", "") "]", 17, 0, 0 },
		{ "one PoP, dialled down, last resort", DIALS("50", "100"), "'when_all_down':{'a':['10.9.9.9']},'pops':[" T("fra", "1", "") "]", 17, 24, 48 },
		{ "one PoP, off, last resort", DIALS("0", "100"), "'when_all_down':{'a':['10.9.9.9']},'pops':[" T("fra", "1", "") "]", 17, 0, 0 },
		{ "failover is the same for all", POPS, "'policy':'failover','pops':[" TARGETS "]", 17, 0, 0 },
		{ "failover with a fence", POPS, "'policy':'failover','fences':[{'region':'eu','pops':['fra']}],'pops':[" TARGETS "]", 17, 17, 17 },
		{ "failover, dialled down", DIALS("50", "100"), "'policy':'failover'," PAIR, 17, 24, 48 },
		{ "failover, off", DIALS("0", "100"), "'policy':'failover'," PAIR, 17, 0, 0 },
		{ "weighted: the network, wherever it is", POPS, WEIGHTED("1", "2", "3"), 28, 24, 48 },
		{ "nearest, dialled down", DIALS("50", "100"), PAIR, 17, 24, 48 },
		{ "nearest, dialled down, long leaf", DIALS("50", "100"), PAIR, 52, 52, 52 },
		{ "nearest, off", DIALS("0", "100"), PAIR, 17, 17, 17 },
		{ "groups, failover of nearest", POPS, "'policy':'failover','groups':[" EUROPE("") "," AMERICA("") "],'pops':[" TARGETS "]", 17, 17, 17 },
		{ "groups, nearest of weighted", POPS, "'groups':[" EUROPE(",'policy':'sticky'") "," AMERICA("") "],'pops':[" TARGETS "]", 17, 24, 48 },
		{ "groups, failover of failover", POPS, "'policy':'failover','groups':[" EUROPE(",'policy':'failover'") "," AMERICA(",'policy':'failover'") "],'pops':[" TARGETS "]", 17, 0, 0 },
		{ "groups, weighted of failover", POPS, "'policy':'weighted','groups':[" EUROPE(",'policy':'failover'") "," AMERICA(",'policy':'failover'") "],'pops':[" TARGETS "]", 28, 24, 48 },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subject s;
		uint8_t leaf = (uint8_t)rows[i].leaf;

		subject_init(&s, rows[i].pops, rows[i].name);
		cr_expect_eq(geo_name_scope(s.name, leaf, ADDR_IPV4), rows[i].ipv4, "%s: %u",
			     rows[i].what, geo_name_scope(s.name, leaf, ADDR_IPV4));
		cr_expect_eq(geo_name_scope(s.name, leaf, ADDR_IPV6), rows[i].ipv6, "%s: %u",
			     rows[i].what, geo_name_scope(s.name, leaf, ADDR_IPV6));
		subject_fini(&s);
	}
}

/* "fra:drain nyc:up" */
static void said_set(struct subject *s, const char *said)
{
	char *text = xstrdup(said), *rest = NULL;

	memset(s->pops, GEO_POP_AUTO, sizeof(s->pops));
	for (char *n = strtok_r(text, " ", &rest); n; n = strtok_r(NULL, " ", &rest)) {
		char *state = strchr(n, ':');
		size_t pop = 0;
		uint8_t value = 0;

		*state++ = '\0';
		while (strcmp(s->conf->places.pops[pop].name, n) != 0)
			pop++;
		while (strcmp(pop_state_names[value], state) != 0)
			value++;
		s->pops[pop] = value;
	}
	free(text);
}

Test(geo_name, what_is_said_about_pops)
{
	/* clang-format off */
	static const struct { const char *what, *more, *down, *said, *chosen; } rows[] = {
		{ "nothing",                     "", "", "", "fra" },
		{ "down, though its check is up", "", "", "fra:down", "ams" },
		{ "up, though its check is down", "", "fra", "fra:up", "fra" },
		{ "drained",                     "", "", "fra:drain", "ams" },
		{ "drained, and its check down", "", "fra ams nyc", "fra:drain", "sfo" },
		{ "drained before down",         "", "ams nyc sfo", "fra:drain", "fra" },
		{ "not checked, down",           ",'check':null", "", "fra:down", "ams" },
		{ "all said to be down",         "", "", "fra:down ams:down nyc:down sfo:down", "fra" },
		{ "the same, none wanted",       ",'when_all_down':'none'", "", "fra:down ams:down nyc:down sfo:down", "" },
		{ "all drained",                 "", "", "fra:drain ams:drain nyc:drain sfo:drain", "fra" },
		{ "the same, none wanted",       ",'when_all_down':'none'", "", "fra:drain ams:drain nyc:drain sfo:drain", "" },
		{ "the same, a last resort",     ",'when_all_down':{'a':['10.9.9.9']}", "", "fra:drain ams:drain nyc:drain sfo:drain", "resort" },
		{ "a group drained",             ",'groups':[" EUROPE("") "," AMERICA("") "]", "", "fra:drain ams:drain", "nyc" },
		{ "two answers",                 ",'answers':2", "", "ams:drain", "fra nyc" },
	};
	/* clang-format on */
	char text[100];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool unchecked = strstr(rows[i].more, "null");
		struct subject s;
		char *name = xasprintf(
			"'pops':[%s]%s",
			unchecked ? "{'pop':'fra','a':['10.0.0.1']}," T("ams", "2", "") : TARGETS,
			unchecked ? "" : rows[i].more);

		subject_init(&s, POPS, name);
		said_set(&s, rows[i].said);
		cr_expect_str_eq(choose(&s, rows[i].down, text), rows[i].chosen, "%s: %s",
				 rows[i].what, text);
		free(name);
		subject_fini(&s);
	}
}
