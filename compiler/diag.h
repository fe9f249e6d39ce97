/*
 * Source texts, places in them, and the list of diagnostics of one compilation. Nothing here prints: diag_render() makes text, diag_json()
 * data; the tools print.
 */
#ifndef XDPF_DIAG_H
#define XDPF_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "arena.h"

struct source;
struct span;

/* Of a text that was made from something else: where those who wrote that find things. */
struct source_origin {
	const char *path;	/* of what it was made from */
	/* What @sp was made from, behind the path's `#`: "/statements/3/when". In @a. */
	const char *(*place)(const struct source_origin *o, struct arena *a, struct span sp);
	/* Where that was made, if it says so: a file or NULL, a line or 0. NULL: it never does. */
	void (*written)(const struct source_origin *o, struct span sp, const char **file, unsigned *line);
};

/* A text that was read: a file, standard input, or memory. Lives in the arena. */
struct source {
	const char *path;	/* as it was given or included; "-" is shown as "<stdin>" */
	const char *text;	/* len bytes and a NUL behind them; may hold NULs */
	size_t len;
	uint32_t *line_start;	/* offset of each line's first byte; filled by source_new() */
	size_t n_lines;
	const struct source_origin *origin;	/* NULL: it was written as it is */
	const char *root;	/* what its path begins with, and those that it names: it is not of this disk; NULL: they are what they are */
	bool absolute;		/* it was named by an absolute path, or by a file that was */
};

/* Where files come from that rule files name. */
struct source_reader {
	/* All bytes of @path in @a, and their number; NULL: *why says why not. */
	const char *(*read)(void *arg, struct arena *a, const char *path, size_t *len, const char **why);
	void *arg;
	bool rooted;		/* of those alone that files with a root name */
};

/* A run of bytes of a source; begin <= end. src NULL: no place (a rule made by the compiler). */
struct span {
	const struct source *src;
	uint32_t begin, end;
};

struct line_col {
	unsigned line, col;	/* from 1; columns count bytes */
};

struct source *source_new(struct arena *a, const char *path, const char *text, size_t len);
struct line_col source_line_col(const struct source *s, uint32_t offset);
/* Where its text begins: behind a byte order mark, which says nothing. */
size_t source_begin(const struct source *s);
/* Who of @r and the file system (NULL) has what @by names. */
const struct source_reader *source_reader(const struct source_reader *r, const struct source *by);
/* The path as people know it: without a root; "<stdin>" for "-". */
const char *source_path(const struct source *s);
/* The last component of the path: "edge.xdpf"; "<stdin>" for "-". */
const char *source_shown(const struct source *s);
/* The same, and the line: "edge.xdpf:31". Of a text that was made from something else, those that this says. */
char *span_shown(struct arena *a, struct span sp);

enum severity { DIAG_ERROR, DIAG_WARNING };

/* What found it. */
enum diag_kind {
	DIAG_MEANING,	/* names, types, values, tests */
	DIAG_SYNTAX,	/* the text is no rule file, or a file that it names cannot be read */
	DIAG_SIZE,	/* no program can be made of it */
};

struct diag {
	enum severity severity;
	enum diag_kind kind;
	struct span span;
	const char *text;		/* the fact; one line, no full stop */
	const char *remedy;		/* what to do, or NULL */
	struct span note_span;		/* src NULL: none */
	const char *note;
};

/* How many errors are kept, and how many are counted before the passes stop. */
enum { DIAG_MAX_ERRORS = 20, DIAG_MAX_COUNTED = 1000 };

struct diag_list {
	struct arena *arena;
	VEC(struct diag) list;
	unsigned errors, warnings;	/* all of them, kept or not */
	bool werror;			/* warnings count as errors */
	bool analysed;			/* the analyses follow: what they say exactly is not guessed at before */
	enum diag_kind kind;		/* of those that are added */
};

/* Appends an error and returns it, so that the caller may add remedy and note. Past DIAG_MAX_ERRORS it is counted but not kept (the
 * returned record is then scratch). Never NULL. */
struct diag *diag_error(struct diag_list *d, struct span sp, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
struct diag *diag_warning(struct diag_list *d, struct span sp, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* True when no more errors need counting: passes stop early. */
bool diag_full(const struct diag_list *d);
bool diag_failed(const struct diag_list *d);

/*
 * All diagnostics as text, in the order they were added:
 *
 *   edge.xdpf:12:24: error: 70000 is not a port
 *      12 | drop if tcp.dport == 70000;
 *         |                      ^~~~~
 *     remedy: a port is a number from 0 to 65535
 *   edge.xdpf:3:1: note: …
 *
 * and at the end, where there were more of them than are kept, "xdpfc: and 17 more errors".
 * Of a text that was made from something else, places are "rules.json#/statements/3/when: error: …", excerpts have no line numbers, and
 * "  written by: tenants.csv:12" follows where that is known.
 * Control characters and invalid UTF-8 in source lines are shown as '?', tabs as blanks, long lines are cut around the caret.
 */
void diag_render(const struct diag_list *d, FILE *out, bool colour);
/* An array of {severity, file, line, column, end_line, end_column, text, remedy?, note?: {file, line, column, text}}, as JSON text. Where
 * there were more than are kept, a record {severity, text, more} stands for them at the end, without a place. Of a text that was made from
 * something else, pointer stands for line and column: {file, pointer, written_by?: {file?, line?}}. */
void diag_json(const struct diag_list *d, FILE *out);

/* The nearest of @n candidate names to @name (edit distance at most a third of its length, at least 1), or NULL. Of two
 * that are as near, one that begins with the same letter. */
const char *diag_nearest(const char *name, size_t len, const char *const *candidates, size_t n);

#endif
