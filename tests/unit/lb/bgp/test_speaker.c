/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two speakers in one loop, over real sockets on loopback. */
#include <criterion/criterion.h>
#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lb/bgp/speaker.h"

#define PORT_A 41790
#define PORT_B 41791

/* One end: its configuration and what its handlers were told. */
struct end {
	struct ev_loop *loop;
	struct bgp_peer_conf peer;
	struct bgp_speaker_conf conf;
	struct endpoint listen;
	struct bgp_speaker *speaker;
	int ups, downs, announced, withdrawn, stopped;
	char reason[256];
};

static void on_peer(void *ctx, size_t peer, bool up, const char *reason)
{
	struct end *end = ctx;

	(void)peer;
	end->ups += up;
	end->downs += !up;
	snprintf(end->reason, sizeof(end->reason), "%s", reason);
}

static void on_sent(void *ctx, size_t peer, const struct prefix *prefix, bool announced,
		    struct instant at)
{
	struct end *end = ctx;

	(void)peer;
	(void)prefix;
	cr_expect_gt(at.ns, 0);
	end->announced += announced;
	end->withdrawn += !announced;
}

static void on_stopped(void *ctx)
{
	struct end *end = ctx;

	end->stopped++;
}

static void configure(struct end *end, struct ev_loop *loop, int i, uint32_t remote_asn)
{
	/* Ends 1 and 2 of a net of this process's own: tests run side by side. */
	uint32_t net = 0x7f000000 | ((uint32_t)getpid() & 0xffff) << 8;

	*end = (struct end){ .loop = loop };
	end->listen = (struct endpoint){ addr_from_ipv4(net + 1 + (uint32_t)i),
					 (uint16_t)(i ? PORT_B : PORT_A) };
	end->peer = (struct bgp_peer_conf){
		.name = i ? "a" : "b",
		.remote = { addr_from_ipv4(net + 2 - (uint32_t)i),
			    (uint16_t)(i ? PORT_A : PORT_B) },
		.local = end->listen.addr,
		.asn = remote_asn,
		.hold_time = 9,
		.connect_retry = 1,
		.ipv4 = true,
		.ipv6 = true,
		.deprefer = { .has_med = true, .med = 7 },
	};
	addr_parse(&end->peer.next_hop6, "2001:db8::1");
	end->conf = (struct bgp_speaker_conf){ .asn = 64500 + (uint32_t)i,
					       .router_id = 1 + (uint32_t)i,
					       .listen = &end->listen,
					       .listen_count = 1,
					       .peers = &end->peer,
					       .peer_count = 1 };
}

static void run(struct end *end)
{
	struct bgp_speaker_handlers handlers = {
		.ctx = end, .on_peer = on_peer, .on_sent = on_sent, .on_stopped = on_stopped
	};
	const struct endpoint *failed;

	end->speaker = bgp_speaker_new(end->loop, &end->conf, &handlers);
	cr_assert_eq(bgp_speaker_start(end->speaker, &failed), 0);
}

static void start(struct end *end, struct ev_loop *loop, int i, uint32_t remote_asn)
{
	configure(end, loop, i, remote_asn);
	run(end);
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

/* Run the loop until *what is at least count, or five seconds are over. */
static void wait_for(struct ev_loop *loop, const int *what, int count)
{
	ev_timer timeout;

	ev_now_update(loop);
	ev_timer_init(&timeout, on_timeout, 5, 0);
	ev_timer_start(loop, &timeout);
	while (*what < count && ev_is_active(&timeout))
		ev_run(loop, EVRUN_ONCE);
	cr_assert_geq(*what, count);
	ev_timer_stop(loop, &timeout);
}

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix;

	cr_assert(prefix_parse(&prefix, text));
	return prefix;
}

Test(bgp_speaker, life)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct prefix p4 = prefix_of("198.18.0.0/24"), p6 = prefix_of("2001:db8:1::/48");
	struct bgp_policy extra = { .prepend = 2 }, told;
	struct bgp_peer_info info;
	struct end a, b;

	start(&a, loop, 0, 64501);
	bgp_speaker_announce(a.speaker, &p4, NULL);
	start(&b, loop, 1, 64500);
	wait_for(loop, &a.ups, 1);
	wait_for(loop, &b.ups, 1);
	wait_for(loop, &a.announced, 1);
	bgp_speaker_peer_info(a.speaker, 0, &info);
	cr_expect_eq(info.state, BGP_ESTABLISHED);
	cr_expect_eq(info.hold_time, 9);
	cr_expect_eq(info.remote_router_id, 2);
	cr_expect(info.negotiated.ipv4 && info.negotiated.ipv6);
	cr_expect(info.received.four_octet_asn && info.received.route_refresh);
	cr_expect_eq(info.announced, 1);
	bgp_speaker_announce(a.speaker, &p4, &extra);
	bgp_speaker_announce(a.speaker, &p6, NULL);
	wait_for(loop, &a.announced, 3);
	cr_expect(bgp_speaker_has_sent(a.speaker, 0, &p4, &told));
	cr_expect_eq(told.prepend, 2);
	bgp_speaker_deprefer(a.speaker, &p4, &extra);
	wait_for(loop, &a.announced, 4);
	cr_expect(bgp_speaker_has_sent(a.speaker, 0, &p4, &told));
	cr_expect(told.prepend == 2 && told.has_med && told.med == 7, "the peer's own on top");
	bgp_speaker_withdraw(a.speaker, &p6);
	wait_for(loop, &a.withdrawn, 1);
	cr_expect_not(bgp_speaker_has_sent(a.speaker, 0, &p6, NULL));

	bgp_speaker_stop(a.speaker, BGP_STOP_WITHDRAW, "going home");
	cr_expect_eq(a.downs, 0, "handlers are called from the loop only");
	wait_for(loop, &a.stopped, 1);
	cr_expect_eq(a.withdrawn, 2, "the last announcement was taken back");
	wait_for(loop, &b.downs, 1);
	cr_expect_str_eq(b.reason, "received Cease/Administrative Shutdown (6/2): going home");
	cr_expect_eq(a.ups, 1);
	bgp_speaker_free(a.speaker);

	start(&a, loop, 0, 64501); /* it comes back */
	wait_for(loop, &b.ups, 2);
	bgp_speaker_free(b.speaker);
	wait_for(loop, &a.downs, 1);
	bgp_speaker_stop(a.speaker, BGP_STOP_CEASE, NULL);
	wait_for(loop, &a.stopped, 1);
	bgp_speaker_free(a.speaker);
	ev_loop_destroy(loop);
}

/* Two of one AS: prepends do not apply, and the peer's policy as told says so. */
Test(bgp_speaker, of_the_same_as)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct prefix p4 = prefix_of("198.18.0.0/24");
	struct bgp_policy extra = { .prepend = 2 }, told;
	struct end a, b;

	configure(&a, loop, 0, 64500);
	configure(&b, loop, 1, 64500);
	b.conf.asn = 64500;
	run(&a);
	run(&b);
	bgp_speaker_announce(a.speaker, &p4, &extra);
	wait_for(loop, &a.announced, 1);
	cr_expect(bgp_speaker_has_sent(a.speaker, 0, &p4, &told));
	cr_expect_eq(told.prepend, 0);
	cr_expect_eq(b.downs, 0);
	bgp_speaker_free(b.speaker);
	bgp_speaker_free(a.speaker);
	ev_loop_destroy(loop);
}

/* RFC 9384, and gobgp#3561: what BFD saw before the session came up is old when it is told. */
Test(bgp_speaker, bfd_down_resets_at_once_but_not_what_has_come_up_since)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct instant before = clock_now();
	struct bgp_peer_info info;
	struct end a, b;

	start(&a, loop, 0, 64501);
	bgp_speaker_bfd_down(a.speaker, 0, clock_now()); /* nothing there to reset */
	start(&b, loop, 1, 64500);
	wait_for(loop, &a.ups, 1);
	wait_for(loop, &b.ups, 1);
	bgp_speaker_bfd_down(a.speaker, 0, before);
	cr_expect_eq(a.downs, 0, "it has come up since");
	bgp_speaker_bfd_down(a.speaker, 0, clock_now());
	cr_expect_eq(a.downs, 1, "without waiting");
	cr_expect_str_eq(a.reason, "BFD session down, sent Cease/BFD Down (6/10)");
	bgp_speaker_peer_info(a.speaker, 0, &info);
	cr_expect_neq(info.state, BGP_ESTABLISHED);
	wait_for(loop, &b.downs, 1);
	cr_expect_str_eq(b.reason, "received Cease/BFD Down (6/10)");
	before = clock_now();
	wait_for(loop, &a.ups, 2); /* it comes back */
	bgp_speaker_bfd_down(a.speaker, 0, before);
	cr_expect_eq(a.downs, 1, "a stale one again");
	bgp_speaker_free(b.speaker);
	bgp_speaker_free(a.speaker);
	ev_loop_destroy(loop);
}

/* More than is queued at a time: the rest follows as the peer takes it. */
/* What a peer is not told of stays here, however often it is announced. */
Test(bgp_speaker, peers_are_told_of_some_only)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct prefix p4 = prefix_of("198.18.0.0/24"), p6 = prefix_of("2001:db8:1::/48");
	struct bgp_peer_info info;
	struct end a, b;

	configure(&a, loop, 0, 64501);
	a.peer.only = (struct bgp_only){ &p4, 1 };
	run(&a);
	bgp_speaker_announce(a.speaker, &p4, NULL);
	bgp_speaker_announce(a.speaker, &p6, NULL);
	start(&b, loop, 1, 64500);
	wait_for(loop, &a.announced, 1);
	bgp_speaker_deprefer(a.speaker, &p6, NULL);
	bgp_speaker_deprefer(a.speaker, &p4, NULL);
	wait_for(loop, &a.announced, 2);
	bgp_speaker_peer_info(a.speaker, 0, &info);
	cr_expect_eq(info.announced, 1);
	cr_expect(bgp_speaker_has_sent(a.speaker, 0, &p4, NULL));
	cr_expect_not(bgp_speaker_has_sent(a.speaker, 0, &p6, NULL));
	bgp_speaker_withdraw(a.speaker, &p6);

	/* As after a new configuration: who announces again finds out. */
	a.peer.only = (struct bgp_only){ &p6, 1 };
	bgp_speaker_announce(a.speaker, &p4, NULL);
	bgp_speaker_announce(a.speaker, &p6, NULL);
	wait_for(loop, &a.withdrawn, 1);
	wait_for(loop, &a.announced, 3);
	cr_expect_not(bgp_speaker_has_sent(a.speaker, 0, &p4, NULL));
	cr_expect(bgp_speaker_has_sent(a.speaker, 0, &p6, NULL));
	bgp_speaker_free(a.speaker);
	bgp_speaker_free(b.speaker);
	ev_loop_destroy(loop);
}

Test(bgp_speaker, many_prefixes)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct prefix p = prefix_of("10.0.0.0/32");
	struct addr base = p.addr;
	struct bgp_peer_info info;
	struct end a, b;

	start(&a, loop, 0, 64501);
	for (uint32_t i = 0; i < 20000; i++) {
		struct bgp_policy extra = { .has_med = true, .med = i % 16 };

		p.addr = addr_plus(&base, i);
		bgp_speaker_announce(a.speaker, &p, &extra);
	}
	start(&b, loop, 1, 64500);
	wait_for(loop, &a.announced, 20000);
	bgp_speaker_peer_info(a.speaker, 0, &info);
	cr_expect_eq(info.announced, 20000);
	bgp_speaker_stop(a.speaker, BGP_STOP_WITHDRAW, NULL);
	wait_for(loop, &a.stopped, 1);
	cr_expect_eq(a.withdrawn, 20000);
	cr_expect_eq(b.downs, 1);
	bgp_speaker_free(a.speaker);
	bgp_speaker_free(b.speaker);
	ev_loop_destroy(loop);
}

Test(bgp_speaker, wrong_asn)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct bgp_peer_info info = { .last_error_in = "" };
	struct end a, b;

	start(&a, loop, 0, 65000);
	start(&b, loop, 1, 64500);
	for (int i = 0; i < 1000 && !*info.last_error_in; i++) {
		ev_run(loop, EVRUN_ONCE);
		bgp_speaker_peer_info(b.speaker, 0, &info);
	}
	cr_expect_str_eq(info.last_error_in, "OPEN Message Error/Bad Peer AS (2/2)");
	cr_expect_eq(a.ups + b.ups, 0);
	bgp_speaker_free(a.speaker);
	bgp_speaker_free(b.speaker);
	ev_loop_destroy(loop);
}

Test(bgp_speaker, address_in_use)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct bgp_speaker_handlers handlers = { .ctx = NULL };
	const struct endpoint *failed = NULL;
	struct bgp_speaker *second;
	struct end a;

	start(&a, loop, 0, 64501);
	second = bgp_speaker_new(loop, &a.conf, &handlers);
	cr_expect_eq(bgp_speaker_start(second, &failed), -EADDRINUSE);
	cr_expect_eq(failed, &a.listen);
	bgp_speaker_free(second);
	bgp_speaker_stop(a.speaker, BGP_STOP_CEASE, NULL);
	wait_for(loop, &a.stopped, 1);
	bgp_speaker_free(a.speaker);
	ev_loop_destroy(loop);
}
