/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packet.h - the BFD Control packet (RFC 5880, section 4) and the part of its
 * reception (section 6.8.6) that needs nothing but the packet.
 *
 * Pure. Times are microseconds, as on the wire.
 */
#ifndef LB_BFD_PACKET_H
#define LB_BFD_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BFD_PACKET_MIN	  24 /* without the authentication section */
#define BFD_AUTH_SHA1_LEN 28
#define BFD_PACKET_MAX	  (BFD_PACKET_MIN + BFD_AUTH_SHA1_LEN) /* that we send */
#define BFD_HASH_SIZE	  20

/* As they travel (section 4.1). */
enum bfd_state { BFD_ADMIN_DOWN = 0, BFD_DOWN = 1, BFD_INIT = 2, BFD_UP = 3 };
#define BFD_STATES 4

enum bfd_diag {
	BFD_DIAG_NONE = 0,
	BFD_DIAG_DETECTION_TIME_EXPIRED = 1,
	BFD_DIAG_ECHO_FAILED = 2,
	BFD_DIAG_NEIGHBOR_DOWN = 3,
	BFD_DIAG_FORWARDING_RESET = 4,
	BFD_DIAG_PATH_DOWN = 5,
	BFD_DIAG_CONCATENATED_PATH_DOWN = 6,
	BFD_DIAG_ADMIN_DOWN = 7,
	BFD_DIAG_REVERSE_PATH_DOWN = 8,
};

/* Section 4.1; NONE also stands for the A bit clear. */
enum bfd_auth_type {
	BFD_AUTH_NONE = 0,
	BFD_AUTH_SIMPLE_PASSWORD = 1,
	BFD_AUTH_KEYED_MD5 = 2,
	BFD_AUTH_METICULOUS_MD5 = 3,
	BFD_AUTH_KEYED_SHA1 = 4,
	BFD_AUTH_METICULOUS_SHA1 = 5,
};

/* The section of either SHA1 type (4.4). Of another type only its type, len and key_id. */
struct bfd_auth_section {
	uint8_t type, len, key_id; /* type: an enum bfd_auth_type, or unknown */
	uint32_t sequence;
	uint8_t hash[BFD_HASH_SIZE];
};

struct bfd_packet {
	uint8_t diag; /* an enum bfd_diag, or unknown */
	enum bfd_state state;
	bool poll, final, control_plane_independent, authenticated, demand;
	uint8_t detect_mult;
	uint32_t my_discriminator, your_discriminator;
	uint32_t desired_min_tx, required_min_rx, required_min_echo_rx;
	struct bfd_auth_section auth; /* zeroed unless authenticated */
};

/* Why a packet was discarded, in the order in which section 6.8.6 looks. */
enum bfd_discard {
	BFD_ACCEPTED,
	BFD_BAD_VERSION,
	BFD_TOO_SHORT,	   /* less than 24 octets, or 26 with the A bit */
	BFD_LENGTH_BEYOND, /* Length is more than what came */
	BFD_ZERO_MULTIPLIER,
	BFD_MULTIPOINT,
	BFD_ZERO_DISCRIMINATOR,
	BFD_NO_SESSION,	       /* none of ours, or Your Discriminator zero while it must not be */
	BFD_AUTH_UNEXPECTED,   /* A bit without a key of ours */
	BFD_AUTH_MISSING,      /* no A bit, but we have a key */
	BFD_AUTH_WRONG_TYPE,   /* type, length or Key ID (6.7.4) */
	BFD_AUTH_WRONG_HASH,   /* the key is not ours */
	BFD_AUTH_OLD_SEQUENCE, /* outside the window */
	BFD_WRONG_TTL,	       /* single hop and not 255 (RFC 5881, section 5) */
	BFD_WRONG_PATH,	       /* the session's discriminator from elsewhere, or the other port */
	BFD_IS_ADMIN_DOWN,     /* ours is administratively down */
};
#define BFD_DISCARDS 16

/*
 * Decode what a datagram holds; octets behind its Length are not looked at. Returns the first
 * of BFD_BAD_VERSION to BFD_NO_SESSION that applies, the last where Your Discriminator is zero in
 * a state other than Down and AdminDown; *out is set only with BFD_ACCEPTED.
 */
enum bfd_discard bfd_packet_decode(struct bfd_packet *out, const uint8_t *buf, size_t len);
/* Octets written, 0 when they do not fit. authenticated: a SHA1 section with auth's values. */
size_t bfd_packet_encode(const struct bfd_packet *packet, uint8_t *buf, size_t size);

/* "AdminDown", "Down", "Init", "Up". */
const char *bfd_state_name(enum bfd_state state);
/* "Control Detection Time Expired" ...; of an unknown one "reserved". */
const char *bfd_diag_name(uint8_t diag);
/* Its key in the API: "bad_version" ... */
const char *bfd_discard_key(enum bfd_discard why);
/* One phrase: "wrong key", "Detect Mult is zero" ... */
const char *bfd_discard_name(enum bfd_discard why);

#endif
