/*
 * What an object says about itself, for the runtime: the metadata of runtime/abi.h, and the names and key layouts of its
 * count tables, which the code generator uses too. Checked trees only.
 */
#ifndef XDPF_META_H
#define XDPF_META_H

#include "ast.h"
#include "table/live.h"

/* One field of a count table's key, in the layout of runtime/abi.h. */
struct meta_key_field {
	const struct ast_operand *operand;
	enum type_kind kind;		/* NUM and FLAG: host order; the others: bytes in network order; IFACE: u32 */
	unsigned offset, size, align;	/* bytes */
};

struct meta_key {
	const struct meta_key_field *field;	/* one per operand of the counter's key; NULL without a key */
	unsigned n;
	unsigned size, align;		/* of the whole, padding included; 0 and 1 without a key */
};

/* The layout of a key of @n fields; lives in @a. */
struct meta_key meta_key_layout(struct arena *a, struct ast_operand *const *key, size_t n);

/* The layout of a live set's elements, see runtime/abi.h: a field per component, with .kind of the component's type; .operand is NULL. */
struct meta_key meta_set_layout(struct arena *a, const struct ast_set *set);
/* Is its map a trie, whose keys begin with how many of their bits count? Those with prefixes are; and those that no rule changes: what they hold
 * stands in snapshots, and a trie that is empty or small is asked at little cost, while a hash of many buckets is one more read from memory. */
bool meta_set_trie(const struct ast_set *set);
/* Its snapshots. */
struct live_set meta_live(struct arena *a, const struct ast_set *set);
/* How many of the sets before it have snapshots of the same size: its place in the map of those. */
unsigned meta_live_at(struct arena *a, const struct ast_program *p, const struct ast_set *set);
/* How many such maps a program has. */
unsigned meta_live_maps(struct arena *a, const struct ast_program *p);
/* The elements that the live sets begin with, in the layout of runtime/abi.h, in malloc(). NULL: out of memory. */
void *meta_elements(const struct ast_program *p, size_t *len);

/* So many elements, each a range per component as in ast_set.range, in hexadecimal digits; lives in @a. */
const char *meta_elements_hex(struct arena *a, const struct ast_set *set, const struct range *range, size_t n);

/* The map names of all count tables by ast_counter.index: C identifiers of at most 15 bytes, each once, none that begins with
 * "xdpf", none that is the program's name or a C keyword. Live in @a. */
const char *const *meta_map_names(struct arena *a, const struct ast_program *p);
/* One of them; where all are wanted take meta_map_names(). */
const char *meta_map_name(struct arena *a, const struct ast_program *p, const struct ast_counter *c);

/* What the metadata says of the image of tables, see runtime/abi.h: where in it indexes of rules stand. */
struct meta_image {
	size_t size;			/* 0: there is none */
	size_t (*what)[2], n_what;
	size_t index[2];		/* [1] 0: the code speaks of indexes */
};

/* The metadata as JSON text of malloc(), @len bytes and a NUL. Same tree, same bytes. NULL: out of memory. @image, @shape: NULL where nothing is
 * said of them. */
char *meta_json(const struct ast_program *p, const struct meta_image *image, const char *shape, size_t *len);
/* What of it belongs to the program's shape, in the same way. */
char *meta_shape(const struct ast_program *p, const struct meta_image *image, size_t *len);

/* The tests as JSON text of malloc(), in *text; NULL where there are none. False: out of memory. */
bool meta_tests(const struct ast_program *p, char **text, size_t *len);

/* meta_nic.c: what network cards have to do with the rules, in the same way. */
bool meta_nic(const struct ast_program *p, char **text, size_t *len);

#endif
