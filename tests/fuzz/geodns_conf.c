/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text is a configuration or a mistake with a reason, never both; what loads compiles. */
#include <stdlib.h>

#include "geodns/conf.h"
#include "geodns/geo/map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct conf_error err = { 0 };
	json_t *json = conf_read_text((const char *)data, len, &err);
	struct geodns_conf *conf = json ? geodns_conf_load(json, &err) : NULL;

	if ((conf == NULL) != err.set || (err.set && err.reason[0] == '\0'))
		abort();
	if (conf && conf->places.database_count == 0)
		geo_map_free(geo_map_new(&conf->places, NULL, NULL));
	geodns_conf_free(conf);
	return 0;
}
