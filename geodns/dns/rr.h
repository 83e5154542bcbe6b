/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rr.h - the numbers of the DNS (RFC 1035, 6895) and what they imply.
 *
 * Constants, and the one fact about record data that a server of unknown
 * types (RFC 3597) needs: where the data of the types of RFC 1035 hold names,
 * which alone may be compressed.
 */
#ifndef GEODNS_DNS_RR_H
#define GEODNS_DNS_RR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_NS = 2,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_MX = 15,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_SRV = 33,
	DNS_TYPE_DNAME = 39,
	DNS_TYPE_OPT = 41,
	DNS_TYPE_DS = 43,
	DNS_TYPE_RRSIG = 46,
	DNS_TYPE_NSEC = 47,
	DNS_TYPE_DNSKEY = 48,
	DNS_TYPE_NSEC3 = 50,
	DNS_TYPE_NSEC3PARAM = 51,
	DNS_TYPE_CDS = 59,
	DNS_TYPE_CDNSKEY = 60,
	DNS_TYPE_SVCB = 64,
	DNS_TYPE_HTTPS = 65,
	DNS_TYPE_NXNAME = 128, /* RFC 9824: in bitmaps only */
	DNS_TYPE_IXFR = 251,
	DNS_TYPE_AXFR = 252,
	DNS_TYPE_ANY = 255,
};

enum dns_class { DNS_CLASS_IN = 1, DNS_CLASS_CH = 3 };

/* From 16 on with the upper octet in OPT (RFC 6891, 6.1.3). */
enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_YXDOMAIN = 6,
	DNS_BADVERS = 16,
	DNS_BADCOOKIE = 23,
};
#define DNS_RCODE_COUNT 24

enum dns_section { DNS_QUESTION, DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL };

enum dns_flag {
	DNS_FLAG_QR = 0x8000,
	DNS_FLAG_AA = 0x0400,
	DNS_FLAG_TC = 0x0200,
	DNS_FLAG_RD = 0x0100,
};
#define DNS_OPCODE_MASK 0x7800
#define DNS_HEADER_SIZE 12

enum dns_option {
	DNS_OPTION_NSID = 3,
	DNS_OPTION_ECS = 8,
	DNS_OPTION_COOKIE = 10,
	DNS_OPTION_KEEPALIVE = 11,
	DNS_OPTION_PADDING = 12,
};

/* Names in record data: octets in front of the first one, and how many follow one another. */
struct dns_rdata_layout {
	uint8_t skip;
	uint8_t names;
};

/* Of the types that RFC 1035 defines; { 0, 0 } for any other. */
struct dns_rdata_layout dns_rdata_layout(uint16_t type);
/* OPT, and the types that ask for something else than records (RFC 6895, 3.1). */
bool dns_type_is_meta(uint16_t type);
/* "NOERROR", "REFUSED", ... */
const char *dns_rcode_name(enum dns_rcode rcode);
/* "A", "MX"; "TYPE1234" into buf for those that the program has no name for. */
const char *dns_type_format(uint16_t type, char buf[12]);

#endif
