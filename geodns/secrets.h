/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * secrets.h - the file of the secrets that cookies are made with (dns/cookie.h).
 */
#ifndef GEODNS_SECRETS_H
#define GEODNS_SECRETS_H

#include <stdbool.h>

#include "geodns/dns/cookie.h"
#include "lib/conf.h"

/* file: relative to folder. False, with err set, when there is none or it holds something else. */
bool secrets_load(struct dns_cookie_secrets *out, const char *folder, const char *file,
		  struct conf_error *err);

#endif
