/*
 * Rate limits. In: frames and the time. Out: whether there was a token. The buckets of a limit stand in a list behind an open hash, with
 * their keys whole. Guaranteed: up to the limit's size, no bucket that is less than full is ever forgotten; beyond it, none is made. The
 * arithmetic is limit.h's, the table nobody else's.
 */
#include "eval_limit.h"

#include <stdlib.h>
#include <string.h>

#include "eval_key.h"

enum { MAX_WORDS = 32 };	/* of a key: 8 fields, 128 bytes */

struct bucket {
	uint64_t state;
	struct value *value;		/* .words of each */
	enum family *family;
};

struct limit {
	const struct ast_limit *ast;
	struct eval_limit_count count;
	size_t words;
	struct bucket **bucket;		/* n of them; a limit without a key has one */
	size_t n, cap;
	uint32_t *slot;			/* 2 * cap: a bucket's place plus 1, or 0 */
	uint64_t swept;			/* when all were live, the first of them is full again; 0: not known */
};

struct eval_limits {
	struct limit *v;
	size_t n;
};

static uint64_t hash(const struct limit *l, const struct bucket *b)
{
	uint64_t h = 0;

	for (size_t i = 0; i < l->words; i++) {
		h = (h ^ b->value[i].hi) * 0x9e3779b97f4a7c15u;
		h = ((h ^ h >> 29) ^ b->value[i].lo) * 0xbf58476d1ce4e5b9u;
		h = (h ^ h >> 32) + (uint64_t)b->family[i];
	}
	return h ^ h >> 31;
}

static bool same(const struct limit *l, const struct bucket *a, const struct bucket *b)
{
	for (size_t i = 0; i < l->words; i++)
		if (a->family[i] != b->family[i] || value_cmp(a->value[i], b->value[i]))
			return false;
	return true;
}

/* Where the key's bucket is, or the free place where it belongs. */
static uint32_t *find(const struct limit *l, const struct bucket *b)
{
	size_t mask = 2 * l->cap - 1, i = hash(l, b) & mask;

	while (l->slot[i] && !same(l, l->bucket[l->slot[i] - 1], b))
		i = (i + 1) & mask;
	return &l->slot[i];
}

static void rehash(struct limit *l)
{
	memset(l->slot, 0, 2 * l->cap * sizeof(*l->slot));
	for (size_t i = 0; i < l->n; i++)
		*find(l, l->bucket[i]) = (uint32_t)i + 1;
}

static void grow(struct limit *l)
{
	size_t cap = l->cap ? 2 * l->cap : 64;

	l->bucket = arena_realloc(l->bucket, cap * sizeof(struct bucket *));
	l->slot = arena_realloc(l->slot, 2 * cap * sizeof(*l->slot));
	l->cap = cap;
	rehash(l);
}

/* Forgets the buckets that are full again. */
static void sweep(struct limit *l, uint64_t now)
{
	size_t left = 0;
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < l->n; i++) {
		struct bucket *b = l->bucket[i];

		if (!xdpf_limit_live(&l->ast->fixed, b->state, now)) {
			free(b);
			continue;
		}
		l->bucket[left++] = b;
		first = b->state - now < first ? b->state - now : first;
	}
	l->n = left;
	l->swept = now + first;
	rehash(l);
}

/* The key's bucket, made where there was none; NULL: no room. */
static struct bucket *bucket_of(struct limit *l, const struct bucket *key, uint64_t now)
{
	uint32_t *slot = l->cap ? find(l, key) : NULL;
	struct bucket *b;

	if (slot && *slot)
		return l->bucket[*slot - 1];
	/* nobody is full again before .swept, if the clock goes on */
	if (l->n >= l->ast->entries && (!l->swept || l->swept - now - 1 >= l->ast->fixed.window))
		sweep(l, now);
	if (l->n >= l->ast->entries)
		return NULL;
	if (l->n == l->cap)
		grow(l);
	b = arena_calloc(1, sizeof(*b) + l->words * (sizeof(*b->value) + sizeof(*b->family)));
	b->value = memcpy(b + 1, key->value, l->words * sizeof(*b->value));
	b->family = memcpy(b->value + l->words, key->family, l->words * sizeof(*b->family));
	l->bucket[l->n] = b;
	*find(l, b) = (uint32_t)++l->n;
	l->swept = 0;
	return b;
}

struct eval_limits *eval_limits_new(const struct ast_program *p)
{
	struct eval_limits *all = arena_calloc(1, sizeof(*all));

	all->v = arena_calloc(p->n_limits, sizeof(*all->v));
	all->n = p->n_limits;
	for (size_t i = 0; i < p->limit.n; i++) {
		const struct ast_limit *ast = p->limit.v[i];
		struct limit *l = &all->v[i];

		l->ast = ast;
		l->words = eval_key_words(ast->key.v, ast->key.n);
		if (ast->key.n)
			continue;
		l->bucket = arena_malloc(sizeof(struct bucket *));
		l->bucket[0] = arena_calloc(1, sizeof(**l->bucket));
		l->n = 1;
	}
	return all;
}

void eval_limits_free(struct eval_limits *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < all->n; i++) {
		for (size_t k = 0; k < all->v[i].n; k++)
			free(all->v[i].bucket[k]);
		free(all->v[i].bucket);
		free(all->v[i].slot);
	}
	free(all->v);
	free(all);
}

struct eval_limit_count eval_limits_count(const struct eval_limits *all, unsigned index)
{
	return all->v[index].count;
}

void eval_limits_each(const struct eval_limits *all, const struct ast_limit *ast, uint64_t now, eval_bucket_fn fn, void *arg)
{
	const struct limit *l = &all->v[ast->index];

	for (size_t i = 0; i < l->n; i++)
		if (xdpf_limit_live(&ast->fixed, l->bucket[i]->state, now))
			fn(arg, l->bucket[i]->state);
}

struct eval_limit_state eval_limit_look(const struct eval_view *w, const struct ast_limit *ast)
{
	const struct xdpf_limit_rate *rate = &ast->fixed;
	struct limit *l = &w->limits->v[ast->index];
	uint64_t now = xdpf_limit_time(rate, w->pkt->now), tokens = ast->bytes ? w->pkt->len : 1, used = 0;
	struct value value[MAX_WORDS];
	enum family family[MAX_WORDS];
	struct bucket key = { 0, value, family }, *b = ast->key.n ? NULL : l->bucket[0];
	uint32_t *slot;

	if (ast->key.n && !eval_key(w, ast->key.v, ast->key.n, value, family))
		return (struct eval_limit_state){ .what = LIMIT_NO_KEY };
	if (tokens > ast->burst_tokens)
		return (struct eval_limit_state){ .what = LIMIT_LARGE, .burst = ast->burst_tokens };
	slot = ast->key.n && l->cap ? find(l, &key) : NULL;
	if (slot && *slot)
		b = l->bucket[*slot - 1];
	if (!b)
		return (struct eval_limit_state){ .what = LIMIT_FULL };
	if (xdpf_limit_live(rate, b->state, now))
		used = b->state - now;
	return (struct eval_limit_state){
		.what = LIMIT_KNOWN, .left = used < rate->window ? (rate->window - used) / rate->token : 0, .burst = ast->burst_tokens,
		.wait = used + tokens * rate->token <= rate->window ? 0 : (used + tokens * rate->token - rate->window) >> rate->shift,
	};
}

bool eval_limit(const struct eval_view *w, const struct ast_expr *e)
{
	const struct ast_limit *ast = e->limit;
	struct limit *l = &w->limits->v[ast->index];
	uint64_t now = xdpf_limit_time(&ast->fixed, w->pkt->now), tokens = ast->bytes ? w->pkt->len : 1;
	struct value value[MAX_WORDS];
	enum family family[MAX_WORDS];
	struct bucket key = { 0, value, family }, *b = NULL;
	bool token = false, count = !ast->unit_in->counters_off;

	if (ast->key.n && !eval_key(w, ast->key.v, ast->key.n, value, family))
		return false;
	/* of larger ones, there is never a token */
	if (w->pkt->guess && tokens <= ast->burst_tokens)
		return w->pkt->guess->cond(w->pkt->guess->arg, w, e, !e->over);
	if (tokens <= ast->burst_tokens) {
		b = ast->key.n ? bucket_of(l, &key, now) : l->bucket[0];
		if (!b) {
			l->count.full++;
			return ast->closed == e->over;
		}
		token = xdpf_limit_take(&ast->fixed, &b->state, tokens, now);
	}
	if (count)
		*(token ? &l->count.admitted : &l->count.denied) += 1;
	return token != e->over;
}
