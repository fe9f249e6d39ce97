/*
 * A queue of things of one size, as the kernel's map of that kind: first in, first out, with a bound.
 */
#ifndef XDPF_EVAL_QUEUE_H
#define XDPF_EVAL_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct eval_queue {
	unsigned char *item;	/* .cap of them, of .size bytes; the first at .head, the rest behind it and around */
	size_t size, head, n, cap;
	size_t max;		/* how many it holds at most */
};

/* False: it is full, or there is no memory. */
bool eval_queue_push(struct eval_queue *q, const void *item);
/* False: it is empty. */
bool eval_queue_pop(struct eval_queue *q, void *item);
void eval_queue_free(struct eval_queue *q);

#endif
