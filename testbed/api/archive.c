/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/api/archive.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/record.h"

json_t *archive_time(time_t at)
{
	char text[32];
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

/* ---- names ---- */

struct named {
	char *id;
	time_t made;
};

/* "-20261122-040000" in a directory's name, local time; else when it was last changed. */
static time_t time_of(const char *dir, const char *id)
{
	struct stat st;

	for (const char *at = strchr(id, '-'); at; at = strchr(at + 1, '-')) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(at, "-%Y%m%d-%H%M%S", &tm);

		if (end && (*end == '\0' || *end == '-'))
			return mktime(&tm);
	}
	return stat(dir, &st) == 0 ? st.st_mtime : 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	if (x->made != y->made)
		return x->made < y->made ? 1 : -1;
	return strverscmp(y->id, x->id);
}

/* The run's directory, malloc'd; NULL when the name is none or no directory, as "latest" is. */
static char *directory_find(const char *out, const char *id)
{
	char *dir = record_id_is_valid(id) ? xasprintf("%s/%s", out, id) : NULL;
	struct stat st;

	if (dir && lstat(dir, &st) == 0 && S_ISDIR(st.st_mode))
		return dir;
	free(dir);
	return NULL;
}

size_t archive_ids(const char *out, char ***ids)
{
	DIR *folder = opendir(out);
	struct named *found = NULL;
	struct dirent *entry;
	size_t n = 0;

	while (folder && (entry = readdir(folder))) {
		char *dir = directory_find(out, entry->d_name);

		if (!dir)
			continue;
		if ((n & (n - 1)) == 0)
			found = xreallocarray(found, n ? 2 * n : 1, sizeof(*found));
		found[n++] = (struct named){ xstrdup(entry->d_name), time_of(dir, entry->d_name) };
		free(dir);
	}
	if (folder)
		closedir(folder);
	if (n > 0)
		qsort(found, n, sizeof(*found), newest_first);
	*ids = xcalloc(n + 1, sizeof(**ids));
	for (size_t i = 0; i < n; i++)
		(*ids)[i] = found[i].id;
	free(found);
	return n;
}

/* ---- files ---- */

static json_t *json_read(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	json_t *json = json_load_file(path, 0, NULL);

	free(path);
	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

int archive_save(const char *dir, const char *name, const json_t *json)
{
	char *path = xasprintf("%s/%s", dir, name), *fresh = xasprintf("%s/.%s", dir, name);
	int err = 0;

	errno = 0;
	if (json_dump_file(json, fresh, JSON_INDENT(1)) < 0 || rename(fresh, path) < 0)
		err = errno ? -errno : -EIO;
	if (err < 0)
		unlink(fresh);
	else
		record_give(path);
	free(fresh);
	free(path);
	return err;
}

char *archive_file(const char *out, const char *id, const char *name)
{
	char *dir = directory_find(out, id), *path, *text = NULL;
	size_t len = 0;
	FILE *f = NULL;
	struct stat st;

	if (dir) {
		path = xasprintf("%s/%s", dir, name);
		f = fopen(path, "re");
		free(path);
	}
	free(dir);
	if (f && fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		text = xmalloc((size_t)st.st_size + 1);
		len = fread(text, 1, (size_t)st.st_size, f);
		text[len] = '\0';
	}
	if (f)
		fclose(f);
	return text;
}

/* NULL when there is none that is not empty. */
static char *last_line(const char *out, const char *id, const char *name)
{
	char *text = archive_file(out, id, name), *line, *last = NULL;
	size_t len = text ? strlen(text) : 0;

	while (len > 0 && strchr(" \r\n", text[len - 1]))
		text[--len] = '\0';
	if (len > 0) {
		line = strrchr(text, '\n');
		line = line ? line + 1 : text;
		last = xstrdup(line + strspn(line, " "));
		/* It becomes JSON, which is UTF-8. */
		for (char *p = last; *p; p++) {
			if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
				*p = '?';
		}
	}
	free(text);
	return last;
}

char *archive_end_reason(const char *out, const char *id, int status)
{
	char *last = last_line(out, id, "progress.log"), *reason;

	if (last && status <= 128)
		return last;
	if (status > 128)
		reason = xasprintf("killed by signal %d%s%s", status - 128,
				   last ? ", having said: " : "", last ? last : "");
	else
		reason = xasprintf("exit status %d, and not a word", status);
	free(last);
	return reason;
}

static struct archive_trials trials_count(const json_t *result)
{
	struct archive_trials count = { .known = result != NULL };
	const json_t *trial;
	size_t i;

	json_array_foreach (json_object_get(result, "trials"), i, trial) {
		count.attempts++;
		count.valid += json_is_true(json_object_get(trial, "valid"));
	}
	return count;
}

struct archive_trials archive_trials(const char *dir)
{
	json_t *result = json_read(dir, "result.json");
	struct archive_trials count = trials_count(result);

	json_decref(result);
	return count;
}

/* ---- runs ---- */

static json_t *trials_object(unsigned wanted, const struct archive_trials *count)
{
	return json_pack("{s:i, s:i, s:i}", "wanted", (int)wanted, "valid", (int)count->valid,
			 "attempts", (int)count->attempts);
}

bool archive_run_is_final(const json_t *run)
{
	const char *state = json_string_value(json_object_get(run, "state"));

	return state && (strcmp(state, "done") == 0 || strcmp(state, "failed") == 0 ||
			 strcmp(state, "cancelled") == 0);
}

/* A run whose server was killed before it could write the end down, or had a full disk. */
static void interrupted_mend(json_t *run, const char *dir)
{
	const struct archive_trials count = archive_trials(dir);
	const json_t *wanted = json_object_get(json_object_get(run, "trials"), "wanted");

	json_object_set_new(run, "state", json_string("failed"));
	json_object_set_new(
		run, "reason",
		json_string("the server died, or could not write, before the run ended"));
	json_object_set_new(run, "progress", json_null());
	json_object_set_new(run, "trials",
			    trials_object((unsigned)json_integer_value(wanted), &count));
}

/* A run by hand. Its lab's name and exit status are not known, nor a --trials of its own. */
static json_t *by_hand(const char *dir, const char *id)
{
	json_t *result = json_read(dir, "result.json");
	const struct archive_trials count = trials_count(result);
	const json_t *scenario = json_object_get(result, "scenario");
	bool locked = record_is_locked(dir);
	bool measured = json_object_get(result, "summary") && count.valid > 0;
	unsigned wanted = (unsigned)json_integer_value(json_object_get(scenario, "trials"));
	const char *name = json_string_value(json_object_get(scenario, "name"));
	const char *runtime = json_string_value(json_object_get(result, "runtime"));
	json_t *run = NULL;

	if (wanted < count.valid || wanted == 0)
		wanted = count.valid ? count.valid : 1;
	/* What "up" leaves has no trials: nothing was measured. */
	if (name && runtime && count.attempts > 0)
		run = json_pack("{s:s, s:n, s:s, s:s, s:s, s:o, s:o, s:n, s:n, s:s?, s:s}", "id",
				id, "lab", "scenario", name, "runtime", runtime, "state",
				measured ? "done"
				: locked ? "running"
					 : "failed",
				"created", archive_time(time_of(dir, id)), "trials",
				trials_object(wanted, &count), "progress", "exit_status", "reason",
				measured || locked ? NULL : "no trial was both valid and reported",
				"dir", dir);
	json_decref(result);
	return run;
}

json_t *archive_run(const char *out, const char *id)
{
	char *dir = directory_find(out, id);
	json_t *run = NULL;

	if (!dir)
		return NULL;
	run = json_read(dir, "run.json");
	if (run && !archive_run_is_final(run) && !record_is_locked(dir)) {
		/* It may have ended between the two looks. */
		json_decref(run);
		run = json_read(dir, "run.json");
		if (run && !archive_run_is_final(run))
			interrupted_mend(run, dir);
	}
	if (!run)
		run = by_hand(dir, id);
	/* The directory may have been moved. */
	if (run) {
		json_object_set_new(run, "id", json_string(id));
		json_object_set_new(run, "dir", json_string(dir));
	}
	free(dir);
	return run;
}
