/*
 * The summary of a run. In: a program and the evaluator's counters. Out: packets and bytes per file, rule and verdict, the count tables,
 * and what counted nothing; as text, or as JSON with the keys that `xdpf run --json` has, too.
 */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "cli.h"
#include "eval.h"

enum { KEYS_SHOWN = 20 };	/* of a table; --json has them all */

/* ---- what is counted ---- */

/* The rules of unit @i are those whose indexes stand between the last unit's default and its own. */
static unsigned first_index(const struct ast_program *p, size_t i)
{
	return i ? p->units.v[i - 1]->default_index + 1 : 0;
}

/* Packets that reached the file: its deciding rules' and its default's. */
static struct eval_count reached(const struct ast_program *p, const struct eval *e, size_t unit)
{
	struct eval_count sum = { 0, 0 };

	for (unsigned i = first_index(p, unit); i <= p->units.v[unit]->default_index; i++) {
		struct eval_count c = eval_rule_count(e, i);

		if (i < p->units.v[unit]->default_index && p->by_index.v[i]->verdict == VERDICT_NONE)
			continue;
		sum.packets += c.packets;
		sum.bytes += c.bytes;
	}
	return sum;
}

/* Does any file count? Where none does, verdicts are not counted either. */
static bool any_counts(const struct ast_program *p)
{
	for (size_t i = 0; i < p->units.n; i++)
		if (!p->units.v[i]->counters_off)
			return true;
	return false;
}

/* The way of a rule's verdict or of the default's; NULL: it has none. */
static const struct ast_way *way_of(const struct ast_program *p, const struct ast_unit *u, unsigned index)
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
	const struct ast_way *way = way_of(p, u, index);
	struct eval_count c = eval_rule_count(e, index), other = way ? eval_other_count(e, way->slot) : (struct eval_count){ 0, 0 };

	c = by == v ? (struct eval_count){ c.packets - other.packets, c.bytes - other.bytes } : (struct eval_count){ 0, 0 };
	if (way && way->other == v)
		c = (struct eval_count){ c.packets + other.packets, c.bytes + other.bytes };
	return c;
}

/* Do the books balance? Each file is reached by what the one before it passed, and a verdict's packets are those of the rules that say it;
 * as far as the files count. */
static bool balanced(const struct ast_program *p, const struct eval *e)
{
	bool all = true;

	for (size_t i = 0; i < p->units.n; i++)
		all = all && !p->units.v[i]->counters_off;
	for (int v = 0; v < VERDICT_COUNT; v++) {
		struct eval_count total = eval_verdict_count(e, (enum verdict)v);

		for (size_t i = 0; i < p->units.n; i++) {
			const struct ast_unit *u = p->units.v[i], *next = i + 1 < p->units.n ? p->units.v[i + 1] : NULL;
			struct eval_count sum = { 0, 0 }, c;

			for (unsigned k = first_index(p, i); k <= u->default_index; k++) {
				c = decided(p, e, u, k, (enum verdict)v);
				sum.packets += c.packets;
				sum.bytes += c.bytes;
			}
			if (v != VERDICT_PASS || !next) {
				total.packets -= sum.packets;
				total.bytes -= sum.bytes;
			} else if (!u->counters_off && !next->counters_off) {
				c = reached(p, e, i + 1);
				if (c.packets != sum.packets || c.bytes != sum.bytes)
					return false;
			}
		}
		if (all && (total.packets || total.bytes))
			return false;
	}
	return true;
}

static const char *verdict_word(enum verdict v)
{
	return v == VERDICT_NONE ? "-" : lang_verdicts[v].name;
}

typedef void (*miss_fn)(void *arg, const struct ast_unit *u, const struct ast_rule *r, const struct ast_action *a);

/* Calls @fn for each action that may find nothing to do. */
static void each_miss(const struct ast_program *p, miss_fn fn, void *arg)
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

typedef void (*limit_fn)(void *arg, const struct ast_limit *l);

/* Calls @fn for each limit that is used, in the order of their indexes. */
static void each_limit(const struct ast_program *p, limit_fn fn, void *arg)
{
	for (unsigned k = 0; k < p->n_limits; k++)
		for (size_t u = 0; u < p->units.n; u++)
			for (size_t i = 0; i < p->units.v[u]->limits.n; i++)
				if (p->units.v[u]->limits.v[i]->used && p->units.v[u]->limits.v[i]->index == k)
					fn(arg, p->units.v[u]->limits.v[i]);
}

/* ---- text ---- */

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
	struct eval_count c = reached(p, t->e, unit);

	if (u->counters_off) {
		fprintf(t->out, "%s: its counters are off\n", u->name);
		return;
	}
	fprintf(t->out, "%s: reached by %" PRIu64 " packets, %" PRIu64 " bytes\n", u->name, c.packets, c.bytes);
	fprintf(t->out, "  %-*s %-8s %14s %18s\n", t->width, "rule", "verdict", "packets", "bytes");
	for (unsigned i = first_index(p, unit); i < u->default_index; i++) {
		line(t, p->by_index.v[i]->shown, verdict_word(p->by_index.v[i]->verdict), eval_rule_count(t->e, i), p->by_index.v[i]->text);
		text_other(t, way_of(p, u, i));
	}
	line(t, "default", verdict_word(u->default_verdict), eval_rule_count(t->e, u->default_index), "");
	text_other(t, u->default_way);
}

static void summary_text(const struct ast_program *p, const struct eval *e, FILE *out)
{
	struct text t = { .out = out, .e = e, .width = (int)strlen("default") };

	for (unsigned i = 0; i < p->n_indexes; i++) {
		size_t n = p->by_index.v[i] ? strlen(p->by_index.v[i]->shown) : 0;

		if (n > (size_t)t.width)
			t.width = n > 40 ? 40 : (int)n;
	}
	for (size_t i = 0; i < p->units.n; i++)
		text_unit(&t, p, i);
	if (any_counts(p))
		fprintf(out, "verdicts\n");
	for (int v = 0; v < VERDICT_COUNT && any_counts(p); v++)
		line(&t, lang_verdicts[v].name, "", eval_verdict_count(e, (enum verdict)v), "");
	each_limit(p, text_limit, &t);
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
	each_miss(p, text_miss, &t);
	for (size_t i = 0; i < p->logs.n; i++)
		if (eval_log_limited(e, p->logs.v[i]))
			fprintf(out, "not logged: %s: %" PRIu64 " beyond its pace, 0 without a reader\n", p->by_index.v[p->logs.v[i]->rule]->shown,
				eval_log_limited(e, p->logs.v[i]));
}

/* ---- JSON ---- */

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
		return json_null();
	if (v)
		cli_put_field(f, o, v, family);
	else
		cli_put_operand(f, o);
	fclose(f);
	return cli_json_string(buf);
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

	json_object_set_new(o, "file", cli_json_string(u->name));
	json_object_set_new(o, "rule", cli_json_string(r->shown));
	json_object_set_new(o, "table", a->counter ? json_string(a->word.s) : json_null());
	json_object_set_new(o, "action", cli_json_string(a->text));
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

static void data_limit(void *arg, const struct ast_limit *l)
{
	struct data *d = arg;
	struct eval_limit_count n = eval_limit_counted(d->e, l);
	json_t *o = json_pack("{s:I, s:I, s:I, s:I}", "size", (json_int_t)l->entries, "admitted", (json_int_t)n.admitted, "denied",
			      (json_int_t)n.denied, "full", (json_int_t)n.full);

	json_object_set_new(o, "name", cli_json_string(l->shown));
	json_object_set_new(o, "file", cli_json_string(l->unit_in->name));
	json_object_set_new(o, "rate", cli_json_string(l->text));
	json_array_append_new(d->array, o);
}

static json_t *data_unit(const struct ast_program *p, const struct eval *e, size_t unit)
{
	const struct ast_unit *u = p->units.v[unit];
	json_t *o = json_object(), *rules = json_array(), *x;

	for (unsigned i = first_index(p, unit); i < u->default_index; i++) {
		const struct ast_rule *r = p->by_index.v[i];

		x = json_object();
		json_object_set_new(x, "rule", cli_json_string(r->shown));
		json_object_set_new(x, "label", r->label.s ? json_string(r->label.s) : json_null());
		json_object_set_new(x, "source", cli_json_string(source_shown(r->span.src)));
		json_object_set_new(x, "line", json_integer(source_line_col(r->span.src, r->span.begin).line));
		json_object_set_new(x, "verdict", json_verdict(r->verdict));
		json_object_set_new(x, "text", cli_json_string(r->text));
		count_if(x, !u->counters_off, eval_rule_count(e, i));
		data_other(x, u, e, way_of(p, u, i));
		json_array_append_new(rules, x);
	}
	json_object_set_new(o, "name", cli_json_string(u->name));
	json_object_set_new(o, "counters", json_boolean(!u->counters_off));
	json_object_set_new(o, "rules", rules);
	x = json_object();
	json_object_set_new(x, "verdict", json_verdict(u->default_verdict));
	count_if(x, !u->counters_off, eval_rule_count(e, u->default_index));
	data_other(x, u, e, u->default_way);
	json_object_set_new(o, "default", x);
	x = json_object();
	count_if(x, !u->counters_off, reached(p, e, unit));
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

		json_array_append_new(all, json_pack("{s:s, s:s, s:I, s:I, s:I}", "name", p->live.v[i]->name.s, "file",
						     p->live.v[i]->unit->name, "added", (json_int_t)c.added,
						     "full", (json_int_t)c.full, "removed", (json_int_t)c.removed));
	}
	return all;
}

static json_t *data_logs(const struct ast_program *p, const struct eval *e)
{
	json_t *all = json_array();

	for (size_t i = 0; i < p->logs.n; i++) {
		const struct ast_log *log = p->logs.v[i];
		json_t *o = json_object();

		json_object_set_new(o, "rule", cli_json_string(p->by_index.v[log->rule]->shown));
		json_object_set_new(o, "file", cli_json_string(unit_of(p, log->rule)->name));
		json_object_set_new(o, "action", json_string(log->sample ? "sample" : "log"));
		json_object_set_new(o, "limited", json_integer((json_int_t)eval_log_limited(e, log)));
		json_object_set_new(o, "lost", json_integer(0));
		json_array_append_new(all, o);
	}
	return all;
}

static void summary_json(const struct ast_program *p, const struct eval *e, FILE *out)
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
			json_object_set_new(t, "file", cli_json_string(u->name));
			json_object_set_new(t, "entries", d.array);
			json_array_append_new(tables, t);
		}
	}
	for (int v = 0; v < VERDICT_COUNT; v++)
		json_object_set_new(verdicts, lang_verdicts[v].name, json_counted(eval_verdict_count(e, (enum verdict)v)));
	d.array = json_array();
	each_limit(p, data_limit, &d);
	json_object_set_new(s, "limits", d.array);
	d.array = json_array();
	each_miss(p, data_miss, &d);
	json_object_set_new(s, "program", json_string(p->name));
	json_object_set_new(s, "files", files);
	json_object_set_new(s, "verdicts", any_counts(p) ? json_incref(verdicts) : json_null());
	json_decref(verdicts);
	json_object_set_new(s, "tables", tables);
	json_object_set_new(s, "misses", d.array);
	json_object_set_new(s, "logs", data_logs(p, e));
	json_object_set_new(s, "sets", data_sets(p, e));
	json_object_set_new(s, "balanced", json_boolean(balanced(p, e)));
	json_object_set_new(all, "summary", s);
	json_dumpf(all, out, JSON_COMPACT);
	putc('\n', out);
	json_decref(all);
}

void cli_summary(const struct cli *cli, const struct ast_program *p, const struct eval *e, FILE *out)
{
	if (cli->json)
		summary_json(p, e, out);
	else
		summary_text(p, e, out);
}
