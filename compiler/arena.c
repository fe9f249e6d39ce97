/*
 * Bump allocation in growing chunks. In: sizes. Out: zeroed memory that lives as long as the arena, or until a mark is released. Objects
 * grow from a chunk's beginning, texts from its end, where they need no alignment. Running out of memory ends the process with a message:
 * a compiler has nothing to save, and its output appears only by rename.
 */
#include "arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Under the sanitizer, what is not allocated, or was released, is nobody's to touch. */
#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, size) ((void)(p), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(p, size) ((void)(p), (void)(size))
#endif

/* What is used lies below .used and from .text on; what is between is zero. */
struct chunk {
	struct chunk *next;
	size_t used, text, size;
	_Alignas(16) unsigned char data[];
};

struct arena {
	struct chunk *head;		/* where small things go, newest first */
	struct chunk *large;		/* things with a chunk of their own, newest first */
	struct chunk *spare;		/* all of it zero: the border of a chunk may be crossed to and fro */
	size_t next;			/* bytes of the next one, for small things */
};

/* HEAD: bytes of a chunk that its data cannot have, malloc()'s own with them: so a whole one is a whole number of huge pages. */
enum { CHUNK_FIRST = 64 << 10, CHUNK_MOST = 16 << 20, HUGE_PAGE = 2 << 20, HEAD = sizeof(struct chunk) + 32 };

_Noreturn void arena_fail(void)
{
	static const char msg[] = "xdpfc: out of memory\n";

	fwrite(msg, 1, sizeof(msg) - 1, stderr);
	_Exit(3);
}

void *arena_malloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		arena_fail();
	return p;
}

void *arena_calloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		arena_fail();
	return p;
}

void *arena_realloc(void *p, size_t size)
{
	p = realloc(p, size ? size : 1);
	if (!p)
		arena_fail();
	return p;
}

FILE *arena_stream(char **text, size_t *len)
{
	FILE *f = open_memstream(text, len);

	if (!f)
		arena_fail();
	return f;
}

void arena_stream_close(FILE *f, char *const *text)
{
	bool failed = ferror(f);

	/* the C library is content also where it could not give the text */
	if (fclose(f) != 0 || failed || !*text)
		arena_fail();
}

/* A hundred thousand page faults cost more than what is done with the pages. A wish: nothing depends on it. */
static void wish_huge(void *p, size_t size)
{
	uintptr_t page = (uintptr_t)p & ~(uintptr_t)4095;

	if (size + HEAD >= HUGE_PAGE)
		madvise((void *)page, (uintptr_t)p + size - page, MADV_HUGEPAGE);
}

struct arena *arena_new(void)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (!a)
		arena_fail();
	a->next = CHUNK_FIRST;
	return a;
}

static void chunks_free(struct chunk *c, const struct chunk *end)
{
	for (struct chunk *next; c != end; c = next) {
		next = c->next;
		free(c);
	}
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	chunks_free(a->head, NULL);
	chunks_free(a->large, NULL);
	free(a->spare);
	free(a);
}

static struct chunk *chunk_new(size_t size, struct chunk *next)
{
	struct chunk *c = calloc(1, sizeof(*c) + size);

	if (!c)
		arena_fail();
	wish_huge(c, sizeof(*c) + size);
	c->text = c->size = size;
	c->next = next;
	ASAN_POISON_MEMORY_REGION(c->data, size);
	return c;
}

/* Room for @size bytes in the newest chunk of small things; NULL: it gets a chunk of its own. */
static struct chunk *room(struct arena *a, size_t size)
{
	struct chunk *c = a->head;

	if (c && c->text - c->used >= size)
		return c;
	if (size > a->next / 4)
		return NULL;
	c = a->spare;
	a->spare = NULL;
	if (c && c->size < size) {
		free(c);
		c = NULL;
	}
	if (!c) {
		c = chunk_new(a->next - HEAD, NULL);
		a->next = a->next < CHUNK_MOST ? a->next * 2 : CHUNK_MOST;
	}
	c->next = a->head;
	return a->head = c;
}

/* The same for any size. */
static struct chunk *place(struct arena *a, size_t size)
{
	struct chunk *c;

	if (size > SIZE_MAX / 2)
		arena_fail();
	c = room(a, size);
	return c ? c : (a->large = chunk_new(size, a->large));
}

static size_t rounded(size_t size)
{
	return size > SIZE_MAX / 2 ? size : (size + 15) & ~(size_t)15;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct chunk *c = place(a, rounded(size));

	ASAN_UNPOISON_MEMORY_REGION(c->data + c->used, size);
	c->used += rounded(size);
	return c->data + c->used - rounded(size);
}

/* Without alignment. */
static char *text_alloc(struct arena *a, size_t size)
{
	struct chunk *c = place(a, size);

	c->text -= size;
	ASAN_UNPOISON_MEMORY_REGION(c->data + c->text, size);
	return (char *)c->data + c->text;
}

struct arena_mark arena_mark(const struct arena *a)
{
	const struct chunk *c = a->head;

	return (struct arena_mark){ c, a->large, c ? c->used : 0, c ? c->text : 0 };
}

static void clear(struct chunk *c, size_t used, size_t text)
{
	/* between objects is what they were rounded up by */
	ASAN_UNPOISON_MEMORY_REGION(c->data + used, c->used - used);
	memset(c->data + used, 0, c->used - used);
	memset(c->data + c->text, 0, text - c->text);
	c->used = used;
	c->text = text;
	ASAN_POISON_MEMORY_REGION(c->data + used, text - used);
}

void arena_release(struct arena *a, struct arena_mark m)
{
	chunks_free(a->large, m.large);
	a->large = (struct chunk *)(uintptr_t)m.large;
	while (a->head != m.head) {
		struct chunk *c = a->head;

		a->head = c->next;
		clear(c, 0, c->size);
		free(a->spare);
		a->spare = c;
	}
	if (a->head)
		clear(a->head, m.used, m.text);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		arena_fail();
	return arena_alloc(a, total);
}

void *arena_copy(struct arena *a, const void *p, size_t size)
{
	void *copy = arena_alloc(a, size ? size : 1);

	return size ? memcpy(copy, p, size) : copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *d = text_alloc(a, len + 1);

	memcpy(d, s, len);
	return d;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	int n;
	char *s;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	s = text_alloc(a, (size_t)n + 1);
	vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	return s;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

/* Makes an object that nothing stands behind longer, where it is. */
static bool extend(struct arena *a, const void *p, size_t old, size_t size)
{
	struct chunk *c = a->head;

	old = rounded(old);
	size = rounded(size);
	if (!c || c->used < old || p != c->data + c->used - old || c->text - c->used < size - old)
		return false;
	c->used += size - old;
	ASAN_UNPOISON_MEMORY_REGION(p, size);
	return true;
}

void *vec_grow(struct arena *a, void **v, size_t *n, size_t *cap, size_t size)
{
	enum { FIRST = 16 };	/* bytes: most lists have one element or two */

	if (*n == *cap) {
		size_t want = *cap ? *cap * 2 : size < FIRST ? FIRST / size : 1, total;

		if (__builtin_mul_overflow(want, size, &total))
			arena_fail();
		if (!*cap || !extend(a, *v, *cap * size, total)) {
			void *bigger = arena_alloc(a, total);

			if (*n)
				memcpy(bigger, *v, *n * size);
			*v = bigger;
		}
		*cap = want;
	}
	return (char *)*v + size * (*n)++;
}

void *heap_grow(void **v, size_t *n, size_t *cap, size_t size, size_t more)
{
	size_t need, want = *cap ? *cap : 64, total;

	if (__builtin_add_overflow(*n, more, &need))
		arena_fail();
	/* also where there is nothing yet, and nothing is asked for: it is never NULL */
	if (need > *cap || !*cap) {
		void *bigger;

		/* By half, where it is large. */
		while (want < need)
			want += want < 1 << 20 ? want : want / 2;
		bigger = __builtin_mul_overflow(want, size, &total) ? NULL : realloc(*v, total);
		if (!bigger)
			arena_fail();
		wish_huge(bigger, total);
		*v = bigger;
		*cap = want;
	}
	*n = need;
	return (char *)*v + size * (need - more);
}
