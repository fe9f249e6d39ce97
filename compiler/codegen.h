/*
 * From IR to an ELF object, by way of the LLVM C API. The only part of the compiler that knows LLVM is codegen*.c.
 */
#ifndef XDPF_CODEGEN_H
#define XDPF_CODEGEN_H

#include "ir.h"

enum codegen_output { CODEGEN_OBJECT, CODEGEN_ASM, CODEGEN_LLVM };

/*
 * @p is well formed. The result is malloc()ed: LLVM's own ELF object (see object.h for what makes it ours), or text. False: an error in
 * @d; nothing is allocated then. LLVM ends the process for what it considers a defect of its caller.
 */
bool codegen_program(const struct ir_program *p, const char *mcpu, enum codegen_output what, struct diag_list *d, void **out, size_t *len);

/* Maps that the object has beside those that loaders make of its sections. */
struct codegen_map {
	const char *name, *type;	/* "percpu_array"; static or in the arena */
	unsigned kind;			/* enum bpf_map_type */
	uint64_t key, value;		/* bytes of each */
	uint64_t inner;			/* … of the one element of each array that is an element; 0: elements are none */
	uint64_t entries;
	bool per_cpu;
	uint64_t bytes;			/* about what the kernel takes for it when it is full; .per_cpu: for each CPU */
	uint64_t shared;		/* .per_cpu: and for all together */
};

struct codegen_maps {
	VEC(struct codegen_map) list;
};

/* An object, and which maps it has. */
bool codegen_object(const struct ir_program *p, const char *mcpu, struct diag_list *d, void **out, size_t *len, struct codegen_maps *maps);

#endif
