/*
 * Which bytes do the rules look at, and can they stay in network order? In: the checked tree. Out: l->slot, one for each run of bytes
 * that a field of some rule lies in. Nothing is emitted.
 */
#include "lower.h"

bool lower_range_mask(const struct range *r, struct value *mask)
{
	struct value diff = { r->lo.hi ^ r->hi.hi, r->lo.lo ^ r->hi.lo };
	struct value plus = { diff.hi + (diff.lo == UINT64_MAX), diff.lo + 1 };

	/* diff is 2^k - 1 and lo has its low k bits clear */
	if ((diff.hi & plus.hi) || (diff.lo & plus.lo) || (r->lo.hi & diff.hi) || (r->lo.lo & diff.lo))
		return false;
	*mask = (struct value){ ~diff.hi, ~diff.lo };
	return true;
}

static struct slot *find_slot(struct lower *l, const struct field_info *f)
{
	for (size_t i = 0; i < l->slot.n; i++)
		if (l->slot.v[i].header == f->header && l->slot.v[i].off == f->off && l->slot.v[i].len == f->len)
			return &l->slot.v[i];
	return NULL;
}

struct slot *lower_slot(struct lower *l, enum field_id f)
{
	return find_slot(l, &lang_fields[f]);
}

/* @ordered: some test of the field needs it as a number. */
static void need_field(struct lower *l, enum field_id id, bool ordered)
{
	const struct field_info *f = &lang_fields[id];
	struct slot *s;

	if (f->form == FORM_ALIAS) {
		for (unsigned i = 0; i < f->n; i++)
			need_field(l, f->alt[i], ordered);
		return;
	}
	if (f->form == FORM_META)
		return;
	s = find_slot(l, f);
	if (!s) {
		s = vec_add(l->arena, &l->slot);
		s->header = f->header;
		s->off = f->off;
		s->len = f->len;
		s->wire = f->len == 2 || f->len == 4 || f->len == 16;
		for (int k = 0; k < 2; k++) {
			s->raw[k] = ir_var_new(l->ir, arena_printf(l->arena, "raw.%s%s", f->name, k ? "+" : ""));
			s->var[k] = ir_var_new(l->ir, arena_printf(l->arena, "%s%s", f->name, k ? "+" : ""));
		}
	}
	if (f->len != 16 && (ordered || f->shift || f->bits != 8 * f->len))
		s->wire = false;
}

static bool ordered_ranges(const struct range *r, size_t n)
{
	struct value mask;

	if (n > LOWER_INLINE_RANGES)
		return false;		/* a table: swapped there */
	for (size_t i = 0; i < n; i++)
		if (!lower_range_mask(&r[i], &mask))
			return true;
	return false;
}

static bool ordered(const struct ast_expr *e, size_t operand)
{
	const struct ast_match *m = &e->match;
	const struct range *r = m->range;
	size_t n = m->n, step = 1;
	struct value mask;

	if (m->kind == MATCH_SET) {
		r = m->set->range;
		n = m->set->n;
		step = m->set->n_types;
	} else if (m->kind == MATCH_BOXES) {
		step = e->operand.n;
	} else if (m->kind != MATCH_RANGES) {
		return false;
	}
	if (step == 1)
		return ordered_ranges(r, n);
	for (size_t i = 0; i < n; i++)
		if (!lower_range_mask(&r[i * step + operand], &mask))
			return true;
	return false;
}

static void need_cond(struct lower *l, const struct ast_expr *e)
{
	switch (e->kind) {
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_NOT:
		for (size_t i = 0; i < e->sub.n; i++)
			need_cond(l, e->sub.v[i]);
		break;
	case EXPR_NAME:
		if (e->header == HDR_NONE)
			need_field(l, e->field, false);
		break;
	case EXPR_CMP:
		for (size_t i = 0; i < e->operand.n; i++)
			if (e->operand.v[i]->kind == OPERAND_FIELD)
				need_field(l, e->operand.v[i]->field, ordered(e, i));
		break;
	}
}

static void need_rules(struct lower *l, const struct ast_rules *rules)
{
	for (size_t i = 0; i < rules->list.n; i++)
		for (const struct ast_rule *r = rules->list.v[i]; r; r = r->else_rule) {
			if (r->cond)
				need_cond(l, r->cond);
			for (size_t k = 0; k < r->action.n; k++)
				for (size_t f = 0; f < r->action.v[k]->key.n; f++)
					if (r->action.v[k]->key.v[f]->kind == OPERAND_FIELD)
						need_field(l, r->action.v[k]->key.v[f]->field, false);
			need_rules(l, &r->then_block);
			need_rules(l, &r->else_block);
		}
}

void lower_need(struct lower *l)
{
	for (size_t u = 0; u < l->ast->units.n; u++)
		need_rules(l, &l->ast->units.v[u]->rules);
}

uint64_t lower_bit(struct lower *l, unsigned bit)
{
	if (!l->bit[bit])
		l->bit[bit] = (uint64_t)1 << l->n_bits++;
	if (bit < HDR_COUNT)
		l->parse[bit] = true;
	return l->bit[bit];
}

uint64_t lower_header_mask(struct lower *l, enum header_id h)
{
	uint64_t mask = 0;

	if (lang_headers[h].layer != LAYER_GROUP)
		return lower_bit(l, h);
	for (size_t i = 0; i < lang_n_members; i++)
		if (lang_members[i].group == h)
			mask |= lower_bit(l, lang_members[i].member);
	return mask;
}
