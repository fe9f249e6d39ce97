/*
 * Text on a page. In: bytes that anybody may have written. Out: characters that mean nothing to a browser but themselves.
 */
#include "cli_html.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

enum { TAB = 8 };

static void put(FILE *out, const char *s, size_t n)
{
	switch (n == 1 ? *s : 0) {
	case '&': fputs("&amp;", out); break;
	case '<': fputs("&lt;", out); break;
	case '>': fputs("&gt;", out); break;
	case '"': fputs("&quot;", out); break;
	case '\'': fputs("&#39;", out); break;
	default: fwrite(s, 1, n, out);
	}
}

unsigned html_source(FILE *out, const char *s, size_t n, unsigned col)
{
	uint32_t cp = 0;

	for (size_t i = 0; i < n;) {
		unsigned len = utf8_decode(s + i, n - i, &cp);

		if (s[i] == '\t') {
			unsigned to = (col / TAB + 1) * TAB;

			fprintf(out, "%*s", (int)(to - col), "");
			col = to;
		} else if (!len || utf8_is_control(cp)) {
			putc('?', out);
			col++;
		} else {
			put(out, s + i, len);
			col += utf8_width(cp);
		}
		i += len ? len : 1;
	}
	return col;
}

void html_text(struct html *h, const char *s)
{
	html_source(h->out, s, strlen(s), 0);
}

bool html_cut(struct html *h, const char *s, unsigned columns)
{
	size_t n = strlen(s), fits = 0;
	unsigned at = 0;
	uint32_t cp;

	for (size_t i = 0; i < n;) {
		unsigned len = utf8_decode(s + i, n - i, &cp);

		at += len ? utf8_width(cp) : 1;
		i += len ? len : 1;
		if (at < columns)
			fits = i;
		if (at > columns) {
			html_source(h->out, s, fits, 0);
			fputs("…", h->out);
			return true;
		}
	}
	html_text(h, s);
	return false;
}

void html_printf(struct html *h, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(h->out, fmt, ap);
	va_end(ap);
}

const char *html_number(struct arena *a, uint64_t n)
{
	char *plain = arena_printf(a, "%" PRIu64, n), *text = arena_alloc(a, 2 * strlen(plain) + 1), *to = text;

	for (size_t left = strlen(plain); left; left--) {
		*to++ = *plain++;
		if (left > 1 && left % 3 == 1)
			*to++ = ',';
	}
	return text;
}

const char *html_size(struct arena *a, uint64_t bytes)
{
	static const char *const unit[] = { "bytes", "KiB", "MiB", "GiB" };
	double n = (double)bytes;
	unsigned u = 0;

	while (n >= 1024 && u + 1 < sizeof(unit) / sizeof(unit[0])) {
		n /= 1024;
		u++;
	}
	return arena_printf(a, u ? "%.1f %s" : "%.0f %s", n, unit[u]);
}

const char *html_share(struct arena *a, uint64_t part, uint64_t whole)
{
	double share = whole ? 100.0 * (double)part / (double)whole : 0;

	return arena_printf(a, part && share < 0.1 ? "< 0.1 %%" : share < 10 ? "%.1f %%" : "%.0f %%", share);
}
