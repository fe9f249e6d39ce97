/*
 * What stands in functions of its own: code that rules share, which is gone through again and again; and, where a verifier would walk all of a
 * program too often, the code of its rules, some of them each. The verifier goes through such a function once, whatever led there. In: blocks at
 * which one begins. Out: .part of all blocks, and where more functions had to begin; variables that several of them know are in the map.
 */
#include "lower.h"

enum {
	PARTS_MOST = 200,		/* kernels take 256 functions, and others need some, too */
	PARTS_RULES = 120,		/* of these, where rules begin: blocks of theirs meet elsewhere */
	NOWHERE = UINT32_MAX,		/* instead of a part: nothing was found to lead there yet */
};

static struct ir_block *leads_to(const struct ir_block *b, unsigned k)
{
	const struct ir_inst *last = &b->inst.v[b->inst.n - 1];

	return k < ir_op_targets(last->op) ? last->target[k] : NULL;
}

/* Does anything lead to it? */
static bool is_there(const struct ir_program *p, const struct ir_block *b)
{
	return b->id < p->block.n && p->block.v[b->id] == b;
}

/* ---- code that rules share ---- */

/* Marks what @from leads to, not by way of @but (NULL: by any). */
static void flood(struct lower *l, struct ir_block *from, const struct ir_block *but, bool *mark)
{
	VEC(struct ir_block *) todo = { 0 };
	struct ir_block *to;

	mark[from->id] = true;
	*vec_add(l->arena, &todo) = from;
	while (todo.n) {
		const struct ir_block *b = todo.v[--todo.n];

		for (unsigned k = 0; (to = leads_to(b, k)); k++)
			if (to != but && !mark[to->id]) {
				mark[to->id] = true;
				*vec_add(l->arena, &todo) = to;
			}
	}
}

/* A function of what only @entry leads to. */
static void cut_out(struct lower *l, struct ir_block *entry)
{
	struct ir_program *p = l->ir;
	bool *outside = arena_array(l->arena, p->block.n, sizeof(*outside)), *inside = arena_array(l->arena, p->block.n, sizeof(*inside));

	flood(l, p->block.v[0], entry, outside);
	flood(l, entry, NULL, inside);
	*vec_add(l->arena, &p->part) = entry;
	for (size_t b = 0; b < p->block.n; b++)
		if (inside[b] && !outside[b])
			p->block.v[b]->part = (unsigned)p->part.n;
}

/* ---- all rules ---- */

unsigned lower_how_many_apart(const struct ast_program *p, unsigned wanted)
{
	unsigned least = (p->n_indexes + PARTS_RULES - 1) / PARTS_RULES;

	return wanted > least ? wanted : least;
}

void lower_rule_apart(struct lower *l)
{
	if (!l->rules_apart || l->rules_since++ % l->rules_apart)
		return;
	*vec_add(l->arena, &l->apart) = l->cur;
}

void lower_rules_apart_end(struct lower *l, struct ir_block *b)
{
	l->rules_since = 0;
	*vec_add(l->arena, &l->own) = b;
}

/* It only decides: there is nothing in it to walk twice. */
static bool is_end(const struct ir_block *b)
{
	return !leads_to(b, 0) && b->inst.n <= 2;
}

/* Another function begins there. */
static void begin(struct lower *l, bool *begins, struct ir_block *b)
{
	struct ir_program *p = l->ir;

	begins[b->id] = true;
	*vec_add(l->arena, &p->part) = b;
	b->part = (unsigned)p->part.n;
}

/*
 * Each block belongs to where the blocks that lead there belong. Where these differ, a function begins; or it is the program's, where one is,
 * nothing comes of it, or there are functions enough. False: one begins that did not, so all is to be done again.
 */
static bool belong(struct lower *l, bool *begins)
{
	struct ir_program *p = l->ir;
	VEC(struct ir_block *) todo = { 0 };
	struct ir_block *to;

	for (size_t i = 0; i < p->block.n; i++)
		if (!begins[i])
			p->block.v[i]->part = NOWHERE;
	/* the program's own last, so that all that only it leads to is known first: rounds of its are none of a function's */
	for (int own = 0; own < 2; own++)
		for (size_t i = 0; i < p->block.n; i++)
			if (begins[i] && own == !p->block.v[i]->part)
				*vec_add(l->arena, &todo) = p->block.v[i];
	while (todo.n) {
		const struct ir_block *b = todo.v[--todo.n];

		for (unsigned k = 0; (to = leads_to(b, k)); k++) {
			if (begins[to->id] || to->part == b->part || !to->part)
				continue;
			if (to->part == NOWHERE) {
				to->part = b->part;
			} else if (!b->part || is_end(to) || p->part.n >= PARTS_MOST) {
				to->part = 0;
			} else {
				begin(l, begins, to);
				return false;
			}
			*vec_add(l->arena, &todo) = to;
		}
	}
	return true;
}

static void use(struct lower *l, unsigned *where, ir_var v, unsigned part)
{
	enum { MANY = UINT32_MAX };

	if (where[v] == MANY || where[v] == part + 1)
		return;
	if (where[v]) {
		*vec_add(l->arena, &l->ir->kept) = v;
		where[v] = MANY;
	} else {
		where[v] = part + 1;
	}
}

/* A variable of several functions cannot be in a register. */
static void keep_shared(struct lower *l)
{
	const struct ir_program *p = l->ir;
	unsigned *where = arena_array(l->arena, p->var.n, sizeof(*where));

	for (size_t k = 0; k < p->kept.n; k++)
		where[p->kept.v[k]] = UINT32_MAX;
	for (size_t b = 0; b < p->block.n; b++)
		for (size_t k = 0; k < p->block.v[b]->inst.n; k++) {
			const struct ir_inst *i = &p->block.v[b]->inst.v[k];

			if (i->op == IR_GET || i->op == IR_SET || i->op == IR_CLASSIFY)
				use(l, where, i->var, p->block.v[b]->part);
			for (size_t n = 0; n < i->loads.n; n++)
				use(l, where, i->loads.v[n].var, p->block.v[b]->part);
			for (size_t n = 0; n < i->dims.n; n++) {
				use(l, where, i->dims.v[n].which, p->block.v[b]->part);
				use(l, where, i->dims.v[n].hi, p->block.v[b]->part);
				use(l, where, i->dims.v[n].lo, p->block.v[b]->part);
			}
		}
}

static void cut_up(struct lower *l)
{
	struct ir_program *p = l->ir;
	bool *begins = arena_array(l->arena, p->block.n, sizeof(*begins));

	begins[0] = true;
	for (size_t i = 0; i < l->own.n; i++)
		if (is_there(p, l->own.v[i]))
			begins[l->own.v[i]->id] = true;
	for (size_t i = 0; i < l->apart.n; i++)
		if (is_there(p, l->apart.v[i]) && !begins[l->apart.v[i]->id])
			begin(l, begins, l->apart.v[i]);
	while (!belong(l, begins))
		;
}

void lower_apart(struct lower *l)
{
	struct ir_program *p = l->ir;

	if (l->rules_apart)
		cut_up(l);
	else
		for (size_t i = 0; i < l->apart.n; i++)
			if (is_there(p, l->apart.v[i]) && !l->apart.v[i]->part)
				cut_out(l, l->apart.v[i]);
	if (p->part.n)
		keep_shared(l);
}
