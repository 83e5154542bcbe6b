/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * base_conf.h - a configuration of catchment-lb that is good, and patches of it.
 *
 * One peer t1, one VIP v with the origins a and b. Tests write JSON with ' for ".
 */
#ifndef TESTS_UNIT_LB_BASE_CONF_H
#define TESTS_UNIT_LB_BASE_CONF_H

#include <jansson.h>

/* The caller's. */
json_t *base_conf_json(void);
/* Merges the patch: objects by key, arrays whole. */
void base_conf_patch(json_t *conf, const char *patch);

#endif
