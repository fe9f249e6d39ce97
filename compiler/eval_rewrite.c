/*
 * What actions do to the packet, by the reference evaluator. In: a frame, what it was taken for when it came, and a checked action. Out:
 * the frame rewritten, each checksum over a changed byte changed by what the sum of all bytes that it is over has changed; or false, and
 * nothing done. Guaranteed: what is written to was found whole; a checksum that was wrong stays wrong by as much.
 */
#include "eval_rewrite.h"

#include <linux/if_ether.h>
#include <string.h>

/* ---- checksums ---- */

/* The sum of 16-bit words, an odd byte filled up with zero, modulo 0xffff. */
static uint32_t sum(const uint8_t *p, size_t n)
{
	uint64_t s = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		s += (uint32_t)p[i] << 8 | p[i + 1];
	if (n & 1)
		s += (uint32_t)p[n - 1] << 8;
	return (uint32_t)(s % 0xffff);
}

/* With segments left, transport checksums are over the last destination of the routing header. */
static bool other_destination(const uint8_t *data, const struct dissect *d)
{
	return dissect_has(d, HDR_RT) && data[d->offset[HDR_RT] + 3];
}

/* Of the addresses that a transport checksum is over. */
static uint32_t addresses(const uint8_t *data, const struct dissect *d)
{
	const uint8_t *ip = data + d->offset[HDR_IP];

	if (dissect_has(d, HDR_IP4))
		return sum(ip + 12, 8);
	if (other_destination(data, d))
		return sum(ip + 8, 16);
	return sum(ip + 8, 32);
}

/* Of all bytes that the checksum is over, its own included. */
static uint32_t covered(const uint8_t *data, const struct dissect *d, const struct sum_info *c)
{
	size_t at = d->offset[c->owner], end = d->end;
	uint32_t s;

	if (c->owner == HDR_IP4)
		end = at + (size_t)(data[at] & 15) * 4;
	else if (c->owner == HDR_MH)
		end = at + ((size_t)data[at + 1] + 1) * 8;
	s = sum(data + at, end - at);
	return c->pseudo ? (s + addresses(data, d)) % 0xffff : s;
}

/* @before: the bytes as they were before something was written, but not to this checksum. */
static void keep_right(uint8_t *data, const uint8_t *before, const struct dissect *d, const struct sum_info *c)
{
	uint8_t *at = data + d->offset[c->header] + c->off;
	uint32_t old = (uint32_t)at[0] << 8 | at[1], was = covered(before, d, c), is = covered(data, d, c);

	if (c->none && !old)
		return;
	old = (old + was + 0xffff - is) % 0xffff;
	if (c->none && !old)
		old = 0xffff;
	at[0] = (uint8_t)(old >> 8);
	at[1] = (uint8_t)old;
}

static bool is_address(enum field_id f)
{
	return f == FIELD_IP4_SRC || f == FIELD_IP4_DST || f == FIELD_IP6_SRC || f == FIELD_IP6_DST;
}

/* ---- fields ---- */

static struct value field_get(const uint8_t *p, const struct field_info *f)
{
	struct value v = { 0, 0 };

	for (unsigned bit = 0; bit < f->bits; bit++) {
		unsigned at = f->len * 8 - f->shift - f->bits + bit;	/* from the first bit of the first byte on */
		uint64_t one = p[at / 8] >> (7 - at % 8) & 1;

		v.hi = v.hi << 1 | v.lo >> 63;
		v.lo = v.lo << 1 | one;
	}
	return v;
}

static void field_put(uint8_t *p, const struct field_info *f, struct value v)
{
	for (unsigned bit = 0; bit < f->bits; bit++) {
		unsigned at = f->len * 8 - f->shift - 1 - bit, mask = 0x80u >> at % 8;

		if (v.lo & 1)
			p[at / 8] |= (uint8_t)mask;
		else
			p[at / 8] &= (uint8_t)~mask;
		v.lo = v.lo >> 1 | v.hi << 63;
		v.hi >>= 1;
	}
}

static bool fits_family(const struct field_info *f, const struct range *to)
{
	switch (lang_types[f->type].kind) {
	case KIND_IP4:
		return to->family == FAMILY_IP4;
	case KIND_IP6:
		return to->family == FAMILY_IP6;
	case KIND_IP:
	case KIND_NUM:
	case KIND_FLAG:
	case KIND_MAC:
	case KIND_BYTES:
	case KIND_IFACE:
		return true;
	}
	return true;
}

/* The field that is there, of those that may be meant and may be written to. */
static enum field_id find_target(const struct dissect *d, const struct ast_action *a)
{
	enum field_id to[5];
	unsigned n = lang_targets(a->target->field, to);

	for (unsigned i = 0; i < n; i++)
		if (!lang_fixed[to[i]] && fits_family(&lang_fields[to[i]], &a->to) && dissect_has(d, lang_fields[to[i]].header))
			return to[i];
	return FIELD_NONE;
}

bool eval_write(struct eval_packet *pkt, const struct dissect *outer, const struct dissect *inner, const struct ast_action *a, uint8_t *before)
{
	const struct dissect *d = a->target->inner ? inner : outer;
	enum field_id id = find_target(d, a);
	const struct field_info *f;
	struct value v = a->to.lo, had;
	uint8_t *at;

	if (id == FIELD_NONE)
		return false;
	f = &lang_fields[id];
	at = pkt->data + d->offset[f->header] + f->off;
	had = field_get(at, f);
	if (a->decrement) {
		if (value_cmp(had, v) < 0)
			return false;
		v.lo = had.lo - v.lo;
	}
	memcpy(before, pkt->data, pkt->left);
	field_put(at, f, v);
	for (size_t i = 0; i < lang_n_sums; i++) {
		const struct sum_info *c = &lang_sums[i];

		if (!dissect_has(d, c->header) || (c->header == f->header && c->off == f->off))
			continue;
		if (lang_sum_owner(f->header) == c->owner ||
		    (c->pseudo && is_address(id) && !(id == FIELD_IP6_DST && other_destination(pkt->data, d))))
			keep_right(pkt->data, before, d, c);
	}
	/* What carries it may have a checksum over all that it carries. */
	for (size_t i = 0; d == inner && i < lang_n_sums; i++)
		if (dissect_has(outer, lang_sums[i].header) && (lang_sums[i].owner == HDR_UDP || lang_sums[i].owner == HDR_GRE))
			keep_right(pkt->data, before, outer, &lang_sums[i]);
	return true;
}

/* ---- tags ---- */

static bool is_tag(const uint8_t *type)
{
	unsigned n = (unsigned)type[0] << 8 | type[1];

	return n == ETH_P_8021Q || n == ETH_P_8021AD;
}

static void set_header(struct dissect *d, enum header_id h, bool is, size_t at)
{
	if (is)
		d->present |= (uint64_t)1 << h;
	else
		d->present &= ~((uint64_t)1 << h);
	d->offset[h] = at;
}

/* What stands behind the tags has moved by @n bytes. */
static void moved(struct dissect *d, int n)
{
	for (int h = 0; h < HDR_COUNT; h++)
		if (h != HDR_ETH && h != HDR_VLAN && h != HDR_VLAN2 && dissect_has(d, (enum header_id)h))
			d->offset[h] += (size_t)n;
	d->end += (size_t)n;
	d->payload += (size_t)n;
	d->payload_end += (size_t)n;
}

/* The kernel moves a frame's start only to where the first piece of memory still has an Ethernet header. What was pushed is in that piece. */
static bool keeps_header(const struct eval_packet *pkt)
{
	return !pkt->first || pkt->first >= pkt->len || pkt->first + pkt->left - pkt->len >= ETH_HLEN + 4;
}

bool eval_vlan(struct eval_packet *pkt, struct dissect *d, const struct ast_action *a)
{
	bool one = dissect_has(d, HDR_VLAN), two = dissect_has(d, HDR_VLAN2);

	/* Where a tag is cut off, or there are more than two, it is not known what would be in front of what. */
	if (!dissect_has(d, HDR_ETYPE) || is_tag(pkt->data + d->offset[HDR_ETYPE]))
		return false;
	if (a->push) {
		uint8_t tag[4] = { ETH_P_8021Q >> 8, ETH_P_8021Q & 0xff, (uint8_t)(a->to.lo.lo >> 8), (uint8_t)a->to.lo.lo };

		if (two)
			return false;
		memmove(pkt->data - 4, pkt->data, 12);
		pkt->data -= 4;
		pkt->left += 4;
		memcpy(pkt->data + 12, tag, 4);
		moved(d, 4);
		set_header(d, HDR_VLAN, true, 14);
		set_header(d, HDR_VLAN2, one, 18);
		return true;
	}
	if (!one || !keeps_header(pkt))
		return false;
	memmove(pkt->data + 4, pkt->data, 12);
	pkt->data += 4;
	pkt->left -= 4;
	moved(d, -4);
	set_header(d, HDR_VLAN, two, 14);
	set_header(d, HDR_VLAN2, false, 18);
	return true;
}
