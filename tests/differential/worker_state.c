/*
 * What a run has left in sets that live and in the buckets of limits. In: the evaluator and the program in the kernel, after the same packets. Out:
 * the first difference. What has expired, and buckets that are full again, are nothing: either side may have forgotten them.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "worker.h"

enum { MOST = 1 << 20 };

static char *say(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	return text;
}

/* ---- limits ---- */

struct states {
	uint64_t *v;
	size_t n, cap;
};

static void add_state(void *arg, uint64_t state)
{
	struct states *s = arg;

	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->v = realloc(s->v, s->cap * sizeof(*s->v));
		if (!s->v)
			abort();
	}
	s->v[s->n++] = state;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t word(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The buckets of a limit in the kernel, of which a packet could see that they are not full. */
static bool buckets(const struct ast_limit *l, int fd, uint64_t now, struct states *out)
{
	struct xdpf_limit_layout layout = xdpf_limit_layout(l->kind);
	unsigned bytes = xdpf_limit_bytes(l->kind);
	unsigned char *sets = malloc(l->sets * (size_t)bytes + 1);
	uint32_t *keys = malloc(l->sets * sizeof(*keys) + 1), place = (uint32_t)l->base - 1, n;
	bool ok = sets && keys;

	for (size_t done = 0; ok && done < l->sets; done += n) {
		n = (uint32_t)(l->sets - done);
		ok = (!bpf_map_lookup_batch(fd, l->base + done ? &place : NULL, &place, keys, sets + done * bytes, &n, NULL) || errno == ENOENT) && n;
	}
	for (size_t i = 0; ok && i < l->sets; i++) {
		const unsigned char *set = sets + i * bytes;

		if (!l->kind && xdpf_limit_live(&l->fixed, word(set), now))
			add_state(out, word(set));
		for (unsigned w = 0; l->kind && w < layout.ways; w++) {
			uint64_t state = word(set + layout.first + (size_t)w * layout.slot);

			if (xdpf_limit_live(&l->fixed, state, now))
				add_state(out, state);
		}
	}
	free(sets);
	free(keys);
	return ok;
}

static char *limit_differs(struct eval *e, const struct ast_limit *l, const struct xdpf_program *prog, uint64_t now)
{
	struct states theirs = { 0 }, ours = { 0 };
	char *why = NULL;

	now = xdpf_limit_time(&l->fixed, now);
	eval_limit_each(e, l, now, add_state, &theirs);
	if (!buckets(l, prog->limit_fd[l->kind], now, &ours)) {
		why = say("limit %s: its buckets cannot be read: %s", l->shown, strerror(errno));
	} else {
		if (theirs.n)
			qsort(theirs.v, theirs.n, sizeof(*theirs.v), by_value);
		if (ours.n)
			qsort(ours.v, ours.n, sizeof(*ours.v), by_value);
		for (size_t i = 0; i < theirs.n && i < ours.n && !why; i++)
			if (theirs.v[i] != ours.v[i])
				why = say("limit %s: a bucket is full at %llu by the evaluator, at %llu by the kernel", l->shown,
					  (unsigned long long)theirs.v[i], (unsigned long long)ours.v[i]);
		if (!why && theirs.n != ours.n)
			why = say("limit %s: %zu buckets are not full by the evaluator, %zu by the kernel", l->shown, theirs.n, ours.n);
	}
	free(theirs.v);
	free(ours.v);
	return why;
}

/* ---- sets ---- */

struct elements {
	const struct xdpf_set *set;
	unsigned char *v;		/* a key, and until when: .size bytes of each */
	size_t n, cap, size;
	uint64_t now, monotonic;
};

static void put_number(unsigned char *to, uint64_t v, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		to[i] = (unsigned char)(v >> 8 * i);
}

static void put_bytes(unsigned char *to, struct value v, unsigned size)
{
	for (unsigned i = 0; i < size; i++) {
		unsigned shift = 8 * (size - 1 - i);

		to[i] = (unsigned char)(shift >= 64 ? v.hi >> (shift - 64) : v.lo >> shift);
	}
}

/* One component, laid out as enum xdpf_key_kind says. */
static void put_component(unsigned char *key, const struct xdpf_key_field *f, struct value v, enum family family, unsigned prefix)
{
	unsigned char *to = key + f->offset;

	switch (f->kind) {
	case XDPF_KEY_NUM:
	case XDPF_KEY_FLAG:
	case XDPF_KEY_IFACE:
		put_number(to, v.lo, f->size);
		return;
	case XDPF_KEY_IP4:
	case XDPF_KEY_IP6:
	case XDPF_KEY_MAC:
	case XDPF_KEY_BYTES:
		put_bytes(to, v, f->size);
		return;
	case XDPF_KEY_IP:
		put_bytes(to, v, family == FAMILY_IP4 ? 4 : 16);
		to[16] = family == FAMILY_IP4 ? 4 : 6;
		return;
	case XDPF_KEY_NET:
		put_number(key, 8 * (f->offset + 1 - sizeof(uint32_t)) + prefix, sizeof(uint32_t));
		to[0] = family == FAMILY_IP4 ? 4 : 6;
		put_bytes(to + 1, v, family == FAMILY_IP4 ? 4 : 16);
		return;
	}
}

static unsigned char *new_element(struct elements *e)
{
	if (e->n == e->cap) {
		e->cap = e->cap ? 2 * e->cap : 64;
		e->v = realloc(e->v, e->cap * e->size);
		if (!e->v)
			abort();
	}
	memset(e->v + e->n * e->size, 0, e->size);
	return e->v + e->n++ * e->size;
}

static void add_theirs(void *arg, const struct value *v, const enum family *family, unsigned prefix, uint64_t until)
{
	struct elements *e = arg;
	unsigned char *to = new_element(e);

	/* all bits of a key count that is no prefix */
	if (e->set->prefix)
		put_number(to, 8 * (e->set->key_size - sizeof(uint32_t)), sizeof(uint32_t));
	for (size_t i = 0; i < e->set->n_key; i++)
		put_component(to, &e->set->key[i], v[i], family[i], prefix);
	memcpy(to + e->set->key_size, &until, sizeof(until));
}

static void add_ours(void *arg, const void *key, uint64_t left)
{
	struct elements *e = arg;
	uint64_t until = left ? left + e->monotonic : 0;
	unsigned char *to;

	if (until && until <= e->now)
		return;
	to = new_element(e);
	memcpy(to, key, e->set->key_size);
	memcpy(to + e->set->key_size, &until, sizeof(until));
}

static int by_key(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(const size_t *)size);
}

static char *element_differs(const struct elements *theirs, const struct elements *ours, size_t i, uint64_t late)
{
	const struct xdpf_set *set = theirs->set;
	const unsigned char *a = i < theirs->n ? theirs->v + i * theirs->size : NULL, *b = i < ours->n ? ours->v + i * ours->size : NULL;
	char x[512] = "nothing", y[512] = "nothing";
	uint64_t until = a ? word(a + set->key_size) : 0, have = b ? word(b + set->key_size) : 0;

	/* The kernel's list says how long it is still there by a clock that has gone on meanwhile. */
	if (a && b && !memcmp(a, b, set->key_size) && !until == !have && until - have <= late)
		return NULL;
	return say("set %s: %zu elements by the evaluator, %zu by the kernel; there %s until %llu, here %s until %llu", set->name, theirs->n, ours->n,
		   a ? xdpf_set_format(set, a, x, sizeof(x)) : x, (unsigned long long)until, b ? xdpf_set_format(set, b, y, sizeof(y)) : y,
		   (unsigned long long)have);
}

static char *set_differs(struct eval *e, const struct ast_set *set, const struct xdpf_program *prog, size_t at, uint64_t now)
{
	struct elements theirs = { .set = &xdpf_program_meta(prog)->sets[at], .now = now }, ours = theirs;
	size_t key_size = theirs.set->key_size;
	uint64_t late;
	char *why = NULL;
	int err;

	theirs.size = ours.size = (key_size + 7) / 8 * 8 + sizeof(uint64_t);
	eval_set_each(e, set, now, add_theirs, &theirs);
	ours.monotonic = rt_set_now();
	err = xdpf_set_each(prog, at, add_ours, &ours, NULL);
	late = rt_set_now() - ours.monotonic;
	/* no rule asks it */
	if (err && err != -ENOENT)
		why = say("set %s: its elements cannot be read: %s", theirs.set->name, strerror(-err));
	if (!err) {
		if (theirs.n)
			qsort_r(theirs.v, theirs.n, theirs.size, by_key, &key_size);
		if (ours.n)
			qsort_r(ours.v, ours.n, ours.size, by_key, &key_size);
		for (size_t i = 0; (i < theirs.n || i < ours.n) && !why; i++)
			why = element_differs(&theirs, &ours, i, late);
	}
	free(theirs.v);
	free(ours.v);
	return why;
}

char *state_differs(const struct ast_program *p, struct eval *e, const struct xdpf_program *prog, uint64_t now)
{
	char *why = NULL;

	for (size_t i = 0; i < p->limit.n && !why; i++)
		if (p->limit.v[i]->sets * xdpf_limit_bytes(p->limit.v[i]->kind) <= (uint64_t)MOST * 64)
			why = limit_differs(e, p->limit.v[i], prog, now);
	for (size_t i = 0; i < p->live.n && !why; i++)
		why = set_differs(e, p->live.v[i], prog, i, now);
	return why;
}
