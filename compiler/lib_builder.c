/*
 * A builder of rules: its memory, its first error, and how texts are put together. In: calls of lib_values.c and its like. Out: parts, which do not
 * change, and the text of what has been added, which a failed call leaves as it was.
 */
#include "lib_builder.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "utf8.h"

enum { POOL_FIRST = 16 << 10, POOL_MOST = 8 << 20, HUGE_PAGE = 2 << 20, TEXT_MOST = 256 << 20 };

struct pool {
	struct pool *next;
	size_t used, size;
	_Alignas(16) char data[];
};

int xdpfc_builder_new(struct xdpfc_builder **out)
{
	struct xdpfc_builder *b;

	if (!out)
		return -EINVAL;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	*out = b;
	return 0;
}

void xdpfc_builder_free(struct xdpfc_builder *b)
{
	if (!b)
		return;
	for (struct pool *p = b->pool, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	free(b->out.s);
	free(b->scratch.s);
	free(b);
}

int xdpfc_builder_error(const struct xdpfc_builder *b, const char **text)
{
	if (!b)
		return -EINVAL;
	if (b->err && text)
		*text = b->why;
	return b->err;
}

/* ---- calls and their errors ---- */

bool part_begin(struct xdpfc_builder *b, const char *name)
{
	if (!b || b->err)
		return false;
	b->call = name;
	b->scratch.n = 0;
	return true;
}

void *part_fail(struct xdpfc_builder *b, int err, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (b->err)
		return NULL;
	b->err = err;
	n = snprintf(b->why, sizeof(b->why), "%s: ", b->call);
	va_start(ap, fmt);
	vsnprintf(b->why + n, sizeof(b->why) - (size_t)n, fmt, ap);
	va_end(ap);
	return NULL;
}

unsigned part_deeper(struct xdpfc_builder *b, unsigned depth)
{
	if (depth >= AST_MAX_DEPTH)
		part_fail(b, -E2BIG, "parts are in each other more than %d deep", AST_MAX_DEPTH);
	return depth + 1;
}

/* ---- texts ---- */

static bool text_room(struct xdpfc_builder *b, struct text *t, size_t n)
{
	size_t cap = t->cap ? t->cap : 256;
	char *s;

	if (t->cap - t->n > n)
		return true;
	if (n > TEXT_MOST - t->n) {
		part_fail(b, -E2BIG, "a rule file has at most 256 MiB");
		return false;
	}
	while (cap - t->n <= n)
		cap *= 2;
	s = realloc(t->s, cap);
	if (!s) {
		part_fail(b, -ENOMEM, "out of memory");
		return false;
	}
	t->s = s;
	t->cap = cap;
	return true;
}

static void text_add(struct xdpfc_builder *b, struct text *t, const char *s, size_t n)
{
	if (b->err || !text_room(b, t, n + 1))
		return;
	memcpy(t->s + t->n, s, n);
	t->n += n;
	t->s[t->n] = '\0';
}

void part_glue(struct xdpfc_builder *b, const char *s)
{
	text_add(b, &b->scratch, s, strlen(s));
}

void part_put(struct xdpfc_builder *b, const char *s)
{
	part_glue(b, s);
	text_add(b, &b->scratch, " ", 1);
}

void part_print(struct xdpfc_builder *b, const char *fmt, ...)
{
	char s[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s, sizeof(s), fmt, ap);
	va_end(ap);
	part_put(b, s);
}

void part_use(struct xdpfc_builder *b, const struct part *p)
{
	if (p)
		text_add(b, &b->scratch, p->text, p->len);
}

void part_put_string(struct xdpfc_builder *b, const char *s)
{
	text_add(b, &b->scratch, "\"", 1);
	text_add(b, &b->scratch, s, strlen(s));
	text_add(b, &b->scratch, "\" ", 2);
}

static void *pool_alloc(struct xdpfc_builder *b, size_t size)
{
	struct pool *p = b->pool;
	size_t want = p ? p->size * 2 : POOL_FIRST;

	size = (size + 15) & ~(size_t)15;
	if (!p || p->size - p->used < size) {
		want = want > POOL_MOST ? POOL_MOST : want;
		want = want < size ? size : want;
		p = malloc(sizeof(*p) + want);
		if (!p)
			return part_fail(b, -ENOMEM, "out of memory");
		/* a wish: fewer page faults, where parts are many */
		if (want >= HUGE_PAGE)
			madvise((void *)((uintptr_t)p & ~(uintptr_t)4095), want, MADV_HUGEPAGE);
		*p = (struct pool){ .next = b->pool, .size = want };
		b->pool = p;
	}
	p->used += size;
	return p->data + p->used - size;
}

const void *part_end(struct xdpfc_builder *b, enum part_kind kind, enum part_form form, unsigned depth)
{
	struct part *p = b->err ? NULL : pool_alloc(b, sizeof(*p) + b->scratch.n + 1);

	if (!p)
		return NULL;
	*p = (struct part){ .owner = b, .kind = kind, .form = form, .depth = depth, .len = b->scratch.n };
	memcpy(p->text, b->scratch.s, b->scratch.n + 1);
	return p;
}

int part_add(struct xdpfc_builder *b)
{
	text_add(b, &b->out, b->scratch.s, b->scratch.n);
	text_add(b, &b->out, "\n", 1);
	return b->err;
}

/* ---- arguments ---- */

const struct part *part_of(struct xdpfc_builder *b, const void *arg, enum part_kind kind, const char *what)
{
	const struct part *p = arg;

	if (!p)
		return part_fail(b, -EINVAL, "no %s is given", what);
	if (p->owner != b)
		return part_fail(b, -EINVAL, "the %s is another builder's", what);
	if (p->kind != kind)
		return part_fail(b, -EINVAL, "the %s is something else", what);
	return p;
}

const struct part *part_plain(struct xdpfc_builder *b, const struct xdpfc_value *v, const char *what)
{
	const struct part *p = part_of(b, v, PART_VALUE, what);

	if (p && p->form > FORM_PLAIN)
		return part_fail(b, -EINVAL, "the %s is no plain value: a number, quantity, name or address", what);
	return p;
}

const struct part *part_amount(struct xdpfc_builder *b, const struct xdpfc_value *v, const char *what)
{
	const struct part *p = part_of(b, v, PART_VALUE, what);

	if (p && p->form > FORM_QUANTITY)
		return part_fail(b, -EINVAL, "the %s is no number and no quantity", what);
	return p;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The words of lex.l: ID, or with dots FLD. */
static bool is_word(const char *s, bool dots)
{
	for (;; s++) {
		if (!is_letter(*s))
			return false;
		while (is_letter(*s) || is_digit(*s) || (*s == '-' && (is_letter(s[1]) || is_digit(s[1]))))
			s++;
		if (!*s || !dots || *s != '.')
			return !*s;
	}
}

bool part_name(struct xdpfc_builder *b, const char *s, const char *what, bool dots, const int *words)
{
	int keyword;

	if (!s) {
		part_fail(b, -EINVAL, "no %s is given", what);
		return false;
	}
	if (strlen(s) > NAME_MAX_LEN || !is_word(s, dots) || *s == '_') {
		part_fail(b, -EINVAL, "the %s `%.60s` is no name: letters, digits, `_` and `-`%s, of at most %d", what, s,
			  dots ? ", with dots between them" : "", NAME_MAX_LEN);
		return false;
	}
	keyword = tokens_keyword(s, strlen(s));
	for (size_t i = 0; keyword && words && words[i]; i++)
		if (words[i] == keyword)
			return true;
	if (keyword)
		part_fail(b, -EINVAL, "the %s `%s` is a word of the language", what, s);
	return !keyword;
}

bool part_label(struct xdpfc_builder *b, const char *s)
{
	bool ok = strlen(s) <= NAME_MAX_LEN && is_word(s, false);

	if (!ok)
		part_fail(b, -EINVAL, "the label `%.60s` is no name: letters, digits, `_` and `-`, of at most %d", s, NAME_MAX_LEN);
	return ok;
}

static bool is_clean(const char *s, size_t n, const char *not)
{
	uint32_t cp;
	unsigned len;

	for (size_t i = 0; i < n; i += len) {
		len = utf8_decode(s + i, n - i, &cp);
		if (!len || utf8_is_control(cp) || strchr(not, s[i]))
			return false;
	}
	return true;
}

bool part_string(struct xdpfc_builder *b, const char *s, const char *what)
{
	if (!s)
		part_fail(b, -EINVAL, "no %s is given", what);
	else if (!is_clean(s, strlen(s), "\""))
		part_fail(b, -EINVAL, "the %s has a byte that cannot stand in it: a quote, a control character, or no UTF-8", what);
	return !b->err;
}

void part_comment(struct xdpfc_builder *b, const char *s, size_t n)
{
	if (!is_clean(s, n, ""))
		part_fail(b, -EINVAL, "a comment has no control characters, and is UTF-8");
	part_glue(b, n ? "# " : "#");
	text_add(b, &b->scratch, s, n);
}

bool part_operands(struct xdpfc_builder *b, const struct xdpfc_operand *const *o, size_t n, bool key)
{
	if (!o || !n) {
		part_fail(b, -EINVAL, "no operand is given");
		return false;
	}
	if (n > 1)
		part_put(b, "(");
	for (size_t i = 0; i < n; i++) {
		const struct part *p = part_of(b, o[i], PART_OPERAND, "operand");

		if (p && !key && (p->form == FORM_PREFIXED || p->form == FORM_PREFIXED_TWICE))
			part_fail(b, -EINVAL, "how many bits of an operand count is only said in keys");
		if (i)
			part_put(b, ",");
		part_use(b, p);
		if (b->err)
			return false;
	}
	if (n > 1)
		part_put(b, ")");
	return true;
}
