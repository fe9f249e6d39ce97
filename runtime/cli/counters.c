/*
 * Counters for machines: JSON with stable keys.
 */
#include <inttypes.h>
#include <string.h>

#include "cli.h"

char *counters_key(const struct counters_of *c, const struct xdpf_table *t, const void *key, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t k = 0; k < t->n_key && n + 3 < size; k++) {
		if (k)
			n += (size_t)snprintf(buf + n, size - n, ", ");
		xdpf_stats_key(c->stats, &t->key[k], key, buf + n, size - n);
		n += strlen(buf + n);
	}
	return buf;
}

const char *counters_error(unsigned err)
{
	return err ? strerror((int)err) : "the device took no more";
}

bool counters_any(const struct xdpf_meta *m)
{
	for (size_t i = 0; i < m->n_files; i++)
		if (m->files[i].counters)
			return true;
	return false;
}

/* ---- JSON ---- */

static void set_count(json_t *o, struct xdpf_count c)
{
	json_object_set_new(o, "packets", json_integer((json_int_t)c.packets));
	json_object_set_new(o, "bytes", json_integer((json_int_t)c.bytes));
}

/* Where nobody counts, nothing is known, which is not zero. */
static void count_if(json_t *o, bool counted, struct xdpf_count c)
{
	if (counted) {
		set_count(o, c);
		return;
	}
	json_object_set_new(o, "packets", json_null());
	json_object_set_new(o, "bytes", json_null());
}

static json_t *verdict_value(enum xdpf_verdict v)
{
	return v == XDPF_NO_VERDICT ? json_null() : json_string(xdpf_verdict_name(v));
}

static void set_other(json_t *o, const struct counters_of *c, bool counted, struct xdpf_other other)
{
	json_t *x;

	if (other.verdict == XDPF_NO_VERDICT)
		return;
	x = json_pack("{s:o}", "verdict", verdict_value(other.verdict));
	count_if(x, counted, xdpf_stats_other(c->stats, other.slot));
	json_object_set_new(o, "else", x);
}

struct cookie_counts counters_cookies(const struct counters_of *c, const struct xdpf_rule *r)
{
	uint64_t all = xdpf_stats_rule(c->stats, r->index).packets, other = xdpf_stats_other(c->stats, r->other.slot).packets;
	uint64_t unanswered = xdpf_stats_other(c->stats, r->cookies.unanswered).packets;

	return (struct cookie_counts){ all - other, xdpf_stats_other(c->stats, r->cookies.completed).packets, other - unanswered, unanswered };
}

static void set_cookies(json_t *o, const struct counters_of *c, bool counted, const struct xdpf_rule *r)
{
	struct cookie_counts n = counters_cookies(c, r);

	if (!r->cookies.used)
		return;
	json_object_set_new(o, "cookies", !counted ? json_null() :
			    json_pack("{s:I, s:I, s:I, s:I}", "answered", (json_int_t)n.answered, "completed", (json_int_t)n.completed,
				      "refused", (json_int_t)n.refused, "unanswered", (json_int_t)n.unanswered));
}

static json_t *file_json(const struct counters_of *c, unsigned file)
{
	const struct xdpf_file *f = &c->meta->files[file];
	json_t *o = json_pack("{s:s, s:b}", "name", f->name, "counters", f->counters), *rules = json_array(), *x;

	for (size_t i = 0; i < c->meta->n_rules; i++) {
		const struct xdpf_rule *r = &c->meta->rules[i];

		if (r->file != file)
			continue;
		x = json_pack("{s:s, s:s?, s:s, s:I, s:o, s:s}", "rule", r->shown, "label", r->label, "source", r->source,
			      "line", (json_int_t)r->line, "verdict", verdict_value(r->verdict), "text", r->text);
		count_if(x, f->counters, xdpf_stats_rule(c->stats, r->index));
		set_other(x, c, f->counters, r->other);
		set_cookies(x, c, f->counters, r);
		json_array_append_new(rules, x);
	}
	json_object_set_new(o, "rules", rules);
	x = json_pack("{s:o}", "verdict", verdict_value(f->default_verdict));
	count_if(x, f->counters, xdpf_stats_rule(c->stats, f->default_index));
	set_other(x, c, f->counters, f->default_other);
	json_object_set_new(o, "default", x);
	x = json_object();
	count_if(x, f->counters, xdpf_stats_reached(c->stats, file));
	json_object_set_new(o, "reached", x);
	return o;
}

static json_t *entry_json(const struct counters_of *c, const struct xdpf_table *t, const void *key, struct xdpf_count count)
{
	json_t *o = json_object(), *k = json_object();
	char text[1024];

	for (size_t i = 0; i < t->n_key; i++)
		json_object_set_new(k, t->key[i].name, json_string(xdpf_stats_key(c->stats, &t->key[i], key, text, sizeof(text))));
	json_object_set_new(o, "key", k);
	set_count(o, count);
	return o;
}

static json_t *table_json(const struct counters_of *c, size_t table)
{
	const struct xdpf_table *t = &c->meta->tables[table];
	json_t *o = json_pack("{s:s, s:s}", "name", t->name, "file", c->meta->files[t->file].name), *entries = json_array();

	for (size_t i = 0; i < xdpf_stats_n_entries(c->stats, table); i++) {
		struct xdpf_count count;
		const void *key = xdpf_stats_entry(c->stats, table, i, &count);

		json_array_append_new(entries, entry_json(c, t, key, count));
	}
	json_object_set_new(o, "entries", entries);
	return o;
}

static json_t *miss_json(const struct counters_of *c, const struct xdpf_action *a)
{
	struct xdpf_misses m = xdpf_stats_action(c->stats, a->slot);
	const struct xdpf_rule *r = xdpf_meta_rule(c->meta, a->rule);

	return json_pack("{s:s, s:s, s:s?, s:s, s:I, s:I}", "rule", r ? r->shown : "", "file", r ? c->meta->files[r->file].name : "", "table",
			 a->table == XDPF_NO_TABLE ? NULL : c->meta->tables[a->table].name, "action", a->text,
			 "absent", (json_int_t)m.absent, "full", (json_int_t)m.full);
}

static json_t *log_json(const struct counters_of *c, size_t log)
{
	struct xdpf_logged n = xdpf_stats_log(c->stats, log);
	const struct xdpf_rule *r = xdpf_meta_rule(c->meta, c->meta->logs[log].rule);

	return json_pack("{s:s, s:s, s:s, s:I, s:I}", "rule", r->shown, "file", c->meta->files[r->file].name, "action",
			 c->meta->logs[log].sample ? "sample" : "log", "limited", (json_int_t)n.limited, "lost", (json_int_t)n.lost);
}

static json_t *limit_json(const struct counters_of *c, size_t limit)
{
	const struct xdpf_limit *l = &c->meta->limits[limit];
	struct xdpf_limit_counts n = xdpf_stats_limit(c->stats, limit);

	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "name", l->name, "file", c->meta->files[l->file].name, "rate", l->rate,
			 "size", (json_int_t)l->size, "admitted", (json_int_t)n.admitted, "denied", (json_int_t)n.denied, "full",
			 (json_int_t)n.full);
}

/* By errno: what was redirected, and got lost behind the program. */
static json_t *lost_json(const struct counters_of *c)
{
	json_t *o = json_array();

	for (unsigned e = 0; e < XDPF_MAX_ERRNO; e++)
		if (xdpf_stats_error(c->stats, e))
			json_array_append_new(o, json_pack("{s:i, s:s, s:I}", "errno", (int)e, "error", counters_error(e), "packets",
							   (json_int_t)xdpf_stats_error(c->stats, e)));
	return o;
}

/* By verdict: what the kernel gave up. */
static json_t *exceptions_json(const struct counters_of *c)
{
	json_t *o = json_array();

	for (int v = XDPF_ABORT; v < XDPF_N_VERDICTS; v++)
		if (xdpf_stats_exception(c->stats, v))
			json_array_append_new(o, json_pack("{s:s, s:I}", "verdict", xdpf_verdict_name(v), "packets",
							   (json_int_t)xdpf_stats_exception(c->stats, v)));
	return o;
}

bool counters_of_rule(const struct counters_of *c, unsigned index)
{
	const struct xdpf_rule *r = xdpf_meta_rule(c->meta, index);

	return !c->only || (r && counters_of_file(c, r->file));
}

json_t *counters_json(const struct counters_of *c)
{
	json_t *o = json_object(), *files = json_array(), *verdicts = json_object(), *tables = json_array();
	json_t *misses = json_array(), *logs = json_array(), *sets = json_array();

	if (c->iface) {
		json_object_set_new(o, "interface", json_string(cli_shown(c->iface->name).text));
		json_object_set_new(o, "ifindex", json_integer(c->iface->ifindex));
		json_object_set_new(o, "mode", json_string(xdpf_mode_name(c->iface->mode)));
		json_object_set_new(o, "program_id", json_integer(c->iface->prog_id));
	}
	json_object_set_new(o, "program", json_string(c->meta->program));
	for (unsigned i = 0; i < c->meta->n_files; i++)
		if (counters_of_file(c, i))
			json_array_append_new(files, file_json(c, i));
	for (int v = XDPF_ABORT; v < XDPF_N_VERDICTS; v++) {
		json_t *x = json_object();

		set_count(x, xdpf_stats_verdict(c->stats, (enum xdpf_verdict)v));
		json_object_set_new(verdicts, xdpf_verdict_name((enum xdpf_verdict)v), x);
	}
	for (size_t i = 0; i < c->meta->n_tables; i++)
		if (counters_of_file(c, c->meta->tables[i].file))
			json_array_append_new(tables, table_json(c, i));
	for (size_t i = 0; i < c->meta->n_sets; i++) {
		const struct xdpf_set *set = &c->meta->sets[i];
		struct xdpf_set_count n = xdpf_stats_set(c->stats, i);
		json_t *x;

		if (!counters_of_file(c, set->file))
			continue;
		x = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "name", set->name, "file", c->meta->files[set->file].name, "added",
				      (json_int_t)n.added, "full", (json_int_t)n.full, "removed", (json_int_t)n.removed, "expired",
				      (json_int_t)n.expired);

		/* of what runs; a run's own summary is the evaluator's, which has no room */
		if (x && c->elements) {
			json_object_set_new(x, "size", json_integer((json_int_t)set->size));
			json_object_set_new(x, "elements", json_integer((json_int_t)c->elements[i]));
		}
		json_array_append_new(sets, x);
	}
	for (size_t i = 0; i < c->meta->n_actions; i++)
		if (counters_of_rule(c, c->meta->actions[i].rule))
			json_array_append_new(misses, miss_json(c, &c->meta->actions[i]));
	for (size_t i = 0; i < c->meta->n_logs; i++)
		if (counters_of_rule(c, c->meta->logs[i].rule))
			json_array_append_new(logs, log_json(c, i));
	json_object_set_new(o, "files", files);
	if (!c->only)
		json_object_set_new(o, "verdicts", counters_any(c->meta) ? json_incref(verdicts) : json_null());
	json_decref(verdicts);
	json_object_set_new(o, "limits", json_array());
	for (size_t i = 0; i < c->meta->n_limits; i++)
		if (counters_of_file(c, c->meta->limits[i].file))
			json_array_append_new(json_object_get(o, "limits"), limit_json(c, i));
	json_object_set_new(o, "tables", tables);
	json_object_set_new(o, "misses", misses);
	/* a test run sends nothing */
	if (c->iface && !c->only)
		json_object_set_new(o, "lost", lost_json(c));
	if (c->iface && !c->only)
		json_object_set_new(o, "exceptions", exceptions_json(c));
	json_object_set_new(o, "sets", sets);
	json_object_set_new(o, "logs", logs);
	if (!c->only)
		json_object_set_new(o, "balanced", json_boolean(xdpf_stats_balanced(c->stats)));
	return o;
}
