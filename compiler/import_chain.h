/*
 * Chains of rules that call each other, as iptables and nftables have them, and how they become rules and blocks.
 */
#ifndef XDPF_IMPORT_CHAIN_H
#define XDPF_IMPORT_CHAIN_H

#include "import.h"

struct chain;

enum chain_do { CHAIN_NEXT, CHAIN_PASS, CHAIN_DROP, CHAIN_RST, CHAIN_UNREACHABLE, CHAIN_CALL, CHAIN_GOTO, CHAIN_RETURN };

/* A rule as it will be written. */
struct chain_rule {
	const char *at, *text;		/* for comments */
	size_t number;
	const void *original;		/* what .translate reads */
	bool translated;		/* those below are filled */
	size_t refused, n_refused;	/* its refusals */
	bool out;			/* nothing of it is written */
	bool never;			/* it matches no packet */
	const char *cond;		/* NULL: every packet */
	const char *limit;		/* "within …", behind the condition; NULL: none */
	const char *actions;		/* that do not decide; NULL: none */
	enum chain_do what;
	struct chain *target;		/* CALL, GOTO */
};

struct chain {
	const char *name;
	VEC(struct chain_rule) rule;
	bool entered;			/* it is being written: whoever calls it now does so in a circle */
	void *of;			/* the importer's own */
};

struct chain_set {
	struct import *im;
	VEC(struct chain *) list;
	/* Fills what stands behind .translated; refuses what it cannot. */
	void (*translate)(void *arg, struct chain_rule *r);
	void *arg;
	size_t written;
	uint64_t from;			/* the calls that lead to what is being written */
};

struct chain *chain_find(const struct chain_set *s, const char *name, size_t len);
struct chain *chain_add(struct chain_set *s, const char *name, size_t len);
/* Translates @c and what it calls. */
void chain_translate(struct chain_set *s, struct chain *c);
/* Writes @c and what it calls, which is translated. */
void chain_write(struct chain_set *s, struct chain *c);

/* ---- conditions ---- */

/* Appends to an `and`; *@cond NULL: empty. */
void chain_and(struct import *im, const char **cond, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* "f == v", "f in v-w"; with @not the opposite, where the field is there. False: that is never so. The whole range: "present". */
bool chain_range(struct import *im, const char **cond, const char *field, const char *present, uint64_t lo, uint64_t hi, uint64_t most, bool not);
/* Why a rule that sees whole datagrams cannot be asked of fragments. */
#define CHAIN_WHOLE "the rule sees whole datagrams, and fragments do not say %s: here it would match none of them"
/* The same for the length in the header of IP, payload only for IPv6. *@guess: of a fragment's datagram it is not known, and none matches. */
bool chain_length(struct import *im, const char **cond, enum family family, uint64_t lo, uint64_t hi, uint64_t most, bool not,
		  bool *guess);
/* What a protocol's number is compared with: where the header after IPv4 has it, for IPv6 behind the extension headers. */
const char *chain_proto(struct import *im, enum family family, unsigned proto);
/* The header's name where it has ports; else NULL. */
const char *chain_ports(unsigned proto);
const char *chain_iface(struct import *im, const char *name, size_t len);
/* Default and first rules of a chain that sees packets of these families at this hook. */
void chain_head(struct import *im, bool ip4, bool ip6, bool others, bool pass);

#endif
