/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <nettle/base16.h>
#include <nettle/base64.h>

#include "geodns/dnssec/keys.h"
#include "geodns/dnssec/rrsig.h"
#include "tests/support/dnssec_verify.h"

/* RFC 6605, 6.1. */
#define FORMAT "Private-key-format: v1.2\n"
#define ALGO   "Algorithm: 13 (ECDSAP256SHA256)\n"
#define SECRET "PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=\n"

static const char dnskey_text[] =
	"GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==";
static const char ds_text[] = "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17";
static const char rrsig_text[] =
	"qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==";

static void unbase64(uint8_t *out, size_t len, const char *text)
{
	struct base64_decode_ctx ctx;

	base64_decode_init(&ctx);
	cr_assert(base64_decode_update(&ctx, &len, out, strlen(text), text));
}

Test(dnssec_key, the_example_of_rfc_6605)
{
	static const char text[] = FORMAT ALGO SECRET;
	const uint8_t *zone = (const uint8_t *)"\x07"
					       "ExamPle\x03net";
	uint8_t public[66], ds[DNSSEC_DS_SIZE], wanted[32], digest[32], signature[66];
	/* www.example.net. 3600 IN A 192.0.2.1 */
	static const uint8_t record[] = "\x03www\x07"
					"example\x03net\0\0\1\0\1\0\0\x0e\x10\0\4\xc0\0\2\1";
	const struct rrsig_head head = { .type = DNS_TYPE_A,
					 .labels = 3,
					 .ttl = 3600,
					 .expiration = 1284026679, /* 20100909100439 */
					 .inception = 1281607479,  /* 20100812100439 */
					 .tag = 55648 };
	const struct rrsig_rrset set = { record, record, record + sizeof(record) - 1, record };
	struct base16_decode_ctx ctx;
	struct dnssec_key key;
	size_t len = sizeof(wanted);

	cr_assert_null(dnssec_key_parse(&key, text, strlen(text), DNSSEC_FLAGS_SEP));
	unbase64(public, 66, dnskey_text);
	cr_expect_eq(key.tag, 55648);
	cr_expect_arr_eq(key.dnskey, "\x01\x01\x03\x0d", 4);
	cr_expect_arr_eq(key.dnskey + 4, public, 64);
	dnssec_key_ds(&key, zone, ds);
	base16_decode_init(&ctx);
	cr_assert(base16_decode_update(&ctx, &len, wanted, strlen(ds_text), ds_text));
	cr_expect_arr_eq(ds, "\xd9\x60\x0d\x02", 4);
	cr_expect_arr_eq(ds + 4, wanted, 32);

	rrsig_digest(&set, &head, zone, digest);
	unbase64(signature, 66, rrsig_text);
	cr_expect(verify_ecdsa(public, digest, signature), "the RFC's own signature");
	dnssec_key_fini(&key);
}

Test(dnssec_key, files)
{
	/* clang-format off */
	static const struct { const char *what, *text, *wrong; } rows[] = {
		{ "as ldns-keygen writes", FORMAT ALGO SECRET, NULL },
		{ "as dnssec-keygen writes", "Private-key-format: v1.3\n" ALGO SECRET "Created: 20260101000000\nActivate: 20260101000000\n", NULL },
		{ "no newline at its end", FORMAT ALGO "PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=", NULL },
		{ "CRLF", "Private-key-format: v1.3\r\nAlgorithm: 13\r\nPrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=\r\n", NULL },
		{ "SEC 1", "-----BEGIN EC PRIVATE KEY-----\n"
		  "MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49\n"
		  "AwEHoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8\n"
		  "maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n-----END EC PRIVATE KEY-----\n", NULL },
		{ "empty", "", "neither a Private-key-format: v1 nor PEM" },
		{ "the public file", "example.net. IN DNSKEY 257 3 13 GojI\n", "neither a Private-key-format: v1 nor PEM" },
		{ "another algorithm", FORMAT "Algorithm: 8 (RSASHA256)\n" SECRET, "the algorithm is not 13 (ECDSAP256SHA256)" },
		{ "no algorithm", FORMAT SECRET, "the algorithm is not 13 (ECDSAP256SHA256)" },
		{ "no key", FORMAT ALGO, "no line PrivateKey" },
		{ "not base64", FORMAT ALGO "PrivateKey: G!6S\n", "PrivateKey is not 32 octets in base64" },
		{ "too short", FORMAT ALGO "PrivateKey: GU6SnQ==\n", "PrivateKey is not 32 octets in base64" },
		{ "unfinished", FORMAT ALGO "PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ\n", "PrivateKey is not 32 octets in base64" },
		{ "zero", FORMAT ALGO "PrivateKey: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", "the private key is no number that P-256 can use" },
		{ "PEM of nothing", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "the PEM cannot be read as a private key without a password" },
		{ "PEM of Ed25519", "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n", "the PEM's key is not one of the curve P-256" },
		{ "a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "the PEM cannot be read as a private key without a password" },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dnssec_key key;
		const char *wrong = dnssec_key_parse(&key, rows[i].text, strlen(rows[i].text),
						     DNSSEC_FLAGS_ZONE);

		if (!wrong)
			dnssec_key_fini(&key);
		if (rows[i].wrong)
			cr_expect_str_eq(wrong ? wrong : "good", rows[i].wrong, "%s: %s",
					 rows[i].what, wrong ? wrong : "good");
		else
			cr_expect_null(wrong, "%s: %s", rows[i].what, wrong);
	}
}

Test(dnssec_keys, say_which_file_is_wrong)
{
	/* clang-format off */
	static const struct { const char *what; struct dnssec_options options; const char *key, *text; } rows[] = {
		{ "one", { .ksk = "a" }, NULL, NULL },
		{ "two", { .ksk = "a", .zsk = "b" }, NULL, NULL },
		{ "the same twice, but flags differ", { .ksk = "a", .zsk = "a" }, NULL, NULL },
		{ "no file", { .ksk = "none" }, "dnssec.csk", "none: No such file or directory" },
		{ "no second file", { .ksk = "a", .zsk = "none" }, "dnssec.zsk", "none: No such file or directory" },
		{ "not a file", { .ksk = "." , .zsk = "a" }, "dnssec.ksk", ".: Is a directory" },
		{ "no key", { .ksk = "bad" }, "dnssec.csk", "bad: no line PrivateKey" },
		{ "too long", { .ksk = "long" }, "dnssec.csk", "long: File too large" },
	};
	static const struct { const char *name, *text; } files[] = {
		{ "a", FORMAT ALGO SECRET }, { "bad", FORMAT ALGO },
		{ "b", FORMAT ALGO "PrivateKey: ya+p2EW6dRZrXCFXZ7HWk05Qw9s26JsSe4piKxIPZyE=\n" },
	};
	/* clang-format on */
	char folder[] = "/tmp/dnssec-keys-XXXXXX", path[80];
	FILE *f;

	cr_assert(mkdtemp(folder));
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i].name);
		f = fopen(path, "w");
		fputs(files[i].text, f);
		fclose(f);
	}
	snprintf(path, sizeof(path), "%s/long", folder);
	f = fopen(path, "w");
	for (unsigned i = 0; i < 20000; i++)
		fputc('\n', f);
	fclose(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dnssec_keys_error err;
		struct dnssec_keys *keys = dnssec_keys_load(&rows[i].options, folder, &err);

		cr_expect_eq(keys == NULL, rows[i].text != NULL, "%s", rows[i].what);
		if (!keys && rows[i].text) {
			cr_expect_str_eq(err.key, rows[i].key, "%s", rows[i].what);
			cr_expect_str_eq(err.text, rows[i].text, "%s", rows[i].what);
		}
		dnssec_keys_free(keys);
	}
	snprintf(path, sizeof(path), "rm -r %s", folder);
	cr_expect_eq(system(path), 0);
}
