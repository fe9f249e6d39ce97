/*
 * The value of an operand, and whether it is there, in IR. In: a checked operand. Out: temporaries in the block that is current on
 * return, reached only where the operand is present.
 */
#include "lower.h"
#include "abi.h"

/* Goes on in a new block where the bits are (not) set, else to @no. */
static void require(struct lower *l, struct ir_opnd v, uint64_t mask, bool set, struct ir_block *no)
{
	struct ir_block *ok = lower_block(l, "present");

	lower_test(l, IR_BITS, v, ir_imm(mask), set ? ok : no, set ? no : ok);
	lower_hot(l, ok);
}

static void require_bit(struct lower *l, uint64_t mask, struct ir_block *no)
{
	require(l, lower_get(l, l->pres), mask, true, no);
}

/* Presence of a wire or meta field. */
static void require_field(struct lower *l, enum field_id id, struct ir_block *no)
{
	const struct field_info *f = &lang_fields[id];

	if (f->header != HDR_NONE && l->known >> f->header & 1)
		return;
	if (f->header != HDR_NONE)
		require_bit(l, lower_header_mask(l, f->header), no);
	else if (id == FIELD_IFACE)
		require(l, lower_op0(l, IR_FLAGS), XDPF_CONFIG_IFACES, true, no);
	else if (id == FIELD_RXQUEUE)
		require(l, lower_op0(l, IR_FLAGS), XDPF_CONFIG_NO_RXQUEUE, false, no);
	else if (id == FIELD_FLOW_STATE)
		lower_require_conn(l, no);
	else if (lower_is_rx(id))
		lower_require_rx(l, id, no);
	else if (id == FIELD_PAYLOAD_LEN)
		require_bit(l, lower_bit(l, BIT_PAYLOAD), no);
	/* malformed, pkt.len and the clock are always there */
}

static struct ir_opnd bit_number(struct lower *l, unsigned bit)
{
	uint64_t mask = lower_bit(l, bit);

	return lower_op(l, IR_AND, lower_op(l, IR_SHR, lower_get(l, l->pres), ir_imm((unsigned)__builtin_ctzll(mask))), ir_imm(1));
}

static struct ir_opnd rxqueue(struct lower *l)
{
	ir_var v = ir_var_new(l->ir, "rxqueue");
	struct ir_block *given = lower_block(l, "rxqueue given"), *real = lower_block(l, "rxqueue real"), *on = lower_block(l, "rxqueue");

	lower_test(l, IR_BITS, lower_op0(l, IR_FLAGS), ir_imm(XDPF_CONFIG_SET_RXQUEUE), given, real);
	lower_hot(l, given);
	lower_set(l, v, lower_op0(l, IR_CFGQUEUE));
	lower_jump(l, on);
	lower_hot(l, real);
	lower_set(l, v, lower_op0(l, IR_RXQUEUE));
	lower_jump(l, on);
	lower_hot(l, on);
	return lower_get(l, v);
}

static struct ir_opnd clock_value(struct lower *l, enum field_id id)
{
	enum { DAY = 86400 };
	struct ir_opnd sec = lower_op(l, IR_DIV, lower_op0(l, IR_WALL), ir_imm(1000000000)), day;

	if (id == FIELD_TIME)
		return lower_op(l, IR_REM, sec, ir_imm(DAY));
	/* the epoch was a Thursday */
	day = lower_op(l, IR_ADD, lower_op(l, IR_DIV, sec, ir_imm(DAY)), ir_imm(3));
	return lower_op(l, IR_ADD, lower_op(l, IR_REM, day, ir_imm(7)), ir_imm(1));
}

static struct ir_opnd meta_value(struct lower *l, enum field_id id)
{
	if (id == FIELD_MALFORMED)
		return bit_number(l, BIT_MALFORMED);
	if (id == FIELD_IP_FRAGMENT)
		return bit_number(l, BIT_FRAGMENT);
	if (id == FIELD_IP_FRAG_FIRST)
		return bit_number(l, BIT_FIRST);
	if (id == FIELD_IP_PROTO) {
		l->need_proto = true;
		return lower_get(l, l->proto);
	}
	if (id == FIELD_WEEKDAY || id == FIELD_TIME)
		return clock_value(l, id);
	if (id == FIELD_IFACE)
		return lower_op0(l, IR_IFINDEX);
	if (id == FIELD_FLOW_STATE)
		return lower_get(l, l->conn);
	if (lower_is_rx(id))
		return lower_rx(l, id);
	if (id == FIELD_RXQUEUE)
		return rxqueue(l);
	if (id == FIELD_PAYLOAD_LEN)
		return lower_op(l, IR_SUB, lower_get(l, l->pay_end), lower_get(l, l->pay_off));
	l->need_frame_len = true;
	return lower_get(l, l->frame_len);
}

/* The bytes of a slice: one number of up to 8 bytes, or pieces of 8, 4, 2 and 1 as they stand on the wire. */
static struct lower_words slice_value(struct lower *l, const struct ast_operand *o, struct ir_block *no)
{
	struct ir_block *fits = lower_block(l, "slice fits"), *there = lower_block(l, "slice");
	struct ir_opnd off = ir_imm(o->off);
	struct lower_words w = { .n = 0 };
	struct ir_inst *f;
	ir_var piece[16];
	unsigned n = 0, at = 0;

	if (o->kind == OPERAND_PAYLOAD) {
		struct ir_opnd stop;

		require_bit(l, lower_bit(l, BIT_PAYLOAD), no);
		stop = lower_op(l, IR_ADD, lower_get(l, l->pay_off), ir_imm(o->off + o->len));
		lower_test(l, IR_ULE, stop, lower_get(l, l->pay_end), fits, no);
		lower_hot(l, fits);
		/* the mask tells the verifier a bound; it changes nothing, see IR_MAX_OFF */
		off = lower_op(l, IR_ADD, lower_op(l, IR_AND, lower_get(l, l->pay_off), ir_imm(IR_MAX_OFF)), ir_imm(o->off));
	}
	f = lower_fetch(l, off, (unsigned)o->len, there, no);
	while (at < o->len) {
		unsigned size = 8;

		while (size > o->len - at)
			size /= 2;
		piece[n] = ir_var_new(l->ir, "slice");
		lower_load(l, f, piece[n], at, size);
		w.size[n++] = size;
		at += size;
	}
	lower_hot(l, there);
	if (o->len > 8) {
		for (unsigned i = 0; i < n; i++)
			w.w[i] = lower_get(l, piece[i]);
		w.n = n;
		return w;
	}
	for (unsigned i = 0; i < n; i++) {
		struct ir_opnd v = lower_get(l, piece[i]);

		if (w.size[i] > 1)
			v = lower_swap(l, v, w.size[i]);
		w.w[0] = i ? lower_op(l, IR_OR, lower_op(l, IR_SHL, w.w[0], ir_imm(8 * w.size[i])), v) : v;
	}
	w.n = 1;
	return w;
}

struct lower_words lower_value(struct lower *l, const struct ast_operand *o, enum field_id f, struct ir_block *no, bool sure)
{
	const struct field_info *fi = &lang_fields[f];
	struct lower_words w = { .n = 1 };
	struct slot *s;

	if (o->kind != OPERAND_FIELD)
		return slice_value(l, o, no);
	if (!sure)
		require_field(l, f, no);
	if (fi->form == FORM_META) {
		w.w[0] = meta_value(l, f);
		return w;
	}
	s = lower_slot(l, f);
	w.w[0] = sure ? lower_bare(l, s) : lower_get(l, s->var[0]);
	if (s->len == 16) {
		w.w[1] = lower_get(l, s->var[1]);
		w.n = 2;
	}
	return w;
}

unsigned lower_alternatives(const struct ast_operand *o, enum field_id alt[5])
{
	const struct field_info *f;

	alt[0] = o->field;
	if (o->kind != OPERAND_FIELD)
		return 1;
	f = &lang_fields[o->field];
	if (f->form != FORM_ALIAS)
		return 1;
	for (unsigned i = 0; i < f->n; i++)
		alt[i] = f->alt[i];
	return f->n;
}

void lower_operand_present(struct lower *l, const struct ast_operand *o, struct ir_block *yes, struct ir_block *no)
{
	enum field_id alt[5];
	unsigned n = lower_alternatives(o, alt);

	lower_enter(l, o->inner);
	if (o->kind != OPERAND_FIELD) {
		slice_value(l, o, no);
	} else if (n == 1) {
		require_field(l, alt[0], no);
	} else {
		uint64_t mask = 0;

		for (unsigned i = 0; i < n; i++)
			mask |= lower_header_mask(l, lang_fields[alt[i]].header);
		require_bit(l, mask, no);
	}
	lower_jump(l, yes);
	lower_enter(l, false);
}
