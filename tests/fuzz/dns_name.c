/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Wire to text and back is the same name; any text is a name that survives, or none. */
#include <stdlib.h>
#include <string.h>

#include "geodns/dns/name.h"

static void round_trip(const uint8_t *name, size_t len)
{
	char text[DNS_NAME_TEXT_SIZE];
	uint8_t again[DNS_NAME_MAX];

	if (dns_name_length(name) != len || !dns_name_equal(name, name))
		abort();
	if (dns_name_parse(again, dns_name_format(name, text)) != len ||
	    memcmp(name, again, len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct wire_reader r = wire_reader(data, len);
	char *text = calloc(1, len + 1);
	uint8_t parsed[DNS_NAME_MAX];
	size_t name_len;
	const uint8_t *name = dns_name_decode(&r, &name_len);

	if (name)
		round_trip(name, name_len);
	if (len > 0)
		memcpy(text, data, len);
	name_len = dns_name_parse(parsed, text);
	if (name_len > 0)
		round_trip(parsed, name_len);
	free(text);
	return 0;
}
