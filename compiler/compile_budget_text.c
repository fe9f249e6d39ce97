/*
 * A budget as text, of at most 96 columns as long as names and paths are not longer.
 */
#include "compile_budget.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 96, CODE_SHOWN = 8, LINES_SHOWN = 5 };	/* of more, --json has them all */

/* A paragraph, indented. */
static void para(FILE *out, int indent, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void para(FILE *out, int indent, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	int at = indent;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(out, "%*s", indent, "");
	for (const char *word = text; *word;) {
		int len = (int)strcspn(word, " ");

		if (at > indent && at + 1 + len > COLUMNS) {
			/* what follows the first line stands a little further in */
			fprintf(out, "\n%*s", indent + 2, "");
			at = indent + 2;
		} else if (word > text) {
			putc(' ', out);
			at++;
		}
		fprintf(out, "%.*s", len, word);
		at += len;
		word += len + (word[len] == ' ');
	}
	putc('\n', out);
}

const char *budget_size(char room[32], uint64_t bytes)
{
	static const char *const unit[] = { "bytes", "KiB", "MiB", "GiB" };
	double n = (double)bytes;
	unsigned u = 0;

	while (n >= 1024 && u + 1 < sizeof(unit) / sizeof(unit[0])) {
		n /= 1024;
		u++;
	}
	snprintf(room, 32, u ? "%.1f %s" : "%.0f %s", n, unit[u]);
	return room;
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void maps(const struct budget *b, FILE *out)
{
	char all[32], each[32];
	int width = 3;

	fprintf(out, "\nmemory: %s, and %s per CPU\n", budget_size(all, b->bytes), budget_size(each, b->per_cpu));
	for (size_t i = 0; i < b->map.n; i++)
		width = (int)strlen(b->map.v[i].name) > width ? (int)strlen(b->map.v[i].name) : width;
	fprintf(out, "  %-*s  %-16s  %9s  memory\n", width, "map", "type", "elements");
	for (size_t i = 0; i < b->map.n; i++) {
		const struct budget_map *m = &b->map.v[i];

		fprintf(out, "  %-*s  %-16s  ", width, m->name, m->type);
		if (m->entries)
			fprintf(out, "%9" PRIu64, m->entries);
		else
			fprintf(out, "%9s", "-");
		fprintf(out, "  %s", budget_size(all, m->bytes));
		if (m->per_cpu)
			fputs(" per CPU", out);
		if (m->per_cpu && m->shared)
			fprintf(out, ", and %s", budget_size(all, m->shared));
		putc('\n', out);
	}
	if (b->image)
		para(out, 2, "Constant tables take %s of .rodata.tables, whose other %s are room for changes of the rules. While such a change is "
		     "made, two of them are there.", budget_size(all, b->image_used), budget_size(each, b->image - b->image_used));
	if (b->ir->deferred)
		para(out, 2, "Counters of rules are many: each CPU notes packets in xdpf_pending, and counts them together when that is full.");
}

/* What nobody asked for in so many words. */
static void limits(const struct budget *b, FILE *out)
{
	const struct ast_limit *first = NULL;
	uint64_t bytes = 0;
	char all[32];
	size_t n = 0;

	for (size_t i = 0; i < b->ir->ast->limit.n; i++) {
		const struct ast_limit *l = b->ir->ast->limit.v[i];

		if (!l->key.n || l->size.s)
			continue;
		first = n++ ? first : l;
		bytes += l->entries * xdpf_limit_key_bytes(l->kind);
	}
	if (n == 1)
		para(out, 2, "Limit %s says no `size`, and so has room for %d keys: %s.", first->shown, XDPF_LIMIT_ENTRIES, budget_size(all, bytes));
	else if (n)
		para(out, 2, "Limit %s and %zu more say no `size`, and so have room for %d keys each: %s in all.", first->shown, n - 1,
		     XDPF_LIMIT_ENTRIES, budget_size(all, bytes));
}

static const char *what_is(const struct classifier *c)
{
	switch (c->engine) {
	case ENGINE_RFC:
		return " (tables of combinations)";
	case ENGINE_HYBRID:
		if (c->tuple.pair.is)
			return c->tuple.n ? " (pairs, hash tables, and tables of combinations)" : " (pairs, and tables of combinations)";
		return " (hash tables, and tables of combinations)";
	case ENGINE_TREE:
		return " (a tree of decisions)";
	case ENGINE_SWITCH:
		return " (a switch over one field)";
	case ENGINE_AUTO:
	case ENGINE_LINEAR:
	case ENGINE_COUNT:
		break;
	}
	return "";
}

static void code(const struct ir_segment *s, FILE *out)
{
	if (s->code.n)
		para(out, 4, "%zu rule%s of these %s code, which the tables say when to run:", s->code.n, plural(s->code.n),
		     s->code.n == 1 ? "is" : "are");
	for (size_t i = 0; i < s->code.n && i < CODE_SHOWN; i++)
		para(out, 6, "%s:%u%s%s: %s", budget_file(s->code.v[i].rule), budget_line(s->code.v[i].rule), s->code.v[i].rule->label.s ? " " : "",
		     s->code.v[i].rule->label.s ? s->code.v[i].rule->label.s : "", s->code.v[i].why);
	if (s->code.n > CODE_SHOWN)
		para(out, 6, "and %zu more; --json has them all", s->code.n - CODE_SHOWN);
}

static void segment(const struct budget *b, size_t i, FILE *out)
{
	const struct ir_segment *s = b->ir->segment.v[i];
	const struct classifier *c = s->classifier;
	char bytes[32];

	para(out, 2, "%s:%u - %s:%u%s, %zu rule%s: %s%s", budget_file(s->first), budget_line(s->first), budget_file(s->last), budget_line(s->last),
	     s->inside ? ", in a block of the above" : "", s->n, plural(s->n), budget_engine(s), c ? what_is(c) : "");
	if (c)
		para(out, 4, "%s, at most %u read%s a packet", budget_size(bytes, classify_bytes(c)), classify_loads(c), plural(classify_loads(c)));
	if (s->why)
		para(out, 4, "why: %s", s->why);
	if (s->ends)
		para(out, 4, "ends there: %s", s->ends);
	code(s, out);
}

static void table(const struct ir_table *t, FILE *out)
{
	char bytes[32];

	para(out, 2, "%s, %s:%u, %zu range%s of %u bits: %s (%s)", t->name, source_shown(t->span.src),
	     source_line_col(t->span.src, t->span.begin).line, (t->set.n + 1) / 2, plural((t->set.n + 1) / 2), t->set.bits,
	     set_engine_name(t->table.engine), set_engine_what(t->table.engine));
	para(out, 4, "%s, at most %u read%s", budget_size(bytes, t->table.bytes), t->table.loads, plural(t->table.loads));
	para(out, 4, "why: %s", t->table.why);
}

/* Functions and their stack, the longest path, what takes most. */
static void work(struct arena *a, const struct budget *b, FILE *out)
{
	const struct object_facts *o = &b->code;
	size_t n, *most = budget_most(a, b, &n);
	const char *by = "";

	fprintf(out, "  %zu function%s, %zu bytes of stack in the deepest call (of %d)\n", o->function.n, plural(o->function.n),
		o->function.v[0].deepest, OBJECT_STACK);
	if (o->verified > OBJECT_VERIFIED)
		para(out, 2, "verified: maybe more than the %d instructions that kernels allow. Split the rules between programs, or take a set or a "
		     "table where many rules ask for the same.", OBJECT_VERIFIED);
	else if (o->verified)
		fprintf(out, "  verified: at most %zu instructions (Linux 6.18; of %d)\n", o->verified, OBJECT_VERIFIED);
	else
		para(out, 2, "verified: not known: %s", o->unknown);
	if (b->shape)
		para(out, 2, "shape: %s; else more than %d instructions might be verified", b->shape, COMPILE_WALKED);
	if (o->path.loops && o->path.instructions)
		fprintf(out, "  longest path: at most %zu instructions, loops too\n", o->path.instructions);
	else if (o->path.loops)
		fprintf(out, "  no longest path: the code has loops\n");
	for (size_t i = 0, shown = 0; !o->path.loops && i < o->path.line.n; i++) {
		if (!strcmp(o->line.v[o->path.line.v[i]].file, "xdpfc"))
			continue;
		if (shown++ < CODE_SHOWN)
			by = arena_printf(a, "%s%s%s", by, *by ? ", " : " by ", budget_line_shown(a, b, o->path.line.v[i]));
		else if (shown == CODE_SHOWN + 1)
			by = arena_printf(a, "%s …", by);
	}
	if (!o->path.loops)
		para(out, 2, "longest path: at most %zu instructions and %zu calls of the kernel's functions,%s", o->path.instructions,
		     o->path.calls, by);
	for (size_t i = 0; i < n && i < LINES_SHOWN; i++)
		fprintf(out, "  %s%zu instructions (%.1f %%): %s\n", i ? "" : "most: ", o->line.v[most[i]].instructions,
			100.0 * (double)o->line.v[most[i]].instructions / (double)o->instructions, budget_line_shown(a, b, most[i]));
}

void budget_text(struct arena *a, const struct budget *b, FILE *out)
{
	size_t n = 0;

	fprintf(out, "%s: %zu instructions; a packet takes at most\n", b->ir->ast->name, b->code.instructions);
	fprintf(out, "  %zu read%s of constant tables, %zu look-up%s in maps (sets that change, limits, count tables)\n", b->most.reads,
		plural(b->most.reads), b->most.maps, plural(b->most.maps));
	work(a, b, out);
	maps(b, out);
	limits(b, out);
	if (b->ir->segment.n)
		fprintf(out, "\nrules\n");
	for (size_t i = 0; i < b->ir->segment.n; i++)
		segment(b, i, out);
	for (size_t i = 0; i < b->ir->table.n; i++) {
		if (b->ir->table.v[i]->table.engine == SET_AUTO)
			continue;	/* no rule asks it in the end */
		if (!n++)
			fprintf(out, "\nconstant sets and lists\n");
		table(b->ir->table.v[i], out);
	}
}
