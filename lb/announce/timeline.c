/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/announce/timeline.h"

#include <assert.h>
#include <string.h>

#include "lib/alloc.h"

void timeline_init(struct timeline *t, size_t peer_count)
{
	*t = (struct timeline){ .peer_count = peer_count };
}

static void entry_fini(struct timeline_entry *entry)
{
	free(entry->reason);
	free(entry->sent);
}

void timeline_fini(struct timeline *t)
{
	for (size_t i = 0; i < t->count; i++)
		entry_fini(&t->entries[i]);
	*t = (struct timeline){ 0 };
}

void timeline_follow(struct timeline *t, struct timeline *before, const size_t *was,
		     size_t peer_count)
{
	*t = *before;
	t->peer_count = peer_count;
	for (size_t i = 0; i < t->count; i++) {
		struct timeline_entry *entry = &t->entries[i];
		struct instant *sent = xcalloc(peer_count, sizeof(*sent));

		for (size_t peer = 0; peer < peer_count; peer++)
			if (was[peer] != TIMELINE_NEW)
				sent[peer] = entry->sent[was[peer]];
		free(entry->sent);
		entry->sent = sent;
	}
	timeline_init(before, 0);
}

void timeline_add(struct timeline *t, const struct timeline_entry *entry, const char *reason)
{
	struct timeline_entry *new_entry;

	if (t->count == TIMELINE_KEPT) {
		entry_fini(&t->entries[0]);
		t->count--;
		memmove(t->entries, t->entries + 1, t->count * sizeof(*t->entries));
	}
	new_entry = &t->entries[t->count++];
	*new_entry = *entry;
	new_entry->reason = xstrdup(reason);
	new_entry->sent = xcalloc(t->peer_count, sizeof(*new_entry->sent));
}

const struct timeline_entry *timeline_sent(struct timeline *t, size_t peer, bool announced,
					   struct instant at)
{
	assert(peer < t->peer_count);
	for (size_t i = t->count; i-- > 0;) {
		struct timeline_entry *entry = &t->entries[i];

		if (entry->announced != announced || entry->decided.ns > at.ns)
			continue;
		if (entry->sent[peer].ns == 0)
			entry->sent[peer] = at;
		return entry;
	}
	return NULL;
}
