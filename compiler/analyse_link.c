/*
 * A default that drops what IP cannot do without. In: a file whose default drops, and which passes some IPv4, or some IPv6. Out: that no ARP, or no
 * neighbour solicitation and advertisement, can pass, and a packet that it drops. Where rules of the file decide about all of them, somebody has
 * thought of it, and nothing is said.
 */
#include "analyse_priv.h"

#include <string.h>

struct shown {
	struct file *f;
	uint32_t target;
};

static bool is_shown(void *arg, struct witness *w)
{
	const struct shown *x = arg;
	struct seen seen;

	seen_look(&seen, x->f->s, w);
	return seen_holds(&seen, x->target) && seen_first(&seen, x->f->list, x->f->decides) == x->f->list->event.n - 1;
}

/* Is there such a packet that passes (@passes), or gets to the default? */
static enum answer some(struct file *f, uint32_t target, bool passes, struct witness *w)
{
	const struct list *l = f->list;
	bool *want = arena_array(f->s->a, l->event.n, sizeof(*want));
	struct demand d = { l, f->decides, want };
	size_t at[2];

	for (size_t i = 0; i < l->event.n; i++)
		want[i] = passes ? l->event.v[i].verdict == VERDICT_PASS : i + 1 == l->event.n;
	return ask(f->s, target, &d, 1, w, at, NULL);
}

static void look(struct file *f, uint32_t uses, uint32_t needs, enum finding_kind kind)
{
	struct witness *w = arena_alloc(f->s->a, sizeof(*w)), passes;
	struct check check = { { NULL, NULL } };

	if (some(f, uses, true, &passes) != ANSWER_YES || some(f, needs, true, &passes) != ANSWER_NO ||
	    some(f, needs, false, w) != ANSWER_YES)
		return;
	check_shorten(f->s, w, is_shown, &(struct shown){ f, needs });
	if (!check_run(f->s, f->list, w, &check) || check.came.rule || check.came.verdict != f->list->unit->default_verdict)
		return;
	witness_tell(f->s, w);
	file_found(f, kind, NULL)->packet = w;
}

void links_find(struct file *f)
{
	struct space *s = f->s;
	enum verdict v = f->list->unit->default_verdict;
	const struct range types = { FAMILY_NUM, value_of(135), value_of(136) };
	uint32_t arp = form_has(s, false, HDR_ARP), icmp6 = form_has(s, false, HDR_ICMP6), ip6 = form_has(s, false, HDR_IP6);
	uint32_t neighbours = AND(s, ip6, icmp6, form_in(s, space_field(s, false, FIELD_ICMP6_TYPE), NULL, &types, 1),
				  form_from(s, space_field(s, false, FIELD_IP6_HOPLIMIT), 255, 255));

	if (v != VERDICT_DROP && v != VERDICT_ABORT)
		return;
	look(f, form_has(s, false, HDR_IP4), arp, FINDING_NO_ARP);
	look(f, AND(s, ip6, form_not(icmp6)), neighbours, FINDING_NO_NEIGHBOURS);
}
