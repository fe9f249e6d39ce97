/*
 * What was counted. In: the evaluator and the program in the kernel, after the same packets. Out: whether the tools show the same counters of both:
 * of rules, files, verdicts, tables, limits, sets, logs, and of what found nothing to do.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli_summary.h"
#include "worker.h"

/* Tables have no order: their entries become members. */
static json_t *without_order(json_t *summary)
{
	json_t *tables = json_object_get(summary, "tables"), *t, *e;
	size_t i, k;

	json_array_foreach(tables, i, t) {
		json_t *by_key = json_object();

		json_array_foreach(json_object_get(t, "entries"), k, e) {
			char *key = json_dumps(json_object_get(e, "key"), JSON_SORT_KEYS | JSON_COMPACT);

			json_object_set_new(by_key, key, json_pack("[O, O]", json_object_get(e, "packets"), json_object_get(e, "bytes")));
			free(key);
		}
		json_object_set_new(t, "entries", by_key);
	}
	return summary;
}

static json_t *summary_theirs(const struct job *j, const struct eval *e)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	json_t *all, *s;

	if (!f)
		abort();
	summary_json(j->program, e, f);
	fclose(f);
	all = json_loads(text, 0, NULL);
	free(text);
	s = json_incref(json_object_get(all, "summary"));
	json_decref(all);
	return without_order(s);
}

/* Where two values differ: "files[0].rules[3].packets: 1, and 2"; false: nowhere. */
static bool difference(const json_t *a, const json_t *b, char *out, size_t size)
{
	size_t n = strlen(out);
	const char *key;
	json_t *v;

	if (json_equal(a, b))
		return false;
	if (json_is_object(a) && json_is_object(b)) {
		json_object_foreach((json_t *)(uintptr_t)a, key, v) {
			snprintf(out + n, size - n, ".%s", key);
			if (!json_object_get(b, key) || difference(v, json_object_get(b, key), out, size))
				return true;
			out[n] = '\0';
		}
	} else if (json_is_array(a) && json_is_array(b) && json_array_size(a) == json_array_size(b)) {
		for (size_t i = 0; i < json_array_size(a); i++) {
			snprintf(out + n, size - n, "[%zu]", i);
			if (difference(json_array_get(a, i), json_array_get(b, i), out, size))
				return true;
			out[n] = '\0';
		}
	}
	if (json_is_integer(a) && json_is_integer(b))
		snprintf(out + n, size - n, ": %lld by the evaluator, %lld by the kernel", (long long)json_integer_value(a),
			 (long long)json_integer_value(b));
	return true;
}

/* What says how a rule is written is not alike where a fault was planted there. */
static void without_texts(json_t *v)
{
	const char *key;
	json_t *member;
	size_t i;

	json_object_del(v, "text");
	json_object_del(v, "rate");
	json_object_del(v, "action");
	json_object_foreach(v, key, member)
		without_texts(member);
	json_array_foreach(v, i, member)
		without_texts(member);
}

bool count_differs(struct job *j, const struct sides *s)
{
	struct counters_of c = { .meta = xdpf_program_meta(s->prog) };
	const struct xdpf_log log = job_log(j);
	struct xdpf_stats *stats = NULL;
	json_t *theirs, *ours;
	char where[512] = "counters";
	bool differ;

	if (xdpf_stats_read(&stats, s->prog, &log)) {
		wrong(j, j->n, "the counters cannot be read: %s", j->said);
		return true;
	}
	c.stats = stats;
	theirs = summary_theirs(j, s->eval);
	ours = without_order(counters_json(&c));
	if (json_object_get(j->in, "lie")) {
		without_texts(theirs);
		without_texts(ours);
	}
	differ = difference(theirs, ours, where, sizeof(where));
	if (differ)
		wrong(j, j->n, "%s", where);
	json_decref(theirs);
	json_decref(ours);
	xdpf_stats_free(stats);
	return differ;
}

