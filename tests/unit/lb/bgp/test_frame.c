/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lb/bgp/frame.h"
#include "lb/bgp/notification.h"

#define M8   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
#define MARK M8, M8

struct row {
	const char *what;
	uint8_t bytes[40];
	size_t len;
	enum bgp_frame_result result;
	uint8_t subcode;
	uint8_t data_len;
};

/* clang-format off */
static const struct row rows[] = {
	{ "nothing yet",                { 0 }, 0, BGP_FRAME_MORE, 0, 0 },
	{ "half a marker",              { M8 }, 8, BGP_FRAME_MORE, 0, 0 },
	{ "header but for its type",    { MARK, 0, 19 }, 18, BGP_FRAME_MORE, 0, 0 },
	{ "keepalive",                  { MARK, 0, 19, 4 }, 19, BGP_FRAME_MESSAGE, 0, 0 },
	{ "keepalive and more behind",  { MARK, 0, 19, 4, 0xff }, 20, BGP_FRAME_MESSAGE, 0, 0 },
	{ "update, body outstanding",   { MARK, 0, 23, 2, 0 }, 20, BGP_FRAME_MORE, 0, 0 },
	{ "smallest update",            { MARK, 0, 23, 2 }, 23, BGP_FRAME_MESSAGE, 0, 0 },
	{ "first byte wrong",           { 'G' }, 1, BGP_FRAME_ERROR, 1, 0 },
	{ "last marker byte wrong",     { M8, 255, 255, 255, 255, 255, 255, 255, 254 }, 16,
	  BGP_FRAME_ERROR, 1, 0 },
	{ "length 18",                  { MARK, 0, 18, 4 }, 19, BGP_FRAME_ERROR, 2, 2 },
	{ "length 4097",                { MARK, 0x10, 1, 2 }, 19, BGP_FRAME_ERROR, 2, 2 },
	{ "length 4096 is allowed",     { MARK, 0x10, 0, 2 }, 19, BGP_FRAME_MORE, 0, 0 },
	{ "type 0",                     { MARK, 0, 19, 0 }, 19, BGP_FRAME_ERROR, 3, 1 },
	{ "type 6",                     { MARK, 0, 19, 6 }, 19, BGP_FRAME_ERROR, 3, 1 },
	{ "keepalive with a body",      { MARK, 0, 20, 4 }, 19, BGP_FRAME_ERROR, 2, 2 },
	{ "open too short",             { MARK, 0, 28, 1 }, 19, BGP_FRAME_ERROR, 2, 2 },
	{ "notification too short",     { MARK, 0, 20, 3 }, 19, BGP_FRAME_ERROR, 2, 2 },
	{ "route refresh too short",    { MARK, 0, 22, 5 }, 19, BGP_FRAME_ERROR, 2, 2 },
	{ "route refresh, any length",  { MARK, 0, 24, 5 }, 24, BGP_FRAME_MESSAGE, 0, 0 },
};
/* clang-format on */

Test(bgp_frame, next)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bgp_frame frame;
		struct bgp_error err = { 0 };
		enum bgp_frame_result got =
			bgp_frame_next(&frame, &err, rows[i].bytes, rows[i].len);

		cr_expect_eq(got, rows[i].result, "%s: result %d", rows[i].what, (int)got);
		cr_expect_eq(err.code, got == BGP_FRAME_ERROR ? BGP_ERR_HEADER : 0, "%s",
			     rows[i].what);
		cr_expect_eq(err.subcode, rows[i].subcode, "%s: subcode", rows[i].what);
		cr_expect_eq(err.data_len, rows[i].data_len, "%s: data", rows[i].what);
	}
}

Test(bgp_frame, round_trip)
{
	uint8_t buf[64];
	struct wire_writer w = wire_writer(buf, sizeof(buf));
	size_t start = bgp_frame_begin(&w, BGP_MSG_NOTIFICATION);
	struct bgp_frame frame;
	struct bgp_error err;

	wire_put_u16(&w, 0x0602);
	bgp_frame_end(&w, start);
	cr_assert_eq(bgp_frame_next(&frame, &err, buf, wire_written(&w)), BGP_FRAME_MESSAGE);
	cr_expect_eq(frame.type, BGP_MSG_NOTIFICATION);
	cr_expect_eq(frame.body_len, 2);
	cr_expect_eq(frame.size, 21);
	for (size_t len = 0; len < frame.size; len++)
		cr_expect_eq(bgp_frame_next(&frame, &err, buf, len), BGP_FRAME_MORE);
}

Test(bgp_notification, shutdown_text)
{
	struct bgp_error err = bgp_error_cease(BGP_CEASE_SHUTDOWN, "drained\nfor update"), back;
	char text[BGP_ERROR_TEXT_SIZE];
	uint8_t buf[160];
	size_t len = bgp_notification_encode(&err, buf, sizeof(buf));

	cr_assert_eq(len, 2 + 1 + 18);
	cr_expect_eq(buf[2], 18, "RFC 9003: length first");
	back = bgp_notification_decode(buf, len);
	cr_expect_str_eq(bgp_error_format(&back, text),
			 "Cease/Administrative Shutdown (6/2): drained?for update");
	buf[2] = 255; /* a length that lies */
	back = bgp_notification_decode(buf, len);
	cr_expect_str_eq(bgp_error_format(&back, text),
			 "Cease/Administrative Shutdown (6/2): drained?for update");
	for (size_t size = 0; size < len; size++)
		cr_expect_eq(bgp_notification_encode(&err, buf, size), 0);
}

/* 200 two-byte characters: cut where it fits, between two of them. */
Test(bgp_notification, long_text_is_cut_at_a_character)
{
	char text[401] = { 0 };
	struct bgp_error err;

	for (size_t i = 0; i < 400; i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	err = bgp_error_cease(BGP_CEASE_SHUTDOWN, text);
	cr_expect_eq(err.data[0], 254, "RFC 9003: up to 255 octets");
	cr_expect_eq(err.data_len, 255);
}

Test(bgp_notification, hard_reset_is_unwrapped)
{
	struct bgp_error err = bgp_notification_decode((uint8_t[]){ 6, 9, 4, 0 }, 4);
	char text[BGP_ERROR_TEXT_SIZE];

	cr_expect_str_eq(bgp_error_format(&err, text), "Hold Timer Expired (4/0)");
	err = bgp_notification_decode((uint8_t[]){ 99, 7 }, 2);
	cr_expect_str_eq(bgp_error_format(&err, text), "Unknown Error (99/7)");
}

Test(bgp_refresh, decode)
{
	struct bgp_refresh refresh;

	cr_assert(bgp_refresh_decode(&refresh, (uint8_t[]){ 0, 2, 0, 1 }, 4));
	cr_expect_eq(refresh.family, ADDR_IPV6);
	cr_assert(bgp_refresh_decode(&refresh, (uint8_t[]){ 0, 1, 0, 128 }, 4));
	cr_expect_eq(refresh.family, ADDR_NONE, "VPNv4 is not ours");
	cr_expect_not(bgp_refresh_decode(&refresh, (uint8_t[]){ 0, 1, 0 }, 3));
	cr_expect_not(bgp_refresh_decode(&refresh, (uint8_t[]){ 0, 1, 0, 1, 0 }, 5));
}

Test(bgp_refresh, bad_length)
{
	static const struct {
		const char *what;
		uint8_t kind;
		bool enhanced;
		uint8_t code, subcode, data_len;
	} bad[] = {
		{ "request", BGP_REFRESH_REQUEST, true, 1, 2, 2 },
		{ "begin", BGP_REFRESH_BEGIN, true, 7, 1, 24 },
		{ "end", BGP_REFRESH_END, true, 7, 1, 24 },
		{ "begin, marks not known", BGP_REFRESH_BEGIN, false, 1, 2, 2 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t message[] = { MARK, 0, 24, 5, 0, 1, bad[i].kind, 1, 0 };
		struct bgp_error err =
			bgp_refresh_bad_length(message + BGP_HEADER_SIZE, 5, bad[i].enhanced);

		cr_expect_eq(err.code, bad[i].code, "%s", bad[i].what);
		cr_expect_eq(err.subcode, bad[i].subcode, "%s", bad[i].what);
		cr_expect_eq(err.data_len, bad[i].data_len, "%s", bad[i].what);
		cr_expect_eq(memcmp(err.data, bad[i].data_len == 2 ? message + 16 : message,
				    bad[i].data_len),
			     0, "%s", bad[i].what);
	}
}
