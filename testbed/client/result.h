/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * result.h - how a request or a session went, from the user's side. Pure.
 */
#ifndef TESTBED_CLIENT_RESULT_H
#define TESTBED_CLIENT_RESULT_H

enum client_result {
	CLIENT_OK,	    /* the whole correct answer in time */
	CLIENT_REFUSED,	    /* nobody listens there: ECONNREFUSED */
	CLIENT_UNREACHABLE, /* the network said that it does not get there */
	CLIENT_RESET,	    /* cut off by the other side before the whole answer */
	CLIENT_SILENT,	    /* nothing whole in time */
	CLIENT_WRONG,	    /* an answer, but not the protocol's or not to this question */
	CLIENT_DNS_FAILED,  /* no address; the detail says why */
	/* Of sessions only. */
	CLIENT_OPEN,	  /* the first reply has come */
	CLIENT_TIMED_OUT, /* ended: no reply for session_timeout_ms */
	CLIENT_CLOSED	  /* ended by the user, at the end of the run */
};

const char *client_result_name(enum client_result result);
/* What an error of connect, send or receive means to a user. */
enum client_result client_result_from_errno(int err);

#endif
