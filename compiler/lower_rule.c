/*
 * Rules, actions and files in IR. In: the checked units. Out: blocks from l->rules to decisions. A rule's body stands out of line; "next
 * rule" is the fall-through. Bodies are a list of work, not a recursion, so nesting costs no stack.
 */
#include "lower_classify.h"
#include "meta.h"

static bool counted(const struct ast_unit *u)
{
	return !u->counters_off;
}

/* Does a rule with this last action end the packet's way through the files, whatever happens? */
static bool ends(const struct lower_work *w, const struct ast_rule *r)
{
	const struct ast_action *last = r->action.n ? r->action.v[r->action.n - 1] : NULL;

	if (r->kind != RULE_ACTIONS || r->verdict == VERDICT_NONE || r->may_go_on)
		return false;
	return !w->unit_pass || (r->verdict != VERDICT_PASS && !(last && last->way && last->way->other == VERDICT_PASS));
}

static void count(struct lower *l, const struct ast_action *a)
{
	struct ast_counter *c = a->counter;
	struct meta_key key = meta_key_layout(l->arena, c->key.v, c->key.n);
	struct ir_block *miss = lower_block(l, "key absent"), *after = lower_block(l, "counted");
	struct ir_opnd w[LOWER_KEY_PARTS];
	struct ir_inst *t;
	unsigned n = lower_key(l, a->key.v, &key, w, miss);

	t = lower_emit(l, IR_TALLY);
	t->imm = c->index;
	t->slot = a->slot;
	for (unsigned k = 0; k < n; k++)
		*vec_add(l->arena, &t->args) = w[k];
	lower_jump(l, after);
	if (key.n) {
		lower_hot(l, miss);
		lower_emit(l, IR_MISS)->imm = a->slot;
		lower_jump(l, after);
	}
	lower_hot(l, after);
}

static void lower_log(struct lower *l, const struct ast_log *log)
{
	struct ir_block *take = NULL, *after = NULL;

	if (log->sample) {
		struct ir_inst *draw = lower_emit(l, IR_RANDOM);

		draw->imm = log->site;
		take = lower_block(l, "sampled");
		after = lower_block(l, "not sampled");
		lower_test(l, IR_ULE, (struct ir_opnd){ IR_TEMP, draw->temp }, ir_imm(log->share - 1), take, after);
		lower_hot(l, take);
	}
	lower_emit(l, IR_LOG)->imm = log->index;
	if (after) {
		lower_jump(l, after);
		lower_hot(l, after);
	}
}

/* The actions of a rule; goes on at @after if none decides. */
static void lower_actions(struct lower *l, const struct lower_work *w, struct ir_block *after)
{
	const struct ast_rule *r = w->rule;

	l->span = r->span;
	for (size_t i = 0; i < r->action.n; i++)
		switch (r->action.v[i]->kind) {
		case ACTION_COUNT:
			count(l, r->action.v[i]);
			break;
		case ACTION_ADD:
		case ACTION_REMOVE:
			lower_set_action(l, r->action.v[i]);
			break;
		case ACTION_LOG:
			lower_log(l, r->action.v[i]->log);
			break;
		case ACTION_REWRITE:
		case ACTION_VLAN:
		case ACTION_MARK:
			lower_rewrite(l, r->action.v[i]);
			break;
		case ACTION_VERDICT:
			if (r->may_go_on)
				lower_cookie(l, w, r->action.v[i]->way, r->index, after);
			else if (r->action.v[i]->way)
				lower_decide_way(l, w, r->action.v[i]->verdict, r->action.v[i]->way, r->index);
			else
				lower_decide(l, w, r->action.v[i]->verdict, r->action.v[i]->swap, r->index);
			return;
		}
	if (counted(w->unit))
		lower_emit(l, IR_COUNT)->imm = r->index;
	lower_jump(l, after);
}

static void add_work(struct lower *l, struct lower_work w, struct ir_block *at, const struct ast_rule *rule, const struct ast_rules *rules,
		     struct ir_block *after)
{
	w.at = at;
	w.rule = rule;
	w.rules = rules;
	w.whole = false;
	w.no = after;
	*vec_add(l->arena, &l->work) = w;
}

/* One rule with its else branches; goes on in a new current block. */
static void lower_rule(struct lower *l, const struct lower_work *w, const struct ast_rule *r)
{
	struct ir_block *next = lower_block(l, "next rule");
	struct lower_work own = *w;

	own.rule = r;
	own.whole = false;
	own.known = l->known;
	l->span = r->span;
	if (!r->cond) {
		lower_actions(l, &own, next);
		lower_hot(l, next);
		return;
	}
	for (const struct ast_rule *c = r; c; c = c->else_rule) {
		struct ir_block *body = lower_block(l, c->shown), *other = next;

		body->final = ends(w, c);
		if (c->else_rule || c->has_else_block)
			other = lower_block(l, "else");
		lower_cond(l, c->cond, body, other);
		add_work(l, own, body, c, NULL, next);
		if (c->else_rule)
			lower_hot(l, other);
		else if (c->has_else_block)
			add_work(l, own, other, NULL, &c->else_block, next);
	}
	lower_hot(l, next);
}

/* The headers one of which the rule needs to do anything; 0: it may do something in any packet. */
static uint64_t needs(const struct ast_rule *r)
{
	return r->cond && !r->else_rule && !r->has_else_block ? lower_implied(r->cond) : 0;
}

/* How many rules from @i on, before @end, need one of few headers, all of them, and are worth one test that jumps over them; 0: not so here. */
static size_t run_length(const struct lower *l, const struct ast_rules *rules, size_t i, size_t end, uint64_t *headers)
{
	unsigned cost = 0;
	size_t n = 0;

	*headers = needs(rules->list.v[i]);
	if (l->ir->plain || !*headers || __builtin_popcountll(*headers) > 2 || *headers & l->known)
		return 0;
	for (; i + n < end; n++) {
		uint64_t own = needs(rules->list.v[i + n]);

		if (!own || own & ~*headers)
			break;
		cost += lower_cost(rules->list.v[i + n]->cond);
	}
	return cost >= LOWER_GUARD_COST ? n : 0;
}

static uint64_t presence(struct lower *l, uint64_t headers)
{
	uint64_t mask = 0;

	for (unsigned h = 0; h < HDR_COUNT; h++)
		if (headers >> h & 1)
			mask |= lower_bit(l, h);
	return mask;
}

static void lower_list(struct lower *l, const struct lower_work *w, const struct ast_rules *rules, struct ir_block *after)
{
	size_t plain = 0;

	for (size_t i = 0; i < rules->list.n;) {
		uint64_t headers, known = l->known;
		struct ir_block *in, *out;
		bool taken = false;
		size_t n;

		if (i >= plain) {
			struct ir_block *at = l->cur;

			plain = i + lower_segment(l, w, rules, i, &taken);
			if (taken) {
				lower_rules_apart_end(l, at);
				i = plain;
				continue;
			}
		}
		n = run_length(l, rules, i, plain, &headers);

		lower_rule_apart(l);
		if (!n) {
			lower_rule(l, w, rules->list.v[i++]);
			continue;
		}
		in = lower_block(l, "run");
		out = lower_block(l, "run over");
		l->span = rules->list.v[i]->span;
		lower_test(l, IR_BITS, lower_get(l, l->pres), ir_imm(presence(l, headers)), in, out);
		lower_hot(l, in);
		/* A rule of the run may push or pop a tag. */
		if (__builtin_popcountll(headers) == 1 && !(l->ast->retags && headers & ((uint64_t)1 << HDR_VLAN | (uint64_t)1 << HDR_VLAN2)))
			l->known |= headers;
		while (n--) {
			lower_rule(l, w, rules->list.v[i++]);
			if (n)
				lower_rule_apart(l);
		}
		l->known = known;
		lower_jump(l, out);
		lower_hot(l, out);
	}
	lower_jump(l, after);
}

static void lower_work(struct lower *l, const struct lower_work *w)
{
	if (w->placed) {
		for (size_t i = 0; i < w->n_placed; i++)
			*vec_add(l->arena, &l->hot) = w->placed[i];
		return;
	}
	lower_hot(l, w->at);
	l->span = w->span;
	l->known = w->known;
	l->negated = w->negated;
	if (w->cond) {
		lower_conjunction(l, w);
	} else if (w->rules) {
		lower_list(l, w, w->rules, w->no);
	} else if (w->whole) {
		lower_rule(l, w, w->rule);
		lower_jump(l, w->no);
	} else if (w->rule->kind == RULE_ACTIONS) {
		lower_actions(l, w, w->no);
	} else {
		l->span = w->rule->span;
		if (counted(w->unit))
			lower_emit(l, IR_COUNT)->imm = w->rule->index;
		lower_list(l, w, &w->rule->then_block, w->no);
	}
}

void lower_pending(struct lower *l, size_t from)
{
	for (size_t k = from; k < l->work.n; k++) {
		struct lower_work w = l->work.v[k];

		lower_work(l, &w);
	}
	l->work.n = from;
}

/* Out of line: what was put off, and what that puts off. */
static void drain(struct lower *l)
{
	while (l->work_done < l->work.n) {
		struct lower_work w = l->work.v[l->work_done++];

		lower_work(l, &w);
	}
	l->known = 0;
	l->negated = false;
}

void lower_units(struct lower *l)
{
	for (size_t u = 0; u < l->ast->units.n; u++) {
		const struct ast_unit *unit = l->ast->units.v[u];
		struct ir_block *none = lower_block(l, "default"), *pass = NULL;
		struct lower_work w = { .unit = unit };

		if (u + 1 < l->ast->units.n)
			w.unit_pass = pass = lower_block(l, "next file");
		lower_list(l, &w, &unit->rules, none);
		lower_hot(l, none);
		l->span = unit->default_action ? unit->default_action->span : (struct span){ 0 };
		if (unit->default_way)
			lower_decide_way(l, &w, unit->default_verdict, unit->default_way, unit->default_index);
		else
			lower_decide(l, &w, unit->default_verdict, unit->default_swap, unit->default_index);
		drain(l);
		lower_shared_ways(l);
		if (pass)
			lower_hot(l, pass);
	}
}
