/*
 * From rules to tables, by one engine or the one that costs least. In: rules. Out: tables in the image and how they are looked up, or why
 * not; and the look-up in plain C, for tests.
 */
#include "classify_priv.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	CACHED = 16 << 20,			/* bytes that are likely to be in a cache */
};

/* Of all tables of a program together whose engine is forced, as classify_work() counts: about ten seconds. What takes longest of what is known and
 * comes to an end, ten thousand rules that overlap as addresses of routers do, takes half of it. */
#define MOST_WORK ((uint64_t)3 << 30)

void classify_why(struct attempt *t, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	t->why = arena_printf(t->out, "%s", text);
}

bool classify_room(struct attempt *t, size_t more)
{
	size_t used = t->im->n - t->before.n;

	return (used <= t->max_bytes && more <= t->max_bytes - used) ||
	       classify_fail(t, "the tables would be larger than %zu KB", t->max_bytes >> 10);
}

bool classify_describe(struct attempt *t, size_t bytes, size_t *off)
{
	*off = image_describe(t->im, bytes, 8);
	return !t->im->failed || classify_fail(t, "the tables of the program would be more than %d MB", IMAGE_MOST >> 20);
}

bool classify_work(struct attempt *t, uint64_t more)
{
	t->work += more;
	return !t->max_work || t->work <= t->max_work || classify_fail(t, "tables of all combinations would take too long to make");
}

/* Places of all terms; or of those whose entries stop, or do not. */
static uint32_t *terms(const struct attempt *t, bool stopping, bool others, size_t *n)
{
	uint32_t *term = arena_array(t->a, t->r->term.n, sizeof(*term));

	*n = 0;
	for (size_t i = 0; i < t->r->term.n; i++)
		if (t->r->entry.v[t->r->term.v[i].entry].stops ? stopping : others)
			term[(*n)++] = (uint32_t)i;
	return term;
}

static bool build_rfc(struct attempt *t, struct classifier *c)
{
	size_t n;
	uint32_t *term = terms(t, true, true, &n);

	return classify_rfc(t, term, n, &c->rfc);
}

static bool build_tree(struct attempt *t, struct classifier *c)
{
	size_t n, others;
	uint32_t *term = terms(t, true, false, &n), *other = terms(t, false, true, &others);

	return classify_rfc(t, other, others, &c->rfc) && classify_tree(t, term, n, &c->tree);
}

/* Another try: as if the last one had not been. */
static bool again(struct attempt *t, struct classifier *c, enum classify_engine engine, size_t max_bytes)
{
	if (t->im->failed)
		return false;
	image_cut(t->im, t->before);
	arena_free(t->a);
	t->a = arena_new();
	t->max_bytes = max_bytes;
	t->longest = 0;
	c->engine = engine;
	return true;
}

static const char *hybrid_reason(const struct attempt *t, const struct tuple *tuple)
{
	const char *why = t->why ? t->why : "tables of all combinations would be far from the processor";
	const char *tables = arena_printf(t->out, "%u hash table%s", tuple->n, tuple->n == 1 ? "" : "s");

	return arena_printf(t->out, "%s: %s%s%s for most rules, tables of combinations for those that ask little", why,
			    tuple->pair.is ? "a table of pairs of addresses" : "", tuple->pair.is && tuple->n ? " and " : "",
			    tuple->n ? tables : "");
}

/* What costs least, as long as it is in memory that the processor's caches may hold; then a tree, which is slower, and last what is not in any
 * cache. */
static bool build_any(struct attempt *t, struct classifier *c)
{
	size_t most = t->max_bytes, cached = most < CACHED ? most : CACHED;
	const char *why;

	c->engine = ENGINE_SWITCH;
	if (classify_switch(t, &c->cases) && c->cases.n <= SWITCH_FEW) {
		c->reason = arena_printf(t->out, "one field, and %zu values of it: compared in code", c->cases.n);
		return true;
	}
	if (!again(t, c, ENGINE_HYBRID, most))
		return false;
	t->why = NULL;
	t->max_rest_bytes = cached;
	if (classify_hybrid(t, &c->rfc, &c->tuple)) {
		if (!c->tuple.n && !c->tuple.pair.is)
			c->engine = ENGINE_RFC;
		c->reason = c->engine == ENGINE_RFC ? "few enough combinations of what the rules ask for tables of all" : hybrid_reason(t, &c->tuple);
		return true;
	}
	if (!again(t, c, ENGINE_TREE, most))
		return false;
	c->reason = "the rules overlap, and have too little in common for hash tables: a tree of them, which costs more per packet";
	if (build_tree(t, c))
		return true;
	why = t->why;
	if (!again(t, c, ENGINE_HYBRID, most))
		return false;
	t->max_rest_bytes = 0;
	c->reason = arena_printf(t->out, "%s: tables that are larger than a processor's cache", why);
	return classify_hybrid(t, &c->rfc, &c->tuple);
}

static bool build(struct attempt *t, struct classifier *c)
{
	c->reason = "as asked for";
	switch (c->engine) {
	case ENGINE_AUTO:
		return build_any(t, c);
	case ENGINE_RFC:
		return build_rfc(t, c);
	case ENGINE_HYBRID:
		return classify_hybrid(t, &c->rfc, &c->tuple);
	case ENGINE_TREE:
		return build_tree(t, c);
	case ENGINE_SWITCH:
		return classify_switch(t, &c->cases);
	case ENGINE_LINEAR:
		return classify_fail(t, "this is code, not tables");
	case ENGINE_COUNT:
		break;
	}
	return classify_fail(t, "there is no such classifier");
}

struct classifier *classify_build(struct arena *a, const struct classify_rules *r, const struct classify_options *o, struct image *m,
				  const char **why)
{
	struct classifier *c = arena_alloc(a, sizeof(*c));
	struct attempt t = { .a = arena_new(), .out = a, .r = r, .im = m, .max_bytes = o->max_bytes, .max_rest = o->max_rest,
			     .before = image_mark(m), .work = o->work ? *o->work : 0, .max_work = o->work ? MOST_WORK : 0 };
	bool ok;

	c->engine = o->engine;
	c->n_dims = r->n_dims;
	ok = build(&t, c);
	if (o->work)
		*o->work = t.work;
	arena_free(t.a);
	if (!ok) {
		if (!m->failed)
			image_cut(m, t.before);
		*why = t.why;
		return NULL;
	}
	c->bytes = m->n - t.before.n;
	c->longest = t.longest;
	return c;
}

bool classify_too_long(uint64_t work)
{
	return work > MOST_WORK;
}

const char *classify_engine_name(enum classify_engine e)
{
	static const char *const name[] = {
		[ENGINE_AUTO] = "auto", [ENGINE_LINEAR] = "linear", [ENGINE_SWITCH] = "switch", [ENGINE_RFC] = "rfc", [ENGINE_HYBRID] = "hybrid",
		[ENGINE_TREE] = "tree",
	};

	_Static_assert(sizeof(name) / sizeof(*name) == ENGINE_COUNT, "a name for each");
	return name[e];
}

const char *classify_name(const struct classifier *c)
{
	return classify_engine_name(c->engine);
}

size_t classify_bytes(const struct classifier *c)
{
	return c->bytes;
}

unsigned classify_loads(const struct classifier *c)
{
	unsigned n;

	if (c->engine == ENGINE_SWITCH)
		return 1;
	n = rfc_loads(&c->rfc);
	if (c->engine == ENGINE_HYBRID)
		n += 2 * c->tuple.n + (c->tuple.pair.is ? pair_loads(&c->tuple.pair) : 0);
	if (c->engine == ENGINE_TREE)
		n += tree_loads(&c->tree);
	return n;
}

const char *classify_reason(const struct classifier *c)
{
	return c->reason;
}

const struct rfc_dim *classify_maps(const struct classifier *c, unsigned dim)
{
	const struct rfc_dim *d = NULL;

	if (c->engine == ENGINE_SWITCH)
		return NULL;
	for (unsigned i = 0; i < TUPLE_LONG && c->tuple.pair.is; i++)
		if (c->tuple.dim[i] == dim)
			d = &c->tuple.pair.dim[i];
	if (!c->tuple.pair.is && !c->tuple.late)
		d = &c->rfc.dim[dim];
	return d && d->n ? d : NULL;
}

/* Hash tables first: what then has nothing earlier is not looked at. */
static void lookup_late(const struct classifier *c, const struct image *m, const unsigned *which, const struct value *v, uint32_t *list,
			uint32_t *best)
{
	bool sure;

	*best = tuple_find(m, &c->tuple, which, v, CLASSIFY_WORD_END, &sure);
	if (sure || *(const uint32_t *)image_at(m, c->tuple.rest) >= (*best & TUPLE_END))
		*list = *(const uint32_t *)image_at(m, c->rfc.at + 4 * RFC_LISTS) + 4;
	else
		*list = rfc_find(m, &c->rfc, which, v);
}

void classify_lookup(const struct classifier *c, const struct image *m, const unsigned *which, const struct value *v, uint32_t *list, uint32_t *best)
{
	bool sure;

	if (c->engine == ENGINE_HYBRID && c->tuple.late) {
		lookup_late(c, m, which, v, list, best);
		return;
	}
	if (c->engine == ENGINE_SWITCH)
		*list = *(const uint32_t *)image_at(m, c->cases.at) + 4 * classify_switch_find(&c->cases, which, v) + 4;
	else
		*list = rfc_find(m, &c->rfc, which, v);
	*best = CLASSIFY_WORD_END;
	if (c->engine == ENGINE_HYBRID)
		*best = tuple_find(m, &c->tuple, which, v, *(const uint32_t *)image_at(m, *list - 4), &sure);
	if (c->engine == ENGINE_TREE)
		*best = tree_find(m, &c->tree, which, v, *best);
}
