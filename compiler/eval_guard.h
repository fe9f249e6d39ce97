/*
 * Long lists of rules: what a packet must have for a rule's condition to hold, side by side. A rule whose guard says no is one whose
 * condition is false; what a guard does not say, the condition does.
 */
#ifndef XDPF_EVAL_GUARD_H
#define XDPF_EVAL_GUARD_H

#include "eval_cond.h"

enum { GUARD_PARTS = 2, GUARD_FIELDS = 16 };

/* A field is present, of a family, and its number (of IPv6 addresses the upper half) is from .lo to .hi. */
struct guard_part {
	uint64_t lo, hi;
	uint8_t place;			/* in what was seen */
	uint8_t family;
};

struct eval_guard {
	struct guard_part part[GUARD_PARTS];
	unsigned n;			/* 0: nothing is known */
};

/* A packet's fields that guards ask for, by place. */
struct eval_seen {
	struct guard_seen {
		bool present;
		uint8_t family;
		uint64_t key;
	} field[GUARD_FIELDS];
};

struct eval_guards;

/* NULL: there is no long list, or packets change on their way. */
struct eval_guards *eval_guards_new(const struct ast_program *p);
void eval_guards_free(struct eval_guards *g);
void eval_guards_see(const struct eval_guards *g, const struct eval_view *w, struct eval_seen *seen);
/* A guard for each of the rules, or NULL. */
const struct eval_guard *eval_guards_of(const struct eval_guards *g, const struct ast_rules *rules);

static inline bool eval_guard_excludes(const struct eval_guard *g, const struct eval_seen *seen)
{
	for (unsigned i = 0; i < g->n; i++) {
		const struct guard_part *p = &g->part[i];
		const struct guard_seen *s = &seen->field[p->place];

		if (!s->present || s->family != p->family || s->key < p->lo || s->key > p->hi)
			return true;
	}
	return false;
}

#endif
