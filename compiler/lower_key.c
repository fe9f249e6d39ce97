/*
 * Keys of count tables and limits in IR. In: the key's fields and its layout. Out: its parts as numbers, in the order in which the layout
 * has them.
 */
#include "lower.h"
#include "meta.h"

/* The parts of one key field as its layout has them, in variables; goes to @no where it is absent. */
static void key_part(struct lower *l, const struct ast_operand *o, const struct meta_key_field *kf, ir_var *part, unsigned *n, struct ir_block *no)
{
	enum field_id alt[5];
	unsigned n_alt = lower_alternatives(o, alt), first = *n, own = 1;
	struct ir_block *done = lower_block(l, "key part");

	if (kf->kind == KIND_IP)
		own = 3;
	else if (kf->kind == KIND_IP6)
		own = 2;
	else if (kf->kind == KIND_BYTES)
		for (uint64_t left = o->len, size = 8, k = 0; left; left -= size, own = (unsigned)++k)
			while (size > left)
				size /= 2;
	for (unsigned k = 0; k < own; k++)
		part[(*n)++] = ir_var_new(l->ir, "key");
	for (unsigned a = 0; a < n_alt; a++) {
		struct ir_block *next = a + 1 < n_alt ? lower_block(l, "next field") : no;
		const struct field_info *fi = o->kind == OPERAND_FIELD ? &lang_fields[alt[a]] : NULL;
		enum family family = fi ? lower_family(alt[a]) : FAMILY_NUM;
		unsigned prefix = family == FAMILY_IP6 ? 128 : 32;
		const struct slot *s;
		struct lower_words w;

		if ((kf->kind == KIND_IP4 && family != FAMILY_IP4) || (kf->kind == KIND_IP6 && family != FAMILY_IP6)) {
			/* an address of the other family is in no set of this one */
			lower_jump(l, next);
			if (next != no)
				lower_hot(l, next);
			continue;
		}
		w = lower_value(l, o, alt[a], next, false);

		s = fi && fi->form == FORM_WIRE ? lower_slot(l, alt[a]) : NULL;
		if (o->has_prefix)
			prefix = (unsigned)o->prefix[o->n_prefix > 1 && family == FAMILY_IP6];
		if (s && s->len == 16) {
			struct value m = value_ones(128 - prefix);

			w.w[0] = lower_op(l, IR_AND, w.w[0], ir_imm(__builtin_bswap64(~m.hi)));
			w.w[1] = lower_op(l, IR_AND, w.w[1], ir_imm(__builtin_bswap64(~m.lo)));
		} else if (s) {
			bool address = family == FAMILY_IP4;

			if (s->wire && !address)
				w.w[0] = lower_swap(l, w.w[0], s->len);
			if (!s->wire && address)
				w.w[0] = lower_swap(l, w.w[0], 4);
			if (address && prefix < 32)
				w.w[0] = lower_op(l, IR_AND, w.w[0],
						  ir_imm(__builtin_bswap32((uint32_t)~value_ones(32 - prefix).lo)));
			else if (address)
				;	/* it is a number of 32 bits as it is */
			else if (kf->kind == KIND_MAC)	/* the six bytes in memory order */
				w.w[0] = lower_op(l, IR_SHR, lower_swap(l, w.w[0], 8), ir_imm(16));
			else if (fi->shift || fi->bits != 8 * fi->len)
				w.w[0] = lower_op(l, IR_AND, lower_op(l, IR_SHR, w.w[0], ir_imm(fi->shift)),
						  ir_imm(value_ones(fi->bits).lo));
		}
		if (kf->kind == KIND_IP) {
			lower_set(l, part[first], w.w[0]);
			lower_set(l, part[first + 1], w.n > 1 ? w.w[1] : ir_imm(0));
			lower_set(l, part[first + 2], ir_imm((uint64_t)family));
		} else {
			for (unsigned k = 0; k < own; k++)
				lower_set(l, part[first + k], w.w[k]);
		}
		lower_jump(l, done);
		if (next != no)
			lower_hot(l, next);
	}
	lower_hot(l, done);
}

unsigned lower_key(struct lower *l, struct ast_operand *const *key, const struct meta_key *layout, struct ir_opnd *w, struct ir_block *no)
{
	ir_var part[LOWER_KEY_PARTS];
	unsigned n = 0;

	for (unsigned k = 0; k < layout->n; k++) {
		lower_enter(l, key[k]->inner);
		key_part(l, key[k], &layout->field[k], part, &n, no);
	}
	lower_enter(l, false);
	for (unsigned k = 0; k < n; k++)
		w[k] = lower_get(l, part[k]);
	return n;
}
