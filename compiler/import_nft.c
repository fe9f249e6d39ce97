/*
 * nftables. In: what `nft -j list ruleset` prints. Out: one base chain, and the chains and sets that it uses, as rules. A place is the JSON pointer
 * of an object, with its handle.
 */
#include <string.h>

#include "import_nft.h"
#include "import_track.h"

enum { MOST_BASES = 64, MOST_RULES = 200000 };

/* A base chain that sees what comes in. */
struct base {
	json_t *chain;
	const char *name;		/* FAMILY/TABLE/CHAIN */
	size_t rules;
};

static const char *string(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static const char *place(struct nft *n, size_t index, json_t *o)
{
	json_t *handle = json_object_get(o, "handle");
	const char *file = import_shown(n->im, source_shown(n->im->src), strlen(source_shown(n->im->src)));

	if (json_is_integer(handle))
		return arena_printf(n->im->arena, "%s#/nftables/%zu (handle %lld)", file, index, (long long)json_integer_value(handle));
	return arena_printf(n->im->arena, "%s#/nftables/%zu", file, index);
}

/* ---- which chain ---- */

static bool of_here(struct nft *n, json_t *o)
{
	return strcmp(string(o, "family"), n->family) == 0 && strcmp(string(o, "table"), n->table) == 0;
}

static bool incoming(json_t *chain)
{
	static const char *const families[] = { "ip", "ip6", "inet", "netdev" };
	const char *hook = string(chain, "hook"), *family = string(chain, "family");

	for (size_t i = 0; i < 4; i++)
		if (strcmp(family, families[i]) == 0)
			return strcmp(string(chain, "type"), "filter") == 0 && (i == 3 ? strcmp(hook, "ingress") == 0 :
				strcmp(hook, "prerouting") == 0 || strcmp(hook, "input") == 0);
	return false;
}

static size_t rules_of(struct nft *n, json_t *chain)
{
	size_t i, count = 0;
	json_t *o, *rule;

	json_array_foreach(n->all, i, o) {
		rule = json_object_get(o, "rule");
		count += rule && strcmp(string(rule, "family"), string(chain, "family")) == 0 &&
			 strcmp(string(rule, "table"), string(chain, "table")) == 0 && strcmp(string(rule, "chain"), string(chain, "name")) == 0;
	}
	return count;
}

static size_t bases(struct nft *n, struct base *out)
{
	size_t i, found = 0;
	json_t *o;

	json_array_foreach(n->all, i, o) {
		json_t *chain = json_object_get(o, "chain");

		if (!chain || !incoming(chain) || found == MOST_BASES)
			continue;
		out[found].chain = chain;
		out[found].rules = rules_of(n, chain);
		out[found++].name = arena_printf(n->im->arena, "%s/%s/%s", string(chain, "family"), import_shown(n->im, string(chain, "table"),
						 strlen(string(chain, "table"))), import_shown(n->im, string(chain, "name"), strlen(string(chain,
							"name"))));
	}
	return found;
}

static json_t *choose(struct nft *n)
{
	struct base all[MOST_BASES];
	size_t found = bases(n, all), fit = 0;
	const char *names = NULL, *at = import_at(n->im, n->im->src, 1);
	json_t *chosen = NULL;

	for (size_t i = 0; i < found; i++) {
		names = names ? arena_printf(n->im->arena, "%s, %s", names, all[i].name) : all[i].name;
		if (n->im->o.chain ? strcmp(n->im->o.chain, all[i].name) == 0 : all[i].rules || strcmp(string(all[i].chain, "policy"), "drop") == 0) {
			chosen = all[i].chain;
			fit++;
		}
	}
	if (fit == 1)
		return chosen;
	if (!found)
		import_refuse(n->im, 0, at, "", "no chain in it of type filter sees incoming packets (hooks prerouting, input, ingress)");
	else if (n->im->o.chain)
		import_refuse(n->im, 0, at, "", "--chain %s: what sees incoming packets are the chains %s", n->im->o.chain, names);
	else
		import_refuse(n->im, 0, at, "", "%s of its chains (%s) %s rules: say which one with --chain FAMILY/TABLE/CHAIN", fit ? "several" :
			      "none", names,
			      fit ? "have" : "has");
	return NULL;
}

/* ---- reading ---- */

struct nft_set *nft_set_find(const struct nft *n, const char *name)
{
	for (size_t i = 0; i < n->sets.n; i++)
		if (strcmp(n->sets.v[i]->name, name) == 0)
			return n->sets.v[i];
	return NULL;
}

static void read_set(struct nft *n, size_t index, json_t *o)
{
	struct nft_set *s = arena_alloc(n->im->arena, sizeof(*s));

	s->name = arena_strndup(n->im->arena, string(o, "name"), strlen(string(o, "name")));
	s->at = place(n, index, o);
	s->json = o;
	*vec_add(n->im->arena, &n->sets) = s;
	s->shown = ipset_shown(n->im, "nft", s->name, n->sets.n);
}

/* The verdict map of a rule as pairs; NULL: it has none. */
static json_t *map_of(struct nft *n, json_t *rule, bool *missing)
{
	json_t *st, *vmap, *data;
	const struct nft_set *s;
	size_t i;

	json_array_foreach(json_object_get(rule, "expr"), i, st) {
		vmap = json_object_get(st, "vmap");
		if (!vmap)
			continue;
		data = json_object_get(vmap, "data");
		if (json_is_string(data) && *json_string_value(data) == '@') {
			s = nft_set_find(n, json_string_value(data) + 1);
			*missing = !s;
			return s ? json_object_get(s->json, "elem") : NULL;
		}
		*missing = !json_is_array(json_object_get(data, "set"));
		return json_object_get(data, "set");
	}
	return NULL;
}

static void read_rule(struct nft *n, size_t index, json_t *rule)
{
	struct chain *c = chain_find(&n->chains, string(rule, "chain"), strlen(string(rule, "chain")));
	const char *at = place(n, index, rule), *text;
	json_t *map, *pair;
	bool missing = false;
	char *dump = json_dumps(json_object_get(rule, "expr"), JSON_COMPACT);
	size_t i;

	text = import_shown(n->im, dump ? dump : "", dump ? strlen(dump) : 0);
	free(dump);
	if (!c || !json_is_array(json_object_get(rule, "expr"))) {
		import_refuse(n->im, 0, at, text, c ? "it has no list of expressions" : "there is no chain %s before it", string(rule, "chain"));
		return;
	}
	map = map_of(n, rule, &missing);
	for (i = 0; i < (map ? json_array_size(map) : 1); i++) {
		struct nft_original *original = arena_alloc(n->im->arena, sizeof(*original));
		bool expires = false;

		pair = map ? nft_element(json_array_get(map, i), &expires) : NULL;
		*original = (struct nft_original){ rule, map ? json_array_get(pair, 0) : NULL, map ? json_array_get(pair, 1) : NULL };
		*vec_add(n->im->arena, &c->rule) =
			(struct chain_rule){ .at = map ? arena_printf(n->im->arena, "%s, element %zu", at, i) : at, .text = text,
					    .number = n->im->n_rules++,
					     .original = original };
	}
	if (missing)
		import_refuse(n->im, 0, at, text, "its map is not there");
}

static void read_all(struct nft *n, json_t *base)
{
	json_t *o, *one;
	size_t i;

	json_array_foreach(n->all, i, o) {
		one = json_object_get(o, "set");
		one = one ? one : json_object_get(o, "map");
		if (one && of_here(n, one))
			read_set(n, i, one);
		one = json_object_get(o, "chain");
		if (one && of_here(n, one) && (one == base || !json_object_get(one, "hook")) &&
		    !chain_find(&n->chains, string(one, "name"), strlen(string(one, "name"))))
			chain_add(&n->chains, string(one, "name"), strlen(string(one, "name")));
	}
	json_array_foreach(n->all, i, o) {
		one = json_object_get(o, "rule");
		if (!one || !of_here(n, one) || n->im->n_rules > MOST_RULES)
			continue;
		/* Rules of other base chains are not translated. */
		if (chain_find(&n->chains, string(one, "chain"), strlen(string(one, "chain"))))
			read_rule(n, i, one);
	}
	if (n->im->n_rules > MOST_RULES)
		import_refuse(n->im, 0, import_at(n->im, n->im->src, 1), "", "it has more than %d rules and elements of verdict maps", MOST_RULES);
}

/* ---- writing ---- */

static void write_sets(struct nft *n)
{
	for (size_t i = 0; i < n->sets.n; i++) {
		const struct nft_set *s = n->sets.v[i];

		if (!s->used)
			continue;
		import_note(n->im, "%s: set %s", s->at, s->name);
		import_put(n->im, "set %s : %s = { %s };\n", s->shown, s->type, s->elements);
	}
}

/* What the text is made from, for a proof: this table's chains, the chosen base chain, sets, and their rules, in an order that can be loaded. */
static const char *original(struct nft *n, json_t *base)
{
	static const char *const order[] = { "table", "chain", "counter", "quota", "limit", "ct helper", "ct timeout", "set", "map", "rule" };
	json_t *list = json_array(), *root = json_pack("{s:o}", "nftables", list), *o, *one;
	const char *text = NULL;
	char *dump;
	size_t i;

	for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++)
		json_array_foreach(n->all, i, o) {
			one = json_object_get(o, order[k]);
			if (!one || strcmp(string(one, "family"), n->family) != 0 || strcmp(string(one, k ? "table" : "name"), n->table) != 0)
				continue;
			if ((k == 1 && one != base && json_object_get(one, "hook")) ||
			    (strcmp(order[k], "rule") == 0 && !chain_find(&n->chains, string(one, "chain"), strlen(string(one, "chain")))))
				continue;
			one = json_deep_copy(one);
			json_object_del(one, "handle");
			/* Some versions of nft do not print it, and none reads a chain without it. */
			if (n->netdev && k == 1 && !json_object_get(one, "dev") && json_object_get(one, "hook"))
				json_object_set_new(one, "dev", json_string(IMPORT_DEVICE));
			json_array_append_new(list, json_pack("{s:{s:o}}", "add", order[k], one));
		}
	dump = json_dumps(root, JSON_COMPACT);
	if (dump)
		text = arena_strndup(n->im->arena, dump, strlen(dump));
	free(dump);
	json_decref(root);
	return text;
}

/* Where connections are tracked, by all tables of the document. */
static void tracked(struct nft *n)
{
	static const char *const kinds[] = { "chain", "rule", "set", "map" };
	struct import *im = n->im;
	json_t *o, *one;
	size_t i;

	im->tracked4 = im->tracked6 = NULL;
	json_array_foreach(n->all, i, o)
		for (size_t k = 0; k < 4; k++) {
			const char *family;

			one = json_object_get(o, kinds[k]);
			if (!one || (k ? !track_nft(k == 1 ? json_object_get(one, "expr") : one) : strcmp(string(one, "type"), "nat") != 0))
				continue;
			family = string(one, "family");
			if (!im->tracked4 && (strcmp(family, "ip") == 0 || strcmp(family, "inet") == 0))
				im->tracked4 = place(n, i, one);
			if (!im->tracked6 && (strcmp(family, "ip6") == 0 || strcmp(family, "inet") == 0))
				im->tracked6 = place(n, i, one);
		}
}

static void import_chain_of(struct nft *n, json_t *base)
{
	struct import *im = n->im;
	struct chain *c;

	n->family = im->family = arena_strndup(im->arena, string(base, "family"), strlen(string(base, "family")));
	n->table = im->table = arena_strndup(im->arena, string(base, "table"), strlen(string(base, "table")));
	im->chain = arena_strndup(im->arena, string(base, "name"), strlen(string(base, "name")));
	im->hook = arena_strndup(im->arena, string(base, "hook"), strlen(string(base, "hook")));
	im->device = json_is_string(json_object_get(base, "dev")) ? arena_strndup(im->arena, string(base, "dev"), strlen(string(base, "dev"))) : NULL;
	im->priority = (int)json_integer_value(json_object_get(base, "prio"));
	n->netdev = strcmp(n->family, "netdev") == 0;
	n->ip4 = strcmp(n->family, "ip6") != 0;
	n->ip6 = strcmp(n->family, "ip") != 0;
	import_note(im, "Chain %s/%s/%s%s%s.", n->family, n->table, im->chain,
		    im->device ? ", to be applied to " : n->netdev ? ", to be applied to its device, which is not named" : "",
		    im->device ? im->device : "");
	if (strcmp(im->hook, "input") == 0)
		import_note(im, "It judges what is for this machine; on a router the filter takes it to what is forwarded, too.");
	tracked(n);
	if (!n->netdev)
		track_whole(im, n->ip4, n->ip6);
	read_all(n, base);
	c = chain_find(&n->chains, im->chain, strlen(im->chain));
	n->chains.translate = nft_translate;
	n->chains.arg = n;
	chain_translate(&n->chains, c);
	write_sets(n);
	chain_head(im, n->ip4, n->ip6, n->netdev, strcmp(string(base, "policy"), "drop") != 0);
	chain_write(&n->chains, c);
	im->original = original(n, base);
}

void import_nft(struct import *im)
{
	struct nft n = { .im = im };
	json_error_t e;
	json_t *base;

	n.chains.im = im;
	import_note(im, "From %s, what `nft -j list ruleset` printed.", source_shown(im->src));
	n.root = json_loadb(im->src->text, im->src->len, JSON_REJECT_DUPLICATES, &e);
	n.all = json_object_get(n.root, "nftables");
	if (!n.root)
		import_refuse(im, 0, import_at(im, im->src, e.line > 0 ? (unsigned)e.line : 1), "", "that is no JSON: %s", e.text);
	else if (!json_is_array(n.all))
		import_refuse(im, 0, import_at(im, im->src, 1), "",
			      "there is no list \"nftables\" in it: that is not what `nft -j list ruleset` prints");
	base = n.all && json_is_array(n.all) ? choose(&n) : NULL;
	if (base)
		import_chain_of(&n, base);
	json_decref(n.root);
}
