/*
 * Formulas over what conditions ask for: headers, numbers of the packet, and what is true or not for other reasons. In: parts. Out: formulas, each
 * of which there is once, so that the same condition in two rules, or in two files, is the same formula. Numbers that overlap in the packet
 * (tcp.syn and tcp.flags) are the same bits.
 */
#include "analyse_priv.h"

#include <stdlib.h>
#include <string.h>

/* ---- each once ---- */

struct intern_entry {
	const void *key;
	size_t len;
	uint32_t next, hash;
};

static uint32_t hash_of(const void *key, size_t len)
{
	const uint8_t *p = key;
	uint64_t h = 0xcbf29ce484222325;

	for (; len >= 8; len -= 8, p += 8) {
		uint64_t w;

		memcpy(&w, p, 8);
		h = (h ^ w) * 0x9e3779b97f4a7c15;
		h ^= h >> 29;
	}
	for (; len; len--)
		h = (h ^ *p++) * 0x100000001b3;
	return (uint32_t)(h ^ h >> 32);
}

static void rehash(struct arena *a, struct intern *t)
{
	t->n_buckets = t->n_buckets ? 4 * t->n_buckets : 64;
	t->bucket = arena_array(a, t->n_buckets, sizeof(*t->bucket));
	for (size_t i = 0; i < t->n; i++) {
		uint32_t *b = &t->bucket[t->entry[i].hash & (t->n_buckets - 1)];

		t->entry[i].next = *b;
		*b = (uint32_t)i + 1;
	}
}

uint32_t intern(struct arena *a, struct intern *t, const void *key, size_t len, bool *fresh)
{
	struct { struct intern_entry *v; size_t n, cap; } all = { t->entry, t->n, t->cap };
	uint32_t hash = hash_of(key, len), *b;

	if (t->n >= t->n_buckets)
		rehash(a, t);
	KNOWN(t->bucket);
	b = &t->bucket[hash & (t->n_buckets - 1)];
	for (uint32_t i = t->n ? *b : 0; i; i = t->entry[i - 1].next)
		if (t->entry[i - 1].hash == hash && t->entry[i - 1].len == len && !memcmp(t->entry[i - 1].key, key, len)) {
			*fresh = false;
			return i - 1;
		}
	*vec_add(a, &all) = (struct intern_entry){ arena_copy(a, key, len), len, *b, hash };
	t->entry = all.v;
	t->n = all.n;
	t->cap = all.cap;
	*b = (uint32_t)t->n;
	*fresh = true;
	return (uint32_t)t->n - 1;
}

/* ---- formulas ---- */

static uint32_t node_new(struct space *s, const void *key, size_t len, const struct node *node)
{
	bool fresh;
	uint32_t i = intern(s->a, &s->nodes, key, len, &fresh);

	if (fresh)
		*vec_add(s->a, &s->node) = *node;
	return 2 * i;
}

uint32_t form_bit(struct space *s, uint32_t bit)
{
	const uint32_t key[2] = { NODE_BIT, bit };

	return node_new(s, key, sizeof(key), &(struct node){ .kind = NODE_BIT, .of = bit });
}

uint32_t form_free(struct space *s, enum free_kind kind, const char *key, const struct ast_expr *e, enum field_id field)
{
	char *whole = arena_printf(s->a, "%d %s", kind, key);
	bool fresh;
	uint32_t i = intern(s->a, &s->frees, whole, strlen(whole), &fresh);

	if (fresh)
		*vec_add(s->a, &s->free) = (struct free_bit){ kind, { NULL, NULL }, field };
	s->free.v[i].expr[s->side] = e;
	return form_bit(s, BITS_FREE + i);
}

uint32_t form_in(struct space *s, uint32_t number, const struct value *mask, const struct range *r, size_t n)
{
	const struct number *of = &s->number.v[number];
	struct value top = value_ones(of->bits);
	uint64_t *key = arena_array(s->a, 4 + 4 * n, sizeof(*key));
	struct range *own = arena_array(s->a, n + 1, sizeof(*own));
	size_t k = 0, at = 0;

	for (size_t i = 0; i < n; i++)
		if (r[i].family == of->family && value_cmp(r[i].lo, top) <= 0) {
			own[k] = r[i];
			if (value_cmp(own[k].hi, top) > 0)
				own[k].hi = top;
			k++;
		}
	if (!k)
		return NEVER;
	if (!mask && k == 1 && !(own[0].lo.hi | own[0].lo.lo) && !value_cmp(own[0].hi, top))
		return ALWAYS;
	key[at++] = (uint64_t)NODE_IN << 32 | number;
	key[at++] = mask ? 1 : 0;
	key[at++] = mask ? mask->hi : 0;
	key[at++] = mask ? mask->lo : 0;
	for (size_t i = 0; i < k; i++) {
		key[at++] = own[i].lo.hi;
		key[at++] = own[i].lo.lo;
		key[at++] = own[i].hi.hi;
		key[at++] = own[i].hi.lo;
	}
	return node_new(s, key, at * sizeof(*key), &(struct node){
		.kind = NODE_IN, .of = number, .has_mask = mask, .mask = mask ? *mask : value_of(0), .range = own, .n = k });
}

uint32_t form_from(struct space *s, uint32_t number, uint64_t lo, uint64_t hi)
{
	const struct range r = { s->number.v[number].family, value_of(lo), value_of(hi) };

	return form_in(s, number, NULL, &r, 1);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Longer ones stay what they are: a chain of a thousand `else` is a thousand steps, not half a million. */
enum { FLAT = 24 };

uint32_t form_and(struct space *s, const uint32_t *f, size_t n)
{
	struct { uint32_t *v; size_t n, cap; } all = { 0 };
	size_t k = 0;
	uint32_t *key;

	for (size_t i = 0; i < n; i++) {
		const struct node *x = &s->node.v[f[i] / 2];

		if (f[i] == NEVER)
			return NEVER;
		if (!(f[i] & 1) && x->kind == NODE_AND && x->n <= FLAT)
			for (size_t j = 0; j < x->n; j++)
				*vec_add(s->a, &all) = x->sub[j];
		else if (f[i] != ALWAYS)
			*vec_add(s->a, &all) = f[i];
	}
	vec_sort(&all, by_number);
	for (size_t i = 0; i < all.n; i++) {
		if (k && all.v[k - 1] == all.v[i])
			continue;
		/* a formula and its negation stand side by side */
		if (k && all.v[k - 1] == (all.v[i] ^ 1))
			return NEVER;
		all.v[k++] = all.v[i];
	}
	if (!k)
		return ALWAYS;
	if (k == 1)
		return all.v[0];
	key = arena_array(s->a, k + 1, sizeof(*key));
	key[0] = NODE_AND;
	memcpy(key + 1, all.v, k * sizeof(*key));
	return node_new(s, key, (k + 1) * sizeof(*key), &(struct node){ .kind = NODE_AND, .sub = key + 1, .n = k });
}

uint32_t form_or(struct space *s, const uint32_t *f, size_t n)
{
	uint32_t *none = arena_array(s->a, n + 1, sizeof(*none));

	for (size_t i = 0; i < n; i++)
		none[i] = form_not(f[i]);
	return form_not(form_and(s, none, n));
}

/* ---- numbers ---- */

/* Where bits are: of a layer, in a header or one of these. */
enum { PLACE_PAYLOAD = HDR_COUNT, PLACE_FRAME, PLACE_OWN };

struct place_key {
	uint32_t of, inner, own, pad;
	uint64_t bit;
};

/* Where a bit of a header really is: parts are bytes of what they are in, ports are ports. */
static void place_of(enum header_id *h, uint64_t *bit)
{
	const struct part_info *part;

	while ((part = lang_part(*h))) {
		*bit += 8 * (uint64_t)part->off;
		*h = part->parent;
	}
	for (size_t i = 0; i < lang_n_members; i++)
		if (lang_members[i].group == HDR_L4 && lang_members[i].member == *h && *bit < 32)
			*h = HDR_L4;
}

/* The first bit of a field of a header. */
static uint64_t first_bit(enum field_id f, enum header_id *h)
{
	uint64_t bit = 8 * (uint64_t)(lang_fields[f].off + lang_fields[f].len) - lang_fields[f].shift - lang_fields[f].bits;

	*h = lang_fields[f].header;
	place_of(h, &bit);
	return bit;
}

bool space_overlap(enum field_id a, enum field_id b)
{
	enum header_id ha, hb;
	uint64_t from_a, from_b;

	if (lang_fields[a].form != FORM_WIRE || lang_fields[b].form != FORM_WIRE)
		return a == b;
	from_a = first_bit(a, &ha);
	from_b = first_bit(b, &hb);
	return ha == hb && from_a < from_b + lang_fields[b].bits && from_b < from_a + lang_fields[a].bits;
}

static uint32_t place_new(struct space *s, const struct number *n, uint32_t id, unsigned i)
{
	struct place_key key = { .of = PLACE_OWN, .inner = n->inner, .own = id, .bit = i };
	enum header_id h;
	bool fresh;

	switch (n->kind) {
	case NUMBER_WIRE:
		h = lang_fields[n->field].header;
		key.bit = 8 * (uint64_t)(lang_fields[n->field].off + lang_fields[n->field].len) - lang_fields[n->field].shift -
			  lang_fields[n->field].bits + i;
		place_of(&h, &key.bit);
		key.of = h;
		key.own = 0;
		break;
	case NUMBER_PAYLOAD:
		key = (struct place_key){ .of = PLACE_PAYLOAD, .inner = n->inner, .bit = n->off + i };
		break;
	case NUMBER_PACKET:
		/* The first 14 bytes are the Ethernet header's. */
		key = (struct place_key){ .of = n->off + i < 14 * 8 ? (uint32_t)HDR_ETH : (uint32_t)PLACE_FRAME, .bit = n->off + i };
		break;
	case NUMBER_META:
	case NUMBER_LATER:
		break;
	}
	id = intern(s->a, &s->places, &key, sizeof(key), &fresh);
	if (fresh)
		s->n_places++;
	return id;
}

static uint32_t number_new(struct space *s, const char *key, const struct number *n)
{
	bool fresh;
	uint32_t id = intern(s->a, &s->numbers, key, strlen(key), &fresh);
	struct number *own;

	if (!fresh)
		return id;
	own = vec_add(s->a, &s->number);
	*own = *n;
	own->place = arena_array(s->a, n->bits, sizeof(*own->place));
	for (unsigned i = 0; i < n->bits; i++)
		own->place[i] = place_new(s, n, id, i);
	return id;
}

bool space_is_length(enum field_id f)
{
	return f == FIELD_PKT_LEN || f == FIELD_PAYLOAD_LEN || f == FIELD_IP4_LEN || f == FIELD_IP4_IHL || f == FIELD_IP6_LEN || f == FIELD_UDP_LEN ||
	       f == FIELD_TCP_DOFF || f == FIELD_DCCP_DOFF || f == FIELD_HBH_LEN || f == FIELD_RT_LEN || f == FIELD_DSTOPTS_LEN ||
	       f == FIELD_MH_LEN || f == FIELD_AH_LEN || f == FIELD_ARP_HLEN || f == FIELD_ARP_PLEN;
}

static enum family family_of(enum field_id f)
{
	enum type_kind kind = lang_types[lang_fields[f].type].kind;

	return kind == KIND_IP4 ? FAMILY_IP4 : kind == KIND_IP6 ? FAMILY_IP6 : FAMILY_NUM;
}

uint32_t space_field(struct space *s, bool inner, enum field_id f)
{
	struct number n = { .kind = lang_fields[f].form == FORM_META ? NUMBER_META : NUMBER_WIRE, .inner = inner, .field = f,
			    .family = family_of(f), .bits = f == FIELD_IFACE ? 16 : lang_fields[f].bits };

	return number_new(s, arena_printf(s->a, "%d %d", inner, f), &n);
}

uint32_t space_slice(struct space *s, bool inner, bool payload, uint64_t off, unsigned bits)
{
	struct number n = { .kind = payload ? NUMBER_PAYLOAD : NUMBER_PACKET, .inner = inner, .field = FIELD_NONE, .off = off, .bits = bits };

	return number_new(s, arena_printf(s->a, "%d slice %d %llu %u", inner, payload, (unsigned long long)off, bits), &n);
}

uint32_t space_later(struct space *s, const char *key, enum family family, unsigned bits)
{
	struct number n = { .kind = NUMBER_LATER, .field = FIELD_NONE, .family = family, .bits = bits };

	return number_new(s, arena_printf(s->a, "later %s", key), &n);
}

uint32_t space_iface(struct space *s, const char *name)
{
	for (size_t i = 0; i < s->iface.n; i++)
		if (!strcmp(s->iface.v[i], name))
			return (uint32_t)i;
	*vec_add(s->a, &s->iface) = name;
	return (uint32_t)s->iface.n - 1;
}

/* ---- what is there ---- */

static uint32_t has_transport(struct space *s, bool inner)
{
	uint32_t any[HDR_COUNT];
	size_t n = 0;

	for (unsigned h = 0; h < HDR_COUNT; h++)
		if (lang_headers[h].layer == LAYER_L4)
			any[n++] = form_has(s, inner, h);
	return form_or(s, any, n);
}

uint32_t space_present(struct space *s, bool inner, enum field_id f)
{
	const struct field_info *info = &lang_fields[f];
	bool tag = f == FIELD_RX_VLAN_ID || f == FIELD_RX_VLAN_PCP || f == FIELD_RX_VLAN_TYPE;
	uint32_t given;

	if (info->header != HDR_NONE)
		return form_has(s, inner, info->header);
	if (f == FIELD_PAYLOAD_LEN)
		return has_transport(s, inner);
	if (f == FIELD_MALFORMED || f == FIELD_PKT_LEN || f == FIELD_WEEKDAY || f == FIELD_TIME)
		return ALWAYS;
	/* A tag is there with all that is in it. */
	f = tag ? FIELD_RX_VLAN_ID : f;
	given = form_free(s, FREE_GIVEN, lang_fields[f].name, NULL, f);
	if (f == FIELD_FLOW_STATE)
		given = AND(s, given, OR(s, form_has(s, false, HDR_TCP), form_has(s, false, HDR_UDP)));
	return given;
}

void space_init(struct space *s, struct arena *a, const struct analyse_options *o)
{
	const uint32_t key[2] = { NODE_TRUE, 0 };

	*s = (struct space){ .a = a, .options = o };
	node_new(s, key, sizeof(key), &(struct node){ .kind = NODE_TRUE });
}
