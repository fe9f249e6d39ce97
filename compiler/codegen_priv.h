/*
 * Internal to code generation: one struct with every LLVM handle, and what the codegen*.c files offer each other.
 */
#ifndef XDPF_CODEGEN_PRIV_H
#define XDPF_CODEGEN_PRIV_H

#include <llvm-c/Core.h>
#include <llvm-c/DebugInfo.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>

#include "abi.h"
#include "codegen.h"
#include "table/live.h"

typedef LLVMValueRef V;
typedef LLVMTypeRef T;
typedef LLVMBasicBlockRef BB;
typedef LLVMMetadataRef MD;

/* A function of the program's own that rules' code stands in: where it leads. */
struct cg_part {
	V fn;
	VEC(const struct ir_block *) exit;
	bool decides[VERDICT_COUNT][2];
};

enum { CG_FETCH_BUF = IR_MAX_FETCH, CG_MAX_KEY = 128 };

struct cg_file {
	const struct source *src;
	MD file, scope;			/* scope: in the main function */
};

struct cg {
	const struct ir_program *ir;
	struct diag_list *diag;
	struct arena *arena;
	char *failure;			/* what LLVM said, in the arena */
	struct codegen_maps *maps;	/* noted here, unless NULL */

	LLVMContextRef cx;
	LLVMModuleRef m;
	LLVMBuilderRef b;
	LLVMDIBuilderRef di;
	LLVMTargetMachineRef tm;
	T i8, i16, i32, i64, ptr, vd;
	MD du8, du16, du32, du64, dint, dchar, dcounter, dmiss, dctx, dconn;
	MD file, sp;			/* first source; current function */
	const struct source *no_rule;	/* the place of what belongs to none */
	VEC(struct cg_file) files;

	/* globals */
	V config, ifaces, trace, inputs, rules, verdicts, misses, scratch;
	V set_fn[SET_ENGINE_COUNT][SET_MAX_WORDS + 1];	/* look-ups in constant sets, by words of a key; 0: 32 bits and an engine that knows */
	V ranks;			/* on the stack, where there are trees */
	V classes;			/* in the scratch map: a number for each dimension of a classifier, of which the verifier knows nothing */
	V image;			/* the one in .rodata */
	V base;				/* see cg_image() */
	V swap, images, image_number;	/* where another one is in use; which is, in the main function */
	V counts_fn;			/* where entries of classifiers only count */
	V pending, flush_fn;		/* where rules' counts are noted first; NULL: they are not */
	V *counter_map;
	V others, ports, out, cpus, sockets, cookies, flood[XDPF_MAX_FLOODS];
	V conn_fn;			/* where the program asks for a connection's state */
	V rx_fn[XDPF_RX_HINTS];		/* where it asks the driver for this */
	V limits, lately, limit_map[XDPF_LIMIT_KINDS];	/* .limit_map: by kind of table; .lately: XDPF_VAR_LATELY */
	V *limit_fn;			/* by limit: what is rare; NULL where it has one bucket */
	V limit_look[XDPF_LIMIT_KINDS];	/* one set, for all limits of one kind */
	V limit_any[XDPF_LIMIT_KINDS];	/* the whole, for all limits of one kind */
	V now, wall;			/* addresses of the time, once somebody has asked, before: 0; NULL: it is asked once at most */
	V *set_map, *set_queue, sets;		/* by live set */
	V *room_fn;				/* by live set; NULL: no rule adds to it what may expire */
	V *snap_fn, *take_fn, snaps[LIVE_ROOM_MOST + 1];	/* by live set; by size: see table/live.h */
	V turns, packet_turns;			/* struct xdpf_turns; as the packet found it, in the main function */
	V turn;					/* in a function for a set: cg_live_turn() */
	V options_fn;			/* where a rule asks for options of TCP */
	V explain, samples, sample_fn;	/* see codegen_sample.c */
	V log_ring, log_next, log_counts;		/* where there are logs */

	struct cg_part *parts;

	/* the main function, or a part of it */
	unsigned part;			/* 0: the main function */
	V fn, ctx, data, data_end, len, len_kept, buf, key, value, index;
	V *var;				/* address of each variable */
	bool *volatile_var;		/* in the scratch map */
	BB *block;
	V decider, verdict;		/* index in memory, verdict: for the common end */
	BB verdict_block[VERDICT_COUNT][2], end_counted, end;
	bool verdicts_counted;
	V soon_rule, soon_verdict;	/* NULL, or see codegen_soon.c */
	BB soon_end;
};

/* ---- codegen_value.c: small emitters ---- */

V cg_c(struct cg *g, uint64_t v);			/* i64 constant */
V cg_c32(struct cg *g, uint32_t v);
V cg_at(struct cg *g, V base, V off);			/* byte address */
V cg_atc(struct cg *g, V base, uint64_t off);
/* @bytes at an address, as i64; @align in bytes. */
V cg_load(struct cg *g, V p, unsigned bytes, unsigned align);
void cg_store(struct cg *g, V v, V p, unsigned bytes, unsigned align);
/* An argument that is an address, of which the verifier knows no more than its type says: @none is where it goes, which is never. */
V cg_address(struct cg *g, V v, BB none);
V cg_alloca(struct cg *g, T t, const char *name);	/* in the entry block */
V cg_helper(struct cg *g, int id, T ret, unsigned n, V *args);
V cg_hide(struct cg *g, V v);				/* the same number, unknown to the optimiser */
V cg_at_most(struct cg *g, V v, uint64_t most);		/* 0 if it is more; at most 2^31 - 1 */
BB cg_block(struct cg *g, const char *name);		/* appended to the function */
BB cg_block_after(struct cg *g, BB after, const char *name);
void cg_go(struct cg *g, BB b);
void cg_branch(struct cg *g, V cond, BB yes, BB no);
V cg_flags(struct cg *g);				/* of the configuration, i64 */
V cg_ctx_field(struct cg *g, unsigned off);		/* u32 of struct xdp_md, as i64 */
void cg_attr(struct cg *g, V f, const char *key, const char *value);
void cg_enum_attr(struct cg *g, V f, const char *name);

/* ---- codegen_debug.c: BTF by way of debug information ---- */

void cg_debug_init(struct cg *g);
void cg_debug_function(struct cg *g, V f, const char *name, MD ret, unsigned n, MD *param, bool external);
/* Begins an internal function that returns a u64, and is g->fn then; @type and the debug types of its @n parameters say the same. */
V cg_function(struct cg *g, const char *name, T type, unsigned n, MD *param);
/* The same, but the verifier goes through it by itself, once, and knows nothing of its arguments, which are numbers; two or more. */
V cg_function_alone(struct cg *g, const char *name, T type, unsigned n, MD *param);
void cg_debug_global(struct cg *g, V global, const char *name, MD type);
void cg_locate(struct cg *g, struct span sp);
MD cg_struct_type(struct cg *g, const char *name, unsigned n, const char *const *names, const MD *types, const unsigned *bits,
		  const unsigned *offsets, unsigned size);
MD cg_array_type(struct cg *g, MD elem, uint64_t n, uint64_t elem_bits);
MD cg_pointer_type(struct cg *g, MD to);
/* Of an argument of cg_function_alone(): so many words of 64 bits, all of which are there. */
MD cg_key_pointer(struct cg *g, unsigned words);

/* ---- codegen_memory.c ---- */

/* The map, for who asked which there are; of sizes in bytes. */
struct codegen_map *cg_note_map(struct cg *g, const char *name, unsigned type, uint64_t max, uint64_t key, uint64_t value, unsigned flags);

/* ---- codegen_map.c ---- */

void cg_globals(struct cg *g);
struct cg_map_def {
	unsigned type;			/* enum bpf_map_type */
	uint64_t max;
	MD key, value;			/* NULL: it has none */
	unsigned flags;			/* BPF_F_… */
};

V cg_map_of(struct cg *g, const char *name, const struct cg_map_def *def);
V cg_map(struct cg *g, const char *name, unsigned type, uint64_t max, MD key, MD value);
/* An array of @max arrays of one element each, which have these flags. */
V cg_map_of_maps(struct cg *g, const char *name, uint64_t max, MD inner_key, MD inner_value, unsigned flags);
/* A variable in a section of its own choice. */
V cg_global(struct cg *g, const char *name, V init, const char *section, bool constant, unsigned align);

/* A zero-initialised variable of .bss with these 64-bit members. */
V cg_bss(struct cg *g, const char *name, const char *type, unsigned n, const char *const *members);

/* ---- codegen_input.c: clocks and randomness ---- */

/* The time, which is one for all of a packet: .now. */
V cg_now(struct cg *g);
struct limit;
/* The same, of the address of it (NULL: only this asks); what is @first is done before the clock is read, where it is. */
V cg_now_at(struct cg *g, V at, void (*first)(struct cg *g, const struct limit *l), const struct limit *l);
/* ... of the day: .wall. */
V cg_wall(struct cg *g);
/* Places for them, where anything asks for them twice: of 8 bytes each, in the scratch map or on the stack. Then, at the start, none is known. */
size_t cg_times(struct cg *g);
void cg_times_at(struct cg *g, V base, uint64_t at);
void cg_times_begin(struct cg *g);
V cg_random(struct cg *g, V site);
/* @flow as IR_FLOW has it. */
V cg_flow(struct cg *g, V site, V *flow);
V cg_no_way(struct cg *g);				/* of a test run only */
V cg_test_flow_state(struct cg *g);			/* of a test run only: enum xdpf_flow_state */
V cg_test_rx(struct cg *g, unsigned hint);			/* of a test run only: see enum xdpf_rx_hint */
V cg_test_socket(struct cg *g);				/* of a test run only: enum xdpf_input_socket */
/* The frame's length as it came; in programs that keep variables in a map, from there: the verifier shall not carry what is known of it
 * through all rules. */
V cg_len(struct cg *g);
V cg_seed(struct cg *g);					/* xdpf_config.seed, or the test run's */
V cg_test_seed(struct cg *g);				/* of a test run only */
V cg_mix64(struct cg *g, V z);				/* xdpf_mix64() */

/* ---- codegen_way.c: redirecting ---- */

void cg_way_maps(struct cg *g);
/* @place: of the interface, or the CPU, unless NULL; then it is the way's own. */
void cg_way(struct cg *g, uint64_t way, V place, BB open, BB closed);
void cg_out(struct cg *g, V ifindex, BB open, BB closed);

/* ---- codegen_frame.c: changing the frame, routing ---- */

void cg_write(struct cg *g, const struct ir_inst *i, V off, const V *v);
V cg_sum(struct cg *g, V off, V len);
void cg_grow(struct cg *g, uint64_t bytes, BB yes, BB no);
void cg_cut(struct cg *g, V end, BB yes, BB no);
void cg_fib(struct cg *g, const struct ir_inst *i, const V *v, BB yes, BB no);

/* ---- codegen_socket.c ---- */

/* The socket of protocol @proto (or NULL) from and to @v (ports, addresses; @ip6: of two words each), by way of g->buf from byte @at on. What it
 * returns must be released. */
V cg_find_socket(struct cg *g, unsigned proto, bool ip6, const V *v, size_t at);

void cg_socket(struct cg *g, const struct ir_inst *i, const V *v, BB yes, BB no);
/* A tuple of ports and addresses as the kernel's look-ups take it, in g->buf from byte @at on; returns its length. */
unsigned cg_tuple(struct cg *g, const V *v, bool ip6, size_t at);

/* ---- codegen_conn.c ---- */

/* The function that asks connection tracking, if the program does. */
void cg_conns(struct cg *g);
/* enum xdpf_flow_state */
V cg_conn(struct cg *g, const struct ir_inst *i, V proto, const V *v);

/* ---- codegen_rx.c ---- */

/* The functions that ask the driver, those that the program wants. */
void cg_rx_functions(struct cg *g);
/* The number of this hint (enum xdpf_rx_hint), or 0. */
V cg_rx(struct cg *g, unsigned hint);

/* ---- codegen_kfunc.c ---- */

/* A function of the kernel's, of these types, which BTF tells it by; weak: where the kernel has none, only what can be reached must not call it. */
V cg_kfunc(struct cg *g, const char *name, T type, MD ret, unsigned n, MD *param);

/* ---- codegen_cookie.c ---- */

enum { CG_COOKIE_HEADER = 40 };		/* bytes of an IP header that SYN cookies need room for, where keys are made */

void cg_listens(struct cg *g, const struct ir_inst *i, const V *v, BB yes, BB no);
/* @off, @len: of the TCP header. */
void cg_cookie(struct cg *g, const struct ir_inst *i, V off, V len, const V *v, BB yes, BB no);
void cg_cookie_ok(struct cg *g, const struct ir_inst *i, V now, const V *v, BB yes, BB no);
void cg_lately(struct cg *g, const struct ir_inst *i, V now, const V *v, BB yes, BB no);
V cg_mtu(struct cg *g);

/* ---- codegen_table.c ---- */

void cg_tables(struct cg *g);
V cg_member(struct cg *g, size_t table, const V *key);

/* ---- codegen_image.c ---- */

void cg_image_global(struct cg *g);
/* Where the image of constant tables begins, in the function that is being built. */
V cg_image(struct cg *g);
/* Asks which image is in use, once in a packet's way; later, in the main function, its number. */
void cg_image_choose(struct cg *g);
V cg_image_number(struct cg *g);
/* From here on, until it is called again, cg_image() is image number @number. To be called where it is used, and no earlier: the verifier tells the
 * images apart as long as the pointer lives. */
void cg_image_again(struct cg *g, V number);
/* @bytes at offset @off of it, as i64; what is no offset is 0: no table says so. */
V cg_image_load(struct cg *g, V off, unsigned bytes);
/* Classifiers' lists, in the main function: see IR_ENTRY and IR_COUNTS. */
V cg_entry(struct cg *g, V list, V best, uint64_t places);
/* A rule's index, in the main function. */
V cg_index(struct cg *g, uint64_t index);
/* The same, where it is known by its place in the table of indexes. */
V cg_index_at(struct cg *g, V place);
/* Records: see IR_PLACE; @what: an entry's, @head: where in the head it says where they are. cg_image() is chosen anew in it. */
V cg_record_place(struct cg *g, V what, uint64_t head);
/* .loads of the record at @off, by way of cg_image(). */
void cg_record(struct cg *g, const struct ir_inst *i, V off);
void cg_counts_function(struct cg *g);
V cg_counts(struct cg *g, V list, V best, uint64_t places);

/* ---- codegen_classify.c ---- */

/* Where in memory stands what the packet says, by dimension: which field is there (0: none), and its number in two words; NULL: 0. */
struct cg_dim {
	V which[CLASSIFY_MAX_DIMS], hi[CLASSIFY_MAX_DIMS], lo[CLASSIFY_MAX_DIMS];
	V class[CLASSIFY_MAX_DIMS];	/* not NULL: what cg_class() said */
};

/* What a number is as a field of a classifier's dimension (.dim, .place of CLASS): see classify_maps(). */
V cg_class(struct cg *g, const struct classifier *c, const struct ir_inst *i, V lo, V hi);

/* Looks a packet up. Returns where in the image its list begins; the word of the entry that stops found elsewhere, or CLASSIFY_WORD_END, is stored at
 * address @best. */
V cg_classify(struct cg *g, const struct classifier *c, const struct cg_dim *said, V best);

/* ---- codegen_soon.c ---- */

/* Limits are asked at few places: at each the verifier walks all that follows once more for each way that leads there. */
bool cg_soon_few(const struct cg *g);
void cg_soon_begin(struct cg *g);
/* Looks for the counters now, if they are such as can be. */
void cg_soon_find(struct cg *g);
bool cg_soon_decided(const struct cg *g, const struct ir_inst *i);
void cg_soon_end(struct cg *g);

/* ---- codegen_count.c ---- */

void cg_add_counter(struct cg *g, V map, V index);
void cg_add_counter_at(struct cg *g, V map, V index_address);
void cg_add_packet(struct cg *g, V counter);
V cg_counter_of(struct cg *g, V map, V index_address);	/* its address, or 0 */
/* @slot: counts where the table is full. */
void cg_tally(struct cg *g, const struct ir_inst *i, V *args, V slot);
/* Adds one to a member of element @index of a per-CPU array. */
void cg_add_one(struct cg *g, V map, V index, size_t member);

/* ---- codegen_defer.c ---- */

/* The map and the function for counts that are noted, if the program notes them. */
void cg_defer(struct cg *g);
/* Notes one packet of @len bytes for the rule with this index, both i64. @key: room for a u32 on the stack. */
void cg_note(struct cg *g, V index, V len, V key);
/* In such a program, but at once: the frame, in the main function. */
void cg_count(struct cg *g, V index);

/* ---- codegen_options.c: options of TCP ---- */

void cg_options(struct cg *g);
V cg_find_options(struct cg *g, V tcp, V stop);

/* ---- codegen_log.c ---- */

/* @log: its number; if i->is_given, @args: ns between two, ns that may be had at once, and the place of the rule's index. */
void cg_log(struct cg *g, const struct ir_inst *i, V log, V *args);

/* ---- codegen_sample.c ---- */

/* Samples for who asks for them; then, in the main function, where a packet comes in, and where it is decided about. */
void cg_samples(struct cg *g);
void cg_sample_coming(struct cg *g);
void cg_sample_going(struct cg *g);
V cg_sample_none(struct cg *g);				/* nobody asks now */

/* ---- codegen_rewrite.c ---- */

/* The low @bytes bytes of @v to an offset where they are in the frame. */
void cg_store_packet(struct cg *g, V off, V v, unsigned bytes);
/* Each ends the block: to @no where it cannot be done. */
void cg_push_tag(struct cg *g, V tci, BB yes, BB no);
void cg_pop_tag(struct cg *g, BB yes, BB no);
void cg_mark(struct cg *g, V mark, BB yes, BB no);

/* ---- codegen_key.c ---- */

struct meta_key;
/* Bytes of the longest key in the program, whole words: what it does not take of the stack others may. */
uint64_t cg_key_room(struct cg *g);
/* The key of these parts in g->key. */
void cg_key(struct cg *g, const struct meta_key *k, V *part);
/* The same, padded to whole words, in .word; returns how many: at most CG_MAX_KEY / 8. */
unsigned cg_key_words(struct cg *g, const struct meta_key *k, V *part, V *word);
/* Puts them into g->key. */
void cg_key_store(struct cg *g, const V *word, unsigned n);

/* ---- codegen_limit.c ---- */

void cg_limits(struct cg *g);
/* @limit: its number. @yes: there was a token. */
void cg_limit(struct cg *g, const struct ir_inst *i, V limit, V *args, BB yes, BB no);

/* ---- codegen_set.c ---- */

void cg_sets(struct cg *g);
void cg_set_functions(struct cg *g);
V cg_set_lookup(struct cg *g, const struct ir_inst *i, V now, V *args);
/* @slot: counts where it is full. */
void cg_set_add(struct cg *g, const struct ir_inst *i, V until, V now, V *args, V slot);
void cg_set_remove(struct cg *g, const struct ir_inst *i, V now, V *args);

/* ---- codegen_live.c: their snapshots ---- */

void cg_live_maps(struct cg *g);
void cg_live_functions(struct cg *g);
/* Asks which snapshots are in use, once in a packet's way. */
void cg_live_choose(struct cg *g);
/* What an element's .turn must be, if it is not 0. */
V cg_live_turn(struct cg *g, const struct ast_set *set);
/* Does cg_live_has() look in the kernel's map, too? */
bool cg_live_whole(struct cg *g, const struct ast_set *set);
/* Is the key of these parts in the set's snapshot? i1. Changes g->key. */
V cg_live_has(struct cg *g, const struct ast_set *set, V now, V *part);
/* Takes the key, and of a set with prefixes no other, out of the snapshot. Was it in it? i1. Changes g->key. */
V cg_live_take(struct cg *g, const struct ast_set *set, V now, V *part);

/* ---- codegen_set.c ---- */

/* The key of these parts in g->key, as the set's map has it. */
void cg_set_key(struct cg *g, const struct ast_set *set, V *part);
enum { CG_SET_LENGTHS = 130 };		/* prefixes of an address, one longer than the other */
/* Is one of the prefixes of the key in g->key in the set's map? 0 or 1. */
V cg_set_longest(struct cg *g, const struct ast_set *set, V now);

/* ---- codegen_inst.c ---- */

/* The low @bytes (2, 4, 8) in reverse order. */
V cg_swap(struct cg *g, V v, unsigned bytes);
/* Is the frame in one piece for certain? i1 */
V cg_linear(struct cg *g);
/* A pointer of the context (struct xdp_md), read anew. */
V cg_ctx_pointer(struct cg *g, unsigned off);

/* @first: the first instruction of @i's block. @temp: the values of temporaries, by their numbers. */
void cg_inst(struct cg *g, const struct ir_inst *i, const struct ir_inst *first, V *temp);

/* Where all decisions of one verdict meet: one block for each, so that the end has few ways in. */
BB cg_decided(struct cg *g, enum verdict v, bool counted);

/* ---- codegen_part.c ---- */

void cg_parts(struct cg *g);
/* The beginning of an IR block, from the part that is being built. */
BB cg_to(struct cg *g, const struct ir_block *to);
/* In a part: the end of one that decided. */
BB cg_leave_decided(struct cg *g, enum verdict v, bool counted);

/* ---- codegen_main.c ---- */

void cg_main(struct cg *g);
/* Bytes of memory that the functions of one program share, behind the keys. */
uint64_t cg_shared_room(struct cg *g);
/* What the function that is being built has, in a part of the program: all from @entry on. */
void cg_body(struct cg *g, const struct ir_block *entry);

#endif
