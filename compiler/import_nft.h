/*
 * What `nft -j list ruleset` prints.
 */
#ifndef XDPF_IMPORT_NFT_H
#define XDPF_IMPORT_NFT_H

#include <jansson.h>

#include "import_chain.h"
#include "import_set.h"

/* What values of an operand are. */
enum nft_values { NFT_NUMBERS, NFT_ADDRS, NFT_MACS };

/* A field of a packet as nftables and as .xdpf name it: a row of import_nft.def. */
struct nft_field {
	const char *protocol, *field, *here, *needs;
	enum nft_values values;
	enum names_id names;
	unsigned bits;
};

/* A set or map. */
struct nft_set {
	const char *name, *shown, *at;
	json_t *json;
	bool used, written;
	const char *type;		/* of its elements here */
	const char *elements;
};

struct nft {
	struct import *im;
	json_t *root, *all;		/* the document, its array */
	const char *family, *table;	/* of the chain that is translated */
	bool ip4, ip6, netdev;
	struct chain_set chains;
	VEC(struct nft_set *) sets;
};

/* A rule that is being translated: an original and, of a rule with a verdict map, one of its elements. */
struct nft_original {
	json_t *rule;
	json_t *key, *verdict;		/* NULL: no map */
};

struct nft_rule {
	struct nft *nft;
	struct chain_rule *to;
	const struct nft_original *original;
	unsigned had;			/* conditions that the rule has already: bits of enum nft_needs */
	bool ports_only;		/* the protocol is one with ports */
	bool alone;			/* `ip6 nexthdr` is compared with nothing beside it */
	bool fragment;			/* protocols are those in the fragment header */
	bool failed, acted;		/* an action or limit stands before */
};

enum nft_needs { NFT_IP4 = 1, NFT_IP6 = 2, NFT_TRANSPORT = 4, NFT_ONE_TAG = 8, NFT_ETHER = 16, NFT_VLAN = 32, NFT_NETWORK = 64,
		 NFT_WHOLE4 = 128, NFT_WHOLE6 = 256 };

/* What is compared: one field, or several at once. */
struct nft_operand {
	const struct nft_field *field[4];
	unsigned n;
	json_t *mask;
};

void nft_why(struct nft_rule *r, unsigned accepted, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same: false. */
#define nft_refuse(...) (nft_why(__VA_ARGS__), known_false())

/* import_nft_rule.c */
void nft_translate(void *arg, struct chain_rule *to);
bool nft_match(struct nft_rule *r, json_t *left, json_t *right, const char *op);

/* import_nft_meta.c: what is no field of the packet: protocols, interfaces, lengths, states. False: refused; *@known: it is one of those. */
bool nft_match_meta(struct nft_rule *r, json_t *left, json_t *right, const char *op, bool *known);

/* import_nft_value.c: values as text here; NULL: refused. */
const char *nft_value(struct nft_rule *r, const struct nft_field *f, json_t *v);
/* One number, several of them or-ed, or names. */
bool nft_number(const struct nft_field *f, json_t *v, uint64_t *out);
/* All elements of a list, separated by commas; *@n: how many they are, *@expires: some do. */
const char *nft_values(struct nft_rule *r, const struct nft_operand *o, json_t *list, size_t *n, bool *expires);
/* Whatever an element is wrapped in. */
json_t *nft_element(json_t *e, bool *expires);

struct nft_set *nft_set_find(const struct nft *n, const char *name);

#endif
