/*
 * A question to the solver. In: formulas that are to hold together. Out: that they cannot, that they can and how, or that it took more than the
 * effort that was given. A formula becomes a variable of the solver where it is first needed, so a question costs what it is about and no
 * more. The laws are part of every question.
 */
#include "analyse_priv.h"

#include <picosat/picosat.h>
#include <string.h>

/* ---- variables ---- */

int question_var(struct question *q)
{
	return ++q->vars;
}

void question_clause(struct question *q, const int *lit, size_t n)
{
	for (size_t i = 0; i < n; i++)
		picosat_add(q->sat, lit[i]);
	picosat_add(q->sat, 0);
}

#define CLAUSE(q, ...) question_clause((q), (const int[]){ __VA_ARGS__ }, sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))

static int true_lit(struct question *q)
{
	return question_lit(q, ALWAYS);
}

static int slot_lit(struct question *q, struct slot *slot)
{
	if (slot->stamp != q->s->stamp) {
		slot->stamp = q->s->stamp;
		slot->lit = question_var(q);
	}
	return slot->lit;
}

static void make_room(struct space *s);

int question_place(struct question *q, uint32_t place)
{
	if (place >= q->s->slots[2])
		make_room(q->s);
	return slot_lit(q, &q->s->place_slot[place]);
}

int question_and(struct question *q, const int *lit, size_t n)
{
	int v, yes = true_lit(q), last = yes;
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (lit[i] == -yes)
			return -yes;
		if (lit[i] != yes) {
			last = lit[i];
			k++;
		}
	}
	if (k < 2)
		return last;
	v = question_var(q);
	for (size_t i = 0; i < n; i++)
		CLAUSE(q, -v, lit[i]);
	picosat_add(q->sat, v);
	for (size_t i = 0; i < n; i++)
		picosat_add(q->sat, -lit[i]);
	picosat_add(q->sat, 0);
	return v;
}

/* @c ? @a : @b */
static int choose(struct question *q, int c, int a, int b)
{
	int yes = true_lit(q), v;

	if (a == b)
		return a;
	if (b == -yes)
		return question_and(q, (const int[]){ c, a }, 2);
	if (a == -yes)
		return question_and(q, (const int[]){ -c, b }, 2);
	if (a == yes)
		return -question_and(q, (const int[]){ -c, -b }, 2);
	if (b == yes)
		return -question_and(q, (const int[]){ c, -a }, 2);
	v = question_var(q);
	CLAUSE(q, -v, -c, a);
	CLAUSE(q, -v, c, b);
	CLAUSE(q, v, -c, -a);
	CLAUSE(q, v, c, -b);
	CLAUSE(q, v, -a, -b);
	return v;
}

/* ---- numbers in ranges ---- */

struct in {
	struct question *q;
	const struct number *of;
	const struct node *x;
};

static struct value bit_of(unsigned i)
{
	return i >= 64 ? (struct value){ (uint64_t)1 << (i - 64), 0 } : (struct value){ 0, (uint64_t)1 << i };
}

static struct value either(struct value a, struct value b)
{
	return (struct value){ a.hi | b.hi, a.lo | b.lo };
}

/* Whether a number whose bits above the lowest @left are @base is in one of the @n ranges @r. Bits that are as they must be are gathered, so that
 * a prefix is one conjunction. */
static int in_lit(struct in *in, struct value base, unsigned left, const struct range *r, size_t n)
{
	int yes = true_lit(in->q), same[130], lit;
	unsigned k = 0;

	for (;;) {
		struct value top = either(base, value_ones(left)), bit, half;
		size_t mid;
		int b;

		while (n && value_cmp(r->hi, base) < 0) {
			r++;
			n--;
		}
		while (n && value_cmp(r[n - 1].lo, top) > 0)
			n--;
		if (!n)
			return -yes;
		if (value_cmp(r->lo, base) <= 0 && value_cmp(top, r->hi) <= 0)
			break;
		left--;
		bit = bit_of(left);
		/* what the mask leaves out is zero */
		if (in->x->has_mask && !(in->x->mask.hi & bit.hi) && !(in->x->mask.lo & bit.lo))
			continue;
		b = question_place(in->q, in->of->place[in->of->bits - 1 - left]);
		half = either(base, bit);
		for (mid = 0; mid < n && value_cmp(r[mid].lo, half) < 0; mid++)
			if (n > 64) {		/* long lists are cut in halves */
				size_t lo = 0, hi = n;

				while (lo < hi) {
					size_t m = lo + (hi - lo) / 2;

					if (value_cmp(r[m].lo, half) < 0)
						lo = m + 1;
					else
						hi = m;
				}
				mid = lo;
				break;
			}
		if (!mid) {		/* all of them are above */
			same[k++] = b;
			base = half;
			continue;
		}
		if (value_cmp(r[n - 1].hi, half) < 0) {
			same[k++] = -b;
			continue;
		}
		{
			size_t from = mid && value_cmp(r[mid - 1].hi, half) >= 0 ? mid - 1 : mid;
			int hi = in_lit(in, half, left, r + from, n - from), lo = in_lit(in, base, left, r, mid);

			lit = choose(in->q, b, hi, lo);
		}
		same[k++] = lit;
		return question_and(in->q, same, k);
	}
	return question_and(in->q, same, k);
}

/* ---- formulas ---- */

static int and_lit(struct question *q, const struct node *x)
{
	int few[32], *lit = x->n <= 32 ? few : arena_array(q->s->scratch, x->n, sizeof(*lit));

	for (size_t i = 0; i < x->n; i++)
		lit[i] = question_lit(q, x->sub[i]);
	return question_and(q, lit, x->n);
}

int question_lit(struct question *q, uint32_t f)
{
	const struct node *x = &q->s->node.v[f / 2];
	struct in in = { q, NULL, x };
	struct slot *slot;
	int lit = 0;

	if (f / 2 >= q->s->slots[0])
		make_room(q->s);
	slot = &q->s->node_slot[f / 2];
	if (slot->stamp != q->s->stamp) {
		switch (x->kind) {
		case NODE_TRUE:
			lit = question_var(q);
			CLAUSE(q, lit);
			break;
		case NODE_BIT:
			if (x->of >= q->s->slots[1])
				make_room(q->s);
			lit = slot_lit(q, &q->s->bit_slot[x->of]);
			break;
		case NODE_IN:
			in.of = &q->s->number.v[x->of];
			lit = in_lit(&in, value_of(0), in.of->bits, x->range, x->n);
			break;
		case NODE_AND:
			lit = and_lit(q, x);
			break;
		}
		slot = &q->s->node_slot[f / 2];
		slot->stamp = q->s->stamp;
		slot->lit = lit;
	}
	return f & 1 ? -slot->lit : slot->lit;
}

void question_add(struct question *q, uint32_t f)
{
	const struct node *x = &q->s->node.v[f / 2];

	if (x->kind == NODE_AND && !(f & 1)) {
		for (size_t i = 0; i < x->n; i++)
			question_add(q, x->sub[i]);
		return;
	}
	if (x->kind == NODE_AND && x->n <= 32) {
		int lit[32];

		for (size_t i = 0; i < x->n; i++)
			lit[i] = -question_lit(q, x->sub[i]);
		question_clause(q, lit, x->n);
		return;
	}
	CLAUSE(q, question_lit(q, f));
}

void question_suppose(struct question *q, uint32_t f)
{
	*vec_add(q->s->scratch, &q->given) = (struct given){ f, question_lit(q, f) };
}

/* ---- asking ---- */

static void *grown(struct space *s, const void *old, size_t had, size_t n, size_t size)
{
	void *v = arena_array(s->a, n, size);

	if (had)
		memcpy(v, old, had * size);
	return v;
}

/* Room for what there is of the space. */
static void make_room(struct space *s)
{
	const size_t want[3] = { s->node.n, BITS_FREE + s->free.n, s->n_places };
	struct slot **slot[3] = { &s->node_slot, &s->bit_slot, &s->place_slot };

	for (int i = 0; i < 3; i++)
		if (want[i] > s->slots[i]) {
			*slot[i] = grown(s, *slot[i], s->slots[i], 2 * want[i], sizeof(**slot));
			s->slots[i] = 2 * want[i];
		}
}

/* Without these it would abort. */
static void *solver_new(void *state, size_t size)
{
	(void)state;
	return arena_malloc(size);
}

static void *solver_resize(void *state, void *p, size_t old, size_t size)
{
	(void)state;
	(void)old;
	return arena_realloc(p, size);
}

static void solver_delete(void *state, void *p, size_t size)
{
	(void)state;
	(void)size;
	free(p);
}

void question_open(struct question *q, struct space *s)
{
	if (!s->laid)
		laws_read(s);
	make_room(s);
	*q = (struct question){ .s = s, .sat = picosat_minit(NULL, solver_new, solver_resize, solver_delete) };
	/* what is not asked for is zero, until that does not do */
	picosat_set_global_default_phase(q->sat, 0);
	s->stamp++;
	q->plain = question_var(q);
	for (size_t i = 0; i < s->law.n; i++)
		question_add(q, s->law.v[i]);
	for (size_t i = 0; i < s->plain.n; i++)
		CLAUSE(q, -q->plain, question_lit(q, s->plain.v[i]));
	if (s->lengths)
		lengths_add(q);
}

void question_close(struct question *q)
{
	q->s->spent += picosat_propagations(q->sat);
	picosat_reset(q->sat);
}

bool space_spent(const struct space *s)
{
	return s->spent >= s->options->all;
}

enum answer question_solve(struct question *q, bool plain)
{
	const struct analyse_options *o = q->s->options;
	uint64_t taken = q->s->spent + picosat_propagations(q->sat), left = o->all > taken ? o->all - taken : 0;
	int r;

	if (!left)
		return ANSWER_OPEN;

	/* Where the first answers did not do, it is chance that finds what nobody thought of. */
	if (q->tries++ == 1)
		picosat_set_global_default_phase(q->sat, 3);
	if (q->tries > 1) {
		picosat_reset_phases(q->sat);
		picosat_set_seed(q->sat, q->tries);
	}
	picosat_set_propagation_limit(q->sat, left < o->effort ? left : o->effort);
	if (plain)
		picosat_assume(q->sat, q->plain);
	for (size_t i = 0; i < q->given.n; i++)
		picosat_assume(q->sat, q->given.v[i].lit);
	r = picosat_sat(q->sat, -1);
	return r == PICOSAT_SATISFIABLE ? ANSWER_YES : r == PICOSAT_UNSATISFIABLE ? ANSWER_NO : ANSWER_OPEN;
}

bool question_needed(const struct question *q, size_t given)
{
	return picosat_failed_assumption(q->sat, q->given.v[given].lit);
}

/* ---- the answer ---- */

static bool slot_value(const struct question *q, const struct slot *slot, bool *out)
{
	if (slot->stamp != q->s->stamp)
		return false;
	*out = picosat_deref(q->sat, slot->lit) > 0;
	return true;
}

bool question_bit(const struct question *q, uint32_t bit, bool *out)
{
	return bit < q->s->slots[1] && slot_value(q, &q->s->bit_slot[bit], out);
}

bool question_number(const struct question *q, uint32_t number, struct value *out)
{
	const struct number *n = &q->s->number.v[number];
	bool any = false;

	*out = value_of(0);
	for (unsigned i = 0; i < n->bits; i++) {
		bool one = false;

		any |= n->place[i] < q->s->slots[2] && slot_value(q, &q->s->place_slot[n->place[i]], &one);
		*out = (struct value){ out->hi << 1 | out->lo >> 63, out->lo << 1 | one };
	}
	return any;
}
