/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "testbed/report/claims.h"
#include "testbed/report/svg.h"
#include "testbed/report/values.h"

Test(report_values, durations)
{
	static const struct {
		double ms;
		const char *text;
	} rows[] = {
		{ 0, "0 ms" },	     { 0.25, "0.25 ms" }, { 1, "1 ms" },       { 999.4, "999 ms" },
		{ 999.6, "1.00 s" }, { 1234, "1.23 s" },  { 9994, "9.99 s" },  { 9996, "10.0 s" },
		{ 33512, "33.5 s" }, { 99960, "100 s" },  { 120400, "120 s" }, { -5180, "-5.18 s" },
	};
	char buf[VALUE_TEXT_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_str_eq(value_ms_number(rows[i].ms, buf), rows[i].text, "%g: %s",
				 rows[i].ms, buf);
}

Test(report_values, quantiles_and_shares)
{
	json_t *d = json_pack("{s:f, s:n, s:i, s:f}", "p50", 4000.0, "p90", "never", 3,
			      "observed_ms", 60000.0);
	char buf[VALUE_TEXT_SIZE];

	cr_expect_str_eq(value_quantile(d, "p50", buf), "4.00 s");
	cr_expect_str_eq(value_quantile(d, "p90", buf), "> 60.0 s");
	json_object_set_new(d, "never", json_integer(0));
	cr_expect_str_eq(value_quantile(d, "p90", buf), "-", "nobody was affected");
	cr_expect_str_eq(value_share_number(0, buf), "0.0 %");
	cr_expect_str_eq(value_share_number(0.0012, buf), "0.12 %");
	cr_expect_str_eq(value_share_number(0.5, buf), "50.0 %");
	cr_expect_str_eq(value_share(NULL, buf), "-");
	json_decref(d);
}

Test(report_values, limits)
{
	static const struct {
		const char *limits, *text; /* NULL: as in comparable runs */
	} rows[] = {
		{ "{}", NULL },
		{ "{\"limits\": {}}", NULL },
		{ "{\"limits\": {\"wires_late_ms\": 0.2, \"senders_late_ms\": 5}}", NULL },
		{ "{\"limits\": {\"wires_late_ms\": 1}}", "wires 1, senders 5 ms" },
		{ "{\"limits\": {\"senders_late_ms\": 10.0}}", "wires 0.5, senders 10 ms" },
	};
	char buf[VALUE_TEXT_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *result =
			json_pack("{s:o}", "scenario", json_loads(rows[i].limits, 0, NULL));
		const char *text = value_limits(result, buf);

		cr_expect_eq(text == NULL, rows[i].text == NULL, "%s", rows[i].limits);
		if (text && rows[i].text)
			cr_expect_str_eq(text, rows[i].text);
		json_decref(result);
	}
}

Test(report_svg, ticks)
{
	static const struct {
		double range;
		int count;
		double step;
	} rows[] = {
		{ 10, 10, 1 },	 { 12, 10, 2 },	   { 33, 12, 5 },
		{ 130, 12, 20 }, { 0.7, 10, 0.1 }, { 60, 12, 5 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_float_eq(svg_tick_step(rows[i].range, rows[i].count), rows[i].step, 1e-9,
				   "%g in %d", rows[i].range, rows[i].count);
}

Test(report_svg, escapes_and_maps)
{
	struct svg_frame f = { 60, 20, 900, 100, -10, 20, 0, 1 };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	svg_escape(out, "<a b=\"c\">&'\x01");
	fclose(out);
	cr_expect_str_eq(text, "&lt;a b=&quot;c&quot;&gt;&amp;&#39; ");
	free(text);
	cr_expect_float_eq(svg_x(&f, -10), 60, 1e-9);
	cr_expect_float_eq(svg_x(&f, 20), 960, 1e-9);
	cr_expect_float_eq(svg_y(&f, 1), 20, 1e-9, "one is at the top");
	cr_expect_float_eq(svg_y(&f, 0), 120, 1e-9);
}

/* A run of one anycast variant with the given share at the nearest pop and broken sessions. */
static json_t *run_of(double nearest, int broken, const char *max)
{
	json_error_t err;
	char text[1024];
	json_t *run;

	snprintf(
		text, sizeof(text),
		"{\"profile\":\"ideal\",\"scenario\":{\"variants\":[{\"name\":\"any\",\"mode\":"
		"\"anycast\"}]},\"summary\":{\"trials\":{\"valid\":1},\"placement\":{\"any\":"
		"{\"users\":10,\"nearest_share\":%g}},\"variants\":{\"any\":{\"f\":{"
		"\"reconnect_ms\":{\"n\":4,\"never\":%d,\"p50\":9000,\"max\":%s,\"observed_ms\":"
		"60000},\"failed_share\":0.1,\"sessions\":{\"open\":4,\"survived\":%d,\"reset\":%d,"
		"\"timed_out\":0},\"cause_ms\":{\"withdrawn\":100,\"routers_converged\":45100}}}}}"
		"}",
		nearest, max[0] == 'n', max, 4 - broken, broken);
	run = json_loads(text, 0, &err);
	cr_assert(run, "%s", err.text);
	return run;
}

Test(report_claims, verdicts)
{
	static const struct {
		const char *name;
		double nearest;
		int broken;
		const char *max;
		enum claim_verdict near, convergence, reroutes, sessions;
	} rows[] = {
		{ "all well", 1, 0, "12000", CLAIM_HELD, CLAIM_HELD, CLAIM_HELD, CLAIM_FAILED },
		{ "half and half", 0.7, 2, "12000", CLAIM_PARTLY, CLAIM_HELD, CLAIM_HELD,
		  CLAIM_PARTLY },
		{ "badly placed, never back", 0.2, 4, "null", CLAIM_FAILED, CLAIM_HELD,
		  CLAIM_PARTLY, CLAIM_HELD },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *run = run_of(rows[i].nearest, rows[i].broken, rows[i].max);
		struct claim claims[CLAIMS_MAX];

		cr_assert_eq(claims_judge(run, "f", claims), 4, "%s", rows[i].name);
		cr_expect_eq(claims[0].verdict, rows[i].near, "%s", rows[i].name);
		cr_expect_eq(claims[1].verdict, rows[i].convergence, "%s", rows[i].name);
		cr_expect_eq(claims[2].verdict, rows[i].reroutes, "%s", rows[i].name);
		cr_expect_eq(claims[3].verdict, rows[i].sessions, "%s", rows[i].name);
		cr_expect_eq(claims_judge(run, "another", claims), 0);
		json_decref(run);
	}
}

/* Four of five users within 8 to 12 s of the withdrawal, which came 3 s after the fault. */
Test(report_claims, shift)
{
	static const struct {
		const char *name, *profile, *reconnect;
		size_t claims;
		enum claim_verdict verdict;
		const char *says;
	} rows[] = {
		{ "hit", "internet", "4000, 5000, 6000, 13000, 50000", 1, CLAIM_HELD,
		  "after the first withdrawn route: 10.0 s." },
		{ "at the border", "internet", "4000, 5000, 6000, 15000, null", 1, CLAIM_HELD,
		  ": 12.0 s. " },
		{ "too soon", "internet", "4000, 5000, 6000, 10999, 50000", 1, CLAIM_FAILED,
		  "a miss" },
		{ "too late", "internet", "4000, 5000, 6000, 15001, 50000", 1, CLAIM_FAILED,
		  "a miss" },
		{ "never", "internet", "4000, 5000, 6000, null, null", 1, CLAIM_FAILED,
		  ": not before the undo." },
		{ "nobody", "internet", "", 0, CLAIM_OPEN, "" },
		{ "not its business", "ideal", "4000, 5000, 6000, 13000, 50000", 0, CLAIM_OPEN,
		  "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct claim claims[CLAIMS_MAX];
		char text[900];
		json_t *run;

		snprintf(text, sizeof(text),
			 "{\"profile\":\"%s\",\"scenario\":{\"variants\":[{\"name\":\"any\","
			 "\"mode\":\"anycast\"}]},\"summary\":{\"variants\":{\"any\":{\"f\":{}}}},"
			 "\"trials\":[{\"valid\":false,\"variants\":{\"any\":{\"faults\":{\"f\":{"
			 "\"reconnect_ms\":[1],\"cause_ns\":{\"withdrawn\":0}}}}}},"
			 "{\"valid\":true,\"variants\":{\"any\":{\"faults\":{\"f\":{"
			 "\"reconnect_ms\":[%s],\"cause_ns\":{\"withdrawn\":3000000000}}}}}}]}",
			 rows[i].profile, rows[i].reconnect);
		run = json_loads(text, 0, NULL);
		cr_assert_not_null(run);
		cr_assert_eq(claims_judge(run, "f", claims), rows[i].claims, "%s", rows[i].name);
		if (rows[i].claims > 0) {
			cr_expect_eq(claims[0].verdict, rows[i].verdict, "%s", rows[i].name);
			cr_expect_not_null(strstr(claims[0].evidence, rows[i].says), "%s: %s",
					   rows[i].name, claims[0].evidence);
		}
		json_decref(run);
	}
}

/* The sum of TTL and noticing, 33.5 s here, against what was seen and for how long. */
Test(report_claims, geodns)
{
	static const struct {
		const char *name, *max;
		int never, observed_ms;
		enum claim_verdict verdict;
	} rows[] = {
		{ "all in time", "32000", 0, 60000, CLAIM_PARTLY },
		{ "one too late", "36000", 0, 60000, CLAIM_FAILED },
		{ "one never, watched long", "null", 1, 60000, CLAIM_FAILED },
		{ "one never, undone early", "null", 1, 25000, CLAIM_OPEN },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct claim claims[CLAIMS_MAX];
		char text[640];
		json_t *run;

		snprintf(
			text, sizeof(text),
			"{\"scenario\":{\"variants\":[{\"name\":\"geo\",\"mode\":\"geodns\","
			"\"ttl\":30}]},\"summary\":{\"variants\":{\"geo\":{\"f\":{\"reconnect_ms\":"
			"{\"n\":9,\"never\":%d,\"p50\":9000,\"max\":%s,\"observed_ms\":%d},"
			"\"cause_ms\":{\"detected\":3500}}}}}}",
			rows[i].never, rows[i].max, rows[i].observed_ms);
		run = json_loads(text, 0, NULL);
		cr_assert_eq(claims_judge(run, "f", claims), 1, "%s", rows[i].name);
		cr_expect_eq(claims[0].verdict, rows[i].verdict, "%s: %s", rows[i].name,
			     claim_verdict_name(claims[0].verdict));
		cr_expect(claim_verdict_name(claims[0].verdict));
		json_decref(run);
	}
}

/* Both variants felt the same silent crash; what the one without did is beside it. */
Test(report_claims, bfd)
{
	static const struct {
		const char *name, *kind, *p50, *max;
		int never;
		size_t claims;
		enum claim_verdict verdict;
	} rows[] = {
		{ "all at once", "pop_crash", "300", "900", 0, 1, CLAIM_HELD },
		{ "the last one late", "pop_crash", "300", "1500", 0, 1, CLAIM_PARTLY },
		{ "one never", "pop_crash", "300", "null", 1, 1, CLAIM_PARTLY },
		{ "half of them late", "pop_crash", "1200", "1500", 0, 1, CLAIM_FAILED },
		{ "half of them never", "pop_crash", "null", "null", 3, 1, CLAIM_FAILED },
		{ "another fault", "lb_crash", "300", "900", 0, 0, CLAIM_OPEN },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct claim claims[CLAIMS_MAX];
		char text[1024];
		json_t *run;
		size_t count;

		snprintf(text, sizeof(text),
			 "{\"scenario\":{\"variants\":[{\"name\":\"any\",\"mode\":\"anycast\"},"
			 "{\"name\":\"fast\",\"mode\":\"anycast\",\"bfd\":true}]},\"summary\":"
			 "{\"variants\":{\"any\":{\"f\":{\"kind\":\"%s\",\"reconnect_ms\":{\"n\":5,"
			 "\"p50\":9100,\"max\":9300},\"cause_ms\":{\"detected\":8800}}},\"fast\":{"
			 "\"f\":{\"kind\":\"%s\",\"reconnect_ms\":{\"n\":5,\"never\":%d,\"p50\":%s,"
			 "\"max\":%s,\"observed_ms\":60000},\"cause_ms\":{\"detected\":140}}}}}}",
			 rows[i].kind, rows[i].kind, rows[i].never, rows[i].p50, rows[i].max);
		run = json_loads(text, 0, NULL);
		cr_assert(run, "%s", text);
		count = claims_judge(run, "f", claims);
		/* "Traffic reroutes within seconds to minutes" is the first that has numbers. */
		cr_assert_eq(count, 1 + rows[i].claims, "%s: %zu", rows[i].name, count);
		if (rows[i].claims > 0) {
			cr_expect_eq(claims[1].verdict, rows[i].verdict, "%s", rows[i].name);
			cr_expect(strstr(claims[1].evidence,
					 "after 140 ms with fast and after 8.80 s with any;"),
				  "%s", claims[1].evidence);
		}
		json_decref(run);
	}
}

Test(report_claims, headline)
{
	json_t *run = run_of(1, 1, "12000");
	char text[600];

	claims_headline(run, "f", text, sizeof(text));
	cr_expect(strstr(text, "within 9.00 s and the last within 12.0 s"), "%s", text);
	cr_expect(strstr(text, "kept 3 of the 4 connections"), "%s", text);
	cr_expect(strstr(text, "This is 1 trial:"), "%s", text);
	json_decref(run);
	run = run_of(1, 1, "null");
	claims_headline(run, "f", text, sizeof(text));
	cr_expect(strstr(text, "1 not before its undo"), "%s", text);
	json_decref(run);
}

/* A drained pop answers its GeoDNS users for a while: that they were answered soon says nothing. */
Test(report_claims, headline_of_what_came_later)
{
	static const struct {
		double p50, max;
		const char *said;
	} rows[] = {
		{ 0, 0, "with any none of the 4 users it concerned lost a request" },
		{ 8800, 11800,
		  "with any half of the 4 users it cut off were answered again within" },
		{ 9200, 11800,
		  "with any the pop went on answering at first; half of the 4 users it cut off then "
		  "lost requests for 9.20 s or longer, the last for 11.8 s" },
	};
	char text[600];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *run = run_of(1, 1, "12000");
		const json_t *row = value_at(run, "summary", "variants", "any", "f", NULL);

		json_object_set_new((json_t *)row, "loss_window_ms",
				    json_pack("{s:i, s:f, s:f}", "n", 4, "p50", rows[i].p50, "max",
					      rows[i].max));
		claims_headline(run, "f", text, sizeof(text));
		cr_expect(strstr(text, rows[i].said), "%s", text);
		json_decref(run);
	}
}
