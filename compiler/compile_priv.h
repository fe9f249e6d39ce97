/*
 * Internal to the pipeline: what its files share.
 */
#ifndef XDPF_COMPILE_PRIV_H
#define XDPF_COMPILE_PRIV_H

#include "codegen.h"
#include "compile.h"
#include "object_facts.h"

/* What is known of an object on the way to it. */
struct compile_facts {
	const struct ir_program *ir;		/* without its image */
	size_t image;				/* bytes of that */
	struct codegen_maps maps;
	size_t verified;			/* as struct object_facts has it, if .brief */
	const char *shape;			/* as struct budget has it */
};

/* As compile_object(), without its warning. */
bool compile_with_facts(const struct ast_program *p, const struct compile_options *o, struct diag_list *d, void **obj, size_t *len,
			struct compile_facts *facts);

/* What the object is, of which @facts were gathered; @brief as struct object_facts has it. False: an error. */
bool compile_look(struct diag_list *d, void *obj, size_t len, const struct compile_facts *facts, bool brief, struct object_facts *out);

/* compile_texts.c: parses what is kept into @p, in place of files. */
bool compile_parse_texts(struct ast_program *p, const struct compile_texts *all, struct diag_list *d);

#endif
