/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/alloc.h"
#include "tests/support/conf_series_compare.h"

#define LONG "12345678901234567890123456789012345678901234567890123456789012345678901234567890"

Test(json_plain, takes_what_is_plain_as_jansson_does)
{
	/* clang-format off */
	static const struct { const char *what, *text; bool plain; size_t behind; } rows[] = {
		{ "object", "{\"a\":1,\"b\":[true,false,null],\"c\":{}}", true, 0 },
		{ "white space", "{ \"a\" :\n1\t,\r\n\"b\" : [ 1 , 2 ] , \"c\" : { } }", true, 0 },
		{ "empty array", "[]", true, 0 },
		{ "behind it", "{\"a\":[]} , {", true, 4 },
		{ "behind a number", "12]", true, 1 },
		{ "numbers", "[0,-0,-1,999999999999999999,-999999999999999999]", true, 0 },
		{ "string", "\"a/b {[,]} ~\x7f\"", true, 0 },
		{ "same key in another object", "{\"a\":{\"a\":1},\"b\":{\"a\":1}}", true, 0 },
		{ "16 deep", "[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]", true, 0 },
		{ "17 deep", "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", false, 0 },
		{ "19 digits", "[1000000000000000000]", false, 0 },
		{ "leading zero", "[01]", false, 0 },
		{ "minus alone", "[-]", false, 0 },
		{ "fraction", "[1.5]", false, 0 },
		{ "fraction alone", "1.5", false, 0 },
		{ "exponent alone", "1E3", false, 0 },
		{ "exponent", "[1e3]", false, 0 },
		{ "plus", "[+1]", false, 0 },
		{ "escape", "[\"a\\nb\"]", false, 0 },
		{ "escaped quotation mark", "[\"a\\\"b\"]", false, 0 },
		{ "UTF-8", "[\"\xc3\xa9\"]", false, 0 },
		{ "no UTF-8", "[\"\xff\"]", false, 0 },
		{ "line end in a string", "[\"a\nb\"]", false, 0 },
		{ "string without an end", "[\"a", false, 0 },
		{ "duplicate key", "{\"a\":1,\"b\":2,\"a\":3}", false, 0 },
		{ "duplicate key, deeper", "[{\"k\":{\"a\":1,\"a\":1}}]", false, 0 },
		{ "comma at the end", "[1,]", false, 0 },
		{ "comma at an object's end", "{\"a\":1,}", false, 0 },
		{ "comma at the beginning", "[,1]", false, 0 },
		{ "no comma", "[1 2]", false, 0 },
		{ "no colon", "{\"a\" 1}", false, 0 },
		{ "no value", "{\"a\":}", false, 0 },
		{ "no key", "{1:2}", false, 0 },
		{ "another bracket", "[1}", false, 0 },
		{ "word with more behind it", "[truex]", false, 0 },
		{ "half a word", "[tru]", false, 0 },
		{ "nothing", "", false, 0 },
		{ "only white space", " ", false, 0 },
	};
	/* clang-format on */
	struct json_plain *plain = json_plain_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].text);
		char *text = xmemdup(rows[i].text, len); /* nothing is read behind it */
		const char *end = NULL;
		const struct json_node *node = json_plain_read(plain, text, text + len, &end);
		json_error_t err;
		json_t *json = json_loadb(
			text, len,
			JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY, &err);

		cr_expect_eq(node != NULL, rows[i].plain, "%s", rows[i].what);
		if (node && json) {
			cr_expect(node_equals(node, json), "%s", rows[i].what);
			cr_expect_eq((size_t)(text + len - end), rows[i].behind, "%s",
				     rows[i].what);
		}
		cr_expect(json || !node, "%s: jansson takes it, too", rows[i].what);
		json_decref(json);
		free(text);
	}
	json_plain_free(plain);
}

Test(json_plain, every_shorter_text_is_none)
{
	const char *text = "{\"name\":\"a\",\"ttl\":30,\"pops\":[{\"a\":[\"1\"],\"on\":true}]}";
	struct json_plain *plain = json_plain_new();
	const char *end;

	cr_expect(json_plain_read(plain, text, text + strlen(text), &end));
	for (size_t len = 0; len < strlen(text); len++) {
		char *cut = xmemdup(text, len);

		cr_expect_null(json_plain_read(plain, cut, cut + len, &end), "%zu", len);
		free(cut);
	}
	json_plain_free(plain);
}

/* Of items that are before, a number, after. */
static bool is_plain(struct json_plain *plain, const char *brackets, const char *before,
		     const char *after, unsigned count)
{
	const struct json_node *node;
	const char *behind;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (unsigned i = 0; i < count; i++)
		fprintf(out, "%c%s%u%s", i ? ',' : brackets[0], before, i, after);
	fputc(brackets[1], out);
	fclose(out);
	node = json_plain_read(plain, text, text + size, &behind);
	cr_expect(!node || node->count == count);
	free(text);
	return node;
}

Test(json_plain, what_does_not_fit_is_not_plain)
{
	struct json_plain *plain = json_plain_new();

	cr_expect(is_plain(plain, "{}", "\"", "\":1", 64), "members");
	cr_expect_not(is_plain(plain, "{}", "\"", "\":1", 65), "members");
	cr_expect(is_plain(plain, "[]", "", "", 8191), "values");
	cr_expect_not(is_plain(plain, "[]", "", "", 8192), "values");
	cr_expect(is_plain(plain, "[]", "\"" LONG, "\"", 3000), "octets");
	cr_expect_not(is_plain(plain, "[]", "\"" LONG, "\"", 3200), "octets");
	cr_expect(is_plain(plain, "{}", "\"", "\":1", 2), "and takes others again");
	json_plain_free(plain);
}
