/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/dns/rr.h"

#include <stdio.h>

struct dns_rdata_layout dns_rdata_layout(uint16_t type)
{
	/* MD to MR and MINFO are obsolete, but receivers know how to decompress them. */
	static const struct dns_rdata_layout layouts[] = {
		[DNS_TYPE_NS] = { 0, 1 },
		[3] = { 0, 1 },
		[4] = { 0, 1 },
		[DNS_TYPE_CNAME] = { 0, 1 },
		[DNS_TYPE_SOA] = { 0, 2 },
		[7] = { 0, 1 },
		[8] = { 0, 1 },
		[9] = { 0, 1 },
		[DNS_TYPE_PTR] = { 0, 1 },
		[14] = { 0, 2 },
		[DNS_TYPE_MX] = { 2, 1 },
	};

	return type < sizeof(layouts) / sizeof(layouts[0]) ? layouts[type]
							   : (struct dns_rdata_layout){ 0, 0 };
}

bool dns_type_is_meta(uint16_t type)
{
	return type == DNS_TYPE_OPT || (type >= 128 && type <= 255);
}

const char *dns_rcode_name(enum dns_rcode rcode)
{
	switch (rcode) {
	case DNS_NOERROR:
		return "NOERROR";
	case DNS_FORMERR:
		return "FORMERR";
	case DNS_SERVFAIL:
		return "SERVFAIL";
	case DNS_NXDOMAIN:
		return "NXDOMAIN";
	case DNS_NOTIMP:
		return "NOTIMP";
	case DNS_REFUSED:
		return "REFUSED";
	case DNS_YXDOMAIN:
		return "YXDOMAIN";
	case DNS_BADVERS:
		return "BADVERS";
	case DNS_BADCOOKIE:
		return "BADCOOKIE";
	}
	return "RESERVED";
}

const char *dns_type_format(uint16_t type, char buf[12])
{
	static const char *const names[] = {
		[DNS_TYPE_A] = "A",
		[DNS_TYPE_NS] = "NS",
		[DNS_TYPE_CNAME] = "CNAME",
		[DNS_TYPE_SOA] = "SOA",
		[DNS_TYPE_PTR] = "PTR",
		[DNS_TYPE_MX] = "MX",
		[DNS_TYPE_TXT] = "TXT",
		[DNS_TYPE_AAAA] = "AAAA",
		[DNS_TYPE_SRV] = "SRV",
		[DNS_TYPE_DNAME] = "DNAME",
		[DNS_TYPE_OPT] = "OPT",
		[DNS_TYPE_DS] = "DS",
		[DNS_TYPE_RRSIG] = "RRSIG",
		[DNS_TYPE_NSEC] = "NSEC",
		[DNS_TYPE_DNSKEY] = "DNSKEY",
		[DNS_TYPE_NSEC3] = "NSEC3",
		[DNS_TYPE_NSEC3PARAM] = "NSEC3PARAM",
		[DNS_TYPE_CDS] = "CDS",
		[DNS_TYPE_CDNSKEY] = "CDNSKEY",
		[DNS_TYPE_SVCB] = "SVCB",
		[DNS_TYPE_HTTPS] = "HTTPS",
		[DNS_TYPE_NXNAME] = "NXNAME",
	};

	if (type < sizeof(names) / sizeof(names[0]) && names[type])
		return names[type];
	snprintf(buf, 12, "TYPE%u", type);
	return buf;
}
