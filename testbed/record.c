/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/alloc.h"

struct record {
	char *dir;
	FILE *events;
	unsigned trial;
	uid_t uid;
	gid_t gid;
};

/* Under sudo, what the run leaves belongs to whoever called it. */
void record_give(const struct record *r, const char *path)
{
	if (r->uid != 0 && lchown(path, r->uid, r->gid) < 0)
		return; /* still readable, which is what matters */
}

static int directory_make(const struct record *r, const char *path)
{
	if (mkdir(path, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	record_give(r, path);
	return 0;
}

static void caller_find(struct record *r)
{
	const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");

	r->uid = uid ? (uid_t)strtoul(uid, NULL, 10) : 0;
	r->gid = gid ? (gid_t)strtoul(gid, NULL, 10) : 0;
}

static char *directory_name(const char *base, const char *scenario)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[32];

	localtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y%m%d-%H%M%S", &tm);
	return xasprintf("%s/%s-%s", base, scenario, text);
}

/* Two runs may start within a second: the later one gets a number. */
static int run_directory_make(struct record *r, const char *base, const char *scenario)
{
	char *name = directory_name(base, scenario);

	r->dir = xstrdup(name);
	for (unsigned n = 2; mkdir(r->dir, 0755) < 0; n++) {
		if (errno != EEXIST || n > 1000) {
			int err = -errno;

			free(name);
			return err;
		}
		free(r->dir);
		r->dir = xasprintf("%s-%u", name, n);
	}
	record_give(r, r->dir);
	free(name);
	return 0;
}

static void latest_point(const struct record *r, const char *base)
{
	char *link = xasprintf("%s/latest", base), *fresh = xasprintf("%s/.latest", base);

	unlink(fresh);
	if (symlink(strrchr(r->dir, '/') + 1, fresh) == 0 && rename(fresh, link) == 0)
		record_give(r, link);
	free(fresh);
	free(link);
}

static int events_open(struct record *r)
{
	char *path = xasprintf("%s/events.csv", r->dir);
	int err = 0;

	r->events = fopen(path, "we");
	if (r->events) {
		fprintf(r->events,
			"t_ns,trial,source,kind,variant,user,pop,result,latency_us,detail\n");
		record_give(r, path);
	} else {
		err = -errno;
	}
	free(path);
	return err;
}

int record_new(struct record **out, const char *base, const char *scenario)
{
	struct record *r = x_new(struct record);
	int err;

	*out = r;
	if (!base)
		return 0;
	caller_find(r);
	err = directory_make(r, base);
	if (err == 0)
		err = run_directory_make(r, base, scenario);
	if (err == 0)
		err = events_open(r);
	if (err != 0) {
		record_free(r);
		*out = NULL;
		return err;
	}
	latest_point(r, base);
	return 0;
}

void record_free(struct record *r)
{
	if (!r)
		return;
	if (r->events)
		fclose(r->events);
	free(r->dir);
	free(r);
}

const char *record_dir(const struct record *r)
{
	return r->dir;
}

void record_trial(struct record *r, unsigned trial)
{
	r->trial = trial;
}

/* RFC 4180: quoted where it must be. */
static void field_write(FILE *f, const char *text, char end)
{
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, f);
	} else {
		fputc('"', f);
		for (; *text; text++) {
			if (*text == '"')
				fputc('"', f);
			fputc(*text, f);
		}
		fputc('"', f);
	}
	fputc(end, f);
}

void record_row(struct record *r, const struct record_row *row)
{
	if (!r->events)
		return;
	fprintf(r->events, "%" PRId64 ",%u,", row->t_ns, r->trial);
	field_write(r->events, row->source, ',');
	field_write(r->events, row->kind, ',');
	field_write(r->events, row->variant, ',');
	field_write(r->events, row->user, ',');
	field_write(r->events, row->pop, ',');
	field_write(r->events, row->result, ',');
	if (row->latency_us >= 0)
		fprintf(r->events, "%" PRId64, row->latency_us);
	fputc(',', r->events);
	field_write(r->events, row->detail, '\n');
}

static char *node_directory(const struct record *r, const char *node)
{
	char *nodes = xasprintf("%s/nodes", r->dir), *dir = xasprintf("%s/%s", nodes, node);

	directory_make(r, nodes);
	directory_make(r, dir);
	free(nodes);
	return dir;
}

static void file_append(const struct record *r, const char *node, const char *name,
			const char *mode, const char *text)
{
	char *dir = node_directory(r, node), *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, mode);

	if (f) {
		fputs(text, f);
		fclose(f);
		record_give(r, path);
	}
	free(path);
	free(dir);
}

void record_log(struct record *r, const char *node, const char *daemon, const char *line)
{
	char *name, *text;

	if (!r->dir)
		return;
	name = xasprintf("%s.log", daemon);
	text = xasprintf("%s\n", line);
	file_append(r, node, name, "ae", text);
	free(text);
	free(name);
}

void record_files(struct record *r, const char *node, json_t *files)
{
	const char *path;
	json_t *text;

	if (!r->dir)
		return;
	json_object_foreach (files, path, text) {
		file_append(r, node, strrchr(path, '/') + 1, "we", json_string_value(text));
	}
}

bool record_flush(struct record *r)
{
	return !r->events || (fflush(r->events) == 0 && !ferror(r->events));
}
