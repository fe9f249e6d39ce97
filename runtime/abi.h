/*
 * What the compiler's objects and the runtime agree on: names of sections, maps and variables, layouts, and the metadata. Plain C,
 * neither LLVM nor libbpf.
 *
 * An object has one program, in section "xdp", named after the first rule file, and these maps (only those that it uses):
 *
 *   xdpf_rules     PERCPU_ARRAY  u32 index -> struct xdpf_counter   every rule and every file's default, by its index;
 *                  or, with xdpf_pending, u32 index / XDPF_PAGE -> struct xdpf_counter[XDPF_PAGE]
 *   xdpf_pending   PERCPU_ARRAY  one element: struct xdpf_pending, what of the rules' packets is not in xdpf_rules yet; only where rules are many
 *   xdpf_verdicts  PERCPU_ARRAY  u32 enum xdp_action -> struct xdpf_counter
 *   xdpf_misses    PERCPU_ARRAY  u32 slot -> struct xdpf_miss       actions that did nothing
 *   xdpf_log       RINGBUF       struct xdpf_event, what `log` and `sample` saw
 *   xdpf_logs      PERCPU_ARRAY  u32 place in meta.logs -> struct xdpf_log_count
 *   xdpf_log_next  ARRAY         u32 place in meta.logs -> u64 when its next packet is due, ns
 *   xdpf_scratch   PERCPU_ARRAY  one element: what dissection found in this packet, where the stack is too small for it
 *   one map per `count` table    PERCPU_ARRAY of one element without a key, PERCPU_HASH with one -> struct xdpf_counter
 *   xdpf_others    PERCPU_ARRAY  u32 slot -> struct xdpf_counter   packets that went otherwise: see "ways" below
 *   xdpf_ports     DEVMAP        u32 place in meta.ports -> u32 interface index
 *   xdpf_floodN    DEVMAP        u32 -> u32 interface index         meta.floods[N], all of which get a copy
 *   xdpf_out       DEVMAP_HASH   u32 interface index -> the same     interfaces that `forward` may send out of
 *   xdpf_cpus      CPUMAP        u32 CPU -> u32 length of its queue
 *   xdpf_sockets   XSKMAP        u32 receive queue -> AF_XDP socket; left to who opens the socket
 *   xdpf_cookies   ARRAY         u32 -> u64 a connection whose SYN cookie came back just now: see xdpf_cookie_flow()
 *   xdpf_limits    PERCPU_ARRAY  u32 place in meta.limits -> struct xdpf_limit_count
 *   xdpf_limit_N   ARRAY         u32 -> struct xdpf_limit_set: the buckets of limits whose tables are of kind N (limit.h), one limit's behind
 *                                the other's; N 0: a u64 for each
 *   xdpf_sets      PERCPU_ARRAY  two per live set -> struct xdpf_set_counts
 *   xdpf_liveN     HASH, or LPM_TRIE  element -> struct xdpf_element    live set N
 *   xdpf_agesN     QUEUE         elements of set N that may expire, in the order in which they were added; some may be gone: see xdpf_age_at()
 *   .rodata        xdpf_config, tables of constant sets
 *   .data.ifaces   xdpf_ifaces, which changes while the program runs: interfaces get other names
 *   .rodata.tables xdpf_tables: see table/image.h
 *   .data.swap     xdpf_swap: which image the program looks into
 *   xdpf_images    ARRAY_OF_MAPS  u32 -> ARRAY of one element as large as xdpf_tables    images that came later
 *   xdpf_snapN     ARRAY_OF_MAPS  u32 -> ARRAY of one element of 2^N bytes    snapshots of live sets (table/live.h), two places for each
 *   .data.live     xdpf_turns: which of the two it is
 *   .data.explain  xdpf_explain: who asks for samples of packets, and how many; see abi_explain.h
 *   xdpf_samples   PERF_EVENT_ARRAY  where these go
 *   .bss           xdpf_trace, xdpf_inputs
 *
 * The runtime binds more to the program when it loads it:
 *   xdpf_errors    ARRAY  u32 errno -> u64 packets that were to be sent and were not, if the program sends; behind these: see failures.c
 *   xdpf_meta      ARRAY, frozen  u32 part -> { u32 len, len bytes of the metadata's text }
 *   xdpf_lists     ARRAY_OF_MAPS  u32 -> ARRAY, struct xdpf_list and elements    what is in snapshots; set N: 2N and 2N + 1, see .list there
 *   xdpf_carried   ARRAY  one element: what the program before counted, if there was one: see carry.c
 *   xdpf_metas     ARRAY_OF_MAPS  as xdpf_images: -> ARRAY, frozen, as xdpf_meta    the metadata that belongs to that image, if there is one
 *
 * Without a runtime (bpftool, ip, xdp-loader) .rodata stays as compiled: everything works, but `iface`,
 * `flow.state` and what drivers say (rx.hash, …) are absent.
 */
#ifndef XDPF_ABI_H
#define XDPF_ABI_H

#include <stddef.h>
#include <stdint.h>

#define XDPF_SECTION_TABLES	".rodata.tables"
#define XDPF_VAR_TABLES		"xdpf_tables"	/* uint8_t[], see table/image.h */
#define XDPF_SECTION_PROG	"xdp"
#define XDPF_SECTION_IFACES	".data.ifaces"
#define XDPF_SECTION_SWAP	".data.swap"
#define XDPF_VAR_SWAP		"xdpf_swap"	/* struct xdpf_swap */
#define XDPF_MAP_IMAGES		"xdpf_images"
#define XDPF_IMAGES		2		/* one in use, one that is being filled */
#define XDPF_FN_COUNTS		"xdpf_counts"	/* the same, where blocks of classified rules count */
#define XDPF_FN_FLUSH		"xdpf_flush"	/* … and where full lists of struct xdpf_pending are added to the counters */
#define XDPF_FN_PART		"xdpf_code"	/* and a number: what rules share that are code though tables lead to them */
#define XDPF_FN_OPTIONS		"xdpf_options"	/* a function of the program, where rules ask for options of TCP */
#define XDPF_SECTION_META	".debug_xdpf"	/* the metadata; libbpf skips a section of this prefix in silence */
#define XDPF_SECTION_TESTS	".debug_xdpf_tests"	/* the tests, where there are any */
#define XDPF_MAP_RULES		"xdpf_rules"
#define XDPF_MAP_PENDING	"xdpf_pending"
#define XDPF_MAP_VERDICTS	"xdpf_verdicts"
#define XDPF_MAP_MISSES		"xdpf_misses"
#define XDPF_MAP_META		"xdpf_meta"
#define XDPF_MAP_METAS		"xdpf_metas"
#define XDPF_MAP_CARRIED	"xdpf_carried"
#define XDPF_MAP_SCRATCH	"xdpf_scratch"
#define XDPF_MAP_OTHERS		"xdpf_others"
#define XDPF_MAP_PORTS		"xdpf_ports"
#define XDPF_MAP_FLOOD		"xdpf_flood"	/* and its number */
#define XDPF_MAP_OUT		"xdpf_out"
#define XDPF_MAP_LIMITS		"xdpf_limits"
#define XDPF_MAP_LIMIT		"xdpf_limit_"	/* and the kind of table */

#define XDPF_MAP_ERRORS		"xdpf_errors"
#define XDPF_MAP_CPUS		"xdpf_cpus"
#define XDPF_MAP_SOCKETS	"xdpf_sockets"
#define XDPF_MAP_COOKIES	"xdpf_cookies"
#define XDPF_MAP_LOG		"xdpf_log"
#define XDPF_MAP_LOGS		"xdpf_logs"
#define XDPF_MAP_LOG_NEXT	"xdpf_log_next"
#define XDPF_VAR_CONFIG		"xdpf_config"	/* .rodata, struct xdpf_config */
#define XDPF_VAR_IFACES		"xdpf_ifaces"	/* .data.ifaces, uint32_t[]: interface index of each name in meta.ifaces; 0: none such */
#define XDPF_VAR_TRACE		"xdpf_trace"	/* .bss, struct xdpf_trace */
#define XDPF_VAR_INPUTS		"xdpf_inputs"	/* .bss, struct xdpf_inputs */
#define XDPF_VAR_LATELY		"xdpf_lately"	/* .bss, uint32_t[XDPF_LATELY_KEYS] */

#define XDPF_SECTION_SETS	".debug_xdpf_sets"	/* what live sets begin with */
#define XDPF_SECTION_NIC	".debug_xdpf_nic"	/* what network cards have to do with the rules */
#define XDPF_MAP_SETS		"xdpf_sets"
#define XDPF_MAP_LIVE		"xdpf_live"	/* and its number */
#define XDPF_MAP_AGES		"xdpf_ages"	/* and its number */
#define XDPF_MAP_SNAP		"xdpf_snap"	/* and the exponent of its size */
#define XDPF_MAP_LISTS		"xdpf_lists"
#define XDPF_SECTION_LIVE	".data.live"
#define XDPF_VAR_TURNS		"xdpf_turns"	/* struct xdpf_turns */

#define XDPF_META_VERSION	1
#define XDPF_SET_SIZE		65536		/* elements that a live set holds unless it says otherwise */
#define XDPF_SET_MOST		(16 << 20)	/* … at the most */
#define XDPF_SET_TRIES		32		/* old elements that a new one looks at for room */
#define XDPF_SET_AGES		2		/* the queue of those that may expire has room for so many times a set's elements */
#define XDPF_SET_KEY		64		/* bytes of an element, at the most */
#define XDPF_NIC_RULES		4096		/* rules that the text on network cards names of a kind, at the most */
#define XDPF_NIC_FILTERS	16		/* filters of a network card that stand for one rule, at the most */
#define XDPF_COUNT_ENTRIES	65536		/* keys that a count table holds */
#define XDPF_MAX_TABLES		55		/* of 64 maps that the kernel lets a program use, less those that any has; see few_tables() */
#define XDPF_MAX_CPUS		8192
#define XDPF_MAX_FLOOD		32		/* interfaces that get a copy each */
#define XDPF_MAX_FLOODS		8
#define XDPF_SOCKETS		1024		/* receive queues that may have a socket */
#define XDPF_OUT		4096		/* interfaces that `forward` knows */
#define XDPF_CPU_QUEUE		2048		/* packets that wait for a CPU */
#define XDPF_VERDICTS		5		/* XDP_ABORTED .. XDP_REDIRECT */

struct xdpf_counter {
	uint64_t packets, bytes;		/* bytes: of the frame as received, fragments included */
};

enum {
	XDPF_PAGE_BITS = 8,
	XDPF_PAGE = 1 << XDPF_PAGE_BITS,	/* counters in an element of xdpf_rules, where there are many */
	XDPF_PENDING = 64,			/* packets that a CPU notes before it counts them all; a power of two */
	XDPF_NOTE_LEN = 32,			/* a note: the rule's index, and from this bit on the frame's length */
};

/*
 * What a CPU has noted. From note .flushed on there are .n - .flushed of them that are in no counter, in the list's elements from 0 on; when the list
 * is full, the CPU adds all of them to the counters. Each member is stored behind those that stand behind it, and:
 *   .flushing is .n before the first counter is touched, .flushed is .n after the last one.
 * So who reads .flushed, then the counters, then .flushing, which is the same, has read counters that had just the first .flushed notes, whatever was
 * noted meanwhile; and where it is not the same, a second look at the counters finds all that were pending at the first.
 */
struct xdpf_pending {
	uint64_t flushed, flushing, n;
	uint64_t note[XDPF_PENDING];
};

/* What is left of the hashes of keys that had no token lately, of all CPUs: a power of two. One of some such packets writes, so that CPUs seldom
 * take a line of it from each other. */
enum { XDPF_LATELY_KEYS = 2048 };

/* Packets that asked a limit: there was a token; there was none; there was no room for their key. */
struct xdpf_limit_count {
	uint64_t admitted, denied, full;
	uint64_t crowded;			/* time in the limit's units: till then, on this CPU, a key is put into its first sets only */
};

/* A program asks for this once for each packet, so that a change of the image is a change for whole packets. */
struct xdpf_swap {
	uint32_t number;			/* 0: the object's own; else 1 and the place in xdpf_images */
};

struct xdpf_miss {
	uint64_t absent;			/* a key's field was not in the packet */
	uint64_t full;				/* the table had no room for a new key */
};

/* Packets that a log did not leave a record of. */
struct xdpf_log_count {
	uint64_t limited;			/* it had enough of them for its pace */
	uint64_t lost;				/* its reader is behind, or there is none: the ring is full */
};

#define XDPF_LOG_BYTES		(1 << 20)	/* of the ring */
#define XDPF_EVENT_BYTES	128		/* of a frame, at the most; a power of two */
#define XDPF_EVENT_GOES_ON	UINT32_MAX	/* no verdict: the rule does not decide */

/* A record of `log` or `sample`, host byte order. */
struct xdpf_event {
	uint64_t time;				/* ns since the epoch, UTC */
	uint32_t rule;				/* its index */
	uint32_t ifindex, rxqueue;		/* where the frame was received */
	uint32_t len;				/* of the frame */
	uint32_t caplen;			/* of it in .data */
	uint32_t verdict;			/* enum xdp_action, or XDPF_EVENT_GOES_ON */
	uint8_t data[XDPF_EVENT_BYTES];
};

/* What a live set's map has for an element. */
struct xdpf_element {
	uint64_t until;				/* ns of the monotonic clock: then it is in the set no more; 0: it stays */
	uint32_t bits;				/* of a set with prefixes: what the key begins with; else 0 */
	uint32_t age;				/* of one that may expire: what its entry in the queue ends with, low bits of when it came */
	uint32_t turn;				/* while the set's turn is 0 (here 1) or 1 (2), it is in it; 0: always */
	uint32_t zero;
};

/* A program asks for this once for each packet, so that to replace what is in a set is a change for whole packets. */
struct xdpf_turns {
	uint64_t turn;				/* bit N: which of set N's snapshots is in use, and which of its elements */
	uint64_t busy;				/* the runtime's; bit N: somebody is at it, or was and ended before it was done */
};

/* What a snapshot was made of, before so many elements in the order of live_sort(). With .states 1 there is behind them, for each, a u32: where in
 * the snapshot its state is. */
struct xdpf_list {
	uint64_t n;
	uint32_t key_size, states;
};

/* Where these begin. */
static inline size_t xdpf_list_states(size_t n, uint32_t key_size)
{
	return (sizeof(struct xdpf_list) + n * key_size + 3) / 4 * 4;
}

#define XDPF_LIST_PAGE		4096		/* bytes of an element of a list's map */

/* An entry of the queue: an element's key, filled with zeros to whole 32-bit words, and its .age. One whose .age is another's is of an element that
 * was removed, though the same key is in the set again: or who adds and removes one key fills the queue. */
static inline unsigned xdpf_age_at(unsigned key_size)
{
	return (key_size + 3) / 4 * 4;
}

static inline unsigned xdpf_age_size(unsigned key_size)
{
	return xdpf_age_at(key_size) + 4;
}

/* What happened to a live set by the program: two elements of xdpf_sets, 2N and 2N + 1. */
struct xdpf_set_counts {
	uint64_t added, full;			/* new elements; those that found no room */
	uint64_t removed, expired;		/* taken out by `remove`; expired ones whose room was wanted */
};

/* A set's elements in section XDPF_SECTION_SETS: this, then so many keys; sets in the order of their numbers. */
struct xdpf_elements {
	uint32_t set, n, key_size, zero;
};

/* Flags of xdpf_config. All clear is right under every loader. */
enum {
	XDPF_CONFIG_LINEAR	= 1 << 0,	/* loaded without frags support: the verifier removes the slow paths */
	XDPF_CONFIG_TRACE	= 1 << 1,	/* leave the deciding rule in xdpf_trace */
	XDPF_CONFIG_IFACES	= 1 << 2,	/* xdpf_ifaces is filled: `iface` is present */
	XDPF_CONFIG_NO_RXQUEUE	= 1 << 3,	/* `rxqueue` is absent (test runs) */
	XDPF_CONFIG_SET_RXQUEUE	= 1 << 4,	/* `rxqueue` is .rxqueue (test runs) */
	XDPF_CONFIG_INPUTS	= 1 << 5,	/* clocks and randomness come from xdpf_inputs (test runs), not from the kernel */
	XDPF_CONFIG_RX		= 1 << 6,	/* the program is bound to a device, whose driver says rx.hash and so on */
};

struct xdpf_config {
	uint32_t flags;
	uint32_t rxqueue;
	uint64_t seed;				/* of hashes: nobody outside knows it */
	uint64_t tai_offset;			/* ns that CLOCK_TAI is before UTC */
	uint32_t ct_status;			/* bytes to the member status of this kernel's struct nf_conn; 0: `flow.state` is absent */
	uint32_t zero;
};

/*
 * What `mark` leaves for who gets the packet next: the last 8 bytes of the metadata in front of it. A program of tc finds them at
 * data_meta, a reader of an AF_XDP socket 8 bytes before the frame.
 */
struct xdpf_mark {
	uint32_t magic;				/* XDPF_MARK_MAGIC, host byte order */
	uint32_t mark;
};

#define XDPF_MARK_MAGIC		0x66706478	/* "xdpf" */

struct xdpf_trace {
	uint32_t index;				/* of the rule or default that decided last */
};

/* Values of `flow.state`. */
enum xdpf_flow_state { XDPF_FLOW_ABSENT, XDPF_FLOW_NEW, XDPF_FLOW_ESTABLISHED, XDPF_FLOW_RELATED };

/* `syncookie`, in a test run: YES, and a connection takes the packet; NO, and nothing listens; ABSENT, and something listens. */
enum xdpf_input_socket { XDPF_SOCKET_ABSENT, XDPF_SOCKET_NO, XDPF_SOCKET_YES };

/* What drivers say of a packet, one number for each. */
enum xdpf_rx_hint {
	XDPF_RX_HASH,				/* 32 bits, and XDPF_RX_GIVEN */
	XDPF_RX_TIMESTAMP,			/* ns of the device's clock; 0: none */
	XDPF_RX_VLAN,				/* of the tag that it took out of the frame: type << 16 | TCI, and XDPF_RX_GIVEN */
	XDPF_RX_HINTS
};

#define XDPF_RX_GIVEN	((uint64_t)1 << 32)	/* there is one */

/* What a test run says instead of the kernel, before each packet. */
struct xdpf_inputs {
	uint64_t now;				/* ns since the epoch, UTC: both clocks */
	uint64_t random;			/* of the packet: see xdpf_test_random() */
	uint64_t no_way;			/* not 0: `redirect` and `forward` find no way, and their `else` applies */
	uint64_t seed;				/* of the run, in place of xdpf_config.seed */
	uint64_t socket;			/* enum xdpf_input_socket: `socket`, of TCP and UDP; see XDPF_SOCKET_ABSENT for `syncookie` */
	uint64_t flow_state;			/* enum xdpf_flow_state: `flow.state`, of TCP and UDP */
	uint64_t rx[XDPF_RX_HINTS];		/* what the driver says, by enum xdpf_rx_hint */
};

/* What the kernel's routing table says in a test run, if .no_way is 0: the addresses of the next hop's Ethernet frame, as bytes. */
#define XDPF_TEST_MTU	1500
#define XDPF_TEST_DMAC	{ 0x02, 0, 0, 0, 0, 0x02 }
#define XDPF_TEST_SMAC	{ 0x02, 0, 0, 0, 0, 0x01 }

/* Of a datagram that cannot be delivered, so many bytes are sent back. */
#define XDPF_QUOTE	512

/* What the answer to a SYN lets the client send before the first word of the server itself: as much as its first flight is at most. */
#define XDPF_COOKIE_WINDOW	32767

/* Where every test in a rule file begins: 2000-01-01 00:00:00 UTC, a Saturday; and the seed of its packets' random numbers. */
#define XDPF_TEST_START	946684800000000000u
#define XDPF_TEST_SEED	1

/*
 * Functions of the kernel's that only a program may call which is bound to a device. An object names them with XDPF_RX_UNBOUND in front, which no
 * kernel has: so it loads anywhere, since they are weak and what calls them is cut off by XDPF_CONFIG_RX. The runtime writes XDPF_RX_BOUND there, of
 * the same length, when it binds the program.
 */
#define XDPF_RX_UNBOUND	"dev"
#define XDPF_RX_BOUND	"bpf"
#define XDPF_RX_NAMES	{ "_xdp_metadata_rx_hash", "_xdp_metadata_rx_timestamp", "_xdp_metadata_rx_vlan_tag" }	/* by enum xdpf_rx_hint */

/* A permutation of the 64-bit numbers without a pattern to it (the finalizer of SplitMix64). */
static inline uint64_t xdpf_mix64(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

#define XDPF_RANDOM_STEP 0x9e3779b97f4a7c15u	/* 2^64 over the golden ratio */

/* .random of the @n-th packet of a test run. */
static inline uint64_t xdpf_test_packet_random(uint64_t seed, uint64_t n)
{
	return xdpf_mix64(xdpf_mix64(seed) + n * XDPF_RANDOM_STEP);
}

/* What the program's @site-th place that asks for a random number gets in a test run: it does not depend on who else asked before. */
static inline uint32_t xdpf_test_random(uint64_t random, uint32_t site)
{
	return (uint32_t)(xdpf_mix64(random + (site + (uint64_t)1) * XDPF_RANDOM_STEP) >> 32);
}

/* One end of a flow: an address as a number in two words, and a port. */
static inline uint64_t xdpf_flow_end(uint64_t seed, const uint64_t address[2], uint64_t port)
{
	return xdpf_mix64(xdpf_mix64(seed + address[0]) + address[1] + port * XDPF_RANDOM_STEP);
}

/* What the program's @site-th place draws for a flow: the same for both directions of it. */
static inline uint32_t xdpf_flow_random(uint64_t seed, uint32_t site, const uint64_t src[2], const uint64_t dst[2], uint64_t sport,
					uint64_t dport, uint64_t proto)
{
	uint64_t ends = xdpf_flow_end(seed, src, sport) + xdpf_flow_end(seed, dst, dport);

	return (uint32_t)(xdpf_mix64(ends + proto + (site + (uint64_t)1) * XDPF_RANDOM_STEP) >> 32);
}

/* Both ends of a connection. @src, @dst: the bytes of an address as one (IPv4) or two little-endian numbers. */
static inline uint64_t xdpf_cookie_ends(uint64_t seed, const uint64_t src[2], const uint64_t dst[2])
{
	uint64_t z = xdpf_mix64(xdpf_mix64(seed + src[0]) + src[1]);

	return xdpf_mix64(xdpf_mix64(z + dst[0]) + dst[1]);
}

/*
 * The SYN cookie in a test run, in place of the kernel's. @ports: the source's, and 2^16 times the destination's, each as its bytes are a
 * little-endian number; @seq: the SYN's sequence number. It never expires.
 */
static inline uint32_t xdpf_test_cookie(uint64_t seed, const uint64_t src[2], const uint64_t dst[2], uint32_t ports, uint32_t seq)
{
	return (uint32_t)(xdpf_mix64(xdpf_cookie_ends(seed, src, dst) + ((uint64_t)ports << 32 | seq)) >> 32);
}

/*
 * Connections whose cookie came back just now, which the kernel may still be about to make: what follows so closely belongs to them. In
 * xdpf_cookies a connection has element .flow >> 52, and that holds the low half of .flow in its high half, and in its low one when: ns / 2^20.
 * @seed: of xdpf_config or xdpf_inputs; or whoever has one connection could name others that are taken for it.
 */
#define XDPF_COOKIES		4096
#define XDPF_COOKIE_LATELY	256		/* 2^20 ns: behind these it is there, or never will be */

static inline uint64_t xdpf_cookie_flow(uint64_t seed, const uint64_t src[2], const uint64_t dst[2], uint32_t ports)
{
	return xdpf_mix64(xdpf_cookie_ends(seed, src, dst) + ports);
}

static inline uint64_t xdpf_cookie_entry(uint64_t flow, uint64_t now)
{
	return flow << 32 | (uint32_t)(now >> 20);
}

static inline int xdpf_cookie_lately(uint64_t entry, uint64_t flow, uint64_t now)
{
	return (uint32_t)(entry >> 32) == (uint32_t)flow && (uint32_t)((uint32_t)(now >> 20) - (uint32_t)entry) < XDPF_COOKIE_LATELY;
}

/*
 * The tests: JSON text in section XDPF_SECTION_TESTS, not kept in the kernel.
 *
 *   { "tests": [ { "name": "telnet is closed", "file": 0, "steps": [      file: whose it is, a place in the metadata's .files
 *       { "packet": "0200…", "repeat": 1, "iface": "eth0", "rxqueue": 3 },    iface, rxqueue: absent where they are not given;
 *                                                                            and so are those of grammar/inputs.def, numbers
 *       { "after": 10000000000 },                                            ns that the clock goes on
 *       { "add": 0, "elements": "c0000207…", "keep": 0, "source": …, "line": … },    a set, elements of its key_size bytes; ns, 0: they stay
 *       { "remove": 0, "elements": "c0000207…", "source": …, "line": … },
 *       { "expect": "drop", "by": 7 or null, "source": "edge.xdpf", "line": 31 } ] } ] }
 *
 * Each test begins with the state that the object declares, at XDPF_TEST_START, and expects of the packet that was run last. "by": an index.
 */

/*
 * What network cards have to do with the rules: JSON text in section XDPF_SECTION_NIC, not kept in the kernel; absent where there is nothing to say.
 *
 *   { "tags": [ 3, 7 ], "filters": [ [ 0, "flow-type tcp4 dst-port 23 action -1", "flow-type tcp6 dst-port 23 action -1" ] ] }
 *
 * tags: rules that look at 802.1Q tags in the frame, by index. filters: rules that a card could take, each with what to give `ethtool -N IFACE`.
 */

/*
 * The key of a count table: its fields one after the other, each aligned to its own alignment (at most 8), the whole padded with
 * zero bytes to a multiple of the greatest alignment:
 *   numbers (flags too): the smallest of u8, u16, u32, u64 that holds the field's bits, host byte order
 *   ip4:   4 bytes, network order (u8[4], alignment 4); with /n: the bits behind n are zero
 *   ip6:   16 bytes, network order (alignment 4)
 *   ip:    16 bytes, network order, IPv4 in the first four, the others zero; then u8 family, 4 or 6 (17 bytes, alignment 4)
 *   mac:   6 bytes; bytes (slices longer than 8): so many bytes; alignment 1
 *   iface: u32, the interface's index
 *
 * The metadata: JSON text in section XDPF_SECTION_META.
 *
 *   { "xdpf": 1, "compiler": "xdpfc 0.1", "program": "edge",
 *     "files":    [ { "name": "edge.xdpf", "default": { "index": 7, "verdict": "pass" }, "counters": true } ],
 *     "rules":    [ { "index": 0, "file": 0, "label": "seen" or null, "shown": "seen", "source": "edge.xdpf", "line": 12, "column": 1,
 *                     "depth": 1, "branch": "else" or "else if",     in how many blocks it stands, and in what way: left out where 0, and behind `if`
 *                     "verdict": "drop" or null, "text": "drop if malformed or ip.src in bogons" } ],
 *     "counters": [ { "name": "ethertypes", "map": "ethertypes", "file": 0, "key_size": 2,
 *                     "key": [ { "name": "eth.type", "type": "ethertype", "kind": "num", "offset": 0, "size": 2 } ] } ],
 *     "actions":  [ { "slot": 0, "rule": 0, "table": 0 or null, "action": "count ethertypes per eth.type" } ],
 *     "ifaces":   [ "eth0" ],
 *     "ways":     { "others": 2, "ports": [ "eth1" ], "floods": [ [ "eth1", "eth2" ] ], "cpus": [ 2 ], "sockets": false,
 *                     "forwards": true } or null,
 *     "limits":   [ { "name": "syn" or "edge.xdpf:31", "rate": "200/s burst 400 per ip.src/32/64", "file": 0, "size": 65536,
 *                     "layout": "ip.src/32/64", "words": 17, "shift": 0, "rule": 7 } ],
 *     "logs":     [ { "rule": 0, "sample": false } ],
 *     "sets":     [ { "name": "banned", "file": 0, "size": 64000, "timeout": 600000, "expires": true, "prefix": false, "key_size": 20,
 *                     "added": true, "taken": false, "snap": [ 21, 0 ], "tables": 1,
 *                     "key": [ { "name": "ip", "type": "ip", "kind": "ip", "offset": 0, "size": 17 } ] } ] }
 *
 *     "sources":  [ { "name": "edge.xdpf", "path": "edge.xdpf", "file": 0, "size": 812, "sha256": "9f86d0…", "text": "drop if …" or null } ]    all
 *                     files that were read. file: for which of .files; path: as that one names it, relative to its directory or absolute; ""
 *                     where it cannot be said
 *
 * With an image there is more:
 *     "image":    { "size": 7340032, "whats": [ [ 4, 1000 ] ], "indexes": [ 0, 2 ] or null }, "shape": "f1d120…"
 * whats: tables of classify_what() (table/what.h), indexes: a table of u32, both of which name rules' indexes: where in the image it says where the
 * table is, and its elements. indexes null: the code names them. Where two objects have the same shape, the image of the one may take the place of
 * the other's.
 *
 * actions: those with an element of xdpf_misses; "rule" is a rule's index, "table" a place in "counters" if it
 * is one that counts. The runtime adds
 * "loaded": { "frags": false, "by": "xdpf 0.1", "seed": "0123456789abcdef", "declared": [ "0123456789abcdef" ] } to what it keeps in the kernel:
 * the seed of hashes, and by set a number for what it begins with. Where the program replaced another,
 *     "maps": [ [ "xdpf_live1", 4711 ] ]
 * has the names, in this program, and the ids of maps that were that one's; and "past" is there as below, indexes behind the elements of xdpf_rules
 * being of counts in xdpf_carried. Where the image came later, it adds there besides:
 *     "indexes": [ [ 0, 500, 0 ], [ 500, 1, 1003 ] ],
 *     "past": [ [ 17, 0, "drop", null, 0, 0 ] ], "next": 1004
 * indexes: of the text's, so many from the first on are in the kernel those from the third on. past: counters that are of no rule now, or not of its
 * verdict: index (null: what it had is the numbers of packets and bytes at the end), file, verdict, and the index of the rule whose count it is
 * part of, or null. next: where indexes for new rules are looked for.
 * ways: what the maps for redirecting hold, and how many elements xdpf_others has. A rule or a file's "default" that may go otherwise than its
 * verdict says has "else": { "slot": 0, "verdict": "drop" }; the rule's counter has these packets too.
 * A rule that ends with `syncookie` has "cookies": { "completed": 1, "unanswered": 2 }, elements of xdpf_others too: packets with a right cookie,
 * which the rule let go on and did not count, and SYNs among its "else" that could not be answered.
 * limits: in the order of xdpf_limits; size: keys that its map has room for, 0 without a key; buckets of equal layout and shift (limit.h) mean the
 * same; words: the kind of its table, which is how many words of 64 bits a key has, with one exception; rule: only without a name, the index of
 * that in which it stands.
 * sets: those that live; "timeout" is in ms, 0: none. An element is laid out like
 * the key of a count table; where its map is a trie ("prefix") it begins with a u32, the bits behind it that count; a component of kind "net" is the
 * last one: u8 family, 4 or 6, and 16 bytes of the address, bits behind the prefix zero.
 * "added": a rule adds to it; "taken": a rule takes elements out of it; "snap": [ N, K ]: its snapshots are elements 2K and 2K + 1 of xdpf_snapN;
 * "tables": what the code that asks them can read, enum live_tables of table/live.h; 0 where it is not there.
 * kind: num, flag, ip4, ip6, ip, mac, bytes, iface. Rules and files stand in the order of their indexes.
 */

#endif
