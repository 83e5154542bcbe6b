/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/zone/load.h"

#include <errno.h>
#include <libgen.h>
#include <libzscanner/scanner.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geodns/dns/name.h"
#include "lib/alloc.h"

#define TTL_DEFAULT 3600

struct loading {
	struct zone *zone;
	struct zone_error *err;
	bool failed;
};

static void fail(zs_scanner_t *s, const char *reason)
{
	struct loading *l = s->process.data;

	if (!l->failed)
		snprintf(l->err->text, sizeof(l->err->text), "line %llu: %.200s",
			 (unsigned long long)s->line_counter, reason);
	l->failed = true;
	s->state = ZS_STATE_STOP;
}

static void on_record(zs_scanner_t *s)
{
	struct loading *l = s->process.data;
	struct wire_reader owner = wire_reader(s->r_owner, s->r_owner_length);
	const struct zone_record record = { .owner = s->r_owner,
					    .type = s->r_type,
					    .ttl = s->r_ttl,
					    .rdata = s->r_data,
					    .len = (uint16_t)s->r_data_length };
	struct zone_error err = { "" };
	size_t len;

	if (l->failed)
		s->state = ZS_STATE_STOP;
	else if (!dns_name_decode(&owner, &len))
		fail(s, "owner is not a name");
	else if (s->r_class != DNS_CLASS_IN)
		fail(s, "class is not IN");
	else if (!zone_record_add(l->zone, &record, &err))
		fail(s, err.text);
}

static void on_error(zs_scanner_t *s)
{
	fail(s, zs_strerror(s->error.code));
}

/* The automatic mode of libzscanner would open included files; by hand it stops there. */
static void parse_without_include(zs_scanner_t *s)
{
	while (s->state != ZS_STATE_STOP && zs_parse_record(s) == 0) {
		if (s->state == ZS_STATE_DATA) {
			on_record(s);
		} else if (s->state == ZS_STATE_ERROR) {
			on_error(s);
		} else if (s->state == ZS_STATE_INCLUDE) {
			fail(s, "$INCLUDE is for files only");
		} else if (s->state == ZS_STATE_EOF) {
			return;
		}
	}
}

/* What $INCLUDE is relative to: libzscanner wants it absolute, and frees it. */
static char *folder_of(const char *path)
{
	char full[PATH_MAX];

	return xstrdup(realpath(path, full) ? dirname(full) : ".");
}

static void parse(zs_scanner_t *s, const char *path, const char *text, size_t len)
{
	struct loading *l = s->process.data;

	if (zs_set_input_string(s, text, len) != 0) {
		on_error(s);
	} else if (path) {
		free(s->path);
		s->path = folder_of(path);
		if (zs_parse_all(s) != 0)
			on_error(s);
	} else {
		parse_without_include(s);
	}
	if (!l->failed && s->error.counter > 0)
		on_error(s);
}

static struct zone *load(const uint8_t *apex, const char *path, const char *text, size_t len,
			 struct zone_error *err)
{
	struct loading l = { .zone = zone_new(apex), .err = err };
	zs_scanner_t *s = xcalloc(1, sizeof(*s)); /* too large for a stack */
	char name[DNS_NAME_TEXT_SIZE], origin[DNS_NAME_TEXT_SIZE + 1];

	snprintf(origin, sizeof(origin), "%s%s", dns_name_format(apex, name),
		 dns_name_is_root(apex) ? "" : ".");
	s->process.data = &l;
	if (zs_init(s, origin, DNS_CLASS_IN, TTL_DEFAULT) != 0 ||
	    zs_set_processing(s, on_record, on_error, &l) != 0) {
		s->process.data = &l;
		on_error(s);
	} else {
		parse(s, path, text, len);
	}
	zs_deinit(s);
	free(s);
	if (!l.failed)
		return l.zone;
	zone_free(l.zone);
	return NULL;
}

/* malloc'd; NULL, with errno set, if it cannot be read. */
static char *file_read(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	size_t room = 65536, n;
	char *text;
	int err;

	if (!f)
		return NULL;
	text = xmalloc(room);
	*len = 0;
	while ((n = fread(text + *len, 1, room - *len, f)) > 0) {
		*len += n;
		if (*len == room) {
			room *= 2;
			text = xrealloc(text, room);
		}
	}
	err = ferror(f) ? errno : 0;
	fclose(f);
	if (!err)
		return text;
	free(text);
	errno = err;
	return NULL;
}

/* Not as libzscanner would read it, mapped: whoever cuts the file short meanwhile would end us. */
struct zone *zone_load_file(const uint8_t *apex, const char *path, struct zone_error *err)
{
	struct zone *zone;
	size_t len;
	char *text = file_read(path, &len);

	if (!text) {
		snprintf(err->text, sizeof(err->text), "cannot open: %m");
		return NULL;
	}
	zone = load(apex, path, text, len, err);
	free(text);
	return zone;
}

struct zone *zone_load_text(const uint8_t *apex, const char *text, size_t len,
			    struct zone_error *err)
{
	return load(apex, NULL, text, len, err);
}
