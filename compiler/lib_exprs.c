/*
 * Conditions and limits of a builder. In: operands, values, conditions. Out: conditions, in parentheses where they need some: `not` binds more than
 * `and`, and that more than `or`; limits stand behind all of it.
 */
#include <errno.h>
#include <string.h>

#include "lib_builder.h"

static const char *const cmp_text[] = {
	[XDPFC_EQ] = "==", [XDPFC_NE] = "!=", [XDPFC_LT] = "<", [XDPFC_LE] = "<=", [XDPFC_GT] = ">", [XDPFC_GE] = ">=", [XDPFC_IN] = "in",
	[XDPFC_NOT_IN] = "not in",
};

static void put_cmp(struct xdpfc_builder *b, enum xdpfc_cmp cmp)
{
	if ((unsigned)cmp < sizeof(cmp_text) / sizeof(cmp_text[0]))
		part_put(b, cmp_text[cmp]);
	else
		part_fail(b, -EINVAL, "there is no comparison %u", (unsigned)cmp);
}

/* What a comparison looks for; its depth. */
static unsigned put_value(struct xdpfc_builder *b, const struct xdpfc_value *v)
{
	const struct part *p = part_of(b, v, PART_VALUE, "value");

	part_use(b, p);
	return p ? p->depth : 0;
}

const struct xdpfc_expr *xdpfc_expr_has(struct xdpfc_builder *b, const struct xdpfc_operand *o)
{
	const struct part *p;

	if (!BEGIN(b))
		return NULL;
	p = part_of(b, o, PART_OPERAND, "operand");
	if (p && p->form != FORM_FIELD)
		return part_fail(b, -EINVAL, "only headers and flags are there or not");
	part_use(b, p);
	return part_end(b, PART_EXPR, FORM_TEST, 0);
}

const struct xdpfc_expr *xdpfc_expr_compare(struct xdpfc_builder *b, const struct xdpfc_operand *o, enum xdpfc_cmp cmp, const struct xdpfc_value *v)
{
	unsigned depth;

	if (!BEGIN(b) || !part_operands(b, &o, 1, false))
		return NULL;
	put_cmp(b, cmp);
	depth = put_value(b, v);
	return part_end(b, PART_EXPR, FORM_TEST, depth);
}

const struct xdpfc_expr *xdpfc_expr_masked(struct xdpfc_builder *b, const struct xdpfc_operand *o, const struct xdpfc_value *mask,
					   enum xdpfc_cmp cmp, const struct xdpfc_value *v)
{
	const struct part *m;
	unsigned depth;

	if (!BEGIN(b) || !part_operands(b, &o, 1, false))
		return NULL;
	m = part_of(b, mask, PART_VALUE, "mask");
	if (m && m->form > FORM_PLAIN && m->form != FORM_UNION)
		return part_fail(b, -EINVAL, "a mask is a plain value, or several or-ed");
	part_put(b, "&");
	if (m && m->form == FORM_UNION)
		part_put(b, "(");
	part_use(b, m);
	if (m && m->form == FORM_UNION)
		part_put(b, ")");
	put_cmp(b, cmp);
	depth = put_value(b, v);
	return part_end(b, PART_EXPR, FORM_TEST, depth);
}

const struct xdpfc_expr *xdpfc_expr_tuple(struct xdpfc_builder *b, const struct xdpfc_operand *const *o, size_t n, enum xdpfc_cmp cmp,
					  const struct xdpfc_value *v)
{
	unsigned depth;

	if (!BEGIN(b))
		return NULL;
	if (n < 2 || (cmp != XDPFC_IN && cmp != XDPFC_NOT_IN))
		return part_fail(b, -EINVAL, "two operands and more are in something, or not in it");
	if (!part_operands(b, o, n, false))
		return NULL;
	put_cmp(b, cmp);
	depth = put_value(b, v);
	return part_end(b, PART_EXPR, FORM_TEST, part_deeper(b, depth));
}

/* A condition that more may stand behind; in parentheses where it binds less than @form. Its depth. */
static unsigned put_expr(struct xdpfc_builder *b, const struct xdpfc_expr *e, enum part_form form)
{
	const struct part *p = part_of(b, e, PART_EXPR, "condition");
	bool parens = p && p->form > form;
	unsigned depth = 0;

	if (p && p->form == FORM_LIMITED)
		part_fail(b, -EINVAL, "a limit stands behind the whole condition, not inside of it");
	if (parens)
		part_put(b, "(");
	part_use(b, p);
	if (parens)
		part_put(b, ")");
	if (p && !b->err)
		depth = parens ? part_deeper(b, p->depth) : p->depth;
	return depth;
}

static const struct xdpfc_expr *junction(struct xdpfc_builder *b, const struct xdpfc_expr *const *e, size_t n, enum part_form form, const char *word)
{
	unsigned depth = 0;

	if (!e || !n)
		return part_fail(b, -EINVAL, "it takes one condition or more");
	if (n == 1)
		return (const void *)part_of(b, e[0], PART_EXPR, "condition");
	for (size_t i = 0; i < n && !b->err; i++) {
		unsigned d;

		if (i)
			part_put(b, word);
		d = put_expr(b, e[i], form);
		depth = d > depth ? d : depth;
	}
	return part_end(b, PART_EXPR, form, depth);
}

const struct xdpfc_expr *xdpfc_expr_and(struct xdpfc_builder *b, const struct xdpfc_expr *const *e, size_t n)
{
	return BEGIN(b) ? junction(b, e, n, FORM_AND, "and") : NULL;
}

const struct xdpfc_expr *xdpfc_expr_or(struct xdpfc_builder *b, const struct xdpfc_expr *const *e, size_t n)
{
	return BEGIN(b) ? junction(b, e, n, FORM_OR, "or") : NULL;
}

const struct xdpfc_expr *xdpfc_expr_not(struct xdpfc_builder *b, const struct xdpfc_expr *e)
{
	unsigned depth;

	if (!BEGIN(b))
		return NULL;
	part_put(b, "not");
	depth = put_expr(b, e, FORM_TEST);
	return part_end(b, PART_EXPR, FORM_TEST, part_deeper(b, depth));
}

const struct xdpfc_expr *xdpfc_expr_random(struct xdpfc_builder *b, const struct xdpfc_value *share, const char *per)
{
	const struct part *p;

	if (!BEGIN(b) || (per && !part_name(b, per, "unit", false, NULL)))
		return NULL;
	p = part_of(b, share, PART_VALUE, "share");
	if (p && p->form != FORM_QUANTITY)
		return part_fail(b, -EINVAL, "a share is a quantity: 1%%");
	part_put(b, "random");
	part_use(b, p);
	if (per) {
		part_put(b, "per");
		part_put(b, per);
	}
	return part_end(b, PART_EXPR, FORM_TEST, 0);
}

const struct xdpfc_expr *xdpfc_expr_time(struct xdpfc_builder *b, const struct xdpfc_value *v)
{
	unsigned depth;

	if (!BEGIN(b))
		return NULL;
	part_put(b, "time");
	depth = put_value(b, v);
	return part_end(b, PART_EXPR, FORM_TEST, depth);
}

/* ---- limits ---- */

static const struct xdpfc_expr *limited(struct xdpfc_builder *b, const struct xdpfc_expr *e, const char *word, const char *name,
					const struct xdpfc_rate *r)
{
	const struct part *p;

	if (name && !part_name(b, name, "limit", false, NULL))
		return NULL;
	p = part_of(b, e, PART_EXPR, "condition");
	part_use(b, p);
	part_put(b, word);
	if (name)
		part_put(b, name);
	else
		part_use(b, part_of(b, r, PART_RATE, "rate"));
	return part_end(b, PART_EXPR, FORM_LIMITED, p ? p->depth : 0);
}

static const char *named(struct xdpfc_builder *b, const char *name)
{
	if (!name)
		part_fail(b, -EINVAL, "no limit is given");
	return name ? name : "";
}

const struct xdpfc_expr *xdpfc_expr_over(struct xdpfc_builder *b, const struct xdpfc_expr *e, const char *limit)
{
	return BEGIN(b) ? limited(b, e, "over", named(b, limit), NULL) : NULL;
}

const struct xdpfc_expr *xdpfc_expr_within(struct xdpfc_builder *b, const struct xdpfc_expr *e, const char *limit)
{
	return BEGIN(b) ? limited(b, e, "within", named(b, limit), NULL) : NULL;
}

const struct xdpfc_expr *xdpfc_expr_over_rate(struct xdpfc_builder *b, const struct xdpfc_expr *e, const struct xdpfc_rate *r)
{
	return BEGIN(b) ? limited(b, e, "over", NULL, r) : NULL;
}

const struct xdpfc_expr *xdpfc_expr_within_rate(struct xdpfc_builder *b, const struct xdpfc_expr *e, const struct xdpfc_rate *r)
{
	return BEGIN(b) ? limited(b, e, "within", NULL, r) : NULL;
}

static void put_unit(struct xdpfc_builder *b, const char *unit)
{
	if (unit && part_name(b, unit, "unit", false, NULL))
		part_put(b, unit);
}

const struct xdpfc_rate *xdpfc_rate_new(struct xdpfc_builder *b, const struct xdpfc_rate_opts *opts)
{
	struct xdpfc_rate_opts o = { 0 };

	if (!BEGIN(b))
		return NULL;
	if (!opts || opts->sz < sizeof(opts->sz))
		return part_fail(b, -EINVAL, "no options are given");
	memcpy(&o, opts, opts->sz < sizeof(o) ? opts->sz : sizeof(o));
	part_use(b, part_amount(b, o.rate, "rate"));
	put_unit(b, o.unit);
	part_put(b, "/");
	if (!part_name(b, o.period, "period", false, NULL))
		return NULL;
	part_put(b, o.period);
	if (o.burst) {
		part_put(b, "burst");
		part_use(b, part_amount(b, o.burst, "burst"));
		put_unit(b, o.burst_unit);
	} else if (o.burst_unit) {
		return part_fail(b, -EINVAL, "a unit, and no burst");
	}
	if (o.n_key) {
		part_put(b, "per");
		part_operands(b, o.key, o.n_key, true);
	}
	if (o.size) {
		part_put(b, "size");
		part_use(b, part_amount(b, o.size, "size"));
	}
	if ((unsigned)o.full > XDPFC_FULL_CLOSED)
		return part_fail(b, -EINVAL, "there is no way %u to be full", (unsigned)o.full);
	if (o.full)
		part_put(b, o.full == XDPFC_FULL_OPEN ? "when full open" : "when full closed");
	return part_end(b, PART_RATE, FORM_RATE, 0);
}
