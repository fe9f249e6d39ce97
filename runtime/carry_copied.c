/*
 * What sets had when they were copied for a program that takes another's place, kept in the kernel until what came since is copied, too. In: copies
 * that were made; later, whoever comes after one that was ended between both. Out: a pinned map of each copy; then the rest is copied by them, as
 * carry_set.c does it, and they go. Guaranteed: doing the rest twice, or half of it first, is the same as doing it once.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/mman.h>

#include "carry.h"
#include "pending.h"

#define NAME	"xdpf_copied"

/* Elements of the map, in memory: the first is nobody's, so that no copy is too small for a map. */
struct view {
	unsigned char *at;
	size_t record, key, n;		/* bytes of one, of them the key's; elements */
};

static size_t record_size(size_t key)
{
	return (key + 7) / 8 * 8 + sizeof(struct xdpf_element);
}

static void unmap(struct view *v)
{
	if (v->at)
		munmap(v->at, (v->n + 1) * v->record);
}

static int map_view(struct view *v, int fd, size_t key, size_t n, const struct xdpf_log *log)
{
	void *at;

	*v = (struct view){ .record = record_size(key), .key = key, .n = n };
	at = mmap(NULL, (n + 1) * v->record, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return rt_fail_sys(log, errno, "the copy of a set cannot be looked at");
	v->at = at;
	return 0;
}

static unsigned char *record(const struct view *v, size_t i)
{
	return v->at + (i + 1) * v->record;
}

static void pin_name(char out[32], size_t set)
{
	snprintf(out, 32, RT_PIN_COPIED "%zu", set);
}

static int pin_one(const struct rt_copy *x, size_t key, const char *path, const struct xdpf_log *log)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	size_t n = x->then.n;
	_cleanup_close_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, NAME, sizeof(uint32_t), (uint32_t)record_size(key), (uint32_t)n + 1, &opts);
	_cleanup_(unmap) struct view v = { 0 };
	char name[32];
	int err;

	if (fd < 0)
		return rt_fail_sys(log, errno, "what a set had when it was copied cannot be kept");
	err = map_view(&v, fd, key, n, log);
	for (size_t i = 0; i < n && !err; i++) {
		memcpy(record(&v, i), x->then.keys + i * key, key);
		memcpy(record(&v, i) + v.record - sizeof(*x->then.values), &x->then.values[i], sizeof(*x->then.values));
	}
	pin_name(name, x->to);
	return err ? err : rt_pin_put(fd, path, name, log);
}

int rt_carry_pin(const struct rt_carry *c, const struct xdpf_program *p, const char *path, const struct xdpf_log *log)
{
	int err;

	rt_carry_unpin(path);
	err = c ? rt_pin_put(c->old->prog_fd, path, RT_PIN_BEFORE, log) : 0;
	for (size_t i = 0; c && i < c->n_copy && !err; i++)
		err = pin_one(&c->copy[i], rt_meta_get(p->meta)->sets[c->copy[i].to].key_size, path, log);
	return err;
}

/* In this order, so that none of the others is there without the first. */
void rt_carry_unpin(const char *path)
{
	rt_pin_drop_all(path, RT_PIN_COPIED);
	rt_pin_drop(path, RT_PIN_BEFORE);
}

/* ---- by whoever comes later ---- */

static int read_one(struct rt_snapshot *s, int fd, size_t key, const struct xdpf_log *log)
{
	_cleanup_(unmap) struct view v = { 0 };
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	int err;

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return rt_fail_sys(log, errno, "the copy of a set cannot be looked at");
	if (info.type != BPF_MAP_TYPE_ARRAY || info.value_size != record_size(key) || !(info.map_flags & BPF_F_MMAPABLE) ||
	    strcmp(info.name, NAME) != 0)
		return rt_fail(log, EBADMSG, "what is pinned as the copy of a set is none");
	err = map_view(&v, fd, key, info.max_entries - 1, log);
	if (err)
		return err;
	s->keys = malloc((v.n + 1) * key);
	s->values = malloc((v.n + 1) * sizeof(*s->values));
	if (!s->keys || !s->values)
		return rt_fail(log, ENOMEM, "out of memory");
	for (s->n = 0; s->n < v.n; s->n++) {
		memcpy(s->keys + s->n * key, record(&v, s->n), key);
		memcpy(&s->values[s->n], record(&v, s->n) + v.record - sizeof(*s->values), sizeof(*s->values));
	}
	return 0;
}

static int finish_one(struct rt_carry *c, const struct xdpf_program *p, size_t set, int fd, const struct xdpf_log *log)
{
	const struct xdpf_meta *old = rt_meta_get(c->old->meta), *new = rt_meta_get(p->meta);
	struct rt_copy x = { .from = rt_match_set(old, new, c->plan.files, set), .to = set };
	int err;

	if (x.from == RT_NO_INDEX || c->old->set_fd[x.from] < 0)
		return rt_fail(log, EBADMSG, "what is pinned as the copy of a set is none");
	err = read_one(&x.then, fd, new->sets[set].key_size, log);
	if (!err)
		err = rt_set_copy_rest(c, &x, p, log);
	rt_snapshot_free(&x.then);
	return err;
}

static void carry_freep(struct rt_carry **c)
{
	rt_carry_free(*c);
}

int rt_copied_finish(const char *path, const struct xdpf_program *p, int old_fd, const char *iface, const struct xdpf_log *log)
{
	_cleanup_(carry_freep) struct rt_carry *c = calloc(1, sizeof(*c));
	int held = dup(old_fd), n = 0, err;
	char name[32];

	if (!c || held < 0) {
		close_fd(&held);
		return rt_fail(log, ENOMEM, "out of memory");
	}
	err = rt_program_open(&c->old, held, iface, log);
	if (!err)
		err = rt_match_files(&c->plan.files, rt_meta_get(c->old->meta), rt_meta_get(p->meta), log);
	for (size_t i = 0; i < rt_meta_get(p->meta)->n_sets && !err; i++) {
		_cleanup_close_ int fd = -1;

		pin_name(name, i);
		fd = rt_pin_get(path, name);
		if (fd < 0)
			continue;
		n++;
		err = finish_one(c, p, i, fd, log);
	}
	if (!err)
		rt_carry_say(c, iface, log);
	return err ? err : n;
}
