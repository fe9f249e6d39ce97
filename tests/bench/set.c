/*
 * One set of source addresses, by hand: a hash of addresses (ADDRESSES) or the kernel's trie of prefixes (PREFIXES), of IPv4 or IPv6 (SIX);
 * with neither the same program without the look-up. SIZE is how many elements it holds; who loads it fills the map "listed".
 */
#include "parse.h"

#ifdef SIX
#define FAMILY 6
#define ADDRESS src.v6
struct address { __be32 word[4]; };
#else
#define FAMILY 4
#define ADDRESS src.v4
struct address { __be32 word[1]; };
#endif

struct prefix {
	__u32 length;
	struct address address;
};

#if defined(ADDRESSES) || defined(PREFIXES)
struct {
#ifdef PREFIXES
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
#else
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct address);
#endif
	__uint(max_entries, SIZE);
	__type(value, __u8);
} listed SEC(".maps");
#endif

enum { LISTED, DEFAULT };

inline_always __u32 rules(const struct packet *p)
{
	if (p->family == FAMILY) {
#if defined(PREFIXES)
		struct prefix key = { .length = 8 * sizeof(key.address) };

		__builtin_memcpy(&key.address, &p->ADDRESS, sizeof(key.address));
		if (bpf_map_lookup_elem(&listed, &key))
			return DECIDE(LISTED, XDP_DROP);
#elif defined(ADDRESSES)
		struct address key;

		__builtin_memcpy(&key, &p->ADDRESS, sizeof(key));
		if (bpf_map_lookup_elem(&listed, &key))
			return DECIDE(LISTED, XDP_DROP);
#else
		return DECIDE(LISTED, XDP_DROP);
#endif
	}
	return DECIDE(DEFAULT, XDP_DROP);
}

FILTER(DEFAULT, 0);
