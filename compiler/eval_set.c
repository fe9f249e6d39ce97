/*
 * Sets that live. In: keys from frames, and the clock. Out: whether a key is in the set. Guaranteed: an element is there until its time is over and
 * not after; one that stays, stays until it is removed; a set holds no more elements than it says. Which expired one makes room when a new one
 * comes is the language's to say: a queue has the elements that may expire, oldest first, and a new one looks at the first few of it; those that
 * live go to its end, so that the next one looks at others.
 */
#include "eval_set.h"
#include "eval_queue.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "abi.h"

enum { MAX = 4, NONE = UINT32_MAX };

struct key {
	struct value v[MAX];
	enum family family[MAX];
	unsigned prefix;		/* of the component that is one */
};

/* Of the queue. One whose .age is not its element's is of an element that was removed, and came again since. */
struct entry {
	struct key key;
	uint32_t age;
};

struct element {
	struct key key;
	uint64_t until;			/* 0: it stays */
	uint32_t age;			/* low bits of when it came, if it may expire */
	uint32_t next;			/* in its bucket, or among the free */
	bool used;
};

struct live {
	const struct ast_set *set;
	struct element *element;
	uint32_t *bucket;		/* as many as elements have room */
	size_t n, cap, used;
	uint32_t free;
	struct eval_set_count count;
	struct eval_queue ages;		/* struct entry of elements that may expire, oldest first; some may be gone */
	unsigned lengths[2][129];	/* how many elements have a prefix so long: IPv4, IPv6 */
};

struct eval_sets {
	uint64_t seed;
	size_t n;
	struct live *set;
};

static uint64_t mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * 0xbf58476d1ce4e5b9;
	return h ^ h >> 29;
}

static size_t bucket_of(const struct eval_sets *e, const struct live *s, const struct key *k)
{
	uint64_t h = mix(e->seed, k->prefix);

	for (unsigned i = 0; i < s->set->n_types; i++)
		h = mix(mix(mix(h, k->v[i].hi), k->v[i].lo), (uint64_t)k->family[i]);
	return (h ^ h >> 32) & (s->cap - 1);
}

static bool same(const struct live *s, const struct key *a, const struct key *b)
{
	for (unsigned i = 0; i < s->set->n_types; i++)
		if (a->family[i] != b->family[i] || value_cmp(a->v[i], b->v[i]))
			return false;
	return a->prefix == b->prefix;
}

static struct element *find(const struct eval_sets *e, const struct live *s, const struct key *k)
{
	for (uint32_t i = s->cap ? s->bucket[bucket_of(e, s, k)] : (uint32_t)NONE; i != NONE; i = s->element[i].next)
		if (same(s, &s->element[i].key, k))
			return &s->element[i];
	return NULL;
}

static bool expired(const struct element *x, uint64_t now)
{
	return x->until && x->until <= now;
}

static unsigned *lengths(struct live *s, const struct key *k)
{
	return &s->lengths[k->family[s->set->net] == FAMILY_IP6][k->prefix];
}

static void take_out(struct eval_sets *e, struct live *s, struct element *x)
{
	uint32_t *at = &s->bucket[bucket_of(e, s, &x->key)], i = (uint32_t)(x - s->element);

	while (*at != i)
		at = &s->element[*at].next;
	*at = x->next;
	if (s->set->prefix)
		--*lengths(s, &x->key);
	x->used = false;
	x->next = s->free;
	s->free = i;
	s->used--;
}

static void grow(struct eval_sets *e, struct live *s)
{
	size_t cap = s->cap ? s->cap * 2 : 64;

	s->element = arena_realloc(s->element, cap * sizeof(*s->element));
	s->bucket = arena_realloc(s->bucket, cap * sizeof(*s->bucket));
	s->cap = cap;
	for (size_t i = 0; i < cap; i++)
		s->bucket[i] = NONE;
	for (uint32_t i = 0; i < s->n; i++)
		if (s->element[i].used) {
			uint32_t *at = &s->bucket[bucket_of(e, s, &s->element[i].key)];

			s->element[i].next = *at;
			*at = i;
		}
}

static bool queue(struct live *s, const struct key *k, uint32_t age)
{
	const struct entry entry = { *k, age };

	return eval_queue_push(&s->ages, &entry);
}

/* The element of an entry; NULL: it is gone. */
static struct element *element_of(struct eval_sets *e, struct live *s, const struct entry *entry)
{
	struct element *x = find(e, s, &entry->key);

	return x && x->age == entry->age ? x : NULL;
}

/* Takes old elements off the queue, at most XDPF_SET_TRIES, until one has made room. */
static bool make_room(struct eval_sets *e, struct live *s, uint64_t now)
{
	struct entry entry;

	for (unsigned i = 0; i < XDPF_SET_TRIES && eval_queue_pop(&s->ages, &entry); i++) {
		struct element *x = element_of(e, s, &entry);

		if (!x)
			continue;
		if (expired(x, now)) {
			take_out(e, s, x);
			s->count.expired++;
			return true;
		}
		eval_queue_push(&s->ages, &entry);
	}
	return false;
}

/* The key is not there. False: no room. */
static bool insert(struct eval_sets *e, struct live *s, const struct key *k, uint64_t until, uint64_t now)
{
	struct element *x;
	uint32_t *at, i;

	if (s->used == s->set->max)
		return false;
	if (s->free == NONE && s->n == s->cap)
		grow(e, s);
	KNOWN(s->element);
	i = s->free != NONE ? s->free : (uint32_t)s->n++;
	x = &s->element[i];
	if (s->free != NONE)
		s->free = x->next;
	at = &s->bucket[bucket_of(e, s, k)];
	*x = (struct element){ *k, until, (uint32_t)now, *at, true };
	*at = i;
	if (s->set->prefix)
		++*lengths(s, k);
	s->used++;
	return true;
}

/* What a rule adds. False: no room. */
static bool put(struct eval_sets *e, struct live *s, const struct key *k, uint64_t until, uint64_t now)
{
	struct element *x = find(e, s, k);

	if (x) {
		/* what stays is not made to expire */
		if (x->until) {
			s->count.added += expired(x, now);
			x->until = until;
		}
		return true;
	}
	if (!insert(e, s, k, until, now) && !(s->set->expires && make_room(e, s, now) && insert(e, s, k, until, now)))
		return false;
	if (until && !queue(s, k, (uint32_t)now)) {
		/* The queue is full of elements that were removed: it forgets some. Without its age an element could keep its room for ever. */
		make_room(e, s, now);
		if (!queue(s, k, (uint32_t)now)) {
			take_out(e, s, find(e, s, k));
			return false;
		}
	}
	s->count.added++;
	return true;
}

static struct key declared(const struct ast_set *set, const struct range *r)
{
	struct key k = { .prefix = 0 };

	for (unsigned i = 0; i < set->n_types; i++) {
		k.v[i] = r[i].lo;
		k.family[i] = r[i].family;
		if (set->prefix && i == set->net)
			for (k.prefix = r[i].family == FAMILY_IP6 ? 128 : 32; k.prefix; k.prefix--) {
				struct value host = value_ones((r[i].family == FAMILY_IP6 ? 128 : 32) - k.prefix);

				if ((r[i].lo.hi | host.hi) == r[i].hi.hi && (r[i].lo.lo | host.lo) == r[i].hi.lo)
					break;
			}
	}
	return k;
}

struct eval_sets *eval_sets_new(const struct ast_program *p)
{
	struct eval_sets *e = arena_calloc(1, sizeof(*e));

	e->set = arena_calloc(p->live.n, sizeof(*e->set));
	if (getrandom(&e->seed, sizeof(e->seed), 0) != sizeof(e->seed))
		arena_fail();
	e->n = p->live.n;
	for (size_t i = 0; i < p->live.n; i++) {
		struct live *s = &e->set[i];

		s->set = p->live.v[i];
		s->ages = (struct eval_queue){ .size = sizeof(struct entry), .max = XDPF_SET_AGES * (size_t)s->set->max };
		s->free = NONE;
		for (size_t k = 0; k < s->set->n; k++) {
			struct key key = declared(s->set, s->set->range + k * s->set->n_types);

			if (!find(e, s, &key))
				insert(e, s, &key, 0, 0);
		}
	}
	return e;
}

void eval_sets_free(struct eval_sets *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n; i++) {
		free(e->set[i].element);
		free(e->set[i].bucket);
		eval_queue_free(&e->set[i].ages);
	}
	free(e->set);
	free(e);
}

size_t eval_sets_size(const struct eval_sets *e, const struct ast_set *set, uint64_t now)
{
	const struct live *s = &e->set[set->live_index];
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->element[i].used && !expired(&s->element[i], now);
	return n;
}

void eval_sets_each(const struct eval_sets *e, const struct ast_set *set, uint64_t now, eval_element_fn fn, void *arg)
{
	const struct live *s = &e->set[set->live_index];

	for (size_t i = 0; i < s->n; i++) {
		const struct element *x = &s->element[i];

		if (x->used && !expired(x, now))
			fn(arg, x->key.v, x->key.family, x->key.prefix, x->until);
	}
}

struct eval_set_count eval_sets_count(const struct eval_sets *e, const struct ast_set *set)
{
	return e->set[set->live_index].count;
}

/* Everything that has expired goes. */
static void sweep(struct eval_sets *e, struct live *s, uint64_t now)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->element[i].used && expired(&s->element[i], now))
			take_out(e, s, &s->element[i]);
}

bool eval_sets_put(struct eval_sets *e, const struct ast_set *set, const struct range *element, uint64_t until, uint64_t now)
{
	struct live *s = &e->set[set->live_index];
	struct key k = declared(set, element);
	struct entry old;
	struct element *x = find(e, s, &k);
	bool noted = x && x->until;

	if (x) {
		x->until = x->until ? until : 0;
	} else if (!insert(e, s, &k, until, now)) {
		sweep(e, s, now);
		if (!insert(e, s, &k, until, now))
			return false;
	}
	if (!until || noted || (x && !x->until))
		return true;
	/* A queue that is full has some that are gone. */
	for (size_t i = 0; !queue(s, &k, (uint32_t)now); i++) {
		if (i > 2 * s->ages.max || !eval_queue_pop(&s->ages, &old)) {
			take_out(e, s, find(e, s, &k));
			return false;
		}
		x = element_of(e, s, &old);
		if (x && x->until && !expired(x, now))
			eval_queue_push(&s->ages, &old);
		else if (x && x->until)
			take_out(e, s, x);
	}
	return true;
}

void eval_sets_take(struct eval_sets *e, const struct ast_set *set, const struct range *element)
{
	struct live *s = &e->set[set->live_index];
	struct key k = declared(set, element);
	struct element *x = find(e, s, &k);

	if (x)
		take_out(e, s, x);
}

static struct value cut(struct value v, enum family f, unsigned prefix)
{
	struct value host = value_ones((f == FAMILY_IP6 ? 128 : 32) - prefix);

	return (struct value){ v.hi & ~host.hi, v.lo & ~host.lo };
}

static bool key_of(const struct eval_view *w, const struct ast_set *set, struct ast_operand *const *op, struct key *k)
{
	*k = (struct key){ .prefix = 0 };
	for (unsigned i = 0; i < set->n_types; i++) {
		enum type_kind kind = lang_types[set->types[i]].kind;
		struct eval_value v;

		if (!eval_operand(w, op[i], &v))
			return false;
		if ((kind == KIND_IP4 && v.family != FAMILY_IP4) || (kind == KIND_IP6 && v.family != FAMILY_IP6))
			return false;
		k->v[i] = v.v;
		k->family[i] = v.family;
		if (!set->prefix || i != set->net)
			continue;
		k->prefix = v.family == FAMILY_IP6 ? 128 : 32;
		if (op[i]->has_prefix)
			k->prefix = (unsigned)op[i]->prefix[op[i]->n_prefix > 1 && v.family == FAMILY_IP6];
		k->v[i] = cut(v.v, v.family, k->prefix);
	}
	return true;
}

bool eval_sets_has(const struct eval_view *w, const struct ast_set *set, struct ast_operand *const *op)
{
	struct live *s = &w->sets->set[set->live_index];
	const struct element *x;
	struct key k;

	if (!key_of(w, set, op, &k))
		return false;
	if (!set->prefix) {
		x = find(w->sets, s, &k);
		return x && !expired(x, w->pkt->now);
	}
	for (unsigned n = k.prefix + 1; n-- > 0;) {
		k.prefix = n;
		k.v[set->net] = cut(k.v[set->net], k.family[set->net], n);
		x = *lengths(s, &k) ? find(w->sets, s, &k) : NULL;
		if (x && !expired(x, w->pkt->now))
			return true;
	}
	return false;
}

enum eval_set_done eval_sets_act(const struct eval_view *w, const struct ast_action *a)
{
	struct live *s = &w->sets->set[a->set->live_index];
	uint64_t now = w->pkt->now;
	struct element *x;
	struct key k;

	if (!key_of(w, a->set, a->key.v, &k))
		return SET_ABSENT;
	if (a->kind == ACTION_ADD) {
		if (put(w->sets, s, &k, a->keep ? now + a->keep : 0, now))
			return SET_DONE;
		s->count.full++;
		return SET_FULL;
	}
	x = find(w->sets, s, &k);
	s->count.removed += x && !expired(x, now);
	if (x)
		take_out(w->sets, s, x);
	return SET_DONE;
}
