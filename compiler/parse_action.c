/*
 * Constructors of the actions that neither decide nor count. In: symbols with their places. Out: nodes in the arena, as written.
 */
#include "parse.h"

static struct ast_action *action_new(struct parser *c, enum ast_action_kind kind, struct span sp)
{
	struct ast_action *act = arena_alloc(c->a, sizeof(*act));

	act->kind = kind;
	act->span = sp;
	act->verdict = VERDICT_NONE;
	return act;
}

struct ast_log *build_log(struct parser *c, bool sample, struct ast_value *many, struct ast_name unit)
{
	struct ast_log *log = arena_alloc(c->a, sizeof(*log));

	log->sample = sample;
	log->many = many;
	log->unit = unit;
	return log;
}

struct ast_log *build_sample(struct parser *c, struct span at, struct parse_num a, struct ast_value *b)
{
	if (a.v != 1)
		diag_error(c->d, at, "a sample is one packet in so many")->remedy = "write `sample 1/N`";
	return build_log(c, true, b, (struct ast_name){ 0 });
}

struct ast_action *build_log_action(struct parser *c, struct span sp, struct ast_log *log)
{
	struct ast_action *act = action_new(c, ACTION_LOG, sp);

	log->span = sp;
	act->log = log;
	return act;
}

struct ast_action *build_rewrite(struct parser *c, struct span sp, struct ast_operand *target, struct ast_value *v, bool decrement)
{
	struct ast_action *act = action_new(c, ACTION_REWRITE, sp);

	act->word = target->name;
	act->target = target;
	act->value = v;
	act->decrement = decrement;
	return act;
}

struct ast_action *build_vlan(struct parser *c, struct span sp, struct ast_name what, struct ast_value *id)
{
	struct ast_action *act = action_new(c, ACTION_VLAN, sp);

	act->arg = what;
	act->value = id;
	return act;
}

struct ast_action *build_mark(struct parser *c, struct span sp, struct ast_name word, struct ast_value *v)
{
	struct ast_action *act = action_new(c, ACTION_MARK, sp);

	act->word = word;
	act->value = v;
	return act;
}
