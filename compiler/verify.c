/*
 * The walk: path after path, as Linux's verifier goes (verify_priv.h). In: a program's code. Out: how many instructions it walked, and the longest
 * way.
 */
#include "verify_priv.h"

#include <stdlib.h>
#include <string.h>

#include "bpf_code.h"

enum { KEEP_JUMPS = 2, KEEP_WALKED = 8, LOOP_JUMPS = 20, LOOP_WALKED = 100, NOTES = 40, MISSES = 3 };

static void places(struct verify *v)
{
	const struct verify_code *c = v->code;

	for (size_t i = 0; i < c->n; i++) {
		const struct bpf_insn *in = &c->in[i];

		if (in->code == (BPF_JMP | BPF_CALL)) {
			v->meets[i + 1] = v->noted[i + 1] = true;
			if (c->callee[i] != SIZE_MAX) {
				size_t to = c->function[c->callee[i]].begin;

				v->meets[i] = v->meets[to] = v->noted[to] = true;
			}
		} else if (bpf_is_jump(in)) {
			size_t to = (size_t)((int64_t)i + 1 + (in->code == (BPF_JMP32 | BPF_JA) ? in->imm : in->off));

			v->meets[to] = v->noted[to] = true;
			if (BPF_OP(in->code) != BPF_JA)
				v->meets[i] = true;
		}
		if (bpf_is_wide(in))
			i++;
	}
}

/* ---- ends of paths ---- */

static void seen_free(struct seen *s)
{
	state_clear(&s->state);
	free(s);
}

/* A path from @s on ended, @more instructions behind its last. */
static void ended(struct verify *v, struct state *s, uint64_t more)
{
	uint64_t length = s->trace.n + s->extra + more;
	struct seen *p = s->parent;

	while (p) {
		struct seen *up = p->state.parent;

		if (length > p->longest)
			p->longest = length;
		if (--p->branches)
			return;
		length = p->longest + p->state.trace.n + p->state.extra;
		free(p->state.trace.v);
		p->state.trace.v = NULL;
		p->state.trace.cap = 0;
		if (!p->listed)
			seen_free(p);
		p = up;
	}
	if (length > v->whole)
		v->whole = length;
}

static void keep(struct verify *v)
{
	struct seen *s = calloc(1, sizeof(*s));
	struct state *copy;

	if (!s)
		arena_fail();
	for (unsigned k = 0; k <= v->cur->depth; k++) {
		struct frame *f = &v->cur->frame[k];

		for (unsigned r = 0; r < 10; r++)
			f->reg[r].precise = false;
		for (unsigned i = 0; i < f->n_slots; i++)
			f->slot[i].reg.precise = false;
	}
	copy = state_copy(v->cur);
	s->state = *copy;
	free(copy);
	s->branches = 1;
	s->listed = true;
	s->next = v->seen[v->cur->at];
	v->seen[v->cur->at] = s;
	v->cur->parent = s;
	v->cur->trace.n = 0;
	v->cur->jumps = 0;
	v->cur->extra = 0;
	v->last_walked = v->walked;
	v->last_jumps = v->jumps;
}

/* Was it here before? Else it may be kept for others. */
static bool visited(struct verify *v)
{
	bool force = v->cur->jumps > NOTES, add = force;

	if (v->jumps - v->last_jumps >= KEEP_JUMPS && v->walked - v->last_walked >= KEEP_WALKED)
		add = true;
	for (struct seen **at = &v->seen[v->cur->at]; *at;) {
		struct seen *s = *at;

		/* it is another place in another call */
		if (state_top(&s->state)->callsite != state_top(v->cur)->callsite) {
			at = &s->next;
			continue;
		}
		if (s->branches) {
			if (!force && v->jumps - v->last_jumps < LOOP_JUMPS && v->walked - v->last_walked < LOOP_WALKED)
				add = false;
		} else if (state_same(v, s, v->cur)) {
			s->hits++;
			mark_as(v, v->cur, &s->state);
			ended(v, v->cur, s->longest);
			return true;
		}
		s->misses += add;
		if (s->misses > s->hits * MISSES + MISSES) {
			*at = s->next;
			s->listed = false;
			if (!s->branches)
				seen_free(s);
		} else {
			at = &s->next;
		}
	}
	if (add)
		keep(v);
	return false;
}

/* ---- one instruction ---- */

static bool load_wide(struct verify *v, const struct bpf_insn *i)
{
	const struct verify_address *a = &v->code->address[v->cur->at];
	struct reg *to = &state_top(v->cur)->reg[i->dst_reg];

	switch (a->target) {
	case VERIFY_NOTHING:
		*to = reg_number(number_is((uint32_t)i[0].imm | (uint64_t)(uint32_t)i[1].imm << 32));
		break;
	case VERIFY_MAP:
	case VERIFY_DATA:
		*to = reg_pointer(a->target == VERIFY_MAP ? REG_MAP : REG_VALUE);
		to->map = (uint32_t)a->map;
		to->off = (int32_t)a->offset;
		break;
	case VERIFY_KERNEL:
		*to = reg_pointer(REG_KERNEL);
		break;
	}
	v->cur->at += 2;
	return true;
}

static bool step(struct verify *v, bool *end)
{
	const struct bpf_insn *i = &v->code->in[v->cur->at];
	size_t at = v->cur->at;
	struct chain *chain = state_top(v->cur)->chain;
	bool ok;

	*end = false;
	memset(v->written, 0, sizeof(v->written));
	switch (BPF_CLASS(i->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		ok = step_alu(v, i);
		v->cur->at++;
		break;
	case BPF_LD:
		ok = bpf_is_wide(i) ? load_wide(v, i) : verify_failed(v, "an instruction that is not known");
		break;
	case BPF_LDX:
	case BPF_ST:
	case BPF_STX:
		ok = step_memory(v, i);
		v->cur->at++;
		break;
	default:
		v->jumps++;
		ok = BPF_OP(i->code) == BPF_CALL ? step_call(v, i) : BPF_OP(i->code) == BPF_EXIT ? step_exit(v, end) : step_branch(v, i);
		break;
	}
	if (ok)
		live_write(v, chain, at, v->written);
	return ok;
}

static bool path(struct verify *v)
{
	bool end = false;

	while (!end) {
		size_t at = v->cur->at;

		if (++v->walked > VERIFY_MOST)
			return true;
		v->traced = false;
		if (v->meets[at] && visited(v))
			return true;
		*heap_add(&v->cur->trace, 1) = (struct trace){ .at = (uint32_t)at };
		if (v->noted[at])
			state_note(v, v->cur);
		if (!step(v, &end))
			return false;
	}
	ended(v, v->cur, 0);
	return true;
}

static void clear(struct verify *v)
{
	while (v->n_waiting)
		state_free(v->waiting[--v->n_waiting]);
	for (size_t i = 0; i < v->code->n; i++)
		while (v->seen[i]) {
			struct seen *s = v->seen[i];

			v->seen[i] = s->next;
			seen_free(s);
		}
	v->chains = NULL;
}

static bool function(struct verify *v, size_t f)
{
	const struct verify_function *fn = &v->code->function[f];
	struct state *s = calloc(1, sizeof(*s));
	bool ok = true;

	if (!s || !(s->frame = calloc(1, sizeof(*s->frame))))
		arena_fail();
	s->at = fn->begin;
	s->frame->callsite = SIZE_MAX;
	s->frame->chain = live_chain(v, NULL, SIZE_MAX, f);
	s->frame->reg[1] = reg_pointer(REG_CONTEXT);
	for (unsigned k = 0; k < 5 && !fn->program; k++) {
		struct reg *r = &s->frame->reg[k + 1];

		*r = fn->takes[k].context ? reg_pointer(REG_CONTEXT) : fn->takes[k].bytes ? reg_pointer(REG_KERNEL) : reg_number(number_any());
		r->null = fn->takes[k].bytes;
		r->id = r->null ? ++v->ids : 0;
	}
	s->frame->reg[10] = reg_pointer(REG_STACK);
	v->whole = 0;
	for (v->cur = s; ok && v->cur; v->cur = ok && v->n_waiting ? v->waiting[--v->n_waiting] : NULL) {
		ok = path(v) && v->walked <= VERIFY_MOST;
		state_free(v->cur);
	}
	clear(v);
	v->longest[f] = v->whole;
	return ok;
}

/* What it calls first: the lengths of these are part of its own. */
static bool lengths(struct verify *v, size_t f, bool *seen)
{
	const struct verify_function *fn = &v->code->function[f];

	if (seen[f])
		return true;
	seen[f] = true;
	for (size_t i = fn->begin; i < fn->end; i++) {
		size_t to = v->code->callee[i];

		if (to != SIZE_MAX && !lengths(v, to, seen))
			return false;
		v->moves[f] |= to != SIZE_MAX ? v->moves[to] : v->code->in[i].code == (BPF_JMP | BPF_CALL) && call_moves(v->code, i);
	}
	return !fn->global || fn->program || function(v, f);
}

/* Functions as libbpf puts them behind the program: as they are met, each with what it calls. */
static void order(const struct verify_code *c, size_t f, bool *seen, size_t *out, size_t *n)
{
	const struct verify_function *fn = &c->function[f];

	for (size_t i = fn->begin; i < fn->end; i++) {
		size_t to = c->callee[i];

		if (to == SIZE_MAX || seen[to])
			continue;
		seen[to] = true;
		out[(*n)++] = to;
		order(c, to, seen, out, n);
	}
}

/*
 * The program, and then its global functions in their order, as far as something that was walked calls them. How often states are kept depends on
 * what was walked before, in whatever function.
 */
static bool all(struct verify *v)
{
	const struct verify_code *c = v->code;
	size_t *to = arena_array(v->arena, c->n_functions + 1, sizeof(*to)), n = 0;
	bool *seen = arena_array(v->arena, c->n_functions + 1, sizeof(*seen)), again = true;

	v->walked = v->last_walked = 0;
	v->jumps = v->last_jumps = 0;
	memset(v->called, 0, c->n_functions * sizeof(*v->called));
	seen[c->program] = true;
	order(c, c->program, seen, to, &n);
	if (!function(v, c->program))
		return false;
	while (again) {
		again = false;
		for (size_t i = 0; i < n; i++) {
			if (to[i] == SIZE_MAX || !v->called[to[i]] || !c->function[to[i]].global)
				continue;
			if (!function(v, to[i]))
				return false;
			to[i] = SIZE_MAX;
			again = true;
		}
	}
	return true;
}

bool verify(const struct verify_code *c, struct verify_work *out, const char **err)
{
	struct arena *a = arena_new();
	struct verify v = { .code = c, .arena = a };
	bool ok;

	v.meets = arena_array(a, c->n + 1, sizeof(*v.meets));
	v.noted = arena_array(a, c->n + 1, sizeof(*v.noted));
	v.live = arena_array(a, c->n + 1, sizeof(*v.live));
	v.seen = arena_array(a, c->n + 1, sizeof(*v.seen));
	v.longest = arena_array(a, c->n_functions + 1, sizeof(*v.longest));
	v.moves = arena_array(a, c->n_functions + 1, sizeof(*v.moves));
	v.called = arena_array(a, c->n_functions + 1, sizeof(*v.called));
	places(&v);
	live_registers(&v);
	ok = lengths(&v, c->program, arena_array(a, c->n_functions + 1, sizeof(bool))) && all(&v);
	*out = (struct verify_work){ v.walked, v.walked > VERIFY_MOST ? SIZE_MAX : v.longest[c->program] };
	*err = v.err;
	free(v.waiting);
	arena_free(a);
	return ok || v.walked > VERIFY_MOST;
}
