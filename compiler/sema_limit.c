/*
 * Rate limits. In: a limit as written. Out: its rate, burst and size as numbers, its key resolved, and the arithmetic that all executors
 * do (limit.h). Refused, with the reason, is what that arithmetic cannot keep: rates too fast, buckets that take too long to fill, tables
 * too large.
 */
#include "sema.h"

#include <stdlib.h>
#include <string.h>

enum { FULL_FRAME = 1514, LEAST_PACKETS = 5 };

enum rate_unit { RATE_NONE, RATE_PACKETS, RATE_BITS, RATE_BYTES, RATE_BAD };

static enum rate_unit unit_of(const char *s)
{
	static const struct {
		const char *word;
		enum rate_unit unit;
	} words[] = {
		{ "", RATE_NONE },
#define RATED(name, id, doc) { name, RATE_##id },
#include "units.def"
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(s, words[i].word))
			return words[i].unit;
	return RATE_BAD;
}

/* 10, 10k, 1.5M, 10Mbit, 64KiB: the number, and the unit that stands in the same word. */
static bool number(struct sema *s, const struct ast_name *n, uint64_t *out, enum rate_unit *unit)
{
	const char *end = n->s + strspn(n->s, "0123456789.");
	struct diag *e;
	char *text;

	if (*end && strchr("kMG", *end))
		end += end[1] == 'i' ? 2 : 1;
	else if (!strncmp(end, "Ki", 2))
		end += 2;
	*unit = unit_of(end);
	text = arena_strndup(s->a, n->s, (size_t)(end - n->s));
	if (*unit != RATE_BAD && text[0] && text[strspn(text, "0123456789")] == '\0') {
		*out = 0;
		for (const char *p = text; *p; p++)
			if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, (uint64_t)(*p - '0'), out))
				goto big;
		return true;
	}
	switch (*unit == RATE_BAD ? text_quantity(n->s, out) : text_quantity(text, out)) {
	case QTY_PLAIN:
		if (*unit != RATE_BAD)
			return true;
		break;
	case QTY_TOO_BIG:
		goto big;
	case QTY_TIME:
		e = diag_error(s->d, n->span, "`%s` is a time, not a number", sema_quote(s, n->span));
		e->remedy = "a million is 1M; a rate is 10/s, 600/m or 100/h";
		return false;
	case QTY_BYTES:
	case QTY_RATE:
	case QTY_SHARE:
	case QTY_OTHER:
		break;
	}
	e = diag_error(s->d, n->span, "`%s` is no whole number", sema_quote(s, n->span));
	e->remedy = "write 500, 10k, 1.5M or 1G, and then packets, bits or bytes";
	return false;
big:
	diag_error(s->d, n->span, "%s is too large", sema_quote(s, n->span))->remedy = "the greatest number is below 2 to the power of 64";
	return false;
}

/* The number with the unit in its word or behind it. */
static bool quantity(struct sema *s, const struct ast_name *n, const struct ast_name *word, uint64_t *out, enum rate_unit *unit)
{
	struct diag *e;

	if (!number(s, n, out, unit))
		return false;
	if (!word->s)
		return true;
	if (*unit != RATE_NONE) {
		e = diag_error(s->d, word->span, "a unit behind a number that has one");
		e->remedy = arena_printf(s->a, "write `%s` alone", n->s);
		return false;
	}
	*unit = unit_of(word->s);
	if (*unit != RATE_BAD)
		return true;
	e = diag_error(s->d, word->span, "`%s` is nothing that is limited", sema_quote(s, word->span));
	e->remedy = !strcmp(word->s, "pps") ? "write `packets`" : !strcmp(word->s, "bps") ? "write `bits`, or `bytes`" :
		    "a rate is of packets, bits or bytes";
	return false;
}

/* Nanoseconds of the rate's period, 0: none. */
static uint64_t period(struct sema *s, const struct ast_name *n)
{
	static const struct {
		const char *theirs, *ours;
	} foreign[] = {
		{ "sec", "s" }, { "second", "s" }, { "seconds", "s" }, { "min", "m" }, { "minute", "m" }, { "minutes", "m" },
		{ "hour", "h" }, { "hours", "h" }, { "hr", "h" },
	};
	static const struct {
		const char *name;
		uint64_t ns;
	} periods[] = {
#define PERIOD(name, ns, doc) { name, ns },
#include "units.def"
	};
	struct diag *e;

	for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++)
		if (!strcmp(n->s, periods[i].name))
			return periods[i].ns;
	e = diag_error(s->d, n->span, "a rate is per s, m or h, not `%s`", sema_quote(s, n->span));
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (!strcasecmp(n->s, foreign[i].theirs))
			e->remedy = arena_printf(s->a, "write `/%s`", foreign[i].ours);
	if (!strcmp(n->s, "d") || !strcmp(n->s, "day"))
		e->remedy = "divide by 24 and write `/h`";
	if (!e->remedy)
		e->remedy = "write `/s` for seconds, `/m` for minutes, `/h` for hours";
	return 0;
}

static bool burst(struct sema *s, struct ast_limit *l, uint64_t rate, uint64_t per, enum rate_unit unit)
{
	uint64_t least = l->bytes ? LEAST_PACKETS * FULL_FRAME : LEAST_PACKETS, n;
	uint64_t tenth = (uint64_t)((unsigned __int128)rate * 100000000 / per);
	enum rate_unit own;
	struct diag *e;

	if (!l->burst.s) {
		n = unit == RATE_BITS ? tenth / 8 : tenth;
		l->burst_tokens = n > least ? n : least;
		return true;
	}
	if (!quantity(s, &l->burst, &l->burst_unit, &n, &own))
		return false;
	if (own == RATE_NONE)
		own = unit;
	if ((own == RATE_PACKETS) == l->bytes) {
		e = diag_error(s->d, l->burst.span, "the burst is of %s, and the rate of %s", own == RATE_PACKETS ? "packets" : "bits or bytes",
			       l->bytes ? "bits or bytes" : "packets");
		e->remedy = "say both in packets, or both in bits or bytes";
		return false;
	}
	l->burst_tokens = own == RATE_BITS ? n / 8 : n;
	if (l->burst_tokens)
		return true;
	e = diag_error(s->d, l->burst.span, "a bucket of this size never lets anything through");
	e->remedy = l->bytes ? "a burst holds at least one frame: 1514 bytes" :
			       "a burst is at least 1; for none at all write the rule without the limit";
	return false;
}

static bool table_size(struct sema *s, struct ast_limit *l)
{
	enum rate_unit unit;
	uint64_t n, bytes;
	struct diag *e;

	if (!l->key.n && (l->size.s || l->when.src)) {
		e = diag_error(s->d, l->size.s ? l->size.span : l->when, "this limit has one bucket: there is nothing that could be full");
		e->remedy = "take it out, or write what there is a bucket for: `per ip.src`";
		return false;
	}
	if (!l->key.n)
		return true;
	l->entries = XDPF_LIMIT_ENTRIES;
	if (!l->size.s)
		return true;
	if (!number(s, &l->size, &n, &unit))
		return false;
	if (unit != RATE_NONE) {
		e = diag_error(s->d, l->size.span, "`size` is a number of keys, not of %s", unit == RATE_PACKETS ? "packets" : "bytes");
		e->remedy = "write the number alone";
		return false;
	}
	if (!n) {
		e = diag_error(s->d, l->size.span, "a table for no key");
		e->remedy = arena_printf(s->a, "leave `size` out: it is %d", XDPF_LIMIT_ENTRIES);
		return false;
	}
	bytes = xdpf_limit_key_bytes(xdpf_limit_kind(key_bytes(l->key.v, l->key.n)));
	if (n > XDPF_LIMIT_MEMORY / bytes) {
		e = diag_error(s->d, l->size.span, "a table for %llu keys of this limit takes more than %d MiB", (unsigned long long)n,
			       XDPF_LIMIT_MEMORY >> 20);
		e->remedy = arena_printf(s->a, "at most %llu keys fit", (unsigned long long)(XDPF_LIMIT_MEMORY / bytes));
		return false;
	}
	l->entries = n;
	return true;
}

bool limit_check(struct sema *s, struct ast_limit *l)
{
	enum rate_unit unit;
	uint64_t rate, per = period(s, &l->period);
	struct diag *e;
	bool too_fast;

	if (!quantity(s, &l->number, &l->unit, &rate, &unit) || !per)
		return false;
	if (unit == RATE_NONE)
		unit = RATE_PACKETS;
	l->bytes = unit != RATE_PACKETS;
	l->rate = rate;
	if (!rate) {
		e = diag_error(s->d, l->number.span, "a rate of nothing");
		e->remedy = "write the rule without the limit, or the opposite verdict";
		return false;
	}
	if (!burst(s, l, rate, per, unit) ||
	    !key_check(s, l->key.v, l->key.n, l->key.n ? l->key.v[0]->span : l->span, "the limit") || !table_size(s, l))
		return false;
	if (xdpf_limit_make(&l->fixed, rate, unit == RATE_BITS ? 8 * per : per, l->burst_tokens, &too_fast))
		return true;
	if (too_fast) {
		e = diag_error(s->d, l->span, "this rate is faster than the clock can tell");
		e->remedy = "a rate is at most 4,000G packets or bytes a second, more than any link carries";
	} else {
		e = diag_error(s->d, l->span, "a bucket of this limit takes longer to fill than time is kept");
		e->remedy = "choose a smaller burst or a greater rate: the burst may be what the rate gives in some days";
	}
	return false;
}

static const char *key_text(struct arena *a, const struct ast_operand *o)
{
	const char *s = o->name.s;

	if (o->has_slice)
		s = arena_printf(a, "%s[%llu:%llu]", s, (unsigned long long)o->off, (unsigned long long)o->len);
	for (unsigned i = 0; i < o->n_prefix; i++)
		s = arena_printf(a, "%s/%llu", s, (unsigned long long)o->prefix[i]);
	return s;
}

/* What a limit says, in one line. */
static const char *limit_text(struct arena *a, const struct ast_limit *l)
{
	const char *s = arena_printf(a, "%s%s%s/%s", l->number.s, l->unit.s ? " " : "", l->unit.s ? l->unit.s : "", l->period.s);

	if (l->burst.s)
		s = arena_printf(a, "%s burst %s%s%s", s, l->burst.s, l->burst_unit.s ? " " : "", l->burst_unit.s ? l->burst_unit.s : "");
	for (size_t i = 0; i < l->key.n; i++)
		s = arena_printf(a, "%s%s%s", s, i ? ", " : l->key.n > 1 ? " per (" : " per ", key_text(a, l->key.v[i]));
	if (l->key.n > 1)
		s = arena_printf(a, "%s)", s);
	return l->closed ? arena_printf(a, "%s when full closed", s) : s;
}

/* Is the limit, with those before it, no more than a program may have? */
static bool room_for(struct sema *s, const struct ast_limit *l)
{
	uint64_t all = 0;
	struct diag *e;

	if (l->index >= XDPF_LIMITS_MOST) {
		e = diag_error(s->d, l->span, "a program has at most %d rate limits", XDPF_LIMITS_MOST);
		e->remedy = "let rules share one: a limit with a name is one set of buckets for all that name it";
		return false;
	}
	for (unsigned kind = 0; kind < XDPF_LIMIT_KINDS; kind++)
		all += s->p->limit_sets[kind] * xdpf_limit_bytes(kind);
	if (all <= XDPF_LIMITS_MEMORY && s->p->limit_sets[l->kind] <= UINT32_MAX)
		return true;
	e = diag_error(s->d, l->span, "the tables of this program's rate limits up to here take %llu MiB, and at most %llu",
		       (unsigned long long)(all >> 20), (unsigned long long)(XDPF_LIMITS_MEMORY >> 20));
	e->remedy = arena_printf(s->a, "say how many keys each needs: `size 1000`; without, a limit has room for %d", XDPF_LIMIT_ENTRIES);
	return false;
}

static bool same_parts(const struct ast_limit *a, const struct ast_limit *b)
{
	bool same = a->key.n == b->key.n;

	for (size_t i = 0; same && i < a->key.n; i++)
		same = a->key.v[i]->value_kind == b->key.v[i]->value_kind && a->key.v[i]->bits == b->key.v[i]->bits;
	return same;
}

static unsigned like(struct sema *s, const struct ast_limit *l)
{
	for (size_t i = 0; i < s->p->limit_keys.n; i++)
		if (same_parts(l, s->p->limit_keys.v[i]))
			return s->p->limit_keys.v[i]->index;
	*vec_add(s->a, &s->p->limit_keys) = l;
	return l->index;
}

/* Gives a limit its number and its part of a table, at its first use. */
static bool number_limit(struct sema *s, struct ast_limit *l)
{
	uint64_t *sets;

	l->index = s->p->n_limits++;
	l->rule = s->p->by_index.n ? s->p->by_index.v[s->p->by_index.n - 1] : NULL;
	l->like = like(s, l);
	l->kind = xdpf_limit_kind(key_bytes(l->key.v, l->key.n));
	l->sets = xdpf_limit_sets(l->entries, l->kind);
	sets = &s->p->limit_sets[l->kind];
	l->base = *sets;
	*sets += l->sets;
	*vec_add(s->a, &s->p->limit) = l;
	l->unit_in = s->unit;
	l->text = limit_text(s->a, l);
	l->shown = l->name.s ? l->name.s : span_shown(s->a, l->span);
	return room_for(s, l);
}

static bool no_limit(struct sema *s, const struct ast_name *name)
{
	struct decl *d = names_decl(s, name->s);
	VEC(const char *) cand = { 0 };
	struct diag *e;
	const char *near;

	if (!d) {
		e = sema_error(s, name->span, "unknown limit `%s`", sema_quote(s, name->span));
		for (size_t i = 0; i < s->unit->limits.n; i++)
			if (s->unit->limits.v[i]->name.s && s->unit->limits.v[i]->order < s->order)
				*vec_add(s->a, &cand) = s->unit->limits.v[i]->name.s;
		near = diag_nearest(name->s, strlen(name->s), cand.v, cand.n);
		e->remedy = near ? arena_printf(s->a, "did you mean `%s`?", near) :
				   arena_printf(s->a, "declare it before: `limit %s = 100/s per ip.src;`, or write the rate here", name->s);
		return false;
	}
	e = sema_error(s, name->span, "`%s` is a %s, not a limit", name->s, decl_kind_name(d->kind));
	e->remedy = "behind `over` and `within` stands a limit's name or a rate: 100/s burst 200 per ip.src";
	e->note_span = d->name.span;
	e->note = "declared here";
	return false;
}

bool limit_use(struct sema *s, struct ast_expr *e)
{
	struct decl *d;
	bool bad;

	if (e->name.s) {
		d = names_use(s, &e->name, &bad);
		if (bad)
			return false;
		if (!d || d->kind != DECL_LIMIT)
			return no_limit(s, &e->name);
		if (d->broken)
			return false;
		e->limit = d->limit;
		if (e->limit->used)
			return true;
		e->limit->used = true;
		return number_limit(s, e->limit);
	}
	if (!limit_check(s, e->limit))
		return false;
	e->limit->used = true;
	*vec_add(s->a, &s->unit->limits) = e->limit;
	return number_limit(s, e->limit);
}
