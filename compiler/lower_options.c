/*
 * The dissection in IR: TCP's options. In: where the header begins and ends, in variables. Out: blocks that ask once where they are (OPTIONS, see
 * codegen_options.c), with presence bits and slots of the options that rules ask for set as compiler/dissect.h says, and one behind it.
 *
 * The way on which an option is absent is the fall-through: there nothing is known of its slots, so that the verifier finds the ways on which it is
 * present covered by it.
 */
#include "lower.h"

bool lower_wants_options(const struct lower *l)
{
	for (size_t i = 0; i < lang_n_options; i++)
		if (l->parse[lang_options[i].header] || lower_noted(l, lang_options[i].header))
			return true;
	return false;
}

static struct ir_opnd distance(struct lower *l, ir_var found, size_t i)
{
	return lower_op(l, IR_AND, lower_op(l, IR_SHR, lower_get(l, found), ir_imm(8 * i)), ir_imm(0xff));
}

void lower_options(struct lower *l, ir_var tcp, ir_var stop)
{
	struct ir_block *is[8] = { NULL }, *other[8], *some, *done;
	ir_var at, found;

	_Static_assert(sizeof(uint64_t) == 8, "a byte for each of eight kinds");
	if (!lower_wants_options(l))
		return;
	some = lower_block(l, "options");
	done = lower_block(l, "options done");
	at = ir_var_new(l->ir, "option.at");
	found = ir_var_new(l->ir, "options");
	lower_test(l, IR_ULE, lower_get(l, stop), lower_op(l, IR_ADD, lower_get(l, tcp), ir_imm(20)), done, some);
	lower_cold(l, some);
	lower_set(l, found, lower_op(l, IR_OPTIONS, lower_get(l, tcp), lower_get(l, stop)));
	for (size_t i = 0; i < lang_n_options; i++) {
		if (!lower_noted(l, lang_options[i].header))
			continue;
		l->ir->options |= 1u << i;
		is[i] = lower_block(l, "option");
		other[i] = lower_block(l, "option other");
		lower_test(l, IR_EQ, distance(l, found, i), ir_imm(0), other[i], is[i]);
		lower_cold(l, other[i]);
	}
	lower_jump(l, done);
	for (size_t i = 0; i < lang_n_options; i++) {
		if (!is[i])
			continue;
		lower_cold(l, is[i]);
		lower_set(l, at, lower_opaque(l, lower_op(l, IR_ADD, lower_get(l, tcp), distance(l, found, i))));
		lower_note_first(l, at, lang_options[i].header);
		lower_jump(l, other[i]);
	}
	lower_hot(l, done);
}
