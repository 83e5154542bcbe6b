/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/testbed/small.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <string.h>

static const char text[] =
	"{\"version\": 1, \"name\": \"small\","
	" \"networks\": ["
	"  {\"name\": \"a\", \"asn\": 65001, \"at\": \"Berlin\"},"
	"  {\"name\": \"big\", \"asn\": 65002, \"at\": [\"Frankfurt\", \"New York\", "
	"\"Singapore\"]},"
	"  {\"name\": \"b\", \"asn\": 65003, \"at\": [1.5, 2.5]}],"
	" \"pops\": ["
	"  {\"name\": \"p1\", \"at\": \"Berlin\", \"origins\": [\"local\"]},"
	"  {\"name\": \"p2\", \"at\": \"New York\"}],"
	" \"links\": ["
	"  {\"from\": \"p1\", \"to\": \"a\", \"relation\": \"customer\"},"
	"  {\"from\": \"p2\", \"to\": \"big\", \"relation\": \"customer\"},"
	"  {\"from\": \"a\", \"to\": \"big\", \"relation\": \"customer\", \"delay_ms\": 7.5},"
	"  {\"from\": \"b\", \"to\": \"big\", \"relation\": \"customer\"}],"
	" \"nameservers\": [{\"name\": \"ns1\", \"network\": \"big\"}],"
	" \"clients\": [{\"name\": \"c1\", \"network\": \"b\", \"users\": 2,"
	"   \"traffic\": [{\"kind\": \"udp\", \"period_ms\": 100}]}],"
	" \"variants\": [{\"name\": \"any\", \"mode\": \"anycast\"},"
	"  {\"name\": \"geo\", \"mode\": \"geodns\", \"ttl\": 5}],"
	" \"timeline\": [{\"at_ms\": 1000, \"fault\": \"pop_crash\", \"target\": \"p1\"}]}";

json_t *small_json(void)
{
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	cr_assert_not_null(json);
	return json;
}

static void edit_apply(json_t *root, const struct edit *edit)
{
	char path[128], *rest = path, *part;
	json_t *at = root, *value = NULL;

	if (edit->value) {
		value = json_loads(edit->value, JSON_DECODE_ANY, NULL);
		cr_assert_not_null(value, "%s: '%s' is not JSON", edit->at, edit->value);
	}
	snprintf(path, sizeof(path), "%s", edit->at);
	while ((part = strsep(&rest, "/"))) {
		size_t index = json_is_array(at) ? strtoul(part, NULL, 10) : 0;

		if (rest) {
			at = json_is_array(at) ? json_array_get(at, index)
					       : json_object_get(at, part);
			cr_assert_not_null(at, "no %s in %s", part, edit->at);
		} else if (!value) {
			cr_assert_eq(json_is_array(at) ? json_array_remove(at, index)
						       : json_object_del(at, part),
				     0, "nothing at %s", edit->at);
		} else if (json_is_array(at) && index < json_array_size(at)) {
			json_array_set_new(at, index, value);
		} else if (json_is_array(at)) {
			json_array_append_new(at, value);
		} else {
			json_object_set_new(at, part, value);
		}
	}
}

json_t *small_json_edited(const struct edit *edits)
{
	json_t *json = small_json();

	for (; edits->at; edits++)
		edit_apply(json, edits);
	return json;
}

static struct scenario *loaded(json_t *json, const char *what)
{
	struct conf_error err = { 0 };
	struct scenario *s = json ? scenario_load(json, &err) : NULL;
	char buf[400];

	cr_assert_not_null(s, "%s: %s", what, conf_error_format(&err, buf, sizeof(buf)));
	return s;
}

struct scenario *small_scenario(const struct edit *edits)
{
	return loaded(small_json_edited(edits), "small");
}

struct scenario *small_shipped(const char *path)
{
	struct conf_error err = { 0 };

	return loaded(conf_read_file(path, &err), path);
}

struct topology *small_topology(const struct scenario *scenario)
{
	struct conf_error err = { 0 };
	struct topology *t = topology_new(scenario, &err);
	char buf[400];

	cr_assert_not_null(t, "%s: %s", scenario->name, conf_error_format(&err, buf, sizeof(buf)));
	return t;
}

const char *small_mistake(const struct edit *edits, char *buf, size_t size)
{
	struct conf_error err = { 0 };
	json_t *json = small_json_edited(edits);
	struct scenario *s = scenario_load(json, &err);
	struct topology *t = s ? topology_new(s, &err) : NULL;

	cr_expect_eq(t == NULL, err.set, "a mistake and a result, or neither");
	conf_error_format(&err, buf, size);
	topology_free(t);
	if (s)
		scenario_free(s);
	else
		json_decref(json);
	return buf;
}

size_t small_node(const struct topology *t, const char *name)
{
	const struct topology_node *node = topology_find(t, name);

	cr_assert_not_null(node, "no node '%s'", name);
	return (size_t)(node - t->nodes);
}

char **small_shipped_paths(void)
{
	static char path[16][128];
	static char *paths[17];
	size_t n = 0;
	glob_t found;

	cr_assert_eq(glob("testbed/scenarios/*.json", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc && n < 16; i++) {
		if (strstr(found.gl_pathv[i], ".schema.json"))
			continue;
		snprintf(path[n], sizeof(path[n]), "%s", found.gl_pathv[i]);
		paths[n] = path[n];
		n++;
	}
	globfree(&found);
	cr_assert_gt(n, 0);
	paths[n] = NULL;
	return paths;
}
