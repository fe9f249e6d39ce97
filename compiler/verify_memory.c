/*
 * Loads and stores of a walk. Only what is on the stack is remembered.
 */
#include "verify_priv.h"

static unsigned size_of(uint8_t code)
{
	switch (BPF_SIZE(code)) {
	case BPF_B:	return 1;
	case BPF_H:	return 2;
	case BPF_W:	return 4;
	default:	return 8;
	}
}

/* The byte at @off below the frame's top: -1 is the first. False: it is none of the stack's. */
static bool on_stack(int64_t off, unsigned bytes)
{
	return off < 0 && off >= -8 * VERIFY_SLOTS && off + (int64_t)bytes <= 0;
}

static struct reg any_of(unsigned bytes)
{
	struct reg r = reg_number(number_any());

	number_cut(&r.n, bytes);
	return r;
}

static void note_access(struct verify *v, unsigned frame, unsigned slot)
{
	struct trace *t = state_note(v, v->cur);

	t->stack = true;
	t->frame = (uint8_t)frame;
	t->slot = (uint8_t)slot;
}

static void put_spill(struct slot *s, const struct reg *r, unsigned bytes)
{
	s->reg = *r;
	s->reg.precise = false;
	for (unsigned i = 8; i > 0; i--) {
		if (i > 8 - bytes)
			s->byte[i - 1] = BYTE_SPILL;
		else if (s->byte[i - 1] == BYTE_SPILL)
			s->byte[i - 1] = BYTE_MISC;
	}
}

static void put_bytes(struct slot *s, unsigned first, unsigned bytes, enum byte_kind kind)
{
	if (slot_spilled(s))
		for (unsigned i = 0; i < 8; i++)
			if (s->byte[i] == BYTE_SPILL)
				s->byte[i] = BYTE_MISC;
	s->reg.kind = REG_NONE;
	for (unsigned i = 0; i < bytes; i++)
		s->byte[(first - i) % 8] = (uint8_t)kind;
}

/* @r is what is stored; @reg its number, or -1: a constant. */
static void stack_store(struct verify *v, unsigned frame, int64_t off, unsigned bytes, struct reg *r, int reg)
{
	unsigned first = (unsigned)(-off - 1);
	struct slot *s = state_slot(&v->cur->frame[frame], first / 8);
	bool aligned = !(off % 8);

	if (aligned && bytes == 8)
		v->written[frame] |= 1ULL << first / 8;
	if (aligned && r->kind == REG_NUMBER) {
		bool fits = number_width(&r->n) <= 8 * bytes;

		if (fits && reg >= 0)
			reg_give_id(v, r);
		put_spill(s, r, bytes);
		if (!fits)
			reg_lose_id(&s->reg);
		note_access(v, frame, first / 8);
	} else if (r->kind != REG_NUMBER && bytes == 8) {
		put_spill(s, r, bytes);
		note_access(v, frame, first / 8);
	} else {
		bool zero = r->kind == REG_NUMBER && number_known(&r->n) && !r->n.bits.value;

		if (zero && reg >= 0)
			mark_reg(v, v->cur, (unsigned)reg);
		put_bytes(s, first, bytes, zero ? BYTE_ZERO : BYTE_MISC);
	}
}

static bool all_bytes(const struct slot *s, unsigned first, unsigned bytes, enum byte_kind kind)
{
	for (unsigned i = 0; i < bytes; i++)
		if (s->byte[(first - i) % 8] != kind)
			return false;
	return true;
}

static void stack_load(struct verify *v, unsigned frame, int64_t off, unsigned bytes, struct reg *to)
{
	unsigned first = (unsigned)(-off - 1), spilled = 0;
	struct slot *s = state_slot(&v->cur->frame[frame], first / 8);

	live_read(v, frame, first / 8);
	for (unsigned i = 8; i > 0 && s->byte[i - 1] == BYTE_SPILL; i--)
		spilled++;
	if (spilled == 8 && bytes == 8) {
		*to = s->reg;
		note_access(v, frame, first / 8);
	} else if (spilled && bytes <= spilled && !(off % 8)) {
		*to = s->reg;
		if (number_width(&s->reg.n) > 8 * bytes)
			reg_lose_id(to);
		note_access(v, frame, first / 8);
	} else if (spilled && all_bytes(s, first, bytes, BYTE_SPILL) && number_known(&s->reg.n) && !s->reg.n.bits.value) {
		*to = reg_number(number_is(0));
		note_access(v, frame, first / 8);
	} else {
		*to = all_bytes(s, first, bytes, BYTE_ZERO) ? reg_number(number_is(0)) : reg_number(number_any());
	}
	to->precise = false;
	if (to->kind == REG_NUMBER)
		number_cut(&to->n, bytes);
}

/* Somewhere between two places of the stack. */
static void stack_somewhere(struct verify *v, unsigned frame, int64_t low, int64_t high, bool write)
{
	for (int64_t off = low; off < high; off++) {
		struct slot *s;

		if (!on_stack(off, 1))
			continue;
		s = state_slot(&v->cur->frame[frame], (unsigned)(-off - 1) / 8);
		if (write)
			put_bytes(s, (unsigned)(-off - 1), 1, BYTE_MISC);
		else
			live_read(v, frame, (unsigned)(-off - 1) / 8);
	}
}

void stack_range(struct verify *v, const struct reg *r, uint32_t bytes, enum stack_use use)
{
	int64_t low = r->off + r->n.smin, high;

	if (r->kind != REG_STACK || r->n.smin < -8 * VERIFY_SLOTS || r->n.smax > 8 * VERIFY_SLOTS)
		return;
	high = r->off + r->n.smax + bytes;
	for (int64_t off = low; off < high; off++) {
		struct slot *s;
		unsigned first = (unsigned)(-off - 1);

		if (!on_stack(off, 1))
			continue;
		s = state_slot(&v->cur->frame[r->frame], first / 8);
		if (use != STACK_FILL)
			live_read(v, r->frame, first / 8);
		if (use == STACK_CHANGE && slot_spilled(s))
			put_bytes(s, first, 1, BYTE_MISC);
		else if (use == STACK_FILL || (use == STACK_CHANGE && s->byte[first % 8] == BYTE_ZERO))
			put_bytes(s, first, 1, BYTE_MISC);
	}
}

/* What is read at @off of a map that nobody writes to, in the byte order of the kernels that this is about. */
static bool known_data(const struct verify_map *m, int64_t off, unsigned bytes, struct reg *out)
{
	uint64_t value = 0;

	if (!m->data || off < 0 || off + (int64_t)bytes > m->value)
		return false;
	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)m->data[off + i] << 8 * i;
	*out = reg_number(number_is(value));
	return true;
}

static bool load(struct verify *v, const struct bpf_insn *i, const struct reg *base, int to)
{
	unsigned bytes = size_of(i->code);
	struct reg out = any_of(bytes);
	int64_t off = i->off + base->off + (int64_t)base->n.bits.value;

	switch ((enum reg_kind)base->kind) {
	case REG_STACK:
		if (!number_known(&base->n)) {
			stack_somewhere(v, base->frame, i->off + base->off + base->n.smin, i->off + base->off + base->n.smax + bytes, false);
			break;
		}
		if (!on_stack(off, bytes) || (unsigned)-off / 8 > VERIFY_SLOTS)
			return verify_failed(v, "an instruction reads behind the stack");
		stack_load(v, base->frame, off, bytes, &out);
		break;
	case REG_CONTEXT:
		if (off == 0 || off == 4 || off == 8)
			out = reg_pointer(off == 0 ? REG_PACKET : off == 4 ? REG_END : REG_META);
		break;
	case REG_VALUE:
		if (number_known(&base->n))
			known_data(&v->code->map[base->map], off, bytes, &out);
		break;
	case REG_PACKET:
	case REG_META:
	case REG_KERNEL:
		break;
	case REG_NONE:
	case REG_NUMBER:
	case REG_END:
	case REG_MAP:
		return verify_failed(v, "an instruction reads memory where none is");
	}
	if (to >= 0)
		state_top(v->cur)->reg[to] = out;
	return true;
}

static bool atomic(struct verify *v, const struct bpf_insn *i, const struct reg *base)
{
	int to = i->imm == BPF_CMPXCHG ? 0 : i->imm & BPF_FETCH ? i->src_reg : -1;

	if (base->kind == REG_STACK)
		stack_range(v, &(struct reg){ .kind = REG_STACK, .frame = base->frame, .off = base->off + i->off, .n = base->n }, size_of(i->code),
			    STACK_CHANGE);
	if (to >= 0)
		state_top(v->cur)->reg[to] = any_of(size_of(i->code));
	return true;
}

bool step_memory(struct verify *v, const struct bpf_insn *i)
{
	struct reg *r = state_top(v->cur)->reg, base, constant_one, *from = &constant_one;
	unsigned class = BPF_CLASS(i->code), bytes = size_of(i->code);
	int64_t off;

	base = r[class == BPF_LDX ? i->src_reg : i->dst_reg];
	if (base.null)
		return verify_failed(v, "an instruction reads memory that may not be there");
	if (class == BPF_LDX)
		return load(v, i, &base, i->dst_reg);
	if (class == BPF_STX && BPF_MODE(i->code) == BPF_ATOMIC)
		return atomic(v, i, &base);
	if (base.kind == REG_NONE || base.kind == REG_NUMBER)
		return verify_failed(v, "an instruction writes memory where none is");
	if (base.kind != REG_STACK)
		return true;
	constant_one = reg_number(number_is((uint64_t)(int64_t)i->imm));
	if (class == BPF_STX)
		from = &r[i->src_reg];
	off = i->off + base.off + (int64_t)base.n.bits.value;
	if (!number_known(&base.n)) {
		stack_somewhere(v, base.frame, i->off + base.off + base.n.smin, i->off + base.off + base.n.smax + bytes, true);
		return true;
	}
	if (!on_stack(off, bytes))
		return verify_failed(v, "an instruction writes behind the stack");
	stack_store(v, base.frame, off, bytes, from, class == BPF_STX ? i->src_reg : -1);
	return true;
}
