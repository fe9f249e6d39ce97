/*
 * Rules to classify, made at random or of files of ClassBench's; packets to ask about; and what a rule by rule search says of them.
 */
#ifndef XDPF_TESTS_CLASSIFY_RULES_H
#define XDPF_TESTS_CLASSIFY_RULES_H

#include "classify.h"

struct packet {
	unsigned which[CLASSIFY_MAX_DIMS];
	struct value v[CLASSIFY_MAX_DIMS];
};

struct random {
	uint64_t s;
};

uint64_t random_next(struct random *r);
/* Below @n; 0 where that is 0. */
uint64_t random_below(struct random *r, uint64_t n);

/* Rules over some of a dozen kinds of dimensions; entries that do not stop in one of @go_on (0: all stop). */
struct random_options {
	unsigned entries, dims, go_on;
	bool five;			/* addresses of one family or the other, ports, protocol; else any dimensions */
};

void rules_random(struct arena *a, struct random *r, const struct random_options *o, struct classify_rules *out);
/* At and beside the edges of what the rules ask, and anywhere. */
void packet_random(struct random *r, const struct classify_rules *rules, struct packet *p);

/* Five-tuples that defeat tables, at random. */
enum rules_hard {
	HARD_PORTS,			/* ranges of ports, anywhere */
	HARD_SHORT,			/* prefixes of at most 12 bits */
	HARD_BOTH,
	HARD_RANGES,			/* of addresses, and of ports */
	HARD_MIXED,			/* prefixes of all lengths, and ranges of ports */
	HARD_NUMBERS,			/* of either family, and a port each: what they ask of short numbers has many values */
	HARD_NESTED,			/* networks in networks, of few ports; some rules do not stop, and some ask for more */
	HARD_APART,			/* by source or by destination; before them wide ones, which have packets in common with few of them */
	HARD_COUNT
};

void rules_hard(struct arena *a, struct random *r, enum rules_hard kind, unsigned n, struct classify_rules *out);

/* The file's rules (its lines begin with @); @mapped: addresses as IPv6 ones under one /96. Dimensions: source, destination, ports, protocol.
 * false: there is no such file. */
bool rules_classbench(struct arena *a, const char *file, bool mapped, struct classify_rules *out);
/* Headers of a trace file; returns how many. */
size_t packets_classbench(struct arena *a, const char *file, bool mapped, struct packet **out);

/* The words of the packet's entries as far as the first that stops, else CLASSIFY_WORD_END; at most @most of them: how many. */
size_t rules_linear(const struct classify_rules *rules, const struct packet *p, uint32_t *word, size_t most);
/* The same of what a look-up found. @list: 0 where code found none, as cg_classify() says it. */
size_t found_words(const struct image *im, uint32_t list, uint32_t best, uint32_t *word, size_t most);

#endif
