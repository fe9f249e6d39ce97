/*
 * A queue of things of one size. In: things. Out: the same, in the order in which they came. It grows as it is used.
 */
#include "eval_queue.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"

static void grow(struct eval_queue *q)
{
	size_t cap = q->cap ? 2 * q->cap : 64;
	unsigned char *item = arena_malloc(cap * q->size);

	for (size_t i = 0; i < q->n; i++)
		memcpy(item + i * q->size, q->item + (q->head + i) % q->cap * q->size, q->size);
	free(q->item);
	q->item = item;
	q->cap = cap;
	q->head = 0;
}

bool eval_queue_push(struct eval_queue *q, const void *item)
{
	if (q->n >= q->max)
		return false;
	if (q->n == q->cap)
		grow(q);
	memcpy(q->item + (q->head + q->n++) % q->cap * q->size, item, q->size);
	return true;
}

bool eval_queue_pop(struct eval_queue *q, void *item)
{
	if (!q->n)
		return false;
	memcpy(item, q->item + q->head * q->size, q->size);
	q->head = (q->head + 1) % q->cap;
	q->n--;
	return true;
}

void eval_queue_free(struct eval_queue *q)
{
	free(q->item);
}
