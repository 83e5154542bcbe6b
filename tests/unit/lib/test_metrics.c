/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <math.h>

#include "lib/metrics.h"

Test(metrics, page)
{
	struct metrics m;
	char *page;

	metrics_init(&m);
	metrics_family(&m, "catchment_lb_vip_up", "gauge", "1 while the \\ VIP\nis up");
	metrics_sample(&m, 1, "vip", "web", "prefix", "192.0.2.0/24", NULL);
	metrics_sample(&m, 0, "vip", "a\"b\\c\nd", NULL);
	metrics_family(&m, "catchment_lb_uptime_seconds", "gauge", "since start");
	metrics_sample(&m, 12.25, NULL);
	page = metrics_finish(&m);
	cr_expect_str_eq(page, "# HELP catchment_lb_vip_up 1 while the \\\\ VIP\\nis up\n"
			       "# TYPE catchment_lb_vip_up gauge\n"
			       "catchment_lb_vip_up{vip=\"web\",prefix=\"192.0.2.0/24\"} 1\n"
			       "catchment_lb_vip_up{vip=\"a\\\"b\\\\c\\nd\"} 0\n"
			       "# HELP catchment_lb_uptime_seconds since start\n"
			       "# TYPE catchment_lb_uptime_seconds gauge\n"
			       "catchment_lb_uptime_seconds 12.25\n");
	free(page);
}

Test(metrics, numbers)
{
	/* clang-format off */
	static const struct { double value; const char *text; } rows[] = {
		{ 0, "x 0\n" },
		{ -3, "x -3\n" },
		{ 4294967296.0, "x 4294967296\n" },
		{ 9007199254740991.0, "x 9007199254740991\n" },
		{ 0.001, "x 0.001\n" },
		{ 1e300, "x 1e+300\n" },
		{ INFINITY, "x +Inf\n" },
		{ -INFINITY, "x -Inf\n" },
		{ NAN, "x NaN\n" },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct metrics m;
		char *page;

		metrics_init(&m);
		metrics_family(&m, "x", "gauge", "");
		metrics_sample(&m, rows[i].value, NULL);
		page = metrics_finish(&m);
		cr_expect_str_eq(page + strlen("# HELP x \n# TYPE x gauge\n"), rows[i].text);
		free(page);
	}
}

Test(metrics, histogram)
{
	static const double bounds[] = { 0.001, 0.5 };
	static const uint64_t counts[] = { 3, 0, 2 };
	struct metrics m;
	char *page;

	metrics_init(&m);
	metrics_family(&m, "h", "histogram", "");
	metrics_histogram(&m, &(struct metrics_histogram){ bounds, 2, counts, 7.5 }, "a", "b",
			  NULL);
	page = metrics_finish(&m);
	cr_expect_str_eq(page, "# HELP h \n# TYPE h histogram\n"
			       "h_bucket{a=\"b\",le=\"0.001\"} 3\n"
			       "h_bucket{a=\"b\",le=\"0.5\"} 3\n"
			       "h_bucket{a=\"b\",le=\"+Inf\"} 5\n"
			       "h_sum{a=\"b\"} 7.5\n"
			       "h_count{a=\"b\"} 5\n");
	free(page);
}
