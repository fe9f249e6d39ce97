/*
 * What memory costs: a packet's headers choose a line of a table of LINES, at random, and one number of it is loaded. Beside the floor that is what
 * any rule costs, at least, that is not in the processor's cache.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct line {
	__u32 number[16];
};

struct table {
	struct line line[LINES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct table);
} table SEC(".maps");

enum { ADDRESSES = 26, PORTS = 34, END = 38 };	/* of IPv4 without options */

static __u32 mix(__u32 h)
{
	h = (h ^ h >> 15) * 0x2c1b3c6d;
	return h ^ h >> 12;
}

SEC("xdp")
int filter(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 zero = 0, h;
	struct table *t = bpf_map_lookup_elem(&table, &zero);

	if (!t || data + END > end)
		return XDP_DROP;
	h = *(__u32 *)(data + ADDRESSES) * 0x9e3779b1 ^ *(__u32 *)(data + ADDRESSES + 4) * 0x85ebca6b ^ *(__u32 *)(data + PORTS) * 0xc2b2ae35;
	/* what was loaded decides, so that it is waited for; it is always zero */
	return t->line[mix(mix(h)) & (LINES - 1)].number[0] ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
