/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * values.h - reading result.json and writing its values for people. Pure.
 */
#ifndef TESTBED_REPORT_VALUES_H
#define TESTBED_REPORT_VALUES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define VALUE_TEXT_SIZE 48

/* The value at a path of keys, NULL where any is missing: value_at(r, "summary", "trials", NULL).
 */
#define value_at(from, ...) value_at_keys((from), (const char *const[]){ __VA_ARGS__ })
const json_t *value_at_keys(const json_t *from, const char *const *keys);
const char *value_string(const json_t *from, const char *key);
double value_number(const json_t *from, const char *key); /* 0 when absent */
/* "20 ms", "9.38 s", "120 s": three digits, "-" for NULL and null. */
const char *value_ms(const json_t *ms, char buf[VALUE_TEXT_SIZE]);
const char *value_ms_number(double ms, char buf[VALUE_TEXT_SIZE]);
/* A quantile of a distribution object: its time, or "> T" where null means never. */
const char *value_quantile(const json_t *distribution, const char *key, char buf[VALUE_TEXT_SIZE]);
/* "4.10 s to 9.20 s"; an end that is never, or beyond what was observed, is "> T". */
const char *value_interval(const json_t *distribution, const char *key, char buf[VALUE_TEXT_SIZE]);
/* "12.3 %", with two digits below 1 %; "-" for NULL and null. */
const char *value_share(const json_t *share, char buf[VALUE_TEXT_SIZE]);
const char *value_share_number(double share, char buf[VALUE_TEXT_SIZE]);
bool value_is_known(const json_t *value);
/*
 * Of a variant's row: half of its users were answered sooner than they then went without answers,
 * so the failed pop went on answering for a while, as in a drain. Reconnect says nothing there.
 */
bool value_loss_came_later(const json_t *row);
/* What was tolerated in a valid trial, NULL when that is what comparable runs tolerate. */
const char *value_limits(const json_t *result, char buf[VALUE_TEXT_SIZE]);

#endif
