/*
 * Inside of the metadata's parser: what metadata.c (files, rules, the whole), metadata_read.c (the text), metadata_get.c (members with their
 * types) and metadata_parts.c (tables, actions, logs, interfaces, ways) share.
 */
#ifndef XDPF_RUNTIME_METADATA_H
#define XDPF_RUNTIME_METADATA_H

#include <jansson.h>

#include "private.h"
#include "xdpf/owners.h"

enum { MAX_FILES = 4096, MAX_RULES = 1 << 20, MAX_TABLES = 256, MAX_KEY_FIELDS = 64, MAX_KEY_SIZE = 512, MAX_ACTIONS = 1 << 20,
       MAX_IFACES = 1 << 16, MAX_WAYS = 1 << 20, MAP_NAME_MAX = 15, MAX_SETS = 64, MAX_SOURCES = 1 << 20, MAX_SET_FIELDS = 4,
       MAX_WHATS = 1 << 16, MAX_INDEX = 1 << 22 };

struct rt_meta {
	struct xdpf_meta m;
	struct rt_meta *base;		/* what the rest stands in, which is shared; NULL: it is our own */
	unsigned refs;			/* others that share it */
	json_t *root;			/* what is not read from the text at once */
	char *text;			/* strings stand here, or in .root */
	struct xdpf_file *files;
	struct xdpf_rule *rules;
	struct xdpf_table *tables;
	struct xdpf_key_field *keys;	/* of all tables */
	struct xdpf_action *actions;
	struct xdpf_limit *limits;
	struct xdpf_logger *logs;
	struct xdpf_set *sets;
	struct xdpf_key_field *set_keys;	/* of all sets */
	struct rt_snap *snaps;			/* by set */
	struct meta_shared {
		uint32_t id;
		const char *name;
	} *shared;			/* maps that were another program's */
	size_t n_shared;
	uint64_t seed, *declared;	/* of what sets begin with; NULL: it is not known */
	bool has_seed;
	struct xdpf_source *sources;
	struct meta_source {
		unsigned file;
		const char *path;	/* NULL: it does not say, and .file neither */
	} *source_of;			/* by source */
	struct rt_image image;
	struct rt_moved moved;
	const struct xdpf_rule **by_index;
	const char **ifaces;
	bool *used;			/* by index */
	const char **ports;
	const char **members;		/* of all floods */
	struct xdpf_flood *floods;
	unsigned *cpus;
};

/* The parse at work: the first complaint wins. */
struct meta_parse {
	struct rt_meta *meta;
	const struct xdpf_log *log;
	int err;
};

/* ---- metadata_read.c: the text ---- */

enum { META_MEMBERS = 14 };		/* of an object, at the most */

enum meta_type { META_ABSENT, META_NULL, META_NUMBER, META_STRING, META_OTHER };

struct meta_value {
	enum meta_type type;
	int64_t number;
	const char *string;
	json_t *tree;			/* OTHER, where the value was read from the text: goes when its object has been looked at */
};

/* An array of objects that is read without a tree; .name is given. .begin NULL: it is missing, or no array. */
struct meta_long {
	const char *name;
	char *begin, *end;		/* its text */
	size_t n;			/* elements */
};

/* Splits the text, which is written to: what is none of @longs goes to the tree in @p->meta->root. */
void meta_split(struct meta_parse *p, char *text, size_t len, struct meta_long *longs, size_t n);

/* Element @i; @v: its members in the order of the names. */
typedef void (*meta_element)(struct meta_parse *p, size_t i, const struct meta_value *v);

/* Calls @each for all elements; @names ends with a NULL, or with META_MEMBERS of them. Other members are left aside. */
void meta_each(struct meta_parse *p, const struct meta_long *l, const char *const *names, meta_element each);

struct meta_value meta_value_of(const json_t *v);

/* ---- metadata_get.c: members; what is missing, of another type or out of bounds is meta_bad() ---- */

void meta_bad(struct meta_parse *p, const char *what, const char *why);
bool meta_harmless(const char *s);
/* @key: what a complaint calls the value. */
const char *meta_string_of(struct meta_parse *p, struct meta_value v, const char *key);
unsigned meta_number_of(struct meta_parse *p, struct meta_value v, const char *key, unsigned max);
enum xdpf_verdict meta_verdict_of(struct meta_parse *p, struct meta_value v, bool required);
/* The same of a tree's member. */
const char *meta_string(struct meta_parse *p, const json_t *o, const char *key);
unsigned meta_number(struct meta_parse *p, const json_t *o, const char *key, unsigned max);
enum xdpf_verdict meta_verdict(struct meta_parse *p, const json_t *o, bool required);
/* How many elements it has. */
size_t meta_long_size(struct meta_parse *p, const struct meta_long *l, size_t max, bool required);
const json_t *meta_array(struct meta_parse *p, const json_t *o, const char *key, size_t max, bool required);
void *meta_alloc(struct meta_parse *p, size_t n, size_t size);

/* ---- metadata_image.c ---- */

/* What it says of the image, and of a program that runs: where its rules' counters are now. Behind all that names indexes. */
void meta_parse_image(struct meta_parse *p);
/* metadata_loaded.c: the rest of what the runtime added. */
void meta_parse_loaded(struct meta_parse *p);
/* The files that it was made from. */
void meta_parse_sources(struct meta_parse *p, const struct meta_long *l);
/* So that xdpf_meta_rule() finds rules. */
void meta_find_by_index(struct meta_parse *p);

/* ---- metadata_parts.c ---- */

void meta_parse_tables(struct meta_parse *p, const json_t *a);
/* A field of a key of @key_size bytes, which begins at @from or behind. */
void meta_parse_key_field(struct meta_parse *p, const json_t *o, struct xdpf_key_field *f, unsigned from, unsigned key_size);
/* metadata_sets.c */
void meta_parse_sets(struct meta_parse *p, const json_t *a);
void meta_parse_actions(struct meta_parse *p, const struct meta_long *l);
void meta_parse_limits(struct meta_parse *p, const struct meta_long *l);
void meta_parse_logs(struct meta_parse *p, const struct meta_long *l);
/* The greatest index there may be. */
unsigned meta_max_index(const struct meta_parse *p);
void meta_parse_ifaces(struct meta_parse *p, const json_t *a);
void meta_parse_ways(struct meta_parse *p, const json_t *o);

#endif
