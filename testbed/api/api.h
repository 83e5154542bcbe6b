/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * api.h - the REST API of the testbed: "catchment-testbed serve".
 *
 * A process apart from those that measure. It finds the labs of this machine by
 * their control sockets, asks them, and starts runs as processes of their own.
 * docs/api/testbed.yaml describes every path and answer.
 *
 * In reading order: serve.c (the command), order.h (what a POST asks for), runs.h
 * (the queue), archive.h (runs on disk), run_routes.c; ask.h one folder up (how a
 * lab is asked), labs.c, ups.h (labs without a run); feeds.h (events), metrics.c.
 *
 * Handlers answer at once, but for a lab that hangs: that takes API_ASK_MS, then 504.
 */
#ifndef TESTBED_API_API_H
#define TESTBED_API_API_H

#include "lib/http.h"
#include "testbed/api/feeds.h"
#include "testbed/api/order.h"
#include "testbed/api/runs.h"
#include "testbed/api/ups.h"

#define API_ASK_MS 2000

struct api {
	const char *out; /* absolute */
	struct order_defaults defaults;
	struct event_log *events;
	struct runs *runs;
	struct feeds *feeds;
	struct ups *ups;
	bool stopping;
};

/* Ends with a NULL method; the context is the struct api. */
extern const struct http_route api_routes[];

/* "catchment-testbed serve"; argv[0] is "serve". Exit status. */
int serve_main(int argc, char **argv);

/* Handlers, in the files of their names. */
http_handler api_metrics;
http_handler api_get_labs, api_get_lab, api_get_topology, api_get_catchments;
http_handler api_get_faults, api_post_fault, api_delete_fault;
http_handler api_post_lab, api_get_lab_named, api_delete_lab;
http_handler api_get_runs, api_post_run, api_get_run, api_delete_run;
http_handler api_get_result, api_get_report, api_get_table;

/*
 * The status of every running lab at once, an array; the names of those that do not answer are
 * appended to silent.
 */
json_t *api_labs_status(json_t *silent);
/* 503 while stopping, else 0. */
int api_refuse_when_stopping(const struct api *api, struct http_reply *reply);

#endif
