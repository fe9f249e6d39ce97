/*
 * SYN cookies. In: what a packet says of its connection. Out: code that asks the kernel's sockets, makes a cookie and checks one, by the helpers that
 * need no socket: nothing is kept of a SYN. In a test run the cookies are the run's own, and sockets are what it says.
 *
 * The kernel takes an acknowledged cookie for a connection only where the listening socket has sent one lately. It did not, so it is made to
 * think so when an acknowledgement turns out right: bpf_tcp_gen_syncookie() of a SYN that is made up, whose cookie nobody needs.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "abi.h"

/* In g->buf: a TCP header, and behind it room for the addresses of a socket. */
enum { TUPLE_AT = 24, FLAGS_AT = 13, FLAG_SYN = 2, FLAG_ACK = 16 };

_Static_assert(TUPLE_AT >= sizeof(struct tcphdr) && TUPLE_AT + 36 <= CG_FETCH_BUF, "both have room");

static V is_null(struct cg *g, V p)
{
	return LLVMBuildICmp(g->b, LLVMIntEQ, p, LLVMConstNull(g->ptr), "");
}

static V equal(struct cg *g, V v, uint64_t n)
{
	return LLVMBuildICmp(g->b, LLVMIntEQ, v, cg_c(g, n), "");
}

/* Goes on where it is no test run. */
static void unless_test(struct cg *g, BB given)
{
	BB live = cg_block_after(g, LLVMGetInsertBlock(g->b), "live");
	V flag = LLVMBuildAnd(g->b, cg_flags(g), cg_c(g, XDPF_CONFIG_INPUTS), "");

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntNE, flag, cg_c(g, 0), ""), given, live);
	cg_go(g, live);
}

static V socket_state(struct cg *g, V sk)
{
	return cg_load(g, cg_atc(g, sk, offsetof(struct bpf_sock, state)), 4, 4);
}

/*
 * Is the destination this machine's? A socket that listens on all addresses is found for what the machine forwards, too: the routes know better.
 * Where it forwards nothing, they are not asked.
 */
static void ours(struct cg *g, bool ip6, const V *v, BB yes, BB no)
{
	BB here = cg_block(g, "not forwarded");
	V r;

	for (unsigned k = 0; k < CG_FETCH_BUF; k += 8)
		cg_store(g, cg_c(g, 0), cg_atc(g, g->buf, k), 8, 8);
	cg_store(g, cg_c(g, ip6 ? AF_INET6 : AF_INET), cg_atc(g, g->buf, offsetof(struct bpf_fib_lookup, family)), 1, 1);
	cg_store(g, cg_c(g, IPPROTO_TCP), cg_atc(g, g->buf, offsetof(struct bpf_fib_lookup, l4_protocol)), 1, 1);
	cg_store(g, v[0], cg_atc(g, g->buf, offsetof(struct bpf_fib_lookup, sport)), 2, 2);
	cg_store(g, v[1], cg_atc(g, g->buf, offsetof(struct bpf_fib_lookup, dport)), 2, 2);
	cg_store(g, cg_ctx_field(g, offsetof(struct xdp_md, ingress_ifindex)), cg_atc(g, g->buf, offsetof(struct bpf_fib_lookup, ifindex)), 4, 4);
	for (unsigned k = 0; k < (ip6 ? 4 : 2); k++)
		cg_store(g, v[2 + k], cg_atc(g, g->buf, offsetof(struct bpf_fib_lookup, ipv4_src) + (ip6 ? 8 : 16) * k), ip6 ? 8 : 4, ip6 ? 8 : 4);
	r = cg_helper(g, BPF_FUNC_fib_lookup, g->i64, 4, (V[]){ g->ctx, g->buf, cg_c32(g, sizeof(struct bpf_fib_lookup)), cg_c32(g, 0) });
	cg_branch(g, equal(g, r, BPF_FIB_LKUP_RET_NOT_FWDED), yes, here);
	cg_go(g, here);
	cg_branch(g, equal(g, r, BPF_FIB_LKUP_RET_FWD_DISABLED), yes, no);
}

void cg_listens(struct cg *g, const struct ir_inst *i, const V *v, BB yes, BB no)
{
	BB given = cg_block(g, "given listener"), found = cg_block(g, "some socket"), listens = cg_block(g, "some listener");
	V sk, state;

	unless_test(g, given);
	sk = cg_find_socket(g, IPPROTO_TCP, i->args.n == 6, v, 0);
	cg_branch(g, is_null(g, sk), no, found);
	cg_go(g, found);
	state = socket_state(g, sk);
	cg_helper(g, BPF_FUNC_sk_release, g->i64, 1, &sk);
	cg_branch(g, equal(g, state, BPF_TCP_LISTEN), listens, no);
	cg_go(g, listens);
	ours(g, i->args.n == 6, v, yes, no);
	cg_go(g, given);
	cg_branch(g, equal(g, cg_test_socket(g), XDPF_SOCKET_ABSENT), yes, no);
}

_Static_assert(sizeof(struct ipv6hdr) == CG_COOKIE_HEADER && sizeof(struct iphdr) < CG_COOKIE_HEADER, "room for either header");

/* An IP header with these addresses, and what the kernel looks at besides: the version. In g->key, which holds nothing between instructions. */
static V ip_header(struct cg *g, bool ip6, const V *address)
{
	size_t size = ip6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr), at = ip6 ? offsetof(struct ipv6hdr, saddr) : offsetof(struct iphdr, saddr);

	for (size_t k = 0; k < at; k += 4)
		cg_store(g, cg_c(g, k ? 0 : ip6 ? 0x60 : 0x45), cg_atc(g, g->key, k), 4, 4);
	for (size_t k = 0; at + k * (ip6 ? 8 : 4) < size; k++)
		cg_store(g, address[k], cg_atc(g, g->key, at + k * (ip6 ? 8 : 4)), ip6 ? 8 : 4, ip6 ? 8 : 4);
	return g->key;
}

/* xdpf_cookie_ends() */
static V ends(struct cg *g, V z, bool ip6, const V *address)
{
	for (unsigned k = 0; k < 4; k++) {
		unsigned at = ip6 ? k : k / 2;

		z = cg_mix64(g, ip6 || k % 2 == 0 ? LLVMBuildAdd(g->b, z, address[at], "") : z);
	}
	return z;
}

/* xdpf_test_cookie(); @seq as a number. */
static V test_cookie(struct cg *g, bool ip6, const V *address, V ports, V seq)
{
	V z = ends(g, cg_hide(g, cg_test_seed(g)), ip6, address);

	z = LLVMBuildAdd(g->b, z, LLVMBuildOr(g->b, LLVMBuildShl(g->b, ports, cg_c(g, 32), ""), seq, ""), "");
	return LLVMBuildLShr(g->b, cg_mix64(g, z), cg_c(g, 32), "");
}

/* Of the arguments of an instruction. */
static V ports(struct cg *g, const V *v)
{
	return LLVMBuildOr(g->b, v[0], LLVMBuildShl(g->b, v[1], cg_c(g, 16), ""), "");
}

/* The connection's element of xdpf_cookies, in a new block; to @none where there is none, which is never. *flow: xdpf_cookie_flow() */
static V entry_of(struct cg *g, bool ip6, const V *v, V *flow, BB none)
{
	BB found = cg_block(g, "entry");
	V p;

	/* hidden: what is known of an address shall not be known of the hash */
	*flow = cg_mix64(g, LLVMBuildAdd(g->b, ends(g, cg_hide(g, cg_seed(g)), ip6, v + 2), ports(g, v), ""));
	cg_store(g, LLVMBuildLShr(g->b, *flow, cg_c(g, 52), ""), g->index, 4, 4);
	p = cg_helper(g, BPF_FUNC_map_lookup_elem, g->ptr, 2, (V[]){ g->cookies, g->index });
	cg_branch(g, is_null(g, p), none, found);
	cg_go(g, found);
	return p;
}

/* When, as an element has it. */
static V moment(struct cg *g, V now)
{
	return LLVMBuildAnd(g->b, LLVMBuildLShr(g->b, now, cg_c(g, 20), ""), cg_c(g, UINT32_MAX), "");
}

_Static_assert(XDPF_COOKIES == 1 << (64 - 52), "a hash has its element by its upper bits");

void cg_lately(struct cg *g, const struct ir_inst *i, V now, const V *v, BB yes, BB no)
{
	BB mine = cg_block(g, "mine");
	V flow, p = entry_of(g, i->args.n == 6, v, &flow, no), entry = cg_load(g, p, 8, 8), age;

	flow = LLVMBuildShl(g->b, flow, cg_c(g, 32), "");
	age = LLVMBuildXor(g->b, entry, flow, "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULE, age, cg_c(g, UINT32_MAX), ""), mine, no);
	cg_go(g, mine);
	age = LLVMBuildAnd(g->b, LLVMBuildSub(g->b, moment(g, now), entry, ""), cg_c(g, UINT32_MAX), "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULT, age, cg_c(g, XDPF_COOKIE_LATELY), ""), yes, no);
}

static V low32(struct cg *g, V v)
{
	return LLVMBuildAnd(g->b, v, cg_c(g, UINT32_MAX), "");
}

void cg_cookie(struct cg *g, const struct ir_inst *i, V off, V len, const V *v, BB yes, BB no)
{
	BB read = cg_block_after(g, LLVMGetInsertBlock(g->b), "header"), given = cg_block(g, "given cookie"), got = cg_block(g, "cookie got");
	bool ip6 = i->args.n == 4;
	V r, address = g->var[i->loads.v[0].var];

	for (unsigned k = 0; k < CG_FETCH_BUF; k += 8)
		cg_store(g, cg_c(g, 0), cg_atc(g, g->buf, k), 8, 8);
	/* 20 to 60, which was tested; the verifier is told what it need know of that, and one of 6.1 does not learn it from a test */
	len = LLVMBuildAnd(g->b, LLVMBuildSub(g->b, cg_hide(g, len), cg_c(g, 1), ""), cg_c(g, CG_FETCH_BUF - 1), "");
	len = LLVMBuildAdd(g->b, len, cg_c(g, 1), "");
	r = cg_helper(g, BPF_FUNC_xdp_load_bytes, g->i64, 4, (V[]){ g->ctx, LLVMBuildTrunc(g->b, off, g->i32, ""), g->buf, len });
	cg_branch(g, equal(g, r, 0), read, no);
	cg_go(g, read);
	unless_test(g, given);
	r = cg_helper(g, ip6 ? BPF_FUNC_tcp_raw_gen_syncookie_ipv6 : BPF_FUNC_tcp_raw_gen_syncookie_ipv4, g->i64, 3,
		      (V[]){ ip_header(g, ip6, v), g->buf, len });
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntSLT, r, cg_c(g, 0), ""), no, got);
	cg_go(g, got);
	/* above it stands the MSS that is in the cookie */
	LLVMBuildStore(g->b, low32(g, r), address);
	LLVMBuildBr(g->b, yes);
	cg_go(g, given);
	r = test_cookie(g, ip6, v, cg_load(g, g->buf, 4, 4), cg_swap(g, cg_load(g, cg_atc(g, g->buf, offsetof(struct tcphdr, seq)), 4, 4), 4));
	LLVMBuildStore(g->b, r, address);
	LLVMBuildBr(g->b, yes);
}

static void set_flags(struct cg *g, unsigned flags)
{
	cg_store(g, cg_c(g, flags), cg_atc(g, g->buf, FLAGS_AT), 1, 1);
}

void cg_cookie_ok(struct cg *g, const struct ir_inst *i, V now, const V *v, BB yes, BB no)
{
	BB given = cg_block(g, "given ack"), right = cg_block(g, "right"), found = cg_block(g, "told"), tell = cg_block(g, "tell");
	BB made = cg_block(g, "made"), good = cg_block(g, "good");
	bool ip6 = i->args.n == 8;
	V seq = v[i->args.n - 2], ack = v[i->args.n - 1], ip, sk, r, state, flow, p;

	unless_test(g, given);
	ip = ip_header(g, ip6, v + 2);
	for (size_t k = 0; k < TUPLE_AT; k += 8)
		cg_store(g, cg_c(g, 0), cg_atc(g, g->buf, k), 8, 8);
	cg_store(g, v[0], cg_atc(g, g->buf, offsetof(struct tcphdr, source)), 2, 2);
	cg_store(g, v[1], cg_atc(g, g->buf, offsetof(struct tcphdr, dest)), 2, 2);
	cg_store(g, seq, cg_atc(g, g->buf, offsetof(struct tcphdr, seq)), 4, 4);
	cg_store(g, ack, cg_atc(g, g->buf, offsetof(struct tcphdr, ack_seq)), 4, 4);
	cg_store(g, cg_c(g, 0x50), cg_atc(g, g->buf, FLAGS_AT - 1), 1, 1);
	set_flags(g, FLAG_ACK);
	r = cg_helper(g, ip6 ? BPF_FUNC_tcp_raw_check_syncookie_ipv6 : BPF_FUNC_tcp_raw_check_syncookie_ipv4, g->i64, 2, (V[]){ ip, g->buf });
	cg_branch(g, equal(g, r, 0), right, no);
	cg_go(g, right);
	set_flags(g, FLAG_SYN);
	sk = cg_find_socket(g, IPPROTO_TCP, ip6, v, TUPLE_AT);
	cg_branch(g, is_null(g, sk), no, found);
	cg_go(g, found);
	state = socket_state(g, sk);
	cg_branch(g, equal(g, state, BPF_TCP_LISTEN), tell, made);
	/* it refuses where net.ipv4.tcp_syncookies is not 2, and where no more connections wait to be accepted: so would the kernel */
	cg_go(g, tell);
	r = cg_helper(g, BPF_FUNC_tcp_gen_syncookie, g->i64, 5,
		      (V[]){ sk, ip, cg_c32(g, ip6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)), g->buf, cg_c32(g, sizeof(struct tcphdr)) });
	cg_helper(g, BPF_FUNC_sk_release, g->i64, 1, &sk);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntSLT, r, cg_c(g, 0), ""), no, good);
	/* another CPU was faster: the connection is there */
	cg_go(g, made);
	cg_helper(g, BPF_FUNC_sk_release, g->i64, 1, &sk);
	LLVMBuildBr(g->b, yes);
	cg_go(g, given);
	r = test_cookie(g, ip6, v + 2, ports(g, v),
			low32(g, LLVMBuildSub(g->b, cg_swap(g, seq, 4), cg_c(g, 1), "")));
	ack = low32(g, LLVMBuildSub(g->b, cg_swap(g, ack, 4), cg_c(g, 1), ""));
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, r, ack, ""), good, no);
	cg_go(g, good);
	p = entry_of(g, ip6, v, &flow, yes);
	cg_store(g, LLVMBuildOr(g->b, LLVMBuildShl(g->b, flow, cg_c(g, 32), ""), moment(g, now), ""), p, 8, 8);
	LLVMBuildBr(g->b, yes);
}

V cg_mtu(struct cg *g)
{
	BB given = cg_block(g, "given mtu"), on = cg_block(g, "mtu"), live;
	V v, phi;

	unless_test(g, given);
	/* what it says of this frame does not matter */
	cg_store(g, cg_c(g, 0), g->index, 4, 4);
	cg_helper(g, BPF_FUNC_check_mtu, g->i64, 5, (V[]){ g->ctx, cg_c32(g, 0), g->index, cg_c32(g, 0), cg_c(g, 0) });
	v = cg_load(g, g->index, 4, 4);
	live = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, on);
	cg_go(g, given);
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
	phi = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(phi, (V[]){ v, cg_c(g, XDPF_TEST_MTU) }, (BB[]){ live, given }, 2);
	return phi;
}
