/*
 * Value maps of more than 32 bits where 32 are enough: all boundaries have the same bits above those, and none below. So have the addresses of
 * one network, say. In: pieces. Out: a map of 32 bits, and what is below and above all of it.
 */
#include "map.h"

#include <stdlib.h>

typedef unsigned __int128 u128;

static u128 number(struct value v)
{
	return (u128)v.hi << 64 | v.lo;
}

static struct value value(u128 x)
{
	return (struct value){ (uint64_t)(x >> 64), (uint64_t)x };
}

static unsigned length(u128 x)
{
	return x >> 64 ? 128 - (unsigned)__builtin_clzll((uint64_t)(x >> 64)) : (uint64_t)x ? 64 - (unsigned)__builtin_clzll((uint64_t)x) : 0;
}

/* The lowest place of the window: with it, the numbers between the first and the last boundary differ in no higher bit. false: boundaries
 * differ in lower ones too. */
static bool place(const struct map_piece *p, size_t n, unsigned *shift)
{
	unsigned differ = length(number(p[1].lo) ^ (n > 2 ? number(p[n - 1].lo) - 1 : number(p[1].lo)));

	*shift = differ > 32 ? differ - 32 : 0;
	for (size_t i = 1; i < n; i++)
		if (number(p[i].lo) & number(value_ones(*shift)))
			return false;
	return true;
}

static bool build(struct image *im, struct map *m, const struct map_piece *p, size_t n, struct map_piece *in, bool *fits)
{
	struct value above = map_above(m), first = value_and(p[1].lo, above);
	size_t kept = 1, off;

	in[0] = (struct map_piece){ { 0, 0 }, p[0].v };
	for (size_t i = 1; i < n; i++) {
		if (value_cmp(value_and(p[i].lo, above), first))
			break;				/* the last one, right behind the window's numbers */
		if (!value_cmp(p[i].lo, first))
			in[0].v = p[i].v;
		else
			in[kept++] = (struct map_piece){ value_of(map_within(m, p[i].lo)), p[i].v };
	}
	if (!map_word_build(im, m, 32, in, kept, fits))
		return false;
	off = image_add(im, sizeof(struct map_window), 8);
	if (im->failed)
		return false;
	((uint32_t *)image_at(im, m->at))[MAP_DESC - 1] = (uint32_t)off;
	*(struct map_window *)image_at(im, off) = (struct map_window){
		first.hi, first.lo, { (uint16_t)p[0].v, (uint16_t)p[n - 1].v }, 0,
	};
	return true;
}

bool map_window_build(struct image *im, struct map *m, const struct map_piece *p, size_t n, bool *fits)
{
	struct map_piece *in;
	bool ok;

	*fits = n > 1 && place(p, n, &m->shift) && value_cmp(value(number(value_ones(m->bits)) >> m->shift), value_ones(32)) >= 0;
	if (!*fits)
		return false;
	in = malloc(n * sizeof(*in));
	ok = in && build(im, m, p, n, in, fits);
	free(in);
	return ok;
}

uint32_t map_window_find(const struct image *im, const struct map *m, struct value v)
{
	const struct map_window *w = image_at(im, ((const uint32_t *)image_at(im, m->at))[MAP_DESC - 1]);
	int c = value_cmp(value_and(v, map_above(m)), (struct value){ w->hi, w->lo });

	return c ? w->beyond[c > 0] : map_word_find(im, m, map_within(m, v));
}
