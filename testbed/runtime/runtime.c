/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/runtime.h"

#include <stddef.h>
#include <string.h>

const struct runtime *runtime_find(const char *name)
{
	static const struct runtime *const all[] = { &runtime_namespaces, &runtime_docker,
						     &runtime_compose };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	}
	return NULL;
}
