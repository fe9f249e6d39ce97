/*
 * CONN: what does the kernel's connection tracking know of the packet? In: protocol, ports and addresses. Out: enum xdpf_flow_state. One function
 * asks, for all places that want it, in the network namespace of the receiving interface, and gives the entry back on every way; in a test run,
 * the run says it.
 *
 * It is new without an entry, and with one that has seen no reply. A packet that is itself the reply counts: the tracking is still to see it, but
 * with it the entry has seen one. An entry that was expected (an FTP transfer's, say) is related until then. So nftables has it, which calls the
 * same packet so in its `ct state`.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "abi.h"

/* struct bpf_ct_opts in its old length, which every kernel takes; in g->buf, behind the tuple. */
enum { OPTS = 40, OPTS_LEN = 12, OPTS_PROTO = 8, OPTS_DIR = 9 };

_Static_assert(OPTS >= sizeof(struct bpf_sock_tuple) && OPTS + OPTS_LEN <= CG_FETCH_BUF, "the tuple and the options lie side by side");

static V lookup_function(struct cg *g)
{
	static const char *const members[] = { "netns_id", "error", "l4proto", "dir", "reserved" };
	static const unsigned bits[] = { 32, 32, 8, 8, 16 };
	MD tuple = cg_struct_type(g, "bpf_sock_tuple", 1, (const char *const[]){ "bytes" },
				  (MD[]){ cg_array_type(g, g->du8, sizeof(struct bpf_sock_tuple), 8) },
				  (unsigned[]){ 8 * sizeof(struct bpf_sock_tuple) }, NULL, 0);
	MD opts = cg_struct_type(g, "bpf_ct_opts", 5, members, (MD[]){ g->dint, g->dint, g->du8, g->du8, g->du16 }, bits, NULL, 0);
	T type = LLVMFunctionType(g->ptr, (T[]){ g->ptr, g->ptr, g->i32, g->ptr, g->i32 }, 5, 0);

	return cg_kfunc(g, "bpf_xdp_ct_lookup", type, g->dconn, 5,
			(MD[]){ g->dctx, cg_pointer_type(g, tuple), g->du32, cg_pointer_type(g, opts), g->du32 });
}

static V and(struct cg *g, V v, uint64_t mask)
{
	return LLVMBuildAnd(g->b, v, cg_c(g, mask), "");
}

/* 1 + replied + 2 * (expected and not replied): branches would be states for the verifier. */
static V state(struct cg *g, V status, V dir)
{
	V replied = and(g, LLVMBuildOr(g->b, LLVMBuildLShr(g->b, status, cg_c(g, IPS_SEEN_REPLY_BIT), ""), dir, ""), 1);
	V expected = and(g, LLVMBuildLShr(g->b, status, cg_c(g, IPS_EXPECTED_BIT), ""), 1);
	V related = LLVMBuildAnd(g->b, expected, LLVMBuildXor(g->b, replied, cg_c(g, 1), ""), "");

	_Static_assert(XDPF_FLOW_NEW == 1 && XDPF_FLOW_ESTABLISHED == 2 && XDPF_FLOW_RELATED == 3, "see above");
	replied = LLVMBuildAdd(g->b, replied, cg_c(g, XDPF_FLOW_NEW), "");
	return LLVMBuildAdd(g->b, replied, LLVMBuildShl(g->b, related, cg_c(g, 1), ""), "");
}

/* A number that the loader fills in: the verifier knows it, and the optimiser must not. */
static V filled(struct cg *g, size_t off)
{
	V v = LLVMBuildLoad2(g->b, g->i32, cg_atc(g, g->config, off), "");

	LLVMSetVolatile(v, 1);
	LLVMSetAlignment(v, 4);
	return LLVMBuildZExt(g->b, v, g->i64, "");
}

static void body(struct cg *g, V lookup, V release)
{
	BB live = cg_block(g, "live"), ask = cg_block(g, "ask"), found = cg_block(g, "found"), given = cg_block(g, "given");
	BB none = cg_block(g, "none"), absent = cg_block(g, "absent");
	V ctx = LLVMGetParam(g->fn, 0), buf = LLVMGetParam(g->fn, 1), len = LLVMGetParam(g->fn, 2), entry, off, status;
	V flag = and(g, cg_flags(g), XDPF_CONFIG_INPUTS);

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntNE, flag, cg_c(g, 0), ""), given, live);
	cg_go(g, live);
	off = filled(g, offsetof(struct xdpf_config, ct_status));
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, off, cg_c(g, 0), ""), absent, ask);
	cg_go(g, ask);
	entry = LLVMBuildCall2(g->b, LLVMGlobalGetValueType(lookup), lookup,
			       (V[]){ ctx, buf, LLVMBuildTrunc(g->b, len, g->i32, ""), cg_atc(g, buf, OPTS), cg_c32(g, OPTS_LEN) }, 5, "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, entry, LLVMConstNull(g->ptr), ""), none, found);
	cg_go(g, found);
	status = cg_load(g, cg_at(g, entry, off), 8, 8);
	LLVMBuildCall2(g->b, LLVMGlobalGetValueType(release), release, &entry, 1, "");
	LLVMBuildRet(g->b, state(g, status, cg_load(g, cg_atc(g, buf, OPTS + OPTS_DIR), 1, 1)));
	cg_go(g, none);
	LLVMBuildRet(g->b, cg_c(g, XDPF_FLOW_NEW));
	cg_go(g, absent);
	LLVMBuildRet(g->b, cg_c(g, XDPF_FLOW_ABSENT));
	cg_go(g, given);
	LLVMBuildRet(g->b, cg_test_flow_state(g));
}

void cg_conns(struct cg *g)
{
	T type = LLVMFunctionType(g->i64, (T[]){ g->ptr, g->ptr, g->i64 }, 3, 0);
	V lookup, release;

	if (!g->ir->conn)
		return;
	g->dconn = cg_pointer_type(g, cg_struct_type(g, "nf_conn", 1, (const char *const[]){ "status" }, (MD[]){ g->du64 },
						     (unsigned[]){ 64 }, NULL, 0));
	lookup = lookup_function(g);
	release = cg_kfunc(g, "bpf_ct_release", LLVMFunctionType(g->vd, &g->ptr, 1, 0), NULL, 1, &g->dconn);
	g->conn_fn = cg_function(g, "flow_state", type, 3, (MD[]){ g->dctx, cg_pointer_type(g, g->du64), g->du64 });
	body(g, lookup, release);
}

V cg_conn(struct cg *g, const struct ir_inst *i, V proto, const V *v)
{
	unsigned len = cg_tuple(g, v, i->args.n == 6, 0);

	cg_store(g, cg_c(g, (uint32_t)BPF_F_CURRENT_NETNS), cg_atc(g, g->buf, OPTS), 8, 8);
	cg_store(g, proto, cg_atc(g, g->buf, OPTS + OPTS_PROTO), 4, 4);
	return LLVMBuildCall2(g->b, LLVMGlobalGetValueType(g->conn_fn), g->conn_fn, (V[]){ g->ctx, g->buf, cg_c(g, len) }, 3, "");
}
