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

/* Two NOPs and a timestamp, as all data of a connection that has timestamps begins: known at a glance, and not worth a call. Ends in @list. */
static void usual(struct lower *l, ir_var tcp, ir_var found, struct ir_block *any, struct ir_block *list)
{
	enum { NOP_NOP_TS_10 = 0x0a080101, AT = 22 };
	struct ir_block *there = lower_block(l, "usual options"), *known = lower_block(l, "timestamp");
	ir_var word = ir_var_new(l->ir, "options");
	struct ir_inst *f = lower_fetch(l, lower_op(l, IR_ADD, lower_get(l, tcp), ir_imm(20)), 4, there, any);
	uint64_t at = 0;

	for (size_t i = 0; i < lang_n_options; i++)
		if (lang_options[i].header == HDR_TCPTS)
			at = (uint64_t)AT << 8 * i;
	lower_load(l, f, word, 0, 4);
	lower_cold(l, there);
	lower_test(l, IR_EQ, lower_get(l, word), ir_imm(NOP_NOP_TS_10), known, any);
	lower_cold(l, known);
	/* as unknown to the verifier as what the call says */
	lower_set(l, found, lower_op(l, IR_XOR, lower_blank(l), ir_imm(at)));
	lower_jump(l, list);
}

static struct ir_opnd distance(struct lower *l, ir_var found, size_t i)
{
	return lower_op(l, IR_AND, lower_op(l, IR_SHR, lower_get(l, found), ir_imm(8 * i)), ir_imm(0xff));
}

void lower_options(struct lower *l, ir_var at_tcp, ir_var at_stop)
{
	ir_var tcp = ir_var_new(l->ir, "options.tcp"), stop = ir_var_new(l->ir, "options.stop");
	struct ir_block *is[8] = { NULL }, *other[8], *some, *done, *any, *list, *glance;
	ir_var at, found;

	_Static_assert(sizeof(uint64_t) == 8, "a byte for each of eight kinds");
	if (!lower_wants_options(l))
		return;
	some = lower_block(l, "options");
	any = lower_block(l, "any options");
	list = lower_block(l, "options found");
	glance = lower_block(l, "twelve bytes");
	done = lower_block(l, "options done");
	at = ir_var_new(l->ir, "option.at");
	found = ir_var_new(l->ir, "options");
	/* opaque: all ways to a TCP header are one here */
	lower_set(l, tcp, lower_opaque(l, lower_get(l, at_tcp)));
	lower_set(l, stop, lower_opaque(l, lower_get(l, at_stop)));
	lower_test(l, IR_ULE, lower_op(l, IR_SUB, lower_get(l, stop), lower_get(l, tcp)), ir_imm(20), done, some);
	lower_cold(l, some);
	lower_test(l, IR_EQ, lower_op(l, IR_SUB, lower_get(l, stop), lower_get(l, tcp)), ir_imm(32), glance, any);
	lower_cold(l, any);
	lower_set(l, found, lower_op(l, IR_OPTIONS, lower_get(l, tcp), lower_get(l, stop)));
	lower_jump(l, list);
	lower_cold(l, list);
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
	lower_cold(l, glance);
	usual(l, tcp, found, any, list);
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
