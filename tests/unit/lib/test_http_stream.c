/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /v1/events: the log as a stream. */
#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/lib/http_loop.h"

Test(http_stream, events_stream)
{
	static struct http_loop_client now, since;
	const char *from_now = "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n";
	const char *from_one = "GET /v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 1\r\n\r\n";
	struct http_loop f;

	http_loop_start(&f, NULL, 0);
	for (int i = 1; i <= 3; i++)
		event_log_add(f.log, (struct instant){ i }, "old", NULL);
	http_loop_open(&now, &f);
	http_loop_send(&f, &now, from_now, strlen(from_now));
	cr_expect(http_loop_pump(&f, &now, "text/event-stream"), "the head comes before any event");
	http_loop_open(&since, &f);
	http_loop_send(&f, &since, from_one, strlen(from_one));
	cr_expect(http_loop_pump(&f, &since, "data: {\"id\":3,\"t_ns\":3,\"kind\":\"old\"}\n\n"));
	cr_expect(strstr(since.buf, "id: 2\n"));
	cr_expect_null(strstr(since.buf, "id: 1\n"));
	event_log_add(f.log, (struct instant){ 4 }, "new", json_pack("{s:s}", "vip", "web"));
	cr_expect(http_loop_pump(
		&f, &now,
		"id: 4\ndata: {\"id\":4,\"t_ns\":4,\"kind\":\"new\",\"vip\":\"web\"}\n\n"));
	cr_expect(http_loop_pump(&f, &since, "id: 4\n"));
	cr_expect_null(strstr(now.buf, "\"old\""));
	/* A reader that goes away while it is suspended is noticed and freed. */
	close(since.fd);
	event_log_add(f.log, (struct instant){ 5 }, "new", NULL);
	cr_expect(http_loop_pump(&f, &now, "id: 5\n"));
	/* The last event before the end still gets out, then a proper last chunk. */
	event_log_add(f.log, (struct instant){ 6 }, "stop", NULL);
	http_loop_stop(&f);
	while (!now.eof)
		http_loop_read(&now);
	cr_expect(strstr(now.buf, "id: 6\n"), "%s", now.buf);
	cr_expect(strstr(now.buf, "\r\n0\r\n\r\n"), "%s", now.buf);
	close(now.fd);
}

/* More than one block, and one event longer than a block. */
Test(http_stream, events_longer_than_a_block)
{
	static struct http_loop_client c;
	static char text[10000];
	struct http_loop f;

	http_loop_start(&f, NULL, 0);
	memset(text, 'a', sizeof(text) - 1);
	for (int i = 1; i <= 3; i++)
		event_log_add(f.log, (struct instant){ i }, "long", json_pack("{s:s}", "a", text));
	http_loop_open(&c, &f);
	http_loop_send(&f, &c, GET("/v1/events?since=0"), strlen(GET("/v1/events?since=0")));
	cr_expect(http_loop_pump(&f, &c, "id: 3\n"));
	while (c.len < 3 * sizeof(text) && http_loop_pump(&f, &c, "aaa"))
		;
	close(c.fd);
	http_loop_stop(&f);
}

Test(http_stream, streams_leave_room)
{
	static struct http_loop_client held[2], c;
	const char *events = "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n";
	struct http_loop f;

	http_loop_start_with(
		&f, (struct http_options){ .connection_limit = 4, .request_timeout_s = 1 });
	for (int i = 0; i < 2; i++) {
		http_loop_open(&held[i], &f);
		http_loop_send(&f, &held[i], events, strlen(events));
		cr_expect(http_loop_pump(&f, &held[i], "text/event-stream"));
	}
	cr_expect_eq(http_loop_ask(&f, &c, GET("/v1/events")), 503);
	cr_expect(strstr(c.buf, "too many streams"));
	cr_expect_eq(http_loop_ask(&f, &c, "HEAD /v1/events" WITH("x", "")), 503);
	poll(NULL, 0, 1200);
	cr_expect_eq(http_loop_ask(&f, &c, GET("/v1/status")), 200);
	event_log_add(f.log, (struct instant){ 1 }, "new", NULL);
	cr_expect(http_loop_pump(&f, &held[0], "id: 1\n"), "a stream has no time limit");
	close(held[0].fd);
	/* An event finds out that nobody is there; nothing else would for 15 s. */
	event_log_add(f.log, (struct instant){ 2 }, "new", NULL);
	for (unsigned status = 503; status != 200;) {
		http_loop_open(&c, &f);
		http_loop_send(&f, &c, events, strlen(events));
		cr_assert(http_loop_pump(&f, &c, "HTTP/1.1 "));
		status = strstr(c.buf, "HTTP/1.1 200") ? 200 : 503;
		close(c.fd);
	}
	close(held[1].fd);
	http_loop_stop(&f);
}

Test(http_stream, a_stream_that_nobody_reads_ends)
{
	static char text[50000];
	static struct http_loop_client c;
	struct instant began;
	struct http_loop f;

	memset(text, 'a', sizeof(text) - 1);
	http_loop_start_with(&f, (struct http_options){ .request_timeout_s = 1 });
	http_loop_open(&c, &f);
	http_loop_send(&f, &c, GET("/v1/events"), strlen(GET("/v1/events")));
	cr_expect(http_loop_pump(&f, &c, "text/event-stream"));
	/* Far more than the socket takes; the log goes on without this reader. */
	for (int i = 1; i <= 300; i++) {
		event_log_add(f.log, (struct instant){ i }, "long", json_pack("{s:s}", "a", text));
		ev_run(f.loop, EVRUN_NOWAIT);
	}
	began = clock_now();
	for (struct pollfd pfd = { .fd = c.fd }; !(pfd.revents & POLLHUP);) {
		cr_assert(http_loop_seconds_since(began) < HTTP_LOOP_DEADLINE_S, "still open");
		ev_run(f.loop, EVRUN_NOWAIT);
		poll(&pfd, 1, 20);
	}
	cr_expect(http_loop_seconds_since(began) > 1.5, "%f s", http_loop_seconds_since(began));
	close(c.fd);
	http_loop_stop(&f);
}
