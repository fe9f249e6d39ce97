/*
 * Internal to the builders of merged tuples' tables.
 */
#ifndef XDPF_CLASSIFY_TUPLE_H
#define XDPF_CLASSIFY_TUPLE_H

#include "classify_priv.h"

/* A term, or a part of what it allows: of each long number some high bits, of each short one a range. */
struct tuple_term {
	uint32_t term, entry;			/* places in .r->term and .r->entry */
	struct value value[TUPLE_LONG];		/* where not .wide: what narrow records have of it */
	uint8_t free[TUPLE_LONG];		/* low bits that may be anything; TUPLE_ANY: nothing is asked */
	uint8_t which_lo[TUPLE_LONG], which_hi[TUPLE_LONG];
	bool wide;
	uint32_t lo[TUPLE_SHORT], hi[TUPLE_SHORT];	/* lanes */
	uint32_t rest;				/* place in .rest; .says: the number that its record says */
	bool says;
};

enum {
	TUPLE_ANY = 128,
	TUPLE_STEP = 4,				/* free bits of tables are multiples of that */
	TUPLE_SAME_KEY = 10,			/* terms of one key that a table takes; or, where tables are then cheaper … */
	TUPLE_FEW_OF_KEY = 3,			/* … only so many */
};

/* What is hashed: in narrow tables .free is at most 32. */
struct tuple_shape {
	bool wide, says;
	uint8_t free[TUPLE_LONG];
	unsigned exact;				/* bits: these short numbers */
	uint32_t rests;				/* what its records can name begins with that many times TUPLE_RESTS */
};

/* What is in the table of pairs. */
struct pair_choice {
	uint32_t *term;				/* .n of them: places in .term, of each term's first */
	size_t n;
	struct dim_class_map map[2];
	size_t classes[2];			/* of each dimension: rows, columns */
	unsigned shift;				/* of rows' numbers */
	size_t places;				/* of rows: other records are behind these */
	struct pair_record *record;
	size_t n_records;
	uint32_t first;				/* least index */
	size_t entries, unsure;			/* records of .term; those that something may be before that no record can hold */
	size_t compared;			/* how many are compared until a packet has found its own, all of these together */
};

struct tuple_build {
	struct attempt *t;
	unsigned dim[TUPLE_DIMS];
	struct tuple_window window[TUPLE_LONG];
	struct tuple_above above[TUPLE_LONG];
	VEC(struct tuple_term) term;
	VEC(struct tuple_rest) rest;		/* each once */
	unsigned said;				/* the short number that terms say, and … */
	struct tuple_rest besides;		/* … what they ask else */
	VEC(uint32_t) other;			/* places in .r->term of what no table can hold */
	uint32_t *left;				/* places in .term that no table has, ascending */
	size_t n_left;
	const struct pair_choice *pair;		/* NULL: there are none */
	unsigned same_key;			/* terms of one key that a table takes */
	struct tuple_choice {
		struct tuple_shape shape;
		uint32_t *term, *bucket;	/* .n of them: by bucket, then ascending */
		size_t n;
		size_t lines;			/* buckets */
		uint32_t first;			/* least index */
		size_t compared;		/* records of their keys that are compared until a packet has found its own, all terms together */
	} table[TUPLE_MAX_TABLES];
	unsigned n;
	uint8_t *sure;				/* by place in .r->term: TUPLE_NO_LATER and TUPLE_NO_REST; NULL: none is */
	unsigned skip_from;			/* the first table that TUPLE_NO_LATER speaks of */
};

/* ---- classify_tuple.c ---- */

/* .dim, .term, .other; .left is all. false: memory is out, and .why. */
bool tuple_terms(struct tuple_build *b);
void tuple_shape_masks(const struct tuple_shape *s, uint64_t mask[TUPLE_WORDS], uint64_t *shorts);
/* The hash of what a term asks, as packets that match it have it. */
uint64_t tuple_term_hash(const struct tuple_table *d, const struct tuple_shape *s, const struct tuple_term *x);
bool tuple_fits(const struct tuple_shape *s, const struct tuple_term *x);

/* ---- classify_window.c ---- */

/* .window and .above, and terms that then need not be wide; .rest. false: memory is out, and .why. */
bool tuple_narrow(struct tuple_build *b);
struct tuple_rest tuple_rest_of(const struct tuple_term *x);

/* ---- classify_sure.c ---- */

/* .sure and .skip_from, of tables by .first; @rest: the least index of what is in none and looked up later, or TUPLE_END. */
void tuple_sure(struct tuple_build *b, uint32_t rest);

/* ---- classify_bucket.c ---- */

/* The tables that were chosen, in the image; .late and .rest are known. false, and .why. */
bool tuple_write(struct tuple_build *b, struct tuple *out);

/* ---- classify_pair.c ---- */

/* What can be in a table of pairs. false: nothing, or it would be too large. */
bool pair_choose(struct tuple_build *b, struct pair_choice *c);
/* .left without it. */
void pair_take(struct tuple_build *b, const struct pair_choice *c);
/* Its table; @rests: where .rest is in the image. false, and .why. */
bool pair_write(struct tuple_build *b, size_t rests, struct pair *out);

/* ---- classify_greedy.c ---- */

/* One more table: the one that takes the most of what is left. false: memory is out, and .why; nothing that it takes: .n_left is as before. */
bool tuple_take(struct tuple_build *b);

#endif
