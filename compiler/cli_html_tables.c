/*
 * Tables on a page: sets, limits, and what the program costs.
 */
#include "cli_html.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli_place.h"
#include "cli_witness.h"

enum { ELEMENTS_SHOWN = 6, ROWS_SHOWN = 400 };

static void cell_text(struct html *h, const char *s)
{
	fputs("<td>", h->out);
	html_text(h, s);
	fputs("</td>", h->out);
}

static void cell_place(struct html *h, struct span sp)
{
	html_printf(h, "<td><a href=\"#%s\">", html_anchor(h, sp));
	html_text(h, cli_place(h->cli, sp));
	fputs("</a></td>", h->out);
}

static void cell_number(struct html *h, uint64_t n)
{
	html_printf(h, "<td class=\"num\">%s</td>", html_number(h->arena, n));
}

static void cell_size(struct html *h, uint64_t bytes)
{
	html_printf(h, "<td class=\"num\">%s</td>", html_size(h->arena, bytes));
}

/* What statistics say; nothing where they do not. */
static void cell_stat(struct html *h, const char *list, const char *file, const char *name, const char *member)
{
	int64_t n = html_heat_of(h, list, file, name, member);

	html_printf(h, "<td class=\"num\">%s</td>", n < 0 ? "" : html_number(h->arena, (uint64_t)n));
}

/* Names of columns; a # before one of numbers. */
static void head(struct html *h, const char *const *names)
{
	fputs("<div class=\"wide\"><table><thead><tr>", h->out);
	for (; *names; names++)
		html_printf(h, "<th%s>%s</th>", **names == '#' ? " class=\"num\"" : "", *names + (**names == '#'));
	fputs("</tr></thead>\n<tbody>\n", h->out);
}

static void tail(struct html *h, size_t left)
{
	fputs("</tbody></table></div>\n", h->out);
	if (left)
		html_printf(h, "<p>And %zu more.</p>\n", left);
}

static void elements(struct html *h, const struct ast_set *s)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		arena_fail();
	for (size_t i = 0; i < s->n && i < ELEMENTS_SHOWN; i++) {
		fputs(i ? ", " : "", out);
		fputs(s->n_types > 1 ? "(" : "", out);
		for (unsigned k = 0; k < s->n_types; k++) {
			fputs(k ? ", " : "", out);
			cli_put_range(out, s->types[k], &s->range[i * s->n_types + k]);
		}
		fputs(s->n_types > 1 ? ")" : "", out);
	}
	fputs(s->n > ELEMENTS_SHOWN ? ", …" : "", out);
	fclose(out);
	cell_text(h, text);
	free(text);
}

static void set(struct html *h, const struct ast_unit *u, const struct ast_set *s)
{
	const char *types = "", *timeout;

	for (unsigned k = 0; k < s->n_types; k++)
		types = arena_printf(h->arena, "%s%s%s", types, k ? ", " : "", lang_types[s->types[k]].name);
	fputs("<tr>", h->out);
	cell_text(h, s->name.s);
	cell_place(h, s->span);
	cell_text(h, s->n_types > 1 ? arena_printf(h->arena, "(%s)", types) : types);
	timeout = s->timeout && s->timeout->text ? arena_printf(h->arena, ", timeout %s", s->timeout->text) : "";
	cell_text(h, s->live ? arena_printf(h->arena, "live, room for %s%s", html_number(h->arena, s->max), timeout) : "constant");
	cell_number(h, s->n);
	elements(h, s);
	if (h->heat)
		for (size_t i = 0; i < 4; i++)
			cell_stat(h, "sets", u->name, s->name.s, ((const char *const[]){ "elements", "added", "expired", "full" })[i]);
	fputs("</tr>\n", h->out);
}

static void sets(struct html *h)
{
	static const char *const cold[] = { "set", "at", "type", "kind", "#entries", "begins with", NULL };
	static const char *const warm[] = { "set", "at", "type", "kind", "#entries", "begins with", "#has now", "#added", "#expired", "#no room",
					    NULL };
	size_t n = 0;

	fputs("<section id=\"sets\"><h2>Sets</h2>\n", h->out);
	for (size_t u = 0; u < h->p->units.n; u++)
		for (size_t i = 0; i < h->p->units.v[u]->sets.n; i++) {
			if (!n++)
				head(h, h->heat ? warm : cold);
			if (n <= ROWS_SHOWN)
				set(h, h->p->units.v[u], h->p->units.v[u]->sets.v[i]);
		}
	if (n)
		tail(h, n > ROWS_SHOWN ? n - ROWS_SHOWN : 0);
	else
		fputs("<p>The files have none.</p>", h->out);
	fputs("</section>\n", h->out);
}

static void limits(struct html *h)
{
	static const char *const cold[] = { "limit", "at", "rate", "#room for keys", NULL };
	static const char *const warm[] = { "limit", "at", "rate", "#room for keys", "#within", "#over", "#no room", NULL };
	size_t n = h->p->limit.n;

	fputs("<section id=\"limits\"><h2>Limits</h2>\n", h->out);
	if (n)
		head(h, h->heat ? warm : cold);
	else
		fputs("<p>No rule asks one.</p>", h->out);
	for (size_t i = 0; i < n && i < ROWS_SHOWN; i++) {
		const struct ast_limit *l = h->p->limit.v[i];

		fputs("<tr>", h->out);
		cell_text(h, l->shown);
		cell_place(h, l->span);
		cell_text(h, l->text);
		if (l->key.n)
			cell_number(h, l->entries);
		else
			fputs("<td>one bucket</td>", h->out);
		if (h->heat)
			for (size_t k = 0; k < 3; k++)
				cell_stat(h, "limits", l->unit_in->name, l->shown, ((const char *const[]){ "admitted", "denied", "full" })[k]);
		fputs("</tr>\n", h->out);
	}
	if (n)
		tail(h, n > ROWS_SHOWN ? n - ROWS_SHOWN : 0);
	fputs("</section>\n", h->out);
}

void html_tables(struct html *h)
{
	sets(h);
	limits(h);
}

static void fact(struct html *h, const char *what, const char *is)
{
	html_printf(h, "<div><dt>%s</dt><dd>", what);
	html_text(h, is);
	fputs("</dd></div>\n", h->out);
}

static void facts(struct html *h)
{
	const struct budget *b = &h->budget;
	const struct object_facts *o = &b->code;
	const char *verified = o->verified ? html_number(h->arena, o->verified) : "not known";

	if (o->verified > OBJECT_VERIFIED)
		verified = "maybe too many";
	fputs("<dl>\n", h->out);
	fact(h, "instructions", html_number(h->arena, o->instructions));
	fact(h, "verified, at most", verified);
	fact(h, "longest path", o->path.instructions ? html_number(h->arena, o->path.instructions) : "has loops");
	fact(h, "table reads a packet", html_number(h->arena, b->most.reads));
	fact(h, "map look-ups a packet", html_number(h->arena, b->most.maps));
	fact(h, "stack", html_size(h->arena, o->function.v[0].deepest));
	fact(h, "memory", html_size(h->arena, b->bytes));
	fact(h, "and per CPU", html_size(h->arena, b->per_cpu));
	fputs("</dl>\n", h->out);
}

static void segments(struct html *h)
{
	static const char *const names[] = { "rules", "#how many", "found by", "#tables", "#reads", "why", NULL };
	const struct ir_program *ir = h->budget.ir;

	if (!ir->segment.n)
		return;
	fputs("<h3>How rules are found</h3>\n", h->out);
	head(h, names);
	for (size_t i = 0; i < ir->segment.n && i < ROWS_SHOWN; i++) {
		const struct ir_segment *s = ir->segment.v[i];
		const char *why = s->why ? s->why : "";

		html_printf(h, "<tr><td><a href=\"#%s\">", html_anchor(h, s->first->span));
		html_text(h, arena_printf(h->arena, "%s:%u – %u", budget_file(s->first), budget_line(s->first), budget_line(s->last)));
		fputs("</a></td>", h->out);
		cell_number(h, s->n);
		cell_text(h, budget_engine(s));
		cell_size(h, s->classifier ? classify_bytes(s->classifier) : 0);
		cell_number(h, s->classifier ? classify_loads(s->classifier) : 0);
		cell_text(h, s->ends ? arena_printf(h->arena, "%s%sends there: %s", why, *why ? "; " : "", s->ends) : why);
		fputs("</tr>\n", h->out);
	}
	tail(h, ir->segment.n > ROWS_SHOWN ? ir->segment.n - ROWS_SHOWN : 0);
}

static void constants(struct html *h)
{
	static const char *const names[] = { "constant set or list", "at", "#ranges", "found by", "#memory", "#reads", "why", NULL };
	const struct ir_program *ir = h->budget.ir;
	size_t n = 0;

	for (size_t i = 0; i < ir->table.n; i++) {
		const struct ir_table *t = ir->table.v[i];

		/* no rule asks it in the end */
		if (t->table.engine == SET_AUTO || n >= ROWS_SHOWN)
			continue;
		if (!n++)
			head(h, names);
		fputs("<tr>", h->out);
		cell_text(h, t->name);
		cell_place(h, t->span);
		cell_number(h, (t->set.n + 1) / 2);
		cell_text(h, arena_printf(h->arena, "%s: %s", set_engine_name(t->table.engine), set_engine_what(t->table.engine)));
		cell_size(h, t->table.bytes);
		cell_number(h, t->table.loads);
		cell_text(h, t->table.why);
		fputs("</tr>\n", h->out);
	}
	if (n)
		tail(h, 0);
}

void html_budget(struct html *h)
{
	static const char *const names[] = { "map", "type", "#elements", "#memory", NULL };
	const struct budget *b = &h->budget;

	fputs("<section id=\"budget\"><h2>Budget</h2>\n", h->out);
	facts(h);
	segments(h);
	constants(h);
	fputs("<h3>Maps</h3>\n", h->out);
	head(h, names);
	for (size_t i = 0; i < b->map.n; i++) {
		const struct budget_map *m = &b->map.v[i];

		fputs("<tr>", h->out);
		cell_text(h, m->name);
		cell_text(h, m->type);
		cell_number(h, m->entries);
		html_printf(h, "<td class=\"num\">%s%s</td></tr>\n", html_size(h->arena, m->bytes), m->per_cpu ? " per CPU" : "");
	}
	tail(h, 0);
	fputs("</section>\n", h->out);
}
