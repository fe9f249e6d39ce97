/*
 * What is not in a packet, but decided about it: limits, chance, sockets, connections, what drivers say. In: a packet, and what the filter itself
 * did with it. Out: the way with the fewest of these taken otherwise than they are here, that leads to the same end; or the way as it is here, if
 * there is none. Sets may have changed since they were read: those are taken otherwise last.
 */
#include "cli_explain.h"

#include <string.h>

enum { FLOW_STATES = 4 };		/* runtime/abi.h, enum xdpf_flow_state */
enum { RUNS = 400, DEPTH = 3 };		/* ways that are tried, and what is taken otherwise in one, at the most */

/* What is taken otherwise on a way. */
struct turns {
	const struct ast_expr *e[DEPTH];
	size_t n;
};

static bool is_set(const struct ast_expr *e)
{
	return e->kind == EXPR_CMP && e->match.kind == MATCH_LIVE;
}

static bool is_flow(const struct ast_expr *e)
{
	return e->kind == EXPR_CMP && e->operand.n == 1 && e->operand.v[0]->kind == OPERAND_FIELD && e->operand.v[0]->field == FIELD_FLOW_STATE;
}

static bool same_key(const struct ast_expr *a, const struct ast_expr *b)
{
	for (size_t i = 0; i < a->operand.n && a->operand.n == b->operand.n; i++) {
		const struct ast_operand *x = a->operand.v[i], *y = b->operand.v[i];

		if (x->kind != OPERAND_FIELD || y->kind != OPERAND_FIELD || x->field != y->field || x->inner != y->inner)
			return false;
	}
	return a->operand.n == b->operand.n;
}

/* Do both ask the same, so that one answer holds for both? */
static bool same(const struct ast_expr *a, const struct ast_expr *b)
{
	if (a == b || (a->kind == EXPR_SOCKET && b->kind == EXPR_SOCKET))
		return true;
	return is_set(a) && is_set(b) && a->match.set == b->match.set && a->match.negate == b->match.negate && same_key(a, b);
}

/* The last answer. */
struct explain_asked *explain_asked(const struct explain *x, const struct ast_expr *e)
{
	for (size_t i = x->asked.n; i--;)
		if (same(x->asked.v[i].cond, e))
			return &x->asked.v[i];
	return NULL;
}

/* In which states it is true. */
static unsigned states_of(const struct eval_view *w, const struct ast_expr *e)
{
	struct eval_packet pkt = *w->pkt;
	struct eval_view one = *w;
	unsigned states = 0;

	one.pkt = &pkt;
	one.failed = NULL;
	pkt.guess = NULL;
	for (pkt.flow_state = 0; pkt.flow_state < FLOW_STATES; pkt.flow_state++)
		states |= (unsigned)eval_cond(&one, e) << pkt.flow_state;
	return states;
}

static bool on_asked(void *arg, const struct eval_view *w, const struct ast_expr *e, bool known)
{
	struct explain *x = arg;
	struct explain_asked *a = explain_asked(x, e);

	if (e->kind == EXPR_RANDOM)
		known = e->share > 1u << 31;
	/* a rule may have put it into the set meanwhile, or taken it out */
	if (a && a->known == known)
		return a->value;
	a = vec_add(x->cli->arena, &x->asked);
	*a = (struct explain_asked){ .cond = e, .known = known, .states = is_flow(e) ? states_of(w, e) : 0 };
	for (size_t i = 0; i < x->n_turned; i++)
		a->turned |= same(x->turned[i], e);
	a->value = known != a->turned;
	return a->value;
}

/* Is there a state in which all that was asked of it is as it was taken? */
static bool is_sound(const struct explain *x)
{
	unsigned states = (1u << FLOW_STATES) - 1;

	for (size_t i = 0; i < x->asked.n; i++)
		if (is_flow(x->asked.v[i].cond))
			states &= x->asked.v[i].value ? x->asked.v[i].states : ~x->asked.v[i].states;
	return states;
}

/* ---- one way ---- */

/* An evaluator whose sets are as they were read: where packets change them, a new one. */
static struct eval *evaluator(const struct explain *x, struct eval *e)
{
	for (size_t i = 0; i < x->p->live.n; i++)
		if (x->p->live.v[i]->added || x->p->live.v[i]->removed)
			return eval_new(x->p);
	return e;
}

/* The packet as it came, on the way with these @turns. */
static struct eval_result run(struct explain *x, struct eval *e, const struct explain_packet *q, const struct eval_packet *came,
			      const struct turns *t)
{
	struct eval *one = evaluator(x, e);

	x->asked.n = 0;
	x->turned = t->e;
	x->n_turned = t->n;
	*q->pkt = *came;
	q->pkt->data = x->frame;
	if (came->len)
		memcpy(x->frame, came->data, came->len);
	q->pkt->guess = &x->guess;
	if (x->follow)
		eval_trace(one, &x->trace);
	x->result = eval_run(one, q->pkt);
	eval_trace(one, NULL);
	/* what it wrote is gone with it */
	q->pkt->data = x->frame;
	if (one != e)
		eval_free(one);
	return x->result;
}

static bool as_filter(const struct explain_packet *q, const struct eval_result *r)
{
	return !strcmp(q->verdict, lang_verdicts[r->verdict].name) && (!q->rule || !strcmp(q->rule, explain_rule_name(r))) &&
	       (!q->file || !strcmp(q->file, r->unit->name));
}

/* ---- the search ---- */

struct search {
	VEC(struct turns) queue;
	size_t at;
};

/* All that was asked behind the last turn, each in addition to those of @t: fewer first, since they stand in a queue. */
static void add_turns(struct explain *x, struct search *s, const struct turns *t, bool sets)
{
	size_t from = 0;

	for (size_t i = 0; i < x->asked.n; i++)
		if (x->asked.v[i].turned)
			from = i + 1;
	for (size_t i = from; i < x->asked.n && t->n < DEPTH && s->queue.n < RUNS; i++) {
		struct turns more = *t;

		if (is_set(x->asked.v[i].cond) && !sets)
			continue;
		more.e[more.n++] = x->asked.v[i].cond;
		*vec_add(x->a, &s->queue) = more;
	}
}

static bool find(struct explain *x, struct eval *e, const struct explain_packet *q, const struct eval_packet *came, bool sets, struct turns *out)
{
	struct search s = { .at = 0 };

	*vec_add(x->a, &s.queue) = (struct turns){ .n = 0 };
	for (; s.at < s.queue.n; s.at++) {
		const struct turns t = s.queue.v[s.at];
		struct eval_result r = run(x, e, q, came, &t);

		*out = t;
		if (as_filter(q, &r) && is_sound(x))
			return true;
		add_turns(x, &s, &t, sets);
	}
	return false;
}

void explain_guess(struct explain *x, struct eval *e, const struct explain_packet *q)
{
	struct eval_packet came = *q->pkt;
	uint8_t *kept = arena_alloc(x->a, came.len + 1);
	struct turns t = { .n = 0 };
	bool follow = x->follow;

	if (came.len)
		memcpy(kept, came.data, came.len);
	x->frame = came.data;
	came.data = kept;
	x->guess = (struct eval_guess){ x, on_asked };
	x->follow = false;
	x->agrees = find(x, e, q, &came, false, &t);
	for (int way = 0; way < 2 && !x->agrees; way++) {
		came.no_way = way;
		x->agrees = find(x, e, q, &came, true, &t);
	}
	if (!x->agrees) {
		came.no_way = false;
		t.n = 0;
	}
	x->follow = follow;
	run(x, e, q, &came, &t);
}
