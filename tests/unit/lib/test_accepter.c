/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/accepter.h"
#include "lib/listen.h"

struct door {
	struct ev_loop *loop;
	struct accepter accepter;
	struct endpoint at;
	int fds[4];
	unsigned count;
	struct endpoint last;
};

static void on_connection(void *ctx, int fd, const struct sockaddr *from)
{
	struct door *door = ctx;

	cr_assert_lt(door->count, 4);
	cr_assert(endpoint_from_sockaddr(&door->last, from));
	door->fds[door->count++] = fd;
}

static void door_open(struct door *door)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd;

	*door = (struct door){ .loop = ev_loop_new(0) };
	cr_assert(addr_parse(&door->at.addr, "127.0.0.1"));
	fd = listen_tcp(&door->at);
	cr_assert_geq(fd, 0);
	getsockname(fd, (struct sockaddr *)&ss, &len);
	endpoint_from_sockaddr(&door->at, (struct sockaddr *)&ss);
	accepter_start(&door->accepter, door->loop, fd, "door", on_connection, door);
}

static void door_close(struct door *door)
{
	accepter_stop(&door->accepter);
	for (unsigned i = 0; i < door->count; i++)
		close(door->fds[i]);
	ev_loop_destroy(door->loop);
}

static int connect_to(const struct door *door)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(&door->at, &ss);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(connect(fd, (struct sockaddr *)&ss, len), 0);
	return fd;
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void run(struct door *door, double seconds)
{
	ev_timer timeout;

	ev_timer_init(&timeout, on_timeout, seconds, 0);
	ev_now_update(door->loop);
	ev_timer_start(door->loop, &timeout);
	ev_run(door->loop, 0);
}

Test(accepter, one_a_turn)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct door door;
	struct endpoint ours;
	int a, b;

	door_open(&door);
	a = connect_to(&door);
	b = connect_to(&door);
	ev_run(door.loop, EVRUN_ONCE);
	cr_expect_eq(door.count, 1);
	getsockname(a, (struct sockaddr *)&ss, &len);
	endpoint_from_sockaddr(&ours, (struct sockaddr *)&ss);
	cr_expect_eq(door.last.port, ours.port);
	ev_run(door.loop, EVRUN_ONCE);
	cr_expect_eq(door.count, 2);
	close(a);
	close(b);
	door_close(&door);
}

/* The loop must not go round and round over a connection that cannot be accepted. */
Test(accepter, out_of_descriptors)
{
	struct rlimit before, none;
	struct door door;
	int client, spare;

	door_open(&door);
	client = connect_to(&door);
	spare = dup(client);
	cr_assert_geq(spare, 0);
	close(spare);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ (rlim_t)spare, before.rlim_max };
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	run(&door, 0.35);
	cr_expect_eq(door.count, 0);
	cr_expect_lt(ev_iteration(door.loop), 20, "%u turns in a third of a second",
		     ev_iteration(door.loop));

	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	run(&door, 0.35);
	cr_expect_eq(door.count, 1);
	close(client);
	door_close(&door);
}

Test(accepter, never_started)
{
	struct accepter none = { .loop = NULL };

	accepter_stop(&none);
}
