/*
 * The process that compiles, when it fares badly: aborts, faults, loops, endless stacks, memory that is out; and callers that are odd: without
 * standard descriptors, with handlers that wait for all children, with small stacks. And each allocation in turn fails, on both sides.
 *
 * The linker puts us between the library and what it calls: --wrap of compile_object(), and of the C library's allocation.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <xdpfc/builder.h>

#include "compile.h"

/* ---- what happens where LLVM would run ---- */

static void (*instead)(void);
static size_t verified;			/* what a warning is about; 0: as it is */

bool __real_compile_object(const struct ast_program *p, const struct compile_options *o, struct diag_list *d, void **obj, size_t *len);
bool __wrap_compile_object(const struct ast_program *p, const struct compile_options *o, struct diag_list *d, void **obj, size_t *len);

bool __wrap_compile_object(const struct ast_program *p, const struct compile_options *o, struct diag_list *d, void **obj, size_t *len)
{
	struct compile_options how = *o;

	if (instead)
		instead();
	how.verified = verified;
	return __real_compile_object(p, &how, d, obj, len);
}

static int fds_open(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int compile(struct xdpfc_result **r, const char *text, const struct xdpfc_options *o)
{
	struct xdpfc_program *p;
	int err = xdpfc_program_new(&p), before = fds_open();

	*r = NULL;
	if (!err)
		err = xdpfc_program_add(p, "a.xdpf", text, strlen(text));
	if (!err)
		err = xdpfc_compile(r, p, XDPFC_OBJECT, o);
	xdpfc_program_free(p);
	assert_int_equal(fds_open(), before);
	return err;
}

static const char rules[] = "a: drop if tcp.dport == 23;\n";

static void works(void)
{
	struct xdpfc_result *r;

	instead = NULL;
	assert_int_equal(compile(&r, rules, NULL), 0);
	assert_true(xdpfc_result_ok(r));
	xdpfc_result_free(r);
}

/* Where the verifier may find too much to do, that is said at once, and is an error where warnings are. */
static void too_much_to_verify(void **state)
{
	const struct xdpfc_options strict = { .sz = sizeof(strict), .werror = true };
	const struct xdpfc_diag *diag;
	struct xdpfc_result *r;

	(void)state;
	instead = NULL;
	verified = 100;
	assert_int_equal(compile(&r, rules, NULL), 0);
	assert_true(xdpfc_result_ok(r));
	assert_int_equal(xdpfc_result_warnings(r), 1);
	diag = xdpfc_result_diag(r, 0);
	assert_string_equal(diag->text, "the kernel may refuse the program: its verifier walks at most 100 instructions, and here there may be more");
	assert_non_null(strstr(diag->remedy, "--budget says which lines take most"));
	xdpfc_result_free(r);
	assert_int_equal(compile(&r, rules, &strict), 0);
	assert_false(xdpfc_result_ok(r));
	assert_null(xdpfc_result_get(r, XDPFC_OBJECT, &(size_t){ 0 }));
	xdpfc_result_free(r);
	verified = 0;
	assert_int_equal(compile(&r, rules, &strict), 0);
	assert_true(xdpfc_result_ok(r));
	xdpfc_result_free(r);
}

static void say_and_abort(void)
{
	fputs("LLVM ERROR: Cannot select: 0x5\nPLEASE submit\n", stderr);
	abort();
}

static void say_memory_and_abort(void)
{
	fputs("LLVM ERROR: out of memory\n", stderr);
	abort();
}

static void fault(void)
{
	raise(SIGSEGV);
}

static void leave(void)
{
	fputs("xdpfc: the code generator cannot go on: bad\033 thing\n", stderr);
	_exit(3);
}

/* By the system call: where a function does not return, the sanitizer has a word to say. */
static void leave_as_if_done(void)
{
	syscall(SYS_exit_group, 0);
}

static void leave_without_a_word(void)
{
	syscall(SYS_exit_group, 23);
}

/* As a sanitizer does. */
static void say_below_a_line(void)
{
	fputs("\n=================\n==7==ERROR: something\nmore\n", stderr);
	_exit(1);
}

static void be_killed(void)
{
	raise(SIGKILL);
}

static void by_a_number(void)
{
	raise(SIGRTMIN + 3);
}

/* Of frames that the compiler cannot make into a loop. */
static unsigned deeper(volatile unsigned n)
{
	volatile char room[4096];

	room[n % sizeof(room)] = (char)n;
	return n ? deeper(n - 1) + (unsigned)room[n % sizeof(room)] : 0;
}

static void endless_stack(void)
{
	deeper(UINT_MAX);
}

static void sleep_long(void)
{
	for (;;)
		pause();
}

static void ends_badly(void **state)
{
	static const struct {
		void (*what)(void);
		const char *says;
	} cases[] = {
		{ say_and_abort, "the compiler came to an end: Aborted: LLVM ERROR: Cannot select: 0x5" },
		{ fault, "the compiler came to an end: Segmentation fault" },
		{ leave, "the compiler came to an end: xdpfc: the code generator cannot go on: bad? thing" },
		{ leave_as_if_done, "the compiler came to an end: it left with status 0, and said nothing" },
		{ leave_without_a_word, "the compiler came to an end: it left with status 23, and said nothing" },
		{ say_below_a_line, "the compiler came to an end: ==7==ERROR: something" }, { be_killed, "the compiler came to an end: Killed" },
		{ by_a_number, "the compiler came to an end: signal 37" }, { endless_stack, "the compiler came to an end: Segmentation fault" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct xdpfc_diag *d;
		struct xdpfc_result *r;

		instead = cases[i].what;
		assert_int_equal(compile(&r, rules, NULL), 0);
		assert_false(xdpfc_result_ok(r));
		d = xdpfc_result_diag(r, 0);
		assert_int_equal(d->kind, XDPFC_INTERNAL);
		if (strncmp(d->text, cases[i].says, strlen(cases[i].says)) != 0)
			fail_msg("case %zu: %s", i, d->text);
		assert_non_null(d->remedy);
		assert_null(d->place.file);
		assert_int_equal(xdpfc_result_errors(r), 1);
		assert_non_null(strstr(xdpfc_result_messages(r), cases[i].says));
		xdpfc_result_free(r);
	}
	works();
}

static void memory_is_out(void **state)
{
	struct xdpfc_result *r;

	(void)state;
	instead = say_memory_and_abort;
	assert_int_equal(compile(&r, rules, NULL), -ENOMEM);
	works();
}

static void time_is_over(void **state)
{
	const struct xdpfc_options o = { .sz = sizeof(o), .seconds = 1 };
	struct xdpfc_result *r;

	(void)state;
	instead = sleep_long;
	assert_int_equal(compile(&r, rules, &o), -ETIMEDOUT);
	/* and nobody is left */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	works();
}

/* ---- odd callers ---- */

static volatile sig_atomic_t handled;

static void wait_for_all(int number)
{
	(void)number;
	handled++;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void children_are_taken(void **state)
{
	void (*before)(int);

	(void)state;
	before = signal(SIGCHLD, wait_for_all);
	for (int i = 0; i < 3; i++)
		works();
	assert_true(handled > 0);
	signal(SIGCHLD, SIG_IGN);
	works();
	signal(SIGCHLD, before);
	works();
}

static void no_descriptors(void **state)
{
	pid_t pid = fork();
	int status = 0;

	(void)state;
	if (pid == 0) {
		struct xdpfc_result *r;

		for (int fd = 0; fd < 256; fd++)
			close(fd);
		_exit(compile(&r, rules, NULL) || !xdpfc_result_ok(r) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void *thread(void *arg)
{
	(void)arg;
	works();
	return NULL;
}

static void small_stack(void **state)
{
	pthread_attr_t attr;
	pthread_t t;

	(void)state;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN + (128 << 10));
	assert_int_equal(pthread_create(&t, &attr, thread, NULL), 0);
	pthread_join(t, NULL);
	pthread_attr_destroy(&attr);
}

/* Nothing of the caller's is written, and what it left unwritten is written once. */
static void nothing_is_said(void **state)
{
	int out = dup(1), err = dup(2), pair[2];
	char said[64] = "";
	struct xdpfc_result *r;

	(void)state;
	fflush(stdout);
	fflush(stderr);
	assert_int_equal(pipe2(pair, O_NONBLOCK), 0);
	dup2(pair[1], 1);
	dup2(pair[1], 2);
	printf("once");
	instead = say_and_abort;
	compile(&r, "drop if tcp.dprot == 1;\n", NULL);
	xdpfc_result_free(r);
	compile(&r, rules, NULL);
	xdpfc_result_free(r);
	fflush(stdout);
	dup2(out, 1);
	dup2(err, 2);
	assert_int_equal(read(pair[0], said, sizeof(said) - 1), 4);
	assert_string_equal(said, "once");
	for (int i = 0; i < 2; i++)
		close(pair[i]);
	close(out);
	close(err);
	works();
}

/* ---- allocation fails ---- */

static unsigned allocations, fail_at;

static bool fails(void)
{
	return ++allocations == fail_at;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

/* A small compilation by the builder, with a test and something wrong. -ENOMEM, or what comes of it: 0. */
static int small(bool object)
{
	struct xdpfc_builder *b = NULL;
	struct xdpfc_program *p = NULL;
	struct xdpfc_result *r = NULL;
	const struct xdpfc_action *drop;
	const struct xdpfc_assign tcp = { "tcp", NULL };
	char *text = NULL;
	size_t len;
	int err = xdpfc_builder_new(&b);

	if (!err)
		err = xdpfc_program_new(&p);
	drop = xdpfc_action_verdict(b, "drop");
	xdpfc_builder_rule(b, "a", &drop, 1, xdpfc_expr_compare(b, xdpfc_operand_field(b, object ? "tcp.dport" : "tcp.dprot"), XDPFC_EQ,
								xdpfc_value_number(b, 23)));
	xdpfc_builder_test(b, "t");
	xdpfc_builder_packet(b, 1, &tcp, 1);
	xdpfc_builder_expect(b, "pass", XDPFC_BY_ANYBODY, NULL);
	xdpfc_builder_end(b);
	if (!err)
		err = xdpfc_builder_error(b, NULL);
	if (!err && !object)
		err = xdpfc_builder_print(b, &text, &len);
	if (!err)
		err = xdpfc_program_add_builder(p, "a.xdpf", b);
	if (!err)
		err = xdpfc_compile(&r, p, XDPFC_TESTS | (object ? XDPFC_IR | XDPFC_OBJECT : 0), NULL);
	if (!err && object && !xdpfc_result_ok(r)) {
		/* a pass says so itself; or LLVM takes a place that there is not for one */
		if (!strstr(xdpfc_result_messages(r), "out of memory") && xdpfc_result_diag(r, 0)->kind != XDPFC_INTERNAL)
			fail_msg("the %u-th allocation: %s", fail_at, xdpfc_result_messages(r));
		err = -ENOMEM;
	}
	if (!err && !object)
		assert_string_equal(xdpfc_result_diag(r, 0)->text, "unknown field `tcp.dprot`");
	free(text);
	xdpfc_result_free(r);
	xdpfc_program_free(p);
	xdpfc_builder_free(b);
	return err;
}

static void each_allocation(bool object)
{
	unsigned n = 0;
	int err;

	do {
		allocations = 0;
		fail_at = ++n;
		err = small(object);
		if (err && err != -ENOMEM)
			fail_msg("the %u-th allocation: %d", n, err);
		assert_true(n < 2000);
	} while (err);
	fail_at = 0;
	/* it was more than a few */
	assert_true(n > 10);
	works();
}

static void allocation_fails(void **state)
{
	(void)state;
	each_allocation(false);
	each_allocation(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_much_to_verify), cmocka_unit_test(ends_badly), cmocka_unit_test(memory_is_out), cmocka_unit_test(time_is_over),
		cmocka_unit_test(children_are_taken), cmocka_unit_test(no_descriptors), cmocka_unit_test(small_stack),
		cmocka_unit_test(nothing_is_said), cmocka_unit_test(allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
