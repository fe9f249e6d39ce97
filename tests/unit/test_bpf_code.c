/*
 * What is put among finished instructions for old verifiers: where a comparison would teach something by way of an id, where a
 * path falls into a loop, and that every jump still leads where it led.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bpf_code.h"

#define MOV(d, s) { .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (d), .src_reg = (s) }
#define MOV32(d, s) { .code = BPF_ALU | BPF_MOV | BPF_X, .dst_reg = (d), .src_reg = (s) }
#define SET(d, n) { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (d), .imm = (n) }
#define OP(op, d, n) { .code = BPF_ALU64 | (op) | BPF_K, .dst_reg = (d), .imm = (n) }
#define ADDR(d, s) { .code = BPF_ALU64 | BPF_ADD | BPF_X, .dst_reg = (d), .src_reg = (s) }
#define LOAD(size, d, s, o) { .code = BPF_LDX | BPF_MEM | (size), .dst_reg = (d), .src_reg = (s), .off = (o) }
#define STORE(size, d, o, s) { .code = BPF_STX | BPF_MEM | (size), .dst_reg = (d), .src_reg = (s), .off = (o) }
#define IF(op, d, n, o) { .code = BPF_JMP | (op) | BPF_K, .dst_reg = (d), .imm = (n), .off = (o) }
#define IFR(op, d, s, o) { .code = BPF_JMP | (op) | BPF_X, .dst_reg = (d), .src_reg = (s), .off = (o) }
#define GO(o) { .code = BPF_JMP | BPF_JA, .off = (o) }
#define CALL(n) { .code = BPF_JMP | BPF_CALL, .imm = (n) }
#define OWN(n) { .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_CALL, .imm = (n) }
#define EXIT { .code = BPF_JMP | BPF_EXIT }

enum { MAX = 32 };

/* What the code is: a function that gets what its caller has, the main one, one that is verified by itself. */
enum kind { CALLED, MAIN, GLOBAL };

struct given {
	struct arena *a;
	struct bpf_code c;
	bool address[MAX + 1], starts[MAX + 1], global[MAX + 1];
	uint8_t callee[MAX + 1];
};

static bool mend(struct given *g, const struct bpf_insn *in, size_t n, enum kind kind)
{
	memset(g, 0, sizeof(*g));
	g->a = arena_new();
	g->starts[0] = true;
	g->global[0] = kind == GLOBAL;
	g->c = (struct bpf_code){
		.arena = g->a, .in = in, .n = n, .address = g->address, .callee = g->callee,
		.starts = g->starts, .global = g->global, .main = kind == MAIN,
	};
	return bpf_mend(&g->c);
}

/* The marks of each instruction are @want, one digit each; the copy of the code has them and nothing else. */
static void marks(const struct bpf_insn *in, size_t n, enum kind kind, const char *want)
{
	struct given g;
	size_t more = 0;

	assert_true(mend(&g, in, n, kind));
	for (size_t i = 0; i < n; i++) {
		unsigned m = (unsigned)(want[i] - '0');
		const struct bpf_insn *out = &g.c.out[g.c.begin[i]];

		if (g.c.mend[i] != m)
			fail_msg("instruction %zu: marks %u, not %u", i, g.c.mend[i], m);
		if (m & MEND_LEAP) {
			assert_int_equal(out->code, BPF_JMP | BPF_JA);
			assert_int_equal(out++->off, 0);
		}
		for (unsigned k = MEND_DST; k <= MEND_SRC; k *= 2)
			if (m & k) {
				assert_int_equal(out->code, BPF_ALU64 | BPF_SUB | BPF_K);
				assert_int_equal(out->dst_reg, k == MEND_DST ? in[i].dst_reg : in[i].src_reg);
				assert_int_equal(out++->imm, 0);
			}
		assert_ptr_equal(out, &g.c.out[g.c.at[i]]);
		assert_int_equal(out->code, in[i].code);
		more += (size_t)__builtin_popcount(m);
		if (bpf_is_jump(&in[i])) {
			size_t to = (size_t)bpf_target(&g.c, i), now = (size_t)((int64_t)g.c.at[i] + 1 + out->off);

			assert_int_equal(now, g.c.begin[to] + !!(g.c.mend[to] & MEND_LEAP));
		}
	}
	assert_int_equal(g.c.n_out, n + more);
	arena_free(g.a);
}

#define CHECK(kind, want, ...) do { \
		static const struct bpf_insn code[] = { __VA_ARGS__ }; \
		assert_int_equal(strlen(want), sizeof(code) / sizeof(code[0])); \
		marks(code, sizeof(code) / sizeof(code[0]), kind, want); \
	} while (0)

static void copies(void **state)
{
	(void)state;
	/* the copy is read again, on one way at least */
	CHECK(MAIN, "00200", LOAD(BPF_W, 2, 1, 16), MOV(3, 2), IF(BPF_JEQ, 2, 5, 0), MOV(0, 3), EXIT);
	CHECK(MAIN, "002000", LOAD(BPF_W, 2, 1, 16), MOV(3, 2), IF(BPF_JEQ, 3, 5, 1), SET(2, 0), MOV(0, 2), EXIT);
	/* it is written before it is read; it is another number; it has no id; the number itself is what is read */
	CHECK(MAIN, "000000", LOAD(BPF_W, 2, 1, 16), MOV(3, 2), IF(BPF_JEQ, 2, 5, 0), SET(3, 0), MOV(0, 3), EXIT);
	CHECK(MAIN, "000000", LOAD(BPF_W, 2, 1, 16), MOV(3, 2), OP(BPF_AND, 3, 7), IF(BPF_JEQ, 2, 5, 0), MOV(0, 3), EXIT);
	CHECK(MAIN, "00000", LOAD(BPF_W, 2, 1, 16), MOV32(3, 2), IF(BPF_JEQ, 2, 5, 0), MOV(0, 3), EXIT);
	CHECK(MAIN, "0000", LOAD(BPF_W, 2, 1, 16), IF(BPF_JEQ, 2, 5, 0), MOV(0, 2), EXIT);
	/* two copies of one number, neither compared with the other's source any more */
	CHECK(MAIN, "000200", LOAD(BPF_W, 2, 1, 16), MOV(3, 2), MOV(4, 2), IF(BPF_JGT, 3, 5, 0), MOV(0, 4), EXIT);
}

static void both_sides(void **state)
{
	(void)state;
	CHECK(MAIN, "000400", LOAD(BPF_W, 2, 1, 16), LOAD(BPF_W, 4, 1, 12), MOV(3, 2), IFR(BPF_JGT, 4, 2, 0), MOV(0, 3), EXIT);
	CHECK(MAIN, "000060000", LOAD(BPF_W, 2, 1, 16), LOAD(BPF_W, 4, 1, 12), MOV(3, 2), MOV(5, 4), IFR(BPF_JGT, 4, 2, 0), MOV(0, 3),
	      ADDR(0, 5), MOV(0, 0), EXIT);
}

static void ways_that_meet(void **state)
{
	(void)state;
	/* linked on one of two ways */
	CHECK(MAIN, "0000020000", LOAD(BPF_W, 2, 1, 16), LOAD(BPF_W, 3, 1, 12), LOAD(BPF_W, 4, 1, 12), IF(BPF_JEQ, 4, 0, 1), MOV(3, 2),
	      IF(BPF_JEQ, 2, 5, 1), SET(0, 1), MOV(0, 3), OP(BPF_ADD, 0, 1), EXIT);
}

static void stack(void **state)
{
	(void)state;
	CHECK(MAIN, "0002000", LOAD(BPF_W, 2, 1, 16), MOV(3, 2), STORE(BPF_DW, 10, -8, 3), IF(BPF_JEQ, 2, 5, 0), LOAD(BPF_DW, 4, 10, -8),
	      MOV(0, 4), EXIT);
	/* what has no id has none on the stack either */
	CHECK(MAIN, "000000", LOAD(BPF_W, 2, 1, 16), STORE(BPF_DW, 10, -8, 2), IF(BPF_JEQ, 2, 5, 0), LOAD(BPF_DW, 4, 10, -8), MOV(0, 4), EXIT);
	/* by way of a pointer, and what a helper may read */
	CHECK(MAIN, "00000200000", LOAD(BPF_W, 6, 1, 16), MOV(3, 6), MOV(2, 10), OP(BPF_ADD, 2, -8), STORE(BPF_W, 2, 4, 3), IF(BPF_JEQ, 6, 5, 0),
	      MOV(2, 10), OP(BPF_ADD, 2, -16), CALL(BPF_FUNC_map_lookup_elem), SET(0, 0), EXIT);
	/* overwritten as a whole before it is read */
	CHECK(MAIN, "00000000", LOAD(BPF_W, 2, 1, 16), MOV(3, 2), STORE(BPF_DW, 10, -8, 3), IF(BPF_JEQ, 2, 5, 0), SET(5, 1),
	      STORE(BPF_DW, 10, -8, 5), LOAD(BPF_DW, 0, 10, -8), EXIT);
}

static void pointers(void **state)
{
	(void)state;
	CHECK(MAIN, "000000", CALL(BPF_FUNC_map_lookup_elem), MOV(6, 0), IF(BPF_JEQ, 0, 0, 1), LOAD(BPF_DW, 3, 6, 0), SET(0, 0), EXIT);
	CHECK(MAIN, "00000000", LOAD(BPF_W, 2, 1, 0), LOAD(BPF_W, 3, 1, 4), MOV(4, 2), OP(BPF_ADD, 2, 14), IFR(BPF_JGT, 2, 3, 1),
	      LOAD(BPF_B, 5, 4, 0), SET(0, 2), EXIT);
}

static void functions(void **state)
{
	(void)state;
	/* what it is given lives on with the caller; what it returns may be that */
	CHECK(CALLED, "0200", MOV(0, 1), IF(BPF_JEQ, 1, 5, 0), MOV(0, 0), EXIT);
	/* nobody knows anything of what a global one is given, but that the first is a context, and what is loaded from that a pointer */
	CHECK(GLOBAL, "0200", MOV(3, 2), IF(BPF_JEQ, 2, 5, 0), MOV(0, 3), EXIT);
	CHECK(GLOBAL, "000", IF(BPF_JEQ, 2, 5, 0), SET(0, 0), EXIT);
	CHECK(GLOBAL, "00000000", LOAD(BPF_W, 2, 1, 0), LOAD(BPF_W, 3, 1, 4), MOV(4, 2), OP(BPF_ADD, 2, 14), IFR(BPF_JGT, 2, 3, 1),
	      LOAD(BPF_B, 5, 4, 0), SET(0, 2), EXIT);
	CHECK(MAIN, "00002000", LOAD(BPF_W, 6, 1, 16), MOV(1, 6), OWN(100), MOV(3, 3), IF(BPF_JEQ, 0, 1, 0), MOV(0, 6), MOV(0, 0), EXIT);
}

/* A call by way of a relocation looks like one of a function of ours: whose it is decides. */
static void kernel_functions(void **state)
{
	static const struct bpf_insn code[] = {
		LOAD(BPF_W, 6, 1, 16), MOV(1, 6), OWN(-1), MOV(7, 0), IF(BPF_JEQ, 0, 0, 1), LOAD(BPF_DW, 3, 7, 0), MOV(0, 6), EXIT,
	};
	static const struct { enum bpf_callee callee; unsigned mark; } cases[] = {
		{ CALLEE_NUMBER, MEND_DST }, { CALLEE_POINTER, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct given g;

		memset(&g, 0, sizeof(g));
		g.a = arena_new();
		g.starts[0] = g.address[2] = true;
		g.callee[2] = (uint8_t)cases[i].callee;
		g.c = (struct bpf_code){ .arena = g.a, .in = code, .n = sizeof(code) / sizeof(code[0]), .address = g.address,
					 .callee = g.callee, .starts = g.starts, .main = true };
		assert_true(bpf_mend(&g.c));
		for (size_t k = 0; k < g.c.n; k++)
			assert_int_equal(g.c.mend[k], k == 4 ? cases[i].mark : 0);
		arena_free(g.a);
	}
}

static void loops(void **state)
{
	(void)state;
	/* the loop's last instruction stands before its first */
	CHECK(MAIN, "000100000", SET(0, 0), GO(1), OP(BPF_ADD, 0, 1), OP(BPF_ADD, 0, 2), IF(BPF_JEQ, 0, 9, 2), IF(BPF_JGT, 0, 20, 1), GO(-5),
	      SET(0, 1), EXIT);
	/* it jumps back itself: nothing to do */
	CHECK(MAIN, "00000", SET(0, 0), OP(BPF_ADD, 0, 1), IF(BPF_JLT, 0, 9, -2), SET(0, 1), EXIT);
	/* a copy goes round: both marks may fall on one instruction */
	CHECK(MAIN, "000003000", LOAD(BPF_W, 2, 1, 16), SET(0, 0), MOV(3, 2), GO(1), OP(BPF_ADD, 0, 1), IF(BPF_JLT, 2, 9, -2), ADDR(0, 3),
	      MOV(0, 0), EXIT);
}

static void refused(void **state)
{
	static const struct bpf_insn out[] = { GO(5), EXIT }, back[] = { GO(-3), EXIT }, open[] = { SET(0, 1) },
		cut[] = { { .code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = 1 } },
		into[] = { GO(1), { .code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = 1 }, { .code = 0 }, EXIT },
		behind[] = { STORE(BPF_W, 10, 0, 1), EXIT },
		high[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 12 }, EXIT };
	static const struct { const struct bpf_insn *in; size_t n; } bad[] = {
		{ out, 2 }, { back, 2 }, { open, 1 }, { cut, 1 }, { into, 4 }, { high, 2 }, { behind, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct given g;

		assert_false(mend(&g, bad[i].in, bad[i].n, MAIN));
		assert_non_null(g.c.err);
		arena_free(g.a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies), cmocka_unit_test(both_sides), cmocka_unit_test(ways_that_meet), cmocka_unit_test(stack),
		cmocka_unit_test(pointers), cmocka_unit_test(functions), cmocka_unit_test(kernel_functions),
		cmocka_unit_test(loops), cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
