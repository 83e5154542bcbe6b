/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/geo/record.h"

enum type {
	TYPE_EXTENDED = 0,
	TYPE_POINTER = 1,
	TYPE_MAP = 7,
	TYPE_ARRAY = 11,
	TYPE_CONTAINER = 12,
	TYPE_END = 13,
	TYPE_BOOLEAN = 14,
	TYPE_LAST = 15
};

struct scan {
	const uint8_t *data;
	size_t len, at;
	unsigned values;
};

/* A number of count octets; with too few left, all that follows fails. */
static size_t octets(struct scan *s, unsigned count)
{
	size_t value = 0;

	if (s->len - s->at < count) {
		s->at = s->len;
		s->values = GEO_RECORD_VALUES_MAX;
		return 0;
	}
	while (count-- > 0)
		value = value << 8 | s->data[s->at++];
	return value;
}

static size_t size_read(struct scan *s, uint8_t control)
{
	static const size_t bases[] = { 29, 285, 65821 };
	unsigned size = control & 31;

	return size < 29 ? size : bases[size - 29] + octets(s, size - 28);
}

static size_t pointer_read(struct scan *s, uint8_t control)
{
	static const size_t bases[] = { 0, 2048, 526336, 0 };
	unsigned size = control >> 3 & 3;
	size_t high = size < 3 ? (size_t)(control & 7) << 8 * (size + 1) : 0;

	return bases[size] + high + octets(s, size + 1);
}

/* Recursion is no deeper than depth allows. */
static bool value_scan(struct scan *s, unsigned depth)
{
	uint8_t control = (uint8_t)octets(s, 1);
	unsigned type = control >> 5;
	size_t size, next;

	if (type == TYPE_EXTENDED)
		type = 7 + (unsigned)octets(s, 1);
	if (++s->values > GEO_RECORD_VALUES_MAX || depth == 0 || type > TYPE_LAST)
		return false;
	if (type == TYPE_POINTER) {
		size = pointer_read(s, control);
		next = s->at;
		s->at = size < s->len ? size : s->len;
		if (!value_scan(s, depth - 1))
			return false;
		s->at = next;
		return true;
	}
	size = size_read(s, control);
	if (type == TYPE_MAP || type == TYPE_ARRAY) {
		for (size = type == TYPE_MAP ? 2 * size : size; size > 0; size--) {
			if (!value_scan(s, depth - 1))
				return false;
		}
		return true;
	}
	if (type == TYPE_BOOLEAN)
		return true;
	if (type == TYPE_CONTAINER || type == TYPE_END || size > s->len - s->at)
		return false;
	s->at += size;
	return true;
}

bool geo_record_is_sound(const uint8_t *data, size_t len, size_t offset)
{
	struct scan scan = { .data = data, .len = len, .at = offset };

	return offset < len && value_scan(&scan, GEO_RECORD_DEPTH_MAX);
}
