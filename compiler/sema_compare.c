/*
 * Comparisons. In: operands, an operator, a value as written. Out: the match, in which operators and literals are gone: what the value
 * must be in, and whether that is negated. Comparisons that can never hold, or always do, are told so.
 */
#include "sema.h"

#include <stdlib.h>
#include <string.h>

static const char *cmp_text(enum ast_cmp cmp)
{
	switch (cmp) {
	case CMP_EQ:
		return "==";
	case CMP_NE:
		return "!=";
	case CMP_LT:
		return "<";
	case CMP_LE:
		return "<=";
	case CMP_GT:
		return ">";
	case CMP_GE:
		return ">=";
	case CMP_IN:
		return "in";
	case CMP_NOT_IN:
		return "not in";
	}
	return "?";
}

static bool is_order(enum ast_cmp cmp)
{
	return cmp == CMP_LT || cmp == CMP_LE || cmp == CMP_GT || cmp == CMP_GE;
}

static bool never(struct sema *s, struct span sp, const char *remedy)
{
	diag_error(s->d, sp, "%s is never true", sema_quote(s, sp))->remedy = remedy;
	return false;
}

static struct value operand_max(const struct ast_operand *op)
{
	return value_ones(op->bits);
}

/* ---- order ---- */

static bool order_check(struct sema *s, struct ast_expr *e, const struct want *w)
{
	const struct ast_operand *op = e->operand.v[0];
	struct diag *d;

	if (w->type != TYPE_TCPFLAGS && (w->kind == KIND_NUM || w->kind == KIND_IP4 || w->kind == KIND_IP6))
		return true;
	d = diag_error(s->d, e->span, "%s has no order, so `%s` does not fit it", w->what, cmp_text(e->cmp));
	if (w->kind == KIND_IP)
		d->remedy = arena_printf(s->a,
					 "an order is within one family: compare ip4.%s and ip6.%s, or ask `%s in` a range or prefix",
					 strchr(w->what, '.') + 1, strchr(w->what, '.') + 1, w->what);
	else if (w->type == TYPE_TCPFLAGS)
		d->remedy = "choose bits: `tcp.flags & (syn|ack) == syn`";
	else if (w->kind == KIND_FLAG)
		d->remedy = arena_printf(s->a, "write `%s` or `not %s`", w->what, w->what);
	else
		d->remedy = op->value_kind == KIND_MAC ? "use ==, !=, in or not in; ranges of addresses are fine"
						       : "use ==, !=, in or not in";
	return false;
}

static bool order_ranges(struct sema *s, struct ast_expr *e, const struct want *w, struct found *out)
{
	struct value max = operand_max(e->operand.v[0]), zero = value_of(0);
	struct range r;
	bool empty = false;

	if (!value_one(s, w, e->value, &r))
		return false;
	switch (e->cmp) {
	case CMP_LT:
		empty = value_is_zero(r.lo);
		r.hi = value_prev(r.lo);
		r.lo = zero;
		break;
	case CMP_LE:
		r.lo = zero;
		break;
	case CMP_GT:
		empty = !value_cmp(r.hi, max);
		r.lo = value_next(r.hi);
		r.hi = max;
		break;
	case CMP_GE:
		r.hi = max;
		break;
	case CMP_EQ:
	case CMP_NE:
	case CMP_IN:
	case CMP_NOT_IN:
		break;
	}
	if (empty)
		return never(s, e->span,
			     arena_printf(s->a, "the %s value of %s is %s", e->cmp == CMP_LT ? "least" : "greatest", w->what,
						      value_show(s->a, w->kind, r.family, e->cmp == CMP_LT ? zero : max)));
	*vec_add(out->a, &out->item) = (struct item){ r, e->value };
	return true;
}

/* ---- masks ---- */

static bool mask_check(struct sema *s, struct ast_expr *e, const struct want *w)
{
	struct range r;
	struct diag *d;

	if (w->kind == KIND_IP || w->kind == KIND_FLAG || w->kind == KIND_BYTES || w->kind == KIND_IFACE) {
		d = diag_error(s->d, e->span, "%s takes no mask: it is %s", w->what, want_shown(s, w));
		if (w->kind == KIND_IP)
			d->remedy = arena_printf(s->a, "a mask is of one family: use ip4.%s or ip6.%s", strchr(w->what, '.') + 1,
						 strchr(w->what, '.') + 1);
		else if (w->kind == KIND_BYTES)
			d->remedy = "slices of at most 8 bytes take masks";
		else
			d->remedy = "compare it as it is";
		return false;
	}
	if (!value_whole(s, e->mask) || !value_one(s, w, e->mask, &r))
		return false;
	e->mask_value = r.lo;
	if (value_is_zero(r.lo)) {
		d = diag_error(s->d, e->mask->span, "a mask of zero leaves nothing to compare");
		d->remedy = "set the bits that matter in the mask";
		return false;
	}
	return true;
}

static bool mask_fits(struct sema *s, struct ast_expr *e, const struct found *found)
{
	struct diag *d;

	for (size_t i = 0; i < found->item.n; i++) {
		const struct item *it = &found->item.v[i];

		if (mask_reaches(e->mask_value, it->r.lo, it->r.hi))
			continue;
		d = diag_error(s->d, it->at->span, "`%s` has bits outside the mask, so what the mask leaves never %s it",
			       sema_quote(s, it->at->span), is_order(e->cmp) ? "reaches" : "equals");
		d->remedy = "widen the mask, or take those bits out of the value";
		d->note_span = e->mask->span;
		d->note = "the mask";
		return false;
	}
	return true;
}

/* ---- one operand ---- */

static bool always_check(struct sema *s, struct ast_expr *e, const struct want *w)
{
	const struct ast_operand *op = e->operand.v[0];
	const struct ast_match *m = &e->match;
	struct range all[2];
	size_t n = operand_domain(op, all);
	const char *header = NULL;
	struct diag *d;

	if (e->has_mask || m->n != n)
		return true;
	for (size_t i = 0; i < n; i++)
		if (m->range[i].family != all[i].family || value_cmp(m->range[i].lo, all[i].lo) ||
		    value_cmp(m->range[i].hi, all[i].hi))
			return true;
	if (m->negate)
		return never(s, e->span, arena_printf(s->a, "that is every value %s can have", w->what));
	if (op->kind == OPERAND_FIELD && !op->inner && lang_fields[op->field].header != HDR_NONE)
		header = lang_headers[lang_fields[op->field].header].name;
	/* `gre.key in 0-0xffffffff` is how one asks whether there is a key. */
	if (!header && !is_order(e->cmp))
		return true;
	d = diag_warning(s->d, e->span, "%s is always true where %s is present", sema_quote(s, e->span), w->what);
	d->remedy = header ? arena_printf(s->a, "write `%s` if that is meant", header) : "take it out, or correct the value";
	return true;
}

/* The values fit the operand's bits; a few operands are never some of those. */
static bool domain_check(struct sema *s, struct ast_expr *e, const struct want *w)
{
	const struct ast_match *m = &e->match;
	struct range all[2];

	if (e->has_mask || m->negate || !m->n || operand_domain(e->operand.v[0], all) != 1 || m->range[0].family != all[0].family ||
	    value_cmp(m->range[m->n - 1].hi, all[0].lo) >= 0)
		return true;
	return never(s, e->span, arena_printf(s->a, "%s is never less than %llu", w->what, (unsigned long long)all[0].lo.lo));
}

/* Days and states are counted from 1: a 0, as cron has it, is none. */
static bool named_check(struct sema *s, const struct ast_expr *e, const struct want *w, const struct found *found)
{
	struct diag *d;

	if ((w->type != TYPE_WEEKDAY && w->type != TYPE_FLOWSTATE) || e->has_mask || is_order(e->cmp))
		return true;
	for (size_t i = 0; i < found->item.n; i++) {
		if (!value_is_zero(found->item.v[i].r.hi))
			continue;
		d = diag_error(s->d, found->item.v[i].at->span, "%s is never 0", w->what);
		d->remedy = want_named(w);
		return false;
	}
	return true;
}

static bool number_check(struct sema *s, struct ast_expr *e, const struct want *w)
{
	struct arena_mark mark = arena_mark(s->scratch);
	struct found found = { .a = s->scratch };
	bool ok = is_order(e->cmp) ? order_ranges(s, e, w, &found) : value_read(s, w, e->value, &found);

	ok = ok && (!e->has_mask || mask_fits(s, e, &found)) && named_check(s, e, w, &found);
	if (ok) {
		struct ranges all = items_ranges(s, w->kind, &found);

		e->match.kind = MATCH_RANGES;
		e->match.range = all.v;
		e->match.n = all.n;
		ok = domain_check(s, e, w) && always_check(s, e, w);
	}
	arena_release(s->scratch, mark);
	return ok;
}

static int bytes_cmp(const void *a, const void *b, void *len)
{
	return memcmp(*(const char *const *)a, *(const char *const *)b, *(unsigned *)len);
}

static bool text_check(struct sema *s, struct ast_expr *e, const struct want *w)
{
	struct ast_match *m = &e->match;
	struct found found = { .a = s->a };
	unsigned len = w->slice;
	size_t n = 0;

	if (!value_read(s, w, e->value, &found) || !found.text.n)
		return false;
	if (w->kind == KIND_BYTES) {
		qsort_r(found.text.v, found.text.n, sizeof(*found.text.v), bytes_cmp, &len);
		for (size_t i = 0; i < found.text.n; i++)
			if (!n || memcmp(found.text.v[n - 1], found.text.v[i], len))
				found.text.v[n++] = found.text.v[i];
		m->kind = MATCH_BYTES;
		m->bytes = (const uint8_t **)found.text.v;
		m->n = n;
		return true;
	}
	for (size_t i = 0; i < found.text.n; i++) {
		const char *name = found.text.v[i];
		struct symbol *y = symtab_get(&s->ifaces, SPACE_IFACE, name, strlen(name));

		if (!y) {
			y = symtab_put(&s->ifaces, SPACE_IFACE, name, strlen(name));
			y->value = s->p->ifaces.n;
			*vec_add(s->a, &s->p->ifaces) = name;
		}
		if (y->p == e)
			continue;
		y->p = e;
		if (!m->iface)
			m->iface = arena_array(s->a, found.text.n, sizeof(*m->iface));
		m->iface[m->n++] = y->name;
	}
	m->kind = MATCH_IFACES;
	return true;
}

/* ---- sets ---- */

static bool set_misfit(struct sema *s, const struct ast_expr *e, const struct ast_set *set, unsigned i)
{
	const struct ast_operand *op = e->operand.v[i];
	struct want w = operand_want(op);
	struct diag *d;

	w.what = operand_shown(s, op);
	d = diag_error(s->d, op->span, "%s is %s, but set `%s` holds values of type `%s`%s", w.what, want_shown(s, &w),
		       set->name.s, lang_types[set->types[i]].name, set->n_types > 1 ? " here" : "");
	d->remedy = arena_printf(s->a, "compare a field of that type, or declare the set with type `%s`",
				 w.kind == KIND_IP4 || w.kind == KIND_IP6 ? "ip` or `net" : lang_types[w.type].name);
	d->note_span = set->name.span;
	d->note = "declared here";
	return false;
}

static bool set_compare(struct sema *s, struct ast_expr *e, struct decl *d)
{
	struct ast_match *m = &e->match;
	const struct ast_set *set = d->set;
	const struct ast_operand *op = e->operand.v[0];
	struct diag *x;

	if (d->broken)
		return false;
	if (is_order(e->cmp)) {
		x = diag_error(s->d, e->span, "`%s` does not fit set `%s`", cmp_text(e->cmp), set->name.s);
		x->remedy = "ask with `in` or `not in`";
		return false;
	}
	if (set->n_types != e->operand.n) {
		if (set->n_types == 1)
			x = diag_error(s->d, e->span, "set `%s` holds single values, but a tuple of %zu is compared", set->name.s,
				       e->operand.n);
		else
			x = diag_error(s->d, e->span, "set `%s` holds tuples of %u, but %zu %s compared", set->name.s, set->n_types,
				       e->operand.n, e->operand.n == 1 ? "is" : "are");
		x->remedy = set->n_types == 1 ? "compare one field" : "write as many fields: `(FIELD, FIELD) in SET`";
		x->note_span = set->name.span;
		x->note = "declared here";
		return false;
	}
	for (unsigned i = 0; i < set->n_types; i++)
		if (!set_fits(set, i, e->operand.v[i]))
			return set_misfit(s, e, set, i);
	if (set->live) {
		if (e->has_mask) {
			x = diag_error(s->d, e->span, "a masked value cannot be looked for in set `%s`, which lives", set->name.s);
			x->remedy = "look for the field itself; a set of type `net` takes prefixes";
			return false;
		}
		m->set = set;
		m->kind = MATCH_LIVE;
		return true;
	}
	if (set->n_types == 1 && set->n && (op->value_kind == KIND_IP4 || op->value_kind == KIND_IP6)) {
		/* Sorted by family: the first or the last is of the field's, or none is. */
		enum family f = op->value_kind == KIND_IP4 ? FAMILY_IP4 : FAMILY_IP6;

		if (set->range[0].family != f && set->range[set->n - 1].family != f) {
			x = diag_error(s->d, e->span, "set `%s` holds no IPv%d address, so %s is never in it", set->name.s,
				       (int)f, operand_shown(s, op));
			x->remedy = "compare the field of the other family, or ip.src and ip.dst";
			x->note_span = set->name.span;
			x->note = "declared here";
			return false;
		}
	}
	m->set = set;
	m->kind = MATCH_SET;
	m->n = set->n;
	if (e->has_mask) {
		/* Executors look up whole values in a set; a masked one is looked for in the set's ranges. */
		m->kind = MATCH_RANGES;
		m->set = NULL;
		m->range = set->range;
	}
	return true;
}

/* ---- tuples ---- */

static bool tuple_check(struct sema *s, struct ast_expr *e)
{
	struct want want[SEMA_MAX_TUPLE];
	struct ranges out = { 0 };
	struct diag *d;

	if (e->operand.n > SEMA_MAX_TUPLE) {
		d = diag_error(s->d, e->operand.v[SEMA_MAX_TUPLE]->span, "a tuple has at most %d components, this has %zu",
			       SEMA_MAX_TUPLE, e->operand.n);
		d->remedy = "split the question into two, joined by `and`";
		return false;
	}
	for (size_t i = 0; i < e->operand.n; i++) {
		struct ast_operand *op = e->operand.v[i];

		want[i] = operand_want(op);
		want[i].what = operand_shown(s, op);
		if (op->value_kind == KIND_BYTES || op->value_kind == KIND_IFACE) {
			d = diag_error(s->d, op->span, "%s cannot stand in a tuple: it is %s", want[i].what,
				       want_shown(s, &want[i]));
			d->remedy = "compare it by itself, joined by `and`";
			return false;
		}
	}
	if (!value_boxes(s, want, (unsigned)e->operand.n, e->value, &out))
		return false;
	e->match.kind = MATCH_BOXES;
	e->match.range = out.v;
	e->match.n = out.n / e->operand.n;
	return true;
}

bool compare_check(struct sema *s, struct ast_expr *e)
{
	struct want w;
	struct decl *d = NULL;
	bool ok = e->operand.n, bad = false;
	const struct ast_value *v = e->value;

	e->header = HDR_NONE;
	e->field = FIELD_NONE;
	e->match.negate = e->cmp == CMP_NE || e->cmp == CMP_NOT_IN;
	for (size_t i = 0; i < e->operand.n; i++)
		ok = operand_check(s, e->operand.v[i]) && ok;
	/* The value's names count as used, and lets are declared before, also where the field is wrong. */
	if (v && v->kind == AST_WORD && v->text)
		d = names_use(s, &(struct ast_name){ v->text, v->span }, &bad);
	if (!ok || bad || !value_whole(s, v))
		return false;
	if (e->operand.n == 1 && e->operand.v[0]->kind == OPERAND_FIELD && e->operand.v[0]->field == FIELD_TIME)
		return time_check(s, e);
	w = operand_want(e->operand.v[0]);
	w.what = operand_shown(s, e->operand.v[0]);
	if (e->has_mask && (e->operand.n > 1 || !e->mask || !mask_check(s, e, &w)))
		return false;
	if (d && d->kind == DECL_SET)
		return set_compare(s, e, d);
	if (e->operand.n > 1)
		return tuple_check(s, e);
	if (is_order(e->cmp) && !order_check(s, e, &w))
		return false;
	return w.kind == KIND_BYTES || w.kind == KIND_IFACE ? text_check(s, e, &w) : number_check(s, e, &w);
}
