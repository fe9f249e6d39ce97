/*
 * Sends frames: the kernel's live-frame test run calls it for each, and it puts the next frame of a table in place and sends it out of an
 * interface. The table is gone through in order, round and round, over as many test runs as there are.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "live.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);			/* set to how many there are */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct live_frame);
} frames SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct live_state);
} state SEC(".maps");

SEC("xdp") int send(struct xdp_md *ctx)
{
	unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct live_state *s;
	struct live_frame *f;
	__u32 zero = 0, i;
	long length = end - data;

	/* the verifier takes the difference of two pointers, and not f->len - end + data */
	asm volatile("" : "+r"(length));
	s = bpf_map_lookup_elem(&state, &zero);
	if (!s || data + LIVE_HEAD > end)
		return XDP_ABORTED;
	i = s->at;
	s->at = i + 1 < s->n ? i + 1 : 0;
	f = bpf_map_lookup_elem(&frames, &i);
	if (!f)
		return XDP_ABORTED;
	__builtin_memcpy(data, f->data, LIVE_HEAD);
	if (bpf_xdp_adjust_tail(ctx, (int)f->len - (int)length))
		return XDP_ABORTED;
	return bpf_redirect(s->ifindex, 0);
}

char _license[] SEC("license") = "GPL";
