/*
 * The pipeline, top to bottom. In: rule files' texts. Out: an object, or a stage of it as text; errors in the list of diagnostics. Each pass
 * expects that the one before it found no error.
 */
#include "compile_budget.h"

#include <stdlib.h>
#include <string.h>

#include "compile_priv.h"
#include "ir.h"
#include "meta.h"
#include "object.h"

/* Counters, logs and tests know a rule by its file's name and its label. */
static bool names_differ(const struct ast_program *p, struct diag_list *d)
{
	bool ok = true;

	for (size_t i = 0; i < p->units.n; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(p->units.v[i]->name, p->units.v[k]->name)) {
				struct diag *e = diag_error(d, (struct span){ p->units.v[i]->source, 0, 0 },
							    "two files of this program are called `%s`", p->units.v[i]->name);

				e->remedy = "rename one: rules are known by their file's name and their label";
				ok = false;
			}
	return ok;
}

/* Live sets of this name, in this file or, where @file_len is 0, in any: how many; *out: the last. */
static size_t find_live(const struct ast_program *p, const char *file, size_t file_len, const char *name, size_t len, struct ast_set **out)
{
	size_t n = 0;

	for (size_t u = 0; u < p->units.n; u++)
		for (size_t i = 0; i < p->units.v[u]->sets.n; i++) {
			struct ast_set *set = p->units.v[u]->sets.v[i];
			const char *of = p->units.v[u]->name;

			if (!set->live || !set->name.s || strncmp(set->name.s, name, len) || set->name.s[len] ||
			    (file_len && (strncmp(of, file, file_len) || of[file_len])))
				continue;
			*out = set;
			n++;
		}
	return n;
}

/* A set begins with a file's elements, and not with what the rules say: "NAME=PATH" or "FILE:NAME=PATH". Files may have any of these characters in
 * their names, so that where one part ends is known by the sets that there are. */
static bool fill(const struct ast_program *p, const char *given, struct diag_list *d)
{
	size_t first = strcspn(given, "="), several = 0;
	struct diag *e;

	for (size_t eq = first; given[eq]; eq += 1 + strcspn(given + eq + 1, "=")) {
		const char *colon = memrchr(given, ':', eq), *name = colon ? colon + 1 : given;
		struct ast_set *set;
		size_t n = find_live(p, given, colon ? (size_t)(colon - given) : 0, name, (size_t)(given + eq - name), &set);

		if (n != 1) {
			several = n ? eq : several;
			continue;
		}
		set->init = NULL;
		set->from = set->name;
		set->from_text = source_read(p->arena, given + eq + 1, d);
		return set->from_text;
	}
	first = several ? several : first;
	e = diag_error(d, (struct span){ 0 }, several ? "--set: several files have a set `%.*s`" : "--set: no set that lives is called `%.*s`",
		       (int)first, given);
	e->remedy = several ? "name its file, too: FILE:SET" : "name one of the rule files' sets that are declared with `live`";
	return false;
}

static struct ast_program *front(struct arena *a, const struct source_reader *r, const struct source *const *sources, size_t n,
				 const struct compile_asked *asked, struct diag_list *d)
{
	struct ast_program *p = arena_alloc(a, sizeof(*p));
	bool ok = true;

	p->arena = a;
	p->reader = r;
	p->keep_elements = asked && asked->elements;
	if (asked && asked->texts)
		ok = compile_parse_texts(p, asked->texts, d);
	for (size_t i = 0; i < n; i++)
		ok &= parse_unit(p, sources[i], d);
	for (size_t i = 0; asked && i < asked->n_filled; i++)
		ok &= fill(p, asked->filled[i], d);
	if (asked && asked->steps)
		ok &= parse_asked(p, asked->steps, asked->packet, d);
	ok &= names_differ(p, d);
	ok &= sema_check(p, d);
	return ok && !diag_failed(d) ? p : NULL;
}

struct ast_program *compile_front_with(struct arena *a, const struct source_reader *r, const struct source *const *sources, size_t n,
				       struct diag_list *d)
{
	return front(a, r, sources, n, NULL, d);
}

struct ast_program *compile_front_asked(struct arena *a, const struct source_reader *r, const struct source *const *sources, size_t n,
					const struct compile_asked *asked, struct diag_list *d)
{
	return front(a, r, sources, n, asked, d);
}

struct ast_program *compile_front(struct arena *a, const struct source *const *sources, size_t n, struct diag_list *d)
{
	return compile_front_with(a, NULL, sources, n, d);
}

/* What the metadata says of the image. */
static struct meta_image image_of(const struct ir_program *ir)
{
	struct meta_image im = { .size = ir->image.n, .n_what = ir->whats.n };

	im.what = arena_array(ir->arena, ir->whats.n + 1, sizeof(*im.what));
	for (size_t i = 0; i < ir->whats.n; i++) {
		im.what[i][0] = ir->whats.v[i].described;
		im.what[i][1] = ir->whats.v[i].n;
	}
	im.index[0] = ir->indexes;
	im.index[1] = ir->n_indexes;
	return im;
}

/* What of it is not in the arena. */
static void release(struct ir_program *ir)
{
	if (ir)
		image_free(&ir->image);
}

static struct ir_program *middle(const struct ast_program *p, const struct compile_options *o, struct diag_list *d)
{
	struct lower_options how = o->lower;
	struct ir_program *ir;
	const char *bad;

	d->kind = DIAG_SIZE;
	if (how.plain) {
		how.classify.engine = how.classify.engine == ENGINE_AUTO ? ENGINE_LINEAR : how.classify.engine;
		how.sets.engine = how.sets.engine == SET_AUTO ? SET_SEARCH : how.sets.engine;
		how.counting = how.counting == COUNTING_AUTO ? COUNTING_AT_ONCE : how.counting;
	}
	ir = lower_program(p, &how, d);
	bad = ir ? ir_check(ir) : NULL;
	if (!bad)
		return ir;
	release(ir);
	diag_error(d, (struct span){ 0 }, "internal error: the intermediate representation is not well formed: %s", bad);
	return NULL;
}

bool compile_check(const struct ast_program *p, const struct compile_options *o, struct diag_list *d)
{
	struct ir_program *ir = middle(p, o, d);

	release(ir);
	return ir;
}

static bool find_shape(const struct ast_program *p, const struct meta_image *image, void *elf, size_t elf_len, const void *sets,
		       size_t sets_len, char shape[OBJECT_SHAPE], const char **why)
{
	struct object_texts texts = { .sets = sets, .sets_len = sets_len };
	char *meta = meta_shape(p, image, &texts.meta_len);
	bool ok;

	texts.meta = meta;
	ok = meta && object_shape(elf, elf_len, &texts, shape, why);
	free(meta);
	return ok;
}

static bool compile_once(const struct ast_program *p, const struct compile_options *o, struct diag_list *d, void **obj, size_t *len,
			 struct compile_facts *facts)
{
	struct ir_program *ir = middle(p, o, d);
	void *elf = NULL;
	char *meta = NULL, *tests = NULL, *nic = NULL;
	void *sets = NULL;
	struct object_texts texts = { 0 };
	size_t elf_len = 0;
	const char *why = NULL;
	char shape[OBJECT_SHAPE];
	struct meta_image image;
	bool ok = false;

	if (ir)
		*facts = (struct compile_facts){ .ir = ir, .image = ir->image.n };
	if (!ir || !codegen_object(ir, o->mcpu, d, &elf, &elf_len, &facts->maps)) {
		release(ir);
		return false;
	}
	image = image_of(ir);
	release(ir);
	sets = meta_elements(p, &texts.sets_len);
	if (sets && find_shape(p, &image, elf, elf_len, sets, texts.sets_len, shape, &why))
		meta = meta_json(p, &image, shape, &texts.meta_len);
	if (meta && sets && meta_tests(p, &tests, &texts.tests_len) && meta_nic(p, &nic, &texts.nic_len)) {
		texts.nic = nic;
		texts.meta = meta;
		texts.tests = tests;
		texts.sets = sets;
		ok = object_finish(elf, elf_len, &texts, obj, len, &why);
	}
	if (!ok)
		diag_error(d, (struct span){ 0 }, "the object cannot be finished: %s", why ? why : "out of memory");
	free(sets);
	free(meta);
	free(tests);
	free(nic);
	free(elf);
	return ok;
}

/* @how becomes what the object was made with. */
static bool compile_fitting(const struct ast_program *p, struct compile_options *how, struct diag_list *d, void **obj, size_t *len,
			    struct compile_facts *facts)
{
	const char *why = NULL;
	size_t deepest;

	for (;;) {
		if (!compile_once(p, how, d, obj, len, facts))
			return false;
		/* How much of the stack LLVM takes is only known now. */
		if (!object_deepest(*obj, *len, &deepest, &why))
			break;
		if (deepest <= OBJECT_STACK)
			return true;
		if (how->lower.off_stack == OFF_STACK_BUFFERS)
			break;
		how->lower.off_stack++;
		object_free(*obj, *len);
	}
	object_free(*obj, *len);
	if (why)
		diag_error(d, (struct span){ 0 }, "internal error: %s", why);
	else
		diag_error(d, (struct span){ 0 }, "the program takes %zu bytes of the stack, and kernels have %d", deepest, OBJECT_STACK)
			->remedy = "shorten the longest keys of limits, sets and tables";
	return false;
}

bool compile_look(struct diag_list *d, void *obj, size_t len, const struct compile_facts *facts, bool brief, struct object_facts *out)
{
	const char *err = NULL;

	*out = (struct object_facts){ .brief = brief };
	for (size_t i = 0; i < facts->maps.list.n; i++) {
		const struct codegen_map *m = &facts->maps.list.v[i];

		*vec_add(d->arena, &out->map) = (struct object_map){ m->name, m->kind, (uint32_t)m->key, (uint32_t)m->value, (uint32_t)m->entries,
								     (uint32_t)m->inner };
	}
	if (object_facts(d->arena, obj, len, out, &err))
		return true;
	diag_error(d, (struct span){ 0 }, "internal error: %s", err);
	return false;
}

/*
 * Shapes of a program that a verifier may walk too much of. What makes that much is what it knows: numbers that ways left in registers are told apart
 * in all that follows. It knows nothing of a map's; and what stands in a function is walked once. Each is a little slower than the one before it.
 */
static const struct shape {
	enum off_stack off_stack;
	unsigned apart;
	const char *said;
} shapes[] = {
	{ OFF_STACK_VARIABLES, 0, "what is known of a packet is in a map" },
	{ OFF_STACK_VARIABLES, 8, "what is known of a packet is in a map, and several rules each are a function" },
	{ OFF_STACK_VARIABLES, 1, "what is known of a packet is in a map, and each rule is a function" },
};

struct made {
	struct compile_options how;
	void *obj;
	size_t len;
	struct compile_facts facts;
};

static bool make(const struct ast_program *p, struct made *m, struct diag_list *d)
{
	struct object_facts known;

	if (!compile_fitting(p, &m->how, d, &m->obj, &m->len, &m->facts))
		return false;
	if (!compile_look(d, m->obj, m->len, &m->facts, true, &known)) {
		object_free(m->obj, m->len);
		return false;
	}
	m->facts.verified = known.verified;
	return true;
}

/* The first shape of which few enough instructions are walked, or that of which the fewest are. */
static bool compile_shaped(const struct ast_program *p, const struct compile_options *o, struct diag_list *d, struct made *best)
{
	*best = (struct made){ .how = *o };
	if (!make(p, best, d))
		return false;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes) && best->facts.verified > COMPILE_WALKED; i++) {
		/* what is said of a try is nobody's business */
		struct diag_list aside = { .arena = d->arena };
		struct made other = { .how = *o };

		if (!shapes[i].apart && best->facts.ir->scratch)
			continue;
		other.how.lower.off_stack = o->lower.off_stack > shapes[i].off_stack ? o->lower.off_stack : shapes[i].off_stack;
		other.how.lower.apart = shapes[i].apart;
		if (!make(p, &other, &aside))
			continue;
		other.facts.shape = shapes[i].said;
		if (other.facts.verified < best->facts.verified) {
			object_free(best->obj, best->len);
			*best = other;
		} else {
			object_free(other.obj, other.len);
		}
	}
	return true;
}

bool compile_with_facts(const struct ast_program *p, const struct compile_options *o, struct diag_list *d, void **obj, size_t *len,
			struct compile_facts *facts)
{
	struct made m;

	if (!compile_shaped(p, o, d, &m))
		return false;
	*obj = m.obj;
	*len = m.len;
	*facts = m.facts;
	return true;
}

/* A warning, where the kernel may refuse it for its length. */
static bool warn_of_length(const struct compile_options *o, struct diag_list *d, size_t verified)
{
	const size_t most = o->verified ? o->verified : OBJECT_VERIFIED;

	if (verified > most)
		diag_warning(d, (struct span){ 0 }, "the kernel may refuse the program: its verifier walks at most %zu instructions, and here "
			     "there may be more", most)
			->remedy = "split the rules between programs, or take a set or a table where many rules ask for the same; xdpfc --budget "
				   "says which lines take most";
	return !diag_failed(d);
}

bool compile_object(const struct ast_program *p, const struct compile_options *o, struct diag_list *d, void **obj, size_t *len)
{
	struct compile_facts facts;

	if (!compile_with_facts(p, o, d, obj, len, &facts))
		return false;
	if (warn_of_length(o, d, facts.verified))
		return true;
	object_free(*obj, *len);
	return false;
}

void compile_object_free(void *obj, size_t len)
{
	object_free(obj, len);
}

bool compile_emit(const struct ast_program *p, const struct compile_options *o, enum compile_emit what, struct diag_list *d, FILE *out)
{
	struct made object;
	struct ir_program *ir;
	void *text;
	size_t len;
	bool ok;

	if (what == EMIT_AST) {
		ast_dump(p, out);
		return true;
	}
	/* Of the object that -o writes, which is known when it is there. */
	if (!compile_shaped(p, o, d, &object))
		return false;
	object_free(object.obj, object.len);
	ir = middle(p, &object.how, d);
	if (!ir)
		return false;
	if (what == EMIT_IR) {
		ir_dump(ir, out);
		release(ir);
		return true;
	}
	ok = codegen_program(ir, object.how.mcpu, what == EMIT_ASM ? CODEGEN_ASM : CODEGEN_LLVM, d, &text, &len);
	release(ir);
	if (!ok)
		return false;
	fwrite(text, 1, len, out);
	free(text);
	return true;
}
