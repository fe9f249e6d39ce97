/*
 * Conditions as unions of boxes over a classifier's dimensions. In: a checked condition. Out: terms that hold for every packet that the condition
 * holds for, and, if .exact, for no other. What has no dimension (payload, limits, sets that live, tunnels) is left out of the terms, and so is what
 * would make too many: then they are not exact.
 */
#include "lower_classify.h"

static struct cover all(bool exact)
{
	struct cover c = { .exact = exact };

	return c;
}

static void add_term(struct lower *l, struct cover *c, struct classify_part *part, size_t n)
{
	*vec_add(l->arena, &c->term) = (struct classify_term){ 0, part, n };
}

static struct cover everything(struct lower *l, bool exact)
{
	struct cover c = all(exact);

	add_term(l, &c, NULL, 0);
	return c;
}

static struct cover of_part(struct lower *l, const struct lower_run *run, struct classify_part p, bool exact)
{
	struct cover c = all(exact);

	if (!part_is_empty(&run->rules.dim[p.dim], &p))
		add_term(l, &c, arena_copy(l->arena, &p, sizeof(p)), 1);
	return c;
}

bool cover_is_narrow(const struct cover *c)
{
	for (size_t i = 0; i < c->term.n; i++)
		if (!c->term.v[i].n)
			return false;
	return true;
}

/* ---- and, or, not ---- */

/* False: no packet is in both. */
static bool term_and(struct lower *l, const struct lower_run *run, const struct classify_term *x, const struct classify_term *y,
		     struct classify_term *out)
{
	size_t i = 0, k = 0;

	*out = (struct classify_term){ 0, arena_array(l->arena, x->n + y->n, sizeof(*out->part)), 0 };
	while (i < x->n || k < y->n) {
		struct classify_part *p = &out->part[out->n++];

		if (k == y->n || (i < x->n && x->part[i].dim < y->part[k].dim)) {
			*p = x->part[i++];
		} else if (i == x->n || y->part[k].dim < x->part[i].dim) {
			*p = y->part[k++];
		} else {
			*p = part_and(l->arena, &run->rules.dim[y->part[k].dim], &x->part[i++], &y->part[k]);
			if (part_is_empty(&run->rules.dim[y->part[k++].dim], p))
				return false;
		}
	}
	return true;
}

struct cover cover_and(struct lower *l, const struct lower_run *run, const struct cover *x, const struct cover *y)
{
	struct cover c = all(x->exact && y->exact);

	if (x->term.n == 1 && !x->term.v[0].n) {
		c.term.v = y->term.v;
		c.term.n = y->term.n;
		return c;
	}
	/* too many: what one of them says alone is true as well */
	if (x->term.n * y->term.n > COVER_MAX_TERMS) {
		const struct cover *fewer = x->term.n <= y->term.n ? x : y;

		c.term.v = fewer->term.v;
		c.term.n = fewer->term.n;
		c.exact = false;
		return c;
	}
	for (size_t i = 0; i < x->term.n; i++)
		for (size_t k = 0; k < y->term.n; k++) {
			struct classify_term t;

			if (term_and(l, run, &x->term.v[i], &y->term.v[k], &t))
				*vec_add(l->arena, &c.term) = t;
		}
	return c;
}

static struct cover cover_or(struct lower *l, const struct cover *x, const struct cover *y)
{
	struct cover c = all(x->exact && y->exact);

	if (x->term.n + y->term.n > COVER_MAX_TERMS)
		return everything(l, false);
	for (size_t i = 0; i < x->term.n + y->term.n; i++)
		*vec_add(l->arena, &c.term) = i < x->term.n ? x->term.v[i] : y->term.v[i - x->term.n];
	return c;
}

static struct cover cover_not(struct lower *l, const struct lower_run *run, const struct cover *x)
{
	struct cover c = everything(l, true);

	if (!x->exact)
		return everything(l, false);
	for (size_t i = 0; i < x->term.n; i++) {
		struct cover none = all(true);

		for (size_t k = 0; k < x->term.v[i].n; k++) {
			const struct classify_part *p = &x->term.v[i].part[k];
			struct cover outside = of_part(l, run, part_not(l->arena, &run->rules.dim[p->dim], p), true);

			none = cover_or(l, &none, &outside);
		}
		c = cover_and(l, run, &c, &none);
	}
	return c;
}

/* ---- single tests ---- */

static bool has_bits(const void *with, unsigned number)
{
	return number & *(const unsigned *)with;
}

/* One of these bits of presence is set. */
static struct cover cover_bits(struct lower *l, struct lower_run *run, const unsigned *bit, unsigned n)
{
	unsigned mask[CLASSIFY_MAX_DIMS] = { 0 };
	struct cover c = all(true);

	for (unsigned i = 0; i < n; i++) {
		unsigned place;
		int dim = dims_bit(run, bit[i], &place);

		if (dim < 0)
			return everything(l, false);
		mask[dim] |= 1u << place;
	}
	for (unsigned k = 0; k < CLASSIFY_MAX_DIMS; k++) {
		struct classify_part p = part_none(k);
		struct cover one;

		if (!mask[k])
			continue;
		part_byte(l->arena, &p, 0, has_bits, &mask[k]);
		one = of_part(l, run, p, true);
		c = cover_or(l, &c, &one);
	}
	return c;
}

static struct cover cover_header(struct lower *l, struct lower_run *run, enum header_id h)
{
	unsigned bit[HDR_COUNT], n = 0;

	if (lang_headers[h].layer != LAYER_GROUP)
		bit[n++] = h;
	for (size_t i = 0; lang_headers[h].layer == LAYER_GROUP && i < lang_n_members; i++)
		if (lang_members[i].group == h)
			bit[n++] = lang_members[i].member;
	return cover_bits(l, run, bit, n);
}

/* Numbers of a byte whose bits under .shift and .bits are, masked, in one of the ranges. */
struct in_byte {
	const struct field_info *field;
	uint64_t mask;
	const struct range *r;
	size_t n;
};

static bool in_byte(const void *with, unsigned number)
{
	const struct in_byte *w = with;
	struct value v = value_of(number >> w->field->shift & value_ones(w->field->bits).lo & w->mask);

	for (size_t i = 0; i < w->n; i++)
		if (value_cmp(w->r[i].lo, v) <= 0 && value_cmp(v, w->r[i].hi) <= 0)
			return true;
	return false;
}

/* Those of the @n ranges that are of the family: they stand together. */
static size_t of_family(const struct range *r, size_t n, enum family family, const struct range **out)
{
	size_t from = 0, to;

	while (from < n && r[from].family != family)
		from++;
	for (to = from; to < n && r[to].family == family; to++)
		;
	*out = r + from;
	return to - from;
}

/* A field, no alias: its number, under @mask if that is given, is in one of the ranges. False: no dimension has it. */
static bool add_numbers(struct lower *l, struct lower_run *run, enum field_id f, const struct value *mask, const struct range *all_ranges,
			size_t n_all, struct classify_part *p, bool *begun)
{
	unsigned places;
	int dim = dims_field(l, run, f, &places);
	const struct range *r;
	size_t n = of_family(all_ranges, n_all, lower_family(f), &r);

	if (dim < 0 || (*begun && p->dim != (unsigned)dim))
		return false;
	if (!*begun)
		*p = part_none((unsigned)dim);
	*begun = true;
	if (run->dim[dim].slot_byte) {
		struct in_byte with = { &lang_fields[f], mask ? mask->lo : UINT64_MAX, r, n };

		part_byte(l->arena, p, 0, in_byte, &with);
		return true;
	}
	for (unsigned k = 0; k < run->rules.dim[dim].n; k++) {
		struct in_byte with = { &lang_fields[f], mask ? mask->lo : UINT64_MAX, r, n };

		if (!(places >> k & 1))
			continue;
		if (!mask)
			part_numbers(l->arena, &run->rules.dim[dim], p, k, r, n);
		else if (run->rules.dim[dim].field[k].bits == 8 && !lang_fields[f].shift)
			part_byte(l->arena, p, k, in_byte, &with);
		else
			return false;
	}
	return true;
}

/* The packets that have the operand at all, in a part of its dimension. */
static bool add_present(struct lower *l, struct lower_run *run, enum field_id f, struct classify_part *p, bool *begun)
{
	unsigned places;
	int dim = dims_field(l, run, f, &places);

	if (dim < 0 || (*begun && p->dim != (unsigned)dim))
		return false;
	if (!*begun)
		*p = part_none((unsigned)dim);
	*begun = true;
	for (unsigned k = 0; k < run->rules.dim[dim].n; k++)
		p->in[k].any |= places >> k & 1;
	return true;
}

/* The same of a piece of the packet. */
static bool slice_part(struct lower *l, struct lower_run *run, const struct ast_operand *o, const struct value *mask, const struct range *ranges,
		       size_t n, struct classify_part *p)
{
	int dim = mask || o->bits > 64 ? -1 : dims_slice(l, run, o);

	if (dim < 0)
		return false;
	*p = part_none((unsigned)dim);
	if (ranges)
		part_numbers(l->arena, &run->rules.dim[dim], p, 0, ranges, n);
	else
		p->in[0].any = true;
	return true;
}

/* @ranges NULL: it is there. */
static bool operand_part(struct lower *l, struct lower_run *run, const struct ast_operand *o, const struct value *mask, const struct range *ranges,
			 size_t n, struct classify_part *p)
{
	enum field_id alt[5];
	unsigned n_alt = lower_alternatives(o, alt);
	bool begun = false;

	if (o->kind != OPERAND_FIELD)
		return slice_part(l, run, o, mask, ranges, n, p);
	if (o->inner)
		return false;
	KNOWN(n_alt);		/* a field that stands for others stands for some */
	for (unsigned i = 0; i < n_alt; i++)
		if (!(ranges ? add_numbers(l, run, alt[i], mask, ranges, n, p, &begun) : add_present(l, run, alt[i], p, &begun)))
			return false;
	return true;
}

/* What its part says of an operand; and where that is the port of any protocol, the protocol. */
static struct cover of_operand(struct lower *l, struct lower_run *run, const struct ast_operand *o, struct classify_part p)
{
	struct cover c = of_part(l, run, p, true), of;
	struct range *r;
	bool begun = false;
	uint32_t number;

	if (o->kind != OPERAND_FIELD || !dims_protocol(l, o->field, &number))
		return c;
	/* parts say it by its address */
	r = arena_alloc(l->arena, sizeof(*r));
	*r = (struct range){ FAMILY_NUM, value_of(number), value_of(number) };
	if (!add_numbers(l, run, FIELD_IP_PROTO, NULL, r, 1, &p, &begun)) {
		c.exact = false;
		return c;
	}
	of = of_part(l, run, p, true);
	return cover_and(l, run, &c, &of);
}

static struct cover cover_present(struct lower *l, struct lower_run *run, const struct ast_expr *e)
{
	struct cover c = everything(l, false);

	for (size_t i = 0; i < e->operand.n; i++) {
		struct classify_part p;
		struct cover one;

		if (!operand_part(l, run, e->operand.v[i], NULL, NULL, 0, &p))
			continue;
		one = of_operand(l, run, e->operand.v[i], p);
		c = cover_and(l, run, &c, &one);
	}
	return c;
}

static struct cover cover_single(struct lower *l, struct lower_run *run, const struct ast_expr *e)
{
	const struct ast_match *m = &e->match;
	const struct range *r = m->kind == MATCH_SET ? m->set->range : m->range;
	size_t n = m->kind == MATCH_SET ? m->set->n : m->n;
	struct classify_part p, there;

	if (n > COVER_MAX_RANGES || !operand_part(l, run, e->operand.v[0], e->has_mask ? &e->mask_value : NULL, r, n, &p))
		return cover_present(l, run, e);
	if (!m->negate)
		return of_operand(l, run, e->operand.v[0], p);
	/* there, and not in it */
	if (!operand_part(l, run, e->operand.v[0], NULL, NULL, 0, &there))
		return cover_present(l, run, e);
	p = part_not(l->arena, &run->rules.dim[p.dim], &p);
	return of_operand(l, run, e->operand.v[0], part_and(l->arena, &run->rules.dim[p.dim], &p, &there));
}

static struct cover cover_tuple(struct lower *l, struct lower_run *run, const struct ast_expr *e)
{
	const struct ast_match *m = &e->match;
	const struct range *box = m->kind == MATCH_SET ? m->set->range : m->range;
	size_t n = m->kind == MATCH_SET ? m->set->n : m->n;
	struct cover c = all(true), there;

	if (n > COVER_MAX_TERMS)
		return cover_present(l, run, e);
	for (size_t i = 0; i < n; i++, box += e->operand.n) {
		struct cover one = everything(l, true);

		for (size_t k = 0; k < e->operand.n; k++) {
			struct classify_part p;
			struct cover part;

			if (!operand_part(l, run, e->operand.v[k], NULL, &box[k], 1, &p))
				return cover_present(l, run, e);
			part = of_operand(l, run, e->operand.v[k], p);
			one = cover_and(l, run, &one, &part);
		}
		c = cover_or(l, &c, &one);
	}
	if (!m->negate)
		return c;
	c = cover_not(l, run, &c);
	there = cover_present(l, run, e);
	there.exact = true;
	return cover_and(l, run, &c, &there);
}

static struct cover cover_name(struct lower *l, struct lower_run *run, const struct ast_expr *e)
{
	static const struct range one = { FAMILY_NUM, { 0, 1 }, { 0, 1 } };
	struct classify_part p;
	bool begun = false;
	unsigned bit;

	if (e->inner)
		return everything(l, false);
	if (e->header != HDR_NONE)
		return cover_header(l, run, e->header);
	if (lang_fields[e->field].form == FORM_WIRE) {
		if (!add_numbers(l, run, e->field, NULL, &one, 1, &p, &begun))
			return everything(l, false);
		return of_part(l, run, p, true);
	}
	bit = e->field == FIELD_MALFORMED ? BIT_MALFORMED : e->field == FIELD_IP_FRAGMENT ? BIT_FRAGMENT : BIT_FIRST;
	return cover_bits(l, run, &bit, 1);
}

static struct cover cover_many(struct lower *l, struct lower_run *run, const struct ast_expr *e, bool conj, bool negated)
{
	struct cover c = cover_cond(l, run, e->sub.v[0], negated);

	for (size_t i = 1; i < e->sub.n; i++) {
		struct cover one = cover_cond(l, run, e->sub.v[i], negated);

		c = conj ? cover_and(l, run, &c, &one) : cover_or(l, &c, &one);
	}
	return c;
}

struct cover cover_cond(struct lower *l, struct lower_run *run, const struct ast_expr *e, bool negated)
{
	struct cover c;

	if (!e)
		return everything(l, true);
	switch (e->kind) {
	case EXPR_AND:
		return cover_many(l, run, e, !negated, negated);
	case EXPR_OR:
		return cover_many(l, run, e, negated, negated);
	case EXPR_NOT:
		return cover_cond(l, run, e->sub.v[0], !negated);
	case EXPR_NAME:
		c = cover_name(l, run, e);
		return negated ? cover_not(l, run, &c) : c;
	case EXPR_CMP:
		if (e->match.kind == MATCH_LIVE || e->match.kind == MATCH_BYTES || e->match.kind == MATCH_IFACES)
			c = cover_present(l, run, e);
		else
			c = e->operand.n > 1 ? cover_tuple(l, run, e) : cover_single(l, run, e);
		return negated ? cover_not(l, run, &c) : c;
	case EXPR_SOCKET:
	case EXPR_LIMIT:
	case EXPR_RANDOM:
		return everything(l, false);
	}
	return everything(l, false);
}
