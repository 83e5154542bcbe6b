/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * alloc.h - allocation that never fails.
 *
 * A daemon of this size cannot do anything useful without memory, so running
 * out of it aborts here and no caller checks. Memory belongs to the caller and
 * goes back with free(). x_new(type) gives one zeroed object.
 */
#ifndef LIB_ALLOC_H
#define LIB_ALLOC_H

#include <stddef.h>
#include <stdlib.h>

#define x_new(type) ((type *)xcalloc(1, sizeof(type)))

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
/* Room for count elements of the given size; aborts where the product overflows. */
void *xreallocarray(void *p, size_t count, size_t size);
char *xstrdup(const char *s);
void *xmemdup(const void *p, size_t size);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
