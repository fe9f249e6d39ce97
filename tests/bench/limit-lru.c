/*
 * `drop if udp over 100/s burst 200 per ip4.src`, by hand: the state in an LRU hash, taken by compare-and-swap. Without LIMIT: the same
 * without the limit. With EITHER: `per ip.src`, whose key is an address and its family.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define TOKEN 10000000ull
#define WINDOW (200 * TOKEN)

#ifdef EITHER
struct key {
	__u32 addr[4], family;
};
#else
struct key {
	__u32 addr[1];
};
#endif

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1 << 20);
	__type(key, struct key);
	__type(value, __u64);
} states SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64[2]);
} counts SEC(".maps");

static __always_inline int decide(struct xdp_md *ctx, __u32 which, int verdict)
{
	__u64 *c = bpf_map_lookup_elem(&counts, &which);

	if (c) {
		c[0]++;
		c[1] += ctx->data_end - ctx->data;
	}
	return verdict;
}

static __always_inline int over(__u32 source)
{
	struct key key = { .addr = { source } };
	__u64 now = bpf_ktime_get_ns(), *state, fresh = now + TOKEN;

#ifdef EITHER
	key.family = 4;
#endif
	state = bpf_map_lookup_elem(&states, &key);

	if (!state) {
		bpf_map_update_elem(&states, &key, &fresh, BPF_ANY);
		return 0;
	}
	for (int i = 0; i < 8; i++) {
		__u64 was = *(volatile __u64 *)state, full = (was > now ? was : now) + TOKEN;

		if (full - now > WINDOW)
			return 1;
		if (__sync_val_compare_and_swap(state, was, full) == was)
			return 0;
	}
	return 1;
}

SEC("xdp") int filter(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->protocol != IPPROTO_UDP)
		return decide(ctx, 1, XDP_PASS);
#ifdef LIMIT
	if (!over(ip->saddr))
		return decide(ctx, 1, XDP_PASS);
#endif
	return decide(ctx, 0, XDP_DROP);
}

char _license[] SEC("license") = "GPL";
