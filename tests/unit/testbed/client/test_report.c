/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "testbed/client/report.h"

/* More rows of about 80 bytes than the backlog and the socket hold. */
#define ROWS 300000

struct supervisor {
	int fd;
	ev_io io;
	uint64_t rows, said_rows, said_lost;
	unsigned messages;
	bool bye;
};

static void on_message(struct ev_loop *loop, ev_io *w, int revents)
{
	static char buf[1 << 18];
	struct supervisor *s = w->data;
	const ssize_t n = recv(w->fd, buf, sizeof(buf), 0);
	json_t *json = n > 0 ? json_loadb(buf, (size_t)n, 0, NULL) : NULL;
	const char *type = json_string_value(json_object_get(json, "type"));

	(void)revents;
	cr_assert_not_null(type);
	if (s->messages++ == 0)
		cr_expect_str_eq(type, "hello");
	s->rows += json_array_size(json_object_get(json, "rows"));
	if (strcmp(type, "bye") == 0) {
		s->bye = true;
		s->said_rows = (uint64_t)json_integer_value(json_object_get(json, "rows"));
		s->said_lost = (uint64_t)json_integer_value(json_object_get(json, "lost"));
		ev_io_stop(loop, w);
	}
	json_decref(json);
}

static void on_end(void *ctx, bool lost)
{
	*(int *)ctx = lost ? -1 : 1;
}

/* A supervisor that does not read: nothing blocks, and what had to be dropped is told. */
Test(client_report, drops_are_counted)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	const int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	const struct client_row row = { { 1234567890123 }, CLIENT_UDP, "geodns30",   3, "fra",
					CLIENT_OK,	   12345,      "198.18.33.1" };
	struct supervisor s = { 0 };
	struct client_report *report;
	int ended = 0;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "/tmp/catchment-report-%d", (int)getpid());
	unlink(sa.sun_path);
	cr_assert_eq(bind(listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	cr_assert_eq(listen(listener, 1), 0);
	cr_assert_eq(client_report_new(&report, loop, sa.sun_path, "paris"), 0);
	client_report_listen(report, on_end, &ended);
	unlink(sa.sun_path);
	s.fd = accept(listener, NULL, NULL);
	for (int i = 0; i < ROWS; i++)
		client_report_row(report, &row);
	client_report_finish(report);
	cr_expect_eq(ended, 0);
	ev_io_init(&s.io, on_message, s.fd, EV_READ);
	s.io.data = &s;
	ev_io_start(loop, &s.io);
	ev_run(loop, 0);
	cr_expect(s.bye);
	cr_expect_eq(ended, 1);
	cr_expect_eq(s.said_rows, ROWS);
	cr_expect_gt(s.said_lost, 0);
	cr_expect_eq(s.rows + s.said_lost, ROWS, "%lu got, %lu lost", s.rows, s.said_lost);
	client_report_free(report);
	close(s.fd);
	close(listener);
	ev_loop_destroy(loop);
}

Test(client_report, supervisor_that_goes_away_is_noticed)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	const int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	struct client_report *report;
	int ended = 0;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "/tmp/catchment-gone-%d", (int)getpid());
	unlink(sa.sun_path);
	cr_assert_eq(bind(listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	cr_assert_eq(listen(listener, 1), 0);
	cr_assert_eq(client_report_new(&report, loop, sa.sun_path, "paris"), 0);
	client_report_listen(report, on_end, &ended);
	unlink(sa.sun_path);
	close(accept(listener, NULL, NULL));
	ev_run(loop, 0);
	cr_expect_eq(ended, -1);
	client_report_free(report);
	cr_expect_eq(client_report_new(&report, loop, "/tmp/no/such/socket", "paris"), -2);
	close(listener);
	ev_loop_destroy(loop);
}
