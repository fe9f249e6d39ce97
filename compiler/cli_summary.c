/*
 * The summary of a run, as far as it is neither text nor JSON. In: a program and the evaluator's counters. Out: what is counted where, and
 * whether the books balance.
 */
#include "cli.h"
#include "cli_summary.h"

unsigned summary_first_index(const struct ast_program *p, size_t i)
{
	return i ? p->units.v[i - 1]->default_index + 1 : 0;
}

struct eval_count summary_reached(const struct ast_program *p, const struct eval *e, size_t unit)
{
	struct eval_count sum = { 0, 0 };

	for (unsigned i = summary_first_index(p, unit); i <= p->units.v[unit]->default_index; i++) {
		struct eval_count c = eval_rule_count(e, i);

		if (i < p->units.v[unit]->default_index && p->by_index.v[i]->verdict == VERDICT_NONE)
			continue;
		sum.packets += c.packets;
		sum.bytes += c.bytes;
	}
	return sum;
}

bool summary_any_counts(const struct ast_program *p)
{
	for (size_t i = 0; i < p->units.n; i++)
		if (!p->units.v[i]->counters_off)
			return true;
	return false;
}

const struct ast_way *summary_way(const struct ast_program *p, const struct ast_unit *u, unsigned index)
{
	const struct ast_rule *r = index == u->default_index ? NULL : p->by_index.v[index];

	if (index == u->default_index)
		return u->default_way;
	return r && r->action.n ? r->action.v[r->action.n - 1]->way : NULL;
}

/* Packets and bytes on which rule or default @index of @u decided so; none where it decides otherwise. */
static struct eval_count decided(const struct ast_program *p, const struct eval *e, const struct ast_unit *u, unsigned index, enum verdict v)
{
	enum verdict by = index == u->default_index ? u->default_verdict : p->by_index.v[index]->verdict;
	const struct ast_way *way = summary_way(p, u, index);
	struct eval_count c = eval_rule_count(e, index), other = way ? eval_other_count(e, way->slot) : (struct eval_count){ 0, 0 };

	c = by == v ? (struct eval_count){ c.packets - other.packets, c.bytes - other.bytes } : (struct eval_count){ 0, 0 };
	if (way && way->other == v)
		c = (struct eval_count){ c.packets + other.packets, c.bytes + other.bytes };
	return c;
}

bool summary_balanced(const struct ast_program *p, const struct eval *e)
{
	bool all = true;

	for (size_t i = 0; i < p->units.n; i++)
		all = all && !p->units.v[i]->counters_off;
	for (int v = 0; v < VERDICT_COUNT; v++) {
		struct eval_count total = eval_verdict_count(e, (enum verdict)v);

		for (size_t i = 0; i < p->units.n; i++) {
			const struct ast_unit *u = p->units.v[i], *next = i + 1 < p->units.n ? p->units.v[i + 1] : NULL;
			struct eval_count sum = { 0, 0 }, c;

			for (unsigned k = summary_first_index(p, i); k <= u->default_index; k++) {
				c = decided(p, e, u, k, (enum verdict)v);
				sum.packets += c.packets;
				sum.bytes += c.bytes;
			}
			if (v != VERDICT_PASS || !next) {
				total.packets -= sum.packets;
				total.bytes -= sum.bytes;
			} else if (!u->counters_off && !next->counters_off) {
				c = summary_reached(p, e, i + 1);
				if (c.packets != sum.packets || c.bytes != sum.bytes)
					return false;
			}
		}
		if (all && (total.packets || total.bytes))
			return false;
	}
	return true;
}

void summary_each_miss(const struct ast_program *p, miss_fn fn, void *arg)
{
	size_t u = 0;

	for (unsigned i = 0; i < p->n_indexes; i++) {
		const struct ast_rule *r = p->by_index.v[i];

		/* A unit's default has the last index of its own. */
		while (i > p->units.v[u]->default_index)
			u++;
		for (size_t k = 0; r && k < r->action.n; k++)
			if (r->action.v[k]->may_miss)
				fn(arg, p->units.v[u], r, r->action.v[k]);
	}
}

void summary_each_limit(const struct ast_program *p, limit_fn fn, void *arg)
{
	for (size_t i = 0; i < p->limit.n; i++)
		fn(arg, p->limit.v[i]);
}

void cli_summary(const struct cli *cli, const struct ast_program *p, const struct eval *e, FILE *out)
{
	if (cli->json)
		summary_json(p, e, out);
	else
		summary_text(p, e, out);
}
