/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * options.h - "xdp" of the configuration.
 */
#ifndef GEODNS_XDP_OPTIONS_H
#define GEODNS_XDP_OPTIONS_H

#include <stddef.h>

#include "lib/conf.h"

#define XDP_INTERFACES_MAX 16

enum xdp_mode { XDP_MODE_AUTO, XDP_MODE_NATIVE, XDP_MODE_GENERIC };

extern const char *const xdp_mode_names[]; /* by mode; ends with NULL */

struct xdp_options {
	const char *interfaces[XDP_INTERFACES_MAX]; /* borrowed from the JSON document */
	size_t interface_count;			    /* 0: it is not wanted */
	enum xdp_mode mode;
};

/* at: the cursor of "xdp", absent or not. */
void xdp_options_load(const struct conf *at, struct xdp_options *out);

#endif
