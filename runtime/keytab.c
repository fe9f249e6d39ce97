/*
 * Keys that are looked for many times. In: keys of one size, one behind the other in any order. Out: the place of one among them, in a step or two:
 * a table of places by hash, whose seed nobody who makes the keys knows.
 */
#include <errno.h>
#include <sys/random.h>

#include "private.h"

static uint64_t mix(uint64_t h, uint64_t v)
{
	__uint128_t m = (__uint128_t)(h ^ v) * 0x9e3779b97f4a7c15u;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint64_t hash(const struct rt_keytab *t, const unsigned char *key)
{
	uint64_t h = t->seed, v;
	size_t i = 0;

	for (; i + sizeof(v) <= t->size; i += sizeof(v)) {
		memcpy(&v, key + i, sizeof(v));
		h = mix(h, v);
	}
	v = 0;
	memcpy(&v, key + i, t->size - i);
	return mix(mix(h, v), t->seed >> 32 | t->seed << 32);
}

/* Where the key is, or would be put: .slot there has its place and 1, or 0. */
static size_t probe(const struct rt_keytab *t, const unsigned char *key)
{
	size_t at = hash(t, key) & t->mask;

	while (t->slot[at] && memcmp(t->keys + (size_t)(t->slot[at] - 1) * t->size, key, t->size))
		at = (at + 1) & t->mask;
	return at;
}

int rt_keytab_make(struct rt_keytab *t, const void *keys, size_t n, size_t size, const struct xdpf_log *log)
{
	size_t room = 16;

	*t = (struct rt_keytab){ .keys = keys, .n = n, .size = size };
	while (room < 2 * n)
		room *= 2;
	if (n >= UINT32_MAX / 2)
		return rt_fail(log, E2BIG, "%zu elements are more than any set holds", n);
	if (getrandom(&t->seed, sizeof(t->seed), 0) != sizeof(t->seed))
		return rt_fail_sys(log, errno, "no random number can be had");
	t->mask = room - 1;
	t->slot = calloc(room, sizeof(*t->slot));
	if (!t->slot)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		size_t at = probe(t, t->keys + i * size);

		if (!t->slot[at])
			t->slot[at] = (uint32_t)i + 1;
	}
	return 0;
}

size_t rt_keytab_find(const struct rt_keytab *t, const void *key)
{
	size_t at = t->n ? probe(t, key) : 0;

	return t->n && t->slot[at] ? t->slot[at] - 1 : t->n;
}

void rt_keytab_free(struct rt_keytab *t)
{
	free(t->slot);
}
