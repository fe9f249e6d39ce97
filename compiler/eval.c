/*
 * The reference evaluator: rules, actions, counters. In: a checked program and frames. Out: the verdict and who decided; what was counted.
 * Guaranteed: rules are taken in the order of the source, each exactly when it is reached; the books balance per file (see eval.h).
 */
#include "abi.h"
#include "eval.h"

#include <stdlib.h>
#include <string.h>

#include "eval_cond.h"
#include "eval_cookie.h"
#include "eval_guard.h"
#include "eval_limit.h"
#include "eval_rewrite.h"
#include "eval_set.h"
#include "eval_table.h"
#include "eval_way.h"

struct eval {
	const struct ast_program *program;
	uint8_t reply[EVAL_REPLY_MAX];
	bool count_verdicts;
	struct eval_count *rule;	/* n_indexes */
	struct eval_result *decided;	/* by unit: about the last packet that reached it */
	struct eval_count verdict[VERDICT_COUNT];
	struct eval_miss *miss;		/* n_slots */
	struct eval_count *other;	/* by way */
	uint64_t *lately;		/* XDPF_COOKIES, where there are cookies */
	struct eval_sets *sets;
	struct eval_table **table;	/* n_counters */
	uint64_t *log_next, *log_limited;	/* per log: when the next packet is due, ns; those that came before */
	struct arena *arena;
	uint8_t *frame, *before;	/* a frame that is rewritten, and its bytes before the last change; of .cap bytes */
	size_t cap;
	struct eval_limits *limits;
	struct eval_guards *guards;	/* NULL: none */
	const struct eval_trace *trace;	/* NULL: nobody wants to see */
};

/* One frame on its way through the program. */
struct run {
	struct eval *e;
	const struct ast_unit *unit;
	struct eval_packet *pkt;
	struct eval_view view;
	struct eval_seen seen;
	struct eval_result result;	/* .verdict VERDICT_NONE: nothing has decided yet */
	bool swap;
};

struct eval *eval_new(const struct ast_program *p)
{
	struct eval *e = arena_calloc(1, sizeof(*e));

	e->program = p;
	e->guards = eval_guards_new(p);
	e->arena = arena_new();
	e->rule = arena_calloc(p->n_indexes, sizeof(*e->rule));
	e->decided = arena_calloc(p->units.n, sizeof(*e->decided));
	e->miss = arena_calloc(p->n_slots, sizeof(*e->miss));
	e->other = arena_calloc(p->ways.n, sizeof(*e->other));
	e->table = arena_calloc(p->n_counters, sizeof(struct eval_table *));
	e->log_next = arena_calloc(p->logs.n, sizeof(*e->log_next));
	e->log_limited = arena_calloc(p->logs.n, sizeof(*e->log_limited));
	e->lately = arena_calloc(p->cookies ? XDPF_COOKIES : 0, sizeof(*e->lately));
	e->limits = eval_limits_new(p);
	e->sets = eval_sets_new(p);
	for (size_t u = 0; u < p->units.n; u++) {
		const struct ast_unit *unit = p->units.v[u];

		/* The option buys back the time of the file that sets it; verdicts belong to all files. */
		if (!unit->counters_off)
			e->count_verdicts = true;
		for (size_t i = 0; i < unit->counters.n; i++) {
			const struct ast_counter *c = unit->counters.v[i];

			e->table[c->index] = eval_table_new(c);
		}
	}
	return e;
}

void eval_free(struct eval *e)
{
	if (!e)
		return;
	for (unsigned i = 0; e->table && i < e->program->n_counters; i++)
		eval_table_free(e->table[i]);
	free(e->table);
	eval_limits_free(e->limits);
	free(e->rule);
	free(e->decided);
	free(e->log_next);
	free(e->log_limited);
	eval_sets_free(e->sets);
	free(e->miss);
	free(e->other);
	free(e->lately);
	eval_guards_free(e->guards);
	arena_free(e->arena);
	free(e);
}

static void add(struct eval_count *c, const struct run *r)
{
	c->packets++;
	c->bytes += r->view.pkt->len;
}

static void decide(struct run *r, enum verdict v, bool swap, const struct ast_rule *rule, unsigned index)
{
	r->result = (struct eval_result){ .verdict = v, .unit = r->unit, .rule = rule, .index = index };
	r->swap = swap;
}

static enum eval_did decide_way(struct run *r, enum verdict v, const struct ast_way *way, const struct ast_rule *rule, unsigned index)
{
	if (eval_way(r->pkt, way, r->e->reply)) {
		decide(r, v, false, rule, index);
		return DID;
	}
	if (!r->unit->counters_off)
		add(&r->e->other[way->slot], r);
	decide(r, way->other, way->other_swap, rule, index);
	return DID_OTHER;
}

/* The rule counts the packets that it decides about. */
static enum eval_did cookie(struct run *r, const struct ast_way *way, const struct ast_rule *rule)
{
	enum eval_cookie what = eval_cookie(r->pkt, &r->view.d, r->e->lately);
	bool counts = !r->unit->counters_off, on = what == COOKIE_COMPLETED || what == COOKIE_NOT_OURS;
	const struct eval_guess *guess = dissect_has(&r->view.d, HDR_TCP) ? r->pkt->guess : NULL;

	if (guess && guess->cond(guess->arg, &r->view, way->goes_on, on) != on)
		what = eval_cookie_otherwise(r->pkt, &r->view.d, !on);
	if (what == COOKIE_COMPLETED && counts)
		add(&r->e->other[way->slot + WAY_COMPLETED], r);
	if (what == COOKIE_COMPLETED || what == COOKIE_NOT_OURS)
		return what == COOKIE_COMPLETED ? DID_COMPLETED : DID_NOT_OURS;
	if (counts)
		add(&r->e->rule[rule->index], r);
	if (what == COOKIE_SYN && (!guess || guess->cond(guess->arg, &r->view, way->answers, true)) && eval_way(r->pkt, way, r->e->reply)) {
		decide(r, VERDICT_TX, false, rule, rule->index);
		return DID;
	}
	if (counts)
		add(&r->e->other[way->slot], r);
	if (what == COOKIE_SYN && counts)
		add(&r->e->other[way->slot + WAY_UNANSWERED], r);
	decide(r, way->other, way->other_swap, rule, rule->index);
	return what == COOKIE_SYN ? DID_UNANSWERED : DID_REFUSED;
}

/* Nobody reads a log here; what is known is which packets it would not have. */
static enum eval_did note(struct run *r, const struct ast_log *log)
{
	uint64_t now = r->view.pkt->now, *next = &r->e->log_next[log->index];

	if (log->sample && r->pkt->guess)
		return DID_BY_CHANCE;
	if (log->sample)
		return xdpf_test_random(r->pkt->random, log->site) < log->share ? DID : DID_NOT_DRAWN;
	if (*next > now + log->burst) {
		r->e->log_limited[log->index]++;
		return DID_TOO_SOON;
	}
	*next = (*next > now ? *next : now) + log->interval;
	return DID;
}

static enum eval_did missed(struct run *r, const struct ast_action *a, bool absent, bool full)
{
	r->e->miss[a->slot].absent += absent;
	r->e->miss[a->slot].full += full;
	return absent ? DID_ABSENT : full ? DID_FULL : DID;
}

/* A tag goes in or out; what is inside a tunnel moves with what carries it. */
static bool vlan(struct run *r, const struct ast_action *a)
{
	struct dissect *in = &r->view.inner;
	size_t by = a->push ? 4 : (size_t)-4;

	if (!eval_vlan(r->pkt, &r->view.d, a))
		return false;
	if (!r->e->program->inner)
		return true;
	for (int h = 0; h < HDR_COUNT; h++)
		in->offset[h] += by;
	in->end += by;
	in->payload += by;
	in->payload_end += by;
	return true;
}

static enum eval_did act(struct run *r, const struct ast_rule *rule, const struct ast_action *a)
{
	enum eval_set_done done;
	enum eval_counted counted;

	switch (a->kind) {
	case ACTION_VERDICT:
		if (rule->may_go_on)
			return cookie(r, a->way, rule);
		if (a->way)
			return decide_way(r, a->verdict, a->way, rule, rule->index);
		decide(r, a->verdict, a->swap, rule, rule->index);
		return DID;
	case ACTION_LOG:
		return note(r, a->log);
	case ACTION_REWRITE:
		return missed(r, a, !eval_write(r->pkt, &r->view.d, &r->view.inner, a, r->e->before), false);
	case ACTION_VLAN:
		return missed(r, a, !vlan(r, a), false);
	case ACTION_MARK:
		r->pkt->marked = true;
		r->pkt->mark = (uint32_t)a->to.lo.lo;
		return DID;
	case ACTION_ADD:
	case ACTION_REMOVE:
		done = eval_sets_act(&r->view, a);
		return missed(r, a, done == SET_ABSENT, done == SET_FULL);
	case ACTION_COUNT:
		counted = eval_table_count(r->e->table[a->counter->index], &r->view);
		return missed(r, a, counted == COUNTED_ABSENT, counted == COUNTED_FULL);
	}
	return DID;
}

static void act_all(struct run *r, const struct ast_rule *rule)
{
	const struct eval_trace *t = r->e->trace;

	for (size_t i = 0; i < rule->action.n; i++) {
		const struct ast_action *a = rule->action.v[i];
		enum eval_did did;

		if (t)
			t->action(t->arg, &r->view, rule, a, DID_BEGIN);
		did = act(r, rule, a);
		if (t)
			t->action(t->arg, &r->view, rule, a, did);
	}
}

/* Does the rule's condition hold? Who follows the packet is told, and why not. */
static bool holds(struct run *r, const struct ast_rule *rule)
{
	const struct eval_trace *t = r->e->trace;
	const struct ast_expr *failed = rule->cond;
	bool yes;

	if (!t)
		return !rule->cond || eval_cond(&r->view, rule->cond);
	/* within an `or` or a `not`, an `and` that is false is not why */
	r->view.failed = rule->cond && rule->cond->kind == EXPR_AND ? &failed : NULL;
	yes = !rule->cond || eval_cond(&r->view, rule->cond);
	r->view.failed = NULL;
	t->rule(t->arg, &r->view, rule, yes ? NULL : failed);
	return yes;
}

static void run_rules(struct run *r, const struct ast_rules *rules);

/* A rule, or a chain of `else if`, of which at most one is taken. */
static void run_rule(struct run *r, const struct ast_rule *rule)
{
	while (!holds(r, rule)) {
		if (rule->kind == RULE_IF && rule->has_else_block)
			return run_rules(r, &rule->else_block);
		if (rule->kind != RULE_IF || !rule->else_rule)
			return;
		rule = rule->else_rule;
	}
	if (!r->unit->counters_off && !rule->may_go_on)
		add(&r->e->rule[rule->index], r);
	switch (rule->kind) {
	case RULE_ACTIONS:
		act_all(r, rule);
		break;
	case RULE_IF:
		run_rules(r, &rule->then_block);
		break;
	}
}

static void run_rules(struct run *r, const struct ast_rules *rules)
{
	/* A guard says that a rule does not match, but not why. */
	const struct eval_guard *guard = r->e->guards && !r->e->trace && !r->pkt->guess ? eval_guards_of(r->e->guards, rules) : NULL;

	for (size_t i = 0; i < rules->list.n && r->result.verdict == VERDICT_NONE; i++)
		if (!guard || !eval_guard_excludes(&guard[i], &r->seen))
			run_rule(r, rules->list.v[i]);
}

static void decide_unit(struct run *r, const struct ast_unit *unit)
{
	r->unit = unit;
	r->result.verdict = VERDICT_NONE;
	run_rules(r, &unit->rules);
	if (r->result.verdict != VERDICT_NONE)
		return;
	if (unit->default_way)
		decide_way(r, unit->default_verdict, unit->default_way, NULL, unit->default_index);
	else
		decide(r, unit->default_verdict, unit->default_swap, NULL, unit->default_index);
	if (!unit->counters_off)
		add(&r->e->rule[unit->default_index], r);
}

static void run_unit(struct run *r, size_t u)
{
	decide_unit(r, r->e->program->units.v[u]);
	r->e->decided[u] = r->result;
	if (r->e->trace)
		r->e->trace->file(r->e->trace->arg, &r->result);
}

static void swap_addresses(struct eval_packet *pkt)
{
	uint8_t dst[6];

	if (pkt->left < 12)
		return;
	memcpy(dst, pkt->data, 6);
	memcpy(pkt->data, pkt->data + 6, 6);
	memcpy(pkt->data + 6, dst, 6);
}

/* A copy that grows at its front. */
static void copy_frame(struct eval *e, struct eval_packet *pkt)
{
	if (pkt->len + 2 * EVAL_FRONT > e->cap) {
		e->cap = 2 * (pkt->len + 2 * EVAL_FRONT);
		e->frame = arena_alloc(e->arena, e->cap);
		e->before = arena_alloc(e->arena, e->cap);
	}
	if (pkt->len)
		memcpy(e->frame + EVAL_FRONT, pkt->data, pkt->len);
	pkt->data = e->frame + EVAL_FRONT;
}

struct eval_result eval_run(struct eval *e, struct eval_packet *pkt)
{
	struct run r = { .e = e, .pkt = pkt, .view.pkt = pkt, .view.limits = e->limits, .view.sets = e->sets, .result.verdict = VERDICT_PASS };

	pkt->left = pkt->len;
	pkt->marked = false;
	if (e->program->rewrites)
		copy_frame(e, pkt);

	dissect_frame(&r.view.d, pkt->data, pkt->len);
	if (e->program->inner)
		dissect_inner(&r.view.inner, &r.view.d, pkt->data);
	if (e->guards && !e->trace)
		eval_guards_see(e->guards, &r.view, &r.seen);
	/* A file receives exactly what the one before it passed. */
	for (size_t u = 0; u < e->program->units.n && r.result.verdict == VERDICT_PASS; u++)
		run_unit(&r, u);
	if (r.result.verdict == VERDICT_TX && r.swap)
		swap_addresses(pkt);
	if (e->count_verdicts && r.result.verdict != VERDICT_NONE)
		add(&e->verdict[r.result.verdict], &r);
	return r.result;
}

struct eval_result eval_decided(const struct eval *e, unsigned index)
{
	size_t u = 0;

	/* a file's default is behind its rules */
	while (index > e->program->units.v[u]->default_index)
		u++;
	return e->decided[u];
}

void eval_trace(struct eval *e, const struct eval_trace *t)
{
	e->trace = t;
}

uint64_t eval_packet_random(uint64_t seed, uint64_t n)
{
	return xdpf_test_packet_random(seed, n);
}

struct eval_count eval_rule_count(const struct eval *e, unsigned index)
{
	return e->rule[index];
}

struct eval_count eval_verdict_count(const struct eval *e, enum verdict v)
{
	return e->verdict[v];
}

struct eval_count eval_other_count(const struct eval *e, unsigned slot)
{
	return e->other[slot];
}

struct eval_limit_count eval_limit_counted(const struct eval *e, const struct ast_limit *l)
{
	return eval_limits_count(e->limits, l->index);
}

struct eval_set_count eval_set_count(const struct eval *e, const struct ast_set *set)
{
	return eval_sets_count(e->sets, set);
}

bool eval_set_add(struct eval *e, const struct ast_set *set, const struct range *element, uint64_t keep, uint64_t now)
{
	return eval_sets_put(e->sets, set, element, keep ? now + keep : 0, now);
}

void eval_set_remove(struct eval *e, const struct ast_set *set, const struct range *element)
{
	eval_sets_take(e->sets, set, element);
}

void eval_set_each(const struct eval *e, const struct ast_set *set, uint64_t now, eval_element_fn fn, void *arg)
{
	eval_sets_each(e->sets, set, now, fn, arg);
}

void eval_limit_each(const struct eval *e, const struct ast_limit *l, uint64_t now, eval_bucket_fn fn, void *arg)
{
	eval_limits_each(e->limits, l, now, fn, arg);
}

struct eval_miss eval_action_miss(const struct eval *e, unsigned slot)
{
	return e->miss[slot];
}

uint64_t eval_log_limited(const struct eval *e, const struct ast_log *log)
{
	return e->log_limited[log->index];
}

void eval_counter_each(const struct eval *e, const struct ast_counter *c, eval_entry_fn fn, void *arg)
{
	eval_table_each(e->table[c->index], fn, arg);
}
