/*
 * The summary of a run, as text: packets and bytes per file, rule and verdict, the count tables, and what counted nothing.
 */
#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "cli_summary.h"

enum { KEYS_SHOWN = 20 };	/* of a table; --json has them all */

static const char *verdict_word(enum verdict v)
{
	return v == VERDICT_NONE ? "-" : lang_verdicts[v].name;
}

struct text {
	FILE *out;
	const struct eval *e;
	const struct ast_counter *counter;
	int width;
	size_t n;
};

static void line(const struct text *t, const char *name, const char *verdict, struct eval_count c, const char *text)
{
	fprintf(t->out, "  %-*s %-8s %14" PRIu64 " %18" PRIu64 "%s%s\n", t->width, name, verdict, c.packets, c.bytes, *text ? "  " : "", text);
}

static void text_entry(void *arg, const struct value *key, const enum family *family, struct eval_count c)
{
	struct text *t = arg;

	if (t->n++ >= KEYS_SHOWN)
		return;
	fputs("  ", t->out);
	if (!key)
		fputs("all", t->out);
	for (size_t i = 0; key && i < t->counter->key.n; i++) {
		fputs(i ? ", " : "", t->out);
		cli_put_field(t->out, t->counter->key.v[i], &key, &family);
	}
	fprintf(t->out, ": %" PRIu64 " packets, %" PRIu64 " bytes\n", c.packets, c.bytes);
}

static void text_miss(void *arg, const struct ast_unit *u, const struct ast_rule *r, const struct ast_action *a)
{
	const struct text *t = arg;
	struct eval_miss m = eval_action_miss(t->e, a->slot);

	(void)u;
	if ((m.absent || m.full) && a->counter)
		fprintf(t->out, "not counted: %s in %s: %" PRIu64 " without the key's field, %" PRIu64 " for want of room\n", r->shown,
			a->word.s, m.absent, m.full);
	else if (m.absent || m.full)
		fprintf(t->out, "not done: %s, %s: %" PRIu64 " packets\n", r->shown, a->text, m.absent + m.full);
}

/* Of the packets in the line above. */
static void text_other(const struct text *t, const struct ast_way *way)
{
	if (way)
		line(t, "  else", verdict_word(way->other), eval_other_count(t->e, way->slot), "");
}

static void text_cookies(const struct text *t, const struct ast_rule *r, const struct ast_way *way)
{
	uint64_t other, unanswered;

	if (!r->may_go_on)
		return;
	other = eval_other_count(t->e, way->slot).packets;
	unanswered = eval_other_count(t->e, way->slot + WAY_UNANSWERED).packets;
	fprintf(t->out, "    %" PRIu64 " SYNs answered, %" PRIu64 " not; %" PRIu64 " connections completed, %" PRIu64 " packets refused\n",
		eval_rule_count(t->e, r->index).packets - other, unanswered, eval_other_count(t->e, way->slot + WAY_COMPLETED).packets,
		other - unanswered);
}

static void text_limit(void *arg, const struct ast_limit *l)
{
	const struct text *t = arg;
	struct eval_limit_count n = eval_limit_counted(t->e, l);

	fprintf(t->out, "limit %s (%s) %s: %" PRIu64 " packets within, %" PRIu64 " over, %" PRIu64 " for want of room\n", l->shown, l->unit_in->name,
		l->text, n.admitted, n.denied, n.full);
}

static void text_unit(struct text *t, const struct ast_program *p, size_t unit)
{
	const struct ast_unit *u = p->units.v[unit];
	struct eval_count c = summary_reached(p, t->e, unit);

	if (u->counters_off) {
		fprintf(t->out, "%s: its counters are off\n", u->name);
		return;
	}
	fprintf(t->out, "%s: reached by %" PRIu64 " packets, %" PRIu64 " bytes\n", u->name, c.packets, c.bytes);
	fprintf(t->out, "  %-*s %-8s %14s %18s\n", t->width, "rule", "verdict", "packets", "bytes");
	for (unsigned i = summary_first_index(p, unit); i < u->default_index; i++) {
		line(t, p->by_index.v[i]->shown, verdict_word(p->by_index.v[i]->verdict), eval_rule_count(t->e, i), p->by_index.v[i]->text);
		text_other(t, summary_way(p, u, i));
		text_cookies(t, p->by_index.v[i], summary_way(p, u, i));
	}
	line(t, "default", verdict_word(u->default_verdict), eval_rule_count(t->e, u->default_index), "");
	text_other(t, u->default_way);
}

void summary_text(const struct ast_program *p, const struct eval *e, FILE *out)
{
	struct text t = { .out = out, .e = e, .width = (int)strlen("default") };

	for (unsigned i = 0; i < p->n_indexes; i++) {
		size_t n = p->by_index.v[i] ? strlen(p->by_index.v[i]->shown) : 0;

		if (n > (size_t)t.width)
			t.width = n > 40 ? 40 : (int)n;
	}
	for (size_t i = 0; i < p->units.n; i++)
		text_unit(&t, p, i);
	if (summary_any_counts(p))
		fprintf(out, "verdicts\n");
	for (int v = 0; v < VERDICT_COUNT && summary_any_counts(p); v++)
		line(&t, lang_verdicts[v].name, "", eval_verdict_count(e, (enum verdict)v), "");
	summary_each_limit(p, text_limit, &t);
	for (size_t i = 0; i < p->units.n; i++) {
		for (size_t k = 0; k < p->units.v[i]->counters.n; k++) {
			t.counter = p->units.v[i]->counters.v[k];
			t.n = 0;
			fprintf(out, "table %s (%s)", t.counter->name.s, p->units.v[i]->name);
			for (size_t f = 0; f < t.counter->key.n; f++) {
				fputs(f ? ", " : " per ", out);
				cli_put_operand(out, t.counter->key.v[f]);
			}
			putc('\n', out);
			eval_counter_each(e, t.counter, text_entry, &t);
			if (t.n > KEYS_SHOWN)
				fprintf(out, "  and %zu more; --json has them all\n", t.n - KEYS_SHOWN);
		}
	}
	for (size_t i = 0; i < p->live.n; i++) {
		struct eval_set_count n = eval_set_count(e, p->live.v[i]);

		if (n.added || n.full || n.removed || n.expired)
			fprintf(out, "set %s: %" PRIu64 " added, %" PRIu64 " found it full, %" PRIu64 " removed, %" PRIu64 " expired gave room\n",
				p->live.v[i]->name.s, n.added, n.full, n.removed, n.expired);
	}
	summary_each_miss(p, text_miss, &t);
	for (size_t i = 0; i < p->logs.n; i++)
		if (eval_log_limited(e, p->logs.v[i]))
			fprintf(out, "not logged: %s: %" PRIu64 " beyond its pace, 0 without a reader\n", p->by_index.v[p->logs.v[i]->rule]->shown,
				eval_log_limited(e, p->logs.v[i]));
}
