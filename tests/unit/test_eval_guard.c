/*
 * Long lists of rules: who decides about a packet is the first rule, in order, whose condition holds when it is asked by itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eval_guard.h"

static uint64_t seed = 1;

static unsigned pick(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

/* What was asked around a condition: nothing of it is asked again, since what contradicts itself is refused. */
struct asked {
	bool src, dst, port, more;
	char family, transport;		/* 0: not asked */
};

/* Few values, so that rules match now and then. Nothing: 0. */
static int comparison(char *to, size_t size, struct asked *a)
{
	bool tcp = a->transport == 't', udp = a->transport == 'u';

	switch (pick(11)) {
	case 0:
		if (a->src || a->family == '6')
			return 0;
		a->src = true;
		a->family = '4';
		return snprintf(to, size, "ip.src in 10.%u.0.0/%u", 2 * pick(4), pick(2) ? 15 : 16);
	case 1:
		if (a->dst || a->family == '6')
			return 0;
		a->dst = true;
		a->family = '4';
		return snprintf(to, size, "ip4.dst == 192.0.2.%u", pick(4));
	case 2:
		if (a->dst || a->family)
			return 0;
		a->dst = true;
		return snprintf(to, size, "ip.dst in { 192.0.2.%u, 2001:db8::/%u }", pick(4), pick(2) ? 32 : 127);
	case 3:
		if (a->src || a->family == '4')
			return 0;
		a->src = true;
		a->family = '6';
		return snprintf(to, size, "ip6.src in 2001:db8:%u::/48", pick(3));
	case 4:
		if (tcp || udp)
			return 0;
		a->transport = pick(2) ? 't' : 'u';
		return snprintf(to, size, "ip.proto == %s", a->transport == 't' ? "tcp" : "udp");
	case 5:
		if (a->port)
			return 0;
		a->port = true;
		return snprintf(to, size, "l4.dport in { %u, %u-%u }", pick(4), 6 + pick(3), 9 + pick(3));
	case 6:
		if (a->more || tcp)
			return 0;
		a->more = true;
		a->transport = 'u';
		return snprintf(to, size, "udp.sport %s %u", pick(2) ? "<" : ">=", 1 + pick(8));
	case 7:
		if (a->port || udp)
			return 0;
		a->port = true;
		a->transport = 't';
		return snprintf(to, size, "tcp.dport != %u", pick(8));
	case 8:
		if (a->src)
			return 0;
		a->src = true;
		return snprintf(to, size, "not (ip.src in 10.%u.0.0/16)", pick(4));
	case 9:
		if (a->more || udp)
			return 0;
		a->more = true;
		a->transport = 't';
		return snprintf(to, size, "tcp.flags & (syn|ack) == %s", pick(2) ? "syn" : "ack");
	default:
		if (a->port || tcp || udp)
			return 0;
		a->port = true;
		return snprintf(to, size, "(tcp or udp.dport == %u)", pick(8));
	}
}

/* At least one: a length of the frame is never asked for otherwise. */
static size_t conditions(char *to, size_t size, struct asked *a)
{
	size_t n = (size_t)snprintf(to, size, "pkt.len >= %u", 54 + pick(22));

	for (unsigned tries = 0, many = 2 + pick(3); tries < 12 && many; tries++) {
		char one[200];

		if (!comparison(one, sizeof(one), a))
			continue;
		n += (size_t)snprintf(to + n, size - n, " and %s", one);
		many--;
	}
	return n;
}

static size_t rules(char *to, size_t size, unsigned many, unsigned depth, struct asked around)
{
	size_t n = 0;

	for (unsigned i = 0; i < many; i++) {
		bool block = depth && !pick(8);
		struct asked a = around;

		n += (size_t)snprintf(to + n, size - n, "%s if ", block ? "" : (const char *[]){ "drop", "abort", "count t" }[pick(3)]);
		n += conditions(to + n, size - n, &a);
		if (block) {
			n += (size_t)snprintf(to + n, size - n, " {\n");
			n += rules(to + n, size - n, pick(2) ? 3 : 20, depth - 1, a);
			n += (size_t)snprintf(to + n, size - n, pick(2) ? "} else { drop if ip.ttl == 3; }\n" : "}\n");
			continue;
		}
		n += (size_t)snprintf(to + n, size - n, ";\n");
	}
	return n;
}

static size_t frame(uint8_t *f)
{
	bool six = !pick(3), tcp = pick(2);
	uint8_t *l4 = f + 14 + (six ? 40 : 20);

	memset(f, 0, 128);
	f[12] = six ? 0x86 : 8;
	f[13] = six ? 0xdd : 0;
	if (six) {
		memcpy(f + 14, (const uint8_t[]){ 0x60, 0, 0, 0, 0, 20, tcp ? 6 : 17, (uint8_t)pick(8) }, 8);
		memcpy(f + 22, (const uint8_t[]){ 0x20, 1, 0xd, 0xb8, 0, (uint8_t)pick(4) }, 6);
		memcpy(f + 38, (const uint8_t[]){ 0x20, 1, 0xd, 0xb8 }, 4);
		f[53] = (uint8_t)pick(4);
	} else {
		memcpy(f + 14, (const uint8_t[]){ 0x45, 0, 0, 40, 0, 0, 0, 0, (uint8_t)pick(8), tcp ? 6 : 17 }, 10);
		memcpy(f + 26, (const uint8_t[]){ 10, (uint8_t)pick(8), 0, 1, 192, 0, 2, (uint8_t)pick(5) }, 8);
	}
	l4[1] = (uint8_t)pick(10);
	l4[3] = (uint8_t)pick(14);
	if (tcp)
		memcpy(l4 + 12, (const uint8_t[]){ 0x50, (const uint8_t[]){ 0x02, 0x0a, 0x10, 0x18 }[pick(4)] }, 2);
	else
		l4[5] = 20;
	return (size_t)(l4 - f) + (pick(20) ? 20 : pick(20));
}

/* The first rule that decides; NULL: the default. */
static const struct ast_rule *first(const struct eval_view *w, const struct ast_rules *list)
{
	for (size_t i = 0; i < list->list.n; i++) {
		const struct ast_rule *r = list->list.v[i], *by;
		bool holds = !r->cond || eval_cond(w, r->cond);

		if (r->kind == RULE_ACTIONS && holds && r->verdict != VERDICT_NONE)
			return r;
		by = r->kind == RULE_ACTIONS ? NULL : first(w, holds ? &r->then_block : &r->else_block);
		if (by)
			return by;
	}
	return NULL;
}

/* One program; returns how many packets a rule decided. */
static unsigned program(char *text, size_t size)
{
	struct arena *a = arena_new();
	struct diag_list d = { .arena = a };
	struct ast_program p = { .arena = a };
	unsigned decided = 0;
	struct eval *e;

	rules(text, size, 120, 2, (struct asked){ 0 });
	if (!parse_unit(&p, source_new(a, "a.xdpf", text, strlen(text)), &d) || !sema_check(&p, &d)) {
		diag_render(&d, stderr, false);
		fail();
	}
	e = eval_new(&p);
	assert_non_null(e);
	for (int i = 0; i < 2000; i++) {
		uint8_t f[128];
		struct eval_packet pkt = { .data = f, .len = frame(f) };
		struct eval_view view = { .pkt = &pkt };
		const struct ast_rule *want;

		pkt.left = pkt.len;
		dissect_frame(&view.d, f, pkt.len);
		want = first(&view, &p.units.v[0]->rules);
		assert_ptr_equal(eval_run(e, &pkt).rule, want);
		decided += want != NULL;
	}
	eval_free(e);
	arena_free(a);
	return decided;
}

static void test_the_first_decides(void **state)
{
	static char text[1 << 20];
	unsigned decided = 0;

	(void)state;
	for (int i = 0; i < 12; i++)
		decided += program(text, sizeof(text));
	/* or the test says nothing */
	assert_in_range(decided, 6000, 23000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_the_first_decides) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
