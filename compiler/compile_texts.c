/*
 * Rules whose texts are kept, with a program that was made of them. In: these texts, in the order in which they were read. Out: the same texts again
 * where the parser asks for a file: since it is the same parser, it asks for the same in the same order, and names need not say where a file stood.
 */
#include "compile_priv.h"

#include <string.h>

struct kept {
	const struct compile_texts *all;
	size_t at;
};

static const char *read_kept(void *arg, struct arena *a, const char *path, size_t *len, const char **why)
{
	struct kept *k = arg;
	const struct source *s = k->at < k->all->n ? k->all->v[k->at] : NULL, named = { .path = path };

	(void)a;
	if (!s || strcmp(source_shown(&named), s->path)) {
		*why = "it is not among the texts that are kept, in its turn: they are not of one program";
		return NULL;
	}
	k->at++;
	*len = s->len;
	return s->text;
}

static bool fail(struct diag_list *d, const char *what)
{
	diag_error(d, (struct span){ 0 }, "%s", what)->remedy = "give the texts that the program has, all of them, as it has them";
	return false;
}

bool compile_parse_texts(struct ast_program *p, const struct compile_texts *all, struct diag_list *d)
{
	struct kept *k = arena_alloc(p->arena, sizeof(*k));
	struct source_reader *r = arena_alloc(p->arena, sizeof(*r));
	bool ok = true;

	*k = (struct kept){ all, 0 };
	*r = (struct source_reader){ read_kept, k };
	p->reader = r;
	for (size_t i = 0; i < all->n_files && ok; i++) {
		if (k->at >= all->n)
			return fail(d, "fewer texts are kept than there are rule files");
		ok = parse_unit(p, all->v[k->at++], d);
		/* they are not run, and captures that they name are not kept */
		if (ok)
			p->units.v[i]->tests.n = 0;
	}
	return ok && k->at < all->n ? fail(d, "more texts are kept than the rules name") : ok;
}
