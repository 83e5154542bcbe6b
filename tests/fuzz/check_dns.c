/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whatever comes in answer to a query: only what bears its number may be judged, only what is
 * judged bad has a reason, and what has the wanted address is good without wanting one, too.
 */
#include <stdlib.h>

#include "lib/check_dns.h"

static enum check_dns_verdict judge(const struct check_dns_spec *spec, uint16_t id,
				    const uint8_t *msg, size_t len)
{
	char reason[160] = "";
	enum check_dns_verdict verdict =
		check_dns_judge(spec, id, msg, len, reason, sizeof(reason));

	if ((verdict == CHECK_DNS_BAD) != (reason[0] != '\0'))
		abort();
	return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct check_dns_spec spec = { .name = "www.test", .type = 1 };
	enum check_dns_verdict verdict;
	uint16_t id;

	if (len < 2)
		return 0;
	id = (uint16_t)(data[0] << 8 | data[1]);
	if (judge(&spec, (uint16_t)(id + 1), data, len) != CHECK_DNS_OTHER)
		abort();
	verdict = judge(&spec, id, data, len);
	spec.rcode = 3;
	judge(&spec, id, data, len);
	spec.rcode = 0;
	spec.answer = addr_from_ipv4(0xc0000201);
	if (judge(&spec, id, data, len) == CHECK_DNS_GOOD && verdict != CHECK_DNS_GOOD)
		abort();
	return 0;
}
