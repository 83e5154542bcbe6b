/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tree.h - makes the prefix trees that tree_lookup.h reads.
 *
 * The builder takes leaves, each a prefix and a class, which together cover the whole
 * address space once, from the lowest address up. Neighbours that are the two halves of a
 * prefix and have the same class become that prefix, again and again: the tree has the
 * fewest leaves that say the same.
 *
 *	added              0.0.0.0/2 a   64.0.0.0/2 a   128.0.0.0/2 a   192.0.0.0/2 b
 *	leaves             0.0.0.0/1 a                  128.0.0.0/2 a   192.0.0.0/2 b
 *
 * Work is a few operations per leaf, memory is what the tree needs. Pure; a builder
 * belongs to one thread, a tree is immutable and read by all.
 */
#ifndef GEODNS_GEO_TREE_H
#define GEODNS_GEO_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "geodns/geo/tree_lookup.h"

struct geo_tree_builder;

/* For addresses of 32 or 128 bits; root_bits: 8 to 24. */
struct geo_tree_builder *geo_tree_builder_new(unsigned bits, unsigned root_bits);
/*
 * The next leaf: hi and lo as for geo_tree_walk_begin(), 0 behind length, which is 0 to bits. It
 * begins where the one before ended. class: up to GEO_TREE_CLASS_MAX.
 */
void geo_tree_builder_add(struct geo_tree_builder *builder, uint64_t hi, uint64_t lo,
			  unsigned length, uint32_t class);
/* Ends the builder. The leaves must have reached the last address. */
struct geo_tree *geo_tree_builder_finish(struct geo_tree_builder *builder);
/* Without making a tree of it. */
void geo_tree_builder_free(struct geo_tree_builder *builder);

void geo_tree_free(struct geo_tree *tree);
/* Octets of its arrays. */
size_t geo_tree_size(const struct geo_tree *tree);

#endif
