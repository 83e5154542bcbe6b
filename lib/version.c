/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/version.h"

const char *version_number(void)
{
	return CATCHMENT_VERSION;
}

const char *version_text(void)
{
	return CATCHMENT_VERSION " (" CATCHMENT_COMMIT ")";
}
