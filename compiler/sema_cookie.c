/*
 * `syncookie`: does what it needs come to it? In: a rule whose last action it is, and what is known of the packets that the rules before it leave.
 * Refused: a rule that no SYN or no acknowledgement can reach. A SYN is answered and forgotten: the connection is made of the acknowledgement,
 * which the listening socket takes for one only where this rule has seen it.
 */
#include "sema.h"

#include <string.h>

/* Can a packet come here for which these flags are so? They are of TCP, which is part of the question. */
static bool can_come(struct sema *s, const struct facts *f, bool syn, bool ack, struct conflict *c)
{
	const enum field_id flag[] = { FIELD_TCP_SYN, FIELD_TCP_ACK };
	const bool truth[] = { syn, ack };
	struct ast_expr *e = arena_alloc(s->a, sizeof(*e));
	struct facts here = *f;

	e->kind = EXPR_NAME;
	e->header = HDR_TCP;
	if (!facts_assume(s, &here, e, true, c))
		return false;
	for (int i = 0; i < 2; i++) {
		e = arena_alloc(s->a, sizeof(*e));
		e->kind = EXPR_NAME;
		e->header = HDR_NONE;
		e->field = flag[i];
		if (!facts_assume(s, &here, e, truth[i], c))
			return false;
	}
	return true;
}

/* A part of the condition that holds for some packets of a connection and not for others, whatever they are; NULL: none. */
static const struct ast_expr *fickle(const struct ast_expr *e)
{
	if (e->kind == EXPR_LIMIT || (e->kind == EXPR_RANDOM && !e->name.s))
		return e;
	if (e->kind != EXPR_AND && e->kind != EXPR_OR && e->kind != EXPR_NOT)
		return NULL;
	for (size_t i = 0; i < e->sub.n; i++) {
		const struct ast_expr *part = fickle(e->sub.v[i]);

		if (part)
			return part;
	}
	return NULL;
}

bool cookie_check(struct sema *s, const struct ast_rule *r, const struct facts *left)
{
	const struct ast_action *a = r->action.v[r->action.n - 1];
	const struct ast_expr *part = r->cond ? fickle(r->cond) : NULL;
	struct facts here = *left;
	struct conflict c = { 0 };
	struct diag *e;
	bool syn, ack;

	if (part) {
		e = diag_error(s->d, part->span, "`syncookie` needs every packet of a connection, and `%s` takes some of them",
			       sema_quote(s, part->span));
		e->remedy = part->kind == EXPR_LIMIT ? "limit in a rule before it: `drop if tcp.syn and not tcp.ack over LIMIT;`"
						     : "take it out, or write `random SHARE per flow`";
		return false;
	}
	if (here.dead || (r->cond && !facts_assume(s, &here, r->cond, true, &c)))
		return true;
	syn = can_come(s, &here, true, false, &c);
	ack = can_come(s, &here, false, true, &c);
	if (syn && ack)
		return true;
	e = diag_error(s->d, a->span, syn ? "`syncookie` answers SYNs here, and no acknowledgement of its answers gets here" :
				      ack ? "`syncookie` has nothing to answer: no SYN gets here" : "`syncookie` is about TCP, and none gets here");
	e->remedy = "let it have every packet to the port: `syncookie if tcp.dport == 80;`, before rules that take some of them";
	if (c.other && c.other->span.src)
		conflict_note(s, e, &c);
	return false;
}

bool cookie_default(struct sema *s, const struct ast_action *a)
{
	diag_error(s->d, a->span, "`syncookie` decides about some packets only, and the default is about all")->remedy =
		"write it as the last rule: `syncookie;`, and a default for the others";
	return false;
}
