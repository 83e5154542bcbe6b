/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a configuration says about a check. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/check.h"
#include "lib/text.h"

/* What goes into the request must not be able to end a line in it. */
static bool is_visible(const char *s)
{
	for (; *s; s++) {
		if (!isgraph((unsigned char)*s))
			return false;
	}
	return true;
}

void check_question_load(const struct conf *object, struct check_spec *spec)
{
	const struct conf path = conf_get(object, "path");
	const struct conf host = conf_get(object, "host");
	const struct conf match = conf_get(object, "match");

	spec->path = conf_string(object, "path", spec->path ? spec->path : "/");
	if (spec->path[0] != '/' || !is_visible(spec->path))
		conf_fail(&path, "'%.60s' is not a path such as /healthz", spec->path);
	spec->host = conf_string(object, "host", spec->host);
	if (spec->host && (!spec->host[0] || !is_visible(spec->host)))
		conf_fail(&host, "'%.60s' is not a host", spec->host);
	spec->match = conf_string(object, "match", spec->match);
	if (spec->match && (!spec->match[0] || strlen(spec->match) > 256))
		conf_fail(&match, "a text to look for has 1 to 256 bytes");
}

static void tls_load(const struct conf *object, struct check_spec *spec)
{
	const struct conf ca_file = conf_get(object, "ca_file");
	const struct conf server_name = conf_get(object, "server_name");

	spec->ca_file = conf_string(object, "ca_file", NULL);
	if (spec->ca_file && spec->ca_file[0] != '/')
		conf_fail(&ca_file, "'%.60s' is not an absolute path", spec->ca_file);
	else if (spec->ca_file && access(spec->ca_file, R_OK) < 0)
		conf_fail(&ca_file, "%.100s: %s", spec->ca_file, strerror(errno));
	spec->server_name = conf_string(object, "server_name", NULL);
	if (spec->server_name && (!spec->server_name[0] || !is_visible(spec->server_name)))
		conf_fail(&server_name, "'%.60s' is not a name", spec->server_name);
}

static void dns_load(const struct conf *object, struct check_dns_spec *spec)
{
	const struct conf name = conf_get(object, "name");
	const struct conf type = conf_get(object, "query_type");
	const struct conf rcode = conf_get(object, "rcode");
	const struct conf answer = conf_get(object, "answer");
	const char *type_name = conf_string(object, "query_type", "A");
	const char *rcode_name = conf_string(object, "rcode", "NOERROR");
	uint8_t query[CHECK_DNS_QUERY_MAX];
	int code = check_dns_rcode_find(rcode_name);

	spec->name = conf_string(object, "name", CONF_REQUIRED_STRING);
	spec->type = check_dns_type_find(type_name);
	spec->rcode = (uint8_t)(code < 0 ? 0 : code);
	if (spec->type == 0)
		conf_fail(&type, "unknown type '%.20s'", type_name);
	if (code < 0)
		conf_fail(&rcode, "unknown rcode '%.20s'", rcode_name);
	if (!object->err->set && check_dns_query(spec, 0, query) == 0)
		conf_fail(&name, "'%.80s' is not a domain name", spec->name);
	if (!answer.json)
		return;
	spec->answer = conf_as_addr(&answer);
	if (spec->rcode != 0)
		conf_fail(&answer, "means nothing with rcode %s", rcode_name);
	else if (strcmp(type_name, spec->answer.family == ADDR_IPV4 ? "A" : "AAAA") != 0)
		conf_fail(&answer, "is not of type %.20s", type_name);
}

#define COMMON_KEYS "type", "address", "port", "interval_ms", "timeout_ms", "rise", "fall"

/* What belongs to each type. Returns the port that it has by default, or CONF_REQUIRED. */
static int64_t type_load(const struct conf *object, struct check_spec *spec)
{
	switch (spec->type) {
	case CHECK_TCP:
		CONF_KEYS(object, COMMON_KEYS);
		return CONF_REQUIRED;
	case CHECK_HTTP:
		CONF_KEYS(object, COMMON_KEYS, "path", "host", "status", "match");
		break;
	case CHECK_HTTPS:
		CONF_KEYS(object, COMMON_KEYS, "path", "host", "status", "match", "ca_file",
			  "server_name");
		tls_load(object, spec);
		break;
	case CHECK_DNS:
		CONF_KEYS(object, COMMON_KEYS, "name", "query_type", "rcode", "answer");
		dns_load(object, &spec->dns);
		return 53;
	}
	check_question_load(object, spec);
	spec->status = (unsigned)conf_int(object, "status", 200, 599, 200);
	return spec->type == CHECK_HTTPS ? 443 : CONF_REQUIRED;
}

void check_spec_load(const struct conf *object, const struct addr *target, struct check_spec *out)
{
	static const char *const types[] = { [CHECK_TCP] = "tcp",
					     [CHECK_HTTP] = "http",
					     [CHECK_HTTPS] = "https",
					     [CHECK_DNS] = "dns",
					     NULL };
	struct check_spec spec = { 0 };
	int64_t port;

	spec.type = (enum check_type)conf_choice(object, "type", types, CONF_REQUIRED);
	port = type_load(object, &spec);
	if (target && !conf_has(object, "address"))
		spec.target.addr = *target;
	else
		spec.target.addr = conf_addr(object, "address");
	spec.target.port = (uint16_t)conf_int(object, "port", 1, 65535, port);
	spec.interval_ms = (unsigned)conf_int(object, "interval_ms", 50, 3600000, 1000);
	spec.timeout_ms = (unsigned)conf_int(object, "timeout_ms", 10, spec.interval_ms,
					     spec.interval_ms < 1000 ? spec.interval_ms : 1000);
	spec.rise = (unsigned)conf_int(object, "rise", 1, 100, 2);
	spec.fall = (unsigned)conf_int(object, "fall", 1, 100, 3);
	*out = spec;
}

static bool dns_equal(const struct check_dns_spec *a, const struct check_dns_spec *b)
{
	return text_equal(a->name, b->name) && a->type == b->type && a->rcode == b->rcode &&
	       addr_equal(&a->answer, &b->answer);
}

bool check_spec_equal(const struct check_spec *a, const struct check_spec *b)
{
	return a->type == b->type && addr_equal(&a->target.addr, &b->target.addr) &&
	       a->target.port == b->target.port && text_equal(a->path, b->path) &&
	       text_equal(a->host, b->host) && a->status == b->status &&
	       text_equal(a->match, b->match) && text_equal(a->ca_file, b->ca_file) &&
	       text_equal(a->server_name, b->server_name) && dns_equal(&a->dns, &b->dns) &&
	       a->interval_ms == b->interval_ms && a->timeout_ms == b->timeout_ms &&
	       a->rise == b->rise && a->fall == b->fall;
}
