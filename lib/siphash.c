/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/siphash.h"

uint64_t siphash24(const uint8_t key[SIPHASH_KEY_SIZE], const uint8_t *data, size_t len)
{
	const struct siphash_key words = siphash_key(key);
	struct siphash s = siphash_begin(&words);
	uint64_t rest = 0;
	size_t left = len;

	for (; left >= 8; left -= 8, data += 8)
		siphash24_add(&s, FIXED_LE64(fixed_load64(data)));
	for (size_t i = 0; i < left; i++)
		rest |= (uint64_t)data[i] << 8 * i;
	return siphash24_end(&s, rest, len);
}
