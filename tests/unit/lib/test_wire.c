/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lib/wire.h"

static size_t write_all(uint8_t *buf, size_t size)
{
	struct wire_writer w = wire_writer(buf, size);
	size_t length_at;

	wire_put_u8(&w, 0x01);
	length_at = wire_offset(&w);
	wire_put_u16(&w, 0);
	wire_put_u32(&w, 0x04050607);
	wire_put_u64(&w, UINT64_C(0x08090a0b0c0d0e0f));
	wire_put_bytes(&w, "xy", 2);
	wire_put_bytes(&w, NULL, 0);
	wire_patch_u16(&w, length_at, 0x0203);
	return wire_written(&w);
}

static const uint8_t written[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'x', 'y' };

Test(wire, network_order_both_ways)
{
	uint8_t buf[sizeof(written)];
	struct wire_reader r = wire_reader(buf, sizeof(buf));
	const uint8_t *bytes;

	cr_assert_eq(write_all(buf, sizeof(buf)), sizeof(buf));
	cr_expect_arr_eq(buf, written, sizeof(buf));
	cr_expect_eq(wire_get_u8(&r), 0x01);
	cr_expect_eq(wire_get_u16(&r), 0x0203);
	cr_expect_eq(wire_get_u32(&r), 0x04050607);
	cr_expect_eq(wire_get_u64(&r), UINT64_C(0x08090a0b0c0d0e0f));
	cr_expect_eq(wire_left(&r), 2);
	bytes = wire_get_bytes(&r, 2);
	cr_expect(bytes == buf + 15, "borrowed, not copied");
	cr_expect(!r.failed && wire_left(&r) == 0);
}

/* Nothing fits by half, nothing is written behind the end, and failure stays. */
Test(wire, every_shorter_buffer_fails)
{
	for (size_t size = 0; size < sizeof(written); size++) {
		uint8_t buf[sizeof(written)];
		struct wire_reader r = wire_reader(written, size);

		memset(buf, 0xee, sizeof(buf));
		cr_expect_eq(write_all(buf, size), 0, "%zu bytes", size);
		for (size_t i = size; i < sizeof(buf); i++)
			cr_expect_eq(buf[i], 0xee, "byte %zu of %zu", i, size);
		wire_get_u8(&r);
		wire_get_u16(&r);
		wire_get_u32(&r);
		wire_get_u64(&r);
		wire_get_bytes(&r, 2);
		cr_expect(r.failed, "%zu bytes", size);
	}
}

Test(wire, failure_is_sticky)
{
	uint8_t buf[2] = { 7, 7 };
	struct wire_reader r = wire_reader(buf, 2);
	struct wire_writer w = wire_writer(buf, 2);

	cr_expect_eq(wire_get_u32(&r), 0);
	cr_expect_eq(wire_get_u8(&r), 0);
	cr_expect_null(wire_get_bytes(&r, 0));
	wire_put_u32(&w, 1);
	wire_put_u8(&w, 1);
	cr_expect_eq(wire_written(&w), 0);
	w = wire_writer(buf, 2);
	wire_patch_u16(&w, 0, 1);
	cr_expect(w.failed, "patched before it was written");
}
