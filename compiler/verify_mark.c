/*
 * Which numbers counted. In: a number that something was decided by, at the end of a path. Out: .precise where it came from, in all states that the
 * path went by: back through its instructions.
 */
#include "verify_priv.h"

#include <string.h>

struct back {
	unsigned frame;
	uint16_t regs[VERIFY_FRAMES];
	uint64_t slots[VERIFY_FRAMES];
};

static bool nothing(const struct back *b)
{
	for (unsigned k = 0; k < VERIFY_FRAMES; k++)
		if (b->regs[k] || b->slots[k])
			return false;
	return true;
}

static bool has(const struct back *b, unsigned reg)
{
	return b->regs[b->frame] >> reg & 1;
}

static void want(struct back *b, unsigned reg)
{
	if (reg != 10)
		b->regs[b->frame] |= (uint16_t)(1U << reg);
}

static void got(struct back *b, unsigned reg)
{
	b->regs[b->frame] &= (uint16_t)~(1U << reg);
}

static void together(struct back *b, const struct trace *t)
{
	bool any = false;

	for (unsigned k = 0; k < t->n_links; k++)
		any |= t->link[k] < 16 ? b->regs[t->link_frame[k]] >> t->link[k] & 1 : b->slots[t->link_frame[k]] >> (t->link[k] - 16) & 1;
	for (unsigned k = 0; any && k < t->n_links; k++) {
		if (t->link[k] < 16)
			b->regs[t->link_frame[k]] |= (uint16_t)(1U << t->link[k]);
		else
			b->slots[t->link_frame[k]] |= 1ULL << (t->link[k] - 16);
	}
}

static bool call_back(struct verify *v, struct back *b, size_t at)
{
	size_t to = v->code->callee[at];

	if (to == SIZE_MAX || v->code->function[to].global) {
		got(b, 0);
		return true;
	}
	/* out of what it called: only what it was given is left */
	if (!b->frame)
		return false;
	b->regs[b->frame - 1] |= b->regs[b->frame] & 0x3e;
	b->regs[b->frame] = 0;
	b->slots[b->frame--] = 0;
	return true;
}

static bool exit_back(struct back *b)
{
	bool result = has(b, 0);

	if (b->frame + 1 == VERIFY_FRAMES)
		return false;
	got(b, 0);
	b->frame++;
	if (result)
		want(b, 0);
	return true;
}

/* False: it cannot be traced. */
static bool step_back(struct verify *v, struct back *b, const struct trace *t)
{
	const struct bpf_insn *i = &v->code->in[t->at];
	unsigned op = BPF_OP(i->code);

	switch (BPF_CLASS(i->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		if (!has(b, i->dst_reg) || op == BPF_END || op == BPF_NEG)
			break;
		if (op == BPF_MOV)
			got(b, i->dst_reg);
		if (BPF_SRC(i->code) == BPF_X)
			want(b, i->src_reg);
		break;
	case BPF_LD:
		got(b, i->dst_reg);
		break;
	case BPF_LDX:
		if (!has(b, i->dst_reg))
			break;
		got(b, i->dst_reg);
		if (t->stack)
			b->slots[t->frame] |= 1ULL << t->slot;
		break;
	case BPF_ST:
	case BPF_STX:
		if (has(b, i->dst_reg))
			return false;
		if (!t->stack || !(b->slots[t->frame] >> t->slot & 1))
			break;
		b->slots[t->frame] &= ~(1ULL << t->slot);
		if (BPF_CLASS(i->code) == BPF_STX)
			want(b, i->src_reg);
		break;
	default:
		if (op == BPF_CALL)
			return call_back(v, b, t->at);
		if (op == BPF_EXIT)
			return exit_back(b);
		if (op != BPF_JA && BPF_SRC(i->code) == BPF_X && (has(b, i->dst_reg) || has(b, i->src_reg))) {
			want(b, i->dst_reg);
			want(b, i->src_reg);
		}
		break;
	}
	return true;
}

/* Notes in a state what counted, and forgets of @b what counted before. */
static void note(struct back *b, struct state *s)
{
	for (unsigned k = 0; k < VERIFY_FRAMES; k++) {
		struct frame *f = k <= s->depth ? &s->frame[k] : NULL;

		for (unsigned r = 0; r < 10; r++) {
			if (!(b->regs[k] >> r & 1))
				continue;
			if (!f || f->reg[r].kind != REG_NUMBER || f->reg[r].precise)
				b->regs[k] &= (uint16_t)~(1U << r);
			else
				f->reg[r].precise = true;
		}
		for (unsigned i = 0; b->slots[k] >> i && i < VERIFY_SLOTS; i++) {
			struct slot *p = f && i < f->n_slots ? &f->slot[i] : NULL;

			if (!(b->slots[k] >> i & 1))
				continue;
			if (!p || !slot_spilled(p) || p->reg.kind != REG_NUMBER || p->reg.precise)
				b->slots[k] &= ~(1ULL << i);
			else
				p->reg.precise = true;
		}
	}
}

static void make_precise(struct verify *v, struct reg *r, const struct reg *with)
{
	(void)v;
	(void)with;
	r->precise = r->kind == REG_NUMBER;
}

/* @inside: of the path's last instruction. */
static void trace_back(struct verify *v, struct state *s, struct back *b, bool inside)
{
	b->frame = s->depth;
	while (!nothing(b)) {
		for (size_t i = s->trace.n - (inside ? 1 : 0); i-- > 0;) {
			struct trace *t = &s->trace.v[i];

			together(b, t);
			if (!step_back(v, b, t)) {
				for (struct seen *p = s->parent; p; p = p->state.parent)
					state_each(v, &p->state, make_precise, NULL);
				return;
			}
			together(b, t);
			if (nothing(b))
				return;
		}
		if (!s->parent)
			return;
		s = &s->parent->state;
		inside = false;
		note(b, s);
	}
}

void mark_reg(struct verify *v, struct state *s, unsigned reg)
{
	struct back b = { .frame = 0 };

	if (state_top(s)->reg[reg].kind != REG_NUMBER)
		return;
	b.regs[s->depth] = (uint16_t)(1U << reg);
	trace_back(v, s, &b, true);
}

void mark_slot(struct verify *v, struct state *s, unsigned frame, unsigned slot)
{
	struct back b = { .frame = 0 };

	b.slots[frame] = 1ULL << slot;
	trace_back(v, s, &b, true);
}

void mark_as(struct verify *v, struct state *s, const struct state *old)
{
	struct back b = { .frame = 0 };

	for (unsigned k = 0; k <= old->depth; k++) {
		const struct frame *f = &old->frame[k];

		for (unsigned r = 0; r < 10; r++)
			if (f->reg[r].kind == REG_NUMBER && f->reg[r].precise)
				b.regs[k] |= (uint16_t)(1U << r);
		for (unsigned i = 0; i < f->n_slots; i++)
			if (slot_spilled(&f->slot[i]) && f->slot[i].reg.kind == REG_NUMBER && f->slot[i].reg.precise)
				b.slots[k] |= 1ULL << i;
	}
	trace_back(v, s, &b, false);
}
