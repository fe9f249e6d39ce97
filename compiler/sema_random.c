/*
 * Conditions on chance and on the clock. In: `random SHARE [per flow]` and `time VALUE` as parsed. Out: the share as a part of 2^32, and what
 * tells a flow; times of day as ranges of seconds, in which a range over midnight is two. A share of nothing or of more than all, and times
 * that are none, or all day, are refused.
 */
#include "sema.h"

#include <string.h>

enum { DAY = 24 * 3600 };

/* ---- chance ---- */

/* "0.5%" as a part of 2^32, to the nearest; false: not that form, or more digits than matter. */
static bool share_read(const char *text, uint64_t *out)
{
	enum { MAX_DIGITS = 9 };
	uint64_t n = 0, parts = 100;
	unsigned digits = 0;
	bool dot = false;

	for (; (*text >= '0' && *text <= '9') || (*text == '.' && !dot); text++) {
		if (*text == '.') {
			dot = true;
			continue;
		}
		if (++digits > MAX_DIGITS)
			return false;
		n = n * 10 + (uint64_t)(*text - '0');
		if (dot)
			parts *= 10;
	}
	if (!digits || strcmp(text, "%"))
		return false;
	/* n is below 2^30 */
	*out = n <= parts ? ((n << 32) + parts / 2) / parts : UINT64_MAX;
	return true;
}

static struct ast_operand *flow_part(struct sema *s, enum ast_flow part)
{
	static const enum field_id field[FLOW_PARTS] = {
		[FLOW_SRC] = FIELD_IP_SRC, [FLOW_DST] = FIELD_IP_DST, [FLOW_PROTO] = FIELD_IP_PROTO,
		[FLOW_SPORT] = FIELD_L4_SPORT, [FLOW_DPORT] = FIELD_L4_DPORT,
	};
	struct ast_operand *op = arena_alloc(s->a, sizeof(*op));

	op->kind = OPERAND_FIELD;
	op->field = field[part];
	op->value_kind = lang_types[lang_fields[op->field].type].kind;
	op->bits = lang_fields[op->field].bits;
	return op;
}

bool random_check(struct sema *s, struct ast_expr *e)
{
	struct span at = e->value->span;
	struct diag *d;

	e->site = s->p->n_sites++;
	if (e->name.s && strcmp(e->name.s, "flow")) {
		d = diag_error(s->d, e->name.span, "chance is per packet or per flow, not per `%s`", sema_quote(s, e->name.span));
		d->remedy = "write `random 1%` or `random 1% per flow`";
		return false;
	}
	if (!share_read(e->value->text, &e->share)) {
		d = diag_error(s->d, at, "`%s` is no share of packets", sema_quote(s, at));
		d->remedy = "a share is a number of at most nine digits in percent, such as 1% or 0.5%";
		return false;
	}
	if (e->share > (uint64_t)1 << 32) {
		d = diag_error(s->d, at, "`%s` is more than all", sema_quote(s, at));
		d->remedy = "a share is at most 100%";
		return false;
	}
	if (!e->share) {
		d = diag_error(s->d, at, "`%s` is never", sema_quote(s, at));
		d->remedy = "a share is more than 0%, and as small as one of 4,294,967,296; leave the rule out if nothing is meant";
		return false;
	}
	for (int i = 0; e->name.s && i < FLOW_PARTS; i++)
		*vec_add(s->a, &e->operand) = flow_part(s, (enum ast_flow)i);
	return true;
}

/* ---- times of day ---- */

/* Two digits of an hour, a minute or a second, below @limit; the hour may have one. */
static bool part_read(const char **p, bool hour, unsigned limit, unsigned *out)
{
	unsigned n = 0, v = 0;

	for (; **p >= '0' && **p <= '9' && n < 2; (*p)++, n++)
		v = v * 10 + (unsigned)(**p - '0');
	*out = v;
	return (n == 2 || (hour && n == 1)) && v < limit;
}

/* 8:00, 08:00, 08:00:30; 24:00 as the end of a day. */
static bool clock_read(const char *p, unsigned *out)
{
	unsigned h, m, sec = 0;

	if (!part_read(&p, true, 25, &h) || *p++ != ':' || !part_read(&p, false, 60, &m))
		return false;
	if (*p == ':' && (p++, !part_read(&p, false, 60, &sec)))
		return false;
	*out = h * 3600 + m * 60 + sec;
	return !*p && *out <= DAY;
}

static bool clock_at(struct sema *s, const struct ast_value *v, unsigned *out)
{
	struct diag *d;

	if (v->kind == AST_COLONS && clock_read(v->text, out))
		return true;
	d = sema_error(s, v->span, "`%s` is no time of day", sema_quote(s, v->span));
	d->remedy = "write hours and minutes, with seconds if you need them: 08:00, 23:59:30; 24:00 ends a day";
	return false;
}

static void add_seconds(struct sema *s, struct found *out, unsigned from, unsigned to, const struct ast_value *at)
{
	if (from < to)
		*vec_add(s->a, &out->item) = (struct item){ { FAMILY_NUM, value_of(from), value_of(to - 1) }, at };
}

static bool time_read(struct sema *s, const struct ast_value *v, struct found *out, unsigned depth);

static bool time_list(struct sema *s, const struct ast_value *v, struct found *out, unsigned depth)
{
	bool ok = true;

	for (size_t i = 0; i < v->sub.n; i++)
		ok = time_read(s, v->sub.v[i], out, depth) && ok;
	return ok;
}

/* A range is from its first second to the one before its end, so that 08:00-18:00 and 18:00-08:00 share none and leave none. */
static bool time_range(struct sema *s, const struct ast_value *v, struct found *out)
{
	unsigned from, to;
	struct diag *d;

	if (!clock_at(s, v->sub.v[0], &from) || !clock_at(s, v->sub.v[1], &to))
		return false;
	if (from == to || from == DAY) {
		d = sema_error(s, v->span, "`%s` is no range of times", sema_quote(s, v->span));
		d->remedy = from == to ? "it ends where it begins: leave the condition out if the whole day is meant" : "a day begins at 00:00";
		return false;
	}
	if (from < to) {
		add_seconds(s, out, from, to, v);
	} else {
		add_seconds(s, out, from, DAY, v);
		add_seconds(s, out, 0, to, v);
	}
	return true;
}

static bool time_read(struct sema *s, const struct ast_value *v, struct found *out, unsigned depth)
{
	struct decl *let = v->kind == AST_WORD && v->text ? names_decl(s, v->text) : NULL;
	struct span via = s->via;
	struct diag *d;
	bool bad = false, ok;

	if (v->kind == AST_RANGE)
		return time_range(s, v, out);
	if (v->kind == AST_LIST)
		return time_list(s, v, out, depth);
	if (let && let->kind == DECL_LET && depth < SEMA_MAX_LET_DEPTH) {
		if (!names_use(s, &(struct ast_name){ v->text, v->span }, &bad) || bad)
			return false;
		let->let->used = true;
		if (!value_whole(s, let->let->value))
			return false;
		if (!s->via.src)
			s->via = v->span;
		ok = time_read(s, let->let->value, out, depth + 1);
		s->via = via;
		return ok;
	}
	d = sema_error(s, v->span, "`time` is followed by a range of times of day, not by `%s`", sema_quote(s, v->span));
	d->remedy = "write `time 08:00-18:00`; a range may go over midnight, several stand in { }";
	return false;
}

bool time_check(struct sema *s, struct ast_expr *e)
{
	struct ast_match *m = &e->match;
	struct found found = { .a = s->a };
	struct twice twice;
	struct diag *d;

	if (!time_read(s, e->value, &found, 0) || !found.item.n)
		return false;
	m->kind = MATCH_RANGES;
	m->n = items_merge(s->a, found.item.v, found.item.n, &twice);
	m->range = arena_array(s->a, m->n, sizeof(*m->range));
	for (size_t i = 0; i < m->n; i++)
		m->range[i] = found.item.v[i].r;
	if (m->n > 1 || m->range[0].lo.lo || m->range[0].hi.lo != DAY - 1)
		return true;
	d = diag_error(s->d, e->span, "`%s` is the whole day", sema_quote(s, e->span));
	d->remedy = "leave the condition out";
	return false;
}
