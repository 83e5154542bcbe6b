/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/fault/fault.h"

#include <criterion/criterion.h>

#include "lib/alloc.h"

static void add(struct faults *faults, bool lasts)
{
	struct fault **at = &faults->first;

	while (*at)
		at = &(*at)->next;
	*at = x_new(struct fault);
	(*at)->id = ++faults->last_id;
	(*at)->undone = lasts ? INSTANT_NEVER : (struct instant){ 1 };
}

static void expect(const struct faults *faults, const unsigned *ids)
{
	const struct fault *f = faults->first;

	for (; *ids; ids++, f = f->next) {
		cr_assert_not_null(f, "no fault %u", *ids);
		cr_expect_eq(f->id, *ids, "%u instead of %u", f->id, *ids);
	}
	cr_expect_null(f);
}

Test(fault, those_that_last_are_not_forgotten)
{
	struct faults faults = { 0 };

	faults_forget(&faults, 0);
	add(&faults, true);
	for (int i = 0; i < 3; i++)
		add(&faults, false);
	add(&faults, true);
	add(&faults, false);
	faults_forget(&faults, 6);
	expect(&faults, (const unsigned[]){ 1, 2, 3, 4, 5, 6, 0 });
	faults_forget(&faults, 4);
	expect(&faults, (const unsigned[]){ 1, 4, 5, 6, 0 });
	faults_forget(&faults, 0);
	expect(&faults, (const unsigned[]){ 1, 5, 0 });
	faults_clear(&faults);
}
