/*
 * Rules that defeat tables: they overlap, and have little in common. In: a seed. Out: five-tuples that all decide; of nested networks, a few do
 * not, and some ask for one thing more.
 */
#include "rules.h"

enum { SRC, DST, SPORT, DPORT, PROTO, N_DIMS, MORE = N_DIMS };

static void ask(struct arena *a, struct classify_term *t, unsigned dim, uint64_t x, uint64_t y)
{
	struct classify_part *p = &t->part[t->n++];
	struct range *r = arena_alloc(a, sizeof(*r));

	*r = (struct range){ .lo = value_of(x < y ? x : y), .hi = value_of(x < y ? y : x) };
	p->dim = dim;
	p->in[0].r = r;
	p->in[0].n = 1;
}

static void ask_prefix(struct arena *a, struct random *r, struct classify_term *t, unsigned dim, unsigned most)
{
	uint64_t x = random_next(r) & UINT32_MAX, ones = UINT32_MAX >> random_below(r, most + 1);

	ask(a, t, dim, x & ~ones, x | ones);
}

/* A prefix, of either family: those of the wide one are mostly in one network, and differ in 32 bits. */
static void ask_network(struct arena *a, struct random *r, struct classify_term *t, unsigned dim, bool wide)
{
	uint64_t ones = (uint64_t)UINT32_MAX >> (16 + random_below(r, 17)), x = random_next(r) & UINT32_MAX;
	struct classify_part *p;
	struct range *range;

	ask(a, t, dim, x & ~ones, x | ones);
	if (!wide)
		return;
	p = &t->part[t->n - 1];
	range = arena_alloc(a, sizeof(*range));
	x |= random_below(r, 20) ? 0x20010db800000000 : random_next(r) << 32;
	*range = (struct range){ .lo = { x & ~ones, 0 }, .hi = { x | ones, UINT64_MAX } };
	p->in[0].n = 0;
	p->in[1].r = range;
	p->in[1].n = 1;
}

/* Rules of one port each, and a few of ranges. */
static void ask_numbers(struct arena *a, struct random *r, struct classify_term *t, unsigned i)
{
	uint64_t port = random_next(r) & UINT16_MAX;

	ask_network(a, r, t, SRC, i % 8);
	ask_network(a, r, t, DST, i % 8);
	if (i % 16 == 0)
		ask(a, t, SPORT, random_next(r) & UINT16_MAX, random_next(r) & UINT16_MAX);
	ask(a, t, DPORT, port, port);
	ask(a, t, PROTO, 6, 6);
}

/* Networks within networks, of two lists of which most rules have one each; some rules leave one of them open, and in some lies much of both. */
static void ask_nested(struct arena *a, struct random *r, struct classify_term *t, unsigned i)
{
	for (unsigned d = SRC; d <= DST; d++) {
		unsigned free = random_below(r, 80) ? (unsigned)random_below(r, 9) : 16 + (unsigned)random_below(r, 12);
		uint64_t x = 0x0a000000 | random_below(r, 64) << 12 | random_below(r, 8) << 6 | random_below(r, 64), ones = ((uint64_t)1 << free) - 1;

		if (i % 20 != d)
			ask(a, t, d, x & ~ones, x | ones);
	}
	if (random_below(r, 4))
		ask(a, t, DPORT, random_next(r) & UINT16_MAX, i % 3 ? 0 : UINT16_MAX);
	ask(a, t, PROTO, i % 5 ? 6 : 17, 17);
	if (i % 40 == 7)
		ask(a, t, MORE, 1, 3);
}

/* One in fifty is wide; of the others most are of TCP, which few of what comes before them has packets of. */
static void ask_apart(struct arena *a, struct random *r, struct classify_term *t, unsigned i)
{
	bool wide = i % 50 == 7, by_source = i % 5 != 3, with_port = wide || random_below(r, 8);
	uint64_t free = random_below(r, 8), x = 0x0a000000 | random_below(r, 1 << 20), ones = ((uint64_t)1 << free) - 1;
	uint64_t port = random_below(r, 1000);

	if (!wide)
		ask(a, t, by_source ? SRC : DST, x & ~ones, x | ones);
	if (with_port)
		ask(a, t, DPORT, port, wide ? port + 300 : port);
	if (wide || !with_port || random_below(r, 10))
		ask(a, t, PROTO, wide || !by_source ? 17 : 6, wide || !by_source ? 17 : 6);
}

static void ask_addresses(struct arena *a, struct random *r, enum rules_hard kind, struct classify_term *t)
{
	for (unsigned d = SRC; d <= DST; d++)
		switch (kind) {
		case HARD_SHORT:
		case HARD_BOTH:
			ask_prefix(a, r, t, d, 12);
			break;
		case HARD_RANGES:
			ask(a, t, d, random_next(r) & UINT32_MAX, random_next(r) & UINT32_MAX);
			break;
		case HARD_MIXED:
			ask_prefix(a, r, t, d, 31);
			break;
		case HARD_PORTS:
		case HARD_NUMBERS:
		case HARD_NESTED:
		case HARD_APART:
		case HARD_COUNT:
			break;
		}
}

void rules_hard(struct arena *a, struct random *r, enum rules_hard kind, unsigned n, struct classify_rules *out)
{
	*out = (struct classify_rules){ .n_dims = N_DIMS };
	out->dim[SRC] = out->dim[DST] = (struct classify_dim){ { { "address", 32 } }, 1 };
	if (kind == HARD_NUMBERS)
		out->dim[SRC] = out->dim[DST] = (struct classify_dim){ { { "address", 32 }, { "wide address", 128 } }, 2 };
	out->dim[SPORT] = out->dim[DPORT] = (struct classify_dim){ { { "port", 16 } }, 1 };
	out->dim[PROTO] = (struct classify_dim){ { { "protocol", 8 } }, 1 };
	if (kind == HARD_NESTED)
		out->dim[out->n_dims++] = (struct classify_dim){ { { "more", 8 } }, 1 };
	for (unsigned i = 0; i < n; i++) {
		struct classify_term *t = vec_add(a, &out->term);
		bool stops = kind != HARD_NESTED || i % 60 != 11;

		/* odd where it stops: found_words() knows it by that */
		*vec_add(a, &out->entry) = (struct classify_entry){ 2 * i + stops, stops };
		t->entry = i;
		t->part = arena_array(a, N_DIMS + 1, sizeof(*t->part));
		if (kind == HARD_NUMBERS) {
			ask_numbers(a, r, t, i);
			continue;
		}
		if (kind == HARD_NESTED) {
			ask_nested(a, r, t, i);
			continue;
		}
		if (kind == HARD_APART) {
			ask_apart(a, r, t, i);
			continue;
		}
		ask_addresses(a, r, kind, t);
		for (unsigned d = SPORT; d <= DPORT && kind != HARD_SHORT; d++)
			ask(a, t, d, random_next(r) & UINT16_MAX, random_next(r) & UINT16_MAX);
	}
}
