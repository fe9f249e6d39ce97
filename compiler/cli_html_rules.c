/*
 * Rules on a page, as they are written. In: the texts of the files, findings, statistics. Out: each line with its number, what came by it, and beside
 * it what the analyses found. Words are coloured by the tables of the language.
 */
#include "cli_html.h"

#include <stdlib.h>
#include <string.h>

#include "cli_finding.h"
#include "cli_place.h"
#include "cli_witness.h"

enum { MOST_BYTES = 4000 };	/* of a line: elements may stand in one */

/* Of a line: rules and findings in lists, by place. */
struct line {
	uint32_t rule, finding;		/* first one, and 1; 0: none */
};

struct lists {
	struct line *line;		/* from 1 */
	uint32_t *next_rule, *next_finding;	/* of each, as above */
};

const char *html_verdict_class(enum verdict v)
{
	return v == VERDICT_NONE ? "v-on" : v == VERDICT_DROP ? "v-drop" : v == VERDICT_PASS ? "v-pass" : v == VERDICT_ABORT ? "v-abort" : "v-out";
}

static bool place_of(struct html *h, const struct source *src, size_t *place)
{
	for (*place = 0; *place < h->shown.n; ++*place)
		if (h->shown.v[*place] == src)
			return true;
	return false;
}

const char *html_anchor(struct html *h, struct span sp)
{
	size_t place;

	if (!sp.src || !place_of(h, sp.src, &place))
		return "rules";
	return arena_printf(h->arena, "f%zu-%u", place, source_line_col(sp.src, sp.begin).line);
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

/* What colours a word; NULL: nothing. */
static const char *word_class(const char *s, size_t n, bool colon)
{
	const char *const *keyword;
	size_t n_keywords;

	if (colon)
		return "c-label";
	for (int v = 0; v < VERDICT_COUNT; v++)
		if (strlen(lang_verdicts[v].name) == n && memcmp(lang_verdicts[v].name, s, n) == 0)
			return html_verdict_class((enum verdict)v);
	keyword = parse_keywords(&n_keywords);
	for (size_t i = 0; i < n_keywords; i++)
		if (strlen(keyword[i]) == n && memcmp(keyword[i], s, n) == 0)
			return "c-word";
	if (lang_field_by_name(s, n) != FIELD_COUNT || lang_header_by_name(s, n) != HDR_COUNT)
		return "c-field";
	return NULL;
}

/* How many bytes at @s belong together, and what colours them. */
static size_t token(const char *s, size_t left, const char **class)
{
	size_t n = 0;

	*class = NULL;
	if (*s == '#') {
		*class = "c-comment";
		return left;
	}
	if (*s == '"') {
		const char *end = memchr(s + 1, '"', left - 1);

		*class = "c-value";
		return end ? (size_t)(end - s) + 1 : left;
	}
	if ((*s >= '0' && *s <= '9') || *s == ':') {
		while (n < left && (is_word(s[n]) || s[n] == ':' || s[n] == '/'))
			n++;
		*class = "c-value";
		return n;
	}
	while (n < left && is_word(s[n]))
		n++;
	if (n)
		*class = word_class(s, n, n < left && s[n] == ':' && (n + 1 == left || s[n + 1] == ' ' || s[n + 1] == '\t'));
	return n ? n : 1;
}

static void code(struct html *h, const char *s, size_t n)
{
	size_t most = n > MOST_BYTES ? MOST_BYTES : n;
	unsigned col = 0;

	/* no character is cut */
	while (most < n && most && ((unsigned char)s[most] & 0xc0) == 0x80)
		most--;
	for (size_t i = 0; i < most;) {
		const char *class;
		size_t len = token(s + i, most - i, &class);

		/* what is of several bytes stays together */
		while (i + len < most && ((unsigned char)s[i + len] & 0xc0) == 0x80)
			len++;
		if (class)
			html_printf(h, "<span class=\"%s\">", class);
		col = html_source(h->out, s + i, len, col);
		if (class)
			fputs("</span>", h->out);
		i += len;
	}
	if (most < n)
		html_printf(h, "<em>… and %s bytes more</em>", html_number(h->arena, n - most));
}

static void witness(struct html *h, const struct witness *w, char **text, size_t *len)
{
	FILE *out = open_memstream(text, len);

	if (!out)
		arena_fail();
	cli_put_witness(h->cli, out, w);
	putc('\n', out);
	cli_put_where(out, w);
	fclose(out);
}

static void packet(struct html *h, const struct witness *w)
{
	char *text = NULL;
	size_t len = 0;

	witness(h, w, &text, &len);
	for (char *s = text, *end; (end = strchr(s, '\n')); s = end + 1) {
		fputs("<code>", h->out);
		s += strspn(s, " ");
		html_source(h->out, s, (size_t)(end - s), 0);
		fputs("</code>", h->out);
	}
	free(text);
}

static void finding(struct html *h, const struct finding *f, bool whole)
{
	struct span at = cli_finding_at(f);

	html_printf(h, "<div class=\"note\"><b>%s</b> ", cli_finding_kind(f));
	if (!whole) {
		html_printf(h, "<a href=\"#%s\">", html_anchor(h, at));
		html_text(h, cli_place(h->cli, at));
		fputs("</a> ", h->out);
		if (f->rule && f->rule->label.s) {
			fputs("<i>", h->out);
			html_text(h, f->rule->label.s);
			fputs("</i>: ", h->out);
		}
	}
	html_text(h, cli_finding_says(h->cli, f));
	if (whole)
		for (size_t i = 0; i < f->by.n && i < 8; i++)
			if (f->by.v[i])
				html_printf(h, " <a href=\"#%s\">line %u</a>", html_anchor(h, f->by.v[i]->span), budget_line(f->by.v[i]));
	if (whole && f->packet)
		packet(h, f->packet);
	fputs("</div>", h->out);
}

void html_findings(struct html *h)
{
	enum { SHOWN = 40 };

	html_printf(h, "<section id=\"findings\"><h2>Findings</h2>\n");
	if (!h->found.list.n)
		fputs("<p>Nothing found: each rule changes something, and what machines on the link need passes.</p>", h->out);
	for (size_t i = 0; i < h->found.list.n && i < SHOWN; i++)
		finding(h, &h->found.list.v[i], false);
	if (h->found.list.n > SHOWN)
		html_printf(h, "<p>And %zu more; they stand beside their rules.</p>", h->found.list.n - SHOWN);
	fputs("</section>\n", h->out);
}

/* Puts the findings and rules of @src in lists by line. */
static struct lists by_line(struct html *h, const struct source *src)
{
	struct lists l = {
		.line = arena_array(h->arena, src->n_lines + 2, sizeof(*l.line)),
		.next_rule = arena_array(h->arena, h->p->n_indexes, sizeof(*l.next_rule)),
		.next_finding = arena_array(h->arena, h->found.list.n, sizeof(*l.next_finding)),
	};

	for (unsigned i = h->p->n_indexes; i--;) {
		const struct ast_rule *r = h->p->by_index.v[i];
		struct line *line;

		if (!r || r->span.src != src)
			continue;
		line = &l.line[source_line_col(src, r->span.begin).line];
		l.next_rule[i] = line->rule;
		line->rule = i + 1;
	}
	for (size_t u = 0; u < h->p->units.n; u++) {
		const struct ast_unit *unit = h->p->units.v[u];

		if (unit->default_action && unit->default_action->span.src == src)
			l.line[source_line_col(src, unit->default_action->span.begin).line].rule = unit->default_index + 1;
	}
	for (size_t i = h->found.list.n; i--;) {
		struct span at = cli_finding_at(&h->found.list.v[i]);
		struct line *line = &l.line[source_line_col(src, at.begin).line];

		if (at.src != src)
			continue;
		l.next_finding[i] = line->finding;
		line->finding = (uint32_t)i + 1;
	}
	return l;
}

/* What came by the rules of a line. */
static void warmth(struct html *h, const struct lists *l, uint32_t rule)
{
	uint64_t packets = 0, bytes = 0;
	bool known = false;

	for (; rule; rule = l->next_rule[rule - 1]) {
		const struct html_count *c = &h->heat->rule[rule - 1];

		packets += c->packets;
		bytes += c->bytes;
		known |= c->known;
	}
	if (known)
		html_printf(h, "<span class=\"h h%u\" title=\"%s packets, %s bytes\">%s</span>", html_warmth(h, packets),
			    html_number(h->arena, packets), html_number(h->arena, bytes), html_number(h->arena, packets));
	else
		fputs("<span class=\"h\"></span>", h->out);
}

static void text(struct html *h, size_t place)
{
	const struct source *src = h->shown.v[place];
	struct lists l = by_line(h, src);

	fputs("<h3>", h->out);
	html_text(h, source_shown(src));
	html_printf(h, "</h3>\n<div class=\"src%s\">\n", h->heat ? " warm" : "");
	for (size_t i = 1; i <= src->n_lines; i++) {
		size_t begin = i == 1 ? source_begin(src) : src->line_start[i - 1], end = i < src->n_lines ? src->line_start[i] : src->len;

		while (end > begin && (src->text[end - 1] == '\n' || src->text[end - 1] == '\r'))
			end--;
		if (i == src->n_lines && end == begin)
			break;
		html_printf(h, "<div class=\"l%s\" id=\"f%zu-%zu\">", l.line[i].finding ? " found" : "", place, i);
		if (h->heat)
			warmth(h, &l, l.line[i].rule);
		html_printf(h, "<a class=\"n\" href=\"#f%zu-%zu\">%zu</a><code>", place, i, i);
		code(h, src->text + begin, end - begin);
		fputs("</code>", h->out);
		if (l.line[i].finding)
			fputs("<div class=\"notes\">", h->out);
		for (uint32_t f = l.line[i].finding; f; f = l.next_finding[f - 1])
			finding(h, &h->found.list.v[f - 1], true);
		fputs(l.line[i].finding ? "</div></div>\n" : "</div>\n", h->out);
	}
	fputs("</div>\n", h->out);
}

void html_rules(struct html *h)
{
	fputs("<section id=\"rules\"><h2>Rules</h2>\n", h->out);
	if (h->heat)
		fputs("<p class=\"key\">Packets by rule: <span class=\"h h0\">none</span> <span class=\"h h1\">few</span> "
		      "<span class=\"h h2\">&#160;</span> <span class=\"h h3\">&#160;</span> <span class=\"h h4\">&#160;</span> "
		      "<span class=\"h h5\">most</span>, each shade eight times the one before.</p>\n", h->out);
	for (size_t i = 0; i < h->shown.n; i++)
		text(h, i);
	fputs("</section>\n", h->out);
}
