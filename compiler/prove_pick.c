/*
 * Packets of a proof. In: the translation's rules and the numbers and addresses in the original's text. Out: packets that match a rule, that
 * miss it by one value, that have one rule's values and another's, some with a byte changed or cut off, some just any.
 */
#include <string.h>

#include "prove_want.h"

enum { MOST_WORDS = 20000 };

struct prove_pool {
	struct prove_sites sites;
	VEC(struct range) word;		/* what is written in the original: addresses, and numbers that a port can be */
};

static bool of_a_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == ':';
}

static void words_of(struct prove *pr, const struct source *s, struct prove_pool *pool)
{
	for (size_t i = 0; i < s->len && pool->word.n < MOST_WORDS;) {
		struct range r = { .family = FAMILY_NUM };
		uint64_t number;
		size_t n = 0;

		while (i + n < s->len && of_a_word(s->text[i + n]))
			n++;
		if (n && import_read_addr(s->text + i, n, &r.family, &r.lo))
			*vec_add(pr->arena, &pool->word) = r;
		else if (n && import_read_number(s->text + i, n, 65535, &number)) {
			r.lo = value_of(number);
			*vec_add(pr->arena, &pool->word) = r;
		}
		i += n ? n : 1;
	}
}

/* A value of the original somewhere in the frame. */
static void write_word(struct prove *pr, const struct prove_pool *pool, struct prove_packet *p)
{
	static const enum field_id addresses[2] = { FIELD_IP_SRC, FIELD_IP_DST };
	static const enum field_id numbers[] = { FIELD_L4_SPORT, FIELD_L4_DPORT, FIELD_L4_DPORT, FIELD_ICMP_TYPE, FIELD_ICMP6_TYPE, FIELD_ICMP_CODE,
						 FIELD_IP_TTL, FIELD_IP_DSCP, FIELD_VLAN_ID };
	const struct range *r;
	struct ast_operand op = { .kind = OPERAND_FIELD };
	struct prove_want w = { .yes = true, .op = &op, .mask = value_ones(128), .flag = FIELD_NONE, .header = HDR_NONE };

	if (!pool->word.n)
		return;
	r = &pool->word.v[prove_random(pr, pool->word.n)];
	w.v = r->lo;
	if (!prove_random(pr, 3))
		w.v.lo += prove_random(pr, 2) ? 1 : UINT64_MAX;
	op.field = r->family == FAMILY_NUM ? numbers[prove_random(pr, sizeof(numbers) / sizeof(numbers[0]))] : addresses[prove_random(pr, 2)];
	prove_write(pr, &w, p);
}

/* The datagram's length is one of the original's numbers, or about it, or any. */
static void write_length(struct prove *pr, const struct prove_pool *pool, struct prove_packet *p)
{
	struct ast_operand op = { .kind = OPERAND_FIELD };
	struct prove_want w = { .yes = true, .op = &op, .mask = value_ones(128), .flag = FIELD_NONE, .header = HDR_NONE };
	const struct range *r = pool->word.n ? &pool->word.v[prove_random(pr, pool->word.n)] : NULL;
	bool fits = r && r->family == FAMILY_NUM && r->lo.lo > 60 && r->lo.lo < PROVE_WHOLE_MOST - 100;
	uint64_t n = fits ? r->lo.lo + prove_random(pr, 3) - 1 : 100 + prove_random(pr, 3000);

	w.v = value_of(n);
	op.field = FIELD_IP4_LEN;
	prove_write(pr, &w, p);
	w.v = value_of(n > 40 ? n - 40 : 0);
	op.field = FIELD_IP6_LEN;
	prove_write(pr, &w, p);
}

static void mutate(struct prove *pr, struct prove_packet *p)
{
	if (!prove_random(pr, 4) && p->len > 15) {
		p->len = 14 + prove_random(pr, p->len - 14);
		return;
	}
	for (unsigned n = 1 + (unsigned)prove_random(pr, 3); n; n--)
		p->data[12 + prove_random(pr, p->len - 12)] = (uint8_t)prove_random(pr, 256);
}

/* One of the values is missed: its want becomes the opposite. */
static void miss(struct prove *pr, struct prove_wants *wants)
{
	if (wants->list.n) {
		struct prove_want *w = &wants->list.v[prove_random(pr, wants->list.n)];

		w->yes = !w->yes;
		w->v.lo += prove_random(pr, 2) ? 1 : UINT64_MAX;
	}
}

void prove_pick(struct prove *pr, size_t number, struct prove_packet *out)
{
	unsigned how = (unsigned)prove_random(pr, 8);
	struct prove_wants wants = { 0 };
	struct arena_mark mark;
	struct prove_shape s;
	uint8_t frame[PROVE_WHOLE_MOST];
	bool split;

	if (!pr->pool) {
		pr->pool = arena_alloc(pr->arena, sizeof(*pr->pool));
		prove_sites(pr, &pr->pool->sites);
		words_of(pr, pr->im->src, pr->pool);
	}
	mark = arena_mark(pr->arena);
	prove_shape(pr, &s);
	if (pr->pool->sites.list.n && how < 7)
		prove_site_wants(pr, pr->pool->sites.list.v[number % pr->pool->sites.list.n], &wants);
	if (pr->pool->sites.list.n && how == 4)
		prove_site_wants(pr, pr->pool->sites.list.v[prove_random(pr, pr->pool->sites.list.n)], &wants);
	prove_fit(pr, &wants, &s);
	split = how != 6 && (s.family == FAMILY_IP4 ? pr->im->whole4 : s.family == FAMILY_IP6 && pr->im->whole6) && !prove_random(pr, 3);
	if (split)
		s.fragment = 0;
	if (how == 2 || how == 3)
		miss(pr, &wants);
	*out = (struct prove_packet){ .data = frame, .room = split ? PROVE_WHOLE_MOST : PROVE_FRAME_MOST,
				       .iface = pr->iface[prove_random(pr, pr->n_ifaces)] };
	out->len = prove_frame(pr, &s, frame);
	if (split)
		write_length(pr, pr->pool, out);
	/* Those of the rule itself last: they are to stay. */
	for (size_t i = wants.list.n; i-- > 0;)
		prove_write(pr, &wants.list.v[i], out);
	if (how == 5 || how == 7)
		write_word(pr, pr->pool, out);
	prove_sums(out->data, out->len);
	if (how == 6)
		mutate(pr, out);
	prove_sums(out->data, out->len);
	arena_release(pr->arena, mark);
	out->data = arena_copy(pr->arena, frame, out->len);
	/* What became too long for one frame, and cannot be cut, is not sent. */
	if (split && !prove_split(pr, (uint32_t)number, out->data, out->len, out) && out->len > PROVE_FRAME_MOST)
		out->len = PROVE_FRAME_MOST;
}
