/*
 * Redirecting. In: a way. Out: its maps; code that asks the kernel to take the packet there, and goes on where it will or where nothing is
 * there. In a test run the kernel is not asked: the test says whether the way is open. Without our runtime the maps are empty, so that all ways
 * are closed.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>
#include <stddef.h>

void cg_way_maps(struct cg *g)
{
	const struct ast_program *p = g->ir->ast;
	uint64_t cpus = 0;

	if (p->ways.n)
		g->others = cg_map(g, XDPF_MAP_OTHERS, BPF_MAP_TYPE_PERCPU_ARRAY, p->ways.n, g->du32, g->dcounter);
	if (p->ports.n)
		g->ports = cg_map(g, XDPF_MAP_PORTS, BPF_MAP_TYPE_DEVMAP, p->ports.n, g->du32, g->du32);
	for (size_t i = 0; i < p->floods.n; i++)
		g->flood[i] = cg_map(g, arena_printf(g->arena, "%s%zu", XDPF_MAP_FLOOD, i), BPF_MAP_TYPE_DEVMAP, p->floods.v[i]->n, g->du32,
				     g->du32);
	for (size_t i = 0; i < p->cpus.n; i++)
		if (p->cpus.v[i] >= cpus)
			cpus = (uint64_t)p->cpus.v[i] + 1;
	if (cpus)
		g->cpus = cg_map(g, XDPF_MAP_CPUS, BPF_MAP_TYPE_CPUMAP, cpus, g->du32, g->du32);
	if (p->forwards)
		g->out = cg_map(g, XDPF_MAP_OUT, BPF_MAP_TYPE_DEVMAP_HASH, XDPF_OUT, g->du32, g->du32);
	if (p->sockets)
		g->sockets = cg_map(g, XDPF_MAP_SOCKETS, BPF_MAP_TYPE_XSKMAP, XDPF_SOCKETS, g->du32, g->du32);
	if (p->cookies)
		g->cookies = cg_map(g, XDPF_MAP_COOKIES, BPF_MAP_TYPE_ARRAY, XDPF_COOKIES, g->du32, g->du64);
}

/* Where the map has no such element, the helper returns the flags: not XDP_REDIRECT. */
static void redirect(struct cg *g, V map, V key, uint64_t flags, BB open, BB closed)
{
	V r = cg_helper(g, BPF_FUNC_redirect_map, g->i64, 3, (V[]){ map, key, cg_c(g, flags) });

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, r, cg_c(g, XDP_REDIRECT), ""), open, closed);
}

/*
 * The kernel broadcasts to what there is, and forgets a packet that nobody is there for: so one interface of the map must be there, and be another
 * than the packet came from. A frame in fragments of memory cannot be copied.
 */
static void flood(struct cg *g, V map, size_t n, BB open, BB closed)
{
	BB send = cg_block(g, "flood"), next, look;
	V linear = LLVMBuildSub(g->b, cg_ctx_field(g, offsetof(struct xdp_md, data_end)), cg_ctx_field(g, offsetof(struct xdp_md, data)), "");
	V len = cg_len(g), from, p;

	next = cg_block_after(g, LLVMGetInsertBlock(g->b), "in one piece");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntNE, linear, len, ""), closed, next);
	cg_go(g, next);
	from = cg_ctx_field(g, offsetof(struct xdp_md, ingress_ifindex));
	for (size_t i = 0; i < n; i++) {
		cg_store(g, cg_c(g, i), g->index, 4, 4);
		p = cg_helper(g, BPF_FUNC_map_lookup_elem, g->ptr, 2, (V[]){ map, g->index });
		look = cg_block_after(g, LLVMGetInsertBlock(g->b), "member");
		next = i + 1 < n ? cg_block_after(g, look, "next member") : closed;
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, p, LLVMConstNull(g->ptr), ""), next, look);
		cg_go(g, look);
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, cg_load(g, p, 4, 4), from, ""), next, send);
		if (i + 1 < n)
			cg_go(g, next);
	}
	cg_go(g, send);
	redirect(g, map, cg_c(g, 0), BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS, open, closed);
}

void cg_way(struct cg *g, uint64_t way, V place, BB open, BB closed)
{
	const struct ast_way *w = g->ir->ast->ways.v[way];
	BB live = cg_block_after(g, LLVMGetInsertBlock(g->b), "way"), given = cg_block(g, "given way");
	V flag = LLVMBuildAnd(g->b, cg_flags(g), cg_c(g, XDPF_CONFIG_INPUTS), "");

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntNE, flag, cg_c(g, 0), ""), given, live);
	cg_go(g, given);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, cg_no_way(g), cg_c(g, 0), ""), open, closed);
	cg_go(g, live);
	switch (w->kind) {
	case WAY_IFACE:
		redirect(g, g->ports, place ? place : cg_c(g, w->place), 0, open, closed);
		break;
	case WAY_IFACES:
		flood(g, g->flood[w->place], w->n, open, closed);
		break;
	case WAY_CPU:
		redirect(g, g->cpus, place ? place : cg_c(g, w->cpu), 0, open, closed);
		break;
	case WAY_SOCKET:
		redirect(g, g->sockets, cg_ctx_field(g, offsetof(struct xdp_md, rx_queue_index)), 0, open, closed);
		break;
	case WAY_FORWARD:
	case WAY_RST:
	case WAY_UNREACHABLE:
	case WAY_SYNCOOKIE:
		break;		/* made of other instructions */
	}
}

void cg_out(struct cg *g, V ifindex, BB open, BB closed)
{
	BB live = cg_block_after(g, LLVMGetInsertBlock(g->b), "out");
	V flag = LLVMBuildAnd(g->b, cg_flags(g), cg_c(g, XDPF_CONFIG_INPUTS), "");

	/* in a test run, an answer is one that can be followed */
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntNE, flag, cg_c(g, 0), ""), open, live);
	cg_go(g, live);
	redirect(g, g->out, ifindex, 0, open, closed);
}
