/*
 * Frames that leave. In comes a capture; out go its frames, in order, round and round, by one live-frame test run (live-send.c) that goes on until a
 * signal comes: setting one up and taking it down takes as long as thousands of frames.
 */
#include "live_bench.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "live.h"

enum { LENGTH_MAX = 1500 };

static struct {
	const char *object;
	struct bpf_object *bpf;
	int fd, state_fd;
	uint32_t n, length;	/* frames; bytes that a test run begins with */
} sender;

json_t *refuse(const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return json_pack("{s:s}", "error", text);
}

void pin(pid_t pid)
{
	long cpu = sysconf(_SC_NPROCESSORS_ONLN) - 1;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	sched_setaffinity(pid, sizeof(set), &set);
}

static void put_frames(struct live_frame *to, const struct frames *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct frame *from = &f->v[i];

		if (from->len < MIN_FRAME || from->len > LENGTH_MAX)
			continue;
		to->len = from->len;
		memcpy(to->data, from->data, from->len < LIVE_HEAD ? from->len : LIVE_HEAD);
		to++;
	}
}

static json_t *open_sender(const struct frames *f)
{
	struct live_state state = { 0 };
	struct bpf_map *frames;
	uint32_t zero = 0;
	size_t size;
	void *table;

	sender.bpf = bpf_object__open_file(sender.object, NULL);
	frames = sender.bpf ? bpf_object__find_map_by_name(sender.bpf, "frames") : NULL;
	if (!frames || bpf_map__set_max_entries(frames, sender.n) || bpf_object__load(sender.bpf))
		return refuse("%s: %s", sender.object, strerror(errno));
	sender.fd = bpf_program__fd(bpf_object__next_program(sender.bpf, NULL));
	sender.state_fd = bpf_object__find_map_fd_by_name(sender.bpf, "state");
	size = sender.n * sizeof(struct live_frame);
	table = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(frames), 0);
	if (table == MAP_FAILED)
		return refuse("the table of frames: %s", strerror(errno));
	put_frames(table, f);
	munmap(table, size);
	state.n = sender.n;
	bpf_map_update_elem(sender.state_fd, &zero, &state, 0);
	return json_pack("{s:i}", "frames", (int)sender.n);
}

json_t *sender_frames(const char *capture)
{
	struct frames f;
	json_t *answer;

	if (!frames_read(&f, capture))
		return refuse("%s: it cannot be read", capture);
	bpf_object__close(sender.bpf);
	sender.bpf = NULL;
	sender.n = 0;
	sender.length = LIVE_HEAD;
	for (size_t i = 0; i < f.n; i++) {
		if (f.v[i].len < MIN_FRAME || f.v[i].len > LENGTH_MAX)
			continue;
		sender.n++;
		sender.length = f.v[i].len > sender.length ? f.v[i].len : sender.length;
	}
	answer = sender.n ? open_sender(&f) : refuse("%s: no frames", capture);
	frames_free(&f);
	return answer;
}

void *sender_run(void *arg)
{
	static unsigned char frame[LENGTH_MAX];
	struct xdp_md ctx = { .data_end = sender.length };

	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sender.length, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx),
		    .repeat = INT_MAX, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

	(void)arg;
	pin(0);
	return bpf_prog_test_run_opts(sender.fd, &run) && errno != EINTR ? strerror(errno) : NULL;
}

bool sender_aim(uint32_t ifindex)
{
	struct live_state state = { 0 };
	uint32_t zero = 0;

	if (!sender.bpf || bpf_map_lookup_elem(sender.state_fd, &zero, &state))
		return false;
	state.ifindex = ifindex;
	return !bpf_map_update_elem(sender.state_fd, &zero, &state, 0);
}

void sender_object(const char *path)
{
	sender.object = path;
}
