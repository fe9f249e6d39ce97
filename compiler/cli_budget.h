/*
 * Internal to xdpfc --budget.
 */
#ifndef XDPF_CLI_BUDGET_H
#define XDPF_CLI_BUDGET_H

#include "cli.h"
#include "compile_budget.h"

/* "rules.xdpf", and the line. */
const char *budget_file(const struct ast_rule *r);
unsigned budget_line(const struct ast_rule *r);
/* "one by one", "rfc". */
const char *budget_engine(const struct ir_segment *s);
/* The place of @s in the list. */
size_t budget_place(const struct budget *b, const struct ir_segment *s);

/* @exceeded: names of what is more than was allowed, up to NULL. */
void budget_text(const struct budget *b, FILE *out);
void budget_json(const struct budget *b, const char *const *exceeded, FILE *out);

#endif
