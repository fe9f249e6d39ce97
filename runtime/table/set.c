/*
 * Tables of sets: which engine, and what all have in common. In: boundaries, or ranges to make them of. Out: a table in an image, and whether a key
 * is in it. The choice looks at nothing but the set and the room there is, so that the same set becomes the same table.
 */
#include "set_priv.h"

#include <stdlib.h>

const char set_too_large[] = "the table would be larger than tables may be";
const char set_too_wide[] = "this engine takes keys of up to 32 bits";

static const struct {
	const char *name, *what;
	const char *(*build)(struct set_draft *d);
	bool (*has)(const struct set_head *h, const uint64_t *key);
} engines[SET_ENGINE_COUNT] = {
	[SET_BITS] = { "bits", "a bit per number", set_bits_build, set_bits_has },
	[SET_SEARCH] = { "search", "binary search over sorted boundaries", set_search_build, set_search_has },
	[SET_HASH] = { "hash", "hash table of exact keys", set_hash_build, set_hash_has },
	[SET_PAGES] = { "pages", "pages of 16, 8 and 8 bits", set_pages_build, set_pages_has },
	[SET_BOUNDS] = { "bounds", "boundaries in buckets", set_bounds_build, set_bounds_has },
	[SET_TRIE] = { "trie", "trie of adaptive strides", set_trie_build, set_trie_has },
	[SET_DIR24] = { "dir24", "table of the first 24 bits", set_dir24_build, set_dir24_has },
	[SET_QUOTIENT] = { "quotient", "hash table of what a bucket leaves open of exact keys", set_quotient_build, set_quotient_has },
};

const char *set_engine_name(enum set_engine e)
{
	return engines[e].name;
}

const char *set_engine_what(enum set_engine e)
{
	return engines[e].what;
}

bool set_engine_find(const char *name, enum set_engine *e)
{
	for (unsigned i = SET_AUTO + 1; i < SET_ENGINE_COUNT; i++)
		if (!strcmp(engines[i].name, name)) {
			*e = (enum set_engine)i;
			return true;
		}
	return false;
}

/* ---- boundaries ---- */

static int by_first(const void *a, const void *b, void *words)
{
	return set_cmp(a, b, *(const unsigned *)words);
}

size_t set_boundaries(uint64_t *pair, size_t n, unsigned words, unsigned bits)
{
	size_t out = 0;

	for (size_t i = 1; i < n; i++)
		if (set_cmp(pair + 2 * words * (i - 1), pair + 2 * words * i, words) > 0) {
			qsort_r(pair, n, 2 * words * sizeof(*pair), by_first, &words);
			break;
		}
	for (size_t i = 0; i < n; i++) {
		uint64_t *first = pair + 2 * words * i, *behind = first + words, *last = out ? pair + (out - 1) * words : pair;
		bool open = set_is_greatest(behind, words, bits);

		/* .last is the number behind the range before, which this one may begin at or below, or reach no further than */
		if (out % 2)
			break;
		set_next(behind, words);
		if (out && set_cmp(first, last, words) <= 0) {
			if (open)
				out--;
			else if (set_cmp(behind, last, words) > 0)
				memcpy(last, behind, words * sizeof(*last));
			continue;
		}
		memmove(pair + out * words, first, words * sizeof(*first));
		memmove(pair + (out + 1) * words, behind, words * sizeof(*behind));
		out += open ? 1 : 2;
	}
	return out;
}

/* @b - @a, where that is a number of 64 bits. */
static uint64_t distance(const uint64_t *a, const uint64_t *b, unsigned words)
{
	uint64_t low = b[words - 1] - a[words - 1], borrow = b[words - 1] < a[words - 1];

	for (unsigned i = words - 1; i-- > 0;) {
		if (b[i] - a[i] - borrow)
			return UINT64_MAX;
		borrow = b[i] < a[i];
	}
	return low;
}

uint64_t set_count(const struct set_elements *e)
{
	uint64_t greatest[SET_MAX_WORDS], sum = 0;

	memset(greatest, 0xff, sizeof(greatest));
	greatest[0] >>= 64 * e->words - e->bits;
	for (size_t i = 0; i < e->n; i += 2) {
		bool open = i + 1 == e->n;
		uint64_t d = distance(e->bound + i * e->words, open ? greatest : e->bound + (i + 1) * e->words, e->words);

		if (d > UINT64_MAX - 1 - sum)
			return UINT64_MAX;
		sum += d + open;
	}
	return sum;
}

/* ---- building ---- */

bool set_room(struct set_draft *d, size_t n, size_t align, size_t *at)
{
	size_t off;

	if (n > d->most || d->m->n + align > d->most - n)
		return false;
	off = image_add(d->m, n, align);
	*at = off - d->off;
	return !d->m->failed;
}

static const char *build(struct image *m, const struct set_elements *e, enum set_engine engine, size_t most, const struct set_options *o,
			 struct set_table *out)
{
	struct set_draft d = { m, e, 0, most, 0, o->seed, o->single, o->known, o->slot };
	size_t begin = m->n, head;
	const char *bad;

	if (m->failed || !set_room(&d, sizeof(struct set_head), SET_ALIGN, &d.off))
		return set_too_large;
	head = d.off;
	set_head_of(&d)->engine = engine;
	set_head_of(&d)->words = (uint16_t)e->words;
	set_head_of(&d)->bits = (uint16_t)e->bits;
	bad = engines[engine].build(&d);
	if (bad) {
		memset(m->v + begin, 0, m->n - begin);
		m->n = begin;
		m->failed = false;
		return bad;
	}
	*out = (struct set_table){ engine, head, m->n - head, d.loads, NULL };
	return NULL;
}

/* ---- the choice ---- */

enum {
	MANY = 400000,			/* boundaries: where a trie is not much smaller than BOUNDS' least table, which is read once */
	BITS_FROM = 4096,		/* boundaries: fewer are a small trie */
	EXACT_PER_RANGE = 2,		/* keys in a range, on average: more make HASH larger than what else there is … */
	NARROW_PER_RANGE = 3,		/* … and QUOTIENT */
};

struct choice {
	enum set_engine engine;
	const char *why;
};

/* The engines to try for this set, best first; their number. */
static unsigned choices(const struct set_elements *e, struct choice *c)
{
	uint64_t keys = set_count(e);
	unsigned n = 0;

	if (e->bits <= 16 || (e->bits <= SET_BITS_MOST && e->n > BITS_FROM))
		c[n++] = (struct choice){ SET_BITS, "the numbers have few bits" };
	if (keys / (e->bits > 32 ? EXACT_PER_RANGE : NARROW_PER_RANGE) <= e->n / 2)
		c[n++] = (struct choice){ e->bits > 32 ? SET_HASH : SET_QUOTIENT, "it holds single values" };
	if (e->bits <= 32 && e->n > MANY)
		c[n++] = (struct choice){ SET_BOUNDS, "it holds very many values, prefixes or ranges" };
	c[n++] = (struct choice){ SET_TRIE, "it holds prefixes or ranges" };
	if (e->bits <= 32)
		c[n++] = (struct choice){ SET_BOUNDS, "other tables of it have no room" };
	c[n++] = (struct choice){ SET_SEARCH, "no faster table of it has room" };
	return n;
}

const char *set_build(struct image *m, const struct set_elements *e, const struct set_options *o, struct set_table *out)
{
	size_t most = o->most && o->most < IMAGE_MOST ? o->most : IMAGE_MOST;
	struct choice c[SET_ENGINE_COUNT] = { { o->engine, "it was asked for" } };
	unsigned n = o->engine == SET_AUTO ? choices(e, c) : 1;
	const char *bad = NULL;

	for (unsigned i = 0; i < n; i++) {
		bad = build(m, e, c[i].engine, most, o, out);
		if (bad)
			continue;
		out->why = c[i].why;
		return NULL;
	}
	return bad;
}

bool set_has(const void *table, const uint64_t *key)
{
	const struct set_head *h = table;

	return h->engine > SET_AUTO && h->engine < SET_ENGINE_COUNT && engines[h->engine].has(h, key);
}
