/*
 * Arithmetic of a walk: numbers, and pointers to which numbers are added.
 */
#include "verify_priv.h"

static bool is_packet(const struct reg *r)
{
	return r->kind == REG_PACKET || r->kind == REG_META;
}

/* @pointer and @by, into @to, which may be one of them. */
static void move_pointer(struct verify *v, struct reg *to, const struct reg *pointer, const struct reg *by, bool less)
{
	struct reg out = *pointer;
	int64_t k = (int64_t)by->n.bits.value, off = less ? pointer->off - k : pointer->off + k;

	if (number_known(&by->n) && off == (int32_t)off) {
		out.off = (int32_t)off;
	} else {
		if (less)
			number_subtract(&out.n, &by->n);
		else
			number_add(&out.n, &by->n);
		/* the kernel adds pointers' offsets in 64 bits alone */
		out.n.umin32 = 0;
		out.n.umax32 = UINT32_MAX;
		out.n.smin32 = INT32_MIN;
		out.n.smax32 = INT32_MAX;
		if (is_packet(pointer)) {
			out.id = ++v->ids;
			if (!less || by->n.smin < 0)
				out.range = 0;
		}
	}
	number_settle(&out.n);
	*to = out;
}

static void move(struct verify *v, const struct bpf_insn *i, bool half)
{
	struct reg *r = state_top(v->cur)->reg, *to = &r[i->dst_reg], *from = &r[i->src_reg];

	if (BPF_SRC(i->code) == BPF_K) {
		*to = reg_number(number_is(half ? (uint32_t)i->imm : (uint64_t)(int64_t)i->imm));
		return;
	}
	if (i->off) {
		*to = reg_number(number_any());
	} else if (!half) {
		reg_give_id(v, from);
		*to = *from;
		return;
	} else if (from->kind == REG_NUMBER) {
		bool fits = number_width(&from->n) <= 32;

		if (fits)
			reg_give_id(v, from);
		*to = *from;
		if (!fits)
			to->id = 0;
	} else {
		*to = reg_number(number_any());
	}
	if (half) {
		number_cut(&to->n, 8);
		to->n.bits.value &= UINT32_MAX;
		to->n.bits.mask &= UINT32_MAX;
		to->n.umin = to->n.umin32;
		to->n.umax = to->n.umax32;
		to->n.smin = to->n.smin32 >= 0 ? to->n.smin32 : 0;
		to->n.smax = to->n.smin32 >= 0 && to->n.smax32 >= 0 ? to->n.smax32 : (int64_t)UINT32_MAX;
		number_settle(&to->n);
	}
}

static void compute(struct verify *v, const struct bpf_insn *i, struct reg *to, const struct reg *by, bool half)
{
	unsigned op = BPF_OP(i->code);
	uint64_t k;

	number_compute(&to->n, &by->n, op, half);
	if (op == BPF_ADD && !half && to->id && number_constant(&by->n, false, &k)) {
		if (to->id & VERIFY_SUM || k > INT32_MAX) {
			to->id = 0;
			to->off = 0;
		} else {
			to->id |= VERIFY_SUM;
			to->off = (int32_t)k;
		}
	} else {
		to->id = 0;
	}
	(void)v;
}

bool step_alu(struct verify *v, const struct bpf_insn *i)
{
	struct reg *r = state_top(v->cur)->reg, *to = &r[i->dst_reg], constant, *by = &constant;
	unsigned op = BPF_OP(i->code);
	bool half = BPF_CLASS(i->code) == BPF_ALU;

	if (op == BPF_MOV) {
		move(v, i, half);
		return true;
	}
	if (op == BPF_END) {
		*to = reg_number(number_any());
		return true;
	}
	constant = reg_number(number_is((uint64_t)(int64_t)i->imm));
	if (op == BPF_NEG)
		constant = *to;
	else if (BPF_SRC(i->code) == BPF_X)
		by = &r[i->src_reg];
	if (to->kind == REG_NUMBER && by->kind == REG_NUMBER) {
		if (to->precise && by != &constant)
			mark_reg(v, v->cur, i->src_reg);
		compute(v, i, to, by, half);
	} else if (to->kind == REG_NONE || by->kind == REG_NONE) {
		return verify_failed(v, "an instruction reads a register that nothing was put into");
	} else if (half || (op != BPF_ADD && op != BPF_SUB) || (to->kind != REG_NUMBER && by->kind != REG_NUMBER)) {
		*to = reg_number(number_any());
	} else if (by->kind == REG_NUMBER) {
		if (by != &constant)
			mark_reg(v, v->cur, i->src_reg);
		move_pointer(v, to, to, by, op == BPF_SUB);
	} else {
		mark_reg(v, v->cur, i->dst_reg);
		move_pointer(v, to, by, to, false);
	}
	return true;
}
