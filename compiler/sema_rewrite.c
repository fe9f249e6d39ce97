/*
 * What is written to the packet. In: `FIELD = VALUE`, `FIELD -= N`, `vlan push ID`, `vlan pop`, `mark N` as written. Out: the field, and the
 * number that it becomes. Refused is what no packet has as bytes, what decides where or what the bytes behind it are, and what has a checksum that
 * cannot be kept right.
 */
#include "sema.h"

#include <string.h>

static void may_miss(struct sema *s, struct ast_action *a)
{
	a->may_miss = true;
	a->slot = s->p->n_slots++;
}

static bool refuse(struct sema *s, const struct ast_operand *o, const char *fact, const char *remedy)
{
	diag_error(s->d, o->span, "`%s` cannot be written to: %s", o->name.s, fact)->remedy = remedy;
	return false;
}

static bool target_check(struct sema *s, struct ast_operand *o)
{
	enum field_id to[5];
	const char *why = NULL;
	unsigned n, fixed = 0;

	if (!strcmp(o->name.s, "payload") || !strcmp(o->name.s, SEMA_INNER "payload") || !strcmp(o->name.s, "packet"))
		return refuse(s, o, "only fields are", "xdpfc --list=fields prints the fields there are");
	if (!operand_check(s, o))
		return false;
	if (lang_fields[o->field].form == FORM_META)
		return refuse(s, o, "it is no bytes of the packet", "write to a header's field, such as ip4.ttl or tcp.dport");
	n = lang_targets(o->field, to);
	for (unsigned i = 0; i < n; i++)
		if (lang_fixed[to[i]]) {
			why = lang_fixed[to[i]];
			fixed++;
		}
	/* Of l4.sport one member is left alone; that is counted where it happens. */
	if (fixed && fixed == n)
		return refuse(s, o, why, "headers are found once, when the packet comes, and stay what and where they are");
	return true;
}

/* A time to live is counted down; nothing else is. */
static bool counts_down(struct sema *s, const struct ast_action *a)
{
	enum field_id f = a->target->field;

	if (f == FIELD_IP_TTL || f == FIELD_IP4_TTL || f == FIELD_IP6_HOPLIMIT)
		return true;
	diag_error(s->d, a->span, "`-=` counts down a time to live, and `%s` is none", a->target->name.s)->remedy =
		"ip.ttl, ip4.ttl and ip6.hoplimit are counted down; write `=` and the new value to others";
	return false;
}

static bool number_check(struct sema *s, const struct ast_value *v, const char *what, unsigned bits, struct range *out)
{
	struct want w = { .type = TYPE_NUM, .kind = KIND_NUM, .bits = bits, .what = what, .write = true };

	return value_whole(s, v) && value_one(s, &w, v, out);
}

static bool field_check(struct sema *s, struct ast_action *a)
{
	struct want w;

	if (!target_check(s, a->target) || (a->decrement && !counts_down(s, a)))
		return false;
	w = operand_want(a->target);
	w.what = a->target->name.s;
	w.write = true;
	if (!value_whole(s, a->value) || !value_one(s, &w, a->value, &a->to))
		return false;
	if (a->decrement && !a->to.lo.lo) {
		diag_error(s->d, a->value->span, "counting down by 0 changes nothing")->remedy = "leave it out, or write 1";
		return false;
	}
	may_miss(s, a);
	return true;
}

static bool vlan_check(struct sema *s, struct ast_action *a)
{
	struct diag *e;

	a->push = !strcmp(a->arg.s, "push");
	if (!a->push && strcmp(a->arg.s, "pop")) {
		e = diag_error(s->d, a->arg.span, "a tag is pushed or popped, `%s` is unknown", sema_quote(s, a->arg.span));
		e->remedy = "write `vlan push ID` or `vlan pop`; the tag that is there is changed by `vlan.id = ID`";
		return false;
	}
	if (a->push != (a->value != NULL)) {
		e = diag_error(s->d, a->span, a->push ? "`vlan push` needs the VLAN's number" : "`vlan pop` takes no number");
		e->remedy = a->push ? "write `vlan push 100`" : "it takes away the outermost tag, whichever that is";
		return false;
	}
	if (a->push && !number_check(s, a->value, lang_fields[FIELD_VLAN_ID].name, lang_fields[FIELD_VLAN_ID].bits, &a->to))
		return false;
	s->p->retags = true;
	may_miss(s, a);
	return true;
}

bool rewrite_check(struct sema *s, struct ast_action *a)
{
	s->p->rewrites = true;
	switch (a->kind) {
	case ACTION_REWRITE:
		return field_check(s, a);
	case ACTION_VLAN:
		return vlan_check(s, a);
	case ACTION_MARK:
		if (!number_check(s, a->value, "a mark", 32, &a->to))
			return false;
		may_miss(s, a);
		return true;
	case ACTION_VERDICT:
	case ACTION_COUNT:
	case ACTION_LOG:
	case ACTION_ADD:
	case ACTION_REMOVE:
		break;
	}
	return false;
}

static bool rules_rewrite(const struct ast_rules *rules, bool *retags)
{
	bool any = false;

	for (size_t i = 0; i < rules->list.n; i++)
		any |= rules->list.v[i] && rule_rewrites(rules->list.v[i], retags);
	return any;
}

bool rule_rewrites(const struct ast_rule *rule, bool *retags)
{
	bool any = false;

	for (const struct ast_rule *r = rule; r; r = r->else_rule) {
		for (size_t i = 0; i < r->action.n; i++) {
			const struct ast_action *a = r->action.v[i];

			any |= a && (a->kind == ACTION_REWRITE || a->kind == ACTION_VLAN);
			*retags |= a && a->kind == ACTION_VLAN;
		}
		any |= rules_rewrite(&r->then_block, retags);
		any |= rules_rewrite(&r->else_block, retags);
	}
	return any;
}
