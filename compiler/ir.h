/*
 * The intermediate representation: one function per program, blocks in the order in which they shall be laid out, 64-bit unsigned
 * numbers throughout.
 *
 * A temporary is defined once and used only later in its own block; what crosses blocks is a variable. Packet bytes come only from
 * FETCH, which has an edge for "not there", so that bounds are the code generator's business alone. Offsets are from the frame's first
 * byte; they are below IR_MAX_OFF where they reach FETCH.
 */
#ifndef XDPF_IR_H
#define XDPF_IR_H

#include "ast.h"
#include "classify.h"
#include "table/image.h"
#include "table/set.h"

enum ir_op {
#define OP(ID, name, nopnd, result) IR_##ID,
#define TERM(ID, name, nopnd, ntarget) IR_##ID,
#include "ops.def"
#undef OP
#undef TERM
	IR_OP_COUNT
};

enum {
	IR_MAX_OFF = 0x7fff,	/* greatest offset of a header */
	IR_MAX_FETCH = 64,	/* bytes */
	IR_FLOW_ARGS = 7,	/* source and destination of two words each, ports, protocol */
};

enum ir_opnd_kind { IR_IMM, IR_TEMP };

struct ir_opnd {
	enum ir_opnd_kind kind;
	uint64_t v;		/* the number, or the temporary's id */
};

typedef uint32_t ir_var;

struct ir_load {
	ir_var var;
	unsigned delta, size;	/* bytes from the fetch's offset; 1, 2, 4, 8; the variable gets them as a little-endian number */
};

/* What a packet says of a dimension: which field is there, and its number (.hi == .lo: of one word). */
struct ir_dim {
	ir_var which, hi, lo;
	bool soon;			/* .class is what CLASS said of them, while the packet was dissected */
	ir_var class;
};

struct ir_block;

struct ir_inst {
	enum ir_op op;
	uint32_t temp;			/* defined here, where the op has a result */
	struct ir_opnd a, b;
	ir_var var;
	uint64_t imm;
	bool is_given;			/* .given is what .imm is without it (TALLY, ADDSET: .slot; LOG: .args say its pace and its rule) */
	struct ir_opnd given;
	bool early;			/* FETCH: before anything else that might make its pointer known in different ways */
	struct span span;		/* src NULL: of no rule */
	VEC(struct ir_opnd) args;	/* MEMBER, TALLY, LIMIT */
	VEC(struct ir_load) loads;	/* FETCH, PLACE, RECORD */
	VEC(struct ir_dim) dims;	/* CLASSIFY */
	VEC(uint64_t) cases;		/* SWITCH */
	enum verdict verdict;		/* DECIDE */
	bool counted;			/* DECIDE: adds the packet to .imm's counter too */
	bool noted;			/* DECIDE, COUNT: by whom NOTE said, not .imm */
	unsigned dim, place;		/* CLASS */
	bool behind;			/* CLASS: behind another, in the same block */
	unsigned slot;			/* TALLY: counts here if the table is full */
	struct ir_block *target[2];
};

struct ir_block {
	unsigned id;			/* position in ir_program.block once placed */
	bool placed;
	bool final;			/* ends the program: nothing comes back from there */
	unsigned part;			/* the function that it stands in: 1 and its place in ir_program.part; 0: the program's own */
	const char *name;
	VEC(struct ir_inst) inst;	/* the last one is the terminator */
};

/* A constant set that MEMBER asks: its elements, and its table in the program's image (engine SET_AUTO: nothing asks it). */
struct ir_table {
	const char *name;
	struct span span;		/* of the first comparison that uses it */
	struct set_elements set;
	struct set_table table;
	size_t described;		/* where in the image it says where that is */
};

/* A table of classify_what(): where in the image it says where that is, and its elements. */
struct ir_whats {
	size_t described, n;
};

/* A rule that is code though its segment has tables. */
struct ir_code {
	const struct ast_rule *rule;
	const char *why;
};

/* Rules of one list that follow each other and are found in one way. For show. */
struct ir_segment {
	const struct ast_rule *first, *last;	/* the last one as the text has it: it may stand in a block */
	size_t n;				/* with those in blocks, unless these are a segment of their own */
	const struct classifier *classifier;	/* NULL: one by one */
	const char *why;			/* so and not otherwise; NULL: nothing to say */
	const char *ends;			/* .classifier: why not one of the rules behind has it too; NULL: there are none */
	VEC(struct ir_code) code;		/* .classifier */
	struct ir_segment *inside;		/* one with the block in which these rules stand; NULL: none */
	size_t bodies;				/* .code: how many pieces of code that is, where rules that are alike share one; 0: one each */
	bool few;				/* one by one since there are so few of them */
};

struct ir_program {
	struct arena *arena;
	const struct ast_program *ast;
	VEC(struct ir_block *) block;
	VEC(struct ir_block *) part;	/* where functions of their own begin: only there another part leads into one */
	VEC(const char *) var;		/* names */
	VEC(ir_var) kept;		/* of them: what dissection leaves for the rules */
	unsigned options;		/* kinds of TCP options that OPTIONS must find: bits, by their places in lang_options */
	bool scratch;			/* these live in a per-CPU map, and each GET reads them anew: see lower.h */
	bool buffers;			/* so do buffers */
	bool plain;			/* see struct lower_options */
	bool deferred;			/* rules' packets are noted before they are counted: see struct xdpf_pending */
	bool conn;			/* it asks for a connection's state */
	unsigned rx;			/* what it asks drivers: bits 1 << enum xdpf_rx_hint */
	VEC(struct ir_table *) table;
	struct image image;		/* constant tables */
	size_t image_used;		/* bytes of it; behind them is room */
	VEC(const struct classifier *) classifier;
	VEC(struct ir_segment *) segment;	/* in the order of the text */
	/* with classifiers: rules' indexes are numbers in the image, in a table from element 1 on; where it says where that is; by index, which */
	size_t indexes;
	uint32_t *index_place;
	VEC(uint32_t) index_used;	/* by element less one: which rule's index it is */
	size_t n_indexes;		/* elements of that table */
	VEC(struct ir_whats) whats;	/* tables of what entries do, which speak of indexes too */
	bool limit_rows;		/* what limits say stands in the image: struct limit_row, by limit */
	size_t limits;			/* where in the image it says where that is */
	uint32_t n_temps;
};

/* ---- ir.c: building ---- */

struct ir_block *ir_block_new(struct ir_program *p, const char *name);
/* Appends the block to the layout; each exactly once. */
void ir_block_place(struct ir_program *p, struct ir_block *b);
ir_var ir_var_new(struct ir_program *p, const char *name);
ir_var ir_var_kept(struct ir_program *p, const char *name);
struct ir_inst *ir_add(struct ir_program *p, struct ir_block *b, enum ir_op op, struct span sp);
static inline struct ir_opnd ir_imm(uint64_t v)
{
	return (struct ir_opnd){ IR_IMM, v };
}
bool ir_is_term(enum ir_op op);
const char *ir_op_name(enum ir_op op);
unsigned ir_op_operands(enum ir_op op);
unsigned ir_op_targets(enum ir_op op);
bool ir_op_result(enum ir_op op);

/* ir_dump.c: as text, for golden files and --emit=ir. */
void ir_dump(const struct ir_program *p, FILE *out);
/* ir_cost.c: what a packet has looked up at the most. */
struct ir_cost {
	size_t reads;			/* of constant tables */
	size_t maps;			/* of the kernel's maps, for sets that change, limits and count tables: there they are sought by a key */
};

struct ir_cost ir_cost(const struct ir_program *p);
/* ir_check.c: NULL if well formed, else what is wrong (in the arena). */
const char *ir_check(const struct ir_program *p);

/* Are rules' packets counted at once, or noted first? */
enum counting { COUNTING_AUTO, COUNTING_AT_ONCE, COUNTING_DEFERRED };

/* What is in a map in any case, where the stack has no room for it. */
enum off_stack { OFF_STACK_NONE, OFF_STACK_VARIABLES, OFF_STACK_BUFFERS /* too */ };

struct lower_options {
	enum counting counting;
	struct classify_options classify;
	struct set_options sets;
	enum off_stack off_stack;
	unsigned apart;			/* rules' code is in functions of so many rules; 0: in the program's own */
	bool plain;			/* nothing is done to make code shorter or faster, of AUTO the simplest is taken: to compare with */
};

/* lower.c: a checked program to IR. Files too large for one program are an error in @d, and NULL. */
struct ir_program *lower_program(const struct ast_program *ast, const struct lower_options *o, struct diag_list *d);

#endif
