/*
 * What is known of the kernel's helpers that programs call (linux/bpf.h says what each takes). In: a call. Out: whether it returns a
 * pointer, and how much it writes to memory that it is given. Of helpers that have no row here, and of all other functions, nothing is known.
 */
#include "bpf_code.h"

#include <stdint.h>

enum writes {
	READS,		/* memory that it is given is read, if anything */
	SIZED,		/* .reg has as many bytes written as the register behind it says */
	FIXED,		/* .reg has so many: .bytes */
	ANY,
};

struct helper {
	int id;
	bool pointer;		/* what it returns */
	enum writes writes;
	unsigned reg, bytes;
};

static const struct helper helpers[] = {
	{ BPF_FUNC_map_lookup_elem, true, READS, 0, 0 },
	{ BPF_FUNC_map_update_elem, false, READS, 0, 0 },
	{ BPF_FUNC_map_delete_elem, false, READS, 0, 0 },
	{ BPF_FUNC_map_push_elem, false, READS, 0, 0 },
	{ BPF_FUNC_map_pop_elem, false, ANY, 2, 0 },
	{ BPF_FUNC_ringbuf_reserve, true, READS, 0, 0 },
	{ BPF_FUNC_sk_lookup_udp, true, READS, 0, 0 },
	{ BPF_FUNC_skc_lookup_tcp, true, READS, 0, 0 },
	{ BPF_FUNC_csum_diff, false, READS, 0, 0 },
	{ BPF_FUNC_xdp_store_bytes, false, READS, 0, 0 },
	{ BPF_FUNC_tcp_gen_syncookie, false, READS, 0, 0 },
	{ BPF_FUNC_tcp_raw_gen_syncookie_ipv4, false, READS, 0, 0 },
	{ BPF_FUNC_tcp_raw_gen_syncookie_ipv6, false, READS, 0, 0 },
	{ BPF_FUNC_tcp_raw_check_syncookie_ipv4, false, READS, 0, 0 },
	{ BPF_FUNC_tcp_raw_check_syncookie_ipv6, false, READS, 0, 0 },
	{ BPF_FUNC_xdp_load_bytes, false, SIZED, 3, 0 },
	{ BPF_FUNC_fib_lookup, false, SIZED, 2, 0 },
	{ BPF_FUNC_check_mtu, false, FIXED, 3, 4 },
};

static const struct helper *helper_of(const struct bpf_insn *i)
{
	for (size_t k = 0; k < sizeof(helpers) / sizeof(*helpers) && !i->src_reg; k++)
		if (helpers[k].id == i->imm)
			return &helpers[k];
	return NULL;
}

bool bpf_helper_pointer(const struct bpf_insn *i)
{
	const struct helper *h = helper_of(i);

	return h && h->pointer;
}

/* The number that @reg has before instruction @at, where one behind @begin says so; SIZE_MAX: it is not known. */
static size_t constant(const struct bpf_code *c, size_t begin, size_t at, unsigned reg)
{
	while (at-- > begin) {
		const struct bpf_insn *i = &c->in[at];
		unsigned class = BPF_CLASS(i->code);

		if ((class == BPF_JMP || class == BPF_JMP32) && BPF_OP(i->code) == BPF_CALL)
			return SIZE_MAX;
		if (class == BPF_ST || class == BPF_JMP || class == BPF_JMP32 || i->dst_reg != reg)
			continue;
		if (class == BPF_STX && BPF_MODE(i->code) != BPF_ATOMIC)
			continue;
		if ((class == BPF_ALU || class == BPF_ALU64) && BPF_OP(i->code) == BPF_MOV && BPF_SRC(i->code) == BPF_K && i->imm >= 0)
			return (size_t)i->imm;
		return SIZE_MAX;
	}
	return SIZE_MAX;
}

size_t bpf_call_writes(const struct bpf_code *c, size_t begin, size_t at, unsigned reg)
{
	const struct helper *h = helper_of(&c->in[at]);

	if (!h)
		return SIZE_MAX;
	if (h->writes == READS || h->reg != reg)
		return 0;
	return h->writes == SIZED ? constant(c, begin, at, reg + 1) : h->writes == FIXED ? h->bytes : SIZE_MAX;
}
