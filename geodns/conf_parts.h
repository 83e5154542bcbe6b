/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conf_parts.h - the parts of geodns_conf_load(), for conf*.c only.
 *
 * Each reads its keys of the document's root into conf; mistakes are recorded in the cursor's
 * struct conf_error, and what is left is usable but not to be served.
 */
#ifndef GEODNS_CONF_PARTS_H
#define GEODNS_CONF_PARTS_H

#include "geodns/conf.h"
#include "geodns/conf_places.h"

#define GEODNS_POPS_MAX 1024

/* "checks", those that no name uses too: they must be right. */
void geodns_conf_checks_load(const struct conf *root);
/*
 * The check that an entry of names[].pops asks for, with its own words on top: index into
 * conf->checks, added if nobody has asked that pop the same question; or GEO_NO_CHECK.
 */
uint32_t geodns_conf_check_load(struct geodns_conf *conf, const struct conf *root,
				const struct conf *item, size_t pop);

/* "names", to be read last. */
void geodns_conf_names_load(struct geodns_conf *conf, const struct conf *root);
/* A string as domain name in wire form; *text, if not NULL, is what was configured. */
const uint8_t *geodns_conf_domain_load(struct geodns_conf *conf, const struct conf *at,
				       const char **text);

#endif
