/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check_match.h - which checks of one configuration are those of another.
 *
 * The same question under the same name to the same PoP, as often: such a check goes on when
 * the configuration is another one. Pure.
 */
#ifndef GEODNS_CHECK_MATCH_H
#define GEODNS_CHECK_MATCH_H

#include "geodns/conf.h"

#define CHECK_MATCH_NONE SIZE_MAX

/*
 * For each check of next, its index in old (NULL: there was none) or CHECK_MATCH_NONE; none of
 * old is there twice. The caller's, to free().
 */
size_t *check_match_new(const struct geodns_conf *old, const struct geodns_conf *next);

#endif
