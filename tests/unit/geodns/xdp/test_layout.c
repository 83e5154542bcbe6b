/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "geodns/dns/name.h"
#include "geodns/xdp/layout.h"

/* Each octet at each place of a word, among neighbours that might carry into it. */
Test(xdp_layout, lower_case_of_every_octet)
{
	static const uint8_t beside[] = { 0x00, 0x7f, 0x80, 0xff, 'A', 'Z', '@', '[' };

	for (unsigned octet = 0; octet < 256; octet++) {
		for (unsigned at = 0; at < 8; at++) {
			for (unsigned b = 0; b < sizeof(beside); b++) {
				uint8_t octets[8];
				uint64_t word;

				memset(octets, beside[b], sizeof(octets));
				octets[at] = (uint8_t)octet;
				memcpy(&word, octets, sizeof(word));
				word = xdp_word_lower(word);
				for (unsigned i = 0; i < 8; i++)
					octets[i] = dns_octet_lower(octets[i]);
				cr_assert_arr_eq(&word, octets, 8, "%02x at %u", octet, at);
			}
		}
	}
}

Test(xdp_layout, rank_counts_up_to_the_slot)
{
	const uint64_t begins = UINT64_C(0x8000000100000005);

	cr_expect_eq(xdp_tree_rank(begins, UINT64_C(0) << 58), 1);
	cr_expect_eq(xdp_tree_rank(begins, UINT64_C(1) << 58), 1);
	cr_expect_eq(xdp_tree_rank(begins, UINT64_C(2) << 58), 2);
	cr_expect_eq(xdp_tree_rank(begins, UINT64_C(31) << 58), 2);
	cr_expect_eq(xdp_tree_rank(begins, UINT64_C(32) << 58), 3);
	cr_expect_eq(xdp_tree_rank(begins, UINT64_C(63) << 58), 4);
}

Test(xdp_layout, chunks_have_no_holes)
{
	cr_expect_eq(sizeof(struct xdp_bucket), 64);
	cr_expect_eq(sizeof(struct xdp_name) % 8, 0);
	cr_expect_eq(sizeof(struct xdp_set) % 8, 0);
	cr_expect_eq(sizeof(struct xdp_target) % 8, 0);
	cr_expect_eq(sizeof(struct xdp_counts) % 64, 0);
}
