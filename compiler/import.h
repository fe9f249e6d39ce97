/*
 * Importers: rules of other filters as an .xdpf text. An importer reads one source and writes rules, each behind a comment that says where it came
 * from. What it cannot translate exactly it refuses, by place and with the reason: nothing is guessed. Nothing here prints; the text is
 * valid only where import_done() says so.
 */
#ifndef XDPF_IMPORT_H
#define XDPF_IMPORT_H

#include <stdio.h>

#include "diag.h"
#include "lang.h"

/* What the user lets be written though it is not the same; each is said in the text where it is used. */
enum import_accept {
	IMPORT_LEFT_OUT	= 1 << 0,	/* rules that are not translated are left out */
	IMPORT_STATE	= 1 << 1,	/* states of connections become flow.state */
	IMPORT_LIMIT	= 1 << 2,	/* limits become limits here, whose arithmetic is another */
	IMPORT_TIMEOUT	= 1 << 3,	/* elements that would expire stay */
	IMPORT_FRAGMENTS = 1 << 5,	/* what a fragment does not say of its datagram is never true of it */
	IMPORT_REJECT	= 1 << 4,	/* who is rejected hears of an unreachable port, whatever was to be said */
};

enum import_kind {
#define IMPORT(ID, name, run, engine, doc) IMPORT_##ID,
#include "import.def"
#undef IMPORT
	IMPORT_COUNT
};

/* What a proof runs the original by. */
enum import_original { ORIGINAL_NONE, ORIGINAL_PCAP, ORIGINAL_IPTABLES, ORIGINAL_IP6TABLES, ORIGINAL_NFT };

/* Frames of ARP and RARP with addresses of IPv4 are at least as long: Ethernet's header and 28 bytes. */
enum { PCAP_ARP_LEAST = 42 };

/* The interface that packets of a proof come in by where none is named. */
#define IMPORT_DEVICE "xdpf0"

struct import_options {
	const char *chain;		/* "filter/INPUT", "inet/filter/input"; NULL: the only one that can be meant */
	const struct source *ipset;	/* what `ipset save` printed; NULL: not given */
	unsigned accept;		/* of enum import_accept */
	bool pass;			/* expressions and lists: what they match passes, all else is dropped; else the other way round */
	bool by_dst;			/* lists: addresses of destinations */
};

struct import_refusal {
	const char *at;			/* "rules.v4:12", "rules.json#/nftables/12 (handle 7)" */
	const char *what;		/* what stands there */
	const char *why;
	unsigned accepted;		/* what would accept it, of enum import_accept; 0: nothing does */
};

/* A rule in the text, by the bytes that are about it. */
struct import_place {
	size_t begin, end;
	uint64_t rule;			/* which it is, and where it was called from: the same in every run */
};

struct import_dead {
	uint64_t rule;
	const char *why;
};

struct import {
	struct arena *arena;
	const struct source *src;
	enum import_kind kind;
	struct import_options o;

	/* What comes out. */
	FILE *out;
	char *text;
	size_t len;
	VEC(struct import_refusal) refused;
	VEC(struct import_place) place;
	size_t n_rules;			/* of the original, that were looked at */

	/* Rules that a compilation of the text showed never to match; they become comments. */
	VEC(struct import_dead) dead;

	/* Where the rules hang, for a proof. */
	const char *family, *table, *chain, *hook, *device;
	int priority;
	const char *original;		/* NFT: what `nft -j -f` reads */
	bool limits, states;

	/* Where something in the file has connections of the family tracked, which goes for all chains; NULL: nowhere. */
	const char *tracked4, *tracked6;
	bool whole4, whole6;		/* the chain sees datagrams of the family put together */
	bool unknown;			/* it would, were something else to track connections */
};

typedef void (*import_fn)(struct import *im);

struct import_kind_info {
	const char *name;
	import_fn run;
	enum import_original original;
	const char *doc;
};

extern const struct import_kind_info import_kinds[IMPORT_COUNT];

#define IMPORT(ID, name, run, engine, doc) void run(struct import *im);
#include "import.def"
#undef IMPORT

/* The kind called @name, or IMPORT_COUNT. */
enum import_kind import_find(const char *name);
/* Bits of the names in @text, with commas between them. False: one is unknown. */
bool import_accept_read(const char *text, unsigned *out);
/* The name of the lowest bit. */
const char *import_accept_name(unsigned accept);

/* Translates @im->src, from the start: what an earlier run left is forgotten, but for .dead. True: the text may be used. */
bool import_run(struct import *im);
/* The rule that wrote the byte at @offset, and true; false: none did. */
bool import_rule_at(const struct import *im, size_t offset, uint64_t *rule);
void import_free(struct import *im);

/* ---- import_text.c: what importers write and say ---- */

void import_put(struct import *im, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A comment of one line. */
void import_note(struct import *im, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "rules.v4:12" */
const char *import_at(struct import *im, const struct source *src, unsigned line);
/* @len bytes of @s as one line that can be shown. */
const char *import_shown(struct import *im, const char *s, size_t len);
/* What stands at @at is not translated. */
void import_refuse(struct import *im, unsigned accepted, const char *at, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Comments about @n of them from number @from on, those that are accepted. */
void import_note_refused(struct import *im, size_t from, size_t n);
/* Rule @rule begins and ends here. False: it never matches, which is in the text now. */
bool import_begin(struct import *im, uint64_t rule);
void import_end(struct import *im, uint64_t rule);

/* ---- import_value.c: values in other tools' texts ---- */

/* An address or prefix of either family, or a range of addresses; nothing may follow. NULL, or why it is none. */
const char *import_read_net(struct arena *a, const char *s, size_t len, struct range *out);
/* As .xdpf writes it. */
const char *import_net_text(struct arena *a, const struct range *r);
const char *import_addr_text(struct arena *a, enum family family, struct value v);
bool import_read_addr(const char *s, size_t len, enum family *family, struct value *out);
/* Decimal or 0x; at most @max. */
bool import_read_number(const char *s, size_t len, uint64_t max, uint64_t *out);
/* A number, or a name of the table. */
bool import_read_name(enum names_id names, const char *s, size_t len, uint64_t max, uint64_t *out);

#endif
