/*
 * Redirects that the kernel gives up behind the program. In comes a loaded program that redirects; out goes a small tracing program on the kernel's
 * xdp_redirect_err, which counts what happens to this program's packets, by errno, in a map that is bound to it. Whatever a kernel lacks for that
 * is said, and nothing else depends on it.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>

#include "private.h"

enum { ERRORS = XDPF_MAX_ERRNO };	/* errno 0 .. 255; the kernel's own go to 133, and a few beyond 511 that no redirect has */

struct places {
	int32_t tracepoint;		/* its BTF id */
	int prog_aux, aux_id;		/* bytes */
};

static bool find_places(struct places *p)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (libbpf_get_error(btf))
		return false;
	p->tracepoint = btf__find_by_name_kind(btf, "btf_trace_xdp_redirect_err", BTF_KIND_TYPEDEF);
	p->prog_aux = rt_btf_member(btf, "bpf_prog", "aux", NULL);
	p->aux_id = rt_btf_member(btf, "bpf_prog_aux", "id", NULL);
	btf__free(btf);
	return p->tracepoint > 0 && p->prog_aux >= 0 && p->aux_id >= 0;
}

#define INSN(c, d, s, o, i) { .code = (c), .dst_reg = (d), .src_reg = (s), .off = (int16_t)(o), .imm = (int32_t)(i) }

/* Its arguments: device, program, target, errno (negative), … */
static int load_tracer(const struct places *p, uint32_t prog_id, int map)
{
	const struct bpf_insn code[] = {
		INSN(BPF_LDX | BPF_MEM | BPF_DW, 2, 1, 8, 0),			/* the program */
		INSN(BPF_LDX | BPF_MEM | BPF_W, 6, 1, 24, 0),			/* errno */
		INSN(BPF_LDX | BPF_MEM | BPF_DW, 2, 2, p->prog_aux, 0),
		INSN(BPF_LDX | BPF_MEM | BPF_W, 2, 2, p->aux_id, 0),
		INSN(BPF_JMP32 | BPF_JNE | BPF_K, 2, 0, 12, prog_id),		/* somebody else's: out */
		INSN(BPF_ALU | BPF_NEG, 6, 0, 0, 0),
		INSN(BPF_JMP32 | BPF_JGE | BPF_K, 6, 0, 10, ERRORS),
		INSN(BPF_STX | BPF_MEM | BPF_W, 10, 6, -4, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 1),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD),
		INSN(BPF_JMP | BPF_JA, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP, .attach_btf_id = (uint32_t)p->tracepoint);

	return bpf_prog_load(BPF_PROG_TYPE_TRACING, "xdpf_errors", "GPL", code, sizeof(code) / sizeof(code[0]), &opts);
}

static void not_counted(const struct xdpf_log *log, const char *why)
{
	rt_log(log, XDPF_LOG_WARNING, "packets that cannot be redirected are lost without being counted: %s", why);
}

int rt_failures_watch(int *map_fd, int *link_fd, int prog_fd, int before_fd, const struct xdpf_ways *w, const struct xdpf_log *log)
{
	_cleanup_close_ int map = -1, tracer = -1, link = -1;
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	struct rt_libbpf scope;
	struct places p;
	bool known;

	if (!w->n_ports && !w->n_floods && !w->n_cpus && !w->sockets && !w->forwards)
		return 0;
	rt_libbpf_begin(&scope, log);
	known = find_places(&p);
	rt_libbpf_end(&scope);
	if (!known) {
		not_counted(log, "this kernel does not describe its tracepoint xdp_redirect_err (BTF)");
		return 0;
	}
	map = before_fd >= 0 ? dup(before_fd) : bpf_map_create(BPF_MAP_TYPE_ARRAY, XDPF_MAP_ERRORS, sizeof(uint32_t), sizeof(uint64_t), ERRORS, NULL);
	if (map < 0 || bpf_obj_get_info_by_fd(prog_fd, &info, &len) || bpf_prog_bind_map(prog_fd, map, NULL))
		return rt_fail_sys(log, errno, "the map of what cannot be redirected cannot be made");
	tracer = load_tracer(&p, info.id, map);
	if (tracer >= 0)
		link = bpf_raw_tracepoint_open(NULL, tracer);
	if (link < 0) {
		not_counted(log, strerror(errno));
		return 0;
	}
	*map_fd = take_fd(map);
	*link_fd = take_fd(link);
	return 0;
}

int rt_failures_read(uint64_t *counts, size_t n, int map_fd, const struct xdpf_log *log)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (map_fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(map_fd, &info, &len))
		return rt_fail_sys(log, errno, "a map of the program cannot be looked at");
	if (info.type != BPF_MAP_TYPE_ARRAY || info.key_size != 4 || info.value_size != sizeof(uint64_t))
		return rt_fail(log, EBADMSG, "map %.16s of the program is not what its name says", info.name);
	for (uint32_t i = 0; i < n && i < info.max_entries; i++)
		if (bpf_map_lookup_elem(map_fd, &i, &counts[i]))
			return rt_fail_sys(log, errno, "a counter cannot be read");
	return 0;
}
