/*
 * Live sets in the kernel against a model of them. In: objects whose only set is changed by random commands and, where there are rules for it, by
 * packets. Out: how many checks there were, and what was wrong. What is in a set, and until when, is asked of the library; and of the program, by
 * packets whose clock says any time, so that nothing is waited for.
 *
 * usage: setmodel OBJECT.o...      the first is a set whose elements expire, and gets more different times than a snapshot has
 *
 * In an object: `ask: drop if KEY in SET and udp.dport == 3;`, maybe `add: add KEY to SET if udp.dport == 1;` with a timeout of an hour or none, and
 * `take: remove KEY from SET if udp.dport == 2;`. Times are whole hours from the begin, and packets come a quarter of one beside them.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "setfail.h"
#include "setmodel.h"

enum { ROUNDS = 40 };
#define HOUR UINT64_C(3600000000000)

static uint64_t seed = 0x123456789abcdefull;
static unsigned long checks, failed;

static uint64_t rnd(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed * 0x2545f4914f6cdd1dull >> 16) % n;
}

static void check(const struct model *m, bool ok, const char *what, uint64_t a, uint64_t b)
{
	checks++;
	if (!ok && failed++ < 10)
		printf("FAILED: %s: step %lu: %s (%lu, %lu)\n", m->name, (unsigned long)m->step, what, (unsigned long)a, (unsigned long)b);
}

static void must(const struct model *m, int err, const char *what)
{
	if (!err)
		return;
	printf("FAILED: %s: step %lu: %s: %s\n", m->name, (unsigned long)m->step, what, strerror(-err));
	exit(1);
}

static void complain(void *arg, enum xdpf_log_level level, const char *text)
{
	if (!arg && level == XDPF_LOG_ERROR)
		printf("%s\n", text);
}

static const struct xdpf_log to_stdout = { complain, NULL };

/* ---- the model ---- */

static bool before(struct until a, struct until b)
{
	return a.ns != b.ns ? a.ns < b.ns : a.ns != UINT64_MAX && a.by < b.by;
}

static struct until most(const struct element *e)
{
	return before(e->list, e->beside) ? e->beside : e->list;
}

static bool covers(const struct element *e, const struct element *of)
{
	for (unsigned i = 0; i < e->bits && e->bytes == of->bytes; i++)
		if ((e->address[i / 8] ^ of->address[i / 8]) & 0x80 >> i % 8)
			return false;
	return e->bytes == of->bytes;
}

/* Does a packet with its address find something at @now? */
static bool model_has(const struct model *m, const struct element *of, uint64_t now)
{
	for (size_t i = 0; i < UNIVERSE; i++)
		if (most(&m->e[i]).ns > now && covers(&m->e[i], of))
			return true;
	return false;
}

static size_t model_size(const struct model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < UNIVERSE; i++)
		n += most(&m->e[i]).ns != 0;
	return n;
}

/* How many times those of the list would have, if the @n marked were in it until @u. */
static size_t model_times(const struct model *m, const bool *given, struct until u)
{
	struct until seen[UNIVERSE];
	size_t n = 0;

	for (size_t i = 0; i < UNIVERSE; i++) {
		struct until is = given[i] && before(m->e[i].list, u) ? u : m->e[i].list;
		size_t k = 0;

		if (!is.ns)
			continue;
		while (k < n && memcmp(&seen[k], &is, sizeof(is)) != 0)
			k++;
		if (k == n)
			seen[n++] = is;
	}
	return n;
}

/* ---- packets ---- */

static bool packet(const struct model *m, const struct element *e, unsigned port, uint64_t now)
{
	static const unsigned char four[LEN] = { [12] = 0x08, [14] = 0x45, [17] = 20 + 8, [22] = 64, [23] = 17 };
	static const unsigned char six[LEN] = { [12] = 0x86, 0xdd, 0x60, [19] = 8, [20] = 17, [21] = 64 };
	bool is_four = e->bytes == 4;
	unsigned char frame[LEN], *udp = frame + 14 + (is_four ? 20 : 40);
	struct xdpf_run_opts opts = { .sz = sizeof(opts), .now = now };
	struct xdpf_run_result r;

	memcpy(frame, is_four ? four : six, LEN);
	memcpy(frame + (is_four ? 26 : 22), e->address, e->bytes);
	udp[3] = (unsigned char)port;
	udp[5] = 8;
	must(m, xdpf_program_run(m->p, frame, sizeof(frame), &opts, &r, &to_stdout), "a packet");
	return r.verdict == XDPF_DROP;
}

static void ask(const struct model *m, const struct element *e, uint64_t now)
{
	bool is = packet(m, e, 3, now), want = model_has(m, e, now);

	check(m, is == want, want ? "a packet does not find it" : "a packet finds it", (uint64_t)(e - m->e), (now - m->begin) / (HOUR / 4));
}

/* A quarter of an hour before and behind its times, and some others. */
static void ask_some(const struct model *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct element *e = &m->e[rnd(UNIVERSE)];
		uint64_t at[] = { e->list.ns, e->beside.ns };

		ask(m, e, m->begin + HOUR / 4 + HOUR / 2 * rnd(30));
		for (unsigned k = 0; k < 2; k++)
			if (at[k] && at[k] != UINT64_MAX) {
				ask(m, e, at[k] - HOUR / 4);
				ask(m, e, at[k] + HOUR / 4);
			}
	}
}

/* ---- what is in it ---- */

struct shown {
	const struct model *m;
	unsigned char there[UNIVERSE];
};

static int by_key(const void *key, const void *at, void *m)
{
	const struct model *of = m;

	return memcmp(key, of->e[*(const size_t *)at].key, of->set->key_size);
}

static void on_element(void *arg, const void *key, uint64_t left)
{
	struct shown *s = arg;
	const struct model *m = s->m;
	size_t at = UNIVERSE, n = UNIVERSE, lo = 0;
	uint64_t ns, is, now = rt_set_now();

	while (lo < n && at == UNIVERSE) {
		size_t mid = lo + (n - lo) / 2;
		int c = by_key(key, &m->sorted[mid], (void *)(uintptr_t)m);

		at = c ? at : m->sorted[mid];
		n = c < 0 ? mid : n;
		lo = c > 0 ? mid + 1 : lo;
	}
	check(m, at < UNIVERSE, "an element is told of that there is not", 0, 0);
	if (at == UNIVERSE)
		return;
	check(m, !s->there[at]++, "an element is told of twice", at, 0);
	ns = most(&m->e[at]).ns;
	is = left ? now + left : UINT64_MAX;
	/* the model's clock stands still, and that of .left as long as it is told */
	check(m, ns == is || (ns != UINT64_MAX && is != UINT64_MAX && is >= ns && is - ns <= 2 * (now - m->begin)), "its time is another", at,
	      (is - m->begin) / 1000000);
}

static void look(const struct model *m)
{
	struct shown s = { .m = m };
	uint64_t n = 0;

	must(m, xdpf_set_each(m->p, 0, on_element, &s, &to_stdout), "what is in it");
	for (size_t i = 0; i < UNIVERSE; i++)
		check(m, s.there[i] == (most(&m->e[i]).ns != 0), "an element is told of or not, wrongly", i, s.there[i]);
	must(m, xdpf_set_count(m->p, 0, &n, &to_stdout), "count");
	check(m, n == model_size(m), "it has another number of elements", n, model_size(m));
}

/* ---- commands ---- */

static bool calm;

/* Some meet a kernel without memory: then they do all, or nothing, and say so. */
static void maybe_fail(void)
{
	setfail_begin(calm || rnd(4) ? 0 : 1 + (unsigned)rnd(9));
}

/* What a command is given. */
static struct {
	unsigned char keys[UNIVERSE * XDPF_SET_KEY];
	bool is[UNIVERSE];
	size_t at[UNIVERSE], n;
} given;

static void give_one(const struct model *m, size_t i)
{
	if (given.is[i])
		return;
	given.is[i] = true;
	given.at[given.n] = i;
	memcpy(given.keys + given.n++ * m->set->key_size, m->e[i].key, m->set->key_size);
}

static void give_row(const struct model *m, size_t begin, size_t n)
{
	memset(&given, 0, sizeof(given));
	for (size_t i = 0; i < n; i++)
		give_one(m, (begin + i) % UNIVERSE);
}

/* In no order, or such as stand in a row. */
static void give(const struct model *m, size_t n)
{
	give_row(m, rnd(UNIVERSE), n % 2 ? 0 : n);
	for (size_t i = 0; n % 2 && i < n; i++)
		give_one(m, rnd(UNIVERSE));
}

static struct until time_of(struct model *m, uint64_t keep)
{
	return (struct until){ keep ? m->begin + keep : UINT64_MAX, keep ? m->step : 0 };
}

static void add_given(struct model *m, uint64_t keep)
{
	size_t had = model_size(m), more = 0;
	struct until u = time_of(m, keep);
	bool fits;
	int err;

	for (size_t i = 0; i < UNIVERSE; i++)
		more += given.is[i] && !most(&m->e[i]).ns;
	fits = given.n >= MANY && model_times(m, given.is, u) <= LIVE_TIMES + 1;
	m->fallbacks += given.n >= MANY && !fits;
	maybe_fail();
	err = xdpf_set_add_all(m->p, 0, given.keys, given.n, keep, NULL);
	if (setfail_end(err))
		return;
	check(m, err == (had + more > m->set->size ? -ENOSPC : 0), "an addition's result", had + more, (uint64_t)-err);
	for (size_t i = 0; i < UNIVERSE && !err; i++) {
		struct element *e = &m->e[i];

		if (!given.is[i])
			continue;
		if (!fits) {
			if (e->list.ns != UINT64_MAX)
				e->beside = u;
			continue;
		}
		if (before(e->list, u))
			e->list = u;
		if (keep)
			e->beside = (struct until){ 0, 0 };
	}
}

static void add(struct model *m, size_t n, uint64_t keep)
{
	give(m, n);
	add_given(m, keep);
}

static void take(struct model *m, size_t n)
{
	bool was[UNIVERSE];

	give(m, n);
	must(m, xdpf_set_remove_all(m->p, 0, given.keys, given.n, was, &to_stdout), "remove");
	for (size_t k = 0; k < given.n; k++) {
		struct element *e = &m->e[given.at[k]];

		check(m, was[k] == (most(e).ns != 0), "whether it was there", given.at[k], was[k]);
		e->list = e->beside = (struct until){ 0, 0 };
	}
}

static void replace(struct model *m, size_t n, uint64_t keep)
{
	struct xdpf_set_change c;
	size_t kept = 0, had = model_size(m);
	int err;

	give(m, n);
	for (size_t i = 0; i < UNIVERSE; i++)
		kept += given.is[i] && most(&m->e[i]).ns;
	maybe_fail();
	err = xdpf_set_replace(m->p, 0, given.keys, given.n, keep, &c, NULL);
	if (setfail_end(err))
		return;
	check(m, err == (given.n > m->set->size ? -ENOSPC : 0), "a replacement's result", given.n, (uint64_t)-err);
	if (err)
		return;
	check(m, c.elements == given.n && c.added == given.n - kept && c.removed == had - kept, "what it says that it did", c.added, c.removed);
	for (size_t i = 0; i < UNIVERSE; i++) {
		m->e[i].list = given.is[i] ? time_of(m, keep) : (struct until){ 0, 0 };
		m->e[i].beside = (struct until){ 0, 0 };
	}
}

/* By rules, which know single addresses: for an hour. */
static void rule(struct model *m, bool adds)
{
	struct element *e = &m->e[rnd(UNIVERSE)];

	if (e->bits != 8 * e->bytes)
		return;
	packet(m, e, adds ? 1 : 2, m->begin);
	if (!adds)
		e->list = e->beside = (struct until){ 0, 0 };
	else if ((m->net || e->list.ns != UINT64_MAX) && e->beside.ns != UINT64_MAX)
		e->beside = (struct until){ m->set->expires ? m->begin + HOUR : UINT64_MAX, m->set->expires ? m->step : 0 };
}

static void one_step(struct model *m)
{
	uint64_t keep = m->set->expires && rnd(5) ? HOUR * (2 + rnd(8)) : 0;

	m->step++;
	switch (rnd(9)) {
	case 0:		replace(m, rnd(4) ? rnd(900) : rnd(UNIVERSE), keep); break;
	case 1: case 2:	add(m, MANY + 1 + rnd(300), keep); break;
	case 3:		add(m, rnd(120), keep); break;
	case 4:		add(m, 1 + rnd(3), keep); break;
	case 5:		take(m, 1 + rnd(40)); break;
	case 6:		take(m, rnd(2) ? 400 : 700); break;
	default:
		for (unsigned i = 0; i < 40 && m->adds; i++)
			rule(m, true);
		for (unsigned i = 0; i < 40 && m->taken; i++)
			rule(m, false);
		break;
	}
	look(m);
	ask_some(m, 25);
}

/* Elements into the snapshot, each with a time of its own, as a set that is copied gets them: to have so many by commands would take a while. */
static void fill(struct model *m, size_t n, uint64_t last, uint64_t step)
{
	struct rt_live l = { 0 };
	uint64_t until[UNIVERSE];
	struct live_elements e = { given.keys, until, 0 };

	give_row(m, 0, n);
	must(m, rt_live_open(&l, m->p, 0, &to_stdout), "open its snapshots");
	e.n = live_sort(&l.snap->set, given.keys, n);
	for (size_t i = 0; i < UNIVERSE; i++)
		for (size_t k = 0; k < n && i < n; k++)
			if (!memcmp(given.keys + k * m->set->key_size, m->e[i].key, m->set->key_size)) {
				m->e[i].list = (struct until){ m->begin + last - i * step, ++m->step };
				until[k] = m->e[i].list.ns;
			}
	must(m, rt_live_patch(&l, NULL, &e, &to_stdout), "fill its snapshot");
	rt_live_close(&l);
}

/*
 * More different times than a snapshot has: what finds no place in it stands beside it. Each time is earlier than those before it, so that of what is
 * there already none is another then: two elements are new each time.
 */
static void many_times(struct model *m)
{
	const uint64_t last = 9 * HOUR, step = HOUR / 360;

	m->fallbacks = 0;
	calm = true;		/* what failed would leave a place */
	replace(m, 0, 0);
	fill(m, LIVE_TIMES - 3, last, step);
	for (size_t i = LIVE_TIMES - 3; i < LIVE_TIMES + 6; i++) {
		m->step++;
		give_row(m, 2 * (i - LIVE_TIMES + 3), MANY);
		add_given(m, last - i * step);
	}
	look(m);
	for (size_t i = 0; i < UNIVERSE; i++) {
		ask(m, &m->e[i], m->begin + last - 2 * UNIVERSE * step);
		ask(m, &m->e[i], m->begin + last + HOUR / 4);
	}
	check(m, m->fallbacks == 5, "times that find no place", m->fallbacks, 5);
	calm = false;
	replace(m, 0, 0);
}

/* ---- the universe ---- */

/* Sets of addresses of either family have both. */
static bool is_four(const struct model *m)
{
	return m->set->key[0].kind == XDPF_KEY_IP4 || (m->set->key[0].kind != XDPF_KEY_IP6 && rnd(2));
}

static void make_element(struct model *m, size_t i)
{
	unsigned bytes = is_four(m) ? 4 : 16;
	struct element *e = &m->e[i];
	char text[80];

	*e = (struct element){ .bytes = bytes, .bits = 8 * bytes };
	/* all zeros, all ones, and many that begin as others do */
	for (unsigned k = 0; i && k < bytes; k++)
		e->address[k] = i == 1 ? 0xff : k + 3 < bytes ? (k == rnd(40) ? 1 : 0x20) : (unsigned char)rnd(k + 1 == bytes ? 256 : 4);
	if (m->net && i > 1 && rnd(3))
		e->bits = 8 + (unsigned)rnd(8 * bytes - 7);
	for (unsigned k = e->bits; k < 8 * bytes; k++)
		e->address[k / 8] &= (unsigned char)~(0x80 >> k % 8);
	if (bytes == 4)
		snprintf(text, sizeof(text), "%u.%u.%u.%u", e->address[0], e->address[1], e->address[2], e->address[3]);
	for (unsigned k = 0, n = 0; bytes == 16 && k < 16; k += 2)
		n += (unsigned)snprintf(text + n, sizeof(text) - n, "%s%02x%02x", k ? ":" : "", e->address[k], e->address[k + 1]);
	if (m->net)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "/%u", e->bits);
	must(m, xdpf_set_key(m->set, text, e->key, &to_stdout), text);
}

static int by_place(const void *a, const void *b, void *m)
{
	return by_key(((const struct model *)m)->e[*(const size_t *)a].key, b, m);
}

static void make_universe(struct model *m)
{
	for (size_t i = 0; i < UNIVERSE; i++)
		for (bool again = true; again;) {
			again = false;
			make_element(m, i);
			for (size_t k = 0; k < i && !again; k++)
				again = !memcmp(m->e[k].key, m->e[i].key, m->set->key_size);
		}
	for (size_t i = 0; i < UNIVERSE; i++)
		m->sorted[i] = i;
	qsort_r(m->sorted, UNIVERSE, sizeof(*m->sorted), by_place, m);
}

static void run(const char *path, bool times)
{
	static struct model m;
	const struct xdpf_load_opts load = { .sz = sizeof(load), .test = true };
	struct xdpf_object *o = NULL;
	const struct xdpf_meta *meta;

	m = (struct model){ .name = path, .begin = rt_set_now() };
	must(&m, xdpf_object_open(&o, path, &to_stdout), path);
	must(&m, xdpf_program_load(&m.p, o, &load, &to_stdout), "load");
	meta = xdpf_program_meta(m.p);
	m.set = &meta->sets[0];
	m.net = m.set->key[0].kind == XDPF_KEY_NET;
	for (size_t i = 0; i < meta->n_rules; i++) {
		m.adds |= meta->rules[i].label && !strcmp(meta->rules[i].label, "add");
		m.taken |= meta->rules[i].label && !strcmp(meta->rules[i].label, "take");
	}
	make_universe(&m);
	for (unsigned i = 0; i < ROUNDS; i++)
		one_step(&m);
	if (times)
		many_times(&m);
	for (unsigned i = 0; i < ROUNDS / 3; i++)
		one_step(&m);
	xdpf_program_free(m.p);
	xdpf_object_free(o);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run(argv[i], i == 1);
	printf("%lu of %lu\n", checks - failed, checks);
	return failed != 0;
}
