/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/geo/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t whole_pages(size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

/* The kernel aligns to small pages only: ask for more, give back what lies around it. */
void *geo_pages_new(size_t size)
{
	const size_t needed = whole_pages(size), asked = needed + GEO_PAGES_LARGE;
	uint8_t *all, *begin;

	if (size == 0)
		return NULL;
	all = mmap(NULL, asked, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		abort();
	begin = all + (GEO_PAGES_LARGE - (uintptr_t)all % GEO_PAGES_LARGE) % GEO_PAGES_LARGE;
	if (begin > all)
		munmap(all, (size_t)(begin - all));
	munmap(begin + needed, asked - needed - (size_t)(begin - all));
	/* A kernel without large pages refuses, and all is well but slower. */
	if (needed >= GEO_PAGES_LARGE)
		madvise(begin, needed / GEO_PAGES_LARGE * GEO_PAGES_LARGE, MADV_HUGEPAGE);
	return begin;
}

void geo_pages_free(void *pages, size_t size)
{
	if (pages)
		munmap(pages, whole_pages(size));
}
