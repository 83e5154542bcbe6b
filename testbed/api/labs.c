/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the running labs say: status, topology, catchments, faults; and /v1/labs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/pointer.h"
#include "testbed/api/api.h"
#include "testbed/ask.h"
#include "testbed/fault/fault.h"
#include "testbed/labs.h"

static struct instant patience(void)
{
	return instant_after_ms(clock_now(), API_ASK_MS);
}

/* Why a lab could not be asked, as a status and its problem. */
static int refusal(struct http_reply *reply, const char *lab, int err)
{
	if (err == -ETIMEDOUT)
		return http_problem(reply, 504, NULL, "lab '%s' does not answer", lab);
	if (err == -EACCES)
		return http_problem(reply, 403, NULL, "lab '%s' belongs to another user", lab);
	return http_problem(reply, 404, NULL, "no lab '%s' is running", lab);
}

/* The lab meant: ?lab=, or the only one; malloc'd. NULL: reply is a problem, *status its status. */
static char *lab_choose(const struct http_request *req, struct http_reply *reply, int *status)
{
	const char *named = http_query(req, "lab");
	char *chosen = NULL;
	struct labs labs;

	if (named)
		return xstrdup(named);
	labs = labs_find();
	if (labs.count == 0)
		*status = http_problem(reply, 404, NULL, "no lab is running");
	else if (labs.count > 1)
		*status =
			http_problem(reply, 409, "lab",
				     "%zu labs are running: say which with ?lab=NAME", labs.count);
	else
		chosen = xstrdup(labs.names[0]);
	labs_free(&labs);
	return chosen;
}

/*
 * Ask the lab meant. 0: *answer, the caller's, is its reply, which may have an "error". Else the
 * status of the problem that reply is. Takes msg over.
 */
static int lab_ask(const struct http_request *req, struct http_reply *reply, json_t *msg,
		   json_t **answer)
{
	int status = 0, err;
	char *lab = lab_choose(req, reply, &status);

	if (!lab) {
		json_decref(msg);
		return status;
	}
	err = ask(lab, msg, patience(), answer);
	if (err < 0)
		status = refusal(reply, lab, err);
	free(lab);
	return status;
}

/* Pass the answer to a simple command on. */
static int relay(const struct http_request *req, struct http_reply *reply, const char *command)
{
	json_t *answer;
	const char *error;
	int status = lab_ask(req, reply, json_pack("{s:s}", "command", command), &answer);

	if (status)
		return status;
	error = json_string_value(json_object_get(answer, "error"));
	if (error) {
		status = http_problem(reply, 409, NULL, "%s", error);
		json_decref(answer);
		return status;
	}
	reply->json = answer;
	return 200;
}

int api_get_lab(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	(void)ctx;
	return relay(req, reply, "status");
}

int api_get_topology(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	(void)ctx;
	return relay(req, reply, "topology");
}

int api_get_catchments(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	(void)ctx;
	return relay(req, reply, "catchments");
}

json_t *api_labs_status(json_t *silent)
{
	struct instant deadline = patience();
	json_t *all = json_array(), *answer;
	struct labs labs = labs_find();
	int *asked = xcalloc(labs.count + 1, sizeof(*asked));

	/* All at once: one that hangs takes no time from the others. */
	for (size_t i = 0; i < labs.count; i++)
		asked[i] = ask_begin(labs.names[i], json_pack("{s:s}", "command", "status"),
				     instant_after_ms(clock_now(), 1));
	for (size_t i = 0; i < labs.count; i++) {
		int err = asked[i] < 0 ? asked[i] : ask_end(asked[i], deadline, &answer);

		if (err == 0 && json_object_get(answer, "lab")) {
			json_array_append_new(all, answer);
			continue;
		}
		if (err == 0)
			json_decref(answer);
		/* The others have ended meanwhile, or are not for this user. */
		if (err == 0 || err == -ETIMEDOUT)
			json_array_append_new(silent, json_string(labs.names[i]));
	}
	free(asked);
	labs_free(&labs);
	return all;
}

int api_get_labs(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	json_t *silent = json_array();

	(void)ctx;
	(void)req;
	reply->json = json_pack("{s:o, s:o}", "labs", api_labs_status(silent), "silent", silent);
	return 200;
}

/* ---- faults ---- */

int api_get_faults(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	int status = relay(req, reply, "status");
	json_t *status_of_lab = reply->json;

	(void)ctx;
	if (status != 200)
		return status;
	reply->json = json_pack("{s:O}", "faults", json_object_get(status_of_lab, "faults"));
	json_decref(status_of_lab);
	return 200;
}

int api_post_fault(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	struct conf_error err = { 0 };
	const struct conf root = conf_root(req->body, &err);
	const char *kind, *error;
	enum fault_kind known;
	json_t *answer, *order;
	int status = api_refuse_when_stopping(ctx, reply);

	if (status)
		return status;
	if (!req->body)
		return http_problem(reply, 400, "", "a JSON object is required");
	CONF_KEYS(&root, "kind", "target", "carrier", "deadline_ms");
	kind = conf_string(&root, "kind", CONF_REQUIRED_STRING);
	conf_string(&root, "target", CONF_REQUIRED_STRING);
	if (!err.set && !fault_kind_parse(&known, kind))
		return http_problem(reply, 422, "/kind", "unknown kind of fault '%s'", kind);
	if (!err.set)
		fault_order_load(&root, known);
	if (err.set)
		return pointer_problem(reply, "", req->body, &err);
	order = json_copy(req->body);
	json_object_set_new(order, "command", json_string("fault"));
	status = lab_ask(req, reply, order, &answer);
	if (status)
		return status;
	error = json_string_value(json_object_get(answer, "error"));
	if (error) {
		bool unknown = strncmp(error, "no such", 7) == 0;

		status = http_problem(reply, unknown ? 422 : 409, unknown ? "/target" : NULL, "%s",
				      error);
		json_decref(answer);
	} else {
		status = 201;
		reply->json = answer;
		reply->location =
			xasprintf("/v1/faults/%lld",
				  (long long)json_integer_value(json_object_get(answer, "id")));
	}
	return status;
}

int api_delete_fault(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const char *text = req->params[0], *error;
	size_t digits = strspn(text, "0123456789");
	json_t *answer;
	int status;

	(void)ctx;
	if (text[digits] || digits > 6)
		return http_problem(reply, 404, NULL, "there is no fault '%s'", text);
	status = lab_ask(
		req, reply,
		json_pack("{s:s, s:i}", "command", "restore", "id", (int)strtol(text, NULL, 10)),
		&answer);
	if (status)
		return status;
	error = json_string_value(json_object_get(answer, "error"));
	if (!error) {
		reply->json = answer;
		return 200;
	}
	status = http_problem(reply, strncmp(error, "no such", 7) == 0 ? 404 : 409, NULL, "%s",
			      error);
	json_decref(answer);
	return status;
}

/* ---- labs without a run ---- */

/* {"lab","state","reason","status"} */
static json_t *lab_object(const struct api *api, const char *name)
{
	const char *reason, *state = ups_state(api->ups, name, &reason), *phase;
	json_t *status = NULL;
	int err = ask(name, json_pack("{s:s}", "command", "status"), patience(), &status);

	/* One that is up is no longer known there, one that has never begun is not here. */
	if (err == -ETIMEDOUT || (err == 0 && !json_object_get(status, "lab"))) {
		state = "silent";
		json_decref(status);
		status = NULL;
	}
	phase = json_string_value(json_object_get(status, "phase"));
	if (phase && !ups_has(api->ups, name)) {
		state = strcmp(phase, "up") == 0 ? "up" : "starting";
		reason = NULL; /* why an earlier one has failed */
	}
	if (!state) {
		json_decref(status);
		return NULL;
	}
	return json_pack("{s:s, s:s, s:s?, s:o}", "lab", name, "state", state, "reason", reason,
			 "status", status ? status : json_null());
}

int api_get_lab_named(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	reply->json = lab_object(ctx, req->params[0]);
	return reply->json
		       ? 200
		       : http_problem(reply, 404, NULL, "no lab '%s' is running", req->params[0]);
}

int api_post_lab(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	struct api *api = ctx;
	int status = api_refuse_when_stopping(api, reply), err = -EALREADY;
	struct order order;

	if (status || !order_load(&order, req->body, false, &api->defaults, reply, &status))
		return status;
	if (!runs_of_lab(api->runs, order.lab) && !labs_is_running(order.lab))
		err = ups_add(api->ups, &order);
	if (err == 0) {
		status = 202;
		reply->json = lab_object(api, order.lab);
		reply->location = xasprintf("/v1/labs/%s", order.lab);
	} else if (err == -EALREADY) {
		status = http_problem(reply, 409, "/lab",
				      "a lab '%s' is running already: name another, or end it",
				      order.lab);
	} else if (err == -EDQUOT) {
		status = http_problem(reply, 503, NULL, "too many labs are being made");
	} else {
		status = http_problem(reply, 500, NULL, "%s: %s", api->out, strerror(-err));
	}
	order_fini(&order);
	return status;
}

int api_delete_lab(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	struct api *api = ctx;
	const char *name = req->params[0], *run = runs_of_lab(api->runs, name);
	bool starting = ups_has(api->ups, name), known;
	int fd;

	if (run)
		return http_problem(reply, 409, NULL, "the lab is of run '%s': cancel that", run);
	known = ups_cancel(api->ups, name);
	if (!starting) {
		/* Its end is the answer, for which nobody waits here. */
		fd = ask_begin(name, json_pack("{s:s}", "command", "down"), patience());
		if (fd < 0 && !known)
			return refusal(reply, name, fd);
		if (fd >= 0)
			close(fd);
	}
	reply->json = json_pack("{s:s, s:s, s:n, s:n}", "lab", name, "state", "ending", "reason",
				"status");
	return 202;
}
