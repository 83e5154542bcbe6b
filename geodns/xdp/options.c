/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/xdp/options.h"

#include <net/if.h>
#include <string.h>

const char *const xdp_mode_names[] = {
	[XDP_MODE_AUTO] = "auto",
	[XDP_MODE_NATIVE] = "native",
	[XDP_MODE_GENERIC] = "generic",
	NULL,
};

void xdp_options_load(const struct conf *at, struct xdp_options *out)
{
	*out = (struct xdp_options){ .mode = XDP_MODE_AUTO };
	if (!at->json)
		return;
	CONF_KEYS(at, "interfaces", "mode");
	const struct conf list = conf_array(at, "interfaces", 1, XDP_INTERFACES_MAX);

	for (size_t i = 0; i < conf_count(&list) && i < XDP_INTERFACES_MAX; i++) {
		const struct conf item = conf_item(&list, i);
		const char *name = conf_as_string(&item);

		if (!*name || strlen(name) >= IF_NAMESIZE)
			conf_fail(&item, "'%.40s' is not the name of an interface", name);
		for (size_t k = 0; k < i; k++) {
			if (strcmp(out->interfaces[k], name) == 0)
				conf_fail(&item, "'%.40s' is there twice", name);
		}
		out->interfaces[i] = name;
		out->interface_count++;
	}
	out->mode = (enum xdp_mode)conf_choice(at, "mode", xdp_mode_names, XDP_MODE_AUTO);
}
