/*
 * Internal to what is said of finished objects.
 */
#ifndef XDPF_OBJECT_WORK_H
#define XDPF_OBJECT_WORK_H

#include "object_facts.h"
#include "object_priv.h"

/* The code, as it is read for that. */
struct work_function {
	size_t begin, end;		/* in the numbering of all sections' instructions in a row */
	const char *name;
	bool program, global;
	int seen;			/* enum visit */
	size_t place;			/* in what comes out */
	size_t stack, deepest;
	size_t path;			/* the longest way through it */
};

struct work {
	struct finish *f;
	struct arena *arena;		/* of .out; what else there is goes with .f's */
	struct object_facts *out;
	size_t *base;			/* of each section: where its instructions begin; NONE: it has none */
	size_t n;
	struct bpf_insn *in;
	size_t *callee;			/* of each: the function it calls */
	const char **kernel;		/* of each: it calls one of the kernel's, by name */
	size_t *owner;			/* of each first instruction of a function: which */
	size_t *line;			/* of each: a place in .out->line */
	size_t *longest, *next;		/* of each: the way from there, and where it goes on */
	uint8_t *seen;			/* enum visit */
	VEC(struct work_function) function;
};

/* How much of a verifier's work it is; .out->map is given. */
bool object_verify(struct work *w, size_t program);

/* The code's part of @out, in @a: functions, lines, the longest path. */
bool object_work(struct finish *f, struct arena *a, struct object_facts *out);

#endif
