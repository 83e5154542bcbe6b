/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * country.h - countries (ISO 3166-1 alpha-2, and XK) and continents, as numbers of two letters.
 *
 * Continents are AF, AN, AS, EU, NA, OC and SA, and a country lies in the one that GeoNames puts
 * it in: a database that only tells countries serves rules for continents too.
 */
#ifndef GEODNS_GEO_COUNTRY_H
#define GEODNS_GEO_COUNTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "de" and "DE" are one number; 0 for anything but two letters. */
uint16_t geo_code_parse(const char *text, size_t len);
void geo_code_format(uint16_t code, char text[3]);
/* 0 for what is no country. */
uint16_t geo_country_continent(uint16_t country);
bool geo_continent_is_known(uint16_t continent);

#endif
