/*
 * Steps of tests that change sets. In: elements as written, the name of a set. Out: the set, which lives, its elements as ranges, the time that
 * they stay in ns. Refused: what a set of its kind cannot hold, constant sets, a time where elements do not expire.
 */
#include "sema.h"

bool step_set_check(struct sema *s, struct ast_step *step)
{
	bool add = step->kind == STEP_ADD;
	struct ast_set *set = set_changed(s, &step->set_name, add);
	struct want want[SEMA_MAX_TUPLE];
	struct ranges out = { 0 };
	struct diag *e;

	if (!set)
		return false;
	if (step->element->kind == AST_WORD && names_field(s, step->element->text) != FIELD_NONE) {
		diag_error(s->d, step->element->span, "`%s` is a field, and there is no packet to take it from", step->element->text)->remedy =
			"write the element itself: add 192.0.2.1 to SET";
		return false;
	}
	set_wants(set, arena_printf(s->a, "set %s", set->name.s), want);
	if (!set_elements(s, set, want, step->element, &out))
		return false;
	step->set = set;
	step->range = out.v;
	step->n = out.n / set->n_types;
	step->keep = set->keep;
	if (!step->duration)
		return true;
	if (!duration_read(s, step->duration, &step->keep))
		return false;
	if (set->expires)
		return true;
	e = diag_error(s->d, step->duration->span, "the elements of set `%s` do not expire", set->name.s);
	e->remedy = "leave the time out, or give the set a timeout: set NAME : TYPE live timeout 10m;";
	e->note_span = set->name.span;
	e->note = "declared here";
	return false;
}
