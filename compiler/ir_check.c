/*
 * Is this IR well formed? In: a program as the lowering left it. Out: the first thing that is wrong, in words, or NULL. A refusal is
 * a defect of the compiler, never of the rule file.
 */
#include "ir.h"

#define BAD(p, b, i, what) arena_printf((p)->arena, "block @%u, instruction %zu (%s): %s", (b)->id, (i), \
					ir_op_name((b)->inst.v[i].op), (what))

static const char *check_inst(const struct ir_program *p, const struct ir_inst *i)
{
	if ((i->op == IR_GET || i->op == IR_SET) && i->var >= p->var.n)
		return "names no variable";
	if (i->op == IR_SWAP && i->imm != 2 && i->imm != 4 && i->imm != 8)
		return "swaps 2, 4 or 8 bytes";
	if (i->op == IR_STORE && i->imm != 1 && i->imm != 2 && i->imm != 4 && i->imm != 8)
		return "stores 1, 2, 4 or 8 bytes";
	if ((i->op == IR_PUSHTAG && i->imm > 0xffff) || (i->op == IR_MARK && i->imm > UINT32_MAX))
		return "has a number that does not fit";
	if (i->op == IR_MEMBER && (i->imm >= p->table.n || i->args.n != p->table.v[i->imm]->set.words))
		return "does not fit its table";
	if (i->op == IR_CLASSIFY && (i->imm >= p->classifier.n || !i->dims.n || i->dims.n > CLASSIFY_MAX_DIMS))
		return "does not fit its classifier";
	if (i->op == IR_CLASS && (i->imm >= p->classifier.n || !classify_maps(p->classifier.v[i->imm], i->dim) ||
				  i->place > classify_maps(p->classifier.v[i->imm], i->dim)->n))
		return "does not fit its classifier";
	for (size_t k = 0; k < i->dims.n; k++)
		if (i->dims.v[k].which >= p->var.n || i->dims.v[k].hi >= p->var.n || i->dims.v[k].lo >= p->var.n)
			return "names no variable";
	if (i->op == IR_IFACE && i->imm >= p->ast->ifaces.n)
		return "names no interface";
	if ((i->op == IR_LOOKUP || i->op == IR_ADDSET || i->op == IR_DELSET) && i->imm >= p->ast->live.n)
		return "names no set that lives";
	if (i->op == IR_ADDSET && i->slot >= p->ast->n_slots)
		return "names no slot";
	if (i->op == IR_TALLY && i->imm >= p->ast->n_counters)
		return "names no table";
	if (i->op == IR_LOG && (i->imm >= p->ast->logs.n || (i->is_given && i->args.n != 3)))
		return "names no log";
	if ((i->op == IR_PLACE || i->op == IR_RECORD) && !i->loads.n)
		return "loads nothing";
	if ((i->op == IR_DIV || i->op == IR_REM) && (i->b.kind != IR_IMM || !i->b.v))
		return "divides by no number";
	if (i->op == IR_FLOW && (i->imm >= p->ast->n_sites || i->args.n != IR_FLOW_ARGS))
		return "is of no flow";
	if (i->op == IR_RANDOM && i->imm >= p->ast->n_sites)
		return "names no place";
	if (i->op == IR_LIMIT && (i->imm >= p->ast->n_limits || (i->a.kind == IR_IMM && i->a.v >= p->ast->n_limits)))
		return "names no limit";
	if (i->op == IR_MISS && i->imm >= p->ast->n_slots)
		return "names no slot";
	if ((i->op == IR_COUNT || i->op == IR_DECIDE || i->op == IR_NOTE) && i->imm >= p->ast->n_indexes)
		return "names no rule";
	if (i->op == IR_WRITE) {
		uint64_t sum = 0;

		if (!i->args.n || i->args.n != i->cases.n)
			return "writes numbers without sizes";
		for (size_t k = 0; k < i->cases.n; k++) {
			if (i->cases.v[k] != 1 && i->cases.v[k] != 2 && i->cases.v[k] != 4 && i->cases.v[k] != 8)
				return "writes 1, 2, 4 or 8 bytes";
			sum += i->cases.v[k];
		}
		if (sum > IR_MAX_FETCH)
			return "writes more than 64 bytes";
	}
	if (i->op == IR_RX && (i->imm >= 32 || !(p->rx >> i->imm & 1)))
		return "asks what the program does not want to know";
	if (i->op == IR_CONN && i->args.n != 4 && i->args.n != 6)
		return "asks for no connection";
	if (i->op == IR_SOCKET && ((i->imm != 6 && i->imm != 17) || (i->args.n != 4 && i->args.n != 6)))
		return "asks for no socket";
	if (((i->op == IR_LISTENS || i->op == IR_LATELY) && i->args.n != 4 && i->args.n != 6) ||
	    (i->op == IR_COOKIEOK && i->args.n != 6 && i->args.n != 8))
		return "asks for no socket";
	if (i->op == IR_COOKIE && ((i->args.n != 2 && i->args.n != 4) || i->loads.n != 1 || i->loads.v[0].var >= p->var.n))
		return "asks for no cookie";
	if (i->op == IR_FIB && i->args.n != 6 && i->args.n != 8)
		return "asks without addresses";
	if (i->op == IR_FIB)
		for (size_t k = 0; k < i->loads.n; k++)
			if (i->loads.v[k].delta + i->loads.v[k].size > IR_MAX_FETCH || i->loads.v[k].var >= p->var.n)
				return "loads what is no answer";
	if (i->op == IR_GROW && (!i->imm || i->imm > IR_MAX_FETCH))
		return "grows by 1 to 64 bytes";
	if ((i->op == IR_WAY && i->imm >= p->ast->ways.n) || (i->op == IR_OTHER && i->a.kind == IR_IMM && i->a.v >= p->ast->ways.n))
		return "names no way";
	if (i->op == IR_DECIDE && ((int)i->verdict < 0 || i->verdict >= VERDICT_COUNT))
		return "has no verdict";
	if (i->op == IR_SAME && i->b.kind == IR_IMM && !i->is_given && (!i->b.v || i->imm > UINT32_MAX || i->b.v & ~i->imm))
		return "compares with nothing that the mask leaves";
	if (i->op == IR_SWITCH)
		for (size_t k = 0; k < i->cases.n; k++)
			for (size_t m = 0; m < k; m++)
				if (i->cases.v[m] == i->cases.v[k])
					return "has a case twice";
	if (i->op == IR_FETCH) {
		if (!i->imm || i->imm > IR_MAX_FETCH)
			return "fetches 1 to 64 bytes";
		for (size_t k = 0; k < i->loads.n; k++) {
			const struct ir_load *l = &i->loads.v[k];

			if (l->size != 1 && l->size != 2 && l->size != 4 && l->size != 8)
				return "loads 1, 2, 4 or 8 bytes";
			if (l->delta > i->imm || l->size > i->imm - l->delta)
				return "loads beyond what it fetches";
			if (l->var >= p->var.n)
				return "loads into no variable";
		}
	} else if (i->op == IR_PLACE || i->op == IR_RECORD) {
		for (size_t k = 0; k < i->loads.n; k++)
			if (i->loads.v[k].size != 8 || i->loads.v[k].delta % 8 || i->loads.v[k].var >= p->var.n)
				return "loads what is no word of a record";
	} else if (i->loads.n && i->op != IR_FIB && i->op != IR_COOKIE) {
		return "loads, but is no fetch";
	}
	if (i->op == IR_INDEX && !p->index_place)
		return "names no rule";
	for (unsigned k = 0; k < ir_op_targets(i->op); k++)
		if (!i->target[k] || !i->target[k]->placed || i->target[k]->id >= p->block.n || p->block.v[i->target[k]->id] != i->target[k])
			return "goes to a block that is not in the program";
	return NULL;
}

const char *ir_check(const struct ir_program *p)
{
	if (!p->block.n)
		return "there is no block";
	for (size_t b = 0; b < p->block.n; b++) {
		const struct ir_block *bl = p->block.v[b];
		uint32_t *seen;
		size_t n_seen = 0;

		if (!bl->inst.n || !ir_is_term(bl->inst.v[bl->inst.n - 1].op))
			return arena_printf(p->arena, "block @%u does not end", bl->id);
		seen = arena_array(p->arena, bl->inst.n, sizeof(*seen));
		for (size_t i = 0; i < bl->inst.n; i++) {
			const struct ir_inst *in = &bl->inst.v[i];
			const char *bad = check_inst(p, in);
			struct ir_opnd used[3] = { in->a, in->b };
			size_t n_used = ir_op_operands(in->op);

			if (i + 1 < bl->inst.n && ir_is_term(in->op))
				bad = "stands behind the block's end";
			if (in->is_given)
				used[n_used++] = in->given;
			for (size_t k = 0; !bad && k < n_used + in->args.n; k++) {
				struct ir_opnd o = k < n_used ? used[k] : in->args.v[k - n_used];
				bool found = o.kind == IR_IMM;

				for (size_t s = n_seen; !found && s-- > 0;)
					found = seen[s] == o.v;
				if (!found)
					bad = "uses a temporary that this block has not defined before";
			}
			for (unsigned k = 0; !bad && k < ir_op_targets(in->op); k++)
				if (in->target[k]->part != bl->part && in->target[k]->part &&
				    (in->target[k]->part > p->part.n || p->part.v[in->target[k]->part - 1] != in->target[k]))
					bad = "leads into a function, and not to where it begins";
			if (bad)
				return BAD(p, bl, i, bad);
			if (ir_op_result(in->op))
				seen[n_seen++] = in->temp;
		}
	}
	return NULL;
}
