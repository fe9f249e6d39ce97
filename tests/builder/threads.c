/*
 * Many threads compile at once, each with a builder and programs of its own: what each gets is what one alone gets, byte by byte. With --inside the
 * compiler itself runs in all of them, in one process, so that a sanitizer of threads sees all that it does.
 *
 * The sanitizers' allocators may be locked by another thread when a process forks, and stay so in the child, which the C library's own may not. So
 * the linker puts us between: nobody allocates while somebody forks, and threads begin and end together.
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

static pthread_rwlock_t forking = PTHREAD_RWLOCK_INITIALIZER;

pid_t __real_fork(void);
pid_t __wrap_fork(void);

pid_t __wrap_fork(void)
{
	pid_t pid;

	pthread_rwlock_wrlock(&forking);
	pid = __real_fork();
	/* the child's thread has another number, and is not who locked it */
	if (pid == 0)
		pthread_rwlock_init(&forking, NULL);
	else
		pthread_rwlock_unlock(&forking);
	return pid;
}

#define ALLOCATES(type, name, params, args)		\
type __real_##name params;				\
type __wrap_##name params;				\
type __wrap_##name params				\
{							\
	type out;					\
							\
	pthread_rwlock_rdlock(&forking);		\
	out = __real_##name args;			\
	pthread_rwlock_unlock(&forking);		\
	return out;					\
}

ALLOCATES(void *, malloc, (size_t n), (n))
ALLOCATES(void *, calloc, (size_t n, size_t size), (n, size))
ALLOCATES(void *, realloc, (void *p, size_t n), (p, n))
ALLOCATES(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size))
ALLOCATES(char *, strdup, (const char *s), (s))

void __real_free(void *p);
void __wrap_free(void *p);

void __wrap_free(void *p)
{
	pthread_rwlock_rdlock(&forking);
	__real_free(p);
	pthread_rwlock_unlock(&forking);
}

struct made {
	void *bytes;
	size_t len;
};

static bool inside;
static unsigned long times;
static struct made right[KINDS];
static char *text[KINDS];
static size_t text_len[KINDS];
static pthread_barrier_t together;

static char *text_of(unsigned kind, size_t *len)
{
	char *out = NULL;
	FILE *f = open_memstream(&out, len);

	fprintf(f, "set bad : ip4 live;\nlimit slow = %u/s per ip.src size 100;\n", kind + 1);
	for (unsigned i = 0; i < 20 + 30 * kind; i++)
		fprintf(f, "r%u: drop if ip4.src == 10.0.%u.%u and tcp.dport in { %u, 443-%u };\n", i, kind, i, i + 1, 444 + i);
	fprintf(f, "log 5/s, drop if ip4.src in bad;\ndrop if udp over slow;\ntest \"t\" { packet { ip4.src = 10.0.%u.0, tcp.dport = 443 } "
		"expect drop by r0 }\n", kind);
	fclose(f);
	return out;
}

/* All in this process: what the library's child does. */
static struct made made_inside(const char *rules, size_t len)
{
	struct arena *a = arena_new();
	struct diag_list d = { .arena = a };
	const struct source *s = source_new(a, "a.xdpf", rules, len);
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

static struct made made_outside(const char *rules, size_t len)
{
	struct xdpfc_program *p;
	struct xdpfc_result *r;
	struct made m = { 0 };
	const void *obj;

	if (xdpfc_program_new(&p) || xdpfc_program_add(p, "a.xdpf", rules, len) || xdpfc_compile(&r, p, XDPFC_OBJECT | XDPFC_TESTS, NULL))
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
	return (inside ? made_inside : made_outside)(text[kind], text_len[kind]);
}

static void *work(void *arg)
{
	unsigned long failed = 0;
	unsigned me = *(unsigned *)arg;

	pthread_barrier_wait(&together);
	for (unsigned long i = 0; i < times; i++) {
		unsigned kind = (unsigned)(me + i) % KINDS;
		struct made m = make(kind);

		failed += !m.bytes || m.len != right[kind].len || memcmp(m.bytes, right[kind].bytes, m.len);
		free(m.bytes);
	}
	pthread_barrier_wait(&together);
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
	if (!n || n > MOST)
		return 2;
	for (unsigned i = 0; i < KINDS; i++) {
		text[i] = text_of(i, &text_len[i]);
		right[i] = make(i);
	}
	pthread_barrier_init(&together, NULL, (unsigned)n);
	for (unsigned i = 0; i < n; i++) {
		id[i] = i;
		pthread_create(&t[i], NULL, work, &id[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		void *out;

		pthread_join(t[i], &out);
		failed += (unsigned long)out;
	}
	for (unsigned i = 0; i < KINDS; i++) {
		failed += !right[i].bytes;
		free(right[i].bytes);
		free(text[i]);
	}
	pthread_barrier_destroy(&together);
	printf("%lu passed, %lu failed, 0 skipped\n", n * times + KINDS - failed, failed);
	return failed != 0;
}
