/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * seal.h - who may say what: keys of a pair of PoPs, and the envelope of a datagram.
 *
 *	version 1 | zero 3 | hint 4 | nonce 24 | ciphertext | tag 16
 *
 * XChaCha20-Poly1305; the first eight octets are its associated data. hint: the first octets of
 * the sender's public key, so that a wrong key is told from noise before any cryptography.
 *
 * Each PoP has an X25519 key. What two of them share is never used itself: crypto_kdf makes of it a
 * key for each direction and purpose, so that no datagram can be sent back to who wrote it, and
 *none of the mesh is good as one of GUE.
 *
 * Pure but for mesh_key_make(). Every program that calls anything here has called mesh_seal_init().
 */
#ifndef LB_MESH_SEAL_H
#define LB_MESH_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb/mesh/message.h"

#define MESH_KEY_SIZE	  32
#define MESH_KEY_DIGITS	  64 /* of it as text */
#define MESH_GUE_KEY_SIZE 16
#define MESH_SALT_SIZE	  16
#define MESH_SEAL_SIZE	  48 /* that a datagram is longer than its message */
#define MESH_DATAGRAM_MAX (MESH_PLAIN_MAX + MESH_SEAL_SIZE)

/* Of one pair, as one side sees it. */
struct mesh_keys {
	uint8_t send[MESH_KEY_SIZE], receive[MESH_KEY_SIZE];
	uint8_t send_hint[4], receive_hint[4];
	/* SipHash keys of the tags of packets in GUE. */
	uint8_t gue_send[MESH_GUE_KEY_SIZE], gue_receive[MESH_GUE_KEY_SIZE];
};

enum mesh_opened {
	MESH_OPENED,
	MESH_MALFORMED, /* too short or too long, or another version */
	MESH_FORGED,	/* not made with this key */
};

/* Once; again does no harm. False where the system has no randomness. */
bool mesh_seal_init(void);
/* The public key of a secret one. */
void mesh_key_public(uint8_t public_key[MESH_KEY_SIZE], const uint8_t secret[MESH_KEY_SIZE]);
/* 64 hexadecimal digits; false for anything else. */
bool mesh_key_parse(uint8_t key[MESH_KEY_SIZE], const char *text);
/* Returns buf. */
const char *mesh_key_format(const uint8_t key[MESH_KEY_SIZE], char buf[MESH_KEY_DIGITS + 1]);
/* False when theirs is no public key that means anything, or our own. */
bool mesh_keys_derive(struct mesh_keys *out, const uint8_t secret[MESH_KEY_SIZE],
		      const uint8_t theirs[MESH_KEY_SIZE]);

/*
 * Seal len octets (<= MESH_PLAIN_MAX) into out, of MESH_DATAGRAM_MAX octets; returns how many they
 * are. salt and seq together must never be used twice with the same key: a salt is random and of
 * one life, seq counts in it.
 */
size_t mesh_seal(uint8_t *out, const uint8_t *plain, size_t len, const struct mesh_keys *keys,
		 const uint8_t salt[MESH_SALT_SIZE], uint64_t seq);
/* plain: MESH_PLAIN_MAX octets, set only with MESH_OPENED, as is *plain_len. */
enum mesh_opened mesh_seal_open(uint8_t *plain, size_t *plain_len, const uint8_t *datagram,
				size_t len, const struct mesh_keys *keys);

/* Of a name of a VIP, the same everywhere; not secret. */
uint64_t mesh_name_hash(const char *name);
/* Of any octets, the same everywhere. */
uint64_t mesh_hash(const void *octets, size_t len);
void mesh_random(void *buf, size_t len);

/*
 * Make a file with a new secret key that only its owner may read, or read the one that is there:
 * nothing is ever overwritten. 0, with the public key; -EINVAL: what is there is no key; -errno.
 */
int mesh_key_make(const char *path, uint8_t public_key[MESH_KEY_SIZE]);

#endif
