/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/measure/series.h"

#include <stdio.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "testbed/measure/measure.h"

#define LEAD_NS	 (10 * NS_PER_S) /* shown before the fault */
#define BINS_MAX 160

struct axis {
	int64_t start_ns, bin_ns; /* after the first fault */
	size_t bins, columns;
};

static int64_t origin_of(const struct run_trial *trial)
{
	return trial->first_fault_ns < trial->end_ns ? trial->first_fault_ns : trial->begin_ns;
}

static int64_t longest_period_ns(const struct run_record *run)
{
	int64_t longest = 1;

	for (size_t i = 0; i < run->user_count; i++) {
		if (run->users[i].primary && run->users[i].period_ns > longest)
			longest = run->users[i].period_ns;
	}
	return longest;
}

/*
 * Bins of a round width, few enough to be seen, and of whole periods: else a user would ask
 * twice in one bin and three times in the next, and the picture would have teeth.
 */
static struct axis axis_of(const struct run_record *run)
{
	static const int64_t widths_ms[] = { 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000 };
	int64_t start = 0, end = 0, period = longest_period_ns(run);
	size_t i = 0;

	for (size_t t = 0; t < run->trial_count; t++) {
		const struct run_trial *trial = &run->trials[t];

		if (!trial->valid || trial->begin_ns > trial->end_ns)
			continue;
		if (trial->begin_ns - origin_of(trial) < start)
			start = trial->begin_ns - origin_of(trial);
		if (trial->end_ns - origin_of(trial) > end)
			end = trial->end_ns - origin_of(trial);
	}
	start = start < -LEAD_NS ? -LEAD_NS : start;
	while (i + 1 < sizeof(widths_ms) / sizeof(widths_ms[0]) &&
	       ((end - start) / (widths_ms[i] * NS_PER_MS) > BINS_MAX ||
		widths_ms[i] * NS_PER_MS % period != 0))
		i++;
	/* A bin begins at the fault itself, or the bin that has it would show both worlds. */
	start -= (widths_ms[i] * NS_PER_MS + start % (widths_ms[i] * NS_PER_MS)) %
		 (widths_ms[i] * NS_PER_MS);
	return (struct axis){ start, widths_ms[i] * NS_PER_MS,
			      (size_t)((end - start) / (widths_ms[i] * NS_PER_MS)),
			      run->pop_count + OUTCOMES - 1 };
}

static void user_count(const struct run_record *run, const struct run_user *user,
		       const struct axis *axis, uint32_t *counts)
{
	int64_t origin = origin_of(&run->trials[user->trial]) + axis->start_ns;

	for (size_t i = 0; i < user->count; i++) {
		const struct slot *slot = &user->slots[i];
		int64_t bin =
			slot->planned_ns < origin ? -1 : (slot->planned_ns - origin) / axis->bin_ns;
		int column = run_place_find(run->pops, run->pop_count, slot->pop);

		if (slot->outcome != OUTCOME_OK)
			column = (int)run->pop_count + (int)slot->outcome - 1;
		if (bin >= 0 && (size_t)bin < axis->bins && column != RUN_NO_INDEX)
			counts[(size_t)bin * axis->columns + (size_t)column]++;
	}
}

static json_t *variant_bins(const struct run_record *run, uint32_t variant, const struct axis *axis)
{
	uint32_t *counts = xcalloc(axis->bins * axis->columns + 1, sizeof(*counts));
	json_t *bins = json_array();

	for (size_t i = 0; i < run->user_count; i++) {
		const struct run_user *user = &run->users[i];

		if (user->primary && user->variant == variant && run->trials[user->trial].valid)
			user_count(run, user, axis, counts);
	}
	for (size_t b = 0; b < axis->bins; b++) {
		json_t *row = json_array();

		for (size_t c = 0; c < axis->columns; c++)
			json_array_append_new(row, json_integer(counts[b * axis->columns + c]));
		json_array_append_new(bins, row);
	}
	free(counts);
	return bins;
}

static void mark_add(json_t *marks, int64_t ns, const char *prefix, const char *text)
{
	json_array_append_new(marks, json_pack("{s:o, s:o}", "at_ms", measure_ms(ns), "text",
					       json_sprintf("%s%s", prefix, text)));
}

static json_t *marks_of(const struct run_record *run)
{
	json_t *marks = json_array();
	size_t shown = run->trial_count;

	for (size_t i = 0; i < run->fault_count; i++) {
		const struct run_fault *fault = &run->faults[i];
		int64_t origin = origin_of(&run->trials[fault->trial]);

		if (!run->trials[fault->trial].valid ||
		    (shown != run->trial_count && shown != fault->trial))
			continue;
		shown = fault->trial;
		mark_add(marks, fault->window.begin_ns - origin, "", fault->key);
		if (fault->undone)
			mark_add(marks, fault->window.end_ns - origin, "undo: ", fault->key);
	}
	return marks;
}

json_t *series_timeline(const struct run_record *run)
{
	struct axis axis = axis_of(run);
	json_t *answers = json_array(), *failures = json_array(), *variants = json_object();

	for (size_t i = 0; i < run->pop_count; i++)
		json_array_append_new(answers, json_string(run->pops[i].text));
	for (enum outcome o = OUTCOME_OK + 1; o < OUTCOMES; o++)
		json_array_append_new(failures, json_string(outcome_name(o)));
	for (size_t v = 0; v < run->variant_count; v++)
		json_object_set_new(variants, run->variants[v].text,
				    variant_bins(run, run->variants[v].name, &axis));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "bin_ms", measure_ms(axis.bin_ns),
			 "start_ms", measure_ms(axis.start_ns), "marks", marks_of(run), "answers",
			 answers, "failures", failures, "variants", variants);
}
