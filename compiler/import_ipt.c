/*
 * iptables-save and ip6tables-save. In: what they print. Out: one base chain, and the chains that it calls, as rules. The other chains are named in
 * comments: they go on working behind the filter.
 */
#include <string.h>

#include "import_track.h"

struct table {
	const char *name, *at;
	struct chain_set chains;
	bool broken;
};

/* Of a chain: its policy, NULL for those of users. */
struct base {
	const char *policy;
};

struct save {
	struct import *im;
	enum family family;
	VEC(struct table *) table;
	struct ipset *sets;
	struct table *of;		/* the chain's that is translated */
};

/* Base chains that see what comes in, in their order. */
static const struct {
	const char *table, *chain;
	int priority;
	bool input;
} hooks[] = {
	{ "raw", "PREROUTING", -300, false }, { "mangle", "PREROUTING", -150, false }, { "mangle", "INPUT", -150, true },
	{ "filter", "INPUT", 0, true }, { "security", "INPUT", 50, true },
};

enum { N_HOOKS = sizeof(hooks) / sizeof(hooks[0]), MOST_WORDS = 2000 };

/* ---- reading ---- */

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct ipt_words *ipt_split(struct import *im, const char *line, size_t len, const char **why)
{
	struct ipt_words *w = arena_alloc(im->arena, sizeof(*w));
	char *word = arena_alloc(im->arena, len + 1);

	*why = NULL;
	for (size_t i = 0; i < len;) {
		bool quoted = false;
		size_t n = 0;

		if (blank(line[i])) {
			i++;
			continue;
		}
		for (; i < len && (quoted || !blank(line[i])); i++) {
			if (line[i] == '"')
				quoted = !quoted;
			else if (quoted && line[i] == '\\' && i + 1 < len)
				word[n++] = line[++i];
			else
				word[n++] = line[i];
		}
		if (quoted)
			*why = "a quote is not closed";
		if (w->list.n == MOST_WORDS)
			*why = "it has too many words";
		if (memchr(word, '\0', n))
			*why = "it has a byte 0 in it";
		if (*why)
			return NULL;
		*vec_add(im->arena, &w->list) = arena_strndup(im->arena, word, n);
	}
	return w;
}

static void read_chain(struct save *s, struct table *t, const struct ipt_words *w, const char *at)
{
	const char *name = w->list.v[0] + 1;
	struct base *b = arena_alloc(s->im->arena, sizeof(*b));
	struct chain *c;

	if (!*name || w->list.n < 2 || chain_find(&t->chains, name, strlen(name))) {
		import_refuse(s->im, 0, at, w->text, "%s", *name && w->list.n >= 2 ? "this chain was there before" :
			      "that is no chain and its policy");
		return;
	}
	if (strcmp(w->list.v[1], "-") != 0)
		b->policy = w->list.v[1];
	c = chain_add(&t->chains, name, strlen(name));
	c->of = b;
}

static void read_rule(struct save *s, struct table *t, const struct ipt_words *w)
{
	/* Counters, as -c prints them, stand before it. */
	size_t first = w->list.v[0][0] == '[' ? 1 : 0;
	struct chain *c;
	struct chain_rule *r;

	if (w->list.n < first + 2 || strcmp(w->list.v[first], "-A") != 0) {
		import_refuse(s->im, 0, w->at, w->text, "that is no line of iptables-save");
		return;
	}
	c = chain_find(&t->chains, w->list.v[first + 1], strlen(w->list.v[first + 1]));
	if (!c) {
		import_refuse(s->im, 0, w->at, w->text, "there is no chain %s in table %s", w->list.v[first + 1], t->name);
		return;
	}
	r = vec_add(s->im->arena, &c->rule);
	*r = (struct chain_rule){ .at = w->at, .text = w->text, .number = s->im->n_rules++, .original = w };
}

static void read_line(struct save *s, struct table **t, const char *line, size_t len, unsigned number)
{
	const char *at = import_at(s->im, s->im->src, number), *text = import_shown(s->im, line, len), *why;
	struct ipt_words *w;

	while (len && (blank(line[len - 1])))
		len--;
	if (!len || *line == '#')
		return;
	w = ipt_split(s->im, line, len, &why);
	if (!w) {
		import_refuse(s->im, 0, at, text, "%s", why);
		return;
	}
	if (!w->list.n)
		return;
	w->at = at;
	w->text = text;
	if (*line == '*') {
		*t = arena_alloc(s->im->arena, sizeof(**t));
		(*t)->name = w->list.v[0] + 1;
		(*t)->at = at;
		(*t)->chains.im = s->im;
		*vec_add(s->im->arena, &s->table) = *t;
	} else if (!*t) {
		import_refuse(s->im, 0, at, text, "no table was begun: that is not what iptables-save prints");
	} else if (strcmp(w->list.v[0], "COMMIT") == 0) {
		*t = NULL;
	} else if (*line == ':') {
		read_chain(s, *t, w, at);
	} else {
		read_rule(s, *t, w);
	}
}

static void read_all(struct save *s)
{
	const struct source *src = s->im->src;
	struct table *t = NULL;

	for (unsigned i = 0; i < src->n_lines; i++) {
		size_t begin = src->line_start[i], end = i + 1 < src->n_lines ? src->line_start[i + 1] - 1 : src->len;

		read_line(s, &t, src->text + begin, end - begin, i + 1);
	}
	if (t)
		import_refuse(s->im, 0, import_at(s->im, src, (unsigned)src->n_lines), "", "table %s has no COMMIT: the file is cut off", t->name);
}

/* ---- which chain ---- */

static struct table *table_find(const struct save *s, const char *name)
{
	for (size_t i = 0; i < s->table.n; i++)
		if (strcmp(s->table.v[i]->name, name) == 0)
			return s->table.v[i];
	return NULL;
}

static struct chain *hook_chain(const struct save *s, unsigned hook, struct table **t)
{
	*t = table_find(s, hooks[hook].table);
	return *t ? chain_find(&(*t)->chains, hooks[hook].chain, strlen(hooks[hook].chain)) : NULL;
}

static bool decides(const struct chain *c)
{
	const struct base *b = c->of;

	return c->rule.n || (b->policy && strcmp(b->policy, "DROP") == 0);
}

/* The hook whose chain is meant; N_HOOKS, and refused: that is not clear. */
static unsigned choose(struct save *s)
{
	char all[200] = "";
	unsigned found = N_HOOKS, n = 0;

	for (unsigned i = 0; i < N_HOOKS; i++) {
		struct table *t;
		const struct chain *c = hook_chain(s, i, &t);
		const char *name = arena_printf(s->im->arena, "%s/%s", hooks[i].table, hooks[i].chain);

		if (!c)
			continue;
		if (s->im->o.chain ? strcmp(s->im->o.chain, name) == 0 : decides(c)) {
			found = i;
			n++;
		}
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", *all ? ", " : "", name);
	}
	if (n == 1)
		return found;
	if (s->im->o.chain)
		import_refuse(s->im, 0, import_at(s->im, s->im->src, 1), "", "--chain %s: what sees incoming packets are the chains %s",
			      s->im->o.chain,
			      *all ? all : "of iptables-save, and there is none");
	else if (*all)
		import_refuse(s->im, 0, import_at(s->im, s->im->src, 1), "", "%s of its chains %s: say which one with --chain TABLE/CHAIN",
			      n ? "several" : "none", arena_printf(s->im->arena, "(%s) %s rules", all, n ? "have" : "has"));
	else
		import_refuse(s->im, 0, import_at(s->im, s->im->src, 1), "", "there is no chain in it that sees incoming packets");
	return N_HOOKS;
}

/* Whatever changes packets before the chain sees them. */
static void refuse_nat(struct save *s, unsigned hook)
{
	const struct table *t = table_find(s, "nat");
	const struct chain *c = t ? chain_find(&t->chains, "PREROUTING", strlen("PREROUTING")) : NULL;

	for (size_t i = 0; c && i < c->rule.n && hooks[hook].priority > -100; i++) {
		size_t from = s->im->refused.n;

		import_refuse(s->im, IMPORT_LEFT_OUT, c->rule.v[i].at, c->rule.v[i].text,
			      "it may change addresses and ports before %s/%s sees the packet; the filter comes before it", hooks[hook].table,
				hooks[hook].chain);
		import_note_refused(s->im, from, 1);
	}
}

/* Where connections are tracked; NULL: nowhere in the file. */
static const char *tracked(const struct save *s)
{
	for (size_t i = 0; i < s->table.n; i++) {
		const struct chain_set *all = &s->table.v[i]->chains;

		if (strcmp(s->table.v[i]->name, "nat") == 0)
			return s->table.v[i]->at;
		for (size_t j = 0; j < all->list.n; j++)
			for (size_t k = 0; k < all->list.v[j]->rule.n; k++)
				if (track_ipt(all->list.v[j]->rule.v[k].original))
					return all->list.v[j]->rule.v[k].at;
	}
	return NULL;
}

static void note_others(struct save *s, const struct chain *chosen)
{
	for (size_t i = 0; i < s->table.n; i++)
		for (size_t j = 0; j < s->table.v[i]->chains.list.n; j++) {
			const struct chain *c = s->table.v[i]->chains.list.v[j];
			const struct base *b = c->of;

			if (c != chosen && b->policy && decides(c))
				import_note(s->im, "Not looked at: %s/%s, which goes on working (%zu rules).", s->table.v[i]->name, c->name,
					    c->rule.n);
		}
}

static void translate(void *arg, struct chain_rule *to)
{
	struct save *s = arg;
	struct ipt_rule r = { .im = s->im, .chains = &s->of->chains, .sets = s->sets, .family = s->family, .to = to, .w = to->original, .proto = -1,
			      .raw = strcmp(s->im->table, "raw") == 0 };

	r.at = r.w->list.v[0][0] == '[' ? 3 : 2;
	ipt_translate(&r);
}

static void import_save(struct import *im, enum family family)
{
	struct save s = { .im = im, .family = family };
	struct chain *c;
	unsigned hook;

	import_note(im, "From %s, what ip%stables-save printed.", source_shown(im->src), family == FAMILY_IP6 ? "6" : "");
	if (im->o.ipset)
		s.sets = ipset_read(im, im->o.ipset);
	read_all(&s);
	hook = choose(&s);
	c = hook == N_HOOKS ? NULL : hook_chain(&s, hook, &s.of);
	if (!c)
		return;
	im->family = family == FAMILY_IP4 ? "ip" : "ip6";
	im->table = hooks[hook].table;
	im->chain = hooks[hook].chain;
	im->hook = hooks[hook].input ? "input" : "prerouting";
	im->priority = hooks[hook].priority;
	import_note(im, "Chain %s/%s.", im->table, im->chain);
	if (hooks[hook].input)
		import_note(im, "It judges what is for this machine; on a router the filter takes it to what is forwarded, too.");
	im->tracked4 = family == FAMILY_IP4 ? tracked(&s) : NULL;
	im->tracked6 = family == FAMILY_IP6 ? tracked(&s) : NULL;
	track_whole(im, family == FAMILY_IP4, family == FAMILY_IP6);
	note_others(&s, c);
	refuse_nat(&s, hook);
	s.of->chains.translate = translate;
	s.of->chains.arg = &s;
	chain_translate(&s.of->chains, c);
	if (s.sets)
		ipset_write(im, s.sets);
	chain_head(im, family == FAMILY_IP4, family == FAMILY_IP6, false,
		   strcmp(((const struct base *)c->of)->policy ? ((const struct base *)c->of)->policy : "", "DROP") != 0);
	chain_write(&s.of->chains, c);
}

void import_iptables(struct import *im)
{
	import_save(im, FAMILY_IP4);
}

void import_ip6tables(struct import *im)
{
	import_save(im, FAMILY_IP6);
}
