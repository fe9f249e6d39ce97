/*
 * What a program will cost: of the object as it is written, nothing of the machine that it will run on.
 */
#ifndef XDPF_COMPILE_BUDGET_H
#define XDPF_COMPILE_BUDGET_H

#include "compile.h"
#include "object_facts.h"

struct budget_map {
	const char *name, *type;		/* as `bpftool map` has them */
	uint64_t entries;			/* 0: it has none */
	bool per_cpu;
	uint64_t bytes;				/* .per_cpu: for each CPU */
	uint64_t shared;			/* .per_cpu: and for all together */
};

/* So many instructions may be walked without another shape being tried: other kernels' verifiers walk more, but not three times as many. */
enum { COMPILE_WALKED = OBJECT_VERIFIED / 10 * 3 };

struct budget {
	struct object_facts code;		/* its functions, lines and longest path */
	const char *shape;			/* what is otherwise with it than with others, so that kernels take it; NULL: nothing */
	const struct ast_rule **rule;		/* of each of its lines; NULL: there is none, or several share it */
	struct ir_cost most;			/* a packet */
	VEC(struct budget_map) map;
	uint64_t bytes, per_cpu;		/* of all of them */
	size_t image, image_used;		/* the tables' map, and what of it is tables; 0: there are none */
	const struct ir_program *ir;		/* segments, tables, classifiers; its image is no more */
};

/* Compiles a checked program, and keeps what is to be said of it; in @d's arena. False: see @d. */
bool compile_budget(const struct ast_program *p, const struct compile_options *o, struct diag_list *d, struct budget *out);

/* "edge.xdpf:31 telnet"; in @a. */
const char *budget_line_shown(struct arena *a, const struct budget *b, size_t line);
/* Places of the lines that rules have, those of the most instructions first; in @a. */
size_t *budget_most(struct arena *a, const struct budget *b, size_t *n);

/* "rules.xdpf", and the line. */
const char *budget_file(const struct ast_rule *r);
unsigned budget_line(const struct ast_rule *r);
/* "one by one", "rfc". */
const char *budget_engine(const struct ir_segment *s);
/* "1.5 MiB", in @room. */
const char *budget_size(char room[32], uint64_t bytes);
/* The place of @s in the list. */
size_t budget_place(const struct budget *b, const struct ir_segment *s);

/* @exceeded: names of what is more than was allowed, up to NULL. */
void budget_text(struct arena *a, const struct budget *b, FILE *out);
void budget_json(struct arena *a, const struct budget *b, const char *const *exceeded, FILE *out);

#endif
