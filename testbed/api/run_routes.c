/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/runs: a run is asked for, watched, cancelled, and its report read. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"
#include "testbed/api/api.h"
#include "testbed/api/archive.h"
#include "testbed/labs.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     1000

static int no_such_run(struct http_reply *reply, const char *id)
{
	return http_problem(reply, 404, NULL, "there is no run '%s'", id);
}

/* One that is on its way knows more than its file. */
static json_t *run_find(const struct api *api, const char *id)
{
	json_t *run = runs_get(api->runs, id);

	return run ? run : archive_run(api->out, id);
}

/* The newest ones, limit at most. */
static json_t *runs_find(const struct api *api, size_t limit)
{
	json_t *runs = json_array();
	char **ids;
	size_t count = archive_ids(api->out, &ids);

	for (size_t i = 0; i < count; i++) {
		json_t *run = json_array_size(runs) < limit ? run_find(api, ids[i]) : NULL;

		if (run)
			json_array_append_new(runs, run);
		free(ids[i]);
	}
	free(ids);
	return runs;
}

/* To look at, "latest" is the newest there is. */
static json_t *run_show(const struct api *api, const char *id)
{
	json_t *runs, *run;

	if (strcmp(id, "latest") != 0)
		return run_find(api, id);
	runs = runs_find(api, 1);
	run = json_incref(json_array_get(runs, 0));
	json_decref(runs);
	return run;
}

/* 0: not a number from 1 on. */
static size_t limit_parse(const char *text)
{
	char *end;
	unsigned long n;

	if (!text)
		return LIMIT_DEFAULT;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || n > LIMIT_MAX)
		return 0;
	return n;
}

int api_get_runs(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	size_t limit = limit_parse(http_query(req, "limit"));

	if (limit == 0)
		return http_problem(reply, 400, "limit", "a number from 1 to %d", LIMIT_MAX);
	reply->json = json_pack("{s:o}", "runs", runs_find(ctx, limit));
	return 200;
}

int api_get_run(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	reply->json = run_show(ctx, req->params[0]);
	return reply->json ? 200 : no_such_run(reply, req->params[0]);
}

int api_post_run(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	struct api *api = ctx;
	int status = api_refuse_when_stopping(api, reply), err;
	struct order order;

	if (status || !order_load(&order, req->body, true, &api->defaults, reply, &status))
		return status;
	if (ups_has(api->ups, order.lab) ||
	    (!runs_of_lab(api->runs, order.lab) && labs_is_running(order.lab))) {
		status = http_problem(reply, 409, "/lab",
				      "a lab '%s' is running already: name another, or end it",
				      order.lab);
		order_fini(&order);
		return status;
	}
	err = runs_add(api->runs, &order, &reply->json);
	order_fini(&order);
	if (err == -EDQUOT)
		return http_problem(reply, 503, NULL, "too many runs are waiting");
	if (err < 0)
		return http_problem(reply, 500, NULL, "%s: %s", api->out, strerror(-err));
	reply->location =
		xasprintf("/v1/runs/%s", json_string_value(json_object_get(reply->json, "id")));
	return 202;
}

int api_delete_run(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	struct api *api = ctx;
	bool known = runs_cancel(api->runs, req->params[0], "cancelled");

	reply->json = run_find(api, req->params[0]);
	if (!reply->json)
		return no_such_run(reply, req->params[0]);
	return known ? 202 : http_problem(reply, 409, NULL, "that run is not one to cancel");
}

/* What the run has left, which is there once it has ended. */
static int file_reply(const struct api *api, const struct http_request *req,
		      struct http_reply *reply, const char *name, const char *type)
{
	json_t *run = run_show(api, req->params[0]);
	const char *id = json_string_value(json_object_get(run, "id"));
	const char *state = json_string_value(json_object_get(run, "state"));
	const char *reason = json_string_value(json_object_get(run, "reason"));
	int status = 200;

	if (!run)
		return no_such_run(reply, req->params[0]);
	if (id && archive_run_is_final(run))
		reply->text = archive_file(api->out, id, name);
	reply->content_type = type;
	if (!reply->text)
		status = http_problem(reply, 409, NULL, "%s is not there, the run is %s%s%s", name,
				      state ? state : "unknown", reason ? ": " : "",
				      reason ? reason : "");
	json_decref(run);
	return status;
}

int api_get_result(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	return file_reply(ctx, req, reply, "result.json", "application/json");
}

int api_get_report(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	return file_reply(ctx, req, reply, "report.html", "text/html; charset=utf-8");
}

int api_get_table(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	return file_reply(ctx, req, reply, "table.txt", "text/plain; charset=utf-8");
}
