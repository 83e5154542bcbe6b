/* SPDX-License-Identifier: GPL-3.0-or-later */
/* written.h - configurations of routers: what they hold, and what the routers' parsers say. */
#ifndef TESTS_UNIT_TESTBED_ROUTER_WRITTEN_H
#define TESTS_UNIT_TESTBED_ROUTER_WRITTEN_H

#include <stdbool.h>

/* That the part is in there; what: named when it is not. */
void expect_text(const char *config, const char *part, const char *what);
/* What is wrong stands on standard error. */
bool bird_takes(const char *config);
bool frr_takes(const char *config);

#endif
