/*
 * Diagnostics as text for people and as JSON for programs. In: a list of records. Out: lines on a stream. Whatever the sources hold,
 * no control character reaches the terminal, carets stand under what they mean, and no line is longer than a window around them.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "utf8.h"

enum { TAB = 8, WINDOW = 100, BEFORE = 40 };

/* Text with everything a terminal might obey replaced. */
static void put_clean(const char *s, size_t n, FILE *out)
{
	for (size_t i = 0; i < n;) {
		uint32_t cp = 0;
		unsigned len = utf8_decode(s + i, n - i, &cp);

		if (!len || utf8_is_control(cp))
			putc('?', out);
		else
			fwrite(s + i, 1, len, out);
		i += len ? len : 1;
	}
}

/* One character of a source line: its bytes, its columns. */
struct cell {
	unsigned bytes, width;
	bool shown;		/* as itself; else as blanks (a tab) or '?' */
	bool tab;
};

static struct cell cell_at(const char *s, size_t n, size_t col)
{
	uint32_t cp = 0;
	unsigned len = utf8_decode(s, n, &cp);

	if (len && cp == '\t')
		return (struct cell){ 1, TAB - (unsigned)(col % TAB), false, true };
	if (!len || utf8_is_control(cp))
		return (struct cell){ len ? len : 1, 1, false, false };
	return (struct cell){ len, utf8_width(cp), true, false };
}

static void put_excerpt(struct span sp, FILE *out, const char *on, const char *off)
{
	const struct source *src = sp.src;
	struct line_col at = source_line_col(src, sp.begin);
	const char *line = src->text + src->line_start[at.line - 1];
	size_t len = (at.line < src->n_lines ? src->line_start[at.line] - 1 : src->len) - src->line_start[at.line - 1];
	size_t begin = at.col - 1, end = sp.end - src->line_start[at.line - 1];
	size_t first = 0, last, col, from, c0, c1;

	if (len && line[len - 1] == '\r')
		len--;
	if (begin > len)
		begin = len;
	if (end > len)
		end = len;
	/* Columns of the caret and its end. */
	c0 = c1 = col = 0;
	for (size_t i = 0; i < end || i < begin;) {
		struct cell c = cell_at(line + i, len - i, col);

		if (i < begin)
			c0 = col + c.width;
		i += c.bytes;
		col += c.width;
		c1 = col;
	}
	if (c0 > BEFORE + WINDOW / 3)
		first = c0 - BEFORE;
	last = first + WINDOW;
	if (src->origin)
		fprintf(out, "      | %s", first ? "..." : "");
	else
		fprintf(out, "%5u | %s", at.line, first ? "..." : "");
	col = 0;
	from = SIZE_MAX;
	for (size_t i = 0; i < len;) {
		struct cell c = cell_at(line + i, len - i, col);

		if (col >= last) {
			fputs("...", out);
			break;
		}
		if (col >= first) {
			if (from == SIZE_MAX)
				from = col;
			if (c.shown)
				fwrite(line + i, 1, c.bytes, out);
			else if (c.tab)
				fprintf(out, "%*s", (int)c.width, "");
			else
				putc('?', out);
		}
		i += c.bytes;
		col += c.width;
	}
	/* A wide character or tab may straddle the window's edge: what is shown then begins at @from, still before the caret. */
	if (from == SIZE_MAX)
		from = first;
	fprintf(out, "\n      | %*s%s^", (int)(c0 - from) + (first ? 3 : 0), "", on);
	for (col = c0 + 1; col < c1 && col < last; col++)
		putc('~', out);
	fprintf(out, "%s\n", off);
}

static void put_place(const struct diag_list *d, struct span sp, FILE *out)
{
	if (sp.src && sp.src->origin) {
		const struct source_origin *o = sp.src->origin;
		const char *path = strcmp(o->path, "-") == 0 ? "<stdin>" : o->path, *at = o->place(o, d->arena, sp);

		put_clean(path, strlen(path), out);
		putc('#', out);
		put_clean(at, strlen(at), out);
		fputs(": ", out);
	} else if (sp.src) {
		struct line_col at = source_line_col(sp.src, sp.begin);

		put_clean(source_path(sp.src), strlen(source_path(sp.src)), out);
		fprintf(out, ":%u:%u: ", at.line, at.col);
	} else {
		fputs("xdpfc: ", out);
	}
}

/* Where nothing was made yet, the place alone is known. */
static bool has_excerpt(struct span sp)
{
	return sp.src && (sp.src->len || !sp.src->origin);
}

/* Who made it, where that is said. */
static void put_written(struct span sp, FILE *out, const char *on, const char *off)
{
	const struct source_origin *o = sp.src ? sp.src->origin : NULL;
	const char *file = NULL;
	unsigned line = 0;

	if (o && o->written)
		o->written(o, sp, &file, &line);
	if (!file && !line)
		return;
	fprintf(out, "  %swritten by:%s ", on, off);
	if (file)
		put_clean(file, strlen(file), out);
	if (line)
		fprintf(out, "%s%u", file ? ":" : "line ", line);
	putc('\n', out);
}

/* What was counted, but not kept. */
struct more {
	unsigned n;
	char text[64];
};

static struct more more_of(const struct diag_list *d, enum severity sev)
{
	bool error = sev == DIAG_ERROR;
	struct more m = { error ? d->errors : d->warnings };

	for (size_t i = 0; i < d->list.n; i++)
		m.n -= d->list.v[i].severity == sev;
	snprintf(m.text, sizeof(m.text), "and %s%u more %s%s", error && diag_full(d) ? "at least " : "", m.n,
		 error ? "error" : "warning", m.n == 1 ? "" : "s");
	return m;
}

void diag_render(const struct diag_list *d, FILE *out, bool colour)
{
	const char *bold = colour ? "\33[1m" : "", *off = colour ? "\33[0m" : "";
	const char *red = colour ? "\33[1;31m" : "", *yellow = colour ? "\33[1;35m" : "", *blue = colour ? "\33[1;36m" : "";

	for (size_t i = 0; i < d->list.n; i++) {
		const struct diag *r = &d->list.v[i];
		bool error = r->severity == DIAG_ERROR;

		fputs(bold, out);
		put_place(d, r->span, out);
		fprintf(out, "%s%s%s:%s %s", off, error ? red : yellow, error ? "error" : "warning", off, bold);
		put_clean(r->text, strlen(r->text), out);
		fprintf(out, "%s%s\n", !error && d->werror ? " [-Werror]" : "", off);
		if (has_excerpt(r->span))
			put_excerpt(r->span, out, error ? red : yellow, off);
		if (r->remedy) {
			fprintf(out, "  %sremedy:%s ", blue, off);
			put_clean(r->remedy, strlen(r->remedy), out);
			putc('\n', out);
		}
		put_written(r->span, out, blue, off);
		if (r->note) {
			fputs(bold, out);
			put_place(d, r->note_span, out);
			fprintf(out, "%s%snote:%s ", off, blue, off);
			put_clean(r->note, strlen(r->note), out);
			putc('\n', out);
			if (has_excerpt(r->note_span))
				put_excerpt(r->note_span, out, blue, off);
		}
	}
	for (int sev = DIAG_ERROR; sev <= DIAG_WARNING; sev++) {
		struct more m = more_of(d, (enum severity)sev);

		if (m.n)
			fprintf(out, "xdpfc: %s\n", m.text);
	}
}

static const char *severity_name(enum severity sev)
{
	return sev == DIAG_ERROR ? "error" : "warning";
}

/* JSON strings must be UTF-8. */
static json_t *json_clean(const char *s)
{
	char *buf = NULL;
	size_t n = 0;
	FILE *f = arena_stream(&buf, &n);
	json_t *j;

	put_clean(s, strlen(s), f);
	arena_stream_close(f, &buf);
	j = json_stringn(buf, n);
	free(buf);
	return j;
}

static void json_origin(const struct diag_list *d, json_t *o, struct span sp)
{
	const struct source_origin *from = sp.src->origin;
	const char *file = NULL;
	unsigned line = 0;
	json_t *by;

	json_object_set_new(o, "file", json_clean(strcmp(from->path, "-") == 0 ? "<stdin>" : from->path));
	json_object_set_new(o, "pointer", json_clean(from->place(from, d->arena, sp)));
	if (from->written)
		from->written(from, sp, &file, &line);
	if (!file && !line)
		return;
	by = json_object();
	if (file)
		json_object_set_new(by, "file", json_clean(file));
	if (line)
		json_object_set_new(by, "line", json_integer(line));
	json_object_set_new(o, "written_by", by);
}

static void json_place(const struct diag_list *d, json_t *o, struct span sp, bool ends)
{
	struct line_col b, e;

	if (!sp.src)
		return;
	if (sp.src->origin) {
		json_origin(d, o, sp);
		return;
	}
	b = source_line_col(sp.src, sp.begin);
	e = source_line_col(sp.src, sp.end);
	json_object_set_new(o, "file", json_clean(source_path(sp.src)));
	json_object_set_new(o, "line", json_integer(b.line));
	json_object_set_new(o, "column", json_integer(b.col));
	if (ends) {
		json_object_set_new(o, "end_line", json_integer(e.line));
		json_object_set_new(o, "end_column", json_integer(e.col));
	}
}

void diag_json(const struct diag_list *d, FILE *out)
{
	json_t *all = json_array();

	for (size_t i = 0; i < d->list.n; i++) {
		const struct diag *r = &d->list.v[i];
		json_t *o = json_object();

		json_object_set_new(o, "severity", json_string(severity_name(r->severity)));
		json_place(d, o, r->span, true);
		json_object_set_new(o, "text", json_clean(r->text));
		if (r->remedy)
			json_object_set_new(o, "remedy", json_clean(r->remedy));
		if (r->note) {
			json_t *note = json_object();

			json_place(d, note, r->note_span, false);
			json_object_set_new(note, "text", json_clean(r->note));
			json_object_set_new(o, "note", note);
		}
		json_array_append_new(all, o);
	}
	for (int sev = DIAG_ERROR; sev <= DIAG_WARNING; sev++) {
		struct more m = more_of(d, (enum severity)sev);
		json_t *o = m.n ? json_object() : NULL;

		if (!o)
			continue;
		json_object_set_new(o, "severity", json_string(severity_name((enum severity)sev)));
		json_object_set_new(o, "text", json_string(m.text));
		json_object_set_new(o, "more", json_integer(m.n));
		json_array_append_new(all, o);
	}
	json_dumpf(all, out, JSON_INDENT(2));
	putc('\n', out);
	json_decref(all);
}
