/*
 * Conditions in IR. In: a checked condition. Out: blocks that end at @yes or @no. What follows the first part of a conjunction is
 * lowered out of line, later: so the way of a packet that a rule does not match is the fall-through, which is what is fast and what the
 * verifier walks first.
 */
#include "lower.h"

#include <string.h>

/* A header as a bit of what is known; a group as its members. */
static uint64_t lower_headers(enum header_id h)
{
	uint64_t bits = 0;

	if (lang_headers[h].layer != LAYER_GROUP)
		return (uint64_t)1 << h;
	for (size_t i = 0; i < lang_n_members; i++)
		if (lang_members[i].group == h)
			bits |= (uint64_t)1 << lang_members[i].member;
	return bits;
}

/* The headers of which one is present where the field is. */
static uint64_t field_headers(enum field_id f)
{
	const struct field_info *fi = &lang_fields[f];
	uint64_t bits = 0;

	if (fi->form == FORM_ALIAS) {
		for (unsigned i = 0; i < fi->n; i++)
			bits |= field_headers(fi->alt[i]);
		return bits;
	}
	if (f == FIELD_FLOW_STATE)
		return lower_headers(HDR_TCP) | lower_headers(HDR_UDP);
	if (fi->header == HDR_NONE)
		return 0;
	return lower_headers(lang_part(fi->header) ? lang_part(fi->header)->parent : fi->header);
}

static unsigned bits_set(uint64_t v)
{
	return (unsigned)__builtin_popcountll(v);
}

uint64_t lower_implied(const struct ast_expr *e)
{
	uint64_t best = 0;

	switch (e->kind) {
	case EXPR_AND:
		for (size_t i = 0; i < e->sub.n; i++) {
			uint64_t own = lower_implied(e->sub.v[i]);

			if (own && (!best || bits_set(own) < bits_set(best)))
				best = own;
		}
		return best;
	case EXPR_OR:
		for (size_t i = 0; i < e->sub.n; i++) {
			uint64_t own = lower_implied(e->sub.v[i]);

			if (!own)
				return 0;
			best |= own;
		}
		return best;
	case EXPR_NOT:
		return 0;
	case EXPR_NAME:
		if (e->inner)
			return 0;
		return e->header != HDR_NONE ? lower_headers(e->header) : field_headers(e->field);
	case EXPR_LIMIT:
		return 0;
	case EXPR_SOCKET:
		return lower_headers(HDR_TCP) | lower_headers(HDR_UDP);
	case EXPR_CMP:
		for (size_t i = 0; i < e->operand.n; i++) {
			const struct ast_operand *o = e->operand.v[i];
			uint64_t own = o->kind == OPERAND_FIELD && !o->inner ? field_headers(o->field) : 0;

			if (own && (!best || bits_set(own) < bits_set(best)))
				best = own;
		}
		return best;
	case EXPR_RANDOM:
		return e->name.s ? lower_headers(HDR_IP) : 0;
	}
	return 0;
}

unsigned lower_cost(const struct ast_expr *e)
{
	unsigned sum = 0;
	size_t n;

	switch (e->kind) {
	case EXPR_AND:
		return lower_cost(e->sub.v[0]);
	case EXPR_OR:
	case EXPR_NOT:
		for (size_t i = 0; i < e->sub.n; i++)
			sum += lower_cost(e->sub.v[i]);
		return sum;
	case EXPR_NAME:
		return 1;
	case EXPR_SOCKET:
		return 8;
	case EXPR_LIMIT:
		return 2;
	case EXPR_CMP:
		n = e->match.kind == MATCH_SET ? e->match.set->n : e->match.kind == MATCH_LIVE ? 8 : e->match.n;
		for (size_t i = 0; i < e->operand.n; i++)
			sum += e->operand.v[i]->kind != OPERAND_FIELD || lang_fields[e->operand.v[i]->field].form == FORM_ALIAS ? 2 : 1;
		return sum + (unsigned)(n > 8 ? 8 : n) / 2;
	case EXPR_RANDOM:
		return e->name.s ? 8 : 2;
	}
	return 0;
}

static void test_header(struct lower *l, enum header_id h, struct ir_block *yes, struct ir_block *no)
{
	if (l->known & lower_headers(h)) {
		lower_jump(l, yes);
		return;
	}
	lower_test(l, IR_BITS, lower_get(l, l->pres), ir_imm(lower_header_mask(l, h)), yes, no);
}

static void test_flag(struct lower *l, enum field_id f, struct ir_block *yes, struct ir_block *no)
{
	const struct field_info *fi = &lang_fields[f];

	if (fi->form == FORM_WIRE) {
		/* LOWER_ABSENT has none of these bits */
		lower_test(l, IR_BITS, lower_bare(l, lower_slot(l, f)), ir_imm((uint64_t)1 << fi->shift), yes, no);
		return;
	}
	lower_test(l, IR_BITS, lower_get(l, l->pres),
		   ir_imm(lower_bit(l, f == FIELD_MALFORMED ? BIT_MALFORMED : f == FIELD_IP_FRAGMENT ? BIT_FRAGMENT : BIT_FIRST)), yes, no);
}

/* Is header @h present wherever field @f is? */
static bool implies(enum field_id f, enum header_id h)
{
	const struct field_info *fi = &lang_fields[f];
	const struct part_info *part;

	if (fi->form == FORM_ALIAS) {
		for (unsigned i = 0; i < fi->n; i++)
			if (!implies(fi->alt[i], h))
				return false;
		return true;
	}
	if (fi->header == HDR_NONE)
		return false;
	part = lang_part(fi->header);
	if (fi->header == h || (part && part->parent == h))
		return true;
	for (size_t i = 0; i < lang_n_members; i++)
		if (lang_members[i].group == h && (lang_members[i].member == fi->header || (part && lang_members[i].member == part->parent)))
			return true;
	return false;
}

/* Does the truth of @e mean that header @h is present? Comparisons and flags only. */
static bool needs_header(const struct ast_expr *e, enum header_id h)
{
	if (e->kind == EXPR_NAME)
		return !e->inner && e->header == HDR_NONE && implies(e->field, h);
	if (e->kind != EXPR_CMP)
		return false;
	for (size_t i = 0; i < e->operand.n; i++)
		if (e->operand.v[i]->kind == OPERAND_FIELD && !e->operand.v[i]->inner && implies(e->operand.v[i]->field, h))
			return true;
	return false;
}

/* A flag in a slot, or the negation of one. */
static struct slot *flag_slot(struct lower *l, const struct ast_expr *e, bool *negated)
{
	*negated = e->kind == EXPR_NOT;
	if (*negated)
		e = e->sub.v[0];
	if (e->kind != EXPR_NAME || e->inner || e->header != HDR_NONE || lang_fields[e->field].form != FORM_WIRE)
		return NULL;
	return lower_slot(l, e->field);
}

static uint64_t flag_mask(const struct ast_expr *e)
{
	if (e->kind == EXPR_NOT)
		e = e->sub.v[0];
	return (uint64_t)1 << lang_fields[e->field].shift;
}

/*
 * The parts of a conjunction that must be tested: without headers that another part implies; flags of one byte as one test, which takes
 * the place of the first flag that is wanted set. *v is a copy; parts that fell away are NULL.
 */
struct flags {
	struct slot *slot;
	uint64_t mask, value;
	bool contradiction;
};

static void merge_flags(struct lower *l, struct ast_expr **v, size_t n, size_t first, struct flags *out)
{
	bool negated;

	out->slot = flag_slot(l, v[first], &negated);
	out->mask = out->value = 0;
	out->contradiction = false;
	for (size_t i = 0; i < n; i++) {
		bool neg;

		if (!v[i] || flag_slot(l, v[i], &neg) != out->slot)
			continue;
		out->contradiction |= out->mask & flag_mask(v[i]) && !(out->value & flag_mask(v[i])) != neg;
		out->mask |= flag_mask(v[i]);
		if (!neg)
			out->value |= flag_mask(v[i]);
		if (i != first)
			v[i] = NULL;
	}
}

static void lower_and(struct lower *l, struct ast_expr **sub, size_t n, struct ir_block *yes, struct ir_block *no)
{
	struct ast_expr **v = arena_copy(l->arena, sub, n * sizeof(*v));
	size_t first = 0, left = 0;
	struct ir_block *rest = yes;
	struct flags flags = { NULL };
	bool negated;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			if (k != i && v[i]->kind == EXPR_NAME && !v[i]->inner && v[i]->header != HDR_NONE &&
			    needs_header(v[k], v[i]->header)) {
				v[i] = v[k];	/* said again: falls away below */
				break;
			}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; v[i] && k < n; k++)
			if (k != i && v[k] == v[i])
				v[k] = NULL;
	while (!v[first])
		first++;
	if (flag_slot(l, v[first], &negated) && !negated)
		merge_flags(l, v, n, first, &flags);
	for (size_t i = first + 1; i < n; i++)
		if (v[i])
			v[first + 1 + left++] = v[i];
	if (left) {
		rest = lower_block(l, "and");
		*vec_add(l->arena, &l->work) = (struct lower_work){
			.at = rest, .yes = yes, .no = no, .cond = v + first + 1, .n_cond = left, .span = l->span, .known = l->known,
			.negated = l->negated,
		};
	}
	if (!flags.slot || flags.mask == flag_mask(v[first])) {
		lower_cond(l, v[first], rest, no);
	} else if (flags.contradiction) {
		lower_jump(l, no);
	} else {
		struct ir_opnd f = lower_op(l, IR_AND, lower_bare(l, flags.slot), ir_imm(flags.mask));

		if (l->negated)
			f = lower_fresh(l, f, rest, no);
		lower_test(l, IR_EQ, f, ir_imm(flags.value), rest, no);
	}
}

void lower_cond(struct lower *l, struct ast_expr *e, struct ir_block *yes, struct ir_block *no)
{
	l->span = e->span;
	switch (e->kind) {
	case EXPR_AND:
		lower_and(l, e->sub.v, e->sub.n, yes, no);
		break;
	case EXPR_OR:
		for (size_t i = 0; i < e->sub.n; i++) {
			struct ir_block *next = i + 1 < e->sub.n ? lower_block(l, "or") : no;

			lower_cond(l, e->sub.v[i], yes, next);
			if (next != no)
				lower_hot(l, next);
		}
		break;
	case EXPR_NOT:
		l->negated = !l->negated;
		lower_cond(l, e->sub.v[0], no, yes);
		l->negated = !l->negated;
		break;
	case EXPR_NAME:
		lower_enter(l, e->inner);
		if (e->header != HDR_NONE)
			test_header(l, e->header, yes, no);
		else
			test_flag(l, e->field, yes, no);
		lower_enter(l, false);
		break;
	case EXPR_LIMIT:
		lower_limit(l, e, yes, no);
		break;
	case EXPR_SOCKET:
		lower_socket(l, yes, no);
		break;
	case EXPR_CMP:
		lower_compare(l, e, yes, no);
		break;
	case EXPR_RANDOM:
		lower_random(l, e, yes, no);
		break;
	}
}

void lower_conjunction(struct lower *l, const struct lower_work *w)
{
	if (w->n_cond == 1)
		lower_cond(l, w->cond[0], w->yes, w->no);
	else
		lower_and(l, w->cond, w->n_cond, w->yes, w->no);
}
