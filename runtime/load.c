/*
 * Loading a program. In: an object and how it is to run; what goes on of the program that it replaces. Out: the program in the kernel, with maps of
 * its own, filled, and its metadata bound to it; nothing is attached.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "private.h"

enum { VERIFIER_LOG = 16 << 20, KERNEL_ENOTSUPP = 524 /* no errno of the C library's */, RT_AGAIN = 1 };

/* RT_AGAIN: the translator gave up; only where it is not the @last try. */
static int load_bpf(struct bpf_object *bpf, const struct xdpf_meta *m, bool last, const struct xdpf_log *log)
{
	struct bpf_program *prog = bpf_object__next_program(bpf, NULL);
	char *verifier = mmap(NULL, VERIFIER_LOG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	const char *name = bpf_program__name(prog);
	struct rt_libbpf scope;
	int err;

	if (verifier == MAP_FAILED)
		return rt_fail(log, ENOMEM, "out of memory");
	bpf_program__set_log_buf(prog, verifier, VERIFIER_LOG);
	rt_libbpf_begin(&scope, log);
	err = -bpf_object__load(bpf);
	rt_libbpf_end(&scope);
	verifier[VERIFIER_LOG - 1] = '\0';
	if (!last && (err == KERNEL_ENOTSUPP || (!err && rt_interpreted(bpf_program__fd(prog))))) {
		err = -RT_AGAIN;
	} else if (!err && rt_interpreted(bpf_program__fd(prog))) {
		rt_log(log, XDPF_LOG_WARNING, "the kernel interprets program %s, which takes it several times as long as machine code: "
		       "%s", name, rt_translator_runs() ? "its translator gives up on it, or is off (`sysctl net.core.bpf_jit_enable`)" :
		       "its translator is off (`sysctl net.core.bpf_jit_enable=1`)");
	} else if (err == KERNEL_ENOTSUPP) {
		/* the verifier was content */
		rt_fail(log, EOPNOTSUPP, "the kernel cannot translate program %s to machine code, or was built without that\n"
			"Where other filters load, this is a defect of its translator, which meets few programs and depends on where "
			"each instruction comes to stand: compile it with --counting=deferred (or at-once, where that was chosen), or add "
			"or move a rule, then try again (dmesg may say more)", name);
		err = EOPNOTSUPP;
	} else if (err && verifier[0] && err != EPERM) {
		rt_fail(log, err, "the kernel refuses program %s: %s", name, strerror(err));
		rt_verifier_explain(log, verifier, m);
	} else if (err) {
		rt_fail_sys(log, err, "program %s cannot be loaded", name);
	}
	munmap(verifier, VERIFIER_LOG);
	return -err;
}

static int take_maps(struct xdpf_program *p, const struct rt_carry *carry, const struct xdpf_log *log)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, p->bpf) {
		int *place = rt_program_place(p, rt_carry_name(carry, map));

		if (!place)
			continue;
		*place = dup(bpf_map__fd(map));
		if (*place < 0)
			return rt_fail_sys(log, errno, "map %s cannot be held", bpf_map__name(map));
	}
	p->prog_fd = dup(bpf_program__fd(bpf_object__next_program(p->bpf, NULL)));
	return p->prog_fd < 0 ? rt_fail_sys(log, errno, "the program cannot be held") : 0;
}

/* Maps the program's trace and inputs, so that they are read and written without a system call. An object without a trace has nothing
 * that decides, one without inputs asks for none. */
static int map_variables(struct xdpf_program *p, const struct xdpf_log *log)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(p->bpf, ".bss");
	size_t size = 0, offset = 0, inputs_size = 0, inputs_at = 0, page = (size_t)sysconf(_SC_PAGESIZE);
	bool trace = rt_variable(p->bpf, ".bss", XDPF_VAR_TRACE, &size, &offset) && size == sizeof(*p->trace);
	bool inputs = rt_variable(p->bpf, ".bss", XDPF_VAR_INPUTS, &inputs_size, &inputs_at);
	void *bss;

	if (inputs && (inputs_size != sizeof(*p->inputs) || inputs_at % 8))
		return rt_fail(log, EBADMSG, "the object's variable %s has an unknown layout: compile it again", XDPF_VAR_INPUTS);
	if (!trace && !inputs)
		return 0;
	p->bss_len = (bpf_map__value_size(map) + page - 1) / page * page;
	bss = mmap(NULL, p->bss_len, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (bss == MAP_FAILED)
		return rt_fail_sys(log, errno, "the program's variables cannot be mapped");
	p->bss = bss;
	if (trace)
		p->trace = (const struct xdpf_trace *)((const char *)bss + offset);
	if (inputs)
		p->inputs = (volatile struct xdpf_inputs *)((char *)bss + inputs_at);
	return 0;
}

/* The metadata's text, with what is known only now. */
static int loaded_text(char **out, const struct xdpf_object *o, const struct rt_carry *carry, uint64_t seed, bool frags, const struct xdpf_log *log)
{
	_cleanup_free_ uint64_t *declared = NULL;
	_cleanup_free_ char *more = NULL;
	size_t len;
	FILE *f;
	int err = rt_declared_sums(&declared, o->sets, o->sets_len, rt_meta_get(o->meta), log);

	if (err)
		return err;
	f = open_memstream(&more, &len);
	if (!f)
		return rt_fail(log, ENOMEM, "out of memory");
	rt_loaded_put(f, seed, declared, rt_meta_get(o->meta)->n_sets);
	rt_carry_put(f, carry);
	if (fclose(f))
		return rt_fail(log, ENOMEM, "out of memory");
	return rt_meta_text(out, o->meta, o->text, o->text_len, frags, more, log);
}

static int new_seed(uint64_t *seed, const struct rt_carry *carry, const struct xdpf_log *log)
{
	if (getrandom(seed, sizeof(*seed), 0) != sizeof(*seed))
		return rt_fail_sys(log, errno, "the kernel gives no random number");
	*seed = rt_carry_seed(carry, *seed);
	return 0;
}

/* Tables of counters have the memory of all keys beforehand, so that no packet goes uncounted for want of it. To make that, for each CPU, would be
 * most of what a short test takes: a packet has one key for each action at most. */
static int fit_tables(struct bpf_object *bpf, const struct xdpf_meta *m, uint64_t packets, const struct xdpf_log *log)
{
	for (size_t i = 0; i < m->n_tables && packets < XDPF_COUNT_ENTRIES; i++) {
		struct bpf_map *map = m->tables[i].n_key ? bpf_object__find_map_by_name(bpf, m->tables[i].map) : NULL;
		uint64_t keys = 0;

		for (size_t k = 0; k < m->n_actions; k++)
			keys += m->actions[k].table == i ? packets : 0;
		if (map && keys && keys < bpf_map__max_entries(map) && bpf_map__set_max_entries(map, (uint32_t)keys))
			return rt_fail(log, EINVAL, "map %s cannot be changed", bpf_map__name(map));
	}
	return 0;
}

/* Opens the object for @p, with all that is known before loading. */
static int open_bpf(struct xdpf_program *p, const struct xdpf_object *o, const struct xdpf_load_opts *opt, uint64_t seed, struct rt_carry *carry,
		    const struct xdpf_log *log)
{
	struct bpf_program *prog;
	int err;

	bpf_object__close(p->bpf);
	p->bpf = NULL;
	err = rt_object_open_bpf(&p->bpf, o, p->image, log);
	if (!err)
		err = rt_config_fill(p->bpf, rt_meta_get(p->meta), opt, seed, log);
	if (!err && opt->test && opt->test_packets)
		err = fit_tables(p->bpf, rt_meta_get(p->meta), opt->test_packets, log);
	if (!err && carry)
		err = rt_carry_maps(carry, p->bpf, log);
	if (err)
		return err;
	prog = bpf_object__next_program(p->bpf, NULL);
	if (opt->frags)
		bpf_program__set_flags(prog, bpf_program__flags(prog) | BPF_F_XDP_HAS_FRAGS);
	if (p->image)
		rt_rx_bind(prog, opt->ifindex);
	return 0;
}

/* Loads what was opened; in other instructions, and opened anew, where the kernel's translator gives up on those that there are. */
static int load(struct xdpf_program *p, const struct xdpf_object *o, const struct xdpf_load_opts *opt, uint64_t seed, struct rt_carry *carry,
		const struct xdpf_log *log)
{
	unsigned tries = rt_translator_runs() ? RT_TRANSLATIONS : 0;
	int err = load_bpf(p->bpf, rt_meta_get(p->meta), !tries, log);

	for (unsigned way = 1; err == RT_AGAIN; way++) {
		err = open_bpf(p, o, opt, seed, carry, log);
		if (!err)
			err = rt_translate_otherwise(bpf_object__next_program(p->bpf, NULL), way, log);
		if (!err)
			err = load_bpf(p->bpf, rt_meta_get(p->meta), way == tries, log);
	}
	return err;
}

int xdpf_program_load(struct xdpf_program **out, const struct xdpf_object *o, const struct xdpf_load_opts *opts, const struct xdpf_log *log)
{
	return rt_program_load(out, o, opts, NULL, log);
}

int rt_program_load(struct xdpf_program **out, const struct xdpf_object *o, const struct xdpf_load_opts *opts, struct rt_carry *carry,
		    const struct xdpf_log *log)
{
	struct xdpf_load_opts opt = opts_copy(struct xdpf_load_opts, opts);
	_cleanup_(rt_program_freep) struct xdpf_program *p = rt_program_new(log);
	_cleanup_free_ char *text = NULL;
	uint64_t seed = 0;
	int err;

	if (!p)
		return -ENOMEM;
	err = rt_opts_check(opts, sizeof(opt), log);
	if (!err)
		err = rt_kernel_check(log);
	if (err)
		return err;
	if (opt.test && opt.test_iface && (!*opt.test_iface || strlen(opt.test_iface) >= sizeof(p->test_iface)))
		return rt_fail(log, EINVAL, "\"%s\" cannot be an interface's name", opt.test_iface);
	if (opt.test && opt.test_iface)
		snprintf(p->test_iface, sizeof(p->test_iface), "%s", opt.test_iface);
	p->test = opt.test;
	p->frags = opt.frags;
	err = new_seed(&seed, carry, log);
	if (!err)
		err = rt_meta_share(&p->meta, o->meta, opt.frags, log);
	if (!err)
		err = rt_program_tables(p, log);
	if (!err)
		err = opt.test ? 0 : rt_rx_image(&p->image, o, opt.ifindex, log);
	if (!err)
		err = open_bpf(p, o, &opt, seed, carry, log);
	if (!err)
		err = loaded_text(&text, o, carry, seed, opt.frags, log);
	if (!err && !opt.test)
		err = rt_cookies_check(rt_meta_get(p->meta), log);
	if (!err)
		err = rt_ways_kernel(&rt_meta_get(p->meta)->ways, log);
	if (!err && !opt.test)
		err = rt_ways_check(&rt_meta_get(p->meta)->ways, opt.generic, log);
	if (err)
		return err;
	err = load(p, o, &opt, seed, carry, log);
	if (err && p->image)
		rt_rx_explain(err, opt.frags, log);
	if (!err)
		err = take_maps(p, carry, log);
	if (!err)
		err = rt_live_bind(&p->lists_fd, p->prog_fd, p->meta, log);
	if (!err)
		err = rt_sets_fill(p, o->sets, o->sets_len, carry, log);
	if (!err && !opt.test)
		err = rt_ways_fill(p->bpf, &rt_meta_get(p->meta)->ways, opt.generic, log);
	if (!err && !opt.test)
		err = rt_failures_watch(p, rt_carry_errors_fd(carry), opt.ifindex, log);
	if (!err)
		err = rt_metamap_bind(&p->meta_fd, !opt.test && rt_meta_image(o->meta)->shape ? &p->metas_fd : NULL, p->prog_fd, text, log);
	if (!err && carry)
		err = rt_carry_loaded(carry, p, log);
	if (err)
		return err;
	if (opt.test)
		err = map_variables(p, log);
	if (!err && opt.test)
		err = rt_log_drain_open(p, log);
	if (!err)
		*out = take_ptr(p);
	return err;
}
