/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/pointer.h"

#include <criterion/criterion.h>
#include <string.h>

struct row {
	const char *what, *prefix, *document, *path, *pointer;
};

/* clang-format off */
static const struct row rows[] = {
	{ "the whole", "", "{}", "", "" },
	{ "the whole of a part", "/scenario", "{}", "", "/scenario" },
	{ "a key", "", "{\"trials\":0}", "trials", "/trials" },
	{ "a key that is missing", "/scenario", "{}", "networks", "/scenario/networks" },
	{ "an item's key", "/scenario", "{\"pops\":[{\"at\":1}]}", "pops[0].at",
	  "/scenario/pops/0/at" },
	{ "a missing key of an item", "", "{\"pops\":[{},{}]}", "pops[1].name", "/pops/1/name" },
	{ "an item", "", "{\"pops\":[1,2]}", "pops[1]", "/pops/1" },
	{ "items of items", "", "{\"a\":[[0,{\"b\":1}]]}", "a[0][1].b", "/a/0/1/b" },
	{ "a key with a dot", "", "{\"a.b\":{\"c\":1}}", "a.b.c", "/a.b/c" },
	{ "the longer key is meant", "", "{\"a\":{},\"a.b\":1}", "a.b", "/a.b" },
	{ "a key with brackets", "", "{\"a[0]\":1}", "a[0]", "/a[0]" },
	{ "marks that are escaped", "", "{\"a/b~c\":1}", "a/b~c", "/a~1b~0c" },
	{ "a path cut off", "", "{\"pops\":[{}]}", "pops[0", "/pops/0" },
	{ "brackets where no array is", "", "{\"a\":1}", "a[0].b", "/a" },
	{ "a key that is empty", "", "{\"\":1}", "", "" },
};
/* clang-format on */

Test(pointer, from_a_path)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *document = json_loads(rows[i].document, 0, NULL);
		char buf[POINTER_SIZE];

		cr_assert_not_null(document, "%s", rows[i].what);
		cr_expect_str_eq(pointer_write(buf, rows[i].prefix, document, rows[i].path),
				 rows[i].pointer, "%s: %s", rows[i].what, buf);
		json_decref(document);
	}
}

/* Longer than any that conf.c writes: cut, but whole up to there. */
Test(pointer, of_any_length)
{
	char path[2 * POINTER_SIZE], buf[POINTER_SIZE];
	json_t *nothing = json_object();

	memset(path, '/', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	cr_expect_str_eq(pointer_write(buf, "/scenario", nothing, path), "/scenario");
	memset(path, '.', sizeof(path) - 1);
	pointer_write(buf, "", nothing, path);
	cr_expect_lt(strlen(buf), POINTER_SIZE);
	json_decref(nothing);
}
