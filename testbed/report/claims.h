/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * claims.h - what is often said of anycast and GeoDNS, and what this run says to it.
 *
 * Pure. A verdict is about the run at hand and quotes its numbers; claims that
 * the run has no data for are left out.
 */
#ifndef TESTBED_REPORT_CLAIMS_H
#define TESTBED_REPORT_CLAIMS_H

#include <jansson.h>

enum claim_verdict { CLAIM_HELD, CLAIM_FAILED, CLAIM_PARTLY, CLAIM_OPEN };

struct claim {
	const char *text;
	enum claim_verdict verdict;
	char evidence[400];
};

#define CLAIMS_MAX 8

const char *claim_verdict_name(enum claim_verdict verdict);
/* Fill in what can be said about the fault; returns how many. */
size_t claims_judge(const json_t *result, const char *fault, struct claim out[CLAIMS_MAX]);
/* The two sentences at the head of the report, plain text. */
void claims_headline(const json_t *result, const char *fault, char *buf, size_t size);

#endif
