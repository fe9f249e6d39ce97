/*
 * What the metadata says so that one object's tables may take the place of another's: where in the image rules' indexes stand, and what else than
 * code must be equal. In: a checked tree, the image. Out: JSON text.
 *
 * Rules that the code knows by a number of their own (actions that may find nothing to do, logs, other verdicts) must be the same rules in both:
 * what was counted by that number is theirs.
 */
#include <stdlib.h>

#include "abi.h"
#include "meta_text.h"

static void put_pair(struct meta_text *t, const size_t v[2])
{
	meta_put(t, "[");
	meta_put_number(t, v[0]);
	meta_put(t, ",");
	meta_put_number(t, v[1]);
	meta_put(t, "]");
}

static void put_whats(struct meta_text *t, const struct meta_image *im)
{
	meta_put(t, ",\"whats\":[");
	for (size_t i = 0; i < im->n_what; i++) {
		meta_put(t, i ? "," : "");
		put_pair(t, im->what[i]);
	}
	meta_put(t, "]");
}

void meta_put_image(struct meta_text *t, const struct meta_image *im)
{
	meta_put(t, "{\"size\":");
	meta_put_number(t, im->size);
	put_whats(t, im);
	meta_put(t, ",\"indexes\":");
	if (im->index[1])
		put_pair(t, im->index);
	else
		meta_put(t, "null");
	meta_put(t, "}");
}

/* What the rule is known by in another version of its file. */
static void put_identity(struct meta_text *t, const struct ast_rule *r)
{
	meta_put(t, ",[");
	meta_put_string(t, r->label.s ? "label" : "text");
	meta_put(t, ",");
	meta_put_string(t, r->label.s ? r->label.s : r->text);
}

/* Of limits what their buckets are known by: not the rate, which is in the code or in the image. One that stands in a rule is that rule's.
 * A bucket from which more was taken than it holds now is no state of ours (grammar/limit.h), and begins anew. */
static void put_limits(struct meta_text *t, const struct ast_program *p)
{
	meta_put(t, ",\"limits\":[0");
	for (size_t i = 0; i < p->limit.n && !t->failed; i++) {
		const struct ast_limit *l = p->limit.v[i];

		if (l->rule && !l->name.s) {
			put_identity(t, l->rule);
		} else {
			meta_put(t, ",[");
			meta_put_string(t, l->name.s ? l->name.s : l->text);
		}
		meta_put(t, ",");
		meta_put_number(t, l->like);
		meta_put(t, ",");
		meta_put_number(t, l->entries);
		meta_put(t, "]");
	}
	meta_put(t, "]");
}

static void put_rule(struct meta_text *t, const struct ast_rule *r, bool any)
{
	any |= r->action.n && r->action.v[r->action.n - 1]->way;
	for (size_t k = 0; k < r->action.n; k++)
		any |= r->action.v[k]->may_miss;
	if (!any)
		return;
	put_identity(t, r);
	for (size_t k = 0; k < r->action.n; k++) {
		if (!r->action.v[k]->may_miss)
			continue;
		meta_put(t, ",");
		meta_put_number(t, r->action.v[k]->slot);
		meta_put(t, ",");
		meta_put_string(t, r->action.v[k]->text);
	}
	meta_put(t, ",{\"verdict\":");
	meta_put_verdict(t, r->verdict);
	meta_put_other(t, r->action.n ? r->action.v[r->action.n - 1]->way : NULL);
	meta_put(t, "}]");
}

char *meta_shape(const struct ast_program *p, const struct meta_image *image, size_t *len)
{
	struct arena *a = arena_new();
	bool *logs = arena_array(a, p->n_indexes + 1, sizeof(*logs));
	struct meta_text t = { 0 };

	for (size_t i = 0; i < p->logs.n; i++)
		logs[p->logs.v[i]->rule] = true;
	meta_put(&t, "[\"" XDPF_VERSION "\",");
	meta_put_number(&t, image->size);
	meta_put(&t, image->index[1] ? ",true" : ",false");
	for (size_t u = 0; u < p->units.n; u++) {
		meta_put(&t, ",");
		meta_put_file(&t, p->units.v[u], false);
	}
	meta_put(&t, ",{\"sample\":[false");
	for (size_t i = 0; i < p->logs.n; i++)
		meta_put(&t, p->logs.v[i]->sample ? ",true" : ",false");
	meta_put(&t, "]");
	meta_put_shared(&t, p);
	put_limits(&t, p);
	meta_put(&t, "}");
	for (size_t i = 0; i < p->by_index.n && !t.failed; i++)
		if (p->by_index.v[i])
			put_rule(&t, p->by_index.v[i], logs[i]);
	meta_put(&t, "]");
	arena_free(a);
	if (t.failed) {
		free(t.s);
		return NULL;
	}
	*len = t.n;
	return t.s;
}
