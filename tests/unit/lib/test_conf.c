/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/conf.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* A loader that uses every getter. */
struct pop {
	const char *name, *note;
	struct addr address;
	struct prefix prefix;
	struct endpoint listen;
	int64_t ttl, port;
	double weight, share;
	bool drained;
	int mode;
	size_t origins;
};

static void pop_load(const struct conf *at, struct pop *pop)
{
	static const char *const modes[] = { "geodns", "anycast", NULL };
	const struct conf origins = conf_array(at, "origins", 0, 2);
	const struct conf extra = conf_get(at, "extra");

	CONF_KEYS(at, "name", "note", "address", "prefix", "listen", "ttl", "port", "weight",
		  "share", "drained", "mode", "origins", "extra");
	pop->name = conf_name(at, "name");
	pop->note = conf_string(at, "note", "none");
	pop->address = conf_addr(at, "address");
	pop->prefix = conf_prefix(at, "prefix");
	pop->listen = conf_endpoint(at, "listen", 53);
	pop->ttl = conf_int(at, "ttl", 0, 86400, 30);
	pop->port = conf_int(at, "port", 1, 65535, CONF_REQUIRED);
	pop->weight = conf_number(at, "weight", 0, 10, 1);
	pop->share = conf_number_required(at, "share", 0, 1);
	pop->drained = conf_bool(at, "drained", false);
	pop->mode = conf_choice(at, "mode", modes, 0);
	pop->origins = conf_count(&origins);
	for (size_t i = 0; i < pop->origins; i++) {
		const struct conf origin = conf_item(&origins, i);

		conf_as_string(&origin);
	}
	if (extra.json)
		conf_require(&extra, "why");
}

static void load(const char *text, size_t len, struct pop *pop, size_t *count, char *wrong)
{
	struct conf_error err = { 0 };
	json_t *json = conf_read_text(text, len, &err);

	*count = 0;
	if (json) {
		const struct conf root = conf_root(json, &err);
		const struct conf pops = conf_array(&root, "pops", 1, 3);

		*count = conf_count(&pops);
		for (size_t i = 0; i < *count; i++) {
			const struct conf item = conf_item(&pops, i);

			pop_load(&item, &pop[i]);
		}
	}
	conf_error_format(&err, wrong, 400);
	json_decref(json);
}

#define NEEDED                                                                                     \
	"\"name\":\"fra\",\"address\":\"192.0.2.1\",\"prefix\":\"192.0.2.0/24\","                  \
	"\"listen\":\"192.0.2.1:5\",\"port\":1,\"share\":0.5"

Test(conf, defaults_and_values)
{
	const char *text = "{\"pops\":[{" NEEDED "},{" NEEDED
			   ",\"ttl\":0,\"weight\":2.5,\"drained\":true,\"mode\":\"anycast\","
			   "\"note\":\"n\",\"origins\":[\"a\",\"b\"]}]}";
	struct pop pops[3];
	char wrong[400];
	size_t count;

	load(text, strlen(text), pops, &count, wrong);
	cr_expect_str_eq(wrong, "");
	cr_assert_eq(count, 2);
	cr_expect(pops[0].ttl == 30 && pops[0].weight == 1 && !pops[0].drained);
	cr_expect(pops[0].mode == 0 && pops[0].origins == 0 && pops[0].share == 0.5);
	cr_expect(pops[0].address.bytes[3] == 1 && pops[0].prefix.len == 24);
	cr_expect(pops[0].listen.port == 5 && pops[0].port == 1);
	cr_expect(pops[1].ttl == 0 && pops[1].weight == 2.5 && pops[1].drained);
	cr_expect(pops[1].mode == 1 && pops[1].origins == 2);
}

Test(conf, mistakes_name_their_place)
{
	/* clang-format off */
	static const struct { const char *inner, *wrong; } rows[] = {
		{ NEEDED ",\"ttl\":-1", "pops[1].ttl: -1 is not between 0 and 86400" },
		{ NEEDED ",\"ttl\":1.5", "pops[1].ttl: expected a whole number, found a number" },
		{ NEEDED ",\"ttl\":null", "pops[1].ttl: expected a whole number, found null" },
		{ NEEDED ",\"weight\":11", "pops[1].weight: 11 is not between 0 and 10" },
		{ NEEDED ",\"drained\":1", "pops[1].drained: expected true or false, found a number" },
		{ NEEDED ",\"mode\":\"magic\"", "pops[1].mode: unknown value 'magic'" },
		{ NEEDED ",\"mode\":[]", "pops[1].mode: expected a string, found an array" },
		{ NEEDED ",\"note\":\"a\\u0000b\"", NULL },
		{ NEEDED ",\"origins\":[\"a\",{}]", "pops[1].origins[1]: expected a string, found an object" },
		{ NEEDED ",\"origins\":[1,2,3]", "pops[1].origins: has 3 items, at most 2 are possible" },
		{ NEEDED ",\"origins\":true", "pops[1].origins: expected an array, found a boolean" },
		{ NEEDED ",\"extra\":{}", "pops[1].extra.why: required" },
		{ NEEDED ",\"TTL\":3", "pops[1].TTL: unknown key" },
		{ NEEDED ",\"ttl\":3,\"ttl\":3", NULL },
		{ "", "pops[1].name: required" },
		{ "\"name\":\"-fra\"", "pops[1].name: '-fra' is not a name" },
		{ "\"name\":\"\"", "pops[1].name: '' is not a name" },
		{ "\"name\":\"a b\"", "pops[1].name: 'a b' is not a name" },
		{ "\"name\":\"a\",\"address\":\"x\"", "pops[1].address: 'x' is not an IP address" },
	};
	/* clang-format on */
	static struct pop pops[3];

	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[1000], wrong[400];
		size_t count;

		snprintf(text, sizeof(text), "{\"pops\":[{" NEEDED "},{%s}]}", rows[i].inner);
		load(text, strlen(text), pops, &count, wrong);
		if (rows[i].wrong)
			cr_expect_str_eq(wrong, rows[i].wrong);
		else
			cr_expect_str_neq(wrong, "", "%s", rows[i].inner);
	}
}

Test(conf, documents)
{
	/* clang-format off */
	static const struct { const char *text, *wrong; } rows[] = {
		{ "{}", "pops: expected an array, found nothing" },
		{ "{\"pops\":[]}", "pops: needs at least 1 item" },
		{ "[]", "expected an object at the top" },
		{ "{\"pops\":\n[}", "line 2, column 2: " },
		{ "", "line 1, column 0: " },
		{ "{} x", "line 1, column 4: " },
	};
	/* clang-format on */
	static struct pop pops[3];

	for (size_t i = 0; i < COUNT(rows); i++) {
		char wrong[400];
		size_t count;

		load(rows[i].text, strlen(rows[i].text), pops, &count, wrong);
		if (i == 0)
			cr_expect_str_eq(wrong, "pops: required");
		else
			cr_expect_eq(strncmp(wrong, rows[i].wrong, strlen(rows[i].wrong)), 0,
				     "%s: %s", rows[i].text, wrong);
	}
}

Test(conf, only_the_first_mistake_is_kept)
{
	struct conf_error err = { 0 };
	const struct conf root = conf_root(NULL, &err);
	char buf[400];

	conf_int(&root, "a", 0, 1, CONF_REQUIRED);
	conf_int(&root, "b", 0, 1, CONF_REQUIRED);
	conf_fail(&root, "third");
	cr_expect_str_eq(conf_error_format(&err, buf, sizeof(buf)), "a: required");
}

Test(conf, long_paths_are_cut)
{
	struct conf_error err = { 0 };
	struct conf at[200];

	at[0] = conf_root(NULL, &err);
	for (size_t i = 1; i < COUNT(at); i++)
		at[i] = conf_get(&at[i - 1], "a-rather-long-key");
	conf_fail(&at[COUNT(at) - 1], "deep");
	cr_expect_eq(strlen(err.path), sizeof(err.path) - 1);
}

Test(conf, files)
{
	char path[] = "/tmp/catchment-test-conf-XXXXXX";
	int fd = mkstemp(path);
	struct conf_error err = { 0 };
	json_t *json;

	cr_assert_eq(write(fd, "{\"a\":1}\n", 8), 8);
	close(fd);
	json = conf_read_file(path, &err);
	cr_expect(!err.set && json_integer_value(json_object_get(json, "a")) == 1);
	json_decref(json);
	unlink(path);
	cr_expect_null(conf_read_file(path, &err));
	cr_expect_str_eq(err.reason, "cannot open: No such file or directory");
	err.set = false;
	cr_expect_null(conf_read_file("/", &err));
	cr_expect(err.set, "a directory");
}
