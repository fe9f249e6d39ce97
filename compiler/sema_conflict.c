/*
 * Conditions that cannot hold, as they are told. In: two parts that exclude each other (sema_contradict.c). Out: diagnostics.
 */
#include "sema.h"

void facts_report(struct sema *s, const struct conflict *c)
{
	const char *at = sema_quote(s, c->at->span);
	const char *other = c->other ? sema_quote(s, c->other->span) : NULL;
	struct diag *e;

	if (!c->at_true)
		at = arena_printf(s->a, "not (%s)", at);
	if (!other) {
		e = diag_error(s->d, c->at->span, "`%s` can never be true here", at);
		e->remedy = "take it out, or correct it";
		return;
	}
	if (c->other_true)
		e = diag_error(s->d, c->at->span, "`%s` can never be true: it contradicts `%s`", at, other);
	else
		e = diag_error(s->d, c->at->span, "`%s` can never be true here: only packets come here for which `%s` is false",
			       at, other);
	if (!c->other_true)
		e->remedy = "take this branch out, or correct one of the two";
	else
		e->remedy = c->headers ? "no packet is both: ask with `or`, or write two rules"
				       : "no value is both: ask with `or`, or a list";
	e->note_span = c->other->span;
	e->note = c->other_true ? "asked for here" : "asked before, and false here";
}

void conflict_note(struct sema *s, struct diag *e, const struct conflict *c)
{
	if (!c->other)
		return;
	e->note_span = c->other->span;
	e->note = arena_printf(s->a, c->other_true ? "`%s` is true here" : "`%s` is false here", sema_quote(s, c->other->span));
}

/* A part of the condition itself says nothing new. */
static bool elsewhere(const struct ast_expr *e, const struct conflict *c)
{
	return c->other &&
	       !(c->other->span.src == e->span.src && c->other->span.begin >= e->span.begin && c->other->span.end <= e->span.end);
}

void facts_warn_always(struct sema *s, const struct ast_expr *e, const struct conflict *c)
{
	struct diag *d = diag_warning(s->d, e->span, "`%s` is always true here, so its `else` is never reached",
				      sema_quote(s, e->span));

	d->remedy = "take the `else` out, or correct the condition";
	if (elsewhere(e, c))
		conflict_note(s, d, c);
}

void facts_warn_taken(struct sema *s, const struct ast_expr *e, const struct conflict *c)
{
	struct diag *d = diag_warning(s->d, e->span, "`%s` never matches here: the rules before it take every such packet",
				      sema_quote(s, e->span));

	d->remedy = "take the rule out, or move it up";
	if (!elsewhere(e, c))
		return;
	d->note_span = c->other->span;
	d->note = "asked before, and decided there";
}
