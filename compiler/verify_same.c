/*
 * May a state do no more than one that was there before? In: a state that was walked to the end, and one. Out: whether everything that counted in
 * the first holds for the second.
 */
#include "verify_priv.h"

enum { PAIRS = 128 };

struct pairs {
	uint32_t old[PAIRS], now[PAIRS], made;
	unsigned n;
};

static bool pair(struct pairs *p, uint32_t old, uint32_t now)
{
	if (!old != !now)
		return false;
	if (!old)
		return true;
	for (unsigned k = 0; k < p->n; k++) {
		if (p->old[k] == old)
			return p->now[k] == now;
		if (p->now[k] == now)
			return false;
	}
	if (p->n == PAIRS)
		return false;
	p->old[p->n] = old;
	p->now[p->n++] = now;
	return true;
}

/* Numbers that were no other's copies may be any. */
static bool number_pair(struct pairs *p, const struct reg *old, const struct reg *now)
{
	uint32_t id;

	if (!old->id)
		return true;
	if ((old->id ^ now->id) & VERIFY_SUM || (old->id & VERIFY_SUM && old->off != now->off))
		return false;
	id = now->id ? now->id : ++p->made;
	return pair(p, old->id, id) && (!(old->id & VERIFY_SUM) || pair(p, old->id & ~VERIFY_SUM, id & ~VERIFY_SUM));
}

static bool exactly(const struct number *a, const struct number *b)
{
	return number_within(a, b) && number_within(b, a);
}

static bool same_reg(struct pairs *p, const struct reg *old, const struct reg *now)
{
	if (old->kind == REG_NONE)
		return true;
	if (old->kind != now->kind || old->null != now->null)
		return false;
	switch ((enum reg_kind)old->kind) {
	case REG_NUMBER:
		if (!old->precise)
			return true;
		return number_pair(p, old, now) && number_within(&old->n, &now->n);
	case REG_VALUE:
		return old->map == now->map && old->off == now->off && number_within(&old->n, &now->n) && pair(p, old->id, now->id);
	case REG_PACKET:
	case REG_META:
		if (old->range < 0 || now->range < 0 ? old->range != now->range : old->range > now->range)
			return false;
		return old->off == now->off && pair(p, old->id, now->id) && number_within(&old->n, &now->n);
	case REG_STACK:
		return old->frame == now->frame && old->off == now->off && exactly(&old->n, &now->n);
	case REG_NONE:
	case REG_CONTEXT:
	case REG_END:
	case REG_MAP:
	case REG_KERNEL:
		break;
	}
	return old->off == now->off && old->map == now->map && exactly(&old->n, &now->n) && pair(p, old->id, now->id) && pair(p, old->ref, now->ref);
}

/* The number that all eight bytes are. */
static const struct reg *number_there(const struct slot *s, const struct reg *any)
{
	if (s->byte[0] == BYTE_SPILL)
		return s->reg.kind == REG_NUMBER ? &s->reg : NULL;
	for (unsigned k = 0; k < 8; k++)
		if (s->byte[k] != BYTE_MISC && s->byte[k] != BYTE_NONE)
			return NULL;
	return any;
}

static bool same_slot(struct pairs *p, const struct slot *old, const struct slot *now)
{
	const struct reg any = reg_number(number_any()), *a = number_there(old, &any), *b = now ? number_there(now, &any) : NULL;

	for (unsigned k = 0; k < 8; k++) {
		if (old->byte[k] == BYTE_NONE || old->byte[k] == BYTE_MISC )
			continue;
		if (!now)
			return false;
		if (a && b)
			return same_reg(p, a, b);
		if (old->byte[k] != now->byte[k])
			return false;
		if (k == 7 && old->byte[7] == BYTE_SPILL && !same_reg(p, &old->reg, &now->reg))
			return false;
	}
	return true;
}

static bool same_frame(struct verify *v, struct pairs *p, const struct frame *old, const struct frame *now, size_t at, uint64_t slots)
{
	unsigned live = v->live[at];

	if (old->callsite != now->callsite)
		return false;
	for (unsigned r = 0; r < 10; r++)
		if (live >> r & 1 && !same_reg(p, &old->reg[r], &now->reg[r]))
			return false;
	for (unsigned k = 0; k < old->n_slots; k++)
		if (slots >> k & 1 && !same_slot(p, &old->slot[k], k < now->n_slots ? &now->slot[k] : NULL))
			return false;
	return true;
}

bool state_same(struct verify *v, struct seen *seen, const struct state *now)
{
	const struct state *old = &seen->state;
	struct pairs p = { .made = v->ids };

	if (old->depth != now->depth || old->n_refs != now->n_refs || !old->lock != !now->lock)
		return false;
	for (unsigned k = 0; k <= old->depth; k++)
		if (old->frame[k].callsite != now->frame[k].callsite)
			return false;
	if (!seen->cleaned)
		for (unsigned k = 0; k <= old->depth; k++)
			seen->slots[k] = live_slots(v, old, old->at, k);
	seen->cleaned = true;
	for (unsigned k = 0; k < old->n_refs; k++)
		if (!pair(&p, old->ref[k], now->ref[k]))
			return false;
	if (!pair(&p, old->lock, now->lock))
		return false;
	for (unsigned k = 0; k <= old->depth; k++)
		if (!same_frame(v, &p, &old->frame[k], &now->frame[k], k == old->depth ? old->at : old->frame[k + 1].callsite, seen->slots[k]))
			return false;
	return true;
}
