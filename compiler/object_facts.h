/*
 * What a finished object is.
 */
#ifndef XDPF_OBJECT_FACTS_H
#define XDPF_OBJECT_FACTS_H

#include "arena.h"

/* A section of data, which loaders make a map of. */
struct object_data {
	const char *name;		/* ".rodata" */
	size_t bytes;
};

struct object_facts {
	size_t instructions;		/* as the kernel counts them: one that loads 64 bits is two */
	VEC(struct object_data) data;
};

/* Of an object that object_finish() made; names are in @a. False: it is none. */
bool object_facts(struct arena *a, void *obj, size_t len, struct object_facts *f);

#endif
