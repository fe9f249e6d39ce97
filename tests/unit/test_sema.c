/*
 * What the checker leaves in the tree: matches, sets, indexes, names. What it refuses has goldens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "ast.h"
#include "meta.h"

struct fixture {
	struct arena *arena;
	struct diag_list diags;
	struct ast_program program;
	bool ok;
};

static void check(struct fixture *f, unsigned n, const char *const *name, const char *const *text)
{
	memset(f, 0, sizeof(*f));
	f->arena = f->diags.arena = f->program.arena = arena_new();
	f->ok = true;
	for (unsigned i = 0; i < n; i++)
		f->ok &= parse_unit(&f->program, source_new(f->arena, name[i], text[i], strlen(text[i])), &f->diags);
	f->ok &= sema_check(&f->program, &f->diags);
}

/* One text that is right. */
static void load(struct fixture *f, const char *text)
{
	static const char *const name[] = { "a.xdpf" };

	check(f, 1, name, &text);
	if (!f->ok)
		diag_render(&f->diags, stderr, false);
	assert_true(f->ok);
}

static void unload(struct fixture *f)
{
	arena_free(f->arena);
}

static const struct ast_match *match_of(const struct fixture *f, size_t i)
{
	return &f->program.units.v[0]->rules.list.v[i]->cond->match;
}

static void assert_range(const struct range *r, enum family f, uint64_t lo, uint64_t hi)
{
	assert_int_equal(r->family, f);
	assert_int_equal(r->lo.hi, 0);
	assert_int_equal(r->lo.lo, lo);
	assert_int_equal(r->hi.hi, 0);
	assert_int_equal(r->hi.lo, hi);
}

static void test_ranges(void **state)
{
	struct fixture f;
	const struct ast_match *m;

	(void)state;
	load(&f, "let web = { 443, 80, 444 };\n"
		 "drop if tcp.dport in web;\n"
		 "drop if tcp.dport != { 81, 1-9, 10 };\n"
		 "drop if tcp.dport < 5;\n"
		 "drop if tcp.dport >= 65535;\n"
		 "drop if tcp.dport > 1k;\n"
		 "drop if ip.src in { 2001:db8::/128, 10.0.0.0/8, 11.0.0.0/8 };\n"
		 "drop if eth.src == 02:00:00:00:00:01;\n"
		 "drop if packet[0:4] == \"GET \";\n"
		 "drop if tcp.flags & (syn|ack) == syn;\n");
	m = match_of(&f, 0);
	assert_int_equal(m->kind, MATCH_RANGES);
	assert_false(m->negate);
	assert_int_equal(m->n, 2);
	assert_range(&m->range[0], FAMILY_NUM, 80, 80);
	assert_range(&m->range[1], FAMILY_NUM, 443, 444);
	m = match_of(&f, 1);
	assert_true(m->negate);
	assert_int_equal(m->n, 2);
	assert_range(&m->range[0], FAMILY_NUM, 1, 10);
	assert_range(&m->range[1], FAMILY_NUM, 81, 81);
	assert_range(&match_of(&f, 2)->range[0], FAMILY_NUM, 0, 4);
	assert_range(&match_of(&f, 3)->range[0], FAMILY_NUM, 65535, 65535);
	assert_range(&match_of(&f, 4)->range[0], FAMILY_NUM, 1001, 65535);
	m = match_of(&f, 5);
	assert_int_equal(m->n, 2);
	assert_range(&m->range[0], FAMILY_IP4, 0x0a000000, 0x0bffffff);
	assert_int_equal(m->range[1].family, FAMILY_IP6);
	assert_int_equal(m->range[1].lo.hi, 0x20010db800000000);
	assert_range(&match_of(&f, 6)->range[0], FAMILY_NUM, 0x020000000001, 0x020000000001);
	assert_range(&match_of(&f, 7)->range[0], FAMILY_NUM, 0x47455420, 0x47455420);
	assert_int_equal(f.program.units.v[0]->rules.list.v[8]->cond->mask_value.lo, 0x12);
	assert_range(&match_of(&f, 8)->range[0], FAMILY_NUM, 2, 2);
	unload(&f);
}

static void test_other_matches(void **state)
{
	struct fixture f;
	const struct ast_match *m;
	const struct ast_set *s;

	(void)state;
	load(&f, "let lan = { eth1, \"eth0.5\" };\n"
		 "set nets : net = { 10.0.0.0/8, 9.0.0.0/8, ::1 };\n"
		 "set pairs : (ip, port) = { (192.0.2.1, 20-22), (::1, ssh) };\n"
		 "drop if iface in lan;\n"
		 "drop if iface == eth0 or iface == eth1;\n"
		 "drop if payload[0:9] in { \"bbbbbbbbb\", \"aaaaaaaaa\", 62:62:62:62:62:62:62:62:62 };\n"
		 "drop if ip.src not in nets;\n"
		 "drop if (ip.src, tcp.dport) in pairs;\n"
		 "drop if (ip4.src, tcp.dport) in { (10.0.0.0/8, 80), (192.0.2.1, 1-9) };\n"
		 "drop if ip4.dst & 255.0.0.0 in nets;\n");
	m = match_of(&f, 0);
	assert_int_equal(m->kind, MATCH_IFACES);
	assert_int_equal(m->n, 2);
	assert_string_equal(m->iface[1], "eth0.5");
	assert_int_equal(f.program.ifaces.n, 3);
	assert_string_equal(f.program.ifaces.v[0], "eth1");
	assert_string_equal(f.program.ifaces.v[2], "eth0");
	m = match_of(&f, 2);
	assert_int_equal(m->kind, MATCH_BYTES);
	assert_int_equal(m->n, 2);
	assert_memory_equal(m->bytes[0], "aaaaaaaaa", 9);
	assert_memory_equal(m->bytes[1], "bbbbbbbbb", 9);
	m = match_of(&f, 3);
	s = f.program.units.v[0]->sets.v[0];
	assert_int_equal(m->kind, MATCH_SET);
	assert_true(m->negate);
	assert_ptr_equal(m->set, s);
	assert_int_equal(s->n, 2);
	assert_range(&s->range[0], FAMILY_IP4, 0x09000000, 0x0affffff);
	assert_range(&s->range[1], FAMILY_IP6, 1, 1);
	s = f.program.units.v[0]->sets.v[1];
	assert_int_equal(s->index, 1);
	assert_int_equal(s->n_types, 2);
	assert_int_equal(s->n, 2);
	assert_range(&s->range[1], FAMILY_NUM, 20, 22);
	assert_range(&s->range[2], FAMILY_IP6, 1, 1);
	assert_ptr_equal(match_of(&f, 4)->set, s);
	m = match_of(&f, 5);
	assert_int_equal(m->kind, MATCH_BOXES);
	assert_int_equal(m->n, 2);
	assert_range(&m->range[0], FAMILY_IP4, 0x0a000000, 0x0affffff);
	assert_range(&m->range[3], FAMILY_NUM, 1, 9);
	/* A masked value is looked for in the set's ranges. */
	assert_int_equal(match_of(&f, 6)->kind, MATCH_RANGES);
	assert_int_equal(match_of(&f, 6)->n, 2);
	unload(&f);
}

static void test_indexes(void **state)
{
	static const char *const name[] = { "dir/2nd-edge.rules.of.mine.xdpf", "b.xdpf" };
	static const char *const text[] = {
		"one: drop if tcp.dport == 1;\n"
		"if udp { drop if udp.dport == 2; count a per eth.type; } else if icmp { drop; } else { count b, pass if ip4; }\n"
		"count a per eth.type;\n"
		"default tx swap;\n",
		"one: count a; option counters off;\n",
	};
	static const char *const shown[] = { "one", "2nd-edge.rules.of.mine.xdpf:2" };
	struct fixture f;
	const struct ast_program *p = &f.program;

	(void)state;
	check(&f, 2, name, text);
	assert_true(f.ok);
	assert_string_equal(p->name, "_2nd_edge_rules");
	assert_int_equal(p->n_indexes, 11);
	assert_int_equal(p->by_index.n, 11);
	for (size_t i = 0; i < p->by_index.n; i++)
		if (p->by_index.v[i])
			assert_int_equal(p->by_index.v[i]->index, i);
	assert_string_equal(p->by_index.v[0]->shown, shown[0]);
	assert_string_equal(p->by_index.v[1]->shown, shown[1]);
	assert_int_equal(p->by_index.v[1]->kind, RULE_IF);
	assert_int_equal(p->by_index.v[2]->verdict, VERDICT_DROP);
	assert_int_equal(p->by_index.v[3]->verdict, VERDICT_NONE);
	assert_ptr_equal(p->by_index.v[4], p->by_index.v[1]->else_rule);
	assert_int_equal(p->by_index.v[6]->verdict, VERDICT_PASS);
	assert_null(p->by_index.v[p->units.v[0]->default_index]);
	assert_int_equal(p->units.v[0]->default_index, 8);
	assert_true(p->units.v[0]->default_swap);
	assert_string_equal(p->by_index.v[9]->shown, "one");
	assert_int_equal(p->units.v[1]->default_index, 10);
	unload(&f);
}

static void test_counters(void **state)
{
	static const char *const name[] = { "a.xdpf", "b.xdpf" };
	static const char *const text[] = {
		"count a per (ip.src/24/64, tcp.dport); count b; count a per (ip.src/24/64, tcp.dport); default abort;\n",
		"count a per vlan.id; option counters off;\n",
	};
	struct fixture f;
	const struct ast_program *p = &f.program;
	const struct ast_rules *r;

	(void)state;
	check(&f, 2, name, text);
	assert_true(f.ok);
	r = &p->units.v[0]->rules;
	assert_int_equal(p->n_counters, 3);
	assert_int_equal(p->n_slots, 3);
	assert_int_equal(p->units.v[0]->counters.n, 2);
	assert_ptr_equal(r->list.v[0]->action.v[0]->counter, r->list.v[2]->action.v[0]->counter);
	assert_int_equal(r->list.v[0]->action.v[0]->slot, 0);
	assert_int_equal(r->list.v[2]->action.v[0]->slot, 1);
	assert_int_equal(p->units.v[1]->counters.v[0]->index, 2);
	assert_ptr_equal(p->units.v[1]->counters.v[0]->unit, p->units.v[1]);
	assert_int_equal(p->units.v[0]->default_verdict, VERDICT_ABORT);
	assert_int_equal(p->units.v[1]->default_verdict, VERDICT_PASS);
	assert_false(p->units.v[0]->counters_off);
	assert_true(p->units.v[1]->counters_off);
	unload(&f);
}

static void test_program_names(void **state)
{
	static const char *const rows[][2] = {
		{ "edge.xdpf", "edge" }, { "a/b/edge", "edge" }, { "9.xdpf", "_9" }, { ".xdpf", "prog" },
		{ "a-b c.xdpf", "a_b_c" },
		{ "abcdefghijklmnopqrstuvwxyz.xdpf", "abcdefghijklmno" }, { "123456789012345678.xdpf", "_12345678901234" },
		{ "\xc3\xa4.xdpf", "__" },
		/* What the object, C or the kernel has for itself. */
		{ "xdpf_rules.xdpf", "prog_xdpf_rules" }, { "xdpf-verdicts.xdpf", "prog_xdpf_verdi" }, { "xdpf.xdpf", "prog_xdpf" },
		{ "license.xdpf", "prog_license" }, { "_license.xdpf", "prog__license" }, { "int.xdpf", "prog_int" },
		{ "bpf_prog.xdpf", "prog_bpf_prog" }, { "in0_s.xdpf", "prog_in0_s" }, { "inside.xdpf", "inside" }, { "xdp.xdpf", "prog_xdp" },
	};
	static const char *const text[] = { "pass;\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;

		check(&f, 1, &rows[i][0], text);
		assert_true(f.ok);
		assert_string_equal(f.program.name, rows[i][1]);
		unload(&f);
	}
}

/* Hostile sizes end soon, with a message where they are refused. */
static void timed(const char *text, bool want)
{
	static const char *const name[] = { "a.xdpf" };
	struct timespec t0, t1;
	struct fixture f;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	check(&f, 1, name, &text);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	if (f.ok != want)
		diag_render(&f.diags, stderr, false);
	assert_int_equal(f.ok, want);
	assert_true(want || f.diags.errors);
	assert_true(t1.tv_sec - t0.tv_sec < 20);
	unload(&f);
}

static char *repeat(const char *head, size_t n, const char *fmt, const char *tail)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	fputs(head, out);
	for (size_t i = 1; i <= n; i++)
		fprintf(out, fmt, i, i - 1, i - 1);
	fputs(tail, out);
	fclose(out);
	return text;
}

static void test_hostile(void **state)
{
	static const struct {
		const char *head;
		size_t n;
		const char *fmt, *tail;
		bool ok;
	} rows[] = {
		/* Lets that double: 2^60 values, of which there is one. */
		{ "let a0 = 1;\n", 60, "let a%zu = { a%zu, a%zu };\n", "drop if tcp.dport in a60;\n", false },
		{ "let a0 = 1;\n", 20, "let a%zu = { a%zu, a%zu };\n", "drop if tcp.dport in a20;\n", true },
		{ "let a0 = 1;\n", 5000, "let a%zu = a%zu;\n", "drop if tcp.dport in a5000;\n", false },
		{ "set s : number = {\n", 100000, "%zu,\n", "};\ndrop if pkt.len == 1 or payload[0:8] in s;\n", true },
		{ "pass if tcp.dport == 0", 60000, " or tcp.dport == %zu", ";\n", true },
		{ "pass if tcp.seq != 0", 20000, " and tcp.seq != %zu", ";\n", true },
		{ "if tcp.dport == 0 { drop; }\n", 20000, "else if tcp.dport == %zu { drop; }\n", "", true },
		{ "", 20000, "l%zu: drop if tcp.dport == %zu;\n", "", true },
		{ "", 20000, "let v%zu = %zu;\n", "pass;\n", true },
		{ "drop if iface in { e0", 20000, ", e%zu", " };\n", true },
		{ "drop if payload[0:9] in { \"012345678\"", 20000, ", \"%09zu\"", " };\n", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = repeat(rows[i].head, rows[i].n, rows[i].fmt, rows[i].tail);

		timed(text, rows[i].ok);
		free(text);
	}
}

/* A key fits the program's stack as it is laid out, not as the sum of its fields. */
static void test_keys(void **state)
{
	static const struct {
		const char *key;
		unsigned size;		/* 0: refused */
	} rows[] = {
		{ "tcp.dport", 2 }, { "(tcp.dport, ip.src)", 24 }, { "(ip.proto, tcp.seq, eth.src)", 16 }, { "(iface, tcp.syn)", 8 },
		{ "(payload[0:64], payload[64:64])", 128 }, { "(payload[0:64], payload[64:64], ip.proto)", 0 },
		{ "(packet[0:61], packet[100:8], packet[61:51])", 128 }, { "(packet[0:61], packet[100:8], packet[61:51], packet[200:8])", 0 },
		{ "(packet[0:1], packet[1:8], packet[9:1], packet[10:8], packet[18:1], packet[20:8], packet[28:1], packet[30:8])", 64 },
		{ "(packet[0:61], packet[100:8], packet[61:49], packet[2:2], packet[4:3])", 128 },
		{ "(packet[0:61], packet[100:8], packet[61:50], packet[2:3])", 128 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static const char *const name[] = { "a.xdpf" };
		struct fixture f;
		char text[200];
		const char *const texts[] = { text };

		snprintf(text, sizeof(text), "count t per %s;\n", rows[i].key);
		check(&f, 1, name, texts);
		assert_int_equal(f.ok, rows[i].size != 0);
		if (f.ok) {
			const struct ast_counter *c = f.program.units.v[0]->counters.v[0];

			assert_int_equal(meta_key_layout(f.arena, c->key.v, c->key.n).size, rows[i].size);
		}
		unload(&f);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges), cmocka_unit_test(test_other_matches), cmocka_unit_test(test_indexes),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_program_names), cmocka_unit_test(test_hostile), cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
