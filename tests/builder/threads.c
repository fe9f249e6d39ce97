/*
 * Many threads compile at once, each with a builder and programs of its own: what each gets is what one alone gets, byte by byte. With --inside the
 * compiler itself runs in all of them, in one process, so that a sanitizer of threads sees all that it does.
 *
 * usage: threads [--inside] N TIMES
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xdpfc/builder.h>

#include "compile.h"

enum { KINDS = 4, MOST = 64 };

struct made {
	void *bytes;
	size_t len;
};

static bool inside;
static unsigned long times;
static struct made right[KINDS];

static char *text_of(unsigned kind, size_t *len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, len);

	fprintf(f, "set bad : ip4 live;\nlimit slow = %u/s per ip.src size 100;\n", kind + 1);
	for (unsigned i = 0; i < 20 + 30 * kind; i++)
		fprintf(f, "r%u: drop if ip4.src == 10.0.%u.%u and tcp.dport in { %u, 443-%u };\n", i, kind, i, i + 1, 444 + i);
	fprintf(f, "log 5/s, drop if ip4.src in bad;\ndrop if udp over slow;\ntest \"t\" { packet { ip4.src = 10.0.%u.0, tcp.dport = 443 } "
		"expect drop by r0 }\n", kind);
	fclose(f);
	return text;
}

/* All in this process: what the library's child does. */
static struct made made_inside(const char *text, size_t len)
{
	struct arena *a = arena_new();
	struct diag_list d = { .arena = a };
	const struct source *s = source_new(a, "a.xdpf", text, len);
	const struct ast_program *p = compile_front(a, &s, 1, &d);
	const struct compile_options o = { .lower = { .classify.max_bytes = 64 << 20, .sets.most = 64 << 20 } };
	struct made m = { 0 };
	void *obj;

	if (p && compile_object(p, &o, &d, &obj, &m.len)) {
		m.bytes = malloc(m.len);
		memcpy(m.bytes, obj, m.len);
		compile_object_free(obj, m.len);
	}
	arena_free(a);
	return m;
}

static struct made made_outside(const char *text, size_t len)
{
	struct xdpfc_program *p;
	struct xdpfc_result *r;
	struct made m = { 0 };
	const void *obj;

	if (xdpfc_program_new(&p) || xdpfc_program_add(p, "a.xdpf", text, len) || xdpfc_compile(&r, p, XDPFC_OBJECT | XDPFC_TESTS, NULL))
		abort();
	obj = xdpfc_result_get(r, XDPFC_OBJECT, &m.len);
	if (obj && xdpfc_result_test(r, 0)->passed) {
		m.bytes = malloc(m.len);
		memcpy(m.bytes, obj, m.len);
	}
	xdpfc_result_free(r);
	xdpfc_program_free(p);
	return m;
}

static struct made make(unsigned kind)
{
	size_t len;
	char *text = text_of(kind, &len);
	struct made m = (inside ? made_inside : made_outside)(text, len);

	free(text);
	return m;
}

static void *work(void *arg)
{
	unsigned long failed = 0;
	unsigned me = *(unsigned *)arg;

	for (unsigned long i = 0; i < times; i++) {
		unsigned kind = (unsigned)(me + i) % KINDS;
		struct made m = make(kind);

		failed += !m.bytes || m.len != right[kind].len || memcmp(m.bytes, right[kind].bytes, m.len);
		free(m.bytes);
	}
	return (void *)failed;
}

int main(int argc, char **argv)
{
	unsigned long n, failed = 0;
	pthread_t t[MOST];
	unsigned id[MOST];

	inside = argc > 1 && strcmp(argv[1], "--inside") == 0;
	if (argc != 3 + inside)
		return 2;
	n = strtoul(argv[1 + inside], NULL, 10);
	times = strtoul(argv[2 + inside], NULL, 10);
	for (unsigned i = 0; i < KINDS; i++)
		right[i] = make(i);
	for (unsigned i = 0; i < n && i < MOST; i++) {
		id[i] = i;
		pthread_create(&t[i], NULL, work, &id[i]);
	}
	for (unsigned i = 0; i < n && i < MOST; i++) {
		void *out;

		pthread_join(t[i], &out);
		failed += (unsigned long)out;
	}
	for (unsigned i = 0; i < KINDS; i++) {
		failed += !right[i].bytes;
		free(right[i].bytes);
	}
	printf("%lu passed, %lu failed, 0 skipped\n", n * times + KINDS - failed, failed);
	return failed != 0;
}
