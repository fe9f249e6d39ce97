/*
 * libxdp's dispatcher, by which several programs share an interface. In: an interface. Out: whether this kernel lets it run, and which of its parts
 * is ours: the program that is pinned beside the place of our link.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <xdp/libxdp.h>

#include "private.h"

static int on_libxdp(enum libxdp_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

void rt_libxdp_quiet(void)
{
	libxdp_set_print(on_libxdp);
}

/* The dispatcher's parts replace functions of it (EXT programs). One that replaces nothing is refused for that by kernels that know such programs,
 * and for what it is by kernels that forbid them. */
int rt_dispatch_check(const struct xdpf_log *log)
{
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS }, { .code = BPF_JMP | BPF_EXIT },
	};
	_cleanup_close_ int target = bpf_prog_load(BPF_PROG_TYPE_XDP, "xdpf_target", "GPL", pass, 2, NULL);
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .attach_prog_fd = (uint32_t)target, .attach_btf_id = 1);
	_cleanup_close_ int ext = -1;

	if (target < 0)
		return rt_fail_sys(log, errno, "no XDP program can be loaded");
	ext = bpf_prog_load(BPF_PROG_TYPE_EXT, "xdpf_part", "GPL", pass, 2, &opts);
	if (ext >= 0 || errno == EINVAL)
		return 0;
	return rt_fail(log, EOPNOTSUPP, "libxdp's dispatcher cannot run here: this kernel refuses the programs that it is made of (EXT): %s\n"
		       "Run one filter per interface, or a kernel that has them", strerror(errno));
}

void rt_dispatch_path(char part[], const char *path)
{
	snprintf(part, RT_PATH_MAX, "%.*s/part", (int)(strrchr(path, '/') - path), path);
}

uint32_t rt_dispatch_pinned(const char *path)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	_cleanup_close_ int fd = -1;
	char part[RT_PATH_MAX];

	rt_dispatch_path(part, path);
	fd = bpf_obj_get(part);
	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) || info.type != BPF_PROG_TYPE_EXT ? 0 : info.id;
}
