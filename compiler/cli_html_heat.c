/*
 * Statistics of a filter beside its rules. In: what `xdpf stats --json` printed (or the summary of a run as JSON), a file that anybody may have
 * written. Out: packets and bytes by rule, matched as counters are kept: by file and by label, or line. Statistics of another filter are refused.
 */
#include <jansson.h>
#include <string.h>

#include "cli_html.h"

static struct html_count count(json_t *o)
{
	json_t *packets = json_object_get(o, "packets"), *bytes = json_object_get(o, "bytes");

	if (!json_is_integer(packets) || !json_is_integer(bytes) || json_integer_value(packets) < 0 || json_integer_value(bytes) < 0)
		return (struct html_count){ 0 };
	return (struct html_count){ true, (uint64_t)json_integer_value(packets), (uint64_t)json_integer_value(bytes) };
}

static void note(struct html_heat *t, unsigned index, json_t *o)
{
	t->rule[index] = count(o);
	if (t->rule[index].packets > t->most)
		t->most = t->rule[index].packets;
}

/* Rules of one file; how many of them are here. */
static size_t file(struct html *h, struct html_heat *t, size_t unit, json_t *o)
{
	const struct ast_unit *u = h->p->units.v[unit];
	unsigned first = unit ? h->p->units.v[unit - 1]->default_index + 1 : 0;
	json_t *by_name = json_object(), *rule;
	size_t i, known = 0;

	json_array_foreach(json_object_get(o, "rules"), i, rule)
		if (json_is_string(json_object_get(rule, "rule")))
			json_object_set(by_name, json_string_value(json_object_get(rule, "rule")), rule);
	for (unsigned index = first; index < u->default_index; index++) {
		rule = json_object_get(by_name, h->p->by_index.v[index]->shown);
		if (!rule)
			continue;
		note(t, index, rule);
		known++;
	}
	note(t, u->default_index, json_object_get(o, "default"));
	t->reached[unit] = count(json_object_get(o, "reached"));
	/* several of ours may be called by one line */
	if (json_array_size(json_object_get(o, "rules")) > known)
		t->strangers += json_array_size(json_object_get(o, "rules")) - known;
	json_decref(by_name);
	return known;
}

static size_t files(struct html *h, struct html_heat *t)
{
	size_t i, known = 0;
	json_t *o;

	json_array_foreach(json_object_get(t->root, "files"), i, o) {
		const char *name = json_string_value(json_object_get(o, "name"));

		for (size_t u = 0; name && u < h->p->units.n; u++)
			if (strcmp(h->p->units.v[u]->name, name) == 0)
				known += 1 + file(h, t, u, o);
	}
	return known;
}

const struct html_heat *html_heat(struct html *h, const char *path, int *status)
{
	struct html_heat *t = arena_alloc(h->arena, sizeof(*t));
	bool given = strcmp(path, "-") == 0;		/* by standard input */
	const char *shown = given ? "<stdin>" : path;
	json_error_t error;
	json_t *summary;
	FILE *in = given ? stdin : fopen(path, "r");

	if (!in) {
		cli_error("%s cannot be read: %m", shown);
		*status = EXIT_SYSTEM;
		return NULL;
	}
	*status = EXIT_INPUT;
	t->root = json_loadf(in, JSON_REJECT_DUPLICATES, &error);
	if (!given)
		fclose(in);
	if (!t->root) {
		cli_error("%s:%d:%d: %s; --stats takes what `xdpf stats IFACE --json` prints", shown, error.line, error.column, error.text);
		return NULL;
	}
	/* what a run prints has it one step further in */
	summary = json_object_get(t->root, "summary");
	if (summary) {
		json_incref(summary);
		json_decref(t->root);
		t->root = summary;
	}
	t->from = json_string_value(json_object_get(t->root, "interface"));
	t->rule = arena_array(h->arena, h->p->n_indexes, sizeof(*t->rule));
	t->reached = arena_array(h->arena, h->p->units.n, sizeof(*t->reached));
	if (!json_is_array(json_object_get(t->root, "files"))) {
		cli_error("%s has no `files`: --stats takes what `xdpf stats IFACE --json` prints", shown);
	} else if (!files(h, t)) {
		cli_error("%s is about other files than %s: give the filter that was running when it was written", shown, h->p->units.v[0]->name);
	} else {
		return t;
	}
	json_decref(t->root);
	return NULL;
}

int64_t html_heat_of(const struct html *h, const char *list, const char *in, const char *name, const char *member)
{
	size_t i;
	json_t *o;

	if (!h->heat)
		return -1;
	json_array_foreach(json_object_get(h->heat->root, list), i, o) {
		const char *at = json_string_value(json_object_get(o, "file")), *is = json_string_value(json_object_get(o, "name"));
		json_t *n = json_object_get(o, member);

		if (at && is && strcmp(at, in) == 0 && strcmp(is, name) == 0)
			return json_is_integer(n) ? json_integer_value(n) : -1;
	}
	return -1;
}

unsigned html_warmth(const struct html *h, uint64_t packets)
{
	unsigned level = 1;

	if (!h->heat || !packets)
		return 0;
	/* each level is eight times the one below: rules differ by magnitudes */
	for (uint64_t n = h->heat->most; level < 5 && packets < n / 8 + 1; n /= 8)
		level++;
	return 6 - level;
}
