/*
 * What a program will cost. In: a checked program. Out: instructions and maps of its object, segments and tables of its IR.
 */
#include "compile_budget.h"

#include "compile_priv.h"
#include "object_facts.h"

enum { PAGE = 4096 };			/* such maps are whole pages, behind one of their own */

static void add_map(struct diag_list *d, struct budget *b, struct budget_map m)
{
	*vec_add(d->arena, &b->map) = m;
	b->bytes += m.per_cpu ? m.shared : m.bytes;
	b->per_cpu += m.per_cpu ? m.bytes : 0;
}

bool compile_budget(const struct ast_program *p, const struct compile_options *o, struct diag_list *d, struct budget *out)
{
	struct object_facts object = { 0 };
	struct compile_facts facts = { 0 };
	void *obj = NULL;
	size_t len;
	bool ok;

	*out = (struct budget){ 0 };
	if (!compile_with_facts(p, o, d, &obj, &len, &facts))
		return false;
	ok = object_facts(d->arena, obj, len, &object);
	compile_object_free(obj, len);
	if (!ok) {
		diag_error(d, (struct span){ 0 }, "internal error: the object cannot be read");
		return false;
	}
	out->ir = facts.ir;
	out->instructions = object.instructions;
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
