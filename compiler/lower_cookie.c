/*
 * `syncookie` in IR. In: where a rule ends with it. Out: for what no socket listens, and what a connection takes, a way on; for acknowledgements
 * the cookie's check; for SYNs the answer, which stands once for all rules of a file (lower_way.c). Nothing is kept of a SYN.
 *
 * Ports and addresses are those that the rules before left in the packet. The answer has no options but the MSS, and that only where the SYN had
 * options: so it is never longer than what it answers.
 */
#include "lower_reply.h"

#include <netinet/in.h>

#include "abi.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static const enum field_id ports[] = { FIELD_TCP_SPORT, FIELD_TCP_DPORT };
static const enum field_id numbers[] = { FIELD_TCP_SEQ, FIELD_TCP_ACKSEQ };
static const enum field_id addresses[2][2] = { { FIELD_IP4_SRC, FIELD_IP4_DST }, { FIELD_IP6_SRC, FIELD_IP6_DST } };

void lower_need_cookie(struct lower *l)
{
	/* presence twice, flags twice, a look-up: as much as tests of all of them */
	l->n_tests += 12;
	lower_need_field(l, FIELD_TCP_FLAGS);
	for (unsigned i = 0; i < 2; i++) {
		lower_need_field(l, ports[i]);
		lower_need_field(l, numbers[i]);
		lower_need_field(l, addresses[0][i]);
		lower_need_field(l, addresses[1][i]);
	}
}

static void add_args(struct lower *l, struct ir_opnd *args, unsigned *n, const enum field_id *f)
{
	for (unsigned i = 0; i < 2; i++)
		*n += lower_wire_words(l, f[i], args + *n);
}

/* An instruction about the connection, with branches. */
static void ask(struct lower *l, enum ir_op op, unsigned family, struct ir_block *yes, struct ir_block *no)
{
	struct ir_opnd args[8], now;
	struct ir_inst *i;
	unsigned n = 0;

	add_args(l, args, &n, ports);
	add_args(l, args, &n, addresses[family]);
	if (op == IR_COOKIEOK)
		add_args(l, args, &n, numbers);
	now = op == IR_LISTENS ? ir_imm(0) : lower_op0(l, IR_NOW);
	i = lower_emit(l, op);
	if (op != IR_LISTENS)
		i->a = now;
	for (unsigned k = 0; k < n; k++)
		*vec_add(l->arena, &i->args) = args[k];
	i->target[0] = yes;
	i->target[1] = no;
}

/* Are the flags under @mask exactly these? */
static void test_flags(struct lower *l, unsigned mask, unsigned value, struct ir_block *yes, struct ir_block *no)
{
	struct ir_opnd flags = lower_bare(l, lower_slot(l, FIELD_TCP_FLAGS));

	lower_test(l, IR_EQ, lower_op(l, IR_AND, flags, ir_imm(mask)), ir_imm(value), yes, no);
}

void lower_cookie(struct lower *l, const struct lower_work *w, const struct ast_way *way, unsigned index, struct ir_block *after)
{
	struct ir_block *tcp = lower_block(l, "cookie tcp"), *ip[] = { lower_block(l, "cookie ip4"), lower_block(l, "cookie ip6") };
	struct ir_block *syn = lower_block(l, "syn"), *good = lower_block(l, "cookie right"), *bad = lower_block(l, "cookie wrong");

	lower_test(l, IR_BITS, lower_get(l, l->pres), ir_imm(lower_header_mask(l, HDR_TCP)), tcp, after);
	lower_hot(l, tcp);
	/* behind a transport header that is not IPv4 stands IPv6 */
	lower_test(l, IR_BITS, lower_get(l, l->pres), ir_imm(lower_header_mask(l, HDR_IP4)), ip[0], ip[1]);
	for (unsigned f = 0; f < 2; f++) {
		struct ir_block *listens = lower_block(l, "listens"), *other = lower_block(l, "no syn"), *late = lower_block(l, "not lately");
		struct ir_block *check = lower_block(l, "cookie");

		lower_hot(l, ip[f]);
		ask(l, IR_LISTENS, f, listens, after);
		lower_hot(l, listens);
		test_flags(l, FIN | SYN | RST | ACK, SYN, syn, other);
		lower_hot(l, other);
		ask(l, IR_LATELY, f, after, late);
		lower_hot(l, late);
		test_flags(l, SYN | RST | ACK, ACK, check, bad);
		lower_hot(l, check);
		ask(l, IR_COOKIEOK, f, good, bad);
	}
	lower_hot(l, good);
	lower_count_way(l, w, ir_imm(way->slot + WAY_COMPLETED));
	lower_jump(l, after);
	lower_hot(l, syn);
	lower_decide_way(l, w, VERDICT_TX, way, index);
	lower_hot(l, bad);
	lower_decide_other(l, w, way, index);
}

/* ---- the answer ---- */

static struct ir_opnd add(struct lower *l, struct ir_opnd a, struct ir_opnd b)
{
	return lower_op(l, IR_ADD, a, b);
}

static ir_var var(struct lower *l, const char *name)
{
	return ir_var_new(l->ir, name);
}

/* The cookie of the SYN at a->l4, a header of @size bytes; goes on in a new block. */
static ir_var get_cookie(struct lower *l, const struct asked *a, ir_var size)
{
	struct ir_block *got = lower_block(l, "cookie made");
	struct ir_opnd off = lower_get(l, a->l4), len = lower_get(l, size), v[4];
	unsigned words = a->ip6 ? 2 : 1;
	ir_var cookie = var(l, "rep.cookie");
	struct ir_inst *i;

	for (unsigned k = 0; k < words; k++) {
		v[k] = lower_get(l, a->src[k]);
		v[words + k] = lower_get(l, a->dst[k]);
	}
	i = lower_emit(l, IR_COOKIE);
	i->a = off;
	i->b = len;
	for (unsigned k = 0; k < 2 * words; k++)
		*vec_add(l->arena, &i->args) = v[k];
	*vec_add(l->arena, &i->loads) = (struct ir_load){ .var = cookie, .size = 4 };
	i->target[0] = got;
	i->target[1] = a->closed;
	lower_hot(l, got);
	return cookie;
}

/* The option that says how long segments may be, if the SYN's header of @size bytes leaves room for one; else 0. */
static ir_var get_mss(struct lower *l, const struct asked *a, ir_var size)
{
	struct ir_block *room = lower_block(l, "mss"), *none = lower_block(l, "no mss"), *on = lower_block(l, "mss known");
	ir_var mss = var(l, "rep.mss"), option = var(l, "rep.option");
	unsigned headers = (a->ip6 ? 40 : 20) + REPLY_TCP;
	struct ir_opnd v;

	lower_set(l, mss, lower_op0(l, IR_MTU));
	lower_need_that(l, IR_ULE, ir_imm(headers + 1), lower_get(l, mss), true, a->closed);
	lower_test(l, IR_ULE, ir_imm(REPLY_TCP + 4), lower_get(l, size), room, none);
	lower_hot(l, room);
	v = lower_swap(l, lower_op(l, IR_SUB, lower_get(l, mss), ir_imm(headers)), 2);
	/* kind 2, 4 bytes */
	lower_set(l, option, lower_op(l, IR_OR, lower_op(l, IR_SHL, v, ir_imm(16)), ir_imm(0x0402)));
	lower_jump(l, on);
	lower_hot(l, none);
	lower_set(l, option, ir_imm(0));
	lower_jump(l, on);
	lower_hot(l, on);
	return option;
}

void lower_reply_syncookie(struct lower *l, struct asked *a, struct ir_block *open)
{
	struct ir_block *there = lower_block(l, "reply syn"), *with = lower_block(l, "option");
	struct ir_block *longer = lower_block(l, "longer"), *on = lower_block(l, "length");
	ir_var port[2], seq = var(l, "rep.seq"), size = var(l, "rep.doff"), cookie, option, len = var(l, "rep.len");
	unsigned ip = a->ip6 ? 40 : 20;
	struct ir_opnd v, n, sum, word[7], off;
	struct ir_inst *f, *w;

	lower_need_that(l, IR_EQ, lower_get(l, a->proto), ir_imm(IPPROTO_TCP), true, a->closed);
	f = lower_fetch(l, lower_get(l, a->l4), REPLY_TCP, there, a->closed);
	for (unsigned i = 0; i < 2; i++) {
		port[i] = var(l, "rep.port");
		lower_load(l, f, port[i], 2 * i, 2);
	}
	lower_load(l, f, seq, 4, 4);
	lower_load(l, f, size, 12, 1);
	lower_hot(l, there);
	v = lower_op(l, IR_SHL, lower_op(l, IR_SHR, lower_get(l, size), ir_imm(4)), ir_imm(2));
	lower_set(l, size, v);
	lower_need_that(l, IR_ULE, ir_imm(REPLY_TCP), lower_get(l, size), true, a->closed);
	lower_need_that(l, IR_ULE, add(l, lower_get(l, a->l4), lower_get(l, size)), lower_get(l, a->end), true, a->closed);
	cookie = get_cookie(l, a, size);
	option = get_mss(l, a, size);
	lower_set(l, len, ir_imm(REPLY_TCP));
	lower_test(l, IR_EQ, lower_get(l, option), ir_imm(0), on, longer);
	lower_hot(l, longer);
	lower_set(l, len, ir_imm(REPLY_TCP + 4));
	lower_jump(l, on);
	lower_hot(l, on);
	lower_reply_cut(l, add(l, add(l, lower_get(l, a->l3), ir_imm(ip)), lower_get(l, len)), a->closed);
	lower_reply_write_ethernet(l, a, false);
	lower_reply_write_ip(l, a, add(l, lower_get(l, len), ir_imm(a->ip6 ? 0 : ip)), IPPROTO_TCP, 0);
	word[0] = lower_get(l, port[1]);
	word[1] = lower_get(l, port[0]);
	word[2] = lower_swap(l, lower_get(l, cookie), 4);
	word[3] = lower_swap(l, add(l, lower_swap(l, lower_get(l, seq), 4), ir_imm(1)), 4);
	/* data offset in words in the high half of its byte, so the length four times; SYN and ACK */
	n = lower_get(l, len);
	word[4] = lower_op(l, IR_OR, lower_op(l, IR_SHL, n, ir_imm(2)), ir_imm((SYN | ACK) << 8));
	word[5] = ir_imm(wire16(XDPF_COOKIE_WINDOW));
	word[6] = lower_get(l, option);
	sum = add(l, add(l, lower_reply_addresses(l, a), ir_imm(wire16(IPPROTO_TCP))), lower_swap(l, n, 2));
	for (unsigned i = 0; i < 7; i++)
		sum = add(l, sum, word[i]);
	sum = lower_reply_fold(l, sum);
	off = add(l, lower_get(l, a->l3), ir_imm(ip));
	w = lower_write(l, off);
	lower_put(l, w, word[0], 2);
	lower_put(l, w, word[1], 2);
	lower_put(l, w, word[2], 4);
	lower_put(l, w, word[3], 4);
	lower_put(l, w, word[4], 2);
	lower_put(l, w, word[5], 2);
	lower_put(l, w, sum, 2);
	lower_put(l, w, ir_imm(0), 2);
	lower_test(l, IR_EQ, word[6], ir_imm(0), open, with);
	lower_hot(l, with);
	v = lower_get(l, option);
	w = lower_write(l, add(l, lower_get(l, a->l3), ir_imm(ip + REPLY_TCP)));
	lower_put(l, w, v, 4);
	lower_jump(l, open);
}
