/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * graph.h - a picture of a scenario's internet.
 */
#ifndef TESTBED_GRAPH_H
#define TESTBED_GRAPH_H

#include <stdio.h>

#include "testbed/topology.h"

/* A Mermaid flowchart: networks as groups, arrows from customer to provider. */
void graph_mermaid(FILE *out, const struct topology *topology);
/* A map of the world (equirectangular) as one SVG file. */
void graph_svg(FILE *out, const struct topology *topology);

#endif
