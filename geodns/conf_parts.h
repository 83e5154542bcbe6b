/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conf_parts.h - the parts of geodns_conf_load(), for conf*.c only.
 *
 * Each reads its keys of the document's root into conf; mistakes are recorded in the cursor's
 * struct conf_error, and what is left is usable but not to be served. Strings of names go with the
 * name (lib/conf_series.h): what is to stay is copied into conf's arena.
 */
#ifndef GEODNS_CONF_PARTS_H
#define GEODNS_CONF_PARTS_H

#include "geodns/conf.h"
#include "geodns/conf_places.h"
#include "lib/conf_series.h"

#define GEODNS_POPS_MAX	 1024
#define GEODNS_NAMES_MAX 1000000

/* "cookies" and "rate_limit". */
void geodns_conf_protection_load(struct geodns_conf *conf, const struct conf *root);

/* "checks", those that no name uses too: they must be right. Before the names. */
void geodns_conf_checks_load(struct geodns_conf *conf, const struct conf *root);
/* Once all names are there: what it took to find checks. */
void geodns_conf_checker_free(struct geodns_conf *conf);
/*
 * The check that an entry of names[].pops asks for, with its own words on top: index into
 * conf->checks, added if nobody has asked that pop the same question; or GEO_NO_CHECK.
 */
uint32_t geodns_conf_check_load(struct geodns_conf *conf, const struct conf *item, size_t pop);

/*
 * A name's "pops": its targets in the order of the configuration, in conf's arena. Sets name's
 * has_cname and target_count, and needs owner and answers.
 */
struct geo_target *geodns_conf_targets_load(struct geodns_conf *conf, const struct conf *object,
					    struct geo_name *name);
/* "when_all_down", after the targets: name's when_all_down and resort. */
void geodns_conf_all_down_load(struct geodns_conf *conf, const struct conf *object,
			       struct geo_name *name);
/* "https" and "svcb": name's https and svcb. */
void geodns_conf_services_load(struct geodns_conf *conf, const struct conf *object,
			       struct geo_name *name);
/* "fences": name's fences, and in the targets those that admit them. */
void geodns_conf_fences_load(struct geodns_conf *conf, const struct conf *object,
			     struct geo_name *name, struct geo_target *targets);
/*
 * "groups" or, without them, the one group that all targets are in: name's targets (these, in
 * the groups' order), groups and target_of_pop. After the fences.
 */
void geodns_conf_groups_load(struct geodns_conf *conf, const struct conf *object,
			     struct geo_name *name, struct geo_target *targets);

/* "names", to be read last: from series, if that is not NULL, or else from root. */
void geodns_conf_names_load(struct geodns_conf *conf, const struct conf *root,
			    struct conf_series *series);
/* A string as domain name in wire form; *text, if not NULL, is what was configured. */
const uint8_t *geodns_conf_domain_load(struct geodns_conf *conf, const struct conf *at,
				       const char **text);

#endif
