/*
 * An image grows by doubling. In: how much is wanted. Out: a place in it, or .failed, which stays: who adds several things asks once.
 */
#include "image.h"

#include <stdlib.h>
#include <string.h>

static size_t add(struct image *m, size_t n, size_t align)
{
	size_t off = (m->n + align - 1) & ~(align - 1), cap = m->cap ? m->cap : 4096;

	if (m->failed || off > IMAGE_MOST || n > IMAGE_MOST - off) {
		m->failed = true;
		return 0;
	}
	while (cap < off + n)
		cap *= 2;
	if (cap != m->cap) {
		unsigned char *grown = realloc(m->v, cap);

		if (!grown) {
			m->failed = true;
			return 0;
		}
		memset(grown + m->cap, 0, cap - m->cap);
		m->v = grown;
		m->cap = cap;
	}
	m->n = off + n;
	return off;
}

void image_begin(struct image *m, size_t n)
{
	add(m, n, 1);
}

size_t image_add(struct image *m, size_t n, size_t align)
{
	if (!m->n)
		add(m, IMAGE_HEAD, 1);
	return add(m, n, align);
}

size_t image_describe(struct image *m, size_t n, size_t align)
{
	size_t off = (m->head + align - 1) & ~(align - 1);

	if (!m->n)
		add(m, IMAGE_HEAD, 1);
	if (off > IMAGE_HEAD || n > IMAGE_HEAD - off)
		return add(m, n, align);
	m->head = off + n;
	return off;
}

size_t image_room(size_t n)
{
	size_t step = 64, want = n + n / 8;

	while (step * 8 <= want)
		step *= 2;
	return (want + step - 1) / step * step;
}

void image_pad(struct image *m)
{
	size_t want = image_room(m->n);

	if (m->n && want <= IMAGE_MOST)
		image_add(m, want - m->n, 1);
}

void image_cut(struct image *m, struct image_mark to)
{
	if (to.n < m->n)
		memset(m->v + to.n, 0, m->n - to.n);
	m->n = to.n;
	if (to.head < m->head && to.n)
		memset(m->v + to.head, 0, m->head - to.head);
	m->head = to.head;
}

void image_free(struct image *m)
{
	free(m->v);
	*m = (struct image){ 0 };
}
