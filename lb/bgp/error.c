/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/error.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct error_name {
	uint8_t code, subcode;
	const char *name;
};

static const char *const code_names[] = {
	"No Error",
	"Message Header Error",
	"OPEN Message Error",
	"UPDATE Message Error",
	"Hold Timer Expired",
	"FSM Error",
	"Cease",
	"ROUTE-REFRESH Message Error",
	"Send Hold Timer Expired",
};

/* clang-format off */
static const struct error_name subcode_names[] = {
	{ BGP_ERR_HEADER, 1, "Connection Not Synchronized" },
	{ BGP_ERR_HEADER, 2, "Bad Message Length" },
	{ BGP_ERR_HEADER, 3, "Bad Message Type" },
	{ BGP_ERR_OPEN, 1, "Unsupported Version Number" },
	{ BGP_ERR_OPEN, 2, "Bad Peer AS" },
	{ BGP_ERR_OPEN, 3, "Bad BGP Identifier" },
	{ BGP_ERR_OPEN, 4, "Unsupported Optional Parameter" },
	{ BGP_ERR_OPEN, 6, "Unacceptable Hold Time" },
	{ BGP_ERR_OPEN, 7, "Unsupported Capability" },
	{ BGP_ERR_OPEN, 11, "Role Mismatch" },
	{ BGP_ERR_UPDATE, 1, "Malformed Attribute List" },
	{ BGP_ERR_UPDATE, 2, "Unrecognized Well-known Attribute" },
	{ BGP_ERR_UPDATE, 3, "Missing Well-known Attribute" },
	{ BGP_ERR_UPDATE, 4, "Attribute Flags Error" },
	{ BGP_ERR_UPDATE, 5, "Attribute Length Error" },
	{ BGP_ERR_UPDATE, 6, "Invalid ORIGIN Attribute" },
	{ BGP_ERR_UPDATE, 8, "Invalid NEXT_HOP Attribute" },
	{ BGP_ERR_UPDATE, 9, "Optional Attribute Error" },
	{ BGP_ERR_UPDATE, 10, "Invalid Network Field" },
	{ BGP_ERR_UPDATE, 11, "Malformed AS_PATH" },
	{ BGP_ERR_FSM, 1, "Unexpected Message in OpenSent" },
	{ BGP_ERR_FSM, 2, "Unexpected Message in OpenConfirm" },
	{ BGP_ERR_FSM, 3, "Unexpected Message in Established" },
	{ BGP_ERR_ROUTE_REFRESH, 1, "Invalid Message Length" },
	{ BGP_ERR_CEASE, 1, "Maximum Number of Prefixes Reached" },
	{ BGP_ERR_CEASE, 2, "Administrative Shutdown" },
	{ BGP_ERR_CEASE, 3, "Peer De-configured" },
	{ BGP_ERR_CEASE, 4, "Administrative Reset" },
	{ BGP_ERR_CEASE, 5, "Connection Rejected" },
	{ BGP_ERR_CEASE, 6, "Other Configuration Change" },
	{ BGP_ERR_CEASE, 7, "Connection Collision Resolution" },
	{ BGP_ERR_CEASE, 8, "Out of Resources" },
	{ BGP_ERR_CEASE, 9, "Hard Reset" },
	{ BGP_ERR_CEASE, 10, "BFD Down" },
};
/* clang-format on */

struct bgp_error bgp_error_make(uint8_t code, uint8_t subcode, const void *data, size_t len)
{
	struct bgp_error err = { .code = code, .subcode = subcode };

	err.data_len = (uint16_t)(len < BGP_ERROR_DATA_MAX ? len : BGP_ERROR_DATA_MAX);
	if (err.data_len > 0)
		memcpy(err.data, data, err.data_len);
	return err;
}

/* How much of text fits without cutting a UTF-8 character in two. */
static size_t utf8_cut(const char *text, size_t max)
{
	size_t len = strnlen(text, max + 1);

	if (len <= max)
		return len;
	for (len = max; len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80;)
		len--;
	return len;
}

struct bgp_error bgp_error_cease(enum bgp_cease subcode, const char *text)
{
	struct bgp_error err = bgp_error_make(BGP_ERR_CEASE, (uint8_t)subcode, NULL, 0);

	if (!text || !*text)
		return err;
	err.data[0] = (uint8_t)utf8_cut(text, BGP_SHUTDOWN_TEXT_MAX);
	err.data_len = (uint16_t)(err.data[0] + 1);
	memcpy(err.data + 1, text, err.data[0]);
	return err;
}

struct bgp_error bgp_error_hard_reset(const struct bgp_error *err)
{
	struct bgp_error hard = { .code = BGP_ERR_CEASE, .subcode = BGP_CEASE_HARD_RESET };
	size_t len =
		err->data_len < BGP_ERROR_DATA_MAX - 2 ? err->data_len : BGP_ERROR_DATA_MAX - 2;

	hard.data[0] = err->code;
	hard.data[1] = err->subcode;
	memcpy(hard.data + 2, err->data, len);
	hard.data_len = (uint16_t)(len + 2);
	return hard;
}

static const char *subcode_name(const struct bgp_error *err)
{
	for (size_t i = 0; i < sizeof(subcode_names) / sizeof(subcode_names[0]); i++) {
		if (subcode_names[i].code == err->code && subcode_names[i].subcode == err->subcode)
			return subcode_names[i].name;
	}
	return NULL;
}

/* RFC 9003 text travels with shutdown and reset; a hard reset wraps the true code first. */
static bool has_text(const struct bgp_error *err)
{
	return err->code == BGP_ERR_CEASE &&
	       (err->subcode == BGP_CEASE_SHUTDOWN || err->subcode == BGP_CEASE_RESET) &&
	       err->data_len > 1 && err->data[0] > 0;
}

const char *bgp_error_format(const struct bgp_error *err, char buf[BGP_ERROR_TEXT_SIZE])
{
	const char *code = err->code < sizeof(code_names) / sizeof(code_names[0])
				   ? code_names[err->code]
				   : "Unknown Error";
	const char *subcode = subcode_name(err);
	size_t used, len;

	snprintf(buf, BGP_ERROR_TEXT_SIZE, "%s%s%s (%u/%u)", code, subcode ? "/" : "",
		 subcode ? subcode : "", err->code, err->subcode);
	if (!has_text(err))
		return buf;
	used = strlen(buf);
	buf[used++] = ':';
	buf[used++] = ' ';
	/* The length may lie: what came decides. */
	len = err->data[0] < err->data_len - 1 ? err->data[0] : err->data_len - 1U;
	for (size_t i = 0; i < len; i++) {
		uint8_t c = err->data[1 + i];

		buf[used++] = (char)(c < 0x20 || c == 0x7f ? '?' : c);
	}
	buf[used] = '\0';
	return buf;
}
