/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dns_data IN.mmdb OUT.mmdb QUERIES COUNT: what all servers of bench_geodns.py are given.
 *
 * OUT is IN, cities in ip-location-db's flat layout for IPv4, in that of MaxMind, which is the one
 * that the others can read: the same networks, with country and location. QUERIES
 * are so many, each with the client subnet of a network that was drawn from IN at random, for
 * A and AAAA of n0.lab.test to n7.lab.test.
 */
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/wire.h"

/* IPv4 lies 96 zero bits deep in a tree of IPv6, which all of them take. */
#define ABOVE	     96
#define NAMES	     8
#define DATA_RESERVE 128 /* of one record, at most */

struct writer {
	MMDB_s in;
	uint8_t *tree, *data;
	size_t node_count, data_len, data_room;
	uint32_t *moved; /* by offset in IN's data: 1 + that in data */
	uint32_t *sample;
	size_t sample_count, seen;
	uint64_t random;
};

/* splitmix64: the same queries in every run. */
static uint64_t draw(struct writer *w)
{
	uint64_t x = w->random += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static void text_put(struct wire_writer *w, const char *text, size_t len)
{
	wire_put_u8(w, (uint8_t)(2 << 5 | len));
	wire_put_bytes(w, text, len);
}

#define TEXT_PUT(w, text) text_put((w), (text), sizeof(text) - 1)

static void map_put(struct wire_writer *w, unsigned members)
{
	wire_put_u8(w, (uint8_t)(7 << 5 | members));
}

static void uint_put(struct wire_writer *w, unsigned type, uint32_t value)
{
	wire_put_u8(w, (uint8_t)(type << 5 | (type == 5 ? 2 : 4)));
	if (type == 5)
		wire_put_u16(w, (uint16_t)value);
	else
		wire_put_u32(w, value);
}

static void double_put(struct wire_writer *w, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	wire_put_u8(w, 3 << 5 | 8);
	wire_put_u64(w, bits);
}

static double number(MMDB_entry_s *entry, const char *key)
{
	MMDB_entry_data_s d;

	if (MMDB_get_value(entry, &d, key, NULL) != MMDB_SUCCESS || !d.has_data)
		return 0;
	return d.type == MMDB_DATA_TYPE_FLOAT ? (double)d.float_value : d.double_value;
}

/* Where the record of that entry begins in the new data section. */
static uint32_t record_move(struct writer *w, MMDB_entry_s *entry)
{
	uint32_t *moved = &w->moved[entry->offset];
	MMDB_entry_data_s country;
	struct wire_writer out;

	if (*moved)
		return *moved - 1;
	if (w->data_room - w->data_len < DATA_RESERVE) {
		w->data_room = 2 * w->data_room + (1 << 20);
		w->data = xrealloc(w->data, w->data_room);
	}
	*moved = 1 + (uint32_t)w->data_len;
	out = wire_writer(w->data + w->data_len, DATA_RESERVE);
	if (MMDB_get_value(entry, &country, "country_code", NULL) != MMDB_SUCCESS ||
	    !country.has_data || country.data_size != 2)
		country = (MMDB_entry_data_s){ .utf8_string = "ZZ", .data_size = 2 };
	map_put(&out, 2);
	TEXT_PUT(&out, "country");
	map_put(&out, 1);
	TEXT_PUT(&out, "iso_code");
	text_put(&out, country.utf8_string, 2);
	TEXT_PUT(&out, "location");
	map_put(&out, 2);
	TEXT_PUT(&out, "latitude");
	double_put(&out, number(entry, "latitude"));
	TEXT_PUT(&out, "longitude");
	double_put(&out, number(entry, "longitude"));
	w->data_len += wire_written(&out);
	return *moved - 1;
}

static void record_put(struct writer *w, size_t node, bool right, uint32_t value)
{
	struct wire_writer out = wire_writer(w->tree + 8 * node + (right ? 4 : 0), 4);

	wire_put_u32(&out, value);
}

/* A network at random, all being equally likely (reservoir); a /24 of it, or the one it lies in. */
static void network_sample(struct writer *w, uint32_t addr, unsigned len)
{
	const size_t at = w->seen++ < w->sample_count ? w->seen - 1 : draw(w) % w->seen;

	if (at >= w->sample_count)
		return;
	if (len < 24)
		addr |= (uint32_t)draw(w) & (UINT32_MAX >> len);
	w->sample[at] = addr & 0xffffff00;
}

static void node_copy(struct writer *w, uint32_t index, uint32_t addr, unsigned depth);

static void side_copy(struct writer *w, uint32_t index, bool right, MMDB_search_node_s *node,
		      uint32_t addr, unsigned depth)
{
	const uint8_t type = right ? node->right_record_type : node->left_record_type;
	const uint32_t record = (uint32_t)(right ? node->right_record : node->left_record);
	uint32_t value = (uint32_t)w->node_count;

	if (right)
		addr |= UINT32_C(1) << (31 - depth);
	if (type == MMDB_RECORD_TYPE_SEARCH_NODE && depth < 31) {
		value = record + ABOVE;
		node_copy(w, record, addr, depth + 1);
	} else if (type == MMDB_RECORD_TYPE_DATA) {
		value = (uint32_t)w->node_count + 16 +
			record_move(w,
				    right ? &node->right_record_entry : &node->left_record_entry);
		network_sample(w, addr, depth + 1);
	}
	record_put(w, index + ABOVE, right, value);
}

static void node_copy(struct writer *w, uint32_t index, uint32_t addr, unsigned depth)
{
	MMDB_search_node_s node;

	if (MMDB_read_node(&w->in, index, &node) != MMDB_SUCCESS) {
		fprintf(stderr, "dns_data: the database is damaged\n");
		exit(3);
	}
	side_copy(w, index, false, &node, addr, depth);
	side_copy(w, index, true, &node, addr, depth);
}

static bool database_write(struct writer *w, const char *path)
{
	static const uint8_t zeros[16];
	uint8_t metadata[400];
	struct wire_writer m = wire_writer(metadata, sizeof(metadata));
	FILE *f = fopen(path, "we");

	if (!f)
		return false;
	wire_put_bytes(&m, "\xab\xcd\xefMaxMind.com", 14);
	map_put(&m, 9);
	TEXT_PUT(&m, "binary_format_major_version");
	uint_put(&m, 5, 2);
	TEXT_PUT(&m, "binary_format_minor_version");
	uint_put(&m, 5, 0);
	TEXT_PUT(&m, "build_epoch");
	wire_put_bytes(&m, "\x08\x02", 2); /* 64 bits: a type above 7 has an octet of its own */
	wire_put_u64(&m, 1);
	TEXT_PUT(&m, "database_type");
	TEXT_PUT(&m, "GeoIP2-City");
	TEXT_PUT(&m, "description");
	map_put(&m, 0);
	TEXT_PUT(&m, "ip_version");
	uint_put(&m, 5, 6);
	TEXT_PUT(&m, "languages");
	wire_put_bytes(&m, "\x00\x04", 2); /* an array of nothing */
	TEXT_PUT(&m, "node_count");
	uint_put(&m, 6, (uint32_t)w->node_count);
	TEXT_PUT(&m, "record_size");
	uint_put(&m, 5, 32);
	fwrite(w->tree, 8, w->node_count, f);
	fwrite(zeros, 1, sizeof(zeros), f);
	fwrite(w->data, 1, w->data_len, f);
	fwrite(metadata, 1, wire_written(&m), f);
	return fclose(f) == 0 && wire_written(&m) > 0;
}

static bool queries_write(struct writer *w, const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return false;
	for (size_t i = 0; i < w->sample_count; i++) {
		uint8_t query[100];
		struct wire_writer q = wire_writer(query, sizeof(query));

		wire_put_u16(&q, 0); /* the length */
		wire_put_u16(&q, (uint16_t)i);
		wire_put_bytes(&q, "\0\0\0\1\0\0\0\0\0\1", 10);
		wire_put_u8(&q, 2);
		wire_put_u8(&q, 'n');
		wire_put_u8(&q, (uint8_t)('0' + i % NAMES));
		wire_put_bytes(&q, "\3lab\4test", 10);
		wire_put_u16(&q, i % 4 == 3 ? 28 : 1);
		wire_put_u16(&q, 1);
		wire_put_bytes(&q, "\0\0\x29\x04\xd0\0\0\0\0\0\x0b\0\x08\0\x07\0\x01\x18\0", 19);
		wire_put_bytes(&q,
			       (uint8_t[]){ (uint8_t)(w->sample[i] >> 24),
					    (uint8_t)(w->sample[i] >> 16),
					    (uint8_t)(w->sample[i] >> 8) },
			       3);
		wire_patch_u16(&q, 0, (uint16_t)(wire_offset(&q) - 2));
		fwrite(query, 1, wire_written(&q), f);
	}
	return fclose(f) == 0;
}

int main(int argc, char **argv)
{
	struct writer w = { .random = 1 };

	if (argc != 5 || MMDB_open(argv[1], MMDB_MODE_MMAP, &w.in) != MMDB_SUCCESS) {
		fprintf(stderr, "usage: dns_data IN.mmdb OUT.mmdb QUERIES COUNT\n");
		return 2;
	}
	if (w.in.metadata.ip_version != 4) {
		fprintf(stderr, "dns_data: %s is not one of IPv4\n", argv[1]);
		return 2;
	}
	w.node_count = w.in.metadata.node_count + ABOVE;
	w.tree = xcalloc(w.node_count, 8);
	w.moved = xcalloc(w.in.data_section_size + 1, sizeof(*w.moved));
	w.sample_count = strtoul(argv[4], NULL, 10);
	w.sample = xcalloc(w.sample_count, sizeof(*w.sample));
	for (uint32_t i = 0; i < ABOVE; i++) {
		record_put(&w, i, false, i + 1);
		record_put(&w, i, true, (uint32_t)w.node_count);
	}
	node_copy(&w, 0, 0, 0);
	if (w.seen < w.sample_count || !database_write(&w, argv[2]) ||
	    !queries_write(&w, argv[3])) {
		fprintf(stderr, "dns_data: cannot write\n");
		return 3;
	}
	printf("%zu networks\n", w.seen);
	return 0;
}
