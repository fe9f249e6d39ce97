/*
 * libxdpfc: the compiler of xdpf's rule files, for programs. Takes rule files from memory, as texts or from a builder (builder.h), and gives the
 * object that libxdpf loads, what is wrong with them as data, and the stages on the way as texts.
 *
 * Errors. Functions return 0 or -errno; an output is written only on success. That rules are wrong is no error of a call: xdpfc_compile() then
 * gives a result with diagnostics and without an object (see xdpfc_result_ok()). -EINVAL, a call is not what this header says it is; -ENOMEM,
 * memory is out, here or where it compiles; -ETIMEDOUT, .seconds are over; others, the system gave no process, or no room to talk to it.
 *
 * A process of its own. xdpfc_compile() forks: parsing, compiling and running tests are the child's business, and the caller waits. So nothing that
 * goes wrong there reaches the caller: LLVM ends its process where it cannot go on and where memory is out. What the child says on standard error is
 * caught, it keeps none of the caller's descriptors open, runs none of its signal handlers, writes no core file, has a stack of its own, and ends
 * with the calling thread. It is a child like others: its end raises SIGCHLD; a handler that waits for all children, or SIGCHLD ignored, do no
 * harm. Handlers of pthread_atfork() run. The call is no point of cancellation.
 *
 * Of a caller with several threads the child gets memory as the allocator leaves it: the C library's own lets no thread be inside of it at a
 * fork(), nor do jemalloc and tcmalloc. One that does, such as those of AddressSanitizer in older compilers, may let the child wait for ever:
 * .seconds bounds that.
 *
 * Ownership. What is returned by `**out` is the caller's, to be given to the _free() of its kind (which takes NULL). What getters return is borrowed,
 * and goes with what it was asked of. Names and texts that are given are copied.
 *
 * Versions. Handles are opaque. Option structs start with their own size (`.sz = sizeof(opts)`); NULL means all defaults, and what an older
 * library does not know must be left zero. Structs that getters return may get longer. Functions have symbol versions, and are never taken back
 * under one soname.
 *
 * Threads. There is no state but that of handles: different ones may be used by different threads at the same time. One that is not changed meanwhile
 * may be read by several, a program that is compiled among them.
 */
#ifndef XDPFC_COMPILER_H
#define XDPFC_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define XDPFC_API __attribute__((visibility("default")))

/* "0.1.0" */
XDPFC_API const char *xdpfc_version(void);

/* ---- what is to be compiled ---- */

/* Rule files in memory, which become one program and run in their order. */
struct xdpfc_program;

XDPFC_API int xdpfc_program_new(struct xdpfc_program **out);
XDPFC_API void xdpfc_program_free(struct xdpfc_program *p);
/* A file of @len bytes. @name is what diagnostics, counters and logs call it, and what the paths of its includes are relative to. Files of one
 * program differ in the last component of their names. */
XDPFC_API int xdpfc_program_add(struct xdpfc_program *p, const char *name, const char *text, size_t len);

/* ---- how ---- */

/* Gives a file that a rule file names: by `include`, as elements of a set, as the capture of a test. @path is relative to the rule file's name, where
 * it was relative. 0, and bytes from malloc(), which the library frees; or -errno. Called while xdpfc_compile() runs, by the thread that called it.
 * */
typedef int (*xdpfc_read_fn)(void *arg, const char *path, char **bytes, size_t *len);

/* As .read: the file system, seen from the working directory; what one file is, it says. */
XDPFC_API int xdpfc_read_file(void *arg, const char *path, char **bytes, size_t *len);

struct xdpfc_options {
	size_t sz;
	const char *mcpu;		/* "v3" (NULL), "v4" */
	const char *engine;		/* of rules, as --engine has it; NULL: the compiler chooses */
	const char *set_engine;		/* of constant sets, as --set-engine has it; NULL: the compiler chooses */
	const char *counting;		/* of rules, as --counting has it; NULL: the compiler chooses */
	unsigned table_memory;		/* MiB that tables may take, at most 512; 0: 128 */
	bool werror;			/* warnings count as errors */
	bool no_source;			/* the object does not hold the rule files' texts */
	xdpfc_read_fn read;		/* NULL: rule files that name files are refused */
	void *read_arg;
	uint64_t memory;		/* bytes that compiling may take; 0: no bound of its own */
	unsigned seconds;		/* that it may take; 0: as long as it lasts */
};

/* What is wanted of a compilation, besides diagnostics. */
enum xdpfc_want {
	XDPFC_OBJECT		= 1 << 0,	/* the object, for libxdpf or any other loader */
	XDPFC_TESTS		= 1 << 1,	/* the files' tests, run by the reference evaluator */
	XDPFC_AST		= 1 << 2,	/* the tree, as text */
	XDPFC_IR		= 1 << 3,	/* the intermediate representation, as text */
	XDPFC_LLVM		= 1 << 4,	/* LLVM's, as text */
	XDPFC_ASM		= 1 << 5,	/* the program in the kernel's assembly language */
	XDPFC_BUDGET		= 1 << 6,	/* what it will cost, as text */
	XDPFC_BUDGET_JSON	= 1 << 7,	/* the same as JSON */
	XDPFC_FORMAT		= 1 << 8,	/* the rule file in its canonical layout; only where there is one file */
};

struct xdpfc_result;

/* Compiles @p. @want: a sum of enum xdpfc_want; 0 finds out whether it would compile. */
XDPFC_API int xdpfc_compile(struct xdpfc_result **out, const struct xdpfc_program *p, unsigned want, const struct xdpfc_options *opts);
XDPFC_API void xdpfc_result_free(struct xdpfc_result *r);

/* ---- what comes of it ---- */

/* There is all that was wanted. Failed tests do not count as errors; warnings do where .werror says so. */
XDPFC_API bool xdpfc_result_ok(const struct xdpfc_result *r);

enum xdpfc_severity { XDPFC_ERROR, XDPFC_WARNING };

/* What found it. */
enum xdpfc_kind {
	XDPFC_MEANING,		/* the check of names, types, values and tests */
	XDPFC_SYNTAX,		/* the parser; files that cannot be read are its, too */
	XDPFC_SIZE,		/* the making of code: the rules are more than a program can have */
	XDPFC_INTERNAL,		/* the compiler came to an end: a defect of it, or of LLVM */
};

struct xdpfc_place {
	const char *file;	/* as it was named; NULL: no place */
	unsigned line, column;	/* from 1, columns in bytes */
	unsigned end_line, end_column;	/* behind the last byte */
};

struct xdpfc_diag {
	enum xdpfc_severity severity;
	enum xdpfc_kind kind;
	struct xdpfc_place place;
	const char *text;	/* the fact, in one line of UTF-8 */
	const char *remedy;	/* what to do; or NULL */
	struct xdpfc_place note_place;
	const char *note;	/* about another place; or NULL */
};

/* The @i-th diagnostic, in the order in which they were found; NULL: there are no more. At most 20 errors and 100 warnings are kept. */
XDPFC_API const struct xdpfc_diag *xdpfc_result_diag(const struct xdpfc_result *r, size_t i);
/* How many there were, kept or not. */
XDPFC_API unsigned xdpfc_result_errors(const struct xdpfc_result *r);
XDPFC_API unsigned xdpfc_result_warnings(const struct xdpfc_result *r);
/* All of them as the tool shows them, with the lines of the rule files that they are about. Never NULL. */
XDPFC_API const char *xdpfc_result_messages(const struct xdpfc_result *r);

/* What was made for one of enum xdpfc_want, *len bytes and behind them a NUL; NULL: it was not wanted, or there were errors. */
XDPFC_API const void *xdpfc_result_get(const struct xdpfc_result *r, enum xdpfc_want what, size_t *len);

struct xdpfc_test {
	const char *name;
	struct xdpfc_place place;	/* where it fails; else where it begins */
	bool passed;
	const char *text;		/* what was expected and what came, in one line; NULL where it passed */
	uint64_t packet;		/* the failed expectation's, counted from 1; 0: there is none */
};

/* The @i-th test of the files; NULL: there are no more, or they were not wanted. */
XDPFC_API const struct xdpfc_test *xdpfc_result_test(const struct xdpfc_result *r, size_t i);

#ifdef __cplusplus
}
#endif

#endif
