/*
 * Classifiers find what a rule by rule search finds: each engine, over random rules of all kinds of dimensions, packets at and beside all
 * edges. And each kind of value map has the value of every piece, at its edges and within.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules.h"

enum { MOST = CLASSIFY_MAX_LIST + 2 };

static uint32_t piece_value(const struct map_piece *p, size_t n, struct value v)
{
	while (n > 1 && value_cmp(p[n - 1].lo, v) > 0)
		n--;
	return p[n - 1].v;
}

static int by_value(const void *a, const void *b)
{
	return value_cmp(((const struct map_piece *)a)->lo, ((const struct map_piece *)b)->lo);
}

static struct value random_bits(struct random *r, unsigned bits)
{
	struct value v = { random_next(r), random_next(r) };

	/* dense in places: they share their high bits */
	if (random_below(r, 2))
		v = (struct value){ 0x20010db800000000 | (v.hi & 3), v.lo & (random_below(r, 2) ? 0xff : UINT64_MAX) };
	if (!random_below(r, 3))
		v = value_and(v, (struct value){ UINT64_MAX << random_below(r, 64), random_below(r, 2) ? 0 : UINT64_MAX << random_below(r, 64) });
	return value_and(v, value_ones(bits));
}

static void check_map(struct random *r, unsigned bits, size_t n, uint32_t values)
{
	struct image im = { 0 };
	struct map m = { .at = image_add(&im, 4 * MAP_DESC, 4) };
	struct map_piece *p = calloc(n, sizeof(*p));
	size_t kept = 1;

	for (size_t i = 1; i < n; i++)
		p[i].lo = random_bits(r, bits);
	qsort(p, n, sizeof(*p), by_value);
	for (size_t i = 1; i < n; i++)
		if (value_cmp(p[i].lo, p[kept - 1].lo))
			p[kept++] = p[i];
	for (size_t i = 0; i < kept; i++)
		p[i].v = (uint32_t)random_below(r, values);
	assert_true(map_build(&im, &m, bits, p, kept));
	for (size_t i = 0; i < 4 * kept; i++) {
		struct value v = p[i / 4].lo;

		if (i % 4 == 1)
			v = (struct value){ v.hi - !v.lo, v.lo - 1 };
		else if (i % 4 == 2)
			v = (struct value){ v.hi + !(v.lo + 1), v.lo + 1 };
		else if (i % 4 == 3)
			v = random_bits(r, bits);
		v = value_and(v, value_ones(bits));
		assert_int_equal(map_find(&im, &m, v), piece_value(p, kept, v));
	}
	assert_int_equal(map_find(&im, &m, value_ones(bits)), p[kept - 1].v);
	assert_int_equal(map_find(&im, &m, value_of(0)), p[0].v);
	free(p);
	image_free(&im);
}

static void test_maps(void **state)
{
	static const unsigned width[] = { 1, 3, 8, 9, 12, 16, 17, 20, 31, 32, 33, 48, 63, 64, 65, 100, 127, 128 };
	struct random r = { 1 };

	(void)state;
	for (size_t w = 0; w < sizeof(width) / sizeof(*width); w++)
		for (unsigned round = 0; round < 30; round++)
			check_map(&r, width[w], 1 + random_below(&r, round < 25 ? 40 : 3000), round % 3 ? 300 : round ? 1 << 30 : 1);
}

/* Any number of nodes that share nothing, and boundaries at each bit. */
static void test_map_ladder(void **state)
{
	struct image im = { 0 };
	struct map m = { .at = image_add(&im, 4 * MAP_DESC, 4) };
	struct map_piece p[129] = { 0 };

	(void)state;
	for (unsigned i = 1; i <= 128; i++)
		p[i] = (struct map_piece){ value_ones(i), i };
	assert_true(map_build(&im, &m, 128, p, 129));
	assert_int_equal(m.kind, MAP_TRIE);
	for (unsigned i = 0; i <= 128; i++) {
		struct value v = p[i].lo;

		assert_int_equal(map_find(&im, &m, v), i);
		if (i)
			assert_int_equal(map_find(&im, &m, (struct value){ v.hi - !v.lo, v.lo - 1 }), i - 1);
	}
	image_free(&im);
}

/* Boundaries that share the bits above 32, and have none below: the last one may be right behind those. */
static void check_window(struct random *r, unsigned bits, unsigned shift)
{
	struct image im = { 0 };
	struct map m = { .at = image_add(&im, 4 * MAP_DESC, 4) };
	struct map_piece p[40] = { 0 };
	unsigned __int128 above = ((unsigned __int128)random_next(r) << 64 | random_next(r)) << shift << 31 << 1;
	unsigned n = 12 + (unsigned)random_below(r, 28);

	for (unsigned i = 1; i < n; i++) {
		unsigned __int128 x = above + ((unsigned __int128)(uint32_t)random_next(r) << shift);

		if (i == 1 && random_below(r, 2))
			x = above + ((unsigned __int128)1 << 32 << shift);
		p[i].lo = value_and((struct value){ (uint64_t)(x >> 64), (uint64_t)x }, value_ones(bits));
		p[i].v = (uint32_t)random_below(r, 1000);
	}
	qsort(p, n, sizeof(*p), by_value);
	for (unsigned i = 1; i < n; i++)
		if (!value_cmp(p[i].lo, p[i - 1].lo))
			n = i;
	assert_true(map_build(&im, &m, bits, p, n));
	for (unsigned i = 0; i < 4 * n; i++) {
		struct value v = p[i / 4].lo;

		v = i % 4 == 0 ? v : i % 4 == 1 ? (struct value){ v.hi - !v.lo, v.lo - 1 } : i % 4 == 2 ? (struct value){ v.hi + !~v.lo, v.lo + 1 } :
		    random_below(r, 2) ? random_bits(r, bits) :
		    (struct value){ v.hi ^ random_below(r, 2), v.lo ^ (uint64_t)1 << random_below(r, 64) };
		v = value_and(v, value_ones(bits));
		assert_int_equal(map_find(&im, &m, v), piece_value(p, n, v));
	}
	if (n >= 12)
		assert_int_equal(m.kind, MAP_WINDOW);
	image_free(&im);
}

static void test_map_windows(void **state)
{
	static const unsigned width[] = { 33, 48, 64, 65, 96, 127, 128 };
	struct random r = { 3 };

	(void)state;
	for (size_t w = 0; w < sizeof(width) / sizeof(*width); w++)
		for (unsigned shift = 0; shift + 32 <= width[w]; shift++)
			for (unsigned round = 0; round < 4; round++)
				check_window(&r, width[w], shift);
}

static void compare(const struct classify_rules *rules, const struct classifier *c, const struct image *im, const struct packet *p)
{
	uint32_t want[MOST], got[MOST], list, best;
	size_t n = rules_linear(rules, p, want, MOST), m;

	classify_lookup(c, im, p->which, p->v, &list, &best);
	m = found_words(im, list, best, got, MOST);
	assert_int_equal(m, n);
	assert_memory_equal(got, want, n * sizeof(*got));
}

static void check_engine(enum classify_engine engine, uint64_t seed, const struct random_options *o, unsigned packets)
{
	struct arena *a = arena_new();
	struct random r = { seed };
	struct image im = { 0 };
	struct classify_rules rules;
	struct classify_options co = { .engine = engine, .max_bytes = 64 << 20, .max_rest = 1 + o->entries / 2 };
	const char *why = NULL;
	struct classifier *c;

	image_add(&im, 4, 4);
	rules_random(a, &r, o, &rules);
	c = classify_build(a, &rules, &co, &im, &why);
	if (!c)
		fail_msg("%s: not built, seed %llu: %s", classify_engine_name(engine), (unsigned long long)seed, why);
	for (unsigned i = 0; i < packets; i++) {
		struct packet p = { 0 };

		packet_random(&r, &rules, &p);
		compare(&rules, c, &im, &p);
	}
	image_free(&im);
	arena_free(a);
}

/* @many: entries of the larger sets: what RFC can do grows with the product of all dimensions. */
static void check_engines(enum classify_engine engine, unsigned many)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct random_options o = { .entries = 1 + (unsigned)(seed % 12), .dims = 1 + (unsigned)(seed % 4), .go_on = 3 };

		check_engine(engine, seed, &o, 300);
	}
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct random_options o = { .entries = many, .dims = 5, .go_on = seed & 1 ? 8 : 0, .five = true };

		check_engine(engine, 1000 + seed, &o, 1000);
	}
}

static void test_rfc(void **state)
{
	(void)state;
	check_engines(ENGINE_RFC, 30);
}

static struct classify_part *one_value(struct arena *a, unsigned dim, uint64_t v)
{
	struct classify_part *p = arena_alloc(a, sizeof(*p));
	struct range *r = arena_alloc(a, sizeof(*r));

	*r = (struct range){ FAMILY_NUM, value_of(v), value_of(v) };
	p->dim = dim;
	p->in[0].r = r;
	p->in[0].n = 1;
	return p;
}

/* So many different lists that their places have more than 16 bits: each pair of two numbers has its own two rules, and none decides. */
static void test_wide_lists(void **state)
{
	enum { VALUES = 160 };
	struct arena *a = arena_new();
	struct classify_rules rules = { .n_dims = 2 };
	struct classify_options o = { .engine = ENGINE_RFC, .max_bytes = 64 << 20 };
	struct image im = { 0 };
	const char *why = NULL;
	struct classifier *c;

	(void)state;
	image_add(&im, 4, 4);
	for (unsigned d = 0; d < 2; d++) {
		rules.dim[d].n = 1;
		rules.dim[d].field[0] = (struct classify_field){ .name = "number", .bits = 16 };
		for (unsigned i = 0; i < VALUES; i++) {
			uint32_t entry = (uint32_t)rules.entry.n;

			*vec_add(a, &rules.entry) = (struct classify_entry){ .word = 2 * entry };
			*vec_add(a, &rules.term) = (struct classify_term){ entry, one_value(a, d, 7 * (uint64_t)i), 1 };
		}
	}
	c = classify_build(a, &rules, &o, &im, &why);
	if (!c)
		fail_msg("not built: %s", why);
	assert_true(c->rfc.wide);
	for (unsigned i = 0; i < VALUES; i++)
		for (unsigned k = 0; k < VALUES; k++) {
			struct packet p = { { 1, 1 }, { value_of(7 * (uint64_t)i), value_of(7 * (uint64_t)k + (k % 8 == 7)) } };

			compare(&rules, c, &im, &p);
		}
	image_free(&im);
	arena_free(a);
}

static void test_hybrid(void **state)
{
	(void)state;
	check_engines(ENGINE_HYBRID, 40);
	/* of some of them the best tables are not the last ones that were tried */
	for (uint64_t seed = 11; seed <= 80; seed++) {
		struct random_options o = { .entries = 30, .dims = 5, .go_on = seed & 1 ? 8 : 0, .five = true };

		check_engine(ENGINE_HYBRID, 1000 + seed, &o, 300);
	}
}

static void test_tree(void **state)
{
	(void)state;
	check_engines(ENGINE_TREE, 200);
}

static void test_auto(void **state)
{
	(void)state;
	check_engines(ENGINE_AUTO, 100);
}

/* Of those that say a port, and others; of networks and, outside of these, wide ones. */
static void check_numbers(const struct classifier *c)
{
	bool say = false, wide = false, narrow = false;

	assert_int_equal(c->engine, ENGINE_HYBRID);
	assert_true(c->tuple.window[0].is && c->tuple.window[1].is);
	for (unsigned i = 0; i < c->tuple.n; i++) {
		say |= c->tuple.say[i];
		wide |= c->tuple.wide[i];
		narrow |= !c->tuple.say[i] && !c->tuple.wide[i];
	}
	assert_true(say && (wide || narrow));
}

/* Whatever the rules are, one engine takes them. */
static void test_hard(void **state)
{
	(void)state;
	for (int kind = 0; kind < HARD_COUNT; kind++) {
		struct arena *a = arena_new();
		struct random r = { 42 + (uint64_t)kind };
		struct image im = { 0 };
		struct classify_rules rules;
		struct classify_options o = { .max_bytes = 32 << 20 };
		const char *why = NULL;
		struct classifier *c;

		image_add(&im, 4, 4);
		rules_hard(a, &r, (enum rules_hard)kind, kind == HARD_NUMBERS ? 4000 : 1500, &rules);
		c = classify_build(a, &rules, &o, &im, &why);
		if (!c)
			fail_msg("kind %d: not built: %s", kind, why);
		if (kind == HARD_NUMBERS)
			check_numbers(c);
		for (unsigned i = 0; i < 1500; i++) {
			struct packet p = { 0 };

			packet_random(&r, &rules, &p);
			compare(&rules, c, &im, &p);
		}
		assert_true(classify_bytes(c) <= o.max_bytes);
		image_free(&im);
		arena_free(a);
	}
}

/* Pairs of classes: the packet's first rule, whatever else is before it and behind it. Some are found there at once, and some are not sure. */
static void test_pairs(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct arena *a = arena_new();
		struct random r = { seed };
		struct image im = { 0 };
		struct classify_rules rules;
		struct classify_options o = { .engine = ENGINE_HYBRID, .max_bytes = 64 << 20, .max_rest = 250 };
		unsigned n_sure = 0, n_unsure = 0;
		const char *why = NULL;
		struct classifier *c;

		image_add(&im, 4, 4);
		rules_hard(a, &r, HARD_NESTED, 1000, &rules);
		c = classify_build(a, &rules, &o, &im, &why);
		if (!c)
			fail_msg("seed %u: not built: %s", (unsigned)seed, why);
		assert_true(c->tuple.pair.is);
		for (unsigned i = 0; i < 4000; i++) {
			struct packet p = { 0 };
			bool sure;

			packet_random(&r, &rules, &p);
			compare(&rules, c, &im, &p);
			n_unsure += tuple_find(&im, &c->tuple, p.which, p.v, CLASSIFY_WORD_END, &sure) != CLASSIFY_WORD_END && !sure;
			n_sure += sure;
		}
		assert_true(n_sure > 100 && n_unsure > 100);
		image_free(&im);
		arena_free(a);
	}
}

/* How many records of the tables say that much about what comes before their rules. */
static size_t count_sure(const struct classifier *c, const struct image *im, uint32_t say)
{
	size_t n = 0;

	for (unsigned i = 0; i < c->tuple.n; i++) {
		const struct tuple_table *d = (const struct tuple_table *)image_at(im, c->tuple.at) + i;
		const struct tuple_narrow *l = image_at(im, d->lines);

		for (size_t k = 0; k < (size_t)d->n * TUPLE_RECORDS && !c->tuple.wide[i]; k++) {
			uint32_t key = l[k / TUPLE_RECORDS].key[k % TUPLE_RECORDS];

			n += key != TUPLE_NO_KEY && (key & (TUPLE_NO_LATER | TUPLE_NO_REST)) == say;
		}
	}
	return n;
}

/* Records that are enough, so that the last tables, or what is in none, are left out; and others. */
static void test_sure(void **state)
{
	size_t n[4] = { 0 };

	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct arena *a = arena_new();
		struct random r = { seed };
		struct image im = { 0 };
		struct classify_rules rules;
		struct classify_options o = { .engine = ENGINE_HYBRID, .max_bytes = 64 << 20, .max_rest = 400 };
		const char *why = NULL;
		struct classifier *c;

		image_add(&im, 4, 4);
		rules_hard(a, &r, HARD_APART, 3000, &rules);
		c = classify_build(a, &rules, &o, &im, &why);
		if (!c)
			fail_msg("seed %u: not built: %s", (unsigned)seed, why);
		assert_true(c->tuple.late && !c->tuple.pair.is);
		for (unsigned i = 0; i < 4; i++)
			n[i] += count_sure(c, &im, i * TUPLE_NO_REST);
		for (unsigned i = 0; i < 4000; i++) {
			struct packet p = { 0 };

			packet_random(&r, &rules, &p);
			compare(&rules, c, &im, &p);
		}
		image_free(&im);
		arena_free(a);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_true(n[i] > 100);
}

/* What cannot be done is refused with a reason, and leaves the image as it was. */
static void test_refusals(void **state)
{
	struct arena *a = arena_new();
	struct random r = { 5 };
	struct image im = { 0 };
	struct classify_rules rules;
	struct random_options many = { .entries = 2000, .dims = 5, .go_on = 1, .five = true };
	size_t n;

	(void)state;
	n = image_add(&im, 100, 4) + 100;
	rules_hard(a, &r, HARD_MIXED, 2000, &rules);
	for (int e = 0; e < ENGINE_COUNT; e++) {
		struct classify_options o = { .engine = (enum classify_engine)e, .max_bytes = 10000 };
		const char *why = NULL;

		assert_null(classify_build(a, &rules, &o, &im, &why));
		assert_non_null(why);
		assert_int_equal(im.n, n);
		for (size_t i = 0; i < im.cap; i++)
			assert_int_equal(im.v[i], 0);
	}
	/* none of them stops: the lists would be too long */
	rules_random(a, &r, &many, &rules);
	for (size_t i = 0; i < rules.entry.n; i++)
		rules.entry.v[i].stops = false;
	for (size_t i = 0; i < rules.term.n; i++)
		rules.term.v[i].n = 0;
	for (int e = 0; e < ENGINE_COUNT; e++) {
		struct classify_options o = { .engine = (enum classify_engine)e, .max_bytes = 32 << 20 };
		const char *why = NULL;

		assert_null(classify_build(a, &rules, &o, &im, &why));
		assert_non_null(why);
		assert_int_equal(im.n, n);
	}
	/* nor is more made of what was asked for than is made in time */
	for (int e = ENGINE_RFC; e <= ENGINE_HYBRID; e++) {
		uint64_t work = 0;
		struct classify_options o = { .engine = (enum classify_engine)e, .max_bytes = 32 << 20, .work = &work };
		const char *why = NULL;

		rules_hard(a, &r, HARD_MIXED, 200, &rules);
		assert_non_null(classify_build(a, &rules, &o, &im, &why));
		assert_true(work && !classify_too_long(work));
		image_cut(&im, (struct image_mark){ .n = n, .head = im.head });
		for (work = UINT64_MAX / 2; !why; )
			assert_null(classify_build(a, &rules, &o, &im, &why));
		assert_true(classify_too_long(work));
		assert_int_equal(im.n, n);
	}
	image_free(&im);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_map_ladder),
		cmocka_unit_test(test_map_windows),
		cmocka_unit_test(test_rfc),
		cmocka_unit_test(test_wide_lists),
		cmocka_unit_test(test_hybrid),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_auto),
		cmocka_unit_test(test_hard),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_sure),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
