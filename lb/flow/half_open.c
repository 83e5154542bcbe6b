/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/flow/half_open.h"

void flow_cap_halve(struct flow_cap *cap)
{
	for (size_t row = 0; row < FLOW_CAP_ROWS; row++) {
		for (size_t i = 0; i < FLOW_CAP_COLUMNS; i++) {
			uint32_t *count = &cap->counts[row][i];

			/* What is added meanwhile stays. */
			if (*(volatile uint32_t *)count > 0)
				__sync_fetch_and_sub(count, (*(volatile uint32_t *)count + 1) / 2);
		}
	}
}
