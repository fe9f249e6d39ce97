/*
 * Keys of count tables and limits in the evaluator: a value and a family per field, for slices one per 16 bytes.
 */
#ifndef XDPF_EVAL_KEY_H
#define XDPF_EVAL_KEY_H

#include "eval_cond.h"

size_t eval_key_words(struct ast_operand *const *key, size_t n);
/* The frame's key. False: one of its fields is absent. */
bool eval_key(const struct eval_view *w, struct ast_operand *const *key, size_t n, struct value *value, enum family *family);

#endif
