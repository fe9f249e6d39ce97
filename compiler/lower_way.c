/*
 * Verdicts in IR, those that may turn out to be impossible too. In: where a rule or default decides. Out: blocks to the decision, or on to the next
 * file. What `forward`, `reply` and `syncookie` take is much: it stands once for all rules of a file whose other verdict is the same, behind them,
 * and the rules leave there who they are (NOTE, and the counter's number in a variable).
 */
#include "lower.h"

static bool counted(const struct ast_unit *u)
{
	return !u->counters_off;
}

/* @index NULL: it was noted. */
static void finish(struct lower *l, const struct lower_work *w, enum verdict v, bool swap, const unsigned *index)
{
	struct ir_inst *i;

	if (swap)
		lower_emit(l, IR_SWAPMAC);
	if (v == VERDICT_PASS && w->unit_pass) {
		if (counted(w->unit)) {
			i = lower_emit(l, IR_COUNT);
			i->noted = !index;
			i->imm = index ? *index : 0;
		}
		lower_jump(l, w->unit_pass);
		return;
	}
	i = lower_emit(l, IR_DECIDE);
	i->noted = !index;
	i->imm = index ? *index : 0;
	i->verdict = v;
	i->counted = counted(w->unit);
}

void lower_decide(struct lower *l, const struct lower_work *w, enum verdict v, bool swap, unsigned index)
{
	finish(l, w, v, swap, &index);
}

void lower_decide_noted(struct lower *l, const struct lower_work *w, enum verdict v, bool swap)
{
	finish(l, w, v, swap, NULL);
}

void lower_count_way(struct lower *l, const struct lower_work *w, struct ir_opnd slot)
{
	if (counted(w->unit))
		lower_emit(l, IR_OTHER)->a = slot;
}

/* Goes to where the file's rules of this kind meet. */
static void share(struct lower *l, const struct lower_work *w, enum verdict v, const struct ast_way *way, unsigned index)
{
	struct lower_way *s = NULL;
	struct ir_opnd blank;
	struct ir_inst *i;

	for (size_t k = 0; k < l->way.n && !s; k++) {
		s = &l->way.v[k];
		if (s->work.unit != w->unit || s->way->kind != way->kind || s->way->other != way->other || s->way->other_swap != way->other_swap)
			s = NULL;
	}
	if (!s) {
		s = vec_add(l->arena, &l->way);
		*s = (struct lower_way){ *w, way, v, lower_block(l, "way"), ir_var_new(l->ir, "way.other"), l->span };
	}
	/* known numbers would be told apart where they are keys of maps: then what follows was verified once for each rule */
	blank = lower_blank(l);
	lower_set(l, s->slot, lower_op(l, IR_XOR, blank, ir_imm(way->slot)));
	i = lower_emit(l, IR_NOTE);
	i->imm = index;
	i->a = blank;
	lower_jump(l, s->at);
}

void lower_decide_other(struct lower *l, const struct lower_work *w, const struct ast_way *way, unsigned index)
{
	lower_count_way(l, w, ir_imm(way->slot));
	finish(l, w, way->other, way->other_swap, &index);
}

void lower_decide_way(struct lower *l, const struct lower_work *w, enum verdict v, const struct ast_way *way, unsigned index)
{
	struct ir_block *open, *closed;
	struct ir_inst *i;

	switch (way->kind) {
	case WAY_FORWARD:
	case WAY_RST:
	case WAY_UNREACHABLE:
	case WAY_SYNCOOKIE:
		share(l, w, v, way, index);
		return;
	case WAY_IFACE:
	case WAY_IFACES:
	case WAY_CPU:
	case WAY_SOCKET:
		break;
	}
	open = lower_block(l, "way open");
	closed = lower_block(l, "way closed");
	i = lower_emit(l, IR_WAY);
	i->imm = way->slot;
	i->target[0] = open;
	i->target[1] = closed;
	lower_hot(l, open);
	finish(l, w, v, false, &index);
	lower_cold(l, closed);
	lower_decide_other(l, w, way, index);
}

void lower_shared_ways(struct lower *l)
{
	for (; l->way_done < l->way.n; l->way_done++) {
		struct lower_way *s = &l->way.v[l->way_done];
		struct ir_block *open = lower_block(l, "way open"), *closed = lower_block(l, "way closed");

		l->span = s->span;
		lower_hot(l, s->at);
		if (s->way->kind == WAY_FORWARD)
			lower_forward(l, open, closed);
		else
			lower_reply(l, s->way->kind, open, closed);
		lower_hot(l, open);
		finish(l, &s->work, s->verdict, false, NULL);
		lower_hot(l, closed);
		lower_count_way(l, &s->work, lower_get(l, s->slot));
		if (s->way->kind == WAY_SYNCOOKIE)
			lower_count_way(l, &s->work, lower_op(l, IR_ADD, lower_get(l, s->slot), ir_imm(WAY_UNANSWERED)));
		finish(l, &s->work, s->way->other, s->way->other_swap, NULL);
	}
}
