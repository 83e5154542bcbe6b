/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/client/report.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/alloc.h"

#define FLUSH_S 0.1

struct message {
	struct message *next;
	size_t len;
	char *text;
};

struct client_report {
	struct ev_loop *loop;
	ev_io readable, writable;
	ev_timer flush;
	const char *group;
	struct client_batch *batch;
	struct message *first, **last;
	size_t queued; /* bytes in the list */
	uint64_t rows, lost;
	bool finished, over;
	client_report_fn *on_end;
	void *ctx;
};

/* At most one on_end, after which the socket is left alone. */
static void end(struct client_report *report, bool lost)
{
	if (report->over)
		return;
	report->over = true;
	ev_io_stop(report->loop, &report->readable);
	ev_io_stop(report->loop, &report->writable);
	ev_timer_stop(report->loop, &report->flush);
	if (report->on_end)
		report->on_end(report->ctx, lost);
}

static void message_drop(struct client_report *report)
{
	struct message *m = report->first;

	report->first = m->next;
	if (!report->first)
		report->last = &report->first;
	report->queued -= m->len;
	free(m->text);
	free(m);
}

/* Write as many messages as the socket takes; the rest when it takes more. */
static void queue_send(struct client_report *report)
{
	while (report->first && !report->over) {
		const struct message *m = report->first;

		if (send(report->readable.fd, m->text, m->len, MSG_NOSIGNAL) >= 0) {
			message_drop(report);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
			ev_io_start(report->loop, &report->writable);
			return;
		} else if (errno != EINTR) {
			end(report, true);
		}
	}
	ev_io_stop(report->loop, &report->writable);
	if (report->finished)
		end(report, false);
}

/* Takes text over. */
static void message_put(struct client_report *report, char *text, size_t len)
{
	struct message *m = x_new(struct message);

	m->text = text;
	m->len = len;
	*report->last = m;
	report->last = &m->next;
	report->queued += len;
	/* In order: what waits already is being sent when the socket is writable. */
	if (!ev_is_active(&report->writable) && !report->over)
		queue_send(report);
}

static void batch_send(struct client_report *report)
{
	const unsigned rows = client_batch_rows(report->batch);
	char *text;
	size_t len;

	ev_timer_stop(report->loop, &report->flush);
	if (rows == 0)
		return;
	text = client_batch_take(report->batch, &len);
	report->rows += rows;
	if (report->queued + len <= CLIENT_REPORT_BACKLOG) {
		message_put(report, text, len);
		return;
	}
	report->lost += rows;
	free(text);
}

static void on_flush(struct ev_loop *loop __attribute__((unused)), ev_timer *w,
		     int revents __attribute__((unused)))
{
	batch_send(w->data);
}

static void on_writable(struct ev_loop *loop __attribute__((unused)), ev_io *w,
			int revents __attribute__((unused)))
{
	queue_send(w->data);
}

/* The supervisor has nothing to say on this socket; its end of file says that it is gone. */
static void on_readable(struct ev_loop *loop __attribute__((unused)), ev_io *w,
			int revents __attribute__((unused)))
{
	char buf[256];
	const ssize_t n = recv(w->fd, buf, sizeof(buf), 0);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		end(w->data, true);
}

static int socket_connect(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		const int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int client_report_new(struct client_report **out, struct ev_loop *loop, const char *path,
		      const char *group)
{
	const int fd = socket_connect(path);
	struct client_report *report;
	char *hello;

	if (fd < 0)
		return fd;
	report = x_new(struct client_report);
	report->loop = loop;
	report->group = group;
	report->batch = client_batch_new(group);
	report->last = &report->first;
	ev_io_init(&report->readable, on_readable, fd, EV_READ);
	ev_io_init(&report->writable, on_writable, fd, EV_WRITE);
	ev_timer_init(&report->flush, on_flush, FLUSH_S, 0);
	report->readable.data = report->writable.data = report->flush.data = report;
	ev_io_start(loop, &report->readable);
	hello = xasprintf("{\"type\":\"hello\",\"role\":\"client\",\"node\":\"%s\",\"version\":1}",
			  group);
	message_put(report, hello, strlen(hello));
	*out = report;
	return 0;
}

void client_report_free(struct client_report *report)
{
	if (!report)
		return;
	report->on_end = NULL;
	end(report, false);
	while (report->first)
		message_drop(report);
	client_batch_free(report->batch);
	close(report->readable.fd);
	free(report);
}

void client_report_listen(struct client_report *report, client_report_fn *on_end, void *ctx)
{
	report->on_end = on_end;
	report->ctx = ctx;
	/* Gone already, at the hello? */
	if (report->over)
		on_end(ctx, true);
}

void client_report_row(struct client_report *report, const struct client_row *row)
{
	assert(!report->finished);
	client_batch_add(report->batch, row);
	if (client_batch_rows(report->batch) >= CLIENT_BATCH_ROWS) {
		batch_send(report);
	} else if (!ev_is_active(&report->flush) && !report->over) {
		ev_timer_set(&report->flush, FLUSH_S, 0);
		ev_timer_start(report->loop, &report->flush);
	}
}

void client_report_sender(struct client_report *report, struct instant now,
			  const struct client_lateness *late)
{
	char text[1024];
	char *message;

	client_lateness_format(late, text, sizeof(text));
	message = xasprintf("{\"type\":\"sender\",\"group\":\"%s\",\"t_ns\":%" PRId64
			    ",\"sent\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"late_us\":%s}",
			    report->group, now.ns, late->total, report->lost, text);
	message_put(report, message, strlen(message));
}

void client_report_finish(struct client_report *report)
{
	char *bye;

	batch_send(report);
	report->finished = true;
	bye = xasprintf("{\"type\":\"bye\",\"group\":\"%s\",\"rows\":%" PRIu64 ",\"lost\":%" PRIu64
			"}",
			report->group, report->rows, report->lost);
	message_put(report, bye, strlen(bye));
}
