/*
 * The code around a classifier's tables. In: a run of rules, its tables. Out: blocks that find a packet's entries and do what they say, in order,
 * on to the current block.
 *
 * What the first entry does is loaded, and the rules that are code stand in a chain, in order: each asks whether it is meant. Behind a rule that lets
 * the packet go on the next entry is loaded, and the way goes on along the chain: always forward, so there is no loop for the verifier. Groups of
 * rules are jumped over as a whole. What is left at the end of the chain is a decision, or the end of the list.
 */
#include "lower_share.h"

enum { GROUP = 16 };

struct lower_walk {
	const struct lower_work *work;
	struct lower_run *run;
	ir_var at, what, best;			/* where the list goes on; what its first entry does; the entry that stops elsewhere */
	struct ir_block *none;			/* where no entry decides */
};

static struct ir_inst *of_list(struct lower *l, const struct lower_walk *k, enum ir_op op)
{
	struct ir_opnd at = lower_get(l, k->at), best = lower_get(l, k->best);
	struct ir_inst *i = lower_emit(l, op);

	i->a = at;
	i->b = best;
	i->imm = k->run->what;
	return i;
}

/* What the entry at .at does, behind those that only count. Goes on in a new current block where there is one. */
static void load_entry(struct lower *l, const struct lower_walk *k)
{
	struct ir_block *on = lower_block(l, "an entry");
	struct ir_opnd what;

	if (k->run->counts) {
		struct ir_inst *i = of_list(l, k, IR_COUNTS);

		lower_set(l, k->at, (struct ir_opnd){ IR_TEMP, i->temp });
	}
	what = (struct ir_opnd){ IR_TEMP, of_list(l, k, IR_ENTRY)->temp };
	lower_set(l, k->what, what);
	lower_test(l, IR_EQ, what, ir_imm(classify_what(CLASSIFY_END, 0)), k->none, on);
	lower_hot(l, on);
}

/* What a rule leads to that is code, out of line: its own way, then the next entry. */
static void code_entry(struct lower *l, const struct lower_walk *k, size_t entry, struct ir_block *body, struct ir_block *then)
{
	const struct lower_entry *e = &k->run->entry.v[entry];
	struct lower_work w = *k->work;
	struct ir_block *next = lower_block(l, "next entry"), *here = l->cur;

	w.at = body;
	w.rule = e->rest;
	w.rules = NULL;
	w.no = next;
	w.known = 0;
	w.whole = !e->sure;
	*vec_add(l->arena, &l->work) = w;
	if (k->run->rules.entry.v[entry].stops)
		return;
	lower_hot(l, next);
	l->span = e->rule->span;
	lower_set(l, k->at, lower_op(l, IR_ADD, lower_get(l, k->at), ir_imm(4)));
	load_entry(l, k);
	lower_jump(l, then);
	l->cur = here;
}

/* Rules that are code: their places among the entries. */
struct codes {
	size_t *entry, n;
};

static struct codes find_codes(struct lower *l, const struct lower_run *run)
{
	struct codes c = { arena_array(l->arena, run->codes, sizeof(*c.entry)), 0 };

	for (size_t i = 0; i < run->rules.entry.n; i++)
		if (run->entry.v[i].what >> CLASSIFY_INDEX_BITS == CLASSIFY_CODE)
			c.entry[c.n++] = i;
	return c;
}

/* Tests whether groups from the greatest on to those of GROUP begin at place @i, and jumps over them. */
static void groups(struct lower *l, const struct lower_walk *k, const struct codes *c, size_t i, struct ir_block **at)
{
	size_t size = GROUP;

	while (size * GROUP < c->n && i % (size * GROUP) == 0)
		size *= GROUP;
	for (; i % GROUP == 0 && size >= GROUP && size < c->n; size /= GROUP) {
		size_t over = i + size < c->n ? i + size : c->n;
		struct ir_block *in = lower_block(l, "group");

		/* decisions are greater than all */
		lower_test(l, IR_ULE, lower_get(l, k->what), ir_imm(k->run->entry.v[c->entry[over - 1]].what), in, at[over]);
		lower_hot(l, in);
	}
}

static void chain(struct lower *l, const struct lower_walk *k, struct ir_block *end)
{
	struct codes c = find_codes(l, k->run);
	struct ir_block **at = arena_array(l->arena, c.n + 1, sizeof(*at)), **body = arena_array(l->arena, c.n + 1, sizeof(*body));

	for (size_t i = 0; i < c.n; i++) {
		at[i] = lower_block(l, "entry");
		body[i] = lower_block(l, k->run->entry.v[c.entry[i]].rule->shown);
	}
	at[c.n] = end;
	lower_jump(l, at[0]);
	for (size_t i = 0; i < c.n; i++) {
		uint32_t what = k->run->entry.v[c.entry[i]].what;

		lower_hot(l, at[i]);
		groups(l, k, &c, i, at);
		lower_test(l, IR_EQ, lower_get(l, k->what), ir_imm(what), body[i], at[i + 1]);
	}
	for (size_t i = 0; i < c.n; i++)
		code_entry(l, k, c.entry[i], body[i], at[i + 1]);
	l->span = (struct span){ 0 };
}

/* Goes to the body of number .body, one of @n from @from on. */
static void pick(struct lower *l, ir_var number, const struct share *s, size_t from, size_t n)
{
	size_t half = n / 2;
	struct ir_block *low = half > 1 ? lower_block(l, "body below") : s->body.v[from]->at;
	struct ir_block *high = n - half > 1 ? lower_block(l, "body above") : s->body.v[from + half]->at;

	lower_test(l, IR_ULE, lower_get(l, number), ir_imm(from + half - 1), low, high);
	if (half > 1) {
		lower_hot(l, low);
		pick(l, number, s, from, half);
	}
	if (n - half > 1) {
		lower_hot(l, high);
		pick(l, number, s, from + half, n - half);
	}
}

/* How many rules that are code a packet may come to. */
static size_t most_codes(const struct classifier *c)
{
	size_t most = 1;

	/* a list may be longer in another image of the same program */
	while (most < c->longest)
		most *= 2;
	return most + 1;
}

/*
 * Where rules share bodies, entries lead to any of them in any order: so this is a loop, of as many rounds as a list has entries. The verifier goes
 * through all of them, and knows the number of the round; what rules do is apart, and it goes through that once.
 */
static void rounds(struct lower *l, const struct lower_walk *k, const struct share *s, struct ir_block *end)
{
	struct ir_block *head = lower_block(l, "round"), *on = lower_block(l, "next round"), *code = lower_block(l, "an entry's code");
	ir_var round = ir_var_new(l->ir, "round"), body = ir_var_kept(l->ir, "body");
	struct ir_inst *i;
	struct ir_opnd a;

	lower_set(l, round, ir_imm(0));
	lower_jump(l, head);
	lower_hot(l, head);
	a = lower_get(l, round);
	lower_set(l, round, lower_op(l, IR_ADD, a, ir_imm(1)));
	lower_test(l, IR_ULE, a, ir_imm(s->rounds - 1), on, k->none);
	lower_hot(l, on);
	load_entry(l, k);
	lower_test(l, IR_ULE, lower_get(l, k->what), ir_imm(classify_what(CLASSIFY_DECIDE, 0) - 1), code, end);
	lower_hot(l, code);
	*vec_add(l->arena, &l->apart) = code;
	a = lower_get(l, k->what);
	i = lower_emit(l, IR_PLACE);
	i->a = a;
	i->imm = s->table;
	a = (struct ir_opnd){ IR_TEMP, i->temp };
	lower_load(l, i, body, 0, 8);
	lower_set(l, s->record, a);
	if (s->body.n > 1)
		pick(l, body, s, 0, s->body.n);
	else
		lower_jump(l, s->body.v[0]->at);
	lower_hot(l, s->next);
	lower_set(l, k->at, lower_op(l, IR_ADD, lower_get(l, k->at), ir_imm(4)));
	lower_jump(l, head);
	l->span = (struct span){ 0 };
}

/* What entries do as the image has it: where their records are is known now. */
static void say_places(struct lower *l, const struct lower_run *run)
{
	const struct classify_places *head = image_at(&l->ir->image, run->what);
	uint32_t *what = image_at(&l->ir->image, head->table);

	for (size_t i = 0; i < run->entry.n; i++)
		what[i] = run->entry.v[i].what;
}

/* From the current block on to @end, where rules that are code share it. false: they do not. */
static bool shared(struct lower *l, const struct lower_walk *k, const struct classifier *c, struct ir_block *end)
{
	struct share s = {
		.l = l, .work = k->work, .run = k->run, .next = lower_block(l, "next entry"), .own = arena_new(), .rounds = most_codes(c)
	};
	bool share = share_codes(&s);

	if (share) {
		s.record = ir_var_kept(l->ir, "record");
		if (share_records(&s)) {
			say_places(l, k->run);
			k->run->bodies = s.body.n;
		}
		rounds(l, k, &s, end);
	}
	arena_free(s.own);
	return share;
}

/* Decisions that are data. Goes on in a new current block where there is none. */
static void decisions(struct lower *l, const struct lower_walk *k)
{
	static const struct {
		enum verdict verdict;
		bool swap;
	} kinds[] = {
		[CLASSIFY_ABORT] = { VERDICT_ABORT, false }, [CLASSIFY_DROP] = { VERDICT_DROP, false }, [CLASSIFY_PASS] = { VERDICT_PASS, false },
		[CLASSIFY_TX] = { VERDICT_TX, false }, [CLASSIFY_SWAP] = { VERDICT_TX, true },
	};
	struct ir_block *one = lower_block(l, "decided");
	ir_var kind = ir_var_new(l->ir, "kind");
	bool used[sizeof(kinds) / sizeof(kinds[0])] = { false };
	struct ir_opnd who;
	size_t left = 0;

	for (size_t i = 0; i < k->run->rules.entry.n; i++) {
		uint32_t v = k->run->entry.v[i].what >> CLASSIFY_INDEX_BITS;

		if (v >= CLASSIFY_DECIDE && !used[v - CLASSIFY_DECIDE]) {
			used[v - CLASSIFY_DECIDE] = true;
			left++;
		}
	}
	if (!left) {
		lower_jump(l, k->none);
		lower_hot(l, k->none);
		return;
	}
	lower_test(l, IR_ULE, lower_get(l, k->what), ir_imm(classify_what(CLASSIFY_DECIDE, 0) - 1), k->none, one);
	lower_hot(l, one);
	who = lower_op(l, IR_AND, lower_get(l, k->what), ir_imm(CLASSIFY_WORD_END));
	lower_emit(l, IR_WHO)->a = who;
	lower_set(l, kind, lower_op(l, IR_SHR, lower_get(l, k->what), ir_imm(CLASSIFY_INDEX_BITS)));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct ir_block *it = lower_block(l, lang_verdicts[kinds[i].verdict].name), *other = left > 1 ? lower_block(l, "other") : NULL;

		if (!used[i])
			continue;
		if (other)
			lower_test(l, IR_EQ, lower_get(l, kind), ir_imm(CLASSIFY_DECIDE + i), it, other);
		else
			lower_jump(l, it);
		lower_hot(l, it);
		lower_decide_noted(l, k->work, kinds[i].verdict, kinds[i].swap);
		if (!other)
			break;
		lower_hot(l, other);
		left--;
	}
	lower_hot(l, k->none);
}

void lower_run(struct lower *l, const struct lower_work *w, struct lower_run *run, const struct classifier *c)
{
	/* where there is code for some of the rules, the verifier shall know nothing of these behind it; else there is little behind */
	ir_var (*var)(struct ir_program *p, const char *name) = run->codes ? ir_var_kept : ir_var_new;
	struct lower_walk k = {
		w, run, var(l->ir, "entries"), var(l->ir, "what"), var(l->ir, "best"), lower_block(l, "no entry")
	};
	struct ir_block *end = lower_block(l, "entries over");
	struct ir_inst *i;
	struct ir_opnd r;

	l->span = run->entry.v[0].rule->span;
	if (l->cur == l->rules && !l->ir->classifier.n)
		dims_begin(l, run, c);
	dims_emit(l, run);
	i = lower_emit(l, IR_CLASSIFY);
	r = (struct ir_opnd){ IR_TEMP, i->temp };
	for (unsigned d = 0; d < run->rules.n_dims; d++)
		*vec_add(l->arena, &i->dims) = run->dim[d].said;
	i->imm = l->ir->classifier.n;
	*vec_add(l->arena, &l->ir->classifier) = c;
	lower_set(l, k.at, lower_op(l, IR_AND, r, ir_imm(UINT32_MAX)));
	lower_set(l, k.best, lower_op(l, IR_SHR, r, ir_imm(32)));
	if (run->codes < SHARE_FROM || !shared(l, &k, c, end)) {
		load_entry(l, &k);
		if (run->codes)
			chain(l, &k, end);
		else
			lower_jump(l, end);
	}
	lower_hot(l, end);
	decisions(l, &k);
}
