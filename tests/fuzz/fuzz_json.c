/*
 * Documents and rule files that nobody chose. In: bytes, taken for both. Out: nothing; it must not crash, leak, overrun or hang. A document that
 * is taken becomes a text that is laid out as the formatter does, and whose own document says the same text again; so does a rule file's.
 */
#include <stdlib.h>
#include <string.h>

#include "ast.h"
#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text of @s, which the parser takes, comes again from its document. */
static void again(struct arena *a, const struct source *s)
{
	struct diag_list d = { .arena = a };
	char *document = NULL;
	size_t len = 0, want;
	FILE *f = open_memstream(&document, &len);
	const char *canonical = parse_format(a, s, &want);
	const struct source *t;

	if (!canonical || !json_export(a, s, f))
		abort();
	fclose(f);
	t = json_import(a, source_new(a, "again.json", document, len), &d);
	/* A comment inside of a word goes behind it. */
	if (!t || (t->len != want || memcmp(t->text, canonical, want) != 0))
		if (!t || !memchr(s->text, '#', s->len))
			abort();
	free(document);
}

static void as_rules(struct arena *a, const struct source *s, bool mine)
{
	struct diag_list d = { .arena = a };
	struct ast_program p = { .arena = a };
	FILE *out = fopen("/dev/null", "w");
	size_t len;

	if (parse_unit(&p, s, &d)) {
		const char *canonical = parse_format(a, s, &len);

		if (mine && (!canonical || len != s->len || memcmp(canonical, s->text, len) != 0))
			abort();
		again(a, s);
	}
	sema_check(&p, &d);
	diag_render(&d, out, false);
	diag_json(&d, out);
	fclose(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const struct source *given = source_new(a, "fuzz.json", (const char *)data, size), *made;
	struct diag_list d = { .arena = a };
	FILE *out = fopen("/dev/null", "w");

	made = json_import(a, given, &d);
	if (!made == !d.errors)
		abort();
	diag_render(&d, out, false);
	diag_json(&d, out);
	fclose(out);
	if (made)
		as_rules(a, made, true);
	else
		as_rules(a, given, false);
	arena_free(a);
	return 0;
}
