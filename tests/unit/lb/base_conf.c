/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/lb/base_conf.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "lib/alloc.h"

static const char base[] =
	"{'version':1,'pop':'fra','asn':64500,'router_id':'10.200.1.1',"
	"'identity':{'prefixes':['10.200.1.0/24'],'addresses':['10.200.1.1']},"
	"'checks':{'web':{'type':'http','port':80,'path':'/'}},"
	"'origins':[{'name':'a','address':'127.0.0.1','check':'web'},"
	"{'name':'b','address':'::1','check':'web'}],"
	"'vips':[{'name':'v','prefixes':['198.18.0.0/24'],'addresses':['198.18.0.1'],"
	"'origins':['a','b']}],"
	"'bgp':{'peers':[{'name':'t1','address':'10.1.1.2','asn':65101}]},"
	"'dataplane':{'type':'local'}}";

static json_t *parse(const char *text)
{
	char *copy = xstrdup(text);
	json_error_t err;
	json_t *json;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	json = json_loads(copy, 0, &err);
	cr_assert(json, "%s: %s", text, err.text);
	free(copy);
	return json;
}

json_t *base_conf_json(void)
{
	return parse(base);
}

void base_conf_patch(json_t *conf, const char *patch)
{
	json_t *change = parse(patch);

	cr_assert_eq(json_object_update_recursive(conf, change), 0, "%s", patch);
	json_decref(change);
}
