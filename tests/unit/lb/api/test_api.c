/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/api/api.h"
#include "tests/support/openapi_routes.h"

Test(lb_api, routes_are_documented)
{
	openapi_routes_expect(lb_api_routes, "docs/api/lb.yaml");
}
