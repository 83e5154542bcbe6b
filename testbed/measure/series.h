/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * series.h - what users saw over time, in bins, for the report's first picture.
 *
 * The valid trials are laid over each other with their first faults at 0. Pure.
 */
#ifndef TESTBED_MEASURE_SERIES_H
#define TESTBED_MEASURE_SERIES_H

#include <jansson.h>

#include "testbed/measure/run_record.h"

/*
 * {"bin_ms":1000, "start_ms":-10000, "marks":[{"at_ms":0,"text":"pop_crash fra"}, ...],
 *  "answers":["fra", ...], "failures":["refused", ...],
 *  "variants":{NAME:[[count per answer, then per failure], ... per bin]}}
 * Marks are the first valid trial's. Requests of the primary kind, by their planned time.
 */
json_t *series_timeline(const struct run_record *run);

#endif
