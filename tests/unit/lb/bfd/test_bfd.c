/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread and its sockets: two sessions of one daemon that are each other's peer. */
#include <criterion/criterion.h>
#include <ev.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lb/bfd/bfd.h"

struct fixture {
	struct ev_loop *loop;
	struct bfd *bfd;
	int changes[2];
	struct bfd_change last[2];
};

static void on_change(void *ctx, size_t tag, const struct bfd_change *change)
{
	struct fixture *f = ctx;

	f->changes[tag]++;
	f->last[tag] = *change;
}

static bool set_loopback(bool up)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = up ? IFF_UP : 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), err = ioctl(fd, SIOCSIFFLAGS, &lo);

	close(fd);
	return err == 0;
}

/* A network of this test's own, so that port 3784 is free. */
static bool enter_namespace(void)
{
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return false;
	return set_loopback(true);
}

#define INTERVAL_US 50000

/* So that a machine that stands still for less than a second is not taken for a dead path. */
static struct bfd_spec spec_of(int i, bool multihop)
{
	return (struct bfd_spec){ .name = i ? "b" : "a",
				  .remote = addr_from_ipv4(0x7f000002 - (uint32_t)i),
				  .local = addr_from_ipv4(0x7f000001 + (uint32_t)i),
				  .multihop = multihop,
				  .session = { .desired_min_tx = INTERVAL_US,
					       .required_min_rx = INTERVAL_US,
					       .detect_mult = 20 } };
}

static void begin(struct fixture *f, bool multihop)
{
	const struct bfd_handlers handlers = { .ctx = f, .on_change = on_change };

	*f = (struct fixture){ .loop = ev_loop_new(0) };
	cr_assert_eq(bfd_new(&f->bfd, f->loop, &handlers), 0);
	for (int i = 0; i < 2; i++) {
		struct bfd_spec spec = spec_of(i, multihop);

		cr_assert_eq(bfd_add(f->bfd, &spec, (size_t)i), 0);
	}
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(loop, EVBREAK_ONE);
}

static void run_for(struct fixture *f, double seconds)
{
	ev_timer timer;

	ev_now_update(f->loop);
	ev_timer_init(&timer, on_timer, seconds, 0);
	ev_timer_start(f->loop, &timer);
	ev_run(f->loop, 0);
}

static struct bfd_info info_of(struct fixture *f, size_t tag)
{
	struct bfd_info info;

	cr_assert(bfd_info_get(f->bfd, tag, &info));
	return info;
}

/* Within ten seconds both have this transmission interval, Up. */
static void wait_for_interval(struct fixture *f, uint32_t us)
{
	for (int i = 0; i < 1000; i++) {
		struct bfd_info a = info_of(f, 0), b = info_of(f, 1);

		if (a.state == BFD_UP && b.state == BFD_UP && a.tx_interval == us &&
		    b.tx_interval == us)
			return;
		run_for(f, 0.01);
	}
	cr_assert_fail("not within ten seconds");
}

static void live(bool multihop)
{
	struct bfd_session_conf slower = { 100000, 100000, 20, 0, { 0 } };
	struct bfd_info info;
	struct fixture f;
	int changes;

	begin(&f, multihop);
	wait_for_interval(&f, INTERVAL_US);
	run_for(&f, 0.05); /* published is not yet told */
	cr_expect_eq(f.last[0].state, BFD_UP);
	info = info_of(&f, 0);
	cr_expect_eq(info.ups, 1);
	cr_expect_neq(info.remote_discriminator, info.local_discriminator);
	cr_expect_gt(info.packets_in, 0);
	cr_expect_eq(info.send_errors, 0);

	/* One of them asks for less; both follow, nobody goes down. */
	bfd_set_timers(f.bfd, 0, &slower);
	wait_for_interval(&f, 100000);
	cr_expect_eq(info_of(&f, 0).downs + info_of(&f, 1).downs, 0);

	/* Who is removed is heard of no more here; the peer is told that this is no failure. */
	changes = f.changes[0];
	bfd_remove(f.bfd, 0);
	cr_expect(!bfd_info_get(f.bfd, 0, &info));
	for (int i = 0; i < 1000 && f.last[1].state == BFD_UP; i++)
		run_for(&f, 0.01);
	cr_expect_eq(f.last[1].state, BFD_DOWN);
	cr_expect_eq(f.last[1].remote_state, BFD_ADMIN_DOWN);
	cr_expect_eq(f.last[1].local_diag, BFD_DIAG_NEIGHBOR_DOWN);
	cr_expect_eq(info_of(&f, 1).detections, 0);
	cr_expect_eq(f.changes[0], changes);
	bfd_free(f.bfd);
	ev_loop_destroy(f.loop);
}

Test(bfd, life_single_hop)
{
	if (!enter_namespace())
		cr_skip_test("no network namespace to be had");
	live(false);
}

Test(bfd, life_multihop)
{
	if (!enter_namespace())
		cr_skip_test("no network namespace to be had");
	live(true);
}

/* Nothing arrives any more: found after the Detection Time, and counted by how long it took. */
Test(bfd, dead_path)
{
	struct bfd_info info;
	struct fixture f;

	if (!enter_namespace())
		cr_skip_test("no network namespace to be had");
	begin(&f, false);
	wait_for_interval(&f, INTERVAL_US);
	run_for(&f, 0.05);
	cr_assert(set_loopback(false));
	for (int i = 0; i < 1000 && f.last[1].state == BFD_UP; i++)
		run_for(&f, 0.01);
	cr_expect_eq(f.last[1].state, BFD_DOWN);
	cr_expect_eq(f.last[1].local_diag, BFD_DIAG_DETECTION_TIME_EXPIRED);
	cr_expect_geq(f.last[1].silent_ns, (int64_t)f.last[1].detection_time * 1000);
	info = info_of(&f, 1);
	cr_expect_eq(info.detections, 1);
	for (size_t i = 0; i <= BFD_SILENCE_BOUNDS; i++) {
		double silence = (double)f.last[1].silent_ns / NS_PER_S;
		bool over = i == 0 || silence > bfd_silence_bounds[i - 1];
		bool under = i == BFD_SILENCE_BOUNDS || silence <= bfd_silence_bounds[i];

		cr_expect_eq(info.silences[i], over && under, "bucket %zu of %f s", i, silence);
	}
	bfd_free(f.bfd);
	ev_loop_destroy(f.loop);
}

/* Its place is taken only when the peer has been told; who never began goes without a word. */
Test(bfd, removed_and_added_again)
{
	struct bfd_spec spec = spec_of(0, false);
	struct fixture f;
	uint32_t before;

	if (!enter_namespace())
		cr_skip_test("no network namespace to be had");
	begin(&f, false);
	wait_for_interval(&f, INTERVAL_US);
	before = info_of(&f, 0).local_discriminator;
	bfd_remove(f.bfd, 0);
	cr_assert_eq(bfd_add(f.bfd, &spec, 0), 0);
	cr_expect_eq(info_of(&f, 0).state, BFD_DOWN);
	bfd_remove(f.bfd, 0);
	cr_assert_eq(bfd_add(f.bfd, &spec, 0), 0);
	for (int i = 0; i < 1000 && info_of(&f, 1).state == BFD_UP; i++)
		run_for(&f, 0.01);
	cr_expect_eq(info_of(&f, 1).remote_state, BFD_ADMIN_DOWN);
	wait_for_interval(&f, INTERVAL_US);
	cr_expect_neq(info_of(&f, 0).local_discriminator, before);
	cr_expect_eq(info_of(&f, 1).downs, 1);
	cr_expect_eq(info_of(&f, 1).detections, 0);
	cr_expect_lt(bfd_latest_ns(f.bfd), NS_PER_S / 2,
		     "neither the wait for a place nor the end of a slow start is lateness");
	bfd_free(f.bfd);
	ev_loop_destroy(f.loop);
}

Test(bfd, tags_move_with_their_sessions)
{
	const size_t swapped[] = { 1, 0 };
	struct fixture f;
	uint32_t a, b;

	if (!enter_namespace())
		cr_skip_test("no network namespace to be had");
	begin(&f, false);
	wait_for_interval(&f, INTERVAL_US);
	run_for(&f, 0.05);
	a = info_of(&f, 0).local_discriminator;
	b = info_of(&f, 1).local_discriminator;
	bfd_retag(f.bfd, swapped);
	cr_expect_eq(info_of(&f, 0).local_discriminator, b);
	cr_expect_eq(info_of(&f, 1).local_discriminator, a);
	bfd_remove(f.bfd, 0);
	for (int i = 0; i < 1000 && f.last[1].state == BFD_UP; i++)
		run_for(&f, 0.01);
	cr_expect_eq(f.last[1].state, BFD_DOWN, "told by its new tag");
	bfd_free(f.bfd);
	ev_loop_destroy(f.loop);
}

Test(bfd, admin_down_of_all)
{
	struct fixture f;

	if (!enter_namespace())
		cr_skip_test("no network namespace to be had");
	begin(&f, false);
	wait_for_interval(&f, INTERVAL_US);
	bfd_remove(f.bfd, 0);
	bfd_remove(f.bfd, 7); /* nobody */
	bfd_admin_down(f.bfd);
	run_for(&f, 0.1);
	cr_expect_eq(f.last[1].state, BFD_ADMIN_DOWN);
	bfd_free(f.bfd);
	ev_loop_destroy(f.loop);
}

Test(bfd, port_that_is_taken)
{
	const struct bfd_handlers handlers = { 0 };
	struct bfd_spec spec = spec_of(0, false);
	struct ev_loop *loop = ev_loop_new(0);
	struct bfd *first, *second;

	if (!enter_namespace())
		cr_skip_test("no network namespace to be had");
	cr_assert_eq(bfd_new(&first, loop, &handlers), 0);
	cr_assert_eq(bfd_new(&second, loop, &handlers), 0);
	cr_expect_eq(bfd_add(first, &spec, 0), 0);
	cr_expect_lt(bfd_add(second, &spec, 0), 0);
	bfd_free(first);
	bfd_free(second);
	ev_loop_destroy(loop);
}
