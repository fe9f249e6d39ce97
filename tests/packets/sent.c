/*
 * What a program leaves of a frame. In come a rule file, its object and a capture; each frame runs through the evaluator and through the
 * kernel, there in one piece and with only its first bytes in one piece, and both must leave the same bytes. Out goes a count of checks,
 * or a line that begins with "refused: " and status 77 where the kernel takes no program.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "abi.h"
#include "eval.h"
#include "private.h"

/* Its struct bpf_insn is not the kernel's. */
#define PCAP_DONT_INCLUDE_PCAP_BPF_H
#include <pcap/pcap.h>

enum { FRAME_MIN = 14, FRAME_MAX = 65536, SKIPPED = 77 };

struct sent {
	struct eval *eval;
	struct xdpf_program *prog;
	unsigned passed, failed, skipped, changed;	/* changed: frames that the evaluator left otherwise than they came */
};

static void on_log(void *arg, enum xdpf_log_level level, const char *text)
{
	(void)arg;
	if (level == XDPF_LOG_ERROR)
		printf("refused: %s\n", text);
}

static void print_bytes(const char *who, const uint8_t *data, size_t len)
{
	printf("  %s: ", who);
	for (size_t i = 0; i < len; i++)
		printf("%02x", data[i]);
	putchar('\n');
}

/* One frame in the kernel, against the verdict and the bytes that are expected. */
static void run_kernel(struct sent *s, unsigned n, const uint8_t *frame, size_t frame_len, const uint8_t *expected, size_t len,
		       enum verdict verdict, uint32_t split)
{
	static uint8_t out[FRAME_MAX + 64];
	struct xdp_md ctx = { .data_end = split };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = (uint32_t)frame_len, .data_out = out, .data_size_out = sizeof(out),
		    .repeat = 1);

	if (split) {
		run.ctx_in = &ctx;
		run.ctx_size_in = sizeof(ctx);
	}
	memset(out, 0xee, sizeof(out));
	if (bpf_prog_test_run_opts(s->prog->prog_fd, &run)) {
		/* Kernels before 6.18 split no frame that short. */
		if (split && errno == EINVAL) {
			s->skipped++;
			return;
		}
		printf("FAILED: frame %u, split at %u: %s\n", n, split, strerror(errno));
		s->failed++;
		return;
	}
	if (run.retval == (uint32_t)lang_verdicts[verdict].xdp && run.data_size_out == len && memcmp(out, expected, len) == 0) {
		s->passed++;
		return;
	}
	s->failed++;
	printf("FAILED: frame %u, split at %u: verdict %u, expected %s; %u bytes of %zu\n", n, split, run.retval, lang_verdicts[verdict].name,
	       run.data_size_out, len);
	print_bytes("evaluator", expected, len);
	print_bytes("kernel", out, run.data_size_out < sizeof(out) ? run.data_size_out : sizeof(out));
}

static void run_frame(struct sent *s, unsigned n, const uint8_t *frame, size_t len)
{
	static const uint32_t splits[] = { 0, 14, 15, 17, 18, 34, 60 };
	static uint8_t left[FRAME_MAX], expected[FRAME_MAX + 64];

	for (size_t i = 0; i < sizeof(splits) / sizeof(*splits) && splits[i] < len; i++) {
		struct eval_packet pkt = { .data = left, .len = len, .first = splits[i] };
		struct eval_result r;
		size_t meta = 0;

		memcpy(left, frame, len);
		r = eval_run(s->eval, &pkt);
		/* A run's output begins with the metadata. */
		if (pkt.marked) {
			const struct xdpf_mark mark = { XDPF_MARK_MAGIC, pkt.mark };

			memcpy(expected, &mark, sizeof(mark));
			meta = sizeof(mark);
		}
		memcpy(expected + meta, pkt.data, pkt.left);
		s->changed += !i && (meta || pkt.left != len || memcmp(pkt.data, frame, len) != 0);
		run_kernel(s, n, frame, len, expected, meta + pkt.left, r.verdict, splits[i]);
	}
}

static bool read_rules(struct sent *s, struct ast_program *p, struct diag_list *d, const char *path)
{
	struct source *src = source_read(p->arena, path, d);

	if (!src || !parse_unit(p, src, d) || !sema_check(p, d)) {
		diag_render(d, stdout, false);
		return false;
	}
	s->eval = eval_new(p);
	return s->eval;
}

static bool run_capture(struct sent *s, const char *path)
{
	char err[PCAP_ERRBUF_SIZE] = "";
	pcap_t *p = pcap_open_offline(path, err);
	struct pcap_pkthdr *h;
	const u_char *data;
	unsigned n = 0;

	if (!p) {
		printf("FAILED: %s\n", err);
		return false;
	}
	while (pcap_next_ex(p, &h, &data) == 1) {
		n++;
		if (h->caplen >= FRAME_MIN && h->caplen <= FRAME_MAX)
			run_frame(s, n, data, h->caplen);
	}
	pcap_close(p);
	return true;
}

int main(int argc, char **argv)
{
	const struct xdpf_load_opts opts = { .sz = sizeof(opts), .frags = true, .test = true };
	const struct xdpf_log log = { .fn = on_log };
	struct arena *arena = arena_new();
	struct diag_list diags = { .arena = arena };
	struct ast_program program = { .arena = arena };
	struct sent s = { .passed = 0 };
	struct xdpf_object *object = NULL;
	int status = 1, err;

	if (argc != 4) {
		fprintf(stderr, "usage: sent RULES.xdpf OBJECT CAPTURE\n");
		return 2;
	}
	if (!read_rules(&s, &program, &diags, argv[1]) || xdpf_object_open(&object, argv[2], &log))
		goto out;
	err = xdpf_program_load(&s.prog, object, &opts, &log);
	if (err) {
		status = err == -EPERM || err == -EACCES || err == -ENOSYS ? SKIPPED : 1;
		goto out;
	}
	if (!run_capture(&s, argv[3]))
		goto out;
	/* Where no frame was changed, nothing was tested. */
	if (!s.changed) {
		printf("FAILED: no frame was changed\n");
		s.failed++;
	}
	status = s.failed != 0;
	printf("%u passed, %u failed, %u skipped, %u changed\n", s.passed, s.failed, s.skipped, s.changed);
out:
	xdpf_program_free(s.prog);
	xdpf_object_free(object);
	eval_free(s.eval);
	arena_free(arena);
	return status;
}
