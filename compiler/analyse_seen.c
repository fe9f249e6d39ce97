/*
 * What formulas are of a packet. In: a frame and what comes with it. Out: whether a formula holds, and which rule is the first whose formula does.
 * Headers are found by the evaluator's dissector, numbers read by its own functions; nothing is taken from the solver but what is not in the
 * packet. What the solver says can be looked at without a packet, too.
 */
#include "analyse_priv.h"

#include <string.h>

static void make_room(struct space *s)
{
	if (s->seen_slots[0] < s->node.n) {
		s->seen_slots[0] = 2 * s->node.n;
		s->node_seen = arena_array(s->a, s->seen_slots[0], sizeof(*s->node_seen));
	}
	if (s->seen_slots[1] < s->number.n) {
		s->seen_slots[1] = 2 * s->number.n;
		s->number_seen = arena_array(s->a, s->seen_slots[1], sizeof(*s->number_seen));
	}
}

void seen_look(struct seen *seen, struct space *s, struct witness *w)
{
	*seen = (struct seen){ .s = s, .w = w };
	seen->pkt = (struct eval_packet){
		.data = (uint8_t *)w->data, .len = w->len, .left = w->len, .iface = w->iface, .has_rxqueue = w->has_rxqueue, .rxqueue = w->rxqueue,
		.now = w->now, .has_socket = w->socket, .socket = w->socket, .flow_state = w->flow_state, .rx = w->rx,
	};
	seen->view.pkt = &seen->pkt;
	dissect_frame(&seen->view.d, w->data, w->len);
	if (s->inner)
		dissect_inner(&seen->view.inner, &seen->view.d, w->data);
	make_room(s);
	s->seen_stamp++;
}

void seen_answer(struct seen *seen, const struct question *q)
{
	*seen = (struct seen){ .s = q->s, .q = q };
	make_room(q->s);
	q->s->seen_stamp++;
}

static bool bit_holds(const struct seen *seen, uint32_t bit)
{
	const struct dissect *d = bit < BITS_LAYER ? &seen->view.d : &seen->view.inner;
	bool on = false;

	if (seen->q)
		return question_bit(seen->q, bit, &on) && on;
	if (bit >= BITS_FREE) {
		const struct free_bit *f = &seen->s->free.v[bit - BITS_FREE];
		struct eval_value v;

		if (f->kind == FREE_GIVEN)
			return f->field == FIELD_FLOW_STATE ? seen->w->flow_state != 0 : eval_field(&seen->view, f->field, &v);
		if (f->kind == FREE_SOCKET)
			return seen->w->socket;
		return bit - BITS_FREE < seen->w->n_free ? seen->w->free[bit - BITS_FREE] : f->kind == FREE_LIMIT;
	}
	bit %= BITS_LAYER;
	if (bit == MALFORMED_BIT)
		return d->malformed;
	if (bit == FRAGMENT_BIT)
		return d->fragment;
	if (bit == FIRST_BIT)
		return d->first_fragment;
	return dissect_has(d, (enum header_id)bit);
}

static bool iface_number(const struct seen *seen, struct value *out)
{
	if (!seen->w->iface)
		return false;
	*out = value_of(UINT16_MAX);
	for (size_t i = 0; i < seen->s->iface.n; i++)
		if (!strcmp(seen->s->iface.v[i], seen->w->iface))
			*out = value_of(i);
	return true;
}

static bool read_number(const struct seen *seen, const struct number *n, struct value *out)
{
	struct ast_operand o = { .kind = n->kind == NUMBER_PAYLOAD ? OPERAND_PAYLOAD : OPERAND_PACKET, .inner = n->inner, .off = n->off / 8,
				 .len = n->bits / 8 };
	struct eval_value v;

	if (seen->q) {
		question_number(seen->q, (uint32_t)(n - seen->s->number.v), out);
		return true;
	}
	if (n->kind == NUMBER_LATER)
		return false;
	if (n->field == FIELD_IFACE)
		return iface_number(seen, out);
	if (n->field != FIELD_NONE) {
		o.kind = OPERAND_FIELD;
		o.field = n->field;
	}
	if (!eval_operand(&seen->view, &o, &v))
		return false;
	*out = v.v;
	return true;
}

static bool in_ranges(const struct node *x, struct value v)
{
	size_t lo = 0, hi = x->n;

	if (x->has_mask)
		v = value_and(v, x->mask);
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (value_cmp(x->range[mid].lo, v) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && value_cmp(v, x->range[lo - 1].hi) <= 0;
}

static const struct seen_number *number_of(struct seen *seen, uint32_t number)
{
	struct seen_number *n = &seen->s->number_seen[number];

	if (n->stamp != seen->s->seen_stamp) {
		n->stamp = seen->s->seen_stamp;
		n->present = read_number(seen, &seen->s->number.v[number], &n->v);
	}
	return n;
}

static bool number_in(struct seen *seen, const struct node *x)
{
	const struct seen_number *n = number_of(seen, x->of);

	return n->present && in_ranges(x, n->v);
}

bool seen_holds(struct seen *seen, uint32_t f)
{
	const struct node *x = &seen->s->node.v[f / 2];
	bool holds = true;

	switch (x->kind) {
	case NODE_TRUE:
		break;
	case NODE_BIT:
		holds = bit_holds(seen, x->of);
		break;
	case NODE_IN:
		holds = number_in(seen, x);
		break;
	case NODE_AND:
		if (f / 2 < seen->s->seen_slots[0] && seen->s->node_seen[f / 2].stamp == seen->s->seen_stamp) {
			holds = seen->s->node_seen[f / 2].holds;
			break;
		}
		for (size_t i = 0; i < x->n && holds; i++)
			holds = seen_holds(seen, x->sub[i]);
		if (f / 2 < seen->s->seen_slots[0])
			seen->s->node_seen[f / 2] = (struct seen_slot){ seen->s->seen_stamp, holds };
		break;
	}
	return holds != (f & 1);
}

/* Of long lists most rules are for other packets, which shows at a glance. */
static bool at_a_glance(struct seen *seen, const struct glances *g)
{
	for (unsigned i = 0; i < g->n; i++) {
		const struct seen_number *n = number_of(seen, g->of[i].number);

		if (!n->present || n->v.lo < g->of[i].lo || n->v.lo > g->of[i].hi)
			return false;
	}
	return true;
}

size_t seen_first(struct seen *seen, const struct list *l, const bool *look)
{
	for (size_t i = 0; i < l->event.n; i++)
		if (look[i] && at_a_glance(seen, &l->glance.v[i]) && seen_holds(seen, l->event.v[i].when))
			return i;
	return NO_EVENT;
}
