/*
 * Rule files to JSON and back, many in one process. In: an output directory and rule files. Out: for each that can be parsed a line of what
 * came of it, and its document in the directory, N.json for the Nth; the exit status says whether all was as it should be.
 *
 * For each: its canonical text is its own layout, and has the same comments in the same order; text, JSON, text again is that text to the byte.
 * Where the checker takes it, the tree that JSON's text makes is the tree of the canonical text, and warnings say the same.
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

/* The canonical text's own layout is itself. */
static bool settled(struct arena *a, const struct source *s, const char *canonical, size_t len)
{
	size_t n;
	const char *twice = parse_format(a, source_new(a, s->path, canonical, len), &n);

	return twice && n == len && memcmp(twice, canonical, len) == 0;
}

/* The next comment behind *at, from its sign on and without blanks at its end; 0: there are no more. What is in quotes is none. */
static size_t comment(const char *text, size_t len, size_t *at, const char **out)
{
	size_t n = 0;
	bool quoted = false;

	while (*at < len && (quoted || text[*at] != '#')) {
		quoted ^= text[*at] == '"';
		quoted &= text[*at] != '\n';
		++*at;
	}
	*out = text + *at;
	while (*at + n < len && text[*at + n] != '\n')
		n++;
	*at += n;
	while (n && strchr(" \t\r", (*out)[n - 1]))
		n--;
	return n;
}

static bool same_comments(const char *a, size_t na, const char *b, size_t nb)
{
	size_t in_a = 0, in_b = 0, n;
	const char *one, *other;

	do {
		n = comment(a, na, &in_a, &one);
		if (comment(b, nb, &in_b, &other) != n || memcmp(one, other, n) != 0)
			return false;
	} while (n);
	return true;
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
	if (!settled(a, s, canonical, len))
		return "laid out again it is another text";
	if (!same_comments(s->text, s->len, canonical, len))
		return "the layout lost or changed a comment";
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
