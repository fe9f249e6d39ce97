/*
 * Which kernels serve: by their release.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "private.h"

static void releases(void **state)
{
	(void)state;
	assert_true(rt_release_serves("6.1.0-56-cloud-amd64"));
	assert_true(rt_release_serves("6.11.9"));
	assert_false(rt_release_serves("6.0.19"));
	assert_false(rt_release_serves("5.15.0"));
	assert_true(rt_release_serves("6.12.117+deb12-amd64"));
	assert_true(rt_release_serves("6.18.44"));
	assert_true(rt_release_serves("7.0.0-rc1"));
	assert_true(rt_release_serves("custom"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(releases) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
