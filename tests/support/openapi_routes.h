/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * openapi_routes.h - for tests: does docs/api/X.yaml have the routes of a program, and no others?
 *
 * With methods, the names in paths, and query arguments. What the routes answer
 * is for tests/support/openapi.py to compare. Run at the root of the tree.
 */
#ifndef TESTS_SUPPORT_OPENAPI_ROUTES_H
#define TESTS_SUPPORT_OPENAPI_ROUTES_H

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/http.h"

/* The file is JSON after lines of comment. */
static json_t *openapi_read(const char *path)
{
	FILE *f = fopen(path, "re");
	json_error_t err;
	char line[256];
	long at = 0;
	json_t *doc;

	cr_assert(f, "%s is missing", path);
	while (fgets(line, sizeof(line), f) && line[0] == '#')
		at = ftell(f);
	fseek(f, at, SEEK_SET);
	doc = json_loadf(f, JSON_REJECT_DUPLICATES, &err);
	fclose(f);
	cr_assert(doc, "%s: %s", path, err.text);
	return doc;
}

static bool query_is_known(const struct http_route *route, const char *name)
{
	for (const char *const *q = route->query; q && *q; q++) {
		if (strcmp(*q, name) == 0)
			return true;
	}
	return false;
}

/* Both have the same query arguments: as many, and each of the document's. */
static void openapi_query_expect(const struct http_route *route, const json_t *operation)
{
	size_t documented = 0, known = 0, i;
	const json_t *parameter;

	json_array_foreach (json_object_get(operation, "parameters"), i, parameter) {
		const char *name = json_string_value(json_object_get(parameter, "name"));
		const char *place = json_string_value(json_object_get(parameter, "in"));

		cr_assert(name && place, "%s: no $ref to parameters, please", route->pattern);
		if (strcmp(place, "query") != 0)
			continue;
		documented++;
		cr_expect(query_is_known(route, name), "%s %s: argument %s is documented alone",
			  route->method, route->pattern, name);
	}
	for (const char *const *q = route->query; q && *q; q++)
		known++;
	cr_expect_eq(documented, known, "%s %s: arguments", route->method, route->pattern);
}

static void openapi_routes_expect(const struct http_route *routes, const char *path)
{
	json_t *doc = openapi_read(path), *paths = json_object_get(doc, "paths"), *item;
	size_t documented = 0, routed = 0;
	const char *name;

	for (const struct http_route *r = routes; r->method; r++) {
		char method[16] = "";
		const json_t *operation;

		for (size_t i = 0; r->method[i] && i < sizeof(method) - 1; i++)
			method[i] = (char)tolower((unsigned char)r->method[i]);
		operation = json_object_get(json_object_get(paths, r->pattern), method);
		cr_expect(operation, "%s %s is not in %s", r->method, r->pattern, path);
		openapi_query_expect(r, operation);
		routed++;
	}
	json_object_foreach (paths, name, item) {
		documented += json_object_size(item);
	}
	cr_expect_eq(documented, routed, "%s has %zu operations, the program %zu", path, documented,
		     routed);
	json_decref(doc);
}

#endif
