/*
 * Everything a value stands for: ranges, prefixes, lists, tuples, lets. In: a value as written. Out: ranges of numbers, byte strings,
 * interface names, or boxes. A let is read once per type, so that lets built on lets cost what they name and not what they spell out.
 */
#include "sema.h"

#include <string.h>

static bool whole(struct sema *s, const struct ast_value *v, unsigned depth)
{
	bool compound;
	struct diag *e;

	if (!v)
		return false;
	compound = v->kind == AST_RANGE || v->kind == AST_PREFIX || v->kind == AST_LIST || v->kind == AST_TUPLE ||
		v->kind == AST_UNION;
	if (!compound)
		return v->kind == AST_INT || v->text;
	if (depth > AST_MAX_DEPTH) {
		e = diag_error(s->d, v->span, "values nest deeper than %d", AST_MAX_DEPTH);
		e->remedy = "write one list: lists in lists mean the same";
		return false;
	}
	for (size_t i = 0; i < v->sub.n; i++)
		if (!whole(s, v->sub.v[i], depth + 1))
			return false;
	return true;
}

bool value_whole(struct sema *s, const struct ast_value *v)
{
	return whole(s, v, 0);
}

static bool is_ip(enum type_kind k)
{
	return k == KIND_IP4 || k == KIND_IP6 || k == KIND_IP;
}

static bool exact_only(struct sema *s, const struct want *w, const struct ast_value *v, const char *what)
{
	struct diag *e = sema_error(s, v->span, "`%s` is %s, but %s holds single addresses", sema_quote(s, v->span), what,
				    w->what);

	e->remedy = "declare the set with type `net`: it takes prefixes, ranges and addresses";
	return false;
}

static bool read_range(struct sema *s, const struct want *w, const struct ast_value *v, struct range *out)
{
	struct range lo, hi;
	struct diag *e;

	if (v->sub.n != 2 || !v->sub.v[0] || !v->sub.v[1])
		return false;
	if (w->exact)
		return exact_only(s, w, v, "a range");
	if (!value_one(s, w, v->sub.v[0], &lo) || !value_one(s, w, v->sub.v[1], &hi))
		return false;
	if (lo.family != hi.family) {
		e = sema_error(s, v->span, "the range `%s` goes from one address family to the other", sema_quote(s, v->span));
		e->remedy = "give both ends the same family";
		return false;
	}
	if (value_cmp(lo.lo, hi.lo) > 0) {
		const char *first = sema_quote(s, v->sub.v[0]->span), *last = sema_quote(s, v->sub.v[1]->span);

		e = sema_error(s, v->span, "the range `%s` is reversed", sema_quote(s, v->span));
		if (w->type == TYPE_WEEKDAY)
			e->remedy = arena_printf(s->a, "weeks begin with mon: write { %s - sun, mon - %s }", first, last);
		else if (v->sub.v[1]->kind == AST_WORD)
			e->remedy = arena_printf(s->a, "write %s - %s", last, first);
		else
			e->remedy = arena_printf(s->a, "write %s-%s", last, first);
		return false;
	}
	*out = (struct range){ lo.family, lo.lo, hi.lo };
	return true;
}

static bool read_prefix(struct sema *s, const struct want *w, const struct ast_value *v, struct range *out)
{
	struct range one;
	struct value host;
	unsigned bits;
	struct diag *e;

	if (v->sub.n != 1 || !v->sub.v[0])
		return false;
	if (!is_ip(w->kind)) {
		e = sema_error(s, v->span, "`%s` is a prefix, but %s", sema_quote(s, v->span), want_says(s, w));
		e->remedy = "prefixes are for IP addresses; elsewhere a range a-b, or `FIELD & MASK == VALUE`, says it";
		return false;
	}
	if (w->exact)
		return exact_only(s, w, v, "a prefix");
	if (v->sub.v[0]->kind == AST_INT && v->sub.v[0]->num < 256 && w->kind != KIND_IP6 && v->num <= 32) {
		e = sema_error(s, v->span, "`%s` is no prefix: an IPv4 address has four numbers", sema_quote(s, v->span));
		e->remedy = arena_printf(s->a, "write %llu.0.0.0/%llu", (unsigned long long)v->sub.v[0]->num, (unsigned long long)v->num);
		return false;
	}
	if (!value_one(s, w, v->sub.v[0], &one))
		return false;
	bits = one.family == FAMILY_IP4 ? 32 : 128;
	if (v->num > bits) {
		e = sema_error(s, v->span, "/%llu is no prefix length of an IPv%d address", (unsigned long long)v->num,
			       (int)one.family);
		e->remedy = arena_printf(s->a, "a prefix of IPv%d has 0 to %u bits", (int)one.family, bits);
		return false;
	}
	host = prefix_host_mask(bits, (unsigned)v->num);
	if (!value_is_zero(value_and(one.lo, host))) {
		const char *addr = value_show(s->a, w->kind, one.family, one.lo);

		e = sema_error(s, v->span, "%s has host bits set", sema_quote(s, v->span));
		e->remedy = arena_printf(s->a, "write %s/%u, or %s for the one address",
					 value_show(s->a, w->kind, one.family, value_and(one.lo, value_not(host))),
					 (unsigned)v->num, addr);
		return false;
	}
	*out = (struct range){ one.family, one.lo, value_or(one.lo, host) };
	return true;
}

bool value_leaf(struct sema *s, const struct want *w, const struct ast_value *v, struct range *out)
{
	if (v->kind == AST_RANGE)
		return read_range(s, w, v, out);
	if (v->kind == AST_PREFIX)
		return read_prefix(s, w, v, out);
	return value_one(s, w, v, out);
}

static bool want_same(const struct want *a, const struct want *b)
{
	return a->type == b->type && a->kind == b->kind && a->bits == b->bits && a->exact == b->exact && a->slice == b->slice &&
	       a->apart == b->apart;
}

static const char *range_shown(struct sema *s, enum type_kind kind, const struct range *r)
{
	const char *lo = value_show(s->a, kind, r->family, r->lo);

	return value_cmp(r->lo, r->hi) ? arena_printf(s->a, "%s-%s", lo, value_show(s->a, kind, r->family, r->hi)) : lo;
}

static bool is_let(const struct sema *s, const struct ast_value *v)
{
	return v->kind == AST_WORD && names_decl(s, v->text);
}

void warn_twice(struct sema *s, enum type_kind kind, const struct twice *t)
{
	struct diag *e;
	struct range all = t->with;

	/* A name stands for values of which others may be there only once. */
	if (is_let(s, t->at) || (is_let(s, t->other) && value_cmp(t->r.hi, t->with.hi) > 0)) {
		e = diag_warning(s->d, t->at->span, "`%s` and `%s` overlap", sema_quote(s, t->other->span), sema_quote(s, t->at->span));
		all.lo = t->r.lo;
		all.hi = value_cmp(t->r.hi, t->with.hi) < 0 ? t->r.hi : t->with.hi;
		e->remedy = arena_printf(s->a, "%s is in both: take it out of one of them", range_shown(s, kind, &all));
		return;
	}
	if (value_cmp(t->r.hi, t->with.hi) <= 0) {
		e = diag_warning(s->d, t->at->span, "`%s` is already in this list", sema_quote(s, t->at->span));
		e->remedy = "take it out";
		return;
	}
	e = diag_warning(s->d, t->at->span, "part of `%s` is already in this list", sema_quote(s, t->at->span));
	all.hi = t->r.hi;
	if (value_cmp(t->r.lo, t->with.lo))
		e->remedy = arena_printf(s->a, "write %s in place of it and what it overlaps", range_shown(s, kind, &all));
	else
		e->remedy = arena_printf(s->a, "leave the other one out: %s is all of it", range_shown(s, kind, &all));
}

/* What a let stands for as @w. */
static const struct reading *read_let(struct sema *s, const struct want *w, struct decl *d, struct span use)
{
	struct reading *r = d->reading;
	struct span via = s->via;
	struct twice twice;

	while (r && !want_same(r->want, w))
		r = r->next;
	if (r)
		return r;
	r = arena_alloc(s->a, sizeof(*r));
	r->want = arena_copy(s->a, w, sizeof(*w));
	r->found.a = s->a;
	r->next = d->reading;
	d->reading = r;
	if (!s->via.src)
		s->via = use;
	r->ok = value_read(s, w, d->let->value, &r->found);
	s->via = via;
	if (w->apart) {
		struct item *copy = arena_array(s->a, r->found.item.n, sizeof(*copy));

		for (size_t i = 0; i < r->found.item.n; i++)
			copy[i] = r->found.item.v[i];
		items_merge(s->a, copy, r->found.item.n, &twice);
	} else {
		r->found.item.n = items_merge(s->a, r->found.item.v, r->found.item.n, &twice);
	}
	if (twice.at && r->ok && !d->warned) {
		warn_twice(s, w->kind, &twice);
		d->warned = true;
	}
	return r;
}

static bool read_name(struct sema *s, const struct want *w, const struct ast_value *v, struct found *out, bool *done)
{
	struct ast_name name = { v->text, v->span };
	bool bad;
	struct decl *d = names_use(s, &name, &bad);
	const struct reading *r;
	struct diag *e;

	*done = bad || d;
	if (!d)
		return false;
	if (d->kind == DECL_SET) {
		e = sema_error(s, v->span, "set `%s` stands where values are listed", v->text);
		e->remedy = arena_printf(s->a, "ask for it by itself: `%s in %s or …`", w->what, v->text);
		return false;
	}
	if (d->kind == DECL_LIMIT) {
		e = sema_error(s, v->span, "limit `%s` stands where values are listed", v->text);
		e->remedy = arena_printf(s->a, "a limit follows the whole condition: … over %s", v->text);
		return false;
	}
	if (d->broken || !d->let->value)
		return false;
	r = read_let(s, w, d, v->span);
	for (size_t i = 0; r->ok && i < r->found.item.n; i++)
		*vec_add(out->a, &out->item) = (struct item){ r->found.item.v[i].r, v };
	for (size_t i = 0; r->ok && i < r->found.text.n; i++)
		*vec_add(out->a, &out->text) = r->found.text.v[i];
	return r->ok;
}

bool value_read(struct sema *s, const struct want *w, const struct ast_value *v, struct found *out)
{
	struct range r;
	bool ok = true, done = false;

	if (v->kind == AST_LIST) {
		if (!out->item.cap && w->kind != KIND_BYTES && w->kind != KIND_IFACE) {
			out->item.v = arena_array(out->a, v->sub.n, sizeof(*out->item.v));
			out->item.cap = v->sub.n;
		}
		for (size_t i = 0; i < v->sub.n && !diag_full(s->d); i++)
			ok = v->sub.v[i] && value_read(s, w, v->sub.v[i], out) && ok;
		return ok && !diag_full(s->d);
	}
	if (v->kind == AST_WORD) {
		ok = read_name(s, w, v, out, &done);
		if (done)
			return ok;
	}
	if (w->kind == KIND_BYTES || w->kind == KIND_IFACE) {
		const char *text;

		if (!value_text(s, w, v, &text))
			return false;
		*vec_add(out->a, &out->text) = text;
		return true;
	}
	if (!value_leaf(s, w, v, &r))
		return false;
	*vec_add(out->a, &out->item) = (struct item){ r, v };
	return true;
}

struct ranges items_ranges(struct sema *s, enum type_kind kind, struct found *found)
{
	struct ranges out = { 0 };
	struct twice twice;

	out.n = out.cap = items_merge(s->scratch, found->item.v, found->item.n, &twice);
	if (twice.at)
		warn_twice(s, kind, &twice);
	out.v = arena_array(s->a, out.n, sizeof(*out.v));
	for (size_t i = 0; i < out.n; i++)
		out.v[i] = found->item.v[i].r;
	return out;
}

bool value_ranges(struct sema *s, const struct want *w, const struct ast_value *v, struct ranges *out)
{
	struct arena_mark mark = arena_mark(s->scratch);
	struct found found = { .a = s->scratch };
	bool ok = value_read(s, w, v, &found);

	if (ok)
		*out = items_ranges(s, w->kind, &found);
	arena_release(s->scratch, mark);
	return ok;
}

/* A component: a value, range or prefix; a let of one of these. */
static bool read_component(struct sema *s, const struct want *w, const struct ast_value *v, struct range *out)
{
	struct found found = { .a = s->a };
	struct diag *e;

	if (v->kind != AST_LIST && v->kind != AST_WORD)
		return value_leaf(s, w, v, out);
	if (v->kind == AST_WORD) {
		if (!value_read(s, w, v, &found))
			return false;
		if (found.item.n == 1) {
			*out = found.item.v[0].r;
			return true;
		}
	}
	e = sema_error(s, v->span, "`%s` stands for several values inside a tuple", sema_quote(s, v->span));
	e->remedy = "write one tuple for each of them";
	return false;
}

static bool read_box(struct sema *s, const struct want *w, unsigned n, const struct ast_value *v, struct ranges *out)
{
	struct range box[SEMA_MAX_TUPLE];
	bool ok = true;
	struct diag *e;

	if (v->sub.n != n) {
		e = sema_error(s, v->span, "`%s` has %zu components, %u are wanted", sema_quote(s, v->span), v->sub.n, n);
		e->remedy = "give every tuple as many components as the other side has";
		return false;
	}
	for (unsigned i = 0; i < n; i++)
		ok = v->sub.v[i] && read_component(s, &w[i], v->sub.v[i], &box[i]) && ok;
	for (unsigned i = 0; ok && i < n; i++)
		*vec_add(s->a, out) = box[i];
	return ok;
}

bool value_boxes(struct sema *s, const struct want *w, unsigned n, const struct ast_value *v, struct ranges *out)
{
	bool ok = true, bad;
	struct ast_name name = { v->text, v->span };
	struct span via = s->via;
	struct decl *d;
	struct diag *e;

	if (v->kind == AST_TUPLE)
		return read_box(s, w, n, v, out);
	if (v->kind == AST_LIST) {
		for (size_t i = 0; i < v->sub.n && !diag_full(s->d); i++)
			ok = v->sub.v[i] && value_boxes(s, w, n, v->sub.v[i], out) && ok;
		return ok && !diag_full(s->d);
	}
	if (v->kind == AST_WORD) {
		d = names_use(s, &name, &bad);
		if (bad)
			return false;
		if (d && d->kind == DECL_LET) {
			if (d->broken || !d->let->value)
				return false;
			if (!s->via.src)
				s->via = v->span;
			ok = value_boxes(s, w, n, d->let->value, out);
			s->via = via;
			return ok;
		}
	}
	e = sema_error(s, v->span, "`%s` is no tuple of %u", sema_quote(s, v->span), n);
	e->remedy = "write tuples as { (a, b), (c, d) }";
	return false;
}
