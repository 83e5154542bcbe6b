/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>

#include "testbed/client/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct conf_error err = { 0 };
	json_t *json = conf_read_text((const char *)data, len, &err);
	struct client_conf *conf = json ? client_conf_load(json, &err) : NULL;

	/* Whole or not at all, and never without a reason. */
	if (!conf != err.set || (conf && (conf->users == 0 || conf->traffic_count == 0)))
		abort();
	client_conf_free(conf);
	json_decref(json);
	return 0;
}
