/*
 * Comparisons in IR. In: a checked EXPR_CMP. Out: blocks that end at @yes or @no; a comparison whose field is absent ends at @no, negated
 * ones too.
 */
#include "lower.h"

static uint64_t wire(uint64_t v, unsigned len)
{
	return len == 2 ? __builtin_bswap16((uint16_t)v) : len == 4 ? __builtin_bswap32((uint32_t)v) : __builtin_bswap64(v);
}

/* The ranges of one family, of those @n, as far as numbers of @bits bits reach: a set may have greater ones than the field can be. Where they are
 * to be a table, only some. */
static size_t fitting(struct lower *l, const struct range *r, size_t n, enum family family, unsigned bits, const struct range **out)
{
	struct range *own = arena_array(l->arena, n < LOWER_INLINE_RANGES ? n : LOWER_INLINE_RANGES + 1, sizeof(*own));
	size_t m = 0;

	for (size_t i = 0; i < n && m <= LOWER_INLINE_RANGES; i++)
		if (r[i].family == family && lower_clip(&r[i], bits, &own[m]))
			m++;
	*out = own;
	return m;
}

enum family lower_family(enum field_id f)
{
	enum type_kind k = lang_types[lang_fields[f].type].kind;

	return k == KIND_IP4 ? FAMILY_IP4 : k == KIND_IP6 ? FAMILY_IP6 : FAMILY_NUM;
}

/* (v & mask) == want, all below 2^32 and @want not zero. */
static void test_same(struct lower *l, struct ir_opnd v, uint64_t mask, uint64_t want, struct ir_block *yes, struct ir_block *no)
{
	struct ir_inst *i = lower_emit(l, IR_SAME);

	i->a = v;
	i->b = ir_imm(want);
	i->imm = mask;
	i->target[0] = yes;
	i->target[1] = no;
}

/* Is the number in @var in one of the ranges? @wire_len: it is in network order, of that many bytes (0: a number). */
static void test_numbers(struct lower *l, ir_var var, const struct range *r, size_t n, unsigned wire_len, struct ir_block *yes,
			 struct ir_block *no)
{
	enum { SWITCH_FROM = 5 };
	size_t singles = 0;

	for (size_t i = 0; i < n; i++)
		singles += !value_cmp(r[i].lo, r[i].hi);
	/* a switch has its numbers in the code */
	if (l->alike)
		singles = 0;
	if (singles >= SWITCH_FROM) {
		struct ir_block *rest = singles < n ? lower_block(l, "ranges") : no;
		/* the tree that it becomes knows more on each of its ways to the default */
		static const struct ir_block anywhere;
		struct ir_opnd v = lower_fresh(l, lower_get(l, var), &anywhere, &anywhere);
		struct ir_inst *sw = lower_emit(l, IR_SWITCH);

		sw->a = v;
		for (size_t i = 0; i < n; i++)
			if (!value_cmp(r[i].lo, r[i].hi))
				*vec_add(l->arena, &sw->cases) = wire_len ? wire(r[i].lo.lo, wire_len) : r[i].lo.lo;
		sw->target[0] = yes;
		sw->target[1] = rest;
		if (rest == no)
			return;
		lower_hot(l, rest);
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t lo = r[i].lo.lo, hi = r[i].hi.lo;
		bool last = true;
		struct ir_block *next;
		struct value mask;

		if (lo == hi && singles >= SWITCH_FROM)
			continue;
		for (size_t k = i + 1; last && k < n; k++)
			last = !value_cmp(r[k].lo, r[k].hi) && singles >= SWITCH_FROM;
		next = last ? no : lower_block(l, "next range");
		struct ir_opnd v = lower_get(l, var);

		/* a number that is unequal to its least or greatest value is known the better for it */
		if ((lo != hi && !wire_len) || l->negated || !lo || !((lo + 1) & lo))
			v = lower_fresh(l, v, yes, next);
		if (wire_len && lower_range_mask(&r[i], &mask) && lo)
			test_same(l, v, wire(mask.lo, wire_len), wire(lo, wire_len), yes, next);
		else if (lo == hi)
			lower_test(l, IR_EQ, v, ir_imm(wire_len ? wire(lo, wire_len) : lo), yes, next);
		else if (wire_len && lower_range_mask(&r[i], &mask))
			lower_test(l, IR_EQ, lower_op(l, IR_AND, v, ir_imm(wire(mask.lo, wire_len))),
				   ir_imm(wire(lo, wire_len)), yes, next);
		else
			/* also false for LOWER_ABSENT */
			lower_test(l, IR_ULE, lo ? lower_op(l, IR_SUB, v, ir_imm(lo)) : v, ir_imm(hi - lo), yes, next);
		if (last)
			return;
		lower_hot(l, next);
	}
	lower_jump(l, no);
}

static void member(struct lower *l, size_t table, const struct ir_opnd *w, unsigned n, struct ir_block *yes, struct ir_block *no)
{
	struct ir_inst *m = lower_emit(l, IR_MEMBER);
	uint32_t temp = m->temp;

	m->imm = table;
	for (unsigned i = 0; i < n; i++)
		*vec_add(l->arena, &m->args) = w[i];
	lower_test(l, IR_EQ, (struct ir_opnd){ IR_TEMP, temp }, ir_imm(1), yes, no);
}

/* x <= y for 128-bit numbers in words, most significant first. */
static void test_ule128(struct lower *l, struct ir_opnd xh, struct ir_opnd xl, struct ir_opnd yh, struct ir_opnd yl, ir_var keep[2],
			struct ir_block *yes, struct ir_block *no)
{
	struct ir_block *same = lower_block(l, "same half"), *differ = lower_block(l, "other half");
	struct ir_opnd h, k;

	/* temporaries end with their block: what is a variable is read again */
	lower_test(l, IR_EQ, xh, yh, same, differ);
	lower_hot(l, same);
	k = lower_get(l, keep[1]);
	lower_test(l, IR_ULE, xl.kind == IR_TEMP ? k : xl, yl.kind == IR_TEMP ? k : yl, yes, no);
	lower_hot(l, differ);
	h = lower_get(l, keep[0]);
	lower_test(l, IR_ULE, xh.kind == IR_TEMP ? h : xh, yh.kind == IR_TEMP ? h : yh, yes, no);
}

/* The same ranges; prefixes of at most 32 bits, which are one small test, first. */
static const struct range *cheap_first(struct lower *l, const struct range *r, size_t n)
{
	struct range *sorted = arena_array(l->arena, n, sizeof(*sorted));
	size_t at = 0;

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < n; i++) {
			struct value mask;
			bool cheap = lower_range_mask(&r[i], &mask) && !mask.lo && !(uint32_t)mask.hi;

			if (cheap == !pass)
				sorted[at++] = r[i];
		}
	return sorted;
}

/* Is the 128-bit number, halves in network order in @var, in one of the ranges? */
static void test_128(struct lower *l, const char *name, const ir_var var[2], const struct range *all, size_t n_all, const struct range *r, size_t n,
		     struct ir_block *yes, struct ir_block *no)
{
	if (n > LOWER_INLINE_RANGES) {
		struct ir_opnd w[2] = { lower_swap(l, lower_get(l, var[0]), 8), lower_swap(l, lower_get(l, var[1]), 8) };

		member(l, lower_table_bounds(l, name, all, n_all, r[0].family, 128), w, 2, yes, no);
		return;
	}
	r = cheap_first(l, r, n);
	for (size_t i = 0; i < n; i++) {
		struct ir_block *next = i + 1 < n ? lower_block(l, "next range") : no;
		struct value mask;

		if (lower_range_mask(&r[i], &mask)) {
			struct ir_block *low = mask.lo && mask.hi ? lower_block(l, "low half") : yes;

			if (mask.hi || !mask.lo) {
				struct ir_opnd h = lower_get(l, var[0]);

				if (~mask.hi)
					h = lower_op(l, IR_AND, h, ir_imm(wire(mask.hi, 8)));
				uint64_t m = wire(mask.hi, 8), want = wire(r[i].lo.hi, 8);

				if (m <= UINT32_MAX && want)
					test_same(l, lower_get(l, var[0]), m, want, low, next);
				else
					lower_test(l, IR_EQ, lower_fresh(l, h, low, next), ir_imm(want), low, next);
				if (low != yes)
					lower_cold(l, low);
			}
			if (mask.lo) {
				struct ir_opnd h = lower_get(l, var[1]);

				if (~mask.lo)
					h = lower_op(l, IR_AND, h, ir_imm(wire(mask.lo, 8)));
				lower_test(l, IR_EQ, lower_fresh(l, h, yes, next), ir_imm(wire(r[i].lo.lo, 8)), yes, next);
			}
		} else {
			struct ir_block *above = lower_block(l, "not below");
			ir_var host[2] = { ir_var_new(l->ir, "high"), ir_var_new(l->ir, "low") };

			for (int k = 0; k < 2; k++)
				lower_set(l, host[k], lower_swap(l, lower_fresh(l, lower_get(l, var[k]), above, above), 8));
			test_ule128(l, ir_imm(r[i].lo.hi), ir_imm(r[i].lo.lo), lower_get(l, host[0]), lower_get(l, host[1]), host, above, next);
			lower_hot(l, above);
			test_ule128(l, lower_get(l, host[0]), lower_get(l, host[1]), ir_imm(r[i].hi.hi), ir_imm(r[i].hi.lo), host, yes, next);
		}
		if (next != no)
			lower_hot(l, next);
	}
	if (!n)
		lower_jump(l, no);
}

/*
 * One alternative of a field, or a slice, against ranges of its family. Where that is known to be there and in none of them it goes to
 * @no, where it is not or may not be there to @absent: other alternatives are then still to be tried.
 */
static void test_field(struct lower *l, const char *name, const struct ast_operand *o, enum field_id f, const struct value *mask,
		       const struct range *all, size_t n_all, struct ir_block *yes, struct ir_block *no, struct ir_block *absent)
{
	enum { ASK_FROM = 3 };
	const struct field_info *fi = o->kind == OPERAND_FIELD ? &lang_fields[f] : NULL;
	const struct slot *s = fi && fi->form == FORM_WIRE ? lower_slot(l, f) : NULL;
	bool whole = s && !fi->shift && fi->bits == 8 * fi->len, zero = false;
	enum family family = fi ? lower_family(f) : FAMILY_NUM;
	unsigned wire_len = s && s->wire ? s->len : 0;
	unsigned bits = fi ? fi->bits : o->bits;
	const struct range *r;
	size_t n = fitting(l, all, n_all, family, bits, &r);
	struct lower_words w;
	bool sure;
	ir_var v;

	if (!n) {
		lower_jump(l, absent);
		return;
	}
	/* LOWER_ABSENT is no number of any range; but masked or shifted it is zero, and so it is to a test by mask */
	for (size_t i = 0; i < n; i++)
		zero |= !r[i].lo.hi && !r[i].lo.lo && (!whole || mask || (wire_len && value_cmp(r[i].lo, r[i].hi)));
	if (s && s->len == 16) {
		ir_var half[2] = { s->var[0], s->var[1] };

		w = lower_value(l, o, f, absent, false);
		if (mask)
			for (int k = 0; k < 2; k++) {
				struct ir_opnd h = lower_op(l, IR_AND, w.w[k], ir_imm(wire(k ? mask->lo : mask->hi, 8)));

				half[k] = ir_var_new(l->ir, "masked");
				lower_set(l, half[k], h);
			}
		test_128(l, name, half, all, n_all, r, n, yes, no);
		return;
	}
	sure = s && n <= LOWER_INLINE_RANGES && !zero && (no == absent || n < ASK_FROM);
	w = lower_value(l, o, f, absent, sure);
	if (sure)
		no = absent;
	if (s && !whole) {
		if (fi->shift)
			w.w[0] = lower_op(l, IR_SHR, w.w[0], ir_imm(fi->shift));
		w.w[0] = lower_op(l, IR_AND, w.w[0], ir_imm(value_ones(fi->bits).lo));
	}
	if (mask)
		w.w[0] = lower_op(l, IR_AND, w.w[0], ir_imm(wire_len ? wire(mask->lo, wire_len) : mask->lo));
	if (n > LOWER_INLINE_RANGES) {
		if (wire_len)
			w.w[0] = lower_swap(l, w.w[0], wire_len);
		member(l, lower_table_bounds(l, name, all, n_all, family, bits), w.w, 1, yes, no);
		return;
	}
	v = ir_var_new(l->ir, "value");
	lower_set(l, v, w.w[0]);
	test_numbers(l, v, r, n, wire_len, yes, no);
}

static void test_bytes(struct lower *l, const struct ast_expr *e, struct ir_block *yes, struct ir_block *no)
{
	struct lower_words w;
	ir_var piece[16];

	lower_enter(l, e->operand.v[0]->inner);
	w = lower_value(l, e->operand.v[0], FIELD_NONE, no, false);
	lower_enter(l, false);
	for (unsigned i = 0; i < w.n; i++) {
		piece[i] = ir_var_new(l->ir, "piece");
		lower_set(l, piece[i], w.w[i]);
	}
	for (size_t k = 0; k < e->match.n; k++) {
		struct ir_block *next = k + 1 < e->match.n ? lower_block(l, "next bytes") : no;
		const uint8_t *at = e->match.bytes[k];

		for (unsigned i = 0; i < w.n; i++) {
			struct ir_block *same = i + 1 < w.n ? lower_block(l, "same so far") : yes;
			uint64_t want = 0;

			for (unsigned b = w.size[i]; b-- > 0;)
				want = want << 8 | at[b];
			at += w.size[i];
			lower_test(l, IR_EQ, lower_get(l, piece[i]), ir_imm(want), same, next);
			if (same != yes)
				lower_hot(l, same);
		}
		if (next != no)
			lower_hot(l, next);
	}
}

static void test_ifaces(struct lower *l, const struct ast_expr *e, struct ir_block *yes, struct ir_block *no)
{
	struct lower_words w = lower_value(l, e->operand.v[0], FIELD_IFACE, no, false);
	ir_var v = ir_var_new(l->ir, "iface");

	lower_set(l, v, w.w[0]);
	for (size_t i = 0; i < e->match.n; i++) {
		struct ir_block *next = i + 1 < e->match.n ? lower_block(l, "next iface") : no;
		struct ir_opnd have = lower_get(l, v), want;
		struct ir_inst *in = lower_emit(l, IR_IFACE);

		want = (struct ir_opnd){ IR_TEMP, in->temp };
		for (size_t k = 0; k < l->ast->ifaces.n; k++)
			if (!__builtin_strcmp(l->ast->ifaces.v[k], e->match.iface[i]))
				in->imm = k;
		lower_test(l, IR_EQ, have, want, yes, next);
		if (next != no)
			lower_hot(l, next);
	}
}

static void test_single(struct lower *l, const struct ast_expr *e, struct ir_block *yes, struct ir_block *no)
{
	const struct ast_operand *o = e->operand.v[0];
	const struct ast_match *m = &e->match;
	const char *name = m->kind == MATCH_SET ? m->set->name.s : "list";
	const struct range *r = m->kind == MATCH_SET ? m->set->range : m->range;
	size_t n = m->kind == MATCH_SET ? m->set->n : m->n;
	enum field_id alt[5];
	unsigned n_alt = lower_alternatives(o, alt);

	lower_enter(l, o->inner);
	for (unsigned i = 0; i < n_alt; i++) {
		struct ir_block *next = i + 1 < n_alt ? lower_block(l, "next field") : no;

		test_field(l, name, o, alt[i], e->has_mask ? &e->mask_value : NULL, r, n, yes, no, next);
		if (next != no)
			lower_hot(l, next);
	}
	lower_enter(l, false);
}

static void positive(struct lower *l, const struct ast_expr *e, struct ir_block *yes, struct ir_block *no)
{
	if (e->match.kind == MATCH_LIVE)
		lower_live(l, e, yes, no);
	else if (e->operand.n > 1)
		lower_tuple(l, e, yes, no);
	else if (e->match.kind == MATCH_BYTES)
		test_bytes(l, e, yes, no);
	else if (e->match.kind == MATCH_IFACES)
		test_ifaces(l, e, yes, no);
	else
		test_single(l, e, yes, no);
}

void lower_in_range(struct lower *l, const struct ast_operand *o, enum field_id f, const struct range *r, struct ir_block *yes,
		    struct ir_block *no)
{
	lower_enter(l, o->inner);
	test_field(l, "element", o, f, NULL, r, 1, yes, no, no);
	lower_enter(l, false);
}

void lower_in_keys(struct lower *l, size_t table, const struct ir_opnd *w, unsigned n, struct ir_block *yes, struct ir_block *no)
{
	member(l, table, w, n, yes, no);
}

void lower_compare(struct lower *l, const struct ast_expr *e, struct ir_block *yes, struct ir_block *no)
{
	l->span = e->span;
	if (!e->match.negate) {
		positive(l, e, yes, no);
		return;
	}
	for (size_t i = 0; i < e->operand.n; i++) {
		struct ir_block *there = lower_block(l, "operand there");

		lower_operand_present(l, e->operand.v[i], there, no);
		lower_hot(l, there);
	}
	l->negated = !l->negated;
	positive(l, e, no, yes);
	l->negated = !l->negated;
}
