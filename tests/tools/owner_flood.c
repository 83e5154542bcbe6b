/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * owner_flood POPS FLOODED PACKETS_PER_S SECONDS: messages between PoPs under a flood of flows that
 * are nobody's, in virtual time. Prints what one PoP sends in the first second and in the last
 * one, at most, and how many questions and resets there were in all.
 */
#include <inttypes.h>
#include <stdio.h>

#include "tests/support/owner_flood.h"

int main(int argc, char **argv)
{
	struct owner_flood_result result;
	unsigned words[4];

	if (argc != 5) {
		fputs("owner_flood POPS FLOODED PACKETS_PER_S SECONDS\n", stderr);
		return 1;
	}
	for (int i = 0; i < 4; i++)
		words[i] = (unsigned)strtoul(argv[i + 1], NULL, 10);
	result = owner_flood_run(&(struct owner_flood){ .pops = words[0],
							.flooded = words[1],
							.packets_per_s = words[2],
							.seconds = words[3] });
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", result.first_second,
	       result.last_second, result.questions, result.resets);
	return 0;
}
