/*
 * Tests. In: tests as written, the rules of their file checked. Out: every packet as bytes, every duration in ns, every
 * expectation with its verdict and the index of who is to decide. Refused: tests that test nothing, names that are taken,
 * labels that are not there.
 */
#include "sema.h"

#include <limits.h>
#include <string.h>

#include "duration.h"

enum { REPEAT_MOST = 1000000, STEPS_MOST = 100000, BYTES_MOST = 8 << 20 };

#define AFTER_MOST (1000 * XDPF_DAY)

static bool after_check(struct sema *s, struct ast_step *step)
{
	const struct ast_value *v = step->duration;
	const char *text = v->kind == AST_QTY ? v->text : "";

	if (xdpf_duration(text, 0, AFTER_MOST, &step->after))
		return true;
	diag_error(s->d, v->span, "`%s` is no time to wait", sema_quote(s, v->span))->remedy =
		xdpf_time_unit(text + strspn(text, "0123456789")) ? "a test's clock goes on by at most 1000d" :
								    "write a number and its unit: 500ms, 10s, 5m, 1h";
	return false;
}

static bool repeat_check(struct sema *s, const struct ast_step *step)
{
	if (step->repeat >= 1 && step->repeat <= REPEAT_MOST)
		return true;
	diag_error(s->d, step->repeat_span, "`%s` is no number of packets", sema_quote(s, step->repeat_span))->remedy =
		arena_printf(s->a, "a packet is repeated 1 to %d times", REPEAT_MOST);
	return false;
}

/* ---- who is to decide ---- */

/* The rule at "edge.xdpf:31". */
static const struct ast_rule *rule_at(struct sema *s, const char *place, bool *several)
{
	struct symbol *y;

	/* Which of them stand where is asked by the first that wants to know. */
	for (; s->n_placed < s->p->by_index.n; s->n_placed++) {
		struct ast_rule *r = s->p->by_index.v[s->n_placed];
		const char *at;

		if (!r || r->verdict == VERDICT_NONE || !r->span.src)
			continue;
		at = span_shown(s->a, r->span);
		y = symtab_get(&s->places, SPACE_PLACE, at, strlen(at));
		if (y)
			y->value++;
		else
			symtab_put(&s->places, SPACE_PLACE, at, strlen(at))->p = r;
	}
	y = symtab_get(&s->places, SPACE_PLACE, place, strlen(place));
	*several = y && y->value;
	return y ? y->p : NULL;
}

static bool unknown_label(struct sema *s, const struct ast_name *by)
{
	VEC(const char *) labels = { 0 };
	const char *near;
	struct diag *e = diag_error(s->d, by->span, "no rule is called `%s`", by->s);

	for (size_t i = 0; s->d->errors <= DIAG_MAX_ERRORS && i < s->p->by_index.n; i++)
		if (s->p->by_index.v[i] && s->p->by_index.v[i]->label.s)
			*vec_add(s->a, &labels) = s->p->by_index.v[i]->label.s;
	near = diag_nearest(by->s, strlen(by->s), labels.v, labels.n);
	e->remedy = near ? arena_printf(s->a, "did you mean `%s`?", near) :
			   "name a label of this file, `default`, or a rule's file and line: by \"edge.xdpf:31\"";
	return false;
}

static bool by_check(struct sema *s, struct ast_step *step)
{
	const struct symbol *y = step->by_default ? NULL : symtab_get(&s->names, SPACE_LABEL, step->by.s, strlen(step->by.s));
	const struct ast_rule *r = y ? y->p : NULL;
	bool several = false;
	struct diag *e;

	if (step->by_default) {
		step->index = s->unit->default_index;
		/* A way that is closed has another verdict. */
		if (step->want == s->unit->default_verdict || s->unit->default_way)
			return true;
		e = diag_error(s->d, step->span, "the default is %s, not %s",
			       lang_verdicts[s->unit->default_verdict].name, step->verdict.s);
		e->remedy = arena_printf(s->a, "write `expect %s by default`", lang_verdicts[s->unit->default_verdict].name);
		return false;
	}
	if (!r && step->by_string)
		r = rule_at(s, step->by.s, &several);
	if (!r)
		return unknown_label(s, &step->by);
	step->index = r->index;
	if (several) {
		diag_error(s->d, step->by.span, "several rules stand at %s", step->by.s)->remedy =
			"give the rule a label, and name that";
		return false;
	}
	/* A way that is closed has another verdict. */
	if (r->verdict == step->want || (r->action.n && r->action.v[r->action.n - 1]->way))
		return true;
	e = diag_error(s->d, step->span, r->verdict == VERDICT_NONE ? "`%s` decides about no packet" :
							       "`%s` never decides so", r->shown);
	e->remedy = r->verdict == VERDICT_NONE ? "name the rule that decides" :
						 arena_printf(s->a, "write `expect %s by %s`", lang_verdicts[r->verdict].name, step->by.s);
	e->note_span = r->span;
	e->note = "the rule";
	return false;
}

static bool expect_check(struct sema *s, struct ast_step *step)
{
	for (int i = 0; i < VERDICT_COUNT; i++)
		if (!strcmp(step->verdict.s, lang_verdicts[i].name))
			step->want = (enum verdict)i;
	/* What the kernel is told of these. */
	if (!strcmp(step->verdict.s, "forward"))
		step->want = VERDICT_REDIRECT;
	if (!strcmp(step->verdict.s, "reply"))
		step->want = VERDICT_TX;
	return !step->by.s || by_check(s, step);
}

/* ---- the test ---- */

static bool same_place(const struct ast_frame *a, const struct ast_frame *b)
{
	if (!a->iface != !b->iface || (a->iface && strcmp(a->iface, b->iface)))
		return false;
	return a->has_rxqueue == b->has_rxqueue && a->rxqueue == b->rxqueue;
}

static void test_check(struct sema *s, const struct ast_test *t, size_t *bytes, bool asked)
{
	const struct ast_step *open = NULL, *first = NULL;	/* a packet that nobody looked at yet; the test's first one */
	unsigned errors = s->d->errors;
	bool broken = t->broken;
	struct diag *e;

	if (t->step.n > STEPS_MOST) {
		diag_error(s->d, t->span, "a test of more than %d steps", STEPS_MOST)->remedy = "write several tests";
		return;
	}
	for (size_t i = 0; i < t->step.n && !diag_full(s->d); i++) {
		struct ast_step *step = t->step.v[i];

		switch (step->kind) {
		case STEP_PACKET:
			open = step;
			/* Told of, here or where a name in it is declared; the test is not said to have none. */
			if (!repeat_check(s, step) || !frame_check(s, step->frame)) {
				broken = true;
				break;
			}
			*bytes += step->frame->len;
			if (first && !asked && !same_place(first->frame, step->frame)) {
				e = diag_error(s->d, step->frame->span, "the packets of a test come from one interface and one receive queue");
				e->remedy = "give all of them the same `iface` and `rxqueue`, or write two tests";
				e->note_span = first->frame->span;
				e->note = "the first one";
			}
			first = first ? first : step;
			break;
		case STEP_AFTER:
			after_check(s, step);
			break;
		case STEP_ADD:
		case STEP_REMOVE:
			if (step_set_check(s, step))
				*bytes += step->n * AST_SET_KEY;
			break;
		case STEP_EXPECT:
			if (!open && !broken && s->d->errors == errors)
				diag_error(s->d, step->span, "there is no packet before this that it could be about")->remedy =
					"one `expect` stands behind its packet";
			open = NULL;
			expect_check(s, step);
			break;
		}
	}
	if (s->d->errors != errors || broken)
		return;
	if (!first && asked)
		diag_error(s->d, t->span, "there is no packet to ask about")->remedy = "write FIELD = VALUE, or packet { FIELD = VALUE }";
	else if (!first)
		diag_error(s->d, t->span, "the test `%s` has no packet", t->name.s)->remedy =
			"write `packet { FIELD = VALUE } expect VERDICT`";
	else if (open && !asked)
		diag_error(s->d, open->span, "what becomes of this packet is not looked at")->remedy =
			"write `expect VERDICT` behind it";
}

void tests_check(struct sema *s)
{
	struct symtab taken;
	size_t bytes = 0;

	symtab_init(&taken, s->a);
	s->order = UINT_MAX;
	for (size_t i = 0; i < s->unit->tests.n && !diag_full(s->d); i++) {
		struct ast_test *t = s->unit->tests.v[i];
		struct symbol *y = symtab_get(&taken, SPACE_LABEL, t->name.s, strlen(t->name.s));
		struct diag *e;

		if (!*t->name.s)
			diag_error(s->d, t->span, "a test without a name")->remedy = "say what it shows: test \"telnet is closed\" { … }";
		if (y) {
			e = diag_error(s->d, t->name.span, "a test is already called `%s`", t->name.s);
			e->remedy = "choose another name";
			e->note_span = ((const struct ast_test *)y->p)->name.span;
			e->note = "the first one";
		} else {
			symtab_put(&taken, SPACE_LABEL, t->name.s, strlen(t->name.s))->p = t;
		}
		test_check(s, t, &bytes, false);
		if (bytes > BYTES_MOST) {
			diag_error(s->d, t->span, "the tests' packets and elements have more than %d MiB together", BYTES_MOST >> 20)->remedy =
				"leave some of them out";
			return;
		}
	}
	if (s->p->asked && s->unit == s->p->units.v[0])
		test_check(s, s->p->asked, &bytes, true);
}
