/*
 * What a program asks of the kernel besides the packet: clocks and randomness. In: where the builder stands. Out: the value there. A
 * program that was loaded for test runs has them from xdpf_inputs instead; which of the two it is, the verifier knows, and removes the other.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>

#include "abi.h"

static V input(struct cg *g, size_t off)
{
	static const char *const members[] = { "now", "random", "no_way", "seed", "socket", "flow_state", "rx_hash", "rx_timestamp", "rx_vlan" };
	V v;

	if (!g->inputs)
		g->inputs = cg_bss(g, XDPF_VAR_INPUTS, "xdpf_inputs", sizeof(members) / sizeof(members[0]), members);
	v = cg_load(g, cg_atc(g, g->inputs, off), 8, 8);
	/* it changes between packets, not in one; but volatile also keeps it where it is asked for */
	LLVMSetVolatile(v, 1);
	return v;
}

/* A number of the test's where one is run, of the kernel's helper @id otherwise. */
static V either(struct cg *g, V (*test)(struct cg *g, V site), V (*real)(struct cg *g), V site)
{
	BB here = LLVMGetInsertBlock(g->b), live = cg_block_after(g, here, "live"), on = cg_block_after(g, live, "input");
	BB given = cg_block(g, "given");
	V v[2], flag = LLVMBuildAnd(g->b, cg_flags(g), cg_c(g, XDPF_CONFIG_INPUTS), ""), phi;
	BB from[2];

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntNE, flag, cg_c(g, 0), ""), given, live);
	cg_go(g, live);
	v[0] = real(g);
	from[0] = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, on);
	cg_go(g, given);
	v[1] = test(g, site);
	from[1] = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
	phi = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(phi, v, from, 2);
	return phi;
}

static V test_now(struct cg *g, V site)
{
	(void)site;
	return input(g, offsetof(struct xdpf_inputs, now));
}

static V real_now(struct cg *g)
{
	return cg_helper(g, BPF_FUNC_ktime_get_ns, g->i64, 0, NULL);
}

/* In memory: a number that is only sometimes there would be carried through all of the program. */
static V kept(struct cg *g, V at, V (*real)(struct cg *g), void (*first)(struct cg *g, const struct limit *l), const struct limit *l)
{
	BB here = LLVMGetInsertBlock(g->b), ask, on;
	V v;

	if (!at) {
		if (first)
			first(g, l);
		return either(g, test_now, real, NULL);
	}
	ask = cg_block_after(g, here, "ask the clock");
	on = cg_block_after(g, ask, "time");
	v = LLVMBuildLoad2(g->b, g->i64, at, "");
	LLVMSetVolatile(v, 1);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, v, cg_c(g, 0), ""), ask, on);
	cg_go(g, ask);
	if (first)
		first(g, l);
	LLVMSetVolatile(LLVMBuildStore(g->b, either(g, test_now, real, NULL), at), 1);
	LLVMBuildBr(g->b, on);
	LLVMMoveBasicBlockAfter(on, LLVMGetInsertBlock(g->b));
	cg_go(g, on);
	v = LLVMBuildLoad2(g->b, g->i64, at, "");
	LLVMSetVolatile(v, 1);
	return v;
}

V cg_now_at(struct cg *g, V at, void (*first)(struct cg *g, const struct limit *l), const struct limit *l)
{
	return kept(g, at, real_now, first, l);
}

V cg_now(struct cg *g)
{
	return kept(g, g->now, real_now, NULL, NULL);
}

static V real_wall(struct cg *g)
{
	V off = cg_load(g, cg_atc(g, g->config, offsetof(struct xdpf_config, tai_offset)), 8, 8);

	LLVMSetVolatile(off, 1);
	return LLVMBuildSub(g->b, cg_helper(g, BPF_FUNC_ktime_get_tai_ns, g->i64, 0, NULL), off, "");
}

V cg_wall(struct cg *g)
{
	return kept(g, g->wall, real_wall, NULL, NULL);
}

static size_t count(const struct cg *g, enum ir_op op)
{
	size_t n = 0;

	for (size_t b = 0; b < g->ir->block.n; b++)
		for (size_t i = 0; i < g->ir->block.v[b]->inst.n; i++)
			n += g->ir->block.v[b]->inst.v[i].op == op;
	return n;
}

static bool asks_now(const struct cg *g)
{
	return g->ir->limit_rows || count(g, IR_LIMIT) + count(g, IR_NOW) + count(g, IR_LOG) > 1;
}

size_t cg_times(struct cg *g)
{
	return (size_t)asks_now(g) + (count(g, IR_WALL) > 1);
}

/* @base NULL: on the stack. */
static V place(struct cg *g, V base, uint64_t *at, const char *name)
{
	V p = base ? cg_atc(g, base, *at) : cg_alloca(g, g->i64, name);

	*at += 8;
	return p;
}

void cg_times_at(struct cg *g, V base, uint64_t at)
{
	g->now = asks_now(g) ? place(g, base, &at, "now") : NULL;
	g->wall = count(g, IR_WALL) > 1 ? place(g, base, &at, "wall") : NULL;
}

void cg_times_begin(struct cg *g)
{
	if (g->now)
		LLVMSetVolatile(LLVMBuildStore(g->b, cg_c(g, 0), g->now), 1);
	if (g->wall)
		LLVMSetVolatile(LLVMBuildStore(g->b, cg_c(g, 0), g->wall), 1);
}

/* z ^ z >> n, times m */
static V mix(struct cg *g, V z, unsigned n, uint64_t m)
{
	z = LLVMBuildXor(g->b, z, LLVMBuildLShr(g->b, z, cg_c(g, n), ""), "");
	return m ? LLVMBuildMul(g->b, z, cg_c(g, m), "") : z;
}

V cg_mix64(struct cg *g, V z)
{
	z = mix(g, z, 30, 0xbf58476d1ce4e5b9u);
	return mix(g, mix(g, z, 27, 0x94d049bb133111ebu), 31, 0);
}

static V step_of(struct cg *g, V site)
{
	return LLVMBuildMul(g->b, LLVMBuildAdd(g->b, site, cg_c(g, 1), ""), cg_c(g, XDPF_RANDOM_STEP), "");
}

/* xdpf_test_random() */
static V test_random(struct cg *g, V site)
{
	V z = LLVMBuildAdd(g->b, input(g, offsetof(struct xdpf_inputs, random)), step_of(g, site), "");

	return LLVMBuildLShr(g->b, cg_mix64(g, z), cg_c(g, 32), "");
}

static V real_random(struct cg *g)
{
	V v = cg_helper(g, BPF_FUNC_get_prandom_u32, g->i64, 0, NULL);

	return LLVMBuildAnd(g->b, v, cg_c(g, UINT32_MAX), "");
}

V cg_random(struct cg *g, V site)
{
	return either(g, test_random, real_random, site);
}

V cg_no_way(struct cg *g)
{
	return input(g, offsetof(struct xdpf_inputs, no_way));
}

static V test_seed(struct cg *g, V site)
{
	(void)site;
	return input(g, offsetof(struct xdpf_inputs, seed));
}

static V real_seed(struct cg *g)
{
	V v = cg_load(g, cg_atc(g, g->config, offsetof(struct xdpf_config, seed)), 8, 8);

	/* filled when it is loaded */
	LLVMSetVolatile(v, 1);
	return v;
}

V cg_seed(struct cg *g)
{
	return either(g, test_seed, real_seed, NULL);
}

/* xdpf_flow_end() */
static V flow_end(struct cg *g, V seed, const V *address, V port)
{
	V z = cg_mix64(g, LLVMBuildAdd(g->b, seed, address[0], ""));

	z = LLVMBuildAdd(g->b, LLVMBuildAdd(g->b, z, address[1], ""), LLVMBuildMul(g->b, port, cg_c(g, XDPF_RANDOM_STEP), ""), "");
	return cg_mix64(g, z);
}

/* xdpf_flow_random() */
V cg_flow(struct cg *g, V site, V *flow)
{
	/* hidden: what is known of an address shall not be known of the hash */
	V seed = cg_hide(g, cg_seed(g));
	V z = LLVMBuildAdd(g->b, flow_end(g, seed, flow, flow[4]), flow_end(g, seed, flow + 2, flow[5]), "");

	z = LLVMBuildAdd(g->b, LLVMBuildAdd(g->b, z, flow[6], ""), step_of(g, site), "");
	return LLVMBuildLShr(g->b, cg_mix64(g, z), cg_c(g, 32), "");
}

V cg_test_flow_state(struct cg *g)
{
	return input(g, offsetof(struct xdpf_inputs, flow_state));
}

V cg_test_rx(struct cg *g, unsigned hint)
{
	return input(g, offsetof(struct xdpf_inputs, rx) + 8 * hint);
}

V cg_test_socket(struct cg *g)
{
	return input(g, offsetof(struct xdpf_inputs, socket));
}

V cg_test_seed(struct cg *g)
{
	return test_seed(g, NULL);
}
