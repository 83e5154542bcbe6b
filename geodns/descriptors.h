/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * descriptors.h - how many files a configuration may have open at once.
 *
 * One per TCP connection, and enough for checks: a PoP is not down because we lack one.
 */
#ifndef GEODNS_DESCRIPTORS_H
#define GEODNS_DESCRIPTORS_H

#include "geodns/conf.h"

/* Raise this process's limit as far as it goes. False, with the reason in text, if too low for
 * conf. */
bool descriptors_allow(const struct geodns_conf *conf, char *text, size_t size);

#endif
