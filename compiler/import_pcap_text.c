/*
 * Conditions of libpcap's programs as text. In: a simple tree. Out: fields, where the conditions before say which header the bytes are of, else
 * bytes of the frame. Behind an IPv4 header of unknown length that is one alternative for each.
 */
#include <inttypes.h>
#include <string.h>

#include "import_pcap.h"

enum { LEAST_WORDS = 5, MOST_WORDS = 15, SRC6 = 22, DST6 = 38 };

static const char *op_text(const struct pcap_leaf *l)
{
	switch (l->op) {
	case PCAP_EQ:
		return l->neg ? "!=" : "==";
	case PCAP_GT:
		return l->neg ? "<=" : ">";
	case PCAP_GE:
		return l->neg ? "<" : ">=";
	}
	return NULL;
}

/* The field that the bytes are, under their mask; FIELD_NONE: they are none. *@masked: the mask must be said. */
static enum field_id field_of(const struct pcap_value *v, const struct pcap_fact *known, bool *masked)
{
	uint32_t base, full = v->size == 4 ? UINT32_MAX : (1u << 8 * v->size) - 1;
	enum header_id h = pcap_header(known, v, &base);

	for (int i = 0; i < FIELD_COUNT && h != HDR_NONE; i++) {
		const struct field_info *f = &lang_fields[i];

		if (f->form != FORM_WIRE || f->header != h || f->off + base != v->off || f->len != v->size || f->shift || f->bits > 32)
			continue;
		if ((f->bits == 8 * v->size && lang_types[f->type].kind != KIND_FLAG) || ((1u << f->bits) - 1) == v->mask) {
			*masked = f->bits == 8 * v->size && v->mask != full;
			return (enum field_id)i;
		}
	}
	return FIELD_NONE;
}

static void value_text(struct import *im, enum field_id f, const struct pcap_leaf *l)
{
	const struct type_info *t = &lang_types[lang_fields[f].type];
	const char *name = l->op == PCAP_EQ && t->names != NAMES_NONE && t->names != NAMES_SERVICE ? lang_value_name(t->names, l->k) : NULL;

	if (t->kind == KIND_IP4)
		import_put(im, "%s", import_addr_text(im->arena, FAMILY_IP4, value_of(l->k)));
	else if (name && l->value.mask == (t->bits == 8 ? 0xffu : 0xffffu))
		import_put(im, "%s", name);
	else
		import_put(im, f == FIELD_ETH_OUTERTYPE || l->value.mask != UINT32_MAX ? l->k > 9 && f == FIELD_ETH_OUTERTYPE ? "0x%" PRIx32 :
			   "%" PRIu32 :
			       "%" PRIu32, l->k);
}

static void bytes_text(struct import *im, const struct pcap_leaf *l, uint32_t off)
{
	uint32_t full = l->value.size == 4 ? UINT32_MAX : (1u << 8 * l->value.size) - 1;

	import_put(im, "packet[%" PRIu32 ":%" PRIu32 "]", off, l->value.size);
	if (l->value.mask != full)
		import_put(im, " & 0x%" PRIx32, l->value.mask);
	import_put(im, l->k > 9 ? " %s 0x%" PRIx32 : " %s %" PRIu32, op_text(l), l->k);
}

/* One alternative for each length of the headers before it. */
static void behind_text(struct import *im, const struct pcap_leaf *l)
{
	const struct pcap_value *v = &l->value;

	import_put(im, "(");
	for (uint32_t i = LEAST_WORDS; i <= MOST_WORDS; i++) {
		import_put(im, "%spacket[%" PRIu32 ":1] & 0xf == %" PRIu32 " and ", i == LEAST_WORDS ? "" : " or ", v->ihl_at, i);
		if (!v->doff)
			bytes_text(im, l, v->off + 4 * i);
		for (uint32_t j = LEAST_WORDS; v->doff && j <= MOST_WORDS; j++) {
			import_put(im, "%spacket[%" PRIu32 ":1] & 0xf0 == 0x%" PRIx32 " and ", j == LEAST_WORDS ? "(" : " or ", v->doff_at + 4 * i,
				   j << 4);
			bytes_text(im, l, v->off + 4 * (i + j));
			import_put(im, j == MOST_WORDS ? ")" : "");
		}
	}
	import_put(im, ")");
}

static void leaf_text(struct import *im, const struct pcap_leaf *l, const struct pcap_fact *known)
{
	bool masked = false;
	enum field_id f;

	if (l->value.kind == PCAP_LEN) {
		import_put(im, "pkt.len %s %" PRIu32, op_text(l), l->k);
		return;
	}
	f = field_of(&l->value, known, &masked);
	if (f != FIELD_NONE && masked && lang_types[lang_fields[f].type].kind == KIND_IP4 && l->op == PCAP_EQ &&
	    !(~l->value.mask & (~l->value.mask + 1))) {
		const struct range net = { FAMILY_IP4, value_of(l->k), value_of(l->k | ~l->value.mask) };

		import_put(im, "%s %s %s", lang_fields[f].name, op_text(l), import_net_text(im->arena, &net));
		return;
	}
	if (f != FIELD_NONE) {
		import_put(im, "%s", lang_fields[f].name);
		if (masked && lang_types[lang_fields[f].type].kind == KIND_IP4)
			import_put(im, " & %s", import_addr_text(im->arena, FAMILY_IP4, value_of(l->value.mask)));
		else if (masked)
			import_put(im, " & 0x%" PRIx32, l->value.mask);
		import_put(im, " %s ", op_text(l));
		value_text(im, f, l);
		return;
	}
	if (l->value.ihl)
		behind_text(im, l);
	else
		bytes_text(im, l, l->value.off);
}

/* ---- IPv6 addresses: four words ---- */

typedef VEC(const struct pcap_node *) nodes;

static void flatten(struct arena *a, const struct pcap_node *n, enum pcap_node_kind kind, nodes *out)
{
	if (n->kind == kind) {
		flatten(a, n->a, kind, out);
		flatten(a, n->b, kind, out);
	} else {
		*vec_add(a, out) = n;
	}
}

/* The address at @at that leaves from @i on ask for, as text; *@used: how many they are. */
static const char *address6(struct import *im, const nodes *all, size_t i, uint32_t at, size_t *used)
{
	uint32_t word[4] = { 0 }, mask[4] = { 0 };
	struct value v, m;
	struct range net;

	for (*used = 0; i + *used < all->n; ++*used) {
		const struct pcap_node *n = all->v[i + *used];
		const struct pcap_leaf *l = &n->leaf;
		uint32_t w = (l->value.off - at) / 4;

		if (n->kind != PCAP_LEAF || l->neg || l->op != PCAP_EQ || l->value.kind != PCAP_LOAD || l->value.ihl || l->value.size != 4 ||
		    l->value.off < at ||
		    l->value.off >= at + 16 || l->value.off % 4 != at % 4 || mask[w])
			break;
		word[w] = l->k;
		mask[w] = l->value.mask;
	}
	v = (struct value){ (uint64_t)word[0] << 32 | word[1], (uint64_t)word[2] << 32 | word[3] };
	m = (struct value){ (uint64_t)mask[0] << 32 | mask[1], (uint64_t)mask[2] << 32 | mask[3] };
	if (m.hi == UINT64_MAX && m.lo == UINT64_MAX)
		return arena_printf(im->arena, "== %s", import_addr_text(im->arena, FAMILY_IP6, v));
	net = (struct range){ FAMILY_IP6, v, { v.hi | ~m.hi, v.lo | ~m.lo } };
	/* A prefix is written as one; other masks stay masks. */
	if (strchr(import_net_text(im->arena, &net), '/') && (m.lo ? m.hi == UINT64_MAX && !(~m.lo & (~m.lo + 1)) : !(~m.hi & (~m.hi + 1))))
		return arena_printf(im->arena, "== %s", import_net_text(im->arena, &net));
	return arena_printf(im->arena, "& %s == %s", import_addr_text(im->arena, FAMILY_IP6, m), import_addr_text(im->arena, FAMILY_IP6, v));
}

/* An Ethernet address: libpcap asks for its last four bytes, then for the two before them. */
static const char *address_mac(struct import *im, const nodes *all, size_t i, uint32_t at)
{
	const struct pcap_leaf *l = &all->v[i]->leaf, *h = i + 1 < all->n ? &all->v[i + 1]->leaf : NULL;

	if (!h || all->v[i]->kind != PCAP_LEAF || all->v[i + 1]->kind != PCAP_LEAF || l->neg || h->neg || l->op != PCAP_EQ || h->op != PCAP_EQ ||
	    l->value.kind != PCAP_LOAD || h->value.kind != PCAP_LOAD || l->value.ihl || h->value.ihl || l->value.off != at + 2 ||
		h->value.off != at ||
	    l->value.size != 4 || h->value.size != 2 || l->value.mask != UINT32_MAX || h->value.mask != 0xffff)
		return NULL;
	return arena_printf(im->arena, "%02x:%02x:%02x:%02x:%02x:%02x", h->k >> 8, h->k & 0xff, l->k >> 24, l->k >> 16 & 0xff, l->k >> 8 & 0xff,
			    l->k & 0xff);
}

static void node_text(struct import *im, const struct pcap_node *n, const struct pcap_fact *known, bool inside);

static void all_text(struct import *im, const nodes *all, const struct pcap_fact *known)
{
	for (size_t i = 0; i < all->n;) {
		bool ip6 = pcap_known(known, 12, 2, 0xffff, 0x86dd);
		size_t used = 0;

		if (i)
			import_put(im, " and ");
		for (unsigned side = 0; ip6 && side < 2 && !used; side++) {
			const char *text = address6(im, all, i, side ? DST6 : SRC6, &used);

			if (used)
				import_put(im, "ip6.%s %s", side ? "dst" : "src", text);
		}
		for (unsigned side = 0; side < 2 && !used; side++) {
			const char *text = address_mac(im, all, i, side ? 0 : 6);

			if (text)
				import_put(im, "eth.%s == %s", side ? "dst" : "src", text);
			used = text ? 2 : 0;
		}
		if (!used) {
			node_text(im, all->v[i], known, true);
			used = 1;
		}
		for (; used; used--, i++)
			known = pcap_facts(im->arena, all->v[i], known);
	}
}

static void node_text(struct import *im, const struct pcap_node *n, const struct pcap_fact *known, bool inside)
{
	nodes all = { 0 };

	switch (n->kind) {
	case PCAP_LEAF:
		leaf_text(im, &n->leaf, known);
		return;
	case PCAP_AND:
		flatten(im->arena, n, PCAP_AND, &all);
		all_text(im, &all, known);
		return;
	case PCAP_OR:
		flatten(im->arena, n, PCAP_OR, &all);
		import_put(im, inside ? "(" : "");
		for (size_t i = 0; i < all.n; i++) {
			import_put(im, i ? " or " : "");
			node_text(im, all.v[i], known, true);
			known = pcap_facts_not(im->arena, all.v[i], known);
		}
		import_put(im, inside ? ")" : "");
		return;
	case PCAP_NOT:
	case PCAP_TRUE:
	case PCAP_FALSE:
		return;
	}
}

void pcap_text(struct import *im, const struct pcap_node *n)
{
	node_text(im, n, NULL, true);
}
