/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "testbed/measure/events_csv.h"

#define HEAD EVENTS_CSV_HEADER "\n"

static const struct {
	const char *name, *text;
	long rows; /* -1: refused */
	size_t line;
	bool truncated;
} rows[] = {
	{ "header only", HEAD, 0, 0, false },
	{ "one request", HEAD "5,1,paris,udp,any,3,fra,ok,200,198.18.0.1\n", 1, 0, false },
	{ "carriage returns", EVENTS_CSV_HEADER "\r\n5,1,a,b,c,3,d,ok,,e\r\n", 1, 0, false },
	{ "all optional fields empty", HEAD "5,,,,,,,,,\n", 1, 0, false },
	{ "quoted comma and line feed", HEAD "5,1,a,b,c,3,d,e,7,\"x,\ny\"\n", 1, 0, false },
	{ "last line cut short", HEAD "5,,,,,,,,,\n6,1,par", 1, 0, true },
	{ "last line cut inside quotes", HEAD "5,,,,,,,,,\n6,1,,,,,,,,\"{", 1, 0, true },
	{ "empty", "", -1, 1, false },
	{ "another header", "t,trial\n", -1, 1, false },
	{ "header with more", EVENTS_CSV_HEADER ",more\n", -1, 1, false },
	{ "too few columns", HEAD "5,1,a\n", -1, 3, false },
	{ "too many columns", HEAD "5,,,,,,,,,,\n", -1, 2, false },
	{ "time missing", HEAD ",,,,,,,,,\n", -1, 2, false },
	{ "time not a number", HEAD "5,,,,,,,,,\n5x,,,,,,,,,\n", -1, 3, false },
	{ "negative latency", HEAD "5,,,,,,,,-1,\n", -1, 2, false },
	{ "trial out of range", HEAD "5,2147483648,,,,,,,,\n", -1, 2, false },
	{ "quote inside a field", HEAD "5,,a\"b,,,,,,,\n", -1, 2, false },
	{ "text behind a quote", HEAD "5,,\"a\"b,,,,,,,\n", -1, 2, false },
	{ "quote without end", HEAD "5,,,,,,,,,\"abc\n", -1, 3, false },
};

Test(events_csv, decodes)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct events_csv_error err = { 0 };
		struct event_record record;
		int rc = events_csv_decode(&record, rows[i].text, strlen(rows[i].text), &err);

		cr_assert_eq(rc, rows[i].rows < 0 ? -1 : 0, "%s", rows[i].name);
		if (rc < 0) {
			cr_expect_eq(err.line, rows[i].line, "%s: line %zu, %s", rows[i].name,
				     err.line, err.reason);
			continue;
		}
		cr_expect_eq(record.count, (size_t)rows[i].rows, "%s", rows[i].name);
		cr_expect_eq(record.truncated, rows[i].truncated, "%s", rows[i].name);
		event_record_fini(&record);
	}
}

Test(events_csv, fields_and_round_trip)
{
	static const char text[] =
		HEAD "5,1,ns1,pop_down,geo,,fra,,,\"{\"\"pop\"\":\"\"fra\"\"}\"\n"
		     "9,1,paris,udp,geo,7,fra,ok,20100,198.18.0.1\n";
	struct events_csv_error err;
	struct event_record record;
	char *out_text = NULL;
	size_t len = 0;
	FILE *out;

	cr_assert_eq(events_csv_decode(&record, text, sizeof(text) - 1, &err), 0);
	cr_expect_str_eq(name_table_text(record.names, record.events[0].detail),
			 "{\"pop\":\"fra\"}");
	cr_expect_eq(record.events[0].user, EVENT_NO_NUMBER);
	cr_expect_eq(record.events[0].latency_us, EVENT_NO_NUMBER);
	cr_expect_eq(record.events[1].t_ns, 9);
	cr_expect_eq(record.events[1].user, 7);
	cr_expect_eq(record.events[1].latency_us, 20100);
	cr_expect_eq(record.events[1].pop, record.events[0].pop);
	out = open_memstream(&out_text, &len);
	events_csv_encode(&record, out);
	fclose(out);
	cr_expect_str_eq(out_text, text);
	free(out_text);
	event_record_fini(&record);
}

Test(events_csv, every_shorter_text_gives_fewer_rows)
{
	static const char text[] = HEAD "5,1,a,b,c,3,d,e,7,f\n6,1,a,b,c,3,d,e,7,\"g\"\n";
	struct events_csv_error err;

	for (size_t len = sizeof(EVENTS_CSV_HEADER); len < sizeof(text) - 1; len++) {
		struct event_record record;

		cr_assert_eq(events_csv_decode(&record, text, len, &err), 0, "%zu", len);
		cr_expect_lt(record.count, 2);
		event_record_fini(&record);
	}
}

Test(name_table, keeps_ids)
{
	struct name_table *table = name_table_new();
	char text[16];

	cr_expect_eq(name_table_add(table, "", 0), NAME_NONE);
	for (uint32_t i = 1; i < 5000; i++) {
		snprintf(text, sizeof(text), "n%u", i);
		cr_assert_eq(name_table_add(table, text, strlen(text)), i);
	}
	cr_expect_eq(name_table_find(table, "n4321"), 4321);
	cr_expect_eq(name_table_find(table, "absent"), NAME_NONE);
	cr_expect_str_eq(name_table_text(table, 77), "n77");
	cr_expect_eq(name_table_count(table), 5000);
	name_table_free(table);
}
