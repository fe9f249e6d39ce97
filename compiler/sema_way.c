/*
 * Verdicts that may turn out to be impossible when a packet is there: where to, and which verdict stands for them then. In: a verdict as
 * written. Out: interfaces, CPU or socket, the other verdict, a counter for the packets that take it; and, for the program as a whole, each
 * interface and CPU once. Refused: a target that cannot exist, and another verdict that may turn out to be impossible too.
 */
#include "sema.h"

#include <string.h>

static bool refuse(struct sema *s, struct span sp, const char *text, const char *remedy)
{
	diag_error(s->d, sp, "%s", text)->remedy = remedy;
	return false;
}

static bool is_word(const struct ast_way *w, const char *word)
{
	return w->target && w->target->kind == AST_WORD && !strcmp(w->target->text, word);
}

static unsigned port(struct sema *s, const char *name)
{
	for (size_t i = 0; i < s->p->ports.n; i++)
		if (!strcmp(s->p->ports.v[i], name))
			return (unsigned)i;
	*vec_add(s->a, &s->p->ports) = name;
	return (unsigned)s->p->ports.n - 1;
}

static bool cpu_check(struct sema *s, const struct ast_action *a)
{
	struct ast_way *w = a->way;

	if (!is_word(w, "cpu"))
		return refuse(s, a->span, arena_printf(s->a, "`%s` is followed by no number", w->target->text),
			      "a CPU is `redirect cpu 2`, an interface's name alone: `redirect eth1`");
	if (w->number >= SEMA_MAX_CPUS)
		return refuse(s, a->span, "no machine has a CPU of this number",
			      arena_printf(s->a, "CPUs are numbered from 0, to at most %d", SEMA_MAX_CPUS - 1));
	w->kind = WAY_CPU;
	w->cpu = (unsigned)w->number;
	for (size_t i = 0; i < s->p->cpus.n; i++)
		if (s->p->cpus.v[i] == w->cpu)
			return true;
	*vec_add(s->a, &s->p->cpus) = w->cpu;
	return true;
}

static bool ifaces_check(struct sema *s, struct ast_action *a)
{
	struct ast_way *w = a->way;
	const struct want want = { .type = TYPE_IFACE, .kind = KIND_IFACE, .what = "the target of `redirect`" };
	struct found found = { .a = s->a };
	const struct decl *set;

	if (is_word(w, "cpu"))
		return refuse(s, w->target->span, "`redirect cpu` lacks the CPU's number",
			      "write `redirect cpu 2`; an interface of this name is written \"cpu\"");
	if (w->target->kind == AST_RANGE && w->target->sub.n && w->target->sub.v[0] && w->target->sub.v[0]->kind == AST_WORD &&
	    !strcmp(w->target->sub.v[0]->text, "cpu"))
		return refuse(s, w->target->span, "a CPU has one number, and none below 0", "write `redirect cpu 2`");
	if (w->target->kind == AST_WORD && (set = names_decl(s, w->target->text)) && set->kind == DECL_SET)
		return refuse(s, w->target->span, arena_printf(s->a, "`%s` is a set, and sets hold no interfaces", w->target->text),
			      "name them: `redirect { eth1, eth2 }`, or a `let` that lists them");
	if (!value_read(s, &want, w->target, &found))
		return false;
	if (!found.text.n)
		return refuse(s, w->target->span, "there is no interface to redirect to", "name one: `redirect eth1`");
	w->iface = arena_array(s->a, found.text.n, sizeof(*w->iface));
	for (size_t i = 0; i < found.text.n; i++) {
		for (size_t k = 0; k < w->n; k++)
			if (!strcmp(w->iface[k], found.text.v[i]))
				return refuse(s, w->target->span, arena_printf(s->a, "interface `%s` is named twice", w->iface[k]),
					      "name each interface once: each gets one copy");
		w->iface[w->n++] = found.text.v[i];
	}
	if (w->n == 1) {
		w->kind = WAY_IFACE;
		w->place = port(s, w->iface[0]);
		return true;
	}
	if (w->n > SEMA_MAX_FLOOD)
		return refuse(s, w->target->span, arena_printf(s->a, "%zu interfaces at once", w->n),
			      arena_printf(s->a, "a packet is copied to at most %d", SEMA_MAX_FLOOD));
	w->kind = WAY_IFACES;
	/* the same ones are one map, in whatever order they stand */
	for (w->place = 0; w->place < s->p->floods.n; w->place++) {
		const struct ast_way *other = s->p->floods.v[w->place];
		size_t same = 0;

		for (size_t i = 0; i < w->n && other->n == w->n; i++)
			for (size_t k = 0; k < w->n; k++)
				same += !strcmp(w->iface[i], other->iface[k]);
		if (same == w->n)
			return true;
	}
	if (s->p->floods.n == SEMA_MAX_FLOODS)
		return refuse(s, a->span, arena_printf(s->a, "more than %d different lists of interfaces to redirect to", SEMA_MAX_FLOODS),
			      "a program holds no more: let rules share their lists");
	*vec_add(s->a, &s->p->floods) = w;
	return true;
}

static bool other_check(struct sema *s, struct ast_action *a)
{
	struct ast_way *w = a->way;
	struct ast_action *o = w->otherwise;
	struct diag *e;

	w->other = w->kind == WAY_SOCKET || w->kind == WAY_FORWARD ? VERDICT_PASS : VERDICT_DROP;
	if (!o)
		return true;
	if (o->way) {
		e = diag_error(s->d, o->span, "`%s` stands behind `else`, and may fail as well", o->word.s);
		e->remedy = "behind `else` stands a verdict that never fails: pass, drop, abort or tx";
		return false;
	}
	if (!verdict_check(s, o))
		return false;
	w->other = o->verdict;
	w->other_swap = o->swap;
	return true;
}

static bool reply_check(struct sema *s, const struct ast_action *a)
{
	struct ast_way *w = a->way;

	w->kind = !strcmp(a->arg.s, "rst") ? WAY_RST : WAY_UNREACHABLE;
	if (w->kind == WAY_RST || !strcmp(a->arg.s, "unreachable"))
		return true;
	return refuse(s, a->arg.span, arena_printf(s->a, "there is no reply `%s`", sema_quote(s, a->arg.span)),
		      "write `reply rst` (to TCP), or `reply unreachable` (ICMP, to any protocol)");
}

void way_reached(struct sema *s, const struct facts *f, const struct ast_action *a)
{
	enum ast_way_kind kind = a->way->kind;
	struct ast_expr *e = arena_alloc(s->a, sizeof(*e));
	struct facts here = *f;
	struct conflict c;
	struct diag *d;

	if (f->dead || (kind != WAY_RST && kind != WAY_UNREACHABLE && kind != WAY_FORWARD))
		return;
	e->kind = EXPR_NAME;
	e->header = kind == WAY_RST ? HDR_TCP : HDR_IP;
	if (facts_assume(s, &here, e, true, &c))
		return;
	d = diag_error(s->d, a->span, "`%s` is about %s, and none gets here", sema_quote(s, a->span), kind == WAY_RST ? "TCP" : "IP");
	d->remedy = kind == WAY_RST ? "write `reply unreachable`, or `drop`" : "write `drop` or `pass`";
	conflict_note(s, d, &c);
}

/* What nobody wrote, and only the kernel knows. */
static const struct ast_expr *unwritten(struct sema *s, const struct ast_action *a)
{
	struct ast_expr *e = arena_alloc(s->a, sizeof(*e));

	e->kind = EXPR_NAME;
	e->header = HDR_NONE;
	e->span = a->span;
	return e;
}

bool way_check(struct sema *s, struct ast_action *a)
{
	struct ast_way *w = a->way;
	bool ok;

	a->verdict = VERDICT_REDIRECT;
	if (!strcmp(a->word.s, "forward")) {
		w->kind = WAY_FORWARD;
		s->p->forwards = ok = true;
	} else if (!strcmp(a->word.s, "reply")) {
		a->verdict = VERDICT_TX;
		ok = reply_check(s, a);
	} else if (!strcmp(a->word.s, "syncookie")) {
		a->verdict = VERDICT_TX;
		w->kind = WAY_SYNCOOKIE;
		w->goes_on = unwritten(s, a);
		w->answers = unwritten(s, a);
		s->p->cookies = ok = true;
	} else if (w->has_number) {
		ok = cpu_check(s, a);
	} else if (is_word(w, "socket")) {
		w->kind = WAY_SOCKET;
		s->p->sockets = ok = true;
	} else {
		ok = ifaces_check(s, a);
	}
	/* both are looked at: each has errors of its own */
	ok = other_check(s, a) && ok;
	w->slot = (unsigned)s->p->ways.n;
	for (int i = 0; i <= (w->kind == WAY_SYNCOOKIE ? WAY_UNANSWERED : 0); i++)
		*vec_add(s->a, &s->p->ways) = w;
	return ok;
}
