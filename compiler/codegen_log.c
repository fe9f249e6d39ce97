/*
 * Records of packets. In: one of the program's logs. Out: code that leaves a struct xdpf_event in the ring, if the log's pace allows it;
 * what it does not leave is counted. The pace is one number for all CPUs: when the next packet is due. Whoever loses the race to move
 * it on has come too late for this turn.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>

#include "abi.h"

static void put(struct cg *g, V rec, size_t off, V v, unsigned bytes)
{
	cg_store(g, v, cg_atc(g, rec, off), bytes, bytes);
}

/* Goes on where the log's pace lets a packet through, else to @limited; to @on where there is no state, which cannot be. */
static void pace(struct cg *g, V log, V interval, V burst, BB limited, BB on)
{
	BB here = LLVMGetInsertBlock(g->b), look = cg_block_after(g, here, "log pace"), due = cg_block_after(g, look, "log due");
	BB write = cg_block_after(g, due, "log write");
	V p, now, next, later, cas;

	cg_store(g, log, g->index, 4, 4);
	p = cg_helper(g, BPF_FUNC_map_lookup_elem, g->ptr, 2, (V[]){ g->log_next, g->index });
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, p, LLVMConstNull(g->ptr), ""), on, look);
	cg_go(g, look);
	now = cg_now(g);
	next = cg_load(g, p, 8, 8);
	LLVMSetVolatile(next, 1);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, next, LLVMBuildAdd(g->b, now, burst, ""), ""), limited, due);
	cg_go(g, due);
	later = LLVMBuildSelect(g->b, LLVMBuildICmp(g->b, LLVMIntUGT, next, now, ""), next, now, "");
	cas = LLVMBuildAtomicCmpXchg(g->b, p, next, LLVMBuildAdd(g->b, later, interval, ""),
				     LLVMAtomicOrderingSequentiallyConsistent, LLVMAtomicOrderingSequentiallyConsistent, 0);
	cas = LLVMBuildExtractValue(g->b, cas, 0, "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, cas, next, ""), write, limited);
	LLVMMoveBasicBlockAfter(write, LLVMGetInsertBlock(g->b));
	cg_go(g, write);
}

/* The frame's first bytes; how many is stored in the record too. */
static void copy(struct cg *g, V rec)
{
	/* from 1 to XDPF_EVENT_BYTES, whatever the length is: the kernel runs no frame without a byte. By way of the record: or the verifier would
	 * tell all ways to here apart by what they found out about the frame's length. */
	V stored = LLVMBuildLoad2(g->b, g->i32, cg_atc(g, rec, offsetof(struct xdpf_event, len)), "");
	V len = LLVMBuildZExt(g->b, stored, g->i64, ""), n, r;
	BB here = LLVMGetInsertBlock(g->b), most = cg_block_after(g, here, "log most"), all = cg_block_after(g, most, "log all");
	BB load = cg_block_after(g, all, "log bytes"), none = cg_block(g, "log none"), done = cg_block_after(g, load, "log done");
	V from[2] = { cg_c(g, XDPF_EVENT_BYTES), NULL };

	LLVMSetVolatile(stored, 1);
	LLVMSetAlignment(stored, 4);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, len, cg_c(g, XDPF_EVENT_BYTES), ""), most, all);
	cg_go(g, most);
	LLVMBuildBr(g->b, load);
	cg_go(g, all);
	from[1] = LLVMBuildAnd(g->b, cg_hide(g, LLVMBuildSub(g->b, len, cg_c(g, 1), "")), cg_c(g, XDPF_EVENT_BYTES - 1), "");
	from[1] = LLVMBuildAdd(g->b, from[1], cg_c(g, 1), "");
	LLVMBuildBr(g->b, load);
	cg_go(g, load);
	n = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(n, from, (BB[]){ most, all }, 2);
	put(g, rec, offsetof(struct xdpf_event, caplen), LLVMBuildTrunc(g->b, n, g->i32, ""), 4);
	r = cg_helper(g, BPF_FUNC_xdp_load_bytes, g->i64, 4,
		      (V[]){ g->ctx, cg_c32(g, 0), cg_atc(g, rec, offsetof(struct xdpf_event, data)), LLVMBuildTrunc(g->b, n, g->i32, "") });
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, r, cg_c(g, 0), ""), done, none);
	cg_go(g, none);
	put(g, rec, offsetof(struct xdpf_event, caplen), cg_c32(g, 0), 4);
	LLVMBuildBr(g->b, done);
	cg_go(g, done);
}

void cg_log(struct cg *g, const struct ir_inst *i, V index, V *args)
{
	const struct ast_log *log = g->ir->ast->logs.v[i->imm];
	BB here = LLVMGetInsertBlock(g->b), on = cg_block_after(g, here, "logged"), limited = cg_block(g, "log limited");
	BB lost = cg_block(g, "log lost"), fill;
	V rec, rule;

	if (!log->sample)
		pace(g, index, i->is_given ? args[0] : cg_c(g, log->interval), i->is_given ? args[1] : cg_c(g, log->burst), limited, on);
	/* before there is a record, which all ways must give back */
	rule = i->is_given ? cg_index_at(g, args[2]) : cg_index(g, log->rule);
	rec = cg_helper(g, BPF_FUNC_ringbuf_reserve, g->ptr, 3, (V[]){ g->log_ring, cg_c(g, sizeof(struct xdpf_event)), cg_c(g, 0) });
	fill = cg_block_after(g, LLVMGetInsertBlock(g->b), "log fill");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, rec, LLVMConstNull(g->ptr), ""), lost, fill);
	cg_go(g, fill);
	put(g, rec, offsetof(struct xdpf_event, time), cg_wall(g), 8);
	put(g, rec, offsetof(struct xdpf_event, rule), LLVMBuildTrunc(g->b, rule, g->i32, ""), 4);
	put(g, rec, offsetof(struct xdpf_event, ifindex),
	    LLVMBuildTrunc(g->b, cg_ctx_field(g, offsetof(struct xdp_md, ingress_ifindex)), g->i32, ""), 4);
	put(g, rec, offsetof(struct xdpf_event, rxqueue),
	    LLVMBuildTrunc(g->b, cg_ctx_field(g, offsetof(struct xdp_md, rx_queue_index)), g->i32, ""), 4);
	put(g, rec, offsetof(struct xdpf_event, len), LLVMBuildTrunc(g->b, cg_len(g), g->i32, ""), 4);
	put(g, rec, offsetof(struct xdpf_event, verdict),
	    cg_c32(g, log->verdict == VERDICT_NONE ? XDPF_EVENT_GOES_ON : (uint32_t)lang_verdicts[log->verdict].xdp), 4);
	copy(g, rec);
	cg_helper(g, BPF_FUNC_ringbuf_submit, g->vd, 2, (V[]){ rec, cg_c(g, 0) });
	LLVMBuildBr(g->b, on);
	cg_go(g, lost);
	cg_add_one(g, g->log_counts, index, offsetof(struct xdpf_log_count, lost));
	LLVMBuildBr(g->b, on);
	cg_go(g, limited);
	if (log->sample) {
		LLVMBuildUnreachable(g->b);
		LLVMDeleteBasicBlock(limited);
	} else {
		cg_add_one(g, g->log_counts, index, offsetof(struct xdpf_log_count, limited));
		LLVMBuildBr(g->b, on);
	}
	LLVMMoveBasicBlockAfter(on, fill);
	cg_go(g, on);
}
