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

struct ir_opnd lower_bare(struct lower *l, struct slot *s)
{
	s->bare = true;
	return lower_get(l, s->var[0]);
}

/* A part of a rule that looks at a field: a comparison, or NULL for what takes it in any order of bytes. */
struct look {
	const struct ast_expr *e;
	size_t operand;
};

/* Do the ranges of @family need the number, and not just its bits under masks? A table does not: it is swapped for. */
static bool ordered_ranges(const struct range *r, size_t n, size_t step, enum family family, unsigned bits)
{
	bool ordered = false;
	struct range fits;
	struct value mask;
	size_t own = 0;

	for (size_t i = 0; i < n; i++)
		if (r[i * step].family == family && lower_clip(&r[i * step], bits, &fits)) {
			own++;
			ordered |= !lower_range_mask(&fits, &mask);
		}
	return ordered && (own <= LOWER_INLINE_RANGES || step > 1);
}

static bool ordered(struct look k, enum family family, unsigned bits)
{
	const struct ast_match *m;

	if (!k.e)
		return false;
	m = &k.e->match;
	switch (m->kind) {
	case MATCH_RANGES:
		return ordered_ranges(m->range, m->n, 1, family, bits);
	case MATCH_SET:
		return ordered_ranges(m->set->range + k.operand, m->set->n, m->set->n_types, family, bits);
	case MATCH_BOXES:
		return ordered_ranges(m->range + k.operand, m->n, k.e->operand.n, family, bits);
	case MATCH_LIVE:
	case MATCH_BYTES:
	case MATCH_IFACES:
		return false;
	}
	return false;
}

static void need_field(struct lower *l, enum field_id id, struct look k)
{
	const struct field_info *f = &lang_fields[id];
	struct slot *s;

	if (f->form == FORM_ALIAS) {
		for (unsigned i = 0; i < f->n; i++)
			need_field(l, f->alt[i], k);
		return;
	}
	if (id == FIELD_FLOW_STATE)
		lower_need_conn(l);
	if (lower_is_rx(id))
		lower_need_rx(l, id);
	if (f->form == FORM_META)
		return;
	if (l->wanted) {
		l->wanted[l->inner][id] = true;
		return;
	}
	s = find_slot(l, f);
	if (!s) {
		s = vec_add(l->arena, &l->slot);
		s->header = f->header;
		s->off = f->off;
		s->len = f->len;
		s->wire = f->len == 2 || f->len == 4 || f->len == 16;
		for (int i = 0; i < 2; i++) {
			s->raw[i] = ir_var_new(l->ir, arena_printf(l->arena, "raw.%s%s%s", l->inner ? "inner." : "", f->name, i ? "+" : ""));
			if (!i || f->len == 16)
				s->var[i] = ir_var_kept(l->ir, arena_printf(l->arena, "%s%s%s", l->inner ? "inner." : "", f->name, i ? "+" : ""));
		}
	}
	if (f->len != 16 && (f->shift || f->bits != 8 * f->len || ordered(k, lower_family(id), f->bits)))
		s->wire = false;
}

void lower_need_field(struct lower *l, enum field_id id)
{
	need_field(l, id, (struct look){ NULL });
}

static void need_operand(struct lower *l, const struct ast_operand *o, struct look k)
{
	if (o->kind != OPERAND_FIELD)
		return;
	lower_enter(l, o->inner);
	need_field(l, o->field, k);
	lower_enter(l, false);
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
		l->n_tests++;
		lower_enter(l, e->inner);
		if (e->header == HDR_NONE)
			need_field(l, e->field, (struct look){ NULL });
		lower_enter(l, false);
		break;
	case EXPR_LIMIT:
		l->n_tests += 1 + 2 * e->limit->key.n;
		for (size_t i = 0; i < e->limit->key.n; i++)
			need_operand(l, e->limit->key.v[i], (struct look){ NULL });
		break;
	case EXPR_SOCKET:
		lower_need_socket(l);
		break;
	case EXPR_CMP:
		l->n_tests += e->operand.n * (1 + (e->match.kind == MATCH_SET ? e->match.set->n : e->match.n) % (LOWER_INLINE_RANGES + 1));
		for (size_t i = 0; i < e->operand.n; i++)
			need_operand(l, e->operand.v[i], (struct look){ e, i });
		break;
	case EXPR_RANDOM:
		l->n_tests += 1 + e->operand.n;
		for (size_t i = 0; i < e->operand.n; i++)
			need_operand(l, e->operand.v[i], (struct look){ NULL });
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
				lower_need_rewrite(l, r->action.v[k]);
			if (r->may_go_on)
				lower_need_cookie(l);
			for (size_t k = 0; k < r->action.n; k++)
				for (size_t f = 0; f < r->action.v[k]->key.n; f++, l->n_tests += 2)
					need_operand(l, r->action.v[k]->key.v[f], (struct look){ NULL });
			need_rules(l, &r->then_block);
			need_rules(l, &r->else_block);
		}
}

static void need_all(struct lower *l)
{
	for (size_t u = 0; u < l->ast->units.n; u++)
		need_rules(l, &l->ast->units.v[u]->rules);
}

/* Slots in the order of the language's fields, not of the rules: a program shall be the same where rules change their places. */
static void need_in_order(struct lower *l)
{
	bool (*wanted)[FIELD_COUNT] = arena_array(l->arena, 2, sizeof(*wanted));

	l->wanted = wanted;
	need_all(l);
	l->wanted = NULL;
	l->n_tests = 0;
	for (int inner = 0; inner < 2; inner++) {
		lower_enter(l, inner);
		for (int f = 0; f < FIELD_COUNT; f++)
			if (wanted[inner][f])
				need_field(l, (enum field_id)f, (struct look){ NULL });
	}
	lower_enter(l, false);
}

void lower_need(struct lower *l)
{
	if (lower_may_classify(l))
		need_in_order(l);
	need_all(l);
	/* what classifiers find must be numbers of which the verifier knows nothing */
	l->ir->scratch |= lower_may_classify(l) || l->n_tests > LOWER_REGISTER_TESTS || l->ir->kept.n > LOWER_REGISTER_VARS ||
			  (l->ast->rewrites && l->ast->n_limits >= LOWER_REGISTER_LIMITS);
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
