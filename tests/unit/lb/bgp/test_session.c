/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session over a real connection on loopback whose other end is a plain socket. */
#include <criterion/criterion.h>
#include <ev.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lb/bgp/session.h"

struct heard {
	struct bgp_session *session;
	int messages, downs, gone;
	bool message_first, blocked;
};

static void on_message(void *ctx, const struct bgp_frame *frame)
{
	struct heard *heard = ctx;

	cr_expect_eq(frame->type, BGP_MSG_NOTIFICATION);
	heard->messages++;
	heard->message_first = heard->downs == 0;
	bgp_session_close(heard->session);
}

static void on_down(void *ctx, int error)
{
	struct heard *heard = ctx;

	(void)error;
	heard->downs++;
	bgp_session_close(heard->session);
}

static void on_blocked(void *ctx, bool blocked)
{
	((struct heard *)ctx)->blocked = blocked;
}

static void on_gone(void *ctx)
{
	((struct heard *)ctx)->gone++;
}

static const struct bgp_session_handlers handlers = {
	.on_down = on_down, .on_message = on_message, .on_blocked = on_blocked, .on_gone = on_gone
};

static void connect_pair(int ends[2])
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(bind(listener, (struct sockaddr *)&sa, len), 0);
	cr_assert_eq(listen(listener, 1), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&sa, &len), 0);
	ends[1] = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(connect(ends[1], (struct sockaddr *)&sa, len), 0);
	ends[0] = accept(listener, NULL, NULL);
	cr_assert_geq(ends[0], 0);
	cr_assert_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	close(listener);
}

/* GoBGP and others close with our bytes unread, which resets the connection behind the reason. */
Test(bgp_session, last_words_before_a_reset_are_heard)
{
	static const uint8_t cease[] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
					 255, 255, 255, 255, 255, 0,   21,  3,	 6,   2 };
	static const uint8_t much[1 << 16];
	struct ev_loop *loop = ev_loop_new(0);
	struct linger reset = { .l_onoff = 1 };
	struct heard heard = { 0 };
	int ends[2];

	connect_pair(ends);
	heard.session = bgp_session_adopt(loop, ends[0]);
	bgp_session_set_handlers(heard.session, &handlers, &heard);
	/* Something is always left to write: both directions are news at once. */
	for (int i = 0; i < 200; i++)
		bgp_session_write(heard.session, much, sizeof(much), NULL);
	for (int i = 0; i < 10; i++)
		ev_run(loop, EVRUN_NOWAIT);
	cr_assert_gt(bgp_session_queued(heard.session), 0);
	cr_assert_eq(send(ends[1], cease, sizeof(cease), 0), sizeof(cease));
	cr_assert_eq(setsockopt(ends[1], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	close(ends[1]);
	while (!heard.gone)
		ev_run(loop, EVRUN_ONCE);
	cr_expect_eq(heard.messages, 1);
	cr_expect(heard.message_first);
	ev_loop_destroy(loop);
}

/* RFC 9687 begins here: the machine must hear of it, also when nothing was taken at all. */
Test(bgp_session, peer_that_does_not_read_is_known)
{
	static uint8_t much[1 << 16];
	struct ev_loop *loop = ev_loop_new(0);
	struct heard heard = { 0 };
	int ends[2];

	connect_pair(ends);
	heard.session = bgp_session_adopt(loop, ends[0]);
	bgp_session_set_handlers(heard.session, &handlers, &heard);
	for (int i = 0; i < 200; i++)
		bgp_session_write(heard.session, much, sizeof(much), NULL);
	cr_expect_not(heard.blocked, "not from within");
	ev_run(loop, EVRUN_NOWAIT);
	cr_expect(heard.blocked);
	cr_assert_eq(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	while (heard.blocked) {
		while (recv(ends[1], much, sizeof(much), 0) > 0)
			continue;
		ev_run(loop, EVRUN_NOWAIT);
	}
	cr_expect_eq(bgp_session_queued(heard.session), 0);
	bgp_session_abort(heard.session);
	close(ends[1]);
	ev_loop_destroy(loop);
}
