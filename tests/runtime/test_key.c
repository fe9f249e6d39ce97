/*
 * Keys as text: each kind of field, in host and network order, with and without a known name, and in buffers that are too
 * small.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "xdpf/runtime.h"

static const char *format(enum xdpf_key_kind kind, const char *type, const void *bytes, unsigned size)
{
	static char buf[160];
	const struct xdpf_key_field f = { .name = "x", .type = type, .kind = kind, .offset = 3, .size = size };
	unsigned char key[128] = { 0xee, 0xee, 0xee };

	memcpy(key + 3, bytes, size);
	return xdpf_key_format(&f, key, buf, sizeof(buf));
}

static void numbers(void **state)
{
	(void)state;
	assert_string_equal(format(XDPF_KEY_NUM, "number", &(uint8_t){ 255 }, 1), "255");
	assert_string_equal(format(XDPF_KEY_NUM, "number", &(uint16_t){ 65535 }, 2), "65535");
	assert_string_equal(format(XDPF_KEY_NUM, "number", &(uint32_t){ 4294967295u }, 4), "4294967295");
	assert_string_equal(format(XDPF_KEY_NUM, "number", &(uint64_t){ UINT64_MAX }, 8), "18446744073709551615");
	assert_string_equal(format(XDPF_KEY_NUM, "no such type", &(uint8_t){ 6 }, 1), "6");
	assert_string_equal(format(XDPF_KEY_FLAG, "flag", &(uint8_t){ 1 }, 1), "true");
	assert_string_equal(format(XDPF_KEY_FLAG, "flag", &(uint8_t){ 0 }, 1), "false");
}

static void known_numbers(void **state)
{
	(void)state;
	assert_string_equal(format(XDPF_KEY_NUM, "proto", &(uint8_t){ 6 }, 1), "tcp");
	assert_string_equal(format(XDPF_KEY_NUM, "proto", &(uint8_t){ 254 }, 1), "254");
	assert_string_equal(format(XDPF_KEY_NUM, "ethertype", &(uint16_t){ 0x0800 }, 2), "ip4");
	assert_string_equal(format(XDPF_KEY_NUM, "ethertype", &(uint16_t){ 0x0123 }, 2), "0x0123");
	assert_string_equal(format(XDPF_KEY_NUM, "port", &(uint16_t){ 443 }, 2), "https");
	assert_string_equal(format(XDPF_KEY_NUM, "port", &(uint16_t){ 40001 }, 2), "40001");
	assert_string_equal(format(XDPF_KEY_NUM, "tcpflags", &(uint8_t){ 0x00 }, 1), "0x00");
}

static void addresses(void **state)
{
	static const uint8_t six[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	uint8_t ip[17] = { 192, 0, 2, 1, [16] = 4 };

	(void)state;
	assert_string_equal(format(XDPF_KEY_IP4, "ip4", "\xc0\x00\x02\x01", 4), "192.0.2.1");
	assert_string_equal(format(XDPF_KEY_IP6, "ip6", six, 16), "2001:db8::1");
	assert_string_equal(format(XDPF_KEY_IP, "ip", ip, 17), "192.0.2.1");
	memcpy(ip, six, 16);
	ip[16] = 6;
	assert_string_equal(format(XDPF_KEY_IP, "ip", ip, 17), "2001:db8::1");
	ip[16] = 9;
	assert_string_equal(format(XDPF_KEY_IP, "ip", ip, 17), "20:01:0d:b8:00:00:00:00:00:00:00:00:00:00:00:01:09");
	assert_string_equal(format(XDPF_KEY_MAC, "mac", "\x02\x00\x00\x00\xfe\x01", 6), "02:00:00:00:fe:01");
	assert_string_equal(format(XDPF_KEY_BYTES, "bytes", "\xff\x00\x54", 3), "ff:00:54");
	assert_string_equal(format(XDPF_KEY_IFACE, "iface", &(uint32_t){ 1 }, 4), "lo");
	assert_string_equal(format(XDPF_KEY_IFACE, "iface", &(uint32_t){ 4000000000u }, 4), "#4000000000");
}

/* Whatever the room, the text ends in it. */
static void little_room(void **state)
{
	static const enum xdpf_key_kind kinds[] = { XDPF_KEY_NUM, XDPF_KEY_FLAG, XDPF_KEY_IP4, XDPF_KEY_IP6, XDPF_KEY_IP,
						    XDPF_KEY_MAC,
						    XDPF_KEY_BYTES, XDPF_KEY_IFACE };
	static const unsigned sizes[] = { 8, 1, 4, 16, 17, 6, 64, 4 };
	unsigned char key[64];

	(void)state;
	memset(key, 0xa5, sizeof(key));
	key[0] = 6;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		const struct xdpf_key_field f = { .name = "x", .type = "tcpflags", .kind = kinds[k], .size = sizes[k] };

		for (size_t room = 0; room < 64; room++) {
			char buf[65];

			memset(buf, 'x', sizeof(buf));
			assert_ptr_equal(xdpf_key_format(&f, key, buf, room), buf);
			for (size_t i = room; i < sizeof(buf); i++)
				assert_int_equal(buf[i], 'x');
			if (room)
				assert_non_null(memchr(buf, '\0', room));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(known_numbers),
		cmocka_unit_test(addresses),
		cmocka_unit_test(little_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
