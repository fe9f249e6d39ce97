/*
 * Guards of rules. In: a checked program. Out: for each list of many rules, the two comparisons of each condition that say most, as numbers
 * in a row: a hundred thousand rules are passed by in order, at the price of a few bytes each. Guaranteed: who passes by a rule would have
 * found its condition false; nothing is left out of the order, and a condition is only asked sooner, never otherwise.
 */
#include "eval_guard.h"

#include <stdlib.h>

enum { MANY = 16 };		/* rules: shorter lists have no guards */

struct block {
	const struct ast_rules *rules;
	const struct eval_guard *guard;
};

struct eval_guards {
	struct arena *arena;
	enum field_id field[GUARD_FIELDS];	/* by place */
	unsigned n_fields;
	struct block *block;			/* a hash of .mask + 1 places, at most half of them taken */
	size_t mask, n;
};

static uint64_t key_of(enum family f, struct value v)
{
	return f == FAMILY_IP6 ? v.hi : v.lo;
}

/* The field's place; GUARD_FIELDS: there is none left. */
static unsigned place_of(struct eval_guards *g, enum field_id f)
{
	for (unsigned i = 0; i < g->n_fields; i++)
		if (g->field[i] == f)
			return i;
	if (g->n_fields == GUARD_FIELDS)
		return GUARD_FIELDS;
	g->field[g->n_fields] = f;
	return g->n_fields++;
}

/* Is it about one field of the frame's, in ranges of one family? Then from where to where, and how many bits of the field that says. */
static bool part_of(const struct ast_expr *e, struct guard_part *out, unsigned *says)
{
	const struct ast_match *m = &e->match;
	unsigned bits;
	uint64_t width;

	if (e->kind != EXPR_CMP || e->operand.n != 1 || e->operand.v[0]->kind != OPERAND_FIELD || e->operand.v[0]->inner || e->has_mask)
		return false;
	if (m->kind != MATCH_RANGES || m->negate || !m->n || m->range[0].family != m->range[m->n - 1].family)
		return false;
	*out = (struct guard_part){ .family = m->range[0].family, .lo = key_of(m->range[0].family, m->range[0].lo),
				    .hi = key_of(m->range[0].family, m->range[m->n - 1].hi) };
	bits = m->range[0].family == FAMILY_IP4 ? 32 : e->operand.v[0]->bits < 64 ? e->operand.v[0]->bits : 64;
	width = out->hi - out->lo;
	*says = bits - (width ? 64 - (unsigned)__builtin_clzll(width) : 0);
	return true;
}

/* Puts in what says more than what is there. */
static void guard_add(struct eval_guards *g, struct eval_guard *to, unsigned says[GUARD_PARTS], const struct ast_expr *e)
{
	struct guard_part part;
	unsigned more, at = to->n, place;

	if (!part_of(e, &part, &more))
		return;
	place = place_of(g, e->operand.v[0]->field);
	if (place == GUARD_FIELDS)
		return;
	part.place = (uint8_t)place;
	if (at == GUARD_PARTS) {
		at = says[0] <= says[1] ? 0 : 1;
		if (says[at] >= more)
			return;
	} else {
		to->n++;
	}
	to->part[at] = part;
	says[at] = more;
}

static void guard_rule(struct eval_guards *g, struct eval_guard *to, const struct ast_rule *r)
{
	unsigned says[GUARD_PARTS] = { 0 };

	/* Where the condition is false, something else may be asked. */
	if (!r->cond || r->else_rule || r->has_else_block)
		return;
	if (r->cond->kind != EXPR_AND) {
		guard_add(g, to, says, r->cond);
		return;
	}
	for (size_t i = 0; i < r->cond->sub.n; i++)
		guard_add(g, to, says, r->cond->sub.v[i]);
}

static size_t slot(const struct eval_guards *g, const struct ast_rules *rules)
{
	size_t i = ((uintptr_t)rules >> 4) * 0x9e3779b97f4a7c15u >> 32 & g->mask;

	while (g->block[i].rules && g->block[i].rules != rules)
		i = (i + 1) & g->mask;
	return i;
}

static void add_list(struct eval_guards *g, const struct ast_rules *rules)
{
	struct eval_guard *guard = arena_array(g->arena, rules->list.n, sizeof(*guard));

	for (size_t i = 0; i < rules->list.n; i++)
		guard_rule(g, &guard[i], rules->list.v[i]);
	g->block[slot(g, rules)] = (struct block){ rules, guard };
}

/* Calls @each for every long list in @rules. Blocks nest at most AST_MAX_DEPTH deep. */
static void walk(struct eval_guards *g, const struct ast_rules *rules, void (*each)(struct eval_guards *g, const struct ast_rules *rules))
{
	if (rules->list.n >= MANY)
		each(g, rules);
	for (size_t i = 0; i < rules->list.n; i++)
		for (const struct ast_rule *r = rules->list.v[i]; r && r->kind == RULE_IF; r = r->else_rule) {
			walk(g, &r->then_block, each);
			walk(g, &r->else_block, each);
		}
}

static void count(struct eval_guards *g, const struct ast_rules *rules)
{
	(void)rules;
	g->n++;
}

struct eval_guards *eval_guards_new(const struct ast_program *p)
{
	struct eval_guards *g = arena_calloc(1, sizeof(*g));

	for (size_t u = 0; u < p->units.n; u++)
		walk(g, &p->units.v[u]->rules, count);
	if (!g->n || p->rewrites) {
		free(g);
		return NULL;
	}
	for (g->mask = 15; g->mask < 2 * g->n;)
		g->mask = g->mask * 2 + 1;
	g->arena = arena_new();
	g->block = arena_array(g->arena, g->mask + 1, sizeof(*g->block));
	for (size_t u = 0; u < p->units.n; u++)
		walk(g, &p->units.v[u]->rules, add_list);
	return g;
}

void eval_guards_free(struct eval_guards *g)
{
	if (!g)
		return;
	arena_free(g->arena);
	free(g);
}

void eval_guards_see(const struct eval_guards *g, const struct eval_view *w, struct eval_seen *seen)
{
	for (unsigned i = 0; i < g->n_fields; i++) {
		struct eval_value v = { 0 };
		bool present = eval_field(w, g->field[i], &v);

		seen->field[i] = (struct guard_seen){ present, v.family, key_of(v.family, v.v) };
	}
}

const struct eval_guard *eval_guards_of(const struct eval_guards *g, const struct ast_rules *rules)
{
	return rules->list.n < MANY ? NULL : g->block[slot(g, rules)].guard;
}
