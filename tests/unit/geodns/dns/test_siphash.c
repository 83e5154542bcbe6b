/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "geodns/dns/siphash.h"

/* vectors_sip64 of the reference implementation: key 00 01 ... 0f, input 00 01 ... */
Test(siphash, reference_vectors)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} rows[] = {
		{ 0, 0x726fdb47dd0e0e31 }, { 1, 0x74f839c593dc67fd }, { 2, 0x0d6c8009d9a94f5a },
		{ 7, 0xab0200f58b01d137 }, { 8, 0x93f5f5799a932462 }, { 15, 0xa129ca6149be45e5 },
	};
	uint8_t key[SIPHASH_KEY_SIZE], input[16];

	for (unsigned i = 0; i < 16; i++)
		key[i] = input[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(siphash24(key, input, rows[i].len), rows[i].hash, "%zu octets",
			     rows[i].len);
}
