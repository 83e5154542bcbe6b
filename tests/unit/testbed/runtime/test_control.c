/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/control.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_S 5

/* One end in a loop with what it has heard, the other a plain descriptor. */
struct rig {
	struct ev_loop *loop;
	struct control *control; /* NULL once freed */
	int far;
	json_t *heard; /* array of messages */
	int fds[8];    /* that came with them, -1 for none */
	bool closed, free_at_once;
	size_t wait_for;
	ev_timer patience;
};

static void on_message(void *ctx, struct control *control, const json_t *msg, int fd)
{
	struct rig *r = ctx;
	size_t n = json_array_size(r->heard);

	cr_assert_eq(control, r->control);
	if (n < 8)
		r->fds[n] = fd;
	json_array_append(r->heard, (json_t *)(uintptr_t)msg);
	if (r->free_at_once) {
		control_free(control);
		r->control = NULL;
	}
	if (n + 1 >= r->wait_for)
		ev_break(r->loop, EVBREAK_ALL);
}

static void on_close(void *ctx, struct control *control)
{
	struct rig *r = ctx;

	cr_assert_eq(control, r->control);
	cr_assert_not(r->closed, "once is enough");
	r->closed = true;
	ev_break(r->loop, EVBREAK_ALL);
}

static void on_patience(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)w;
	(void)revents;
	ev_break(loop, EVBREAK_ALL);
}

static const struct control_events events = { on_message, on_close };

static struct rig *rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	r->loop = ev_loop_new(EVFLAG_AUTO);
	r->control = control_new(r->loop, pair[0], &events, r);
	r->far = pair[1];
	r->heard = json_array();
	ev_timer_init(&r->patience, on_patience, PATIENCE_S, 0);
	ev_timer_start(r->loop, &r->patience);
	return r;
}

static void rig_free(struct rig *r)
{
	control_free(r->control);
	if (r->far >= 0)
		close(r->far);
	json_decref(r->heard);
	ev_loop_destroy(r->loop);
	free(r);
}

static void hear(struct rig *r, size_t messages)
{
	r->wait_for = messages;
	if (json_array_size(r->heard) < messages)
		ev_run(r->loop, 0);
	cr_assert_eq(json_array_size(r->heard), messages, "%zu messages",
		     json_array_size(r->heard));
}

static const char *word_of(const json_t *msg)
{
	return json_string_value(json_object_get(msg, "word"));
}

static json_t *word(const char *text)
{
	return json_pack("{s:s}", "word", text);
}

Test(control, messages_keep_their_bounds_and_order)
{
	struct rig *r = rig_new();

	for (int i = 0; i < 100; i++)
		cr_assert_eq(control_send_fd(r->far, json_pack("{s:i}", "n", i), -1), 0);
	hear(r, 100);
	for (int i = 0; i < 100; i++)
		cr_expect_eq(json_integer_value(
				     json_object_get(json_array_get(r->heard, (size_t)i), "n")),
			     i);
	rig_free(r);
}

Test(control, a_descriptor_comes_with_its_message)
{
	struct rig *r = rig_new();
	int pipe_fds[2], pass = -1;
	char byte = 0;
	json_t *msg;

	cr_assert_eq(pipe(pipe_fds), 0);
	control_send_fd(r->far, word("none"), -1);
	control_send_fd(r->far, word("here"), pipe_fds[0]);
	close(pipe_fds[0]);
	hear(r, 2);
	cr_expect_eq(r->fds[0], -1);
	cr_assert_geq(r->fds[1], 0);
	cr_assert(fcntl(r->fds[1], F_GETFD) & FD_CLOEXEC);
	cr_assert_eq(write(pipe_fds[1], "x", 1), 1);
	cr_assert_eq(read(r->fds[1], &byte, 1), 1);
	cr_expect_eq(byte, 'x');
	/* And back: the control closes its own once it is sent. */
	control_send(r->control, word("back"), r->fds[1]);
	cr_expect_eq(fcntl(r->fds[1], F_GETFD), -1);
	msg = control_receive_fd(r->far, &pass);
	cr_expect_str_eq(word_of(msg), "back");
	cr_expect_geq(pass, 0);
	json_decref(msg);
	close(pass);
	close(pipe_fds[1]);
	rig_free(r);
}

Test(control, of_several_descriptors_one_is_taken_and_none_leaks)
{
	char text[] = "{}", c = 0;
	struct iovec iov = { text, 2 };
	union {
		char buf[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} u = { 0 };
	struct msghdr hdr = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = u.buf,
			      .msg_controllen = sizeof(u.buf) };
	int ends[2], near[2], pass = -1;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, near), 0);
	cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
	u.align.cmsg_level = SOL_SOCKET;
	u.align.cmsg_type = SCM_RIGHTS;
	u.align.cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(&u.align), (int[]){ ends[1], ends[1] }, 2 * sizeof(int));
	cr_assert_eq(sendmsg(near[0], &hdr, 0), 2);
	close(ends[1]);
	json_decref(control_receive_fd(near[1], &pass));
	cr_expect_geq(pass, 0);
	cr_expect_eq(read(ends[0], &c, 1), -1, "the writing end that was taken is open");
	close(pass);
	cr_expect_eq(read(ends[0], &c, 1), 0, "another one is still open");
	close(ends[0]);
	close(near[0]);
	close(near[1]);
}

Test(control, a_large_message_passes_whole)
{
	struct rig *r = rig_new();
	size_t size = CONTROL_MESSAGE_MAX - 100;
	char *text = malloc(size + 1);
	json_t *msg;

	memset(text, 'a', size);
	text[size] = '\0';
	control_send(r->control, word(text), -1);
	msg = control_receive_fd(r->far, NULL);
	cr_assert_not_null(msg);
	cr_expect_eq(strlen(word_of(msg)), size);
	json_decref(msg);
	free(text);
	rig_free(r);
}

/* More than the socket takes at once waits its turn and loses neither order nor message. */
Test(control, what_the_socket_does_not_take_is_queued)
{
	struct rig *r = rig_new();
	const int count = 200;
	char *padding = malloc(50000);

	memset(padding, 'a', 50000);
	for (int i = 0; i < count; i++)
		control_send(r->control,
			     json_pack("{s:i, s:s%}", "n", i, "padding", padding, 50000), -1);
	free(padding);
	cr_assert_gt(control_backlog(r->control), 0, "nothing had to wait: send more");
	for (int i = 0; i < count; i++) {
		struct timeval soon = { PATIENCE_S, 0 };
		json_t *msg;

		ev_run(r->loop, EVRUN_NOWAIT);
		setsockopt(r->far, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
		msg = control_receive_fd(r->far, NULL);
		cr_assert_not_null(msg, "message %d", i);
		cr_assert_eq(json_integer_value(json_object_get(msg, "n")), i);
		json_decref(msg);
	}
	cr_expect_eq(control_backlog(r->control), 0);
	rig_free(r);
}

/* A peer that does not read: what waits for it is dropped, and both sides see the end. */
Test(control, a_talk_can_be_ended)
{
	struct rig *r = rig_new();
	char *padding = malloc(50000);
	json_t *msg;

	memset(padding, 'a', 50000);
	while (control_backlog(r->control) < 10)
		control_send(r->control, json_pack("{s:s%}", "padding", padding, 50000), -1);
	free(padding);
	control_shutdown(r->control);
	cr_expect_eq(control_backlog(r->control), 0);
	cr_expect_not(r->closed, "not from within the caller");
	ev_run(r->loop, 0);
	cr_expect(r->closed);
	while ((msg = control_receive_fd(r->far, NULL)))
		json_decref(msg);
	control_send(r->control, word("too late"), -1);
	cr_expect_eq(control_backlog(r->control), 0);
	rig_free(r);
}

Test(control, a_peer_that_goes_is_noticed_once)
{
	struct rig *r = rig_new();

	control_send_fd(r->far, word("last"), -1);
	close(r->far);
	r->far = -1;
	hear(r, 1);
	if (!r->closed)
		ev_run(r->loop, 0);
	cr_expect(r->closed);
	/* Sending into the void is no crash, and nothing more is heard. */
	control_send(r->control, word("anybody"), -1);
	ev_run(r->loop, EVRUN_NOWAIT);
	rig_free(r);
}

struct row {
	const char *what, *bytes;
	size_t len;
};

/* clang-format off */
static const struct row garbage[] = {
	{ "no JSON",          "hello",          5 },
	{ "half an object",   "{\"word\":",     8 },
	{ "an array",         "[1]",            3 },
	{ "a number",         "1",              1 },
	{ "bytes",            "\xff\xfe\0\x01", 4 },
	{ "two objects",      "{}{}",           4 },
};
/* clang-format on */

Test(control, nonsense_ends_the_connection)
{
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		struct rig *r = rig_new();
		int pass[2];

		cr_assert_eq(pipe(pass), 0);
		cr_assert_eq(send(r->far, garbage[i].bytes, garbage[i].len, 0),
			     (ssize_t)garbage[i].len);
		ev_run(r->loop, 0);
		cr_expect(r->closed, "%s", garbage[i].what);
		cr_expect_eq(json_array_size(r->heard), 0);
		close(pass[0]);
		close(pass[1]);
		rig_free(r);
	}
}

Test(control, blocking_end_refuses_nonsense_too)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	cr_assert_eq(send(pair[0], "nonsense", 8, 0), 8);
	cr_expect_null(control_receive_fd(pair[1], NULL));
	close(pair[0]);
	cr_expect_null(control_receive_fd(pair[1], NULL), "gone");
	cr_expect_eq(control_send_fd(pair[1], word("x"), -1), -EPIPE);
	close(pair[1]);
}

Test(control, may_be_freed_by_its_own_message)
{
	struct rig *r = rig_new();

	r->free_at_once = true;
	control_send_fd(r->far, word("one"), -1);
	control_send_fd(r->far, word("two"), -1);
	hear(r, 1);
	ev_run(r->loop, EVRUN_NOWAIT);
	cr_expect_eq(json_array_size(r->heard), 1);
	cr_expect_null(control_receive_fd(r->far, NULL), "the far end sees the end");
	rig_free(r);
}

Test(control, adopted_by_another_listener)
{
	struct rig *r = rig_new(), *other = rig_new();
	struct control *own = other->control;

	control_adopt(r->control, &events, other);
	other->control = r->control;
	ev_timer_stop(other->loop, &other->patience);
	control_send_fd(r->far, word("hello"), -1);
	ev_run(r->loop, EVRUN_ONCE);
	cr_expect_eq(json_array_size(other->heard), 1);
	cr_expect_eq(json_array_size(r->heard), 0);
	other->control = own;
	rig_free(other);
	rig_free(r);
}

Test(control, listens_at_a_path_and_replaces_what_is_there)
{
	char dir[] = "/tmp/control.XXXXXX", path[64], too_long[200];
	struct stat st;
	int listener, fd;

	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/control", dir);
	cr_expect_eq(control_connect(path), -ENOENT);
	listener = control_listen(path);
	cr_assert_geq(listener, 0);
	close(listener);
	cr_expect_eq(control_connect(path), -ECONNREFUSED, "the file of a dead one");
	listener = control_listen(path);
	cr_assert_geq(listener, 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect(S_ISSOCK(st.st_mode));
	fd = control_connect(path);
	cr_expect_geq(fd, 0);
	close(fd);
	close(listener);
	memset(too_long, 'x', sizeof(too_long));
	too_long[0] = '/';
	too_long[sizeof(too_long) - 1] = '\0';
	cr_expect_eq(control_listen(too_long), -ENAMETOOLONG);
	cr_expect_eq(control_connect(too_long), -ENAMETOOLONG);
	unlink(path);
	rmdir(dir);
}

Test(control, knows_its_peer)
{
	struct rig *r = rig_new();

	cr_expect_eq(control_peer_pid(r->control), getpid());
	rig_free(r);
}
