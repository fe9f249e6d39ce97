/*
 * What the parts of libxdpf share, and nobody else sees.
 */
#ifndef XDPF_RUNTIME_PRIVATE_H
#define XDPF_RUNTIME_PRIVATE_H

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi.h"
#include "abi_explain.h"
#include "table/live.h"
#include "xdpf/doctor.h"
#include "xdpf/runtime.h"
#include "xdpf/sets.h"
#include "xdpf/tests.h"

/* ---- ownership: a function is seen to leak nothing without reading what it calls ---- */

static inline void free_ptr(void *p)
{
	free(*(void **)p);
}

static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(free_ptr)
#define _cleanup_close_ _cleanup_(close_fd)
#define take_ptr(p) ({ __typeof__(p) taken_ = (p); (p) = NULL; taken_; })
#define take_fd(fd) ({ int taken_ = (fd); (fd) = -1; taken_; })

/* Options of a caller must have their size, and ask for nothing beyond the @known bytes of this version: -EINVAL, -E2BIG. NULL: all defaults. */
int rt_opts_check(const void *opts, size_t known, const struct xdpf_log *log);
/* @opts as a struct of this version: what an older caller does not know is zero, what a newer one knows is not looked at. */
#define opts_copy(type, opts) ({						\
	type copy_ = { 0 };							\
	if (opts)								\
		memcpy(&copy_, (opts), (opts)->sz < sizeof(copy_) ? (opts)->sz : sizeof(copy_)); \
	copy_;									\
})

/* ---- log.c ---- */

/* Bytes of the character at @s, which is not ASCII; 0: it is no UTF-8. */
size_t rt_utf8_length(const unsigned char *s, size_t left);
/* What is no UTF-8, and control characters but for the end of a line, become `?`. */
void rt_clean_text(char *s);
void rt_log(const struct xdpf_log *log, enum xdpf_log_level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Logs an error and returns -@err, so that `return rt_fail(…)` is one statement. */
int rt_fail(const struct xdpf_log *log, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same for a system call: adds the error's meaning and, for EPERM, which privilege is lacking. */
int rt_fail_sys(const struct xdpf_log *log, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
#if defined(XDPF_ANALYSED) || defined(__clang_analyzer__)
/* Analysers look at one file at a time: that this is no 0 they are told. */
static inline int rt_failed(void)
{
	return -1;
}
#define rt_fail(...) ((void)rt_fail(__VA_ARGS__), rt_failed())
#define rt_fail_sys(...) ((void)rt_fail_sys(__VA_ARGS__), rt_failed())
#endif

/* libbpf's own messages go to @log at XDPF_LOG_DEBUG between these two, and the last warning is kept: they say why in its
 * own words. */
struct rt_libbpf {
	const struct xdpf_log *log;
	struct rt_libbpf *outer;
	char last[256];
};
void rt_libbpf_begin(struct rt_libbpf *scope, const struct xdpf_log *log);
void rt_libbpf_end(struct rt_libbpf *scope);

/* ---- metadata.c, ways_meta.c, elf.c ---- */

struct rt_meta;

/* Parses and checks the metadata's text; -EBADMSG with a reason. */
int rt_meta_parse(struct rt_meta **out, const char *text, size_t len, const struct xdpf_log *log);
/* The same of a text of malloc(), which is taken over, also on failure. */
int rt_meta_take(struct rt_meta **out, char *text, size_t len, const struct xdpf_log *log);
/* The same metadata, of a program that was loaded so; it may outlive @m. */
int rt_meta_share(struct rt_meta **out, struct rt_meta *m, bool frags, const struct xdpf_log *log);
void rt_meta_free(struct rt_meta *m);
static inline void rt_meta_freep(struct rt_meta **m)
{
	rt_meta_free(*m);
}
const struct xdpf_meta *rt_meta_get(const struct rt_meta *m);
/* The text that @m was read from, with what the runtime adds at load. @moved: NULL, or where counters are: see rt_moved_text(). */
int rt_meta_text(char **out, const struct rt_meta *m, const char *text, size_t len, bool frags, const char *moved, const struct xdpf_log *log);

/* Of an image: see abi.h. A place in it that says where a table is, and the table's elements. */
struct rt_table {
	size_t place, n;
};

struct rt_image {
	const char *shape;		/* NULL: it is not known, there is no image */
	size_t size;
	struct rt_table *what, index;	/* .index.n 0: the code names indexes */
	size_t n_what;
};

/* A counter that is no rule's now, or was counted under another verdict; or what such ones had. */
struct rt_past {
	uint32_t index, into;		/* RT_NO_INDEX: what it had is .count; it is part of no rule's count */
	unsigned file;
	enum xdpf_verdict verdict;
	struct xdpf_count count;
};

enum { RT_NO_INDEX = UINT32_MAX };

/* What became of counters while the image was exchanged. */
struct rt_moved {
	struct rt_past *past;
	size_t n_past;
	uint32_t next;			/* where indexes for new rules are looked for */
};

/* Of a live set: its snapshots, its place in the map of those; do rules add to it? */
struct rt_snap {
	struct live_set set;
	unsigned at;
	bool added;
};

const struct rt_snap *rt_meta_snap(const struct rt_meta *m, size_t set);
const struct rt_image *rt_meta_image(const struct rt_meta *m);
const struct rt_moved *rt_meta_moved(const struct rt_meta *m);

/* ---- counters of all kinds, as numbers ---- */

/* 2 numbers each, but 3 of a limit and 4 of a set; RULES: by index. */
enum rt_kind { RT_RULES, RT_VERDICTS, RT_OTHERS, RT_MISSES, RT_LOGS, RT_LIMITS, RT_SETS, RT_KINDS };

struct rt_counts {
	uint64_t *v[RT_KINDS];
	size_t n[RT_KINDS];		/* numbers */
};

/* ---- relabel.c: which rules go on under which indexes ---- */

struct rt_relabel {
	uint32_t *to;			/* by index in the object: in the kernel */
	size_t n;
	uint32_t *fresh;		/* of them, those whose counters begin */
	size_t n_fresh, kept, gone;
	struct rt_moved moved;
	char why[160];			/* it cannot be done so, because */
};

/* From what runs to an object of the same shape. @room: elements of xdpf_rules; @noted: NULL, or by element: a new rule must not
 * have it (see rt_counted_noted()); @counts: what they have, as far as @n_counts. -ENOTSUP: .why says why not. */
int rt_relabel(struct rt_relabel *out, const struct rt_meta *old, const struct rt_meta *new, size_t room, const bool *noted,
	       const struct xdpf_count *counts, size_t n_counts, const struct xdpf_log *log);
void rt_relabel_free(struct rt_relabel *r);
/* As a member of "loaded". */
void rt_past_put(FILE *f, const struct rt_past *past, size_t n);
/* As members of "loaded", with what stays of it @before. */
int rt_moved_text(char **out, const struct rt_relabel *r, const struct rt_meta *before, const struct xdpf_log *log);
/* Puts the new indexes where the image has the object's. */
int rt_relabel_image(void *image, size_t size, const struct rt_image *im, const struct rt_relabel *r, const struct xdpf_log *log);

/* ---- metadata_loaded.c: what the runtime added ---- */

/* What a map of the program is called in it, where it was another's; NULL: as in the kernel. */
const char *rt_meta_map_name(const struct rt_meta *m, uint32_t id);
bool rt_meta_seed(const struct rt_meta *m, uint64_t *seed);
/* By set: of what it begins with; NULL: it is not known. */
const uint64_t *rt_meta_declared(const struct rt_meta *m);
/* As members of "loaded". */
void rt_loaded_put(FILE *f, uint64_t seed, const uint64_t *declared, size_t n);
void rt_loaded_keep(FILE *f, const struct rt_meta *meta);

/* The texts of an object file, which point into it. */
struct rt_elf_texts {
	const char *meta, *tests, *sets, *nic;	/* .tests, .sets, .nic NULL: there are none; .sets is bytes */
	size_t meta_len, tests_len, sets_len, nic_len;
};

/* Checks an object file and finds its texts. */
int rt_elf_metadata(struct rt_elf_texts *out, const void *data, size_t len, const struct xdpf_log *log);

/* ---- btf_check.c ---- */

bool rt_btf_sound(const void *data, size_t len);
bool rt_btf_ext_sound(const void *data, size_t len);

/* ---- object.c ---- */

/* What ran on an interface: .prog_id 0: nothing. */
struct rt_made_from {
	unsigned ifindex;
	uint32_t prog_id, meta_id;
};

struct xdpf_object {
	char *data;
	size_t len;
	struct rt_meta *meta;
	struct bpf_object *bpf;			/* as it was opened to be checked: the first that loads it takes it; or NULL */
	const char *text;			/* the metadata's, in .data */
	size_t text_len;
	const char *tests;			/* their text, in .data; NULL: none */
	size_t tests_len;
	const char *sets;			/* what its sets begin with, in .data; NULL: nothing */
	size_t sets_len;
	struct rt_nic_rules *nic;		/* NULL: it says nothing of network cards */
	struct rt_made_from *from;		/* the programs that it was merged from, by interface; NULL: it was not */
	size_t n_from;
	int turn_fd;				/* held until it goes: see rt_bpffs_turn(); -1: nothing */
};

/* Opens the object with libbpf and checks it against its metadata. @image: its bytes, where they are not its own. */
int rt_object_open_bpf(struct bpf_object **out, const struct xdpf_object *o, const char *image, const struct xdpf_log *log);

/* ---- limits.c ---- */

enum { RT_LIMIT_MAPS = 18 };		/* one for each kind of table */

/* The kind of table that the map of buckets with this name is; -1: it is none. */
int rt_limits_kind(const char *name);
/* The maps of limits: -ENOENT where @map is none of them, 0 where it is what the metadata says. */
int rt_limits_map(const struct bpf_map *map, const struct xdpf_meta *m, const struct xdpf_log *log);
/* Their counters. @fd -1: there is none, all are zero. */
int rt_limits_read(int fd, struct xdpf_limit_counts *out, size_t n, const struct xdpf_log *log);

/* ---- failures.c ---- */

struct xdpf_program;

/* The kernel's tracepoints. */
enum { RT_WATCH_REDIRECT, RT_WATCH_EXCEPTION, RT_WATCH_DEVICE, RT_WATCH_BACK, RT_WATCHES };

/* Counts what the kernel loses of what @p sends from this interface (0: it is not known), while its .watch_fd are open or pinned; @before_fd: -1, or
 * the map of a program before, which goes on. Where there is nothing to count, or no way to (which is told), nothing changes. */
int rt_failures_watch(struct xdpf_program *p, int before_fd, unsigned ifindex, const struct xdpf_log *log);
/* From here on it is @p that counts for the interface. */
void rt_failures_own(const struct xdpf_program *p);
void rt_failures_own_id(uint32_t prog_id);
/* Counts for @p, by links @watch_fd, what is of another program @prog_fd, which goes on to that one: the kernel names who was called first. */
void rt_failures_watch_too(int watch_fd[RT_WATCHES], const struct xdpf_program *p, int prog_fd, const struct xdpf_log *log);
/* By errno, and by verdict. */
int rt_failures_read(uint64_t *counts, size_t n, uint64_t *exceptions, size_t n_exceptions, int map_fd, const struct xdpf_log *log);

/* ---- attach.c ---- */

struct ethtool_drvinfo;

/* The name of an interface's driver, in @info; NULL: it does not say. */
const char *rt_driver_name(const char *iface, struct ethtool_drvinfo *info);

#include "sets.h"

/* ---- program.c ---- */

/* A program in the kernel, loaded by us or found there. */
struct xdpf_program {
	struct rt_meta *meta;
	int prog_fd, rules_fd, pending_fd, verdicts_fd, misses_fd, others_fd, limits_fd, meta_fd, errors_fd;	/* -1: the program has none */
	int watch_fd[RT_WATCHES];
	int log_fd, logs_fd, next_fd, carried_fd, cookies_fd, explain_fd, samples_fd;
	int swap_fd, images_fd, metas_fd, ifaces_fd;
	uint32_t seen_meta;			/* id of the map that .meta was read from */
	struct ring_buffer *ring;		/* loaded for tests: emptied after each run, so that it is never full */
	int *table_fd;				/* by table */
	int limit_fd[RT_LIMIT_MAPS];		/* by kind of table: buckets */
	int live_fd, lists_fd, snap_fd[LIVE_ROOM_MOST + 1];	/* turns of sets; lists; snapshots by their size */
	int *set_fd, *age_fd, sets_fd;		/* by set: its elements, and the queue of those that may expire; counters */
	struct bpf_object *bpf;			/* of a program that we loaded */
	char *image;				/* its file, where that is not the object's own bytes: see rt_rx_image() */
	const struct xdpf_trace *trace;		/* loaded for tests: in the map of .bss, which is mapped here */
	volatile struct xdpf_inputs *inputs;	/* there, too; NULL: it asks for none */
	void *bss;
	size_t bss_len;
	bool test, frags;
	char test_iface[16];			/* the name of RT_TEST_IFINDEX, or "" */
	char iface[16];				/* where it was found; "": nowhere */
};

/* run.c: what the next test run says that is not in the frame. */
void rt_inputs_set(struct xdpf_program *p, const struct xdpf_run_opts *o);

struct xdpf_program *rt_program_new(const struct xdpf_log *log);
/* Room for as many fds as its metadata has tables and sets. */
int rt_program_tables(struct xdpf_program *p, const struct xdpf_log *log);
/* Where the fd of a map with this name belongs; NULL: nowhere. */
int *rt_program_place(struct xdpf_program *p, const char *name);
/* One that runs; @prog_fd is taken over. */
int rt_program_open(struct xdpf_program **out, int prog_fd, const char *iface, const struct xdpf_log *log);
static inline void rt_program_freep(struct xdpf_program **p)
{
	xdpf_program_free(*p);
}

/* Found somewhere where another one runs now, or with other tables. */
bool rt_program_replaced(const struct xdpf_program *p);

/* ---- load.c ---- */

/* xdpf_program_load(), of one that takes another's place. @carry: NULL, or what goes on. */
int rt_program_load(struct xdpf_program **out, const struct xdpf_object *o, const struct xdpf_load_opts *opts, struct rt_carry *carry,
		    const struct xdpf_log *log);

/* ---- metamap.c: the metadata in the kernel ---- */

/* Binds the metadata to the program, so that it is found from the program alone. @metas_fd: NULL, or for that of images that come later. */
int rt_metamap_bind(int *out_fd, int *metas_fd, int prog_fd, const char *text, const struct xdpf_log *log);
/* The metadata of an image to come, for an element of xdpf_metas. */
int rt_metamap_new(int *out_fd, const char *text, const struct xdpf_log *log);
/* What belongs to the image that is in use. The fds: -1 where the program has none. @id: of the map that it was read from. */
int rt_metamap_read(struct rt_meta **out, uint32_t *id, int meta_fd, int metas_fd, int swap_fd, const struct xdpf_log *log);
/* Which map that is: 0, or -errno. */
int rt_metamap_id(uint32_t *id, int meta_fd, int metas_fd, int swap_fd);

/* ---- stats.c ---- */

/* ---- counted.c ---- */

/* The first @n pairs of u64 of a per-CPU array, in whose elements are so many @pairs each, summed over CPUs. @fd -1: there is none, they stay. */
int rt_pairs_read(int fd, void *out, size_t n, size_t pairs, const struct xdpf_log *log);
/* What the program has in its counters of rules, and what is noted for them. */
int rt_counted_read(const struct xdpf_program *p, struct xdpf_count *out, size_t n, const struct xdpf_log *log);
/* Sets those of @noted[@n] whose index a CPU may still have noted, to count it later. */
int rt_counted_noted(const struct xdpf_program *p, bool *noted, size_t n, const struct xdpf_log *log);

/* ---- counted_clear.c ---- */

/* How many indexes may count. */
int rt_counted_room(const struct xdpf_program *p, const struct xdpf_log *log);
/* These have counted nothing. No packet may be counted or noted for them. */
int rt_counted_clear(const struct xdpf_program *p, const uint32_t *index, size_t n, const struct xdpf_log *log);
/* All counters but those of tables; @view: them, in *out. @deep: also of a program before that is not done yet. */
int rt_counts_read(struct xdpf_stats **out, struct rt_counts *view, const struct xdpf_program *p, bool deep, const struct xdpf_log *log);
/* The counters of indexes, as they are. */
int rt_rules_read(const struct xdpf_program *p, struct xdpf_count *out, size_t n, const struct xdpf_log *log);

/* ---- carry.c: what goes on in a program that takes another's place ---- */

/* Of each set of an object: what it begins with, as a number. */
int rt_declared_sums(uint64_t **out, const char *data, size_t len, const struct xdpf_meta *m, const struct xdpf_log *log);
/* *out stays where nothing can go on, which is told. The program is held, not taken over; @o must outlive it. @pending: the new one may go again. */
int rt_carry_new(struct rt_carry **out, int prog_fd, const struct xdpf_object *o, bool pending, const char *iface, const struct xdpf_log *log);
void rt_carry_free(struct rt_carry *c);
/* At work, in this order. Before the load: */
int rt_carry_maps(struct rt_carry *c, struct bpf_object *bpf, const struct xdpf_log *log);
uint64_t rt_carry_seed(const struct rt_carry *c, uint64_t fresh);
void rt_carry_put(FILE *f, const struct rt_carry *c);
/* After it; @c NULL for all of these: nothing goes on. */
const char *rt_carry_name(const struct rt_carry *c, const struct bpf_map *map);
bool rt_carry_has_set(const struct rt_carry *c, size_t set);
int rt_carry_errors_fd(const struct rt_carry *c);
int rt_carry_loaded(struct rt_carry *c, struct xdpf_program *p, const struct xdpf_log *log);
/* Before it runs, beside the link at @path, for who comes after one that is ended: see pending.h. @c NULL: there is nothing. */
int rt_carry_pin(const struct rt_carry *c, const struct xdpf_program *p, const char *path, const struct xdpf_log *log);
void rt_carry_unpin(const char *path);
/* When the new program runs: from here on the old one's state is not needed, but where it is @pending its counters. */
int rt_carry_finish(struct rt_carry *c, const struct xdpf_program *p, const char *path, bool pending, const struct xdpf_log *log);
/* What came of it. */
void rt_carry_say(const struct rt_carry *c, const char *iface, const struct xdpf_log *log);
void rt_carry_counts(const struct rt_carry *c, size_t *kept, size_t *fresh, size_t *gone);
struct xdpf_lost *rt_carry_take_lost(struct rt_carry *c, size_t *n);
/* Does what a process that was ended left, for the link at @path and the program that runs there (-1: none), or @waits for confirmation. */
int rt_carry_recover(const char *path, int prog_fd, bool waits, const char *iface, const struct xdpf_log *log);
/* Adds what the program before counted. */
int rt_carried_add(struct rt_counts *to, const struct xdpf_program *p, bool deep, const struct xdpf_log *log);
/* Indexes that rules get which had none. */
int rt_carried_clear(const struct xdpf_program *p, const uint32_t *indexes, size_t n, const struct xdpf_log *log);

/* ---- swap.c: another image for a program that runs ---- */

struct rt_swap;

/* Makes all ready, or says in @why that a program must be loaded: then *out stays. @frags: it must take frames in fragments. */
int rt_swap_prepare(struct rt_swap **out, char *why, size_t size, int prog_fd, const struct xdpf_object *o, const char *iface, bool frags,
		    const struct xdpf_log *log);
/* From here on packets are for the new image. */
void rt_swap_commit(struct rt_swap *s);
/* So many rules go on, are new, are no more. */
void rt_swap_counts(const struct rt_swap *s, size_t *kept, size_t *fresh, size_t *gone);
/* The metadata that belongs to the new image. */
int rt_swap_meta_fd(const struct rt_swap *s);
/* Lets go of the old image, or, where it was not committed, of the new one. */
void rt_swap_free(struct rt_swap *s);

/* ---- read_lock.c ---- */

struct rt_lock {
	int fd;				/* -1: it is not held */
	char path[128];
};

#define RT_NO_LOCK ((struct rt_lock){ -1, "" })

/* For what the map with this id sends, of a @kind; -EBUSY: "@what by xdpf (pid 7) already". */
int rt_lock_reader(struct rt_lock *out, const char *kind, uint32_t map_id, const char *what, const struct xdpf_log *log);
void rt_unlock_reader(struct rt_lock *l);

/* ---- reader.c ---- */

/* A program that is run for tests has nobody who reads its log: each run empties it. */
int rt_log_drain_open(struct xdpf_program *p, const struct xdpf_log *log);

/* ---- bpffs.c: where links are pinned ---- */

enum { RT_PATH_MAX = 128 };

/* Makes sure that /sys/fs/bpf is a bpffs that outlives us, takes the lock that only one change at a time holds, and
 * finishes or undoes what was left of earlier ones. The lock is held until the fd is closed. */
int rt_bpffs_lock(int *out_fd, const struct xdpf_log *log);
/* Waits for others who merge, but not for ever (*out_fd stays then), so that they do not undo each other's work; what somebody
 * else changed is found out in any case. */
int rt_bpffs_turn(int *out_fd, const struct xdpf_log *log);
void rt_bpffs_turn_over(int *fd);
/* The path of an interface's link in this network namespace. */
int rt_bpffs_path(char path[RT_PATH_MAX], unsigned ifindex, const struct xdpf_log *log);
/* Pins at @path, making the directories. */
int rt_bpffs_pin(int fd, const char *path, const struct xdpf_log *log);
/* Removes the pin, those beside it, and the directories that they leave empty. */
int rt_bpffs_unpin(const char *path, const struct xdpf_log *log);
/* Finishes or undoes what was left of changes on whatever interface, if nobody is at one. */
void rt_bpffs_sweep(const struct xdpf_log *log);

/* ---- held.c: for who may not look things up by their ids ---- */

/* Where everything is pinned: /sys/fs/bpf/xdpf, or what XDPF_BPFFS says. */
const char *rt_bpffs_root(void);
/* A program or map by its id: an fd, or -1 with errno. */
int rt_prog_get(uint32_t id);
int rt_map_get(uint32_t id);
/* Refuses with -EPERM what others' ids have to be looked up for, where this process may not. @why: who looks up what. */
int rt_by_ids(const char *what, const char *why, const struct xdpf_log *log);
/* Makes sure that a program that was loaded, and its maps, are found by these. Under the lock. */
int rt_hold(const struct xdpf_program *p, const struct xdpf_log *log);
int rt_hold_map(int fd, const struct xdpf_log *log);
/* Lets go of what belongs to no link or program that is pinned elsewhere. Under the lock. */
void rt_held_sweep(void);
/* Was somebody ended before that? */
bool rt_held_unsure(void);

/* ---- iface.c ---- */

/* xdpf_iface_query(), and the pinned link of ours (-1: none). */
int rt_iface_query(struct xdpf_iface *out, int *link_fd, const char *name, const struct xdpf_log *log);
/* Fails with what privileges are lacking, where they hide whose program it is (.ours_hidden). */
int rt_iface_fail_hidden(const struct xdpf_iface *i, const struct xdpf_log *log);
/* Do its frames begin with an Ethernet header, as filters take it? Those of a tun device or WireGuard do not. */
bool rt_iface_ethernet(const struct xdpf_iface *i);
int rt_iface_fail_frames(const struct xdpf_iface *i, const struct xdpf_log *log);
/* "program edge (id 7)", or "a program (id 7)" where the name is hidden. */
char *rt_iface_program(const struct xdpf_iface *i, char *buf, size_t size);

/* ---- translate.c: the kernel's translator to machine code ---- */

enum { RT_TRANSLATIONS = 16 };	/* tries */

/* Is it switched on? */
bool rt_translator_runs(void);
/* Has it given up on this program, which the kernel interprets? A kernel that was built without an interpreter refuses such a program instead. */
bool rt_interpreted(int prog_fd);
/* Puts other instructions of the same meaning in a program that is not yet loaded: others for each @way. */
int rt_translate_otherwise(struct bpf_program *prog, unsigned way, const struct xdpf_log *log);

/* ---- verifier.c ---- */

/* Logs why the kernel refused a program: the end of its log, and the rule of @m (or NULL) that it was at. */
void rt_verifier_explain(const struct xdpf_log *log, const char *text, const struct xdpf_meta *m);

#include "host.h"

#endif
