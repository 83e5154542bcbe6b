/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "geodns/reload.h"
#include "tests/support/geodns_fixture.h"

#define REST                                                                                       \
	",'zones':[{'name':'lab.test','file':'lab'}],"                                             \
	"'pops':[{'name':'fra','at':[1,2]}],'names':["                                             \
	"{'name':'a.lab.test','pops':[{'pop':'fra','a':['192.0.2.1']}]}]}"

static struct geodns_conf *load(const char *head)
{
	struct conf_error err = { 0 };
	char *text = xasprintf("{'version':1,%s" REST, head);
	struct geodns_conf *conf = fixture_conf_load(text, &err);

	cr_assert(conf, "%s: %s: %s", head, err.path, err.reason);
	free(text);
	return conf;
}

Test(geodns_reload, what_only_a_restart_can_change)
{
	/* clang-format off */
	static const struct { const char *what, *next, *pointer; } rows[] = {
		{ "nothing",      "'listen':['127.0.0.1:53'],'threads':2,'api':{'listen':'unix:a'}", NULL },
		{ "address",      "'listen':['127.0.0.2:53'],'threads':2,'api':{'listen':'unix:a'}", "/listen" },
		{ "port",         "'listen':['127.0.0.1:54'],'threads':2,'api':{'listen':'unix:a'}", "/listen" },
		{ "one more",     "'listen':['127.0.0.1:53','[::1]:53'],'threads':2,'api':{'listen':'unix:a'}", "/listen" },
		{ "threads",      "'listen':['127.0.0.1:53'],'threads':3,'api':{'listen':'unix:a'}", "/threads" },
		{ "API's path",   "'listen':['127.0.0.1:53'],'threads':2,'api':{'listen':'unix:b'}", "/api" },
		{ "API over TCP", "'listen':['127.0.0.1:53'],'threads':2,'api':{'listen':'127.0.0.1:8080'}", "/api" },
		{ "no API",       "'listen':['127.0.0.1:53'],'threads':2", "/api" },
		{ "TLS",          "'listen':['127.0.0.1:53'],'threads':2,'api':{'listen':'unix:a'},"
				  "'tls':{'listen':['127.0.0.1'],'certificate':'c','key':'k'}", "/tls/listen" },
		{ "signatures",   "'listen':['127.0.0.1:53'],'threads':2,'api':{'listen':'unix:a'},"
				  "'dnssec':{'signatures_kept':64}", "/dnssec/signatures_kept" },
		{ "the default",  "'listen':['127.0.0.1:53'],'threads':2,'api':{'listen':'unix:a'},"
				  "'dnssec':{'signatures_kept':16384}", NULL },
		{ "all the rest", "'identity':'x','dnssec':{'signatures_per_s':7},'tcp':{'idle_ms':100},'default_at':[0,0],"
				  "'listen':['127.0.0.1:53'],'threads':2,'api':{'listen':'unix:a'}", NULL },
	};
	/* clang-format on */
	struct geodns_conf *old = load(rows[0].next);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct geodns_conf *next = load(rows[i].next);
		const char *pointer = reload_restart_find(old, next);

		cr_expect_str_eq(pointer ? pointer : "-", rows[i].pointer ? rows[i].pointer : "-",
				 "%s", rows[i].what);
		geodns_conf_free(next);
	}
	geodns_conf_free(old);
}
