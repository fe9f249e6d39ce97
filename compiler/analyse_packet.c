/*
 * The solver's answer as a packet. In: which headers there are and what the numbers are that were asked for. Out: fields and headers as a test's
 * packet names them, and the frame that they make; what comes with it (interface, queue, connection, time). Where something is broken, the frame is
 * broken so. Whether the packet is what was asked for is found by looking at it (analyse_seen.c), not taken from here.
 */
#include "abi.h"
#include "analyse_priv.h"

#include <string.h>

#include "frame.h"

struct maker {
	const struct question *q;
	struct space *s;
	struct witness *w;
	bool inner;
};

static bool bit(const struct maker *m, unsigned b)
{
	bool on = false;

	return question_bit(m->q, m->inner * BITS_LAYER + b, &on) && on;
}

static uint64_t number(const struct maker *m, enum field_id f)
{
	struct value v;

	question_number(m->q, space_field(m->s, m->inner, f), &v);
	return v.lo;
}

/* Its number, or @otherwise where nothing was said about it. */
static uint64_t number_or(const struct maker *m, enum field_id f, uint64_t otherwise)
{
	struct value v;

	return question_number(m->q, space_field(m->s, m->inner, f), &v) ? v.lo : otherwise;
}

static void name_value(struct maker *m, enum field_id f, enum family family, struct value v)
{
	for (size_t i = 0; i < m->w->field.n; i++)
		if (m->w->field.v[i].field == f && m->w->field.v[i].inner == m->inner)
			return;
	*vec_add(m->s->scratch, &m->w->field) = (struct witness_field){ f, m->inner, family, v };
}

static void name(struct maker *m, enum field_id f, uint64_t v)
{
	name_value(m, f, FAMILY_NUM, value_of(v));
}

static bool any(const struct maker *m, enum layer layer)
{
	for (unsigned h = 0; h < HDR_COUNT; h++)
		if (lang_headers[h].layer == layer && bit(m, h))
			return true;
	return false;
}

/* ---- headers ---- */

static void headers(struct maker *m)
{
	for (unsigned h = 0; h < HDR_COUNT; h++)
		if (lang_headers[h].name && lang_headers[h].layer != LAYER_GROUP && h != HDR_ETH && bit(m, h))
			*vec_add(m->s->scratch, &m->w->header) = (struct witness_header){ (enum header_id)h, m->inner };
	if (m->inner && bit(m, HDR_ETH))
		*vec_add(m->s->scratch, &m->w->header) = (struct witness_header){ HDR_ETH, true };
}

/* A protocol without a header. The numbers of extension headers cannot be written without those: they are put into the bytes. */
static void protocol(struct maker *m)
{
	uint64_t proto = number(m, FIELD_IP_PROTO);
	enum header_id h = lang_next(NEXT_IPPROTO, (uint32_t)proto);

	for (size_t i = 0; i < m->w->field.n; i++)
		if (h != HDR_NONE && lang_headers[h].layer == LAYER_EXT && m->w->field.v[i].inner == m->inner &&
		    (m->w->field.v[i].field == FIELD_IP_PROTO || m->w->field.v[i].field == FIELD_IP4_PROTO ||
		     m->w->field.v[i].field == FIELD_IP6_NEXTHDR))
			m->w->field.v[i--] = m->w->field.v[--m->w->field.n];
	if (h == HDR_NONE || lang_headers[h].layer != LAYER_EXT) {
		name(m, FIELD_IP_PROTO, proto);
	} else if (!m->inner) {
		m->w->bytes = true;
		m->w->proto = (uint8_t)proto;
	}
}

/* Bytes of the extension headers, as long as they are where nothing else is said. */
static uint64_t extensions(const struct maker *m)
{
	return 8 * (uint64_t)(bit(m, HDR_HBH) + bit(m, HDR_RT) + bit(m, HDR_FRAG) + bit(m, HDR_DSTOPTS) + bit(m, HDR_MH)) + 12 * bit(m, HDR_AH);
}

/* What follows from no header's being there. */
static void types(struct maker *m)
{
	unsigned tags = bit(m, HDR_VLAN) + bit(m, HDR_VLAN2);

	if (bit(m, HDR_ETYPE) && !any(m, LAYER_L3))
		name(m, FIELD_ETH_TYPE, number(m, FIELD_ETH_TYPE));
	if (bit(m, HDR_IP) && !any(m, LAYER_L4))
		protocol(m);
	if (bit(m, FRAGMENT_BIT) && bit(m, HDR_IP4)) {
		name(m, FIELD_IP4_FRAGOFF, number_or(m, FIELD_IP4_FRAGOFF, !bit(m, FIRST_BIT)));
		name(m, FIELD_IP4_MF, number_or(m, FIELD_IP4_MF, bit(m, FIRST_BIT)));
	}
	if (bit(m, HDR_FRAG) || (bit(m, FRAGMENT_BIT) && bit(m, HDR_IP6))) {
		name(m, FIELD_FRAG_OFFSET, number_or(m, FIELD_FRAG_OFFSET, !bit(m, FIRST_BIT)));
		name(m, FIELD_FRAG_MORE, number_or(m, FIELD_FRAG_MORE, bit(m, FIRST_BIT)));
	}
	if (!bit(m, MALFORMED_BIT) || m->inner)
		return;
	if (!bit(m, HDR_ETYPE)) {
		name(m, tags ? FIELD_VLAN_TYPE : FIELD_ETH_OUTERTYPE, number(m, tags ? FIELD_VLAN_TYPE : FIELD_ETH_OUTERTYPE));
		name(m, FIELD_PKT_LEN, 16 + 4 * tags);
	} else if (bit(m, HDR_IP4)) {
		name(m, FIELD_IP4_LEN, m->s->lengths ? number(m, FIELD_IP4_LEN) : any(m, LAYER_EXT) ? 20 + extensions(m) + 2 : 10);
	} else if (bit(m, HDR_IP6)) {
		name(m, FIELD_IP6_LEN, m->s->lengths ? number(m, FIELD_IP6_LEN) : any(m, LAYER_EXT) ? extensions(m) + 2 : 65535);
	} else if (!m->s->lengths) {
		name(m, FIELD_PKT_LEN, 16 + 4 * tags);
	}
}

/* ---- fields ---- */

static bool there(const struct maker *m, enum field_id f)
{
	enum header_id h = lang_fields[f].header;

	if (f == FIELD_PAYLOAD_LEN)
		return any(m, LAYER_L4);
	return h == HDR_NONE ? f == FIELD_PKT_LEN : bit(m, h);
}

static void fields(struct maker *m)
{
	for (size_t i = 0; i < m->s->asked; i++) {
		const struct number *n = &m->s->number.v[i];
		struct value v;

		if (n->inner != m->inner || n->field == FIELD_NONE || !there(m, n->field) || !question_number(m->q, (uint32_t)i, &v))
			continue;
		if (n->kind == NUMBER_WIRE || n->field == FIELD_IP_PROTO || n->field == FIELD_PKT_LEN || n->field == FIELD_PAYLOAD_LEN)
			name_value(m, n->field, n->family, v);
	}
	if (m->s->lengths && !m->inner)
		name(m, FIELD_PKT_LEN, number(m, FIELD_PKT_LEN));
	if (m->s->lengths && any(m, LAYER_L4))
		name(m, FIELD_PAYLOAD_LEN, number(m, FIELD_PAYLOAD_LEN));
}

/* Bytes of the payload that were asked for; the rest of it is zero. */
static bool payload(struct maker *m)
{
	uint64_t len = number(m, FIELD_PAYLOAD_LEN), asked = 0;
	uint8_t *bytes;

	if (!any(m, LAYER_L4))
		return true;
	for (size_t i = 0; i < m->s->asked; i++) {
		const struct number *n = &m->s->number.v[i];
		struct value v;

		if (n->kind == NUMBER_PAYLOAD && n->inner == m->inner && n->off + n->bits <= 8 * len && n->off + n->bits > asked &&
		    question_number(m->q, (uint32_t)i, &v))
			asked = n->off + n->bits;
	}
	if (!asked)
		return true;
	if (len > FRAME_MOST)
		return false;
	/* bits of several numbers lie on one another */
	bytes = arena_array(m->s->scratch, asked / 8 + 1, 1);
	for (size_t i = 0; i < m->s->asked; i++) {
		const struct number *n = &m->s->number.v[i];
		struct value v;

		if (n->kind != NUMBER_PAYLOAD || n->inner != m->inner || n->off + n->bits > asked || !question_number(m->q, (uint32_t)i, &v))
			continue;
		for (unsigned k = 0; k < n->bits; k += 8)
			bytes[(n->off + n->bits - k) / 8 - 1] = (uint8_t)(k >= 64 ? v.hi >> (k - 64) : v.lo >> k);
	}
	m->w->payload[m->inner] = bytes;
	m->w->n_payload[m->inner] = asked / 8;
	return true;
}

/* ---- what comes with it ---- */

static bool given(const struct maker *m, enum field_id f)
{
	for (size_t i = 0; i < m->s->free.n; i++) {
		bool on = false;

		if (m->s->free.v[i].kind == FREE_GIVEN && m->s->free.v[i].field == f && question_bit(m->q, (uint32_t)(BITS_FREE + i), &on))
			return on;
	}
	return false;
}

static void clock_of(struct maker *m)
{
	enum { DAY = 86400 };
	uint64_t now = XDPF_TEST_START / 1000000000u, day = now / DAY, seconds = now % DAY;
	struct value v;

	if (question_number(m->q, space_field(m->s, false, FIELD_TIME), &v)) {
		seconds = v.lo;
		m->w->has_time = true;
	}
	if (question_number(m->q, space_field(m->s, false, FIELD_WEEKDAY), &v)) {
		while ((day + 3) % 7 + 1 != v.lo % 8 && v.lo)
			day++;
		m->w->has_time = true;
	}
	m->w->now = (day * DAY + seconds) * 1000000000u;
}

static void around(struct maker *m)
{
	struct witness *w = m->w;
	bool *known = arena_array(m->s->scratch, m->s->free.n + 1, sizeof(*known));
	bool *on = arena_array(m->s->scratch, m->s->free.n + 1, sizeof(*on));

	for (size_t i = 0; i < m->s->free.n; i++) {
		/* a limit that nobody asked has its tokens */
		on[i] = m->s->free.v[i].kind == FREE_LIMIT;
		/* dice fall one way or the other, so it is said which */
		known[i] = question_bit(m->q, (uint32_t)(BITS_FREE + i), &on[i]) || m->s->free.v[i].kind == FREE_RANDOM;
		if (known[i] && on[i] && m->s->free.v[i].kind == FREE_SOCKET)
			w->socket = true;
	}
	w->free = on;
	w->known = known;
	w->n_free = m->s->free.n;
	if (given(m, FIELD_IFACE)) {
		uint64_t k = number(m, FIELD_IFACE);

		w->iface = k < m->s->iface.n ? m->s->iface.v[k] : "other0";
	}
	w->has_rxqueue = given(m, FIELD_RXQUEUE);
	w->rxqueue = (uint32_t)number(m, FIELD_RXQUEUE);
	w->flow_state = given(m, FIELD_FLOW_STATE) ? (unsigned)number(m, FIELD_FLOW_STATE) : 0;
	w->rx = (struct xdpf_rx){ .has_hash = given(m, FIELD_RX_HASH), .hash = (uint32_t)number(m, FIELD_RX_HASH),
				  .timestamp = given(m, FIELD_RX_TIMESTAMP) ? number(m, FIELD_RX_TIMESTAMP) : 0,
				  .has_vlan = given(m, FIELD_RX_VLAN_ID) };
	if (w->rx.has_vlan) {
		w->rx.vlan_tci = (uint16_t)(number(m, FIELD_RX_VLAN_PCP) << 13 | number(m, FIELD_RX_VLAN_ID));
		w->rx.vlan_type = (uint16_t)number(m, FIELD_RX_VLAN_TYPE);
		if (!w->rx.vlan_type)
			w->rx.vlan_type = XDPF_RX_VLAN_DEFAULT;
	}
	clock_of(m);
}

/* ---- the frame ---- */

struct layer_parts {
	struct frame_field field[FRAME_FIELDS];
	enum header_id header[HDR_COUNT];
	struct frame_spec spec;
};

static bool spec_of(const struct witness *w, bool inner, struct layer_parts *p)
{
	size_t n = 0, k = 0;

	for (size_t i = 0; i < w->field.n; i++) {
		if (w->field.v[i].inner != inner)
			continue;
		if (n == FRAME_FIELDS)
			return false;
		p->field[n++] = (struct frame_field){ w->field.v[i].field, w->field.v[i].family, w->field.v[i].v };
	}
	for (size_t i = 0; i < w->header.n; i++)
		if (w->header.v[i].inner == inner)
			p->header[k++] = w->header.v[i].header;
	p->spec = (struct frame_spec){ p->field, n, p->header, k, w->payload[inner], w->n_payload[inner], NULL };
	return true;
}

/* Into the IP header, where there is one. */
static void put_protocol(uint8_t *data, size_t len, uint8_t proto)
{
	struct dissect d;

	dissect_frame(&d, data, len);
	if (dissect_has(&d, HDR_IP4)) {
		size_t at = d.offset[HDR_IP4];

		data[at + 9] = proto;
		memset(data + at + 10, 0, 2);
		/* a header that is cut off has no checksum to speak of */
		if (at + 20 <= len) {
			uint16_t sum = frame_sum(0, data + at, 20);

			data[at + 10] = (uint8_t)(sum >> 8);
			data[at + 11] = (uint8_t)sum;
		}
	} else if (dissect_has(&d, HDR_IP6)) {
		data[d.offset[HDR_IP6] + 6] = proto;
	}
}

bool packet_frame(struct space *s, struct witness *w)
{
	struct layer_parts out, in;
	struct frame_fault fault;

	if (!spec_of(w, false, &out) || !spec_of(w, true, &in))
		return false;
	if (in.spec.n_fields || in.spec.n_headers || in.spec.payload)
		out.spec.inner = &in.spec;
	w->data = frame_make(s->scratch, &out.spec, &w->len, &fault);
	if (w->data && w->bytes)
		put_protocol((uint8_t *)w->data, w->len, w->proto);
	return w->data && w->len >= FRAME_LEAST && w->len <= FRAME_MOST;
}

bool packet_make(const struct question *q, struct witness *w)
{
	struct maker m = { q, q->s, w, false };
	bool ok;

	*w = (struct witness){ 0 };
	headers(&m);
	fields(&m);
	types(&m);
	ok = payload(&m);
	around(&m);
	if (q->s->inner) {
		m.inner = true;
		if (any(&m, LAYER_L3) || bit(&m, HDR_ETH)) {
			headers(&m);
			fields(&m);
			types(&m);
			ok = payload(&m) && ok;
			m.inner = false;
			if (bit(&m, HDR_UDP))
				name(&m, FIELD_UDP_DPORT, number(&m, FIELD_UDP_DPORT));
			/* the payload is what is inside */
			w->payload[0] = NULL;
			for (size_t i = 0; i < w->field.n; i++)
				if (!w->field.v[i].inner && (w->field.v[i].field == FIELD_PAYLOAD_LEN || w->field.v[i].field == FIELD_PKT_LEN))
					w->field.v[i--] = w->field.v[--w->field.n];
		}
	}
	return ok && packet_frame(q->s, w);
}

/* ---- without the solver ---- */

static uint64_t mixed(uint64_t x)
{
	x = (x ^ x >> 31) * 0x9e3779b97f4a7c15;
	return x ^ x >> 29;
}

/* A number of one of the ranges: the lowest, the highest, or any. */
static struct value pick(const struct node *x, unsigned turn, uint64_t seed)
{
	const struct range *r = turn == 0 ? &x->range[0] : turn == 1 ? &x->range[x->n - 1] : &x->range[mixed(seed) % x->n];
	uint64_t wide = r->hi.lo - r->lo.lo;

	if (turn < 2 || r->hi.hi != r->lo.hi)
		return turn == 0 ? r->lo : r->hi;
	return (struct value){ r->lo.hi, r->lo.lo + (wide == UINT64_MAX ? mixed(seed + 1) : mixed(seed + 1) % (wide + 1)) };
}

bool packet_guess(struct space *s, uint32_t f, unsigned turn, struct witness *w)
{
	struct maker m = { NULL, s, w, false };
	const struct node *all = &s->node.v[f / 2], *x;
	bool conj = all->kind == NODE_AND && !(f & 1), ports = false;
	bool *on = arena_array(s->scratch, s->free.n + 1, sizeof(*on)), *known = arena_array(s->scratch, s->free.n + 1, sizeof(*known));

	*w = (struct witness){ .free = on, .known = known, .n_free = s->free.n, .now = XDPF_TEST_START };
	for (size_t i = 0; i < s->free.n; i++) {
		on[i] = s->free.v[i].kind == FREE_LIMIT;
		known[i] = s->free.v[i].kind == FREE_RANDOM;
	}
	for (size_t i = 0; i < (conj ? all->n : 1); i++) {
		uint32_t part = conj ? all->sub[i] : f;

		x = &s->node.v[part / 2];
		if (part & 1)
			continue;
		if (x->kind == NODE_BIT && x->of == HDR_L4)
			ports = true;
		if (x->kind == NODE_BIT && x->of < HDR_COUNT && lang_headers[x->of].name && lang_headers[x->of].layer != LAYER_GROUP)
			*vec_add(s->scratch, &w->header) = (struct witness_header){ (enum header_id)x->of, false };
		if (x->kind == NODE_IN && !x->has_mask && !s->number.v[x->of].inner && s->number.v[x->of].field != FIELD_NONE &&
		    (s->number.v[x->of].kind == NUMBER_WIRE || s->number.v[x->of].field == FIELD_IP_PROTO))
			name_value(&m, s->number.v[x->of].field, s->number.v[x->of].family, pick(x, turn, mixed(f) + turn * 64 + i));
	}
	for (size_t i = 0; i < w->field.n; i++)
		ports = ports && w->field.v[i].field != FIELD_IP_PROTO;
	for (size_t i = 0; i < w->header.n; i++)
		ports = ports && lang_headers[w->header.v[i].header].layer != LAYER_L4;
	if (ports)
		*vec_add(s->scratch, &w->header) = (struct witness_header){ HDR_TCP, false };
	return packet_frame(s, w);
}
