/*
 * All constant tables of a program, one behind the other, as the program finds them in memory: so they are changed together. A table is known
 * by where it begins. Numbers in it are little-endian, as the programs read them.
 */
#ifndef XDPF_TABLE_IMAGE_H
#define XDPF_TABLE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero it to begin with. */
struct image {
	unsigned char *v;		/* of malloc() */
	size_t n, cap;
	size_t head;			/* bytes of the head that are taken */
	bool failed;			/* memory is out, or it would be more than IMAGE_MOST bytes */
};

enum {
	IMAGE_MOST = 1 << 29,		/* offsets below it: the kernel's BPF_MAX_VAR_OFF */
	IMAGE_HEAD = 1 << 15,		/* bytes before all tables, which say where those are and how large: in one place in all versions */
};


/* Begins an empty one with @n bytes in the place of IMAGE_HEAD. */
void image_begin(struct image *m, size_t n);
/* @n zeroed bytes at a multiple of @align (a power of two, at most 4096): where they begin. 0, and .failed, where there is no room. What
 * image_at() returned before is no more. */
size_t image_add(struct image *m, size_t n, size_t align);
/* The same, in the head while there is room. */
size_t image_describe(struct image *m, size_t n, size_t align);
static inline void *image_at(const struct image *m, size_t off)
{
	return m->v + off;
}
/* Room for what the next version of the same tables may need more: an eighth, and on to the next of four sizes between two powers of two. What
 * has this size may take an image's place. */
void image_pad(struct image *m);
/* The size that it makes of @n. */
size_t image_room(size_t n);
/* How far it is filled, and what was added since then is no more. */
struct image_mark {
	size_t n, head;
};

static inline struct image_mark image_mark(const struct image *m)
{
	return (struct image_mark){ m->n, m->head };
}
void image_cut(struct image *m, struct image_mark to);
void image_free(struct image *m);

#endif
