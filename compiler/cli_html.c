/*
 * xdpfc --emit=html. In: rule files, maybe statistics of their filter. Out: one page on standard output that needs nothing else: the rules with what
 * the analyses found beside them, the way of a packet as a drawing, sets, limits, the budget; with --stats how many packets came by what. No script
 * is on it, it asks for nothing, and what the files say stands there as text, whatever it is.
 */
#include "cli_html.h"

#include <jansson.h>
#include <string.h>

#include "cli_progress.h"

static void texts(struct html *h)
{
	for (size_t i = 0; i < h->p->sources.n; i++) {
		const struct source *src = h->p->sources.v[i];
		bool elements = false;

		for (size_t u = 0; u < h->p->units.n; u++)
			for (size_t k = 0; k < h->p->units.v[u]->sets.n; k++)
				elements |= h->p->units.v[u]->sets.v[k]->from_text == src;
		if (!elements)
			*vec_add(h->arena, &h->shown) = src;
	}
}

static void fact(struct html *h, const char *what, const char *is)
{
	html_printf(h, "<div><dt>%s</dt><dd>%s</dd></div>\n", what, is);
}

static size_t n_rules(const struct ast_program *p)
{
	return p->n_indexes - p->units.n;
}

static void statistics(struct html *h)
{
	const json_t *all = json_object_get(h->heat->root, "verdicts");
	uint64_t reached = h->heat->reached[0].packets;

	fact(h, "packets", h->heat->reached[0].known ? html_number(h->arena, reached) : "not counted");
	for (int v = 0; v < VERDICT_COUNT; v++) {
		json_t *o = json_object_get(json_object_get(all, lang_verdicts[v].name), "packets");
		uint64_t n = json_integer_value(o) > 0 ? (uint64_t)json_integer_value(o) : 0;

		if (n)
			fact(h, lang_verdicts[v].name, arena_printf(h->arena, "%s (%s)", html_number(h->arena, n),
								    html_share(h->arena, n, reached)));
	}
}

static void top(struct html *h)
{
	static const char *const parts[][2] = { { "findings", "Findings" }, { "path", "The way of a packet" }, { "rules", "Rules" },
						{ "sets", "Sets" }, { "limits", "Limits" }, { "budget", "Budget" } };

	fputs("<header><h1>", h->out);
	html_text(h, h->p->name);
	fputs("</h1>\n<p class=\"sub\">", h->out);
	for (size_t i = 0; i < h->p->units.n; i++) {
		fputs(i ? ", then " : "", h->out);
		html_text(h, h->p->units.v[i]->name);
		html_printf(h, " (default %s)", lang_verdicts[h->p->units.v[i]->default_verdict].name);
	}
	if (h->heat && h->heat->from) {
		fputs("; packets of ", h->out);
		html_text(h, h->heat->from);
	}
	fputs("</p>\n<nav>", h->out);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		html_printf(h, "<a href=\"#%s\">%s</a>", parts[i][0], parts[i][1]);
	fputs("</nav>\n<dl>\n", h->out);
	fact(h, "rules", html_number(h->arena, n_rules(h->p)));
	fact(h, "findings", html_number(h->arena, h->found.list.n));
	fact(h, "instructions", html_number(h->arena, h->budget.code.instructions));
	fact(h, "memory", html_size(h->arena, h->budget.bytes));
	if (h->heat)
		statistics(h);
	fputs("</dl>\n", h->out);
	if (h->heat && h->heat->strangers)
		html_printf(h, "<p class=\"note\"><b>statistics</b> %zu of the rules that they are about are not in these files: the files have "
			    "changed since they were applied.</p>\n", h->heat->strangers);
	fputs("</header>\n", h->out);
}

static void page(struct html *h)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><link rel=\"icon\" href=\"data:,\">\n<title>", h->out);
	html_text(h, h->p->units.v[0]->name);
	html_printf(h, "</title>\n<style>\n%s</style></head>\n<body>\n", html_style);
	top(h);
	html_findings(h);
	html_path(h);
	html_rules(h);
	html_tables(h);
	html_budget(h);
	fputs("</body></html>\n", h->out);
}

int cli_html(struct cli *cli)
{
	const struct compile_options o = { .mcpu = cli->mcpu, .lower = { .counting = cli->counting, .classify = cli->classify, .sets = cli->sets,
						     .plain = cli->plain } };
	const struct analyse_options how = { .effort = cli->most_effort, .all = cli->most_total };
	struct html h = { .cli = cli, .arena = cli->arena, .out = stdout };
	int status = EXIT_DONE;

	cli->diag.analysed = true;
	h.p = cli_front(cli);
	if (!h.p)
		return EXIT_INPUT;
	cli_progress_begin(cli, "compiling");
	if (!compile_budget(h.p, &o, &cli->diag, &h.budget)) {
		cli_show(cli);
		return EXIT_INPUT;
	}
	if (cli->stats)
		h.heat = html_heat(&h, cli->stats, &status);
	if (cli->stats && !h.heat)
		return status;
	cli_progress_begin(cli, "analysing");
	analyse_program(cli->arena, h.p, &how, &h.found);
	cli_progress_end();
	texts(&h);
	page(&h);
	if (h.heat)
		json_decref(h.heat->root);
	return EXIT_DONE;
}
