/* What stands behind XDP in tests of `mark`: drops what is marked 7, by what it finds in the metadata. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "abi.h"

__attribute__((section("tc"), used)) int seven(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	struct xdpf_mark *m = (void *)(long)skb->data_meta;

	if ((void *)(m + 1) > data || m->magic != XDPF_MARK_MAGIC)
		return TC_ACT_OK;
	return m->mark == 7 ? TC_ACT_SHOT : TC_ACT_OK;
}

__attribute__((section("license"), used)) const char _license[] = "GPL";
