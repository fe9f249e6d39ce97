/*
 * Texts of elements, as rule files' `from` reads them: one element on each line, its components with blanks or commas between them, further words and
 * what stands behind # or ; left out, a byte order mark before them skipped. In: an open file. Out: the elements' keys. One that is wrong is told of
 * with its line.
 */
#include <errno.h>
#include <stdio.h>

#include "private.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == ',' || c == '\n';
}

/* Without snprintf(): there may be millions of lines. Keeps a zero behind it all. */
static void put(char *text, size_t *used, const char *what, size_t len)
{
	memcpy(text + *used, what, len);
	*used += len;
	text[*used] = '\0';
}

/* The line as an element's text, in @text of @size bytes: "A" or "(A, B)"; empty: there is none in it. False: it is too long. */
static bool element(const char *line, size_t len, size_t n, char *text, size_t size)
{
	const char *p = line, *end = line + len;
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < n; i++) {
		const char *begin;

		while (p < end && (blank(*p) || (n > 1 && *p == '(')))
			p++;
		begin = p;
		while (p < end && !blank(*p) && *p != '#' && *p != ';' && *p != ')')
			p++;
		if (p == begin)
			return true;
		if (used + (size_t)(p - begin) + 4 > size)
			return false;
		put(text, &used, i ? ", " : n > 1 ? "(" : "", i ? 2 : n > 1);
		put(text, &used, begin, (size_t)(p - begin));
	}
	put(text, &used, ")", n > 1);
	return true;
}

/* What has been read. */
struct reading {
	const struct xdpf_set *set;
	const char *name;
	unsigned char *keys;
	size_t n, cap, line;
};

static bool make_room(struct reading *r)
{
	size_t cap = r->cap ? 2 * r->cap : 4096;
	void *more;

	if (r->n < r->cap)
		return true;
	more = reallocarray(r->keys, cap, r->set->key_size);
	if (!more)
		return false;
	r->keys = more;
	r->cap = cap;
	return true;
}

static int take_line(struct reading *r, const char *text, size_t len, const struct xdpf_log *log)
{
	struct xdpf_message why = { "" };
	const struct xdpf_log keep = xdpf_log_keep(&why);
	char one[1024];

	if (memchr(text, '\0', len))
		return rt_fail(log, EBADMSG, "%s:%zu: there is a zero byte in the line: this is no text file", r->name, r->line);
	if (!element(text, len, r->set->n_key, one, sizeof(one)))
		return rt_fail(log, EBADMSG, "%s:%zu: the line is too long for an element", r->name, r->line);
	if (!*one)
		return 0;
	if (!make_room(r))
		return rt_fail(log, ENOMEM, "out of memory");
	if (xdpf_set_key(r->set, one, r->keys + r->n * r->set->key_size, &keep))
		return rt_fail(log, EBADMSG, "%s:%zu is no element of set %s: %s", r->name, r->line, r->set->name, why.text);
	r->n++;
	return 0;
}

enum { LINES_AT_ONCE = 1 << 14 };

int xdpf_set_read(void **keys, size_t *n, const struct xdpf_set *set, FILE *in, const char *name, const struct xdpf_set_read_opts *opts,
		  const struct xdpf_log *log)
{
	struct xdpf_set_read_opts opt = opts_copy(struct xdpf_set_read_opts, opts);
	struct reading r = { .set = set, .name = name };
	_cleanup_free_ unsigned char *v = NULL;
	_cleanup_free_ char *text = NULL;
	int err = rt_opts_check(opts, sizeof(opt), log);
	size_t room = 0;
	ssize_t len;

	while (!err && (errno = 0, len = getline(&text, &room, in)) >= 0) {
		size_t mark = !r.line && len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;

		r.line++;
		err = take_line(&r, text + mark, (size_t)len - mark, log);
		if (!err && opt.progress && r.line % LINES_AT_ONCE == 0)
			opt.progress(opt.arg, r.line);
	}
	v = r.keys;
	if (!err && !feof(in)) {
		err = errno ? errno : EIO;
		err = rt_fail(log, err, "%s cannot be read: %s", name, strerror(err));
	}
	if (err)
		return err;
	*keys = take_ptr(v);
	*n = r.n;
	return 0;
}
