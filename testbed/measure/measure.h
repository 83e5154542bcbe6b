/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * measure.h - from the raw record of a run to its numbers.
 *
 * Reads DIR/events.csv and DIR/result.json (as the supervisor left it, or as an
 * earlier measuring did), fills in trials[].variants and summary, and gives the
 * curves that the report draws. Keys are only added. Writes nothing.
 *
 * A full second copy of every number comes from tests/support/recompute.py.
 */
#ifndef TESTBED_MEASURE_MEASURE_H
#define TESTBED_MEASURE_MEASURE_H

#include <jansson.h>

#include "testbed/measure/effect.h"
#include "testbed/measure/run_record.h"

#define MEASURE_ERROR_SIZE 512

/*
 * On success returns 0, *result (result.json filled in) and *series are the caller's. On
 * failure returns -1 and a line in err: what is wrong with which file.
 *
 * series: {"timeline":{...} (series.h), "curves":{VARIANT:{FAULT:{"until_ms":T,
 * "steps":[[ms,share],...]}}}}.
 */
int measure_directory(const char *dir, json_t **result, json_t **series,
		      char err[MEASURE_ERROR_SIZE]);
/* The same from memory: fills result in, returns series. */
json_t *measure_run(struct run_record *run, json_t *result);
/* Write result as DIR/result.json, by way of a temporary file. 0 or -errno. */
int measure_save(const char *dir, const json_t *result);

/* All effects of a run: faults x variants, by fault. */
struct measure_effects {
	struct effect *effects;
	size_t count;
};

/* Nanoseconds as JSON milliseconds to the microsecond; null for RECOVERY_NEVER. */
json_t *measure_ms(int64_t ns);

/* trials[i].variants (trial_json.c). */
json_t *measure_trial_variants(const struct run_record *run, const struct measure_effects *all,
			       size_t trial);
/* summary (summary.c). */
json_t *measure_summary(const struct run_record *run, const struct measure_effects *all);
/* series.curves (summary.c). */
json_t *measure_curves(const struct run_record *run, const struct measure_effects *all);

#endif
