/*
 * Connection tracking. In: an opened object. Out: for a program that asks for `flow.state`, where the kernel that runs keeps the status of a
 * connection; a refusal that says what to do where the kernel has nothing to ask. Other programs are not looked at.
 */
#include <bpf/btf.h>
#include <errno.h>
#include <sys/utsname.h>

#include "private.h"

/* The kernel's function that looks a connection up, and the module that it may be in. */
#define LOOKUP	"bpf_xdp_ct_lookup"
#define RELEASE	"bpf_ct_release"
#define MODULE	"nf_conntrack"

int rt_btf_member(const struct btf *btf, const char *type, const char *name, size_t *size)
{
	int32_t id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

	for (unsigned i = 0; t && i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *s = btf__name_by_offset(btf, m->name_off);
		int64_t len;

		if (!s || strcmp(s, name) || btf_member_bitfield_size(t, i) || btf_member_bit_offset(t, i) % 8)
			continue;
		len = btf__resolve_size(btf, m->type);
		if (size)
			*size = len > 0 ? (size_t)len : 0;
		return (int)(btf_member_bit_offset(t, i) / 8);
	}
	return -1;
}

static bool calls(const struct bpf_object *bpf)
{
	const struct btf *btf = bpf_object__btf(bpf);

	return btf && btf__find_by_name_kind(btf, LOOKUP, BTF_KIND_FUNC) > 0;
}

static bool has_functions(const struct btf *btf)
{
	return btf__find_by_name_kind(btf, LOOKUP, BTF_KIND_FUNC) > 0 && btf__find_by_name_kind(btf, RELEASE, BTF_KIND_FUNC) > 0;
}

/* Bytes to it; -1: there is none that a program can read. @in_module: the functions are a module's. */
static int find_status(bool *in_module)
{
	struct btf *kernel = btf__load_vmlinux_btf(), *module = NULL;
	const struct btf *btf = kernel;
	size_t size = 0;
	int at = -1;

	if (libbpf_get_error(kernel))
		return -1;
	if (!has_functions(kernel)) {
		module = btf__load_module_btf(MODULE, kernel);
		if (libbpf_get_error(module))
			module = NULL;
		btf = module;
	}
	*in_module = module;
	if (btf && has_functions(btf))
		at = rt_btf_member(btf, "nf_conn", "status", &size);
	btf__free(module);
	btf__free(kernel);
	return size == sizeof(uint64_t) ? at : -1;
}

int rt_conn_place(uint32_t *out, const struct bpf_object *bpf, const struct xdpf_log *log)
{
	struct rt_libbpf scope;
	struct utsname u = { 0 };
	bool in_module = false;
	int at;

	*out = 0;
	if (!calls(bpf))
		return 0;
	rt_libbpf_begin(&scope, log);
	at = find_status(&in_module);
	rt_libbpf_end(&scope);
	if (at > 0) {
		*out = (uint32_t)at;
		/* a program names a module's functions by an fd of its type information, which the kernel gives out by id alone */
		return in_module ? rt_by_ids("`flow.state`", "here connection tracking is a module, and only that capability may name "
					     "a module's functions to it", log) : 0;
	}
	uname(&u);
	return rt_fail(log, EOPNOTSUPP,
		       "`flow.state` asks the kernel's connection tracking, and this kernel (Linux %s) has none that a filter can ask\n"
		       "Load it: `modprobe " MODULE "`. If it is loaded, the kernel was built without what describes it to filters "
		       "(CONFIG_DEBUG_INFO_BTF and, for a module, CONFIG_DEBUG_INFO_BTF_MODULES): any from Linux 5.19 on can have it, "
		       "and Debian's from 6.1 on do", u.release);
}
