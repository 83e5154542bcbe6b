/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * feeds.h - what happens in all labs, in one event log.
 *
 * Subscribes to every lab that runs on this machine, whoever has started it,
 * and writes what it tells to the log with the lab's name ("lab"); what it calls
 * "id" becomes "fault", since an event has an id of its own. lab_found and
 * lab_gone are added; a lab_found that follows a lab_gone at once may say that
 * events of a lab were missed. The runs hear of it too.
 */
#ifndef TESTBED_API_FEEDS_H
#define TESTBED_API_FEEDS_H

#include "testbed/api/runs.h"

struct feeds;

struct feeds *feeds_new(struct ev_loop *loop, struct event_log *log, struct runs *runs);
void feeds_free(struct feeds *feeds);
/* Look for new labs now. */
void feeds_look(struct feeds *feeds);

/* What the log keeps of a lab's event; NULL and no kind for what is none. Pure. */
json_t *feed_event_fields(const json_t *event, const char *lab, const char **kind,
			  struct instant *at);

#endif
