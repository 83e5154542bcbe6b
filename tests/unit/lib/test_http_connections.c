/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who gets in when there is no room, and who must leave. */
#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/lib/http_loop.h"

Test(http_connections, connection_limit)
{
	static struct http_loop_client held[2], c;
	const char *keep = GET_KEPT;
	struct http_loop f;

	http_loop_start(&f, NULL, 2);
	for (int i = 0; i < 2; i++) {
		http_loop_open(&held[i], &f);
		http_loop_send(&f, &held[i], keep, strlen(keep));
		cr_expect(http_loop_pump(&f, &held[i], "GET"));
	}
	http_loop_open(&c, &f);
	http_loop_send(&f, &c, GET("/v1/status"), strlen(GET("/v1/status")));
	for (int i = 0; i < 20; i++)
		ev_run(f.loop, EVRUN_NOWAIT);
	http_loop_read(&c);
	cr_expect_eq(c.len, 0, "a third one was answered");
	close(held[0].fd);
	cr_expect(http_loop_pump(&f, &c, "{\"method\":\"GET\"}"),
		  "not answered when there is room again");
	close(c.fd);
	close(held[1].fd);
	http_loop_stop(&f);
}

/* A byte now and then does not keep a connection. */
Test(http_connections, a_request_must_be_whole_in_time)
{
	static const char *const begun[] = { "", "GET /v1/status HTTP/1.1\r\nHost: x\r\nX: ",
					     "PUT /v1/body HTTP/1.1\r\nHost: x\r\nContent-Type: "
					     "application/json\r\nContent-Length: 9999\r\n\r\n",
					     GET_KEPT };
	static struct http_loop_client c;
	struct http_loop f;

	http_loop_start_with(&f, (struct http_options){ .request_timeout_s = 1 });
	for (size_t i = 0; i < sizeof(begun) / sizeof(begun[0]); i++) {
		struct instant began = clock_now();

		http_loop_open(&c, &f);
		http_loop_send(&f, &c, begun[i], strlen(begun[i]));
		while (!c.eof && http_loop_seconds_since(began) < HTTP_LOOP_DEADLINE_S) {
			if (begun[i][0])
				http_loop_send(&f, &c, "a", 1);
			ev_run(f.loop, EVRUN_NOWAIT);
			http_loop_read(&c);
			poll(NULL, 0, 20);
		}
		cr_expect(c.eof, "row %zu: still open", i);
		cr_expect(http_loop_seconds_since(began) > 0.9, "row %zu: %f s", i,
			  http_loop_seconds_since(began));
		close(c.fd);
	}
	http_loop_stop(&f);
}

Test(http_connections, who_waits_longest_makes_room)
{
	static struct http_loop_client held[2], c;
	struct instant began;
	struct http_loop f;

	http_loop_start_with(&f, (struct http_options){ .connection_limit = 2 });
	for (int i = 0; i < 2; i++) {
		http_loop_open(&held[i], &f);
		http_loop_send(&f, &held[i], "GET /v1", i ? 1 : 7);
		poll(NULL, 0, 50);
		ev_run(f.loop, EVRUN_NOWAIT);
	}
	began = clock_now();
	http_loop_open(&c, &f);
	http_loop_send(&f, &c, GET("/v1/status"), strlen(GET("/v1/status")));
	cr_expect(http_loop_pump(&f, &c, "{\"method\":\"GET\"}"));
	cr_expect(http_loop_seconds_since(began) > 0.8 && http_loop_seconds_since(began) < 2);
	http_loop_read(&held[0]);
	http_loop_read(&held[1]);
	cr_expect(held[0].eof && !held[1].eof, "the one that has waited longest");
	for (int i = 0; i < 2; i++)
		close(held[i].fd);
	close(c.fd);
	http_loop_stop(&f);
}

/* No descriptor is left: nobody new gets in, the loop does not spin, and then all is well. */
Test(http_connections, descriptors_run_out)
{
	static struct http_loop_client c;
	struct http_loop f;
	struct rlimit limit, old;
	struct instant began;

	http_loop_start(&f, NULL, 0);
	cr_assert_eq(http_loop_ask(&f, &c, GET("/v1/status")), 200);
	http_loop_open(&c, &f);
	http_loop_send(&f, &c, "", 0);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	limit = old;
	limit.rlim_cur = (rlim_t)c.fd + 1;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	http_loop_send(&f, &c, GET("/v1/status"), strlen(GET("/v1/status")));
	ev_run(f.loop, EVRUN_NOWAIT);
	began = clock_now();
	for (int i = 0; i < 8; i++)
		ev_run(f.loop, EVRUN_ONCE);
	cr_expect(http_loop_seconds_since(began) > 0.2, "the loop spins");
	http_loop_read(&c);
	cr_expect_eq(c.len, 0, "%s", c.buf);
	setrlimit(RLIMIT_NOFILE, &old);
	cr_expect(http_loop_pump(&f, &c, "{\"method\":\"GET\"}"));
	close(c.fd);
	http_loop_stop(&f);
}
