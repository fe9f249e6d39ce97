/*
 * Programs. In come objects; out go programs in the kernel, ours exactly as `xdpf apply` would load them for an interface whose frames
 * are linear, and what they counted.
 */
#include "bench.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi.h"
#include "private.h"

static bool fail(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	return false;
}

bool program_floor(struct program *p)
{
	static const struct bpf_insn drop[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_DROP }, { .code = BPF_JMP | BPF_EXIT },
	};

	/* as libbpf loads section "xdp": programs of one kind only go on into each other */
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_XDP);

	*p = (struct program){ .name = "floor", .rules_fd = -1, .verdicts_fd = -1 };
	p->fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "floor", "GPL", drop, 2, &opts);
	return p->fd >= 0;
}

static void find_maps(struct program *p, struct bpf_object *o)
{
	const struct bpf_map *rules = bpf_object__find_map_by_name(o, XDPF_MAP_RULES);
	const struct bpf_map *verdicts = bpf_object__find_map_by_name(o, XDPF_MAP_VERDICTS);

	p->rules_fd = rules ? bpf_map__fd(rules) : -1;
	p->verdicts_fd = verdicts ? bpf_map__fd(verdicts) : -1;
	p->n_rules = rules ? bpf_map__max_entries(rules) : 0;
}

static void on_log(void *arg, enum xdpf_log_level level, const char *text)
{
	if (level <= XDPF_LOG_WARNING)
		fprintf(stderr, "bench: %s: %s\n", (const char *)arg, text);
}

bool program_ours(struct program *p, const char *path)
{
	const struct xdpf_load_opts opts = { .sz = sizeof(opts) };
	const struct xdpf_log log = { on_log, (void *)(uintptr_t)path };
	struct xdpf_object *o = NULL;
	bool ok;

	*p = (struct program){ .name = "ours", .fd = -1 };
	ok = !xdpf_object_open(&o, path, &log) && !xdpf_program_load(&p->ours, o, &opts, &log);
	xdpf_object_free(o);
	if (!ok)
		return false;
	p->fd = p->ours->prog_fd;
	find_maps(p, p->ours->bpf);
	return true;
}

bool program_theirs(struct program *p, const char *path)
{
	const struct bpf_program *prog;

	*p = (struct program){ .name = "c", .fd = -1, .theirs = bpf_object__open_file(path, NULL) };
	if (!p->theirs)
		return fail(path, strerror(errno));
	if (bpf_object__load(p->theirs))
		return fail(path, strerror(errno));
	prog = bpf_object__find_program_by_name(p->theirs, "filter");
	if (!prog)
		return fail(path, "it has no program \"filter\"");
	p->fd = bpf_program__fd(prog);
	find_maps(p, p->theirs);
	return true;
}

void program_free(struct program *p)
{
	xdpf_program_free(p->ours);
	bpf_object__close(p->theirs);
	if (!p->ours && !p->theirs && p->fd > 0)
		close(p->fd);
}

bool program_size(const struct program *p, struct size *size)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(p->fd, &info, &len))
		return fail(p->name, strerror(errno));
	*size = (struct size){ info.xlated_prog_len / 8, info.jited_prog_len, info.verified_insns };
	return true;
}

static bool read_counters(int fd, unsigned n, uint64_t (*out)[2])
{
	int cpus = libbpf_num_possible_cpus();
	struct xdpf_counter *c = cpus > 0 ? calloc((size_t)cpus, sizeof(*c)) : NULL;
	bool ok = c;

	for (uint32_t i = 0; ok && i < n; i++) {
		ok = !bpf_map_lookup_elem(fd, &i, c);
		out[i][0] = out[i][1] = 0;
		for (int k = 0; ok && k < cpus; k++) {
			out[i][0] += c[k].packets;
			out[i][1] += c[k].bytes;
		}
	}
	free(c);
	return ok || fail("counters", strerror(errno));
}

bool program_books(const struct program *p, struct books *b)
{
	memset(b, 0, sizeof(*b));
	if (p->rules_fd < 0 || p->verdicts_fd < 0 || p->n_rules > MAX_RULES)
		return fail(p->name, "it does not count rules and verdicts, or has more rules than there is room for");
	return read_counters(p->rules_fd, p->n_rules, b->rule) && read_counters(p->verdicts_fd, XDPF_VERDICTS, b->verdict);
}
