/*
 * Internal to libxdpfc: what the calling process and the one that compiles say to each other, and what the library's files share.
 *
 * The child sends messages, each a head and its payload. LIB_READ is a question: the caller answers with a struct lib_answer and the file.
 */
#ifndef XDPF_LIB_H
#define XDPF_LIB_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <xdpfc/compiler.h>

/* ---- what is to be done ---- */

struct lib_file {
	char *name, *text;
	size_t len;
	bool built;			/* it is a builder's, and gets its layout before it is read */
};

struct xdpfc_program {
	struct lib_file *file;
	size_t n, cap;
};

/* Beside enum xdpfc_want, and alone: the layout of a file that is not looked at any further. */
enum { LIB_LAYOUT = 1 << 30 };

struct lib_job {
	const struct xdpfc_program *program;
	unsigned want;
	struct xdpfc_options o;		/* as the caller's, of this version */
};

/* ---- lib_compile.c ---- */

/* A builder's text in the canonical layout; *out is to be given to free(). 0 or -errno. */
int lib_layout(const char *text, size_t len, char **out, size_t *n);

/* ---- messages ---- */

enum lib_what {
	LIB_READ,		/* the path of a file, with its NUL */
	LIB_DIAG,		/* struct lib_diag and its texts */
	LIB_MESSAGES,		/* all of them, as text */
	LIB_MADE,		/* .n: for enum xdpfc_want, or LIB_LAYOUT; bytes */
	LIB_TEST,		/* struct lib_test and its texts */
	LIB_DONE,		/* struct lib_done; nothing follows */
	LIB_KINDS,
};

struct lib_head {
	uint32_t what, n;
	uint64_t len;
};

struct lib_answer {
	int64_t status;			/* 0, or -errno */
	uint64_t len;
};

struct lib_place {
	uint32_t line, column, end_line, end_column;
};

/* Texts follow in this order, each with its NUL: file, text, remedy, the note's file, note. An empty one is none. */
struct lib_diag {
	uint32_t severity, kind;
	struct lib_place place, note;
};

/* Texts: name, file, text. */
struct lib_test {
	struct lib_place place;
	uint32_t passed;
	uint64_t packet;
};

struct lib_done {
	uint32_t ok, errors, warnings;
};

/* ---- lib_job.c: what the child does ---- */

/* Does @job and sends what comes of it to @fd; true when all was sent. Where memory is out, the process ends. */
bool lib_job_run(const struct lib_job *job, int fd);

/* ---- lib_process.c: the child ---- */

struct lib_process {
	pid_t pid;
	int pidfd;			/* -1: the system has none */
	int fd;				/* to talk to it */
	int words;			/* what it says on standard error */
};

/* Starts a process that does @job. 0 or -errno. */
int lib_process_start(struct lib_process *p, const struct lib_job *job);
/* Ends it where it has not ended, and gives up what belongs to it. Its last words are in @words, cut at @room - 1 bytes; how it ended: as waitid()
 * says it. */
void lib_process_end(struct lib_process *p, char *words, size_t room, siginfo_t *how);

/* ---- lib_talk.c: bytes to and fro, at most up to a moment of the clock ---- */

/* CLOCK_MONOTONIC, in ms; or for ever. */
enum { LIB_FOR_EVER = -1 };
int64_t lib_now(void);
/* 0; -EPIPE where the other side is gone; -ETIMEDOUT; -errno. */
int lib_send(int fd, const void *p, size_t n, int64_t until);
int lib_receive(int fd, void *p, size_t n, int64_t until);

/* ---- lib_result.c ---- */

/* A message as it came, its payload with a NUL behind it. */
struct lib_message {
	struct lib_message *next;
	struct lib_head head;
	char data[];
};

int lib_result_new(struct xdpfc_result **out);
/* Takes @m. 0; or -errno, -EBADMSG: it is none, and @m is the caller's. */
int lib_result_add(struct xdpfc_result *r, struct lib_message *m);
/* As xdpfc_result_get(), of LIB_LAYOUT, too. */
const void *lib_result_made(const struct xdpfc_result *r, uint32_t what, size_t *len);
/* Makes it one with an error that says that the compiler came to an end, how, and its last words, which are changed; @how NULL: it did not end, but
 * what it sent was no message. */
int lib_result_broken(struct xdpfc_result *r, char *words, const siginfo_t *how);

#endif
