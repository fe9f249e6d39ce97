/*
 * A packet's way as JSON: one object on a line. In: what is known of it. Out: every rule before the one that decided, unless who decided is all that
 * was asked.
 */
#include <jansson.h>
#include <limits.h>
#include <string.h>

#include "cli_explain.h"
#include "cli_place.h"

static json_t *text_or_null(const char *s)
{
	return s ? cli_json_string(s) : json_null();
}

static void put_place(struct explain *x, json_t *o, struct span sp)
{
	if (!sp.src)
		return;
	cli_json_place(x->cli, o, sp);
	if (!sp.src->origin)
		json_object_set_new(o, "column", json_integer(source_line_col(sp.src, sp.begin).col));
}

static json_t *facts(struct explain *x, const struct explain_rule *r)
{
	json_t *list = json_array(), *o;

	for (size_t i = 0; i < r->fact.n; i++) {
		o = json_object();
		json_object_set_new(o, "condition", cli_json_string(explain_source(x, r->fact.v[i].cond->span)));
		json_object_set_new(o, "actual", cli_json_string(r->fact.v[i].text));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *deeds(struct explain *x, const struct explain_rule *r)
{
	json_t *list = json_array(), *o;

	for (size_t i = 0; i < r->deed.n; i++) {
		const struct explain_deed *d = &r->deed.v[i];

		o = json_object();
		json_object_set_new(o, "action", cli_json_string(explain_source(x, d->action->span)));
		json_object_set_new(o, "outcome", text_or_null(explain_did(d)));
		if (d->action->kind == ACTION_REWRITE) {
			json_object_set_new(o, "was", text_or_null(d->was));
			json_object_set_new(o, "is", text_or_null(d->is));
		}
		json_array_append_new(list, o);
	}
	return list;
}

/* What is not in the packet, and was asked. */
static json_t *outside(struct explain *x)
{
	json_t *list = json_array(), *o;

	for (size_t i = 0; i < x->asked.n; i++) {
		const struct explain_asked *a = &x->asked.v[i];

		o = json_object();
		json_object_set_new(o, "condition", cli_json_string(explain_condition(x, a->cond)));
		json_object_set_new(o, "taken-as", json_boolean(a->value));
		json_object_set_new(o, "known-as", json_boolean(a->known));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *filter_did(const struct explain_packet *q)
{
	json_t *o = json_object();

	json_object_set_new(o, "verdict", cli_json_string(q->verdict));
	json_object_set_new(o, "rule", text_or_null(q->rule));
	json_object_set_new(o, "file", text_or_null(q->file));
	return o;
}

struct listed {
	struct explain *x;
	json_t *list;
};

static void rule(void *arg, unsigned index)
{
	static const char *const states[] = { "not-looked-at", "failed", "held" };
	const struct listed *l = arg;
	struct explain *x = l->x;
	const struct explain_rule *r = &x->rule[index];
	const struct explain_place *p = &x->place[index];
	const struct ast_rule *in = p->within == UINT_MAX ? NULL : x->p->by_index.v[p->within];
	json_t *o = json_object();

	json_object_set_new(o, "rule", cli_json_string(x->p->by_index.v[index]->shown));
	put_place(x, o, x->p->by_index.v[index]->span);
	json_object_set_new(o, "state", json_string(states[r->state]));
	switch (r->state) {
	case EXPLAIN_PASSED_BY:
		json_object_set_new(o, p->other ? "else-of" : "within", in ? cli_json_string(in->shown) : json_null());
		break;
	case EXPLAIN_FAILED:
		json_object_set_new(o, "condition", cli_json_string(explain_source(x, r->failed->span)));
		json_object_set_new(o, "actual", cli_json_string(r->why->text));
		break;
	case EXPLAIN_HELD:
		json_object_set_new(o, "actions", deeds(x, r));
		break;
	}
	json_array_append_new(l->list, o);
}

static json_t *decided(struct explain *x, const struct eval_result *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "verdict", json_string(lang_verdicts[r->verdict].name));
	json_object_set_new(o, "rule", cli_json_string(explain_rule_name(r)));
	json_object_set_new(o, "file", cli_json_string(r->unit->name));
	put_place(x, o, explain_span(r));
	json_object_set_new(o, "text", r->rule ? cli_json_string(r->rule->text) : json_null());
	return o;
}

void explain_json(struct explain *x, const struct explain_packet *q)
{
	const struct eval_result *r = &x->result;
	struct listed l = { x, json_array() };
	json_t *o = json_object(), *files = json_array(), *notes = json_array();
	const char *note[EXPLAIN_NOTES];
	size_t n = explain_notes(x, q, note);

	json_object_set_new(o, "packet", json_integer((json_int_t)q->number));
	if (q->decided) {
		json_object_set_new(o, "ns", json_integer((json_int_t)q->pkt->now));
		json_object_set_new(o, "interface", text_or_null(q->pkt->iface));
		json_object_set_new(o, "rxqueue", json_integer(q->pkt->rxqueue));
	}
	json_object_set_new(o, "fields", cli_json_string(x->fields));
	json_object_set_new(o, "length", json_integer((json_int_t)q->length));
	json_object_set_new(o, "captured", json_integer((json_int_t)q->known));
	json_object_update_missing_new(o, decided(x, r));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(notes, cli_json_string(note[i]));
	json_object_set_new(o, "notes", notes);
	if (q->decided && q->verdict) {
		json_object_set_new(o, "filter", filter_did(q));
		json_object_set_new(o, "agrees", json_boolean(x->agrees));
		json_object_set_new(o, "outside", outside(x));
	}
	if (x->brief) {
		json_decref(l.list);
		json_decref(files);
	} else {
		for (size_t i = 0; i + 1 < x->file.n; i++)
			json_array_append_new(files, decided(x, &x->file.v[i]));
		json_object_set_new(o, "passed-by", files);
		json_object_set_new(o, "because", r->rule ? facts(x, &x->rule[r->index]) : json_array());
		json_object_set_new(o, "actions", r->rule ? deeds(x, &x->rule[r->index]) : json_array());
		explain_before(x, rule, &l);
		json_object_set_new(o, "before", l.list);
	}
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}
