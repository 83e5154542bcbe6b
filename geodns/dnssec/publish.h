/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * publish.h - what a zone that is signed holds besides its file.
 *
 * DNSKEY, and CDS and CDNSKEY for a parent that asks for them (RFC 7344). DNSKEYs in the
 * file stay beside them, so that the next or the last key of a roll-over can be there. CDS or
 * CDNSKEY in the file stand instead of ours: an operator may have something else to say to
 * the parent, as to take the DS away (RFC 8078). Only while the zone is being built.
 */
#ifndef GEODNS_DNSSEC_PUBLISH_H
#define GEODNS_DNSSEC_PUBLISH_H

#include "geodns/dnssec/keys.h"
#include "geodns/zone/zone.h"

bool dnssec_publish(struct zone *zone, const struct dnssec_keys *keys, struct zone_error *err);
/* Put the records into the order in which they are signed. */
void dnssec_rrset_sort(struct zone_rrset *set);

#endif
