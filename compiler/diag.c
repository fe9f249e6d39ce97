/*
 * Sources and the list of diagnostics. In: texts, and facts about places in them. Out: lines and columns, and records that
 * diag_render.c shows. Every message is cut at a readable length, so a hostile word of megabytes cannot fill a terminal.
 */
#include "diag.h"

#include <stdarg.h>
#include <string.h>

enum { TEXT_MAX = 480, WARNINGS_MAX = 100 };

struct source *source_new(struct arena *a, const char *path, const char *text, size_t len)
{
	struct source *s = arena_alloc(a, sizeof(*s));
	size_t n = 1;

	s->path = arena_strndup(a, path, strlen(path));
	s->text = arena_strndup(a, text, len);
	s->len = len;
	for (const char *p = text; (p = memchr(p, '\n', len - (size_t)(p - text))) != NULL; p++)
		n++;
	s->line_start = arena_array(a, n, sizeof(*s->line_start));
	s->n_lines = 1;
	for (const char *p = text; (p = memchr(p, '\n', len - (size_t)(p - text))) != NULL; p++)
		s->line_start[s->n_lines++] = (uint32_t)(p - text) + 1;
	return s;
}

struct line_col source_line_col(const struct source *s, uint32_t offset)
{
	size_t lo = 0, hi = s->n_lines;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->line_start[mid] <= offset)
			lo = mid;
		else
			hi = mid;
	}
	return (struct line_col){ (unsigned)lo + 1, (unsigned)(offset - s->line_start[lo]) + 1 };
}

size_t source_begin(const struct source *s)
{
	return s->len >= 3 && memcmp(s->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

const struct source_reader *source_reader(const struct source_reader *r, const struct source *by)
{
	return r && (!r->rooted || by->root) ? r : NULL;
}

const char *source_path(const struct source *s)
{
	return strcmp(s->path, "-") == 0 ? "<stdin>" : s->root ? s->path + strlen(s->root) : s->path;
}

const char *source_shown(const struct source *s)
{
	const char *base = strrchr(s->path, '/');

	return strcmp(s->path, "-") == 0 ? "<stdin>" : base ? base + 1 : s->path;
}

char *span_shown(struct arena *a, struct span sp)
{
	const char *file = NULL;
	unsigned line = 0;

	if (!sp.src)
		return arena_printf(a, "<none>");
	if (sp.src->origin && sp.src->origin->written)
		sp.src->origin->written(sp.src->origin, sp, &file, &line);
	if (line) {
		const char *slash = file ? strrchr(file, '/') : NULL;

		return arena_printf(a, "%s:%u", slash && slash[1] ? slash + 1 : file ? file : source_shown(sp.src), line);
	}
	return arena_printf(a, "%s:%u", source_shown(sp.src), source_line_col(sp.src, sp.begin).line);
}

/* Formats at most TEXT_MAX bytes; what is longer ends in "...", at the border of a character. */
static const char *text_make(struct arena *a, const char *fmt, va_list ap)
{
	char buf[TEXT_MAX + 1];
	int n = vsnprintf(buf, sizeof(buf), fmt, ap);
	size_t len = n < 0 ? 0 : (size_t)n;

	if (len > TEXT_MAX) {
		len = TEXT_MAX - 3;
		while (len && ((unsigned char)buf[len] & 0xc0) == 0x80)
			len--;
		memcpy(buf + len, "...", 3);
		len += 3;
	}
	return arena_strndup(a, buf, len);
}

static struct diag *diag_add(struct diag_list *d, enum severity sev, struct span sp, bool keep, const char *fmt, va_list ap)
{
	struct diag *r = keep ? vec_add(d->arena, &d->list) : arena_alloc(d->arena, sizeof(*r));

	r->severity = sev;
	r->kind = d->kind;
	r->span = sp;
	r->text = keep ? text_make(d->arena, fmt, ap) : "";
	return r;
}

struct diag *diag_error(struct diag_list *d, struct span sp, const char *fmt, ...)
{
	struct diag *r;
	va_list ap;

	va_start(ap, fmt);
	r = diag_add(d, DIAG_ERROR, sp, d->errors < DIAG_MAX_ERRORS, fmt, ap);
	va_end(ap);
	d->errors++;
	return r;
}

struct diag *diag_warning(struct diag_list *d, struct span sp, const char *fmt, ...)
{
	struct diag *r;
	va_list ap;

	va_start(ap, fmt);
	r = diag_add(d, DIAG_WARNING, sp, d->warnings < WARNINGS_MAX, fmt, ap);
	va_end(ap);
	d->warnings++;
	return r;
}

bool diag_full(const struct diag_list *d)
{
	return d->errors >= DIAG_MAX_COUNTED;
}

bool diag_failed(const struct diag_list *d)
{
	return d->errors || (d->werror && d->warnings);
}

/* Edit distance with transpositions of neighbours, or more than @limit as soon as that is certain. Both at most 64 bytes. */
static size_t distance(const char *a, size_t n, const char *b, size_t m, size_t limit)
{
	size_t row[3][65], *before = row[0], *prev = row[1], *cur = row[2];

	for (size_t j = 0; j <= m; j++)
		prev[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t least = cur[0] = i, *t;

		for (size_t j = 1; j <= m; j++) {
			size_t x = prev[j - 1] + (a[i - 1] != b[j - 1]);

			if (prev[j] + 1 < x)
				x = prev[j] + 1;
			if (cur[j - 1] + 1 < x)
				x = cur[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < x)
				x = before[j - 2] + 1;
			cur[j] = x;
			if (x < least)
				least = x;
		}
		if (least > limit)
			return limit + 1;
		t = before;
		before = prev;
		prev = cur;
		cur = t;
	}
	return prev[m];
}

const char *diag_nearest(const char *name, size_t len, const char *const *candidates, size_t n)
{
	size_t limit = len / 3 ? len / 3 : 1, best = limit + 1;
	const char *found = NULL;

	if (!len || len > 64)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t m = candidates[i] ? strlen(candidates[i]) : 0, dist;

		if (!m || m > 64 || (m > len ? m - len : len - m) > limit)
			continue;
		dist = distance(name, len, candidates[i], m, limit);
		/* A word of one letter with another letter is no misspelling. Of two that are as near, it is the one that begins the same. */
		if (dist < (len > m ? len : m) &&
		    (dist < best || (found && dist == best && *found != *name && *candidates[i] == *name))) {
			best = dist;
			found = candidates[i];
		}
	}
	return found;
}
