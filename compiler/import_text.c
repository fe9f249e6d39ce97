/*
 * What importers write and say. In: pieces of text, refusals. Out: the text that import.c collects; comments are one line each, whatever was in
 * them.
 */
#include <stdarg.h>
#include <string.h>

#include "import.h"
#include "utf8.h"

enum { SHOWN_MOST = 300 };

void import_put(struct import *im, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(im->out, fmt, ap);
	va_end(ap);
}

static const char *text_of(struct import *im, const char *fmt, va_list ap)
{
	char buf[1024];
	int n = vsnprintf(buf, sizeof(buf), fmt, ap);

	return import_shown(im, buf, n < 0 ? 0 : (size_t)n < sizeof(buf) ? (size_t)n : sizeof(buf) - 1);
}

void import_note(struct import *im, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = text_of(im, fmt, ap);
	va_end(ap);
	fprintf(im->out, "# %s\n", text);
}

const char *import_at(struct import *im, const struct source *src, unsigned line)
{
	return arena_printf(im->arena, "%s:%u", import_shown(im, source_shown(src), strlen(source_shown(src))), line);
}

const char *import_shown(struct import *im, const char *s, size_t len)
{
	return utf8_line(im->arena, s, len, SHOWN_MOST, false);
}

void import_refuse(struct import *im, unsigned accepted, const char *at, const char *what, const char *fmt, ...)
{
	const char *why;
	va_list ap;

	va_start(ap, fmt);
	why = text_of(im, fmt, ap);
	va_end(ap);
	*vec_add(im->arena, &im->refused) = (struct import_refusal){ at, what, why, accepted };
}

void import_note_refused(struct import *im, size_t from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct import_refusal *r = &im->refused.v[from + i];

		if (r->accepted & im->o.accept)
			import_note(im, "%s: %s: %s", r->accepted & IMPORT_LEFT_OUT ? "LEFT OUT" : "NOT THE SAME", r->at, r->why);
	}
}

bool import_begin(struct import *im, uint64_t rule)
{
	for (size_t i = 0; i < im->dead.n; i++)
		if (im->dead.v[i].rule == rule) {
			import_note(im, "never matches: %s", im->dead.v[i].why);
			return false;
		}
	*vec_add(im->arena, &im->place) = (struct import_place){ (size_t)ftello(im->out), SIZE_MAX, rule };
	return true;
}

void import_end(struct import *im, uint64_t rule)
{
	for (size_t i = im->place.n; i-- > 0;)
		if (im->place.v[i].rule == rule && im->place.v[i].end == SIZE_MAX) {
			im->place.v[i].end = (size_t)ftello(im->out);
			return;
		}
}
