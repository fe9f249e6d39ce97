/*
 * What a filter costs a packet. In come a program and frames; out go nanoseconds above a program that drops everything. A test run of the kernel's
 * repeats one packet, which then lies in the caches with all that the filter looked up for it. So a program of our own stands before the filter: it
 * puts the next frame of a map into the packet, and goes on to the filter, or to the floor, by a tail call. Guaranteed: both get the same frames in
 * the same order, from the same place in memory.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <time.h>

#include "private.h"
#include "xdpf/bench.h"

#define INSN(c, d, s, o, i) { .code = (c), .dst_reg = (d), .src_reg = (s), .off = (int16_t)(o), .imm = (int32_t)(i) }
#define MAP(reg, kind, fd) INSN(BPF_LD | BPF_IMM | BPF_DW, reg, kind, 0, fd), INSN(0, 0, 0, 0, 0)
#define SET(reg, n) INSN(BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, n)
#define COPY(reg, from) INSN(BPF_ALU64 | BPF_MOV | BPF_X, reg, from, 0, 0)
#define LOAD(size, reg, from, off) INSN(BPF_LDX | BPF_MEM | (size), reg, from, off, 0)
#define STORE(size, to, off, reg) INSN(BPF_STX | BPF_MEM | (size), to, reg, off, 0)
#define TAKE(reg, from) INSN(BPF_ALU64 | BPF_SUB | BPF_X, reg, from, 0, 0)
#define CALL(helper) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_##helper)
#define EXIT() INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

enum { FILTER, FLOOR, PLACES };		/* in the array of programs */
enum { ROUNDS = 9, PACKETS = 100000, MOST_PACKETS = 100000000 };

/* What the feeding program reads and writes. */
struct feed {
	uint64_t home;		/* where packets began the first time, as a number */
	uint64_t now;
	uint32_t first, next, end;	/* frames; with the first behind the last before .end */
	uint32_t which, fed;	/* the program to go on to; was it fed once? */
};

/* A frame, padded to the longest. */
struct slot {
	uint32_t len;
	uint8_t data[];
};

struct xdpf_bench {
	const struct xdpf_program *p;
	struct { uint32_t len; uint8_t *data; } *frames;
	size_t n, room, longest;
	int feed_fd, frames_fd, programs_fd, floor_fd, feeder_fd;
};

int xdpf_bench_new(struct xdpf_bench **out, const struct xdpf_program *p, const struct xdpf_log *log)
{
	struct xdpf_bench *b;

	if (p->test)
		return rt_fail(log, EINVAL, "a program that was loaded for tests cannot be timed: its clock and its state are not what runs");
	b = calloc(1, sizeof(*b));
	if (!b)
		return rt_fail(log, ENOMEM, "out of memory");
	b->p = p;
	b->feed_fd = b->frames_fd = b->programs_fd = b->floor_fd = b->feeder_fd = -1;
	*out = b;
	return 0;
}

static void unload(struct xdpf_bench *b)
{
	close_fd(&b->feeder_fd);
	close_fd(&b->floor_fd);
	close_fd(&b->programs_fd);
	close_fd(&b->frames_fd);
	close_fd(&b->feed_fd);
}

void xdpf_bench_free(struct xdpf_bench *b)
{
	if (!b)
		return;
	unload(b);
	for (size_t i = 0; i < b->n; i++)
		free(b->frames[i].data);
	free(b->frames);
	free(b);
}

int xdpf_bench_add(struct xdpf_bench *b, const void *frame, size_t len)
{
	uint8_t *data;

	if (len < XDPF_MIN_FRAME || len > XDPF_MAX_LINEAR)
		return -EMSGSIZE;
	if (b->n == XDPF_BENCH_FRAMES)
		return -ENOSPC;
	if (b->n == b->room) {
		size_t room = b->room ? 2 * b->room : 64;
		void *more = realloc(b->frames, room * sizeof(*b->frames));

		if (!more)
			return -ENOMEM;
		b->frames = more;
		b->room = room;
	}
	data = malloc(len);
	if (!data)
		return -ENOMEM;
	memcpy(data, frame, len);
	b->frames[b->n].len = (uint32_t)len;
	b->frames[b->n++].data = data;
	if (len > b->longest)
		b->longest = len;
	/* what was loaded has no place for it */
	unload(b);
	return 0;
}

/* Returns XDP_DROP. */
static int load_floor(bool frags)
{
	const struct bpf_insn code[] = { SET(0, XDP_DROP), EXIT() };
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_XDP, .prog_flags = frags ? BPF_F_XDP_HAS_FRAGS : 0);

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "xdpf_floor", "GPL", code, sizeof(code) / sizeof(code[0]), &opts);
}

/*
 * Registers: 6 the context, 7 struct feed, 8 the frame, 9 its length. What the filter did to the last packet is undone first: the kernel begins a
 * repetition where the last one left its ends. Pointers become numbers on the way through the map.
 */
static int load_feeder(const struct xdpf_bench *b)
{
	const struct bpf_insn code[] = {
		COPY(6, 1),
		MAP(7, BPF_PSEUDO_MAP_VALUE, b->feed_fd),
		/* metadata that the filter wrote: adjust_meta(data - data_meta) takes it away */
		LOAD(BPF_W, 2, 6, offsetof(struct xdp_md, data)),
		LOAD(BPF_W, 3, 6, offsetof(struct xdp_md, data_meta)),
		TAKE(2, 3),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 2, 0),
		COPY(1, 6),
		CALL(xdp_adjust_meta),
		/* tags that it pushed or popped: adjust_head(home - data) */
		LOAD(BPF_W, 2, 6, offsetof(struct xdp_md, data)),
		STORE(BPF_DW, 7, offsetof(struct feed, now), 2),
		LOAD(BPF_DW, 3, 7, offsetof(struct feed, now)),
		LOAD(BPF_W, 4, 7, offsetof(struct feed, fed)),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 4, 0, 3, 0),
		STORE(BPF_DW, 7, offsetof(struct feed, home), 3),
		SET(4, 1),
		STORE(BPF_W, 7, offsetof(struct feed, fed), 4),
		LOAD(BPF_DW, 2, 7, offsetof(struct feed, home)),
		TAKE(2, 3),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 3, 0),
		COPY(1, 6),
		CALL(xdp_adjust_head),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 0, 0, 43, 0),
		/* the next frame */
		LOAD(BPF_W, 1, 7, offsetof(struct feed, next)),
		STORE(BPF_W, 10, -4, 1),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, 1),
		LOAD(BPF_W, 2, 7, offsetof(struct feed, end)),
		INSN(BPF_JMP | BPF_JLT | BPF_X, 1, 2, 1, 0),
		LOAD(BPF_W, 1, 7, offsetof(struct feed, first)),
		STORE(BPF_W, 7, offsetof(struct feed, next), 1),
		MAP(1, BPF_PSEUDO_MAP_FD, b->frames_fd),
		COPY(2, 10),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
		CALL(map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 30, 0),
		COPY(8, 0),
		LOAD(BPF_W, 9, 8, offsetof(struct slot, len)),
		INSN(BPF_JMP | BPF_JGT | BPF_K, 9, 0, 27, (int)b->longest),
		INSN(BPF_JMP | BPF_JLT | BPF_K, 9, 0, 26, XDPF_MIN_FRAME),
		/* the packet gets its length: adjust_tail(length - (data_end - data)) */
		LOAD(BPF_W, 3, 6, offsetof(struct xdp_md, data_end)),
		LOAD(BPF_W, 4, 6, offsetof(struct xdp_md, data)),
		TAKE(3, 4),
		COPY(2, 9),
		TAKE(2, 3),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 3, 0),
		COPY(1, 6),
		CALL(xdp_adjust_tail),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 0, 0, 17, 0),
		COPY(1, 6),
		SET(2, 0),
		COPY(3, 8),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 3, 0, 0, offsetof(struct slot, data)),
		COPY(4, 9),
		CALL(xdp_store_bytes),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 0, 0, 10, 0),
		/* a number that is known where it is used makes a direct jump of the call */
		COPY(1, 6),
		MAP(2, BPF_PSEUDO_MAP_FD, b->programs_fd),
		LOAD(BPF_W, 3, 7, offsetof(struct feed, which)),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 3, 0, 3, FILTER),
		SET(3, FILTER),
		CALL(tail_call),
		INSN(BPF_JMP | BPF_JA, 0, 0, 2, 0),
		SET(3, FLOOR),
		CALL(tail_call),
		/* neither ran */
		SET(0, PLACES + XDP_REDIRECT),
		EXIT(),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_XDP, .prog_flags = b->p->frags ? BPF_F_XDP_HAS_FRAGS : 0);

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "xdpf_feed", "GPL", code, sizeof(code) / sizeof(code[0]), &opts);
}

static int fill(const struct xdpf_bench *b, size_t size)
{
	struct slot *s = calloc(1, size);
	int err = s ? 0 : -ENOMEM;

	for (uint32_t i = 0; !err && i < b->n; i++) {
		s->len = b->frames[i].len;
		memcpy(s->data, b->frames[i].data, s->len);
		if (bpf_map_update_elem(b->frames_fd, &i, s, BPF_ANY))
			err = -errno;
	}
	free(s);
	return err;
}

static int load(struct xdpf_bench *b, const struct xdpf_log *log)
{
	const size_t size = (sizeof(struct slot) + b->longest + 7) / 8 * 8;
	uint32_t place = FILTER;
	int err;

	b->feed_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "xdpf_feed", sizeof(uint32_t), sizeof(struct feed), 1, NULL);
	b->frames_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "xdpf_frames", sizeof(uint32_t), (uint32_t)size, (uint32_t)b->n, NULL);
	b->programs_fd = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "xdpf_programs", sizeof(uint32_t), sizeof(uint32_t), PLACES, NULL);
	if (b->feed_fd < 0 || b->frames_fd < 0 || b->programs_fd < 0)
		return rt_fail_sys(log, errno, "no maps can be made for %zu frames of up to %zu bytes", b->n, b->longest);
	err = fill(b, size);
	if (err)
		return rt_fail_sys(log, -err, "the frames cannot be put into a map");
	b->floor_fd = load_floor(b->p->frags);
	if (b->floor_fd >= 0)
		b->feeder_fd = load_feeder(b);
	if (b->feeder_fd < 0)
		return rt_fail_sys(log, errno, "the programs that feed frames to a filter cannot be loaded");
	if (bpf_map_update_elem(b->programs_fd, &place, &b->p->prog_fd, BPF_ANY)) {
		if (errno == EINVAL)
			return rt_fail(log, EOPNOTSUPP, "the kernel lets no program go on to one that is bound to a device, as those are that ask "
				       "the driver (rx.hash and so on): such a filter cannot be timed");
		return rt_fail_sys(log, errno, "the filter cannot be put behind the program that feeds frames");
	}
	place = FLOOR;
	if (bpf_map_update_elem(b->programs_fd, &place, &b->floor_fd, BPF_ANY))
		return rt_fail_sys(log, errno, "the floor cannot be put behind the program that feeds frames");
	return 0;
}

/* ns of this thread: what other processes take meanwhile is not in it. */
static uint64_t cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

struct turns {
	const struct xdpf_bench *b;
	uint32_t first, frames, packets;
	unsigned rounds;
};

/* One of the filter or the floor: ns for each packet. */
static int turn(const struct turns *t, uint32_t which, double *ns, const struct xdpf_log *log)
{
	const struct xdpf_bench *b = t->b;
	struct feed f = { .first = t->first, .next = t->first, .end = t->first + t->frames, .which = which };
	uint8_t room[XDPF_MAX_LINEAR] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = room, .data_size_in = sizeof(room), .repeat = (int)t->packets);
	uint32_t zero = 0;
	uint64_t began;

	if (bpf_map_update_elem(b->feed_fd, &zero, &f, BPF_ANY))
		return rt_fail_sys(log, errno, "the frames' map cannot be written");
	began = cpu_time();
	if (bpf_prog_test_run_opts(b->feeder_fd, &run))
		return rt_fail_sys(log, errno, "the kernel does not run the filter");
	*ns = (double)(cpu_time() - began) / t->packets;
	if (run.retval > XDP_REDIRECT)
		return rt_fail(log, EIO, "a frame could not be given to the filter");
	return 0;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_size);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* filter, floor and cost of each round stand behind each other in @ns */
static int measure(const struct turns *t, const struct xdpf_bench_opts *opt, double *ns, const struct xdpf_log *log)
{
	double *filter = ns, *floor = ns + t->rounds, *cost = ns + 2 * t->rounds, warm;
	int err = turn(t, FLOOR, &warm, log);

	if (!err)
		err = turn(t, FILTER, &warm, log);
	for (unsigned i = 0; !err && i < t->rounds; i++) {
		if (opt->progress)
			opt->progress(opt->arg, i, t->rounds);
		/* who comes first changes, too */
		err = turn(t, i % 2 ? FLOOR : FILTER, i % 2 ? &floor[i] : &filter[i], log);
		if (!err)
			err = turn(t, i % 2 ? FILTER : FLOOR, i % 2 ? &filter[i] : &floor[i], log);
		cost[i] = filter[i] - floor[i];
	}
	return err;
}

int xdpf_bench_run(struct xdpf_bench *b, const struct xdpf_bench_opts *opts, struct xdpf_bench_result *result, const struct xdpf_log *log)
{
	struct xdpf_bench_opts opt = opts_copy(struct xdpf_bench_opts, opts);
	struct turns t = { .b = b, .first = (uint32_t)opt.frame, .frames = 1, .rounds = opt.rounds ? opt.rounds : ROUNDS,
			   .packets = opt.packets ? opt.packets : PACKETS };
	_cleanup_free_ double *ns = NULL;
	int err = rt_opts_check(opts, sizeof(opt), log);

	if (err)
		return err;
	if (opt.frame >= b->n)
		return rt_fail(log, EINVAL, "there is no frame %zu of %zu to run the filter over", opt.frame, b->n);
	if (t.rounds > XDPF_BENCH_ROUNDS || t.packets > MOST_PACKETS)
		return rt_fail(log, EINVAL, "at most %d rounds of %d packets", XDPF_BENCH_ROUNDS, MOST_PACKETS);
	if (!opt.hot)
		t.frames = (uint32_t)b->n - t.first;
	if (t.packets < t.frames)
		t.packets = t.frames;
	ns = calloc(3 * (size_t)t.rounds, sizeof(*ns));
	if (!ns)
		return rt_fail(log, ENOMEM, "out of memory");
	if (b->feeder_fd < 0)
		err = load(b, log);
	if (!err)
		err = measure(&t, &opt, ns, log);
	if (err) {
		unload(b);
		return err;
	}
	*result = (struct xdpf_bench_result){
		.filter = median(ns, t.rounds), .floor = median(ns + t.rounds, t.rounds), .cost = median(ns + 2 * (size_t)t.rounds, t.rounds),
		.least = ns[2 * (size_t)t.rounds], .most = ns[3 * (size_t)t.rounds - 1], .frames = t.frames,
		.packets = ((uint64_t)t.rounds + 1) * t.packets,
	};
	return 0;
}
