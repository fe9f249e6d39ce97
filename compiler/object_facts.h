/*
 * What a finished object is, and what its code takes.
 */
#ifndef XDPF_OBJECT_FACTS_H
#define XDPF_OBJECT_FACTS_H

#include "arena.h"

/* A section of data, which loaders make a map of. */
struct object_data {
	const char *name;		/* ".rodata" */
	size_t bytes;
};

/* A function that runs: the program, and what it calls. */
struct object_function {
	const char *name;
	size_t instructions;
	size_t stack;			/* bytes below its frame's top that it uses */
	size_t deepest;			/* of it and whatever it calls, each frame in whole units of OBJECT_FRAME */
};

/* A line of a source, and what stands in the code for it. */
struct object_line {
	const char *file;
	unsigned line;
	size_t instructions;
};

/* The longest way through the code, in instructions that are run one after another. */
struct object_path {
	bool loops;			/* code leads back to itself: only .instructions is known then; 0: that neither */
	size_t instructions;		/* one that loads 64 bits is one */
	size_t calls;			/* of helpers and functions of the kernel's */
	VEC(size_t) line;		/* places in .line, in the order in which it comes by them, each once */
};

enum { OBJECT_FRAME = 32, OBJECT_STACK = 512 };	/* what a frame counts in without a JIT and before Linux 6.9; the most that kernels allow */
enum { OBJECT_VERIFIED = 1000000 };	/* a verifier refuses what makes it walk more */

/* A map that the object says of by name. */
struct object_map {
	const char *name;
	unsigned type;			/* enum bpf_map_type */
	uint32_t key, value, entries;
	uint32_t inner;			/* bytes of the one element of each array that is an element; 0: elements are none */
};

struct object_facts {
	VEC(struct object_map) map;	/* given */
	bool brief;			/* given: .verified is as the loader of ours has it mostly, not the most that any of them has */
	size_t verified;		/* instructions that Linux 6.18's verifier walks, at most; 0: not known; above OBJECT_VERIFIED: any number */
	size_t longest;			/* that a packet takes, at most, loops too; SIZE_MAX: not known */
	const char *unknown;		/* why .verified is not known */

	size_t instructions;		/* of all functions that run, as libbpf puts them together; one that loads 64 bits is two */
	VEC(struct object_data) data;
	VEC(struct object_function) function;	/* [0] is the program */
	VEC(struct object_line) line;
	struct object_path path;
};

/* What the program and whatever it calls take of the stack. Of an object that object_finish() made; false: @err says why. */
bool object_deepest(void *obj, size_t len, size_t *deepest, const char **err);
/* Of an object that object_finish() made; names are in @a. False: @err says why. */
bool object_facts(struct arena *a, void *obj, size_t len, struct object_facts *f, const char **err);

#endif
