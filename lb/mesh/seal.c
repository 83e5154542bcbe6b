/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/mesh/seal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/wire.h"

#define VERSION	    1
#define HEADER_SIZE 8
#define NONCE_SIZE  24
#define TAG_SIZE    16

_Static_assert(MESH_SEAL_SIZE == HEADER_SIZE + NONCE_SIZE + TAG_SIZE, "what a seal is made of");
_Static_assert(MESH_KEY_SIZE == crypto_box_SECRETKEYBYTES, "X25519");
_Static_assert(MESH_KEY_SIZE == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "AEAD");
_Static_assert(MESH_KEY_SIZE == crypto_kdf_KEYBYTES, "KDF");
_Static_assert(MESH_GUE_KEY_SIZE == crypto_shorthash_KEYBYTES, "SipHash");

/* What a key is for; low and high: the pair's public keys as numbers. */
enum purpose { MESH_LOW_TO_HIGH = 1, MESH_HIGH_TO_LOW, GUE_LOW_TO_HIGH, GUE_HIGH_TO_LOW };

static const char context[crypto_kdf_CONTEXTBYTES] = { 'c', 't', 'c', 'h', 'm', 'e', 's', 'h' };

bool mesh_seal_init(void)
{
	return sodium_init() >= 0;
}

void mesh_key_public(uint8_t public_key[MESH_KEY_SIZE], const uint8_t secret[MESH_KEY_SIZE])
{
	crypto_scalarmult_base(public_key, secret);
}

bool mesh_key_parse(uint8_t key[MESH_KEY_SIZE], const char *text)
{
	size_t len = 0;

	return strlen(text) == MESH_KEY_DIGITS &&
	       sodium_hex2bin(key, MESH_KEY_SIZE, text, MESH_KEY_DIGITS, NULL, &len, NULL) == 0 &&
	       len == MESH_KEY_SIZE;
}

const char *mesh_key_format(const uint8_t key[MESH_KEY_SIZE], char buf[MESH_KEY_DIGITS + 1])
{
	return sodium_bin2hex(buf, MESH_KEY_DIGITS + 1, key, MESH_KEY_SIZE);
}

static void derive(uint8_t *key, size_t size, enum purpose purpose, const uint8_t *shared)
{
	crypto_kdf_derive_from_key(key, size, (uint64_t)purpose, context, shared);
}

bool mesh_keys_derive(struct mesh_keys *out, const uint8_t secret[MESH_KEY_SIZE],
		      const uint8_t theirs[MESH_KEY_SIZE])
{
	uint8_t ours[MESH_KEY_SIZE], shared[crypto_box_BEFORENMBYTES];
	bool low;

	mesh_key_public(ours, secret);
	if (memcmp(ours, theirs, MESH_KEY_SIZE) == 0 ||
	    crypto_box_beforenm(shared, theirs, secret) != 0)
		return false;
	low = memcmp(ours, theirs, MESH_KEY_SIZE) < 0;
	derive(out->send, MESH_KEY_SIZE, low ? MESH_LOW_TO_HIGH : MESH_HIGH_TO_LOW, shared);
	derive(out->receive, MESH_KEY_SIZE, low ? MESH_HIGH_TO_LOW : MESH_LOW_TO_HIGH, shared);
	derive(out->gue_send, MESH_GUE_KEY_SIZE, low ? GUE_LOW_TO_HIGH : GUE_HIGH_TO_LOW, shared);
	derive(out->gue_receive, MESH_GUE_KEY_SIZE, low ? GUE_HIGH_TO_LOW : GUE_LOW_TO_HIGH,
	       shared);
	memcpy(out->send_hint, ours, sizeof(out->send_hint));
	memcpy(out->receive_hint, theirs, sizeof(out->receive_hint));
	sodium_memzero(shared, sizeof(shared));
	return true;
}

size_t mesh_seal(uint8_t *out, const uint8_t *plain, size_t len, const struct mesh_keys *keys,
		 const uint8_t salt[MESH_SALT_SIZE], uint64_t seq)
{
	struct wire_writer w = wire_writer(out, HEADER_SIZE + NONCE_SIZE);

	assert(len <= MESH_PLAIN_MAX);
	wire_put_u32(&w, (uint32_t)VERSION << 24);
	wire_put_bytes(&w, keys->send_hint, sizeof(keys->send_hint));
	wire_put_bytes(&w, salt, MESH_SALT_SIZE);
	wire_put_u64(&w, seq);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + HEADER_SIZE + NONCE_SIZE, NULL, plain, len,
						   out, HEADER_SIZE, NULL, out + HEADER_SIZE,
						   keys->send);
	return len + MESH_SEAL_SIZE;
}

enum mesh_opened mesh_seal_open(uint8_t *plain, size_t *plain_len, const uint8_t *datagram,
				size_t len, const struct mesh_keys *keys)
{
	static const uint8_t head[4] = { VERSION };
	uint8_t opened[MESH_PLAIN_MAX];

	if (len < MESH_SEAL_SIZE || len > MESH_DATAGRAM_MAX ||
	    memcmp(datagram, head, sizeof(head)) != 0)
		return MESH_MALFORMED;
	if (memcmp(datagram + sizeof(head), keys->receive_hint, sizeof(keys->receive_hint)) != 0 ||
	    crypto_aead_xchacha20poly1305_ietf_decrypt(
		    opened, NULL, NULL, datagram + HEADER_SIZE + NONCE_SIZE,
		    len - HEADER_SIZE - NONCE_SIZE, datagram, HEADER_SIZE, datagram + HEADER_SIZE,
		    keys->receive) != 0)
		return MESH_FORGED;
	*plain_len = len - MESH_SEAL_SIZE;
	memcpy(plain, opened, *plain_len);
	return MESH_OPENED;
}

uint64_t mesh_hash(const void *octets, size_t len)
{
	static const uint8_t key[crypto_shorthash_KEYBYTES];
	uint8_t hash[crypto_shorthash_BYTES];
	struct wire_reader r = wire_reader(hash, sizeof(hash));

	crypto_shorthash(hash, octets, len, key);
	return wire_get_u64(&r);
}

uint64_t mesh_name_hash(const char *name)
{
	return mesh_hash(name, strlen(name));
}

void mesh_random(void *buf, size_t len)
{
	randombytes_buf(buf, len);
}

/* ---- the file ---- */

static int read_key(const char *path, uint8_t secret[MESH_KEY_SIZE])
{
	char line[MESH_KEY_DIGITS + 2] = "";
	FILE *file = fopen(path, "re");
	bool good;

	if (!file)
		return -errno;
	good = fgets(line, sizeof(line), file);
	(void)fclose(file);
	line[strcspn(line, "\r\n")] = '\0';
	good = good && mesh_key_parse(secret, line);
	sodium_memzero(line, sizeof(line));
	return good ? 0 : -EINVAL;
}

/* All of it is in the file, or there is no file. */
static int write_key(int fd, const uint8_t secret[MESH_KEY_SIZE])
{
	char line[MESH_KEY_DIGITS + 2];
	ssize_t len = MESH_KEY_DIGITS + 1, written;

	mesh_key_format(secret, line);
	line[MESH_KEY_DIGITS] = '\n';
	written = write(fd, line, (size_t)len);
	sodium_memzero(line, sizeof(line));
	if (written < 0 || fsync(fd) < 0)
		return -errno;
	return written == len ? 0 : -ENOSPC;
}

int mesh_key_make(const char *path, uint8_t public_key[MESH_KEY_SIZE])
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), err;
	uint8_t secret[MESH_KEY_SIZE];

	if (fd >= 0) {
		mesh_random(secret, sizeof(secret));
		err = write_key(fd, secret);
		if (close(fd) < 0 && !err)
			err = -errno;
		if (err)
			unlink(path);
	} else {
		err = errno == EEXIST ? read_key(path, secret) : -errno;
	}
	if (!err)
		mesh_key_public(public_key, secret);
	sodium_memzero(secret, sizeof(secret));
	return err;
}
