/*
 * The rules that run, as a text. In: metadata, whose rules stand in the files' order, each with the number of blocks that it stands in. Out: a line
 * of each, behind the place where it stood, in the braces that it stood in. Whatever the metadata says, every brace that is opened is closed.
 */
#include <string.h>

#include "cli.h"

struct writer {
	FILE *out;
	const char *file;		/* for lines that are no rule's */
	unsigned depth;			/* braces that are open */
	bool other[XDPF_MAX_DEPTH + 1];	/* by depth: it is the block behind `else` */
};

static void indent(struct writer *w, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		fputs("    ", w->out);
}

/* Closes blocks until @depth are open. */
static void close_to(struct writer *w, unsigned depth)
{
	while (w->depth > depth) {
		fprintf(w->out, "%s\t", w->file);
		indent(w, --w->depth);
		fputs("}\n", w->out);
	}
}

static void open_block(struct writer *w, bool other)
{
	if (w->depth < XDPF_MAX_DEPTH)
		w->other[++w->depth] = other;
}

/* Before a rule: the blocks that it does not stand in are closed, and that behind `else` is opened. */
static void lead_to(struct writer *w, const struct xdpf_rule *r)
{
	bool other = r->branch == XDPF_BRANCH_ELSE;

	/* what is closed together with it stands on its own line */
	close_to(w, r->branch == XDPF_BRANCH_ELSE_IF ? r->depth + 1 : r->depth);
	if (!other || !w->depth || w->depth != r->depth || w->other[w->depth])
		return;
	w->other[w->depth] = true;
	fprintf(w->out, "%s\t", w->file);
	indent(w, w->depth - 1);
	fputs("} else {\n", w->out);
}

/* @next: the rule behind it in the file, or NULL. */
static void rule(struct writer *w, const struct xdpf_rule *r, const struct xdpf_rule *next)
{
	bool opens = next && (next->depth > r->depth || (next->depth == r->depth && next->branch == XDPF_BRANCH_ELSE_IF));

	lead_to(w, r);
	fprintf(w->out, "%s:%u\t", r->source, r->line);
	indent(w, r->depth);
	if (r->branch == XDPF_BRANCH_ELSE_IF && w->depth > r->depth) {
		fputs("} else ", w->out);
		w->depth = r->depth;
	}
	fprintf(w->out, "%s%s%s%s\n", r->label ? r->label : "", r->label ? ": " : "", r->text, opens ? " {" : ";");
	if (opens)
		open_block(w, false);
}

static void file_text(const struct xdpf_meta *m, size_t file, FILE *out)
{
	struct writer w = { .out = out, .file = m->files[file].name };
	const struct xdpf_rule *last = NULL;

	for (size_t i = 0; i < m->n_rules; i++) {
		if (m->rules[i].file != file)
			continue;
		if (last)
			rule(&w, last, &m->rules[i]);
		last = &m->rules[i];
	}
	if (last)
		rule(&w, last, NULL);
	close_to(&w, 0);
	fprintf(out, "%s\tdefault %s;\n", m->files[file].name, xdpf_verdict_name(m->files[file].default_verdict));
}

void rules_print(const struct xdpf_meta *m, unsigned only, FILE *out)
{
	for (size_t f = 0; f < m->n_files; f++)
		if (!only || only == f + 1)
			file_text(m, f, out);
}

unsigned cli_file(const struct cli *cli, const struct xdpf_meta *m, const char *iface, const char *name)
{
	for (unsigned i = 0; i < m->n_files; i++)
		if (!strcmp(m->files[i].name, name))
			return i + 1;
	cli_error(cli, "%s: the filter has no file called %s; `xdpf status %s` shows which it has", iface, name, iface);
	return 0;
}
