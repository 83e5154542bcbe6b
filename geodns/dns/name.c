/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/dns/name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define LABEL_TYPE 0xc0
#define POINTER	   0xc0

const uint8_t *dns_name_decode(struct wire_reader *r, size_t *len)
{
	size_t left = wire_left(r), at = 0;

	if (left > DNS_NAME_MAX)
		left = DNS_NAME_MAX;
	while (at < left && r->pos[at] != 0 && !(r->pos[at] & LABEL_TYPE))
		at += 1 + (size_t)r->pos[at];
	/* The root's label, and no other kind, is to end it in time. */
	*len = at + 1;
	r->failed |= at >= left || r->pos[at] != 0;
	return wire_get_bytes(r, *len);
}

void dns_name_skip(struct wire_reader *r)
{
	size_t len = 0;

	while (!r->failed) {
		uint8_t label = wire_get_u8(r);

		if ((label & LABEL_TYPE) == POINTER) {
			wire_get_u8(r);
			return;
		}
		len += 1 + (size_t)label;
		if (label & LABEL_TYPE || len > DNS_NAME_MAX)
			r->failed = true;
		wire_get_bytes(r, label);
		if (label == 0)
			return;
	}
}

size_t dns_name_length(const uint8_t *name)
{
	const uint8_t *p = name;

	while (!dns_name_is_root(p))
		p = dns_name_parent(p);
	return (size_t)(p - name) + 1;
}

unsigned dns_name_labels(const uint8_t *name)
{
	unsigned n = 0;

	for (; !dns_name_is_root(name); name = dns_name_parent(name))
		n++;
	return n;
}

size_t dns_name_lower(uint8_t out[DNS_NAME_MAX], const uint8_t *name)
{
	size_t len = dns_name_length(name);

	for (size_t i = 0; i < len; i++)
		out[i] = dns_octet_lower(name[i]);
	return len;
}

bool dns_name_is_wildcard(const uint8_t *name)
{
	return name[0] == 1 && name[1] == '*';
}

/* Bit 5 is what small letters have and capital ones have not; other octets may well be mixed up. */
static uint64_t word_hash(uint64_t hash, uint64_t word)
{
	hash = (hash ^ (word | 0x2020202020202020)) * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 29;
}

/* Of 1 to 7 octets; each of them counts. */
static uint64_t octets_read(const uint8_t *p, unsigned count)
{
	uint32_t first, last;

	if (count < 4)
		return p[0] | (uint64_t)p[count / 2] << 8 | (uint64_t)p[count - 1] << 16;
	memcpy(&first, p, 4);
	memcpy(&last, p + count - 4, 4);
	return first | (uint64_t)last << 32;
}

static uint32_t octets_hash(uint64_t hash, const uint8_t *p, size_t len)
{
	for (; len >= 8; len -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		hash = word_hash(hash, word);
	}
	if (len > 0)
		hash = word_hash(hash, octets_read(p, (unsigned)len));
	return (uint32_t)(hash ^ hash >> 32);
}

uint32_t dns_label_hash(uint32_t suffix, const uint8_t *label)
{
	return octets_hash(suffix ^ (uint64_t)label[0] << 32, label + 1, label[0]);
}

uint32_t dns_name_hash(const uint8_t *name, size_t len)
{
	return octets_hash(len, name, len);
}

void dns_path_init(struct dns_path *path, const uint8_t *name)
{
	uint32_t hash = DNS_PATH_ROOT_HASH;
	const uint8_t *p = name;

	path->name = name;
	for (path->count = 0; !dns_name_is_root(p); p = dns_name_parent(p))
		path->at[path->count++] = (uint8_t)(p - name);
	for (unsigned i = path->count; i-- > 0;) {
		hash = dns_label_hash(hash, name + path->at[i]);
		path->hash[i] = hash;
	}
}

bool dns_label_equal(const uint8_t *a, const uint8_t *b)
{
	/* The length first, which is below all letters. */
	for (unsigned i = 0; i <= a[0]; i++) {
		if (a[i] != b[i] && dns_octet_lower(a[i]) != dns_octet_lower(b[i]))
			return false;
	}
	return true;
}

bool dns_name_equal(const uint8_t *a, const uint8_t *b)
{
	for (; dns_label_equal(a, b); a = dns_name_parent(a), b = dns_name_parent(b)) {
		if (dns_name_is_root(a))
			return true;
	}
	return false;
}

bool dns_name_is_under(const uint8_t *name, const uint8_t *ancestor)
{
	unsigned have = dns_name_labels(name), wanted = dns_name_labels(ancestor);

	for (; have > wanted; have--)
		name = dns_name_parent(name);
	return have == wanted && dns_name_equal(name, ancestor);
}

bool dns_name_replace_suffix(uint8_t out[DNS_NAME_MAX], const uint8_t *name, const uint8_t *suffix,
			     const uint8_t *tail)
{
	size_t front = dns_name_length(name) - dns_name_length(suffix);
	size_t back = dns_name_length(tail);

	if (front + back > DNS_NAME_MAX)
		return false;
	memcpy(out, name, front);
	memcpy(out + front, tail, back);
	return true;
}

/* One octet of a label, which may be escaped. Returns the text behind it, NULL if malformed. */
static const char *octet_parse(uint8_t *out, const char *text)
{
	if (*text != '\\') {
		*out = (uint8_t)*text;
		return text + 1;
	}
	text++;
	if (isdigit((unsigned char)text[0])) {
		int v = 0;

		for (int i = 0; i < 3; i++) {
			if (!isdigit((unsigned char)text[i]))
				return NULL;
			v = v * 10 + (text[i] - '0');
		}
		*out = (uint8_t)v;
		return v <= 255 ? text + 3 : NULL;
	}
	*out = (uint8_t)*text;
	return *text ? text + 1 : NULL;
}

size_t dns_name_parse(uint8_t out[DNS_NAME_MAX], const char *text)
{
	size_t start = 0, pos = 1; /* of the label's length and of the next octet */

	if (strcmp(text, ".") == 0) {
		out[0] = 0;
		return 1;
	}
	while (*text) {
		size_t len = pos - start - 1;

		if (*text == '.') {
			if (len == 0)
				return 0;
			out[start] = (uint8_t)len;
			start = pos++;
			text++;
			continue;
		}
		/* The root's octet must fit behind this one. */
		if (len == DNS_LABEL_MAX || pos >= DNS_NAME_MAX - 1)
			return 0;
		text = octet_parse(&out[pos++], text);
		if (!text)
			return 0;
	}
	if (pos - start > 1) {
		out[start] = (uint8_t)(pos - start - 1);
		start = pos;
	} else if (start == 0) {
		return 0; /* "" */
	}
	out[start] = 0;
	return start + 1;
}

const char *dns_name_format(const uint8_t *name, char buf[DNS_NAME_TEXT_SIZE])
{
	char *p = buf;

	if (dns_name_is_root(name))
		*p++ = '.';
	for (; !dns_name_is_root(name); name = dns_name_parent(name)) {
		if (p > buf)
			*p++ = '.';
		for (unsigned i = 1; i <= name[0]; i++) {
			uint8_t c = name[i];

			if (c <= ' ' || c > '~') {
				p += snprintf(p, 5, "\\%03u", c);
				continue;
			}
			if (strchr(".\\\";()@$", c))
				*p++ = '\\';
			*p++ = (char)c;
		}
	}
	*p = '\0';
	return buf;
}
