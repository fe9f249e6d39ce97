/*
 * The summary of a run, as JSON with the keys that `xdpf run --json` has, too.
 */
#include <jansson.h>
#include <string.h>

#include "cli.h"
#include "cli_summary.h"
#include "utf8.h"

struct data {
	const struct eval *e;
	const struct ast_counter *counter;
	json_t *array;
};

static void set_count(json_t *o, struct eval_count c)
{
	json_object_set_new(o, "packets", json_integer((json_int_t)c.packets));
	json_object_set_new(o, "bytes", json_integer((json_int_t)c.bytes));
}

/* Where nobody counts, nothing is known, which is not zero. */
static void count_if(json_t *o, bool counted, struct eval_count c)
{
	if (counted) {
		set_count(o, c);
		return;
	}
	json_object_set_new(o, "packets", json_null());
	json_object_set_new(o, "bytes", json_null());
}

static json_t *json_counted(struct eval_count c)
{
	json_t *o = json_object();

	set_count(o, c);
	return o;
}

static json_t *json_verdict(enum verdict v)
{
	return v == VERDICT_NONE ? json_null() : json_string(lang_verdicts[v].name);
}

/* What @put writes about @o, as a string. */
static json_t *json_field(const struct ast_operand *o, const struct value **v, const enum family **family)
{
	char buf[4096] = "";
	FILE *f = fmemopen(buf, sizeof(buf), "w");

	if (!f)
		arena_fail();
	if (v)
		cli_put_field(f, o, v, family);
	else
		cli_put_operand(f, o);
	fclose(f);
	return utf8_json(buf);
}

static void data_entry(void *arg, const struct value *key, const enum family *family, struct eval_count c)
{
	struct data *d = arg;
	json_t *o = json_object(), *k = json_object();

	for (size_t i = 0; key && i < d->counter->key.n; i++) {
		json_t *name = json_field(d->counter->key.v[i], NULL, NULL);

		json_object_set_new(k, json_string_value(name), json_field(d->counter->key.v[i], &key, &family));
		json_decref(name);
	}
	json_object_set_new(o, "key", k);
	set_count(o, c);
	json_array_append_new(d->array, o);
}

static void data_miss(void *arg, const struct ast_unit *u, const struct ast_rule *r, const struct ast_action *a)
{
	struct data *d = arg;
	struct eval_miss m = eval_action_miss(d->e, a->slot);
	json_t *o = json_object();

	json_object_set_new(o, "file", utf8_json(u->name));
	json_object_set_new(o, "rule", utf8_json(r->shown));
	json_object_set_new(o, "table", a->counter ? json_string(a->word.s) : json_null());
	json_object_set_new(o, "action", utf8_json(a->text));
	json_object_set_new(o, "absent", json_integer((json_int_t)m.absent));
	json_object_set_new(o, "full", json_integer((json_int_t)m.full));
	json_array_append_new(d->array, o);
}

static void data_other(json_t *o, const struct ast_unit *u, const struct eval *e, const struct ast_way *way)
{
	json_t *x;

	if (!way)
		return;
	x = json_pack("{s:o}", "verdict", json_verdict(way->other));
	count_if(x, !u->counters_off, eval_other_count(e, way->slot));
	json_object_set_new(o, "else", x);
}

static void data_cookies(json_t *o, const struct ast_unit *u, const struct eval *e, const struct ast_rule *r, const struct ast_way *way)
{
	uint64_t other, unanswered;

	if (!r->may_go_on)
		return;
	other = eval_other_count(e, way->slot).packets;
	unanswered = eval_other_count(e, way->slot + WAY_UNANSWERED).packets;
	json_object_set_new(o, "cookies", u->counters_off ? json_null() :
			    json_pack("{s:I, s:I, s:I, s:I}", "answered", (json_int_t)(eval_rule_count(e, r->index).packets - other), "completed",
				      (json_int_t)eval_other_count(e, way->slot + WAY_COMPLETED).packets, "refused",
				      (json_int_t)(other - unanswered), "unanswered", (json_int_t)unanswered));
}

static void data_limit(void *arg, const struct ast_limit *l)
{
	struct data *d = arg;
	struct eval_limit_count n = eval_limit_counted(d->e, l);
	json_t *o = json_pack("{s:I, s:I, s:I, s:I}", "size", (json_int_t)l->entries, "admitted", (json_int_t)n.admitted, "denied",
			      (json_int_t)n.denied, "full", (json_int_t)n.full);

	json_object_set_new(o, "name", utf8_json(l->shown));
	json_object_set_new(o, "file", utf8_json(l->unit_in->name));
	json_object_set_new(o, "rate", utf8_json(l->text));
	json_array_append_new(d->array, o);
}

static json_t *data_unit(const struct ast_program *p, const struct eval *e, size_t unit)
{
	const struct ast_unit *u = p->units.v[unit];
	json_t *o = json_object(), *rules = json_array(), *x;

	for (unsigned i = summary_first_index(p, unit); i < u->default_index; i++) {
		const struct ast_rule *r = p->by_index.v[i];

		x = json_object();
		json_object_set_new(x, "rule", utf8_json(r->shown));
		json_object_set_new(x, "label", r->label.s ? json_string(r->label.s) : json_null());
		json_object_set_new(x, "source", utf8_json(source_shown(r->span.src)));
		json_object_set_new(x, "line", json_integer(source_line_col(r->span.src, r->span.begin).line));
		json_object_set_new(x, "verdict", json_verdict(r->verdict));
		json_object_set_new(x, "text", utf8_json(r->text));
		count_if(x, !u->counters_off, eval_rule_count(e, i));
		data_other(x, u, e, summary_way(p, u, i));
		data_cookies(x, u, e, r, summary_way(p, u, i));
		json_array_append_new(rules, x);
	}
	json_object_set_new(o, "name", utf8_json(u->name));
	json_object_set_new(o, "counters", json_boolean(!u->counters_off));
	json_object_set_new(o, "rules", rules);
	x = json_object();
	json_object_set_new(x, "verdict", json_verdict(u->default_verdict));
	count_if(x, !u->counters_off, eval_rule_count(e, u->default_index));
	data_other(x, u, e, u->default_way);
	json_object_set_new(o, "default", x);
	x = json_object();
	count_if(x, !u->counters_off, summary_reached(p, e, unit));
	json_object_set_new(o, "reached", x);
	return o;
}

static const struct ast_unit *unit_of(const struct ast_program *p, unsigned index)
{
	size_t i = 0;

	while (p->units.v[i]->default_index < index)
		i++;
	return p->units.v[i];
}

/* A run has a reader that is never behind. */
static json_t *data_sets(const struct ast_program *p, const struct eval *e)
{
	json_t *all = json_array();

	for (size_t i = 0; i < p->live.n; i++) {
		struct eval_set_count c = eval_set_count(e, p->live.v[i]);

		json_array_append_new(all, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "name", p->live.v[i]->name.s, "file",
						     p->live.v[i]->unit->name, "added", (json_int_t)c.added,
						     "full", (json_int_t)c.full, "removed", (json_int_t)c.removed,
						     "expired", (json_int_t)c.expired));
	}
	return all;
}

static json_t *data_logs(const struct ast_program *p, const struct eval *e)
{
	json_t *all = json_array();

	for (size_t i = 0; i < p->logs.n; i++) {
		const struct ast_log *log = p->logs.v[i];
		json_t *o = json_object();

		json_object_set_new(o, "rule", utf8_json(p->by_index.v[log->rule]->shown));
		json_object_set_new(o, "file", utf8_json(unit_of(p, log->rule)->name));
		json_object_set_new(o, "action", json_string(log->sample ? "sample" : "log"));
		json_object_set_new(o, "limited", json_integer((json_int_t)eval_log_limited(e, log)));
		json_object_set_new(o, "lost", json_integer(0));
		json_array_append_new(all, o);
	}
	return all;
}

void summary_json(const struct ast_program *p, const struct eval *e, FILE *out)
{
	json_t *all = json_object(), *s = json_object(), *files = json_array(), *verdicts = json_object(), *tables = json_array();
	struct data d = { .e = e };

	for (size_t i = 0; i < p->units.n; i++) {
		const struct ast_unit *u = p->units.v[i];

		json_array_append_new(files, data_unit(p, e, i));
		for (size_t k = 0; k < u->counters.n; k++) {
			json_t *t = json_object();

			d.counter = u->counters.v[k];
			d.array = json_array();
			eval_counter_each(e, d.counter, data_entry, &d);
			json_object_set_new(t, "name", json_string(d.counter->name.s));
			json_object_set_new(t, "file", utf8_json(u->name));
			json_object_set_new(t, "entries", d.array);
			json_array_append_new(tables, t);
		}
	}
	for (int v = 0; v < VERDICT_COUNT; v++)
		json_object_set_new(verdicts, lang_verdicts[v].name, json_counted(eval_verdict_count(e, (enum verdict)v)));
	d.array = json_array();
	summary_each_limit(p, data_limit, &d);
	json_object_set_new(s, "limits", d.array);
	d.array = json_array();
	summary_each_miss(p, data_miss, &d);
	json_object_set_new(s, "program", json_string(p->name));
	json_object_set_new(s, "files", files);
	json_object_set_new(s, "verdicts", summary_any_counts(p) ? json_incref(verdicts) : json_null());
	json_decref(verdicts);
	json_object_set_new(s, "tables", tables);
	json_object_set_new(s, "misses", d.array);
	json_object_set_new(s, "logs", data_logs(p, e));
	json_object_set_new(s, "sets", data_sets(p, e));
	json_object_set_new(s, "balanced", json_boolean(summary_balanced(p, e)));
	json_object_set_new(all, "summary", s);
	json_dumpf(all, out, JSON_COMPACT);
	putc('\n', out);
	json_decref(all);
}
