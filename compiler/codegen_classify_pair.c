/*
 * The look-up in a table of pairs of classes (runtime/table/pair.h). In: what the packet says of two long dimensions, and what merged tuples have of
 * it. Out: the key of the first record that matches, where that is earlier than what was found so far.
 */
#include "codegen_classify.h"

#include <stddef.h>

static V bin(struct cg *g, LLVMOpcode op, V a, V b)
{
	return LLVMBuildBinOp(g->b, op, a, b, "");
}

static void go_if(struct cg *g, LLVMIntPredicate p, V a, V b, BB there, const char *else_here)
{
	BB here = cg_block(g, else_here);

	cg_branch(g, LLVMBuildICmp(g->b, p, a, b, ""), there, here);
	cg_place(g, here);
}

static V part(struct cg *g, V record, size_t off, unsigned bytes)
{
	return cg_load(g, cg_atc(g, record, off), bytes, bytes);
}

static V head(struct cg_tuple *c, unsigned number)
{
	return cg_described(c->g, c->t->pair.at + 4 * number);
}

static V class_of(struct cg_tuple *c, unsigned i, const struct cg_dim *said)
{
	const struct rfc_dim *d = &c->t->pair.dim[i];

	return cg_map_class(c->l, d, c->t->dim[i], said);
}

/* The address of the record at @place. */
static V record(struct cg_tuple *c, V place)
{
	struct cg *g = c->g;
	V off = bin(g, LLVMAdd, head(c, PAIR_RECORDS), bin(g, LLVMMul, place, cg_c(g, sizeof(struct pair_record))));

	return cg_inside(c->l, off, sizeof(struct pair_record));
}

/* The records of a pair, the first at address @first. */
static void records(struct cg_tuple *c, V first, BB done, BB sure)
{
	struct cg *g = c->g;
	BB before = LLVMGetInsertBlock(g->b), look = cg_block(g, "record"), none = cg_block(g, "another"), again;
	V at, key, rest, n, more, k = cg_alloca(g, g->i64, "records");

	LLVMBuildStore(g->b, cg_c(g, 0), k);
	LLVMBuildBr(g->b, look);
	cg_place(g, look);
	at = LLVMBuildPhi(g->b, g->ptr, "");
	LLVMAddIncoming(at, &first, &before, 1);
	key = part(g, at, offsetof(struct pair_record, key), 4);
	go_if(g, LLVMIntUGE, key, LLVMBuildLoad2(g->b, g->i64, c->best, ""), done, "earlier");
	rest = bin(g, LLVMMul, part(g, at, offsetof(struct pair_record, rest), 2), cg_c(g, sizeof(struct tuple_rest)));
	rest = cg_inside(c->l, bin(g, LLVMAdd, head(c, PAIR_RESTS), rest), sizeof(struct tuple_rest));
	go_if(g, LLVMIntNE, cg_tuple_rest_bad(c, rest), cg_c(g, 0), none, "it matches");
	LLVMBuildStore(g->b, key, c->best);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULT, part(g, at, offsetof(struct pair_record, next), 4), cg_c(g, PAIR_UNSURE), ""), sure, done);
	cg_place(g, none);
	more = bin(g, LLVMAnd, part(g, at, offsetof(struct pair_record, next), 4), cg_c(g, PAIR_UNSURE - 1));
	go_if(g, LLVMIntEQ, more, cg_c(g, 0), done, "more");
	n = LLVMBuildAdd(g->b, LLVMBuildLoad2(g->b, g->i64, k, ""), cg_c(g, 1), "");
	go_if(g, LLVMIntEQ, n, cg_c(g, PAIR_CHAIN), done, "in bounds");
	LLVMBuildStore(g->b, n, k);
	more = record(c, more);
	again = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, look);
	LLVMAddIncoming(at, &more, &again, 1);
}

void cg_pair_find(struct cg_tuple *c, const struct cg_dim *said, BB sure)
{
	struct cg *g = c->g;
	BB done = cg_block(g, "pairs done");
	bool again = c->l->again;
	V a, b, first;

	c->l->again = false;
	a = class_of(c, 0, said);
	b = class_of(c, 1, said);
	c->l->again = true;
	first = record(c, bin(g, LLVMAdd, bin(g, LLVMShl, a, head(c, PAIR_SHIFT)), b));
	go_if(g, LLVMIntNE, part(g, first, offsetof(struct pair_record, row), 2), bin(g, LLVMAdd, a, cg_c(g, 1)), done, "its own");
	records(c, first, done, sure);
	cg_place(g, done);
	c->l->again = again;
}
