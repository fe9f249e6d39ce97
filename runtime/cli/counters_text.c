/*
 * Counters for people: a block per file, with its rules in order, then verdicts, tables and what did nothing.
 */
#include <inttypes.h>
#include <string.h>

#include "cli.h"

enum { KEYS_SHOWN = 20 };	/* of a table; --json and --prometheus have them all */

static void line(FILE *out, int width, const char *name, const char *verdict, struct xdpf_count c, const char *text)
{
	fprintf(out, "  %-*s %-8s %14" PRIu64 " %18" PRIu64 "  %s\n", width, name, verdict, c.packets, c.bytes, text);
}

static int name_width(const struct xdpf_meta *m)
{
	size_t width = strlen("default");

	for (size_t i = 0; i < m->n_rules; i++)
		if (strlen(m->rules[i].shown) > width)
			width = strlen(m->rules[i].shown);
	return width > 40 ? 40 : (int)width;
}

/* Of the packets in the line above. */
static void other_text(const struct counters_of *c, struct xdpf_other o, int width, FILE *out)
{
	if (o.verdict != XDPF_NO_VERDICT)
		line(out, width, "  else", xdpf_verdict_name(o.verdict), xdpf_stats_other(c->stats, o.slot), "");
}

static void cookies_text(const struct counters_of *c, const struct xdpf_rule *r, FILE *out)
{
	struct cookie_counts n = counters_cookies(c, r);

	if (r->cookies.used)
		fprintf(out, "    %" PRIu64 " SYNs answered, %" PRIu64 " not; %" PRIu64 " connections completed, %" PRIu64 " packets refused\n",
			n.answered, n.unanswered, n.completed, n.refused);
}

static void file_text(const struct counters_of *c, unsigned file, int width, FILE *out)
{
	const struct xdpf_file *f = &c->meta->files[file];
	struct xdpf_count reached = xdpf_stats_reached(c->stats, file);

	if (!f->counters) {
		fprintf(out, "%s: its counters are off\n", f->name);
		return;
	}
	fprintf(out, "%s: reached by %" PRIu64 " packets, %" PRIu64 " bytes\n", f->name, reached.packets, reached.bytes);
	fprintf(out, "  %-*s %-8s %14s %18s\n", width, "rule", "verdict", "packets", "bytes");
	for (size_t i = 0; i < c->meta->n_rules; i++) {
		const struct xdpf_rule *r = &c->meta->rules[i];

		if (r->file != file)
			continue;
		line(out, width, r->shown, r->verdict == XDPF_NO_VERDICT ? "-" : xdpf_verdict_name(r->verdict),
		     xdpf_stats_rule(c->stats, r->index), r->text);
		other_text(c, r->other, width, out);
		cookies_text(c, r, out);
	}
	line(out, width, "default", xdpf_verdict_name(f->default_verdict), xdpf_stats_rule(c->stats, f->default_index), "");
	other_text(c, f->default_other, width, out);
}

static void table_text(const struct counters_of *c, size_t table, FILE *out)
{
	const struct xdpf_table *t = &c->meta->tables[table];
	size_t n = xdpf_stats_n_entries(c->stats, table);
	char text[1024];

	fprintf(out, "table %s (%s)", t->name, c->meta->files[t->file].name);
	for (size_t k = 0; k < t->n_key; k++)
		fprintf(out, "%s%s", k ? ", " : " per ", t->key[k].name);
	fprintf(out, ": %zu %s\n", n, n == 1 ? "entry" : "entries");
	for (size_t i = 0; i < n && i < KEYS_SHOWN; i++) {
		struct xdpf_count count;
		const void *key = xdpf_stats_entry(c->stats, table, i, &count);

		fprintf(out, "  %-40s %14" PRIu64 " %18" PRIu64 "\n", t->n_key ? counters_key(c, t, key, text, sizeof(text)) : "all",
			count.packets, count.bytes);
	}
	if (n > KEYS_SHOWN)
		fprintf(out, "  and %zu more; --json has them all\n", n - KEYS_SHOWN);
}

/* Several files may have rules of one label. */
static const char *rule_name(const struct counters_of *c, unsigned index, char *buf, size_t size)
{
	const struct xdpf_rule *r = xdpf_meta_rule(c->meta, index);

	return r ? cli_name(c->meta, r->file, r->shown, buf, size) : "";
}

void counters_text(const struct counters_of *c, FILE *out)
{
	int width = name_width(c->meta);
	bool verdicts = !c->only && counters_any(c->meta);
	char name[512];

	for (unsigned i = 0; i < c->meta->n_files; i++)
		if (counters_of_file(c, i))
			file_text(c, i, width, out);
	if (verdicts)
		fprintf(out, "verdicts\n");
	for (int v = XDPF_ABORT; v < XDPF_N_VERDICTS && verdicts; v++) {
		struct xdpf_count n = xdpf_stats_verdict(c->stats, (enum xdpf_verdict)v);

		if (n.packets || (v >= XDPF_DROP && v <= XDPF_PASS))
			line(out, width, xdpf_verdict_name((enum xdpf_verdict)v), "", n, "");
	}
	for (size_t i = 0; i < c->meta->n_limits; i++) {
		const struct xdpf_limit *l = &c->meta->limits[i];
		struct xdpf_limit_counts n = xdpf_stats_limit(c->stats, i);

		if (!counters_of_file(c, l->file))
			continue;
		fprintf(out, "limit %s (%s) %s: %" PRIu64 " packets within, %" PRIu64 " over, %" PRIu64 " for want of room\n", l->name,
			c->meta->files[l->file].name, l->rate, n.admitted, n.denied, n.full);
	}
	for (unsigned e = 0; e < XDPF_MAX_ERRNO && !c->only; e++)
		if (xdpf_stats_error(c->stats, e))
			fprintf(out, "sent and lost: %" PRIu64 " packets: %s\n", xdpf_stats_error(c->stats, e), counters_error(e));
	for (int v = XDPF_ABORT; v < XDPF_N_VERDICTS && !c->only; v++)
		if (xdpf_stats_exception(c->stats, v))
			fprintf(out, "given up by the kernel: %" PRIu64 " packets: %s\n", xdpf_stats_exception(c->stats, v), xdpf_verdict_name(v));
	for (size_t i = 0; i < c->meta->n_tables; i++)
		if (counters_of_file(c, c->meta->tables[i].file))
			table_text(c, i, out);
	for (size_t i = 0; i < c->meta->n_sets; i++) {
		struct xdpf_set_count n = xdpf_stats_set(c->stats, i);

		if (counters_of_file(c, c->meta->sets[i].file) && (n.added || n.full || n.removed || n.expired))
			fprintf(out, "set %s: %" PRIu64 " added, %" PRIu64 " found it full, %" PRIu64 " removed, %" PRIu64 " expired gave room\n",
				cli_name(c->meta, c->meta->sets[i].file, c->meta->sets[i].name, name, sizeof(name)), n.added, n.full, n.removed,
				n.expired);
	}
	for (size_t i = 0; i < c->meta->n_actions; i++) {
		const struct xdpf_action *a = &c->meta->actions[i];
		const char *rule = rule_name(c, a->rule, name, sizeof(name));
		struct xdpf_misses m = xdpf_stats_action(c->stats, a->slot);

		if (!counters_of_rule(c, a->rule))
			continue;
		if ((m.absent || m.full) && a->table == XDPF_NO_TABLE)
			fprintf(out, "not done: %s, %s: %" PRIu64 " packets\n", rule, a->text, m.absent + m.full);
		else if (m.absent || m.full)
			fprintf(out, "not counted: %s in %s: %" PRIu64 " without the key's field, %" PRIu64 " for want of room\n",
				rule, c->meta->tables[a->table].name, m.absent, m.full);
	}
	for (size_t i = 0; i < c->meta->n_logs; i++) {
		struct xdpf_logged n = xdpf_stats_log(c->stats, i);

		if (counters_of_rule(c, c->meta->logs[i].rule) && (n.limited || n.lost))
			fprintf(out, "not logged: %s: %" PRIu64 " beyond its pace, %" PRIu64 " without a reader\n",
				rule_name(c, c->meta->logs[i].rule, name, sizeof(name)), n.limited, n.lost);
	}
}
