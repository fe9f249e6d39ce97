/*
 * libxdpf: from an object of xdpfc to a running filter. Loads and attaches XDP programs, finds them again, reads their
 * counters and runs them over frames. Knows no rule language and needs no LLVM.
 *
 * Errors. Functions return 0 or -errno; an output is written only on success. What went wrong, where, and what to do is told to the log as text, as
 * are warnings, and what was done; NULL is a log that nobody reads, and xdpf_log_keep() one that keeps the last error. Values that mean the same
 * everywhere: -EBADMSG, the object or what the kernel has is not what it says it is; -EPERM, privileges are lacking (CAP_BPF, CAP_NET_ADMIN,
 * CAP_PERFMON); -ENOENT, there is no filter of ours; -ENODEV, no such interface; -EBUSY, somebody else's program is there, or somebody changed it
 * just now; -EOPNOTSUPP, this kernel or driver cannot do it; -EINVAL, the call makes no sense, and was not tried; -E2BIG, it asks for options that
 * this version does not know; -EINTR, a signal came while another process' change was waited for; -ENOMEM.
 *
 * Ownership. What is returned by `**out` is the caller's, to be given to the _free() of its kind (which takes NULL); it must not outlive what it was
 * made from where that is said. What getters return is borrowed, and goes with what it was asked of; what callbacks get is theirs while they run.
 * Names and texts that are given are copied. Lists that are said to be of malloc() are given to free().
 *
 * Versions. Handles are opaque. Option structs start with their own size (`.sz = sizeof(opts)`, or -EINVAL); NULL means all defaults, and what an
 * older library does not know must be left zero, or -E2BIG. Structs that the library fills keep their size and layout under one soname; what grows
 * gets another function. Functions have symbol versions, and are never taken back under one soname.
 *
 * Units. Times are ns, unless a member says seconds; sizes are bytes; rates have their unit in their text. Indexes of interfaces are the kernel's.
 * Numbers are in the host's byte order; addresses are as packets have them: see enum xdpf_key_kind.
 *
 * Threads. Different handles may be used by different threads at the same time; one handle by one of them at a time. Functions without a handle may
 * be called by any thread at any time; what changes the system waits for other changes, of this process and others, under one lock. The log is called
 * by the thread that called the function. libbpf's print hook, of which a process has one, is taken over and passes on what is not of ours.
 *
 * Environment. XDPF_BPFFS names the directory of a bpffs where everything is pinned (without: /sys/fs/bpf/xdpf).
 */
#ifndef XDPF_RUNTIME_H
#define XDPF_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define XDPF_API __attribute__((visibility("default")))

/* ---- log ---- */

enum xdpf_log_level { XDPF_LOG_ERROR, XDPF_LOG_WARNING, XDPF_LOG_INFO, XDPF_LOG_DEBUG };

/* @text: one or more lines without a newline at the end; no control characters besides newlines. */
typedef void (*xdpf_log_fn)(void *arg, enum xdpf_log_level level, const char *text);

struct xdpf_log {
	xdpf_log_fn fn;
	void *arg;
};

/* The last error's text; "": there was none. */
struct xdpf_message {
	char text[1024];
};

/* A log that keeps it in @m, which must live as long as the log is used. */
XDPF_API struct xdpf_log xdpf_log_keep(struct xdpf_message *m);
/* "0.1.0" */
XDPF_API const char *xdpf_version(void);

/* ---- what an object says about itself ---- */

enum xdpf_verdict { XDPF_NO_VERDICT = -1, XDPF_ABORT, XDPF_DROP, XDPF_PASS, XDPF_TX, XDPF_REDIRECT, XDPF_N_VERDICTS };

XDPF_API const char *xdpf_verdict_name(enum xdpf_verdict v);

/* A verdict that may turn out to be impossible: the one that stands for it then, and the counter of packets that took it. */
struct xdpf_other {
	enum xdpf_verdict verdict;	/* XDPF_NO_VERDICT: there is none */
	unsigned slot;
};

/* What a rule that ends with `syncookie` counts besides: counters as .slot of struct xdpf_other is one. */
struct xdpf_cookies {
	bool used;			/* false: it is no such rule */
	unsigned completed;		/* packets with a right cookie: they went on, and are not among the rule's */
	unsigned unanswered;		/* SYNs that could not be answered, among the rule's .other */
};

struct xdpf_file {
	const char *name;
	unsigned default_index;
	enum xdpf_verdict default_verdict;
	struct xdpf_other default_other;
	bool counters;			/* false: its rules are not counted */
};

enum xdpf_branch {
	XDPF_BRANCH_THEN,		/* .depth 0, or in the block of the rule before it that stands one less deep */
	XDPF_BRANCH_ELSE,		/* in the block behind that rule's `else` */
	XDPF_BRANCH_ELSE_IF		/* it is what stands behind the `else` of the rule before it that stands as deep */
};

#define XDPF_MAX_DEPTH	100

struct xdpf_rule {
	unsigned index, file;
	const char *label;		/* or NULL */
	const char *shown;		/* the label, or "file.xdpf:31" */
	const char *source, *text;	/* where it stands, what it says */
	unsigned line, column;
	unsigned depth;			/* in how many blocks it stands; at most XDPF_MAX_DEPTH */
	enum xdpf_branch branch;
	enum xdpf_verdict verdict;	/* XDPF_NO_VERDICT: it does not decide */
	struct xdpf_other other;
	struct xdpf_cookies cookies;
};

/* How the bytes of a key say it; those between fields are zero. Compare keys as bytes. */
enum xdpf_key_kind {
	XDPF_KEY_NUM, XDPF_KEY_FLAG,	/* 1, 2, 4 or 8 bytes, the host's order */
	XDPF_KEY_IP4, XDPF_KEY_IP6,	/* 4 and 16 bytes, as in the packet */
	XDPF_KEY_IP,			/* 17: an address, IPv4's in the first 4 and zeros behind it, and 4 or 6 */
	XDPF_KEY_MAC,			/* 6, as in the packet */
	XDPF_KEY_BYTES,			/* as in the packet */
	XDPF_KEY_IFACE,			/* 4: an index, the host's order */
	/* Of sets: 4 or 6, and the address, 16 bytes as of IP, bits behind the prefix zero. The key's first 4 bytes, the host's order, say how many
	 * bits count of what is behind them. */
	XDPF_KEY_NET
};

#define XDPF_MAX_KEY	64		/* bytes of an element of a set */

struct xdpf_key_field {
	const char *name, *type;
	enum xdpf_key_kind kind;
	unsigned offset, size;		/* bytes of the key */
};

/* A table of packets and bytes that a `count` action fills. */
struct xdpf_table {
	const char *name, *map;
	unsigned file, key_size;
	const struct xdpf_key_field *key;
	size_t n_key;			/* 0: one count without a key */
};

#define XDPF_NO_TABLE	((unsigned)-1)

/* An action that may find nothing to do, and who counts that. */
struct xdpf_action {
	unsigned slot, rule, table;	/* rule: its index; table: place in .tables, or XDPF_NO_TABLE */
	const char *text;		/* as in the rule file */
};

/* Interfaces that get a copy each. */
struct xdpf_flood {
	const char *const *ifaces;
	size_t n;
};

/* Where verdicts redirect to. */
struct xdpf_ways {
	size_t n_others;		/* counters */
	const char *const *ports;
	size_t n_ports;
	const struct xdpf_flood *floods;
	size_t n_floods;
	const unsigned *cpus;
	size_t n_cpus;
	bool sockets, forwards;
};

/* A `log` or `sample` action. */
struct xdpf_logger {
	unsigned rule;			/* its index */
	bool sample;
};

#define XDPF_NO_RULE	((unsigned)-1)

/* A rate limit. */
struct xdpf_limit {
	const char *name, *rate;	/* its name, or "file.xdpf:31"; what it says */
	unsigned file;
	uint64_t size;			/* keys that it has room for; 0: it has one bucket */
	const char *layout;		/* of its buckets: what they are kept by; NULL: it is not known */
	unsigned kind, shift;		/* of its table: limits with one kind share a map; of a bucket's time: see limit.h */
	unsigned rule;			/* the index of that in which it stands, without a name; else XDPF_NO_RULE */
};

/* A set that lives. */
struct xdpf_set {
	const char *name;
	unsigned file;
	uint32_t size;			/* elements that it holds at most */
	uint64_t timeout;		/* ns that an element stays unless it is said otherwise; 0: until it is removed */
	bool expires;			/* its elements may */
	bool prefix;			/* elements begin with a u32, how many of their bits count: all, or those of a prefix */
	unsigned key_size;		/* of an element; at most XDPF_MAX_KEY */
	const struct xdpf_key_field *key;
	size_t n_key;			/* components */
};

/* A file that was read for it: a rule file, one that is included, elements of a set. */
struct xdpf_source {
	const char *name;
	uint64_t size;			/* bytes */
	const char *sha256;		/* 64 hexadecimal digits */
	const char *text;		/* all of it, with whatever control characters it has; NULL: it was left out */
};

struct xdpf_meta {
	const char *compiler, *program;
	const struct xdpf_file *files;
	const struct xdpf_rule *rules;	/* in the order of the files */
	const struct xdpf_rule *const *by_index;	/* .n_indexes of them; NULL: a default's, or nobody's */
	size_t n_indexes;
	const struct xdpf_table *tables;
	const struct xdpf_action *actions;
	const struct xdpf_limit *limits;
	const struct xdpf_logger *logs;
	const char *const *ifaces;
	size_t n_files, n_rules, n_tables, n_actions, n_limits, n_logs, n_ifaces;
	const struct xdpf_set *sets;	/* those that live */
	size_t n_sets;
	const struct xdpf_source *sources;
	size_t n_sources;		/* 0: it does not say */
	struct xdpf_ways ways;
	bool frags;			/* of a loaded program: it takes frames in fragments */
};

/* The rule with this counter, or NULL where it is a default's or nobody's. */
XDPF_API const struct xdpf_rule *xdpf_meta_rule(const struct xdpf_meta *m, unsigned index);
/* The place in .sets, .limits or .tables of what rules call @name; "FILE:NAME" where several files have one. -ENOENT: none has; -ENOTUNIQ: several
 * have, and the log says what to call them. Two limits on one line of a file have one name: they, too, are -ENOTUNIQ. */
XDPF_API int xdpf_meta_set(size_t *set, const struct xdpf_meta *m, const char *name, const struct xdpf_log *log);
XDPF_API int xdpf_meta_limit(size_t *limit, const struct xdpf_meta *m, const char *name, const struct xdpf_log *log);
XDPF_API int xdpf_meta_table(size_t *table, const struct xdpf_meta *m, const char *name, const struct xdpf_log *log);

/* ---- objects ---- */

struct xdpf_object;

/* Reads and checks an object file: -EBADMSG where it is none, is broken, or does not keep what it says about itself. */
XDPF_API int xdpf_object_open(struct xdpf_object **out, const char *path, const struct xdpf_log *log);
XDPF_API int xdpf_object_open_mem(struct xdpf_object **out, const void *data, size_t len, const char *name,
				  const struct xdpf_log *log);
struct xdpf_compile_opts {
	size_t sz;
	const char *compiler;		/* NULL: "xdpfc", looked for in PATH */
};

/* Has xdpfc make one program of rule files, in their order, and reads it. -EBADMSG: the rules are wrong, and the error's text is xdpfc's, with places
 * and remedies; -ENOENT: there is no xdpfc; -EIO: it could not do its work. Starts a process and waits for it. */
XDPF_API int xdpf_object_compile(struct xdpf_object **out, const char *const *files, size_t n, const struct xdpf_compile_opts *opts,
				 const struct xdpf_log *log);
XDPF_API void xdpf_object_free(struct xdpf_object *o);
XDPF_API const struct xdpf_meta *xdpf_object_meta(const struct xdpf_object *o);

/* ---- programs in the kernel ---- */

struct xdpf_program;

struct xdpf_load_opts {
	size_t sz;
	bool frags;			/* takes frames in fragments (MTU above a page) */
	bool generic;			/* is for generic mode, where every interface can send */
	unsigned ifindex;		/* the interface it is for: needed where it asks the driver (rx.hash, …), and not for tests */
	bool test;                      /* for xdpf_program_run(): leaves a trace; `iface`,
	`rxqueue` are absent or as given here */
	const char *test_iface;		/* the name of the interface that frames come from, or NULL */
	bool has_test_rxqueue;
	uint32_t test_rxqueue;
	/* so many are run at most: tables of counters have room for the keys of these, which makes them sooner; 0: any number */
	uint64_t test_packets;
};

/* Loads into the kernel, with maps of its own. Nothing is attached, and all of it goes with the handle; @o need not outlive it. */
XDPF_API int xdpf_program_load(struct xdpf_program **out, const struct xdpf_object *o, const struct xdpf_load_opts *opts,
			       const struct xdpf_log *log);
/* The filter of ours that runs on @iface; -ENOENT: there is none. */
XDPF_API int xdpf_program_find(struct xdpf_program **out, const char *iface, const struct xdpf_log *log);
XDPF_API void xdpf_program_free(struct xdpf_program *p);
XDPF_API const struct xdpf_meta *xdpf_program_meta(const struct xdpf_program *p);
/* Has a program that was found got other rules meanwhile? Its metadata and counters are to be asked for anew then. */
XDPF_API bool xdpf_program_changed(const struct xdpf_program *p);

/* Values of `flow.state`. */
enum xdpf_flow { XDPF_FLOW_STATE_ABSENT, XDPF_FLOW_STATE_NEW, XDPF_FLOW_STATE_ESTABLISHED, XDPF_FLOW_STATE_RELATED };

struct xdpf_run_opts {
	size_t sz;
	unsigned split;			/* so many bytes stand in the linear part, the rest in fragments; 0: no split */
	uint64_t now;			/* ns since the epoch, UTC: what the program's clocks say */
	uint64_t random;		/* what its random numbers are made from: see xdpf_run_random() */
	bool no_way;			/* verdicts that redirect find nothing to redirect to */
	uint64_t seed;			/* of the run: what flows are hashed with */
	bool has_socket, socket;	/* what `socket` says of TCP and UDP; not given: absent */
	enum xdpf_flow flow_state;	/* what `flow.state` is of TCP and UDP */
	/* what the driver says: rx.hash, rx.timestamp (0: nothing), and the tag that it took out of the frame */
	bool has_rx_hash, has_rx_vlan;
	uint16_t rx_vlan_type, rx_vlan_tci;
	uint32_t rx_hash;
	uint64_t rx_timestamp;
};

/* Sets what the driver says from text, such as "hash=7,vlan=5,pcp=3"; false: it is none. What is not said is absent. */
XDPF_API bool xdpf_run_opts_rx(struct xdpf_run_opts *o, const char *text);

/* .random of the @n-th packet of a run with this seed. */
XDPF_API uint64_t xdpf_run_random(uint64_t seed, uint64_t n);

struct xdpf_run_result {
	enum xdpf_verdict verdict;
	unsigned index;			/* of the rule or default that decided; UINT_MAX: the object keeps no trace */
};

/* Runs a program that was loaded for tests over one frame of at least XDPF_MIN_FRAME bytes; one without frags over at most
 * XDPF_MAX_LINEAR of them, for the kernel keeps the rest in fragments. */
#define XDPF_MIN_FRAME 14
#define XDPF_MAX_LINEAR 3000
XDPF_API int xdpf_program_run(struct xdpf_program *p, const void *frame, size_t len, const struct xdpf_run_opts *opts,
			      struct xdpf_run_result *result, const struct xdpf_log *log);

/* ---- interfaces ---- */

enum xdpf_mode { XDPF_MODE_NONE, XDPF_MODE_NATIVE, XDPF_MODE_GENERIC, XDPF_MODE_OFFLOAD, XDPF_MODE_SEVERAL };

XDPF_API const char *xdpf_mode_name(enum xdpf_mode m);

/* What XDP does on an interface. */
struct xdpf_iface {
	char name[16];
	unsigned ifindex, mtu;
	enum xdpf_mode mode;		/* NONE: no program */
	uint32_t prog_id, link_id;	/* 0: none, or not to be seen */
	char prog_name[16];		/* "": hidden by privileges */
	bool ours;			/* attached by this runtime */
	bool ours_hidden;		/* ... or perhaps: this process has no privileges to tell (then .ours is false) */
	int64_t since;			/* seconds since the epoch; 0: unknown */
	/* .prog_id waits for confirmation: for .left ns more, then .back_to is back (id 0: nothing filters) */
	bool pending;
	uint64_t left;
	uint32_t back_to;
	char back_to_name[16];		/* "": hidden by privileges */
	uint32_t part_id;		/* the program there is libxdp's dispatcher, and this part of it is ours (then .ours is false); 0: none */
};

XDPF_API int xdpf_iface_query(struct xdpf_iface *out, const char *name, const struct xdpf_log *log);
/* An interface's name as it may be printed, in @buf: the kernel takes any bytes, and what is no UTF-8, or a control character, becomes `?`. */
XDPF_API char *xdpf_iface_shown(const char *name, char *buf, size_t size);

struct xdpf_apply_opts {
	size_t sz;
	enum xdpf_mode mode;		/* NONE: native */
	bool reload;			/* loads a program where exchanging tables would do, too */
	bool afresh;			/* ... and counters, sets and limits begin anew */
	struct xdpf_applied *applied;	/* NULL, or by interface: what was done */
	/* ns; 0, or after that time the kernel by itself goes back to what ran before, unless xdpf_iface_confirm() comes first */
	uint64_t confirm;
};

#define XDPF_CONFIRM_MIN	1000000000u		/* 1 s */
#define XDPF_CONFIRM_MAX	86400000000000u		/* 24 h */
/* What the filter before had, and the new one has not. */
struct xdpf_lost {
	char kind[16];			/* "set", "limit", "table", "counters" */
	char file[256], name[256];	/* file: "" where it is of none */
	char why[160];
};

/* How a filter came to run. */
struct xdpf_applied {
	bool tables;			/* the program that runs got other tables: none was loaded */
	char why[160];			/* a program was loaded, because */
	bool carried;			/* ... and what the filter before counted and learned goes on in it, but for: */
	struct xdpf_lost *lost;		/* of malloc(), the caller's */
	size_t n_lost;
};

/* Applies @o to each interface: on all of them or none. Where a filter of ours runs that differs in its tables alone, these are exchanged; else a
 * program is loaded and attached, or replaces that filter. Either way counters, sets, limits and tables of the same file and name go on. */
XDPF_API int xdpf_object_apply(const struct xdpf_object *o, const char *const *ifaces, size_t n,
			       const struct xdpf_apply_opts *opts,
			       const struct xdpf_log *log);
/* Filters that wait for confirmation run for good from now on. -ENOENT: one does not wait, or not any more, and then none of them was confirmed. */
XDPF_API int xdpf_iface_confirm(const char *const *ifaces, size_t n, const struct xdpf_log *log);
/*
 * Goes back: from a filter that waits for confirmation to what ran before, or else to the filter that the last apply replaced by loading a program,
 * which stays loaded for that; what runs now takes its place. With its counters, sets and limits, as they were. -ENOENT: there is none.
 */
XDPF_API int xdpf_iface_rollback(const char *iface, const struct xdpf_log *log);
/* Takes our filter off; -ENOENT: there is none of ours. */
XDPF_API int xdpf_iface_remove(const char *name, const struct xdpf_log *log);

/* ---- records of packets ---- */

/* What a `log` or `sample` action saw. */
struct xdpf_record {
	uint64_t time;			/* ns since the epoch, UTC */
	const struct xdpf_rule *rule;
	bool decides;			/* .verdict is the rule's; else it goes on */
	enum xdpf_verdict verdict;
	uint32_t ifindex, rxqueue;	/* where the frame was received */
	uint32_t len;			/* of the frame */
	uint32_t caplen;		/* bytes of it at .data, from the Ethernet header on */
	const void *data;
};

struct xdpf_reader;

/* Reads the records of a program on an interface: one reader at a time. -EBUSY: there is another, which the log names; -ENOENT:
 * no rule of it logs. @p must outlive the reader. */
XDPF_API int xdpf_reader_open(struct xdpf_reader **out, const struct xdpf_program *p, const struct xdpf_log *log);
XDPF_API void xdpf_reader_free(struct xdpf_reader *r);
/* Waits at most @ms milliseconds for records and gives each to @fn, oldest first, until it returns false. How many there were, or -errno
 * (-EINTR: a signal). The record is @fn's only while it runs. */
typedef bool (*xdpf_record_fn)(void *arg, const struct xdpf_record *r);
XDPF_API int xdpf_reader_poll(struct xdpf_reader *r, int ms, xdpf_record_fn fn, void *arg);

/* ---- counters ---- */

struct xdpf_count {
	uint64_t packets, bytes;
};

struct xdpf_misses {
	uint64_t absent, full;		/* the key was not in the packet; the table had no room */
};

struct xdpf_logged {
	uint64_t limited, lost;		/* packets without a record: beyond the log's pace; the ring was full */
};

/* Packets that asked a limit: there was a token; there was none; there was no room for their key. */
struct xdpf_limit_counts {
	uint64_t admitted, denied, full;
};
#define XDPF_MAX_ERRNO 256

struct xdpf_stats;

/* A snapshot of all counters, summed over CPUs. Traffic goes on meanwhile: a few packets may be in some counters and not yet in others. @p must
 * outlive it. What getters are asked that there is not (an index, a slot, a place) has zeros. */
XDPF_API int xdpf_stats_read(struct xdpf_stats **out, const struct xdpf_program *p, const struct xdpf_log *log);
XDPF_API void xdpf_stats_free(struct xdpf_stats *s);
XDPF_API struct xdpf_count xdpf_stats_rule(const struct xdpf_stats *s, unsigned index);
XDPF_API struct xdpf_count xdpf_stats_verdict(const struct xdpf_stats *s, enum xdpf_verdict v);
XDPF_API struct xdpf_misses xdpf_stats_action(const struct xdpf_stats *s, unsigned slot);
/* Packets of a rule or default that took its other verdict: they are among xdpf_stats_rule()'s. */
XDPF_API struct xdpf_count xdpf_stats_other(const struct xdpf_stats *s, unsigned slot);
/* By place in meta.logs. */
XDPF_API struct xdpf_logged xdpf_stats_log(const struct xdpf_stats *s, size_t log);
XDPF_API struct xdpf_limit_counts xdpf_stats_limit(const struct xdpf_stats *s, size_t limit);
/* Packets that were redirected or sent back, and lost behind the program, by errno below XDPF_MAX_ERRNO: an interface was down, its MTU too small, …;
 * 0: the device took no more, and gave no error. */
XDPF_API uint64_t xdpf_stats_error(const struct xdpf_stats *s, unsigned err);
/* Packets that the kernel gave up with this verdict: what was to be sent back (tx), and could not be. */
XDPF_API uint64_t xdpf_stats_exception(const struct xdpf_stats *s, enum xdpf_verdict v);
/* Packets that reached a file: the sum over its deciding rules and its default. */
XDPF_API struct xdpf_count xdpf_stats_reached(const struct xdpf_stats *s, unsigned file);
/* Does every file receive what the one before passed, and do the verdicts' counters agree? Files without counters are not
 * judged. */
XDPF_API bool xdpf_stats_balanced(const struct xdpf_stats *s);
/* A table's entries, most packets first. */
XDPF_API size_t xdpf_stats_n_entries(const struct xdpf_stats *s, size_t table);
XDPF_API const void *xdpf_stats_entry(const struct xdpf_stats *s, size_t table, size_t entry, struct xdpf_count *count);

/* What the program did to a live set. */
struct xdpf_set_count {
	uint64_t added, full;		/* new elements; additions that found no room */
	uint64_t removed, expired;	/* by `remove`; expired elements whose room was wanted */
};

XDPF_API struct xdpf_set_count xdpf_stats_set(const struct xdpf_stats *s, size_t set);

/* A field of a key as text: addresses, MACs, known numbers by name. Writes at most @size bytes with a NUL, returns @buf.
 * 160 are enough for everything but longer byte strings, which are cut. */
XDPF_API char *xdpf_key_format(const struct xdpf_key_field *f, const void *key, char *buf, size_t size);
/* The same for an entry's key: in a test run, the interface has the name that the test gave it. */
XDPF_API char *xdpf_stats_key(const struct xdpf_stats *s, const struct xdpf_key_field *f, const void *key, char *buf, size_t size);

#ifdef __cplusplus
}
#endif

#endif
