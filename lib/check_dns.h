/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check_dns.h - asking a nameserver one thing, and judging what it answers (RFC 1035).
 *
 * Pure. Reading is that of libresolv. What is not an answer to this very query does not
 * count, so that whoever sends other datagrams achieves nothing.
 */
#ifndef LIB_CHECK_DNS_H
#define LIB_CHECK_DNS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

#define CHECK_DNS_QUERY_MAX  512
#define CHECK_DNS_ANSWER_MAX 4096

struct check_dns_spec {
	const char *name; /* asked for */
	uint16_t type;
	uint8_t rcode;	    /* expected; with 0 (NOERROR) a record of the type must be there */
	struct addr answer; /* for A and AAAA: one that must be among them; ADDR_NONE: any */
};

enum check_dns_verdict {
	CHECK_DNS_OTHER, /* not an answer to this */
	CHECK_DNS_GOOD,
	CHECK_DNS_BAD, /* reason says why */
};

/* By value of a type that can be asked for: its name, or NULL. And back: 0 for none. */
const char *check_dns_type_name(uint16_t type);
uint16_t check_dns_type_find(const char *name);
/* The same of RCODEs 0 to 5; -1 for none. */
const char *check_dns_rcode_name(unsigned rcode);
int check_dns_rcode_find(const char *name);

/* The query's length, 0 if the name is no domain name. */
size_t check_dns_query(const struct check_dns_spec *spec, uint16_t id,
		       uint8_t out[CHECK_DNS_QUERY_MAX]);
enum check_dns_verdict check_dns_judge(const struct check_dns_spec *spec, uint16_t id,
				       const uint8_t *msg, size_t len, char *reason, size_t size);

#endif
