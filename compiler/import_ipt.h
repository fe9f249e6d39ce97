/*
 * What iptables-save and ip6tables-save print.
 */
#ifndef XDPF_IMPORT_IPT_H
#define XDPF_IMPORT_IPT_H

#include "import_chain.h"
#include "import_set.h"

struct ipt_words {
	VEC(const char *) list;
	const char *at, *text;
};

/* A rule that is being translated. */
struct ipt_rule {
	struct import *im;
	struct chain_set *chains;
	struct ipset *sets;
	enum family family;
	bool raw;			/* before connections are tracked */
	struct chain_rule *to;
	const struct ipt_words *w;
	size_t at;			/* the next word */
	bool not;			/* a `!` stands before it */
	int proto;			/* -1: not given */
	bool proto_not;
	const char *match;		/* of the last -m */
	bool failed;
	struct ipt_limit {
		const char *rate;	/* NULL: none yet */
		unsigned burst, by, srcmask, dstmask;	/* by: bits of srcip, dstip, srcport, dstport */
		bool over;
	} limit;
};

/* The rest of a rule behind `-A CHAIN`: all words, quotes undone. NULL in *@why, or why it is none. */
struct ipt_words *ipt_split(struct import *im, const char *line, size_t len, const char **why);
/* import_ipt_rule.c: fills @to from its words. */
void ipt_translate(struct ipt_rule *r);
/* import_ipt_match.c: an option of a match. False: it is not known, or is refused. */
bool ipt_match(struct ipt_rule *r, const char *option);

/* import_ipt_state.c: the same for matches that know more than the packet. *@known: it is one. */
bool ipt_match_state(struct ipt_rule *r, const char *option, bool *known);

/* The next word; NULL, and refused: there is none. */
const char *ipt_word(struct ipt_rule *r);
bool ipt_refuse(struct ipt_rule *r, unsigned accepted, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
