/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/dnssec/key.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <limits.h>
#include <nettle/base64.h>
#include <nettle/sha2.h>
#include <string.h>

#include "geodns/dns/name.h"
#include "lib/alloc.h"

#define DNSKEY_PROTOCOL 3
#define LINE_MAX_LEN	256

/* What the lines of a K*.private say. */
struct private_file {
	bool has_format, has_algorithm, has_key;
	unsigned long algorithm;
	uint8_t secret[P256_SIZE];
};

static bool secret_decode(uint8_t secret[P256_SIZE], const char *text)
{
	uint8_t out[BASE64_DECODE_LENGTH(LINE_MAX_LEN)];
	struct base64_decode_ctx ctx;
	size_t len = sizeof(out);
	bool good;

	base64_decode_init(&ctx);
	good = base64_decode_update(&ctx, &len, out, strlen(text), text) &&
	       base64_decode_final(&ctx) && len == P256_SIZE;
	if (good)
		memcpy(secret, out, P256_SIZE);
	explicit_bzero(out, sizeof(out));
	return good;
}

/* "Algorithm: 13 (ECDSAP256SHA256)"; lines that do not matter, as "Created:", are passed over. */
static const char *line_parse(struct private_file *file, const char *line)
{
	static const char format[] = "Private-key-format: v1.";
	static const char algorithm[] = "Algorithm: ";
	static const char secret[] = "PrivateKey: ";

	if (strncmp(line, format, sizeof(format) - 1) == 0) {
		file->has_format = true;
	} else if (strncmp(line, algorithm, sizeof(algorithm) - 1) == 0) {
		file->has_algorithm = true;
		file->algorithm = strtoul(line + sizeof(algorithm) - 1, NULL, 10);
	} else if (strncmp(line, secret, sizeof(secret) - 1) == 0) {
		file->has_key = true;
		if (!secret_decode(file->secret, line + sizeof(secret) - 1))
			return "PrivateKey is not 32 octets in base64";
	}
	return NULL;
}

static const char *private_parse(struct private_file *file, const char *text, size_t len)
{
	const char *end = text + len, *wrong = NULL;
	char line[LINE_MAX_LEN];

	while (text < end && !wrong) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((newline ? newline : end) - text);

		if (n >= sizeof(line))
			return "a line is too long for a private key";
		memcpy(line, text, n);
		line[n] = '\0';
		line[strcspn(line, "\r")] = '\0';
		wrong = line_parse(file, line);
		text += n + (newline != NULL);
	}
	explicit_bzero(line, sizeof(line));
	if (wrong)
		return wrong;
	if (!file->has_format)
		return "neither a Private-key-format: v1 nor PEM";
	if (!file->has_algorithm || file->algorithm != DNSSEC_ALGORITHM)
		return "the algorithm is not 13 (ECDSAP256SHA256)";
	return file->has_key ? NULL : "no line PrivateKey";
}

/* A number of GnuTLS has as many octets as it needs. */
static bool secret_pad(uint8_t secret[P256_SIZE], const gnutls_datum_t *k)
{
	const uint8_t *p = k->data;
	size_t len = k->size;

	while (len > P256_SIZE && *p == 0) {
		p++;
		len--;
	}
	if (len > P256_SIZE)
		return false;
	memset(secret, 0, P256_SIZE - len);
	memcpy(secret + P256_SIZE - len, p, len);
	return true;
}

static const char *pem_export(gnutls_privkey_t key, uint8_t secret[P256_SIZE])
{
	gnutls_ecc_curve_t curve;
	gnutls_datum_t k;
	bool good;

	if (gnutls_privkey_export_ecc_raw(key, &curve, NULL, NULL, &k) < 0)
		return "the PEM holds no elliptic-curve key";
	good = curve == GNUTLS_ECC_CURVE_SECP256R1 && secret_pad(secret, &k);
	explicit_bzero(k.data, k.size);
	gnutls_free(k.data);
	return good ? NULL : "the PEM's key is not one of the curve P-256";
}

static const char *pem_parse(uint8_t secret[P256_SIZE], const char *text, size_t len)
{
	const char *wrong = "the PEM cannot be read as a private key without a password";
	gnutls_privkey_t key;
	gnutls_datum_t pem;

	if (len > INT_MAX || gnutls_privkey_init(&key) < 0)
		return wrong;
	pem.data = xmalloc(len);
	pem.size = (unsigned)len;
	memcpy(pem.data, text, len);
	if (gnutls_privkey_import_x509_raw(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0) >= 0)
		wrong = pem_export(key, secret);
	gnutls_privkey_deinit(key);
	explicit_bzero(pem.data, len);
	free(pem.data);
	return wrong;
}

uint16_t dnssec_key_tag(const uint8_t *dnskey, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? dnskey[i] : (uint32_t)dnskey[i] << 8;
	return (uint16_t)(sum + (sum >> 16));
}

const char *dnssec_key_parse(struct dnssec_key *key, const char *text, size_t len,
			     enum dnssec_flags flags)
{
	struct private_file file = { 0 };
	const char *wrong;

	if (memmem(text, len, "-----BEGIN", 10))
		wrong = pem_parse(file.secret, text, len);
	else
		wrong = private_parse(&file, text, len);
	if (!wrong && !p256_key_init(&key->pair, file.secret))
		wrong = "the private key is no number that P-256 can use";
	explicit_bzero(&file, sizeof(file));
	if (wrong)
		return wrong;
	key->dnskey[0] = (uint8_t)(flags >> 8);
	key->dnskey[1] = (uint8_t)flags;
	key->dnskey[2] = DNSKEY_PROTOCOL;
	key->dnskey[3] = DNSSEC_ALGORITHM;
	memcpy(key->dnskey + 4, key->pair.public, sizeof(key->pair.public));
	key->tag = dnssec_key_tag(key->dnskey, sizeof(key->dnskey));
	return NULL;
}

void dnssec_key_fini(struct dnssec_key *key)
{
	p256_key_fini(&key->pair);
}

void dnssec_key_ds(const struct dnssec_key *key, const uint8_t *zone, uint8_t ds[DNSSEC_DS_SIZE])
{
	uint8_t lower[DNS_NAME_MAX];
	size_t len = dns_name_lower(lower, zone);
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, len, lower);
	sha256_update(&ctx, sizeof(key->dnskey), key->dnskey);
	ds[0] = (uint8_t)(key->tag >> 8);
	ds[1] = (uint8_t)key->tag;
	ds[2] = DNSSEC_ALGORITHM;
	ds[3] = DNSSEC_DIGEST;
	sha256_digest(&ctx, SHA256_DIGEST_SIZE, ds + 4);
}
