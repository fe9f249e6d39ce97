/*
 * Sets that live, in the evaluator: its own, which begin as the file declares, with the packet's clock.
 */
#ifndef XDPF_EVAL_SET_H
#define XDPF_EVAL_SET_H

#include "eval_cond.h"

struct eval_sets *eval_sets_new(const struct ast_program *p);
void eval_sets_free(struct eval_sets *e);
/* Elements that live at @now. */
size_t eval_sets_size(const struct eval_sets *e, const struct ast_set *set, uint64_t now);
void eval_sets_each(const struct eval_sets *e, const struct ast_set *set, uint64_t now, eval_element_fn fn, void *arg);
struct eval_set_count eval_sets_count(const struct eval_sets *e, const struct ast_set *set);
/* One element in or out, not by a packet, and not counted. False: no room. */
bool eval_sets_put(struct eval_sets *e, const struct ast_set *set, const struct range *element, uint64_t until, uint64_t now);
void eval_sets_take(struct eval_sets *e, const struct ast_set *set, const struct range *element);
/* Is the key in the set now? Its fields are there, or it is not. */
bool eval_sets_has(const struct eval_view *w, const struct ast_set *set, struct ast_operand *const *key);

enum eval_set_done { SET_DONE, SET_ABSENT, SET_FULL };

/* `add` or `remove`. ABSENT: the key has a field that is not in the packet, or an address of a family that the set does not hold. */
enum eval_set_done eval_sets_act(const struct eval_view *w, const struct ast_action *a);

#endif
