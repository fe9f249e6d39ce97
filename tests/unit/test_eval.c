/*
 * What the evaluator counts: rules, verdicts, tables by key, and what it does not count. Verdicts themselves have packet tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "abi.h"
#include "eval.h"

struct fixture {
	struct arena *arena;
	struct diag_list diags;
	struct ast_program program;
	struct eval *eval;
	uint64_t sent;
};

/* @n texts as one program. */
static void load(struct fixture *f, unsigned n, const char *const *text)
{
	bool ok = true;

	memset(f, 0, sizeof(*f));
	f->arena = f->diags.arena = f->program.arena = arena_new();
	for (unsigned i = 0; i < n; i++) {
		char name[] = "a.xdpf";

		name[0] = (char)('a' + i);
		ok &= parse_unit(&f->program, source_new(f->arena, arena_strndup(f->arena, name, 6), text[i], strlen(text[i])), &f->diags);
	}
	ok = ok && sema_check(&f->program, &f->diags);
	if (!ok)
		diag_render(&f->diags, stderr, false);
	assert_true(ok);
	f->eval = eval_new(&f->program);
	assert_non_null(f->eval);
}

static void unload(struct fixture *f)
{
	eval_free(f->eval);
	arena_free(f->arena);
}

/* Ethernet, IPv4, UDP from 10.0.x.x, with 20 bytes of payload that begin with @tag. */
static struct eval_result send_udp(struct fixture *f, uint16_t host, uint16_t dport, uint8_t tag, uint8_t *frame)
{
	static const uint8_t start[62] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 48, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 0, 198, 51, 100, 2,
		0x0f, 0xa0, 0, 0, 0, 28, 0, 0,
	};
	struct eval_packet pkt = { .data = frame, .len = sizeof(start) };

	memcpy(frame, start, sizeof(start));
	frame[28] = (uint8_t)(host >> 8);
	frame[29] = (uint8_t)host;
	frame[36] = (uint8_t)(dport >> 8);
	frame[37] = (uint8_t)dport;
	frame[42] = tag;
	f->sent++;
	return eval_run(f->eval, &pkt);
}

static struct eval_result send_one(struct fixture *f, uint16_t host, uint16_t dport)
{
	uint8_t frame[62];

	return send_udp(f, host, dport, 0, frame);
}

static void assert_count(struct eval_count c, uint64_t packets)
{
	assert_int_equal(c.packets, packets);
	assert_int_equal(c.bytes, packets * 62);
}

static void test_books(void **state)
{
	static const char *const text[] = {
		"one: drop if udp.dport == 1; if udp.dport in 2-3 { two: pass if udp.dport == 2; } "
		"else if udp.dport == 4 { four: abort; } five: pass if udp.dport == 5;",
		"default drop; six: pass if udp.dport == 6; keep: pass if udp.dport == 2;",
	};
	struct fixture f;
	uint64_t first = 0, passed = 0, second = 0, verdicts = 0;

	(void)state;
	load(&f, 2, text);
	for (uint16_t port = 0; port < 10; port++)
		for (uint16_t n = 0; n <= port; n++)
			send_one(&f, n, port);
	for (unsigned i = 0; i < f.program.n_indexes; i++) {
		const struct ast_rule *r = f.program.by_index.v[i];
		bool in_first = i <= f.program.units.v[0]->default_index;
		uint64_t n = eval_rule_count(f.eval, i).packets;
		enum verdict v = r ? r->verdict : i == f.program.units.v[0]->default_index ? VERDICT_PASS : VERDICT_DROP;

		assert_count(eval_rule_count(f.eval, i), n);
		if (v == VERDICT_NONE)
			continue;
		*(in_first ? &first : &second) += n;
		if (in_first && v == VERDICT_PASS)
			passed += n;
	}
	assert_int_equal(first, f.sent);
	assert_int_equal(second, passed);
	for (enum verdict v = 0; v < VERDICT_COUNT; v++)
		verdicts += eval_verdict_count(f.eval, v).packets;
	assert_int_equal(verdicts, f.sent);
	assert_count(eval_verdict_count(f.eval, VERDICT_DROP), 2 + 1 + 4 + 6 + 8 + 9 + 10);
	assert_count(eval_verdict_count(f.eval, VERDICT_ABORT), 5);
	assert_count(eval_verdict_count(f.eval, VERDICT_PASS), 3 + 7);
	unload(&f);
}

static void test_blocks_count(void **state)
{
	static const char *const text[] = { "a: if udp { b: if udp.dport == 1 { c: drop; } else if udp.dport == 2 { d: pass if udp.sport == 1; } }" };
	struct fixture f;
	const struct ast_rule *a, *b;

	(void)state;
	load(&f, 1, text);
	for (uint16_t port = 0; port < 4; port++)
		send_one(&f, 0, port);
	a = f.program.units.v[0]->rules.list.v[0];
	b = a->then_block.list.v[0];
	assert_count(eval_rule_count(f.eval, a->index), 4);
	assert_count(eval_rule_count(f.eval, b->index), 1);
	assert_count(eval_rule_count(f.eval, b->else_rule->index), 1);
	assert_count(eval_rule_count(f.eval, f.program.units.v[0]->default_index), 3);
	unload(&f);
}

static void test_counters_off(void **state)
{
	static const char *const off = "option counters off; a: drop if udp.dport == 1; b: count t per udp.dport;";
	const char *const both[] = { off, "c: drop if udp.dport == 2;" };
	struct fixture f;

	(void)state;
	load(&f, 1, both);
	send_one(&f, 0, 1);
	send_one(&f, 0, 3);
	for (unsigned i = 0; i < f.program.n_indexes; i++)
		assert_count(eval_rule_count(f.eval, i), 0);
	assert_count(eval_verdict_count(f.eval, VERDICT_DROP), 0);
	assert_count(eval_verdict_count(f.eval, VERDICT_PASS), 0);
	unload(&f);

	load(&f, 2, both);
	send_one(&f, 0, 1);
	send_one(&f, 0, 2);
	send_one(&f, 0, 3);
	assert_count(eval_rule_count(f.eval, f.program.units.v[0]->default_index), 0);
	assert_count(eval_rule_count(f.eval, f.program.units.v[1]->default_index), 1);
	assert_count(eval_verdict_count(f.eval, VERDICT_DROP), 2);
	assert_count(eval_verdict_count(f.eval, VERDICT_PASS), 1);
	unload(&f);
}

struct entries {
	size_t n;
	struct value first[4], last[4];
	enum family family;
	uint64_t packets;
};

static void note_entry(void *arg, const struct value *key, const enum family *family, struct eval_count c)
{
	struct entries *e = arg;

	if (key) {
		memcpy(e->n ? e->last : e->first, key, sizeof(*key));
		e->family = *family;
	}
	e->n++;
	e->packets += c.packets;
}

static const struct ast_counter *counter(const struct fixture *f, unsigned i)
{
	return f->program.units.v[0]->counters.v[i];
}

static void test_tables(void **state)
{
	static const char *const text[] = { "all: count all; nets: count nets per ip.src/24/64; tcp: count ports per tcp.dport; "
					    "start: count starts per payload[0:20];" };
	struct fixture f;
	struct entries all = { 0 }, nets = { 0 }, ports = { 0 }, starts = { 0 };
	uint8_t frame[62];

	(void)state;
	load(&f, 1, text);
	eval_counter_each(f.eval, counter(&f, 0), note_entry, &all);
	assert_int_equal(all.n, 1);
	assert_int_equal(all.packets, 0);
	for (uint16_t host = 0; host < 512; host++)
		send_udp(&f, host, 53, (uint8_t)(host % 3), frame);
	memset(&all, 0, sizeof(all));
	eval_counter_each(f.eval, counter(&f, 0), note_entry, &all);
	eval_counter_each(f.eval, counter(&f, 1), note_entry, &nets);
	eval_counter_each(f.eval, counter(&f, 2), note_entry, &ports);
	eval_counter_each(f.eval, counter(&f, 3), note_entry, &starts);
	assert_int_equal(all.n, 1);
	assert_int_equal(all.packets, 512);
	assert_int_equal(nets.n, 2);
	assert_int_equal(nets.packets, 512);
	assert_int_equal(nets.family, FAMILY_IP4);
	assert_int_equal(nets.first[0].lo, 0x0a000000);
	assert_int_equal(nets.last[0].lo, 0x0a000100);
	assert_int_equal(ports.n, 0);
	assert_int_equal(starts.n, 3);
	assert_int_equal(starts.packets, 512);
	assert_int_equal(starts.last[0].hi >> 56, 2);
	for (unsigned slot = 0; slot < f.program.n_slots; slot++)
		assert_int_equal(eval_action_miss(f.eval, slot).full, 0);
	assert_int_equal(f.program.n_slots, 3);
	assert_int_equal(eval_action_miss(f.eval, 0).absent, 0);
	assert_int_equal(eval_action_miss(f.eval, 1).absent, 512);
	assert_int_equal(eval_action_miss(f.eval, 2).absent, 0);
	unload(&f);
}

static void test_full(void **state)
{
	static const char *const text[] = { "count flows per (ip.src, udp.dport);" };
	struct fixture f;
	struct entries e = { 0 };

	(void)state;
	load(&f, 1, text);
	for (unsigned i = 0; i < XDPF_COUNT_ENTRIES; i++)
		send_one(&f, (uint16_t)i, 1);
	assert_int_equal(eval_action_miss(f.eval, 0).full, 0);
	for (unsigned i = 0; i < 10; i++)
		send_one(&f, (uint16_t)i, 2);
	send_one(&f, 7, 1);
	assert_int_equal(eval_action_miss(f.eval, 0).full, 10);
	eval_counter_each(f.eval, counter(&f, 0), note_entry, &e);
	assert_int_equal(e.n, XDPF_COUNT_ENTRIES);
	assert_int_equal(e.packets, XDPF_COUNT_ENTRIES + 1);
	unload(&f);
}

/* A packet of @host at @ms. */
static enum verdict at(struct fixture *f, uint64_t ms, uint16_t host)
{
	uint8_t frame[62] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 48, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0 };
	struct eval_packet pkt = { .data = frame, .len = sizeof(frame), .now = ms * 1000000 };

	frame[28] = (uint8_t)(host >> 8);
	frame[29] = (uint8_t)host;
	frame[39] = 28;
	return eval_run(f->eval, &pkt).verdict;
}

static void assert_limit(struct fixture *f, uint64_t admitted, uint64_t denied, uint64_t full)
{
	struct eval_limit_count c = eval_limit_counted(f->eval, f->program.units.v[0]->limits.v[0]);

	assert_int_equal(c.admitted, admitted);
	assert_int_equal(c.denied, denied);
	assert_int_equal(c.full, full);
}

/* Room for three keys: a fourth finds some only when one of them is full again, whatever `when full` says meanwhile. */
static void test_limit_full(void **state)
{
	static const char *const open[] = { "drop if udp over 10/s burst 2 per ip.src size 3;" };
	static const char *const closed[] = { "option counters off; drop if udp over 10/s burst 2 per ip.src size 3 when full closed;" };
	struct fixture f;

	(void)state;
	for (int k = 0; k < 2; k++) {
		load(&f, 1, k ? closed : open);
		for (uint16_t host = 1; host <= 3; host++) {
			assert_int_equal(at(&f, 1000, host), VERDICT_PASS);
			assert_int_equal(at(&f, 1000, host), VERDICT_PASS);
			assert_int_equal(at(&f, 1000, host), VERDICT_DROP);
		}
		assert_int_equal(at(&f, 1199, 4), k ? VERDICT_DROP : VERDICT_PASS);
		assert_int_equal(at(&f, 1199, 4), k ? VERDICT_DROP : VERDICT_PASS);
		assert_int_equal(at(&f, 1199, 1), VERDICT_PASS);
		assert_limit(&f, k ? 0 : 7, k ? 0 : 3, 2);
		/* the other two are full again, and forgotten */
		assert_int_equal(at(&f, 1200, 4), VERDICT_PASS);
		assert_int_equal(at(&f, 1200, 5), VERDICT_PASS);
		assert_int_equal(at(&f, 1200, 6), k ? VERDICT_DROP : VERDICT_PASS);
		assert_limit(&f, k ? 0 : 9, k ? 0 : 3, 3);
		unload(&f);
	}
}

static void test_swap(void **state)
{
	static const char *const text[] = { "a: tx swap if udp.dport == 1; b: tx if udp.dport == 2; c: drop if udp.dport == 3;" };
	struct fixture f;
	uint8_t frame[62];

	(void)state;
	load(&f, 1, text);
	assert_int_equal(send_udp(&f, 0, 1, 0, frame).verdict, VERDICT_TX);
	assert_memory_equal(frame, "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
	assert_int_equal(send_udp(&f, 0, 2, 0, frame).verdict, VERDICT_TX);
	assert_memory_equal(frame, "\2\0\0\0\0\2\2\0\0\0\0\1", 12);
	assert_int_equal(send_udp(&f, 0, 3, 0, frame).verdict, VERDICT_DROP);
	assert_memory_equal(frame, "\2\0\0\0\0\2\2\0\0\0\0\1", 12);
	unload(&f);
}

static void test_short_frames(void **state)
{
	static const char *const text[] = { "default pass; a: drop if malformed; b: tx swap if eth;" };
	struct fixture f;

	(void)state;
	load(&f, 1, text);
	for (size_t n = 0; n < 20; n++) {
		uint8_t *frame = calloc(n ? n : 1, 1);
		struct eval_packet pkt = { .data = frame, .len = n };

		assert_non_null(frame);
		assert_int_equal(eval_run(f.eval, &pkt).verdict, n < 14 ? VERDICT_DROP : VERDICT_TX);
		free(frame);
	}
	unload(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_books),
		cmocka_unit_test(test_blocks_count),
		cmocka_unit_test(test_counters_off),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_limit_full),
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_short_frames),
	};

	return cmocka_run_group_tests_name("eval", tests, NULL, NULL);
}
