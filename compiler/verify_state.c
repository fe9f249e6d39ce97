/*
 * States of a walk: made, copied, given back.
 */
#include "verify_priv.h"

#include <stdlib.h>
#include <string.h>

bool verify_failed(struct verify *v, const char *err)
{
	v->err = err;
	return false;
}

struct reg reg_number(struct number n)
{
	return (struct reg){ .kind = REG_NUMBER, .n = n };
}

struct reg reg_pointer(enum reg_kind kind)
{
	return (struct reg){ .kind = (uint8_t)kind, .n = number_is(0) };
}

struct slot *state_slot(struct frame *f, unsigned slot)
{
	if (slot >= f->n_slots) {
		f->slot = arena_realloc(f->slot, (slot + 1) * sizeof(*f->slot));
		memset(f->slot + f->n_slots, 0, (slot + 1 - f->n_slots) * sizeof(*f->slot));
		f->n_slots = slot + 1;
	}
	return &f->slot[slot];
}

struct frame *state_enter(struct state *s)
{
	s->frame = arena_realloc(s->frame, (++s->depth + 1) * sizeof(*s->frame));
	memset(&s->frame[s->depth], 0, sizeof(*s->frame));
	return &s->frame[s->depth];
}

/* NULL of nothing. */
static void *copied(const void *p, size_t n, size_t size)
{
	void *to = n ? arena_malloc(n * size) : NULL;

	if (n)
		memcpy(to, p, n * size);
	return to;
}

struct state *state_copy(const struct state *s)
{
	struct state *to = arena_malloc(sizeof(*to));

	*to = *s;
	to->frame = arena_malloc((s->depth + 1) * sizeof(*s->frame));
	memcpy(to->frame, s->frame, (s->depth + 1) * sizeof(*s->frame));
	for (unsigned k = 0; k <= s->depth; k++)
		to->frame[k].slot = copied(s->frame[k].slot, s->frame[k].n_slots, sizeof(struct slot));
	to->trace.v = copied(s->trace.v, s->trace.n, sizeof(*s->trace.v));
	to->trace.cap = s->trace.n;
	return to;
}

void state_clear(struct state *s)
{
	for (unsigned k = 0; k <= s->depth; k++)
		free(s->frame[k].slot);
	free(s->frame);
	free(s->trace.v);
}

void state_free(struct state *s)
{
	if (s)
		state_clear(s);
	free(s);
}

struct trace *state_note(struct verify *v, struct state *s)
{
	if (!v->traced)
		s->jumps++;
	v->traced = true;
	return &s->trace.v[s->trace.n - 1];
}

void reg_give_id(struct verify *v, struct reg *r)
{
	if (r->kind != REG_NUMBER || number_known(&r->n))
		return;
	if (r->id & VERIFY_SUM)
		reg_lose_id(r);
	if (!r->id)
		r->id = ++v->ids;
}

void state_each(struct verify *v, struct state *s, each_reg *f, const struct reg *with)
{
	for (unsigned k = 0; k <= s->depth; k++) {
		for (unsigned r = 0; r < 10; r++)
			f(v, &s->frame[k].reg[r], with);
		for (unsigned i = 0; i < s->frame[k].n_slots; i++)
			if (slot_spilled(&s->frame[k].slot[i]))
				f(v, &s->frame[k].slot[i].reg, with);
	}
}
