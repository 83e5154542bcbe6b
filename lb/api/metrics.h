/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metrics.h - parts of the page that GET /metrics answers, one for each source file.
 */
#ifndef LB_API_METRICS_H
#define LB_API_METRICS_H

#include "lb/daemon.h"
#include "lib/metrics.h"

void lb_metrics_peers(const struct lb_daemon *lb, struct metrics *m);
/* Nothing without a mesh. */
void lb_metrics_mesh(const struct lb_daemon *lb, struct metrics *m);
/* Nothing where it is off. */
void lb_metrics_continuity(const struct lb_daemon *lb, struct metrics *m);
void lb_metrics_rack(const struct lb_daemon *lb, struct metrics *m);
/* Nothing where no peer has BFD. */
void lb_metrics_bfd(const struct lb_daemon *lb, struct metrics *m);

#endif
