/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "lib/alloc.h"
#include "tests/support/conf_series_compare.h"

Test(conf_series, documents_are_read_as_by_jansson)
{
	/* clang-format off */
	static const struct { const char *what, *text; enum series_found found; size_t plain; } rows[] = {
		{ "items", "{\"v\":1,\"n\":[{\"a\":1},{\"a\":2}],\"w\":[]}", SERIES_SOUND, 2 },
		{ "first key", "{\"n\":[1,2,3],\"v\":1}", SERIES_SOUND, 3 },
		{ "only key", " { \"n\" : [ 1 , 2 ] } \n", SERIES_SOUND, 2 },
		{ "no items", "{\"n\":[],\"v\":1}", SERIES_SOUND, 0 },
		{ "no items but space", "{\"n\":[ \n ]}", SERIES_SOUND, 0 },
		{ "not plain", "{\"n\":[1.5,\"\\u0041\",{\"a\":\"\xc3\xa9\"},[1e2],7]}", SERIES_SOUND, 1 },
		{ "brackets and commas in strings", "{\"n\":[\"],[\",\"a\\\"],\",\"\\\\\"],\"v\":\"]\"}", SERIES_SOUND, 1 },
		{ "the same key deeper, before", "{\"v\":{\"n\":[1]},\"n\":[2]}", SERIES_SOUND, 1 },
		{ "the same key deeper, alone", "{\"v\":{\"n\":[1]}}", SERIES_NONE, 0 },
		{ "the same text as a value", "{\"v\":\"n\",\"w\":[1],\"n\":[2]}", SERIES_SOUND, 1 },
		{ "no array", "{\"n\":{\"a\":[1]}}", SERIES_NONE, 0 },
		{ "no such key", "{\"nn\":[1]}", SERIES_NONE, 0 },
		{ "key with an escape", "{\"\\u006e\":[1]}", SERIES_NONE, 0 },
		{ "nothing", "", SERIES_NONE, 0 },
		{ "key and nothing", "{\"n\"", SERIES_NONE, 0 },
		{ "array at the top", "[\"n\",[1]]", SERIES_NONE, 0 },
		{ "array at the top, colon", "[\"n\":[1]]", SERIES_BAD, 0 },
		{ "twice", "{\"n\":[1],\"n\":[2]}", SERIES_BAD, 0 },
		{ "twice, one with an escape", "{\"n\":[1],\"\\u006e\":[2]}", SERIES_BAD, 0 },
		{ "duplicate key around", "{\"n\":[1],\"v\":1,\"v\":1}", SERIES_BAD, 0 },
		{ "duplicate key in an item", "{\"n\":[{\"a\":1,\"a\":1}]}", SERIES_BAD, 0 },
		{ "comma at the end", "{\"n\":[1,]}", SERIES_BAD, 1 },
		{ "comma at the beginning", "{\"n\":[,1]}", SERIES_BAD, 0 },
		{ "only a comma", "{\"n\":[,]}", SERIES_BAD, 0 },
		{ "two commas", "{\"n\":[1,,2]}", SERIES_BAD, 1 },
		{ "no comma", "{\"n\":[1 2]}", SERIES_BAD, 1 },
		{ "no comma between brackets", "{\"n\":[{}{}]}", SERIES_BAD, 1 },
		{ "colon", "{\"n\":[1:2]}", SERIES_BAD, 1 },
		{ "bracket that closes another", "{\"n\":[1}]}", SERIES_BAD, 0 },
		{ "bracket in an item", "{\"n\":[{\"a\":[1}]]}", SERIES_BAD, 0 },
		{ "no end of the array", "{\"n\":[1,2", SERIES_NONE, 0 },
		{ "no end of a string", "{\"n\":[\"a]}", SERIES_NONE, 0 },
		{ "no end but an escape", "{\"n\":[\"a\\", SERIES_NONE, 0 },
		{ "no end of the document", "{\"n\":[1]", SERIES_BAD, 0 },
		{ "more behind the document", "{\"n\":[1]} x", SERIES_BAD, 0 },
		{ "something wrong before", "{\"v\":,\"n\":[1]}", SERIES_BAD, 0 },
		{ "no UTF-8 in an item", "{\"n\":[\"\xff\"]}", SERIES_BAD, 0 },
		{ "half a word", "{\"n\":[1,tru]}", SERIES_BAD, 1 },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].text), plain;
		char *text = xmemdup(rows[i].text, len);

		cr_expect_eq(series_try(text, len, "n", &plain), rows[i].found, "%s", rows[i].what);
		cr_expect_eq(plain, rows[i].plain, "%s: %zu plain", rows[i].what, plain);
		free(text);
	}
}

Test(conf_series, no_more_than_was_asked_for)
{
	const char *text = "{\"n\":[1,2,3]}";
	struct conf_series *s = conf_series_new(text, strlen(text), "n", 3);

	cr_expect(s && conf_series_count(s) == 3);
	cr_expect(!conf_series_is_done(s), "nothing has been read");
	conf_series_free(s);
	cr_expect_null(conf_series_new(text, strlen(text), "n", 2));
}

/* The getters of lib/conf.h, of items of both kinds; the second one is not plain for its fraction.
 */
Test(conf_series, cursors_read_both_kinds)
{
	static const char item[] = "{\"i\":7,\"s\":\"x\",\"b\":true,\"l\":[1,2],\"o\":{\"k\":0}}";
	struct conf_error err = { 0 };
	struct conf_series *s;
	struct conf root, list, at;
	char *text, path[400];
	json_t *around;

	text = xasprintf("{\"n\":[%s,%.*s,\"f\":1.5},%s]}", item, (int)strlen(item) - 1, item,
			 item);
	s = conf_series_new(text, strlen(text), "n", 9);
	around = conf_series_around(s);
	root = conf_root(around, &err);
	list = conf_get(&root, "n");
	for (unsigned i = 0; i < 3; i++) {
		struct conf o, l, second;

		cr_assert(conf_series_next(s, &list, &at));
		cr_expect_eq(at.node == NULL, i == 1);
		CONF_KEYS(&at, "i", "s", "b", "l", "o", "f");
		cr_expect(conf_is_object(&at) && conf_has(&at, "s") && !conf_has(&at, "x"));
		cr_expect_eq(conf_int(&at, "i", 0, 9, 1), 7);
		cr_expect_eq(conf_int(&at, "x", 0, 9, 1), 1);
		cr_expect_eq(conf_number(&at, "i", 0, 9, 1), 7);
		cr_expect_str_eq(conf_string(&at, "s", CONF_REQUIRED_STRING), "x");
		cr_expect(conf_bool(&at, "b", false) && conf_bool(&at, "x", true));
		l = conf_array(&at, "l", 1, 2);
		second = conf_item(&l, 1);
		cr_expect_eq(conf_as_int(&second, 0, 9), 2);
		o = conf_require(&at, "o");
		cr_expect_not(err.set, "%s", err.path);
		CONF_KEYS(&o, "other");
		cr_expect_str_eq(conf_error_format(&err, path, sizeof(path)),
				 i == 0	  ? "n[0].o.k: unknown key"
				 : i == 1 ? "n[1].o.k: unknown key"
					  : "n[2].o.k: unknown key");
		err.set = false;
		conf_array(&at, "l", 3, 9);
		cr_expect_str_eq(err.reason, "needs at least 3 items");
		err.set = false;
		l = conf_array(&at, "l", 0, 1);
		cr_expect(err.set && !conf_is_there(&l));
		err.set = false;
		conf_int(&at, "s", 0, 9, 1);
		cr_expect_str_eq(err.reason, "expected a whole number, found a string");
		err.set = false;
		conf_bool(&at, "l", false);
		cr_expect_str_eq(err.reason, "expected true or false, found an array");
		err.set = false;
	}
	cr_expect(conf_series_is_done(s));
	cr_expect_not(conf_series_next(s, &list, &at));
	json_decref(around);
	conf_series_free(s);
	free(text);
}
