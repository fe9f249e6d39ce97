/*
 * Which counters go on where, when a program is replaced by another. In: the metadata of both. Out: a list of numbers to add, which can be run over
 * the old program's counters as often as one likes. Guaranteed: what a rule counted is the new one's of the same file and label; where it decided
 * otherwise, what it had remains in the sums over its verdict; so the verdicts' counters agree with the rules' as they did. That holds while the
 * program is made of the same files; of other files, packets go other ways, and the sums begin anew, the rules' counters do not.
 */
#include <errno.h>

#include "carry.h"

struct plan {
	struct rt_plan *p;
	const struct rt_meta *old_meta;
	const struct xdpf_meta *old, *new;
	bool failed;			/* memory is out */
};

void rt_plan_free(struct rt_plan *p)
{
	free(p->move);
	free(p->past);
	free(p->next);
	free(p->head);
	free(p->files);
	free(p->limit);
	free(p->rule);
	*p = (struct rt_plan){ 0 };
}

static void move(struct plan *w, struct rt_move m)
{
	struct rt_plan *p = w->p;

	if (p->n_move == p->cap_move) {
		size_t want = p->cap_move * 2 + 64;
		struct rt_move *grown = realloc(p->move, want * sizeof(*grown));

		if (!grown) {
			w->failed = true;
			return;
		}
		p->move = grown;
		p->cap_move = want;
	}
	p->move[p->n_move++] = m;
}

static void add(struct plan *w, enum rt_kind kind, size_t from, size_t to, unsigned words)
{
	move(w, (struct rt_move){ .from = kind, .to = kind, .at = from * words, .into = to * words, .words = words });
}

/* ---- the past ---- */

/* The cell of what was counted in a file under a verdict, and is shown as part of a rule's; chains keep each of them single. */
static size_t past(struct plan *w, unsigned file, enum xdpf_verdict verdict, uint32_t into)
{
	struct rt_plan *p = w->p;
	size_t n_indexes = w->new->n_files + w->new->n_rules, *head = &p->head[into == RT_NO_INDEX ? n_indexes + file : into];

	for (size_t i = *head; i; i = p->next[i - 1])
		if (p->past[i - 1].file == file && p->past[i - 1].verdict == verdict)
			return p->past[i - 1].index;
	if (p->n_past == p->cap_past) {
		size_t want = p->cap_past * 2 + 16, *next = realloc(p->next, want * sizeof(*next));
		struct rt_past *grown = next ? realloc(p->past, want * sizeof(*grown)) : NULL;

		p->next = next ? next : p->next;
		if (!grown) {
			w->failed = true;
			return 0;
		}
		p->past = grown;
		p->cap_past = want;
	}
	p->past[p->n_past] = (struct rt_past){ (uint32_t)(p->room + p->n_past), into, file, verdict, { 0, 0 } };
	p->next[p->n_past] = *head;
	*head = ++p->n_past;
	return p->past[p->n_past - 1].index;
}

/* What is counted at @index went to two verdicts, each of which gets its own. */
static void split(struct plan *w, unsigned index, enum xdpf_verdict verdict, struct xdpf_other other, unsigned file, uint32_t into)
{
	size_t cell = past(w, file, verdict, into);

	add(w, RT_RULES, index, cell, 2);
	if (other.verdict == XDPF_NO_VERDICT)
		return;
	move(w, (struct rt_move){ .from = RT_OTHERS, .to = RT_RULES, .at = 2 * (size_t)other.slot, .into = 2 * cell, .words = 2, .minus = true });
	cell = past(w, file, other.verdict, into);
	move(w, (struct rt_move){ .from = RT_OTHERS, .to = RT_RULES, .at = 2 * (size_t)other.slot, .into = 2 * cell, .words = 2 });
}

/* ---- what decides ---- */

struct decides {
	unsigned index;
	enum xdpf_verdict verdict;
	struct xdpf_other other;
	struct xdpf_cookies cookies;
};

static void go_on(struct plan *w, struct decides old, struct decides new, unsigned file)
{
	bool same = old.verdict == new.verdict && old.other.verdict == new.other.verdict && old.cookies.used == new.cookies.used;

	w->p->rule[old.index] = new.index;
	if (!w->p->books) {
		add(w, RT_RULES, old.index, past(w, file, XDPF_NO_VERDICT, new.index), 2);
		return;
	}
	if (!same) {
		split(w, old.index, old.verdict, old.other, file, new.index);
		return;
	}
	add(w, RT_RULES, old.index, new.index, 2);
	if (new.other.verdict != XDPF_NO_VERDICT)
		add(w, RT_OTHERS, old.other.slot, new.other.slot, 2);
	if (new.cookies.used) {
		add(w, RT_OTHERS, old.cookies.completed, new.cookies.completed, 2);
		add(w, RT_OTHERS, old.cookies.unanswered, new.cookies.unanswered, 2);
	}
}

static int match(void *arg, const struct xdpf_rule *old, const struct xdpf_rule *new)
{
	struct plan *w = arg;

	w->p->kept += old && new;
	w->p->fresh += !old;
	w->p->gone += !new;
	if (old && new)
		go_on(w, (struct decides){ old->index, old->verdict, old->other, old->cookies },
		      (struct decides){ new->index, new->verdict, new->other, new->cookies }, new->file);
	else if (old && w->p->books && old->verdict != XDPF_NO_VERDICT && w->old->files[old->file].counters)
		split(w, old->index, old->verdict, old->other, old->file, RT_NO_INDEX);
	return w->failed ? -ENOMEM : 0;
}

static void defaults(struct plan *w)
{
	for (size_t i = 0; i < w->old->n_files; i++) {
		const struct xdpf_file *old = &w->old->files[i];
		const struct xdpf_file *new = w->p->files[i] == RT_NO_INDEX ? NULL : &w->new->files[w->p->files[i]];

		if (new)
			go_on(w, (struct decides){ old->default_index, old->default_verdict, old->default_other, { 0 } },
			      (struct decides){ new->default_index, new->default_verdict, new->default_other, { 0 } }, w->p->files[i]);
	}
}

/* What was of the past before is so still. */
static void earlier(struct plan *w)
{
	const struct rt_moved *m = rt_meta_moved(w->old_meta);

	for (size_t i = 0; i < m->n_past; i++) {
		const struct rt_past *p = &m->past[i];
		uint32_t into = p->into < w->p->n_rule ? w->p->rule[p->into] : RT_NO_INDEX, file = w->p->files[p->file];
		enum xdpf_verdict verdict = w->p->books ? p->verdict : XDPF_NO_VERDICT;
		size_t cell;

		if (file == RT_NO_INDEX || (verdict == XDPF_NO_VERDICT && into == RT_NO_INDEX))
			continue;
		cell = past(w, file, verdict, into);
		if (p->index != RT_NO_INDEX)
			add(w, RT_RULES, p->index, cell, 2);
		else
			move(w, (struct rt_move){ .from = RT_KINDS, .to = RT_RULES, .into = 2 * cell, .words = 2,
						  .value = { p->count.packets, p->count.bytes } });
	}
}

/* ---- what belongs to rules ---- */

/* Chains of a program's actions or logs by their rule's new index. */
struct chains {
	size_t *head, *next;
};

static void free_chains(struct chains *c)
{
	free(c->head);
	free(c->next);
}

/* The first in the chain that @is agrees to, which leaves it; -1: none. */
static ptrdiff_t take(struct chains *c, size_t at, bool (*is)(const void *arg, size_t old), const void *arg)
{
	for (size_t *p = &c->head[at]; *p; p = &c->next[*p - 1]) {
		size_t found = *p - 1;

		if (!is(arg, found))
			continue;
		*p = c->next[found];
		return (ptrdiff_t)found;
	}
	return -1;
}

static bool chains_of(struct chains *c, const struct plan *w, size_t n, unsigned (*rule)(const struct xdpf_meta *m, size_t i))
{
	c->head = calloc(w->new->n_files + w->new->n_rules + 1, sizeof(*c->head));
	c->next = calloc(n + 1, sizeof(*c->next));
	for (size_t i = n; c->head && c->next && i--;) {
		unsigned old = rule(w->old, i);
		uint32_t to = old < w->p->n_rule ? w->p->rule[old] : RT_NO_INDEX;

		if (to == RT_NO_INDEX)
			continue;
		c->next[i] = c->head[to];
		c->head[to] = i + 1;
	}
	return c->head && c->next;
}

static unsigned action_rule(const struct xdpf_meta *m, size_t i)
{
	return m->actions[i].rule;
}

static unsigned log_rule(const struct xdpf_meta *m, size_t i)
{
	return m->logs[i].rule;
}

struct wanted {
	const struct xdpf_meta *old, *new;
	size_t at;
};

static bool same_action(const void *arg, size_t old)
{
	const struct wanted *x = arg;

	return !strcmp(x->old->actions[old].text, x->new->actions[x->at].text);
}

static bool same_log(const void *arg, size_t old)
{
	const struct wanted *x = arg;

	return x->old->logs[old].sample == x->new->logs[x->at].sample;
}

static int of_rules(struct plan *w, const struct xdpf_log *log)
{
	_cleanup_(free_chains) struct chains actions = { 0 }, logs = { 0 };

	if (!chains_of(&actions, w, w->old->n_actions, action_rule) || !chains_of(&logs, w, w->old->n_logs, log_rule))
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < w->new->n_actions; i++) {
		struct wanted x = { w->old, w->new, i };
		ptrdiff_t old = take(&actions, w->new->actions[i].rule, same_action, &x);

		if (old >= 0)
			add(w, RT_MISSES, w->old->actions[old].slot, w->new->actions[i].slot, 2);
	}
	for (size_t i = 0; i < w->new->n_logs; i++) {
		struct wanted x = { w->old, w->new, i };
		ptrdiff_t old = take(&logs, w->new->logs[i].rule, same_log, &x);

		if (old >= 0)
			add(w, RT_LOGS, (size_t)old, i, 2);
	}
	return 0;
}

/* ---- the whole ---- */

static bool same_books(const struct plan *w)
{
	bool same = w->old->n_files == w->new->n_files;

	for (size_t i = 0; i < w->old->n_files && same; i++)
		same = w->p->files[i] == i && w->old->files[i].counters == w->new->files[i].counters;
	return same;
}

static void sizes(struct plan *w)
{
	size_t slots = 0;

	for (size_t i = 0; i < w->new->n_actions; i++)
		if (w->new->actions[i].slot >= slots)
			slots = w->new->actions[i].slot + 1;
	w->p->n[RT_RULES] = 2 * (w->p->room + w->p->n_past);
	w->p->n[RT_VERDICTS] = 2 * XDPF_N_VERDICTS;
	w->p->n[RT_OTHERS] = 2 * w->new->ways.n_others;
	w->p->n[RT_MISSES] = 2 * slots;
	w->p->n[RT_LOGS] = 2 * w->new->n_logs;
	w->p->n[RT_LIMITS] = 3 * w->new->n_limits;
	w->p->n[RT_SETS] = 4 * w->new->n_sets;
}

int rt_plan_make(struct rt_plan *out, const struct rt_meta *old, const struct xdpf_meta *new, size_t room, const struct xdpf_log *log)
{
	struct plan w = { .p = out, .old_meta = old, .old = rt_meta_get(old), .new = new };
	size_t heads = new->n_files + new->n_rules + new->n_files + w.old->n_files + 1;
	int err;

	*out = (struct rt_plan){ .room = room, .n_rule = w.old->n_indexes };
	out->rule = malloc((out->n_rule + 1) * sizeof(*out->rule));
	out->head = calloc(heads, sizeof(*out->head));
	if (!out->rule || !out->head)
		return rt_fail(log, ENOMEM, "out of memory");
	memset(out->rule, 0xff, out->n_rule * sizeof(*out->rule));
	err = rt_match_files(&out->files, w.old, new, log);
	if (err)
		return err;
	out->books = same_books(&w);
	err = rt_match_rules(w.old, new, out->files, match, &w, log);
	if (!err)
		err = rt_match_limits(&out->limit, w.old, new, out->files, out->rule, log);
	if (!err) {
		defaults(&w);
		earlier(&w);
		err = of_rules(&w, log);
	}
	if (out->books)
		add(&w, RT_VERDICTS, 0, 0, 2 * XDPF_N_VERDICTS);
	for (size_t i = 0; i < new->n_limits && !err; i++) {
		uint32_t was = out->limit[i];

		if (was != RT_NO_INDEX)
			add(&w, RT_LIMITS, was, i, 3);
	}
	for (size_t i = 0; i < new->n_sets; i++) {
		uint32_t was = rt_match_set(w.old, new, out->files, i);

		if (was != RT_NO_INDEX)
			add(&w, RT_SETS, was, i, 4);
	}
	sizes(&w);
	return w.failed ? rt_fail(log, ENOMEM, "out of memory") : err;
}

void rt_plan_run(const struct rt_plan *p, const struct rt_counts *old, struct rt_counts *out)
{
	for (size_t i = 0; i < p->n_move; i++) {
		const struct rt_move *m = &p->move[i];
		const uint64_t *from = m->from == RT_KINDS ? m->value : m->at + m->words <= old->n[m->from] ? old->v[m->from] + m->at : NULL;

		if (!from || m->into + m->words > out->n[m->to])
			continue;
		for (unsigned k = 0; k < m->words; k++)
			out->v[m->to][m->into + k] += m->minus ? 0 - from[k] : from[k];
	}
}
