/*
 * Rule files to JSON and back, many in one process. In: an output directory and rule files. Out: for each that can be parsed a line of what
 * came of it, and its document in the directory, N.json for the Nth; the exit status says whether all was as it should be.
 *
 * For each: text, JSON, text again is the canonical text to the byte. Where the checker takes it, the tree that JSON's text makes is the
 * tree of the canonical text, and warnings say the same.
 */
#include <stdlib.h>
#include <string.h>

#include "ast.h"
#include "json.h"

static char *document_of(struct arena *a, const struct source *s)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	bool ok = f && json_export(a, s, f);

	if (f)
		fclose(f);
	if (ok)
		return text;
	free(text);
	return NULL;
}

/* The rule file that the document of @s says. */
static const struct source *again(struct arena *a, const struct source *s, const char *document, struct diag_list *d)
{
	return json_import(a, source_new(a, arena_printf(a, "%s.json", s->path), document, strlen(document)), d);
}

/* The checked tree as text; NULL: it is wrong. */
static char *tree_of(struct arena *a, const struct source *s, unsigned *warnings)
{
	struct ast_program p = { .arena = a };
	struct diag_list d = { .arena = a };
	char *text = NULL;
	size_t len = 0;
	FILE *f;

	if (!parse_unit(&p, s, &d) || !sema_check(&p, &d) || !(f = open_memstream(&text, &len)))
		return NULL;
	ast_dump(&p, f);
	fclose(f);
	*warnings = d.warnings;
	return text;
}

/* What is wrong, or NULL; *sound: the checker takes it. */
static const char *compare_trees(struct arena *a, const struct source *canonical, bool *sound)
{
	struct diag_list d = { .arena = a };
	unsigned warnings[2] = { 0 };
	char *want = tree_of(a, canonical, &warnings[0]), *document, *got;
	const struct source *s;
	bool same;

	if (!want)
		return NULL;
	*sound = true;
	document = document_of(a, canonical);
	s = document ? again(a, canonical, document, &d) : NULL;
	got = s ? tree_of(a, s, &warnings[1]) : NULL;
	same = got && strcmp(want, got) == 0 && warnings[0] == warnings[1];
	free(want);
	free(got);
	free(document);
	return same ? NULL : "the tree is another one";
}

static const char *check(struct arena *a, const struct source *s, FILE *out, bool *sound)
{
	struct diag_list d = { .arena = a };
	size_t len;
	const char *canonical = parse_format(a, s, &len);
	char *document = document_of(a, s);
	const struct source *t;

	if (!canonical || !document)
		return canonical ? "no document" : "no canonical text";
	fputs(document, out);
	t = again(a, s, document, &d);
	free(document);
	if (!t) {
		diag_render(&d, stdout, false);
		return "the document is refused";
	}
	if (t->len != len || memcmp(t->text, canonical, len) != 0)
		return "the text is another one";
	return compare_trees(a, source_new(a, s->path, canonical, len), sound);
}

int main(int argc, char **argv)
{
	bool failed = argc < 3;

	for (int i = 2; i < argc; i++) {
		struct arena *a = arena_new();
		struct diag_list d = { .arena = a };
		struct ast_program p = { .arena = a };
		const struct source *s = source_read(a, argv[i], &d);
		bool sound = false;

		if (s && parse_unit(&p, s, &d)) {
			FILE *out = fopen(arena_printf(a, "%s/%d.json", argv[1], i - 2), "w");
			const char *wrong = out ? check(a, s, out, &sound) : "its document cannot be written";

			if (out)
				fclose(out);
			failed |= wrong != NULL;
			printf("%d\t%s\t%s\n", i - 2, sound ? "sound" : "parsed", wrong ? wrong : "");
		}
		arena_free(a);
	}
	return failed;
}
