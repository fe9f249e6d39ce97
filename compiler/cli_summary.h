/*
 * What the text and the JSON of a run's summary share.
 */
#ifndef XDPF_CLI_SUMMARY_H
#define XDPF_CLI_SUMMARY_H

#include <stdio.h>

#include "ast.h"
#include "eval.h"

typedef void (*miss_fn)(void *arg, const struct ast_unit *u, const struct ast_rule *r, const struct ast_action *a);
typedef void (*limit_fn)(void *arg, const struct ast_limit *l);

/* The rules of unit @i are those whose indexes stand between the last unit's default and its own. */
unsigned summary_first_index(const struct ast_program *p, size_t i);
/* Packets that reached the file: its deciding rules' and its default's. */
struct eval_count summary_reached(const struct ast_program *p, const struct eval *e, size_t unit);
/* Does any file count? Where none does, verdicts are not counted either. */
bool summary_any_counts(const struct ast_program *p);
/* The way of a rule's verdict or of the default's; NULL: it has none. */
const struct ast_way *summary_way(const struct ast_program *p, const struct ast_unit *u, unsigned index);
/* Do the books balance? Each file is reached by what the one before it passed, and a verdict's packets are those of the rules that say it;
 * as far as the files count. */
bool summary_balanced(const struct ast_program *p, const struct eval *e);
/* Calls @fn for each action that may find nothing to do. */
void summary_each_miss(const struct ast_program *p, miss_fn fn, void *arg);
/* Calls @fn for each limit that is used, in the order of their indexes. */
void summary_each_limit(const struct ast_program *p, limit_fn fn, void *arg);

void summary_text(const struct ast_program *p, const struct eval *e, FILE *out);
void summary_json(const struct ast_program *p, const struct eval *e, FILE *out);

#endif
