/*
 * The metadata's text. In: bytes that may be anything. Out: a tree of what there is a little of, and, for the arrays that are as long as the
 * rule file, one object after the other, its members as values: of a hundred thousand rules a tree costs a second and 200 MB. Guaranteed: what
 * is no JSON text is refused, as are members that are there twice and strings that hold a NUL; strings are UTF-8 and stand in the text itself,
 * which is written to.
 */
#include <ctype.h>
#include <errno.h>

#include "metadata.h"

enum { DEPTH_MAX = 64 };

struct reader {
	struct meta_parse *p;
	char *at, *end;
};

static bool bad_text(struct reader *r, const char *why)
{
	if (!r->p->err)
		r->p->err = rt_fail(r->p->log, EBADMSG, "the object's metadata is no JSON text: %s", why);
	r->at = r->end;
	return false;
}

static void blanks(struct reader *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

/* Is the next character this one? Then it is taken. */
static bool take(struct reader *r, char c)
{
	blanks(r);
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static bool want(struct reader *r, char c)
{
	char why[] = "a ' ' is missing";

	why[3] = c;
	return take(r, c) || bad_text(r, why);
}

/* ---- strings ---- */

/* Four hexadecimal digits; -1: they are none. */
static int hex4(const char *s, const char *end)
{
	int v = 0;

	if (end - s < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)s[i]))
			return -1;
		v = v << 4 | (s[i] <= '9' ? s[i] - '0' : (s[i] | 32) - 'a' + 10);
	}
	return v;
}

/* What stands behind `\u`, as UTF-8 at *to, which is at most where it was read. */
static bool unicode(struct reader *r, char **to)
{
	int c = hex4(r->at, r->end), low;
	char *o = *to;

	if (c <= 0)
		return bad_text(r, c ? "a character's number is broken" : "a string holds a NUL");
	r->at += 4;
	if (c >= 0xd800 && c < 0xe000) {
		low = r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u' ? hex4(r->at + 2, r->end) : -1;
		if (c >= 0xdc00 || low < 0xdc00 || low >= 0xe000)
			return bad_text(r, "half of a character is missing");
		r->at += 6;
		c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
		*o++ = (char)(0xf0 | c >> 18);
		*o++ = (char)(0x80 | (c >> 12 & 0x3f));
	} else if (c >= 0x800) {
		*o++ = (char)(0xe0 | c >> 12);
	}
	if (c >= 0x800)
		*o++ = (char)(0x80 | (c >> 6 & 0x3f));
	else if (c >= 0x80)
		*o++ = (char)(0xc0 | c >> 6);
	*o++ = (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c);
	*to = o;
	return true;
}

static bool escaped(struct reader *r, char **to)
{
	static const char letters[] = "\"\\/bfnrt", stand_for[] = "\"\\/\b\f\n\r\t";
	const char *l;

	if (r->at == r->end)
		return bad_text(r, "a string does not end");
	if (*r->at == 'u') {
		r->at++;
		return unicode(r, to);
	}
	l = *r->at ? strchr(letters, *r->at) : NULL;
	if (!l)
		return bad_text(r, "an unknown character is escaped");
	r->at++;
	*(*to)++ = stand_for[l - letters];
	return true;
}

static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Behind the quote that begins it; NULL: it is none. */
static const char *string(struct reader *r)
{
	char *begin = r->at, *to;

	/* Most have nothing to put in another's place. */
	while (r->at < r->end && is_plain(*r->at))
		r->at++;
	to = r->at;
	while (r->at < r->end) {
		unsigned char c = (unsigned char)*r->at;
		size_t n = c < 0x80 ? 1 : rt_utf8_length((const unsigned char *)r->at, (size_t)(r->end - r->at));

		if (c == '"') {
			r->at++;
			*to = '\0';
			return begin;
		}
		if (c < 0x20 || !n) {
			bad_text(r, n ? "a string has a control character" : "a string is not UTF-8");
			return NULL;
		}
		if (c == '\\') {
			r->at++;
			if (!escaped(r, &to))
				return NULL;
			continue;
		}
		/* rule files' texts are long, and mostly letters */
		while (n < (size_t)(r->end - r->at) && is_plain(r->at[n]))
			n++;
		memmove(to, r->at, n);
		to += n;
		r->at += n;
	}
	bad_text(r, "a string does not end");
	return NULL;
}

/* ---- values ---- */

/* From the quote that begins it to the one that ends it; false: there is none. */
static bool skip_string(struct reader *r)
{
	for (char *s = r->at + 1; s < r->end; s++) {
		if (*s == '"') {
			r->at = s;
			return true;
		}
		s += *s == '\\';
	}
	return false;
}

/* Passes over a value, and counts what stands in it if it is an array. How it looks inside, its reader will see. */
static bool skip(struct reader *r, size_t *n)
{
	unsigned depth = 0;
	bool any = false, whole = true;
	char *begin;

	blanks(r);
	begin = r->at;
	for (*n = 0; r->at < r->end && whole; r->at++) {
		char c = *r->at;

		if (!depth && (c == ',' || c == ']' || c == '}'))
			break;
		any |= depth && c != ']' && c != ' ' && c != '\t' && c != '\n' && c != '\r';
		if (c == '"') {
			whole = skip_string(r);
		} else if (c == '[' || c == '{') {
			if (++depth > DEPTH_MAX)
				return bad_text(r, "it nests too deep");
		} else if (c == ']' || c == '}') {
			depth--;
		} else if (c == ',' && depth == 1) {
			++*n;
		}
	}
	*n += any;
	return (whole && !depth && r->at > begin) || bad_text(r, "a value is missing, or does not end");
}

static json_t *tree(struct reader *r)
{
	json_error_t err;
	char *begin = r->at;
	json_t *v;
	size_t n;

	if (!skip(r, &n))
		return NULL;
	v = json_loadb(begin, (size_t)(r->at - begin), JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &err);
	if (!v)
		bad_text(r, err.text);
	return v;
}

/* A whole number of at most 18 digits is read at once; the rest jansson knows. */
static bool number(struct reader *r, struct meta_value *out)
{
	const char *s = r->at;
	int64_t v = 0;

	while (s < r->end && *s >= '0' && *s <= '9' && s - r->at < 18)
		v = v * 10 + (*s++ - '0');
	if (s == r->at || s == r->end || (*s != ',' && *s != '}') || (*r->at == '0' && s - r->at > 1))
		return false;
	*out = (struct meta_value){ .type = META_NUMBER, .number = v };
	r->at = (char *)(uintptr_t)s;
	return true;
}

struct meta_value meta_value_of(const json_t *v)
{
	struct meta_value out = { .type = v ? META_OTHER : META_ABSENT };

	if (json_is_null(v))
		out.type = META_NULL;
	else if (json_is_integer(v))
		out = (struct meta_value){ .type = META_NUMBER, .number = json_integer_value(v) };
	else if (json_is_string(v))
		out = (struct meta_value){ .type = META_STRING, .string = json_string_value(v) };
	return out;
}

static bool value(struct reader *r, struct meta_value *out)
{
	json_t *v;

	blanks(r);
	if (r->at < r->end && *r->at == '"') {
		r->at++;
		*out = (struct meta_value){ .type = META_STRING, .string = string(r) };
		return out->string;
	}
	if (number(r, out))
		return true;
	v = tree(r);
	*out = meta_value_of(v);
	/* Its string, if it is one, would go with it: but strings were read above. */
	out->tree = out->type == META_OTHER ? v : NULL;
	if (!out->tree)
		json_decref(v);
	return v;
}

/* ---- the whole ---- */

static struct meta_long *find_long(struct meta_long *l, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(l[i].name, name))
			return &l[i];
	return NULL;
}

static bool root_member(struct reader *r, struct meta_long *longs, size_t n)
{
	json_t *root = r->p->meta->root, *v;
	struct meta_long *l;
	const char *key;

	if (!want(r, '"') || !(key = string(r)) || !want(r, ':'))
		return false;
	blanks(r);
	l = find_long(longs, n, key);
	if (json_object_get(root, key) || (l && l->begin))
		return bad_text(r, "a member is there twice");
	if (l && r->at < r->end && *r->at == '[') {
		l->begin = r->at;
		if (!skip(r, &l->n))
			return false;
		l->end = r->at;
		return true;
	}
	v = tree(r);
	if (v && json_object_set_new(root, key, v))
		r->p->err = rt_fail(r->p->log, ENOMEM, "out of memory");
	return v && !r->p->err;
}

void meta_split(struct meta_parse *p, char *text, size_t len, struct meta_long *longs, size_t n)
{
	struct reader r = { p, text, text + len };

	p->meta->root = json_object();
	if (!p->meta->root) {
		p->err = rt_fail(p->log, ENOMEM, "out of memory");
		return;
	}
	if (!want(&r, '{'))
		return;
	for (bool first = true; !p->err && !take(&r, '}'); first = false)
		if ((!first && !want(&r, ',')) || !root_member(&r, longs, n))
			return;
	blanks(&r);
	if (r.at < r.end)
		bad_text(&r, "something stands behind its end");
}

/* Which of the names: most often the one behind the last. */
static size_t find_name(const char *const *names, size_t n, size_t guess, const char *key)
{
	if (guess < n && !strcmp(names[guess], key))
		return guess;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i], key))
			return i;
	return n;
}

static bool object(struct reader *r, const char *const *names, size_t n, struct meta_value *v)
{
	size_t at = 0;

	if (!want(r, '{'))
		return false;
	for (bool first = true; !take(r, '}'); first = false) {
		struct meta_value unknown = { 0 }, *to;
		const char *key;

		if ((!first && !want(r, ',')) || !want(r, '"') || !(key = string(r)) || !want(r, ':'))
			return false;
		at = find_name(names, n, at, key);
		to = at < n ? &v[at++] : &unknown;
		if (to->type != META_ABSENT)
			return bad_text(r, "a member is there twice");
		if (!value(r, to))
			return false;
		json_decref(unknown.tree);
	}
	return true;
}

void meta_each(struct meta_parse *p, const struct meta_long *l, const char *const *names, meta_element each)
{
	struct reader r = { p, l->begin, l->end };
	size_t n = 0;

	while (n < META_MEMBERS && names[n])
		n++;
	if (!l->begin || !want(&r, '['))
		return;
	for (size_t i = 0; i < l->n && !p->err; i++) {
		struct meta_value v[META_MEMBERS] = { 0 };

		if (i && !want(&r, ','))
			return;
		blanks(&r);
		if (r.at == r.end || *r.at != '{')
			return meta_bad(p, l->name, "has an element that is no object");
		if (object(&r, names, n, v))
			each(p, i, v);
		for (size_t k = 0; k < n; k++)
			json_decref(v[k].tree);
	}
	if (p->err || !want(&r, ']'))
		return;
	blanks(&r);
	if (r.at < r.end)
		bad_text(&r, "something stands behind an array");
}
