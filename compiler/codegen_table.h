/*
 * Internal to the look-ups in constant sets (codegen_table*.c): what the function of an engine is built with. See table/set.h for the layouts.
 */
#ifndef XDPF_CODEGEN_TABLE_H
#define XDPF_CODEGEN_TABLE_H

#include "codegen_priv.h"

struct cg_table {
	struct cg *g;
	unsigned words;
	V image, off, head;		/* where the image and, in it, the table begin; its head */
	uint64_t size;			/* of the image */
	V key[SET_MAX_WORDS];
	BB no, end;			/* 0 is the answer; the answer is .result */
	V result;
	V states;			/* NULL, or: what HASH answers is the key's place there, and one */
};

/* ---- codegen_table.c ---- */

/* The address of @bytes at byte @at of the table, if they are in the image; else the answer is 0. */
V cg_table_at(struct cg_table *t, V at, unsigned bytes);
/* A member of the head. */
V cg_table_head(struct cg_table *t, size_t member, unsigned bytes);
/* 1 if a < b, for any two numbers, without a branch (Hacker's Delight, 2-12). */
V cg_table_less(struct cg *g, V a, V b);
/* Ends the block. */
void cg_table_answer(struct cg_table *t, V v);

/* ---- one per engine; each ends in answers ---- */

void cg_table_bits(struct cg_table *t);
void cg_table_pages(struct cg_table *t);
void cg_table_dir24(struct cg_table *t);
void cg_table_bounds(struct cg_table *t);
void cg_table_search(struct cg_table *t);
/* The last boundary that is not above the key, or the first. */
V cg_table_search_at(struct cg_table *t);
void cg_table_hash(struct cg_table *t, bool narrow);	/* keys of 32 bits */
void cg_table_trie(struct cg_table *t);
void cg_table_quotient(struct cg_table *t);

#endif
