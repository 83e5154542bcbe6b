/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No text crashes the way from bytes to wires, and a scenario that was taken is wired or refused.
 */
#include <stdint.h>
#include <stdlib.h>

#include "testbed/topology.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct conf_error err = { 0 };
	json_t *json = conf_read_text((const char *)data, len, &err);
	struct scenario *s = json ? scenario_load(json, &err) : NULL;
	struct topology *t = s ? topology_new(s, &err) : NULL;

	if ((t != NULL) == err.set)
		abort();
	for (size_t i = 0; t && i < 2 * t->link_count; i++) {
		const struct topology_end *end = &t->links[i / 2].end[i % 2];

		if (end->node >= t->node_count || !end->iface[0])
			abort();
	}
	topology_free(t);
	if (s)
		scenario_free(s);
	else
		json_decref(json);
	return 0;
}
