/*
 * Named sets of other filters: their elements, and how a rule asks for them.
 */
#ifndef XDPF_IMPORT_SET_H
#define XDPF_IMPORT_SET_H

#include "import.h"

enum ipset_part { IPSET_ADDR, IPSET_PORT, IPSET_MAC };

struct ipset_set {
	const char *name, *shown;	/* as there, as here */
	const char *type;
	enum family family;
	enum ipset_part part[3];
	unsigned n_parts;
	bool bare_port;			/* of TCP or UDP, elements say not which */
	VEC(const char *) element;	/* as text here */
	const char *why;		/* it cannot be asked; NULL: it can */
	bool expires, used;
	const char *at;
};

struct ipset {
	VEC(struct ipset_set *) list;
};

/* Reads what `ipset save` printed. */
struct ipset *ipset_read(struct import *im, const struct source *src);
/* Writes those that are used. */
void ipset_write(struct import *im, const struct ipset *sets);
/* The set called @name; NULL: there is none. */
struct ipset_set *ipset_find(const struct ipset *sets, const char *name);
/* A name for here, which no other set has. */
const char *ipset_shown(struct import *im, const char *prefix, const char *name, size_t number);

#endif
