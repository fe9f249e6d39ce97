/*
 * Limits in a proof. What they let through depends on when packets come, so a proof has two parts. In: packets that were picked, and the translation.
 * Out: what each packet's verdict is, whatever limits say, or that it depends on one; and for each limit a series of one packet, with pauses
 * between: its first tokens all at once, one too many, and after a while those that came back. When each was sent, the engine notes, and the
 * translation judges it at that time. Pauses end in the middle between two tokens, since clocks of limits go by ticks.
 *
 * Where tokens come back too fast for that, or are many, one packet's verdict is a matter of chance, and what is compared is how many got through: of
 * a burst, and of twice as many as the rate allows, sent behind it.
 */
#include "prove_limit.h"

#include <string.h>

#include "eval.h"

enum {
	ASKED = 6,			/* limits that one packet asks */
	FIRST_MOST = 4096,		/* packets of a series at once, each with a verdict of its own */
	COUNTED_MOST = 20000,		/* packets of a series that are counted */
	BEHIND_MOST = 10000,		/* of these, behind the burst */
	MS = 1000000,
};
static const uint64_t epoch = 946684800000000000u, tick = 11 * MS;
static const uint64_t token_told = 10 * MS, token_least = 40 * MS, token_most = 1000 * MS, token_counted = 50000;

struct ways {
	const struct ast_expr *asked[ASKED];
	size_t n;
	unsigned answers;
	bool many;
};

static bool on_asked(void *arg, const struct eval_view *view, const struct ast_expr *e, bool known)
{
	struct ways *w = arg;
	size_t k = 0;

	(void)view;
	if (e->kind != EXPR_LIMIT)
		return known;
	while (k < w->n && w->asked[k] != e)
		k++;
	if (k == ASKED) {
		w->many = true;
		return known;
	}
	if (k == w->n)
		w->asked[w->n++] = e;
	return w->answers >> k & 1;
}

static enum prove_verdict one(struct eval *e, struct eval_packet *pkt, uint8_t *frame, const struct prove_piece *from, const struct ast_rule **rule)
{
	struct eval_result r;

	memcpy(frame, from->data, from->len);
	pkt->data = frame;
	pkt->len = from->len;
	r = eval_run(e, pkt);
	*rule = r.rule;
	return r.verdict == VERDICT_PASS ? PROVE_PASSED : PROVE_DROPPED;
}

void prove_ways(struct prove *pr, struct eval *e, struct eval_packet *pkt, struct prove_packet *p)
{
	const struct prove_piece whole = { p->data, p->len };
	uint8_t frame[PROVE_FRAME_MOST];
	struct ways w = { .n = 0 };
	const struct eval_guess guess = { &w, on_asked };
	bool all_may = true, none_may = false;

	(void)pr;
	pkt->guess = &guess;
	for (size_t i = 0; i < (p->piece.n ? p->piece.n : 1); i++) {
		bool may[3] = { false };

		w.n = 0;
		for (w.answers = 0; w.answers < 1u << w.n; w.answers++)
			may[one(e, pkt, frame, p->piece.n ? &p->piece.v[i] : &whole, &p->rule)] = true;
		all_may = all_may && may[PROVE_PASSED];
		none_may = none_may || may[PROVE_DROPPED];
	}
	pkt->guess = NULL;
	p->either = (all_may && none_may) || w.many;
	p->translation = none_may ? PROVE_DROPPED : PROVE_PASSED;
	p->limit = p->either && !p->piece.n && w.n == 1 ? w.asked[0]->limit : NULL;
}

/* ---- series ---- */

static uint64_t token_of(const struct ast_limit *l)
{
	return l->fixed.token >> l->fixed.shift;
}

/* How coarse the original's clock is: iptables counts the kernel's ticks, nftables nanoseconds. */
static uint64_t tick_of(const struct prove *pr)
{
	return pr->im->kind == IMPORT_NFT ? MS : tick;
}

static bool is_counted(const struct ast_limit *l)
{
	return l->burst_tokens > FIRST_MOST || token_of(l) < token_told;
}

const char *prove_unproved(const struct prove *pr, const struct ast_limit *l)
{
	if (l->bytes)
		return "it counts bytes";
	if (l->burst_tokens > COUNTED_MOST - BEHIND_MOST)
		return "its burst is of more than 10000 packets, too many to be sent at once";
	if (token_of(l) < token_counted)
		return "it lets more than 20000 packets a second through, too many to be sent";
	if (is_counted(l) && l->burst_tokens * token_of(l) < 2 * tick && pr->im->kind != IMPORT_NFT)
		return "it is full again within two ticks of the original's clock, which says how many get through";
	return NULL;
}

const char *prove_untimed(const struct ast_limit *l)
{
	return token_of(l) < token_least ? "they come back too fast for the clocks of limits" :
	       token_of(l) > token_most ? "they come back too slowly to be waited for" : NULL;
}

static void add(struct prove *pr, const struct prove_packet *like, size_t series, size_t n, uint64_t pause)
{
	for (size_t i = 0; i < n; i++) {
		struct prove_packet p = *like;

		p.series = series + 1;
		p.pause = i ? 0 : pause;
		*vec_add(pr->arena, &pr->timed) = p;
	}
}

/* Twice the rate for a second, or as long as packets suffice; several at once where pauses would be too short to be kept. */
static void add_counted(struct prove *pr, const struct prove_packet *like, size_t series)
{
	const struct ast_limit *l = pr->p->limit.v[series];
	uint64_t gap = token_of(l) / 2, n = 1000 * (uint64_t)MS / gap, group = (MS + gap - 1) / gap;

	add(pr, like, series, l->burst_tokens, 0);
	for (n = n < BEHIND_MOST ? n : BEHIND_MOST; n; n -= group) {
		group = group < n ? group : n;
		add(pr, like, series, group, group * gap);
	}
}

/* Is it one that is compared? */
static bool fits(const struct prove *pr, const struct prove_packet *p)
{
	return p->original != PROVE_UNSEEN && !p->malformed && !p->fragments && !(p->stateless && pr->im->states);
}

void prove_series(struct prove *pr)
{
	for (size_t k = 0; k < pr->p->limit.n; k++) {
		const struct ast_limit *l = pr->p->limit.v[k];
		const struct prove_packet *p = NULL;
		uint64_t token = token_of(l);

		for (size_t i = 0; i < pr->n && !p; i++)
			if (pr->packet[i].limit == l && fits(pr, &pr->packet[i]))
				p = &pr->packet[i];
		if (!p || prove_unproved(pr, l))
			continue;
		if (is_counted(l)) {
			add_counted(pr, p, k);
			continue;
		}
		add(pr, p, k, l->burst_tokens + 2, 0);
		if (prove_untimed(l))
			continue;
		add(pr, p, k, 2, token + token / 2);
		add(pr, p, k, 3, 2 * token);
	}
}

/* Judges the series of a limit at the times when its packets were sent, each later by @late if it stands behind a pause. */
static bool judge(const struct prove *pr, size_t series, int64_t late, enum prove_verdict *out)
{
	struct eval *e = eval_new(pr->p);
	bool behind = false;

	if (!e)
		return false;
	for (size_t i = 0; i < pr->timed.n; i++) {
		const struct prove_packet *p = &pr->timed.v[i];
		const struct prove_piece whole = { p->data, p->len };
		struct eval_packet pkt = { .iface = p->iface, .random = 0, .seed = 1, .flow_state = pr->im->states ? 1 : 0 };
		const struct ast_rule *rule;
		uint8_t frame[PROVE_FRAME_MOST];

		if (p->series != series + 1)
			continue;
		behind = behind || p->pause;
		pkt.now = epoch + p->sent + (behind ? (uint64_t)late : 0);
		out[i] = one(e, &pkt, frame, &whole, &rule);
	}
	eval_free(e);
	return true;
}

/* By how many packets both may differ: the clock's ticks, and a hundredth of what came back. */
static void judge_counted(const struct prove *pr, struct prove_timed *t, uint64_t ns)
{
	uint64_t token = token_of(t->limit), may = 2 + 2 * tick_of(pr) / token + ns / token / 100;
	size_t differ = t->original > t->translation ? t->original - t->translation : t->translation - t->original;

	t->counted = true;
	t->may_differ = (size_t)may;
	t->otherwise = differ > may ? differ : 0;
	/* without a pause too many nothing shows what the rate is */
	t->slow = t->translation == t->packets || !t->translation;
}

bool prove_judge_series(struct prove *pr, size_t series, struct prove_timed *out)
{
	const size_t n = pr->timed.n + 1;
	enum prove_verdict *want = arena_array(pr->arena, n, sizeof(*want)), *early = arena_array(pr->arena, n, sizeof(*early)),
			   *late = arena_array(pr->arena, n, sizeof(*late));
	const struct ast_limit *l = pr->p->limit.v[series];
	uint64_t first = 0, last = 0;

	*out = (struct prove_timed){ .limit = l, .why = prove_unproved(pr, l) };
	if (!judge(pr, series, 0, want) || !judge(pr, series, -(int64_t)tick, early) || !judge(pr, series, (int64_t)tick, late))
		return false;
	for (size_t i = 0; i < pr->timed.n; i++) {
		struct prove_packet *p = &pr->timed.v[i];

		if (p->series != series + 1)
			continue;
		if (!out->packets)
			first = p->sent;
		last = p->sent;
		out->packets++;
		out->original += p->original == PROVE_PASSED;
		out->translation += want[i] == PROVE_PASSED;
		out->unseen += p->original == PROVE_UNSEEN;
		/* all of the first ones came before half a token was back, or the machine was too busy to say anything */
		out->slow = out->slow || early[i] != want[i] || late[i] != want[i];
		out->slow = out->slow || (!out->paused && !p->pause && p->sent - first > token_of(l) / 2);
		out->paused = out->paused || p->pause;
		p->translation = want[i];
		out->otherwise += p->original != p->translation;
	}
	if (out->packets && is_counted(l))
		judge_counted(pr, out, last - first);
	if (!out->packets && !out->why)
		out->why = "no packet that the original sees was found whose verdict is its alone to say";
	else if (out->unseen)
		out->why = "the original never saw its packets";
	else if (out->slow)
		out->why = "this machine was too busy for its clock: try again";
	return true;
}
