/*
 * How many instructions Linux's verifier walks when it loads a program, and how many a packet can take. In: the instructions of a program and of all
 * that it calls. Nothing is asked of a kernel: the code is walked as the verifier of Linux 6.18 does, which knows what is in data that is only read.
 */
#ifndef XDPF_VERIFY_H
#define XDPF_VERIFY_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VERIFY_MOST = 1000000 };			/* so many the verifier walks, then it refuses a program */

/* What an address in the code leads to. */
enum verify_target {
	VERIFY_NOTHING,				/* it is a number */
	VERIFY_MAP,
	VERIFY_DATA,				/* a section's: .offset */
	VERIFY_KERNEL,				/* something of the kernel's, that is there */
};

struct verify_map {
	unsigned type;				/* enum bpf_map_type */
	uint32_t key, value, entries;
	size_t inner;				/* its elements are such maps; SIZE_MAX: they are none */
	const uint8_t *data;			/* what is in its one element and never changes; NULL: it may be anything */
};

struct verify_address {
	enum verify_target target;
	size_t map;				/* its place; of data, of the map that loaders make of the section */
	int64_t offset;
};

struct verify_function {
	size_t begin, end;
	bool program, global;			/* what is neither is walked at each call */
	struct {
		bool context;
		uint32_t bytes;			/* of memory that it points to; 0: it is the context, or a number */
	} takes[5];				/* global: what it gets */
};

struct verify_code {
	const struct bpf_insn *in;
	size_t n;
	const struct verify_address *address;	/* of each instruction of two words */
	const size_t *callee;			/* of each call: a place in .function; SIZE_MAX: it is the kernel's */
	const char *const *kernel;		/* of each call of one by name: its name */
	const struct verify_function *function;
	size_t n_functions, program;
	const struct verify_map *map;
	size_t n_maps;
	bool locks;				/* elements have locks */
};

struct verify_work {
	size_t instructions;			/* that are walked; more than VERIFY_MOST: nobody knows how many more */
	size_t longest;				/* the most that a packet takes; SIZE_MAX: not known */
};

/* False: the code is none that a verifier takes, as far as is known here; @err says why. */
bool verify(const struct verify_code *c, struct verify_work *out, const char **err);

#endif
