/*
 * What the reference evaluator says of a packet. In: a packet, a program of one file. Out: who decides about it. Nothing is told of a packet that was
 * not run here. What is not in the packet is made so: sets get elements, buckets are emptied by the same packet, dice are thrown until they
 * fall as they must.
 */
#include "analyse_priv.h"

#include <stdlib.h>
#include <string.h>

#include "abi.h"

enum { MOST_THROWS = 1 << 17, MOST_REPEATS = 200000 };

/* ---- what must be so ---- */

static bool known(const struct witness *w, size_t i, enum free_kind kind, const struct space *s)
{
	return i < w->n_free && w->known[i] && s->free.v[i].kind == kind;
}

/* A random number and a seed with which all dice fall as they must. */
static bool throw_dice(struct space *s, int side, struct witness *w, struct seen *seen)
{
	for (uint64_t k = 0; k < MOST_THROWS; k++) {
		bool right = true;

		seen->pkt.random = eval_packet_random(XDPF_TEST_SEED, k + 1);
		seen->pkt.seed = k;
		for (size_t i = 0; i < w->n_free && right; i++)
			if (known(w, i, FREE_RANDOM, s) && s->free.v[i].expr[side])
				right = eval_cond(&seen->view, s->free.v[i].expr[side]) == w->free[i] ||
					(s->free.v[i].expr[side]->name.s && !dissect_has(&seen->view.d, HDR_IP));
		if (right) {
			w->thrown |= k != 0;
			return true;
		}
	}
	return false;
}

/* What is to be in a set is put there. */
static bool fill_sets(struct space *s, int side, const struct witness *w, struct seen *seen, struct eval *e)
{
	for (size_t i = 0; i < w->n_free; i++) {
		const struct ast_expr *x = s->free.v[i].expr[side];
		struct range element[8];

		if (!known(w, i, FREE_LIVE, s) || !w->free[i] || !x)
			continue;
		for (size_t k = 0; k < x->operand.n && k < 8; k++) {
			struct eval_value v;

			if (!eval_operand(&seen->view, x->operand.v[k], &v))
				return false;
			element[k] = (struct range){ v.family, v.v, v.v };
		}
		if (!eval_set_add(e, x->match.set, element, 0, w->now))
			return false;
	}
	return true;
}

/* How often the packet must come until the buckets that are to be empty are, in either file: both see the same packets. */
static uint64_t repeats(const struct space *s, const struct witness *w)
{
	uint64_t n = 1;

	for (size_t i = 0; i < w->n_free; i++)
		if (known(w, i, FREE_LIMIT, s) && !w->free[i]) {
			const struct ast_expr *e = s->free.v[i].expr[0] ? s->free.v[i].expr[0] : s->free.v[i].expr[1];
			const struct ast_limit *l = e->limit;
			uint64_t tokens = l->bytes ? l->burst_tokens / (w->len ? w->len : 1) : l->burst_tokens;

			if (tokens + 1 > n)
				n = tokens + 1;
		}
	return n;
}

/* How often the limits of @out were asked since it was @before. */
static void count_limits(const struct eval *e, struct check *out, const uint64_t before[2])
{
	for (int i = 0; i < 2; i++)
		if (out->limit[i]) {
			struct eval_limit_count n = eval_limit_counted(e, out->limit[i]);

			out->asked[i] = n.admitted + n.denied - before[i];
		}
}

/* An evaluator in its first state. One that keeps nothing but counters is in it always. */
static struct eval *fresh(struct list *l)
{
	bool keeps = l->p->n_limits || l->p->live.n || l->p->logs.n || l->p->cookies;

	if (keeps || !l->eval) {
		eval_free(l->eval);
		l->eval = eval_new(l->p);
	}
	return l->eval;
}

bool check_run(struct space *s, struct list *l, struct witness *w, struct check *out)
{
	struct eval *e = fresh(l);
	uint64_t times = repeats(s, w);
	uint8_t *data = arena_malloc(w->len + 1);
	uint64_t before[2] = { 0, 0 };
	struct seen seen;
	bool ok = false;

	seen_look(&seen, s, w);
	if (times <= MOST_REPEATS && throw_dice(s, l->side, w, &seen) && fill_sets(s, l->side, w, &seen, e)) {
		for (uint64_t i = 0; i < times; i++) {
			struct eval_packet pkt = seen.pkt;
			const uint64_t none[2] = { 0, 0 };

			count_limits(e, out, none);
			memcpy(before, out->asked, sizeof(before));
			memcpy(data, w->data, w->len);
			pkt.data = data;
			out->came = eval_run(e, &pkt);
		}
		count_limits(e, out, before);
		ok = true;
	}
	w->repeat = times;
	free(data);
	return ok;
}

/* ---- shorter ---- */

static bool still(struct space *s, struct witness *w, bool (*holds)(void *arg, struct witness *w), void *arg)
{
	struct witness try = *w;

	return packet_frame(s, &try) && holds(arg, &try);
}

/* What is neither in the packet nor in the file is as it is by itself, where that does as well: buckets are full, sets are empty. */
static void shorten_rest(struct space *s, struct witness *w, bool (*holds)(void *arg, struct witness *w), void *arg)
{
	bool *on = arena_copy(s->a, w->free, w->n_free + 1), *known = arena_copy(s->a, w->known, w->n_free + 1);

	w->free = on;
	w->known = known;
	for (size_t i = 0; i < w->n_free; i++) {
		bool was = on[i], plain = s->free.v[i].kind == FREE_LIMIT;

		if (!known[i])
			continue;
		on[i] = plain;
		known[i] = s->free.v[i].kind == FREE_RANDOM;
		if (still(s, w, holds, arg))
			continue;
		on[i] = was;
		known[i] = true;
	}
}

void check_shorten(struct space *s, struct witness *w, bool (*holds)(void *arg, struct witness *w), void *arg)
{
	struct arena_mark mark = arena_mark(s->scratch);

	for (size_t i = w->field.n; i-- > 0;) {
		struct witness_field f = w->field.v[i];

		memmove(&w->field.v[i], &w->field.v[i + 1], (w->field.n - i - 1) * sizeof(f));
		w->field.n--;
		if (still(s, w, holds, arg))
			continue;
		memmove(&w->field.v[i + 1], &w->field.v[i], (w->field.n - i) * sizeof(f));
		w->field.v[i] = f;
		w->field.n++;
	}
	for (size_t i = w->header.n; i-- > 0;) {
		struct witness_header h = w->header.v[i];

		memmove(&w->header.v[i], &w->header.v[i + 1], (w->header.n - i - 1) * sizeof(h));
		w->header.n--;
		if (still(s, w, holds, arg))
			continue;
		memmove(&w->header.v[i + 1], &w->header.v[i], (w->header.n - i) * sizeof(h));
		w->header.v[i] = h;
		w->header.n++;
	}
	shorten_rest(s, w, holds, arg);
	packet_frame(s, w);
	if (w->data)
		w->data = arena_copy(s->a, w->data, w->len);
	arena_release(s->scratch, mark);
}
