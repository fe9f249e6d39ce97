/*
 * The builder against the text: each rule file is parsed, said again by calls of the builder, printed and parsed once more. Both trees must be the
 * same but for places. With --object also: the printed file, compiled as a text and said again, gives the same object, byte by byte.
 *
 * usage: again [--object] FILE...        at the end nothing of the language may be unmet, without --object
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

static struct seen seen;

struct dump {
	char *text;
	size_t n;
};

static struct ast_program *parsed(struct arena *a, struct diag_list *d, const char *path, const char *text, size_t len)
{
	struct ast_program *p = arena_alloc(a, sizeof(*p));

	p->arena = a;
	return parse_unit(p, source_new(a, path, text, len), d) ? p : NULL;
}

/* The tree without its places, " @3:14" and " @other.xdpf:3:14". */
static struct dump dump_of(const struct ast_program *p)
{
	struct dump d = { 0 };
	FILE *f = open_memstream(&d.text, &d.n);
	size_t n = 0;

	ast_dump(p, f);
	fclose(f);
	for (size_t i = 0; i < d.n; i++) {
		if (d.text[i] == ' ' && d.text[i + 1] == '@')
			i += 1 + strcspn(d.text + i + 1, " \n");
		d.text[n++] = d.text[i];
	}
	d.n = n;
	d.text[n] = '\0';
	return d;
}

static bool same_dump(const char *path, struct dump a, struct dump b)
{
	size_t at = 0, begin = 0;

	while (at < a.n && at < b.n && a.text[at] == b.text[at]) {
		if (a.text[at] == '\n')
			begin = at + 1;
		at++;
	}
	if (at == a.n && at == b.n)
		return true;
	printf("FAIL %s: the text's tree has `%.*s`, the builder's `%.*s`\n", path, (int)strcspn(a.text + begin, "\n"), a.text + begin,
	       (int)strcspn(b.text + begin, "\n"), b.text + begin);
	return false;
}

static struct xdpfc_builder *said(const char *path, const struct ast_program *p)
{
	struct xdpfc_builder *b;
	const char *why = "";

	if (xdpfc_builder_new(&b))
		abort();
	say_unit(b, p->units.v[0], &seen);
	if (!xdpfc_builder_error(b, &why))
		return b;
	printf("FAIL %s: %s\n", path, why);
	xdpfc_builder_free(b);
	return NULL;
}

static bool same_tree(const char *path, const struct ast_program *p, char **text, size_t *len)
{
	struct arena *a = arena_new();
	struct diag_list d = { .arena = a };
	struct xdpfc_builder *b = said(path, p);
	struct ast_program *q = NULL;
	bool ok = false;

	if (b && !xdpfc_builder_print(b, text, len))
		q = parsed(a, &d, path, *text, *len);
	if (q) {
		struct dump one = dump_of(p), two = dump_of(q);

		ok = same_dump(path, one, two);
		free(one.text);
		free(two.text);
	} else if (b) {
		printf("FAIL %s: what the builder printed is wrong\n", path);
		diag_render(&d, stdout, false);
	}
	xdpfc_builder_free(b);
	arena_free(a);
	return ok;
}

/* ---- objects ---- */

static struct xdpfc_result *compiled(struct xdpfc_program *p)
{
	const struct xdpfc_options o = { .sz = sizeof(o), .read = xdpfc_read_file };
	struct xdpfc_result *r = NULL;
	int err = xdpfc_compile(&r, p, XDPFC_OBJECT | XDPFC_IR | XDPFC_FORMAT, &o);

	if (err || !xdpfc_result_ok(r)) {
		printf("FAIL %d: %s", err, xdpfc_result_messages(r));
		xdpfc_result_free(r);
		r = NULL;
	}
	return r;
}

static bool same_bytes(const char *path, const char *what, const struct xdpfc_result *a, const struct xdpfc_result *b, enum xdpfc_want want)
{
	size_t n = 0, m = 0;
	const void *one = xdpfc_result_get(a, want, &n), *two = xdpfc_result_get(b, want, &m);
	bool ok = one && two && n == m && memcmp(one, two, n) == 0;

	if (!ok)
		printf("FAIL %s: the %s differs between text and builder\n", path, what);
	return ok;
}

/* @text is what the builder printed. */
static bool same_object(const char *path, const char *text, size_t len)
{
	struct arena *a = arena_new();
	struct diag_list d = { .arena = a };
	struct xdpfc_builder *b = said(path, parsed(a, &d, path, text, len));
	struct xdpfc_program *p, *q;
	struct xdpfc_result *r, *s;
	bool ok;

	if (xdpfc_program_new(&p) || xdpfc_program_new(&q) || xdpfc_program_add(p, path, text, len) || xdpfc_program_add_builder(q, path, b))
		abort();
	r = compiled(p);
	s = compiled(q);
	ok = r && s && same_bytes(path, "object", r, s, XDPFC_OBJECT) && same_bytes(path, "IR", r, s, XDPFC_IR) &&
	     same_bytes(path, "text", r, s, XDPFC_FORMAT);
	xdpfc_result_free(r);
	xdpfc_result_free(s);
	xdpfc_program_free(p);
	xdpfc_program_free(q);
	xdpfc_builder_free(b);
	arena_free(a);
	return ok;
}

/* ---- all of it ---- */

/* A file that asks all fields and headers, writes all, and names all that has names. */
static char *all_names(size_t *len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, len);

	for (int i = 0; i < FIELD_COUNT; i++) {
		const char *name = lang_fields[i].name;

		/* `time` is no operand in a text, and neither of these words begins an action */
		if (i != FIELD_TIME)
			fprintf(f, "f%d: count t%d per %s if %s == 1 and (%s, ip.src) not in { (2, 3) };\n", i, i, name, name, name);
		if (i != FIELD_TIME && i != FIELD_WEEKDAY)
			fprintf(f, "w%d: %s = 1;\n", i, name);
	}
	for (int i = 0; i < HDR_COUNT; i++)
		if (lang_headers[i].name)
			fprintf(f, "h%d: drop if not %s;\n", i, lang_headers[i].name);
	fputs("_: drop;\n_a-1: drop;\nif: drop;\n", f);
	for (int i = 0; i < VERDICT_COUNT; i++)
		if (i != VERDICT_REDIRECT)
			fprintf(f, "v%d: %s;\n", i, lang_verdicts[i].name);
	for (int i = 0; i < INPUT_COUNT; i++)
		fprintf(f, "test \"%d\" { packet { %s = 1 } expect pass by default }\n", i, lang_inputs[i].name);
	fclose(f);
	return text;
}

static bool check(const char *path, const char *text, size_t len, bool object, unsigned *wrong)
{
	struct arena *a = arena_new();
	struct diag_list d = { .arena = a };
	struct ast_program *p = parsed(a, &d, path, text, len);
	char *printed = NULL;
	size_t n;
	bool ok = p != NULL;

	*wrong += !p;
	if (!p) {
		printf("FAIL %s is wrong\n", path);
		diag_render(&d, stdout, false);
	}
	if (p)
		ok = same_tree(path, p, &printed, &n);
	if (p && ok && object)
		ok = same_object(path, printed, n);
	free(printed);
	arena_free(a);
	return ok;
}

static unsigned unmet(void)
{
	const bool *flag = &seen.value[0];
	unsigned n = 0;

	/* parsed as a name, and never said by itself */
	seen.expr[EXPR_SOCKET] = true;
	for (size_t i = 0; i < sizeof(seen) / sizeof(bool); i++)
		if (!flag[i]) {
			printf("FAIL no file says what stands at %zu of struct seen\n", i);
			n++;
		}
	return n;
}

int main(int argc, char **argv)
{
	bool object = argc > 1 && strcmp(argv[1], "--object") == 0;
	unsigned passed = 0, failed = 0, wrong = 0;
	size_t len = 0;
	char *names = all_names(&len);

	if (!object) {
		if (check("names.xdpf", names, len, false, &wrong) && !wrong)
			passed++;
		else
			failed++;
	}
	free(names);
	for (int i = 1 + object; i < argc; i++) {
		struct arena *a = arena_new();
		struct diag_list d = { .arena = a };
		struct source *s = source_read(a, argv[i], &d);

		if (s && check(argv[i], s->text, s->len, object, &wrong))
			passed++;
		else
			failed++;
		arena_free(a);
	}
	failed += object ? 0 : unmet();
	printf("%d files, %u of them wrong on purpose\n%u passed, %u failed, 0 skipped\n", argc - 1 - object, wrong, passed, failed);
	return failed != 0;
}
