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
			reg_lose_id(to);
	} else {
		*to = reg_number(number_any());
	}
	if (half) {
		number_halve(&to->n);
		number_settle(&to->n);
	}
}

/* A number plus a constant goes on to be known by way of the other. */
static void link_sum(struct reg *to, unsigned op, uint64_t by, bool half)
{
	int64_t off = half ? (int32_t)by : (int64_t)by;

	if (to->id & VERIFY_SUM || off != (int32_t)off || off == INT32_MIN) {
		reg_lose_id(to);
		return;
	}
	to->id |= half ? VERIFY_SUM32 : VERIFY_SUM64;
	to->off = (int32_t)(op == BPF_SUB ? -off : off);
}

static void compute(const struct bpf_insn *i, struct reg *to, const struct reg *by, bool half)
{
	unsigned op = BPF_OP(i->code);
	uint64_t k;
	bool is = number_constant(&by->n, half, &k);

	number_compute(&to->n, &by->n, op, half);
	if ((op == BPF_ADD || op == BPF_SUB) && to->id && is && to != by)
		link_sum(to, op, k, half);
	else
		reg_lose_id(to);
}

static void swap(const struct bpf_insn *i, struct reg *to)
{
	struct number n = number_any();

	if (to->kind == REG_NUMBER)
		n.bits = bits_swapped(to->n.bits, (unsigned)i->imm / 8, BPF_SRC(i->code) == BPF_TO_BE || BPF_CLASS(i->code) == BPF_ALU64);
	number_settle(&n);
	*to = reg_number(n);
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
		swap(i, to);
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
		compute(i, to, by, half);
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
