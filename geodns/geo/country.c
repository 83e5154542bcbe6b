/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/geo/country.h"

#include <ctype.h>
#include <string.h>

struct continent {
	char code[3];
	const char *countries;
};

static const struct continent continents[] = {
	{ "AF", "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS "
		"LY MA MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG "
		"YT ZA ZM ZW" },
	{ "AN", "AQ BV GS HM TF" },
	{ "AS", "AE AF AM AZ BD BH BN BT CC CN CX GE HK ID IL IN IO IQ IR JO JP KG KH KP KR KW KZ "
		"LA LB LK MM MN MO MV MY NP OM PH PK PS QA SA SG SY TH TJ TM TR TW UZ VN YE" },
	{ "EU", "AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS "
		"IT JE LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA XK" },
	{ "NA", "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ "
		"MS MX NI PA PM PR SV SX TC TT US VC VG VI" },
	{ "OC",
	  "AS AU CK FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TL TO TV UM VU WF WS" },
	{ "SA", "AR BO BR CL CO EC FK GF GY PE PY SR UY VE" },
};

uint16_t geo_code_parse(const char *text, size_t len)
{
	if (len != 2 || !isalpha((unsigned char)text[0]) || !isalpha((unsigned char)text[1]))
		return 0;
	return (uint16_t)(toupper((unsigned char)text[0]) << 8 | toupper((unsigned char)text[1]));
}

void geo_code_format(uint16_t code, char text[3])
{
	text[0] = (char)(code >> 8);
	text[1] = (char)(code & 0xff);
	text[2] = '\0';
}

uint16_t geo_country_continent(uint16_t country)
{
	for (size_t i = 0; i < sizeof(continents) / sizeof(continents[0]); i++) {
		for (const char *c = continents[i].countries;; c += 3) {
			if (geo_code_parse(c, 2) == country)
				return geo_code_parse(continents[i].code, 2);
			if (c[2] == '\0')
				break;
		}
	}
	return 0;
}

bool geo_continent_is_known(uint16_t continent)
{
	for (size_t i = 0; i < sizeof(continents) / sizeof(continents[0]); i++) {
		if (geo_code_parse(continents[i].code, 2) == continent)
			return true;
	}
	return false;
}
