/*
 * What came of a compilation. In: the messages of the process that did it, in any order. Out: the same as data, which points into them. A message
 * that is not whole is refused: what it says of itself is not believed.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib.h"

struct xdpfc_result {
	struct lib_message *first;
	struct xdpfc_diag *diag;
	size_t n_diags, cap_diags;
	struct xdpfc_test *test;
	size_t n_tests, cap_tests;
	const char *messages;
	struct lib_done done;
};

int lib_result_new(struct xdpfc_result **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void xdpfc_result_free(struct xdpfc_result *r)
{
	if (!r)
		return;
	for (struct lib_message *m = r->first, *next; m; m = next) {
		next = m->next;
		free(m);
	}
	free(r->diag);
	free(r->test);
	free(r);
}

/* Room for one more of @size bytes. NULL: memory is out. */
static void *more(void **list, size_t n, size_t *cap, size_t size)
{
	if (n == *cap) {
		size_t want = *cap ? *cap * 2 : 8;
		void *bigger = reallocarray(*list, want, size);

		if (!bigger)
			return NULL;
		*list = bigger;
		*cap = want;
	}
	return (char *)*list + n * size;
}

/* ---- texts behind a struct ---- */

struct reader {
	const char *at, *end;
};

/* NULL: there is none; *ok is false where there is no end. */
static const char *text(struct reader *r, bool *ok)
{
	const char *s = r->at, *nul = *ok ? memchr(s, '\0', (size_t)(r->end - s)) : NULL;

	*ok = nul;
	r->at = nul ? nul + 1 : r->end;
	return *ok && *s ? s : NULL;
}

static bool begin(struct reader *r, const struct lib_message *m, void *head, size_t size)
{
	if (m->head.len < size)
		return false;
	memcpy(head, m->data, size);
	*r = (struct reader){ m->data + size, m->data + m->head.len };
	return true;
}

static struct xdpfc_place place(const char *file, struct lib_place p)
{
	return (struct xdpfc_place){ file, p.line, p.column, p.end_line, p.end_column };
}

static int add_diag(struct xdpfc_result *r, const struct lib_message *m)
{
	struct xdpfc_diag *d = more((void **)&r->diag, r->n_diags, &r->cap_diags, sizeof(*d));
	struct lib_diag head;
	struct reader t;
	bool ok = true;

	if (!d)
		return -ENOMEM;
	if (!begin(&t, m, &head, sizeof(head)))
		return -EBADMSG;
	*d = (struct xdpfc_diag){ .severity = (enum xdpfc_severity)head.severity, .kind = (enum xdpfc_kind)head.kind };
	d->place = place(text(&t, &ok), head.place);
	d->text = text(&t, &ok);
	d->remedy = text(&t, &ok);
	d->note_place = place(text(&t, &ok), head.note);
	d->note = text(&t, &ok);
	r->n_diags += ok;
	return ok ? 0 : -EBADMSG;
}

static int add_test(struct xdpfc_result *r, const struct lib_message *m)
{
	struct xdpfc_test *x = more((void **)&r->test, r->n_tests, &r->cap_tests, sizeof(*x));
	struct lib_test head;
	struct reader t;
	bool ok = true;

	if (!x)
		return -ENOMEM;
	if (!begin(&t, m, &head, sizeof(head)))
		return -EBADMSG;
	*x = (struct xdpfc_test){ .passed = head.passed, .packet = head.packet };
	x->name = text(&t, &ok);
	if (!x->name)
		x->name = "";
	x->place = place(text(&t, &ok), head.place);
	x->text = text(&t, &ok);
	r->n_tests += ok;
	return ok ? 0 : -EBADMSG;
}

int lib_result_add(struct xdpfc_result *r, struct lib_message *m)
{
	struct reader t;
	int err = 0;

	switch ((enum lib_what)m->head.what) {
	case LIB_DIAG:
		err = add_diag(r, m);
		break;
	case LIB_TEST:
		err = add_test(r, m);
		break;
	case LIB_MESSAGES:
		r->messages = m->data;
		break;
	case LIB_MADE:
		break;
	case LIB_DONE:
		err = begin(&t, m, &r->done, sizeof(r->done)) ? 0 : -EBADMSG;
		break;
	case LIB_READ:
	case LIB_KINDS:
		err = -EBADMSG;
		break;
	}
	if (!err) {
		m->next = r->first;
		r->first = m;
	}
	return err;
}

/* The first line of what it said that has words in it: what follows is about where it was. */
static const char *first_line(char *words)
{
	size_t n;

	for (;;) {
		words += strspn(words, "\n");
		n = strcspn(words, "\n");
		if (!words[n] || strcspn(words, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") < n)
			break;
		words += n;
	}
	words[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (words[i] < ' ' || words[i] > '~')
			words[i] = '?';
	return words;
}

/* A text of ours among the messages; NULL: memory is out. */
static const char *add_text(struct xdpfc_result *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static const char *add_text(struct xdpfc_result *r, const char *fmt, ...)
{
	struct lib_message *m = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0)
		m = malloc(sizeof(*m) + (size_t)n + 1);
	if (!m)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(m->data, (size_t)n + 1, fmt, ap);
	va_end(ap);
	m->head = (struct lib_head){ .what = LIB_MESSAGES };
	m->next = r->first;
	r->first = m;
	return m->data;
}

/* A signal has its name, and what ended without one said why, or nobody knows more than its number. */
static const char *how_ended(struct xdpfc_result *r, const siginfo_t *how, bool said)
{
	const char *name;

	if (!how)
		return add_text(r, "what it sent is no message");
	if (!how->si_code)
		return said ? "" : "its status was taken by who ignores, or waits for, all children";
	if (how->si_code == CLD_EXITED)
		return said ? "" : add_text(r, "it left with status %d, and said nothing", how->si_status);
	name = sigdescr_np(how->si_status);
	return name ? name : add_text(r, "signal %d", how->si_status);
}

int lib_result_broken(struct xdpfc_result *r, char *words, const siginfo_t *how)
{
	static const char defect[] = "give it more memory, where that may have been out; else this is a defect of the compiler";
	static const char killed[] = "the kernel kills where memory is short, and says so in its log; else somebody did";
	struct xdpfc_diag *d = more((void **)&r->diag, r->n_diags, &r->cap_diags, sizeof(*d));
	const char *said = first_line(words), *ended = how_ended(r, how, *said);
	const char *remedy = how && how->si_code != CLD_EXITED && how->si_status == SIGKILL ? killed : defect;
	const char *fact = ended ? add_text(r, "the compiler came to an end: %s%s%s", ended, *ended && *said ? ": " : "", said) : NULL;

	r->messages = fact ? add_text(r, "error: %s\n  remedy: %s\n", fact, remedy) : NULL;
	if (!d || !r->messages)
		return -ENOMEM;
	*d = (struct xdpfc_diag){ .kind = XDPFC_INTERNAL, .text = fact, .remedy = remedy };
	r->n_diags++;
	r->done = (struct lib_done){ .errors = 1 };
	return 0;
}

/* ---- getters ---- */

bool xdpfc_result_ok(const struct xdpfc_result *r)
{
	return r && r->done.ok;
}

const struct xdpfc_diag *xdpfc_result_diag(const struct xdpfc_result *r, size_t i)
{
	return r && i < r->n_diags ? &r->diag[i] : NULL;
}

unsigned xdpfc_result_errors(const struct xdpfc_result *r)
{
	return r ? r->done.errors : 0;
}

unsigned xdpfc_result_warnings(const struct xdpfc_result *r)
{
	return r ? r->done.warnings : 0;
}

const char *xdpfc_result_messages(const struct xdpfc_result *r)
{
	return r && r->messages ? r->messages : "";
}

const void *lib_result_made(const struct xdpfc_result *r, uint32_t what, size_t *len)
{
	for (const struct lib_message *m = r && r->done.ok ? r->first : NULL; m; m = m->next)
		if (m->head.what == LIB_MADE && m->head.n == what) {
			if (len)
				*len = (size_t)m->head.len;
			return m->data;
		}
	return NULL;
}

const void *xdpfc_result_get(const struct xdpfc_result *r, enum xdpfc_want what, size_t *len)
{
	return lib_result_made(r, (uint32_t)what, len);
}

const struct xdpfc_test *xdpfc_result_test(const struct xdpfc_result *r, size_t i)
{
	return r && i < r->n_tests ? &r->test[i] : NULL;
}
