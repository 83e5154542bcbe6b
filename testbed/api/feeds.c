/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/api/feeds.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/ask.h"
#include "testbed/labs.h"
#include "testbed/runtime/lab.h"

#define LOOK_S 0.5

struct feed {
	struct feeds *feeds;
	struct feed *next;
	char *lab;
	struct control *control;
};

struct feeds {
	struct ev_loop *loop;
	struct event_log *log;
	struct runs *runs;
	struct feed *first;
	ev_timer timer;
};

json_t *feed_event_fields(const json_t *event, const char *lab, const char **kind,
			  struct instant *at)
{
	json_t *fields, *id;

	*kind = json_string_value(json_object_get(event, "kind"));
	if (!*kind || !**kind)
		return NULL;
	at->ns = json_integer_value(json_object_get(event, "t_ns"));
	if (at->ns <= 0)
		*at = clock_now();
	fields = json_copy((json_t *)event);
	json_object_del(fields, "kind");
	json_object_del(fields, "t_ns");
	id = json_object_get(fields, "id");
	if (id)
		json_object_set(fields, "fault", id);
	json_object_del(fields, "id");
	json_object_set_new(fields, "lab", json_string(lab));
	return fields;
}

static void feed_free(struct feed *feed)
{
	struct feed **at = &feed->feeds->first;

	while (*at != feed)
		at = &(*at)->next;
	*at = feed->next;
	control_free(feed->control);
	free(feed->lab);
	free(feed);
}

static void on_message(void *ctx, struct control *control, const json_t *msg, int fd)
{
	const struct feed *feed = ctx;
	const json_t *event = json_object_get(msg, "event");
	struct instant at = { 0 };
	const char *kind;
	json_t *fields;

	(void)control;
	if (fd >= 0)
		close(fd);
	fields = json_is_object(event) ? feed_event_fields(event, feed->lab, &kind, &at) : NULL;
	if (!fields)
		return;
	runs_lab_event(feed->feeds->runs, feed->lab, event);
	event_log_add(feed->feeds->log, at, kind, fields);
}

static void said(const struct feed *feed, const char *kind)
{
	event_log_add(feed->feeds->log, clock_now(), kind, json_pack("{s:s}", "lab", feed->lab));
}

static void on_close(void *ctx, struct control *control)
{
	struct feed *feed = ctx;

	(void)control;
	said(feed, "lab_gone");
	/* If we have not read for too long it has hung up on us, and goes on. */
	if (!labs_is_running(feed->lab))
		runs_lab_gone(feed->feeds->runs, feed->lab);
	feed_free(feed);
}

static void feed_new(struct feeds *feeds, const char *lab)
{
	static const struct control_events events = { on_message, on_close };
	json_t *wish = json_pack("{s:s, s:s}", "type", "command", "command", "subscribe");
	int fd = ask_connect(lab, clock_now());
	struct feed *feed;

	if (fd < 0) { /* a dead one's directory, or it hangs: next time */
		json_decref(wish);
		return;
	}
	feed = x_new(struct feed);
	feed->feeds = feeds;
	feed->lab = xstrdup(lab);
	feed->next = feeds->first;
	feeds->first = feed;
	feed->control = control_new(feeds->loop, fd, &events, feed);
	said(feed, "lab_found");
	control_send(feed->control, wish, -1);
}

static bool is_fed(const struct feeds *feeds, const char *lab)
{
	for (const struct feed *f = feeds->first; f; f = f->next) {
		if (strcmp(f->lab, lab) == 0)
			return true;
	}
	return false;
}

void feeds_look(struct feeds *feeds)
{
	DIR *dir = opendir(LAB_ROOT);
	const struct dirent *entry;

	/* Labs that are fed are left in peace: they may be measuring. */
	while (dir && (entry = readdir(dir))) {
		if (!is_fed(feeds, entry->d_name))
			feed_new(feeds, entry->d_name);
	}
	if (dir)
		closedir(dir);
	runs_look(feeds->runs);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	feeds_look(w->data);
}

struct feeds *feeds_new(struct ev_loop *loop, struct event_log *log, struct runs *runs)
{
	struct feeds *feeds = x_new(struct feeds);

	feeds->loop = loop;
	feeds->log = log;
	feeds->runs = runs;
	ev_timer_init(&feeds->timer, on_timer, LOOK_S, LOOK_S);
	feeds->timer.data = feeds;
	ev_timer_start(loop, &feeds->timer);
	feeds_look(feeds);
	return feeds;
}

void feeds_free(struct feeds *feeds)
{
	struct feed *next;

	if (!feeds)
		return;
	for (struct feed *feed = feeds->first; feed; feed = next) {
		next = feed->next;
		feed_free(feed);
	}
	ev_timer_stop(feeds->loop, &feeds->timer);
	free(feeds);
}
