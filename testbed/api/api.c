/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/api/api.h"

static int get_healthz(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct api *api = ctx;

	(void)req;
	reply->json = json_pack("{s:s}", "status", api->stopping ? "stopping" : "ok");
	return api->stopping ? 503 : 200;
}

static int get_events(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct api *api = ctx;

	(void)req;
	reply->events = api->events;
	return 200;
}

int api_refuse_when_stopping(const struct api *api, struct http_reply *reply)
{
	return api->stopping ? http_problem(reply, 503, NULL, "the server is stopping") : 0;
}

static const char *const lab_query[] = { "lab", NULL };
static const char *const runs_query[] = { "limit", NULL };
static const char *const events_query[] = { "since", NULL };

const struct http_route api_routes[] = {
	{ "GET", "/healthz", get_healthz, NULL },
	{ "GET", "/metrics", api_metrics, NULL },
	{ "GET", "/v1/events", get_events, events_query },
	{ "GET", "/v1/lab", api_get_lab, lab_query },
	{ "GET", "/v1/topology", api_get_topology, lab_query },
	{ "GET", "/v1/catchments", api_get_catchments, lab_query },
	{ "GET", "/v1/faults", api_get_faults, lab_query },
	{ "POST", "/v1/faults", api_post_fault, lab_query },
	{ "DELETE", "/v1/faults/{id}", api_delete_fault, lab_query },
	{ "GET", "/v1/labs", api_get_labs, NULL },
	{ "POST", "/v1/labs", api_post_lab, NULL },
	{ "GET", "/v1/labs/{name}", api_get_lab_named, NULL },
	{ "DELETE", "/v1/labs/{name}", api_delete_lab, NULL },
	{ "GET", "/v1/runs", api_get_runs, runs_query },
	{ "POST", "/v1/runs", api_post_run, NULL },
	{ "GET", "/v1/runs/{id}", api_get_run, NULL },
	{ "DELETE", "/v1/runs/{id}", api_delete_run, NULL },
	{ "GET", "/v1/runs/{id}/result", api_get_result, NULL },
	{ "GET", "/v1/runs/{id}/report", api_get_report, NULL },
	{ "GET", "/v1/runs/{id}/table", api_get_table, NULL },
	{ 0 },
};
