/*
 * A `count` table of the evaluator: packets and bytes by key.
 */
#ifndef XDPF_EVAL_TABLE_H
#define XDPF_EVAL_TABLE_H

#include "eval_cond.h"

struct eval_table;

/* For @c, which outlives it. */
struct eval_table *eval_table_new(const struct ast_counter *c);
void eval_table_free(struct eval_table *t);

enum eval_counted { COUNTED, COUNTED_ABSENT, COUNTED_FULL };

/* Counts the frame under its key, which is made from the table's fields. ABSENT: one of them is not in the frame. FULL: a new key, and the
 * table has XDPF_COUNT_ENTRIES. */
enum eval_counted eval_table_count(struct eval_table *t, const struct eval_view *w);
void eval_table_each(const struct eval_table *t, eval_entry_fn fn, void *arg);

#endif
