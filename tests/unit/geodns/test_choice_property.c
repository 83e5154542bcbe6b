/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random configurations, verdicts and words about PoPs: what explain says is what answer() does,
 * its words are true, and an answer is everybody's in its scope.
 */
#include <criterion/criterion.h>

#include "geodns/answer.h"
#include "geodns/api/api.h"
#include "geodns/dns/edns.h"
#include "tests/support/dns_message.h"
#include "tests/support/geodns_fixture.h"

#define POPS  6
#define NAMES 6
#define PEERS 24

static uint64_t next(uint64_t *state)
{
	*state += UINT64_C(0x9e3779b97f4a7c15);
	return geo_mix(*state);
}

static unsigned below(uint64_t *state, unsigned n)
{
	return (unsigned)(next(state) % n);
}

static const char *one_of(uint64_t *state, const char *const *words, unsigned count)
{
	return words[below(state, count)];
}

/* ---- a configuration ---- */

static const char *const policies[] = { "nearest", "failover", "weighted", "sticky" };

static void pops_write(FILE *out, uint64_t *r)
{
	static const char *const dials[] = { "0", "1", "50", "99", "100", "100", "100" };

	fprintf(out, "'pops':[");
	for (unsigned i = 0; i < POPS; i++)
		fprintf(out, "%s{'name':'p%u','at':[%d,%d],'dial':%s}", i ? "," : "", i,
			(int)below(r, 161) - 80, (int)below(r, 361) - 180, one_of(r, dials, 7));
	fprintf(out, "],");
}

static void networks_write(FILE *out, uint64_t *r)
{
	fprintf(out, "'networks':[");
	for (unsigned i = 0; i < 24; i++) {
		unsigned length = 13 + below(r, 20);
		uint32_t bits = (uint32_t)(0x14000000 | i << 19 | below(r, 1 << 19));

		bits &= UINT32_MAX << (32 - length);
		/* 20.0.0.0/9 and on, the same in 2001:db8::/32. */
		if (i % 3)
			fprintf(out, "{'prefix':'%u.%u.%u.%u/%u','at':[%d,%d]},", bits >> 24,
				bits >> 16 & 255, bits >> 8 & 255, bits & 255, length,
				(int)below(r, 161) - 80, (int)below(r, 361) - 180);
		else
			fprintf(out, "{'prefix':'2001:db8:%x:%x::/%u','at':[%d,%d]},", i << 8,
				below(r, 4) << 14, 50 + below(r, 14) / 14, (int)below(r, 161) - 80,
				(int)below(r, 361) - 180);
	}
	fprintf(out, "{'prefix':'0.0.0.0/0','at':[%d,8]}],", (int)below(r, 161) - 80);
	fprintf(out, "'regions':{'a':{'networks':['20.0.0.0/10','2001:db8::/36']},"
		     "'b':{'networks':['20.16.0.0/12','20.128.0.0/26']}},");
}

/* Every PoP in a group, three at the most. */
static void groups_write(FILE *out, uint64_t *r, bool weighted)
{
	unsigned count = 1 + below(r, 3);

	fprintf(out, "'groups':[");
	for (unsigned g = 0; g < count; g++) {
		/* Weights go with this policy only, and the targets have some. */
		fprintf(out, "%s{'name':'g%u','policy':'weighted',", g ? "," : "", g);
		if (weighted)
			fprintf(out, "'weight':%u,", below(r, 4));
		fprintf(out, "'pops':[");
		for (unsigned i = g; i < POPS; i += count)
			fprintf(out, "%s'p%u'", i > g ? "," : "", i);
		fprintf(out, "]}");
	}
	fprintf(out, "],");
}

static void name_write(FILE *out, uint64_t *r, unsigned index)
{
	const char *policy = one_of(r, policies, 4);
	bool has_groups = below(r, 3) == 0, has_fences = below(r, 3) == 0;
	unsigned resort = below(r, 3);

	fprintf(out, "%s{'name':'n%u.lab.test','ttl':%u,'ttl_min':%u,'policy':'%s','answers':%u,",
		index ? "," : "", index, 20 + below(r, 100), below(r, 20), policy, 1 + below(r, 3));
	if (has_groups)
		groups_write(out, r, strcmp(policy, "weighted") == 0);
	if (has_fences)
		fprintf(out,
			"'fences':[{'region':'a','pops':['p%u','p%u']},"
			"{'region':'b','pops':['p%u']}],",
			below(r, 3), 3 + below(r, 3), below(r, POPS));
	if (resort == 0)
		fprintf(out, "'when_all_down':{'a':['192.0.2.99'],'aaaa':['2001:db8::99']},");
	else if (resort == 1 && !has_fences)
		fprintf(out, "'when_all_down':'none',");
	fprintf(out, "'pops':[");
	for (unsigned i = 0; i < POPS; i++) {
		unsigned pop = (i + index) % POPS;

		fprintf(out, "%s{'pop':'p%u','a':['192.0.2.%u'],'aaaa':['2001:db8::%u']",
			i ? "," : "", pop, pop, pop);
		if (has_groups || strcmp(policy, "weighted") == 0)
			fprintf(out, ",'weight':%u", below(r, 5));
		if (below(r, 4) > 0)
			fprintf(out, ",'check':'c','address':'10.200.%u.1'", pop);
		fprintf(out, "}");
	}
	fprintf(out, "]}");
}

static struct catalog *catalog_draw(uint64_t *r)
{
	struct catalog *catalog;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "{'version':1,'listen':['::1'],'zones':[{'name':'lab.test','file':'z'},"
		     "{'name':'sub.lab.test','file':'z'}],");
	pops_write(out, r);
	networks_write(out, r);
	fprintf(out, "'checks':{'c':{'type':'tcp','port':80}},'names':[");
	for (unsigned i = 0; i < NAMES; i++)
		name_write(out, r, i);
	fprintf(out, "]}");
	fclose(out);
	catalog = fixture_catalog_of(text, "");
	free(text);
	return catalog;
}

/* Mostly well, and sometimes hardly anything is. */
static struct snapshot *snapshot_draw(const struct catalog *catalog, uint64_t *r)
{
	struct snapshot *snap;
	uint8_t health[NAMES * POPS], pops[POPS];
	uint32_t change_s[NAMES * POPS];
	unsigned ill = 1 + below(r, 10);

	for (size_t i = 0; i < catalog->conf->check_count; i++) {
		health[i] = (uint8_t)(below(r, 10) < ill ? HEALTH_DOWN
				      : below(r, 2)	 ? HEALTH_UP
							 : HEALTH_UNKNOWN);
		change_s[i] = below(r, 3) ? 0 : 1 + below(r, 200);
	}
	for (unsigned i = 0; i < POPS; i++)
		pops[i] = (uint8_t)(below(r, 10) < ill ? below(r, 4) : GEO_POP_AUTO);
	snap = snapshot_new(
		catalog, &(struct snapshot_state){ health, pops, below(r, 2) ? change_s : NULL });
	return snap;
}

static struct addr client_draw(uint64_t *r)
{
	struct addr addr = addr_from_ipv4((uint32_t)(0x14000000 | below(r, 1 << 24)));

	if (below(r, 3) > 0)
		return addr;
	addr_parse(&addr, "2001:db8::");
	addr.bytes[4] = (uint8_t)below(r, 24);
	addr.bytes[6] = (uint8_t)(below(r, 4) << 6);
	addr.bytes[15] = (uint8_t)below(r, 255);
	return addr;
}

/* ---- what is answered ---- */

struct answered {
	char text[DNS_TEXT_SIZE];
	char addrs[400]; /* each with a space behind */
	int scope;
	unsigned ttl;
};

static void ask(const struct snapshot *snap, const char *name, const struct addr *client,
		uint16_t type, struct answered *out)
{
	char subnet[ADDR_TEXT_SIZE + 5];
	char addr_text[ADDR_TEXT_SIZE], word[20];
	uint8_t packet[600], reply[DNS_UDP_SIZE_MAX];
	struct answer_request req = { .packet = packet };
	struct answer_result res;
	const char *at;

	snprintf(subnet, sizeof(subnet), "%s/%u", addr_format(client, addr_text),
		 client->family == ADDR_IPV4 ? 32 : 128);
	req.len = test_query_encode(&(struct test_query)Q(name, type, .ecs = subnet), packet,
				    sizeof(packet));
	req.client = addr_from_ipv4(0x64400035);
	res = answer(snap, &req, reply, sizeof(reply));
	test_reply_text(reply, res.len, out->text, DNS_TEXT_SIZE);
	out->addrs[0] = '\0';
	out->ttl = 0;
	snprintf(word, sizeof(word), " %s ", type == DNS_TYPE_A ? "A" : "AAAA");
	for (at = strstr(out->text, "AN "); at; at = strstr(at + 1, "AN ")) {
		const char *addr = strstr(at, word) + strlen(word);

		out->ttl = (unsigned)strtoul(strchr(at + 3, ' '), NULL, 10);
		strncat(out->addrs, addr, strcspn(addr, " "));
		strcat(out->addrs, " ");
	}
	at = strrchr(out->text, '/');
	cr_assert(at, "%s", out->text);
	out->scope = (int)strtol(at + 1, NULL, 10);
}

static void addrs_join(const json_t *explained, const char *key, char *text)
{
	const json_t *addr;
	size_t i;

	text[0] = '\0';
	json_array_foreach (json_object_get(explained, key), i, addr) {
		strcat(text, json_string_value(addr));
		strcat(text, " ");
	}
}

static const char *string(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

static const json_t *in_order(const json_t *explained, const char *pop)
{
	const json_t *order = json_object_get(explained, "order"), *item;
	size_t i;

	json_array_foreach (order, i, item) {
		if (strcmp(string(item, "pop"), pop) == 0)
			return item;
	}
	return NULL;
}

static bool is_healthy(const json_t *item)
{
	const char *said = string(item, "said");

	if (strcmp(said, "up") == 0 || strcmp(said, "down") == 0)
		return said[0] == 'u';
	return strcmp(string(item, "state"), "down") != 0;
}

/* Each reason, against what the order says of that PoP. */
static void passed_expect(const json_t *explained, const char *all)
{
	const json_t *passed = json_object_get(explained, "passed"), *item;
	size_t i;

	json_array_foreach (passed, i, item) {
		const json_t *o = in_order(explained, string(item, "pop"));
		const char *because = string(item, "because");

		cr_assert(o && json_is_true(json_object_get(o, "admitted")), "%s", all);
		if (strcmp(because, "it was said to be down") == 0)
			cr_expect_str_eq(string(o, "said"), "down", "%s", all);
		else if (strcmp(because, "its check says down") == 0)
			cr_expect(!is_healthy(o), "%s", all);
		else if (strcmp(because, "it is being drained") == 0)
			cr_expect_str_eq(string(o, "said"), "drain", "%s", all);
		else
			cr_expect(json_is_false(json_object_get(o, "accepts")), "%s", all);
	}
}

static void words_expect(const struct geo_name *name, const json_t *explained, const char *all)
{
	const json_t *order = json_object_get(explained, "order"), *o;
	const char *why = string(explained, "why"), *pop = string(explained, "pop");
	size_t i, healthy = 0, first = json_array_size(order);

	json_array_foreach (order, i, o) {
		bool admitted = json_is_true(json_object_get(o, "admitted"));

		healthy += admitted && is_healthy(o);
		if (admitted && first == json_array_size(order))
			first = i;
	}
	if (strstr(why, "no PoP is healthy,") || strstr(why, "no such PoP is healthy"))
		cr_expect_eq(healthy, 0, "%s", all);
	if (strstr(why, ": it is up") || strstr(why, "said to be up"))
		cr_expect(is_healthy(in_order(explained, pop)), "%s", all);
	if (strncmp(why, "the nearest:", 12) == 0)
		cr_expect_eq(json_array_size(json_object_get(explained, "fences")), 0, "%s", all);
	if (name->group_count == 1 && name->groups[0].policy == GEO_NEAREST && pop &&
	    json_array_size(json_object_get(explained, "passed")) == 0)
		cr_expect_str_eq(pop, string(json_array_get(order, first), "pop"), "%s", all);
	passed_expect(explained, all);
}

static void client_expect(const struct snapshot *snap, const struct geo_name *name,
			  const struct addr *client, struct answered *a)
{
	json_t *explained = geodns_api_explain(snap, name, client);
	char *all = json_dumps(explained, JSON_COMPACT), addrs[400];
	struct answered aaaa;

	ask(snap, name->text, client, DNS_TYPE_A, a);
	ask(snap, name->text, client, DNS_TYPE_AAAA, &aaaa);
	addrs_join(explained, "a", addrs);
	cr_expect_str_eq(a->addrs, addrs, "%s: %s", all, a->text);
	addrs_join(explained, "aaaa", addrs);
	cr_expect_str_eq(aaaa.addrs, addrs, "%s: %s", all, aaaa.text);
	cr_expect_eq(json_integer_value(json_object_get(explained, "scope")), a->scope, "%s: %s",
		     all, a->text);
	if (a->addrs[0]) {
		cr_expect_eq(json_integer_value(json_object_get(explained, "ttl")), a->ttl,
			     "%s: %s", all, a->text);
		cr_expect(a->ttl >= name->ttl_min && a->ttl <= name->ttl, "%s", a->text);
	}
	words_expect(name, explained, all);
	free(all);
	json_decref(explained);
}

/* What is answered to one is answered, with that scope, to all in the scope. */
static void scope_expect(const struct snapshot *snap, const struct geo_name *name,
			 const struct addr *client, const struct answered *told, uint64_t *r)
{
	/* Clients are all drawn from within this. */
	const unsigned least = client->family == ADDR_IPV4 ? 8 : 32;
	struct addr other = *client;
	struct answered its;

	for (unsigned bit = told->scope < (int)least ? least : (unsigned)told->scope;
	     bit < addr_bits(client->family); bit++)
		other.bytes[bit / 8] ^= (uint8_t)((next(r) & 1) << (7 - bit % 8));
	ask(snap, name->text, &other, DNS_TYPE_A, &its);
	cr_expect_str_eq(its.addrs, told->addrs, "%s", told->text);
	cr_expect_eq(its.scope, told->scope, "%s and %s", told->text, its.text);
}

Test(geodns_choice, explain_says_what_is_answered)
{
	uint64_t r = 20261122;

	for (unsigned round = 0; round < 60; round++) {
		struct catalog *catalog = catalog_draw(&r);

		for (unsigned k = 0; k < 4; k++) {
			struct snapshot *snap = snapshot_draw(catalog, &r);

			for (unsigned i = 0; i < NAMES * PEERS / 4; i++) {
				const struct geo_name *name = &catalog->conf->names[i % NAMES];
				struct addr client = client_draw(&r);
				struct answered told;

				client_expect(snap, name, &client, &told);
				scope_expect(snap, name, &client, &told, &r);
			}
			free(snap);
		}
		catalog_free(catalog);
	}
}
