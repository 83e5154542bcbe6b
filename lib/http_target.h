/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http_target.h - the target of an HTTP request: path, query, percent-encoding.
 *
 * Pure. The path is split into segments before it is decoded, so that a "%2F"
 * inside a name stays part of that name (RFC 3986, section 2.2).
 */
#ifndef LIB_HTTP_TARGET_H
#define LIB_HTTP_TARGET_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Split a target in origin or absolute form (RFC 9112, section 3.2) into path (malloc'd,
 * undecoded) and query (an object of decoded strings). Returns NULL, or what is wrong;
 * then nothing is set.
 */
const char *http_target_split(const char *target, char **path, json_t **query);

/*
 * Decode len bytes of one segment to out, which has room for len + 1. False for a broken
 * escape, a zero byte or what is not UTF-8.
 */
bool http_segment_decode(const char *segment, size_t len, char *out);

#endif
