/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "testbed/client/batch.h"
#include "testbed/client/lateness.h"

Test(client_batch, message_is_json)
{
	struct client_batch *batch = client_batch_new("paris");
	struct client_row row = { { 1234567890123 }, CLIENT_UDP, "geodns30",   3, "fra",
				  CLIENT_OK,	     12345,	 "198.18.33.1" };
	char *text, *dumped;
	json_t *json;
	size_t len;

	client_batch_add(batch, &row);
	row.result = CLIENT_DNS_FAILED;
	row.pop = "";
	row.detail = "nxdomain";
	client_batch_add(batch, &row);
	cr_expect_eq(client_batch_rows(batch), 2);
	text = client_batch_take(batch, &len);
	json = json_loadb(text, len, 0, NULL);
	dumped = json_dumps(json, JSON_COMPACT);
	cr_expect_str_eq(
		dumped,
		"{\"type\":\"samples\",\"group\":\"paris\",\"rows\":"
		"[[1234567890123,\"udp\",\"geodns30\",3,\"fra\",\"ok\",12345,\"198.18.33.1\"],"
		"[1234567890123,\"udp\",\"geodns30\",3,\"\",\"dns_failed\",12345,\"nxdomain\"]]}");
	free(text);
	free(dumped);
	json_decref(json);
	cr_expect_eq(client_batch_rows(batch), 0);
	client_batch_add(batch, &row);
	text = client_batch_take(batch, &len);
	cr_expect_eq(memcmp(text, "{\"type\":\"samples\"", 17), 0);
	free(text);
	client_batch_free(batch);
}

Test(client_lateness, quantiles_are_upper_bounds)
{
	struct client_lateness l = { 0 };
	char text[512];

	cr_expect_eq(client_lateness_quantile(&l, 0.99), 0);
	for (int i = 0; i < 98; i++)
		client_lateness_add(&l, 15);
	client_lateness_add(&l, 5000);
	client_lateness_add(&l, 5001);
	cr_expect_eq(client_lateness_quantile(&l, 0.5), 20);
	cr_expect_eq(client_lateness_quantile(&l, 0.99), 5000);
	cr_expect_eq(client_lateness_quantile(&l, 1), 5001);
	cr_expect_lt(client_lateness_format(&l, text, sizeof(text)), sizeof(text));
	cr_expect_str_eq(text, "{\"p50\":20,\"p99\":5000,\"max\":5001,"
			       "\"buckets\":[[20,98],[5000,1],[10000,1]]}");
	client_lateness_add(&l, 3000000);
	client_lateness_format(&l, text, sizeof(text));
	cr_expect_not_null(strstr(text, ",[null,1]]}"));
}

Test(client_result, errno_to_what_the_user_sees)
{
	static const struct {
		int err;
		const char *name;
	} errors[] = { { ECONNREFUSED, "refused" },
		       { ECONNRESET, "reset" },
		       { EPIPE, "reset" },
		       { ETIMEDOUT, "silent" },
		       { EHOSTUNREACH, "unreachable" },
		       { ENETUNREACH, "unreachable" },
		       { EINVAL, "unreachable" } };

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		cr_expect_str_eq(client_result_name(client_result_from_errno(errors[i].err)),
				 errors[i].name, "%s", strerror(errors[i].err));
	cr_expect_str_eq(client_result_name(CLIENT_CLOSED), "closed");
}
