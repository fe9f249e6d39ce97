/*
 * SOCKET: does a socket of this machine take the packet? In: ports and addresses. Out: a branch. The kernel's tables are asked in the network
 * namespace of the receiving interface, and what they hand out is given back on every way; in a test run, the run says it.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>
#include <netinet/in.h>

#include "abi.h"

unsigned cg_tuple(struct cg *g, const V *v, bool ip6, size_t at)
{
	const struct bpf_sock_tuple *t = NULL;
	V tuple = cg_atc(g, g->buf, at);

	if (ip6) {
		cg_store(g, v[0], cg_atc(g, tuple, offsetof(struct bpf_sock_tuple, ipv6.sport)), 2, 2);
		cg_store(g, v[1], cg_atc(g, tuple, offsetof(struct bpf_sock_tuple, ipv6.dport)), 2, 2);
		for (unsigned k = 0; k < 4; k++)
			cg_store(g, v[2 + k], cg_atc(g, tuple, offsetof(struct bpf_sock_tuple, ipv6.saddr) + 8 * k), 8, 8);
		return sizeof(t->ipv6);
	}
	cg_store(g, v[0], cg_atc(g, tuple, offsetof(struct bpf_sock_tuple, ipv4.sport)), 2, 2);
	cg_store(g, v[1], cg_atc(g, tuple, offsetof(struct bpf_sock_tuple, ipv4.dport)), 2, 2);
	for (unsigned k = 0; k < 2; k++)
		cg_store(g, v[2 + k], cg_atc(g, tuple, offsetof(struct bpf_sock_tuple, ipv4.saddr) + 4 * k), 4, 4);
	return sizeof(t->ipv4);
}

V cg_find_socket(struct cg *g, unsigned proto, bool ip6, const V *v, size_t at)
{
	int id = proto == IPPROTO_UDP ? BPF_FUNC_sk_lookup_udp : BPF_FUNC_skc_lookup_tcp;
	unsigned len = cg_tuple(g, v, ip6, at);

	return cg_helper(g, id, g->ptr, 5,
			 (V[]){ g->ctx, cg_atc(g, g->buf, at), cg_c32(g, len), cg_c(g, (uint64_t)BPF_F_CURRENT_NETNS), cg_c(g, 0) });
}

void cg_socket(struct cg *g, const struct ir_inst *i, const V *v, BB yes, BB no)
{
	BB live = cg_block_after(g, LLVMGetInsertBlock(g->b), "sockets"), given = cg_block(g, "given socket"), found = cg_block(g, "socket found");
	V flag = LLVMBuildAnd(g->b, cg_flags(g), cg_c(g, XDPF_CONFIG_INPUTS), ""), sk;

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntNE, flag, cg_c(g, 0), ""), given, live);
	cg_go(g, given);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, cg_test_socket(g), cg_c(g, XDPF_SOCKET_YES), ""), yes, no);
	cg_go(g, live);
	sk = cg_find_socket(g, (unsigned)i->imm, i->args.n == 6, v, 0);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, sk, LLVMConstNull(g->ptr), ""), no, found);
	cg_go(g, found);
	cg_helper(g, BPF_FUNC_sk_release, g->i64, 1, &sk);
	LLVMBuildBr(g->b, yes);
}
