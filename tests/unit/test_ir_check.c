/*
 * The IR's checker: a program with one of everything is well formed, and each way to spoil it is refused in words that name it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ir.h"

enum { ENTRY, FOUND, PUSH, POP, MARKS, WAYS, ASKS, PASS, DROP, N_BLOCKS };

struct fixture {
	struct ast_program ast;
	struct ir_program p;
	struct ir_block *b[N_BLOCKS];
	struct ir_table table;
	ir_var x;
};

static const struct span nowhere;

static struct ir_inst *add(struct fixture *f, unsigned block, enum ir_op op)
{
	return ir_add(&f->p, f->b[block], op, nowhere);
}

/* The result of the last instruction of a block. */
static struct ir_opnd last(const struct fixture *f, unsigned block)
{
	const struct ir_block *b = f->b[block];

	return (struct ir_opnd){ IR_TEMP, b->inst.v[b->inst.n - 1].temp };
}

static void arg(struct fixture *f, struct ir_inst *i, struct ir_opnd o)
{
	*vec_add(f->p.arena, &i->args) = o;
}

static void load(struct fixture *f, struct ir_inst *i, unsigned delta, unsigned size)
{
	*vec_add(f->p.arena, &i->loads) = (struct ir_load){ f->x, delta, size };
}

static void go(struct ir_inst *i, struct ir_block *yes, struct ir_block *no)
{
	i->target[0] = yes;
	i->target[1] = no;
}

/* Instruction @at of a block. */
static struct ir_inst *inst(struct fixture *f, unsigned block, size_t at)
{
	assert_true(at < f->b[block]->inst.n);
	return &f->b[block]->inst.v[at];
}

/* The first instruction of that kind. */
static struct ir_inst *find(struct fixture *f, enum ir_op op)
{
	for (unsigned b = 0; b < N_BLOCKS; b++)
		for (size_t i = 0; i < f->b[b]->inst.n; i++)
			if (f->b[b]->inst.v[i].op == op)
				return &f->b[b]->inst.v[i];
	fail_msg("there is no %s", ir_op_name(op));
	return NULL;
}

static void build(struct fixture *f)
{
	static const char *const names[N_BLOCKS] = { "entry", "found", "push", "pop", "marks", "ways", "asks", "pass", "drop" };
	struct ir_opnd v, m;
	struct ir_inst *i;

	memset(f, 0, sizeof(*f));
	f->ast.arena = f->p.arena = arena_new();
	f->p.ast = &f->ast;
	f->ast.n_counters = f->ast.n_slots = f->ast.n_sites = f->ast.n_limits = 1;
	f->ast.n_indexes = 2;
	*vec_add(f->p.arena, &f->ast.live) = NULL;
	*vec_add(f->p.arena, &f->ast.logs) = NULL;
	*vec_add(f->p.arena, &f->ast.ways) = NULL;
	*vec_add(f->p.arena, &f->ast.ifaces) = "eth0";
	f->table = (struct ir_table){ .name = "t", .set = { .words = 2, .bits = 128 } };
	*vec_add(f->p.arena, &f->p.table) = &f->table;
	f->x = ir_var_new(&f->p, "x");
	for (unsigned b = 0; b < N_BLOCKS; b++) {
		f->b[b] = ir_block_new(&f->p, names[b]);
		ir_block_place(&f->p, f->b[b]);
	}

	add(f, ENTRY, IR_LEN);
	v = last(f, ENTRY);
	i = add(f, ENTRY, IR_ADD);
	i->a = v;
	i->b = ir_imm(1);
	v = last(f, ENTRY);
	i = add(f, ENTRY, IR_SET);
	i->var = f->x;
	i->a = v;
	i = add(f, ENTRY, IR_FETCH);
	i->a = ir_imm(0);
	i->imm = 14;
	load(f, i, 12, 2);
	load(f, i, 6, 8);
	go(i, f->b[FOUND], f->b[PASS]);

	add(f, FOUND, IR_GET)->var = f->x;
	v = last(f, FOUND);
	i = add(f, FOUND, IR_SWAP);
	i->a = v;
	i->imm = 2;
	v = last(f, FOUND);
	i = add(f, FOUND, IR_MEMBER);
	arg(f, i, v);
	arg(f, i, ir_imm(5));
	m = last(f, FOUND);
	add(f, FOUND, IR_IFACE);
	add(f, FOUND, IR_COUNT);
	arg(f, add(f, FOUND, IR_TALLY), v);
	add(f, FOUND, IR_MISS);
	add(f, FOUND, IR_LOG);
	i = add(f, FOUND, IR_STORE);
	i->a = v;
	i->b = v;
	i->imm = 2;
	i = add(f, FOUND, IR_WRITE);
	i->a = v;
	for (int k = 0; k < 2; k++) {
		arg(f, i, ir_imm(7));
		*vec_add(f->p.arena, &i->cases) = 4;
	}
	i = add(f, FOUND, IR_DIV);
	i->a = v;
	i->b = ir_imm(60);
	add(f, FOUND, IR_RANDOM);
	i = add(f, FOUND, IR_FLOW);
	for (int k = 0; k < IR_FLOW_ARGS; k++)
		arg(f, i, v);
	arg(f, add(f, FOUND, IR_LOOKUP), v);
	arg(f, add(f, FOUND, IR_ADDSET), v);
	arg(f, add(f, FOUND, IR_DELSET), v);
	i = add(f, FOUND, IR_SWITCH);
	i->a = m;
	*vec_add(f->p.arena, &i->cases) = 1;
	go(i, f->b[DROP], f->b[PASS]);

	i = add(f, PUSH, IR_PUSHTAG);
	i->imm = 0xffff;
	go(i, f->b[POP], f->b[DROP]);
	go(add(f, POP, IR_POPTAG), f->b[MARKS], f->b[DROP]);
	i = add(f, MARKS, IR_MARK);
	i->imm = UINT32_MAX;
	go(i, f->b[WAYS], f->b[DROP]);
	add(f, WAYS, IR_OTHER);
	go(add(f, WAYS, IR_WAY), f->b[DROP], f->b[ASKS]);
	i = add(f, ASKS, IR_SOCKET);
	i->imm = 17;
	for (int k = 0; k < 4; k++)
		arg(f, i, ir_imm(0));
	go(i, f->b[PASS], f->b[DROP]);

	i = add(f, PASS, IR_DECIDE);
	i->imm = 1;
	i->verdict = VERDICT_PASS;
	add(f, DROP, IR_DECIDE)->verdict = VERDICT_DROP;
}

static void good(void **state)
{
	struct fixture f;

	(void)state;
	build(&f);
	assert_null(ir_check(&f.p));
	arena_free(f.p.arena);
}

/* ---- one fault each ---- */

static void no_block(struct fixture *f) { f->p.block.n = 0; }
static void empty_block(struct fixture *f) { f->b[PASS]->inst.n = 0; }
static void no_terminator(struct fixture *f) { f->b[FOUND]->inst.n--; }
static void behind_end(struct fixture *f) { add(f, DROP, IR_DECIDE); }
static void other_block(struct fixture *f) { find(f, IR_SWAP)->a.v = inst(f, ENTRY, 0)->temp; }
static void later(struct fixture *f) { inst(f, ENTRY, 1)->a.v = inst(f, ENTRY, 1)->temp; }
static void nowhere_defined(struct fixture *f) { find(f, IR_SET)->a.v = 1000; }
static void second_operand(struct fixture *f) { inst(f, ENTRY, 1)->b = (struct ir_opnd){ IR_TEMP, 1000 }; }
static void undefined_key(struct fixture *f) { find(f, IR_TALLY)->args.v[0].v = 1000; }
static void undefined_switch(struct fixture *f) { find(f, IR_SWITCH)->a.v = 1000; }
static void no_variable(struct fixture *f) { find(f, IR_GET)->var = 1; }
static void no_variable_set(struct fixture *f) { find(f, IR_SET)->var = UINT32_MAX; }
static void swap_of_three(struct fixture *f) { find(f, IR_SWAP)->imm = 3; }
static void swap_of_none(struct fixture *f) { find(f, IR_SWAP)->imm = 0; }
static void fetch_nothing(struct fixture *f) { find(f, IR_FETCH)->imm = 0; }
static void fetch_much(struct fixture *f) { find(f, IR_FETCH)->imm = IR_MAX_FETCH + 1; }
static void load_beyond(struct fixture *f) { find(f, IR_FETCH)->loads.v[0].delta = 13; }
static void load_wraps(struct fixture *f) { find(f, IR_FETCH)->loads.v[1].delta = UINT32_MAX - 7; }
static void case_twice(struct fixture *f)
{
	for (int k = 0; k < 2; k++)
		*vec_add(f->p.arena, &find(f, IR_SWITCH)->cases) = 77;
}
static void same_as_zero(struct fixture *f)
{
	struct ir_inst *i = find(f, IR_SWITCH);

	i->op = IR_SAME;
	i->imm = 0xff;
	i->b = ir_imm(0);
}
static void same_outside(struct fixture *f)
{
	same_as_zero(f);
	find(f, IR_SAME)->b = ir_imm(0x100);
}
static void load_of_three(struct fixture *f) { find(f, IR_FETCH)->loads.v[0].size = 3; }
static void load_of_none(struct fixture *f) { find(f, IR_FETCH)->loads.v[0].size = 0; }
static void load_nowhere(struct fixture *f) { find(f, IR_FETCH)->loads.v[0].var = 1; }
static void load_without(struct fixture *f) { load(f, find(f, IR_SWITCH), 0, 1); }
static void no_table(struct fixture *f) { find(f, IR_MEMBER)->imm = 1; }
static void short_key(struct fixture *f) { find(f, IR_MEMBER)->args.n = 1; }
static void long_key(struct fixture *f) { arg(f, find(f, IR_MEMBER), ir_imm(0)); }
static void no_iface(struct fixture *f) { find(f, IR_IFACE)->imm = 1; }
static void no_counter(struct fixture *f) { find(f, IR_TALLY)->imm = 1; }
static void no_slot(struct fixture *f) { find(f, IR_MISS)->imm = 1; }
static void no_rule(struct fixture *f) { find(f, IR_COUNT)->imm = 2; }
static void no_decider(struct fixture *f) { find(f, IR_DECIDE)->imm = 2; }
static void no_verdict(struct fixture *f) { find(f, IR_DECIDE)->verdict = VERDICT_NONE; }
static void verdict_too_high(struct fixture *f) { find(f, IR_DECIDE)->verdict = VERDICT_COUNT; }
static void store_of_three(struct fixture *f) { find(f, IR_STORE)->imm = 3; }
static void store_of_none(struct fixture *f) { find(f, IR_STORE)->imm = 0; }
static void store_undefined(struct fixture *f) { find(f, IR_STORE)->b.v = 1000; }
static void store_nowhere(struct fixture *f) { find(f, IR_STORE)->a.v = 1000; }
static void tag_too_large(struct fixture *f) { find(f, IR_PUSHTAG)->imm = 0x10000; }
static void tag_no_room(struct fixture *f) { find(f, IR_PUSHTAG)->target[1] = NULL; }
static void untag_not(struct fixture *f) { find(f, IR_POPTAG)->target[1] = NULL; }
static void untag_lost(struct fixture *f) { find(f, IR_POPTAG)->target[0] = ir_block_new(&f->p, "lost"); }
static void mark_too_large(struct fixture *f) { find(f, IR_MARK)->imm = (uint64_t)UINT32_MAX + 1; }
static void mark_no_room(struct fixture *f) { find(f, IR_MARK)->target[1] = NULL; }
static void write_without(struct fixture *f) { find(f, IR_WRITE)->cases.n = 1; }
static void write_of_three(struct fixture *f) { find(f, IR_WRITE)->cases.v[0] = 3; }
static void write_much(struct fixture *f)
{
	for (int k = 0; k < 15; k++) {
		arg(f, find(f, IR_WRITE), ir_imm(0));
		*vec_add(f->p.arena, &find(f, IR_WRITE)->cases) = 4;
	}
}
static void by_zero(struct fixture *f) { find(f, IR_DIV)->b.v = 0; }
static void by_unknown(struct fixture *f) { find(f, IR_DIV)->b = find(f, IR_DIV)->a; }
static void no_site(struct fixture *f) { find(f, IR_RANDOM)->imm = 1; }
static void no_flow(struct fixture *f) { find(f, IR_FLOW)->args.n--; }
static void no_set(struct fixture *f) { find(f, IR_LOOKUP)->imm = 1; }
static void no_set_to_add(struct fixture *f) { find(f, IR_ADDSET)->imm = 1; }
static void no_slot_to_add(struct fixture *f) { find(f, IR_ADDSET)->slot = 1; }
static void no_set_to_remove(struct fixture *f) { find(f, IR_DELSET)->imm = 1; }
static void no_log(struct fixture *f) { find(f, IR_LOG)->imm = 1; }
static void no_way(struct fixture *f) { find(f, IR_WAY)->imm = 1; }
static void no_other(struct fixture *f) { find(f, IR_OTHER)->a = ir_imm(1); }
static void socket_of_sctp(struct fixture *f) { find(f, IR_SOCKET)->imm = 132; }
static void socket_of_five(struct fixture *f) { arg(f, find(f, IR_SOCKET), ir_imm(0)); }
static void no_target(struct fixture *f) { find(f, IR_FETCH)->target[1] = NULL; }
static void not_placed(struct fixture *f) { find(f, IR_SWITCH)->target[0] = ir_block_new(&f->p, "lost"); }
static void wrong_place(struct fixture *f) { f->b[DROP]->id = PASS; }
static void beyond_all(struct fixture *f) { f->b[DROP]->id = N_BLOCKS; }

static void faults(void **state)
{
	static const struct {
		const char *name;
		void (*spoil)(struct fixture *f);
		const char *says;
	} rows[] = {
		{ "no block", no_block, "no block" },
		{ "an empty block", empty_block, "block @7 does not end" },
		{ "a block without a terminator", no_terminator, "block @1 does not end" },
		{ "an instruction behind the end", behind_end, "block @8, instruction 0 (decide): stands behind" },
		{ "a temporary of another block", other_block, "block @1, instruction 1 (swap): uses a temporary" },
		{ "a temporary before it is defined", later, "(add): uses a temporary" },
		{ "a temporary that nobody defines", nowhere_defined, "(set): uses a temporary" },
		{ "the same as second operand", second_operand, "(add): uses a temporary" },
		{ "the same in a key", undefined_key, "(tally): uses a temporary" },
		{ "the same in a terminator", undefined_switch, "(switch): uses a temporary" },
		{ "no such variable", no_variable, "(get): names no variable" },
		{ "no such variable to set", no_variable_set, "(set): names no variable" },
		{ "three bytes swapped", swap_of_three, "(swap): swaps" },
		{ "no bytes swapped", swap_of_none, "(swap): swaps" },
		{ "nothing fetched", fetch_nothing, "(fetch): fetches 1 to 64" },
		{ "too much fetched", fetch_much, "(fetch): fetches 1 to 64" },
		{ "a load beyond the fetch", load_beyond, "(fetch): loads beyond" },
		{ "a load beyond all numbers", load_wraps, "(fetch): loads beyond" },
		{ "a case twice", case_twice, "(switch): has a case twice" },
		{ "the same as zero, which what is absent is", same_as_zero, "(same): compares with nothing" },
		{ "the same as what the mask takes away", same_outside, "(same): compares with nothing" },
		{ "a load of three bytes", load_of_three, "(fetch): loads 1, 2, 4 or 8" },
		{ "a load of no bytes", load_of_none, "(fetch): loads 1, 2, 4 or 8" },
		{ "a load into no variable", load_nowhere, "(fetch): loads into" },
		{ "a load without a fetch", load_without, "(switch): loads, but" },
		{ "no such table", no_table, "(member): does not fit" },
		{ "a key too short for its table", short_key, "(member): does not fit" },
		{ "a key too long for its table", long_key, "(member): does not fit" },
		{ "no such interface", no_iface, "(iface): names no interface" },
		{ "no such count table", no_counter, "(tally): names no table" },
		{ "no such slot", no_slot, "(miss): names no slot" },
		{ "no such rule", no_rule, "(count): names no rule" },
		{ "decided by no rule", no_decider, "(decide): names no rule" },
		{ "no verdict", no_verdict, "(decide): has no verdict" },
		{ "no such verdict", verdict_too_high, "(decide): has no verdict" },
		{ "three bytes stored", store_of_three, "(store): stores 1, 2, 4 or 8" },
		{ "no bytes stored", store_of_none, "(store): stores 1, 2, 4 or 8" },
		{ "something undefined stored", store_undefined, "(store): uses a temporary" },
		{ "stored at an undefined place", store_nowhere, "(store): uses a temporary" },
		{ "a tag of 17 bits", tag_too_large, "(pushtag): has a number that does not fit" },
		{ "a tag, and no way where there is no room", tag_no_room, "(pushtag): goes to a block" },
		{ "no tag, and no way", untag_not, "(poptag): goes to a block" },
		{ "behind the tag nothing that is placed", untag_lost, "(poptag): goes to a block" },
		{ "a mark of 33 bits", mark_too_large, "(mark): has a number that does not fit" },
		{ "a mark, and no way where there is no room", mark_no_room, "(mark): goes to a block" },
		{ "fewer sizes than numbers written", write_without, "(write): writes numbers without sizes" },
		{ "three bytes written", write_of_three, "(write): writes 1, 2, 4 or 8" },
		{ "too much written", write_much, "(write): writes more than 64" },
		{ "divided by zero", by_zero, "(div): divides by no number" },
		{ "divided by what is not known", by_unknown, "(div): divides by no number" },
		{ "no such place of chance", no_site, "(random): names no place" },
		{ "half a flow", no_flow, "(flow): is of no flow" },
		{ "no such set", no_set, "(lookup): names no set" },
		{ "no such set to add to", no_set_to_add, "(addset): names no set" },
		{ "no such slot of an addition", no_slot_to_add, "(addset): names no slot" },
		{ "no such set to remove from", no_set_to_remove, "(delset): names no set" },
		{ "no such log", no_log, "(log): names no log" },
		{ "no such way", no_way, "(way): names no way" },
		{ "no such way for others", no_other, "(other): names no way" },
		{ "a socket of SCTP", socket_of_sctp, "(socket): asks for no socket" },
		{ "a socket by five numbers", socket_of_five, "(socket): asks for no socket" },
		{ "no target", no_target, "(fetch): goes to a block" },
		{ "a target that is not placed", not_placed, "(switch): goes to a block" },
		{ "a target that stands elsewhere", wrong_place, "(switch): goes to a block" },
		{ "a target behind the last block", beyond_all, "(switch): goes to a block" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;
		const char *said;

		build(&f);
		rows[i].spoil(&f);
		said = ir_check(&f.p);
		if (!said || !strstr(said, rows[i].says))
			fail_msg("%s: \"%s\" expected, it is %s", rows[i].name, rows[i].says, said ? said : "accepted");
		arena_free(f.p.arena);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(good), cmocka_unit_test(faults) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
