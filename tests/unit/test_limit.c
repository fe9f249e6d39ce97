/*
 * The arithmetic of rate limits, which compiler, program and evaluator share: no rate is exceeded, however its tokens' time is rounded, and a burst
 * is what it says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "limit.h"

static const uint64_t second = 1000000000;

static void check_rate(uint64_t rate, uint64_t period, uint64_t burst)
{
	struct xdpf_limit_rate r;
	unsigned __int128 units;
	uint64_t state = 0, now;
	bool too_fast;

	assert_true(xdpf_limit_make(&r, rate, period, burst, &too_fast));
	units = (unsigned __int128)period << r.shift;
	/* at least the time that a token takes, and less than a unit more */
	assert_true((unsigned __int128)r.token * rate >= units);
	assert_true((unsigned __int128)(r.token - 1) * rate < units);
	assert_true(r.token >= XDPF_LIMIT_PRECISION || units % rate == 0);
	assert_true(r.window == r.token * burst);
	now = xdpf_limit_time(&r, 1000 * second);
	for (uint64_t i = 0; i < burst; i++)
		assert_true(xdpf_limit_take(&r, &state, 1, now));
	assert_false(xdpf_limit_take(&r, &state, 1, now));
	assert_false(xdpf_limit_take(&r, &state, 1, now + r.token - 1));
	assert_true(xdpf_limit_take(&r, &state, 1, now + r.token));
	assert_false(xdpf_limit_take(&r, &state, 1, now + r.token));
	/* full again, and no more than that */
	now += 5 * r.window;
	assert_true(xdpf_limit_take(&r, &state, burst, now));
	assert_false(xdpf_limit_take(&r, &state, 1, now));
}

static void test_rates(void **state)
{
	static const uint64_t rates[] = { 1, 2, 3, 7, 10, 600, 999, 3000000, 7000003, 299999999, 999999937, 3000000019 };
	static const uint64_t periods[] = { 1, 60, 3600, 8 };

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		for (size_t k = 0; k < sizeof(periods) / sizeof(periods[0]); k++) {
			check_rate(rates[i], periods[k] * second, 1);
			check_rate(rates[i], periods[k] * second, 100);
		}
}

static void test_refusals(void **state)
{
	struct xdpf_limit_rate r;
	bool too_fast;

	(void)state;
	assert_false(xdpf_limit_make(&r, UINT64_MAX / 2, second, 1, &too_fast));
	assert_true(too_fast);
	assert_false(xdpf_limit_make(&r, 1, 3600 * second, UINT64_MAX / 2, &too_fast));
	assert_false(too_fast);
	/* the longest window, and one that is longer */
	assert_true(xdpf_limit_make(&r, 1, second, ((uint64_t)1 << XDPF_LIMIT_WINDOW_BITS) / second, &too_fast));
	assert_false(xdpf_limit_make(&r, 1, second, ((uint64_t)1 << XDPF_LIMIT_WINDOW_BITS) / second + 1, &too_fast));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rates), cmocka_unit_test(test_refusals) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
