/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "testbed/measure/measure.h"
#include "testbed/measure/placement.h"

/*
 * One trial, the pop fra fails at 1000 ms for 2 s. User 1 (paris) is cut off in both variants,
 * user 2 (nyc) in none; anycast has user 2 at the far pop. Times in milliseconds, completed by
 * load().
 */
static const char *const rows[] = {
	"0,1,testbed,trial,,,,begin,,",
	"100,1,paris,udp,geo,1,fra,ok,10000,a",
	"100,1,paris,udp,any,1,fra,ok,12000,a",
	"100,1,york,udp,geo,2,nyc,ok,8000,a",
	"100,1,york,udp,any,2,fra,ok,80000,a",
	"150,1,paris,session,geo,1,fra,open,10000,1",
	"150,1,york,session,geo,2,nyc,open,8000,1",
	"1000,1,testbed,fault,,,fra,begin,,7 pop_crash fra",
	"1100,1,paris,udp,geo,1,,silent,1000000,a",
	"1100,1,paris,udp,any,1,,unreachable,900,a",
	"1100,1,york,udp,geo,2,nyc,ok,8000,a",
	"1100,1,york,udp,any,2,nyc,ok,8000,a",
	"1150,1,york,session,geo,2,nyc,ok,8000,1",
	"1180,1,fra,bfd_down,,,fra,,,{}",
	"1185,1,t1,bfd_down,,,nyc,,,2001:db8:f001:2::",
	"1190,1,t1,bfd_down,,,fra,,,2001:db8:f001:1::",
	"1195,1,t2,bfd_down,,,fra,,,2001:db8:f002:1::",
	"1300,1,ns1,pop_down,geo,,fra,,,{}",
	"1310,1,ns1,record_changed,geo,,,,,{}",
	"1390,1,ns2,record_changed,geo,,,,,{}",
	"1395,1,ns2,record_changed,any,,,,,{}",
	"1400,1,t1,route,any,,,del,,198.18.0.0/24",
	"1450,1,t2,route,any,,,add,,198.18.0.0/24 via 10.0.0.1",
	"2100,1,paris,udp,geo,1,,silent,1000000,a",
	"2100,1,paris,udp,any,1,nyc,ok,81000,a",
	"2200,1,paris,session,geo,1,,reset,1000,1",
	"3000,1,testbed,fault,,,fra,end,,7 pop_crash fra",
	"3100,1,paris,udp,geo,1,fra,ok,10000,a",
	"3100,1,paris,udp,any,1,nyc,ok,81000,a",
	"9000,1,testbed,trial,,,,end,,",
};

static const char result_text[] =
	"{\"seed\":1,\"scenario\":{\"pops\":[{\"name\":\"fra\"},{\"name\":\"nyc\"}],\"clients\":["
	"{\"name\":\"paris\",\"traffic\":[{\"kind\":\"udp\",\"period_ms\":1000}]},{\"name\":\"york\","
	"\"traffic\":[{\"kind\":\"udp\",\"period_ms\":500},{\"kind\":\"session\",\"period_ms\":1000}]}],"
	"\"variants\":[{\"name\":\"geo\",\"mode\":\"geodns\"},{\"name\":\"any\",\"mode\":\"anycast\"}]},"
	"\"places\":{\"clients\":{\"paris\":[48.9,2.3],\"york\":[40.7,-73.9]},\"pops\":{\"fra\":"
	"[50.1,8.7],\"nyc\":[40.7,-74.0]}},\"trials\":[{\"trial\":1,\"valid\":true}]}";

/* Milliseconds to nanoseconds in the first column, by six zeros. */
static struct run_record load(const json_t *result)
{
	char text[4096] = EVENTS_CSV_HEADER "\n", err[100];
	struct events_csv_error csv_err;
	struct event_record raw;
	struct run_record run;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *comma = strchr(rows[i], ',');

		sprintf(text + strlen(text), "%.*s000000%s\n", (int)(comma - rows[i]), rows[i],
			comma);
	}
	cr_assert_eq(events_csv_decode(&raw, text, strlen(text), &csv_err), 0, "%s",
		     csv_err.reason);
	cr_assert_eq(run_record_build(&run, &raw, result, err, sizeof(err)), 0, "%s", err);
	return run;
}

Test(run_record, arranges)
{
	json_t *result = json_loads(result_text, 0, NULL);
	struct run_record run = load(result);

	cr_expect_eq(run.trial_count, 1);
	cr_expect_eq(run.user_count, 4);
	cr_expect_eq(run.session_count, 2);
	cr_assert_eq(run.fault_count, 1);
	cr_expect_str_eq(run.faults[0].id, "7");
	cr_expect_str_eq(run.faults[0].key, "pop_crash fra");
	cr_expect(run.faults[0].undone);
	cr_expect_eq(run.faults[0].window.end_ns, INT64_C(3000000000));
	cr_expect_eq(run.trials[0].end_ns, INT64_C(3181000001), "the last answer, not the end row");
	run_record_fini(&run);
	json_decref(result);
}

Test(effect, by_hand)
{
	json_t *result = json_loads(result_text, 0, NULL);
	struct run_record run = load(result);
	struct effect geo, any;

	effect_measure(&geo, &run, &run.faults[0], 0);
	effect_measure(&any, &run, &run.faults[0], 1);
	cr_assert_eq(geo.affected_count, 1);
	cr_expect_eq(geo.users, 2);
	cr_expect_eq(geo.affected[0].recovery.reconnect_ns, RECOVERY_NEVER);
	cr_expect_eq(geo.requests, 3);
	cr_expect_eq(geo.failed, 2);
	cr_expect_eq(geo.outcomes[OUTCOME_SILENT], 2);
	cr_expect_eq(geo.returned, 1);
	cr_expect_eq(geo.affected[0].recovery.failback_ns, INT64_C(110000000));
	cr_expect_eq(geo.sessions.open, 1);
	cr_expect_eq(geo.sessions.reset, 1);
	cr_expect_eq(geo.sessions.others, 1);
	cr_expect_eq(geo.sessions.collateral, 0);
	cr_expect_eq(geo.period_min_ns, INT64_C(500000000));
	cr_expect_eq(geo.period_max_ns, INT64_C(1000000000));

	cr_assert_eq(any.affected_count, 2, "anycast had user 2 at fra as well");
	cr_expect_eq(any.affected[0].recovery.reconnect_ns, INT64_C(1181000000));
	cr_expect_eq(any.affected[1].recovery.reconnect_ns, INT64_C(108000000));
	cr_expect_eq(any.first_user_ns, INT64_C(108000000));
	cr_expect_eq(any.last_user_ns, INT64_C(1181000000));
	cr_expect_eq(any.stable_ns, RECOVERY_NEVER, "two answers are no run of ten");
	cr_expect_eq(any.moved, 2);
	cr_expect_eq(any.moved_unaffected, 0);
	cr_expect_eq(any.returned, 0);
	/* Before: both at fra; during: both at nyc. Rows are groups, columns fra and nyc. */
	cr_expect_eq(any.catchment[PHASE_BEFORE][0], 1);
	cr_expect_eq(any.catchment[PHASE_BEFORE][2], 1);
	cr_expect_eq(any.catchment[PHASE_DURING][1], 1);
	cr_expect_eq(any.catchment[PHASE_DURING][3], 1);
	cr_expect_eq(any.at_nearest[PHASE_BEFORE], 1);
	cr_expect_eq(any.at_nearest[PHASE_DURING], 2, "fra is dead, so nyc is nearest");
	effect_fini(&geo);
	effect_fini(&any);
	run_record_fini(&run);
	json_decref(result);
}

static struct cause_means means_of(const char *variant)
{
	json_t *json = json_loads(variant, 0, NULL);
	struct cause_means means = cause_means_of_variant(json);

	json_decref(json);
	return means;
}

Test(cause, by_hand)
{
	json_t *result = json_loads(result_text, 0, NULL);
	struct run_record run = load(result);
	struct cause dns = cause_split(&run, &run.faults[0], run.variants[0].name,
				       means_of("{\"mode\":\"geodns\"}"));
	struct cause bgp = cause_split(&run, &run.faults[0], run.variants[1].name,
				       means_of("{\"mode\":\"anycast\"}"));
	struct cause bfd = cause_split(&run, &run.faults[0], run.variants[1].name,
				       means_of("{\"mode\":\"anycast\",\"bfd\":true}"));

	cr_expect_eq(dns.detected_ns, INT64_C(300000000));
	cr_expect_eq(dns.record_changed_ns, INT64_C(390000000), "the last nameserver's first");
	cr_expect_eq(dns.withdrawn_ns, RECOVERY_NEVER);
	cr_expect_eq(dns.routers_converged_ns, RECOVERY_NEVER);
	cr_expect_eq(bgp.detected_ns, INT64_C(400000000));
	cr_expect_eq(bgp.withdrawn_ns, INT64_C(400000000));
	cr_expect_eq(bgp.routers_converged_ns, INT64_C(450000000));
	cr_expect_eq(bfd.detected_ns, INT64_C(190000000), "the first router, not the dead pop");
	cr_expect_eq(bfd.withdrawn_ns, INT64_C(400000000));
	cr_expect(means_of("{\"mode\":\"combined\"}").dns && means_of("{}").bgp);
	cr_expect_not(means_of("{\"mode\":\"geodns-push\"}").bgp);
	run_record_fini(&run);
	json_decref(result);
}

Test(placement, by_hand)
{
	json_t *result = json_loads(result_text, 0, NULL);
	struct run_record run = load(result);
	struct placement *all = placement_measure(&run);

	cr_expect_eq(placement_nearest(&run, 0, NAME_NONE), 0);
	cr_expect_eq(placement_nearest(&run, 0, run.pops[0].name), 1);
	/* Best is 10 ms for paris (fra), 8 ms for york (nyc); anycast's user 2 took 80. */
	cr_expect_eq(all[0].users, 2);
	cr_expect_eq(all[0].nearest, 2);
	cr_expect_eq(all[0].worse, 0);
	cr_expect_eq(all[1].nearest, 1);
	cr_expect_eq(all[1].worse, 1);
	cr_expect_eq(all[1].over_p50_ns, INT64_C(2000000));
	cr_expect_eq(all[1].over_p90_ns, INT64_C(72000000));
	cr_expect_eq(placement_estimate_ns(1000), INT64_C(14000000));
	free(all);
	run_record_fini(&run);
	json_decref(result);
}

/* The one user of "geo" that was cut off never came back: as far from the model as can be. */
static void expect_model(const json_t *summary)
{
	const json_t *variants = json_object_get(summary, "variants"), *model;
	const char *key = "pop_crash fra";

	model = json_object_get(json_object_get(json_object_get(variants, "geo"), key), "model");
	cr_assert(model);
	cr_expect_eq(json_integer_value(json_object_get(model, "n")), 1);
	cr_expect_float_eq(json_real_value(json_object_get(model, "distance")), 1, 1e-12);
	cr_expect_float_eq(json_real_value(json_object_get(model, "ttl_s")), 30, 1e-12);
	cr_expect_not(
		json_object_get(json_object_get(json_object_get(variants, "any"), key), "model"));
}

/* Measuring adds keys and changes none. */
Test(measure, result)
{
	json_t *result = json_loads(result_text, 0, NULL), *before = json_deep_copy(result);
	struct run_record run = load(result);
	json_t *series = measure_run(&run, result), *any, *trial;
	const char *key;
	json_t *value;

	json_object_foreach (before, key, value) {
		if (strcmp(key, "trials") != 0)
			cr_expect(json_equal(value, json_object_get(result, key)), "%s", key);
	}
	trial = json_array_get(json_object_get(result, "trials"), 0);
	any = json_object_get(json_object_get(trial, "variants"), "any");
	cr_expect_float_eq(json_real_value(json_array_get(json_object_get(any, "reconnect_ms"), 0)),
			   1181, 1e-9);
	cr_expect_eq(json_integer_value(json_object_get(any, "requests")), 6);
	cr_expect(json_object_get(series, "timeline"));
	expect_model(json_object_get(result, "summary"));
	json_decref(series);
	json_decref(before);
	run_record_fini(&run);
	json_decref(result);
}

Test(measure, milliseconds)
{
	static const struct {
		int64_t ns;
		double ms;
	} cases[] = { { 0, 0 }, { 499, 0 }, { 500, 0.001 }, { 1234567, 1.235 }, { -1500, -0.002 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *value = measure_ms(cases[i].ns);

		cr_expect_float_eq(json_number_value(value), cases[i].ms, 1e-12);
		json_decref(value);
	}
	cr_expect(json_is_null(measure_ms(RECOVERY_NEVER)));
}
