/*
 * Classifiers: many rules as tables, so that a packet costs the same however many there are. In: rules as unions of boxes over dimensions, in
 * their order. Out: tables in the program's image, and what code needs to know to look them up (codegen_classify.c).
 *
 * A field is something that a packet has one number of, or none: ip4.src, tcp.dport, the headers that are there as bits. A dimension is one
 * or more fields of which a packet has at most one: ip4.src and ip6.src. What a packet says of a dimension is which of its fields it has
 * (0: none; else 1 and its place among the dimension's) and the number.
 *
 * Rules become entries. One that stops is the last that matters to a packet which matches it; others do something on the way, or only may
 * match: what the tables know is not all that they ask. A packet gets the list of entries that it matches, in order, as far as the first that
 * stops.
 */
#ifndef XDPF_CLASSIFY_H
#define XDPF_CLASSIFY_H

#include "arena.h"
#include "table/rfc.h"
#include "table/tree.h"
#include "table/tuple.h"
#include "table/what.h"

enum {
	CLASSIFY_MAX_DIMS = 16,
	CLASSIFY_MAX_FIELDS = 5,		/* of a dimension */
	CLASSIFY_MAX_LIST = 64,			/* entries in a list */
};

struct classify_field {
	const char *name;			/* for show */
	unsigned bits;				/* of its numbers, 1 to 128 */
};

struct classify_dim {
	struct classify_field field[CLASSIFY_MAX_FIELDS];
	unsigned n;
};

/* What a term asks of one dimension: the number is in one of the ranges of the field that is there; where none is there, .absent. */
struct classify_part {
	unsigned dim;
	bool absent;
	struct {
		const struct range *r;		/* disjoint, sorted by .lo; families are not looked at */
		size_t n;
		bool any;			/* all numbers: .r is not looked at */
	} in[CLASSIFY_MAX_FIELDS];
};

/* All parts hold, each about another dimension; about others nothing is asked. */
struct classify_term {
	uint32_t entry;				/* place in .entry */
	struct classify_part *part;		/* sorted by .dim */
	size_t n;
};

struct classify_entry {
	uint32_t word;				/* their low bits ascend, and are less than CLASSIFY_WORD_END */
	bool stops;
};

struct classify_rules {
	struct classify_dim dim[CLASSIFY_MAX_DIMS];
	unsigned n_dims;
	VEC(struct classify_entry) entry;	/* by index */
	VEC(struct classify_term) term;		/* by .entry */
};

enum classify_engine {
	ENGINE_AUTO,
	ENGINE_LINEAR,				/* no tables: code for each rule */
	ENGINE_SWITCH,				/* code: a switch over the numbers of one field */
	ENGINE_RFC,
	ENGINE_HYBRID,
	ENGINE_TREE,
	ENGINE_COUNT
};

struct classify_options {
	enum classify_engine engine;		/* AUTO: by cost */
	size_t max_bytes;			/* of tables */
	size_t max_rest;			/* HYBRID: what hash tables could hold, and do not, at most; 0: as it comes out best */
};

/* What is made of rules: shapes, and where their descriptions are in the image. For code generation; others ask the functions below. */
/* A switch: by field of its dimension, the values that rules name, and which list a packet gets: words from where they all begin. */
struct classify_case {
	uint64_t v;
	uint32_t list;
};

struct classify_switch {
	unsigned dim, n_fields;
	struct {
		struct classify_case *value;	/* sorted */
		size_t n;
		bool wide;			/* its numbers have a first word, which is zero in all of these */
		uint32_t other;
	} field[CLASSIFY_MAX_FIELDS];
	uint32_t absent;
	size_t n;				/* values in all */
	size_t at;				/* where in the image it says where the lists begin */
};

struct classifier {
	enum classify_engine engine;		/* neither AUTO nor LINEAR */
	struct classify_switch cases;		/* SWITCH */
	unsigned n_dims;
	struct rfc rfc;
	struct tuple tuple;			/* HYBRID */
	struct tree tree;			/* TREE: of what stops; the rest is in .rfc */
	size_t bytes;
	size_t longest;				/* of its lists: entries */
	const char *reason;
};

/* "rfc" */
const char *classify_engine_name(enum classify_engine e);
/* classify.c: NULL: it cannot be done so (*why says it, in the arena or static); nothing of it is left in the image then. */
struct classifier *classify_build(struct arena *a, const struct classify_rules *r, const struct classify_options *o, struct image *m,
				  const char **why);
/* For show: "rfc"; bytes of its tables; loads per packet at the most; one line that says why this one. */
const char *classify_name(const struct classifier *c);
size_t classify_bytes(const struct classifier *c);
unsigned classify_loads(const struct classifier *c);
const char *classify_reason(const struct classifier *c);
/* The maps of a dimension that are looked up for every packet, whatever else is found; NULL: there are none. */
const struct rfc_dim *classify_maps(const struct classifier *c, unsigned dim);

/* The entries of a packet: *list is where their words begin in the image, and ends with one that stops or CLASSIFY_WORD_END; an entry that stops
 * found elsewhere, or CLASSIFY_WORD_END, is *best: of the two the one with the lesser index counts. Plain C, what the code does: for tests.
 * @which, @v: by dimension. */
void classify_lookup(const struct classifier *c, const struct image *m, const unsigned *which, const struct value *v, uint32_t *list,
		     uint32_t *best);

#endif
