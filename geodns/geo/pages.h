/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pages.h - memory for arrays of megabytes that are read here and there.
 *
 * With pages of 4 KiB nearly every read of such an array is of a page whose place the processor
 * does not remember: it walks the page tables, in a virtual machine those of the host, too, and
 * that takes longer than the read. So what is 2 MiB and longer lies in pages of 2 MiB, where the
 * kernel gives them (transparent_hugepage/enabled: madvise or always); what is left over at the
 * end, and whatever is shorter, in small ones, so that no memory is wasted.
 */
#ifndef GEODNS_GEO_PAGES_H
#define GEODNS_GEO_PAGES_H

#include <stddef.h>

#define GEO_PAGES_LARGE ((size_t)2 << 20)

/* Zeroed. Aborts where there is no memory, as lib/alloc.h; size 0: NULL. */
void *geo_pages_new(size_t size);
/* The size that they were asked for with. */
void geo_pages_free(void *pages, size_t size);

#endif
