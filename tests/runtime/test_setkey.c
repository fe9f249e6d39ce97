/*
 * Elements of sets, from text and back: each kind of component, several in one element, and what is none, with the reason.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "xdpf/sets.h"

enum { MOST = 64 };

static char said[500];

static void hear(void *arg, enum xdpf_log_level level, const char *text)
{
	(void)arg;
	assert_int_equal(level, XDPF_LOG_ERROR);
	snprintf(said, sizeof(said), "%s", text);
}

static const struct xdpf_log log_said = { hear, NULL };

/* Of one component; a prefix has the number of its bits before it. */
static struct xdpf_set one(struct xdpf_key_field *f, enum xdpf_key_kind kind, const char *type, unsigned size)
{
	bool prefix = kind == XDPF_KEY_NET;

	*f = (struct xdpf_key_field){ .name = "x", .type = type, .kind = kind, .offset = prefix ? 4 : 0, .size = size };
	return (struct xdpf_set){ .name = "s", .prefix = prefix, .key_size = size + (prefix ? 4 : 0), .key = f, .n_key = 1 };
}

/* @to: as it is written back; NULL: as it was. */
static void takes(enum xdpf_key_kind kind, const char *type, unsigned size, const char *text, const char *to)
{
	struct xdpf_key_field f;
	const struct xdpf_set s = one(&f, kind, type, size);
	unsigned char key[MOST];
	char buf[200];

	said[0] = '\0';
	assert_int_equal(xdpf_set_key(&s, text, key, &log_said), 0);
	assert_string_equal(said, "");
	assert_string_equal(xdpf_set_format(&s, key, buf, sizeof(buf)), to ? to : text);
}

static void refuses(enum xdpf_key_kind kind, const char *type, unsigned size, const char *text, const char *why)
{
	struct xdpf_key_field f;
	const struct xdpf_set s = one(&f, kind, type, size);
	unsigned char key[MOST];

	said[0] = '\0';
	assert_int_equal(xdpf_set_key(&s, text, key, &log_said), -EINVAL);
	if (!strstr(said, why))
		fail_msg("%s: \"%s\" is not in \"%s\"", text, why, said);
}

static void addresses(void **state)
{
	(void)state;
	takes(XDPF_KEY_IP4, "ip4", 4, "192.0.2.1", NULL);
	takes(XDPF_KEY_IP6, "ip6", 16, "2001:DB8::1", "2001:db8::1");
	takes(XDPF_KEY_IP, "ip", 17, "192.0.2.1", NULL);
	takes(XDPF_KEY_IP, "ip", 17, " \t2001:db8::1 ", "2001:db8::1");
	refuses(XDPF_KEY_IP4, "ip4", 4, "2001:db8::1", "\"2001:db8::1\" is not");
	refuses(XDPF_KEY_IP4, "ip4", 4, "192.0.2", "\"192.0.2\" is not");
	refuses(XDPF_KEY_IP6, "ip6", 16, "192.0.2.1", "is not");
	refuses(XDPF_KEY_IP, "ip", 17, "192.0.2.1/32", "is not");
	refuses(XDPF_KEY_IP, "ip", 17, "", "\"\" is not");
	refuses(XDPF_KEY_IP, "ip", 17, "192.0.2.1, 192.0.2.2", "has not as many components as set s, which are 1");
}

static void prefixes(void **state)
{
	(void)state;
	takes(XDPF_KEY_NET, "net", 17, "192.0.2.0/24", NULL);
	takes(XDPF_KEY_NET, "net", 17, "192.0.2.1", "192.0.2.1");
	takes(XDPF_KEY_NET, "net", 17, "0.0.0.0/0", NULL);
	takes(XDPF_KEY_NET, "net", 17, "2001:db8::/32", NULL);
	refuses(XDPF_KEY_NET, "net", 17, "192.0.2.0/33", "\"/33\" is no prefix length of an IPv4 address");
	refuses(XDPF_KEY_NET, "net", 17, "2001:db8::/129", "\"/129\" is no prefix length of an IPv6 address");
	refuses(XDPF_KEY_NET, "net", 17, "192.0.2.0/", "\"/\" is no prefix length");
	refuses(XDPF_KEY_NET, "net", 17, "192.0.2.0/+8", "\"/+8\" is no prefix length");
	refuses(XDPF_KEY_NET, "net", 17, "192.0.2.7/24", "192.0.2.7/24 has host bits set: write 192.0.2.0/24, or 192.0.2.7 for the one address");
	refuses(XDPF_KEY_NET, "net", 17, "192.0.2/24", "is not");
}

static void macs(void **state)
{
	(void)state;
	takes(XDPF_KEY_MAC, "mac", 6, "02:00:00:0a:bc:ff", NULL);
	takes(XDPF_KEY_MAC, "mac", 6, "02:00:00:0A:BC:FF", "02:00:00:0a:bc:ff");
	refuses(XDPF_KEY_MAC, "mac", 6, "02:00:00:0a:bc", "is not");
	refuses(XDPF_KEY_MAC, "mac", 6, "02:00:00:0a:bc:ff:00", "is not");
	refuses(XDPF_KEY_MAC, "mac", 6, "02:00:00:0a:bc:fg", "is not");
	refuses(XDPF_KEY_MAC, "mac", 6, "-1:00:00:0a:bc:ff", "is not");
	refuses(XDPF_KEY_MAC, "mac", 6, "02: 0:00:0a:bc:ff", "is not");
	refuses(XDPF_KEY_MAC, "mac", 6, "02-00-00-0a-bc-ff", "is not");
}

static void numbers(void **state)
{
	(void)state;
	takes(XDPF_KEY_NUM, "port", 2, "443", "https");
	takes(XDPF_KEY_NUM, "port", 2, "https", NULL);
	takes(XDPF_KEY_NUM, "port", 2, "0x1BB", "https");
	takes(XDPF_KEY_NUM, "port", 2, "65535", NULL);
	takes(XDPF_KEY_NUM, "proto", 1, "tcp", NULL);
	takes(XDPF_KEY_NUM, "number", 8, "18446744073709551615", NULL);
	takes(XDPF_KEY_NUM, "number", 4, "0xffffffff", "4294967295");
	refuses(XDPF_KEY_NUM, "port", 2, "65536", "\"65536\" is not");
	refuses(XDPF_KEY_NUM, "port", 2, "-1", "\"-1\" is not");
	refuses(XDPF_KEY_NUM, "port", 2, "0x", "\"0x\" is not");
	refuses(XDPF_KEY_NUM, "port", 2, "0xg", "is not");
	refuses(XDPF_KEY_NUM, "port", 2, "4 4", "is not");
	refuses(XDPF_KEY_NUM, "port", 2, "nonsense", "\"nonsense\" is not");
	refuses(XDPF_KEY_NUM, "number", 8, "18446744073709551616", "is not");
	refuses(XDPF_KEY_NUM, "no such type", 1, "256", "\"256\" is not no such type");
	refuses(XDPF_KEY_FLAG, "flag", 1, "1", "is not");
	refuses(XDPF_KEY_BYTES, "bytes", 4, "00000000", "is not");
	refuses(XDPF_KEY_IFACE, "iface", 4, "lo", "is not");
}

static void several(void **state)
{
	static const struct xdpf_key_field f[] = {
		{ .name = "a", .type = "net", .kind = XDPF_KEY_NET, .offset = 6, .size = 17 },
		{ .name = "p", .type = "port", .kind = XDPF_KEY_NUM, .offset = 4, .size = 2 },
	};
	const struct xdpf_set s = { .name = "pairs", .prefix = true, .key_size = 23, .key = f, .n_key = 2 };
	unsigned char key[MOST];
	char buf[200], blanks[300];

	(void)state;
	assert_int_equal(xdpf_set_key(&s, "(192.0.2.0/24, 80)", key, &log_said), 0);
	assert_string_equal(xdpf_set_format(&s, key, buf, sizeof(buf)), "(192.0.2.0/24, http)");
	assert_int_equal(xdpf_set_key(&s, "192.0.2.7 ,\t443", key, &log_said), 0);
	assert_string_equal(xdpf_set_format(&s, key, buf, sizeof(buf)), "(192.0.2.7, https)");
	/* longer than there is room for on the stack */
	snprintf(blanks, sizeof(blanks), "(192.0.2.7,%200s443)", "");
	assert_int_equal(xdpf_set_key(&s, blanks, key, &log_said), 0);
	assert_string_equal(xdpf_set_format(&s, key, buf, sizeof(buf)), "(192.0.2.7, https)");
	/* in too little room: no more than that */
	memset(buf, 'x', sizeof(buf));
	xdpf_set_format(&s, key, buf, 8);
	assert_memory_equal(buf + 8, "xxxx", 4);
	assert_int_equal(strnlen(buf, 8), 7);
	assert_int_equal(xdpf_set_key(&s, "(192.0.2.7)", key, &log_said), -EINVAL);
	assert_non_null(strstr(said, "has not as many components as set pairs, which are 2: write (A, B)"));
	assert_int_equal(xdpf_set_key(&s, "192.0.2.7, 80, 81", key, &log_said), -EINVAL);
	assert_int_equal(xdpf_set_key(&s, "192.0.2.7,", key, &log_said), -EINVAL);
}

static void times(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = { { "0", 0 }, { "500ms", 500000000 }, { "30s", 30000000000 }, { "365d", 365 * 86400000000000ull } };
	static const char *const bad[] = { "", "5", "-5s", "366d", "1e3s", "5 s", "s", "0.5s", "99999999999999999999s" };
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(xdpf_set_time(good[i].text, &ns));
		assert_int_equal(ns, good[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(xdpf_set_time(bad[i], &ns));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses), cmocka_unit_test(prefixes), cmocka_unit_test(macs), cmocka_unit_test(numbers), cmocka_unit_test(several),
		cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
