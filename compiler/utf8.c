/*
 * UTF-8 decoding. In: bytes that nobody checked. Out: characters, whether they may stand in a rule file, and their width. Overlong
 * forms, surrogates and numbers above U+10FFFF are refused; nothing is read past the given length.
 */
#include "utf8.h"

#include <string.h>

unsigned utf8_decode(const char *s, size_t n, uint32_t *cp)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *u = (const unsigned char *)s;
	unsigned len = u[0] < 0x80 ? 1 : u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : u[0] < 0xf5 ? 4 : 0;
	uint32_t c;

	if (!len || len > n)
		return 0;
	c = len == 1 ? u[0] : u[0] & (0x7fu >> len);
	for (unsigned i = 1; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (u[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return len;
}

bool utf8_is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x061c || cp == 0x200e || cp == 0x200f ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

unsigned utf8_width(uint32_t cp)
{
	static const struct { uint32_t lo, hi; } none[] = {
		{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x0610, 0x061a }, { 0x064b, 0x065f },
		{ 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x200b, 0x200d }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f },
		{ 0xfe20, 0xfe2f }, { 0xfeff, 0xfeff },
	}, wide[] = {
		{ 0x1100, 0x115f }, { 0x2e80, 0x303e }, { 0x3041, 0x33ff }, { 0x3400, 0x4dbf }, { 0x4e00, 0x9fff },
		{ 0xa000, 0xa4cf }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff }, { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 },
		{ 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
	};

	if (cp < 0x300)
		return 1;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (cp >= none[i].lo && cp <= none[i].hi)
			return 0;
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (cp >= wide[i].lo && cp <= wide[i].hi)
			return 2;
	return 1;
}

/* Bytes at @s that are characters of ASCII and mean nothing else: no blank, no quote, no sign of a comment. Most of a text is of these. */
static size_t plain(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] > ' ' && s[n] < 0x7f && s[n] != '"' && s[n] != '#')
		n++;
	return n;
}

char *utf8_line(struct arena *a, const char *s, size_t len, size_t max, bool comments)
{
	enum { SHORT = 512 };		/* what is longer stands where it is made */
	char buf[SHORT], *own = max < SHORT ? NULL : arena_alloc(a, max + 1), *out = own ? own : buf;
	size_t n = 0;
	bool quoted = false, blank = false;

	for (size_t i = 0, step; i < len; i += step) {
		uint32_t cp = 0;
		bool sound;

		step = plain(s + i, len - i <= max ? len - i : max + 1);
		if (step && n + blank + step <= max) {
			if (blank)
				out[n++] = ' ';
			blank = false;
			memcpy(out + n, s + i, step);
			n += step;
			continue;
		}
		step = 1;
		if (s[i] == ' ' || (s[i] >= '\t' && s[i] <= '\r')) {
			blank = n > 0;
			continue;
		}
		if (comments && s[i] == '#' && !quoted) {
			while (i + step < len && s[i + step] != '\n')
				step++;
			continue;
		}
		if (s[i] == '"')
			quoted = !quoted;
		if ((unsigned char)s[i] >= 0x20 && (unsigned char)s[i] < 0x7f) {
			step = 1;
			sound = true;
		} else {
			step = utf8_decode(s + i, len - i, &cp);
			sound = step && !utf8_is_control(cp);
			step = step ? step : 1;
		}
		if (n + blank + step > max)
			break;
		if (blank)
			out[n++] = ' ';
		blank = false;
		if (sound) {
			memcpy(out + n, s + i, step);
			n += step;
		} else {
			out[n++] = '?';
		}
	}
	out[n] = '\0';
	return own ? own : arena_strndup(a, buf, n);
}
