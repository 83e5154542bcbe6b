/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/report/values.h"

#include <math.h>
#include <stdio.h>

const json_t *value_at_keys(const json_t *from, const char *const *keys)
{
	for (; from && *keys; keys++)
		from = json_object_get(from, *keys);
	return from;
}

const char *value_string(const json_t *from, const char *key)
{
	const char *text = json_string_value(json_object_get(from, key));

	return text ? text : "";
}

double value_number(const json_t *from, const char *key)
{
	return json_number_value(json_object_get(from, key));
}

bool value_is_known(const json_t *value)
{
	return value && !json_is_null(value);
}

const char *value_ms_number(double ms, char buf[VALUE_TEXT_SIZE])
{
	double size = fabs(ms);

	if (size < 1)
		snprintf(buf, VALUE_TEXT_SIZE, ms == 0 ? "0 ms" : "%.2f ms", ms);
	else if (size < 999.5)
		snprintf(buf, VALUE_TEXT_SIZE, "%.0f ms", ms);
	else if (size < 9995)
		snprintf(buf, VALUE_TEXT_SIZE, "%.2f s", ms / 1000);
	else if (size < 99950)
		snprintf(buf, VALUE_TEXT_SIZE, "%.1f s", ms / 1000);
	else
		snprintf(buf, VALUE_TEXT_SIZE, "%.0f s", ms / 1000);
	return buf;
}

const char *value_ms(const json_t *ms, char buf[VALUE_TEXT_SIZE])
{
	if (!value_is_known(ms))
		return "-";
	return value_ms_number(json_number_value(ms), buf);
}

const char *value_quantile(const json_t *distribution, const char *key, char buf[VALUE_TEXT_SIZE])
{
	const json_t *value = json_object_get(distribution, key);
	char limit[VALUE_TEXT_SIZE];

	if (value_is_known(value) || value_number(distribution, "never") == 0)
		return value_ms(value, buf);
	snprintf(buf, VALUE_TEXT_SIZE, "> %.20s",
		 value_ms(json_object_get(distribution, "observed_ms"), limit));
	return buf;
}

static const char *interval_end(const json_t *distribution, const json_t *end,
				char buf[VALUE_TEXT_SIZE])
{
	char limit[VALUE_TEXT_SIZE];

	if (value_is_known(end))
		return value_ms(end, buf);
	if (!value_is_known(json_object_get(distribution, "observed_ms")))
		return "never";
	snprintf(buf, VALUE_TEXT_SIZE, "> %.20s",
		 value_ms(json_object_get(distribution, "observed_ms"), limit));
	return buf;
}

const char *value_interval(const json_t *distribution, const char *key, char buf[VALUE_TEXT_SIZE])
{
	const json_t *pair = json_object_get(distribution, key);
	char low[VALUE_TEXT_SIZE], high[VALUE_TEXT_SIZE];

	snprintf(buf, VALUE_TEXT_SIZE, "%.20s to %.20s",
		 interval_end(distribution, json_array_get(pair, 0), low),
		 interval_end(distribution, json_array_get(pair, 1), high));
	return buf;
}

const char *value_share_number(double share, char buf[VALUE_TEXT_SIZE])
{
	double percent = share * 100;

	snprintf(buf, VALUE_TEXT_SIZE, percent > 0 && percent < 1 ? "%.2f %%" : "%.1f %%", percent);
	return buf;
}

const char *value_share(const json_t *share, char buf[VALUE_TEXT_SIZE])
{
	return value_is_known(share) ? value_share_number(json_number_value(share), buf) : "-";
}

bool value_loss_came_later(const json_t *row)
{
	const json_t *reconnect = value_at(row, "reconnect_ms", "p50", NULL);
	const json_t *loss = value_at(row, "loss_window_ms", "p50", NULL);

	return value_is_known(reconnect) && value_is_known(loss) &&
	       json_number_value(loss) > json_number_value(reconnect);
}

const char *value_limits(const json_t *result, char buf[VALUE_TEXT_SIZE])
{
	const json_t *limits = value_at(result, "scenario", "limits", NULL);
	const json_t *wires = json_object_get(limits, "wires_late_ms");
	const json_t *senders = json_object_get(limits, "senders_late_ms");
	const double wires_ms = wires ? json_number_value(wires) : 0.5;
	const double senders_ms = senders ? json_number_value(senders) : 5;

	if (wires_ms <= 0.5 && senders_ms <= 5)
		return NULL;
	snprintf(buf, VALUE_TEXT_SIZE, "wires %g, senders %g ms", wires_ms, senders_ms);
	return buf;
}
