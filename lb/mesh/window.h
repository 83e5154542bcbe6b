/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * window.h - which sequence numbers of one life of a peer have been seen (as in RFC 6479).
 *
 * Pure. Zeroed: none. What is further behind the highest than the window is wide counts as seen:
 * nobody can tell any more. Wide, because questions come in bursts, and networks reorder.
 */
#ifndef LB_MESH_WINDOW_H
#define LB_MESH_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define MESH_WINDOW_WORDS 32
/* The word in which the highest is may be incomplete. */
#define MESH_WINDOW_SIZE ((MESH_WINDOW_WORDS - UINT64_C(1)) * 64)

struct mesh_window {
	uint64_t top;
	uint64_t words[MESH_WINDOW_WORDS];
};

/* True the first time, and only for what is new enough. Numbers begin with 1. */
static inline bool mesh_window_accept(struct mesh_window *w, uint64_t seq)
{
	uint64_t word = seq / 64, bit = UINT64_C(1) << seq % 64, last = w->top / 64;
	uint64_t *at = &w->words[word % MESH_WINDOW_WORDS];

	if (seq == 0 || (seq < w->top && w->top - seq >= MESH_WINDOW_SIZE))
		return false;
	for (uint64_t i = last + 1; i <= word && i <= last + MESH_WINDOW_WORDS; i++)
		w->words[i % MESH_WINDOW_WORDS] = 0;
	if (seq > w->top)
		w->top = seq;
	if (*at & bit)
		return false;
	*at |= bit;
	return true;
}

#endif
