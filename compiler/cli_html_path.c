/*
 * The way of a packet through a filter, drawn. In: the checked tree, and how rules are found. Out: SVG: a box for each rule, or for the rules that
 * tables find at once; to its right what becomes of a packet that matches; below it the next, for all others. Long lists of rules are put together.
 */
#include "cli_html.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	WIDTH = 760, LEFT = 46, RIGHT = 500, CHIP = 556, CHIP_WIDTH = 190, INDENT = 20, DEEPEST = 8,
	BOX = 40, STEP = 52, LINE = 16, GLYPH = 7,	/* a character is at most so wide */
	RULES_SHOWN = 24,	/* of a list */
	NAMED = 5,		/* of those in one box */
	MOST_BOXES = 300,
};

struct drawing {
	struct html *h;
	unsigned y, boxes;
};

/* What becomes of the packets that some rules decide about. */
struct ends {
	size_t rules[VERDICT_COUNT + 1];	/* the last: they go on */
	uint64_t packets[VERDICT_COUNT + 1];
};

static unsigned indent_of(unsigned depth)
{
	return LEFT + INDENT * (depth > DEEPEST ? DEEPEST : depth);
}

/* A text in a box that is @width wide; what does not fit is said where one points at it. */
static void words(struct drawing *d, unsigned x, unsigned y, unsigned width, const char *class, const char *s)
{
	html_printf(d->h, "<text x=\"%u\" y=\"%u\" class=\"%s\">", x, y, class);
	html_cut(d->h, s, width / GLYPH);
	fputs("</text>", d->h->out);
}

static void title(struct drawing *d, const char *s)
{
	fputs("<title>", d->h->out);
	html_text(d->h, s);
	fputs("</title>", d->h->out);
}

static const char *came(struct drawing *d, const struct html_count *c, const char *else_)
{
	return c->known ? arena_printf(d->h->arena, "%s packets", html_number(d->h->arena, c->packets)) : else_;
}

/* The line by which packets go on to what stands below. */
static void spine(struct drawing *d, unsigned to)
{
	html_printf(d->h, "<path d=\"M24 %uV%u\" class=\"spine\"/>", d->y, to);
}

static void box(struct drawing *d, unsigned x, unsigned height, const char *class)
{
	html_printf(d->h, "<path d=\"M24 %uH%u\" class=\"spine\"/><rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" rx=\"5\" class=\"%s\"/>",
		    d->y + BOX / 2, x, x, d->y, RIGHT - x, height, class);
}

/* To the right: what becomes of it, and how many packets that was. */
static void chip(struct drawing *d, unsigned y, enum verdict v, const char *what, bool known, uint64_t packets)
{
	const char *class = html_verdict_class(v);
	unsigned width = 1 + (known ? html_warmth(d->h, packets) : 0);

	html_printf(d->h, "<path d=\"M%u %uH%u\" class=\"way %s\" stroke-width=\"%u\"/><path d=\"M%u %ul-8 -4v8z\" class=\"head %s\"/>", RIGHT,
		    y + 10, CHIP - 7, class, width, CHIP - 2, y + 10, class);
	html_printf(d->h, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"20\" rx=\"10\" class=\"chip %s\"/>", CHIP, y, CHIP_WIDTH, class);
	words(d, CHIP + 10, y + 14, CHIP_WIDTH - 20, arena_printf(d->h->arena, "on %s", class),
	      known ? arena_printf(d->h->arena, "%s · %s", what, html_number(d->h->arena, packets)) : what);
}

static struct html_count heat(const struct drawing *d, unsigned index)
{
	return d->h->heat ? d->h->heat->rule[index] : (struct html_count){ 0 };
}

/* What a verdict says, without what does not decide: "tx swap", "redirect eth1 else pass". */
static const char *verdict_text(struct drawing *d, const struct ast_rule *r)
{
	const struct ast_action *a = r->action.n ? r->action.v[r->action.n - 1] : NULL;

	if (!a || a->kind != ACTION_VERDICT || !a->span.src)
		return r->verdict == VERDICT_NONE ? "goes on" : lang_verdicts[r->verdict].name;
	return arena_strndup(d->h->arena, a->span.src->text + a->span.begin, a->span.end - a->span.begin);
}

static bool found(const struct drawing *d, const struct ast_rule *r)
{
	for (size_t i = 0; i < d->h->found.list.n; i++)
		if (d->h->found.list.v[i].rule == r)
			return true;
	return false;
}

static void rule(struct drawing *d, const struct ast_rule *r, unsigned depth)
{
	struct html_count c = heat(d, r->index);
	unsigned x = indent_of(depth);
	const char *name = r->label.s ? arena_printf(d->h->arena, "%s · line %u", r->shown, budget_line(r)) : r->shown;

	html_printf(d->h, "<a href=\"#%s\">", html_anchor(d->h, r->span));
	title(d, r->text);
	box(d, x, BOX, found(d, r) ? "box marked" : r->kind == RULE_IF ? "box block" : "box");
	words(d, x + 10, d->y + 16, RIGHT - x - 16, "name", name);
	words(d, x + 10, d->y + 32, RIGHT - x - 16, "rule", r->text);
	fputs("</a>", d->h->out);
	if (r->kind == RULE_IF)
		words(d, CHIP, d->y + 24, CHIP_WIDTH, "aside", came(d, &c, "into the block"));
	else if (r->verdict != VERDICT_NONE)
		chip(d, d->y + 10, r->verdict, verdict_text(d, r), c.known, c.packets);
	else
		words(d, CHIP, d->y + 24, CHIP_WIDTH, "aside", c.known ? arena_printf(d->h->arena, "%s, go on", came(d, &c, "")) : "goes on");
	d->y += STEP;
	d->boxes++;
}

static struct ends ends_of(const struct drawing *d, unsigned first, unsigned last)
{
	struct ends e = { 0 };

	for (unsigned i = first; i <= last && i < d->h->p->n_indexes; i++) {
		const struct ast_rule *r = d->h->p->by_index.v[i];
		unsigned v = r && r->verdict != VERDICT_NONE ? (unsigned)r->verdict : VERDICT_COUNT;

		if (!r || (r->kind == RULE_IF && v == VERDICT_COUNT))
			continue;
		e.rules[v]++;
		e.packets[v] += heat(d, i).packets;
	}
	return e;
}

/* Rules in one box, from @first to @last as the text has them; @what says why. */
static void together(struct drawing *d, const struct ast_rule *first, unsigned last, unsigned depth, const char *name, const char *what, bool tables)
{
	struct ends e = ends_of(d, first->index, last);
	unsigned x = indent_of(depth), named = 0, chips = 0, height, n = last - first->index + 1, lines = n < NAMED ? n : NAMED;

	for (unsigned v = 0; v <= VERDICT_COUNT; v++)
		chips += e.rules[v] != 0;
	height = BOX + (tables ? lines * LINE + 4 : 0);
	height = height < chips * 26 + 14 ? chips * 26 + 14 : height;
	html_printf(d->h, "<a href=\"#%s\">", html_anchor(d->h, first->span));
	if (tables)
		html_printf(d->h, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" rx=\"5\" class=\"box\"/>", x + 5, d->y + 5, RIGHT - x, height);
	box(d, x, height, tables ? "box table" : "box few");
	words(d, x + 10, d->y + 16, RIGHT - x - 16, "name", name);
	words(d, x + 10, d->y + 32, RIGHT - x - 16, "aside", what);
	fputs("</a>", d->h->out);
	for (unsigned i = first->index; tables && i <= last && named < lines; i++) {
		const struct ast_rule *r = d->h->p->by_index.v[i];

		if (!r)
			continue;
		named++;
		words(d, x + 10, d->y + 32 + named * LINE, RIGHT - x - 16, "rule", named == lines && i < last ? "…" :
		      arena_printf(d->h->arena, "%s%s%s", r->label.s ? r->label.s : "", r->label.s ? ": " : "", r->text));
	}
	chips = 0;
	for (unsigned v = 0; v <= VERDICT_COUNT; v++) {
		unsigned y = d->y + 10 + 26 * chips;

		if (!e.rules[v])
			continue;
		chips++;
		what = arena_printf(d->h->arena, "%s: %zu rule%s", v == VERDICT_COUNT ? "go on" : lang_verdicts[v].name, e.rules[v],
				    e.rules[v] == 1 ? "" : "s");
		if (v == VERDICT_COUNT)
			words(d, CHIP, y + 14, CHIP_WIDTH, "aside", what);
		else
			chip(d, y, (enum verdict)v, what, d->h->heat != NULL, e.packets[v]);
	}
	d->y += height + STEP - BOX + (tables ? 4 : 0);
	d->boxes++;
}

/* The segment with tables that begins with @r; NULL: none. */
static const struct ir_segment *tables_at(const struct drawing *d, const struct ast_rule *r)
{
	const struct ir_program *ir = d->h->budget.ir;

	for (size_t i = 0; i < ir->segment.n; i++)
		if (ir->segment.v[i]->classifier && ir->segment.v[i]->first == r)
			return ir->segment.v[i];
	return NULL;
}

/* The last rule of what @r is, with its blocks and those behind its `else`. */
static unsigned last_of(const struct ast_rule *r)
{
	unsigned last = r->index, inside;

	for (; r; r = r->else_rule) {
		const struct ast_rules *b = r->has_else_block ? &r->else_block : &r->then_block;

		last = r->index > last ? r->index : last;
		if (!b->list.n)
			b = &r->then_block;
		inside = b->list.n ? last_of(b->list.v[b->list.n - 1]) : 0;
		last = inside > last ? inside : last;
	}
	return last;
}

static void list(struct drawing *d, const struct ast_rules *l, unsigned depth);

static void whole(struct drawing *d, const struct ast_rule *r, unsigned depth)
{
	struct arena *a = d->h->arena;

	for (; r; r = r->else_rule) {
		if (d->boxes >= MOST_BOXES) {
			together(d, r, last_of(r), depth, "more branches, one by one", arena_printf(a, "from line %u on", budget_line(r)), false);
			return;
		}
		rule(d, r, depth);
		list(d, &r->then_block, depth + 1);
		if (!r->has_else_block)
			continue;
		words(d, indent_of(depth) + 10, d->y + 6, 60, "name", "else");
		d->y += 18;
		list(d, &r->else_block, depth + 1);
	}
}

static void list(struct drawing *d, const struct ast_rules *l, unsigned depth)
{
	struct arena *a = d->h->arena;
	size_t shown = 0;

	for (size_t i = 0; i < l->list.n; shown++) {
		const struct ast_rule *r = l->list.v[i];
		const struct ir_segment *s = tables_at(d, r);
		unsigned last = s ? last_of(s->last) : last_of(l->list.v[l->list.n - 1]);

		if (s) {
			together(d, r, last, depth, arena_printf(a, "%zu rules at once · lines %u to %u", s->n, budget_line(r), budget_line(s->last)),
				 arena_printf(a, "%s: %s of tables, %u reads a packet", classify_name(s->classifier),
					      html_size(a, classify_bytes(s->classifier)), classify_loads(s->classifier)), true);
			while (i < l->list.n && l->list.v[i]->index <= last)
				i++;
		} else if ((shown >= RULES_SHOWN && i + 1 < l->list.n) || d->boxes >= MOST_BOXES) {
			together(d, r, last, depth, arena_printf(a, "%zu more, one by one", l->list.n - i),
				 arena_printf(a, "from line %u on", budget_line(r)), false);
			return;
		} else {
			whole(d, r, depth);
			i++;
		}
	}
}

static void unit(struct drawing *d, size_t place)
{
	const struct ast_unit *u = d->h->p->units.v[place];
	struct html_count none = { 0 }, c = heat(d, u->default_index);
	unsigned from;

	html_printf(d->h, "<rect x=\"8\" y=\"%u\" width=\"%u\" height=\"28\" rx=\"14\" class=\"in\"/>", d->y, RIGHT - 8);
	words(d, 24, d->y + 18, RIGHT - 40, "name",
	      arena_printf(d->h->arena, "%s%s: %s", u->name, place ? ", what the file before it passed" : "",
			   came(d, d->h->heat ? &d->h->heat->reached[place] : &none, "each packet")));
	d->y += 28;
	from = d->y;
	d->y += 14;
	list(d, &u->rules, 0);
	box(d, LEFT, BOX, "box few");
	words(d, LEFT + 10, d->y + 16, RIGHT - LEFT - 16, "name", "default");
	words(d, LEFT + 10, d->y + 32, RIGHT - LEFT - 16, "aside", "no rule decided");
	chip(d, d->y + 10, u->default_verdict, lang_verdicts[u->default_verdict].name, c.known, c.packets);
	{
		unsigned to = d->y + BOX / 2;

		d->y = from;
		spine(d, to);
		d->y = to + BOX / 2 + 24;
	}
}

void html_path(struct html *h)
{
	struct drawing d = { .h = h, .y = 8 };
	FILE *page = h->out;
	char *text = NULL;
	size_t len = 0;

	/* how high it becomes is known behind it */
	h->out = open_memstream(&text, &len);
	if (!h->out)
		arena_fail();
	for (size_t i = 0; i < h->p->units.n; i++)
		unit(&d, i);
	fclose(h->out);
	h->out = page;
	html_printf(h, "<section id=\"path\"><h2>The way of a packet</h2>\n<div class=\"wide\"><svg role=\"img\" "
		    "aria-label=\"The way of a packet through the rules\" viewBox=\"0 0 %u %u\" width=\"%u\" height=\"%u\">", WIDTH, d.y, WIDTH, d.y);
	fwrite(text, 1, len, page);
	fputs("</svg></div></section>\n", page);
	free(text);
}
