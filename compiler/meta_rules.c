/*
 * The metadata's long arrays: rules, actions that may find nothing to do, logs, limits. In: a checked tree. Out: their text, as runtime/abi.h
 * describes it. A hundred thousand rules are usual, so nothing is kept of one when the next is written.
 */
#include <string.h>

#include "meta_text.h"
#include "utf8.h"

enum { NAME_MAX_SHOWN = 255 };

static void put_shown(struct meta_text *t, struct arena *a, const char *s)
{
	struct arena_mark mark = arena_mark(a);

	meta_put_string(t, utf8_line(a, s, strlen(s), NAME_MAX_SHOWN, false));
	arena_release(a, mark);
}

static void put_member(struct meta_text *t, const char *key, uint64_t v)
{
	meta_put(t, key);
	meta_put_number(t, v);
}

void meta_put_verdict(struct meta_text *t, enum verdict v)
{
	if (v == VERDICT_NONE)
		meta_put(t, "null");
	else
		meta_put_string(t, lang_verdicts[v].name);
}

void meta_put_other(struct meta_text *t, const struct ast_way *w)
{
	if (!w)
		return;
	put_member(t, ",\"else\":{\"slot\":", w->slot);
	meta_put(t, ",\"verdict\":");
	meta_put_verdict(t, w->other);
	meta_put(t, "}");
	if (w->kind != WAY_SYNCOOKIE)
		return;
	put_member(t, ",\"cookies\":{\"completed\":", w->slot + WAY_COMPLETED);
	put_member(t, ",\"unanswered\":", w->slot + WAY_UNANSWERED);
	meta_put(t, "}");
}

/* Where a rule stands: see "depth" in runtime/abi.h. */
struct stand {
	size_t file;
	unsigned depth;
	bool other, chained;
};

static void put_rule(struct meta_text *t, struct arena *a, const struct ast_rule *r, const struct stand *s)
{
	struct line_col at = r->span.src ? source_line_col(r->span.src, r->span.begin) : (struct line_col){ 0, 0 };

	put_member(t, "{\"index\":", r->index);
	put_member(t, ",\"file\":", s->file);
	meta_put(t, ",\"label\":");
	if (r->label.s)
		put_shown(t, a, r->label.s);
	else
		meta_put(t, "null");
	meta_put(t, ",\"shown\":");
	put_shown(t, a, r->shown);
	meta_put(t, ",\"source\":");
	put_shown(t, a, r->span.src ? source_shown(r->span.src) : "");
	put_member(t, ",\"line\":", at.line);
	put_member(t, ",\"column\":", at.col);
	if (s->depth)
		put_member(t, ",\"depth\":", s->depth);
	if (s->other || s->chained)
		meta_put(t, s->chained ? ",\"branch\":\"else if\"" : ",\"branch\":\"else\"");
	meta_put(t, ",\"verdict\":");
	meta_put_verdict(t, r->verdict);
	meta_put(t, ",\"text\":");
	meta_put_string(t, r->text);
	meta_put_other(t, r->action.n ? r->action.v[r->action.n - 1]->way : NULL);
	meta_put(t, "}");
}

/* Which unit each index belongs to. Blocks nest at most AST_MAX_DEPTH deep; chains of `else if` are walked in a loop. */
static void mark_rules(struct stand *s, const struct ast_rules *rules, struct stand at)
{
	struct stand inside = { at.file, at.depth + 1, false, false }, other = { at.file, at.depth + 1, true, false };

	for (size_t i = 0; i < rules->list.n; i++) {
		for (const struct ast_rule *r = rules->list.v[i]; r; r = r->else_rule) {
			s[r->index] = at;
			s[r->index].chained = r != rules->list.v[i];
			mark_rules(s, &r->then_block, inside);
			if (r->has_else_block)
				mark_rules(s, &r->else_block, other);
		}
	}
}

void meta_put_rules(struct meta_text *t, const struct ast_program *p)
{
	struct arena *a = arena_new();
	struct stand *stand = arena_array(a, p->n_indexes + 1, sizeof(*stand));
	bool first = true;

	for (size_t u = 0; u < p->units.n; u++)
		mark_rules(stand, &p->units.v[u]->rules, (struct stand){ u, 0, false, false });
	meta_put(t, "[");
	for (size_t i = 0; i < p->by_index.n && !t->failed; i++) {
		const struct ast_rule *r = p->by_index.v[i];

		if (!r)
			continue;
		meta_put(t, first ? "" : ",");
		first = false;
		put_rule(t, a, r, &stand[i]);
	}
	meta_put(t, "]");
	arena_free(a);
}

void meta_put_actions(struct meta_text *t, const struct ast_program *p)
{
	bool first = true;

	meta_put(t, "[");
	for (size_t i = 0; i < p->by_index.n && !t->failed; i++) {
		const struct ast_rule *r = p->by_index.v[i];

		for (size_t k = 0; r && k < r->action.n; k++) {
			const struct ast_action *x = r->action.v[k];

			if (!x->may_miss)
				continue;
			put_member(t, first ? "{\"slot\":" : ",{\"slot\":", x->slot);
			first = false;
			put_member(t, ",\"rule\":", r->index);
			meta_put(t, ",\"table\":");
			if (x->counter)
				meta_put_number(t, x->counter->index);
			else
				meta_put(t, "null");
			meta_put(t, ",\"action\":");
			meta_put_string(t, x->text);
			meta_put(t, "}");
		}
	}
	meta_put(t, "]");
}

void meta_put_logs(struct meta_text *t, const struct ast_program *p)
{
	meta_put(t, "[");
	for (size_t i = 0; i < p->logs.n && !t->failed; i++) {
		put_member(t, i ? ",{\"rule\":" : "{\"rule\":", p->logs.v[i]->rule);
		meta_put(t, p->logs.v[i]->sample ? ",\"sample\":true}" : ",\"sample\":false}");
	}
	meta_put(t, "]");
}

/* What its buckets are kept by: those of limits that have this and .shift in common mean the same. */
static const char *limit_layout(struct arena *a, const struct ast_limit *l)
{
	struct meta_key k = meta_key_layout(a, l->key.v, l->key.n);
	const char *layout = "";

	for (unsigned i = 0; i < k.n; i++)
		layout = arena_printf(a, "%s%s%s", layout, i ? "," : "", meta_operand_text(a, k.field[i].operand));
	return arena_printf(a, "%s shift %u", layout, l->fixed.shift);
}

void meta_put_limits(struct meta_text *t, const struct ast_program *p)
{
	struct arena *a = arena_new();
	size_t file = 0;

	meta_put(t, "[");
	for (size_t i = 0; i < p->limit.n && !t->failed; i++) {
		const struct ast_limit *l = p->limit.v[i];

		/* their numbers go through the files in order */
		while (p->units.v[file] != l->unit_in)
			file++;
		meta_put(t, i ? ",{\"name\":" : "{\"name\":");
		put_shown(t, a, l->shown);
		meta_put(t, ",\"rate\":");
		put_shown(t, a, l->text);
		put_member(t, ",\"file\":", file);
		put_member(t, ",\"size\":", l->entries);
		put_member(t, ",\"words\":", l->kind);
		meta_put(t, ",\"layout\":");
		put_shown(t, a, limit_layout(a, l));
		put_member(t, ",\"shift\":", l->fixed.shift);
		/* without a name it is known by the rule that it stands in */
		if (!l->name.s && l->rule)
			put_member(t, ",\"rule\":", l->rule->index);
		meta_put(t, "}");
	}
	meta_put(t, "]");
	arena_free(a);
}
