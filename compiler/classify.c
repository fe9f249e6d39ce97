/*
 * From rules to tables, by one engine or the one that costs least. In: rules. Out: tables in the image and how they are looked up, or why
 * not; and the look-up in plain C, for tests.
 */
#include "classify_priv.h"

#include <stdarg.h>
#include <stdio.h>

bool classify_fail(struct attempt *t, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	t->why = arena_printf(t->out, "%s", text);
	return false;
}

bool classify_room(struct attempt *t, size_t more)
{
	size_t used = t->im->n - t->before;

	return (used <= t->max_bytes && more <= t->max_bytes - used) ||
	       classify_fail(t, "the tables would be larger than %zu KB", t->max_bytes >> 10);
}

static bool build_rfc(struct attempt *t, struct classifier *c)
{
	uint32_t *term = arena_array(t->a, t->r->term.n, sizeof(*term));

	for (size_t i = 0; i < t->r->term.n; i++)
		term[i] = (uint32_t)i;
	return classify_rfc(t, term, t->r->term.n, &c->rfc);
}

static bool build(struct attempt *t, struct classifier *c)
{
	switch (c->engine) {
	case ENGINE_RFC:
		return build_rfc(t, c);
	case ENGINE_HYBRID:
		return classify_hybrid(t, &c->rfc, &c->tuple);
	case ENGINE_LINEAR:
	case ENGINE_SWITCH:
		return classify_fail(t, "this is code, not tables");
	case ENGINE_AUTO:
	case ENGINE_TREE:
	case ENGINE_COUNT:
		break;
	}
	return classify_fail(t, "there is no such classifier");
}

struct classifier *classify_build(struct arena *a, const struct classify_rules *r, const struct classify_options *o, struct image *m,
				  const char **why)
{
	struct classifier *c = arena_alloc(a, sizeof(*c));
	struct attempt t = { .a = arena_new(), .out = a, .r = r, .im = m, .max_bytes = o->max_bytes, .max_rest = o->max_rest, .before = m->n };
	bool ok;

	c->engine = o->engine == ENGINE_AUTO ? ENGINE_RFC : o->engine;
	c->n_dims = r->n_dims;
	ok = build(&t, c);
	arena_free(t.a);
	if (!ok) {
		if (!m->failed)
			image_cut(m, t.before);
		*why = t.why;
		return NULL;
	}
	c->bytes = m->n - t.before;
	return c;
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
	return rfc_loads(&c->rfc);
}

const char *classify_reason(const struct classifier *c)
{
	return c->reason;
}

void classify_lookup(const struct classifier *c, const struct image *m, const unsigned *which, const struct value *v, uint32_t *list, uint32_t *best)
{
	*list = rfc_find(m, &c->rfc, which, v);
	*best = CLASSIFY_WORD_END;
	if (c->engine == ENGINE_HYBRID)
		*best = tuple_find(m, &c->tuple, which, v, *(const uint32_t *)image_at(m, *list - 4));
}
