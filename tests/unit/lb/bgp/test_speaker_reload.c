/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One speaker that goes over to other configurations, and three that are its peers, on loopback. */
#include <criterion/criterion.h>
#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lb/bgp/speaker.h"

#define PORT  41792
#define PEERS 3

static const char *const names[PEERS] = { "b", "c", "d" };

/* Who watches one speaker, by the index of the peer. */
struct watch {
	int ups[PEERS], downs[PEERS], announced[PEERS], withdrawn[PEERS], stopped;
	char reason[PEERS][256]; /* of the last end */
};

struct fixture {
	struct ev_loop *loop;
	uint32_t net;
	struct endpoint listen[2];
	struct bgp_peer_conf peers[2][PEERS]; /* of the speaker's configuration, now and next */
	struct bgp_speaker_conf conf[2];
	int now;
	struct bgp_speaker *speaker;
	struct watch told;
	struct bgp_peer_conf others_peer[PEERS];
	struct bgp_speaker_conf others_conf[PEERS];
	struct endpoint others_listen[PEERS];
	struct bgp_speaker *others[PEERS];
	struct watch others_told[PEERS];
};

static void on_peer(void *ctx, size_t peer, bool up, const char *reason)
{
	struct watch *watch = ctx;

	watch->ups[peer] += up;
	watch->downs[peer] += !up;
	if (!up)
		snprintf(watch->reason[peer], sizeof(watch->reason[peer]), "%s", reason);
}

static void on_sent(void *ctx, size_t peer, const struct prefix *prefix, bool announced,
		    struct instant at)
{
	struct watch *watch = ctx;

	(void)prefix;
	(void)at;
	watch->announced[peer] += announced;
	watch->withdrawn[peer] += !announced;
}

static void on_stopped(void *ctx)
{
	struct watch *watch = ctx;

	watch->stopped++;
}

static struct bgp_speaker_handlers handlers_of(struct watch *watch)
{
	return (struct bgp_speaker_handlers){
		.ctx = watch, .on_peer = on_peer, .on_sent = on_sent, .on_stopped = on_stopped
	};
}

/* Address n of a net of this process's own: tests run side by side. */
static struct endpoint place(const struct fixture *f, uint32_t n)
{
	return (struct endpoint){ addr_from_ipv4(f->net + n), PORT };
}

static struct bgp_peer_conf peer_conf(const struct fixture *f, const char *name, uint32_t us,
				      uint32_t them, uint32_t asn)
{
	return (struct bgp_peer_conf){
		.name = name,
		.remote = place(f, them),
		.local = place(f, us).addr,
		.asn = asn,
		.hold_time = 9,
		.connect_retry = 1,
		.ipv4 = true,
	};
}

static void start_other(struct fixture *f, uint32_t i)
{
	struct bgp_speaker_handlers handlers = handlers_of(&f->others_told[i]);
	const struct endpoint *failed;

	f->others_listen[i] = place(f, 2 + i);
	f->others_peer[i] = peer_conf(f, "a", 2 + i, 1, 64500);
	f->others_peer[i].passive = true;
	f->others_conf[i] = (struct bgp_speaker_conf){ .asn = 64501 + i,
						       .router_id = 2 + i,
						       .listen = &f->others_listen[i],
						       .listen_count = 1,
						       .peers = &f->others_peer[i],
						       .peer_count = 1 };
	f->others[i] = bgp_speaker_new(f->loop, &f->others_conf[i], &handlers);
	cr_assert_eq(bgp_speaker_start(f->others[i], &failed), 0);
}

static void begin(struct fixture *f, size_t count)
{
	struct bgp_speaker_handlers handlers = handlers_of(&f->told);
	const struct endpoint *failed;

	*f = (struct fixture){ .loop = ev_loop_new(0),
			       .net = 0x7f000000 | ((uint32_t)getpid() & 0xffff) << 8 };
	for (uint32_t i = 0; i < PEERS; i++) {
		start_other(f, i);
		f->peers[0][i] = f->peers[1][i] = peer_conf(f, names[i], 1, 2 + i, 64501 + i);
	}
	f->listen[0] = place(f, 1);
	for (int i = 0; i < 2; i++)
		f->conf[i] = (struct bgp_speaker_conf){ .asn = 64500,
							.router_id = 1,
							.listen = &f->listen[0],
							.listen_count = 1,
							.peers = f->peers[i],
							.peer_count = count };
	f->speaker = bgp_speaker_new(f->loop, &f->conf[0], &handlers);
	cr_assert_eq(bgp_speaker_start(f->speaker, &failed), 0);
}

/* What the configuration is to be; a copy of what it is. */
static struct bgp_speaker_conf *next_conf(struct fixture *f)
{
	int next = !f->now;

	memcpy(f->peers[next], f->peers[f->now], sizeof(f->peers[next]));
	f->conf[next] = f->conf[f->now];
	f->conf[next].peers = f->peers[next];
	return &f->conf[next];
}

static void reload(struct fixture *f)
{
	const struct endpoint *failed;
	int was = f->now;

	f->now = !f->now;
	cr_assert_eq(bgp_speaker_reload(f->speaker, &f->conf[f->now], &failed), 0);
	/* Whoever still looks there finds nothing that could work. */
	memset(f->peers[was], 0xa5, sizeof(f->peers[was]));
	memset(&f->conf[was], 0xa5, sizeof(f->conf[was]));
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void run_for(struct fixture *f, double seconds)
{
	ev_timer timeout;

	ev_now_update(f->loop);
	ev_timer_init(&timeout, on_timeout, seconds, 0);
	ev_timer_start(f->loop, &timeout);
	ev_run(f->loop, 0);
	ev_timer_stop(f->loop, &timeout);
}

static void wait_for(struct fixture *f, const int *what, int count)
{
	for (int i = 0; i < 1000 && *what < count; i++)
		run_for(f, 0.01);
	cr_assert_geq(*what, count);
}

static void end(struct fixture *f)
{
	bgp_speaker_free(f->speaker);
	for (int i = 0; i < PEERS; i++)
		bgp_speaker_free(f->others[i]);
	ev_loop_destroy(f->loop);
}

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix;

	cr_assert(prefix_parse(&prefix, text));
	return prefix;
}

/* metallb#1944, #880: a peer that has not changed must not flap, whatever becomes of others. */
Test(bgp_reload, who_has_not_changed_is_not_touched)
{
	struct prefix p = prefix_of("198.18.0.0/24");
	struct bgp_speaker_conf *next;
	struct bgp_peer_conf *peers;
	struct bgp_peer_info before, after;
	struct fixture f;

	begin(&f, 2);
	bgp_speaker_announce(f.speaker, &p, NULL);
	wait_for(&f, &f.told.announced[0], 1);
	wait_for(&f, &f.told.announced[1], 1);
	bgp_speaker_peer_info(f.speaker, 1, &before);

	/* b goes, c stays and moves to the front, d comes. */
	next = next_conf(&f);
	peers = f.peers[!f.now];
	peers[0] = peers[1];
	peers[1] = peers[2];
	next->peer_count = 2;
	reload(&f);
	cr_expect_eq(f.told.downs[0], 1, "told by its old index, from within");
	cr_expect_str_eq(f.told.reason[0], "stopped, sent Cease/Peer De-configured (6/3)");
	f.told = (struct watch){ 0 };
	bgp_speaker_announce(f.speaker, &p, NULL);
	wait_for(&f, &f.others_told[0].downs[0], 1);
	cr_expect_str_eq(f.others_told[0].reason[0], "received Cease/Peer De-configured (6/3)");
	wait_for(&f, &f.told.announced[1], 1); /* d */
	cr_expect_eq(f.told.ups[1], 1);
	bgp_speaker_peer_info(f.speaker, 0, &after);
	cr_expect_str_eq(after.name, "c");
	cr_expect_eq(after.state_since.ns, before.state_since.ns);
	cr_expect_eq(after.established, 1);
	cr_expect_eq(after.out[BGP_MSG_UPDATE], before.out[BGP_MSG_UPDATE], "nothing new");
	cr_expect_eq(f.others_told[1].ups[0], 1);
	cr_expect_eq(f.others_told[1].downs[0], 0);

	/* Its new index is what its handlers say from now on. */
	bgp_speaker_withdraw(f.speaker, &p);
	wait_for(&f, &f.told.withdrawn[0], 1);
	run_for(&f, 1.5); /* longer than b is said good-bye to; it is refused meanwhile */
	cr_expect_eq(f.others_told[0].ups[0], 1);
	end(&f);
}

Test(bgp_reload, policy_is_one_update_and_the_session_stays)
{
	struct prefix p = prefix_of("198.18.0.0/24"), q = prefix_of("198.18.1.0/24");
	struct bgp_peer_info before, after;
	struct bgp_policy told;
	struct fixture f;

	begin(&f, 2);
	bgp_speaker_announce(f.speaker, &p, NULL);
	bgp_speaker_announce(f.speaker, &q, NULL);
	wait_for(&f, &f.told.announced[0], 2);
	wait_for(&f, &f.told.announced[1], 2);
	run_for(&f, 0.1); /* End-of-RIB */
	bgp_speaker_peer_info(f.speaker, 0, &before);
	next_conf(&f);
	f.peers[!f.now][0].policy.prepend = 2;
	f.peers[!f.now][0].connect_retry = 5;
	reload(&f);
	bgp_speaker_announce(f.speaker, &p, NULL);
	bgp_speaker_announce(f.speaker, &q, NULL);
	wait_for(&f, &f.told.announced[0], 4);
	run_for(&f, 0.1);
	bgp_speaker_peer_info(f.speaker, 0, &after);
	cr_expect_eq(after.out[BGP_MSG_UPDATE], before.out[BGP_MSG_UPDATE] + 1, "both in one");
	cr_expect(bgp_speaker_has_sent(f.speaker, 0, &p, &told));
	cr_expect_eq(told.prepend, 2);
	cr_expect_eq(f.told.announced[1], 2, "c's policy is what it was");
	cr_expect_eq(f.told.withdrawn[0] + f.told.withdrawn[1], 0);
	cr_expect_eq(f.told.downs[0] + f.told.downs[1], 0);
	end(&f);
}

Test(bgp_reload, another_session_is_begun_anew)
{
	struct prefix p = prefix_of("198.18.0.0/24");
	struct bgp_peer_info info;
	struct fixture f;

	begin(&f, 2);
	bgp_speaker_announce(f.speaker, &p, NULL);
	wait_for(&f, &f.told.announced[0], 1);
	wait_for(&f, &f.told.announced[1], 1);
	next_conf(&f);
	f.peers[!f.now][0].hold_time = 6;
	reload(&f);
	bgp_speaker_announce(f.speaker, &p, NULL);
	cr_expect_str_eq(f.told.reason[0], "stopped, sent Cease/Other Configuration Change (6/6)");
	wait_for(&f, &f.others_told[0].downs[0], 1);
	cr_expect_str_eq(f.others_told[0].reason[0],
			 "received Cease/Other Configuration Change (6/6)");
	wait_for(&f, &f.told.ups[0], 2);
	wait_for(&f, &f.told.announced[0], 2);
	bgp_speaker_peer_info(f.speaker, 0, &info);
	cr_expect_eq(info.hold_time, 6);
	cr_expect_eq(info.established, 2, "counted since the start");
	cr_expect_eq(f.told.downs[1], 0);
	end(&f);
}

/* Before anything was heard of the first. */
Test(bgp_reload, two_in_quick_succession)
{
	struct prefix p = prefix_of("198.18.0.0/24");
	struct fixture f;

	begin(&f, 3);
	bgp_speaker_announce(f.speaker, &p, NULL);
	wait_for(&f, &f.told.announced[0], 1);
	wait_for(&f, &f.told.announced[1], 1);
	wait_for(&f, &f.told.announced[2], 1);
	next_conf(&f)->peer_count = 1;
	f.peers[!f.now][0].hold_time = 6;
	reload(&f);
	next_conf(&f)->peer_count = 2; /* c again, d not */
	f.peers[!f.now][0].hold_time = 12;
	f.peers[!f.now][1] = peer_conf(&f, "c", 1, 3, 64502);
	reload(&f);
	bgp_speaker_announce(f.speaker, &p, NULL);
	wait_for(&f, &f.told.announced[0], 2);
	wait_for(&f, &f.told.announced[1], 2);
	wait_for(&f, &f.others_told[2].downs[0], 1);
	cr_expect_eq(f.others_told[0].ups[0], 2);
	cr_expect_eq(f.others_told[1].ups[0], 2);
	cr_expect_eq(f.others_told[2].ups[0], 1);

	/* Stopped while some are still being said good-bye to: on_stopped waits for them, too. */
	next_conf(&f)->peer_count = 0;
	reload(&f);
	bgp_speaker_stop(f.speaker, BGP_STOP_WITHDRAW, NULL);
	wait_for(&f, &f.told.stopped, 1);
	cr_expect_eq(f.others_told[0].downs[0], 2);
	cr_expect_str_eq(f.others_told[0].reason[0], "received Cease/Peer De-configured (6/3)");
	end(&f);
}

static int taken_port(const struct endpoint *at)
{
	struct sockaddr_storage sa;
	socklen_t len = endpoint_to_sockaddr(at, &sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&sa, len), 0);
	cr_assert_eq(listen(fd, 1), 0);
	return fd;
}

/* The errno of a connection there, 0: somebody listens. */
static int try_connect(const struct endpoint *at)
{
	struct sockaddr_storage sa;
	socklen_t len = endpoint_to_sockaddr(at, &sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int err = connect(fd, (struct sockaddr *)&sa, len) < 0 ? errno : 0;

	close(fd);
	return err;
}

Test(bgp_reload, listens_elsewhere_or_as_before)
{
	const struct endpoint *failed = NULL;
	struct endpoint everywhere = { addr_from_ipv4(0), PORT + 1 };
	struct fixture f;
	int fd;

	begin(&f, 1);
	f.listen[1] = place(&f, 9);
	fd = taken_port(&f.listen[1]);
	wait_for(&f, &f.told.ups[0], 1);
	next_conf(&f)->listen = &f.listen[1];
	f.conf[!f.now].peer_count = 0;
	cr_expect_eq(bgp_speaker_reload(f.speaker, &f.conf[!f.now], &failed), -EADDRINUSE);
	cr_expect_eq(failed, &f.listen[1]);
	cr_expect_eq(try_connect(&f.listen[0]), 0, "as before");
	cr_expect_eq(f.told.downs[0], 0);
	close(fd);
	cr_expect_eq(bgp_speaker_peer_count(f.speaker), 1);

	f.listen[1] = everywhere;
	next_conf(&f)->listen = &f.listen[1];
	reload(&f);
	cr_expect_eq(try_connect(&f.listen[0]), ECONNREFUSED);
	cr_expect_eq(f.told.downs[0], 0, "a session is not where it was listened for");
	/* One address in place of all of them, on the same port. */
	f.listen[0] = (struct endpoint){ place(&f, 1).addr, PORT + 1 };
	next_conf(&f)->listen = &f.listen[0];
	reload(&f);
	cr_expect_eq(try_connect(&f.listen[0]), 0);
	end(&f);
}

/* Slots r-1 and so on of a range that is all of the net; in place of other peers. */
static void reload_slots(struct fixture *f, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct bgp_peer_conf slot = peer_conf(f, i ? "r-2" : "r-1", 1, 0, 64501);

		slot.range = (struct prefix){ slot.remote.addr, 24 };
		slot.passive = true;
		f->peers[!f->now][i] = f->peers[f->now][i] = slot;
	}
	f->conf[!f->now].peer_count = count;
	reload(f);
}

/* A connection from address n to the speaker, which has taken it. */
static int connect_from(struct fixture *f, uint32_t n)
{
	struct endpoint from = { .addr = place(f, n).addr };
	struct sockaddr_storage sa;
	socklen_t len = endpoint_to_sockaddr(&from, &sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&sa, len), 0);
	len = endpoint_to_sockaddr(&f->listen[0], &sa);
	cr_assert_eq(connect(fd, (struct sockaddr *)&sa, len), 0);
	run_for(f, 0.1);
	return fd;
}

/* Slots of a range come and go one by one, and who has one keeps it. */
Test(bgp_reload, slots_of_a_range)
{
	struct bgp_peer_info info;
	struct fixture f;
	int fds[2];

	begin(&f, 0);
	reload_slots(&f, 2);
	for (uint32_t i = 0; i < 2; i++)
		fds[i] = connect_from(&f, 20 + i);
	bgp_speaker_peer_info(f.speaker, 0, &info);
	cr_expect_eq(info.state, BGP_OPEN_SENT);
	bgp_speaker_peer_info(f.speaker, 1, &info);
	cr_expect_eq(info.state, BGP_OPEN_SENT);
	next_conf(&f)->peer_count = 1;
	reload(&f);
	run_for(&f, 0.1);
	bgp_speaker_peer_info(f.speaker, 0, &info);
	cr_expect_eq(info.state, BGP_OPEN_SENT, "the other slot is not touched");
	for (int i = 0; i < 2; i++) {
		uint8_t bytes[256];
		ssize_t n = recv(fds[i], bytes, sizeof(bytes), MSG_DONTWAIT);

		cr_assert_gt(n, 19);
		cr_expect_eq(!memcmp(&bytes[n - 3], "\3\6\3", 3), i == 1, "%d", i);
		close(fds[i]);
	}
	end(&f);
}

/* Who had a slot and is configured now is that peer, though his slot comes first. */
Test(bgp_reload, peer_with_an_address_comes_before_the_slot_that_it_had)
{
	struct bgp_peer_info info;
	struct fixture f;

	begin(&f, 0);
	reload_slots(&f, 1);
	close(connect_from(&f, 20));
	run_for(&f, 0.1);
	bgp_speaker_peer_info(f.speaker, 0, &info);
	cr_assert_eq(info.in[BGP_MSG_OPEN] + info.out[BGP_MSG_OPEN], 1, "it was this slot's");
	next_conf(&f)->peer_count = 2;
	f.peers[!f.now][1] = peer_conf(&f, "x", 1, 20, 64501);
	f.peers[!f.now][1].passive = true;
	reload(&f);
	close(connect_from(&f, 20));
	bgp_speaker_peer_info(f.speaker, 1, &info);
	cr_expect_str_eq(info.name, "x");
	cr_expect_eq(info.out[BGP_MSG_OPEN], 1);
	bgp_speaker_peer_info(f.speaker, 0, &info);
	cr_expect_eq(info.out[BGP_MSG_OPEN], 1, "not the slot's again");
	end(&f);
}
