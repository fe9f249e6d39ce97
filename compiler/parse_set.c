/*
 * Sets that live, and files of elements, in the tree. In: what stands behind a set's type, part by part, and actions that change sets. Out:
 * nodes; a part that stands there twice is refused.
 */
#include "parse.h"

struct ast_set *build_set_new(struct parser *c)
{
	return arena_alloc(c->a, sizeof(struct ast_set));
}

/* Is the part already there? */
static bool again(struct parser *c, struct span sp, bool there, const char *what)
{
	if (there)
		diag_error(c->d, sp, "the set's %s is said twice", what)->remedy = "leave one of them out";
	return there;
}

struct ast_set *build_set_init(struct parser *c, struct span sp, struct ast_set *set, struct ast_value *v)
{
	if (!again(c, sp, set->init != NULL, "content"))
		set->init = v;
	return set;
}

struct ast_set *build_set_from(struct parser *c, struct span sp, struct ast_set *set, struct ast_name path)
{
	if (again(c, sp, set->from.s != NULL, "file"))
		return set;
	set->from = path;
	set->from_text = parse_elements(c, path);
	return set;
}

struct ast_set *build_set_live(struct parser *c, struct span sp, struct ast_set *set)
{
	if (!again(c, sp, set->live, "`live`"))
		set->live = true;
	return set;
}

struct ast_set *build_set_size(struct parser *c, struct span sp, struct ast_set *set, struct ast_value *v)
{
	if (!again(c, sp, set->size != NULL, "size"))
		set->size = v;
	return set;
}

struct ast_set *build_set_timeout(struct parser *c, struct span sp, struct ast_set *set, struct ast_value *v)
{
	if (!again(c, sp, set->timeout != NULL, "timeout"))
		set->timeout = v;
	return set;
}

struct ast_action *build_set_action(struct parser *c, struct span sp, enum ast_action_kind kind, struct parse_operands *key, struct ast_name set,
				    struct ast_value *duration)
{
	struct ast_action *act = arena_alloc(c->a, sizeof(*act));

	act->kind = kind;
	act->span = sp;
	act->word = set;
	act->verdict = VERDICT_NONE;
	act->duration = duration;
	for (size_t i = 0; i < key->list.n; i++)
		*vec_add(c->a, &act->key) = key->list.v[i];
	return act;
}
