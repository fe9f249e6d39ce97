/*
 * Pushing and popping a tag, in IR. In: which of the two. Out: blocks that do it where it is certain what is in front of what, and after
 * which presence, places and slots are those of the frame as it now is; else a way to where that is counted.
 */
#include "lower.h"

#include <linux/if_ether.h>

enum { TYPE_OFF = 12 };

static void move(struct lower *l, ir_var v, bool up)
{
	lower_set(l, v, lower_op(l, up ? IR_ADD : IR_SUB, lower_get(l, v), ir_imm(4)));
}

/* Everything behind the tags has moved by 4 bytes. */
static void move_all(struct lower *l, bool up)
{
	for (int h = 0; h < HDR_COUNT; h++)
		if (l->has_at[h])
			move(l, l->at[h], up);
	move(l, l->pay_off, up);
	move(l, l->pay_end, up);
	if (!l->tunnel)
		return;
	lower_enter(l, true);
	for (int h = 0; h < HDR_COUNT; h++)
		if (l->has_at[h])
			move(l, l->at[h], up);
	/* see lower_retag() */
	lower_bit(l, BIT_PAYLOAD);
	move(l, l->pay_off, up);
	move(l, l->pay_end, up);
	lower_enter(l, false);
}

static void clear_slots(struct lower *l, enum header_id h)
{
	for (size_t i = 0; i < l->slot.n; i++)
		if (l->slot.v[i].header == h)
			lower_set(l, l->slot.v[i].var[0], lower_get(l, l->absent));
}

/* The tag's fields, read from where it now is; absent where it is not there. */
static void reread_tag(struct lower *l, enum header_id h)
{
	struct ir_block *none = lower_block(l, "no tag"), *on = lower_block(l, "tag read");

	lower_require(l, h, true, none);
	lower_refresh(l, h, 0, lang_headers[h].len);
	lower_jump(l, on);
	lower_hot(l, none);
	clear_slots(l, h);
	lower_jump(l, on);
	lower_hot(l, on);
}

/* No more than two tags: the type behind the second is no tag's. */
static void require_no_third(struct lower *l, struct ir_block *miss)
{
	struct ir_block *none = lower_block(l, "no third tag"), *there = lower_block(l, "third type");
	ir_var type = ir_var_new(l->ir, "type");
	struct ir_inst *f, *sw;
	struct ir_opnd t;

	lower_require(l, HDR_VLAN2, true, none);
	f = lower_fetch(l, ir_imm(LOWER_TAG2_OFF + 2), 2, there, miss);
	lower_load(l, f, type, 0, 2);
	lower_hot(l, there);
	t = lower_swap(l, lower_get(l, type), 2);
	sw = lower_emit(l, IR_SWITCH);
	sw->a = t;
	*vec_add(l->arena, &sw->cases) = ETH_P_8021Q;
	*vec_add(l->arena, &sw->cases) = ETH_P_8021AD;
	sw->target[0] = miss;
	sw->target[1] = none;
	lower_hot(l, none);
}

void lower_retag(struct lower *l, const struct ast_action *a, struct ir_block *done, struct ir_block *miss)
{
	struct ir_block *ok = lower_block(l, a->push ? "pushed" : "popped");
	uint64_t one = lower_bit(l, HDR_VLAN), two = lower_bit(l, HDR_VLAN2);
	struct ir_opnd p, from;
	struct ir_inst *i;

	/* Rules that are lowered later may ask for it: that it moves must not depend on the order. */
	lower_bit(l, BIT_PAYLOAD);
	lower_require(l, HDR_ETYPE, true, miss);
	if (a->push) {
		lower_require(l, HDR_VLAN2, false, miss);
	} else {
		lower_require(l, HDR_VLAN, true, miss);
		require_no_third(l, miss);
	}
	i = lower_emit(l, a->push ? IR_PUSHTAG : IR_POPTAG);
	i->imm = a->to.lo.lo;
	i->target[0] = ok;
	i->target[1] = miss;
	lower_hot(l, ok);
	/* one bit becomes the other, which becomes certain; what is certain of it, the verifier shall not know */
	p = lower_get(l, l->pres);
	from = lower_op(l, IR_AND, lower_op(l, IR_SHR, p, ir_imm((unsigned)__builtin_ctzll(a->push ? one : two))), ir_imm(1));
	p = lower_op(l, IR_AND, p, ir_imm(~(one | two)));
	p = lower_op(l, IR_OR, p, lower_op(l, IR_SHL, from, ir_imm((unsigned)__builtin_ctzll(a->push ? two : one))));
	if (a->push)
		p = lower_op(l, IR_OR, p, ir_imm(one));
	lower_set(l, l->pres, lower_op(l, IR_FRESH, p, lower_get(l, l->blank)));
	move_all(l, a->push);
	lower_refresh(l, HDR_ETH, TYPE_OFF, TYPE_OFF + 2);
	reread_tag(l, HDR_VLAN);
	reread_tag(l, HDR_VLAN2);
	lower_jump(l, done);
}
