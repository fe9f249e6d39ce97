/*
 * Internal to the classifiers' builders.
 */
#ifndef XDPF_CLASSIFY_PRIV_H
#define XDPF_CLASSIFY_PRIV_H

#include "classify.h"

/* One attempt to build: .a is its own, and gone with it; what the image got is taken back where it fails, by the caller. */
struct attempt {
	struct arena *a, *out;			/* .out: for what stays */
	const struct classify_rules *r;
	struct image *im;
	size_t max_bytes;			/* what it may add to the image */
	size_t max_rest;			/* see struct classify_options */
	size_t max_rest_bytes;			/* HYBRID: of the tables that are not hash tables; 0: as there is room */
	uint64_t work, max_work;		/* words of sets that were looked at; 0: as many as it takes */
	struct image_mark before;		/* the image when it began */
	size_t longest;				/* of the lists: entries */
	const char *why;
};

/* .why, by printf. */
void classify_why(struct attempt *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same: false. */
#define classify_fail(...) (classify_why(__VA_ARGS__), known_false())
enum { CLASSIFY_CELL_WORK = 16 };	/* words that could be looked at while a pair of sets is dealt with otherwise */

/* false, and .why, where @more is more work than it may do. */
bool classify_work(struct attempt *t, uint64_t more);
/* false, and .why, where @more bytes are more than it may add. */
bool classify_room(struct attempt *t, size_t more);
/* Room for what says where tables are. */
bool classify_describe(struct attempt *t, size_t bytes, size_t *off);

/* ---- classify_class.c: sets of terms, each once ---- */

/* Terms are known by their place among those that are looked at: a set is .words words. */
struct classes {
	size_t n, cap, words;
	uint64_t *bits;				/* of malloc() */
	uint32_t *slot;				/* by hash: 1 and the class, or 0 */
	uint64_t *hash;				/* by class */
};

void classes_init(struct classes *c, size_t words);
void classes_free(struct classes *c);
/* The class that has this set; UINT32_MAX: memory is out, or there are too many. */
uint32_t classes_add(struct classes *c, const uint64_t *set);
/* The same, where the hash is known: what its words give, by exclusive or. */
uint32_t classes_add_hashed(struct classes *c, const uint64_t *set, uint64_t hash);
static inline uint64_t classes_word_hash(size_t k, uint64_t word)
{
	uint64_t h = (word + (k + 1) * 0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd;

	h = (h ^ h >> 32) * 0xc4ceb9fe1a85ec53;
	return word ? h ^ h >> 29 : 0;
}
static inline const uint64_t *classes_set(const struct classes *c, size_t i)
{
	return c->bits + i * c->words;
}

/* ---- classify_dim.c: a dimension's classes ---- */

struct dim_class_map {
	VEC(struct map_piece) piece[CLASSIFY_MAX_FIELDS];
	uint32_t absent;
};

/* What of @term (places in .r->term, ascending) tell apart in dimension @d. false, and .why. */
bool dim_classes(struct attempt *t, unsigned d, const uint32_t *term, size_t n, struct classes *c, struct dim_class_map *m);

/* ---- classify_cost.c ---- */

/* Of a hash table: what is computed, its line is on its way while other tables are looked up; of pairs of classes; and of each record that is
 * compared there. */
enum { CLASSIFY_TABLE_COST = 12, CLASSIFY_PAIR_COST = 20, CLASSIFY_RECORD_COST = 6 };

/* Of tables of combinations, of that many bytes, in a file of so many rules. */
unsigned classify_bytes_cost(size_t bytes, size_t rules);
/* The most bytes that cost no more. */
size_t classify_bytes_within(unsigned cost, size_t rules);

/* ---- classify_rfc.c ---- */

/* Tables for @term (places in .r->term, ascending). false, and .why. */
bool classify_rfc(struct attempt *t, const uint32_t *term, size_t n, struct rfc *rfc);

/* ---- classify_hybrid.c ---- */

bool classify_hybrid(struct attempt *t, struct rfc *rfc, struct tuple *tuple);

/* ---- classify_merge.c ---- */

/* Equal rows of the table at @cell become one, then equal columns; @row, @column: which one each is now. */
void classify_merge(struct arena *a, uint32_t *cell, size_t *n_rows, size_t *n_columns, uint32_t *row, uint32_t *column);

/* ---- classify_tree.c ---- */

/* A tree for @term, whose entries stop. false, and .why. */
bool classify_tree(struct attempt *t, const uint32_t *term, size_t n, struct tree *tree);

/* Bits of a dimension's widest field. */
static inline unsigned classify_widest(const struct classify_dim *d)
{
	unsigned bits = 0;

	for (unsigned f = 0; f < d->n; f++)
		if (d->field[f].bits > bits)
			bits = d->field[f].bits;
	return bits;
}

/* ---- classify_switch.c ---- */

enum {
	SWITCH_MOST = 4096,			/* values */
	SWITCH_TERMS = 8192,
	SWITCH_FEW = 64,			/* values that are looked for sooner so than in a table */
};

bool classify_switch(struct attempt *t, struct classify_switch *s);
/* The packet's list, as cases have it. */
uint32_t classify_switch_find(const struct classify_switch *s, const unsigned *which, const struct value *v);

/* ---- classify_list.c: lists of words, each once ---- */

struct lists {
	VEC(uint32_t) word;
	uint32_t *slot;				/* by hash: 1 and where in .word it begins, or 0; of malloc() */
	size_t n, slots;
};

bool lists_init(struct attempt *t, struct lists *l);
void lists_free(struct lists *l);
/* Where in .word the list of these @n entries' words begins; they end with one that stops, or nothing does. UINT32_MAX, and .why. */
uint32_t lists_add(struct attempt *t, struct lists *l, const uint32_t *entry, size_t n);

#endif
