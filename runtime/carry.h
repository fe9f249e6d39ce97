/*
 * What a filter has counted and learned goes on in the program that replaces it: see carry.c.
 */
#ifndef XDPF_RUNTIME_CARRY_H
#define XDPF_RUNTIME_CARRY_H

#include "match.h"

/* ---- carry_plan.c: which counter goes where ---- */

/* Adds .words numbers; .from RT_KINDS: .value, which two pasts of before had. */
struct rt_move {
	enum rt_kind from, to;
	bool minus;
	unsigned words;
	size_t at, into;
	uint64_t value[2];
};

struct rt_plan {
	struct rt_move *move;
	size_t n_move, cap_move;
	struct rt_past *past;		/* in the new program: .index is an element of .room and behind */
	size_t n_past, cap_past;
	size_t *next;			/* chains of .past by what they are part of */
	size_t *head;
	size_t room;			/* elements of xdpf_rules */
	size_t n[RT_KINDS];		/* numbers of each kind */
	uint32_t *files;		/* by old file */
	uint32_t *limit;		/* by new limit: the old one, or RT_NO_INDEX */
	uint32_t *rule;			/* by old index: the new one, or RT_NO_INDEX */
	size_t n_rule, kept, fresh, gone;
	bool books;			/* the verdicts' sums go on */
};

int rt_plan_make(struct rt_plan *out, const struct rt_meta *old, const struct xdpf_meta *new, size_t room, const struct xdpf_log *log);
void rt_plan_free(struct rt_plan *p);
/* What the new program's counters begin with: .n[kind] numbers of each, which are zero before. */
void rt_plan_run(const struct rt_plan *p, const struct rt_counts *old, struct rt_counts *out);

/* ---- carry_maps.c: maps that both programs use, and what is copied where they cannot ---- */

struct rt_carry;

/* A map that is an older program's too. */
struct rt_shared {
	const struct bpf_map *map;
	char name[16];			/* what it would be called */
};

/* What is in a set of the old program, to be copied. */
struct rt_copy {
	size_t from, to;		/* sets */
	struct rt_snapshot then;	/* what was copied before the new one ran */
};

struct rt_carry {
	struct xdpf_program *old;
	const struct xdpf_object *object;
	struct rt_plan plan;
	struct rt_shared *shared;
	size_t n_shared;
	struct rt_copy *copy;
	size_t n_copy;
	struct xdpf_lost *lost;
	size_t n_lost;
	uint64_t *declared;		/* by set: of what it begins with */
	uint64_t seed;
	bool has_seed;
	size_t sets, limits, tables;	/* that go on */
	/* by kind of a limit's table: is the old map known, is it the new one's, too? */
	bool limit_goes_on[RT_LIMIT_MAPS], limit_shared[RT_LIMIT_MAPS];
	bool pending;
};

/* Says what is not carried. */
int rt_carry_lose(struct rt_carry *c, const char *kind, unsigned file, const char *name, const char *why, ...)
	__attribute__((format(printf, 5, 6)));
/* Gives @bpf, not yet loaded, the maps of the old program that fit. */
int rt_carry_share(struct rt_carry *c, struct bpf_object *bpf, const struct xdpf_log *log);
/* Fills those that did not, of a loaded program. */
int rt_carry_copy(struct rt_carry *c, const struct xdpf_program *p, const struct xdpf_log *log);
/* Once nobody writes to the old ones any more. */
int rt_carry_copy_rest(struct rt_carry *c, const struct xdpf_program *p, const struct xdpf_log *log);

/* @fd's map in the place of @map. */
int rt_carry_map(struct rt_carry *c, struct bpf_map *map, int fd, const struct xdpf_log *log);
/* Is @fd's map what the object would make? */
bool rt_carry_alike(const struct bpf_map *map, int fd);

/* ---- carry_set.c ---- */

int rt_set_copy(struct rt_carry *c, struct rt_copy *x, const struct xdpf_program *p, const struct xdpf_log *log);
int rt_set_copy_rest(struct rt_carry *c, struct rt_copy *x, const struct xdpf_program *p, const struct xdpf_log *log);

/* ---- carry_limit.c ---- */

/* Buckets of limits: gives @bpf the maps of the old program where all limits in it are the same ones, in the same places; and copies the others' into
 * the maps of the loaded program. */
int rt_limits_share(struct rt_carry *c, struct bpf_object *bpf, const struct xdpf_log *log);
int rt_limits_copy(struct rt_carry *c, const struct xdpf_program *p, const struct xdpf_log *log);

#endif
