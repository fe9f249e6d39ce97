/*
 * The pipeline: from texts to a checked tree, to IR, to an object. Nothing here prints or exits, except that LLVM may end the process
 * when it is given something it cannot compile (see codegen.c).
 */
#ifndef XDPF_COMPILE_H
#define XDPF_COMPILE_H

#include "ast.h"
#include "ir.h"

struct compile_options {
	const char *mcpu;		/* "v3" (default when NULL), "v4" */
	struct lower_options lower;
	size_t verified;		/* a warning, where the verifier may walk more instructions; 0: than kernels allow */
};

enum { COMPILE_TABLE_MEMORY = 128 };	/* MiB, where nothing is said */

/* compile_names.c: engines and ways of counting by their names, "auto" among them. False: there is none. */
bool compile_engine(const char *name, enum classify_engine *out);
bool compile_counting(const char *name, enum counting *out);

enum compile_emit { EMIT_AST, EMIT_IR, EMIT_LLVM, EMIT_ASM };

/* Parses and checks @n sources as one program. NULL if there were errors (see @d). */
struct ast_program *compile_front(struct arena *a, const struct source *const *sources, size_t n, struct diag_list *d);
/* The same; files that they name come from @r, as the system's paths of @sources do not either. */
struct ast_program *compile_front_with(struct arena *a, const struct source_reader *r, const struct source *const *sources, size_t n,
				       struct diag_list *d);
/* Texts that a program keeps of what it was made of, in the order in which they were read: rule files, what they include, elements of sets. */
struct compile_texts {
	const struct source *const *v;
	size_t n, n_files;		/* of them, rule files that were given; 0: there is nothing kept */
};

/* The same, with packets that are asked about, and sets that begin otherwise. */
struct compile_asked {
	const struct source *steps;	/* NULL: no packets */
	bool packet;			/* they are one packet's fields, and not steps of a test */
	const char *const *filled;	/* what sets begin with: "NAME=PATH", or "FILE:NAME=PATH" */
	size_t n_filled;
	bool elements;			/* sets know where each of their elements is written */
	const struct compile_texts *texts;	/* NULL, or in place of sources; without its tests */
};
struct ast_program *compile_front_asked(struct arena *a, const struct source_reader *r, const struct source *const *sources, size_t n,
					const struct compile_asked *asked, struct diag_list *d);
/* Whether a checked program will compile: what only shows behind the front is told here too. */
bool compile_check(const struct ast_program *p, const struct compile_options *o, struct diag_list *d);
/* Code for a checked program: an ELF object in memory, which goes with compile_object_free(). False: see @d. */
bool compile_object(const struct ast_program *p, const struct compile_options *o, struct diag_list *d, void **obj, size_t *len);
void compile_object_free(void *obj, size_t len);
/* A stage of it as text, as compile_object() would take it. False: see @d. */
bool compile_emit(const struct ast_program *p, const struct compile_options *o, enum compile_emit what, struct diag_list *d, FILE *out);

#endif
