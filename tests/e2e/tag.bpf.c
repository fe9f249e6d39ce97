/* What stands at a sender's end in tests of rx.vlan: a tag (802.1Q, VLAN 7, priority 5) beside each frame, as a device leaves those it takes out. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

static long (*skb_vlan_push)(struct __sk_buff *skb, __be16 type, __u16 tci) = (void *)BPF_FUNC_skb_vlan_push;

__attribute__((section("tc"), used)) int tag(struct __sk_buff *skb)
{
	return skb_vlan_push(skb, __builtin_bswap16(ETH_P_8021Q), 5 << 13 | 7) ? TC_ACT_SHOT : TC_ACT_OK;
}

__attribute__((section("license"), used)) const char _license[] = "GPL";
