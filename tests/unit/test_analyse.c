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

#include "analyse_frames.h"

/* ---- chance ---- */

static uint64_t state;

static unsigned some(unsigned n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
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
		add(t, "(ip4.src, tcp.dport) %sin { (10.0.0.%u, %u), (10.0.0.%u, %u) }", some(4) ? "" : "not ", some(2), some(4), 2 + some(2),
		    some(4));
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
	const struct analyse_options o = { ANALYSE_EFFORT, ANALYSE_ALL };
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
	const struct analyse_options o = { ANALYSE_EFFORT, ANALYSE_ALL };
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
