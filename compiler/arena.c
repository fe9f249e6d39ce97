/*
 * Bump allocation in growing chunks. In: sizes. Out: zeroed memory that lives as long as the arena. Running out of memory ends the
 * process with a message: a compiler has nothing to save, and its output appears only by rename.
 */
#include "arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(16) unsigned char data[];
};

struct arena {
	struct chunk *head;
};

static _Noreturn void out_of_memory(void)
{
	static const char msg[] = "xdpfc: out of memory\n";

	fwrite(msg, 1, sizeof(msg) - 1, stderr);
	_Exit(3);
}

struct arena *arena_new(void)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (!a)
		out_of_memory();
	return a;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct chunk *c = a->head, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(a);
}

void *arena_alloc(struct arena *a, size_t size)
{
	enum { CHUNK = 64 * 1024 };
	struct chunk *c = a->head;

	if (size > SIZE_MAX / 2)
		out_of_memory();
	size = (size + 15) & ~(size_t)15;
	if (!c || c->size - c->used < size) {
		size_t want = size > CHUNK ? size : CHUNK;

		c = calloc(1, sizeof(*c) + want);
		if (!c)
			out_of_memory();
		c->size = want;
		c->next = a->head;
		a->head = c;
	}
	c->used += size;
	return c->data + c->used - size;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		out_of_memory();
	return arena_alloc(a, total);
}

void *arena_copy(struct arena *a, const void *p, size_t size)
{
	return memcpy(arena_alloc(a, size ? size : 1), p, size);
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *d = arena_alloc(a, len + 1);

	memcpy(d, s, len);
	return d;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, ap2;
	int n;
	char *s;

	va_start(ap, fmt);
	va_copy(ap2, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	s = arena_alloc(a, (size_t)n + 1);
	vsnprintf(s, (size_t)n + 1, fmt, ap2);
	va_end(ap2);
	return s;
}

void *vec_grow(struct arena *a, void **v, size_t *n, size_t *cap, size_t size)
{
	if (*n == *cap) {
		size_t want = *cap ? *cap * 2 : 8;
		void *bigger = arena_array(a, want, size);

		if (*n)
			memcpy(bigger, *v, *n * size);
		*v = bigger;
		*cap = want;
	}
	return (char *)*v + size * (*n)++;
}
