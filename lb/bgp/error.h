/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * error.h - why a BGP session ends, as a NOTIFICATION carries it.
 *
 * RFC 4271 (sections 4.5 and 6), RFC 4486 and RFC 8538 (Cease), RFC 6608 (FSM), RFC 9687
 * (send hold timer). A value; code 0 means no error. Pure.
 */
#ifndef LB_BGP_ERROR_H
#define LB_BGP_ERROR_H

#include <stddef.h>
#include <stdint.h>

enum bgp_error_code {
	BGP_ERR_NONE = 0,
	BGP_ERR_HEADER = 1,
	BGP_ERR_OPEN = 2,
	BGP_ERR_UPDATE = 3,
	BGP_ERR_HOLD_TIMER = 4,
	BGP_ERR_FSM = 5,
	BGP_ERR_CEASE = 6,
	BGP_ERR_ROUTE_REFRESH = 7, /* RFC 7313 */
	BGP_ERR_SEND_HOLD_TIMER = 8,
};

enum bgp_header_error {
	BGP_HEADER_NOT_SYNCHRONIZED = 1,
	BGP_HEADER_BAD_LENGTH = 2,
	BGP_HEADER_BAD_TYPE = 3,
};

enum bgp_open_error {
	BGP_OPEN_UNSPECIFIC = 0,
	BGP_OPEN_BAD_VERSION = 1,
	BGP_OPEN_BAD_ASN = 2,
	BGP_OPEN_BAD_ROUTER_ID = 3,
	BGP_OPEN_BAD_PARAMETER = 4,
	BGP_OPEN_BAD_HOLD_TIME = 6,
	BGP_OPEN_BAD_CAPABILITY = 7, /* RFC 5492 */
	BGP_OPEN_ROLE_MISMATCH = 11, /* RFC 9234 */
};

enum bgp_update_error {
	BGP_UPDATE_MALFORMED_LIST = 1,
	BGP_UPDATE_UNKNOWN_WELL_KNOWN = 2,
	BGP_UPDATE_OPTIONAL_ATTR = 9,
	BGP_UPDATE_BAD_NETWORK = 10,
};

enum bgp_route_refresh_error {
	BGP_ROUTE_REFRESH_BAD_LENGTH = 1, /* RFC 7313, section 5 */
};

enum bgp_fsm_error {
	BGP_FSM_UNSPECIFIC = 0,
	BGP_FSM_IN_OPEN_SENT = 1,
	BGP_FSM_IN_OPEN_CONFIRM = 2,
	BGP_FSM_IN_ESTABLISHED = 3,
};

enum bgp_cease {
	BGP_CEASE_SHUTDOWN = 2,
	BGP_CEASE_DECONFIGURED = 3,
	BGP_CEASE_RESET = 4,
	BGP_CEASE_REJECTED = 5,
	BGP_CEASE_CONFIG_CHANGE = 6,
	BGP_CEASE_COLLISION = 7,
	BGP_CEASE_RESOURCES = 8,
	BGP_CEASE_HARD_RESET = 9, /* RFC 8538 */
	BGP_CEASE_BFD_DOWN = 10,  /* RFC 9384 */
};

#define BGP_SHUTDOWN_TEXT_MAX 255 /* octets of UTF-8; RFC 9003, section 2 */
#define BGP_ERROR_DATA_MAX    (1 + BGP_SHUTDOWN_TEXT_MAX)
#define BGP_ERROR_TEXT_SIZE   400

struct bgp_error {
	uint8_t code, subcode;
	uint16_t data_len;
	uint8_t data[BGP_ERROR_DATA_MAX]; /* NOTIFICATION data, cut where it is longer */
};

struct bgp_error bgp_error_make(uint8_t code, uint8_t subcode, const void *data, size_t len);
/* A Cease with the shutdown communication of RFC 9003; text may be NULL and is cut to fit. */
struct bgp_error bgp_error_cease(enum bgp_cease subcode, const char *text);
/* The same wrapped into a hard reset (RFC 8538, section 3.1). */
struct bgp_error bgp_error_hard_reset(const struct bgp_error *err);
/* "Cease/Administrative Shutdown (6/2): maintenance". Control bytes become '?'. Returns buf. */
const char *bgp_error_format(const struct bgp_error *err, char buf[BGP_ERROR_TEXT_SIZE]);

#endif
