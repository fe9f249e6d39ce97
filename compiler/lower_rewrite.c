/*
 * What is written to the packet, in IR. In: a checked action; where headers begin, kept by dissection for those that are written to. Out:
 * blocks that change bytes and checksums and read the slots anew that these bytes lie in, so that what follows sees the packet as it now is.
 *
 * A checksum is changed by what changed (RFC 1624): HC' = ~(~HC + ~m + m'), in ones' complement, where 16-bit words may have their bytes in
 * either order and words of 32 bits are the sum of their halves. A zero (0xffff) is added, so that the sum is never 0 before it is folded
 * and a result has one representation, 0 and not 0xffff.
 */
#include "lower.h"

/* ---- where headers begin ---- */

/* Of the network and of the transport layer there is one header each: they share a place. */
static enum header_id place_of(enum header_id h)
{
	const struct part_info *part = lang_part(h);

	if (part)
		h = part->parent;
	if (lang_headers[h].layer == LAYER_L3)
		return HDR_IP4;
	return lang_headers[h].layer == LAYER_L4 ? HDR_TCP : h;
}

static void need_at(struct lower *l, enum header_id h)
{
	enum header_id p = place_of(h);

	/* what carries no tunnel has its Ethernet header and tags where the frame begins */
	if ((lang_headers[p].layer == LAYER_L2 && !l->inner) || l->has_at[p])
		return;
	l->has_at[p] = true;
	l->at[p] = ir_var_kept(l->ir, arena_printf(l->arena, "%sat.%s", l->inner ? "inner." : "", p == HDR_IP4 ? "l3" : p == HDR_TCP ? "l4" :
						   lang_headers[p].name ? lang_headers[p].name : "gre"));
}

void lower_set_at(struct lower *l, enum header_id h, ir_var off)
{
	enum header_id p = place_of(h);

	/* Opaque, or the verifier would tell the ways through the headers apart by it. */
	if (l->has_at[p])
		lower_set(l, l->at[p], lower_opaque(l, lower_get(l, off)));
}

void lower_clear_at(struct lower *l, struct ir_opnd absent)
{
	for (int h = 0; h < HDR_COUNT; h++)
		if (l->has_at[h])
			lower_set(l, l->at[h], absent);
}

/* The offset of byte @off of a header that is present. */
static struct ir_opnd at(struct lower *l, enum header_id h, unsigned off)
{
	const struct part_info *part = lang_part(h);

	if (h == HDR_ETH && !l->inner)
		return ir_imm(off);
	if ((h == HDR_VLAN || h == HDR_VLAN2) && !l->inner)
		return ir_imm((h == HDR_VLAN ? LOWER_TAG_OFF : LOWER_TAG2_OFF) + off);
	if (part)
		off += part->off;
	/* The mask tells the verifier a bound; it changes nothing, see IR_MAX_OFF. */
	return lower_op(l, IR_ADD, lower_op(l, IR_AND, lower_get(l, l->at[place_of(h)]), ir_imm(IR_MAX_OFF)), ir_imm(off));
}

/* ---- needs ---- */

static bool is_address(enum field_id f)
{
	return f == FIELD_IP4_SRC || f == FIELD_IP4_DST || f == FIELD_IP6_SRC || f == FIELD_IP6_DST;
}

/* Is the checksum over the field? */
static bool is_over(const struct sum_info *c, enum field_id f)
{
	const struct field_info *fi = &lang_fields[f];

	if (c->header == fi->header && c->off == fi->off)
		return false;
	/* mobility headers are of IPv6 only */
	if (c->header == HDR_MH && (f == FIELD_IP4_SRC || f == FIELD_IP4_DST))
		return false;
	return lang_sum_owner(fi->header) == c->owner || (c->pseudo && is_address(f));
}

/* Is the checksum over all that a tunnel carries? */
static bool carries(const struct sum_info *c)
{
	return c->owner == HDR_UDP || c->owner == HDR_GRE;
}

/* The fields that the action may write to; returns how many. */
static unsigned targets(const struct ast_action *a, enum field_id out[5])
{
	enum field_id to[5];
	unsigned n = lang_targets(a->target->field, to), left = 0;

	for (unsigned i = 0; i < n; i++) {
		enum type_kind kind = lang_types[lang_fields[to[i]].type].kind;

		if (!lang_fixed[to[i]] && (kind != KIND_IP4 || a->to.family == FAMILY_IP4) && (kind != KIND_IP6 || a->to.family == FAMILY_IP6))
			out[left++] = to[i];
	}
	return left;
}

void lower_need_rewrite(struct lower *l, const struct ast_action *a)
{
	enum field_id to[5];
	unsigned n;

	switch (a->kind) {
	case ACTION_REWRITE:
		n = targets(a, to);
		for (size_t c = 0; a->target->inner && c < lang_n_sums; c++)
			if (carries(&lang_sums[c]))
				need_at(l, lang_sums[c].header);
		lower_enter(l, a->target->inner);
		for (unsigned i = 0; i < n; i++) {
			need_at(l, lang_fields[to[i]].header);
			for (size_t c = 0; c < lang_n_sums; c++)
				if (is_over(&lang_sums[c], to[i]))
					need_at(l, lang_sums[c].header);
			/* which destination is meant by the checksums */
			if (to[i] == FIELD_IP6_DST)
				lower_need_field(l, FIELD_RT_SEGLEFT);
			l->n_tests += 2;
		}
		lower_enter(l, false);
		break;
	case ACTION_VLAN:
	case ACTION_MARK:
		l->n_tests++;
		break;
	case ACTION_VERDICT:
	case ACTION_COUNT:
	case ACTION_LOG:
	case ACTION_ADD:
	case ACTION_REMOVE:
		break;
	}
}

/* ---- slots ---- */

void lower_refresh(struct lower *l, enum header_id h, unsigned from, unsigned to)
{
	for (size_t i = 0; i < l->slot.n; i++) {
		const struct slot *s = &l->slot.v[i];
		struct ir_block *there, *on;
		struct ir_inst *f;
		bool own = s->header == h;

		for (size_t m = 0; m < lang_n_members; m++)
			own |= lang_members[m].group == s->header && lang_members[m].member == h;
		if (!own || s->off >= to || s->off + s->len <= from)
			continue;
		there = lower_block(l, "read anew");
		on = lower_block(l, "is anew");
		f = lower_fetch(l, at(l, h, s->off), s->len, there, on);
		lower_slot_load(l, f, s, s->off);
		lower_hot(l, there);
		lower_slot_settle(l, s);
		lower_jump(l, on);
		lower_hot(l, on);
	}
}

void lower_require(struct lower *l, enum header_id h, bool present, struct ir_block *no)
{
	struct ir_block *yes = lower_block(l, "has");

	lower_test(l, IR_BITS, lower_get(l, l->pres), ir_imm(lower_bit(l, h)), present ? yes : no, present ? no : yes);
	lower_hot(l, yes);
}

/* ---- checksums ---- */

static void store(struct lower *l, struct ir_opnd off, struct ir_opnd v, unsigned bytes)
{
	struct ir_inst *i = lower_emit(l, IR_STORE);

	i->a = off;
	i->b = v;
	i->imm = bytes;
}

/* Where it is known only later whether zero is no checksum: this, or 0 if it is. */
enum { NEVER_NONE = 0x10000 };

/* The checksum at @where, by as much as @delta says; @none: zero is none; @plain: by what this says, instead. What it changed by itself is added
 * to @carried, if given. */
static void change_sum(struct lower *l, ir_var where, ir_var delta, bool none, const ir_var *plain, const ir_var *carried)
{
	struct ir_block *there = lower_block(l, "sum"), *on = lower_block(l, "sum done"), *is;
	ir_var hc = ir_var_new(l->ir, "sum");
	struct ir_opnd s, low;
	struct ir_inst *f = lower_fetch(l, lower_get(l, where), 2, there, on);

	lower_load(l, f, hc, 0, 2);
	lower_hot(l, there);
	if (none || plain) {
		s = lower_get(l, hc);
		if (plain)
			s = lower_op(l, IR_OR, s, lower_get(l, *plain));
		is = lower_block(l, "sum is there");
		lower_test(l, IR_BITS, s, ir_imm(NEVER_NONE | 0xffff), is, on);
		lower_hot(l, is);
	}
	s = lower_op(l, IR_XOR, lower_get(l, hc), ir_imm(0xffff));
	s = lower_op(l, IR_ADD, s, lower_get(l, delta));
	s = lower_op(l, IR_ADD, s, ir_imm(0xffff));
	for (int i = 0; i < 3; i++) {
		low = lower_op(l, IR_AND, s, ir_imm(0xffff));
		s = lower_op(l, IR_ADD, low, lower_op(l, IR_SHR, s, ir_imm(16)));
	}
	s = lower_op(l, IR_XOR, s, ir_imm(0xffff));
	if (none || plain) {	/* 0xffff for 0 */
		low = lower_op(l, IR_SHR, lower_op(l, IR_SUB, s, ir_imm(1)), ir_imm(48));
		if (plain)
			low = lower_op(l, IR_AND, low, lower_op(l, IR_SUB, lower_op(l, IR_SHR, lower_get(l, *plain), ir_imm(16)), ir_imm(1)));
		s = lower_op(l, IR_OR, s, low);
	}
	store(l, lower_get(l, where), s, 2);
	if (carried) {
		s = lower_op(l, IR_ADD, s, lower_op(l, IR_XOR, lower_get(l, hc), ir_imm(0xffff)));
		lower_set(l, *carried, lower_op(l, IR_ADD, lower_get(l, *carried), s));
	}
	lower_jump(l, on);
	lower_hot(l, on);
}

/* The checksum has changed: reads the slots anew that lie in it. */
static void refresh_sum(struct lower *l, const struct sum_info *c)
{
	struct ir_block *next;
	bool looked = false;

	for (size_t k = 0; k < l->slot.n; k++)
		looked |= l->slot.v[k].header == c->header && l->slot.v[k].off < c->off + 2 && l->slot.v[k].off + l->slot.v[k].len > c->off;
	if (!looked)
		return;
	next = lower_block(l, "sum known");
	lower_require(l, c->header, true, next);
	lower_refresh(l, c->header, c->off, c->off + 2);
	lower_jump(l, next);
	lower_hot(l, next);
}

static void change_sums(struct lower *l, enum field_id id, ir_var delta, const ir_var *carried)
{
	ir_var where = ir_var_new(l->ir, "sum.at"), plain = ir_var_new(l->ir, "sum.plain");
	struct ir_block *change = NULL, *after = lower_block(l, "sums done");

	/* Shared code goes on behind all of this, so those that have it come last: a mobility header stands before a transport header. */
	for (size_t i = 0; i < 2 * lang_n_sums; i++) {
		const struct sum_info *c = &lang_sums[i % lang_n_sums];
		bool own = c->header == lang_fields[id].header, shared = !own && place_of(c->header) == HDR_TCP;
		struct ir_block *next;

		if (!is_over(c, id) || shared != (i >= lang_n_sums))
			continue;
		next = lower_block(l, "next sum");
		if (!own)
			lower_require(l, c->header, true, next);
		lower_set(l, where, at(l, c->header, c->off));
		if (shared) {
			/* one transport header at the most: the same instructions for all */
			if (!change)
				change = lower_block(l, "change sum");
			lower_set(l, plain, ir_imm(c->none ? 0 : NEVER_NONE));
			lower_jump(l, change);
		} else {
			change_sum(l, where, delta, c->none, NULL, carried);
			lower_jump(l, next);
		}
		lower_hot(l, next);
	}
	lower_jump(l, after);
	if (change) {
		lower_hot(l, change);
		change_sum(l, where, delta, false, &plain, carried);
		lower_jump(l, after);
	}
	lower_hot(l, after);
	for (size_t i = 0; i < lang_n_sums; i++)
		if (is_over(&lang_sums[i], id))
			refresh_sum(l, &lang_sums[i]);
}

/* What a tunnel carries has changed by @delta: so have the checksums outside that are over it. */
static void change_carrier(struct lower *l, ir_var delta)
{
	ir_var where = ir_var_new(l->ir, "carrier.at");

	lower_enter(l, false);
	for (size_t i = 0; i < lang_n_sums; i++) {
		const struct sum_info *c = &lang_sums[i];
		struct ir_block *next;

		if (!carries(c))
			continue;
		next = lower_block(l, "next carrier");
		lower_require(l, c->header, true, next);
		lower_set(l, where, at(l, c->header, c->off));
		change_sum(l, where, delta, c->none, NULL, NULL);
		lower_jump(l, next);
		lower_hot(l, next);
		refresh_sum(l, c);
	}
	lower_enter(l, true);
}

/* ---- fields ---- */

/* The words that a field lies in: whole ones of 16 bits, as checksums take them, in pieces of 4 and 2 bytes. */
struct window {
	unsigned off, len, n;
	unsigned at[8], size[8];
	uint8_t keep[16], set[16];	/* bits that stay, and those of the value */
};

static struct window window(const struct field_info *f, struct value v)
{
	struct window w = { .off = f->off & ~1u };
	struct value mask = value_ones(f->bits);
	unsigned first = f->off - w.off;

	w.len = ((f->off + f->len + 1) & ~1u) - w.off;
	for (unsigned at = 0; at < w.len; at += w.size[w.n++]) {
		w.at[w.n] = at;
		w.size[w.n] = w.len - at >= 4 ? 4 : 2;
	}
	for (unsigned i = 0; i < w.len; i++)
		w.keep[i] = 0xff;
	/* f->shift is not 0 only where the field has at most 4 bytes */
	if (f->shift) {
		v.lo <<= f->shift;
		mask.lo <<= f->shift;
	}
	for (unsigned i = f->len; i-- > 0;) {
		w.keep[first + i] = (uint8_t)~mask.lo;
		w.set[first + i] = (uint8_t)(v.lo & mask.lo);
		v.lo = v.lo >> 8 | v.hi << 56;
		v.hi >>= 8;
		mask.lo = mask.lo >> 8 | mask.hi << 56;
		mask.hi >>= 8;
	}
	return w;
}

static uint64_t little(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

/* What a field of one word of 16 bits becomes, less @n; goes to @no where it is less than that. */
static struct ir_opnd counted_down(struct lower *l, const struct field_info *f, ir_var old, uint64_t n, struct ir_block *no)
{
	unsigned shift = f->shift + (f->off & 1 || f->len == 2 ? 0 : 8);
	struct ir_block *enough = lower_block(l, "enough");
	struct ir_opnd v = lower_op(l, IR_SHR, lower_swap(l, lower_get(l, old), 2), ir_imm(shift));

	lower_test(l, IR_ULE, ir_imm(n), lower_op(l, IR_AND, v, ir_imm(value_ones(f->bits).lo)), enough, no);
	lower_hot(l, enough);
	return lower_swap(l, lower_op(l, IR_SUB, lower_swap(l, lower_get(l, old), 2), ir_imm(n << shift)), 2);
}

/* Writes to a field whose header is present; ends the current block with a jump to @done, or goes to @miss. */
static void write_field(struct lower *l, const struct ast_action *a, enum field_id id, struct ir_block *done, struct ir_block *miss)
{
	const struct field_info *f = &lang_fields[id];
	struct window w = window(f, a->to.lo);
	struct ir_block *there = lower_block(l, "write"), *end = l->inner ? lower_block(l, "carrier") : done;
	ir_var carried = 0, old[8], new[8], delta = ir_var_new(l->ir, "delta");
	struct ir_inst *i = lower_fetch(l, at(l, f->header, w.off), w.len, there, miss);
	struct ir_opnd sum = ir_imm(0);
	bool summed = false;

	for (unsigned k = 0; k < w.n; k++) {
		old[k] = ir_var_new(l->ir, "old");
		new[k] = ir_var_new(l->ir, "new");
		lower_load(l, i, old[k], w.at[k], w.size[k]);
	}
	lower_hot(l, there);
	for (unsigned k = 0; k < w.n; k++) {
		struct ir_opnd v;

		if (a->decrement) {
			v = counted_down(l, f, old[k], a->to.lo.lo, miss);
		} else {
			v = lower_op(l, IR_AND, lower_get(l, old[k]), ir_imm(little(w.keep + w.at[k], w.size[k])));
			v = lower_op(l, IR_OR, v, ir_imm(little(w.set + w.at[k], w.size[k])));
		}
		lower_set(l, new[k], v);
	}
	for (size_t c = 0; c < lang_n_sums; c++)
		summed |= is_over(&lang_sums[c], id);
	for (unsigned k = 0; k < w.n; k++) {
		struct ir_opnd v = lower_get(l, new[k]);

		store(l, at(l, f->header, w.off + w.at[k]), v, w.size[k]);
		v = lower_op(l, IR_ADD, v, lower_op(l, IR_XOR, lower_get(l, old[k]), ir_imm(value_ones(8 * w.size[k]).lo)));
		sum = k ? lower_op(l, IR_ADD, sum, v) : v;
	}
	lower_set(l, delta, sum);
	if (l->inner) {
		carried = ir_var_new(l->ir, "carried");
		lower_set(l, carried, lower_get(l, delta));
	}
	lower_refresh(l, f->header, f->off, f->off + f->len);
	if (summed && id == FIELD_IP6_DST) {
		/* with segments left, transport checksums are over another destination */
		struct ir_block *last = lower_block(l, "last segment");

		lower_test(l, IR_BITS, lower_bare(l, lower_slot(l, FIELD_RT_SEGLEFT)), ir_imm(0xff), end, last);
		lower_hot(l, last);
	}
	if (summed)
		change_sums(l, id, delta, l->inner ? &carried : NULL);
	lower_jump(l, end);
	if (!l->inner)
		return;
	lower_hot(l, end);
	change_carrier(l, carried);
	lower_jump(l, done);
}

static void write(struct lower *l, const struct ast_action *a, struct ir_block *done, struct ir_block *miss)
{
	enum field_id to[5];
	unsigned n = targets(a, to);

	for (unsigned i = 0; i < n; i++) {
		enum header_id h = lang_fields[to[i]].header;
		struct ir_block *next = i + 1 < n ? lower_block(l, "or that") : miss;

		if (!(l->known >> h & 1))
			lower_require(l, h, true, next);
		write_field(l, a, to[i], done, miss);
		if (next == miss)
			return;
		lower_hot(l, next);
	}
	lower_jump(l, miss);
}

void lower_rewrite(struct lower *l, const struct ast_action *a)
{
	struct ir_block *done = lower_block(l, "rewritten"), *miss = lower_block(l, "nothing to rewrite");
	struct ir_inst *i;

	l->span = a->span;
	switch (a->kind) {
	case ACTION_REWRITE:
		lower_enter(l, a->target->inner);
		write(l, a, done, miss);
		lower_enter(l, false);
		break;
	case ACTION_VLAN:
		lower_retag(l, a, done, miss);
		break;
	case ACTION_MARK:
		i = lower_emit(l, IR_MARK);
		i->imm = a->to.lo.lo;
		i->target[0] = done;
		i->target[1] = miss;
		break;
	case ACTION_VERDICT:
	case ACTION_COUNT:
	case ACTION_LOG:
	case ACTION_ADD:
	case ACTION_REMOVE:
		break;
	}
	lower_hot(l, miss);
	lower_emit(l, IR_MISS)->imm = a->slot;
	lower_jump(l, done);
	lower_hot(l, done);
}
