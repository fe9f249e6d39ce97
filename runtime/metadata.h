/*
 * Inside of the metadata's parser: what metadata.c (files, rules, the whole), metadata_get.c (members with their types) and metadata_parts.c
 * (tables, actions, logs, interfaces, ways) share.
 */
#ifndef XDPF_RUNTIME_METADATA_H
#define XDPF_RUNTIME_METADATA_H

#include <jansson.h>

#include "private.h"

enum { MAX_FILES = 4096, MAX_RULES = 1 << 20, MAX_TABLES = 256, MAX_KEY_FIELDS = 64, MAX_KEY_SIZE = 512, MAX_ACTIONS = 1 << 20,
       MAX_IFACES = 1 << 16, MAX_WAYS = 1 << 20, MAP_NAME_MAX = 15, MAX_SETS = 64, MAX_SET_FIELDS = 4 };

struct rt_meta {
	struct xdpf_meta m;
	json_t *root;
	struct xdpf_file *files;
	struct xdpf_rule *rules;
	struct xdpf_table *tables;
	struct xdpf_key_field *keys;	/* of all tables */
	struct xdpf_action *actions;
	struct xdpf_limit *limits;
	struct xdpf_logger *logs;
	struct xdpf_set *sets;
	struct xdpf_key_field *set_keys;	/* of all sets */
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

/* ---- metadata_get.c: members; what is missing, of another type or out of bounds is meta_bad() ---- */

void meta_bad(struct meta_parse *p, const char *what, const char *why);
bool meta_harmless(const char *s);
const char *meta_string(struct meta_parse *p, const json_t *o, const char *key);
unsigned meta_number(struct meta_parse *p, const json_t *o, const char *key, unsigned max);
enum xdpf_verdict meta_verdict(struct meta_parse *p, const json_t *o, bool required);
const json_t *meta_array(struct meta_parse *p, const json_t *o, const char *key, size_t max, bool required);
void *meta_alloc(struct meta_parse *p, size_t n, size_t size);

/* ---- metadata_parts.c ---- */

void meta_parse_tables(struct meta_parse *p, const json_t *a);
/* A field of a key of @key_size bytes, which begins at @from or behind. */
void meta_parse_key_field(struct meta_parse *p, const json_t *o, struct xdpf_key_field *f, unsigned from, unsigned key_size);
/* metadata_sets.c */
void meta_parse_sets(struct meta_parse *p, const json_t *a);
void meta_parse_actions(struct meta_parse *p, const json_t *a, unsigned max_index);
void meta_parse_limits(struct meta_parse *p, const json_t *a);
void meta_parse_logs(struct meta_parse *p, const json_t *a, unsigned max_index);
void meta_parse_ifaces(struct meta_parse *p, const json_t *a);
void meta_parse_ways(struct meta_parse *p, const json_t *o);

#endif
