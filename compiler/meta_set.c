/*
 * Live sets in an object. In: checked sets. Out: the layout of their elements, and the elements that they begin with, as runtime/abi.h has them.
 */
#include "meta.h"

#include <stdlib.h>
#include <string.h>

#include "abi.h"

_Static_assert((int)AST_SET_SIZE == XDPF_SET_SIZE && (int)AST_SET_MOST == XDPF_SET_MOST && (int)AST_SET_KEY == XDPF_SET_KEY, "said twice");

static void place(struct meta_key *k, struct meta_key_field *f, unsigned size, unsigned align)
{
	f->size = size;
	f->align = align;
	f->offset = (k->size + align - 1) / align * align;
	k->size = f->offset + size;
	if (align > k->align)
		k->align = align;
}

bool meta_set_trie(const struct ast_set *set)
{
	return set->prefix || (!set->added && !set->removed);
}

struct meta_key meta_set_layout(struct arena *a, const struct ast_set *set)
{
	struct meta_key_field *field = arena_array(a, set->n_types, sizeof(*field));
	struct meta_key k = { field, set->n_types, meta_set_trie(set) ? 4 : 0, meta_set_trie(set) ? 4 : 1 };

	for (unsigned i = 0; i < set->n_types; i++) {
		const struct type_info *t = &lang_types[set->types[i]];
		unsigned size = t->bits <= 8 ? 1 : t->bits <= 16 ? 2 : t->bits <= 32 ? 4 : 8;

		field[i].kind = t->kind;
		if (set->prefix && i == set->net)
			continue;
		switch (t->kind) {
		case KIND_NUM:
		case KIND_FLAG:
		case KIND_IFACE:
			place(&k, &field[i], size, size);
			break;
		case KIND_IP4:
			place(&k, &field[i], 4, 4);
			break;
		case KIND_IP6:
			place(&k, &field[i], 16, 4);
			break;
		case KIND_IP:
			place(&k, &field[i], 17, 4);
			break;
		case KIND_MAC:
			place(&k, &field[i], 6, 1);
			break;
		case KIND_BYTES:	/* no set holds these */
			break;
		}
	}
	if (set->prefix)
		place(&k, &field[set->net], 17, 1);
	else
		k.size = (k.size + k.align - 1) / k.align * k.align;
	return k;
}

struct live_set meta_live(struct arena *a, const struct ast_set *set)
{
	return live_set_of(&(struct live_decl){ .prefix = set->prefix, .trie = meta_set_trie(set), .expires = set->expires, .taken = set->removed,
						.n_components = set->n_types, .key_size = meta_set_layout(a, set).size, .size = set->max,
						.tables = LIVE_TABLES });
}

unsigned meta_live_at(struct arena *a, const struct ast_program *p, const struct ast_set *set)
{
	unsigned room = meta_live(a, set).room, n = 0;

	for (unsigned i = 0; i < set->live_index; i++)
		n += meta_live(a, p->live.v[i]).room == room;
	return n;
}

unsigned meta_live_maps(struct arena *a, const struct ast_program *p)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->live.n; i++)
		n += !meta_live_at(a, p, p->live.v[i]);
	return n;
}

/* The last @n bytes of the number, network order. */
static void put_bytes(unsigned char *to, struct value v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned shift = 8 * (n - 1 - i);

		to[i] = (unsigned char)(shift >= 64 ? v.hi >> (shift - 64) : v.lo >> shift);
	}
}

static void put_number(unsigned char *to, uint64_t v, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		to[i] = (unsigned char)(v >> 8 * i);
}

static unsigned prefix_bits(const struct range *r)
{
	uint64_t hi = r->lo.hi ^ r->hi.hi, lo = r->lo.lo ^ r->hi.lo;

	return (r->family == FAMILY_IP6 ? 128 : 32) - (unsigned)(__builtin_popcountll(hi) + __builtin_popcountll(lo));
}

static void put_element(unsigned char *to, const struct ast_set *set, const struct meta_key *k, const struct range *r)
{
	memset(to, 0, k->size);
	if (meta_set_trie(set))
		put_number(to, 8 * (k->size - 4), 4);
	for (unsigned i = 0; i < k->n; i++) {
		const struct meta_key_field *f = &k->field[i];
		unsigned char *at = to + f->offset;
		unsigned address = r[i].family == FAMILY_IP6 ? 16 : 4;

		if (set->prefix && i == set->net) {
			put_number(to, 8 * (f->offset - 4 + 1) + prefix_bits(&r[i]), 4);
			at[0] = (unsigned char)r[i].family;
			put_bytes(at + 1, r[i].lo, address);
			continue;
		}
		switch (f->kind) {
		case KIND_NUM:
		case KIND_FLAG:
		case KIND_IFACE:
			put_number(at, r[i].lo.lo, f->size);
			break;
		case KIND_IP:
			put_bytes(at, r[i].lo, address);
			at[16] = (unsigned char)r[i].family;
			break;
		case KIND_IP4:
		case KIND_IP6:
		case KIND_MAC:
		case KIND_BYTES:
			put_bytes(at, r[i].lo, f->size);
			break;
		}
	}
}

const char *meta_elements_hex(struct arena *a, const struct ast_set *set, const struct range *range, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	struct meta_key k = meta_set_layout(a, set);
	unsigned char *one = arena_array(a, k.size, 1);
	char *hex = arena_array(a, n * k.size * 2 + 1, 1), *to = hex;

	for (size_t i = 0; i < n; i++) {
		put_element(one, set, &k, range + i * set->n_types);
		for (unsigned b = 0; b < k.size; b++) {
			*to++ = digits[one[b] >> 4];
			*to++ = digits[one[b] & 15];
		}
	}
	return hex;
}

void *meta_elements(const struct ast_program *p, size_t *len)
{
	struct arena *a = arena_new();
	unsigned char *out, *to;
	size_t size = 0;

	for (size_t i = 0; i < p->live.n; i++)
		if (p->live.v[i]->n)
			size += sizeof(struct xdpf_elements) + p->live.v[i]->n * meta_set_layout(a, p->live.v[i]).size;
	out = to = malloc(size + 1);
	for (size_t i = 0; out && i < p->live.n; i++) {
		const struct ast_set *set = p->live.v[i];
		struct meta_key k = meta_set_layout(a, set);
		struct xdpf_elements head = { set->live_index, (uint32_t)set->n, k.size, 0 };

		if (!set->n)
			continue;
		memcpy(to, &head, sizeof(head));
		to += sizeof(head);
		for (size_t e = 0; e < set->n; e++, to += k.size)
			put_element(to, set, &k, set->range + e * set->n_types);
	}
	arena_free(a);
	*len = size;
	return out;
}
