/*
 * Jumps of a walk. In: a conditional jump. Out: where it goes on; where that is not decided, the other way waits. Either way, what the comparison
 * teaches of numbers, of how long the packet is, of pointers that may be none.
 */
#include "verify_priv.h"

#include <stdlib.h>

enum { PACKET_MOST = 0xffff };

struct both {
	struct state *here, *there;	/* behind it; where it jumps to */
};

static bool any_packet(const struct reg *r)
{
	return r->kind == REG_PACKET || r->kind == REG_META || r->kind == REG_END;
}

static int packet_decided(const struct reg *a, const struct reg *b, unsigned op)
{
	const struct reg *packet = b->kind == REG_END ? a : b;

	if (b->kind != REG_END && a->kind != REG_END)
		return -1;
	if (b->kind != REG_END)
		op = number_flip(op);
	if (packet->range >= 0)
		return -1;
	if ((op == BPF_JLE || op == BPF_JGT) && packet->range == VERIFY_PAST_END)
		return op == BPF_JGT;
	if (op == BPF_JLT || op == BPF_JGE)
		return op == BPF_JGE;
	return -1;
}

static bool never_null(const struct reg *r)
{
	return !r->null && (r->kind == REG_VALUE || r->kind == REG_KERNEL || r->kind == REG_MAP);
}

static int decided(const struct reg *a, const struct reg *b, unsigned op, bool half)
{
	uint64_t k;

	if (any_packet(a) && any_packet(b) && !half)
		return packet_decided(a, b, op);
	if (a->kind == REG_NUMBER && b->kind == REG_NUMBER)
		return number_compare(&a->n, &b->n, op, half);
	if (b->kind != REG_NUMBER) {
		const struct reg *swap = a;

		a = b;
		b = swap;
	}
	if (b->kind != REG_NUMBER || !number_constant(&b->n, half, &k) || k || !never_null(a))
		return -1;
	return op == BPF_JEQ ? 0 : op == BPF_JNE ? 1 : -1;
}

/* ---- the packet's length ---- */

static void longer(struct verify *v, struct reg *r, const struct reg *with)
{
	(void)v;
	if (r->kind == with->kind && r->id == with->id && r->range < with->range)
		r->range = with->range;
}

static void at_least(struct verify *v, struct state *s, struct reg packet, bool open)
{
	if (packet.off < 0 || (packet.off == 0 && open) || packet.n.umax > PACKET_MOST || packet.n.umax + (uint64_t)packet.off > PACKET_MOST)
		return;
	packet.range = packet.off + open;
	state_each(v, s, longer, &packet);
}

static void ends(struct state *s, unsigned reg, bool open)
{
	if (state_top(s)->reg[reg].kind == REG_PACKET)
		state_top(s)->reg[reg].range = open ? VERIFY_PAST_END : VERIFY_AT_END;
}

static bool packet_learned(struct verify *v, const struct bpf_insn *i, const struct both *w, unsigned op)
{
	const struct reg *r = state_top(w->here)->reg;
	unsigned packet = i->dst_reg;
	bool more, strict;

	if (BPF_SRC(i->code) != BPF_X || BPF_CLASS(i->code) != BPF_JMP || !any_packet(&r[i->dst_reg]) || !any_packet(&r[i->src_reg]))
		return false;
	if (r[i->dst_reg].kind == REG_END) {
		packet = i->src_reg;
		op = number_flip(op);
	}
	if (op != BPF_JGT && op != BPF_JLT && op != BPF_JGE && op != BPF_JLE)
		return false;
	more = op == BPF_JGT || op == BPF_JGE;		/* it jumps where the packet is too short */
	strict = op == BPF_JGT || op == BPF_JLE;	/* `packet <= end` is what the other way says */
	at_least(v, more ? w->here : w->there, r[packet], !strict);
	ends(more ? w->there : w->here, packet, strict);
	return true;
}

/* ---- pointers that may be none ---- */

static void drop_ref(struct state *s, uint32_t ref)
{
	for (unsigned k = 0; k < s->n_refs; k++)
		if (s->ref[k] == ref)
			s->ref[k] = s->ref[--s->n_refs];
}

static void is_null(struct verify *v, struct reg *r, const struct reg *with)
{
	(void)v;
	if (r->id == with->id && r->null)
		*r = reg_number(number_is(0));
}

static void is_there(struct verify *v, struct reg *r, const struct reg *with)
{
	if (r->id != with->id || !r->null)
		return;
	r->null = false;
	if (r->kind == REG_VALUE && v->code->map[r->map].inner != SIZE_MAX) {
		r->kind = REG_MAP;
		r->map = (uint32_t)v->code->map[r->map].inner;
	}
	if (!r->ref && !v->code->locks)
		r->id = 0;
}

static void null_learned(struct verify *v, struct state *s, unsigned reg, bool null)
{
	struct reg with = state_top(s)->reg[reg];

	if (null && with.ref && with.ref == with.id)
		drop_ref(s, with.ref);
	state_each(v, s, null ? is_null : is_there, &with);
}

/* ---- numbers that are the same ---- */

static uint32_t base_id(uint32_t id)
{
	return id & ~VERIFY_SUM;
}

static void link_of(struct trace *t, struct reg *r, uint32_t id, unsigned frame, unsigned what)
{
	if (r->kind != REG_NUMBER || !r->id || base_id(r->id) != base_id(id))
		return;
	if (t->n_links == VERIFY_LINKS) {
		reg_lose_id(r);
		return;
	}
	t->link[t->n_links] = (uint8_t)what;
	t->link_frame[t->n_links++] = (uint8_t)frame;
}

/* Registers that nothing reads any more are left out. */
static void links(const struct verify *v, struct state *s, struct trace *t, uint32_t id)
{
	for (unsigned k = s->depth + 1; k-- > 0;) {
		struct frame *f = &s->frame[k];
		unsigned live = v->live[k == s->depth ? s->at : s->frame[k + 1].callsite];

		for (unsigned r = 0; r < 10; r++)
			if (live >> r & 1)
				link_of(t, &f->reg[r], id, k, r);
		for (unsigned i = 0; i < f->n_slots; i++)
			if (slot_spilled(&f->slot[i]))
				link_of(t, &f->slot[i].reg, id, k, 16 + i);
	}
}

static void tell(struct state *s, const struct trace *t, const struct reg *known)
{
	for (unsigned k = 0; k < t->n_links; k++) {
		struct frame *f = &s->frame[t->link_frame[k]];
		struct reg *r = t->link[k] < 16 ? &f->reg[t->link[k]] : &f->slot[t->link[k] - 16].reg, was = *r;

		if (r == known || r->kind != REG_NUMBER || base_id(r->id) != base_id(known->id))
			continue;
		if (((was.id ^ known->id) & VERIFY_SUM) == VERIFY_SUM)
			continue;
		*r = *known;
		r->precise = was.precise;
		if ((!(was.id & VERIFY_SUM) && !(known->id & VERIFY_SUM)) || was.off == known->off)
			continue;
		r->off = was.off;
		r->id = was.id;
		number_add(&r->n, &(struct number[]){ number_is((uint64_t)((int64_t)was.off - known->off)) }[0]);
		if ((was.id | known->id) & VERIFY_SUM32)
			number_halve(&r->n);
		number_settle(&r->n);
	}
}

static void learned(struct verify *v, const struct bpf_insn *i, const struct both *w, const struct trace *t)
{
	unsigned op = BPF_OP(i->code);
	bool half = BPF_CLASS(i->code) == BPF_JMP32;

	(void)v;
	for (unsigned jumps = 0; jumps < 2; jumps++) {
		struct state *s = jumps ? w->there : w->here;
		struct reg *r = state_top(s)->reg, *a = &r[i->dst_reg], k = reg_number(number_is((uint64_t)(int64_t)i->imm)), *b = &k;

		if (BPF_SRC(i->code) == BPF_X)
			b = &r[i->src_reg];
		if (a->kind == REG_NUMBER && b->kind == REG_NUMBER)
			number_learn(&a->n, &b->n, op, half, jumps);
		if (b != &k && b->kind == REG_NUMBER && b->id)
			tell(s, t, b);
		if (a->kind == REG_NUMBER && a->id)
			tell(s, t, a);
	}
}

static void wait_there(struct verify *v, struct state *s)
{
	if (v->n_waiting == v->cap_waiting) {
		v->cap_waiting = v->cap_waiting ? 2 * v->cap_waiting : 64;
		v->waiting = realloc(v->waiting, v->cap_waiting * sizeof(*v->waiting));
		if (!v->waiting)
			arena_fail();
	}
	v->waiting[v->n_waiting++] = s;
	if (s->parent)
		s->parent->branches++;
}

bool step_branch(struct verify *v, const struct bpf_insn *i)
{
	struct reg *r = state_top(v->cur)->reg, k = reg_number(number_is((uint64_t)(int64_t)i->imm)), *a = &r[i->dst_reg], *b = &k;
	size_t here = v->cur->at, there = (size_t)((int64_t)v->cur->at + 1 + i->off);
	bool half = BPF_CLASS(i->code) == BPF_JMP32;
	unsigned op = BPF_OP(i->code);
	struct both w;
	struct trace *t;
	int is;

	if (op == BPF_JA) {
		v->cur->at = half ? (size_t)((int64_t)here + 1 + i->imm) : there;
		return true;
	}
	if (BPF_SRC(i->code) == BPF_X)
		b = &r[i->src_reg];
	if (a->kind == REG_NONE || b->kind == REG_NONE)
		return verify_failed(v, "a jump compares what nothing was put into");
	is = decided(a, b, op, half);
	if (is >= 0) {
		if (a->kind == REG_NUMBER)
			mark_reg(v, v->cur, i->dst_reg);
		if (b != &k && b->kind == REG_NUMBER)
			mark_reg(v, v->cur, i->src_reg);
		v->cur->at = is ? there : here + 1;
		return true;
	}
	t = &v->cur->trace.v[v->cur->trace.n - 1];
	if (b != &k && b->kind == REG_NUMBER && b->id)
		links(v, v->cur, t, b->id);
	if (a->kind == REG_NUMBER && a->id)
		links(v, v->cur, t, a->id);
	if (t->n_links > 1)
		state_note(v, v->cur);
	else
		t->n_links = 0;
	w = (struct both){ v->cur, state_copy(v->cur) };
	w.there->at = there;
	w.here->at = here + 1;
	wait_there(v, w.there);
	learned(v, i, &w, t);
	if (!half && BPF_SRC(i->code) == BPF_K && !i->imm && (op == BPF_JEQ || op == BPF_JNE) && a->null) {
		null_learned(v, w.here, i->dst_reg, op == BPF_JNE);
		null_learned(v, w.there, i->dst_reg, op == BPF_JEQ);
	} else {
		packet_learned(v, i, &w, op);
	}
	return true;
}
