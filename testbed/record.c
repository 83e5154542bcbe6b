/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/alloc.h"

#define ID_MAX	      100
#define ID_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

struct record {
	char *dir;
	int lock;
	FILE *events;
	unsigned trial;
};

/* Under sudo, what the run leaves belongs to whoever called it. */
void record_give(const char *path)
{
	const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");

	if (uid && lchown(path, (uid_t)strtoul(uid, NULL, 10),
			  gid ? (gid_t)strtoul(gid, NULL, 10) : (gid_t)-1) < 0)
		return; /* still readable, which is what matters */
}

static int directory_make(const char *path)
{
	if (mkdir(path, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	record_give(path);
	return 0;
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
int record_directory_make(char **dir, const char *base, const char *scenario)
{
	char *name = directory_name(base, scenario), *numbered = xstrdup(name);
	int err = directory_make(base);

	for (unsigned n = 2; err == 0 && mkdir(numbered, 0755) < 0; n++) {
		if (errno != EEXIST || n > 1000)
			err = -errno;
		free(numbered);
		numbered = xasprintf("%s-%u", name, n);
	}
	free(name);
	if (err < 0) {
		free(numbered);
		return err;
	}
	record_give(numbered);
	*dir = numbered;
	return 0;
}

bool record_id_is_valid(const char *id)
{
	size_t len = strlen(id);

	return len > 0 && len <= ID_MAX && strspn(id, ID_CHARACTERS) == len && id[0] != '.' &&
	       id[0] != '-';
}

/* Shared, so that a run and the server that has started it may hold it both. */
int record_lock(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_SH) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

bool record_is_locked(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return locked;
}

/* Several runs may start at once: each makes a link of its own, and the last one counts. */
static void latest_point(const struct record *r, const char *base)
{
	char *link = xasprintf("%s/latest", base),
	     *fresh = xasprintf("%s/.latest.%d", base, (int)getpid());

	unlink(fresh);
	if (symlink(strrchr(r->dir, '/') + 1, fresh) == 0 && rename(fresh, link) == 0)
		record_give(link);
	free(fresh);
	free(link);
}

static int events_open(struct record *r)
{
	char *path = xasprintf("%s/events.csv", r->dir);
	int err = 0;

	r->events = fopen(path, "wxe");
	if (r->events) {
		fprintf(r->events,
			"t_ns,trial,source,kind,variant,user,pop,result,latency_us,detail\n");
		record_give(path);
	} else {
		err = -errno;
	}
	free(path);
	return err;
}

void record_free(struct record *r)
{
	if (!r)
		return;
	if (r->events)
		fclose(r->events);
	if (r->lock >= 0)
		close(r->lock);
	free(r->dir);
	free(r);
}

/* Takes dir over. */
static int record_open(struct record **out, const char *base, char *dir)
{
	struct record *r = x_new(struct record);
	int err;

	r->dir = dir;
	r->lock = record_lock(dir);
	err = events_open(r);
	if (err != 0) {
		record_free(r);
		return err;
	}
	latest_point(r, base);
	*out = r;
	return 0;
}

int record_new(struct record **out, const char *base, const char *scenario)
{
	char *dir;
	int err;

	*out = NULL;
	if (!base) {
		*out = x_new(struct record);
		(*out)->lock = -1;
		return 0;
	}
	err = record_directory_make(&dir, base, scenario);
	return err == 0 ? record_open(out, base, dir) : err;
}

int record_new_at(struct record **out, const char *base, const char *id)
{
	char *dir = xasprintf("%s/%s", base, id);
	int err = directory_make(base);

	*out = NULL;
	if (err == 0)
		err = directory_make(dir);
	if (err == 0)
		return record_open(out, base, dir);
	free(dir);
	return err;
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

	directory_make(nodes);
	directory_make(dir);
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
		record_give(path);
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
