/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * name.h - domain names (RFC 1035, section 3.1; RFC 4343).
 *
 * A name is a pointer to its uncompressed wire form: length-prefixed labels
 * up to and with the empty one of the root. Whoever holds such a pointer may
 * rely on it being whole, at most DNS_NAME_MAX octets long; only
 * dns_name_decode() and dns_name_parse() make names from foreign bytes. Case
 * is kept and does not count. Pure.
 */
#ifndef GEODNS_DNS_NAME_H
#define GEODNS_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

#define DNS_NAME_MAX  255
#define DNS_LABEL_MAX 63
/* Every octet as \DDD, and the final zero. */
#define DNS_NAME_TEXT_SIZE 1024

/*
 * Borrow the uncompressed name at the reader's position; *len becomes its length. NULL, and the
 * reader fails, where it is cut short, too long, or has a pointer or a label type of RFC 2673.
 */
const uint8_t *dns_name_decode(struct wire_reader *r, size_t *len);
/* Step over a name that may end with a compression pointer. Where it leads is not looked at. */
void dns_name_skip(struct wire_reader *r);

size_t dns_name_length(const uint8_t *name);   /* octets, 1 to DNS_NAME_MAX */
unsigned dns_name_labels(const uint8_t *name); /* the root's not counted */
static inline bool dns_name_is_root(const uint8_t *name)
{
	return name[0] == 0;
}
/* Without its first label; name is not the root. */
static inline const uint8_t *dns_name_parent(const uint8_t *name)
{
	return name + 1 + name[0];
}
/* All letters as small ones. Returns the length. */
size_t dns_name_lower(uint8_t out[DNS_NAME_MAX], const uint8_t *name);
bool dns_name_is_wildcard(const uint8_t *name);		  /* its first label is "*" */
bool dns_label_equal(const uint8_t *a, const uint8_t *b); /* the first labels */
bool dns_name_equal(const uint8_t *a, const uint8_t *b);
/* name is ancestor or lies below it. */
bool dns_name_is_under(const uint8_t *name, const uint8_t *ancestor);
static inline uint8_t dns_octet_lower(uint8_t octet)
{
	return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet + ('a' - 'A')) : octet;
}

/*
 * A name taken apart, to be looked up: where its labels begin, and a hash of each suffix, without
 * regard to case. A suffix has the same hash in whatever name it stands.
 */
struct dns_path {
	const uint8_t *name;
	unsigned count;			 /* labels, the root's not counted */
	uint8_t at[DNS_NAME_MAX / 2];	 /* offsets of labels, the first one first */
	uint32_t hash[DNS_NAME_MAX / 2]; /* of the suffixes that begin there */
};

#define DNS_PATH_ROOT_HASH UINT32_C(0)
void dns_path_init(struct dns_path *path, const uint8_t *name);
/* Of a suffix with one label more in front. */
uint32_t dns_label_hash(uint32_t suffix, const uint8_t *label);

/* Another one, of a whole name of so many octets; without regard to case, too. */
uint32_t dns_name_hash(const uint8_t *name, size_t len);

/* Labels of name that are in front of suffix, followed by tail. False when that is too long. */
bool dns_name_replace_suffix(uint8_t out[DNS_NAME_MAX], const uint8_t *name, const uint8_t *suffix,
			     const uint8_t *tail);

/*
 * Master-file text (RFC 1035, 5.1: \X and \DDD) to wire; always absolute, the final dot may be
 * missing. Returns the length, 0 when it is not a name.
 */
size_t dns_name_parse(uint8_t out[DNS_NAME_MAX], const char *text);
/* Without the final dot, but for the root, which is ".". Returns buf. */
const char *dns_name_format(const uint8_t *name, char buf[DNS_NAME_TEXT_SIZE]);

#endif
