/*
 * Texts of literals to numbers. In: NUL-terminated text as the lexer took it, any bytes. Out: the number, or one line that says why
 * the text is none. Nothing is guessed: no octal, no short forms, no surplus digits.
 */
#include "sema.h"

#include <string.h>

#include "duration.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

const char *text_ip4(struct arena *a, const char *text, struct value *out)
{
	const char *p = text;
	uint32_t addr = 0;

	for (int part = 0; part < 4; part++) {
		const char *start = p;
		unsigned n = 0;

		while (*p >= '0' && *p <= '9' && n <= 255)
			n = n * 10 + (unsigned)(*p++ - '0');
		if (p == start)
			return "an IPv4 address has four numbers with dots between them";
		if (*start == '0' && p - start > 1)
			return arena_printf(a,
					    "a part with a leading zero is octal to some programs and decimal to others: write %u", n);
		if (n > 255)
			return "a part of an IPv4 address is at most 255";
		addr = addr << 8 | n;
		if (*p != (part < 3 ? '.' : '\0'))
			return "an IPv4 address has four numbers with dots between them";
		p += part < 3;
	}
	*out = value_of(addr);
	return NULL;
}

const char *text_ip6(struct arena *a, const char *text, struct value *out)
{
	uint16_t group[8];
	int n = 0, gap = -1;
	const char *p = text;
	uint64_t half[2] = { 0, 0 };

	if (*p == ':' && p[1] != ':')
		return "an IPv6 address does not begin with a single colon";
	while (*p) {
		const char *start;
		unsigned v = 0;

		if (*p == ':' && p[1] == ':') {
			if (gap >= 0)
				return "`::` may stand only once in an IPv6 address";
			gap = n;
			p += 2;
			if (*p == ':')
				return "`:::` is in no IPv6 address";
			continue;
		}
		if (*p == ':' && ++p && !*p)
			return "an IPv6 address does not end with a single colon";
		for (start = p; hex_digit(*p) >= 0; p++) {
			if (p - start == 4)
				return "a group of an IPv6 address has at most four hexadecimal digits";
			v = v << 4 | (unsigned)hex_digit(*p);
		}
		if (*p == '.') {
			struct value v4;
			const char *why = text_ip4(a, start, &v4);

			if (why)
				return why;
			if (n > 6)
				return "an IPv6 address has eight groups, and an IPv4 address at its end counts for two";
			group[n++] = (uint16_t)(v4.lo >> 16);
			group[n++] = (uint16_t)v4.lo;
			break;
		}
		if (p == start || (*p && *p != ':'))
			return "an IPv6 address has groups of hexadecimal digits with colons between them";
		if (n == 8)
			return "an IPv6 address has eight groups, this has more";
		group[n++] = (uint16_t)v;
	}
	if (gap < 0 && n < 8)
		return arena_printf(a, "an IPv6 address has eight groups, or `::` for those that are zero; this has %d", n);
	if (gap >= 0 && n == 8)
		return "`::` stands for at least one group, and eight are there";
	if (gap < 0)
		gap = 8;
	for (int i = 0; i < n; i++) {
		int at = i < gap ? i : 8 - n + i;

		half[at / 4] |= (uint64_t)group[i] << (48 - 16 * (at % 4));
	}
	*out = (struct value){ half[0], half[1] };
	return NULL;
}

const char *text_bytes(struct arena *a, const char *text, uint8_t *out, size_t cap, size_t *n)
{
	const char *p = text;

	(void)a;
	for (*n = 0;; p++) {
		int hi = hex_digit(*p), lo;

		if (hi < 0)
			return "bytes are pairs of hexadecimal digits with colons between them";
		lo = hex_digit(*++p);
		if (lo >= 0) {
			hi = hi << 4 | lo;
			p++;
		}
		if (hex_digit(*p) >= 0)
			return "a byte has at most two hexadecimal digits";
		if (*n < cap)
			out[*n] = (uint8_t)hi;
		++*n;
		if (!*p)
			return NULL;
		if (*p != ':')
			return "bytes are pairs of hexadecimal digits with colons between them";
	}
}

enum qty_unit text_quantity(const char *text, uint64_t *out)
{
	static const struct { const char *suffix; uint64_t factor; } factors[] = {
#define SCALE(name, factor, doc) { name, factor },
#include "units.def"
	};
	const char *p = text;
	uint64_t n = 0, parts = 1;	/* n of so many parts of one */
	bool big = false, dot = false;

	for (; (*p >= '0' && *p <= '9') || (*p == '.' && p != text && !dot); p++) {
		if (*p == '.') {
			dot = true;
			continue;
		}
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n) ||
		    (dot && __builtin_mul_overflow(parts, 10, &parts)))
			big = true;
	}
	if (p == text)
		return QTY_OTHER;
	if (!strcmp(p, "%"))
		return QTY_SHARE;
	if (strchr(p, '/') || strstr(p, "bit"))
		return QTY_RATE;
	if (xdpf_time_unit(p))
		return QTY_TIME;
	for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
		size_t len = strlen(factors[i].suffix);
		bool bytes = !strncmp(p, factors[i].suffix, len) && !strcmp(p + len, "B");

		if (!bytes && strcmp(p, factors[i].suffix))
			continue;
		if (big || __builtin_mul_overflow(n, factors[i].factor, out))
			return QTY_TOO_BIG;
		if (*out % parts)
			return QTY_OTHER;
		*out /= parts;
		return bytes ? QTY_BYTES : QTY_PLAIN;
	}
	if (!strcmp(p, "B") && !dot) {
		*out = n;
		return big ? QTY_TOO_BIG : QTY_BYTES;
	}
	return QTY_OTHER;
}
