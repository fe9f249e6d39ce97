/*
 * Stand before the program under test and give each packet of a test run another source: `feed` one of so many, or any; `fill` each in its turn.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32[2]);	/* where the order stands; mask of sources */
} state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

static __always_inline int from(struct xdp_md *ctx, int in_turn)
{
	unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 zero = 0, i, *s = bpf_map_lookup_elem(&state, &zero);

	if (!s || data + 42 > end)
		return XDP_ABORTED;
	i = s[0];
	if (in_turn) {
		i++;
	} else {
		i ^= i << 13;
		i ^= i >> 17;
		i ^= i << 5;
	}
	s[0] = i;
	*(__u32 *)(data + 26) = (i & s[1]) * 2654435761u;
	bpf_tail_call_static(ctx, &target, 0);
	return XDP_ABORTED;
}

SEC("xdp") int feed(struct xdp_md *ctx)
{
	return from(ctx, 0);
}

SEC("xdp") int fill(struct xdp_md *ctx)
{
	return from(ctx, 1);
}

char _license[] SEC("license") = "GPL";
