/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dump.h - the file to which a peer's messages are written, as long as it is not too long.
 *
 * Records are appended whole, one write(2) each, to a regular file, which does not wait for the
 * disk. A file that would become longer than max_bytes is renamed to FILE.1, the one before is
 * gone. What cannot be written is counted and said once; every record tries again. Thread of the
 * loop.
 */
#ifndef LB_BGP_DUMP_H
#define LB_BGP_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bgp_dump;

struct bgp_dump_conf {
	const char *file; /* NULL: nothing is written */
	uint64_t max_bytes;
};

struct bgp_dump_info {
	uint64_t bytes;		/* in the file now */
	uint64_t records, lost; /* since the start */
};

/* name: the peer's, for the log. Both must outlive the dump. NULL where conf has no file. */
struct bgp_dump *bgp_dump_new(const char *name, const struct bgp_dump_conf *conf);
/*
 * Go over to another configuration: the same file goes on. dump may be NULL, and is freed where
 * there is no file, or another. Returns what there is now, or NULL.
 */
struct bgp_dump *bgp_dump_follow(struct bgp_dump *dump, const char *name,
				 const struct bgp_dump_conf *conf);
bool bgp_dump_conf_equal(const struct bgp_dump_conf *a, const struct bgp_dump_conf *b);
void bgp_dump_free(struct bgp_dump *dump); /* NULL is fine */
void bgp_dump_write(struct bgp_dump *dump, const void *record, size_t len);
struct bgp_dump_info bgp_dump_info_get(const struct bgp_dump *dump);

#endif
