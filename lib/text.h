/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * text.h - strings that may be absent.
 */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <stdbool.h>
#include <string.h>

/* Either may be NULL, which equals itself only. */
static inline bool text_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

#endif
