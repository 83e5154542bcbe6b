/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command_status.c - "status" for people: the lab, its nodes, its users, where they are served.
 */
#include <stdio.h>
#include <string.h>

#include "testbed/command.h"

static const char *text_at(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static long long number_at(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static void nodes_print(const json_t *nodes)
{
	const json_t *node, *daemon;
	size_t i, j;

	json_array_foreach (nodes, i, node) {
		printf("  %-24s %-10s %-5s", text_at(node, "name"), text_at(node, "kind"),
		       json_is_true(json_object_get(node, "up")) ? "up" : "down");
		json_array_foreach (json_object_get(node, "daemons"), j, daemon) {
			printf(" %s", json_string_value(daemon));
		}
		putchar('\n');
	}
}

/* What the users do: "trial 2, 1 of 5 valid so far, 12 s of 30 s: 960 requests/s, 0.0 % failed". */
static void users_print(const json_t *status)
{
	const json_t *users = json_object_get(status, "users");
	const json_t *trial = json_object_get(status, "trial");
	const long long requests = number_at(users, "requests");
	const long long failed = number_at(users, "failed");

	if (json_is_object(trial))
		printf("  trial %lld, %lld of %lld valid so far, %lld s of %lld s",
		       number_at(trial, "number"), number_at(trial, "valid"),
		       number_at(trial, "of"), number_at(trial, "elapsed_s"),
		       number_at(trial, "duration_s"));
	else if (json_is_true(json_object_get(users, "live")))
		printf("  users");
	else
		return;
	printf(": %lld requests/s, %.1f %% failed\n", requests,
	       requests ? 100.0 * (double)failed / (double)requests : 0.0);
}

/* "fra", or "fra 6 + nyc 2", or with those who get no answer "fra 6 + none 2". */
static void served_print(const json_t *entry)
{
	json_t *pops = json_object_get(entry, "pops");
	const long long unserved = number_at(entry, "unserved");
	const bool one = json_object_size(pops) + (unserved > 0) == 1;
	const char *name, *between = " ";
	json_t *count;

	printf(" %s", text_at(entry, "variant"));
	json_object_foreach (pops, name, count) {
		printf("%s%s", between, name);
		if (!one)
			printf(" %lld", (long long)json_integer_value(count));
		between = " + ";
	}
	if (unserved > 0 && one)
		printf(" none");
	else if (unserved > 0)
		printf("%snone %lld", between, unserved);
}

/* A line for each group: "  paris: anycast fra, geodns4 fra". */
static void catchments_print(const json_t *catchments)
{
	const json_t *entry;
	const char *group = NULL;
	size_t i;

	json_array_foreach (catchments, i, entry) {
		const char *of = text_at(entry, "group");

		if (group && strcmp(group, of) == 0)
			putchar(',');
		else
			printf("%s  %s:", group ? "\n" : "", of);
		served_print(entry);
		group = of;
	}
	if (group)
		putchar('\n');
}

void command_status_print(const json_t *status, const json_t *catchments)
{
	const json_t *fault;
	size_t i;

	printf("lab %s: scenario %s, %s, %zu nodes, %lld wires\n", text_at(status, "lab"),
	       text_at(status, "scenario"), text_at(status, "phase"),
	       json_array_size(json_object_get(status, "nodes")), number_at(status, "wires"));
	nodes_print(json_object_get(status, "nodes"));
	users_print(status);
	catchments_print(catchments);
	json_array_foreach (json_object_get(status, "faults"), i, fault) {
		printf("  fault %lld: %s %s%s\n", number_at(fault, "id"), text_at(fault, "kind"),
		       text_at(fault, "target"),
		       json_is_null(json_object_get(fault, "undone_ns")) ? "" : " (restored)");
	}
}
