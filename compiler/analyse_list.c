/*
 * A file's rules as one list. In: a checked file. Out: what does something, in the order in which it is asked, each with the formula that holds where
 * it does, if nothing before it has decided: the conditions of the blocks around it and its own. The last one is the default. What an action writes
 * to a packet makes what is asked behind it other numbers, about which nothing is known.
 */
#include "analyse_priv.h"

#include <string.h>

struct walk {
	struct reader r;
	struct list *out;
};

/* ---- what is done ---- */

static const char *range_key(struct arena *a, const struct range *r)
{
	return arena_printf(a, "%d:%llx.%llx", r->family, (unsigned long long)r->lo.hi, (unsigned long long)r->lo.lo);
}

static const char *key_key(struct arena *a, struct ast_operand *const *op, size_t n)
{
	const char *key = "";

	for (size_t i = 0; i < n; i++)
		key = arena_printf(a, "%s %d.%d.%d.%llu+%llu/%u/%llu/%llu", key, op[i]->inner, op[i]->kind, op[i]->field,
				   (unsigned long long)op[i]->off, (unsigned long long)op[i]->len, op[i]->n_prefix,
				   (unsigned long long)op[i]->prefix[0], (unsigned long long)op[i]->prefix[1]);
	return key;
}

static const char *verdict_key(struct arena *a, enum verdict v, bool swap, const struct ast_way *way)
{
	const char *key = arena_printf(a, "%d %d", v, swap);

	if (!way)
		return key;
	key = arena_printf(a, "%s way %d cpu %u else %d %d", key, way->kind, way->cpu, way->other, way->other_swap);
	for (size_t i = 0; i < way->n; i++)
		key = arena_printf(a, "%s %s", key, way->iface[i]);
	return key;
}

static const char *action_key(struct arena *a, const struct ast_action *x)
{
	switch (x->kind) {
	case ACTION_VERDICT:
		return verdict_key(a, x->verdict, x->swap, x->way);
	case ACTION_ADD:
	case ACTION_REMOVE:
		return arena_printf(a, "%s %s%s %llu", x->kind == ACTION_ADD ? "add" : "remove", x->set->name.s, key_key(a, x->key.v, x->key.n),
				    (unsigned long long)x->keep);
	case ACTION_COUNT:
		return arena_printf(a, "count %s%s", x->word.s, key_key(a, x->key.v, x->key.n));
	case ACTION_LOG:
		return arena_printf(a, "log %d %llu %llu %llu", x->log->sample, (unsigned long long)x->log->interval,
				    (unsigned long long)x->log->burst, (unsigned long long)x->log->share);
	case ACTION_REWRITE:
		return arena_printf(a, "write %d.%d %d %s", x->target->inner, x->target->field, x->decrement, range_key(a, &x->to));
	case ACTION_VLAN:
		return arena_printf(a, "vlan %d %s", x->push, range_key(a, &x->to));
	case ACTION_MARK:
		return arena_printf(a, "mark %s", range_key(a, &x->to));
	}
	return "";
}

static uint32_t what(struct space *s, const char *key)
{
	bool fresh;

	return intern(s->a, &s->others, key, strlen(key), &fresh);
}

/* ---- what it changes ---- */

static bool is_checksum(enum field_id f)
{
	return strstr(lang_fields[f].name, "checksum");
}

/* @f and all that has bits in common with it are other numbers from here on, checksums too, and those around a tunnel. */
static void touch(struct version *v, bool inner, enum field_id f, uint32_t to)
{
	enum field_id target[5];
	unsigned n = lang_targets(f, target);

	for (int g = 0; g < FIELD_COUNT; g++) {
		bool hit = is_checksum((enum field_id)g);

		for (unsigned i = 0; i < n && !hit; i++)
			hit = space_overlap(target[i], (enum field_id)g);
		if (hit)
			v->field[inner][g] = to;
		if (hit && inner && is_checksum((enum field_id)g))
			v->field[0][g] = to;
	}
	v->slices = to;
}

static void change(struct walk *w, const struct event *e, const struct ast_action *a)
{
	struct version *v = &w->r.version;
	uint32_t to = what(w->r.s, arena_printf(w->r.s->a, "version %u %u %u %u %s", v->slices, v->sets, v->tags, e->when,
						action_key(w->r.s->a, a))) + 1;

	switch (a->kind) {
	case ACTION_REWRITE:
		touch(v, a->target->inner, a->target->field, to);
		break;
	case ACTION_VLAN:
		v->slices = v->tags = to;
		for (int f = 0; f < FIELD_COUNT; f++) {
			enum header_id h = lang_fields[f].header;

			if (h == HDR_ETH || h == HDR_VLAN || h == HDR_VLAN2 || h == HDR_ETYPE)
				v->field[0][f] = to;
		}
		break;
	case ACTION_ADD:
	case ACTION_REMOVE:
		v->sets = to;
		break;
	case ACTION_VERDICT:
	case ACTION_COUNT:
	case ACTION_LOG:
	case ACTION_MARK:
		break;
	}
}

/* ---- the list ---- */

/* The rule's condition behind @path; its limits go to @e. */
static uint32_t when(struct walk *w, const struct ast_expr *cond, uint32_t path, struct event *e)
{
	struct space *s = w->r.s;
	size_t n = cond && cond->kind == EXPR_AND ? cond->sub.n : cond ? 1 : 0;
	uint32_t holds = path;

	for (size_t i = 0; i < n; i++) {
		const struct ast_expr *x = cond->kind == EXPR_AND ? cond->sub.v[i] : cond;

		if (x->kind == EXPR_LIMIT)
			*vec_add(s->a, &e->limit) = (struct asked){ AND(s, holds, read_present(&w->r, x->limit->key.v, x->limit->key.n)), x };
		holds = AND(s, holds, read_cond(&w->r, x, holds));
	}
	return holds;
}

static void act(struct walk *w, const struct ast_rule *r, struct event *e)
{
	struct space *s = w->r.s;
	const char *key = "";

	e->rule = r;
	e->verdict = r->verdict;
	e->decides = r->verdict != VERDICT_NONE;
	for (size_t i = 0; i < r->action.n; i++) {
		const struct ast_action *a = r->action.v[i];

		if (a->kind == ACTION_VERDICT)
			e->verdict_is = what(s, action_key(s->a, a));
		else
			*vec_add(s->a, &e->deed) = (struct deed){ what(s, action_key(s->a, a)), a->kind == ACTION_COUNT && !a->key.n, a };
		if (!r->may_go_on || a->kind != ACTION_VERDICT)
			change(w, e, a);
		key = arena_printf(s->a, "%s%s%s", key, i ? ", " : "", action_key(s->a, a));
	}
	if (r->may_go_on)
		e->when = AND(s, e->when, form_free(s, FREE_COOKIE, arena_printf(s->a, "%u", e->when), r->cond, FIELD_NONE));
	e->acts = e->deed.n;
	e->what = what(s, key);
}

static void walk_rules(struct walk *w, const struct ast_rules *rules, uint32_t path);

static void walk_rule(struct walk *w, const struct ast_rule *r, uint32_t path)
{
	struct space *s = w->r.s;

	for (; r; r = r->else_rule) {
		struct event e = { 0 };
		uint32_t before = path;

		e.when = when(w, r->cond, path, &e);
		if (r->kind == RULE_ACTIONS) {
			act(w, r, &e);
			*vec_add(s->a, &w->out->event) = e;
			return;
		}
		if (e.limit.n) {
			e.rule = r;
			e.verdict = VERDICT_NONE;
			*vec_add(s->a, &w->out->event) = e;
		}
		walk_rules(w, &r->then_block, e.when);
		path = AND(s, before, form_not(e.when));
		if (r->has_else_block)
			walk_rules(w, &r->else_block, path);
	}
}

static void walk_rules(struct walk *w, const struct ast_rules *rules, uint32_t path)
{
	for (size_t i = 0; i < rules->list.n; i++)
		walk_rule(w, rules->list.v[i], path);
}

/* ---- at a glance ---- */

static const uint32_t *parts(const struct space *s, const uint32_t *f, size_t *n)
{
	const struct node *x = &s->node.v[*f / 2];

	*n = 1;
	if (x->kind != NODE_AND || *f & 1)
		return f;
	*n = x->n;
	return x->sub;
}

/* The narrowest of the numbers that a conjunction asks for. */
struct glances form_glances(const struct space *s, uint32_t f)
{
	struct glances g = { .n = 0 };
	size_t n;
	const uint32_t *sub = parts(s, &f, &n);

	for (size_t i = 0; i < n; i++) {
		const struct node *x = &s->node.v[sub[i] / 2];
		unsigned k = g.n;

		if (sub[i] & 1 || x->kind != NODE_IN || x->has_mask || s->number.v[x->of].bits > 64 || s->number.v[x->of].bits < 16)
			continue;
		if (k == GLANCES)
			for (k = 0; k < GLANCES && g.of[k].hi - g.of[k].lo <= x->range[x->n - 1].hi.lo - x->range[0].lo.lo; k++)
				;
		else
			g.n++;
		if (k < GLANCES)
			g.of[k] = (struct glance){ x->of, x->range[0].lo.lo, x->range[x->n - 1].hi.lo };
	}
	return g;
}

bool glances_apart(const struct glances *a, const struct glances *b)
{
	for (unsigned i = 0; i < a->n; i++)
		for (unsigned k = 0; k < b->n; k++)
			if (a->of[i].number == b->of[k].number && (a->of[i].hi < b->of[k].lo || b->of[k].hi < a->of[i].lo))
				return true;
	return false;
}

static void glances(struct space *s, struct list *l)
{
	for (size_t i = 0; i < l->event.n; i++)
		*vec_add(s->a, &l->glance) = form_glances(s, l->event.v[i].when);
}

/* ---- a file ---- */

void list_read(struct space *s, int side, const struct ast_program *p, const struct ast_unit *unit, struct list *out)
{
	struct walk w = { .r = { .s = s, .list = out, .p = p }, .out = out };
	struct ast_program *alone = arena_copy(s->a, p, sizeof(*p));
	const char *key;

	alone->units.v = arena_copy(s->a, &unit, sizeof(*alone->units.v));
	alone->units.n = 1;
	s->side = side;
	*out = (struct list){ .side = side, .p = alone, .unit = unit };
	walk_rules(&w, &unit->rules, ALWAYS);
	key = verdict_key(s->a, unit->default_verdict, unit->default_swap, unit->default_way);
	*vec_add(s->a, &out->event) = (struct event){
		.when = ALWAYS, .what = what(s, key), .verdict_is = what(s, key), .decides = true, .verdict = unit->default_verdict,
	};
	glances(s, out);
}

void list_close(struct list *l)
{
	eval_free(l->eval);
}

/* ---- two at a glance ---- */

static bool ranges_apart(const struct range *x, size_t nx, const struct range *y, size_t ny)
{
	size_t i = 0, k = 0;

	while (i < nx && k < ny) {
		if (value_cmp(x[i].hi, y[k].lo) < 0)
			i++;
		else if (value_cmp(y[k].hi, x[i].lo) < 0)
			k++;
		else
			return false;
	}
	return true;
}

/* Only headers that exclude each other, and numbers in ranges that do not meet. */
static bool pair_apart(const struct space *s, uint32_t x, uint32_t y)
{
	const struct node *a = &s->node.v[x / 2], *b = &s->node.v[y / 2];

	if (x == (y ^ 1))
		return true;
	return !((x | y) & 1) && a->kind == NODE_IN && b->kind == NODE_IN && a->of == b->of && !a->has_mask && !b->has_mask &&
	       ranges_apart(a->range, a->n, b->range, b->n);
}

bool forms_apart(const struct space *s, uint32_t a, uint32_t b)
{
	size_t na, nb;
	const uint32_t *x = parts(s, &a, &na), *y = parts(s, &b, &nb);

	if (na > 32 || nb > 32)
		return false;
	for (size_t i = 0; i < na; i++)
		for (size_t k = 0; k < nb; k++)
			if (pair_apart(s, x[i], y[k]))
				return true;
	return false;
}
