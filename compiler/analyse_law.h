/*
 * What the files of the laws share. A law is about one layer: the frame's headers, or those inside a tunnel.
 */
#ifndef XDPF_ANALYSE_LAW_H
#define XDPF_ANALYSE_LAW_H

#include "analyse_priv.h"

struct laws {
	struct space *s;
	bool inner;
	uint64_t asked;			/* headers that rules ask for, or for fields of */
};

static inline uint32_t has(struct laws *l, unsigned bit)
{
	return form_has(l->s, l->inner, bit);
}

static inline uint32_t field(struct laws *l, enum field_id f, uint64_t lo, uint64_t hi)
{
	return form_from(l->s, space_field(l->s, l->inner, f), lo, hi);
}

static inline uint32_t is(struct laws *l, enum field_id f, uint64_t v)
{
	return field(l, f, v, v);
}

static inline void law(struct laws *l, uint32_t f)
{
	*vec_add(l->s->a, &l->s->law) = f;
}

static inline void plain(struct laws *l, uint32_t f)
{
	*vec_add(l->s->a, &l->s->plain) = f;
}

/* Where @a holds, @b does. */
static inline uint32_t so(struct laws *l, uint32_t a, uint32_t b)
{
	return OR(l->s, form_not(a), b);
}

static inline uint32_t same(struct laws *l, uint32_t a, uint32_t b)
{
	return AND(l->s, so(l, a, b), so(l, b, a));
}

/* One of the headers of a layer of headers. */
uint32_t law_any_of(struct laws *l, enum layer layer);
void law_at_most_one(struct laws *l, enum layer layer);
/* A fragment that is not the first one. */
uint32_t law_later(struct laws *l);
uint32_t law_is_tag(struct laws *l, enum field_id f);

/* ---- analyse_law_ip.c ---- */

void laws_tags(struct laws *l);
void laws_network(struct laws *l);
void laws_defects(struct laws *l);
/* What is said of fragments where nobody asks for a fragment's fields; and all of it. */
void laws_fragment_bits(struct laws *l);
void laws_fragments(struct laws *l);
/* The walk from IP to the transport; and those walks that a test's packet can have. */
void laws_chain(struct laws *l);
void laws_plain_chain(struct laws *l);

/* ---- analyse_law_l4.c ---- */

void laws_transports(struct laws *l);
void laws_parts(struct laws *l);
void laws_options(struct laws *l);
void laws_tunnels(struct laws *in);

#endif
