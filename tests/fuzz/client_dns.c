/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>

#include "testbed/client/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum client_dns_status status;
	struct addr addr = { 0 };

	for (int family = ADDR_IPV4; family <= ADDR_IPV6; family += 2) {
		if (client_dns_reply_decode(data, len, "u1.g30.lab.test", family, &status, &addr) &&
		    status == CLIENT_DNS_OK && addr.family != family)
			abort();
	}
	return 0;
}
