/*
 * How long things are. In: the lengths that fields say. Out: clauses that hold of every packet: what is inside something is no longer than it, and
 * what is behind the transport header is what is left of it. Only asked for where some rule asks about a length.
 *
 * Sums of so many bytes are vectors of the solver's literals, the lowest bit first.
 */
#include "analyse_priv.h"

enum { WIDTH = 20 };	/* bits: sums stay below a million */

struct sum {
	int bit[WIDTH];
};

struct lengths {
	struct question *q;
	bool inner;
	int yes;
};

static int lit(struct lengths *l, uint32_t f)
{
	return question_lit(l->q, f);
}

static int has(struct lengths *l, unsigned bit)
{
	return lit(l, form_has(l->q->s, l->inner, bit));
}

static void clause(struct lengths *l, const int *v, size_t n)
{
	question_clause(l->q, v, n);
}

static struct sum nothing(struct lengths *l)
{
	struct sum s;

	for (int i = 0; i < WIDTH; i++)
		s.bit[i] = -l->yes;
	return s;
}

static int both(struct lengths *l, int a, int b)
{
	return question_and(l->q, (const int[]){ a, b }, 2);
}

static int any(struct lengths *l, int a, int b)
{
	return -both(l, -a, -b);
}

static int odd(struct lengths *l, int a, int b)
{
	return any(l, both(l, a, -b), both(l, -a, b));
}

static struct sum plus(struct lengths *l, const struct sum *a, const struct sum *b)
{
	struct sum s;
	int carry = -l->yes;

	for (int i = 0; i < WIDTH; i++) {
		int x = odd(l, a->bit[i], b->bit[i]);

		s.bit[i] = odd(l, x, carry);
		carry = any(l, both(l, a->bit[i], b->bit[i]), both(l, x, carry));
	}
	return s;
}

/* @n where @when holds, else nothing. */
static struct sum constant(struct lengths *l, unsigned n, int when)
{
	struct sum s = nothing(l);

	for (int i = 0; i < WIDTH; i++)
		if (n >> i & 1)
			s.bit[i] = when;
	return s;
}

/* The field's number times 2^@shift, where @when holds. */
static struct sum scaled(struct lengths *l, enum field_id f, unsigned shift, int when)
{
	uint32_t id = space_field(l->q->s, l->inner, f);
	const struct number *n = &l->q->s->number.v[id];
	struct sum s = nothing(l);

	for (unsigned i = 0; i < n->bits && i + shift < WIDTH; i++)
		s.bit[i + shift] = both(l, question_place(l->q, n->place[n->bits - 1 - i]), when);
	return s;
}

static void add(struct lengths *l, struct sum *to, struct sum what)
{
	*to = plus(l, to, &what);
}

/* A literal for @a <= @b. */
static int no_more(struct lengths *l, const struct sum *a, const struct sum *b)
{
	int le = l->yes;

	for (int i = 0; i < WIDTH; i++)
		le = any(l, both(l, -a->bit[i], b->bit[i]), both(l, -odd(l, a->bit[i], b->bit[i]), le));
	return le;
}

static void so(struct lengths *l, int when, int then)
{
	clause(l, (const int[]){ -when, then }, 2);
}

/* Up to where IP begins, tags included. */
static struct sum link_size(struct lengths *l)
{
	struct sum s = constant(l, 14, l->yes);

	add(l, &s, constant(l, 4, has(l, HDR_VLAN)));
	add(l, &s, constant(l, 4, has(l, HDR_VLAN2)));
	return s;
}

/* The extension headers that are there, each once. */
static struct sum extensions(struct lengths *l)
{
	static const struct {
		enum header_id h;
		enum field_id len;
		unsigned shift, more;
	} ext[] = {
		{ HDR_HBH, FIELD_HBH_LEN, 3, 8 }, { HDR_RT, FIELD_RT_LEN, 3, 8 }, { HDR_DSTOPTS, FIELD_DSTOPTS_LEN, 3, 8 },
		{ HDR_MH, FIELD_MH_LEN, 3, 8 }, { HDR_AH, FIELD_AH_LEN, 2, 8 },
	};
	struct sum s = constant(l, 8, has(l, HDR_FRAG));

	for (size_t i = 0; i < sizeof(ext) / sizeof(ext[0]); i++) {
		int there = has(l, ext[i].h);

		add(l, &s, scaled(l, ext[i].len, ext[i].shift, there));
		add(l, &s, constant(l, ext[i].more, there));
	}
	return s;
}

static struct sum transport(struct lengths *l)
{
	struct sum s = scaled(l, FIELD_TCP_DOFF, 2, has(l, HDR_TCP));

	add(l, &s, scaled(l, FIELD_DCCP_DOFF, 2, has(l, HDR_DCCP)));
	for (int h = 0; h < HDR_COUNT; h++)
		if (lang_headers[h].layer == LAYER_L4 && h != HDR_TCP && h != HDR_DCCP)
			add(l, &s, constant(l, lang_headers[h].len, has(l, (unsigned)h)));
	return s;
}

static int either_of(struct lengths *l, enum layer layer)
{
	int some = -l->yes;

	for (int h = 0; h < HDR_COUNT; h++)
		if (lang_headers[h].layer == layer)
			some = any(l, some, has(l, (unsigned)h));
	return some;
}

/* What IP carries: as much as it says, and the payload is what the headers leave of it. Extension headers that are there more than once take more:
 * the payload is no longer than this, and of plain packets exactly as long; so with GRE's optional words. */
static void carried(struct lengths *l, const struct sum *ip)
{
	int l4 = either_of(l, LAYER_L4), behind = any(l, l4, either_of(l, LAYER_EXT)), udp = has(l, HDR_UDP);
	struct sum used = extensions(l), payload = scaled(l, FIELD_PAYLOAD_LEN, 0, l4), header = transport(l), udp_len, by_udp;
	int fits, exact;

	fits = no_more(l, &used, ip);
	so(l, behind, fits);
	used = plus(l, &used, &header);
	used = plus(l, &used, &payload);
	/* used <= ip, and for what is not cut short by UDP equal */
	so(l, l4, no_more(l, &used, ip));
	exact = no_more(l, ip, &used);
	udp_len = scaled(l, FIELD_UDP_LEN, 0, udp);
	by_udp = constant(l, 8, udp);
	add(l, &by_udp, scaled(l, FIELD_PAYLOAD_LEN, 0, udp));
	so(l, udp, no_more(l, &by_udp, &udp_len));
	clause(l, (const int[]){ -l4, -l->q->plain, has(l, HDR_GRE), exact, both(l, udp, no_more(l, &udp_len, &by_udp)) }, 5);
	/* without what may repeat, it holds of all */
	clause(l, (const int[]){ -l4, has(l, HDR_GRE), either_of(l, LAYER_EXT), exact, both(l, udp, no_more(l, &udp_len, &by_udp)) }, 5);
}

static void layer(struct question *q, bool inner)
{
	struct lengths ls = { q, inner, question_lit(q, ALWAYS) }, *l = &ls;
	int ip4 = has(l, HDR_IP4), ip6 = has(l, HDR_IP6), bad = has(l, MALFORMED_BIT);
	int behind = any(l, either_of(l, LAYER_L4), either_of(l, LAYER_EXT));
	struct sum at = link_size(l), all, head4 = scaled(l, FIELD_IP4_IHL, 2, ip4), len4 = scaled(l, FIELD_IP4_LEN, 0, ip4),
		   len6 = scaled(l, FIELD_IP6_LEN, 0, ip6), end, need, ip, body;
	uint32_t length;
	int sound;

	/* What IP says fits into the frame, unless that is what is broken. Inside a tunnel the frame is not as long, which is left open. */
	end = plus(l, &at, &len4);
	need = plus(l, &at, &head4);
	if (!inner) {
		all = scaled(l, FIELD_PKT_LEN, 0, l->yes);
		for (int i = 0; i < WIDTH; i++)
			if (i >= 17)
				so(l, l->yes, -all.bit[i]);
		length = space_field(q->s, false, FIELD_PKT_LEN);
		for (unsigned i = 0; i < 32 - WIDTH; i++)
			so(l, l->yes, -question_place(q, q->s->number.v[length].place[i]));
		so(l, l->yes, no_more(l, &at, &all));
		so(l, ip4, no_more(l, &need, &all));
	} else {
		all = constant(l, (1 << WIDTH) - 1, l->yes);
	}
	sound = both(l, no_more(l, &head4, &len4), no_more(l, &end, &all));
	clause(l, (const int[]){ -ip4, bad, sound }, 3);
	clause(l, (const int[]){ -ip4, -behind, sound }, 3);
	/* A total length that is wrong is broken; of plain packets no other part of IP is. */
	clause(l, (const int[]){ -ip4, sound, bad }, 3);
	clause(l, (const int[]){ -ip4, -bad, -sound, -q->plain }, 4);
	need = at;
	add(l, &need, constant(l, 40, ip6));
	if (!inner)
		so(l, ip6, no_more(l, &need, &all));
	end = need;
	add(l, &end, len6);
	sound = no_more(l, &end, &all);
	clause(l, (const int[]){ -ip6, bad, sound }, 3);
	clause(l, (const int[]){ -ip6, -behind, sound }, 3);
	clause(l, (const int[]){ -ip6, sound, bad }, 3);
	clause(l, (const int[]){ -ip6, -bad, -sound, -q->plain }, 4);
	need = at;
	add(l, &need, constant(l, 8, has(l, HDR_ARP)));
	add(l, &need, scaled(l, FIELD_ARP_HLEN, 1, has(l, HDR_ARP)));
	add(l, &need, scaled(l, FIELD_ARP_PLEN, 1, has(l, HDR_ARP)));
	so(l, has(l, HDR_ARP), no_more(l, &need, &all));
	/* ip = what is behind the IP header: len4 - head4, or ip6.len */
	for (int i = 0; i < WIDTH; i++)
		ip.bit[i] = question_var(q);
	body = plus(l, &ip, &head4);
	for (int i = 0; i < WIDTH; i++) {
		clause(l, (const int[]){ -both(l, ip4, behind), -odd(l, body.bit[i], len4.bit[i]) }, 2);
		clause(l, (const int[]){ -both(l, ip6, behind), -odd(l, ip.bit[i], len6.bit[i]) }, 2);
	}
	carried(l, &ip);
}

void lengths_add(struct question *q)
{
	layer(q, false);
	if (q->s->inner)
		layer(q, true);
}
