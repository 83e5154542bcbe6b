/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * siphash.h - SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash of short inputs.
 *
 * Without the key nobody can tell its values from random ones. Pure.
 */
#ifndef GEODNS_DNS_SIPHASH_H
#define GEODNS_DNS_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_SIZE 16

/* The eight octets of the result, the first in the lowest bits. */
uint64_t siphash24(const uint8_t key[SIPHASH_KEY_SIZE], const uint8_t *data, size_t len);

#endif
