/*
 * Rules that are code and do the same but for numbers share it: one body, which reads its numbers from the record of the entry that led to it. In: a
 * run's rules that are code. Out: bodies, each rule's record in the image, entries' words that say where their records are.
 *
 * Every rule is lowered by itself, and what came of it is described with the places of its numbers left open: rules of one description share the body
 * of the first, and what the others became is dropped. So a body is never made for more than what rules have in common, whatever they are. A number
 * that is the same in all of them stays in the code; a rule's own index never does.
 */
#include <string.h>

#include "lower_share.h"

/* Where the image's code and the verifier want to know a number, it is no parameter; it can be one as this operand of these. */
static bool may_vary(const struct ir_inst *i, bool second, uint64_t v)
{
	switch ((unsigned)i->op) {
	case IR_EQ:
	case IR_ULE:
		return true;
	case IR_OTHER:
	case IR_LIMIT:
		return !second;
	case IR_SAME:
	case IR_BITS:
	case IR_AND:
	case IR_OR:
	case IR_XOR:
	case IR_SUB:
	case IR_STORE:
		return second;
	case IR_ADD:
		/* no part of an offset */
		return second && v > 2 * (uint64_t)IR_MAX_OFF;
	}
	return false;
}

/* Numbers among .args that may vary. */
static bool args_vary(const struct ir_inst *i)
{
	return i->op == IR_WRITE || i->op == IR_LOOKUP || i->op == IR_ADDSET || i->op == IR_DELSET || i->op == IR_LIMIT || i->op == IR_TALLY;
}

/* ---- descriptions ---- */

static void put(struct share *s, uint64_t v)
{
	*vec_add(s->own, &s->key) = v;
}

static void open_place(struct share *s, struct ir_block *b, size_t inst, enum spot_kind kind, unsigned arg, uint64_t v)
{
	*vec_add(s->own, &s->spot) = (struct share_spot){ b, inst, kind, arg };
	*vec_add(s->own, &s->number) = v;
	put(s, 0);
}

static void put_var(struct share *s, ir_var v)
{
	bool local = v >= s->mark.vars;

	put(s, local);
	put(s, local ? v - s->mark.vars : v);
}

static void put_block(struct share *s, const struct ir_block *b)
{
	/* one of the body's own; or what stands elsewhere, which is the same one */
	put(s, b->id);
	put(s, b->id ? 0 : (uint64_t)(uintptr_t)b);
}

static void put_operand(struct share *s, struct ir_block *b, size_t inst, struct ir_opnd o, enum spot_kind kind, unsigned arg, bool vary)
{
	put(s, o.kind);
	if (o.kind == IR_TEMP)
		put(s, o.v - s->mark.temps);
	else if (vary)
		open_place(s, b, inst, kind, arg, o.v);
	else
		put(s, o.v);
}

static void put_way(struct share *s, struct ir_block *b, size_t inst, const struct ast_way *w)
{
	put(s, w->kind);
	if (w->kind == WAY_IFACES)
		put(s, w->place);
	else
		open_place(s, b, inst, SPOT_NUMBER, 0, w->kind == WAY_IFACE ? w->place : w->kind == WAY_CPU ? w->cpu : 0);
}

static void put_log(struct share *s, struct ir_block *b, size_t inst, const struct ast_log *log)
{
	put(s, log->sample);
	put(s, log->verdict);
	open_place(s, b, inst, SPOT_NUMBER, 0, log->index);
	open_place(s, b, inst, SPOT_LOG, 0, log->interval);
	open_place(s, b, inst, SPOT_LOG, 1, log->burst);
	open_place(s, b, inst, SPOT_INDEX, 0, log->rule);
}

/* .imm, and what it says. */
static void put_number(struct share *s, struct ir_block *b, size_t k)
{
	const struct ir_inst *i = &b->inst.v[k];

	switch ((unsigned)i->op) {
	case IR_SAME:
	case IR_IFACE:
	case IR_RANDOM:
	case IR_FLOW:
	case IR_MISS:
	case IR_MARK:
	case IR_PUSHTAG:
		open_place(s, b, k, SPOT_NUMBER, 0, i->imm);
		return;
	case IR_COUNT:
	case IR_DECIDE:
		if (i->noted)
			break;
		open_place(s, b, k, SPOT_INDEX, 0, i->imm);
		return;
	case IR_NOTE:
		open_place(s, b, k, SPOT_INDEX, 0, i->imm);
		return;
	case IR_WAY:
		put_way(s, b, k, s->l->ast->ways.v[i->imm]);
		return;
	case IR_LOG:
		put_log(s, b, k, s->l->ast->logs.v[i->imm]);
		return;
	case IR_TALLY:
	case IR_ADDSET:
		put(s, i->imm);
		open_place(s, b, k, SPOT_NUMBER, 0, i->slot);
		return;
	}
	put(s, i->imm);
}

static void put_inst(struct share *s, struct ir_block *b, size_t k)
{
	const struct ir_inst *i = &b->inst.v[k];
	unsigned n = ir_op_operands(i->op);

	put(s, i->op);
	put(s, (uint64_t)i->early | (uint64_t)i->counted << 1 | (uint64_t)i->noted << 2 | (uint64_t)i->verdict << 3);
	if (n > 0 && i->op != IR_NOTE)
		put_operand(s, b, k, i->a, SPOT_A, 0, may_vary(i, false, i->a.v));
	if (n > 1)
		put_operand(s, b, k, i->b, SPOT_B, 0, may_vary(i, true, i->b.v));
	if (i->op == IR_GET || i->op == IR_SET)
		put_var(s, i->var);
	put_number(s, b, k);
	put(s, i->args.n);
	for (size_t a = 0; a < i->args.n; a++)
		put_operand(s, b, k, i->args.v[a], SPOT_ARG, (unsigned)a, args_vary(i));
	put(s, i->loads.n);
	for (size_t a = 0; a < i->loads.n; a++) {
		put_var(s, i->loads.v[a].var);
		put(s, (uint64_t)i->loads.v[a].delta << 32 | i->loads.v[a].size);
	}
	put(s, i->cases.n);
	for (size_t a = 0; a < i->cases.n; a++)
		put(s, i->cases.v[a]);
	for (unsigned t = 0; t < ir_op_targets(i->op); t++)
		put_block(s, i->target[t]);
}

/* The body's blocks, those in order and those behind everything, as the layout has them since the mark. */
static struct ir_block *own_block(const struct share *s, size_t k)
{
	size_t hot = s->l->hot.n - s->mark.hot;

	return k < hot ? s->l->hot.v[s->mark.hot + k] : s->l->cold.v[s->mark.cold + k - hot];
}

static void describe(struct share *s)
{
	size_t n = s->l->hot.n - s->mark.hot + s->l->cold.n - s->mark.cold;

	s->key.n = s->spot.n = s->number.n = 0;
	for (size_t k = 0; k < n; k++)
		own_block(s, k)->id = (unsigned)k + 1;
	for (size_t k = 0; k < n; k++) {
		put(s, own_block(s, k)->inst.n);
		for (size_t i = 0; i < own_block(s, k)->inst.n; i++)
			put_inst(s, own_block(s, k), i);
	}
	for (size_t k = 0; k < n; k++)
		own_block(s, k)->id = 0;
}

/* ---- one rule by itself ---- */

struct share_mark share_mark(const struct lower *l)
{
	return (struct share_mark){
		.arena = arena_mark(l->arena), .hot = l->hot.n, .cold = l->cold.n, .work = l->work.n, .vars = (ir_var)l->ir->var.n,
		.temps = l->ir->n_temps,
		/* what stays; and where it is, for it may have moved */
		.stays = {
			l->hot.v, l->cold.v, l->work.v, l->way.v, l->made.v, l->slot.v, l->away.slot.v, l->ir->table.v, l->ir->var.v, l->ir->kept.v,
			l->tunnel, l->group, l->ir->image.v, l->slices.v,
		},
		.counts = {
			l->way.n, l->made.n, l->slot.n, l->away.slot.n, l->ir->table.n, l->ir->kept.n, l->n_bits, l->away.n_bits, l->ir->image.n,
			l->ir->rx, l->ir->conn, l->diag->errors, l->ir->segment.n, l->slices.n,
		},
	};
}

void share_take_back(struct lower *l, const struct share_mark *m)
{
	struct share_mark now = share_mark(l);

	l->hot.n = m->hot;
	l->cold.n = m->cold;
	if (memcmp(now.stays, m->stays, sizeof(now.stays)) != 0 || memcmp(now.counts, m->counts, sizeof(now.counts)) != 0)
		return;
	l->ir->var.n = m->vars;
	l->ir->n_temps = m->temps;
	arena_release(l->arena, m->arena);
}

struct lower_work share_work(const struct share *s, const struct lower_entry *e, struct ir_block *at)
{
	struct lower_work w = *s->work;

	w.at = at;
	w.rule = e->rest;
	w.rules = NULL;
	w.no = s->next;
	w.known = 0;
	w.whole = !e->sure;
	return w;
}

static void lower_alone(struct share *s, const struct lower_entry *e)
{
	struct lower *l = s->l;

	s->mark = share_mark(l);
	s->at = lower_block(l, e->rule->shown);
	*vec_add(l->arena, &l->work) = share_work(s, e, s->at);
	lower_pending(l, s->mark.work);
}

/* ---- rules that are alike ---- */

static uint64_t hash(const struct share *s)
{
	uint64_t h = s->key.n;

	for (size_t i = 0; i < s->key.n; i++) {
		h = (h ^ s->key.v[i]) * 0x9e3779b97f4a7c15;
		h ^= h >> 29;
	}
	return h;
}

static void grow(struct share *s)
{
	struct share_body **old = s->slot;
	size_t n = s->slots;

	s->slots = n ? 2 * n : 64;
	s->slot = arena_array(s->own, s->slots, sizeof(*s->slot));
	for (size_t i = 0; i < n; i++)
		if (old[i]) {
			size_t at = old[i]->hash & (s->slots - 1);

			while (s->slot[at])
				at = (at + 1) & (s->slots - 1);
			s->slot[at] = old[i];
		}
}

static struct share_body *find(struct share *s, struct share_body ***free_slot, uint64_t h)
{
	size_t at;

	if (2 * (s->body.n + 1) > s->slots)
		grow(s);
	for (at = h & (s->slots - 1); s->slot[at]; at = (at + 1) & (s->slots - 1)) {
		struct share_body *b = s->slot[at];

		if (b->hash == h && b->n_key == s->key.n && !memcmp(b->key, s->key.v, s->key.n * sizeof(*s->key.v)))
			return b;
	}
	*free_slot = &s->slot[at];
	return NULL;
}

static struct share_body *add_body(struct share *s, uint64_t h)
{
	struct share_body *b = arena_alloc(s->own, sizeof(*b));
	struct lower *l = s->l;

	b->at = s->at;
	b->hash = h;
	b->n_key = s->key.n;
	b->key = arena_copy(s->own, s->key.v, s->key.n * sizeof(*s->key.v));
	b->n_spots = s->spot.n;
	b->spot = arena_copy(s->own, s->spot.v, s->spot.n * sizeof(*s->spot.v));
	b->varies = arena_array(s->own, s->spot.n + 1, sizeof(*b->varies));
	b->n_blocks = l->hot.n - s->mark.hot;
	b->block = arena_copy(l->arena, l->hot.v + s->mark.hot, b->n_blocks * sizeof(*b->block));
	/* stands out of line, later */
	l->hot.n = s->mark.hot;
	*vec_add(s->own, &s->body) = b;
	return b;
}

static void add_member(struct share *s, struct share_body *b, size_t entry)
{
	for (size_t k = 0; k < s->number.n; k++) {
		/* whose it is, is never in the code that many share */
		b->varies[k] |= b->entry.n && (s->number.v[k] != b->number.v[k] || b->spot[k].kind == SPOT_INDEX);
		*vec_add(s->own, &b->number) = s->number.v[k];
	}
	*vec_add(s->own, &b->entry) = entry;
}

/* A block has rules in it that may be tables again: it is lowered once, later. */
static void take_block(struct share *s, size_t entry)
{
	struct share_body *b = arena_alloc(s->own, sizeof(*b));

	b->at = lower_block(s->l, s->run->entry.v[entry].rule->shown);
	b->varies = arena_array(s->own, 1, sizeof(*b->varies));
	*vec_add(s->own, &b->entry) = entry;
	*vec_add(s->own, &s->body) = b;
}

static void take(struct share *s, size_t entry)
{
	struct share_body **free_slot = NULL, *b;
	uint64_t h;

	if (s->run->entry.v[entry].rule->kind == RULE_IF) {
		take_block(s, entry);
		return;
	}
	lower_alone(s, &s->run->entry.v[entry]);
	describe(s);
	h = hash(s);
	b = find(s, &free_slot, h);
	if (b)
		share_take_back(s->l, &s->mark);
	else
		*free_slot = b = add_body(s, h);
	add_member(s, b, entry);
}

bool share_codes(struct share *s)
{
	struct lower *l = s->l;
	struct share_mark before = share_mark(l);
	struct ir_block *cur = l->cur;
	struct span span = l->span;
	uint64_t known = l->known;
	bool negated = l->negated, worth;

	l->alike = true;
	for (size_t i = 0; i < s->run->entry.n; i++)
		if (s->run->entry.v[i].what >> CLASSIFY_INDEX_BITS == CLASSIFY_CODE)
			take(s, i);
	l->alike = false;
	l->cur = cur;
	l->span = span;
	l->known = known;
	l->negated = negated;
	worth = 2 * s->body.n <= s->run->codes || (s->run->codes >= SHARE_ANY && s->body.n < s->run->codes);
	if (!worth)
		share_take_back(l, &before);
	return worth;
}
