/*
 * ClassBench's rules and traces. In: files, packed by xz. Out: rules over source, destination, ports and protocol; headers.
 */
#include "rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SRC, DST, SPORT, DPORT, PROTO, N_DIMS };

/* 2001:db8:6464:1:2:3::/96 */
#define MAPPED_HI 0x20010db864640001
#define MAPPED_LO 0x0002000300000000

static FILE *unpacked(const char *file)
{
	char command[4096 + 16];

	if (access(file, R_OK) || snprintf(command, sizeof(command), "xz -dc '%s'", file) >= (int)sizeof(command))
		return NULL;
	return popen(command, "r");
}

static struct value address(uint64_t a, bool mapped)
{
	return mapped ? (struct value){ MAPPED_HI, MAPPED_LO | a } : value_of(a);
}

static struct classify_part *part(struct classify_term *t, unsigned dim, struct arena *a, struct value lo, struct value hi)
{
	struct classify_part *p = &t->part[t->n++];
	struct range *r = arena_alloc(a, sizeof(*r));

	*r = (struct range){ .lo = lo, .hi = hi };
	p->dim = dim;
	p->in[0].r = r;
	p->in[0].n = 1;
	return p;
}

static void add_rule(struct arena *a, struct classify_rules *out, const unsigned *v, unsigned proto, unsigned mask, bool mapped)
{
	struct classify_term *t = vec_add(a, &out->term);
	uint32_t n = (uint32_t)out->entry.n;

	*vec_add(a, &out->entry) = (struct classify_entry){ 2 * n + 1, true };
	t->entry = n;
	t->part = arena_array(a, N_DIMS, sizeof(*t->part));
	for (unsigned k = SRC; k <= DST; k++) {
		const unsigned *b = v + 5 * k;
		uint32_t ones = b[4] ? ~(uint32_t)0 >> (b[4] - 1) >> 1 : ~(uint32_t)0, x = (b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]) & ~ones;

		if (b[4])
			part(t, k, a, address(x, mapped), address(x | ones, mapped));
	}
	for (unsigned k = 0; k < 2; k++)
		if (v[10 + 2 * k] != 0 || v[11 + 2 * k] != 65535)
			part(t, SPORT + k, a, value_of(v[10 + 2 * k]), value_of(v[11 + 2 * k]));
	if (mask)
		part(t, PROTO, a, value_of(proto), value_of(proto));
}

bool rules_classbench(struct arena *a, const char *file, bool mapped, struct classify_rules *out)
{
	FILE *f = unpacked(file);
	char *line = NULL;
	size_t cap = 0;

	*out = (struct classify_rules){ .n_dims = N_DIMS };
	if (!f)
		return false;
	out->dim[SRC] = out->dim[DST] = (struct classify_dim){ { { "address", mapped ? 128 : 32 } }, 1 };
	out->dim[SPORT] = out->dim[DPORT] = (struct classify_dim){ { { "port", 16 } }, 1 };
	out->dim[PROTO] = (struct classify_dim){ { { "protocol", 8 } }, 1 };
	while (getline(&line, &cap, f) > 0) {
		unsigned v[14], proto, mask;

		if (sscanf(line, "@%u.%u.%u.%u/%u %u.%u.%u.%u/%u %u : %u %u : %u %x/%x", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7, v + 8,
			   v + 9, v + 10, v + 11, v + 12, v + 13, &proto, &mask) == 16)
			add_rule(a, out, v, proto, mask, mapped);
	}
	free(line);
	pclose(f);
	return out->entry.n > 0;
}

size_t packets_classbench(struct arena *a, const char *file, bool mapped, struct packet **out)
{
	VEC(struct packet) p = { 0 };
	FILE *f = unpacked(file);
	unsigned v[N_DIMS];
	char *line = NULL;
	size_t cap = 0;

	while (f && getline(&line, &cap, f) > 0) {
		struct packet *x;

		if (sscanf(line, "%u %u %u %u %u", v, v + 1, v + 2, v + 3, v + 4) != N_DIMS)
			continue;
		x = vec_add(a, &p);
		for (unsigned d = 0; d < N_DIMS; d++) {
			x->which[d] = 1;
			x->v[d] = d <= DST ? address(v[d], mapped) : value_of(v[d]);
		}
	}
	free(line);
	if (f)
		pclose(f);
	*out = p.v;
	return p.n;
}
