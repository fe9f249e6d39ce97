/*
 * libxdpf: who else is on an interface, and what attaching there would come to. The rules of runtime.h hold here, too.
 */
#ifndef XDPF_DOCTOR_H
#define XDPF_DOCTOR_H

#include "xdpf/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- neighbours ---- */

/* Where programs see received packets, in this order. */
enum xdpf_hook { XDPF_HOOK_OFFLOAD, XDPF_HOOK_NATIVE, XDPF_HOOK_GENERIC, XDPF_HOOK_PART, XDPF_HOOK_TC };

XDPF_API const char *xdpf_hook_name(enum xdpf_hook h);

struct xdpf_neighbour {
	enum xdpf_hook hook;		/* PART: one of the dispatcher's, which stands before its parts */
	uint32_t id;
	char name[64];			/* "": it is not known */
	bool hidden;			/* ... since only CAP_SYS_ADMIN looks programs up by their ids */
	bool ours;
	unsigned priority;		/* of PART and TC: low ones come first */
	unsigned goes_on;		/* of PART: bits 1 << enum xdpf_verdict after which the next one gets the packet */
};

/* All programs that see what an interface receives, in their order. The list is to be given to free(). */
XDPF_API int xdpf_neighbours(struct xdpf_neighbour **out, size_t *n, const char *iface, const struct xdpf_log *log);

/* ---- libxdp's dispatcher ---- */

struct xdpf_dispatch_opts {
	size_t sz;
	enum xdpf_mode mode;		/* NONE: native */
	unsigned priority;		/* low ones come first; libxdp's own are 50 */
};

/* Makes @o a part of the dispatcher on an interface, or the dispatcher with it; replaces our part there. -EOPNOTSUPP: this kernel does not let a
 * dispatcher run. */
XDPF_API int xdpf_object_dispatch(const struct xdpf_object *o, const char *iface, const struct xdpf_dispatch_opts *opts,
				  const struct xdpf_log *log);

/* ---- names of interfaces in rules ---- */

/* A name that stands for another interface than when the program was told. */
struct xdpf_name {
	char name[16];
	const char *use;		/* "iface", "redirect" */
	uint32_t was, is;		/* indexes; 0: no interface */
};

/* Those of a program that runs. The list is to be given to free(). */
XDPF_API int xdpf_program_names(struct xdpf_name **out, size_t *n, const struct xdpf_program *p, const struct xdpf_log *log);
/* Tells all our programs of this network namespace; *changed (NULL: not asked for): how many names stand for others now. */
XDPF_API int xdpf_follow(size_t *changed, const struct xdpf_log *log);

/* ---- what attaching here would do, and what is in the way ---- */

enum xdpf_finding_level { XDPF_FINDING_OBSTACLE, XDPF_FINDING_WARNING, XDPF_FINDING_NOTE };

struct xdpf_finding {
	enum xdpf_finding_level level;
	const char *what;		/* a word that stays the same: "mtu", "tags", … */
	char *text;
};

struct xdpf_need {
	char *kind, *name;		/* "helper", "bpf_csum_diff" */
	bool has;
};

struct xdpf_card_filter {
	const struct xdpf_rule *rule;	/* of the object */
	const char *text;		/* for `ethtool -N IFACE` */
};

enum xdpf_known { XDPF_UNKNOWN, XDPF_NO, XDPF_YES };

struct xdpf_diagnosis {
	struct xdpf_iface iface;
	char driver[32], kind[16];	/* "": unknown; kind: of a virtual interface */
	bool has_features;		/* .features is known */
	uint64_t features;		/* as the kernel's enum netdev_xdp_act */
	enum xdpf_known native, frags, vlan_offload, lro, ntuple;
	unsigned max_mtu, rx_queues, max_rx_queues, cpus;	/* 0: unknown */
	enum xdpf_known dispatcher;	/* does this kernel let libxdp's dispatcher run? */
	enum xdpf_mode mode;		/* that was asked for */
	bool wants_frags;
	struct xdpf_neighbour *neighbours;
	size_t n_neighbours;
	struct xdpf_need *needs;	/* of the object */
	size_t n_needs;
	struct xdpf_card_filter *filters;	/* rules that a card's own filters could take */
	size_t n_filters;
	struct xdpf_finding *findings;	/* worst first */
	size_t n_findings;
	bool would;			/* apply would do it */
	char *outcome;			/* what it would do, or why it would not */
};

struct xdpf_diagnose_opts {
	size_t sz;
	enum xdpf_mode mode;		/* NONE: native */
};

/* Looks at an interface, and at what @o (NULL: any filter) would come to there; changes nothing. Strings of rules are @o's. */
XDPF_API int xdpf_diagnose(struct xdpf_diagnosis **out, const char *iface, const struct xdpf_object *o, const struct xdpf_diagnose_opts *opts,
			   const struct xdpf_log *log);
XDPF_API void xdpf_diagnosis_free(struct xdpf_diagnosis *d);

#ifdef __cplusplus
}
#endif

#endif
