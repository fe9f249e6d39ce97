/*
 * A packet's way through the rules. In: what the evaluator tells while it goes that way. Out: of each rule whether it held, and why not, in words;
 * of each action what became of it. What a packet has is asked when a condition was false, and not later: actions rewrite it, limits lose tokens.
 */
#include "cli_explain.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 1024 };

static void place_rules(struct explain *x, struct explain_place *place, const struct ast_unit *u, const struct ast_rules *rules, unsigned within,
			bool other)
{
	for (size_t i = 0; i < rules->list.n; i++) {
		unsigned in = within;
		bool behind = other;

		for (const struct ast_rule *r = rules->list.v[i]; r; r = r->else_rule) {
			place[r->index] = (struct explain_place){ u, in, behind };
			place_rules(x, place, u, &r->then_block, r->index, false);
			place_rules(x, place, u, &r->else_block, r->index, true);
			in = r->index;
			behind = true;
		}
	}
}

/* ---- what is said ---- */

static uint32_t hash_of(const char *s, uint32_t h)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h * 31;
}

static void grow(struct explain *x)
{
	size_t n = x->n_buckets ? 4 * x->n_buckets : FIRST_BUCKETS;

	x->why = arena_array(x->a, n, sizeof(struct explain_why *));
	x->n_buckets = n;
	for (size_t i = 0; i < x->order.n; i++) {
		struct explain_why *y = x->order.v[i];

		y->next = x->why[y->hash % n];
		x->why[y->hash % n] = y;
	}
}

/* Most rules of a long list fail by the same few things. */
static struct explain_why *why(struct explain *x, const struct eval_view *w, const struct ast_rule *r, const struct ast_expr *failed)
{
	struct arena_mark mark = arena_mark(x->a);
	const char *subject = explain_subject(x, failed), *text = explain_why_text(x, w, failed);
	uint32_t hash = hash_of(text, hash_of(subject, 2166136261u));
	struct explain_why *y = x->n_buckets ? x->why[hash % x->n_buckets] : NULL;

	while (y && (y->hash != hash || strcmp(y->subject, subject) || strcmp(y->text, text)))
		y = y->next;
	if (y) {
		arena_release(x->a, mark);
	} else {
		if (x->order.n >= x->n_buckets)
			grow(x);
		y = arena_alloc(x->a, sizeof(*y));
		*y = (struct explain_why){ x->why[hash % x->n_buckets], subject, text, hash, 0, r->index, r->index };
		x->why[hash % x->n_buckets] = y;
		*vec_add(x->a, &x->order) = y;
	}
	y->n++;
	y->last = r->index;
	return y;
}

/* ---- what the evaluator tells ---- */

static void on_rule(void *arg, const struct eval_view *w, const struct ast_rule *r, const struct ast_expr *failed)
{
	struct explain *x = arg;
	struct explain_rule *to = &x->rule[r->index];

	to->state = failed ? EXPLAIN_FAILED : EXPLAIN_HELD;
	to->failed = failed;
	if (failed) {
		to->why = why(x, w, r, failed);
		return;
	}
	if (!r->cond)
		return;
	for (size_t i = 0; i < (r->cond->kind == EXPR_AND ? r->cond->sub.n : 1); i++) {
		const struct ast_expr *e = r->cond->kind == EXPR_AND ? r->cond->sub.v[i] : r->cond;

		*vec_add(x->a, &to->fact) = (struct explain_fact){ e, explain_why_text(x, w, e) };
	}
}

static void on_action(void *arg, const struct eval_view *w, const struct ast_rule *r, const struct ast_action *a, enum eval_did did)
{
	struct explain *x = arg;
	struct explain_rule *to = &x->rule[r->index];
	const char *value = a->kind == ACTION_REWRITE ? explain_value(x, w, a->target) : NULL;
	struct explain_deed *deed;

	if (did == DID_BEGIN) {
		*vec_add(x->a, &to->deed) = (struct explain_deed){ .action = a, .was = value };
		return;
	}
	deed = &to->deed.v[to->deed.n - 1];
	deed->did = did;
	deed->is = value;
}

static void on_file(void *arg, const struct eval_result *r)
{
	struct explain *x = arg;

	*vec_add(x->a, &x->file) = *r;
}

/* ---- one packet ---- */

void explain_init(struct explain *x, struct cli *cli, const struct ast_program *p)
{
	struct explain_place *place = arena_array(cli->arena, p->n_indexes, sizeof(*place));

	*x = (struct explain){ .cli = cli, .p = p, .place = place };
	x->trace = (struct eval_trace){ x, on_rule, on_action, on_file };
	for (size_t u = 0; u < p->units.n; u++)
		place_rules(x, place, p->units.v[u], &p->units.v[u]->rules, UINT_MAX, false);
	x->out = arena_stream(&x->text, &x->len);
}

void explain_done(struct explain *x)
{
	fclose(x->out);
	free(x->text);
	if (x->a)
		arena_free(x->a);
	x->a = NULL;
}

void explain_run(struct explain *x, struct eval *e, const struct explain_packet *q)
{
	if (x->a)
		arena_free(x->a);
	x->a = arena_new();
	x->known = q->known;
	x->rule = x->brief ? NULL : arena_array(x->a, x->p->n_indexes, sizeof(*x->rule));
	x->why = NULL;
	x->n_buckets = 0;
	memset(&x->order, 0, sizeof(x->order));
	memset(&x->file, 0, sizeof(x->file));
	x->fields = explain_fields(x, q->pkt);
	x->asked.n = 0;
	x->agrees = true;
	x->follow = !x->brief;
	if (q->decided && q->verdict) {
		explain_guess(x, e, q);
		return;
	}
	if (x->follow)
		eval_trace(e, &x->trace);
	x->result = eval_run(e, q->pkt);
	eval_trace(e, NULL);
}

/* Of each file that was reached: all before who decided there. Of a file that passed the packet on, who did is among them. */
void explain_before(const struct explain *x, void (*each)(void *arg, unsigned index), void *arg)
{
	unsigned end = x->result.index;

	for (unsigned i = 0; i < end; i++)
		if (x->p->by_index.v[i])
			each(arg, i);
}

const char *explain_rule_name(const struct eval_result *r)
{
	return r->rule ? r->rule->shown : "default";
}
