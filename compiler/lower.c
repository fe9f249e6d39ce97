/*
 * From a checked program to IR. In: a tree that sema accepted. Out: IR that ir_check() accepts, or errors for files that are too large
 * for one program. This file has the order of work and the small emitters; lower_need.c, lower_parse.c, lower_l4.c, lower_match.c,
 * lower_cond.c and lower_rule.c have the parts.
 */
#include "lower.h"

#include <stdlib.h>

#include "abi.h"
#include "meta.h"

struct ir_inst *lower_emit(struct lower *l, enum ir_op op)
{
	return ir_add(l->ir, l->cur, op, l->span);
}

static struct ir_opnd result(const struct ir_inst *i)
{
	return (struct ir_opnd){ IR_TEMP, i->temp };
}

struct ir_opnd lower_get(struct lower *l, ir_var v)
{
	struct ir_inst *i = lower_emit(l, IR_GET);

	i->var = v;
	return result(i);
}

void lower_set(struct lower *l, ir_var v, struct ir_opnd o)
{
	struct ir_inst *i = lower_emit(l, IR_SET);

	i->var = v;
	i->a = o;
}

struct ir_opnd lower_op(struct lower *l, enum ir_op op, struct ir_opnd a, struct ir_opnd b)
{
	struct ir_inst *i = lower_emit(l, op);

	i->a = a;
	i->b = b;
	return result(i);
}

struct ir_opnd lower_fresh(struct lower *l, struct ir_opnd a, const struct ir_block *yes, const struct ir_block *no)
{
	if (l->ir->scratch || yes->final || no->final)
		return a;
	return lower_op(l, IR_FRESH, a, lower_get(l, l->blank));
}

struct ir_opnd lower_op0(struct lower *l, enum ir_op op)
{
	return result(lower_emit(l, op));
}

struct ir_opnd lower_swap(struct lower *l, struct ir_opnd a, unsigned bytes)
{
	struct ir_inst *i = lower_emit(l, IR_SWAP);

	i->a = a;
	i->imm = bytes;
	return result(i);
}

void lower_jump(struct lower *l, struct ir_block *to)
{
	lower_emit(l, IR_JUMP)->target[0] = to;
}

void lower_test(struct lower *l, enum ir_op op, struct ir_opnd a, struct ir_opnd b, struct ir_block *yes, struct ir_block *no)
{
	struct ir_inst *i = lower_emit(l, op);

	i->a = a;
	i->b = b;
	i->target[0] = yes;
	i->target[1] = no;
}

struct ir_inst *lower_fetch(struct lower *l, struct ir_opnd off, unsigned n, struct ir_block *yes, struct ir_block *no)
{
	struct ir_inst *i = lower_emit(l, IR_FETCH);

	i->a = off;
	i->imm = n;
	i->target[0] = yes;
	i->target[1] = no;
	return i;
}

void lower_load(struct lower *l, struct ir_inst *fetch, ir_var v, unsigned delta, unsigned size)
{
	*vec_add(l->arena, &fetch->loads) = (struct ir_load){ v, delta, size };
}

struct ir_block *lower_block(struct lower *l, const char *name)
{
	return ir_block_new(l->ir, name);
}

void lower_hot(struct lower *l, struct ir_block *b)
{
	*vec_add(l->arena, &l->hot) = b;
	l->cur = b;
}

void lower_cold(struct lower *l, struct ir_block *b)
{
	*vec_add(l->arena, &l->cold) = b;
	l->cur = b;
}

/*
 * Each early exit of dissection gets a block of its own, out of line: what must be put in place for where the exits meet would else be put
 * in place before each branch, also for the packets that do not take it.
 */
static void split_exits(struct lower *l, struct ir_block *const *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct ir_inst *last = &b[i]->inst.v[b[i]->inst.n - 1];

		for (unsigned k = 0; k < ir_op_targets(last->op); k++) {
			struct ir_block *to = last->target[k], *exit;

			if (last->op == IR_JUMP || (to != l->none && to != l->bad))
				continue;
			exit = lower_block(l, "exit");
			last->target[k] = exit;
			lower_cold(l, exit);
			lower_jump(l, to);
		}
	}
}

struct layout {
	struct ir_block **hot, **cold;
	size_t n_hot, n_cold;
};

/* Takes the blocks laid out so far out of @l. */
static struct layout take_layout(struct lower *l)
{
	struct layout t = { l->hot.v, l->cold.v, l->hot.n, l->cold.n };

	l->hot.v = l->cold.v = NULL;
	l->hot.n = l->hot.cap = l->cold.n = l->cold.cap = 0;
	return t;
}

static void place(struct lower *l, struct ir_block **b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ir_block_place(l->ir, b[i]);
}

/* Blocks that can be reached, as a depth-first walk from the first finds them. */
static void drop_unreachable(struct lower *l, struct ir_block *entry)
{
	struct ir_program *p = l->ir;
	VEC(struct ir_block *) todo = { 0 };
	size_t n = 0;

	for (size_t b = 0; b < p->block.n; b++)
		p->block.v[b]->placed = false;
	entry->placed = true;
	*vec_add(l->arena, &todo) = entry;
	while (todo.n) {
		struct ir_block *b = todo.v[--todo.n];
		struct ir_inst *last = b->inst.n ? &b->inst.v[b->inst.n - 1] : NULL;

		for (unsigned k = 0; last && k < ir_op_targets(last->op); k++)
			if (!last->target[k]->placed) {
				last->target[k]->placed = true;
				*vec_add(l->arena, &todo) = last->target[k];
			}
	}
	for (size_t b = 0; b < p->block.n; b++)
		if (p->block.v[b]->placed) {
			p->block.v[n] = p->block.v[b];
			p->block.v[n]->id = (unsigned)n;
			n++;
		}
	p->block.n = n;
}

/*
 * One program has a limit: the verifier keeps at most 8,192 branches for later, and a jump reaches 32,767 instructions. The weights are
 * instructions over five, rounded up, measured on generated files of nothing but one kind.
 */
enum { MAX_WEIGHT = 6000 };

static unsigned weight(const struct ir_inst *i)
{
	switch (i->op) {
	case IR_EQ: case IR_SAME: case IR_ULE: case IR_BITS: case IR_BEYOND: case IR_DECIDE:
		return 1;
	case IR_MEMBER: case IR_COUNT: case IR_COUNTS: case IR_MISS: case IR_OTHER: case IR_WAY: case IR_WRITE: case IR_OUT: case IR_GROW:
	case IR_CUT: case IR_WALL: case IR_RANDOM: case IR_STORE: case IR_DIV: case IR_REM:
		return 4;
	case IR_FETCH: case IR_SWITCH: case IR_SWAPMAC: case IR_PUSHTAG: case IR_POPTAG: case IR_MARK: case IR_OPTIONS:
		return 7;
	case IR_LOG: case IR_SOCKET: case IR_CONN: case IR_RX: case IR_MTU: case IR_LOOKUP: case IR_DELSET:
		return 16;
	case IR_SUM: case IR_FIB: case IR_FLOW: case IR_LISTENS: case IR_COOKIE: case IR_LATELY: case IR_COOKIEOK:
		return 40;
	case IR_ENTRY: case IR_PLACE: case IR_RECORD:
		return 10;
	case IR_INDEX:
		return 5;
	case IR_CLASSIFY:
		return 100;
	case IR_CLASS:
		return 30;
	case IR_LIMIT:
		return 3 + (unsigned)i->args.n;
	case IR_ADDSET:
		return 60;
	case IR_TALLY:
		return i->args.n ? 14 + 6 * (unsigned)i->args.n : 4;
	case IR_GET: case IR_SET: case IR_ADD: case IR_SUB: case IR_AND: case IR_OR: case IR_XOR: case IR_SHL: case IR_SHR: case IR_SWAP:
	case IR_BLANK: case IR_FRESH: case IR_LEN: case IR_SIZE: case IR_IFINDEX: case IR_RXQUEUE: case IR_FLAGS:
	case IR_CFGQUEUE: case IR_IFACE: case IR_NOW: case IR_NOTE: case IR_WHO:
	case IR_JUMP: case IR_OP_COUNT:
		return 0;
	}
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct ir_inst *x = *(const struct ir_inst *const *)a, *y = *(const struct ir_inst *const *)b;

	if (x->span.src != y->span.src)
		return x->span.src < y->span.src ? -1 : 1;
	return x->span.begin < y->span.begin ? -1 : x->span.begin > y->span.begin;
}

/* By the room for counters, not by the rules: where a version with a few more may take this one's place, it counts in the same way. */
static bool deferred(const struct ir_program *p, enum counting how)
{
	size_t n = p->index_place ? image_room(p->ast->n_indexes) : p->ast->n_indexes;
	bool counted = false;

	for (size_t u = 0; u < p->ast->units.n; u++)
		counted |= !p->ast->units.v[u]->counters_off;
	return counted && (how == COUNTING_DEFERRED || (how == COUNTING_AUTO && n >= LOWER_DEFER_FROM));
}

/* The kernel lets a program use 64 maps. */
static bool few_tables(struct lower *l)
{
	const struct ast_program *p = l->ast;
	size_t taken = 2 * (p->ways.n != 0) + (p->ports.n != 0) + p->floods.n + (p->cpus.n != 0) + p->sockets + p->forwards + p->cookies +
		       (p->n_limits != 0) + (p->logs.n ? 3 : 0) + 2 * (p->live.n != 0) + 2 * p->live.n + meta_live_maps(l->arena, p) +
		       (p->ifaces.n != 0) + 2 * (l->ir->image.n != 0) + l->ir->deferred;
	struct diag *d;

	for (unsigned kind = 0; kind < XDPF_LIMIT_KINDS; kind++)
		taken += p->limit_sets[kind] != 0;
	if (taken > XDPF_MAX_TABLES && p->n_limits) {
		d = diag_error(l->diag, p->limit.v[p->n_limits - 1]->span,
			       "the kernel lets a program use 64 maps: its sets, verdicts and rate limits take more");
		d->remedy = "give limits keys of the same length: those share a map";
		return false;
	}
	for (size_t u = 0; u < l->ast->units.n; u++)
		for (size_t c = 0; c < l->ast->units.v[u]->counters.n; c++) {
			const struct ast_counter *ct = l->ast->units.v[u]->counters.v[c];

			if (ct->index + taken < XDPF_MAX_TABLES)
				continue;
			d = diag_error(l->diag, ct->name.span, "a program has at most %zu count tables%s", XDPF_MAX_TABLES - taken,
				       taken ? " beside what else it needs" : "");
			d->remedy = "let one table count by one more field: the kernel lets a program use 64 maps, and some are taken";
			return false;
		}
	return true;
}

/* An index that is a number in the image takes code to read; a switch has its cases; few limits have their code where they are asked. */
static size_t more_weight(const struct ir_program *p, const struct ir_inst *i)
{
	enum { READ = 5 };

	if (i->op == IR_LIMIT)
		return p->limit_rows ? 0 : 7 + 5 * i->args.n;
	if (i->op == IR_CLASSIFY)
		return p->classifier.v[i->imm]->engine == ENGINE_SWITCH ? p->classifier.v[i->imm]->cases.n : 0;
	return p->classifier.n && !i->noted && (i->op == IR_COUNT || i->op == IR_DECIDE || i->op == IR_NOTE || i->op == IR_LOG) ? READ : 0;
}

static size_t all_weight(const struct ir_program *p)
{
	size_t sum = 0;

	for (size_t b = 0; b < p->block.n; b++)
		for (size_t i = 0; i < p->block.v[b]->inst.n; i++)
			sum += weight(&p->block.v[b]->inst.v[i]) + more_weight(p, &p->block.v[b]->inst.v[i]);
	return sum;
}

static bool small_enough(struct lower *l)
{
	const struct ir_program *p = l->ir;
	VEC(const struct ir_inst *) placed = { 0 };
	size_t sum = 0;

	if (all_weight(p) <= MAX_WEIGHT)
		return true;
	/* where it became too much, in the order of the text */
	sum = 0;
	for (size_t b = 0; b < p->block.n; b++)
		for (size_t i = 0; i < p->block.v[b]->inst.n; i++)
			if (p->block.v[b]->inst.v[i].span.src)
				*vec_add(l->arena, &placed) = &p->block.v[b]->inst.v[i];
			else
				sum += weight(&p->block.v[b]->inst.v[i]) + more_weight(p, &p->block.v[b]->inst.v[i]);
	vec_sort(&placed, by_place);
	for (size_t i = 0; i < placed.n; i++) {
		struct diag *d;

		sum += weight(placed.v[i]) + more_weight(p, placed.v[i]);
		if (sum <= MAX_WEIGHT && i + 1 < placed.n)
			continue;
		d = diag_error(l->diag, placed.v[i]->span, "the rules from here on do not fit one program");
		d->remedy = "one program holds about 6000 tests and verdicts; put addresses, ports or tuples that share a rule into one set: "
			    "a set of any size is a single test";
		break;
	}
	return false;
}

/* What is known when all rules are there. */
static bool finish(struct lower *l, const struct lower_options *o)
{
	if (!small_enough(l) || !lower_tables(l, &o->sets) || !lower_limits_rows(l) || !lower_indexes(l))
		return false;
	l->ir->deferred = deferred(l->ir, o->counting);
	if (!few_tables(l))
		return false;
	l->ir->image_used = l->ir->image.n;
	image_pad(&l->ir->image);
	return true;
}

/* What was found out before: with tables it is too large, and so it is without. */
enum attempt { FIRST, TOO_LARGE, TOO_LARGE_BOTH };

/* *retry given: where it is only too large, nothing is said, and *retry set. */
static struct ir_program *lower_once(const struct ast_program *ast, const struct lower_options *o, struct diag_list *d, bool *retry,
				     enum attempt attempt)
{
	struct arena *a = d->arena;
	struct lower *l = arena_alloc(a, sizeof(*l));
	struct layout rules, parse;
	unsigned errors = d->errors;

	l->arena = a;
	l->diag = d;
	l->ast = ast;
	l->classify = o->classify;
	l->classify.work = o->classify.engine == ENGINE_AUTO ? NULL : &l->classify_work;
	l->too_large = attempt == TOO_LARGE;
	l->no_plain = attempt == TOO_LARGE_BOTH;
	l->ir = arena_alloc(a, sizeof(*l->ir));
	l->ir->arena = a;
	l->ir->ast = ast;
	l->ir->plain = o->plain;
	if (o->apart)
		l->rules_apart = lower_how_many_apart(ast, o->apart);
	l->ir->scratch = o->off_stack >= OFF_STACK_VARIABLES || o->apart;
	l->ir->buffers = o->off_stack >= OFF_STACK_BUFFERS;
	l->pres = ir_var_kept(l->ir, "present");
	l->blank = ir_var_new(l->ir, "blank");
	l->absent = ir_var_new(l->ir, "absent");
	l->proto = ir_var_kept(l->ir, "proto");
	l->frame_len = ir_var_kept(l->ir, "frame_len");
	l->pay_off = ir_var_kept(l->ir, "pay_off");
	l->pay_end = ir_var_kept(l->ir, "pay_end");
	lower_inner_init(l);

	lower_need(l);
	if (lower_may_classify(l))
		l->ir->indexes = image_describe(&l->ir->image, 4, 4);
	l->rules = lower_block(l, "rules");
	lower_hot(l, l->rules);
	lower_units(l);
	report_finish(l);
	rules = take_layout(l);
	l->span = (struct span){ 0 };
	lower_parse(l);
	split_exits(l, l->hot.v, l->hot.n);
	split_exits(l, l->cold.v, l->cold.n);
	parse = take_layout(l);
	place(l, parse.hot, parse.n_hot);
	place(l, rules.hot, rules.n_hot);
	place(l, parse.cold, parse.n_cold);
	place(l, rules.cold, rules.n_cold);
	drop_unreachable(l, l->ir->block.v[0]);
	lower_limits_count(l);
	lower_apart(l);
	if (retry && d->errors == errors && all_weight(l->ir) > MAX_WEIGHT) {
		*retry = true;
		image_free(&l->ir->image);
		return NULL;
	}
	/* what was set aside for classifiers */
	if (!l->ir->classifier.n)
		image_free(&l->ir->image);
	if (d->errors == errors && finish(l, o))
		return l->ir;
	image_free(&l->ir->image);
	return NULL;
}

struct ir_program *lower_program(const struct ast_program *ast, const struct lower_options *o, struct diag_list *d)
{
	/* Rules that are all code are more of it where tables find them; where that is too much, they may fit one by one. */
	bool retry = false, may = o->classify.engine == ENGINE_AUTO && ast->n_indexes <= MAX_WEIGHT;
	struct lower_options plain = *o;
	struct ir_program *ir = lower_once(ast, o, d, may ? &retry : NULL, FIRST);

	if (!retry)
		return ir;
	plain.classify.engine = ENGINE_LINEAR;
	retry = false;
	ir = lower_once(ast, &plain, d, &retry, TOO_LARGE);
	if (!retry)
		return ir;
	/* as much as possible in tables, be they larger and the look-ups more than they are worth */
	retry = false;
	ir = lower_once(ast, o, d, &retry, TOO_LARGE_BOTH);
	return retry ? lower_once(ast, &plain, d, NULL, TOO_LARGE) : ir;
}
