/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * auth.h - Keyed SHA1 and Meticulous Keyed SHA1 (RFC 5880, section 6.7.4).
 *
 * Pure. The key goes into the packet in place of the hash, the SHA1 of the whole is the hash.
 * What keeps old packets out is the sequence number: it may go ahead of the last one taken by
 * at most three times Detect Mult, and has to advance with every packet in the meticulous type.
 */
#ifndef LB_BFD_AUTH_H
#define LB_BFD_AUTH_H

#include "lb/bfd/packet.h"

#define BFD_KEY_MAX 20

/* Both ends have the same. */
struct bfd_auth_conf {
	enum bfd_auth_type type; /* BFD_AUTH_NONE or one of both SHA1 types */
	uint8_t key_id;
	uint8_t key[BFD_KEY_MAX]; /* shorter ones are followed by zeros */
};

/* bfd.XmitAuthSeq, bfd.RcvAuthSeq and bfd.AuthSeqKnown (section 6.8.1). */
struct bfd_auth {
	struct bfd_auth_conf conf;
	uint32_t transmitted, received;
	bool is_known; /* received is */
	bool has_last;
	uint8_t last[BFD_PACKET_MIN]; /* transmitted, without P and F: is the next one different */
};

/* sequence: where bfd.XmitAuthSeq begins, random. */
void bfd_auth_init(struct bfd_auth *auth, const struct bfd_auth_conf *conf, uint32_t sequence);
/* Encode a packet, with its section where there is a key. Octets written, 0 if they do not fit. */
size_t bfd_auth_encode(struct bfd_auth *auth, const struct bfd_packet *packet, uint8_t *buf,
		       size_t size);
/*
 * Judge packet, decoded from these len octets. BFD_ACCEPTED or BFD_AUTH_...; only an accepted
 * packet moves the window. (The RFC sets it before it looks at the hash: then anyone could.)
 */
enum bfd_discard bfd_auth_check(struct bfd_auth *auth, const struct bfd_packet *packet,
				const uint8_t *buf, size_t len);
/* Nothing was received for twice the Detection Time: the peer may begin with any number. */
void bfd_auth_forget(struct bfd_auth *auth);

/* "sha1", "meticulous-sha1", "none". */
const char *bfd_auth_type_name(enum bfd_auth_type type);

#endif
