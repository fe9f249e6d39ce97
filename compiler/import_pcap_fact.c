/*
 * Conditions of libpcap's programs, made simple. In: a tree of leaves. Out: the same as ands and ors of leaves: what other leaves have decided
 * before is gone. A comparison whose bytes are not in the frame ends such a program: what stands behind an `or` is then never asked,
 * and that is kept where it can make a difference in a frame that is sound.
 */
#include "import_pcap.h"

static struct pcap_node *node(struct arena *a, enum pcap_node_kind kind, struct pcap_node *left, struct pcap_node *right)
{
	struct pcap_node *n = arena_alloc(a, sizeof(*n));

	*n = (struct pcap_node){ .kind = kind, .a = left, .b = right };
	return n;
}

static bool same_value(const struct pcap_value *a, const struct pcap_value *b)
{
	if (a->kind != b->kind || a->ihl != b->ihl || (a->ihl && a->ihl_at != b->ihl_at))
		return false;
	if (a->doff != b->doff || (a->doff && a->doff_at != b->doff_at))
		return false;
	return a->kind != PCAP_LOAD || (a->off == b->off && a->size == b->size && a->mask == b->mask);
}

bool pcap_known(const struct pcap_fact *known, uint32_t off, uint32_t size, uint32_t mask, uint32_t value)
{
	const struct pcap_value v = { .kind = PCAP_LOAD, .off = off, .size = size, .mask = mask };

	for (; known; known = known->next)
		if (known->leaf.op == PCAP_EQ && !known->leaf.neg && known->leaf.k == value && same_value(&known->leaf.value, &v))
			return true;
	return false;
}

enum { TYPE_AT = 12, ETH_END = 14, ETHER_IP4 = 0x800, ETHER_IP6 = 0x86dd, ETHER_ARP = 0x806, ETHER_RARP = 0x8035 };

/* The protocol that IP leads to, where it is known: its number, or -1. */
static int proto_known(const struct pcap_fact *known, uint32_t off)
{
	for (; known; known = known->next) {
		const struct pcap_leaf *l = &known->leaf;

		if (l->op == PCAP_EQ && !l->neg && l->value.kind == PCAP_LOAD && !l->value.ihl && l->value.off == off && l->value.size == 1 &&
		    l->value.mask == 0xff)
			return (int)l->k;
	}
	return -1;
}

static enum header_id transport(int proto)
{
	enum header_id h = proto < 0 ? HDR_NONE : lang_next(NEXT_IPPROTO, (uint32_t)proto);

	return h != HDR_NONE && lang_headers[h].layer == LAYER_L4 ? h : HDR_NONE;
}

enum header_id pcap_header(const struct pcap_fact *known, const struct pcap_value *v, uint32_t *base)
{
	bool ip4 = pcap_known(known, TYPE_AT, 2, 0xffff, ETHER_IP4), ip6 = pcap_known(known, TYPE_AT, 2, 0xffff, ETHER_IP6);

	*base = ETH_END;
	if (v->doff)
		return HDR_NONE;
	if (v->ihl)
		return ip4 && v->ihl_at == ETH_END && pcap_known(known, ETH_END + 6, 2, 0x1fff, 0) ? transport(proto_known(known, ETH_END + 9)) :
			HDR_NONE;
	if (v->off < ETH_END) {
		*base = 0;
		return HDR_ETH;
	}
	if (ip4 && v->off < ETH_END + 20)
		return HDR_IP4;
	if (ip6 && v->off < ETH_END + 40)
		return HDR_IP6;
	if (pcap_known(known, TYPE_AT, 2, 0xffff, ETHER_ARP))
		return HDR_ARP;
	*base = ETH_END + 40;
	return ip6 ? transport(proto_known(known, ETH_END + 6)) : HDR_NONE;
}

/* Are its bytes in every sound frame that comes here? */
static bool safe(const struct pcap_fact *known, const struct pcap_value *v)
{
	uint32_t base;
	enum header_id h;

	if (v->kind != PCAP_LOAD)
		return true;
	/* Shorter ones are left out of what is translated. */
	if (!v->ihl && v->off + v->size <= PCAP_ARP_LEAST && (pcap_known(known, TYPE_AT, 2, 0xffff, ETHER_ARP) ||
							       pcap_known(known, TYPE_AT, 2, 0xffff, ETHER_RARP)))
		return true;
	h = pcap_header(known, v, &base);
	return h != HDR_NONE && v->off >= base && v->off - base + v->size <= lang_headers[h].len;
}

/* Its bytes are in no frame: that ends a program, whatever it asks of them. */
static bool beyond(const struct pcap_leaf *l)
{
	return l->value.kind == PCAP_LOAD && !l->value.ihl && l->value.off > PCAP_FRAME_MOST - l->value.size;
}

static bool ends(const struct pcap_node *n)
{
	switch (n->kind) {
	case PCAP_LEAF:
		return beyond(&n->leaf);
	case PCAP_AND:
	case PCAP_OR:
		return ends(n->a) || ends(n->b);
	case PCAP_NOT:
		return ends(n->a);
	case PCAP_TRUE:
	case PCAP_FALSE:
		break;
	}
	return false;
}

static bool all_safe(struct arena *a, const struct pcap_node *n, const struct pcap_fact *known)
{
	const struct pcap_fact *more = known;

	switch (n->kind) {
	case PCAP_LEAF:
		return safe(known, &n->leaf.value);
	case PCAP_AND:
		more = pcap_facts(a, n->a, known);
		break;
	case PCAP_OR:
		break;
	case PCAP_NOT:
	case PCAP_TRUE:
	case PCAP_FALSE:
		return n->kind != PCAP_NOT;
	}
	return all_safe(a, n->a, known) && all_safe(a, n->b, more);
}

const struct pcap_fact *pcap_facts(struct arena *a, const struct pcap_node *n, const struct pcap_fact *known)
{
	struct pcap_fact *f;

	if (n->kind == PCAP_AND)
		return pcap_facts(a, n->b, pcap_facts(a, n->a, known));
	if (n->kind != PCAP_LEAF)
		return known;
	f = arena_alloc(a, sizeof(*f));
	f->leaf = n->leaf;
	f->next = known;
	return f;
}

const struct pcap_fact *pcap_facts_not(struct arena *a, const struct pcap_node *n, const struct pcap_fact *known)
{
	struct pcap_fact *f;

	if (n->kind == PCAP_OR)
		return pcap_facts_not(a, n->b, pcap_facts_not(a, n->a, known));
	if (n->kind != PCAP_LEAF)
		return known;
	f = arena_alloc(a, sizeof(*f));
	f->leaf = n->leaf;
	f->leaf.neg = !f->leaf.neg;
	f->next = known;
	return f;
}

/* 1: it is true, 0: false, -1: that depends. Without .neg. */
static int decided(const struct pcap_leaf *l, const struct pcap_fact *known)
{
	uint32_t mask = l->value.mask, k = l->k;

	if (l->value.kind == PCAP_CONST)
		return l->op == PCAP_EQ ? l->value.k == k : l->op == PCAP_GT ? l->value.k > k : l->value.k >= k;
	if (l->op == PCAP_GE && k == 0)
		return 1;
	if (l->value.kind == PCAP_LEN)
		mask = UINT32_MAX;
	if (l->op == PCAP_GT ? k >= mask : k > mask)
		return 0;
	if (l->op == PCAP_EQ && (k & ~mask))
		return 0;
	if (l->op == PCAP_EQ && !mask)
		return k == 0;
	for (; known; known = known->next) {
		const struct pcap_leaf *f = &known->leaf;

		if (!same_value(&f->value, &l->value) || f->op != PCAP_EQ)
			continue;
		if (!f->neg)
			return l->op == PCAP_EQ ? f->k == k : l->op == PCAP_GT ? f->k > k : f->k >= k;
		if (l->op == PCAP_EQ && f->k == k)
			return 0;
	}
	return -1;
}

static struct pcap_node *simple_leaf(struct arena *a, const struct pcap_leaf *leaf, bool want, const struct pcap_fact *known)
{
	struct pcap_node *n = node(a, PCAP_LEAF, NULL, NULL);
	int is;

	n->leaf = *leaf;
	n->leaf.neg = leaf->neg == want;
	if (beyond(leaf)) {
		n->kind = PCAP_FALSE;
		return n;
	}
	is = decided(leaf, known);
	if (is >= 0)
		n->kind = (is == 1) != n->leaf.neg ? PCAP_TRUE : PCAP_FALSE;
	return n;
}

static struct pcap_node *both(struct arena *a, struct pcap_node *l, struct pcap_node *r)
{
	if (l->kind == PCAP_FALSE || r->kind == PCAP_TRUE)
		return l;
	return l->kind == PCAP_TRUE || r->kind == PCAP_FALSE ? r : node(a, PCAP_AND, l, r);
}

static struct pcap_node *either(struct arena *a, struct pcap_node *l, struct pcap_node *r)
{
	if (l->kind == PCAP_TRUE || r->kind == PCAP_FALSE)
		return l;
	return l->kind == PCAP_FALSE || r->kind == PCAP_TRUE ? r : node(a, PCAP_OR, l, r);
}

bool pcap_asks_arp(const struct pcap_node *n)
{
	const struct pcap_leaf *l = &n->leaf;

	if (n->kind == PCAP_AND || n->kind == PCAP_OR)
		return pcap_asks_arp(n->a) || pcap_asks_arp(n->b);
	return n->kind == PCAP_LEAF && !l->neg && l->op == PCAP_EQ && l->value.kind == PCAP_LOAD && l->value.off == TYPE_AT && l->value.size == 2 &&
	       (l->k == ETHER_ARP || l->k == ETHER_RARP);
}

/* @r, where @n is not @want and all its bytes are there. What @r says first often decides that. */
static struct pcap_node *guarded(struct pcap_work *w, const struct pcap_node *n, bool want, struct pcap_node *r, const struct pcap_fact *known)
{
	if (r->kind == PCAP_OR)
		return either(w->a, guarded(w, n, want, r->a, known), guarded(w, n, want, r->b, known));
	return both(w->a, r, pcap_simple(w, n, !want, pcap_facts(w->a, r, known)));
}

struct pcap_node *pcap_simple(struct pcap_work *w, const struct pcap_node *n, bool want, const struct pcap_fact *known)
{
	struct pcap_node *l, *r;

	if (!w->left || !--w->left)
		return node(w->a, PCAP_FALSE, NULL, NULL);
	switch (n->kind) {
	case PCAP_LEAF:
		return simple_leaf(w->a, &n->leaf, want, known);
	case PCAP_NOT:
		return pcap_simple(w, n->a, !want, known);
	case PCAP_TRUE:
	case PCAP_FALSE:
		return node(w->a, (n->kind == PCAP_TRUE) == want ? PCAP_TRUE : PCAP_FALSE, NULL, NULL);
	case PCAP_AND:
	case PCAP_OR:
		break;
	}
	l = pcap_simple(w, n->a, want, known);
	if ((n->kind == PCAP_AND) == want)
		return l->kind == PCAP_FALSE ? l : both(w->a, l, pcap_simple(w, n->b, want, pcap_facts(w->a, l, known)));
	if (l->kind == PCAP_TRUE)
		return l;
	r = pcap_simple(w, n->b, want, pcap_facts_not(w->a, l, known));
	/* Bytes that are not there end it: the other side is asked only where this one says no. */
	if (r->kind != PCAP_FALSE && (ends(n->a) || !all_safe(w->a, l, known)))
		r = guarded(w, n->a, want, r, known);
	return either(w->a, l, r);
}
