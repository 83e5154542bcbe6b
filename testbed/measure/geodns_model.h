/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * geodns_model.h - the reconnect times of a GeoDNS variant beside the model of ks.h.
 *
 * Of the affected users only those count whose resolver honours the TTL and whose
 * programs ask it every time. Pure, over measured effects.
 */
#ifndef TESTBED_MEASURE_GEODNS_MODEL_H
#define TESTBED_MEASURE_GEODNS_MODEL_H

#include <jansson.h>

#include "testbed/measure/effect.h"

/*
 * {"n", "distance", "critical", "ttl_s", "detection_s":[low, high]} over effects of one fault on
 * one variant, count > 0. Users never answered again are infinitely late. NULL where the model
 * has nothing to say: no crash of a pop, no variant of plain GeoDNS, no such users.
 */
json_t *geodns_model_json(const struct run_record *run, const struct effect *const *effects,
			  size_t count);

#endif
