/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mmdb_writer.h - for tests: location databases in MaxMind's format (version 2), made in memory.
 *
 * Networks may lie in each other, whatever their order. Records are either of MaxMind's layout or
 * flat; equal ones are written once. A network that is to lead into another's tree (as 2002::/16
 * does into IPv4) is an alias.
 */
#ifndef TESTS_SUPPORT_MMDB_WRITER_H
#define TESTS_SUPPORT_MMDB_WRITER_H

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/alloc.h"

/* What is "", 0 or not has_at is left out. */
struct mmdb_record {
	bool flat, has_at, as_float;
	double lat, lon;
	const char *country, *continent;
	uint32_t asn;
};

#define MMDB_NONE     UINT32_MAX
#define MMDB_DATA_BIT UINT32_C(0x40000000)

struct mmdb_writer {
	unsigned ip_version, record_size; /* 4 or 6; 24, 28 or 32 */
	uint32_t (*nodes)[2];		  /* a node, MMDB_DATA_BIT and an offset, or MMDB_NONE */
	size_t node_count;
	uint8_t *data;
	size_t data_len;
	size_t last; /* where the last record begins, and its length */
};

static inline void mmdb_put(struct mmdb_writer *w, const void *bytes, size_t len)
{
	w->data = xrealloc(w->data, w->data_len + len + 1);
	if (len > 0)
		memcpy(w->data + w->data_len, bytes, len);
	w->data_len += len;
}

/* Type and size: types above 7 have an octet of their own. Sizes here are below 29. */
static inline void mmdb_control_put(struct mmdb_writer *w, unsigned type, size_t size)
{
	uint8_t control[2] = { (uint8_t)((type > 7 ? 0 : type) << 5 | size), (uint8_t)(type - 7) };

	assert(size < 29);
	mmdb_put(w, control, type > 7 ? 2 : 1);
}

static inline void mmdb_text_put(struct mmdb_writer *w, const char *text)
{
	mmdb_control_put(w, 2, strlen(text));
	mmdb_put(w, text, strlen(text));
}

/* Of 2, 4 or 8 octets, as type says. */
static inline void mmdb_bits_put(struct mmdb_writer *w, unsigned type, uint64_t bits, size_t size)
{
	mmdb_control_put(w, type, size);
	for (size_t i = size; i-- > 0;)
		mmdb_put(w, &(uint8_t){ (uint8_t)(bits >> 8 * i) }, 1);
}

static inline void mmdb_number_put(struct mmdb_writer *w, const struct mmdb_record *r, double v)
{
	float narrow = (float)v;
	uint64_t bits = 0;
	uint32_t few;

	memcpy(&bits, &v, sizeof(v));
	memcpy(&few, &narrow, sizeof(narrow));
	if (r->as_float)
		mmdb_bits_put(w, 15, few, 4);
	else
		mmdb_bits_put(w, 3, bits, 8);
}

static inline void mmdb_record_put(struct mmdb_writer *w, const struct mmdb_record *r)
{
	bool country = r->country && *r->country, continent = r->continent && *r->continent;

	mmdb_control_put(w, 7,
			 1 + (r->asn != 0) + (size_t)country + continent +
				 (size_t)(r->flat ? 2 : 1) * r->has_at);
	/* Something to step over, with a map in it. */
	mmdb_text_put(w, "city");
	mmdb_control_put(w, 7, 1);
	mmdb_text_put(w, "name");
	mmdb_text_put(w, "Somewhere");
	if (country) {
		mmdb_text_put(w, r->flat ? "country_code" : "country");
		if (!r->flat) {
			mmdb_control_put(w, 7, 1);
			mmdb_text_put(w, "iso_code");
		}
		mmdb_text_put(w, r->country);
	}
	if (continent) {
		mmdb_text_put(w, r->flat ? "continent_code" : "continent");
		if (!r->flat) {
			mmdb_control_put(w, 7, 1);
			mmdb_text_put(w, "code");
		}
		mmdb_text_put(w, r->continent);
	}
	if (r->has_at && !r->flat) {
		mmdb_text_put(w, "location");
		mmdb_control_put(w, 7, 2);
	}
	if (r->has_at) {
		mmdb_text_put(w, "latitude");
		mmdb_number_put(w, r, r->lat);
		mmdb_text_put(w, "longitude");
		mmdb_number_put(w, r, r->lon);
	}
	if (r->asn) {
		mmdb_text_put(w, r->flat ? "asn" : "autonomous_system_number");
		mmdb_bits_put(w, 6, r->asn, 4);
	}
}

static inline uint32_t mmdb_node_new(struct mmdb_writer *w, uint32_t both)
{
	w->nodes = xreallocarray(w->nodes, w->node_count + 1, sizeof(*w->nodes));
	w->nodes[w->node_count][0] = w->nodes[w->node_count][1] = both;
	return (uint32_t)w->node_count++;
}

static inline struct mmdb_writer mmdb_writer_new(unsigned ip_version, unsigned record_size)
{
	struct mmdb_writer w = { .ip_version = ip_version, .record_size = record_size };

	mmdb_node_new(&w, MMDB_NONE);
	return w;
}

/* Make all that lies in a branch lead to value, or all of it that leads nowhere yet. */
static inline void mmdb_branch_fill(struct mmdb_writer *w, uint32_t node, unsigned half,
				    uint32_t value)
{
	uint32_t at = w->nodes[node][half];

	if (at == MMDB_NONE || at & MMDB_DATA_BIT)
		w->nodes[node][half] = value;
}

/* The branch of a prefix, made if it is not there: node and half. IPv4 lies behind 96 zeros. */
static inline uint32_t mmdb_branch(struct mmdb_writer *w, const struct prefix *prefix,
				   unsigned *half)
{
	unsigned zeros = w->ip_version == 6 && prefix->addr.family == ADDR_IPV4 ? 96 : 0;
	uint32_t node = 0;

	assert(zeros + prefix->len > 0);
	for (unsigned i = 0;; i++) {
		uint32_t next;

		*half = i < zeros ? 0 : addr_bit(&prefix->addr, i - zeros);
		if (i + 1 == zeros + prefix->len)
			return node;
		next = w->nodes[node][*half];
		if (next == MMDB_NONE || next & MMDB_DATA_BIT) {
			next = mmdb_node_new(w, next);
			w->nodes[node][*half] = next;
		}
		node = next;
	}
}

/* In the order from shorter to longer prefixes, as those written later win. */
static inline void mmdb_network_add(struct mmdb_writer *w, const char *text,
				    const struct mmdb_record *r)
{
	struct prefix prefix;
	size_t begin = w->data_len;
	uint32_t node, offset;
	unsigned half;

	assert(prefix_parse(&prefix, text));
	mmdb_record_put(w, r);
	offset = (uint32_t)begin;
	if (w->last < begin && w->data_len - begin == begin - w->last &&
	    memcmp(w->data + begin, w->data + w->last, begin - w->last) == 0) {
		offset = (uint32_t)w->last;
		w->data_len = begin;
	} else {
		w->last = begin;
	}
	node = mmdb_branch(w, &prefix, &half);
	mmdb_branch_fill(w, node, half, MMDB_DATA_BIT | offset);
}

/* The prefix leads to where IPv4 begins, or, with a second one, to where that does. */
static inline void mmdb_alias_add(struct mmdb_writer *w, const char *text, const char *to)
{
	struct prefix from, target;
	unsigned half, target_half;
	uint32_t node, target_node;

	assert(prefix_parse(&from, text) && prefix_parse(&target, to));
	target_node = mmdb_branch(w, &target, &target_half);
	node = mmdb_branch(w, &from, &half);
	w->nodes[node][half] = w->nodes[target_node][target_half];
}

static inline void mmdb_tree_put(const struct mmdb_writer *w, struct mmdb_writer *out)
{
	for (size_t i = 0; i < w->node_count; i++) {
		uint32_t v[2];
		uint8_t b[8];

		for (unsigned half = 0; half < 2; half++) {
			uint32_t at = w->nodes[i][half];

			v[half] = at == MMDB_NONE ? (uint32_t)w->node_count
				  : at & MMDB_DATA_BIT
					  ? (uint32_t)w->node_count + 16 + (at & ~MMDB_DATA_BIT)
					  : at;
		}
		if (w->record_size == 28)
			memcpy(b,
			       (uint8_t[7]){
				       (uint8_t)(v[0] >> 16), (uint8_t)(v[0] >> 8), (uint8_t)v[0],
				       (uint8_t)(v[0] >> 20 & 0xf0) | (uint8_t)(v[1] >> 24 & 0x0f),
				       (uint8_t)(v[1] >> 16), (uint8_t)(v[1] >> 8), (uint8_t)v[1] },
			       7);
		else
			for (unsigned half = 0, n = w->record_size / 8; half < 2; half++)
				for (unsigned k = 0; k < n; k++)
					b[half * n + k] = (uint8_t)(v[half] >> 8 * (n - 1 - k));
		mmdb_put(out, b, w->record_size / 4);
	}
}

/* The file's octets, to free(). Ends the writer. */
static inline uint8_t *mmdb_writer_finish(struct mmdb_writer *w, size_t *len)
{
	static const char marker[] = "\xab\xcd\xefMaxMind.com";
	struct mmdb_writer out = { .record_size = w->record_size };

	mmdb_tree_put(w, &out);
	mmdb_put(&out, (uint8_t[16]){ 0 }, 16);
	mmdb_put(&out, w->data, w->data_len);
	mmdb_put(&out, marker, sizeof(marker) - 1);
	mmdb_control_put(&out, 7, 9);
	mmdb_text_put(&out, "binary_format_major_version");
	mmdb_bits_put(&out, 5, 2, 2);
	mmdb_text_put(&out, "binary_format_minor_version");
	mmdb_bits_put(&out, 5, 0, 2);
	mmdb_text_put(&out, "build_epoch");
	mmdb_bits_put(&out, 9, 1700000000, 8);
	mmdb_text_put(&out, "database_type");
	mmdb_text_put(&out, "Test-City");
	mmdb_text_put(&out, "description");
	mmdb_control_put(&out, 7, 1);
	mmdb_text_put(&out, "en");
	mmdb_text_put(&out, "made by a test");
	mmdb_text_put(&out, "ip_version");
	mmdb_bits_put(&out, 5, w->ip_version, 2);
	mmdb_text_put(&out, "languages");
	mmdb_control_put(&out, 11, 1);
	mmdb_text_put(&out, "en");
	mmdb_text_put(&out, "node_count");
	mmdb_bits_put(&out, 6, w->node_count, 4);
	mmdb_text_put(&out, "record_size");
	mmdb_bits_put(&out, 5, w->record_size, 2);
	free(w->nodes);
	free(w->data);
	*len = out.data_len;
	return out.data;
}

#endif
