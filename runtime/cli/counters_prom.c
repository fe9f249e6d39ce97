/*
 * Counters in the Prometheus text format. In: the counters of any number of interfaces. Out: each metric once, with its help, and behind it the
 * samples of all of them, as the format wants it; a metric that none has is not named.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void quoted(FILE *out, const char *value)
{
	fputc('"', out);
	for (const char *p = value; *p; p++) {
		if (*p == '\\' || *p == '"' || *p == '\n')
			fputc('\\', out);
		fputc(*p == '\n' ? 'n' : *p, out);
	}
	fputc('"', out);
}

static void label(FILE *out, const char *name, const char *value)
{
	fprintf(out, ",%s=", name);
	quoted(out, value);
}

static void start(const struct counters_of *c, FILE *out, const char *metric)
{
	fprintf(out, "%s{interface=", metric);
	quoted(out, c->iface ? cli_shown(c->iface->name).text : "");
	label(out, "program", c->meta->program);
}

/* A rule, or for NULL its file's default. A rule without a label has its place for a name, so its counter's number tells two on one line
 * apart. */
static void rule_labels(FILE *out, const struct xdpf_file *f, const struct xdpf_rule *r, enum xdpf_verdict verdict)
{
	char index[16];

	label(out, "file", f->name);
	label(out, "rule", r ? r->shown : "default");
	if (r && !r->label) {
		snprintf(index, sizeof(index), "%u", r->index);
		label(out, "index", index);
	}
	label(out, "verdict", xdpf_verdict_name(verdict));
}

/* One metric of each: @bytes chooses the half. */
static void rules_metric(const struct counters_of *c, FILE *out, const char *metric, bool bytes)
{
	for (size_t i = 0; i < c->meta->n_rules + c->meta->n_files; i++) {
		const struct xdpf_rule *r = i < c->meta->n_rules ? &c->meta->rules[i] : NULL;
		size_t file = r ? r->file : i - c->meta->n_rules;
		const struct xdpf_file *f = &c->meta->files[file];
		struct xdpf_count n = xdpf_stats_rule(c->stats, r ? r->index : f->default_index);

		if (!f->counters)
			continue;
		start(c, out, metric);
		rule_labels(out, f, r, r ? r->verdict : f->default_verdict);
		fprintf(out, "} %" PRIu64 "\n", bytes ? n.bytes : n.packets);
	}
}

static void reached_metric(const struct counters_of *c, FILE *out, const char *metric, bool bytes)
{
	for (unsigned i = 0; i < c->meta->n_files; i++) {
		struct xdpf_count n = xdpf_stats_reached(c->stats, i);

		if (!c->meta->files[i].counters)
			continue;
		start(c, out, metric);
		label(out, "file", c->meta->files[i].name);
		fprintf(out, "} %" PRIu64 "\n", bytes ? n.bytes : n.packets);
	}
}

static void cookies_metric(const struct counters_of *c, FILE *out, const char *metric, bool bytes)
{
	static const char *const results[] = { "answered", "completed", "refused", "unanswered" };

	(void)bytes;
	for (size_t i = 0; i < c->meta->n_rules; i++) {
		const struct xdpf_rule *r = &c->meta->rules[i];
		struct cookie_counts n = counters_cookies(c, r);
		const uint64_t v[] = { n.answered, n.completed, n.refused, n.unanswered };
		char index[16];

		if (!r->cookies.used || !c->meta->files[r->file].counters)
			continue;
		snprintf(index, sizeof(index), "%u", r->index);
		for (int k = 0; k < 4; k++) {
			start(c, out, metric);
			label(out, "file", c->meta->files[r->file].name);
			label(out, "rule", r->shown);
			label(out, "index", index);
			label(out, "result", results[k]);
			fprintf(out, "} %" PRIu64 "\n", v[k]);
		}
	}
}

/* Of those whose verdict may turn out to be impossible; .verdict is then the other one. */
static void others_metric(const struct counters_of *c, FILE *out, const char *metric, bool bytes)
{
	for (size_t i = 0; i < c->meta->n_rules + c->meta->n_files; i++) {
		const struct xdpf_rule *r = i < c->meta->n_rules ? &c->meta->rules[i] : NULL;
		const struct xdpf_file *f = &c->meta->files[r ? r->file : i - c->meta->n_rules];
		struct xdpf_other other = r ? r->other : f->default_other;
		struct xdpf_count n;

		if (!f->counters || other.verdict == XDPF_NO_VERDICT)
			continue;
		n = xdpf_stats_other(c->stats, other.slot);
		start(c, out, metric);
		rule_labels(out, f, r, other.verdict);
		fprintf(out, "} %" PRIu64 "\n", bytes ? n.bytes : n.packets);
	}
}

static void lost_metric(const struct counters_of *c, FILE *out, const char *metric, bool bytes)
{
	(void)bytes;
	for (unsigned e = 0; e < XDPF_MAX_ERRNO; e++) {
		char number[16];

		if (!xdpf_stats_error(c->stats, e))
			continue;
		snprintf(number, sizeof(number), "%u", e);
		start(c, out, metric);
		label(out, "errno", number);
		label(out, "error", counters_error(e));
		fprintf(out, "} %" PRIu64 "\n", xdpf_stats_error(c->stats, e));
	}
}

static void exceptions_metric(const struct counters_of *c, FILE *out, const char *metric, bool bytes)
{
	(void)bytes;
	for (int v = XDPF_ABORT; v < XDPF_N_VERDICTS; v++) {
		if (!xdpf_stats_exception(c->stats, v))
			continue;
		start(c, out, metric);
		label(out, "verdict", xdpf_verdict_name(v));
		fprintf(out, "} %" PRIu64 "\n", xdpf_stats_exception(c->stats, v));
	}
}

static void verdicts_metric(const struct counters_of *c, FILE *out, const char *metric, bool bytes)
{
	for (int v = XDPF_ABORT; v < XDPF_N_VERDICTS && counters_any(c->meta); v++) {
		struct xdpf_count n = xdpf_stats_verdict(c->stats, (enum xdpf_verdict)v);

		start(c, out, metric);
		label(out, "verdict", xdpf_verdict_name((enum xdpf_verdict)v));
		fprintf(out, "} %" PRIu64 "\n", bytes ? n.bytes : n.packets);
	}
}

static void tables_metric(const struct counters_of *c, FILE *out, const char *metric, bool bytes)
{
	for (size_t t = 0; t < c->meta->n_tables; t++) {
		const struct xdpf_table *table = &c->meta->tables[t];

		for (size_t i = 0; i < xdpf_stats_n_entries(c->stats, t); i++) {
			struct xdpf_count n;
			const void *key = xdpf_stats_entry(c->stats, t, i, &n);
			char text[1024];

			start(c, out, metric);
			label(out, "file", c->meta->files[table->file].name);
			label(out, "table", table->name);
			label(out, "key", counters_key(c, table, key, text, sizeof(text)));
			fprintf(out, "} %" PRIu64 "\n", bytes ? n.bytes : n.packets);
		}
	}
}

static void sets_metric(const struct counters_of *c, FILE *out, const char *metric, bool bytes)
{
	static const char *const events[] = { "added", "full", "removed", "expired" };

	(void)bytes;
	for (size_t i = 0; i < c->meta->n_sets; i++) {
		struct xdpf_set_count n = xdpf_stats_set(c->stats, i);
		uint64_t v[] = { n.added, n.full, n.removed, n.expired };

		for (int e = 0; e < 4; e++) {
			start(c, out, metric);
			label(out, "file", c->meta->files[c->meta->sets[i].file].name);
			label(out, "set", c->meta->sets[i].name);
			label(out, "event", events[e]);
			fprintf(out, "} %" PRIu64 "\n", v[e]);
		}
	}
}

static void misses_metric(const struct counters_of *c, FILE *out, const char *metric, bool bytes)
{
	(void)bytes;
	for (size_t i = 0; i < c->meta->n_actions; i++) {
		const struct xdpf_action *a = &c->meta->actions[i];
		const struct xdpf_rule *r = xdpf_meta_rule(c->meta, a->rule);
		struct xdpf_misses m = xdpf_stats_action(c->stats, a->slot);

		for (int full = 0; full < 2; full++) {
			char slot[16];

			snprintf(slot, sizeof(slot), "%u", a->slot);
			start(c, out, metric);
			label(out, "file", r ? c->meta->files[r->file].name : "");
			label(out, "rule", r ? r->shown : "");
			label(out, "table", a->table == XDPF_NO_TABLE ? "" : c->meta->tables[a->table].name);
			label(out, "action", a->text);
			label(out, "slot", slot);
			label(out, "reason", full ? "full" : "absent");
			fprintf(out, "} %" PRIu64 "\n", full ? m.full : m.absent);
		}
	}
}

static void logs_metric(const struct counters_of *c, FILE *out, const char *metric, bool bytes)
{
	(void)bytes;
	for (size_t i = 0; i < c->meta->n_logs; i++) {
		const struct xdpf_rule *r = xdpf_meta_rule(c->meta, c->meta->logs[i].rule);
		struct xdpf_logged n = xdpf_stats_log(c->stats, i);

		for (int lost = 0; lost < 2; lost++) {
			char place[24];

			snprintf(place, sizeof(place), "%zu", i);
			start(c, out, metric);
			label(out, "file", c->meta->files[r->file].name);
			label(out, "rule", r->shown);
			label(out, "log", place);
			label(out, "reason", lost ? "lost" : "limited");
			fprintf(out, "} %" PRIu64 "\n", lost ? n.lost : n.limited);
		}
	}
}

static void limits_metric(const struct counters_of *c, FILE *out, const char *metric, bool bytes)
{
	static const char *const results[] = { "admitted", "denied", "full" };

	(void)bytes;
	for (size_t i = 0; i < c->meta->n_limits; i++) {
		struct xdpf_limit_counts l = xdpf_stats_limit(c->stats, i);
		const uint64_t n[] = { l.admitted, l.denied, l.full };
		char index[24];

		/* two limits of one line have one name */
		snprintf(index, sizeof(index), "%zu", i);
		for (int k = 0; k < 3; k++) {
			start(c, out, metric);
			label(out, "file", c->meta->files[c->meta->limits[i].file].name);
			label(out, "limit", c->meta->limits[i].name);
			label(out, "index", index);
			label(out, "result", results[k]);
			fprintf(out, "} %" PRIu64 "\n", n[k]);
		}
	}
}

/* ---- what there is ---- */

static void elements_metric(const struct counters_of *c, FILE *out, const char *metric, bool size)
{
	for (size_t i = 0; i < c->meta->n_sets; i++) {
		if (!size && !c->elements)
			continue;
		start(c, out, metric);
		label(out, "file", c->meta->files[c->meta->sets[i].file].name);
		label(out, "set", c->meta->sets[i].name);
		fprintf(out, "} %" PRIu64 "\n", size ? (uint64_t)c->meta->sets[i].size : c->elements[i]);
	}
}

static void info_metric(const struct counters_of *c, FILE *out, const char *metric, bool bytes)
{
	char id[16];

	(void)bytes;
	snprintf(id, sizeof(id), "%u", c->iface ? c->iface->prog_id : 0);
	start(c, out, metric);
	label(out, "mode", c->iface ? xdpf_mode_name(c->iface->mode) : "");
	label(out, "program_id", id);
	label(out, "compiler", c->meta->compiler);
	fprintf(out, "} 1\n");
}

static void since_metric(const struct counters_of *c, FILE *out, const char *metric, bool bytes)
{
	(void)bytes;
	if (!c->iface || !c->iface->since)
		return;
	start(c, out, metric);
	fprintf(out, "} %" PRId64 "\n", c->iface->since);
}

static const struct {
	const char *name, *type, *help;
	void (*each)(const struct counters_of *c, FILE *out, const char *metric, bool bytes);
	bool bytes;
} metrics[] = {
	{ "xdpf_info", "gauge", "What runs on the interface.", info_metric, false },
	{ "xdpf_applied_timestamp_seconds", "gauge", "When the program was loaded.", since_metric, false },
	{ "xdpf_rule_packets_total", "counter", "Packets that matched a rule or fell to a file's default.", rules_metric, false },
	{ "xdpf_rule_bytes_total", "counter", "Bytes of the frames that matched a rule or fell to a file's default.", rules_metric, true },
	{ "xdpf_file_packets_total", "counter", "Packets that reached a file: those of its rules that decide and of its default.", reached_metric,
	  false },
	{ "xdpf_file_bytes_total", "counter", "Bytes of the frames that reached a file.", reached_metric, true },
	{ "xdpf_rule_else_packets_total", "counter", "Packets of them that took the other verdict: there was no way.", others_metric, false },
	{ "xdpf_rule_else_bytes_total", "counter", "Bytes of the frames of them that took the other verdict.", others_metric, true },
	{ "xdpf_lost_packets_total", "counter", "Packets that were redirected or sent back, and lost behind the program, by the kernel's error.",
	  lost_metric, false },
	{ "xdpf_exception_packets_total", "counter", "Packets that the kernel gave up with this verdict: what was to be sent back, and could not be.",
	  exceptions_metric, false },
	{ "xdpf_verdict_packets_total", "counter", "Packets by the program's verdict.", verdicts_metric, false },
	{ "xdpf_verdict_bytes_total", "counter", "Bytes of frames by the program's verdict.", verdicts_metric, true },
	{ "xdpf_syncookie_packets_total", "counter",
	  "Packets that met a syncookie rule and belonged to no connection, by what became of them.", cookies_metric, false },
	{ "xdpf_table_packets_total", "counter", "Packets by key of a count table.", tables_metric, false },
	{ "xdpf_table_bytes_total", "counter", "Bytes of frames by key of a count table.", tables_metric, true },
	{ "xdpf_limit_packets_total", "counter", "Packets that asked a rate limit: admitted, denied, or without room for their key.",
	  limits_metric, false },
	{ "xdpf_set_elements", "gauge", "Elements that are in a live set.", elements_metric, false },
	{ "xdpf_set_size", "gauge", "Elements that a live set has room for.", elements_metric, true },
	{ "xdpf_set_events_total", "counter", "What the program did to a live set.", sets_metric, false },
	{ "xdpf_misses_total", "counter", "Actions that did nothing: the key's field was absent, or the table full.", misses_metric, false },
	{ "xdpf_unlogged_total", "counter", "Packets without a record: beyond the log's pace, or its ring was full.", logs_metric, false },
};

/* The samples of one metric as text, of malloc(); NULL: memory is out. */
static char *samples(const struct counters_of *c, size_t n, size_t metric)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (size_t i = 0; f && i < n; i++)
		metrics[metric].each(&c[i], f, metrics[metric].name, metrics[metric].bytes);
	if (!f || fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

bool counters_prometheus(const struct counters_of *c, size_t n, FILE *out)
{
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		char *text = samples(c, n, i);

		if (!text)
			return false;
		if (*text)
			fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s", metrics[i].name, metrics[i].help, metrics[i].name, metrics[i].type, text);
		free(text);
	}
	return true;
}
