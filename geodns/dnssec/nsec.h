/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nsec.h - one NSEC record that denies (RFC 4034, 4; RFC 9824).
 *
 * Compact denial: the record's owner is the name that was asked for, and its next name
 * the very next that could exist, so that it says something about this name only: which
 * types it has, or by the type NXNAME that there is no such name. The next name is in lower case,
 * however the owner was asked: it is signed as it stands (RFC 6840, 5.1), and a name asked in many
 * cases must not need as many signatures. Pure.
 */
#ifndef GEODNS_DNSSEC_NSEC_H
#define GEODNS_DNSSEC_NSEC_H

#include <stddef.h>
#include <stdint.h>

#include "geodns/dns/name.h"
#include "geodns/zone/zone.h"

/* A name, and every window of types with a full bitmap. */
#define NSEC_RDATA_MAX (DNS_NAME_MAX + 256 * 34)

struct nsec {
	const uint8_t *owner;
	const uint8_t *apex;
	const struct zone_node *node; /* whose types are told; NULL: there is no such name */
	uint16_t without;	      /* a type that it has no records of at present; or 0 */
};

/* Returns the length of the record data. */
size_t nsec_rdata_encode(const struct nsec *nsec, uint8_t out[NSEC_RDATA_MAX]);
/*
 * The first name behind name in the canonical order (RFC 4034, 6.1) that is not longer than a
 * name may be; the apex behind the last one.
 */
void nsec_name_next(uint8_t out[DNS_NAME_MAX], const uint8_t *name, const uint8_t *apex);

#endif
