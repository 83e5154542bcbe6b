/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/text.h"

struct bgp_dump {
	const char *name;
	const struct bgp_dump_conf *conf;
	char *old_file;
	int fd; /* -1: not open */
	bool failing;
	struct bgp_dump_info info;
};

struct bgp_dump *bgp_dump_new(const char *name, const struct bgp_dump_conf *conf)
{
	struct bgp_dump *dump;

	if (!conf->file)
		return NULL;
	dump = x_new(struct bgp_dump);
	dump->name = name;
	dump->conf = conf;
	dump->old_file = xasprintf("%s.1", conf->file);
	dump->fd = -1;
	return dump;
}

static void close_file(struct bgp_dump *dump)
{
	if (dump->fd >= 0)
		close(dump->fd);
	dump->fd = -1;
}

void bgp_dump_free(struct bgp_dump *dump)
{
	if (!dump)
		return;
	close_file(dump);
	free(dump->old_file);
	free(dump);
}

bool bgp_dump_conf_equal(const struct bgp_dump_conf *a, const struct bgp_dump_conf *b)
{
	return text_equal(a->file, b->file) && (!a->file || a->max_bytes == b->max_bytes);
}

struct bgp_dump *bgp_dump_follow(struct bgp_dump *dump, const char *name,
				 const struct bgp_dump_conf *conf)
{
	if (!dump || !text_equal(dump->conf->file, conf->file)) {
		bgp_dump_free(dump);
		return bgp_dump_new(name, conf);
	}
	dump->name = name;
	dump->conf = conf;
	return dump;
}

/* What an earlier process has left is continued. */
static int open_file(struct bgp_dump *dump)
{
	struct stat st;

	/* O_NONBLOCK: somebody's fifo must not stop us before we see that it is one. */
	dump->fd = open(dump->conf->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK,
			0640);
	if (dump->fd < 0)
		return -errno;
	if (fstat(dump->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	dump->info.bytes = (uint64_t)st.st_size;
	return 0;
}

static int rotate(struct bgp_dump *dump)
{
	close_file(dump);
	if (rename(dump->conf->file, dump->old_file) < 0)
		return -errno;
	return open_file(dump);
}

static int append(struct bgp_dump *dump, const void *record, size_t len)
{
	ssize_t n = write(dump->fd, record, len);
	int err = n < 0 ? -errno : -ENOSPC;

	if (n >= 0 && (size_t)n == len) {
		dump->info.bytes += len;
		return 0;
	}
	/* Behind half a record nobody could read on. */
	if (n > 0 && ftruncate(dump->fd, (off_t)dump->info.bytes) < 0)
		err = -errno;
	return err;
}

static int try_write(struct bgp_dump *dump, const void *record, size_t len)
{
	int err = dump->fd < 0 ? open_file(dump) : 0;

	if (!err && dump->info.bytes > 0 && dump->info.bytes + len > dump->conf->max_bytes)
		err = rotate(dump);
	return err ? err : append(dump, record, len);
}

void bgp_dump_write(struct bgp_dump *dump, const void *record, size_t len)
{
	int err = try_write(dump, record, len);

	if (err) {
		close_file(dump);
		dump->info.lost++;
		if (!dump->failing)
			log_error("peer %s: cannot write %s: %s", dump->name, dump->conf->file,
				  strerror(-err));
	} else {
		dump->info.records++;
		if (dump->failing)
			log_info("peer %s: %s is written again, %llu records are lost", dump->name,
				 dump->conf->file, (unsigned long long)dump->info.lost);
	}
	dump->failing = err;
}

struct bgp_dump_info bgp_dump_info_get(const struct bgp_dump *dump)
{
	return dump->info;
}
