/*
 * Snapshots of sets that live. In: a set's elements, as the kernel's map has them. Out: tables of them in one piece of memory. What does not fit the
 * fast engines' tables becomes sorted boundaries, for which there is always room.
 */
#include "live.h"

#include <stdlib.h>
#include <string.h>

#include "set_priv.h"

enum {
	FAMILY_AT = 16,			/* of an address */
	PER_PREFIX = 64,		/* bytes that a trie has for a prefix beside its boundaries, so that there is room in all but strange sets */
	MANY = 1 << 18,			/* boundaries, from which on buckets of them are faster than a trie */
};

static bool has_prefixes(const struct live_set *s)
{
	return s->form == LIVE_NET || s->form == LIVE_NETS;
}

static bool by_family(const struct live_set *s)
{
	return s->form == LIVE_IP || s->form == LIVE_NET;
}

struct live_set live_set_of(const struct live_decl *d)
{
	struct live_set s = { .form = d->prefix ? LIVE_NETS : LIVE_EXACT, .taken = d->taken, .states = d->taken || d->expires,
			      .key_size = d->key_size, .skip = d->trie ? 4 : 0, .tables = d->tables < LIVE_TABLES ? d->tables : LIVE_TABLES };
	uint64_t want, bytes;
	unsigned words;

	if (d->n_components == 1 && d->prefix)
		s.form = LIVE_NET;
	else if (d->n_components == 1 && d->key_size - s.skip == FAMILY_AT + 4)
		s.form = LIVE_IP;
	if (by_family(&s))
		s.words[1] = 2;
	else
		s.words[0] = !d->prefix && s.key_size - s.skip <= 4 ? 0 : (s.key_size - s.skip + 7) / 8;
	words = by_family(&s) ? 2 : s.words[0];
	/* hashes are filled to 75 per cent, and may grow by a quarter; boundaries are two for each prefix */
	if (d->prefix) {
		bytes = 16 * words + PER_PREFIX + (s.states ? 16 * words + 2 * sizeof(uint32_t) + sizeof(struct live_node) : 0);
		want = (uint64_t)d->size * bytes;
	} else {
		bytes = (words ? 8 * words : 4) + s.states;
		want = (uint64_t)d->size * bytes * 5 / 3;
	}
	for (s.room = LIVE_ROOM_LEAST; s.room < LIVE_ROOM_MOST && (uint64_t)1 << s.room < want + (want >> 5) + (1 << 12);)
		s.room++;
	return s;
}

/* ---- numbers ---- */

static uint64_t word_at(const unsigned char *p, size_t n)
{
	unsigned char b[8] = { 0 };
	uint64_t w;

	memcpy(b, p, n < 8 ? n : 8);
	memcpy(&w, b, sizeof(w));
	return __builtin_bswap64(w);
}

/* The key's first number in the table of its kind: its words, of .bits bits in all, of which the first *fixed count. Returns the kind. */
static unsigned number(const struct live_set *s, const unsigned char *key, uint64_t *word, unsigned *fixed)
{
	const unsigned char *p = key + s->skip;
	unsigned kind = 0, bits;
	uint32_t len;

	if (by_family(s)) {
		kind = (s->form == LIVE_NET ? p[0] : p[FAMILY_AT]) == 6;
		p += s->form == LIVE_NET;
		word[0] = kind ? word_at(p, 8) : word_at(p, 4) >> 32;
		word[1] = kind ? word_at(p + 8, 8) : 0;
		bits = kind ? 128 : 32;
	} else if (!s->words[0]) {
		word[0] = word_at(p, s->key_size - s->skip) >> 32;
		bits = 32;
	} else {
		for (unsigned i = 0; i < s->words[0]; i++)
			word[i] = word_at(p + 8 * (size_t)i, s->key_size - s->skip - 8 * (size_t)i);
		bits = 64 * s->words[0];
	}
	*fixed = bits;
	if (has_prefixes(s)) {
		/* what is behind a prefix is zero in what is looked for */
		memcpy(&len, key, sizeof(len));
		len -= s->form == LIVE_NET ? 8 : 0;
		*fixed = len < bits ? len : bits;
	}
	return kind;
}

/* From the number on, those that have its first @fixed of @bits bits. */
static void last_of(uint64_t *word, unsigned words, unsigned bits, unsigned fixed)
{
	for (unsigned i = 0; i < words; i++) {
		unsigned width = words == 1 && bits < 64 ? bits : 64, begin = 64 * i;
		unsigned keep = fixed <= begin ? 0 : fixed - begin < width ? fixed - begin : width;

		if (keep < width)
			word[i] |= (width == 64 && !keep ? UINT64_MAX : ((uint64_t)1 << (width - keep)) - 1);
	}
}

static unsigned words_of(const struct live_set *s, unsigned kind)
{
	return s->words[kind] ? s->words[kind] : 1;
}

static unsigned bits_of(const struct live_set *s, unsigned kind)
{
	return s->words[kind] ? 64 * s->words[kind] : 32;
}

/* ---- times ---- */

/* Of the elements: all that are different but @first, in @time; their number. Neighbours often have one and the same. */
static unsigned times_of(const struct live_elements *e, uint64_t first, uint64_t *time)
{
	unsigned n = 0, last = 0;

	for (size_t i = 0; e->until && i < e->n; i++) {
		unsigned k = 0;

		if (e->until[i] == first || (n && time[last] == e->until[i]))
			continue;
		while (k < n && time[k] != e->until[i])
			k++;
		if (k == n && n == LIVE_TIMES)
			return LIVE_TIMES + 1;
		if (k == n)
			time[n++] = e->until[i];
		last = k;
	}
	return n;
}

bool live_fits(const struct live_elements *e)
{
	uint64_t time[LIVE_TIMES];

	return times_of(e, e->until && e->n ? e->until[0] : 0, time) <= LIVE_TIMES;
}

/* As live_until() says it. */
static uint64_t told(uint64_t until)
{
	return until ? until : UINT64_MAX;
}

/* The states' times into the image; all elements become of the state that says theirs, in @state. */
static void put_times(struct image *m, struct live_head *head, const struct live_elements *e, const uint64_t *time, unsigned n, uint8_t *state)
{
	uint64_t *to;

	head->times = (uint32_t)image_add(m, LIVE_STATES * sizeof(*to), SET_ALIGN);
	if (m->failed)
		return;
	to = image_at(m, head->times);
	to[0] = told(head->until);
	for (unsigned i = 0; i < n; i++)
		to[i + 1] = told(time[i]);
	for (size_t i = 0; n && i < e->n; i++) {
		unsigned k = i ? state[i - 1] : 0;

		if (to[k] != told(e->until[i]))
			for (k = 0; to[k] != told(e->until[i]);)
				k++;
		state[i] = (uint8_t)k;
	}
}

/* ---- which element it is ---- */

/* Boundaries of elements, whose intervals lie in each other or apart, with the innermost from there on. */
struct bounds {
	unsigned words, bits;
	uint64_t *bound;
	uint32_t *owner;
	size_t n;
};

static void put_bound(struct bounds *b, const uint64_t *at, uint32_t owner)
{
	/* what begins where something ends, or inside of it where that begins */
	if (b->n && !set_cmp(b->bound + (b->n - 1) * b->words, at, b->words)) {
		b->owner[b->n - 1] = owner;
		return;
	}
	memcpy(b->bound + b->n * b->words, at, b->words * sizeof(*at));
	b->owner[b->n++] = owner;
}

/* The end of @node, where the one around it goes on; false: no number is behind it. */
static bool end(struct bounds *b, const struct live_node *nodes, const uint64_t *last, uint32_t node)
{
	uint64_t behind[SET_MAX_WORDS];

	memcpy(behind, last, b->words * sizeof(*last));
	if (set_is_greatest(behind, b->words, b->bits))
		return false;
	set_next(behind, b->words);
	put_bound(b, behind, nodes[node].parent);
	return true;
}

enum { DEEP = 8 * 64 + 1 };		/* prefixes in each other */

/* Nodes from @first on, and boundaries, of the elements of one kind, which are in order. */
static void nest(struct bounds *b, const struct live_set *s, const struct live_elements *e, const uint64_t *pair, size_t n, size_t first,
		 struct live_node *nodes, const uint8_t *state)
{
	static const uint64_t zero[SET_MAX_WORDS];
	uint32_t open[DEEP];
	unsigned depth = 0;

	put_bound(b, zero, 0);
	for (size_t i = 0; i < n; i++) {
		const uint64_t *begin = pair + 2 * b->words * i;
		uint32_t bits, is = (uint32_t)(first + i + 1);

		while (depth && set_cmp(pair + 2 * b->words * (open[depth - 1] - first - 1) + b->words, begin, b->words) < 0) {
			depth--;
			end(b, nodes, pair + 2 * b->words * (open[depth] - first - 1) + b->words, open[depth]);
		}
		memcpy(&bits, e->keys + (first + i) * s->key_size, sizeof(bits));
		nodes[is] = (struct live_node){ depth ? open[depth - 1] : 0, (uint16_t)bits, state[first + i], 0 };
		put_bound(b, begin, is);
		if (depth < DEEP)
			open[depth++] = is;
	}
	while (depth && end(b, nodes, pair + 2 * b->words * (open[depth - 1] - first - 1) + b->words, open[depth - 1]))
		depth--;
}

/* Prefixes with states: .nodes are there. @first: the elements of this kind begin there. */
static const char *put_owners(struct image *m, struct live_head *head, const struct live_set *s, unsigned kind, const struct live_elements *e,
			      const uint64_t *pair, size_t n, size_t first, const uint8_t *state)
{
	struct bounds b = { .words = words_of(s, kind), .bits = bits_of(s, kind) };
	const char *bad = "out of memory";
	struct set_table t;

	b.bound = malloc((2 * n + 1) * b.words * sizeof(*b.bound));
	head->owner[kind] = (uint32_t)image_add(m, (2 * n + 1) * sizeof(*b.owner), SET_ALIGN);
	if (b.bound && !m->failed) {
		b.owner = image_at(m, head->owner[kind]);
		nest(&b, s, e, pair, n, first, image_at(m, head->nodes), state);
		bad = set_build(m, &(struct set_elements){ b.words, b.bits, b.n, b.bound },
				&(struct set_options){ .engine = SET_SEARCH, .most = (size_t)1 << s->room }, &t);
		head->at[kind] = (uint32_t)t.off;
	}
	free(b.bound);
	return bad;
}

static size_t slots_of(const struct set_head *h)
{
	return ((size_t)h->hash.buckets + SET_HASH_PROBES - 1) * set_hash_slots(h->bits);
}

/* The place of its state, where in a table of exact keys it has this slot. */
static size_t place_of(size_t slot)
{
	return slot == SET_NO_SLOT ? 0 : slot + 1;
}

/* ---- building ---- */

/* What is being made. */
struct making {
	const struct live_set *s;
	const struct live_elements *e;
	struct live_head head;
	struct image *out;
	uint8_t *state;			/* NULL: there are none */
	uint32_t *where;
};

/* A table by the first engine that has room for it. */
static const char *build(struct making *m, unsigned kind, const struct set_elements *e, uint64_t seed, uint32_t *slot)
{
	struct set_options o = { .most = (size_t)1 << m->s->room, .seed = seed, .single = !has_prefixes(m->s), .known = m->s->tables < LIVE_QUOTIENT,
				 .slot = slot };
	enum set_engine order[3];
	const char *bad = NULL;
	struct set_table t;
	unsigned n = 0;

	if (has_prefixes(m->s)) {
		if (e->bits <= 32 && e->n > MANY)
			order[n++] = SET_BOUNDS;
		order[n++] = SET_TRIE;
		order[n++] = SET_SEARCH;
	} else {
		/* only HASH has slots, whose states there may be */
		if (m->s->tables >= LIVE_QUOTIENT && !m->s->words[kind] && !m->state)
			order[n++] = SET_QUOTIENT;
		order[n++] = SET_HASH;
	}
	for (unsigned i = 0; i < n; i++) {
		o.engine = order[i];
		bad = set_build(m->out, e, &o, &t);
		if (bad)
			continue;
		m->head.off[kind] = (uint32_t)t.off;
		return NULL;
	}
	return bad;
}

/* The elements of a kind, as ranges; how many. @index: which they are. */
static size_t ranges(const struct live_set *s, unsigned kind, const struct live_elements *e, uint64_t *pair, uint32_t *index)
{
	unsigned words = words_of(s, kind), fixed;
	uint64_t word[SET_MAX_WORDS] = { 0 };
	size_t some = 0;

	for (size_t i = 0; i < e->n; i++) {
		uint64_t *to = pair + 2 * words * some;

		if (number(s, e->keys + i * s->key_size, word, &fixed) != kind)
			continue;
		index[some++] = (uint32_t)i;
		memcpy(to, word, words * sizeof(*to));
		last_of(word, words, bits_of(s, kind), fixed);
		memcpy(to + words, word, words * sizeof(*to));
	}
	return some;
}

/* States of exact keys, in whose slots they are. */
static void put_states(struct making *m, unsigned kind, const uint32_t *index, const uint32_t *slot, size_t n)
{
	uint32_t at = (uint32_t)image_add(m->out, slots_of(image_at(m->out, m->head.off[kind])) + 1, SET_ALIGN);

	m->head.at[kind] = at;
	for (size_t i = 0; i < n && !m->out->failed; i++) {
		m->where[index[i]] = at + (uint32_t)place_of(slot[i]);
		m->out->v[m->where[index[i]]] = m->state[index[i]];
	}
}

static const char *build_kind(struct making *m, unsigned kind, uint64_t seed)
{
	struct set_elements set = { .words = words_of(m->s, kind), .bits = bits_of(m->s, kind) };
	size_t room = m->e->n ? m->e->n : 1, n;
	uint64_t *pair = malloc(room * 2 * set.words * sizeof(*pair));
	uint32_t *index = malloc(room * sizeof(*index)), *slot = malloc(room * sizeof(*slot));
	const char *bad = pair && index && slot ? NULL : "out of memory";

	n = bad ? 0 : ranges(m->s, kind, m->e, pair, index);
	if (n && m->state && has_prefixes(m->s))
		bad = put_owners(m->out, &m->head, m->s, kind, m->e, pair, n, index[0], m->state);
	if (n && !bad) {
		set.n = set_boundaries(pair, n, set.words, set.bits);
		set.bound = pair;
		bad = build(m, kind, &set, seed, slot);
	}
	if (n && !bad && m->state && !has_prefixes(m->s))
		put_states(m, kind, index, slot, n);
	free(pair);
	free(index);
	free(slot);
	return m->out->failed ? "out of memory" : bad;
}

static void put_nodes(struct making *m)
{
	struct live_node *none;

	m->head.nodes = (uint32_t)image_add(m->out, (m->e->n + 1) * sizeof(*none), SET_ALIGN);
	if (m->out->failed)
		return;
	none = image_at(m->out, m->head.nodes);
	none->state = LIVE_GONE;
	for (size_t i = 0; i < m->e->n; i++)
		m->where[i] = m->head.nodes + (uint32_t)((i + 1) * sizeof(*none) + offsetof(struct live_node, state));
}

const char *live_build(const struct live_set *s, const struct live_elements *e, const struct live_head *begin, uint64_t seed, struct image *out,
		       uint32_t *where)
{
	struct making m = { s, e, { .until = e->until && e->n ? e->until[0] : begin->until, .list = begin->list }, out, NULL, where };
	uint64_t time[LIVE_TIMES];
	unsigned n_times = times_of(e, m.head.until, time);
	const char *bad = NULL;

	memset(where, 0, e->n * sizeof(*where));
	if (n_times > LIVE_TIMES || (n_times && !s->states))
		return "its elements expire at too many times";
	image_begin(out, sizeof(m.head));
	if (n_times || s->taken) {
		m.state = calloc(e->n + 1, 1);
		if (!m.state)
			return "out of memory";
		put_times(out, &m.head, e, time, n_times, m.state);
		if (has_prefixes(s))
			put_nodes(&m);
	}
	if (out->failed || out->n < sizeof(m.head))
		bad = "out of memory";
	for (unsigned kind = 0; kind < (by_family(s) ? 2u : 1u) && !bad; kind++)
		bad = build_kind(&m, kind, seed);
	if (!bad)
		memcpy(out->v, &m.head, sizeof(m.head));
	free(m.state);
	return !bad && out->n > (size_t)1 << s->room ? set_too_large : bad;
}

/* ---- asking ---- */

/* The longest of those around it that stay longest. */
static uint64_t until_of_nodes(const struct live_head *h, unsigned kind, const uint64_t *word)
{
	const unsigned char *at = (const unsigned char *)h;
	const struct live_node *nodes = (const struct live_node *)(const void *)(at + h->nodes);
	const uint64_t *times = (const uint64_t *)(const void *)(at + h->times);
	size_t i = set_search_find((const struct set_head *)(const void *)(at + h->at[kind]), word);
	uint32_t node = ((const uint32_t *)(const void *)(at + h->owner[kind]))[i];
	uint64_t until = 0;

	for (; node; node = nodes[node].parent)
		if (times[nodes[node].state] > until)
			until = times[nodes[node].state];
	return until;
}

uint64_t live_until(const struct live_set *s, const void *snapshot, const void *key)
{
	const struct live_head *h = snapshot;
	const unsigned char *at = snapshot;
	uint64_t word[SET_MAX_WORDS] = { 0 };
	unsigned fixed, kind = number(s, key, word, &fixed);
	size_t slot;

	if (!h->off[kind] || !set_has(at + h->off[kind], word))
		return 0;
	if (!h->times)
		return told(h->until);
	if (has_prefixes(s))
		return until_of_nodes(h, kind, word);
	slot = set_is_zero(word, words_of(s, kind)) ? SET_NO_SLOT : set_hash_slot((const void *)(at + h->off[kind]), word);
	return ((const uint64_t *)(const void *)(at + h->times))[at[h->at[kind] + place_of(slot)]];
}
