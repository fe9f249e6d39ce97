/*
 * Comparisons of tuples in IR. In: a checked EXPR_CMP of two or more operands. Out: blocks that end at @yes or @no. A field of either family
 * is taken as each of its alternatives in turn; elements that are plain keys become a table, the others are tested one by one.
 */
#include "lower.h"

enum { KEYS_FROM = 8, MAX_WORDS = 8 };

struct tuple {
	const struct ast_expr *e;
	const char *name;
	const struct range *box;	/* n * width */
	size_t n;
	unsigned width;
};

static bool fits(const struct tuple *t, const enum field_id *f, const struct range *box)
{
	for (unsigned k = 0; k < t->width; k++)
		if (box[k].family != (t->e->operand.v[k]->kind == OPERAND_FIELD ? lower_family(f[k]) : FAMILY_NUM))
			return false;
	return true;
}

static bool exact(const struct tuple *t, const struct range *box)
{
	for (unsigned k = 0; k < t->width; k++)
		if (value_cmp(box[k].lo, box[k].hi))
			return false;
	return true;
}

/* All components are there: their words, most significant first. */
static unsigned key_words(struct lower *l, const struct tuple *t, const enum field_id *f, struct ir_opnd *w, struct ir_block *no)
{
	ir_var keep[MAX_WORDS];
	unsigned n = 0;

	for (unsigned k = 0; k < t->width; k++) {
		const struct ast_operand *o = t->e->operand.v[k];
		const struct field_info *fi = o->kind == OPERAND_FIELD ? &lang_fields[f[k]] : NULL;
		struct lower_words v;

		lower_enter(l, o->inner);
		v = lower_value(l, o, f[k], no, false);
		if (fi && fi->form == FORM_WIRE) {
			const struct slot *s = lower_slot(l, f[k]);

			for (unsigned i = 0; i < v.n; i++)
				if (s->wire)
					v.w[i] = lower_swap(l, v.w[i], s->len == 16 ? 8 : s->len);
			if (s->len != 16 && (fi->shift || fi->bits != 8 * fi->len))
				v.w[0] = lower_op(l, IR_AND, lower_op(l, IR_SHR, v.w[0], ir_imm(fi->shift)),
						  ir_imm(value_ones(fi->bits).lo));
		}
		for (unsigned i = 0; i < v.n; i++) {
			keep[n] = ir_var_new(l->ir, "key");
			lower_set(l, keep[n++], v.w[i]);
		}
	}
	lower_enter(l, false);
	for (unsigned i = 0; i < n; i++)
		w[i] = lower_get(l, keep[i]);
	return n;
}

static void test_keys(struct lower *l, const struct tuple *t, const enum field_id *f, struct ir_block *yes, struct ir_block *no)
{
	uint64_t *word = arena_array(l->arena, t->n * MAX_WORDS, sizeof(*word));
	struct ir_opnd w[MAX_WORDS];
	unsigned words = 0;
	size_t n = 0, at = 0;

	for (unsigned k = 0; k < t->width; k++)
		words += t->e->operand.v[k]->kind == OPERAND_FIELD && lower_family(f[k]) == FAMILY_IP6 ? 2 : 1;
	for (size_t i = 0; i < t->n; i++) {
		const struct range *box = t->box + i * t->width;

		if (!fits(t, f, box) || !exact(t, box))
			continue;
		for (unsigned k = 0; k < t->width; k++) {
			if (box[k].family == FAMILY_IP6)
				word[at++] = box[k].lo.hi;
			word[at++] = box[k].lo.lo;
		}
		n++;
	}
	key_words(l, t, f, w, no);
	lower_in_keys(l, lower_table_keys(l, t->name, word, n, words), w, words, yes, no);
}

/* One choice of alternatives. */
static void test_choice(struct lower *l, const struct tuple *t, const enum field_id *f, struct ir_block *yes, struct ir_block *no)
{
	size_t keys = 0, boxes = 0;
	bool table;

	for (size_t i = 0; i < t->n; i++)
		if (fits(t, f, t->box + i * t->width)) {
			if (exact(t, t->box + i * t->width))
				keys++;
			else
				boxes++;
		}
	table = keys > KEYS_FROM;
	if (boxes > LOWER_INLINE_BOXES) {
		struct diag *d = diag_error(l->diag, t->e->span, "%zu tuples with ranges or prefixes are too many for one comparison", boxes);

		d->remedy = "a list or set of tuples may have 1024 that are not plain values; plain ones are not limited";
		boxes = 0;
	}
	for (size_t i = 0; i < t->n; i++) {
		const struct range *box = t->box + i * t->width;
		struct ir_block *next;

		if (!fits(t, f, box) || (table && exact(t, box)) || (boxes == 0 && !exact(t, box)))
			continue;
		next = lower_block(l, "next tuple");
		for (unsigned k = 0; k < t->width; k++) {
			struct ir_block *same = k + 1 < t->width ? lower_block(l, "tuple so far") : yes;

			lower_in_range(l, t->e->operand.v[k], f[k], &box[k], same, next);
			if (same != yes)
				lower_cold(l, same);
		}
		lower_hot(l, next);
	}
	if (table)
		test_keys(l, t, f, yes, no);
	else
		lower_jump(l, no);
}

void lower_tuple(struct lower *l, const struct ast_expr *e, struct ir_block *yes, struct ir_block *no)
{
	const struct ast_match *m = &e->match;
	struct tuple t = {
		.e = e, .name = m->kind == MATCH_SET ? m->set->name.s : "tuples", .box = m->kind == MATCH_SET ? m->set->range : m->range,
		.n = m->kind == MATCH_SET ? m->set->n : m->n, .width = (unsigned)e->operand.n,
	};
	enum field_id alt[4][5], f[4];
	unsigned n_alt[4], at[4] = { 0 }, k;

	for (k = 0; k < t.width; k++)
		n_alt[k] = lower_alternatives(e->operand.v[k], alt[k]);
	do {
		struct ir_block *next = lower_block(l, "next choice");

		for (k = 0; k < t.width; k++)
			f[k] = alt[k][at[k]];
		test_choice(l, &t, f, yes, next);
		lower_hot(l, next);
		/* count up: the first component fastest */
		for (k = 0; k < t.width && ++at[k] == n_alt[k]; k++)
			at[k] = 0;
	} while (k < t.width);
	lower_jump(l, no);
}
