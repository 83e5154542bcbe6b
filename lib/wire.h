/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wire.h - bounded cursors over protocol bytes.
 *
 * A reader or writer remembers its first failure, after which every call is
 * a no-op, reads giving zero. A codec therefore states the layout straight
 * down the page and checks once at the end. Multi-byte integers are in
 * network order. No allocation, no I/O; buffers belong to the caller.
 */
#ifndef LIB_WIRE_H
#define LIB_WIRE_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wire_reader {
	const uint8_t *pos;
	const uint8_t *end;
	bool failed;
};

struct wire_writer {
	uint8_t *start;
	uint8_t *pos;
	uint8_t *end;
	bool failed;
};

static inline struct wire_reader wire_reader(const void *buf, size_t len)
{
	struct wire_reader r;

	/* Field by field, here and below: gaps that are cleared too make one slow copy of it. */
	r.pos = buf;
	r.end = r.pos + len;
	r.failed = false;
	return r;
}

static inline struct wire_writer wire_writer(void *buf, size_t size)
{
	struct wire_writer w;

	w.start = w.pos = buf;
	w.end = w.start + size;
	w.failed = false;
	return w;
}

static inline size_t wire_left(const struct wire_reader *r)
{
	return (size_t)(r->end - r->pos);
}

/* Borrow the next len bytes; NULL, and the reader fails, when there are fewer. */
static inline const uint8_t *wire_get_bytes(struct wire_reader *r, size_t len)
{
	const uint8_t *p = r->pos;

	if (r->failed || wire_left(r) < len) {
		r->failed = true;
		return NULL;
	}
	r->pos += len;
	return p;
}

static inline uint8_t wire_get_u8(struct wire_reader *r)
{
	const uint8_t *p = wire_get_bytes(r, 1);

	return p ? p[0] : 0;
}

static inline uint16_t wire_get_u16(struct wire_reader *r)
{
	const uint8_t *p = wire_get_bytes(r, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t wire_get_u32(struct wire_reader *r)
{
	const uint8_t *p = wire_get_bytes(r, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint64_t wire_get_u64(struct wire_reader *r)
{
	uint64_t high = wire_get_u32(r);

	return high << 32 | wire_get_u32(r);
}

/*
 * The next len bytes, to be filled in; NULL, and the writer fails, when there are fewer. A writer
 * over a fixed number of them is checked once, here: the compiler sees that they fit.
 */
static inline uint8_t *wire_put_space(struct wire_writer *w, size_t len)
{
	uint8_t *p = w->pos;

	if (w->failed || (size_t)(w->end - w->pos) < len) {
		w->failed = true;
		return NULL;
	}
	w->pos += len;
	return p;
}

static inline void wire_put_bytes(struct wire_writer *w, const void *src, size_t len)
{
	if (w->failed || (size_t)(w->end - w->pos) < len) {
		w->failed = true;
		return;
	}
	if (len > 0)
		memcpy(w->pos, src, len);
	w->pos += len;
}

static inline void wire_put_u8(struct wire_writer *w, uint8_t v)
{
	wire_put_bytes(w, &v, sizeof(v));
}

static inline void wire_put_u16(struct wire_writer *w, uint16_t v)
{
	v = htobe16(v);
	wire_put_bytes(w, &v, sizeof(v));
}

static inline void wire_put_u32(struct wire_writer *w, uint32_t v)
{
	v = htobe32(v);
	wire_put_bytes(w, &v, sizeof(v));
}

static inline void wire_put_u64(struct wire_writer *w, uint64_t v)
{
	wire_put_u32(w, (uint32_t)(v >> 32));
	wire_put_u32(w, (uint32_t)v);
}

/* Overwrite two bytes written earlier, as a length that is known only now. */
static inline void wire_patch_u16(struct wire_writer *w, size_t at, uint16_t v)
{
	if (w->failed || at + 2 > (size_t)(w->pos - w->start)) {
		w->failed = true;
		return;
	}
	w->start[at] = (uint8_t)(v >> 8);
	w->start[at + 1] = (uint8_t)v;
}

static inline void wire_patch_u8(struct wire_writer *w, size_t at, uint8_t v)
{
	if (!w->failed && at < (size_t)(w->pos - w->start))
		w->start[at] = v;
	else
		w->failed = true;
}

/* Where the next byte goes, counted from the start: for wire_patch_u16(). */
static inline size_t wire_offset(const struct wire_writer *w)
{
	return (size_t)(w->pos - w->start);
}

static inline size_t wire_written(const struct wire_writer *w)
{
	return w->failed ? 0 : (size_t)(w->pos - w->start);
}

#endif
