/*
 * Internal to the bench: programs that are loaded, however they were made, and frames.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xdpf_program;
struct bpf_object;

enum { MAX_RULES = 64, LINEAR_MAX = 3000, MIN_FRAME = 14 };

struct program {
	const char *name;
	int fd, rules_fd, verdicts_fd;	/* the floor counts nothing: -1 */
	unsigned n_rules;		/* elements of the rules' map */
	struct xdpf_program *ours;
	struct bpf_object *theirs;
};

struct size {
	unsigned xlated, jited, verified;	/* instructions, bytes, instructions that the verifier walked */
};

/* False: see errno. */
bool program_floor(struct program *p);
/* Say themselves, on stderr, what went wrong. */
bool program_ours(struct program *p, const char *path);
bool program_theirs(struct program *p, const char *path);
void program_free(struct program *p);
bool program_size(const struct program *p, struct size *size);

struct books {
	uint64_t rule[MAX_RULES][2], verdict[5][2];	/* packets, bytes */
};

bool program_books(const struct program *p, struct books *b);

struct frames {
	struct frame {
		uint8_t *data;
		uint32_t len;
	} *v;
	size_t n;
	bool ethernet;
};

/* Everything that is in a capture; nothing where it is not of Ethernet frames. */
bool frames_read(struct frames *f, const char *path);
void frames_free(struct frames *f);

#endif
