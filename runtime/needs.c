/*
 * What an object needs of the kernel: helpers that its code calls, functions of the kernel's that it names, kinds of maps. In: an object. Out: each
 * of them, with whether this kernel has it; what cannot be asked for want of privileges is taken to be there, since loading will tell.
 */
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>

#include "private.h"

static const struct {
	enum bpf_func_id id;
	const char *name;
} helpers[] = {
#define HELPER(name) { BPF_FUNC_##name, "bpf_" #name }
	HELPER(map_lookup_elem), HELPER(map_update_elem), HELPER(map_delete_elem), HELPER(ktime_get_ns), HELPER(ktime_get_boot_ns),
	HELPER(ktime_get_coarse_ns), HELPER(ktime_get_tai_ns), HELPER(get_prandom_u32), HELPER(get_smp_processor_id), HELPER(tail_call),
	HELPER(csum_diff), HELPER(redirect), HELPER(redirect_map), HELPER(xdp_adjust_head), HELPER(xdp_adjust_meta), HELPER(xdp_adjust_tail),
	HELPER(fib_lookup), HELPER(map_push_elem), HELPER(map_pop_elem), HELPER(map_peek_elem), HELPER(sk_lookup_tcp), HELPER(sk_lookup_udp),
	HELPER(skc_lookup_tcp), HELPER(sk_release), HELPER(spin_lock), HELPER(spin_unlock), HELPER(tcp_gen_syncookie),
	HELPER(tcp_check_syncookie), HELPER(tcp_raw_gen_syncookie_ipv4), HELPER(tcp_raw_gen_syncookie_ipv6),
	HELPER(tcp_raw_check_syncookie_ipv4), HELPER(tcp_raw_check_syncookie_ipv6), HELPER(ringbuf_output), HELPER(ringbuf_reserve),
	HELPER(ringbuf_submit), HELPER(ringbuf_discard), HELPER(ringbuf_query), HELPER(xdp_load_bytes), HELPER(xdp_store_bytes),
	HELPER(xdp_get_buff_len), HELPER(loop), HELPER(jiffies64), HELPER(per_cpu_ptr), HELPER(map_lookup_percpu_elem), HELPER(check_mtu),
#undef HELPER
};

static const char *helper_name(unsigned id, char *buf, size_t size)
{
	for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++)
		if ((unsigned)helpers[i].id == id)
			return helpers[i].name;
	snprintf(buf, size, "helper %u", id);
	return buf;
}

static void call_helpers(const struct bpf_program *prog, rt_need_fn fn, void *arg)
{
	const struct bpf_insn *code = bpf_program__insns(prog);
	size_t n = bpf_program__insn_cnt(prog);
	bool seen[512] = { false };
	char buf[32];

	for (size_t i = 0; i < n; i++) {
		unsigned id = (unsigned)code[i].imm;

		if (code[i].code != (BPF_JMP | BPF_CALL) || code[i].src_reg || !id || id >= sizeof(seen) || seen[id])
			continue;
		seen[id] = true;
		fn(arg, "helper", helper_name(id, buf, sizeof(buf)), libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, (enum bpf_func_id)id, NULL) != 0);
	}
}

/* In the kernel itself or in a module that is loaded: rt_conn_place() and rx.c say more of those that they know. */
static bool kernel_has(const struct btf *kernel, const char *name)
{
	static const char *const modules[] = { "nf_conntrack" };
	bool has = btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC) > 0;

	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]) && !has; i++) {
		struct btf *m = btf__load_module_btf(modules[i], (struct btf *)(uintptr_t)kernel);

		if (libbpf_get_error(m))
			continue;
		has = btf__find_by_name_kind(m, name, BTF_KIND_FUNC) > 0;
		btf__free(m);
	}
	return has;
}

/* libbpf has made other things of their place in the object by now; their types are left. The program's own functions are called otherwise, and
 * what is asked of drivers begins otherwise until it is bound to a device: see abi.h. */
static void call_functions(const struct bpf_object *bpf, rt_need_fn fn, void *arg)
{
	const struct btf *btf = bpf_object__btf(bpf);
	struct btf *kernel = NULL;

	for (uint32_t i = 1; btf && i < btf__type_cnt(btf); i++) {
		const struct btf_type *t = btf__type_by_id(btf, i);
		const char *name = t && btf_is_func(t) ? btf__name_by_offset(btf, t->name_off) : NULL;

		if (!name || strncmp(name, "bpf_", strlen("bpf_")) != 0)
			continue;
		if (!kernel)
			kernel = btf__load_vmlinux_btf();
		fn(arg, "function", name, !libbpf_get_error(kernel) && kernel_has(kernel, name));
	}
	if (kernel && !libbpf_get_error(kernel))
		btf__free(kernel);
}

static void call_maps(const struct bpf_object *bpf, rt_need_fn fn, void *arg)
{
	bool seen[64] = { false };
	struct bpf_map *map;
	char buf[32];

	bpf_object__for_each_map(map, bpf) {
		enum bpf_map_type type = bpf_map__type(map);
		const char *name = libbpf_bpf_map_type_str(type);

		if ((size_t)type >= sizeof(seen) || seen[type])
			continue;
		seen[type] = true;
		snprintf(buf, sizeof(buf), "%s", name ? name : "unknown");
		fn(arg, "map", buf, libbpf_probe_bpf_map_type(type, NULL) != 0);
	}
}

int rt_needs_each(const struct xdpf_object *o, rt_need_fn fn, void *arg, const struct xdpf_log *log)
{
	struct bpf_object *bpf = NULL;
	struct rt_libbpf scope;
	int err = rt_object_open_bpf(&bpf, o, NULL, log);

	if (err)
		return err;
	rt_libbpf_begin(&scope, log);
	call_helpers(bpf_object__next_program(bpf, NULL), fn, arg);
	call_functions(bpf, fn, arg);
	call_maps(bpf, fn, arg);
	rt_libbpf_end(&scope);
	bpf_object__close(bpf);
	return 0;
}
