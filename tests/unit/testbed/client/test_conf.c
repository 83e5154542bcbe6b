/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "testbed/client/conf.h"

#define HEAD                                                                                       \
	"{\"version\":1,\"group\":\"paris\",\"seed\":7,\"users\":20,\"resolver\":\"192.0.2.1\","
#define VARIANTS "\"variants\":[{\"name\":\"g30\",\"zone\":\"g30.lab.test\"}],"
#define TRAFFIC	 "\"traffic\":[{\"kind\":\"udp\",\"period_ms\":100}]"
#define WHOLE	 HEAD VARIANTS TRAFFIC

static struct client_conf *load(const char *text, struct conf_error *err)
{
	json_t *json = conf_read_text(text, strlen(text), err);
	struct client_conf *conf = json ? client_conf_load(json, err) : NULL;

	json_decref(json);
	return conf;
}

Test(client_conf, smallest_has_defaults)
{
	struct conf_error err = { 0 };
	struct client_conf *conf = load(WHOLE "}", &err);

	cr_assert_not_null(conf, "%s: %s", err.path, err.reason);
	cr_expect_str_eq(conf->group, "paris");
	cr_expect_eq(conf->first_user, 1);
	cr_expect_eq(conf->family, ADDR_IPV4);
	cr_expect_eq(conf->resolver.port, 53);
	cr_expect_eq(conf->cache, CLIENT_CACHE_NONE);
	cr_expect_eq(conf->timeout_ms, 1000);
	cr_expect_eq(conf->session_timeout_ms, 30000);
	cr_expect_eq(conf->ramp_ms, 0);
	cr_expect_eq(conf->start.ns, 0);
	cr_expect_eq(conf->variant_count, 1);
	cr_expect_str_eq(conf->variants[0].zone, "g30.lab.test");
	cr_expect_eq(conf->traffic[0].kind, CLIENT_UDP);
	client_conf_free(conf);
}

Test(client_conf, everything_said)
{
	struct conf_error err = { 0 };
	struct client_conf *conf = load(
		"{\"version\":1,\"group\":\"tokyo\",\"seed\":9,\"users\":3,\"first_user\":41,"
		"\"timeout_ms\":500,\"session_timeout_ms\":2000,\"ramp_ms\":30000,\"family\":6,"
		"\"resolver\":\"[2001:db8::53]:5353\",\"cache\":\"until_restart\",\"start_ns\":12,"
		"\"variants\":[{\"name\":\"a\",\"zone\":\"a.lab.test\"},"
		"{\"name\":\"b\",\"zone\":\"b.lab.test\"}],\"traffic\":["
		"{\"kind\":\"dns\",\"period_ms\":1000},{\"kind\":\"session\",\"period_ms\":500},"
		"{\"kind\":\"http\",\"period_ms\":1000}]}",
		&err);

	cr_assert_not_null(conf, "%s: %s", err.path, err.reason);
	cr_expect_eq(conf->first_user, 41);
	cr_expect_eq(conf->family, ADDR_IPV6);
	cr_expect_eq(conf->resolver.port, 5353);
	cr_expect_eq(conf->cache, CLIENT_CACHE_UNTIL_RESTART);
	cr_expect_eq(conf->start.ns, 12);
	cr_expect_eq(conf->variant_count, 2);
	cr_expect_eq(conf->traffic[0].kind, CLIENT_DNS);
	cr_expect_eq(conf->traffic[1].kind, CLIENT_SESSION);
	cr_expect_eq(conf->traffic[2].kind, CLIENT_HTTP);
	client_conf_free(conf);
}

static const struct row {
	const char *what, *text, *path;
} rows[] = {
	{ "unknown key", WHOLE ",\"user\":1}", "user" },
	{ "version 2", "{\"version\":2}", "version" },
	{ "family 5", WHOLE ",\"family\":5}", "family" },
	{ "cache unknown", WHOLE ",\"cache\":\"lru\"}", "cache" },
	{ "timeout too short", WHOLE ",\"timeout_ms\":1}", "timeout_ms" },
	{ "user 0", WHOLE ",\"first_user\":0}", "first_user" },
	{ "no variants", HEAD TRAFFIC "}", "variants" },
	{ "no traffic", HEAD VARIANTS "\"traffic\":[]}", "traffic" },
	{ "kind unknown", HEAD VARIANTS "\"traffic\":[{\"kind\":\"icmp\",\"period_ms\":10}]}",
	  "traffic[0].kind" },
	{ "period missing", HEAD VARIANTS "\"traffic\":[{\"kind\":\"udp\"}]}",
	  "traffic[0].period_ms" },
	{ "kind twice",
	  HEAD VARIANTS "\"traffic\":[{\"kind\":\"udp\",\"period_ms\":10},"
			"{\"kind\":\"udp\",\"period_ms\":20}]}",
	  "traffic[1]" },
	{ "variant twice",
	  HEAD "\"variants\":[{\"name\":\"a\",\"zone\":\"a.test\"},"
	       "{\"name\":\"a\",\"zone\":\"b.test\"}]," TRAFFIC "}",
	  "variants[1]" },
	{ "zone with an empty label",
	  HEAD "\"variants\":[{\"name\":\"a\",\"zone\":\"a..b\"}]," TRAFFIC "}",
	  "variants[0].zone" },
	{ "zone with a final dot",
	  HEAD "\"variants\":[{\"name\":\"a\",\"zone\":\"a.b.\"}]," TRAFFIC "}",
	  "variants[0].zone" },
	{ "name with a quote",
	  HEAD "\"variants\":[{\"name\":\"a\\\"\",\"zone\":\"a.b\"}]," TRAFFIC "}",
	  "variants[0].name" },
};

Test(client_conf, names_the_mistake)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_error err = { 0 };

		cr_expect_null(load(rows[i].text, &err), "%s", rows[i].what);
		cr_expect(err.set, "%s", rows[i].what);
		cr_expect_str_eq(err.path, rows[i].path, "%s: %s", rows[i].what, err.path);
	}
}
