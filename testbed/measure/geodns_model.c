/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/measure/geodns_model.h"

#include <math.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "testbed/measure/ks.h"

static double number_or(const json_t *object, const char *key, double otherwise)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : otherwise;
}

/* The scenario's numbers, with the defaults of its loader. */
static struct ks_geodns_model model_of(const struct run_record *run, const json_t *variant)
{
	const json_t *checks = json_object_get(json_object_get(run->result, "scenario"), "checks");
	double interval_ms = number_or(checks, "interval_ms", 1000);

	return (struct ks_geodns_model){
		.interval_s = interval_ms / 1e3,
		.timeout_s = number_or(checks, "timeout_ms", fmin(interval_ms, 1000)) / 1e3,
		.ttl_s = number_or(variant, "ttl", 30),
		.fall = (unsigned)number_or(checks, "fall", 3),
	};
}

static bool group_is_honest(const struct run_record *run, int group)
{
	const json_t *client, *resolver;
	const char *cache;

	if (group == RUN_NO_INDEX)
		return false;
	client = run_scenario_find(run, "clients", run->groups[group].text);
	resolver = json_object_get(client, "resolver");
	cache = json_string_value(json_object_get(client, "cache"));
	return number_or(resolver, "stretch_ttl", 0) == 0 && (!cache || strcmp(cache, "none") == 0);
}

static size_t sample_take(const struct run_record *run, const struct effect *e, double *out)
{
	size_t n = 0;

	for (size_t i = 0; i < e->affected_count; i++) {
		int64_t t_ns = e->affected[i].recovery.reconnect_ns;

		if (group_is_honest(run, e->affected[i].group))
			out[n++] = t_ns == RECOVERY_NEVER ? INFINITY : (double)t_ns / NS_PER_S;
	}
	return n;
}

static json_t *result_json(const struct ks_geodns_model *model, const struct ks_result *result)
{
	double low = (model->fall - 1) * model->interval_s + model->timeout_s;

	return json_pack("{s:I, s:f, s:f, s:f, s:[f, f]}", "n", (json_int_t)result->n, "distance",
			 result->distance, "critical", result->critical, "ttl_s", model->ttl_s,
			 "detection_s", low, low + model->interval_s);
}

json_t *geodns_model_json(const struct run_record *run, const struct effect *const *effects,
			  size_t count)
{
	const json_t *variant =
		run_scenario_find(run, "variants", run->variants[effects[0]->variant].text);
	const char *mode = json_string_value(json_object_get(variant, "mode"));
	struct ks_geodns_model model = model_of(run, variant);
	struct ks_result result;
	size_t n = 0, room = 1;
	double *sample;

	if (!mode || strcmp(mode, "geodns") != 0 ||
	    strcmp(effects[0]->fault->kind, "pop_crash") != 0)
		return NULL;
	for (size_t i = 0; i < count; i++)
		room += effects[i]->affected_count;
	sample = xcalloc(room, sizeof(*sample));
	for (size_t i = 0; i < count; i++)
		n += sample_take(run, effects[i], sample + n);
	if (n > 0)
		result = ks_geodns_test(&model, sample, n);
	free(sample);
	return n > 0 ? result_json(&model, &result) : NULL;
}
