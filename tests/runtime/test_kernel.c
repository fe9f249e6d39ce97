/*
 * Which kernels serve: by their release, and for SYN cookies by their helpers. A kernel without one of them is played by the linker, which has
 * the library's question answered here.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

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

/* Who may look things up by their ids. */
static bool may;

int __wrap_bpf_prog_get_next_id(uint32_t start, uint32_t *next);

int __wrap_bpf_prog_get_next_id(uint32_t start, uint32_t *next)
{
	assert_int_equal(start, 0);
	*next = 1;
	errno = may ? ENOENT : EPERM;
	return -1;
}

static void by_ids(void **state)
{
	struct xdpf_message said = { "" };
	const struct xdpf_log log = xdpf_log_keep(&said);

	(void)state;
	may = true;
	assert_int_equal(rt_by_ids("--dispatch", "because", &log), 0);
	assert_string_equal(said.text, "");
	may = false;
	assert_int_equal(rt_by_ids("--dispatch", "because", &log), -EPERM);
	assert_string_equal(said.text, "--dispatch needs CAP_SYS_ADMIN, which this process lacks: because\n"
			    "Run as root, or give it that capability, too");
}

static enum bpf_func_id lacking;
static unsigned asked;

int __wrap_libbpf_probe_bpf_helper(enum bpf_prog_type type, enum bpf_func_id id, const void *opts);

int __wrap_libbpf_probe_bpf_helper(enum bpf_prog_type type, enum bpf_func_id id, const void *opts)
{
	(void)opts;
	assert_int_equal(type, BPF_PROG_TYPE_XDP);
	asked++;
	return id != lacking;
}

static void on_log(void *arg, enum xdpf_log_level level, const char *text)
{
	assert_int_equal(level, XDPF_LOG_ERROR);
	snprintf(arg, 1000, "%s", text);
}

static void cookies(void **state)
{
	static const struct {
		enum bpf_func_id id;
		const char *name, *since;
	} helpers[] = {
		{ BPF_FUNC_tcp_raw_gen_syncookie_ipv4, "bpf_tcp_raw_gen_syncookie_ipv4", "Linux 6.0" },
		{ BPF_FUNC_tcp_raw_gen_syncookie_ipv6, "bpf_tcp_raw_gen_syncookie_ipv6", "Linux 6.0" },
		{ BPF_FUNC_tcp_raw_check_syncookie_ipv4, "bpf_tcp_raw_check_syncookie_ipv4", "Linux 6.0" },
		{ BPF_FUNC_tcp_raw_check_syncookie_ipv6, "bpf_tcp_raw_check_syncookie_ipv6", "Linux 6.0" },
		{ BPF_FUNC_tcp_gen_syncookie, "bpf_tcp_gen_syncookie", "Linux 5.4" },
	};
	char text[1000];
	const struct xdpf_log log = { on_log, text };
	struct xdpf_rule rules[2] = { { .shown = "web" }, { .shown = "guard" } };
	const struct xdpf_meta m = { .rules = rules, .n_rules = 2 };

	(void)state;
	/* who does not use them does not need them */
	lacking = BPF_FUNC_tcp_raw_gen_syncookie_ipv4;
	assert_int_equal(rt_cookies_check(&m, &log), 0);
	assert_int_equal(asked, 0);
	rules[1].cookies.used = true;
	for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++) {
		lacking = helpers[i].id;
		text[0] = 0;
		assert_int_equal(rt_cookies_check(&m, &log), -EOPNOTSUPP);
		assert_non_null(strstr(text, "rule guard"));
		assert_non_null(strstr(text, helpers[i].name));
		assert_non_null(strstr(text, helpers[i].since));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(releases), cmocka_unit_test(by_ids), cmocka_unit_test(cookies) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
