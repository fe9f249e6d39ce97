/*
 * Feeds the program under test with another frame each time: a test run repeats one frame, so this stands before the program, takes a
 * frame from a table in an order that no branch predictor learns, puts its length and its headers where the one before stood, and goes on
 * into the program by a tail call. The same order each time that `state` starts the same. What this costs is in the floor, too.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "feed.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FEED_FRAMES);
	__type(key, __u32);
	__type(value, struct feed_frame);
} frames SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} state SEC(".maps");

SEC("xdp") int feed(struct xdp_md *ctx)
{
	__u32 zero = 0, i, *s = bpf_map_lookup_elem(&state, &zero), len;
	long length = (void *)(long)ctx->data_end - (void *)(long)ctx->data;
	struct feed_frame *f;

	/* the verifier takes the difference of two pointers, and not f->len - data_end + data */
	asm volatile("" : "+r"(length));
	if (!s)
		return XDP_ABORTED;
	i = *s;
	i ^= i << 13;
	i ^= i >> 17;
	i ^= i << 5;
	*s = i;
	i &= FEED_FRAMES - 1;
	f = bpf_map_lookup_elem(&frames, &i);
	if (!f)
		return XDP_ABORTED;
	if (bpf_xdp_adjust_tail(ctx, (int)f->len - (int)length))
		return XDP_ABORTED;
	len = f->head;
	if (!len || len > FEED_HEAD || bpf_xdp_store_bytes(ctx, 0, f->data, len))
		return XDP_ABORTED;
	bpf_tail_call_static(ctx, &target, 0);
	return XDP_ABORTED;
}

char _license[] SEC("license") = "GPL";
