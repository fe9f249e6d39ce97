/*
 * One arena per compilation: everything the compiler makes lives until the compilation ends. What is needed for a moment only stands in an
 * arena of its own, whose marks are released. Allocation does not fail: when memory is out, the process ends (see arena.c).
 */
#ifndef XDPF_ARENA_H
#define XDPF_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "known.h"

struct arena;

struct arena *arena_new(void) NEVER_NULL;
void arena_free(struct arena *a);
/* What happens when memory is out: a message, and the end of the process with status 3. */
_Noreturn void arena_fail(void);
/* As those of the C library, but for that: also for libraries, some of which would go on with less than was asked of them. */
void *arena_malloc(size_t size) NEVER_NULL;
void *arena_calloc(size_t n, size_t size) NEVER_NULL;
void *arena_realloc(void *p, size_t size) NEVER_NULL;
/* A stream to a text in memory, and its end; free(*text) frees that. */
FILE *arena_stream(char **text, size_t *len) NEVER_NULL;
void arena_stream_close(FILE *f, char *const *text);
/* @size zeroed bytes, aligned for any object. */
void *arena_alloc(struct arena *a, size_t size) NEVER_NULL;
/* @n zeroed elements of @size bytes; an overflow of the product counts as out of memory. */
void *arena_array(struct arena *a, size_t n, size_t size) NEVER_NULL;
void *arena_copy(struct arena *a, const void *p, size_t size) NEVER_NULL;
/* @len bytes of @s and a NUL. */
char *arena_strndup(struct arena *a, const char *s, size_t len) NEVER_NULL;
char *arena_printf(struct arena *a, const char *fmt, ...) NEVER_NULL __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) NEVER_NULL __attribute__((format(printf, 2, 0)));

/* Where an arena was: what was allocated since then goes with arena_release(). Marks are released in the opposite order of theirs. */
struct arena_mark {
	const void *head, *large;
	size_t used, text;
};

struct arena_mark arena_mark(const struct arena *a);
void arena_release(struct arena *a, struct arena_mark m);

/* A growing array in an arena: VEC(struct foo) foos; *vec_add(a, &foos) = x. */
#define VEC(T) struct { T *v; size_t n, cap; }
#define vec_add(a, vec) ((__typeof__((vec)->v))vec_grow((a), (void **)&(vec)->v, &(vec)->n, &(vec)->cap, sizeof(*(vec)->v)))
/* Makes room for one more element and returns it, zeroed; old elements may move. */
void *vec_grow(struct arena *a, void **v, size_t *n, size_t *cap, size_t size) NEVER_NULL;
/* As qsort(), which takes no array that is not there. */
#define vec_sort(vec, compare) ((vec)->n ? qsort((vec)->v, (vec)->n, sizeof(*(vec)->v), (compare)) : (void)0)

/* The same in no arena, for what becomes large and is needed for a moment: nothing is left behind where it grows, and free(foos.v) frees it.
 * @more elements at once, not zeroed: the first of them. */
#define heap_add(vec, more) ((__typeof__((vec)->v))heap_grow((void **)&(vec)->v, &(vec)->n, &(vec)->cap, sizeof(*(vec)->v), (more)))
void *heap_grow(void **v, size_t *n, size_t *cap, size_t size, size_t more) NEVER_NULL;

#endif
