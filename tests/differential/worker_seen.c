/*
 * Which conditions were true of packets, and which false. In: the evaluator's rules, as packets pass them. Out: counts by what a condition is about:
 * its field, its operator, the kind of what it asks.
 */
#include "eval_cond.h"
#include "worker.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 1 << 14 };

struct count {
	const struct ast_expr *e;
	uint64_t n[2];
};

struct seen {
	struct eval *eval;
	struct eval_trace trace;
	struct count slot[SLOTS];	/* by the expression */
	size_t used;
};

static void count(struct seen *s, const struct ast_expr *e, bool is)
{
	size_t i = ((uintptr_t)e >> 4) * 0x9e3779b97f4a7c15u >> 50;

	while (s->slot[i].e && s->slot[i].e != e)
		i = (i + 1) % SLOTS;
	if (!s->slot[i].e) {
		if (s->used == SLOTS / 2)
			return;
		s->used++;
		s->slot[i].e = e;
	}
	s->slot[i].n[is]++;
}

/* Limits are not asked again: that would take tokens. */
static void leaves(struct seen *s, const struct eval_view *w, const struct ast_expr *e)
{
	switch (e->kind) {
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_NOT:
		for (size_t i = 0; i < e->sub.n; i++)
			leaves(s, w, e->sub.v[i]);
		return;
	case EXPR_NAME:
	case EXPR_SOCKET:
	case EXPR_CMP:
	case EXPR_RANDOM:
		count(s, e, eval_cond(w, e));
		return;
	case EXPR_LIMIT:
		return;
	}
}

static void on_rule(void *arg, const struct eval_view *w, const struct ast_rule *r, const struct ast_expr *failed)
{
	struct seen *s = arg;

	if (!r->cond)
		return;
	leaves(s, w, r->cond);
	/* Limits stand last, and those behind one that was false were not asked. */
	for (size_t i = 0; r->cond->kind == EXPR_AND && i < r->cond->sub.n; i++) {
		const struct ast_expr *e = r->cond->sub.v[i];

		if (e == failed) {
			if (e->kind == EXPR_LIMIT)
				count(s, e, false);
			break;
		}
		if (e->kind == EXPR_LIMIT)
			count(s, e, true);
	}
	if (r->cond->kind == EXPR_LIMIT)
		count(s, r->cond, !failed);
}

static void on_action(void *arg, const struct eval_view *w, const struct ast_rule *r, const struct ast_action *a, enum eval_did did)
{
	(void)arg;
	(void)w;
	(void)r;
	(void)a;
	(void)did;
}

static void on_file(void *arg, const struct eval_result *r)
{
	(void)arg;
	(void)r;
}

struct seen *seen_new(struct eval *e)
{
	struct seen *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->eval = e;
	s->trace = (struct eval_trace){ .arg = s, .rule = on_rule, .action = on_action, .file = on_file };
	eval_trace(e, &s->trace);
	return s;
}

void seen_free(struct seen *s)
{
	if (s)
		eval_trace(s->eval, NULL);
	free(s);
}

static void put(json_t *all, const char *what, const char *which, const uint64_t n[2])
{
	char name[128];
	json_t *had;

	snprintf(name, sizeof(name), "%s %s", what, which);
	had = json_object_get(all, name);
	if (!had) {
		had = json_pack("[i, i]", 0, 0);
		json_object_set_new(all, name, had);
	}
	for (size_t i = 0; i < 2; i++)
		json_array_set_new(had, i, json_integer(json_integer_value(json_array_get(had, i)) + (json_int_t)n[i]));
}

static const char *asked(const struct ast_expr *e)
{
	static const char *const kinds[] = {
		[MATCH_RANGES] = "values", [MATCH_SET] = "set", [MATCH_LIVE] = "live set", [MATCH_BOXES] = "tuples", [MATCH_BYTES] = "bytes",
		[MATCH_IFACES] = "interfaces",
	};

	return kinds[e->match.kind];
}

static void put_cmp(json_t *all, const struct ast_expr *e, const uint64_t n[2])
{
	static const char *const cmps[] = {
		[CMP_EQ] = "==", [CMP_NE] = "!=", [CMP_LT] = "<", [CMP_LE] = "<=", [CMP_GT] = ">", [CMP_GE] = ">=", [CMP_IN] = "in",
		[CMP_NOT_IN] = "not in",
	};

	put(all, "operator", cmps[e->cmp], n);
	put(all, "of", asked(e), n);
	if (e->has_mask)
		put(all, "operator", "&", n);
	if (e->operand.n > 1)
		put(all, "operator", "(…)", n);
	for (size_t i = 0; i < e->operand.n; i++) {
		const struct ast_operand *o = e->operand.v[i];

		put(all, "operand", o->name.s + (strncmp(o->name.s, "inner.", 6) ? 0 : 6), n);
		if (o->inner)
			put(all, "operand", "inner", n);
	}
}

json_t *seen_json(const struct seen *s)
{
	json_t *all = json_object();

	for (size_t i = 0; i < SLOTS; i++) {
		const struct count *c = &s->slot[i];

		if (!c->e)
			continue;
		switch (c->e->kind) {
		case EXPR_NAME:
			put(all, "operand", c->e->name.s + (strncmp(c->e->name.s, "inner.", 6) ? 0 : 6), c->n);
			break;
		case EXPR_SOCKET:
			put(all, "operand", "socket", c->n);
			break;
		case EXPR_CMP:
			put_cmp(all, c->e, c->n);
			break;
		case EXPR_LIMIT:
			put(all, "limit", c->e->over ? "over" : "within", c->n);
			break;
		case EXPR_RANDOM:
			put(all, "random", c->e->name.s ? "per flow" : "per packet", c->n);
			break;
		case EXPR_AND:
		case EXPR_OR:
		case EXPR_NOT:
			break;
		}
	}
	return all;
}
