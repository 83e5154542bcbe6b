/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bfd/auth.h"

#include <nettle/memops.h>
#include <nettle/sha1.h>
#include <string.h>

#define HASH_AT		(BFD_PACKET_MAX - BFD_HASH_SIZE)
#define POLL_FINAL_MASK 0x30 /* in the second octet */

_Static_assert(BFD_HASH_SIZE == SHA1_DIGEST_SIZE && BFD_KEY_MAX == BFD_HASH_SIZE,
	       "the key takes the place of the hash");

void bfd_auth_init(struct bfd_auth *auth, const struct bfd_auth_conf *conf, uint32_t sequence)
{
	*auth = (struct bfd_auth){ .conf = *conf, .transmitted = sequence };
}

/* The hash of an encoded packet, whatever stands where the hash belongs. */
static void hash_packet(const struct bfd_auth *auth, const uint8_t *buf,
			uint8_t hash[BFD_HASH_SIZE])
{
	struct sha1_ctx sha1;

	sha1_init(&sha1);
	sha1_update(&sha1, HASH_AT, buf);
	sha1_update(&sha1, BFD_KEY_MAX, auth->conf.key);
	sha1_digest(&sha1, BFD_HASH_SIZE, hash);
}

/*
 * With the type that is not meticulous the number advances when the packet says something new
 * (6.7.4, SHOULD): an old packet that says so cannot come back for longer than it is in force.
 */
static void advance(struct bfd_auth *auth, const uint8_t *buf)
{
	uint8_t body[BFD_PACKET_MIN];

	memcpy(body, buf, sizeof(body));
	body[1] &= (uint8_t)~POLL_FINAL_MASK;
	if (auth->conf.type == BFD_AUTH_METICULOUS_SHA1 || !auth->has_last ||
	    memcmp(body, auth->last, sizeof(body)) != 0)
		auth->transmitted++;
	memcpy(auth->last, body, sizeof(body));
	auth->has_last = true;
}

size_t bfd_auth_encode(struct bfd_auth *auth, const struct bfd_packet *packet, uint8_t *buf,
		       size_t size)
{
	struct bfd_packet signed_packet = *packet;

	if (auth->conf.type == BFD_AUTH_NONE)
		return bfd_packet_encode(packet, buf, size);
	signed_packet.authenticated = true;
	signed_packet.auth = (struct bfd_auth_section){ .type = (uint8_t)auth->conf.type,
							.key_id = auth->conf.key_id };
	if (bfd_packet_encode(&signed_packet, buf, size) == 0)
		return 0;
	advance(auth, buf);
	signed_packet.auth.sequence = auth->transmitted;
	bfd_packet_encode(&signed_packet, buf, size);
	hash_packet(auth, buf, buf + HASH_AT);
	return BFD_PACKET_MAX;
}

/* Circular arithmetic; Detect Mult is that of the packet, which is how many may be lost. */
static bool is_in_window(const struct bfd_auth *auth, const struct bfd_packet *packet)
{
	uint32_t ahead = packet->auth.sequence - auth->received;
	uint32_t least = auth->conf.type == BFD_AUTH_METICULOUS_SHA1;

	return !auth->is_known || (ahead >= least && ahead <= 3U * packet->detect_mult);
}

enum bfd_discard bfd_auth_check(struct bfd_auth *auth, const struct bfd_packet *packet,
				const uint8_t *buf, size_t len)
{
	uint8_t hash[BFD_HASH_SIZE];

	if (auth->conf.type == BFD_AUTH_NONE)
		return packet->authenticated ? BFD_AUTH_UNEXPECTED : BFD_ACCEPTED;
	if (!packet->authenticated)
		return BFD_AUTH_MISSING;
	if (len < BFD_PACKET_MAX || buf[3] != BFD_PACKET_MAX ||
	    packet->auth.type != auth->conf.type || packet->auth.len != BFD_AUTH_SHA1_LEN ||
	    packet->auth.key_id != auth->conf.key_id)
		return BFD_AUTH_WRONG_TYPE;
	hash_packet(auth, buf, hash);
	if (!memeql_sec(hash, packet->auth.hash, sizeof(hash)))
		return BFD_AUTH_WRONG_HASH;
	if (!is_in_window(auth, packet))
		return BFD_AUTH_OLD_SEQUENCE;
	auth->received = packet->auth.sequence;
	auth->is_known = true;
	return BFD_ACCEPTED;
}

void bfd_auth_forget(struct bfd_auth *auth)
{
	auth->is_known = false;
}

const char *bfd_auth_type_name(enum bfd_auth_type type)
{
	return type == BFD_AUTH_KEYED_SHA1	  ? "sha1"
	       : type == BFD_AUTH_METICULOUS_SHA1 ? "meticulous-sha1"
						  : "none";
}
