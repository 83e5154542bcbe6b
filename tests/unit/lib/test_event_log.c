/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lib/event_log.h"

static void add(struct event_log *log, int64_t t_ns, const char *kind)
{
	event_log_add(log, (struct instant){ t_ns }, kind, NULL);
}

Test(event_log, lines_are_json_in_order)
{
	struct event_log *log = event_log_new(8);
	uint64_t after = 0;

	cr_expect_null(event_log_next(log, &after));
	event_log_add(log, (struct instant){ 81273465 }, "vip_down",
		      json_pack("{s:s, s:s}", "vip", "web", "reason", "status 503"));
	add(log, 81273466, "vip_up");
	cr_expect_str_eq(event_log_next(log, &after),
			 "{\"id\":1,\"t_ns\":81273465,\"kind\":\"vip_down\",\"vip\":\"web\","
			 "\"reason\":\"status 503\"}");
	cr_expect_eq(after, 1);
	cr_expect_str_eq(event_log_next(log, &after),
			 "{\"id\":2,\"t_ns\":81273466,\"kind\":\"vip_up\"}");
	cr_expect_null(event_log_next(log, &after));
	cr_expect_eq(event_log_last_id(log), 2);
	event_log_free(log);
}

Test(event_log, slow_reader_continues_with_the_oldest_left)
{
	struct event_log *log = event_log_new(3);
	uint64_t after = 0;

	add(log, 1, "a");
	event_log_next(log, &after);
	for (int i = 2; i <= 10; i++)
		add(log, i, "b");
	for (uint64_t id = 8; id <= 10; id++) {
		cr_assert_not_null(event_log_next(log, &after));
		cr_expect_eq(after, id, "%llu", (unsigned long long)after);
	}
	cr_expect_null(event_log_next(log, &after));
	event_log_free(log);
}

Test(event_log, reader_from_before_a_restart_begins_anew)
{
	struct event_log *log = event_log_new(3);
	uint64_t after = 500;

	cr_expect_null(event_log_next(log, &after));
	after = UINT64_MAX;
	add(log, 1, "start");
	cr_assert_not_null(event_log_next(log, &after));
	cr_expect_eq(after, 1);
	event_log_free(log);
}

struct listener {
	struct event_subscriber sub;
	int heard;
	int leave_after;
};

static void on_event(struct event_subscriber *sub)
{
	struct listener *l = (struct listener *)sub;

	if (++l->heard == l->leave_after)
		event_log_unsubscribe(sub);
}

Test(event_log, subscribers_come_and_go)
{
	struct event_log *log = event_log_new(3);
	struct listener a = { .sub = { .on_event = on_event }, .leave_after = 1 };
	struct listener b = { .sub = { .on_event = on_event } };
	struct listener c = { .sub = { .on_event = on_event }, .leave_after = 2 };

	event_log_subscribe(log, &a.sub);
	event_log_subscribe(log, &b.sub);
	event_log_subscribe(log, &c.sub);
	for (int i = 0; i < 3; i++)
		add(log, i, "x");
	cr_expect_eq(a.heard, 1);
	cr_expect_eq(b.heard, 3);
	cr_expect_eq(c.heard, 2);
	event_log_unsubscribe(&b.sub);
	add(log, 4, "x");
	cr_expect_eq(b.heard, 3);
	event_log_free(log);
}
