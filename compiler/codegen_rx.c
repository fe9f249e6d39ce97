/*
 * RX: what the driver says of the packet. In: which of its hints. Out: its number (enum xdpf_rx_hint); 0 where it says nothing. A function for each
 * hint, which calls the kernel's: that is a few instructions of the driver's own. Only a program that is bound to a device may call it; for others,
 * and in test runs, the verifier knows that it is not called.
 */
#include "codegen_priv.h"

#include "abi.h"

enum { ENUM_BITS = 32, HINT_BYTES = 8 };

static const char *const names[XDPF_RX_HINTS] = XDPF_RX_NAMES;
static const char *const own[XDPF_RX_HINTS] = { "rx_hash", "rx_timestamp", "rx_vlan" };

/* The kernel's enumeration: libbpf wants the same kind of type, and not the same members. */
static MD hash_type(struct cg *g)
{
	static const char name[] = "xdp_rss_hash_type", none[] = "XDP_RSS_TYPE_NONE";
	MD zero = LLVMDIBuilderCreateEnumerator(g->di, none, sizeof(none) - 1, 0, 1);

	return LLVMDIBuilderCreateEnumerationType(g->di, g->file, name, sizeof(name) - 1, g->file, 1, ENUM_BITS, 0, &zero, 1, g->du32);
}

static V kernel_function(struct cg *g, enum xdpf_rx_hint hint)
{
	MD param[3] = { g->dctx };
	unsigned n = hint == XDPF_RX_TIMESTAMP ? 2 : 3;
	T type = LLVMFunctionType(g->i32, (T[]){ g->ptr, g->ptr, g->ptr }, n, 0);

	param[1] = cg_pointer_type(g, hint == XDPF_RX_HASH ? g->du32 : hint == XDPF_RX_TIMESTAMP ? g->du64 : g->du16);
	param[2] = cg_pointer_type(g, hint == XDPF_RX_HASH ? hash_type(g) : g->du16);
	return cg_kfunc(g, arena_printf(g->arena, XDPF_RX_UNBOUND "%s", names[hint]), type, g->dint, n, param);
}

static V byte(struct cg *g, V buf, unsigned at)
{
	return cg_load(g, cg_atc(g, buf, at), 1, 1);
}

/* What the kernel left at @buf: the hash, then its type; the time; the tag's type, in network order, then its TCI. */
static V answer(struct cg *g, enum xdpf_rx_hint hint, V buf)
{
	V v, given = cg_c(g, XDPF_RX_GIVEN);

	if (hint == XDPF_RX_TIMESTAMP)
		return cg_load(g, buf, 8, 8);
	if (hint == XDPF_RX_HASH)
		return LLVMBuildOr(g->b, cg_load(g, buf, 4, 4), given, "");
	v = LLVMBuildOr(g->b, LLVMBuildShl(g->b, byte(g, buf, 0), cg_c(g, 8), ""), byte(g, buf, 1), "");
	v = LLVMBuildOr(g->b, LLVMBuildShl(g->b, v, cg_c(g, 16), ""), cg_load(g, cg_atc(g, buf, 2), 2, 2), "");
	return LLVMBuildOr(g->b, v, given, "");
}

static V is_set(struct cg *g, uint64_t flag)
{
	return LLVMBuildICmp(g->b, LLVMIntNE, LLVMBuildAnd(g->b, cg_flags(g), cg_c(g, flag), ""), cg_c(g, 0), "");
}

static void body(struct cg *g, enum xdpf_rx_hint hint, V ask)
{
	BB live = cg_block(g, "live"), bound = cg_block(g, "bound"), said = cg_block(g, "said"), nothing = cg_block(g, "nothing");
	BB given = cg_block(g, "given");
	V ctx = LLVMGetParam(g->fn, 0), buf = LLVMGetParam(g->fn, 1), r;
	V args[] = { ctx, buf, cg_atc(g, buf, hint == XDPF_RX_HASH ? 4 : 2) };

	cg_branch(g, is_set(g, XDPF_CONFIG_INPUTS), given, live);
	cg_go(g, live);
	cg_branch(g, is_set(g, XDPF_CONFIG_RX), bound, nothing);
	cg_go(g, bound);
	cg_store(g, cg_c(g, 0), buf, HINT_BYTES, 8);
	r = LLVMBuildCall2(g->b, LLVMGlobalGetValueType(ask), ask, args, hint == XDPF_RX_TIMESTAMP ? 2 : 3, "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, r, cg_c32(g, 0), ""), said, nothing);
	cg_go(g, said);
	LLVMBuildRet(g->b, answer(g, hint, buf));
	cg_go(g, nothing);
	LLVMBuildRet(g->b, cg_c(g, 0));
	cg_go(g, given);
	LLVMBuildRet(g->b, cg_test_rx(g, hint));
}

void cg_rx_functions(struct cg *g)
{
	T type = LLVMFunctionType(g->i64, (T[]){ g->ptr, g->ptr }, 2, 0);

	for (unsigned hint = 0; hint < XDPF_RX_HINTS; hint++) {
		V ask;

		if (!(g->ir->rx >> hint & 1))
			continue;
		ask = kernel_function(g, (enum xdpf_rx_hint)hint);
		g->rx_fn[hint] = cg_function(g, own[hint], type, 2, (MD[]){ g->dctx, cg_pointer_type(g, g->du64) });
		body(g, (enum xdpf_rx_hint)hint, ask);
	}
}

V cg_rx(struct cg *g, unsigned hint)
{
	return LLVMBuildCall2(g->b, LLVMGlobalGetValueType(g->rx_fn[hint]), g->rx_fn[hint], (V[]){ g->ctx, g->buf }, 2, "");
}
