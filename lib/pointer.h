/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pointer.h - from a configuration mistake's path to a JSON pointer (RFC 6901).
 *
 * Pure. "pops[0].at" in the body's "scenario" becomes "/scenario/pops/0/at".
 */
#ifndef LIB_POINTER_H
#define LIB_POINTER_H

#include <jansson.h>
#include <stddef.h>

#include "lib/conf.h"
#include "lib/http.h"

/* More than the longest prefix and conf_error's path with every byte escaped. */
#define POINTER_SIZE 512

/*
 * Write prefix and the pointer that path (of conf_error) is, in buf. The document tells a key with
 * dots or brackets in it from a way through several. Returns buf.
 */
const char *pointer_write(char buf[POINTER_SIZE], const char *prefix, const json_t *document,
			  const char *path);
/* Make reply the 422 of a mistake in the document, which is at prefix in the body. Returns 422. */
int pointer_problem(struct http_reply *reply, const char *prefix, const json_t *document,
		    const struct conf_error *err);

#endif
