/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * canonical.h - record data as it is signed (RFC 4034, 6.2 and 6.3; RFC 6840, 5.1).
 *
 * Names in the data of the types that RFC 4034 lists are written out and in lower case; all
 * other data are what they are. Pure.
 */
#ifndef GEODNS_DNSSEC_CANONICAL_H
#define GEODNS_DNSSEC_CANONICAL_H

#include <stddef.h>
#include <stdint.h>

/* The longest data with names: NAPTR's numbers, three strings and a name. */
#define CANONICAL_SIZE_MAX (4 + 3 * 256 + 255)

struct canonical_rdata {
	const uint8_t *data; /* borrowed, or own */
	size_t len;
	uint8_t own[CANONICAL_SIZE_MAX];
};

/*
 * message: what compression pointers in the data count from, NULL where there are none. It must
 * be one that we have written ourselves: a pointer leads back to where a name stands.
 */
void canonical_rdata_init(struct canonical_rdata *out, const uint8_t *message, uint16_t type,
			  const uint8_t *rdata, size_t len);
/* The order in which the records of an RRset are signed: <0, 0, >0. */
int canonical_rdata_compare(const struct canonical_rdata *a, const struct canonical_rdata *b);

#endif
