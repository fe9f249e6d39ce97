/*
 * Constructors of tests: one call of the grammar makes one node. In: symbols with their places. Out: nodes in the arena, as
 * written.
 */
#include "parse_tokens.h"

#define TAKE(to, from) ((to)->v = (from)->v, (to)->n = (from)->n, (to)->cap = (from)->cap)

struct parse_assigns *build_assigns(struct parser *c, struct parse_assigns *list, struct ast_name name, struct ast_value *v)
{
	if (!list)
		list = arena_alloc(c->a, sizeof(*list));
	*vec_add(c->a, &list->list) = (struct ast_assign){ name, v };
	return list;
}

struct ast_frame *build_frame(struct parser *c, struct span sp, struct parse_assigns *list)
{
	struct ast_frame *f = arena_alloc(c->a, sizeof(*f));

	f->span = sp;
	if (list)
		TAKE(&f->assign, &list->list);
	return f;
}

struct ast_frame *build_frame_from(struct parser *c, struct span sp, struct ast_name path, struct parse_num n)
{
	struct ast_frame *f = build_frame(c, sp, NULL);

	f->from = path;
	f->path = parse_beside(c, path.s);
	f->number = n.v;
	return f;
}

static struct ast_step *step_new(struct parser *c, struct span sp, enum ast_step_kind kind)
{
	struct ast_step *step = arena_alloc(c->a, sizeof(*step));

	step->kind = kind;
	step->span = sp;
	step->want = VERDICT_NONE;
	return step;
}

struct ast_step *build_packet(struct parser *c, struct span sp, struct ast_frame *frame)
{
	struct ast_step *step = step_new(c, sp, STEP_PACKET);

	step->frame = frame;
	step->repeat = 1;
	/* One that was not understood has been told. */
	return frame ? step : NULL;
}

struct ast_step *build_repeat(struct parser *c, struct span sp, struct span times_span, struct parse_num times,
			      struct ast_frame *frame)
{
	struct ast_step *step = build_packet(c, sp, frame);

	if (step) {
		step->repeat = times.overflow ? UINT64_MAX : times.v;
		step->repeat_span = times_span;
	}
	return step;
}

struct ast_step *build_after(struct parser *c, struct span sp, struct ast_value *duration)
{
	struct ast_step *step = step_new(c, sp, STEP_AFTER);

	step->duration = duration;
	return step;
}

struct ast_step *build_expect(struct parser *c, struct span sp, struct ast_name verdict)
{
	struct ast_step *step = step_new(c, sp, STEP_EXPECT);

	step->verdict = verdict;
	return step;
}

struct ast_step *build_by(struct span sp, struct ast_step *expect, struct ast_name by, bool string, bool is_default)
{
	expect->span = sp;
	expect->by = by;
	expect->by_string = string;
	expect->by_default = is_default;
	return expect;
}

struct ast_step *build_step_set(struct parser *c, struct span sp, enum ast_step_kind kind, struct ast_value *element, struct ast_name set,
				struct ast_value *duration)
{
	struct ast_step *step = step_new(c, sp, kind);

	step->element = element;
	step->set_name = set;
	step->duration = duration;
	/* One that was not understood has been told. */
	return element ? step : NULL;
}

struct parse_steps *build_steps(struct parser *c, struct parse_steps *list, struct ast_step *step)
{
	if (step)
		*vec_add(c->a, &list->list) = step;
	else
		list->broken = true;
	return list;
}

struct parse_steps *build_no_steps(struct parser *c)
{
	return arena_alloc(c->a, sizeof(struct parse_steps));
}

void build_test_decl(struct parser *c, struct span sp, struct ast_name name, struct parse_steps *steps)
{
	struct ast_test *t = arena_alloc(c->a, sizeof(*t));

	t->name = name;
	t->span = sp;
	TAKE(&t->step, &steps->list);
	t->broken = steps->broken;
	*vec_add(c->a, &c->run->unit->tests) = t;
}
