/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /metrics, in the text format of Prometheus. */
#include "lib/metrics.h"
#include "lib/version.h"
#include "testbed/api/api.h"

static void sample(struct metrics *m, double value, const char *label, const char *name)
{
	metrics_sample(m, value, label, name, (char *)NULL);
}

static void write_runs(const struct api *api, struct metrics *m)
{
	const struct runs_counts counts = runs_count(api->runs);

	metrics_family(m, "catchment_testbed_runs", "gauge", "Runs on their way, by state.");
	for (int s = RUN_QUEUED; s <= RUN_REPORTING; s++)
		sample(m, counts.states[s], "state", run_state_name((enum run_state)s));
	metrics_family(m, "catchment_testbed_runs_ended_total", "counter",
		       "Runs that have ended since the server's start.");
	for (int s = RUN_DONE; s <= RUN_CANCELLED; s++)
		sample(m, counts.states[s], "state", run_state_name((enum run_state)s));
	metrics_family(m, "catchment_testbed_trials_total", "counter", "Trials of ended runs.");
	sample(m, (double)counts.trials_valid, "valid", "true");
	sample(m, (double)counts.trials_invalid, "valid", "false");
}

/* Of the last second: of the trial that runs, else of the users that a lab without one has. */
static const json_t *traffic_of(const json_t *lab)
{
	const json_t *trial = json_object_get(lab, "trial");

	return json_is_object(trial) ? trial : json_object_get(lab, "users");
}

static void write_traffic(const json_t *labs, struct metrics *m, const char *name, const char *key,
			  const char *help)
{
	const json_t *lab;
	size_t i;

	metrics_family(m, name, "gauge", help);
	json_array_foreach (labs, i, lab) {
		const json_t *value = json_object_get(traffic_of(lab), key);
		const char *lab_name = json_string_value(json_object_get(lab, "lab"));

		if (value && lab_name)
			sample(m, (double)json_integer_value(value), "lab", lab_name);
	}
}

static void write_labs(const json_t *labs, const json_t *silent, struct metrics *m)
{
	const json_t *lab;
	size_t i;

	metrics_family(m, "catchment_testbed_lab_up", "gauge",
		       "1 for a lab that is up, 0 for one on its way or that does not answer.");
	json_array_foreach (labs, i, lab) {
		const char *name = json_string_value(json_object_get(lab, "lab"));
		const char *phase = json_string_value(json_object_get(lab, "phase"));

		if (name && phase)
			sample(m, phase[0] == 'u' && phase[1] == 'p', "lab", name);
	}
	json_array_foreach (silent, i, lab) {
		sample(m, 0, "lab", json_string_value(lab));
	}
	write_traffic(labs, m, "catchment_testbed_lab_requests", "requests",
		      "Requests of the users in the last second.");
	write_traffic(labs, m, "catchment_testbed_lab_requests_failed", "failed",
		      "Those of them that have failed.");
}

int api_metrics(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	json_t *silent = json_array(), *labs = api_labs_status(silent);
	struct metrics m;

	(void)req;
	metrics_init(&m);
	metrics_family(&m, "catchment_testbed_info", "gauge", "1, with the version.");
	sample(&m, 1, "version", version_number());
	write_runs(ctx, &m);
	write_labs(labs, silent, &m);
	json_decref(labs);
	json_decref(silent);
	reply->text = metrics_finish(&m);
	reply->content_type = "text/plain; version=0.0.4";
	return 200;
}
