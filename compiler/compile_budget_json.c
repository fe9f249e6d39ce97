/*
 * A budget as JSON. Keys are stable; null stands where there is nothing to say.
 */
#include <jansson.h>

#include "compile_budget.h"
#include "utf8.h"

static json_t *text(const char *s)
{
	return s ? utf8_json(s) : json_null();
}

static json_t *place(const struct ast_rule *r)
{
	return json_pack("{s:o, s:I}", "file", text(budget_file(r)), "line", (json_int_t)budget_line(r));
}

static json_t *maps(const struct budget *b)
{
	json_t *all = json_array();

	for (size_t i = 0; i < b->map.n; i++) {
		const struct budget_map *m = &b->map.v[i];

		json_array_append_new(all, json_pack("{s:s, s:s, s:I, s:I, s:I}", "name", m->name, "type", m->type, "entries", (json_int_t)m->entries,
						     "bytes", (json_int_t)(m->per_cpu ? m->shared : m->bytes), "bytes_per_cpu",
						     (json_int_t)(m->per_cpu ? m->bytes : 0)));
	}
	return all;
}

static json_t *code(const struct ir_segment *s)
{
	json_t *all = json_array();

	for (size_t i = 0; i < s->code.n; i++)
		json_array_append_new(all, json_pack("{s:o, s:o, s:o}", "rule", text(s->code.v[i].rule->shown), "at", place(s->code.v[i].rule), "why",
						     text(s->code.v[i].why)));
	return all;
}

static json_t *segments(const struct budget *b)
{
	json_t *all = json_array();

	for (size_t i = 0; i < b->ir->segment.n; i++) {
		const struct ir_segment *s = b->ir->segment.v[i];
		const struct classifier *c = s->classifier;
		json_t *inside = s->inside ? json_integer((json_int_t)budget_place(b, s->inside)) : json_null();

		json_array_append_new(all, json_pack("{s:o, s:o, s:o, s:I, s:s, s:I, s:I, s:o, s:o, s:o}", "from", place(s->first),
						     "to", place(s->last), "inside", inside, "rules", (json_int_t)s->n, "engine",
						     c ? classify_name(c) : "linear", "bytes", (json_int_t)(c ? classify_bytes(c) : 0), "reads",
						     (json_int_t)(c ? classify_loads(c) : 0), "why", text(s->why), "ends", text(s->ends),
						     "code", code(s)));
	}
	return all;
}

static json_t *tables(const struct budget *b)
{
	json_t *all = json_array();

	for (size_t i = 0; i < b->ir->table.n; i++) {
		const struct ir_table *t = b->ir->table.v[i];

		if (t->table.engine == SET_AUTO)
			continue;
		json_array_append_new(all, json_pack("{s:o, s:o, s:I, s:I, s:I, s:s, s:I, s:I, s:o}", "name", text(t->name), "file",
						     text(source_shown(t->span.src)), "line",
						     (json_int_t)source_line_col(t->span.src, t->span.begin).line, "ranges",
						     (json_int_t)((t->set.n + 1) / 2), "bits", (json_int_t)t->set.bits, "engine",
						     set_engine_name(t->table.engine), "bytes", (json_int_t)t->table.bytes, "reads",
						     (json_int_t)t->table.loads, "why", text(t->table.why)));
	}
	return all;
}

static json_t *line(const struct budget *b, size_t i)
{
	const struct object_line *l = &b->code.line.v[i];

	return json_pack("{s:o, s:I, s:o, s:I}", "file", text(l->file), "line", (json_int_t)l->line, "rule",
			 text(b->rule[i] ? b->rule[i]->shown : NULL), "instructions", (json_int_t)l->instructions);
}

static json_t *functions(const struct budget *b)
{
	json_t *all = json_array();

	for (size_t i = 0; i < b->code.function.n; i++) {
		const struct object_function *f = &b->code.function.v[i];

		json_array_append_new(all, json_pack("{s:o, s:I, s:I, s:I}", "name", text(f->name), "instructions", (json_int_t)f->instructions,
						     "stack", (json_int_t)f->stack, "deepest", (json_int_t)f->deepest));
	}
	return all;
}

/* null: not known; where more than any verifier walks, that it is more is all that is known. */
static json_t *verified(const struct object_facts *o)
{
	return o->verified ? json_integer((json_int_t)o->verified) : json_null();
}

static json_t *path(const struct budget *b)
{
	const struct object_path *p = &b->code.path;
	json_t *by = json_array();

	for (size_t i = 0; !p->loops && i < p->line.n; i++)
		json_array_append_new(by, line(b, p->line.v[i]));
	if (p->loops) {
		json_decref(by);
		return p->instructions ? json_pack("{s:I, s:n, s:n}", "instructions", (json_int_t)p->instructions, "calls", "by") : json_null();
	}
	return json_pack("{s:I, s:I, s:o}", "instructions", (json_int_t)p->instructions, "calls", (json_int_t)p->calls, "by", by);
}

static json_t *lines(struct arena *a, const struct budget *b)
{
	size_t n, *most = budget_most(a, b, &n);
	json_t *all = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, line(b, most[i]));
	return all;
}

void budget_json(struct arena *a, const struct budget *b, const char *const *exceeded, FILE *out)
{
	json_t *more = json_array(), *all;

	for (; *exceeded; exceeded++)
		json_array_append_new(more, json_string(*exceeded));
	all = json_pack("{s:o, s:I, s:o, s:o, s:o, s:I, s:o, s:o, s:{s:I, s:I}, s:{s:I, s:I}, s:o, s:{s:I, s:I}, s:o, s:o, s:o}", "program",
			text(b->ir->ast->name),
			"instructions", (json_int_t)b->code.instructions, "verified", verified(&b->code), "shape",
			text(b->shape), "functions", functions(b), "stack",
			(json_int_t)b->code.function.v[0].deepest, "path", path(b), "lines", lines(a, b), "packet", "reads",
			(json_int_t)b->most.reads, "lookups",
			(json_int_t)b->most.maps, "memory", "bytes", (json_int_t)b->bytes, "bytes_per_cpu", (json_int_t)b->per_cpu, "maps", maps(b),
			"tables", "bytes", (json_int_t)b->image_used, "room", (json_int_t)(b->image - b->image_used), "segments", segments(b),
			"sets", tables(b), "exceeded", more);
	json_dumpf(all, out, JSON_INDENT(2));
	putc('\n', out);
	json_decref(all);
}
