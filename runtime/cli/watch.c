/*
 * xdpf stats --watch: how much each rule takes now. In: two readings of an interface's counters, and the time between them. Out: rules by their rate
 * with bars, verdicts, limits, how full sets are, what is lost; as text that fits the terminal, or as a JSON object per line.
 */
#include "watch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { ROWS = 20, BAR = 24, WIDTH = 28 };

struct row {
	const char *file, *name, *text;
	enum xdpf_verdict verdict;
	struct xdpf_count now, rate;
	size_t place;
};

struct table {
	struct row *v;
	size_t n;
};

static void free_table(struct table *t)
{
	free(t->v);
}

static void add_row(struct table *t, const struct counters_of *c, const struct xdpf_file *f, const struct xdpf_rule *r)
{
	struct row *to = &t->v[t->n];

	*to = (struct row){ f->name, r ? r->shown : "default", r ? r->text : "", r ? r->verdict : f->default_verdict,
			    xdpf_stats_rule(c->stats, r ? r->index : f->default_index), { 0, 0 }, t->n };
	t->n++;
}

/* All that is counted, in the files' order. */
static bool rows_of(struct table *t, const struct counters_of *c)
{
	t->v = calloc(c->meta->n_rules + c->meta->n_files + 1, sizeof(*t->v));
	for (size_t i = 0; t->v && i < c->meta->n_rules; i++)
		if (c->meta->files[c->meta->rules[i].file].counters && counters_of_file(c, c->meta->rules[i].file))
			add_row(t, c, &c->meta->files[c->meta->rules[i].file], &c->meta->rules[i]);
	for (size_t i = 0; t->v && i < c->meta->n_files; i++)
		if (c->meta->files[i].counters && counters_of_file(c, (unsigned)i))
			add_row(t, c, &c->meta->files[i], NULL);
	return t->v;
}

static int by_name(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int d = strcmp(x->file, y->file);

	d = d ? d : strcmp(x->name, y->name);
	return d ? d : x->place < y->place ? -1 : x->place > y->place;
}

static int by_rate(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->rate.packets != y->rate.packets)
		return x->rate.packets < y->rate.packets ? 1 : -1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static bool same_row(const struct row *a, const struct row *b)
{
	return !strcmp(a->file, b->file) && !strcmp(a->name, b->name);
}

static uint64_t per_second(uint64_t now, uint64_t then, double seconds)
{
	/* less than before: somebody began anew */
	return now > then ? (uint64_t)((double)(now - then) / seconds + 0.5) : 0;
}

static struct xdpf_count rate_of(struct xdpf_count now, struct xdpf_count then, double seconds)
{
	return (struct xdpf_count){ per_second(now.packets, then.packets, seconds), per_second(now.bytes, then.bytes, seconds) };
}

/* Both tables by name: rules may have come, gone and moved meanwhile. */
static void find_rates(struct table *now, struct table *then, double seconds)
{
	size_t k = 0;

	qsort(now->v, now->n, sizeof(*now->v), by_name);
	qsort(then->v, then->n, sizeof(*then->v), by_name);
	for (size_t i = 0; i < now->n; i++) {
		while (k < then->n && !same_row(&then->v[k], &now->v[i]) && by_name(&then->v[k], &now->v[i]) < 0)
			k++;
		if (k < then->n && same_row(&then->v[k], &now->v[i]))
			now->v[i].rate = rate_of(now->v[i].now, then->v[k++].now, seconds);
		else
			now->v[i].rate = rate_of(now->v[i].now, (struct xdpf_count){ 0, 0 }, seconds);
	}
	qsort(now->v, now->n, sizeof(*now->v), by_rate);
}

/* ---- text ---- */

/* "812.3k" */
static char *short_number(uint64_t v, char buf[16])
{
	static const char units[] = " kMGTPE";
	double d = (double)v;
	size_t u = 0;

	while (d >= 999.95 && units[u + 1]) {
		d /= 1000;
		u++;
	}
	if (u)
		snprintf(buf, 16, "%.1f%c", d, units[u]);
	else
		snprintf(buf, 16, "%" PRIu64, v);
	return buf;
}

static bool utf8(void)
{
	const char *names[] = { "LC_ALL", "LC_CTYPE", "LANG" }, *v = NULL;

	for (size_t i = 0; i < 3 && !(v && *v); i++)
		v = getenv(names[i]);
	return v && (strstr(v, "UTF-8") || strstr(v, "utf8") || strstr(v, "UTF8") || strstr(v, "utf-8"));
}

static void bar(FILE *out, double part, bool blocks)
{
	int n = (int)(part * BAR + 0.5);

	for (int i = 0; i < BAR; i++)
		fputs(i >= n ? " " : blocks ? "\xe2\x96\x88" : "#", out);
}

static size_t rows_shown(const struct counters_of *c)
{
	struct winsize w;
	size_t rest = 8 + c->meta->n_limits + c->meta->n_sets;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_row)
		return ROWS;
	return w.ws_row > rest + 4 ? w.ws_row - rest : 4;
}

static void total(const struct counters_of *c, const struct watch *w, struct xdpf_count rate[XDPF_N_VERDICTS], struct xdpf_count *all)
{
	*all = (struct xdpf_count){ 0, 0 };
	for (int v = XDPF_ABORT; v < XDPF_N_VERDICTS; v++) {
		rate[v] = rate_of(xdpf_stats_verdict(c->stats, v), xdpf_stats_verdict(w->then.c.stats, v), w->seconds);
		all->packets += rate[v].packets;
		all->bytes += rate[v].bytes;
	}
}

/* @several: files, whose rules may have one name. */
static void rules_text(const struct table *t, size_t most, struct xdpf_count all, bool several, FILE *out)
{
	bool blocks = utf8();
	char a[16], b[16];

	fprintf(out, "%-*s %-8s %12s %12s\n", WIDTH, "rule", "verdict", "packets/s", "bits/s");
	for (size_t i = 0; i < t->n && i < most; i++) {
		const struct row *r = &t->v[i];
		char name[512];

		/* one without a label is called by its place */
		snprintf(name, sizeof(name), "%s%s%s", strchr(r->name, ':') ? "" : r->file, strchr(r->name, ':') ? "" : ":", r->name);
		fprintf(out, "%-*.*s %-8s %12s %12s ", WIDTH, several ? -1 : WIDTH, several ? name : r->name,
			r->verdict == XDPF_NO_VERDICT ? "-" : xdpf_verdict_name(r->verdict), short_number(r->rate.packets, a),
			short_number(8 * r->rate.bytes, b));
		bar(out, all.packets ? (double)r->rate.packets / (double)(r->rate.packets > all.packets ? r->rate.packets : all.packets) : 0, blocks);
		fputc('\n', out);
	}
	if (t->n > most)
		fprintf(out, "and %zu more\n", t->n - most);
}

/* The limit of the same name before; -1: there was none. */
static const struct xdpf_limit *limit_then(const struct watch *w, const struct xdpf_meta *m, size_t i, size_t *at)
{
	const struct xdpf_meta *t = w->then.c.meta;

	for (size_t k = i < t->n_limits ? i : 0, n = 0; n < t->n_limits; n++, k = (k + 1) % t->n_limits)
		if (!strcmp(t->limits[k].name, m->limits[i].name) &&
		    !strcmp(t->files[t->limits[k].file].name, m->files[m->limits[i].file].name)) {
			*at = k;
			return &t->limits[k];
		}
	return NULL;
}

static struct xdpf_limit_counts limit_rate(const struct watch *w, const struct counters_of *c, size_t i)
{
	struct xdpf_limit_counts now = xdpf_stats_limit(c->stats, i), then = { 0, 0, 0 };
	size_t at;

	if (limit_then(w, c->meta, i, &at))
		then = xdpf_stats_limit(w->then.c.stats, at);
	return (struct xdpf_limit_counts){ per_second(now.admitted, then.admitted, w->seconds), per_second(now.denied, then.denied, w->seconds),
					   per_second(now.full, then.full, w->seconds) };
}

/* Of a name: what is cut off must not be what tells two apart (-1: nothing is). */
static int shown_of(const struct counters_of *c)
{
	return c->meta->n_files > 1 ? -1 : WIDTH - 6;
}

static void rest_text(const struct counters_of *c, const struct watch *w, FILE *out)
{
	bool blocks = utf8();
	char a[16], b[16], d[16], name[512];

	for (size_t i = 0; i < c->meta->n_limits; i++) {
		struct xdpf_limit_counts r = limit_rate(w, c, i);

		if (!counters_of_file(c, c->meta->limits[i].file))
			continue;
		fprintf(out, "limit %-*.*s %12s/s within %10s/s over %8s/s without room\n", WIDTH - 6, shown_of(c),
			cli_name(c->meta, c->meta->limits[i].file, c->meta->limits[i].name, name, sizeof(name)), short_number(r.admitted, a),
			short_number(r.denied, b), short_number(r.full, d));
	}
	for (size_t i = 0; i < c->meta->n_sets; i++) {
		const struct xdpf_set *s = &c->meta->sets[i];
		uint64_t n = c->elements ? c->elements[i] : 0;

		if (!counters_of_file(c, s->file))
			continue;
		fprintf(out, "set   %-*.*s %12" PRIu64 " of %-10u ", WIDTH - 6, shown_of(c),
			cli_name(c->meta, s->file, s->name, name, sizeof(name)), n, s->size);
		bar(out, s->size ? (double)n / s->size : 0, blocks);
		fputc('\n', out);
	}
	for (unsigned e = 0; e < XDPF_MAX_ERRNO && !c->only; e++)
		if (xdpf_stats_error(c->stats, e))
			fprintf(out, "lost  %s/s: %s (%" PRIu64 " in all)\n",
				short_number(per_second(xdpf_stats_error(c->stats, e), xdpf_stats_error(w->then.c.stats, e), w->seconds), a),
				counters_error(e), xdpf_stats_error(c->stats, e));
	for (int v = XDPF_ABORT; v < XDPF_N_VERDICTS && !c->only; v++)
		if (xdpf_stats_exception(c->stats, v))
			fprintf(out, "given up by the kernel  %s/s: %s (%" PRIu64 " in all)\n",
				short_number(per_second(xdpf_stats_exception(c->stats, v), xdpf_stats_exception(w->then.c.stats, v), w->seconds), a),
				xdpf_verdict_name(v), xdpf_stats_exception(c->stats, v));
}

static void text(const struct counters_of *c, const struct watch *w, const struct table *t, FILE *out)
{
	struct xdpf_count rate[XDPF_N_VERDICTS], all;
	char a[16], b[16];

	total(c, w, rate, &all);
	if (isatty(STDOUT_FILENO))
		fputs("\033[H\033[J", out);
	fprintf(out, "%s: %s, program %s (id %u): ", cli_shown(c->iface->name).text, xdpf_mode_name(c->iface->mode), c->meta->program,
		c->iface->prog_id);
	if (c->only)
		fprintf(out, "%s of it\n", c->meta->files[c->only - 1].name);
	else
		fprintf(out, "%s packets/s, %s bits/s\n", short_number(all.packets, a), short_number(8 * all.bytes, b));
	rules_text(t, rows_shown(c), all, c->meta->n_files > 1 && !c->only, out);
	if (c->only) {
		rest_text(c, w, out);
		return;
	}
	fputs("verdicts", out);
	for (int v = XDPF_ABORT; v < XDPF_N_VERDICTS && counters_any(c->meta); v++)
		if (v == XDPF_DROP || v == XDPF_PASS || xdpf_stats_verdict(c->stats, v).packets)
			fprintf(out, "  %s %s/s", xdpf_verdict_name(v), short_number(rate[v].packets, a));
	fputc('\n', out);
	rest_text(c, w, out);
}

/* ---- JSON ---- */

static json_t *rate_json(struct xdpf_count r)
{
	return json_pack("{s:I, s:I}", "packets_per_second", (json_int_t)r.packets, "bits_per_second", 8 * (json_int_t)r.bytes);
}

static json_t *watch_json(const struct counters_of *c, const struct watch *w, const struct table *t)
{
	json_t *rules = json_array(), *verdicts = json_object(), *limits = json_array(), *sets = json_array(), *x, *o;
	struct xdpf_count rate[XDPF_N_VERDICTS], all;

	total(c, w, rate, &all);
	for (size_t i = 0; i < t->n; i++) {
		x = rate_json(t->v[i].rate);
		json_object_set_new(x, "file", json_string(t->v[i].file));
		json_object_set_new(x, "rule", json_string(t->v[i].name));
		json_object_set_new(x, "verdict", t->v[i].verdict == XDPF_NO_VERDICT ? json_null() : json_string(xdpf_verdict_name(t->v[i].verdict)));
		json_array_append_new(rules, x);
	}
	for (int v = XDPF_ABORT; v < XDPF_N_VERDICTS; v++)
		json_object_set_new(verdicts, xdpf_verdict_name(v), rate_json(rate[v]));
	for (size_t i = 0; i < c->meta->n_limits; i++) {
		struct xdpf_limit_counts r = limit_rate(w, c, i);

		if (!counters_of_file(c, c->meta->limits[i].file))
			continue;
		json_array_append_new(limits, json_pack("{s:s, s:s, s:I, s:I, s:I}", "name", c->meta->limits[i].name, "file",
							c->meta->files[c->meta->limits[i].file].name, "admitted_per_second",
							(json_int_t)r.admitted, "denied_per_second", (json_int_t)r.denied,
							"full_per_second", (json_int_t)r.full));
	}
	for (size_t i = 0; i < c->meta->n_sets; i++) {
		if (!counters_of_file(c, c->meta->sets[i].file))
			continue;
		json_array_append_new(sets, json_pack("{s:s, s:s, s:I, s:I}", "name", c->meta->sets[i].name, "file",
						      c->meta->files[c->meta->sets[i].file].name, "elements",
						      (json_int_t)(c->elements ? c->elements[i] : 0), "size", (json_int_t)c->meta->sets[i].size));
	}
	o = json_pack("{s:s, s:s, s:I, s:f, s:o, s:o, s:o, s:o, s:o}", "interface", cli_shown(c->iface->name).text, "program",
			 c->meta->program, "program_id", (json_int_t)c->iface->prog_id, "seconds", w->seconds, "all", rate_json(all),
			 "rules", rules, "verdicts", verdicts, "limits", limits, "sets", sets);
	if (c->only) {
		json_object_del(o, "all");
		json_object_del(o, "verdicts");
	}
	return o;
}

int watch_show(struct cli *cli, const struct watch *w, const struct counters_of *now, bool json)
{
	_cleanup_(free_table) struct table is = { 0 }, was = { 0 };

	if (!rows_of(&is, now) || !rows_of(&was, &w->then.c)) {
		cli_error(cli, "out of memory");
		return EXIT_SYSTEM;
	}
	find_rates(&is, &was, w->seconds);
	if (json)
		return cli_print_json(cli, watch_json(now, w, &is), JSON_COMPACT);
	text(now, w, &is, stdout);
	return EXIT_DONE;
}
