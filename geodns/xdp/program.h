/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * program.h - one instance of answer.bpf.c in the kernel, made for one catalog.
 *
 * Its maps are as large as the catalog wants them and are filled before anybody can run it;
 * afterwards only masks, TTLs and counters change. Any thread makes it, then it is the control
 * thread's. It is put on interfaces by fastpath.h; tests and benches run it themselves.
 */
#ifndef GEODNS_XDP_PROGRAM_H
#define GEODNS_XDP_PROGRAM_H

#include <stdint.h>

#include "geodns/snapshot.h"
#include "geodns/xdp/layout.h"

struct xdp_program;

/*
 * Returns 0, or -errno; then *why is a reason, if it is not the system's. The catalog must outlive
 * the program.
 */
int xdp_program_new(struct xdp_program **out, const struct snapshot *snap, uint64_t seed,
		    const char **why);
/* Once it is on no interface any more, the kernel forgets it. */
void xdp_program_free(struct xdp_program *program);

int xdp_program_fd(const struct xdp_program *program);
const struct catalog *xdp_program_catalog(const struct xdp_program *program);
/* What its maps take in the kernel. */
size_t xdp_program_octets(const struct xdp_program *program);
/* Names that it answers. */
size_t xdp_program_names(const struct xdp_program *program);
/* snap: of the same catalog. */
void xdp_program_update(struct xdp_program *program, const struct snapshot *snap);
/* Add what it has counted so far. */
void xdp_program_count(const struct xdp_program *program, struct xdp_counts *sum);
/* How often a target was the best of an answer; 0 too if the program does not answer that name. */
uint64_t xdp_program_tally(const struct xdp_program *program, size_t name, size_t target);

#endif
