/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Socket pairs that keep packet boundaries stand for the TAP devices: what the test writes to
 * its side the engine reads as a frame, and the other way round.
 */
#include "testbed/wire/engine.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testbed/wire/tap.h"

#define PATIENCE_MS 5000
/* What the engine takes off a delay for the way through the kernel (engine.c). */
#define TRANSIT_NS 20000

struct rig {
	struct wire_engine *engine;
	struct wire_stats stats;
	int ends[8]; /* the nodes' side, 2 * wire + end */
};

static int plug(struct rig *r, size_t wire, unsigned end)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	wire_engine_plug(r->engine, (struct wire_end){ wire, end }, pair[1]);
	return r->ends[2 * wire + end] = pair[0];
}

static struct rig *rig_in_turns(size_t wires, const struct wire_shape *shapes, int64_t quantum_ns)
{
	struct rig *r = calloc(1, sizeof(*r));

	cr_assert_eq(wire_engine_new(&r->engine, shapes, wires, 1, quantum_ns), 0);
	for (size_t i = 0; i < 2 * wires; i++)
		plug(r, i / 2, i % 2);
	return r;
}

static struct rig *rig_new(size_t wires, const struct wire_shape *shapes)
{
	return rig_in_turns(wires, shapes, 0);
}

static void rig_free(struct rig *r, size_t wires)
{
	for (size_t i = 0; i < 2 * wires; i++) {
		if (r->ends[i] >= 0)
			close(r->ends[i]);
	}
	wire_engine_free(r->engine);
	free(r);
}

/* A frame that carries a number and when it was sent. */
struct frame {
	uint8_t header[TAP_HEADER];
	uint32_t number;
	int64_t sent_ns;
} __attribute__((packed));

static void frame_send(int fd, uint32_t number)
{
	struct frame f = { .number = number, .sent_ns = clock_now().ns };

	cr_assert_eq(write(fd, &f, sizeof(f)), (ssize_t)sizeof(f));
}

static bool frame_receive(int fd, struct frame *f, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1 && read(fd, f, sizeof(*f)) == (ssize_t)sizeof(*f);
}

static void expect_frame(int fd, uint32_t number, int64_t delay_ns)
{
	struct frame f;

	cr_assert(frame_receive(fd, &f, PATIENCE_MS), "frame %u has not come", number);
	cr_expect_eq(f.number, number, "%u for %u", f.number, number);
	cr_expect_geq(clock_now().ns - f.sent_ns, delay_ns - TRANSIT_NS, "frame %u is early",
		      number);
}

/* One command later than all frames sent before: the engine has read them. */
static void settle(struct rig *r, uint64_t seen)
{
	struct instant until = instant_after_ms(clock_now(), PATIENCE_MS);

	do {
		wire_engine_stats(r->engine, &r->stats, false);
	} while (r->stats.delivered + r->stats.lost < seen && !instant_reached(until, clock_now()));
}

Test(engine, carries_both_ways_in_order_and_not_early)
{
	const struct wire_shape shapes[] = { { .delay_ns = 20 * NS_PER_MS },
					     { .delay_ns = 5 * NS_PER_MS } };
	struct rig *r = rig_new(1, shapes);

	for (uint32_t i = 0; i < 100; i++) {
		frame_send(r->ends[0], i);
		frame_send(r->ends[1], 1000 + i);
	}
	for (uint32_t i = 0; i < 100; i++) {
		expect_frame(r->ends[1], i, 20 * NS_PER_MS);
		expect_frame(r->ends[0], 1000 + i, 5 * NS_PER_MS);
	}
	settle(r, 200);
	cr_expect_eq(r->stats.delivered, 200);
	cr_expect_eq(r->stats.lost, 0);
	cr_expect_eq(r->stats.dropped, 0);
	cr_expect_eq(r->stats.late_ns.count, 200);
	rig_free(r, 1);
}

/* Whatever the order in which frames were sent, they come when they are due. */
Test(engine, many_wires_of_different_lengths)
{
	const struct wire_shape shapes[] = { { .delay_ns = 40 * NS_PER_MS },
					     { .delay_ns = 1 * NS_PER_MS },
					     { .delay_ns = 10 * NS_PER_MS },
					     { .delay_ns = 30 * NS_PER_MS },
					     { .delay_ns = 0 },
					     { .delay_ns = 20 * NS_PER_MS },
					     { .delay_ns = 50 * NS_PER_MS },
					     { .delay_ns = 15 * NS_PER_MS } };
	struct rig *r = rig_new(4, shapes);

	for (uint32_t i = 0; i < 200; i++)
		frame_send(r->ends[i % 8], i);
	for (uint32_t i = 0; i < 200; i++)
		expect_frame(r->ends[i % 8 ^ 1], i, shapes[i % 8].delay_ns);
	rig_free(r, 4);
}

/* More than a TAP's budget for each turn, too. */
Test(engine, carries_in_turns_in_order_and_not_early)
{
	const struct wire_shape shapes[] = { { .delay_ns = 20 * NS_PER_MS },
					     { .delay_ns = 5 * NS_PER_MS } };
	struct rig *r = rig_in_turns(1, shapes, 10 * NS_PER_MS);

	for (uint32_t i = 0; i < 100; i++) {
		frame_send(r->ends[0], i);
		frame_send(r->ends[1], 1000 + i);
	}
	for (uint32_t i = 0; i < 100; i++) {
		expect_frame(r->ends[1], i, 20 * NS_PER_MS);
		expect_frame(r->ends[0], 1000 + i, 5 * NS_PER_MS);
	}
	settle(r, 200);
	cr_expect_eq(r->stats.delivered, 200);
	cr_expect_eq(r->stats.late_ns.count, 200);
	rig_free(r, 1);
}

/* Turns begin at the multiples of their length. A late one may take a frame along: not all ten. */
Test(engine, a_frame_waits_for_its_turn)
{
	const int64_t quantum_ns = 20 * NS_PER_MS;
	const struct wire_shape shapes[] = { { 0 }, { 0 } };
	struct rig *r = rig_in_turns(1, shapes, quantum_ns);
	unsigned waited = 0;

	for (uint32_t i = 0; i < 10; i++) {
		int64_t turn_ns;
		struct frame f;

		while (clock_now().ns % quantum_ns < quantum_ns / 4 ||
		       clock_now().ns % quantum_ns > quantum_ns / 2)
			poll(NULL, 0, 1);
		frame_send(r->ends[0], i);
		cr_assert(frame_receive(r->ends[1], &f, PATIENCE_MS));
		turn_ns = (f.sent_ns / quantum_ns + 1) * quantum_ns;
		waited += clock_now().ns >= turn_ns;
	}
	cr_expect_gt(waited, 0, "none of ten frames has waited");
	rig_free(r, 1);
}

Test(engine, what_the_wire_loses_is_counted)
{
	const struct wire_shape shapes[] = { { .loss = UINT32_MAX }, { 0 } };
	struct rig *r = rig_new(1, shapes);
	struct frame f;

	for (uint32_t i = 0; i < 50; i++)
		frame_send(r->ends[0], i);
	settle(r, 50);
	cr_expect_eq(r->stats.lost, 50);
	cr_expect_eq(r->stats.delivered, 0);
	cr_expect_not(frame_receive(r->ends[1], &f, 0));
	wire_engine_stats(r->engine, &r->stats, true);
	cr_expect_eq(r->stats.lost, 50, "a reset still tells what was");
	wire_engine_stats(r->engine, &r->stats, false);
	cr_expect_eq(r->stats.lost, 0);
	cr_expect_eq(r->stats.late_ns.count, 0);
	rig_free(r, 1);
}

Test(engine, samples_all_instants_also_without_packets)
{
	const struct wire_shape shapes[] = { { 0 }, { 0 } };
	struct instant begun = clock_now(), until = instant_after_ms(begun, PATIENCE_MS);
	struct rig *r = rig_new(1, shapes);

	do {
		wire_engine_stats(r->engine, &r->stats, false);
	} while (r->stats.unread_ns.count < 20 && !instant_reached(until, clock_now()));
	cr_expect_geq(r->stats.unread_ns.count, 20);
	cr_expect_leq((int64_t)(r->stats.unread_ns.count - 1) * 5 * NS_PER_MS,
		      clock_now().ns - begun.ns);
	rig_free(r, 1);
}

/* Wire 0 leads to the node that is cut, wire 1 does not. */
Test(engine, a_cut_is_silent_both_ways)
{
	const struct wire_shape shapes[] = { { 0 }, { 0 }, { 0 }, { 0 } };
	const struct wire_end cut = { .wire = 0, .end = 1 };
	struct rig *r = rig_new(2, shapes);
	struct instant before, at, after;
	struct frame f;

	frame_send(r->ends[0], 1);
	expect_frame(r->ends[1], 1, 0);
	before = clock_now();
	at = wire_engine_cut(r->engine, &cut, 1);
	after = clock_now();
	cr_expect(before.ns <= at.ns && at.ns <= after.ns);
	frame_send(r->ends[0], 2);
	frame_send(r->ends[1], 3);
	frame_send(r->ends[2], 4);
	/* The other wire works, and its frame was sent last. */
	expect_frame(r->ends[3], 4, 0);
	cr_expect_not(frame_receive(r->ends[1], &f, 20), "something came to the cut end");
	cr_expect_not(frame_receive(r->ends[0], &f, 20), "something came from the cut end");
	rig_free(r, 2);
}

Test(engine, what_was_under_way_at_a_cut_arrives)
{
	const struct wire_shape shapes[] = {
		{ .delay_ns = 60 * NS_PER_MS }, { .delay_ns = 60 * NS_PER_MS }, { 0 }, { 0 }
	};
	const struct wire_end cut = { .wire = 0, .end = 1 };
	struct rig *r = rig_new(2, shapes);
	struct frame f;

	frame_send(r->ends[1], 1); /* leaves the dying node */
	frame_send(r->ends[0], 2); /* on its way to it */
	/* The engine has read both once a later one has come over the other wire. */
	frame_send(r->ends[2], 3);
	expect_frame(r->ends[3], 3, 0);
	wire_engine_cut(r->engine, &cut, 1);
	expect_frame(r->ends[0], 1, 60 * NS_PER_MS);
	cr_expect_not(frame_receive(r->ends[1], &f, 60), "it reached a dead node");
	rig_free(r, 2);
}

/* Nothing passes, whoever comes, and nothing that was under way does; the other wire works. */
Test(engine, a_severed_wire_is_whole_when_it_is_joined)
{
	const struct wire_shape shapes[] = {
		{ .delay_ns = 60 * NS_PER_MS }, { .delay_ns = 60 * NS_PER_MS }, { 0 }, { 0 }
	};
	struct rig *r = rig_new(2, shapes);
	struct instant before, at, after;
	struct frame f;

	frame_send(r->ends[0], 1);
	frame_send(r->ends[2], 2);
	expect_frame(r->ends[3], 2, 0); /* so the first is under way */
	before = clock_now();
	at = wire_engine_sever(r->engine, 0, true);
	after = clock_now();
	cr_expect(before.ns <= at.ns && at.ns <= after.ns);
	wire_engine_unplug(r->engine, (struct wire_end){ 0, 1 });
	close(r->ends[1]);
	plug(r, 0, 1);
	for (unsigned end = 0; end < 3; end++)
		frame_send(r->ends[end], 3);
	expect_frame(r->ends[3], 3, 0);
	cr_expect_not(frame_receive(r->ends[1], &f, 80), "something came to a severed end");
	cr_expect_not(frame_receive(r->ends[0], &f, 0), "something came to the other");
	wire_engine_sever(r->engine, 0, false);
	frame_send(r->ends[1], 4);
	expect_frame(r->ends[0], 4, 60 * NS_PER_MS);
	frame_send(r->ends[0], 5);
	expect_frame(r->ends[1], 5, 60 * NS_PER_MS);
	rig_free(r, 2);
}

/* Where nothing is plugged in there is nothing to see it; a socket has none. */
Test(engine, carrier_is_of_a_device)
{
	const struct wire_shape shapes[] = { { 0 }, { 0 } };
	const struct wire_end at = { 0, 0 };
	struct rig *r = rig_new(1, shapes);

	cr_expect_eq(wire_engine_carrier(r->engine, at, false), -ENOTTY);
	wire_engine_unplug(r->engine, at);
	cr_expect_eq(wire_engine_carrier(r->engine, at, false), 0);
	rig_free(r, 1);
}

Test(engine, several_ends_are_cut_at_one_instant_and_a_plug_mends)
{
	const struct wire_shape shapes[] = { { 0 }, { 0 }, { 0 }, { 0 } };
	const struct wire_end cut[] = { { 0, 1 }, { 1, 1 } };
	struct rig *r = rig_new(2, shapes);

	wire_engine_cut(r->engine, cut, 2);
	for (size_t wire = 0; wire < 2; wire++) {
		wire_engine_unplug(r->engine, cut[wire]);
		close(r->ends[2 * wire + 1]);
		frame_send(r->ends[2 * wire], 1); /* into the void */
	}
	for (size_t wire = 0; wire < 2; wire++)
		plug(r, wire, 1);
	for (size_t wire = 0; wire < 2; wire++) {
		frame_send(r->ends[2 * wire + 1], 3);
		expect_frame(r->ends[2 * wire], 3, 0);
		frame_send(r->ends[2 * wire], 2);
		/* The frame into the void may have been read after the plug: then it comes first.
		 */
		for (struct frame f = { 0 }; f.number != 2;)
			cr_assert(frame_receive(r->ends[2 * wire + 1], &f, PATIENCE_MS));
	}
	rig_free(r, 2);
}

Test(engine, a_node_that_dies_disturbs_nobody)
{
	const struct wire_shape shapes[] = { { 0 }, { 0 }, { 0 }, { 0 } };
	struct rig *r = rig_new(2, shapes);

	signal(SIGPIPE, SIG_IGN); /* a TAP has no such thing */
	close(r->ends[1]);
	r->ends[1] = -1;
	for (uint32_t i = 0; i < 10; i++)
		frame_send(r->ends[0], i);
	frame_send(r->ends[2], 1);
	expect_frame(r->ends[3], 1, 0);
	settle(r, 1);
	rig_free(r, 2);
}

/* Too short to be a frame, and as long as one can be. */
Test(engine, frames_of_any_size)
{
	const struct wire_shape shapes[] = { { 0 }, { 0 } };
	struct rig *r = rig_new(1, shapes);
	uint8_t *big = calloc(2, TAP_FRAME_MAX);
	struct pollfd p = { .fd = r->ends[1], .events = POLLIN };

	cr_assert_eq(write(r->ends[0], big, TAP_HEADER), TAP_HEADER);
	memset(big, 0xa5, TAP_FRAME_MAX);
	cr_assert_eq(write(r->ends[0], big, TAP_FRAME_MAX), TAP_FRAME_MAX);
	cr_assert_eq(poll(&p, 1, PATIENCE_MS), 1);
	cr_expect_eq(read(r->ends[1], big + TAP_FRAME_MAX, TAP_FRAME_MAX), TAP_FRAME_MAX);
	cr_expect_arr_eq(big, big + TAP_FRAME_MAX, TAP_FRAME_MAX);
	free(big);
	rig_free(r, 1);
}

Test(engine, ends_with_packets_under_way)
{
	const struct wire_shape shapes[] = { { .delay_ns = 3600 * NS_PER_S },
					     { .delay_ns = 3600 * NS_PER_S } };
	struct rig *r = rig_new(1, shapes);

	for (uint32_t i = 0; i < 20; i++)
		frame_send(r->ends[i % 2], i);
	rig_free(r, 1);
}

/* A frame that begins like a packet of TCP from or to port 179; the number is behind the ports. */
struct bgp_frame {
	uint8_t header[TAP_HEADER];
	uint8_t ethernet[12], type[2];
	uint8_t ip[20];
	uint8_t ports[4];
	uint32_t number;
} __attribute__((packed));

static void bgp_send(int fd, uint32_t number, unsigned port)
{
	struct bgp_frame f = { .type = { 8, 0 },
			       .ip = { 0x45, [9] = 6 },
			       .ports = { 0x90, 0, 0, (uint8_t)port },
			       .number = number };

	cr_assert_eq(write(fd, &f, sizeof(f)), (ssize_t)sizeof(f));
}

static uint32_t bgp_receive(int fd)
{
	struct bgp_frame f = { .number = UINT32_MAX };
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, PATIENCE_MS) == 1)
		cr_expect_eq(read(fd, &f, sizeof(f)), (ssize_t)sizeof(f));
	return f.number;
}

/* What a router thinks over comes later than what it forwards, in its own order. */
Test(engine, bgp_is_held_back)
{
	const struct wire_shape shapes[] = { { .delay_ns = 5 * NS_PER_MS,
					       .bgp_delay_ns = 50 * NS_PER_MS },
					     { .delay_ns = 5 * NS_PER_MS } };
	static const uint32_t order[] = { 2, 4, 1, 3 };
	struct rig *r = rig_new(1, shapes);
	struct instant sent = clock_now();

	bgp_send(r->ends[0], 1, 179);
	bgp_send(r->ends[0], 2, 80);
	bgp_send(r->ends[0], 3, 179);
	bgp_send(r->ends[0], 4, 80);
	for (size_t i = 0; i < 4; i++)
		cr_expect_eq(bgp_receive(r->ends[1]), order[i], "frame %zu", i);
	cr_expect_geq(clock_now().ns - sent.ns, 55 * NS_PER_MS - TRANSIT_NS);
	/* The other way nothing is: by its own shape. */
	bgp_send(r->ends[1], 5, 179);
	cr_expect_eq(bgp_receive(r->ends[0]), 5);
	/* What is under way when its end is cut comes out, what comes to a cut end does not. */
	bgp_send(r->ends[0], 6, 179);
	settle(r, 5);
	wire_engine_cut(r->engine, (const struct wire_end[]){ { 0, 0 } }, 1);
	cr_expect_eq(bgp_receive(r->ends[1]), 6);
	rig_free(r, 1);
}
