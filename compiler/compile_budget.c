/*
 * What a program will cost. In: a checked program. Out: instructions and maps of its object, segments and tables of its IR.
 */
#include "compile_budget.h"

#include "compile_priv.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096 };			/* such maps are whole pages, behind one of their own */

static void add_map(struct diag_list *d, struct budget *b, struct budget_map m)
{
	*vec_add(d->arena, &b->map) = m;
	b->bytes += m.per_cpu ? m.shared : m.bytes;
	b->per_cpu += m.per_cpu ? m.bytes : 0;
}

/* Which rule each line of the code is of. */
static void name_lines(struct arena *a, const struct ast_program *p, struct budget *b)
{
	bool *shared = arena_array(a, b->code.line.n + 1, sizeof(*shared));

	b->rule = arena_array(a, b->code.line.n + 1, sizeof(*b->rule));
	for (size_t i = 0; i < p->by_index.n; i++) {
		const struct ast_rule *r = p->by_index.v[i];
		unsigned first = r ? budget_line(r) : 0, last = r ? source_line_col(r->span.src, r->span.end).line : 0;

		for (size_t k = 0; r && k < b->code.line.n; k++) {
			const struct object_line *l = &b->code.line.v[k];

			if (l->line < first || l->line > last || strcmp(l->file, r->span.src->path) != 0)
				continue;
			shared[k] = shared[k] || b->rule[k];
			b->rule[k] = shared[k] ? NULL : r;
		}
	}
}

bool compile_budget(const struct ast_program *p, const struct compile_options *o, struct diag_list *d, struct budget *out)
{
	struct object_facts object;
	struct compile_facts facts = { 0 };
	void *obj = NULL;
	size_t len;
	bool ok;

	*out = (struct budget){ 0 };
	if (!compile_with_facts(p, o, d, &obj, &len, &facts))
		return false;
	ok = compile_look(d, obj, len, &facts, false, &object);
	compile_object_free(obj, len);
	if (!ok)
		return false;
	out->ir = facts.ir;
	out->shape = facts.shape;
	out->code = object;
	name_lines(d->arena, p, out);
	out->most = ir_cost(facts.ir);
	out->image = facts.image;
	out->image_used = facts.ir->image_used;
	for (size_t i = 0; i < facts.maps.list.n; i++) {
		const struct codegen_map *m = &facts.maps.list.v[i];

		add_map(d, out, (struct budget_map){ m->name, m->type, m->entries, m->per_cpu, m->bytes, m->shared });
	}
	for (size_t i = 0; i < object.data.n; i++) {
		uint64_t bytes = PAGE + ((uint64_t)object.data.v[i].bytes + PAGE - 1) / PAGE * PAGE;

		add_map(d, out, (struct budget_map){ .name = object.data.v[i].name, .type = "array", .entries = 1, .bytes = bytes });
	}
	return true;
}

const char *budget_file(const struct ast_rule *r)
{
	return source_shown(r->span.src);
}

unsigned budget_line(const struct ast_rule *r)
{
	return source_line_col(r->span.src, r->span.begin).line;
}

const char *budget_engine(const struct ir_segment *s)
{
	return s->classifier ? classify_name(s->classifier) : "one by one";
}

size_t budget_place(const struct budget *b, const struct ir_segment *s)
{
	size_t i = 0;

	while (b->ir->segment.v[i] != s)
		i++;
	return i;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const char *budget_line_shown(struct arena *a, const struct budget *b, size_t line)
{
	const struct object_line *l = &b->code.line.v[line];
	const struct ast_rule *r = b->rule[line];

	return arena_printf(a, "%s:%u%s%s", last_part(l->file), l->line, r && r->label.s ? " " : "", r && r->label.s ? r->label.s : "");
}

struct line_order {
	size_t line, instructions;
};

static int by_instructions(const void *a, const void *b)
{
	const struct line_order *x = a, *y = b;

	if (x->instructions != y->instructions)
		return x->instructions < y->instructions ? 1 : -1;
	return x->line < y->line ? -1 : x->line > y->line;
}

size_t *budget_most(struct arena *a, const struct budget *b, size_t *n)
{
	struct line_order *order = arena_array(a, b->code.line.n + 1, sizeof(*order));
	size_t *most = arena_array(a, b->code.line.n + 1, sizeof(*most));

	*n = 0;
	for (size_t i = 0; i < b->code.line.n; i++)
		if (strcmp(b->code.line.v[i].file, "xdpfc") != 0 && b->code.line.v[i].instructions)
			order[(*n)++] = (struct line_order){ i, b->code.line.v[i].instructions };
	qsort(order, *n, sizeof(*order), by_instructions);
	for (size_t i = 0; i < *n; i++)
		most[i] = order[i].line;
	return most;
}
