/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/api/order.h"

#include <string.h>

#include "lib/pointer.h"
#include "testbed/ask.h"
#include "testbed/topology.h"

#define TRIALS_MAX 10000

const char *const order_runtimes[] = { "namespaces", "docker", "compose", NULL };

static int runtime_index(const char *name)
{
	int i = 0;

	while (order_runtimes[i] && strcmp(order_runtimes[i], name) != 0)
		i++;
	return i;
}

static const char *lab_load(const struct conf *root, const char *def)
{
	const struct conf at = conf_get(root, "lab");
	const char *name;

	if (!at.json)
		return def;
	name = conf_as_string(&at);
	if (!lab_name_is_valid(name))
		conf_fail(&at,
			  "a lab's name has 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-', the first "
			  "being none of '.' and '-'");
	return name;
}

/* A mistake inside a scenario object has its own error, whose path begins at the scenario. */
static struct scenario *scenario_of(const struct conf *at, struct conf_error *inner)
{
	struct scenario *s = NULL;
	struct topology *t;

	if (json_is_string(at->json)) {
		s = scenario_read_shipped(json_string_value(at->json), inner);
		inner->path[0] = '\0';
	} else if (json_is_object(at->json)) {
		s = scenario_load(json_incref(at->json), inner);
		if (!s)
			json_decref(at->json);
	} else if (at->json) {
		conf_fail(at, "expected an object or the name of a shipped scenario");
	}
	if (!s)
		return NULL;
	t = topology_new(s, inner);
	if (!t) {
		scenario_free(s);
		return NULL;
	}
	topology_free(t);
	return s;
}

bool order_load(struct order *out, json_t *body, bool with_trials,
		const struct order_defaults *defaults, struct http_reply *reply, int *status)
{
	struct conf_error err = { 0 }, inner = { 0 };
	const struct conf root = conf_root(body, &err);
	struct order o = { 0 };
	struct conf at;

	if (!body) {
		*status = http_problem(reply, 400, "", "a JSON object is required");
		return false;
	}
	if (with_trials)
		CONF_KEYS(&root, "scenario", "trials", "seed", "runtime", "lab");
	else
		CONF_KEYS(&root, "scenario", "seed", "runtime", "lab");
	at = conf_require(&root, "scenario");
	o.trials = (unsigned)conf_int(&root, "trials", 1, TRIALS_MAX, 0);
	o.has_seed = conf_has(&root, "seed");
	o.seed = conf_int(&root, "seed", 0, INT64_MAX, 0);
	o.runtime = order_runtimes[conf_choice(&root, "runtime", order_runtimes,
					       runtime_index(defaults->runtime))];
	o.lab = lab_load(&root, defaults->lab);
	if (!err.set)
		o.scenario = scenario_of(&at, &inner);
	if (!o.scenario) {
		*status = err.set ? pointer_problem(reply, "", body, &err)
				  : pointer_problem(reply, "/scenario", at.json, &inner);
		return false;
	}
	if (!o.lab)
		o.lab = o.scenario->name;
	if (o.trials == 0)
		o.trials = o.scenario->trials;
	*out = o;
	return true;
}

void order_fini(struct order *order)
{
	scenario_free(order->scenario);
	order->scenario = NULL;
}
