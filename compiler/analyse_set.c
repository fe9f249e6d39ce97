/*
 * Sets of tuples whose elements cover each other. In: a file's sets. Out: elements all of whose tuples another element has, too. (In a list of single
 * values the checker itself finds that; see sema_list.c.)
 */
#include "analyse_priv.h"

enum { MOST_ELEMENTS = 8192 };

static bool covers(const struct range *big, const struct range *small, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (big[i].family != small[i].family || value_cmp(big[i].lo, small[i].lo) > 0 || value_cmp(small[i].hi, big[i].hi) > 0)
			return false;
	return true;
}

/* Where the element was written, if each was written by itself. */
static struct span place(const struct ast_set *set, size_t i)
{
	const struct ast_value *v = set->init;

	if (!v || v->kind != AST_LIST || set->from.s || v->sub.n != set->n)
		return set->span;
	for (size_t k = 0; k < v->sub.n; k++)
		if (v->sub.v[k]->kind != AST_TUPLE)
			return set->span;
	return v->sub.v[i]->span;
}

static void look(struct file *f, const struct ast_set *set)
{
	unsigned n = set->n_types;

	for (size_t i = 0; i < set->n; i++)
		for (size_t k = 0; k < set->n; k++) {
			const struct range *a = set->range + i * n, *b = set->range + k * n;
			struct finding *x;

			/* of two that are the same, the later one is too much */
			if (i == k || !covers(b, a, n) || (k > i && covers(a, b, n)))
				continue;
			x = file_found(f, FINDING_ELEMENT, NULL);
			x->span = place(set, i);
			x->other = place(set, k);
			x->name = set->name.s;
			x->set = set;
			x->element[0] = a;
			x->element[1] = b;
			break;
		}
}

void sets_find(struct file *f)
{
	for (size_t i = 0; i < f->list->unit->sets.n; i++) {
		const struct ast_set *set = f->list->unit->sets.v[i];

		if (set->n_types < 2)
			continue;
		if (set->n > MOST_ELEMENTS)
			file_open(f, NULL, arena_printf(f->s->a, "set `%s` has too many elements to look at every two of them", set->name.s));
		else
			look(f, set);
	}
}
