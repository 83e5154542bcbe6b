/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * json_plain.h - one JSON value at a time without a tree on the heap, where there are 100 000.
 *
 * Takes what is plain: strings of ASCII without escapes, whole numbers of up to 18 digits, true,
 * false and null, arrays, and objects of up to 64 members; up to 16 deep, 256 KiB of strings and
 * 8192 values. It is laid flat into buffers that the next value takes over:
 *
 *	{"a": [1, 2], "b": 3}	object, "a" array, 1, 2, "b" 3		(members follow their
 *parent)
 *
 * Whatever else there is, mistakes included, is for jansson to judge: nothing is taken here that
 * jansson does not take too, and as the same. Pure.
 */
#ifndef LIB_JSON_PLAIN_H
#define LIB_JSON_PLAIN_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct json_node {
	json_type type;	 /* never JSON_REAL */
	uint32_t count;	 /* members of an object, items of an array */
	uint32_t size;	 /* nodes that it consists of, itself included */
	const char *key; /* of a member; else NULL */
	union {
		const char *text; /* of a string */
		int64_t number;	  /* of an integer */
	};
};

struct json_plain;

struct json_plain *json_plain_new(void);
void json_plain_free(struct json_plain *plain);

/*
 * The value whose first octet is at text, and in *end what is behind it. NULL: it is not plain, or
 * no value. Good until the next one is read.
 */
const struct json_node *json_plain_read(struct json_plain *plain, const char *text,
					const char *limit, const char **end);

/* NULL: there is none, or this is no object (array). An item takes as long as it is far behind. */
const struct json_node *json_node_member(const struct json_node *object, const char *key);
const struct json_node *json_node_item(const struct json_node *array, size_t index);

#endif
