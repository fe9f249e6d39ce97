/*
 * What the kernel loses behind the program. In comes a loaded program that sends; out go small tracing programs on the kernel's tracepoints, which
 * count what happens to this program's packets in a map that is bound to it: redirects that fail at once (xdp_redirect_err), frames that the device
 * they were redirected to does not take (xdp_devmap_xmit), and what is sent back and not taken (xdp_bulk_tx), by errno; what drivers give up without
 * an errno (xdp_exception), by the verdict. Whatever a kernel lacks for that is said, and nothing else depends on it.
 *
 * The map goes on where another program replaces this one. Devices' losses are known by the interface, not by the program: of two programs that
 * are there for a moment, the one counts them whose id the map has.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <sys/socket.h>

#include "private.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

enum {
	ERRORS = XDPF_MAX_ERRNO,	/* errno 0 .. 255; the kernel's own go to 133, and a few beyond 511 that no redirect has; 0: it gave none */
	VERDICTS = 8,			/* behind them: a power of two */
	OWNER = ERRORS + VERDICTS,	/* behind these: the id of the program that counts for the interface */
	ENTRIES
};

struct places {
	int32_t tracepoint[RT_WATCHES];	/* their BTF ids */
	int prog_aux, aux_id, dev_ifindex, dev_net, net_cookie;	/* bytes */
};

static bool find_places(struct places *p)
{
	static const char *const names[RT_WATCHES] = { "btf_trace_xdp_redirect_err", "btf_trace_xdp_exception", "btf_trace_xdp_devmap_xmit",
							 "btf_trace_xdp_bulk_tx" };
	struct btf *btf = btf__load_vmlinux_btf();
	bool ok = true;

	if (libbpf_get_error(btf))
		return false;
	for (int i = 0; i < RT_WATCHES; i++) {
		p->tracepoint[i] = btf__find_by_name_kind(btf, names[i], BTF_KIND_TYPEDEF);
		ok &= p->tracepoint[i] > 0;
	}
	p->prog_aux = rt_btf_member(btf, "bpf_prog", "aux", NULL);
	p->aux_id = rt_btf_member(btf, "bpf_prog_aux", "id", NULL);
	p->dev_ifindex = rt_btf_member(btf, "net_device", "ifindex", NULL);
	p->dev_net = rt_btf_member(btf, "net_device", "nd_net", NULL);
	p->net_cookie = rt_btf_member(btf, "net", "net_cookie", NULL);
	btf__free(btf);
	return ok && p->prog_aux >= 0 && p->aux_id >= 0 && p->dev_ifindex >= 0 && p->dev_net >= 0 && p->net_cookie >= 0;
}

/* ---- tracing programs ---- */

enum { CODE_MAX = 64, OUT_MAX = 8 };

struct code {
	struct bpf_insn v[CODE_MAX];
	size_t n;
	size_t out[OUT_MAX], n_out;	/* jumps to the end */
};

static void put(struct code *c, int op, int dst, int src, int off, int64_t imm)
{
	if (c->n < CODE_MAX)
		c->v[c->n++] = (struct bpf_insn){ .code = (uint8_t)op, .dst_reg = (uint8_t)dst & 15, .src_reg = (uint8_t)src & 15,
						  .off = (int16_t)off, .imm = (int32_t)imm };
}

/* Jumps to the end if. */
static void out_if(struct code *c, int op, int reg, int64_t imm)
{
	if (c->n_out < OUT_MAX)
		c->out[c->n_out++] = c->n;
	put(c, op, reg, 0, 0, imm);
}

static void load_imm64(struct code *c, int reg, int src, uint64_t v)
{
	put(c, BPF_LD | BPF_IMM | BPF_DW, reg, src, 0, (int64_t)(uint32_t)v);
	put(c, 0, 0, 0, 0, (int64_t)(v >> 32));
}

/* r0: the element of the map whose number is in register @key; out, if there is none. */
static void element(struct code *c, int key, int map)
{
	put(c, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, key, -4, 0);
	put(c, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0);
	put(c, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4);
	load_imm64(c, BPF_REG_1, BPF_PSEUDO_MAP_FD, (uint32_t)map);
	put(c, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
	out_if(c, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0);
}

/* Out, unless the program in argument 1 is ours. */
static void of_program(struct code *c, const struct places *p, uint32_t prog_id)
{
	put(c, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_2, BPF_REG_1, 8, 0);
	put(c, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_2, BPF_REG_2, p->prog_aux, 0);
	put(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_2, p->aux_id, 0);
	out_if(c, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_2, prog_id);
}

/* Out, unless the device in argument 0 is ours; indexes are of a namespace. */
static void of_device(struct code *c, const struct places *p, unsigned ifindex, uint64_t netns)
{
	put(c, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_2, BPF_REG_1, 0, 0);
	put(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_3, BPF_REG_2, p->dev_ifindex, 0);
	out_if(c, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_3, ifindex);
	put(c, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_2, BPF_REG_2, p->dev_net, 0);
	put(c, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_2, BPF_REG_2, p->net_cookie, 0);
	load_imm64(c, BPF_REG_3, 0, netns);
	if (c->n_out < OUT_MAX)
		c->out[c->n_out++] = c->n;
	put(c, BPF_JMP | BPF_JNE | BPF_X, BPF_REG_2, BPF_REG_3, 0, 0);
}

/* Out, unless the errno in r6, positive now, has an element. */
static void error_of(struct code *c)
{
	put(c, BPF_ALU | BPF_NEG, BPF_REG_6, 0, 0, 0);
	out_if(c, BPF_JMP32 | BPF_JGE | BPF_K, BPF_REG_6, ERRORS);
}

/* dev, program, target, errno (negative), … */
static void redirect_err(struct code *c, const struct places *p, uint32_t prog_id)
{
	put(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_6, BPF_REG_1, 24, 0);
	put(c, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_7, 0, 0, 1);
	of_program(c, p, prog_id);
	error_of(c);
}

/* dev, program, verdict; one that aborts has that counted as its verdict */
static void exception(struct code *c, const struct places *p, uint32_t prog_id)
{
	put(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_6, BPF_REG_1, 16, 0);
	put(c, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_7, 0, 0, 1);
	of_program(c, p, prog_id);
	out_if(c, BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_6, XDPF_ABORT);
	put(c, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_6, 0, 0, VERDICTS - 1);
	put(c, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_6, 0, 0, ERRORS);
}

/* The device first; at byte @at: frames dropped, errno (negative, or no error: it took some of them). */
static void drops(struct code *c, const struct places *p, int at, uint32_t prog_id, unsigned ifindex, uint64_t netns, int map)
{
	put(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_7, BPF_REG_1, at, 0);
	put(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_6, BPF_REG_1, at + 8, 0);
	out_if(c, BPF_JMP32 | BPF_JSLE | BPF_K, BPF_REG_7, 0);
	of_device(c, p, ifindex, netns);
	put(c, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_8, 0, 0, OWNER);
	element(c, BPF_REG_8, map);
	put(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_0, BPF_REG_0, 0, 0);
	out_if(c, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_0, prog_id);
	put(c, BPF_JMP32 | BPF_JSLE | BPF_K, BPF_REG_6, 0, 1, 0);
	put(c, BPF_ALU | BPF_MOV | BPF_K, BPF_REG_6, 0, 0, 0);
	error_of(c);
}

static int load_tracer(int which, const struct places *p, uint32_t prog_id, unsigned ifindex, uint64_t netns, int map)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP, .attach_btf_id = (uint32_t)p->tracepoint[which]);
	struct code c = { .n = 0 };

	if (which == RT_WATCH_REDIRECT)
		redirect_err(&c, p, prog_id);
	else if (which == RT_WATCH_EXCEPTION)
		exception(&c, p, prog_id);
	else
		drops(&c, p, which == RT_WATCH_DEVICE ? 24 : 16, prog_id, ifindex, netns, map);
	element(&c, BPF_REG_6, map);
	put(&c, BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_7, 0, BPF_ADD);
	for (size_t i = 0; i < c.n_out; i++)
		c.v[c.out[i]].off = (int16_t)(c.n - c.out[i] - 1);
	put(&c, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
	put(&c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return bpf_prog_load(BPF_PROG_TYPE_TRACING, "xdpf_errors", "GPL", c.v, c.n, &opts);
}

/* ---- the map ---- */

static void not_counted(const struct xdpf_log *log, const char *why)
{
	rt_log(log, XDPF_LOG_WARNING, "packets that cannot be sent are lost without being counted: %s", why);
}

static int errors_map(int before_fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (before_fd >= 0 && !bpf_obj_get_info_by_fd(before_fd, &info, &len) && info.max_entries == ENTRIES)
		return dup(before_fd);
	return bpf_map_create(BPF_MAP_TYPE_ARRAY, XDPF_MAP_ERRORS, sizeof(uint32_t), sizeof(uint64_t), ENTRIES, NULL);
}

static bool sends_back(const struct xdpf_meta *m)
{
	for (size_t i = 0; i < m->n_files; i++)
		if (m->files[i].default_verdict == XDPF_TX || m->files[i].default_other.verdict == XDPF_TX)
			return true;
	for (size_t i = 0; i < m->n_rules; i++)
		if (m->rules[i].verdict == XDPF_TX || m->rules[i].other.verdict == XDPF_TX)
			return true;
	return false;
}

static uint64_t netns_cookie(void)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	return fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) ? 0 : cookie;
}

int rt_failures_watch(struct xdpf_program *p, int before_fd, unsigned ifindex, const struct xdpf_log *log)
{
	const struct xdpf_meta *m = rt_meta_get(p->meta);
	const struct xdpf_ways *w = &m->ways;
	bool redirects = w->n_ports || w->n_floods || w->n_cpus || w->sockets || w->forwards, back = sends_back(m), known;
	const bool wanted[RT_WATCHES] = { redirects, redirects || back, redirects && ifindex, back && ifindex };
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	struct rt_libbpf scope;
	struct places places;

	if (!redirects && !back)
		return 0;
	rt_libbpf_begin(&scope, log);
	known = find_places(&places);
	rt_libbpf_end(&scope);
	if (!known) {
		not_counted(log, "this kernel does not describe its tracepoints of XDP (BTF)");
		return 0;
	}
	p->errors_fd = errors_map(before_fd);
	if (p->errors_fd < 0 || bpf_obj_get_info_by_fd(p->prog_fd, &info, &len) || bpf_prog_bind_map(p->prog_fd, p->errors_fd, NULL))
		return rt_fail_sys(log, errno, "the map of what cannot be sent cannot be made");
	for (int i = 0; i < RT_WATCHES; i++) {
		_cleanup_close_ int tracer = wanted[i] ? load_tracer(i, &places, info.id, ifindex, netns_cookie(), p->errors_fd) : -1;

		if (!wanted[i])
			continue;
		p->watch_fd[i] = tracer < 0 ? -1 : bpf_raw_tracepoint_open(NULL, tracer);
		if (p->watch_fd[i] < 0)
			not_counted(log, strerror(errno));
	}
	return 0;
}

void rt_failures_watch_too(int watch_fd[RT_WATCHES], const struct xdpf_program *p, int prog_fd, const struct xdpf_log *log)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	struct rt_libbpf scope;
	struct places places;
	bool known;

	if (p->errors_fd < 0)
		return;
	rt_libbpf_begin(&scope, log);
	known = find_places(&places);
	rt_libbpf_end(&scope);
	known &= !bpf_obj_get_info_by_fd(prog_fd, &info, &len);
	/* of the others the device says whose they are */
	for (int i = RT_WATCH_REDIRECT; i <= RT_WATCH_EXCEPTION; i++) {
		_cleanup_close_ int tracer = -1;

		if (p->watch_fd[i] < 0)
			continue;
		tracer = known ? load_tracer(i, &places, info.id, 0, 0, p->errors_fd) : -1;
		if (tracer >= 0)
			watch_fd[i] = bpf_raw_tracepoint_open(NULL, tracer);
		if (watch_fd[i] < 0)
			not_counted(log, strerror(errno));
	}
}

void rt_failures_own(const struct xdpf_program *p)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info), owner = OWNER;
	uint64_t id;

	if (p->errors_fd < 0 || bpf_obj_get_info_by_fd(p->prog_fd, &info, &len))
		return;
	id = info.id;
	bpf_map_update_elem(p->errors_fd, &owner, &id, BPF_ANY);
}

void rt_failures_own_id(uint32_t prog_id)
{
	_cleanup_(rt_program_freep) struct xdpf_program *p = NULL;
	int fd = rt_prog_get(prog_id);

	if (fd >= 0 && !rt_program_open(&p, fd, "", NULL))
		rt_failures_own(p);
}

int rt_failures_read(uint64_t *counts, size_t n, uint64_t *exceptions, size_t n_exceptions, int map_fd, const struct xdpf_log *log)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (map_fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(map_fd, &info, &len))
		return rt_fail_sys(log, errno, "a map of the program cannot be looked at");
	if (info.type != BPF_MAP_TYPE_ARRAY || info.key_size != 4 || info.value_size != sizeof(uint64_t))
		return rt_fail(log, EBADMSG, "map %.16s of the program is not what its name says", info.name);
	for (uint32_t i = 0; i < info.max_entries && i < ERRORS + n_exceptions; i++) {
		uint64_t *to = i < ERRORS ? (i < n ? &counts[i] : NULL) : &exceptions[i - ERRORS];

		if (to && bpf_map_lookup_elem(map_fd, &i, to))
			return rt_fail_sys(log, errno, "a counter cannot be read");
	}
	return 0;
}
