/*
 * Does a file have connections tracked, or datagrams put together? In: all tables of iptables-save, all objects of nftables. Out: the first place
 * that does. Whatever chain asks for it, it then goes for every chain of the family, and the chains see whole datagrams. Other rule sets of a machine
 * may do that, too: what is not in the file is not known, and taken not to be.
 */
#include <string.h>

#include "import_track.h"

/* Matches, their options, and targets of iptables that turn it on. */
static const char *const ipt_words[] = {
	"conntrack", "state", "--ctstate", "--state", "connlimit", "connmark", "connbytes", "connlabel", "helper", "socket", "cluster",
	"CONNMARK", "CONNSECMARK", "CT", "NOTRACK", "SYNPROXY", "TPROXY", "CLUSTERIP",
	"MASQUERADE", "SNAT", "DNAT", "REDIRECT", "NETMAP",
};

/* Expressions and statements of nftables. */
static const char *const nft_keys[] = {
	"ct", "ct helper", "ct timeout", "ct expectation", "ct count", "notrack", "synproxy", "tproxy", "socket", "flow",
	"masquerade", "snat", "dnat", "redirect",
};

bool track_ipt(const struct ipt_words *w)
{
	for (size_t i = 1; i < w->list.n; i++) {
		const char *before = w->list.v[i - 1], *word = w->list.v[i];

		if (strcmp(before, "-m") != 0 && strcmp(before, "-j") != 0 && strncmp(word, "--", 2) != 0)
			continue;
		for (size_t k = 0; k < sizeof(ipt_words) / sizeof(ipt_words[0]); k++)
			if (strcmp(word, ipt_words[k]) == 0)
				return true;
	}
	return false;
}

/* Matches and targets of iptables, in what iptables-nft has made: {"xt": {"type": …, "name": …}}. */
static bool xt(json_t *o)
{
	const char *name = json_string_value(json_object_get(o, "name"));

	for (size_t k = 0; name && k < sizeof(ipt_words) / sizeof(ipt_words[0]); k++)
		if (strcmp(name, ipt_words[k]) == 0)
			return true;
	return false;
}

bool track_nft(json_t *o)
{
	const char *key;
	json_t *value;
	size_t i;

	json_array_foreach(o, i, value)
		if (track_nft(value))
			return true;
	json_object_foreach(o, key, value) {
		for (size_t k = 0; k < sizeof(nft_keys) / sizeof(nft_keys[0]); k++)
			if (strcmp(key, nft_keys[k]) == 0)
				return true;
		if ((strcmp(key, "xt") == 0 && xt(value)) || track_nft(value))
			return true;
	}
	return false;
}

enum { DEFRAG = -400 };

void track_whole(struct import *im, bool ip4, bool ip6)
{
	bool input = strcmp(im->hook, "input") == 0, behind = input || im->priority > DEFRAG;

	im->whole4 = ip4 && (input || (behind && im->tracked4));
	im->whole6 = ip6 && behind && im->tracked6;
	im->unknown = (ip4 && !im->whole4 && behind) || (ip6 && !im->whole6 && behind);
}
