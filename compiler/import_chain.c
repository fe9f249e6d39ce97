/*
 * Chains as rules and blocks. In: a base chain and those that it calls. Out: one list: a call is a block, a return leaves what stands behind it in
 * its chain to packets that do not return, a goto leaves it to those that do not go. Chains that are called from several places are
 * written several times.
 */
#include "import_chain.h"

#include <string.h>

enum { MOST_DEPTH = 90, MOST_WRITTEN = 400000 };

struct chain *chain_find(const struct chain_set *s, const char *name, size_t len)
{
	for (size_t i = 0; i < s->list.n; i++)
		if (strlen(s->list.v[i]->name) == len && memcmp(s->list.v[i]->name, name, len) == 0)
			return s->list.v[i];
	return NULL;
}

struct chain *chain_add(struct chain_set *s, const char *name, size_t len)
{
	struct chain *c = arena_alloc(s->im->arena, sizeof(*c));

	c->name = arena_strndup(s->im->arena, name, len);
	*vec_add(s->im->arena, &s->list) = c;
	return c;
}

static bool write_from(struct chain_set *s, struct chain *c, size_t i, unsigned depth);

static const char *verdict(enum chain_do what)
{
	switch (what) {
	case CHAIN_PASS:
		return "pass";
	case CHAIN_DROP:
		return "drop";
	case CHAIN_RST:
		return "reply rst";
	case CHAIN_UNREACHABLE:
		return "reply unreachable";
	case CHAIN_NEXT:
	case CHAIN_CALL:
	case CHAIN_GOTO:
	case CHAIN_RETURN:
		break;
	}
	return NULL;
}

static void write_condition(struct chain_set *s, const struct chain_rule *r)
{
	if (r->cond || r->limit)
		import_put(s->im, "if %s%s%s", r->cond ? r->cond : "eth", r->limit ? " " : "", r->limit ? r->limit : "");
}

static bool enter(struct chain_set *s, const struct chain_rule *r, unsigned depth)
{
	if (r->target->entered || depth >= MOST_DEPTH) {
		import_refuse(s->im, 0, r->at, r->text, r->target->entered ? "chains call each other in a circle" :
			      "chains and returns nest deeper than %d", MOST_DEPTH);
		return false;
	}
	return true;
}

/* A rule as it is called from here: the same in every run, another elsewhere. */
static uint64_t called(const struct chain_set *s, const struct chain_rule *r)
{
	uint64_t z = (s->from ^ (r->number + 1)) * 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	return z ^ z >> 31;
}

/* The target's rules; true: each packet is decided in there. */
static bool write_target(struct chain_set *s, const struct chain_rule *r, unsigned depth)
{
	uint64_t from = s->from;
	bool decides;

	r->target->entered = true;
	s->from = called(s, r);
	decides = write_from(s, r->target, 0, depth);
	s->from = from;
	r->target->entered = false;
	return decides;
}

/* A call or goto; true: no packet goes on behind it. */
static bool write_call(struct chain_set *s, struct chain *c, size_t i, unsigned depth)
{
	const struct chain_rule *r = &c->rule.v[i];

	if (r->actions)
		import_put(s->im, "%s %s;\n", r->actions, r->cond ? arena_printf(s->im->arena, "if %s", r->cond) : "");
	if (!r->cond && !r->limit)
		return write_target(s, r, depth) || r->what == CHAIN_GOTO;
	write_condition(s, r);
	import_put(s->im, " {\n");
	write_target(s, r, depth + 1);
	import_put(s->im, "}");
	if (r->what == CHAIN_GOTO && i + 1 < c->rule.n) {
		import_put(s->im, " else {\n");
		write_from(s, c, i + 1, depth + 1);
		import_put(s->im, "}");
	}
	import_put(s->im, "\n");
	return r->what == CHAIN_GOTO;
}

static void write_return(struct chain_set *s, struct chain *c, size_t i, unsigned depth)
{
	const struct chain_rule *r = &c->rule.v[i];

	if (r->actions)
		import_put(s->im, "%s %s;\n", r->actions, r->cond ? arena_printf(s->im->arena, "if %s", r->cond) : "");
	if (!r->cond && !r->limit)
		return;
	if (r->limit) {
		write_condition(s, r);
		import_put(s->im, " {\n} else {\n");
	} else {
		import_put(s->im, "if not (%s) {\n", r->cond);
	}
	write_from(s, c, i + 1, depth + 1);
	import_put(s->im, "}\n");
}

/* What stands in the text before a rule; false: nothing more of it. */
static bool write_head(struct chain_set *s, const struct chain_rule *r)
{
	import_note(s->im, "%s: %s", r->at, r->text);
	import_note_refused(s->im, r->refused, r->n_refused);
	if (r->never)
		import_note(s->im, "It matches no packet.");
	return !r->out && !r->never && import_begin(s->im, called(s, r));
}

/* The rules from @i on; true: each packet is decided in them. */
static bool write_from(struct chain_set *s, struct chain *c, size_t i, unsigned depth)
{
	for (; i < c->rule.n; i++) {
		const struct chain_rule *r = &c->rule.v[i];
		bool last = false, returns = false;

		if (++s->written > MOST_WRITTEN) {
			if (s->written == MOST_WRITTEN + 1)
				import_refuse(s->im, 0, r->at, r->text, "written where they are called from, its chains are more than %d rules",
					      MOST_WRITTEN);
			return false;
		}
		if (!write_head(s, r))
			continue;
		switch (r->what) {
		case CHAIN_NEXT:
			if (r->actions) {
				import_put(s->im, "%s ", r->actions);
				write_condition(s, r);
				import_put(s->im, ";\n");
			}
			break;
		case CHAIN_PASS:
		case CHAIN_DROP:
		case CHAIN_RST:
		case CHAIN_UNREACHABLE:
			import_put(s->im, "%s%s%s ", r->actions ? r->actions : "", r->actions ? ", " : "", verdict(r->what));
			write_condition(s, r);
			import_put(s->im, ";\n");
			last = !r->cond && !r->limit;
			break;
		case CHAIN_CALL:
		case CHAIN_GOTO:
			if (enter(s, r, depth))
				last = write_call(s, c, i, depth);
			returns = last && r->what == CHAIN_GOTO;
			break;
		case CHAIN_RETURN:
			if (depth >= MOST_DEPTH)
				import_refuse(s->im, 0, r->at, r->text, "returns nest deeper than %d", MOST_DEPTH);
			else
				write_return(s, c, i, depth);
			returns = true;
			break;
		}
		import_end(s->im, called(s, r));
		if (returns)
			return false;
		if (last && i + 1 < c->rule.n)
			import_note(s->im, "No packet comes to the %zu rules behind it in chain %s.", c->rule.n - i - 1, c->name);
		if (last)
			return true;
	}
	return false;
}

void chain_translate(struct chain_set *s, struct chain *base)
{
	VEC(struct chain *) todo = { 0 };

	*vec_add(s->im->arena, &todo) = base;
	for (size_t i = 0; i < todo.n; i++)
		for (size_t j = 0; j < todo.v[i]->rule.n; j++) {
			struct chain_rule *r = &todo.v[i]->rule.v[j];

			if (r->translated)
				continue;
			r->translated = true;
			r->refused = s->im->refused.n;
			s->translate(s->arg, r);
			r->n_refused = s->im->refused.n - r->refused;
			if (r->target)
				*vec_add(s->im->arena, &todo) = r->target;
		}
}

void chain_write(struct chain_set *s, struct chain *c)
{
	c->entered = true;
	write_from(s, c, 0, 0);
	c->entered = false;
}
