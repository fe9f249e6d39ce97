/*
 * What the runtime says: messages without control characters, and the kernel verifier's log as the place and the end of it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "private.h"

struct said {
	unsigned n;
	char text[32][256];
};

static void hear(void *arg, enum xdpf_log_level level, const char *text)
{
	struct said *s = arg;

	assert_true(level <= XDPF_LOG_DEBUG);
	if (s->n < 32)
		snprintf(s->text[s->n++], sizeof(s->text[0]), "%s", text);
}

static void messages_are_harmless(void **state)
{
	struct said said = { 0 };
	const struct xdpf_log log = { hear, &said };

	(void)state;
	assert_int_equal(rt_fail(&log, EBADMSG, "%s is wrong\nfix it", "a\x1b[31m\tb\x7f"), -EBADMSG);
	assert_string_equal(said.text[0], "a?[31m b? is wrong\nfix it");
	assert_int_equal(rt_fail_sys(&log, ENOENT, "%s", "x"), -ENOENT);
	assert_string_equal(said.text[1], "x: No such file or directory");
	rt_fail(NULL, EINVAL, "nobody listens");
	assert_int_equal(said.n, 2);
}

static void explains_the_verifier(void **state)
{
	static const char text[] =
		"0: R1=ctx() R10=fp0\n; int edge(struct xdp_md *ctx) @ edge.xdpf:1\n0: (bf) r6 = r1\n"
		"; drop if tcp.dport == 23 @ edge.xdpf:12\n1: (79) r2 = *(u64 *)(r6 +0)\n"
		"2: 3: 4:\ninvalid access to packet, off=0 size=2, R2(id=0,off=0,r=0)\nR2 offset is outside of the packet\n"
		"verification time 40 usec\nprocessed 3 insns (limit 1000000) max_states_per_insn 0\n";
	static const struct xdpf_rule rules[] = {
		{ .source = "edge.xdpf", .line = 3, .shown = "edge.xdpf:3", .text = "pass if icmp" },
		{ .source = "edge.xdpf", .line = 12, .shown = "telnet", .text = "drop if tcp.dport == 23" },
		{ .source = "other.xdpf", .line = 13, .shown = "other", .text = "drop" },
		{ .source = "edge.xdpf", .line = 20, .shown = "last", .text = "drop if udp" },
	};
	const struct xdpf_meta meta = { .rules = rules, .n_rules = 4 };
	struct said said = { 0 };
	const struct xdpf_log log = { hear, &said };

	(void)state;
	rt_verifier_explain(&log, text, &meta);
	assert_string_equal(said.text[0], "edge.xdpf:12: the kernel's verifier stopped at rule telnet: drop if tcp.dport == 23");
	assert_string_equal(said.text[said.n - 1], "    R2 offset is outside of the packet");
	assert_int_equal(said.n, 9);
	said.n = 0;
	rt_verifier_explain(&log, text, NULL);
	assert_string_equal(said.text[0], "edge.xdpf:12: the kernel's verifier stopped at this line: drop if tcp.dport == 23");
	said.n = 0;
	/* a line that a rule goes on in, and code of no rule behind it */
	rt_verifier_explain(&log, "; and tcp.syn; @ edge.xdpf:14\n; # finding the headers, counting, returning @ xdpfc:1\n7: bad\n", &meta);
	assert_string_equal(said.text[0], "edge.xdpf:14: the kernel's verifier stopped behind rule telnet: and tcp.syn;");
	said.n = 0;
	/* before Linux 6.10 */
	rt_verifier_explain(&log, "; telnet: drop if tcp.dport == 23;\n7: bad\n", &meta);
	assert_string_equal(said.text[0], "edge.xdpf:12: the kernel's verifier stopped at rule telnet: telnet: drop if tcp.dport == 23;");
	said.n = 0;
	rt_verifier_explain(&log, "; neither here nor there\n7: bad\n", &meta);
	assert_string_equal(said.text[0], "the kernel's verifier stopped at: neither here nor there");
	said.n = 0;
	rt_verifier_explain(&log, "; x @ \n;  @ :\n; @ @ a:b:999999999999999999999 @\n", &meta);
	assert_int_equal(said.n, 4);
}

static void explains_long_and_short_logs(void **state)
{
	struct said said = { 0 };
	const struct xdpf_log log = { hear, &said };
	char text[8192];
	size_t n = 0;

	(void)state;
	rt_verifier_explain(&log, "", NULL);
	assert_int_equal(said.n, 0);
	rt_verifier_explain(&log, "one line without an end", NULL);
	assert_int_equal(said.n, 1);
	said.n = 0;
	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "line %d %*s\n", i, i % 60, "");
	rt_verifier_explain(&log, text, NULL);
	assert_int_equal(said.n, 12);
	assert_memory_equal(said.text[11], "    line 99 ", 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_harmless),
		cmocka_unit_test(explains_the_verifier),
		cmocka_unit_test(explains_long_and_short_logs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
