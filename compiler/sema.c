/*
 * The checker's driver. In: parsed units. Out: the same trees, with names, types and values resolved in place, indexes given across
 * the program, and everything wrong reported. False where anything was; then the tree must not be used.
 */
#include "sema.h"

#include <string.h>

#include "symbol.h"

/* After the first file's name without its extension; what the object takes for itself becomes prog_NAME. */
static const char *program_name(struct sema *s, const char *file)
{
	static const char prefix[] = "prog_";
	const char *dot = file ? strrchr(file, '.') : NULL;
	size_t len = !file ? 0 : dot ? (size_t)(dot - file) : strlen(file);
	const char *name;

	if (!len)
		return "prog";
	name = symbol_make(s->a, file, len);
	if (!symbol_reserved(name))
		return name;
	name = arena_printf(s->a, "%s%s", prefix, name);
	return symbol_make(s->a, name, strlen(name));
}

static void unit_check(struct sema *s, struct ast_unit *u)
{
	s->unit = u;
	u->default_verdict = VERDICT_PASS;
	names_unit(s);
	options_check(s);
	if (u->default_action && verdict_check(s, u->default_action) &&
	    (!u->default_action->way || u->default_action->way->kind != WAY_SYNCOOKIE || cookie_default(s, u->default_action))) {
		u->default_verdict = u->default_action->verdict;
		u->default_swap = u->default_action->swap;
		u->default_way = u->default_action->way;
	}
	rules_check(s);
	for (size_t i = 0; i < u->sets.n; i++)
		u->sets.v[i]->index = s->p->n_sets++;
	u->default_index = s->p->n_indexes++;
	*vec_add(s->a, &s->p->by_index) = NULL;
	tests_check(s);
	if (!s->d->errors)
		decls_warn_unused(s);
}

bool sema_check(struct ast_program *p, struct diag_list *d)
{
	struct sema s = { .p = p, .a = p->arena, .d = d, .scratch = arena_new() };

	names_init(&s);
	headers_init(&s);
	symtab_init(&s.ifaces, s.a);
	symtab_init(&s.places, s.a);
	p->name = program_name(&s, p->units.n ? p->units.v[0]->name : NULL);
	p->live.n = p->n_indexes = p->n_counters = p->n_slots = p->n_sets = p->n_limits = 0;
	p->limit.n = p->limit_keys.n = 0;
	memset(p->limit_sets, 0, sizeof(p->limit_sets));
	for (size_t i = 0; i < p->units.n; i++)
		unit_check(&s, p->units.v[i]);
	arena_free(s.scratch);
	return !diag_failed(d);
}
