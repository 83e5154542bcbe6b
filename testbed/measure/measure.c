/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/measure/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/measure/series.h"

/* Enough digits for microseconds in a day, too few to show the binary fraction. */
#define RESULT_FLAGS (JSON_INDENT(1) | JSON_REAL_PRECISION(12))

static struct measure_effects effects_measure(const struct run_record *run)
{
	struct measure_effects all = { 0 };

	all.effects = xcalloc(run->fault_count * run->variant_count + 1, sizeof(*all.effects));
	for (size_t f = 0; f < run->fault_count; f++) {
		for (size_t v = 0; v < run->variant_count; v++)
			effect_measure(&all.effects[all.count++], run, &run->faults[f], v);
	}
	return all;
}

json_t *measure_run(struct run_record *run, json_t *result)
{
	struct measure_effects all = effects_measure(run);
	json_t *series = json_object();
	json_t *trial;
	size_t i;

	json_array_foreach (json_object_get(result, "trials"), i, trial) {
		json_object_set_new(trial, "variants", measure_trial_variants(run, &all, i));
	}
	json_object_set_new(result, "summary", measure_summary(run, &all));
	json_object_set_new(series, "timeline", series_timeline(run));
	json_object_set_new(series, "curves", measure_curves(run, &all));
	for (i = 0; i < all.count; i++)
		effect_fini(&all.effects[i]);
	free(all.effects);
	return series;
}

/* Map instead of reading: a record of a long run has gigabytes. */
static int events_load(struct event_record *out, const char *path, char *err)
{
	struct events_csv_error csv_err;
	struct stat st = { 0 };
	char *text = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = -1;

	if (fd < 0 || fstat(fd, &st) < 0) {
		snprintf(err, MEASURE_ERROR_SIZE, "%s: %s", path, strerror(errno));
		goto out;
	}
	if (st.st_size > 0)
		text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (!text || text == MAP_FAILED) {
		snprintf(err, MEASURE_ERROR_SIZE, "%s: %s", path, text ? strerror(errno) : "empty");
		goto out;
	}
	rc = events_csv_decode(out, text, (size_t)st.st_size, &csv_err);
	if (rc < 0)
		snprintf(err, MEASURE_ERROR_SIZE, "%s:%zu: %s", path, csv_err.line, csv_err.reason);
	munmap(text, (size_t)st.st_size);
out:
	if (fd >= 0)
		close(fd);
	return rc;
}

int measure_directory(const char *dir, json_t **result, json_t **series,
		      char err[MEASURE_ERROR_SIZE])
{
	char *events_path = xasprintf("%s/events.csv", dir);
	char *result_path = xasprintf("%s/result.json", dir);
	struct event_record raw;
	struct run_record run;
	json_error_t json_err;
	json_t *loaded = json_load_file(result_path, JSON_REJECT_DUPLICATES, &json_err);
	int rc = -1;

	if (!loaded) {
		snprintf(err, MEASURE_ERROR_SIZE, "%s:%d: %s", result_path, json_err.line,
			 json_err.text);
		goto out;
	}
	if (events_load(&raw, events_path, err) < 0 ||
	    run_record_build(&run, &raw, loaded, err, MEASURE_ERROR_SIZE) < 0)
		goto out;
	*series = measure_run(&run, loaded);
	*result = loaded;
	loaded = NULL;
	run_record_fini(&run);
	rc = 0;
out:
	json_decref(loaded);
	free(events_path);
	free(result_path);
	return rc;
}

int measure_save(const char *dir, const json_t *result)
{
	char *path = xasprintf("%s/result.json", dir);
	char *temporary = xasprintf("%s/result.json.new", dir);
	FILE *out = fopen(temporary, "we");
	int rc = 0;

	if (!out) {
		rc = -errno;
		goto out;
	}
	if (json_dumpf(result, out, RESULT_FLAGS) < 0 || putc('\n', out) == EOF)
		rc = -EIO;
	if (fclose(out) != 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(temporary, path) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(temporary);
out:
	free(temporary);
	free(path);
	return rc;
}
