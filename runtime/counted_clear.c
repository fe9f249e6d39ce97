/*
 * Counters that begin anew. In: a program that runs, and indexes that no packet is counted or noted for. Out: their counters are zero on each CPU.
 * Guaranteed: no other counter is touched.
 *
 * Where many counters are in one element of the map, a system call writes none of them alone. So a small program does it, which is run for that and
 * never attached: it finds an element as another CPU has it.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>

#include "private.h"

enum { BATCH = 256, LEAST_FRAME = 14 };

/* What the program is to do. */
struct order {
	uint32_t cpu, n;
	uint32_t index[BATCH];
};

#define INSN(c, d, s, o, i) { .code = (c), .dst_reg = (d), .src_reg = (s), .off = (int16_t)(o), .imm = (int32_t)(i) }

/* r6: the order; r7: how many are done; r8: the index. */
static int load_clearer(int rules, int orders)
{
	const struct bpf_insn code[] = {
		INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, orders),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 25, 0),			/* never */
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 6, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 7, 0, 0, 0),
		/* each: */
		INSN(BPF_LDX | BPF_MEM | BPF_W, 1, 6, offsetof(struct order, n), 0),
		INSN(BPF_JMP | BPF_JGE | BPF_X, 7, 1, 21, 0),			/* all are done */
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 1, 7, 0, 0),
		INSN(BPF_ALU64 | BPF_LSH | BPF_K, 1, 0, 0, 2),
		INSN(BPF_ALU64 | BPF_ADD | BPF_X, 1, 6, 0, 0),
		INSN(BPF_LDX | BPF_MEM | BPF_W, 8, 1, offsetof(struct order, index), 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 1, 8, 0, 0),
		INSN(BPF_ALU64 | BPF_RSH | BPF_K, 1, 0, 0, XDPF_PAGE_BITS),
		INSN(BPF_STX | BPF_MEM | BPF_W, 10, 1, -4, 0),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, rules),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
		INSN(BPF_LDX | BPF_MEM | BPF_W, 3, 6, offsetof(struct order, cpu), 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_percpu_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 5, 0),
		INSN(BPF_ALU64 | BPF_AND | BPF_K, 8, 0, 0, XDPF_PAGE - 1),
		INSN(BPF_ALU64 | BPF_MUL | BPF_K, 8, 0, 0, sizeof(struct xdpf_counter)),
		INSN(BPF_ALU64 | BPF_ADD | BPF_X, 0, 8, 0, 0),
		INSN(BPF_ST | BPF_MEM | BPF_DW, 0, 0, offsetof(struct xdpf_counter, packets), 0),
		INSN(BPF_ST | BPF_MEM | BPF_DW, 0, 0, offsetof(struct xdpf_counter, bytes), 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 7, 0, 0, 1),
		INSN(BPF_JMP | BPF_JLT | BPF_K, 7, 0, -23, BATCH),		/* to each */
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_DROP),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "xdpf_clear", "GPL", code, sizeof(code) / sizeof(code[0]), NULL);
}

static int clear_pages(int rules, const uint32_t *index, size_t n, int cpus, const struct xdpf_log *log)
{
	_cleanup_close_ int orders = bpf_map_create(BPF_MAP_TYPE_ARRAY, "xdpf_clear", 4, sizeof(struct order), 1, NULL), prog = -1;
	const char frame[LEAST_FRAME] = { 0 };
	const uint32_t zero = 0;

	if (orders >= 0)
		prog = load_clearer(rules, orders);
	if (prog < 0)
		return rt_fail_sys(log, errno, "what clears the counters of new rules cannot be loaded");
	for (size_t at = 0; at < n; at += BATCH)
		for (int cpu = 0; cpu < cpus; cpu++) {
			LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame), .repeat = 1);
			struct order o = { .cpu = (uint32_t)cpu, .n = (uint32_t)(n - at < BATCH ? n - at : BATCH) };

			memcpy(o.index, index + at, o.n * sizeof(*index));
			if (bpf_map_update_elem(orders, &zero, &o, BPF_ANY) || bpf_prog_test_run_opts(prog, &run))
				return rt_fail_sys(log, errno, "the counters of new rules cannot be cleared");
		}
	return 0;
}

int rt_counted_clear(const struct xdpf_program *p, const uint32_t *index, size_t n, const struct xdpf_log *log)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct xdpf_counter *zero = cpus > 0 ? calloc((size_t)cpus, sizeof(*zero)) : NULL;

	if (!zero)
		return rt_fail(log, ENOMEM, "out of memory");
	if (p->pending_fd >= 0 && n)
		return clear_pages(p->rules_fd, index, n, cpus, log);
	for (size_t i = 0; i < n; i++)
		if (bpf_map_update_elem(p->rules_fd, &index[i], zero, BPF_ANY))
			return rt_fail_sys(log, errno, "the counters of new rules cannot be cleared");
	return 0;
}

int rt_counted_room(const struct xdpf_program *p, const struct xdpf_log *log)
{
	size_t each = p->pending_fd < 0 ? 1 : XDPF_PAGE;
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(p->rules_fd, &info, &len))
		return rt_fail_sys(log, errno, "a map of the program cannot be looked at");
	if (info.type != BPF_MAP_TYPE_PERCPU_ARRAY || info.key_size != 4 || info.value_size != each * sizeof(struct xdpf_counter) ||
	    !info.max_entries || info.max_entries > INT_MAX / each)
		return rt_fail(log, EBADMSG, "map %.16s of the program is not what its metadata says", info.name);
	return (int)(info.max_entries * each);
}
