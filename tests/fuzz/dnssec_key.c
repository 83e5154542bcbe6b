/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text is a private key, and then one that signs, or no key for a reason. */
#include <stdlib.h>
#include <string.h>

#include "geodns/dnssec/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t digest[P256_SIZE] = { 1 };
	uint8_t a[P256_SIGNATURE_SIZE], b[P256_SIGNATURE_SIZE];
	struct dnssec_key key;
	const char *wrong = dnssec_key_parse(&key, (const char *)data, len, DNSSEC_FLAGS_SEP);

	if (wrong) {
		if (wrong[0] == '\0')
			abort();
		return 0;
	}
	p256_sign(&key.pair, digest, a);
	p256_sign(&key.pair, digest, b);
	if (memcmp(a, b, sizeof(a)) != 0 ||
	    key.tag != dnssec_key_tag(key.dnskey, sizeof(key.dnskey)))
		abort();
	dnssec_key_fini(&key);
	return 0;
}
