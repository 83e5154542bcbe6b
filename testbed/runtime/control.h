/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * control.h - the control socket: JSON objects over a Unix seqpacket socket.
 *
 * One message is one JSON object in one packet, and may carry one descriptor
 * (SCM_RIGHTS), which is how a node passes its TAP devices to the supervisor.
 * A struct control lives in a libev loop, queues what the socket does not take
 * at once and calls back for each message. The one-shot commands use the
 * blocking functions at the end.
 */
#ifndef TESTBED_RUNTIME_CONTROL_H
#define TESTBED_RUNTIME_CONTROL_H

#include <ev.h>
#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

/* Of the words between agents and supervisor; raised with each change of their meaning. */
#define CONTROL_VERSION 3
/* Larger than any setup message; the sockets' buffers are made to hold it. */
#define CONTROL_MESSAGE_MAX (1024 * 1024)

struct control;

struct control_events {
	/* msg is borrowed; fd is -1 or the callee's. May free the control. */
	void (*on_message)(void *ctx, struct control *control, const json_t *msg, int fd);
	/* The peer is gone. The control is still there: free it. */
	void (*on_close)(void *ctx, struct control *control);
};

/* Takes fd over. events and ctx must outlive the control. */
struct control *control_new(struct ev_loop *loop, int fd, const struct control_events *events,
			    void *ctx);
/* Hand the control to another listener, from within a callback too. Returns it. */
struct control *control_adopt(struct control *control, const struct control_events *events,
			      void *ctx);
/* Closes; what is still queued is lost. */
void control_free(struct control *control);
/* Takes msg over; fd (-1: none) is closed once it is sent. */
void control_send(struct control *control, json_t *msg, int fd);
/* End the talk: what waits is dropped, on_close follows from the loop. */
void control_shutdown(struct control *control);
/* Messages that wait to be sent. */
size_t control_backlog(const struct control *control);
/* The peer's process, as seen from here. */
pid_t control_peer_pid(const struct control *control);

/* A listening socket at path, or -errno. An existing file there is replaced. */
int control_listen(const char *path);
/* A connected socket, or -errno. */
int control_connect(const char *path);
/* The same; connecting and each sending take at most so long, else -EAGAIN. Negative: for ever. */
int control_connect_within(const char *path, int timeout_ms);
/* Blocking. Returns 0 or -errno. Takes msg over. */
int control_send_fd(int fd, json_t *msg, int pass);
/* Blocking. NULL when the peer is gone or speaks nonsense. pass may be NULL. */
json_t *control_receive_fd(int fd, int *pass);

#endif
