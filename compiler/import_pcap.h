/*
 * Expressions of libpcap: from its own program for them to a condition. Loads and comparisons of the program are leaves; its jumps are and, or, not.
 */
#ifndef XDPF_IMPORT_PCAP_H
#define XDPF_IMPORT_PCAP_H

#include <pcap/pcap.h>

#include "import.h"

/* What an accumulator holds: a number, the frame's length, or bytes of it. */
enum pcap_kind { PCAP_UNDEF, PCAP_CONST, PCAP_LEN, PCAP_LOAD, PCAP_PLACE };

struct pcap_value {
	enum pcap_kind kind;
	uint32_t k;		/* CONST */
	uint32_t off, size;	/* LOAD: bytes; behind headers of variable length, see .ihl and .doff. PLACE: .off itself */
	bool ihl;		/* behind the IPv4 header whose first byte is at .ihl_at; .off counts as if it had no bytes */
	bool doff;		/* and behind the TCP header, whose byte with its length is at .doff_at behind the IPv4 header; likewise */
	uint32_t ihl_at, doff_at;
	uint32_t mask;		/* LOAD: and-ed */
	unsigned shift;		/* LOAD: then shifted right; the mask has none of these bits */
};

/* No slice ends behind this byte, since no frame has it. */
enum { PCAP_FRAME_MOST = 9216 };

enum pcap_op { PCAP_EQ, PCAP_GT, PCAP_GE };

/* A condition of a jump: .value OP .k, or with .neg its opposite; false, both ways, where bytes of it are not in the frame. */
struct pcap_leaf {
	struct pcap_value value;
	enum pcap_op op;
	uint32_t k;
	bool neg;
};

enum pcap_node_kind { PCAP_LEAF, PCAP_AND, PCAP_OR, PCAP_NOT, PCAP_TRUE, PCAP_FALSE };

struct pcap_node {
	enum pcap_node_kind kind;
	struct pcap_leaf leaf;
	struct pcap_node *a, *b;	/* NOT: .a */
};

/* How many conditions may still be looked at; at 0 what came out is nothing. */
struct pcap_work {
	struct arena *a;
	size_t left;
};

/* What is known where a condition is asked, as a list: leaves that are true. */
struct pcap_fact {
	struct pcap_leaf leaf;
	const struct pcap_fact *next;
};

/* import_pcap_load.c: what the block of instructions from @pc on compares in the jump that ends it, which is at *@jump. NULL, or what of it
 * cannot be said. */
const char *pcap_block(const struct bpf_program *p, unsigned pc, struct pcap_leaf *out, unsigned *jump);
/* import_pcap_graph.c: the program as one condition; NULL, and why in *@why. */
struct pcap_node *pcap_graph(struct arena *a, const struct bpf_program *p, const char **why);
/* import_pcap_fact.c: when @n is @want, as ands, ors and leaves: without what is known already, and with what bounds of the frame decide. */
struct pcap_node *pcap_simple(struct pcap_work *w, const struct pcap_node *n, bool want, const struct pcap_fact *known);
/* Does it ask for frames of ARP or RARP? */
bool pcap_asks_arp(const struct pcap_node *n);
const struct pcap_fact *pcap_facts(struct arena *a, const struct pcap_node *n, const struct pcap_fact *known);
/* What is known where @n, which is simple, is false: the opposite of a leaf, of all parts of an `or`. */
const struct pcap_fact *pcap_facts_not(struct arena *a, const struct pcap_node *n, const struct pcap_fact *known);
bool pcap_known(const struct pcap_fact *known, uint32_t off, uint32_t size, uint32_t mask, uint32_t value);
/* The header that the bytes from *@base on are known to be, of those of the network and transport layer; HDR_NONE: nothing is known. */
enum header_id pcap_header(const struct pcap_fact *known, const struct pcap_value *v, uint32_t *base);
/* import_pcap_text.c */
void pcap_text(struct import *im, const struct pcap_node *n);

#endif
