/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whatever the bytes: a whole configuration or a reason, never both, never neither. */
#include <stdlib.h>

#include "lb/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct conf_error err = { 0 };
	struct lb_conf *conf = lb_conf_load(conf_read_text((const char *)data, len, &err), &err);

	if (!conf == !err.set)
		abort();
	lb_conf_free(conf);
	return 0;
}
