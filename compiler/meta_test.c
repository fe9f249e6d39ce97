/*
 * The tests of a program as JSON text, for the runtime: what runtime/abi.h describes. In: a checked tree. Out: packets as
 * bytes, rules as indexes, so that whoever runs them needs to know no fields. Same tree, same bytes.
 */
#include <jansson.h>
#include <string.h>

#include "meta.h"
#include "utf8.h"

static const char *shown(struct arena *a, const char *s)
{
	return utf8_line(a, s, strlen(s), 255, false);
}

static json_t *packet_json(struct arena *a, const struct ast_step *step)
{
	static const char digits[] = "0123456789abcdef";
	const struct ast_frame *f = step->frame;
	char *hex = arena_array(a, f->len * 2 + 1, 1);
	json_t *o;

	for (size_t i = 0; i < f->len; i++) {
		hex[2 * i] = digits[f->data[i] >> 4];
		hex[2 * i + 1] = digits[f->data[i] & 15];
	}
	o = json_pack("{s:s, s:I}", "packet", hex, "repeat", (json_int_t)step->repeat);
	if (f->iface)
		json_object_set_new(o, "iface", json_string(shown(a, f->iface)));
	if (f->has_rxqueue)
		json_object_set_new(o, "rxqueue", json_integer(f->rxqueue));
	for (int i = 0; i < INPUT_COUNT; i++)
		if (f->inputs & 1u << i)
			json_object_set_new(o, lang_inputs[i].name, json_integer((json_int_t)f->input[i]));
	return o;
}

static void put_source(json_t *o, struct arena *a, struct span sp)
{
	json_object_set_new(o, "source", json_string(shown(a, source_shown(sp.src))));
	json_object_set_new(o, "line", json_integer((json_int_t)source_line_col(sp.src, sp.begin).line));
}

static json_t *set_json(struct arena *a, const struct ast_step *step)
{
	json_t *o = json_pack("{s:I, s:s}", step->kind == STEP_ADD ? "add" : "remove", (json_int_t)step->set->live_index, "elements",
			      meta_elements_hex(a, step->set, step->range, step->n));

	if (step->kind == STEP_ADD)
		json_object_set_new(o, "keep", json_integer((json_int_t)step->keep));
	put_source(o, a, step->span);
	return o;
}

static json_t *step_json(struct arena *a, const struct ast_step *step)
{
	json_t *o;

	switch (step->kind) {
	case STEP_PACKET:
		return packet_json(a, step);
	case STEP_AFTER:
		return json_pack("{s:I}", "after", (json_int_t)step->after);
	case STEP_ADD:
	case STEP_REMOVE:
		return set_json(a, step);
	case STEP_EXPECT:
		break;
	}
	o = json_pack("{s:s, s:o}", "expect", lang_verdicts[step->want].name, "by", step->by.s ? json_integer(step->index) : json_null());
	put_source(o, a, step->span);
	return o;
}

static bool test_json(struct arena *a, json_t *out, size_t file, const struct ast_test *t)
{
	json_t *steps = json_array();
	bool ok = steps;

	for (size_t i = 0; i < t->step.n; i++)
		ok &= !json_array_append_new(steps, step_json(a, t->step.v[i]));
	return !json_array_append_new(out, json_pack("{s:s, s:I, s:o}", "name", shown(a, t->name.s), "file", (json_int_t)file, "steps",
						       steps)) && ok;
}

bool meta_tests(const struct ast_program *p, char **text, size_t *len)
{
	struct arena *a = arena_new();
	json_t *tests = json_array(), *root;
	bool ok = tests;

	*text = NULL;
	*len = 0;
	for (size_t u = 0; u < p->units.n; u++)
		for (size_t i = 0; i < p->units.v[u]->tests.n; i++)
			ok = ok && test_json(a, tests, u, p->units.v[u]->tests.v[i]);
	if (ok && json_array_size(tests)) {
		root = json_pack("{s:O}", "tests", tests);
		*text = json_dumps(root, JSON_COMPACT);
		json_decref(root);
		ok = *text;
	}
	if (*text)
		*len = strlen(*text);
	json_decref(tests);
	arena_free(a);
	return ok;
}
