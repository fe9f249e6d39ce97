/*
 * A filter that waits for confirmation, and what is pinned beside an interface's link.
 *
 *   link        the link; whatever program it runs decides what all else is
 *   kept        the program that is being replaced, as long as that is going on or waits for confirmation
 *   previous    the program that was replaced last: what `rollback` goes back to
 *   guard       the program that chooses between .kept and .new by the clock, while the link runs it
 *   programs    its program array, which the kernel empties when nobody holds it by a pin or an fd
 *   until       its clock's end: struct rt_until
 *   new         the program that waits for confirmation
 *   tables      while tables are exchanged in the program: the metadata of the new ones
 *   before      the program that was replaced, until what it counted is written down for the one in its place: see carry.c
 *   copied-N    beside it, until the rest of set N is copied: what it had when it was copied: see carry_copied.c
 *   watch-ID    what counts packets of the program with this id that redirects lose; watch-ID-1 and so on: see RT_WATCH_EXCEPTION
 *
 * Pins are made before the link is changed, and taken away behind that: so the link and they say at any moment what to finish and what to undo.
 */
#ifndef XDPF_RUNTIME_PENDING_H
#define XDPF_RUNTIME_PENDING_H

#include "private.h"

#define RT_PIN_LINK	"link"
#define RT_PIN_KEPT	"kept"
#define RT_PIN_PREVIOUS	"previous"
#define RT_PIN_GUARD	"guard"
#define RT_PIN_PROGRAMS	"programs"
#define RT_PIN_UNTIL	"until"
#define RT_PIN_NEW	"new"
#define RT_PIN_TABLES	"tables"
#define RT_PIN_BEFORE	"before"
#define RT_PIN_COPIED	"copied-"
#define RT_PIN_WATCH	"watch-"

/* ---- guard.c ---- */

/* What a guard goes by; the layout of an element that nobody writes again. */
struct rt_until {
	uint64_t at;			/* ns of the clock that goes on while the machine sleeps: from then on it is the old one */
	uint32_t old_prog, new_prog;	/* ids; .old_prog 0: nothing filtered before */
};

struct rt_guard {
	int prog_fd, programs_fd, until_fd;
	int watch_fd[RT_WATCHES];	/* what counts packets that are lost behind it; -1: nothing */
	struct rt_until until;
};

#define RT_NO_GUARD ((struct rt_guard){ -1, -1, -1, { -1, -1, -1, -1 }, { 0, 0, 0 } })

/* Now, by the clock of rt_until.at. */
uint64_t rt_clock(void);
/* @old_fd -1: nothing filtered before. @frags: as both were loaded. The guard is as good as closed on failure. */
int rt_guard_make(struct rt_guard *out, int old_fd, int new_fd, uint64_t at, bool frags, const char *iface, const struct xdpf_log *log);
void rt_guard_close(struct rt_guard *g);
/* Pins the guard and what it needs beside the link at @path. */
int rt_guard_pin(const struct rt_guard *g, const char *path, const struct xdpf_log *log);
/* Program @prog_id, which the link at @path runs, if it is a guard; else -1. */
int rt_guard_open(const char *path, uint32_t prog_id);
/* What it goes by; false: it is no guard. */
bool rt_guard_look(struct rt_until *out, const char *path, uint32_t prog_id);

/* ---- pins.c ---- */

/* The path of a pin beside the link at @path. */
void rt_pin_path(char out[RT_PATH_MAX], const char *path, const char *name);
/* Pins @fd there, in the place of what is there; -1: nothing. Makes the directories. */
int rt_pin_put(int fd, const char *path, const char *name, const struct xdpf_log *log);
/* The fd of what is pinned there; -1, with errno. */
int rt_pin_get(const char *path, const char *name);
void rt_pin_drop(const char *path, const char *name);
/* Those whose names begin so. */
void rt_pin_drop_all(const char *path, const char *begin);
/* All of them but the link. */
void rt_pins_drop(const char *path);
/* The id of a program, by its fd; 0: it is none. */
uint32_t rt_prog_id(int fd);
/* What it is that is pinned somewhere; unknown where nobody can look, as without /proc. */
enum rt_pinned { RT_PINNED_UNKNOWN, RT_PINNED_PROGRAM, RT_PINNED_LINK, RT_PINNED_OTHER };
enum rt_pinned rt_pinned(int fd);
/* false: it is no link of XDP. Programs and maps have kinds of the same numbers. */
struct bpf_link_info;
bool rt_xdp_link(struct bpf_link_info *out, int fd);
/* Pins what watches program @prog_id; an @fd of -1 is nothing to be pinned. */
int rt_pin_watch(const int fd[RT_WATCHES], uint32_t prog_id, const char *path, const struct xdpf_log *log);
/* Finishes or undoes what was left of a change of the filter whose link is at @path, also where only its directory is left, and goes back to what
 * ran before where nobody confirmed in time. Says so. Only under the lock. */
void rt_settle(const char *path, const struct xdpf_log *log);
/* ... and of what goes on in the program that runs there (carry.c), unless it waits for confirmation. Not in the middle of a change. */
void rt_settle_carry(const char *path, const struct xdpf_log *log);
/* Only what is left of an interface that is gone, or of a first filter that did not come to run; true: it was such a one. */
bool rt_settle_gone(const char *path);
/* The same as rt_settle() of one interface, for those who only look: where there is something to do and nobody else holds the lock. */
void rt_settle_iface(const char *iface, const struct xdpf_log *log);
/* The link back from guard @guard_id to the program from before. */
int rt_go_back(int link_fd, const char *path, uint32_t guard_id, uint32_t old_id, const struct xdpf_log *log);

/* ---- carry_copied.c ---- */

/* Copies what came to sets of program @old_fd, and what went, since they were copied for @p, which takes its place. How many sets that were, or an
 * error. */
int rt_copied_finish(const char *path, const struct xdpf_program *p, int old_fd, const char *iface, const struct xdpf_log *log);

#endif
