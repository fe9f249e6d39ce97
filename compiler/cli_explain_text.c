/*
 * A packet's way as text. In: what is known of it. Out: the packet, who decided, and the rules before that one, each with its place and the first
 * condition that was false; of many rules, those together of which the same is to be said.
 */
#include <limits.h>
#include <string.h>
#include <time.h>

#include "cli_explain.h"
#include "cli_place.h"
#include "utf8.h"

enum { MANY = 40 };		/* rules: more are grouped, unless all are asked for */

static const char *shown(struct explain *x, const char *s)
{
	return utf8_line(x->a, s, strlen(s), 255, false);
}

struct span explain_span(const struct eval_result *r)
{
	const struct ast_action *a = r->unit->default_action;

	return r->rule ? r->rule->span : a ? a->span : (struct span){ 0 };
}

const char *explain_did(const struct explain_deed *d)
{
	switch (d->did) {
	case DID_BEGIN:
	case DID:
		return NULL;
	case DID_ABSENT:
		return "did nothing: its field or key is not in the packet";
	case DID_FULL:
		return "did nothing: there is no room";
	case DID_TOO_SOON:
		return "beyond its pace";
	case DID_NOT_DRAWN:
		return "the packet is not drawn";
	case DID_BY_CHANCE:
		return "whether the packet was drawn is not known";
	case DID_OTHER:
		return "its way is closed: `else`";
	case DID_NOT_OURS:
		return "it is no packet to answer: goes on";
	case DID_COMPLETED:
		return "the cookie came back: goes on";
	case DID_UNANSWERED:
		return "no answer to the SYN could be made: `else`";
	case DID_REFUSED:
		return "neither a SYN nor a right cookie: `else`";
	}
	return NULL;
}

/* "edge.xdpf:31:1", as precise as the text that it was written in. */
static const char *place(struct explain *x, const struct eval_result *r)
{
	struct span sp = explain_span(r);

	if (!sp.src)
		return shown(x, r->unit->name);
	if (sp.src->origin)
		return cli_place(x->cli, sp);
	return arena_printf(x->a, "%s:%u", cli_place(x->cli, sp), source_line_col(sp.src, sp.begin).col);
}

static void put_deeds(struct explain *x, const struct explain_rule *r, const char *indent, bool verdicts)
{
	for (size_t i = 0; i < r->deed.n; i++) {
		const struct explain_deed *d = &r->deed.v[i];
		const char *what = explain_did(d);

		if (d->action->kind == ACTION_VERDICT && !verdicts && !what)
			continue;
		printf("%s%s", indent, explain_source(x, d->action->span));
		if (d->action->kind == ACTION_REWRITE && !what)
			printf(" (it was %s, and is %s)", d->was ? d->was : "absent", d->is ? d->is : "absent");
		else if (what)
			printf(" (%s)", what);
		putchar('\n');
	}
}

/* ---- one rule ---- */

static void put_head(struct explain *x, unsigned index)
{
	const struct ast_rule *r = x->p->by_index.v[index];

	printf("    %s: ", cli_place(x->cli, r->span));
	if (r->label.s)
		printf("%s: ", shown(x, r->label.s));
}

static void put_within(struct explain *x, unsigned index)
{
	const struct explain_place *p = &x->place[index];
	const struct ast_rule *in = p->within == UINT_MAX ? NULL : x->p->by_index.v[p->within];

	printf("not looked at: it stands %s %s", p->other ? "behind the `else` of" : "in the block of", in ? cli_place(x->cli, in->span) : "");
}

static void put_rule(struct explain *x, unsigned index)
{
	const struct explain_rule *r = &x->rule[index];

	put_head(x, index);
	switch (r->state) {
	case EXPLAIN_PASSED_BY:
		put_within(x, index);
		putchar('\n');
		break;
	case EXPLAIN_FAILED:
		printf("%s: %s\n", explain_source(x, r->failed->span), r->why->text);
		break;
	case EXPLAIN_HELD:
		for (size_t i = 0; i < x->file.n; i++)
			if (x->file.v[i].rule && x->file.v[i].index == index) {
				printf("passed it on to the next file\n");
				put_deeds(x, r, "      ", false);
				return;
			}
		printf("held%s\n", x->p->by_index.v[index]->kind == RULE_IF ? ", its block was entered" : ", and went on");
		put_deeds(x, r, "      ", true);
		break;
	}
}

/* ---- many rules ---- */

struct counted {
	struct explain *x;
	size_t n, by[3];
};

static void count(void *arg, unsigned index)
{
	struct counted *c = arg;

	c->n++;
	c->by[c->x->rule[index].state]++;
}

static void one(void *arg, unsigned index)
{
	struct counted *c = arg;

	put_rule(c->x, index);
}

static void held(void *arg, unsigned index)
{
	struct counted *c = arg;

	if (c->x->rule[index].state == EXPLAIN_HELD)
		put_rule(c->x, index);
}

static void put_groups(struct explain *x, const struct counted *c)
{
	for (size_t i = 0; i < x->order.n; i++) {
		const struct explain_why *y = x->order.v[i];
		const struct ast_rule *first = x->p->by_index.v[y->first];

		if (y->n == 1) {
			put_rule(x, y->first);
			continue;
		}
		printf("    %zu rules, from %s to %s: %s: %s\n", y->n, cli_place(x->cli, first->span),
		       cli_place(x->cli, x->p->by_index.v[y->last]->span), y->subject, y->text);
	}
	if (c->by[EXPLAIN_PASSED_BY])
		printf("    %zu rules in blocks that were not entered\n", c->by[EXPLAIN_PASSED_BY]);
}

static void put_before(struct explain *x)
{
	struct counted c = { .x = x };

	explain_before(x, count, &c);
	if (!c.n) {
		printf("  no rule stands before it\n");
		return;
	}
	if (c.n <= MANY || x->all) {
		printf("  before it, %zu rule%s:\n", c.n, c.n == 1 ? "" : "s");
		explain_before(x, one, &c);
		return;
	}
	printf("  before it, %zu rules (--all shows each):\n", c.n);
	explain_before(x, held, &c);
	put_groups(x, &c);
}

/* ---- the packet ---- */

size_t explain_notes(struct explain *x, const struct explain_packet *q, const char *out[EXPLAIN_NOTES])
{
	const char *verdict = lang_verdicts[x->result.verdict].name, *rule = explain_rule_name(&x->result);
	size_t n = 0;

	if (q->pkt->len < q->length)
		out[n++] = arena_printf(x->a, "%zu of its %zu bytes were captured, which are what the rules see here; "
					"--fill takes the rest as zeros", q->pkt->len, q->length);
	else if (q->known < q->pkt->len)
		out[n++] = arena_printf(x->a, "%zu of its %zu bytes were captured: the rest is taken as zeros", q->known, q->length);
	if (!q->decided && ((q->verdict && strcmp(q->verdict, verdict)) || (q->rule && strcmp(q->rule, rule))))
		out[n++] = arena_printf(x->a, "the filter itself said %s%s%s: it had other rules, or what is not in the packet "
					"(limits, sets, chance, connections) was otherwise there",
					q->verdict ? q->verdict : verdict, q->rule ? " by " : "", q->rule ? q->rule : "");
	return n;
}

static void put_facts(const struct explain_rule *r, struct explain *x)
{
	for (size_t i = 0; i < r->fact.n; i++)
		printf("    %s: %s\n", explain_source(x, r->fact.v[i].cond->span), r->fact.v[i].text);
}

/* When and where a filter had it. */
static const char *when(struct explain *x, const struct eval_packet *pkt)
{
	time_t s = (time_t)(pkt->now / 1000000000u);
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&s, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return arena_printf(x->a, ", %s.%06uZ, receive queue %u", text, (unsigned)(pkt->now / 1000 % 1000000), pkt->rxqueue);
}

static void put_otherwise(struct explain *x, const struct explain_packet *q, const char *on, const char *off)
{
	printf("  %sTHE FILTER DID OTHERWISE%s: %s", on, off, q->verdict);
	if (q->rule)
		printf(" by %s", shown(x, q->rule));
	if (q->file)
		printf(" of %s", shown(x, q->file));
	printf("\n    what is said here of it is not why. Not in the packet, and asked:%s\n", x->asked.n ? "" : " nothing");
	for (size_t i = 0; i < x->asked.n; i++)
		printf("      %s, taken as %s\n", explain_condition(x, x->asked.v[i].cond), x->asked.v[i].value ? "true" : "false");
}

void explain_text(struct explain *x, const struct explain_packet *q)
{
	const struct eval_result *r = &x->result;
	const char *on = x->cli->colour ? "\033[1m" : "", *off = x->cli->colour ? "\033[0m" : "", *note[EXPLAIN_NOTES];
	size_t notes = explain_notes(x, q, note);

	printf("packet %llu%s: %s\n", q->number, q->decided ? when(x, q->pkt) : "", x->fields);
	for (size_t i = 0; i + 1 < x->file.n; i++)
		printf("  %s passes it on, by %s (%s)\n", shown(x, x->file.v[i].unit->name), shown(x, explain_rule_name(&x->file.v[i])),
		       place(x, &x->file.v[i]));
	printf("  %s%s by %s%s (%s)", on, lang_verdicts[r->verdict].name, shown(x, explain_rule_name(r)), off, place(x, r));
	if (r->rule)
		printf(": %s", r->rule->text);
	putchar('\n');
	if (!x->agrees)
		put_otherwise(x, q, on, off);
	if (!x->brief && r->rule) {
		put_facts(&x->rule[r->index], x);
		put_deeds(x, &x->rule[r->index], "    ", false);
	}
	for (size_t i = 0; i < notes; i++)
		printf("  note: %s\n", note[i]);
	if (!x->brief)
		put_before(x);
}
