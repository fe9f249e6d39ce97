/*
 * The dissection in IR: TCP's options. In: where the header begins and ends, in variables. Out: blocks that walk the list, with presence bits and
 * slots of the options that rules ask for set as compiler/dissect.h says, and one behind it.
 *
 * One loop of at most 40 rounds, one byte each at the least; a round ends with an offset of which the verifier knows nothing but its bound, so that
 * all kinds of options lead to one state.
 */
#include "lower.h"

enum { MAX_ROUNDS = 40, END = 0, NOP = 1 };

bool lower_wants_options(const struct lower *l)
{
	for (size_t i = 0; i < lang_n_options; i++)
		if (l->parse[lang_options[i].header] || lower_noted(l, lang_options[i].header))
			return true;
	return false;
}

/* The option at @at is of @kind and @len bytes long, all of them in the header. Ends in a block behind. */
static void option(struct lower *l, const struct tcpopt_info *o, ir_var at, ir_var kind, ir_var len)
{
	struct ir_block *is = lower_block(l, "option kind"), *sized = lower_block(l, "option sized"), *other = lower_block(l, "option other");

	lower_test(l, IR_EQ, lower_get(l, kind), ir_imm(o->kind), is, other);
	lower_cold(l, is);
	if (o->more) {
		struct ir_block *least = lower_block(l, "option blocks");
		struct ir_opnd over;

		lower_test(l, IR_ULE, ir_imm(o->len), lower_get(l, len), least, other);
		lower_cold(l, least);
		over = lower_op(l, IR_SUB, lower_get(l, len), ir_imm(o->len));
		lower_test(l, IR_EQ, lower_op(l, IR_REM, over, ir_imm(o->more)), ir_imm(0), sized, other);
	} else {
		lower_test(l, IR_EQ, lower_get(l, len), ir_imm(o->len), sized, other);
	}
	lower_cold(l, sized);
	lower_note_first(l, at, o->header);
	lower_jump(l, other);
	lower_cold(l, other);
}

void lower_options(struct lower *l, ir_var tcp, ir_var stop)
{
	struct ir_block *head, *more, *got, *some, *sized, *there, *least, *fits, *step, *round, *done;
	ir_var at, n, kind, len, next;
	struct ir_inst *f;

	if (!lower_wants_options(l))
		return;
	head = lower_block(l, "options");
	more = lower_block(l, "more options");
	got = lower_block(l, "option");
	some = lower_block(l, "option no end");
	sized = lower_block(l, "option no nop");
	there = lower_block(l, "option there");
	least = lower_block(l, "option long enough");
	fits = lower_block(l, "option fits");
	step = lower_block(l, "option behind");
	round = lower_block(l, "option round");
	done = lower_block(l, "options done");
	at = ir_var_new(l->ir, "option.at");
	n = ir_var_new(l->ir, "option.n");
	kind = ir_var_new(l->ir, "option.kind");
	len = ir_var_new(l->ir, "option.len");
	next = ir_var_new(l->ir, "option.next");

	lower_set(l, at, lower_op(l, IR_ADD, lower_get(l, tcp), ir_imm(20)));
	lower_set(l, n, ir_imm(0));
	lower_jump(l, head);
	lower_cold(l, head);
	lower_test(l, IR_ULE, lower_get(l, stop), lower_get(l, at), done, more);
	lower_cold(l, more);
	f = lower_fetch(l, lower_get(l, at), 1, got, done);
	lower_load(l, f, kind, 0, 1);
	lower_cold(l, got);
	lower_set(l, next, lower_op(l, IR_ADD, lower_get(l, at), ir_imm(1)));
	lower_test(l, IR_EQ, lower_get(l, kind), ir_imm(END), done, some);
	lower_cold(l, some);
	lower_test(l, IR_EQ, lower_get(l, kind), ir_imm(NOP), step, sized);
	lower_cold(l, sized);
	/* the second byte may be the payload's: then the option does not fit, whatever it says */
	f = lower_fetch(l, lower_get(l, at), 2, there, done);
	lower_load(l, f, len, 1, 1);
	lower_cold(l, there);
	lower_test(l, IR_ULE, ir_imm(2), lower_get(l, len), least, done);
	lower_cold(l, least);
	lower_set(l, next, lower_op(l, IR_ADD, lower_get(l, at), lower_get(l, len)));
	lower_test(l, IR_ULE, lower_get(l, next), lower_get(l, stop), fits, done);
	lower_cold(l, fits);
	for (size_t i = 0; i < lang_n_options; i++)
		if (lower_noted(l, lang_options[i].header))
			option(l, &lang_options[i], at, kind, len);
	lower_jump(l, step);
	lower_cold(l, step);
	lower_set(l, at, lower_opaque(l, lower_get(l, next)));
	lower_set(l, n, lower_op(l, IR_ADD, lower_get(l, n), ir_imm(1)));
	lower_test(l, IR_EQ, lower_get(l, n), ir_imm(MAX_ROUNDS), done, round);
	lower_cold(l, round);
	lower_jump(l, head);
	lower_hot(l, done);
}
