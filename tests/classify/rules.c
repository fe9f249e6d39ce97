/*
 * Rules and packets for tests of classifiers: at random, and of ClassBench's files. In: a seed or a file. Out: rules, packets, and the search
 * that all engines are compared with: rule by rule, with no tables.
 */
#include "rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t random_next(struct random *r)
{
	uint64_t z = r->s += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t random_below(struct random *r, uint64_t n)
{
	return n ? random_next(r) % n : 0;
}

static struct value random_value(struct random *r, unsigned bits)
{
	struct value v = value_and((struct value){ random_next(r), random_next(r) }, value_ones(bits));

	/* few numbers, so that ranges meet and lie in each other */
	if (random_below(r, 4)) {
		unsigned keep = (unsigned)random_below(r, bits + 1);

		v = value_and(v, (struct value){ 0x8421000000000001, keep > 64 ? 0x8421100000000003 : 0x80f0 });
		v.lo |= random_below(r, 3) ? 0 : (uint64_t)1 << (bits > 63 ? 63 : bits - 1);
		v = value_and(v, value_ones(bits));
	}
	return v;
}

/* A prefix or any range. */
static struct range random_range(struct random *r, unsigned bits)
{
	struct range x = { .lo = random_value(r, bits) };

	if (random_below(r, 3)) {
		struct value low = value_ones((unsigned)random_below(r, bits + 1)), ones = value_ones(bits);

		x.lo = value_and(x.lo, (struct value){ ~low.hi & ones.hi, ~low.lo & ones.lo });
		x.hi = (struct value){ x.lo.hi | low.hi, x.lo.lo | low.lo };
	} else {
		x.hi = random_value(r, bits);
	}
	if (value_cmp(x.lo, x.hi) > 0)
		x = (struct range){ .lo = x.hi, .hi = x.lo };
	return x;
}

static int by_lo(const void *a, const void *b)
{
	return value_cmp(((const struct range *)a)->lo, ((const struct range *)b)->lo);
}

/* Up to @most ranges, disjoint and sorted. */
static size_t random_ranges(struct arena *a, struct random *r, unsigned bits, size_t most, const struct range **out)
{
	size_t n = 1 + random_below(r, most), kept = 0;
	struct range *v = arena_array(a, n, sizeof(*v));

	for (size_t i = 0; i < n; i++)
		v[i] = random_range(r, bits);
	qsort(v, n, sizeof(*v), by_lo);
	for (size_t i = 0; i < n; i++)
		if (!kept || value_cmp(v[i].lo, v[kept - 1].hi) > 0)
			v[kept++] = v[i];
	*out = v;
	return kept;
}

static const struct classify_dim kinds[] = {
	{ { { "ip4.src", 32 }, { "ip6.src", 128 } }, 2 },
	{ { { "ip4.dst", 32 }, { "ip6.dst", 128 } }, 2 },
	{ { { "tcp.sport", 16 }, { "udp.sport", 16 } }, 2 },
	{ { { "tcp.dport", 16 }, { "udp.dport", 16 }, { "sctp.dport", 16 } }, 3 },
	{ { { "ip.protocol", 8 } }, 1 },
	{ { { "vlan.id", 12 } }, 1 },
	{ { { "tcp.flags", 8 }, { "icmp.type", 8 } }, 2 },
	{ { { "ip6.flow_label", 20 } }, 1 },
	{ { { "eth.src", 48 } }, 1 },
	{ { { "headers", 3 } }, 1 },
	{ { { "one", 1 }, { "nine", 9 }, { "more", 33 }, { "most", 65 }, { "wide", 127 } }, 5 },
};

enum { N_KINDS = sizeof(kinds) / sizeof(*kinds), N_FIVE = 5 };

static void random_part(struct arena *a, struct random *r, const struct classify_dim *d, unsigned dim, bool five, struct classify_part *p)
{
	unsigned only = (unsigned)random_below(r, d->n);

	p->dim = dim;
	p->absent = !five && !random_below(r, 8);
	for (unsigned f = 0; f < d->n; f++) {
		if (f != only && (five || random_below(r, 3)))
			continue;
		p->in[f].any = !random_below(r, 6);
		if (!p->in[f].any)
			p->in[f].n = random_ranges(a, r, d->field[f].bits, five ? 1 + !random_below(r, 10) : 4, &p->in[f].r);
	}
}

static void random_term(struct arena *a, struct random *r, const struct random_options *o, uint32_t entry, struct classify_rules *out)
{
	struct classify_term *t = vec_add(a, &out->term);

	t->entry = entry;
	t->part = arena_array(a, out->n_dims, sizeof(*t->part));
	for (unsigned d = 0; d < out->n_dims; d++)
		if (random_below(r, 5) > 1)
			random_part(a, r, &out->dim[d], d, o->five, &t->part[t->n++]);
}

void rules_random(struct arena *a, struct random *r, const struct random_options *o, struct classify_rules *out)
{
	*out = (struct classify_rules){ .n_dims = o->dims };
	for (unsigned d = 0; d < o->dims; d++)
		out->dim[d] = o->five ? kinds[d % N_FIVE] : kinds[random_below(r, N_KINDS)];
	for (unsigned e = 0; e < o->entries; e++) {
		bool stops = !o->go_on || random_below(r, o->go_on);

		/* odd where it stops: found_words() knows it by that */
		*vec_add(a, &out->entry) = (struct classify_entry){ 4 * e + 2 * (uint32_t)random_below(r, 2) + stops, stops };
		for (uint64_t n = 1 + (random_below(r, 4) ? 0 : random_below(r, 4)); n--;)
			random_term(a, r, o, e, out);
	}
}

static struct value beside(struct random *r, struct value v, unsigned bits)
{
	switch (random_below(r, 4)) {
	case 0:
		v = (struct value){ v.hi + (v.lo == UINT64_MAX), v.lo + 1 };
		break;
	case 1:
		v = (struct value){ v.hi - !v.lo, v.lo - 1 };
		break;
	}
	return value_and(v, value_ones(bits));
}

/* As some part of a rule wants it, or near that. */
static bool asked_for(struct random *r, const struct classify_part *part, const struct classify_dim *d, unsigned *which, struct value *v)
{
	unsigned f = (unsigned)random_below(r, d->n);
	const struct range *x;

	if (!part->in[f].n || part->in[f].any)
		return false;
	x = &part->in[f].r[random_below(r, part->in[f].n)];
	*which = f + 1;
	*v = beside(r, random_below(r, 2) ? x->lo : x->hi, d->field[f].bits);
	return true;
}

void packet_random(struct random *r, const struct classify_rules *rules, struct packet *p)
{
	const struct classify_term *t = &rules->term.v[random_below(r, rules->term.n)];

	for (unsigned d = 0; d < rules->n_dims; d++) {
		const struct classify_dim *dim = &rules->dim[d];
		size_t i = 0;

		if (!random_below(r, 3))
			t = &rules->term.v[random_below(r, rules->term.n)];
		while (i < t->n && t->part[i].dim != d)
			i++;
		if (i < t->n && random_below(r, 8) && asked_for(r, &t->part[i], dim, &p->which[d], &p->v[d]))
			continue;
		p->which[d] = (unsigned)random_below(r, dim->n + 1);
		p->v[d] = (struct value){ 0, 0 };
		if (p->which[d]) {
			unsigned bits = dim->field[p->which[d] - 1].bits;

			p->v[d] = random_below(r, 3) ? random_value(r, bits) : random_below(r, 2) ? value_ones(bits) : p->v[d];
		}
	}
}

static bool part_holds(const struct classify_part *p, unsigned which, struct value v)
{
	if (!which)
		return p->absent;
	if (p->in[which - 1].any)
		return true;
	for (size_t i = 0; i < p->in[which - 1].n; i++)
		if (value_cmp(p->in[which - 1].r[i].lo, v) <= 0 && value_cmp(v, p->in[which - 1].r[i].hi) <= 0)
			return true;
	return false;
}

static bool term_holds(const struct classify_term *t, const struct packet *p)
{
	for (size_t i = 0; i < t->n; i++)
		if (!part_holds(&t->part[i], p->which[t->part[i].dim], p->v[t->part[i].dim]))
			return false;
	return true;
}

size_t rules_linear(const struct classify_rules *rules, const struct packet *p, uint32_t *word, size_t most)
{
	size_t n = 0;
	uint32_t before = UINT32_MAX;

	for (size_t i = 0; i < rules->term.n && n < most; i++) {
		const struct classify_entry *e = &rules->entry.v[rules->term.v[i].entry];

		if (rules->term.v[i].entry == before || !term_holds(&rules->term.v[i], p))
			continue;
		before = rules->term.v[i].entry;
		word[n++] = e->word;
		if (e->stops)
			return n;
	}
	if (n < most)
		word[n++] = CLASSIFY_WORD_END;
	return n;
}

size_t found_words(const struct image *im, uint32_t list, uint32_t best, uint32_t *word, size_t most)
{
	size_t n = 0;

	/* see cg_entry() */
	if (!list) {
		word[0] = best;
		return 1;
	}
	for (const uint32_t *w = image_at(im, list); n < most; w++) {
		bool stop = best <= *w;

		word[n++] = stop ? best : *w;
		if (stop || *w & 1)
			break;
	}
	return n;
}
