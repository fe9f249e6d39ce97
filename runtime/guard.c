/*
 * The guard: a small program that stands before two filters while the new one waits for confirmation. In come both and a time; out goes a program
 * that goes on to the new one before that time and to the old one, or XDP_PASS where there was none, from then on. Guaranteed: it asks nobody but
 * the kernel's clock, so that it needs no process that lives.
 *
 * Where neither can be gone on to, somebody took the pin of its array away: then it aborts, as long as there was a filter before.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>

#include "pending.h"

#define NAME	"xdpf_guard"
#define UNTIL	"xdpf_until"

enum { OLD, NEW, PLACES };	/* in the array */

#define INSN(c, d, s, o, i) { .code = (c), .dst_reg = (d), .src_reg = (s), .off = (int16_t)(o), .imm = (int32_t)(i) }

void rt_guard_close(struct rt_guard *g)
{
	close_fd(&g->prog_fd);
	close_fd(&g->programs_fd);
	close_fd(&g->until_fd);
	for (int i = 0; i < RT_WATCHES; i++)
		close_fd(&g->watch_fd[i]);
	*g = RT_NO_GUARD;
}

static int make_until(struct rt_guard *g, const struct xdpf_log *log)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_RDONLY_PROG);
	uint32_t zero = 0;

	g->until_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, UNTIL, sizeof(zero), sizeof(g->until), 1, &opts);
	if (g->until_fd < 0 || bpf_map_update_elem(g->until_fd, &zero, &g->until, BPF_ANY) || bpf_map_freeze(g->until_fd))
		return rt_fail_sys(log, errno, "the map of how long to wait for confirmation cannot be made");
	return 0;
}

static int load(struct rt_guard *g, bool frags)
{
	enum xdp_action otherwise = g->until.old_prog ? XDP_ABORTED : XDP_PASS;
	const struct bpf_insn code[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ktime_get_boot_ns),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_VALUE, 0, g->until_fd),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_LDX | BPF_MEM | BPF_DW, 3, 1, offsetof(struct rt_until, at), 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 1, 6, 0, 0),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_MAP_FD, 0, g->programs_fd),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_JGE | BPF_X, 0, 3, 3, 0),
		/* a number that is known where it is used makes a direct jump of the call */
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, NEW),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_tail_call),
		INSN(BPF_JMP | BPF_JA, 0, 0, 2, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, OLD),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_tail_call),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, otherwise),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_XDP, .prog_flags = frags ? BPF_F_XDP_HAS_FRAGS : 0);

	return bpf_prog_load(BPF_PROG_TYPE_XDP, NAME, "GPL", code, sizeof(code) / sizeof(code[0]), &opts);
}

/* The kernel goes on from one program to another only where both were loaded alike. */
static int put_program(const struct rt_guard *g, uint32_t place, int fd, const char *iface, const struct xdpf_log *log)
{
	const char *which = place == OLD ? "a change of the filter that runs there" : "the new filter";

	if (!bpf_map_update_elem(g->programs_fd, &place, &fd, BPF_ANY))
		return 0;
	if (errno == EINVAL)
		return rt_fail(log, EOPNOTSUPP, "%s: %s cannot wait for confirmation: the kernel lets no program go on to one that is bound to "
			       "a device, as those are that ask the driver (rx.hash and so on).\nApply without --confirm", iface, which);
	return rt_fail_sys(log, errno, "%s: %s cannot be put behind a guard", iface, which);
}

int rt_guard_make(struct rt_guard *out, int old_fd, int new_fd, uint64_t at, bool frags, const char *iface, const struct xdpf_log *log)
{
	struct rt_guard g = RT_NO_GUARD;
	int err;

	g.until = (struct rt_until){ at, rt_prog_id(old_fd), rt_prog_id(new_fd) };
	err = make_until(&g, log);
	if (!err) {
		g.programs_fd = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "xdpf_programs", sizeof(uint32_t), sizeof(uint32_t), PLACES, NULL);
		if (g.programs_fd >= 0)
			g.prog_fd = load(&g, frags);
		if (g.prog_fd < 0)
			err = rt_fail_sys(log, errno, "%s: the guard that waits for confirmation cannot be loaded", iface);
	}
	if (!err && old_fd >= 0)
		err = put_program(&g, OLD, old_fd, iface, log);
	if (!err)
		err = put_program(&g, NEW, new_fd, iface, log);
	if (err)
		rt_guard_close(&g);
	*out = g;
	return err;
}

int rt_guard_pin(const struct rt_guard *g, const char *path, const struct xdpf_log *log)
{
	int err = rt_pin_put(g->until_fd, path, RT_PIN_UNTIL, log);

	if (!err)
		err = rt_pin_put(g->programs_fd, path, RT_PIN_PROGRAMS, log);
	return err ? err : rt_pin_put(g->prog_fd, path, RT_PIN_GUARD, log);
}

int rt_guard_open(const char *path, uint32_t prog_id)
{
	_cleanup_close_ int fd = rt_pin_get(path, RT_PIN_GUARD);
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (fd >= 0 && rt_prog_id(fd) == prog_id)
		return take_fd(fd);
	/* its pin was taken away by hand, perhaps */
	close_fd(&fd);
	fd = prog_id ? rt_prog_get(prog_id) : -1;
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) || strcmp(info.name, NAME))
		return -1;
	return take_fd(fd);
}

static bool read_until(struct rt_until *out, int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t zero = 0, len = sizeof(info);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) && !strcmp(info.name, UNTIL) && info.key_size == sizeof(zero) &&
	       info.value_size == sizeof(*out) && !bpf_map_lookup_elem(fd, &zero, out);
}

bool rt_guard_look(struct rt_until *out, const char *path, uint32_t prog_id)
{
	_cleanup_close_ int guard = rt_guard_open(path, prog_id);
	_cleanup_close_ int until = guard < 0 ? -1 : rt_pin_get(path, RT_PIN_UNTIL);
	uint32_t ids[2] = { 0 }, len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .map_ids = (uint64_t)(uintptr_t)ids, .nr_map_ids = 2 };

	if (guard < 0)
		return false;
	if (read_until(out, until))
		return true;
	if (bpf_obj_get_info_by_fd(guard, &info, &len))
		return false;
	for (uint32_t i = 0; i < info.nr_map_ids && i < 2; i++) {
		_cleanup_close_ int fd = bpf_map_get_fd_by_id(ids[i]);

		if (read_until(out, fd))
			return true;
	}
	return false;
}
