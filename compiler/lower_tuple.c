/*
 * Comparisons of tuples in IR. In: a checked EXPR_CMP of two or more operands. Out: blocks that end at @yes or @no. A field of either family
 * is taken as each of its alternatives in turn. Elements become a table, but for those that have a range or prefix elsewhere than most: they are
 * tested one by one.
 */
#include "lower.h"

#include <string.h>

enum { KEYS_FROM = 8 };

struct compared {
	const struct ast_expr *e;
	const char *name;
	const struct range *box;	/* n * width */
	size_t n;
	unsigned width;
};

/* A choice of alternatives, and the key that its components are together: one number, the last in .order its lowest bits. */
struct choice {
	enum field_id f[4];
	unsigned order[4], at[4];	/* by component: the bit of the key where it begins */
	unsigned bits;
};

static const struct field_info *info(const struct compared *t, const struct choice *c, unsigned k)
{
	return t->e->operand.v[k]->kind == OPERAND_FIELD ? &lang_fields[c->f[k]] : NULL;
}

static unsigned width_of(const struct compared *t, const struct choice *c, unsigned k)
{
	const struct field_info *fi = info(t, c, k);

	return fi ? fi->bits : t->e->operand.v[k]->bits;
}

static bool fits(const struct compared *t, const struct choice *c, const struct range *box)
{
	for (unsigned k = 0; k < t->width; k++)
		if (box[k].family != (info(t, c, k) ? lower_family(c->f[k]) : FAMILY_NUM))
			return false;
	return true;
}

static bool exact(const struct range *r)
{
	return !value_cmp(r->lo, r->hi);
}

/* Can it be a range of keys: are all components single values, but for the one that is the lowest bits? */
static bool is_keys(const struct compared *t, const struct choice *c, const struct range *box)
{
	for (unsigned k = 0; k < t->width; k++)
		if (k != c->order[t->width - 1] && !exact(&box[k]))
			return false;
	return true;
}

/* Which component may have prefixes and ranges: the one that more tuples have them in than another, and in it alone. */
static void lay_out(const struct compared *t, struct choice *c)
{
	size_t only[4] = { 0 };
	unsigned best = t->width - 1, n = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct range *box = t->box + i * t->width;
		unsigned wide = 0, last = 0;

		for (unsigned k = 0; k < t->width; k++)
			if (!exact(&box[k])) {
				wide++;
				last = k;
			}
		if (wide == 1 && fits(t, c, box))
			only[last]++;
	}
	for (unsigned k = t->width; k-- > 0;)
		if (only[k] > only[best])
			best = k;
	for (unsigned k = 0; k < t->width; k++)
		if (k != best)
			c->order[n++] = k;
	c->order[n] = best;
	c->bits = 0;
	for (unsigned k = t->width; k-- > 0;) {
		c->at[c->order[k]] = c->bits;
		c->bits += width_of(t, c, c->order[k]);
	}
}

/* Where a number of up to 64 bits from bit @at of a key on is: its word, from the last one on; what of it is in the next one is shifted right. */
struct place {
	unsigned word, left, right;	/* .right 0: nothing is */
};

static struct place place_of(unsigned at, unsigned bits)
{
	struct place p = { at / 64, at % 64, 0 };

	if (p.left + bits > 64)
		p.right = 64 - p.left;
	return p;
}

/* Adds a value to a key of @words words. */
static void pack(uint64_t *key, unsigned words, struct value v, unsigned at, unsigned bits)
{
	for (unsigned done = 0; done < bits; done += 64) {
		uint64_t w = done ? v.hi : v.lo;
		struct place p = place_of(at + done, bits - done < 64 ? bits - done : 64);

		key[words - 1 - p.word] |= w << p.left;
		if (p.right)
			key[words - 2 - p.word] |= w >> p.right;
	}
}

/* All components are there: the words of their key, most significant first. */
static unsigned key_words(struct lower *l, const struct compared *t, const struct choice *c, struct ir_opnd *out, struct ir_block *no)
{
	unsigned words = (c->bits + 63) / 64;
	ir_var keep[4][2] = { { 0 } };
	struct ir_opnd key[SET_MAX_WORDS];

	for (unsigned k = 0; k < t->width; k++) {
		const struct ast_operand *o = t->e->operand.v[k];
		const struct field_info *fi = info(t, c, k);
		struct lower_words v;

		lower_enter(l, o->inner);
		v = lower_value(l, o, c->f[k], no, false);
		if (fi && fi->form == FORM_WIRE) {
			const struct slot *s = lower_slot(l, c->f[k]);

			for (unsigned i = 0; i < v.n; i++)
				if (s->wire)
					v.w[i] = lower_swap(l, v.w[i], s->len == 16 ? 8 : s->len);
			if (s->len != 16 && (fi->shift || fi->bits != 8 * fi->len))
				v.w[0] = lower_op(l, IR_AND, lower_op(l, IR_SHR, v.w[0], ir_imm(fi->shift)),
						  ir_imm(value_ones(fi->bits).lo));
		}
		/* least significant first */
		for (unsigned i = 0; i < v.n; i++) {
			keep[k][i] = ir_var_new(l->ir, "key");
			lower_set(l, keep[k][i], v.w[v.n - 1 - i]);
		}
	}
	lower_enter(l, false);
	for (unsigned i = 0; i < words; i++)
		key[i] = ir_imm(0);
	for (unsigned k = 0; k < t->width; k++) {
		unsigned bits = width_of(t, c, k);

		for (unsigned done = 0; done < bits; done += 64) {
			struct place p = place_of(c->at[k] + done, bits - done < 64 ? bits - done : 64);
			struct ir_opnd v = lower_get(l, keep[k][done / 64]);
			struct ir_opnd *w = &key[words - 1 - p.word];

			*w = lower_op(l, IR_OR, *w, p.left ? lower_op(l, IR_SHL, v, ir_imm(p.left)) : v);
			if (p.right)
				w[-1] = lower_op(l, IR_OR, w[-1], lower_op(l, IR_SHR, v, ir_imm(p.right)));
		}
	}
	for (unsigned i = 0; i < words; i++)
		out[i] = key[i];
	return words;
}

static void test_keys(struct lower *l, const struct compared *t, const struct choice *c, struct ir_block *yes, struct ir_block *no)
{
	unsigned words = (c->bits + 63) / 64;
	uint64_t *pair = arena_array(l->arena, t->n * 2 * words, sizeof(*pair));
	struct ir_opnd w[SET_MAX_WORDS];
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct range *box = t->box + i * t->width;
		bool reach = fits(t, c, box) && is_keys(t, c, box);

		for (unsigned k = 0; k < t->width && reach; k++) {
			struct range r;

			reach = lower_clip(&box[k], width_of(t, c, k), &r);
			if (!reach)
				break;
			pack(pair + n * 2 * words, words, r.lo, c->at[k], width_of(t, c, k));
			pack(pair + (n * 2 + 1) * words, words, r.hi, c->at[k], width_of(t, c, k));
		}
		if (reach)
			n++;
		else
			memset(pair + n * 2 * words, 0, 2 * words * sizeof(*pair));
	}
	key_words(l, t, c, w, no);
	lower_in_keys(l, lower_table_pairs(l, t->name, pair, n, c->bits), w, words, yes, no);
}

/* One choice of alternatives. */
static void test_choice(struct lower *l, const struct compared *t, struct choice *c, struct ir_block *yes, struct ir_block *no)
{
	size_t keys = 0, boxes = 0, fit = 0;
	bool table;

	lay_out(t, c);
	for (size_t i = 0; i < t->n; i++)
		if (fits(t, c, t->box + i * t->width)) {
			fit++;
			keys += is_keys(t, c, t->box + i * t->width);
		}
	table = keys > KEYS_FROM;
	boxes = table ? fit - keys : fit;
	if (boxes > LOWER_INLINE_BOXES) {
		struct diag *d = diag_error(l->diag, t->e->span, "%zu tuples with ranges or prefixes in different places are too many", boxes);

		d->remedy = "a list or set of tuples may have 1024 that have them elsewhere than most do; others are not limited";
		fit = 0;
	}
	for (size_t i = 0; i < t->n && fit; i++) {
		const struct range *box = t->box + i * t->width;
		struct ir_block *next;

		if (!fits(t, c, box) || (table && is_keys(t, c, box)))
			continue;
		next = lower_block(l, "next tuple");
		for (unsigned k = 0; k < t->width; k++) {
			struct ir_block *same = k + 1 < t->width ? lower_block(l, "tuple so far") : yes;

			lower_in_range(l, t->e->operand.v[k], c->f[k], &box[k], same, next);
			if (same != yes)
				lower_cold(l, same);
		}
		lower_hot(l, next);
	}
	if (table)
		test_keys(l, t, c, yes, no);
	else
		lower_jump(l, no);
}

void lower_tuple(struct lower *l, const struct ast_expr *e, struct ir_block *yes, struct ir_block *no)
{
	const struct ast_match *m = &e->match;
	struct compared t = {
		.e = e, .name = m->kind == MATCH_SET ? m->set->name.s : "tuples", .box = m->kind == MATCH_SET ? m->set->range : m->range,
		.n = m->kind == MATCH_SET ? m->set->n : m->n, .width = (unsigned)e->operand.n,
	};
	enum field_id alt[4][5];
	struct choice c;
	unsigned n_alt[4], at[4] = { 0 }, k;

	for (k = 0; k < t.width; k++)
		n_alt[k] = lower_alternatives(e->operand.v[k], alt[k]);
	do {
		struct ir_block *next = lower_block(l, "next choice");

		for (k = 0; k < t.width; k++)
			c.f[k] = alt[k][at[k]];
		test_choice(l, &t, &c, yes, next);
		lower_hot(l, next);
		/* count up: the first component fastest */
		for (k = 0; k < t.width && ++at[k] == n_alt[k]; k++)
			at[k] = 0;
	} while (k < t.width);
	lower_jump(l, no);
}
