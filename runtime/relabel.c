/*
 * Which rules go on when a program's tables are exchanged. In: the metadata of what runs and of an object of the same shape. Out: for each index of
 * the object's the one in the kernel, where its counter is. Guaranteed: a rule with the same file and label keeps its counter, without a label one
 * with the same file and text, in their order; every other rule begins with a counter that no packet of the last two images is counted in.
 *
 * What a rule had that is gone, or decides otherwise now, remains in the sums over its file and verdict: its counter is kept as one of the past
 * until the next exchange, since packets may still be counted in it; then what it has is final, and goes into the metadata as a number.
 */
#include <errno.h>
#include <stdio.h>

#include "match.h"
#include "table/what.h"

void rt_relabel_free(struct rt_relabel *r)
{
	free(r->to);
	free(r->fresh);
	free(r->moved.past);
	*r = (struct rt_relabel){ 0 };
}

/* ---- at work ---- */

struct work {
	struct rt_relabel *r;
	const struct xdpf_meta *old, *new;
	const struct rt_moved *was;
	const struct xdpf_count *counts;
	size_t room, n_counts;
	const bool *noted;		/* by index in the kernel */
	bool *used;			/* the same: of what runs, or of the past, or noted */
	uint32_t *into;			/* by old index: where its rule counts now, or RT_NO_INDEX */
	size_t n_into;
};

static void free_work(struct work *w)
{
	free(w->used);
	free(w->into);
}

static int refuse(struct work *w, const char *why)
{
	snprintf(w->r->why, sizeof(w->r->why), "%s", why);
	return -ENOTSUP;
}

static void use(struct work *w, uint32_t index)
{
	if (index < w->room)
		w->used[index] = true;
}

static int begin(struct work *w, const struct xdpf_log *log)
{
	w->r->n = w->new->n_files + w->new->n_rules;
	w->n_into = w->old->n_indexes;
	w->used = calloc(w->room + 1, sizeof(*w->used));
	w->into = malloc((w->n_into + 1) * sizeof(*w->into));
	w->r->to = malloc((w->r->n + 1) * sizeof(*w->r->to));
	w->r->fresh = malloc((w->r->n + 1) * sizeof(*w->r->fresh));
	w->r->moved.past = calloc(w->was->n_past + w->old->n_rules + 1, sizeof(*w->r->moved.past));
	if (!w->used || !w->into || !w->r->to || !w->r->fresh || !w->r->moved.past)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < w->n_into; i++)
		w->into[i] = RT_NO_INDEX;
	for (size_t i = 0; i < w->r->n; i++)
		w->r->to[i] = RT_NO_INDEX;
	for (size_t i = 0; i < w->old->n_files; i++) {
		use(w, w->old->files[i].default_index);
		w->into[w->old->files[i].default_index] = w->old->files[i].default_index;
	}
	for (size_t i = 0; i < w->old->n_rules; i++)
		use(w, w->old->rules[i].index);
	for (size_t i = 0; i < w->was->n_past; i++)
		use(w, w->was->past[i].index);
	for (size_t i = 0; w->noted && i < w->room; i++)
		w->used[i] |= w->noted[i];
	w->r->moved.next = w->was->next;
	return 0;
}

/* An index that nobody has; false: there is none. */
static bool fresh(struct work *w, uint32_t *index)
{
	uint32_t at = w->r->moved.next;

	for (size_t i = 0; i < w->room; i++, at++) {
		if (at >= w->room)
			at = 0;
		if (w->used[at])
			continue;
		w->used[at] = true;
		w->r->moved.next = at + 1;
		w->r->fresh[w->r->n_fresh++] = *index = at;
		return true;
	}
	return false;
}

static bool counted(const struct work *w, const struct xdpf_rule *r)
{
	return w->old->files[r->file].counters && r->verdict != XDPF_NO_VERDICT;
}

/* What @old counted is of the past; @into: part of this index's rule. */
static void pass_on(struct work *w, const struct xdpf_rule *old, uint32_t into)
{
	w->into[old->index] = into;
	if (counted(w, old) || into != RT_NO_INDEX)
		w->r->moved.past[w->r->moved.n_past++] = (struct rt_past){ old->index, into, old->file, old->verdict, { 0, 0 } };
}

static int match(void *arg, const struct xdpf_rule *old, const struct xdpf_rule *new)
{
	struct work *w = arg;
	uint32_t index;

	if (old && new && old->verdict == new->verdict) {
		w->r->kept++;
		w->into[old->index] = w->r->to[new->index] = old->index;
		return 0;
	}
	w->r->gone += !new;
	w->r->kept += old && new;
	if (new && !fresh(w, &index))
		return refuse(w, "there is no room for the counters of so many new rules");
	if (new)
		w->r->to[new->index] = index;
	/* a rule that did not decide has nothing among the verdicts: but its count goes on */
	if (old)
		pass_on(w, old, new ? index : RT_NO_INDEX);
	return 0;
}

static int match_all(struct work *w, const struct xdpf_log *log)
{
	_cleanup_free_ uint32_t *files = NULL;
	int err = rt_match_files(&files, w->old, w->new, log);

	return err ? err : rt_match_rules(w->old, w->new, files, match, w, log);
}

/* ---- the past ---- */

/* What the past of before had is final. */
static void settle(struct work *w)
{
	struct rt_moved *m = &w->r->moved;
	size_t first = m->n_past;

	for (size_t i = 0; i < w->was->n_past; i++) {
		struct rt_past p = w->was->past[i];
		size_t k = first;

		if (p.index != RT_NO_INDEX && p.index < w->n_counts)
			p.count = w->counts[p.index];
		p.index = RT_NO_INDEX;
		p.into = p.into < w->n_into ? w->into[p.into] : RT_NO_INDEX;
		while (k < m->n_past && (m->past[k].file != p.file || m->past[k].verdict != p.verdict || m->past[k].into != p.into))
			k++;
		if (k == m->n_past)
			m->past[m->n_past++] = p;
		else
			m->past[k].count = (struct xdpf_count){ m->past[k].count.packets + p.count.packets, m->past[k].count.bytes + p.count.bytes };
	}
}

/* Do all rules have the index that the object gave them? */
static bool in_place(const struct rt_relabel *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->to[i] != i)
			return false;
	return true;
}

int rt_relabel(struct rt_relabel *out, const struct rt_meta *old, const struct rt_meta *new, size_t room, const bool *noted,
	       const struct xdpf_count *counts, size_t n_counts, const struct xdpf_log *log)
{
	struct work w = { .r = out, .old = rt_meta_get(old), .new = rt_meta_get(new), .was = rt_meta_moved(old), .counts = counts, .room = room,
			  .noted = noted, .n_counts = n_counts };
	int err;

	*out = (struct rt_relabel){ 0 };
	if (w.old->n_files != w.new->n_files)
		return refuse(&w, "it is made of other files");
	err = begin(&w, log);
	for (size_t i = 0; i < w.new->n_files && !err; i++)
		out->to[w.new->files[i].default_index] = w.old->files[i].default_index;
	if (!err)
		err = match_all(&w, log);
	if (!err)
		settle(&w);
	if (!err && !rt_meta_image(new)->index.n && !in_place(out))
		err = refuse(&w, "its rules are others, and their numbers stand in the code");
	free_work(&w);
	return err;
}

/* ---- what comes of it ---- */

static void put(FILE *f, uint32_t index)
{
	if (index == RT_NO_INDEX)
		fputs("null", f);
	else
		fprintf(f, "%u", index);
}

void rt_past_put(FILE *f, const struct rt_past *past, size_t n)
{
	fputs(",\"past\":[", f);
	for (size_t i = 0; i < n; i++) {
		const struct rt_past *p = &past[i];

		fputs(i ? ",[" : "[", f);
		put(f, p->index);
		if (p->verdict == XDPF_NO_VERDICT)
			fprintf(f, ",%u,null,", p->file);
		else
			fprintf(f, ",%u,\"%s\",", p->file, xdpf_verdict_name(p->verdict));
		put(f, p->into);
		fprintf(f, ",%llu,%llu]", (unsigned long long)p->count.packets, (unsigned long long)p->count.bytes);
	}
	fputc(']', f);
}

int rt_moved_text(char **out, const struct rt_relabel *r, const struct rt_meta *before, const struct xdpf_log *log)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return rt_fail(log, ENOMEM, "out of memory");
	fputs(",\"indexes\":[", f);
	for (size_t i = 0, n; i < r->n; i += n) {
		for (n = 1; i + n < r->n && r->to[i + n] == r->to[i] + n; n++)
			;
		fprintf(f, "%s[%zu,%zu,%u]", i ? "," : "", i, n, r->to[i]);
	}
	fputc(']', f);
	rt_past_put(f, r->moved.past, r->moved.n_past);
	fprintf(f, ",\"next\":%u", r->moved.next);
	rt_loaded_keep(f, before);
	if (fclose(f)) {
		free(text);
		return rt_fail(log, ENOMEM, "out of memory");
	}
	*out = text;
	return 0;
}

/* The table's first element; NULL: it is not in the image. */
static uint32_t *find_table(unsigned char *image, size_t size, struct rt_table t)
{
	uint32_t off;

	if (t.place % 4 || t.place + 4 > size)
		return NULL;
	memcpy(&off, image + t.place, 4);
	return off % 4 || off > size || t.n > (size - off) / 4 ? NULL : (uint32_t *)(void *)(image + off);
}

int rt_relabel_image(void *image, size_t size, const struct rt_image *im, const struct rt_relabel *r, const struct xdpf_log *log)
{
	const uint32_t by_table = CLASSIFY_BY_TABLE;
	uint32_t *t;
	bool ok = true;

	for (size_t i = 0; i < im->n_what && ok; i++) {
		t = find_table(image, size, im->what[i]);
		ok = t && size - im->what[i].place >= sizeof(struct classify_places);
		/* places and indexes go different ways now */
		if (ok)
			memcpy((unsigned char *)image + im->what[i].place + offsetof(struct classify_places, base), &by_table, sizeof(by_table));
		for (size_t k = 0; ok && k < im->what[i].n; k++) {
			uint32_t kind = t[k] >> CLASSIFY_INDEX_BITS;

			if (kind == CLASSIFY_CODE || kind == CLASSIFY_END)
				continue;
			ok = CLASSIFY_INDEX(t[k]) < r->n;
			if (ok)
				t[k] = classify_what(kind, r->to[CLASSIFY_INDEX(t[k])]);
		}
	}
	t = ok && im->index.n ? find_table(image, size, im->index) : NULL;
	ok &= t || !im->index.n;
	/* element 0 is nobody's */
	for (size_t k = 1; ok && t && k < im->index.n; k++) {
		ok = t[k] < r->n;
		if (ok)
			t[k] = r->to[t[k]];
	}
	return ok ? 0 : rt_fail(log, EBADMSG, "the object's tables are not what its metadata says");
}
