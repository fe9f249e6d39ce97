/*
 * What headers say of one another. In: headers that a frame, or what is inside a tunnel, must have and cannot have. Out: all that follow
 * from them: who has TCP has IP and no UDP. Rules ask the same few questions, so answers are remembered.
 */
#include "sema.h"

#include <string.h>

#define BIT(h) ((uint64_t)1 << (h))

enum { CLOSURES = 256 };	/* a power of two */

/* An answer; the question that all zeros are is answered by all zeros. */
struct closure {
	uint64_t of_must, of_cannot, must, cannot;
	bool inner;
};

void headers_init(struct sema *s)
{
	_Static_assert(HDR_COUNT < 64, "headers and `socket` fit a word");

	s->closures = arena_array(s->a, CLOSURES, sizeof(*s->closures));
	for (size_t i = 0; i < lang_n_members; i++) {
		s->members[lang_members[i].group] |= BIT(lang_members[i].member);
		s->implied[lang_members[i].member] |= BIT(lang_members[i].group);
	}
	for (int h = 0; h < HDR_COUNT; h++) {
		const struct part_info *part = lang_part((enum header_id)h);
		enum layer layer = lang_headers[h].layer;

		if (part)
			s->implied[h] |= BIT(part->parent);
		if (layer == LAYER_EXT || layer == LAYER_L4)
			s->implied[h] |= BIT(HDR_IP);
		if (h != HDR_ETH)
			s->implied[h] |= BIT(HDR_ETH);
		for (int o = 0; o < HDR_COUNT; o++)
			if (o != h && lang_headers[o].layer == layer && (layer == LAYER_L3 || layer == LAYER_L4))
				s->excluded[h] |= BIT(o);
	}
	s->implied[HDR_VLAN2] |= BIT(HDR_VLAN);
	for (int h = 0; h < HDR_COUNT; h++)
		if (lang_headers[h].layer == LAYER_L4 && h != HDR_UDP && h != HDR_GRE)
			s->carry_nothing |= BIT(h);
	for (size_t i = 0; i < lang_n_options; i++)
		s->implied[lang_options[i].header] |= BIT(HDR_TCP) | BIT(HDR_IP);
	s->implied[HDR_GRECSUM] |= BIT(HDR_GRE);
	s->implied[HDR_GREKEY] |= BIT(HDR_GRE);
	s->implied[HDR_GRESEQ] |= BIT(HDR_GRE);
	/* A group is there with a member, so it implies and excludes what all its members do. */
	for (int g = 0; g < HDR_COUNT; g++) {
		uint64_t implied = ~(uint64_t)0, excluded = ~(uint64_t)0;

		if (!s->members[g])
			continue;
		for (int h = 0; h < HDR_COUNT; h++)
			if (s->members[g] & BIT(h)) {
				implied &= s->implied[h];
				excluded &= s->excluded[h];
			}
		s->implied[g] |= implied & ~BIT(g);
		s->excluded[g] |= excluded;
	}
}

/* What else is there with @h. A tunnel may carry IP without an Ethernet header. */
uint64_t headers_implied(const struct sema *s, bool inner, int h)
{
	if (!inner || lang_headers[h].layer == LAYER_L2 || h == HDR_ARP)
		return s->implied[h];
	return s->implied[h] & ~BIT(HDR_ETH);
}

static void find_closure(const struct sema *s, bool inner, uint64_t *must, uint64_t *cannot)
{
	uint64_t m, c;

	do {
		m = *must;
		c = *cannot;
		for (int h = 0; h < HDR_COUNT; h++) {
			uint64_t left = s->members[h] & ~*cannot;

			if (*must & BIT(h)) {
				*must |= headers_implied(s, inner, h);
				*cannot |= s->excluded[h];
				/* One member is left: it is the one. */
				if (s->members[h] && left && !(left & (left - 1)))
					*must |= left;
			}
			if (headers_implied(s, inner, h) & *cannot || (s->members[h] && !left))
				*cannot |= BIT(h);
		}
	} while (m != *must || c != *cannot);
}

void headers_close(struct sema *s, bool inner, uint64_t *must, uint64_t *cannot)
{
	uint64_t h = (*must * 0x9e3779b97f4a7c15u ^ *cannot) * 0xbf58476d1ce4e5b9u + inner;
	struct closure *c = &s->closures[(h >> 32 ^ inner) & (CLOSURES - 1)];

	if (c->of_must != *must || c->of_cannot != *cannot || c->inner != inner) {
		*c = (struct closure){ *must, *cannot, *must, *cannot, inner };
		find_closure(s, inner, &c->must, &c->cannot);
	}
	*must = c->must;
	*cannot = c->cannot;
}
