/*
 * The analyses against all packets. Small random rule files whose numbers are few, and every packet that they can tell apart, run by the evaluator:
 * what no packet shows must be found, and what is found must be so, for every rule; and of two versions, every pair of rules that some packet is
 * decided by. FILES and SEED in the environment say how many and which.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyse.h"
#include "eval.h"

/* ---- chance ---- */

static uint64_t state;

static unsigned some(unsigned n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

/* ---- every packet ---- */

struct frame {
	uint8_t data[160];
	size_t len;
};

static struct frame *frames;
static size_t n_frames, cap_frames;

static void keep(const struct frame *f)
{
	if (n_frames == cap_frames) {
		cap_frames = cap_frames ? 2 * cap_frames : 4096;
		frames = realloc(frames, cap_frames * sizeof(*frames));
		assert_non_null(frames);
	}
	frames[n_frames++] = *f;
}

static void put(struct frame *f, uint64_t v, unsigned n)
{
	for (unsigned i = n; i-- > 0;)
		f->data[f->len++] = (uint8_t)(v >> 8 * i);
}

/* Ethernet and @tags tags; @id: of the outer one. */
static void link_layer(struct frame *f, unsigned tags, unsigned id, unsigned type)
{
	f->len = 0;
	put(f, 0x020000000002, 6);
	put(f, 0x020000000001, 6);
	for (unsigned i = 0; i < tags; i++) {
		put(f, i + 1 < tags ? 0x88a8 : 0x8100, 2);
		put(f, i ? 1 : id, 2);
	}
	put(f, type, 2);
}

enum how { SOUND, BAD_TOTAL, BAD_VERSION, FIRST, LATER, BEHIND_AH, CUT, FIRST_CUT, AH_CUT, FIRST_BAD, LATER_BAD, ATOMIC, AH_FIRST, HOWS };

/* Which of them has what. */
static bool in_front(enum how how)
{
	return how == BEHIND_AH || how == AH_CUT || how == AH_FIRST;
}

static bool first(enum how how)
{
	return how == FIRST || how == FIRST_CUT || how == FIRST_BAD || how == AH_FIRST;
}

static bool later(enum how how)
{
	return how == LATER || how == LATER_BAD;
}

static bool cut(enum how how)
{
	return how == CUT || how == FIRST_CUT || how == AH_CUT;
}

static bool bad_total(enum how how)
{
	return how == BAD_TOTAL || how == FIRST_BAD || how == LATER_BAD;
}

/* IP of @six or 4 from source @src, with @n bytes of protocol @proto behind it. */
static void network(struct frame *f, bool six, enum how how, unsigned src, unsigned proto, unsigned n)
{
	bool frag = six && (first(how) || later(how) || how == ATOMIC), ah = in_front(how);
	unsigned total = n + (frag ? 8 : 0) + (ah ? 12 : 0), behind_ip = frag ? 44 : ah ? 51 : proto;

	/* two bytes too few */
	if (cut(how))
		total -= 2;
	if (six) {
		put(f, how == BAD_VERSION ? 0x50000000 : 0x60000000, 4);
		put(f, bad_total(how) ? 9000 : total, 2);
		put(f, behind_ip, 1);
		put(f, 64, 1);
		put(f, 0x20010db800000000, 8);
		put(f, src, 8);
		put(f, 0x20010db800000000, 8);
		put(f, 99, 8);
	} else {
		put(f, how == BAD_VERSION ? 0x55 : 0x45, 1);
		put(f, 0, 1);
		put(f, bad_total(how) ? 9000 : 20 + total, 2);
		put(f, 0, 2);
		put(f, first(how) ? 0x2000 : later(how) ? 1 : 0, 2);
		put(f, 64, 1);
		put(f, behind_ip, 1);
		put(f, 0, 2);
		put(f, src < 4 ? 0x0a000000 + src : 0x0b000001, 4);
		put(f, 0xc6336402, 4);
	}
	if (frag) {
		put(f, (uint64_t)(ah ? 51 : proto) << 24 | (first(how) ? 1 : later(how) ? 8 : 0), 4);
		put(f, 0, 4);
	}
	if (ah) {
		put(f, proto << 24 | 1 << 16, 4);
		put(f, 0, 8);
	}
}

static void transports(unsigned tags, unsigned id, bool six, enum how how)
{
	struct frame f;

	for (unsigned src = 0; src < 5; src++) {
		for (unsigned k = 0; k < 6; k++) {
			unsigned port = k < 5 ? k : 60000;

			for (unsigned flags = 0; flags < 4; flags++) {
				link_layer(&f, tags, id, six ? 0x86dd : 0x0800);
				network(&f, six, how, src, 6, 20);
				put(&f, 1000, 2);
				put(&f, port, 2);
				put(&f, 0, 8);
				put(&f, 0x50, 1);
				put(&f, (flags & 1 ? 2 : 0) | (flags & 2 ? 16 : 0), 1);
				put(&f, 0, 6);
				keep(&f);
			}
			/* UDP, and what only has ports in common with it */
			for (unsigned proto = 17; proto <= 136; proto += 119) {
				link_layer(&f, tags, id, six ? 0x86dd : 0x0800);
				network(&f, six, how, src, proto, 8);
				put(&f, 1000, 2);
				put(&f, port, 2);
				put(&f, 8, 2);
				put(&f, 0, 2);
				keep(&f);
			}
		}
		for (unsigned type = 0; type < 10; type++) {
			/* 0, 3/4, 3/0, 8/0, 8/1 and one that nobody asks for */
			static const unsigned icmp[10] = { 0x0000, 0x0304, 0x0300, 0x0800, 0x0801, 0x0c00, 0x0500, 0x8000, 0x8700, 0x0001 };

			for (unsigned proto = 1; proto <= 58; proto += 57) {
				link_layer(&f, tags, id, six ? 0x86dd : 0x0800);
				network(&f, six, how, src, proto, 8);
				put(&f, icmp[type], 2);
				put(&f, 0, 6);
				keep(&f);
			}
		}
		for (unsigned proto = 253; proto <= 254; proto++) {
			link_layer(&f, tags, id, six ? 0x86dd : 0x0800);
			network(&f, six, how, src, proto, 8);
			put(&f, 0, 8);
			keep(&f);
		}
	}
}

static void all_frames(void)
{
	struct frame f;

	for (unsigned tags = 0; tags <= 2; tags++)
		for (unsigned id = 1; id <= (tags ? 2u : 1u); id++) {
			for (unsigned how = 0; how < HOWS; how++) {
				transports(tags, id, false, (enum how)how);
				transports(tags, id, true, (enum how)how);
			}
			link_layer(&f, tags, id, 0x0806);
			put(&f, 0x0001080006040001, 8);
			put(&f, 0, 4);		/* cut off */
			keep(&f);
			put(&f, 0, 8);
			put(&f, 0, 8);
			keep(&f);
			link_layer(&f, tags, id, 0x88b5);
			keep(&f);
			link_layer(&f, tags, id, 0x0800);
			keep(&f);
			link_layer(&f, tags, id, 0x86dd);
			keep(&f);
			link_layer(&f, tags, id, 0x8100);	/* a tag that is cut off, or a third one */
			keep(&f);
			put(&f, 0, 4);
			keep(&f);
		}
}

/* ---- random files ---- */

struct text {
	char s[8192];
	size_t n;
};

static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->n += (size_t)vsnprintf(t->s + t->n, sizeof(t->s) - t->n, fmt, ap);
	va_end(ap);
	assert_true(t->n < sizeof(t->s));
}

static void atom(struct text *t)
{
	static const char *const names[] = { "tcp", "udp", "ip4", "ip6", "arp", "icmp", "icmp6", "vlan", "malformed", "ip.fragment",
					     "ip.fragment.first", "l4", "ip", "tcp.syn", "tcp.ack", "ah", "frag", "vlan.inner" };
	static const char *const ports[] = { "tcp.dport", "udp.dport", "l4.dport" };
	static const char *const cmps[] = { "==", "!=", "<", "<=", ">", ">=" };
	static const char *const protos[] = { "6", "17", "1", "58", "253" };
	const char *port = ports[some(3)];
	unsigned a = some(4), b = a + some(4 - a);

	switch (some(14)) {
	case 0:
	case 1:
	case 2:
		add(t, "%s", names[some(sizeof(names) / sizeof(names[0]))]);
		break;
	case 3:
		add(t, "%s %s %u", port, cmps[some(6)], some(4));
		break;
	case 4:
		add(t, "%s %sin %u-%u", port, some(3) ? "" : "not ", a, b);
		break;
	case 5:
		add(t, "%s in { %u, %u }", port, a, b == a ? 60000 : b);
		break;
	case 6:
		add(t, "ip4.src in 10.0.0.%u/%u", some(2) * 2, 31);
		break;
	case 7:
		add(t, "ip.src %s 10.0.0.%u", some(2) ? "==" : "!=", some(4));
		break;
	case 8:
		add(t, "ip.src in { 10.0.0.0/30, 2001:db8::%u }", some(4));
		break;
	case 9:
		add(t, "tcp.flags & syn|ack == %s", some(2) ? "syn" : "0");
		break;
	case 10:
		add(t, "ip.proto %s %s", some(3) ? "==" : "!=", protos[some(5)]);
		break;
	case 11:
		add(t, "(ip4.src, tcp.dport) %sin { (10.0.0.%u, %u), (10.0.0.%u, %u) }", some(4) ? "" : "not ", some(2), some(4), 2 + some(2), some(4));
		break;
	case 12:
		add(t, "icmp.type %s %s", some(3) ? "==" : "!=", some(2) ? "8" : "3");
		break;
	case 13:
		add(t, "vlan.id == %u", 1 + some(2));
		break;
	}
}

static void cond(struct text *t, unsigned depth)
{
	unsigned n = 1 + some(3);
	bool conj = some(3);

	if (!depth || some(3) == 0) {
		if (some(6) == 0)
			add(t, "not ");
		atom(t);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		add(t, "%s", i ? conj ? " and " : " or " : "");
		if (some(8) == 0)
			add(t, "not ");
		add(t, "(");
		cond(t, depth - 1);
		add(t, ")");
	}
}

static void rule(struct text *t, unsigned depth)
{
	static const char *const verdicts[] = { "drop", "pass", "drop", "pass", "abort" };

	if (depth && some(6) == 0) {
		add(t, "if ");
		cond(t, 1);
		add(t, " {\n");
		rule(t, depth - 1);
		rule(t, depth - 1);
		add(t, "}");
		if (some(2)) {
			add(t, " else {\n");
			rule(t, depth - 1);
			add(t, "}");
		}
		add(t, "\n");
		return;
	}
	add(t, "%s if ", verdicts[some(5)]);
	cond(t, 2);
	add(t, ";\n");
}

static void file(struct text *t, unsigned rules)
{
	t->n = 0;
	add(t, "default %s;\n", some(2) ? "drop" : "pass");
	for (unsigned i = 0; i < rules; i++)
		rule(t, 2);
}

/* Another version: a line taken out, said twice elsewhere, or with another verdict or port. */
static void edit(const struct text *old, struct text *t)
{
	size_t lines = 0, from[64], n;

	for (size_t i = 0; i < old->n && lines < 64; i++)
		if (!i || old->s[i - 1] == '\n')
			from[lines++] = i;
	*t = *old;
	n = from[1 + some((unsigned)lines - 1)];
	switch (some(3)) {
	case 0:
		if (!strncmp(t->s + n, "drop", 4) || !strncmp(t->s + n, "pass", 4))
			memcpy(t->s + n, t->s[n] == 'd' ? "pass" : "drop", 4);
		break;
	case 1:
		t->n = 0;
		add(t, "%.*s", (int)from[1], old->s);
		rule(t, 1);
		add(t, "%s", old->s + from[1]);
		break;
	case 2:
		for (size_t i = n; i + 1 < t->n && t->s[i] != '\n'; i++)
			/* tags are of two VLANs only */
			if (t->s[i] >= '0' && t->s[i] <= '3' && t->s[i - 1] == ' ' && t->s[i + 1] == ';' && !strstr(t->s + n, "vlan"))
				t->s[i] = (char)('0' + some(4));
		break;
	}
}

/* ---- what is so ---- */

struct loaded {
	struct arena *arena;
	struct diag_list diags;
	struct ast_program program;
};

static bool load(struct loaded *l, const struct text *t)
{
	bool ok;

	memset(l, 0, sizeof(*l));
	l->arena = l->diags.arena = l->program.arena = arena_new();
	ok = parse_unit(&l->program, source_new(l->arena, "a.xdpf", arena_strndup(l->arena, t->s, t->n), t->n), &l->diags) &&
	     sema_check(&l->program, &l->diags);
	if (!ok)
		arena_free(l->arena);
	return ok;
}

static struct eval_result run_frame(struct eval *e, struct frame *f)
{
	struct eval_packet pkt = { .data = f->data, .len = f->len };

	return eval_run(e, &pkt);
}

static void run_all(const struct ast_program *p, struct eval_result *out)
{
	struct eval *e = eval_new(p);

	assert_non_null(e);
	for (size_t i = 0; i < n_frames; i++)
		out[i] = run_frame(e, &frames[i]);
	eval_free(e);
}

static void wrong(const struct text *t, const struct ast_rule *r, const char *what)
{
	fprintf(stderr, "%s\nline %u: %s\n", t->s, r ? source_line_col(r->span.src, r->span.begin).line : 0, what);
	fail();
}

/* Is there a packet that another verdict has without the rule? */
static bool matters(const struct ast_program *p, struct ast_rule *r, const struct eval_result *with, struct eval_result *without)
{
	struct ast_expr nothing = { .kind = EXPR_OR }, *was = r->cond;
	bool differs = false;

	r->cond = &nothing;
	run_all(p, without);
	for (size_t i = 0; i < n_frames && !differs; i++)
		differs = with[i].verdict != without[i].verdict;
	r->cond = was;
	return differs;
}

static enum finding_kind found(const struct findings *f, const struct ast_rule *r)
{
	for (size_t i = 0; i < f->list.n; i++)
		if (f->list.v[i].rule == r)
			return f->list.v[i].kind;
	return FINDING_NO_ARP;		/* of no rule */
}

static unsigned long findings_seen[FINDING_UNDECIDED + 1], changes_seen, none_seen;

static void check_file(const struct text *t)
{
	const struct analyse_options o = { ANALYSE_EFFORT };
	struct eval_result *with = calloc(n_frames, sizeof(*with)), *without = calloc(n_frames, sizeof(*without));
	struct loaded l;
	struct findings f;

	if (!load(&l, t))
		goto out;
	analyse_program(l.arena, &l.program, &o, &f);
	run_all(&l.program, with);
	for (size_t i = 0; i < l.program.by_index.n; i++) {
		struct ast_rule *r = l.program.by_index.v[i];
		enum finding_kind kind;
		bool decides = false;

		if (!r || r->kind != RULE_ACTIONS)
			continue;
		kind = found(&f, r);
		findings_seen[kind]++;
		for (size_t k = 0; k < n_frames && !decides; k++)
			decides = with[k].rule == r;
		if (kind == FINDING_UNDECIDED)
			wrong(t, r, "was not decided");
		if (decides != (kind == FINDING_REDUNDANT || kind == FINDING_NO_ARP))
			wrong(t, r, decides ? "is said to be never reached, and decides" : "is never reached, and was not found");
		if (decides && matters(&l.program, r, with, without) != (kind != FINDING_REDUNDANT))
			wrong(t, r, kind == FINDING_REDUNDANT ? "is said to be redundant, and matters" : "is redundant, and was not found");
	}
	arena_free(l.arena);
out:
	free(with);
	free(without);
}

static bool has_change(const struct changes *c, const struct ast_rule *before, const struct ast_rule *after)
{
	for (size_t i = 0; i < c->list.n; i++)
		if (c->list.v[i].before == before && c->list.v[i].after == after)
			return true;
	return false;
}

static void check_pair(const struct text *a, const struct text *b)
{
	const struct analyse_options o = { ANALYSE_EFFORT };
	struct eval_result *old = calloc(n_frames, sizeof(*old)), *new = calloc(n_frames, sizeof(*new));
	struct loaded x, y;
	struct changes c;
	bool *shown;

	if (!load(&x, a))
		goto out;
	if (!load(&y, b)) {
		arena_free(x.arena);
		goto out;
	}
	analyse_diff(x.arena, &x.program, &y.program, &o, &c);
	run_all(&x.program, old);
	run_all(&y.program, new);
	shown = calloc(c.list.n + 1, sizeof(*shown));
	for (size_t i = 0; i < n_frames; i++) {
		if (old[i].verdict == new[i].verdict)
			continue;
		if (!has_change(&c, old[i].rule, new[i].rule)) {
			fprintf(stderr, "%s\n---- and\n", a->s);
			wrong(b, new[i].rule, "a packet that it decides about is treated differently, which was not told");
		}
		for (size_t k = 0; k < c.list.n; k++)
			shown[k] = shown[k] || (c.list.v[k].before == old[i].rule && c.list.v[k].after == new[i].rule);
	}
	for (size_t k = 0; k < c.list.n; k++)
		if (!shown[k] || c.list.v[k].undecided) {
			fprintf(stderr, "%s\n---- and\n", a->s);
			wrong(b, c.list.v[k].after, c.list.v[k].undecided ? "was not decided" : "no packet is treated so");
		}
	changes_seen += c.list.n;
	none_seen += !c.list.n;
	free(shown);
	arena_free(x.arena);
	arena_free(y.arena);
out:
	free(old);
	free(new);
}

static unsigned long setting(const char *name, unsigned long otherwise)
{
	const char *s = getenv(name);

	return s ? strtoul(s, NULL, 10) : otherwise;
}

static void test_files(void **unused)
{
	unsigned long n = setting("FILES", 40), seed = setting("SEED", 1);
	struct text t;

	(void)unused;
	for (unsigned long i = 0; i < n; i++) {
		state = (seed << 20) + i;
		file(&t, 3 + some(6));
		check_file(&t);
	}
	/* a test that finds nothing shows nothing */
	assert_true(n < 40 || (findings_seen[FINDING_SHADOWED] && findings_seen[FINDING_REDUNDANT] && findings_seen[FINDING_NO_ARP]));
}

static void test_pairs(void **unused)
{
	unsigned long n = setting("FILES", 40), seed = setting("SEED", 1);
	struct text a, b;

	(void)unused;
	for (unsigned long i = 0; i < n; i++) {
		state = (seed << 20) + (1 << 19) + i;
		file(&a, 3 + some(6));
		edit(&a, &b);
		check_pair(&a, &b);
	}
	assert_true(n < 40 || (changes_seen && none_seen));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_files), cmocka_unit_test(test_pairs) };
	int failed;

	all_frames();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (getenv("FILES")) {
		for (int i = 0; i <= FINDING_UNDECIDED; i++)
			printf("findings of kind %d: %lu\n", i, findings_seen[i]);
		printf("changes: %lu, pairs without: %lu, packets: %zu\n", changes_seen, none_seen, n_frames);
	}
	free(frames);
	return failed;
}
