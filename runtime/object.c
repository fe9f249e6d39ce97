/*
 * Object files. In comes a file that may be anything; out goes its bytes and metadata, which were checked against the
 * programs and maps that are really in it: one XDP program, only maps that the metadata accounts for, each of the type and
 * size that its readers expect.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "private.h"

enum { OBJECT_MAX = 1 << 30 };

static void bpf_freep(struct bpf_object **o)
{
	bpf_object__close(*o);
}

void xdpf_object_free(struct xdpf_object *o)
{
	if (!o)
		return;
	bpf_object__close(o->bpf);
	rt_nic_free(o->nic);
	rt_meta_free(o->meta);
	free(o->data);
	free(o->from);
	close_fd(&o->turn_fd);
	free(o);
}

static void object_freep(struct xdpf_object **o)
{
	xdpf_object_free(*o);
}

const struct xdpf_meta *xdpf_object_meta(const struct xdpf_object *o)
{
	return rt_meta_get(o->meta);
}

/* ---- what must be in it ---- */

/* More than @most would be memory for nobody. */
static int check_map(const struct bpf_map *map, enum bpf_map_type type, size_t key, size_t value, size_t least, size_t most,
		     const struct xdpf_log *log)
{
	const char *name = bpf_map__name(map);

	if (bpf_map__type(map) != type || bpf_map__key_size(map) != key || bpf_map__value_size(map) != value)
		return rt_fail(log, EBADMSG,
			       "the object's map %s is not of the type, key size and value size that its readers expect", name);
	if (bpf_map__max_entries(map) < least || bpf_map__max_entries(map) > most)
		return rt_fail(log, EBADMSG, "the object's map %s has %u elements where its metadata needs %zu", name,
			       bpf_map__max_entries(map), least);
	return 0;
}

static const struct xdpf_table *find_table(const struct xdpf_meta *m, const char *map)
{
	for (size_t i = 0; i < m->n_tables; i++)
		if (!strcmp(m->tables[i].map, map))
			return &m->tables[i];
	return NULL;
}

static size_t n_slots(const struct xdpf_meta *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_actions; i++)
		if (m->actions[i].slot >= n)
			n = m->actions[i].slot + 1;
	return n;
}

static int check_rules(const struct bpf_map *map, size_t n, const struct xdpf_log *log)
{
	size_t most = 2 * n + 128;	/* with room for rules to come */

	if (bpf_map__value_size(map) != sizeof(struct xdpf_counter[XDPF_PAGE]))
		return check_map(map, BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct xdpf_counter), n, most, log);
	return check_map(map, BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct xdpf_counter[XDPF_PAGE]), (n + XDPF_PAGE - 1) / XDPF_PAGE,
			 most / XDPF_PAGE + 1, log);
}

static int check_each_map(const struct bpf_map *map, const struct rt_meta *meta, const struct xdpf_log *log)
{
	const struct xdpf_meta *m = rt_meta_get(meta);
	const struct xdpf_table *t;
	const char *name = bpf_map__name(map);
	int err;

	if (bpf_map__pin_path(map))
		return rt_fail(log, EBADMSG,
			       "the object's map %s wants to be shared by pinning: our objects keep their maps to themselves", name);
	if (bpf_map__is_internal(map))
		return 0;
	if (!strcmp(name, XDPF_MAP_RULES))
		return check_rules(map, m->n_rules + m->n_files, log);
	if (!strcmp(name, XDPF_MAP_PENDING))
		return check_map(map, BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct xdpf_pending), 1, 1, log);
	if (!strcmp(name, XDPF_MAP_VERDICTS))
		return check_map(map, BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct xdpf_counter), XDPF_VERDICTS, XDPF_VERDICTS, log);
	if (!strcmp(name, XDPF_MAP_MISSES))
		return check_map(map, BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct xdpf_miss), n_slots(m), n_slots(m), log);
	if (!strcmp(name, XDPF_MAP_SCRATCH))
		return check_map(map, BPF_MAP_TYPE_PERCPU_ARRAY, 4, bpf_map__value_size(map), 1, 1, log);
	if (!strcmp(name, XDPF_MAP_SAMPLES))
		return check_map(map, BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 0, XDPF_MAX_CPUS, log);
	if (!strcmp(name, XDPF_MAP_IMAGES))
		return check_map(map, BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, XDPF_IMAGES, XDPF_IMAGES, log);
	err = rt_sets_map(map, m, log);
	if (err == -ENOENT)
		err = rt_live_map(map, meta, log);
	if (err != -ENOENT)
		return err;
	err = rt_ways_map(map, &m->ways, log);
	if (err == -ENOENT)
		err = rt_limits_map(map, m, log);
	if (err != -ENOENT)
		return err;
	if (!strcmp(name, XDPF_MAP_COOKIES))
		return check_map(map, BPF_MAP_TYPE_ARRAY, 4, 8, XDPF_COOKIES, XDPF_COOKIES, log);
	if (!strcmp(name, XDPF_MAP_LOG))
		return check_map(map, BPF_MAP_TYPE_RINGBUF, 0, 0, XDPF_LOG_BYTES, XDPF_LOG_BYTES, log);
	if (!strcmp(name, XDPF_MAP_LOGS))
		return check_map(map, BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct xdpf_log_count), m->n_logs, m->n_logs, log);
	if (!strcmp(name, XDPF_MAP_LOG_NEXT))
		return check_map(map, BPF_MAP_TYPE_ARRAY, 4, 8, m->n_logs, m->n_logs, log);
	t = find_table(m, name);
	if (!t)
		return rt_fail(log, EBADMSG,
			       "the object has a map %s that its metadata does not know: another version of xdpfc made it", name);
	if (t->n_key)
		return check_map(map, BPF_MAP_TYPE_PERCPU_HASH, t->key_size, sizeof(struct xdpf_counter), 1, XDPF_COUNT_ENTRIES, log);
	return check_map(map, BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct xdpf_counter), 1, 1, log);
}

static int check_program(const struct bpf_object *bpf, const struct xdpf_meta *m, const struct xdpf_log *log)
{
	const struct bpf_program *prog = bpf_object__next_program(bpf, NULL);

	if (!prog || bpf_object__next_program(bpf, (struct bpf_program *)(uintptr_t)prog))
		return rt_fail(log, EBADMSG, "the object has %s program: xdpfc's objects have one",
			       prog ? "more than one" : "no");
	if (bpf_program__type(prog) != BPF_PROG_TYPE_XDP || strcmp(bpf_program__section_name(prog), XDPF_SECTION_PROG))
		return rt_fail(log, EBADMSG, "the object's program is no XDP program in section \"%s\"", XDPF_SECTION_PROG);
	if (strcmp(bpf_program__name(prog), m->program))
		return rt_fail(log, EBADMSG, "the object's program is called %s, its metadata says %s",
			       bpf_program__name(prog), m->program);
	return 0;
}

static int check_object(struct bpf_object *bpf, const struct rt_meta *meta, const struct xdpf_log *log)
{
	const struct xdpf_meta *m = rt_meta_get(meta);
	struct bpf_map *map;
	int err = check_program(bpf, m, log);

	if (err)
		return err;
	bpf_object__for_each_map(map, bpf) {
		err = check_each_map(map, meta, log);
		if (err)
			return err;
	}
	for (size_t i = 0; i < m->n_tables; i++)
		if (!bpf_object__find_map_by_name(bpf, m->tables[i].map) && m->files[m->tables[i].file].counters)
			return rt_fail(log, EBADMSG, "the object has no map %s, which its metadata speaks of", m->tables[i].map);
	for (size_t i = 0; i < m->n_files; i++)
		if (m->files[i].counters && !bpf_object__find_map_by_name(bpf, XDPF_MAP_RULES))
			return rt_fail(log, EBADMSG, "the object has no map %s, where its rules are counted", XDPF_MAP_RULES);
	return 0;
}

int rt_object_open_bpf(struct bpf_object **out, const struct xdpf_object *o, const char *image, const struct xdpf_log *log)
{
	const struct xdpf_meta *m = rt_meta_get(o->meta);
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = m->program);
	_cleanup_(bpf_freep) struct bpf_object *bpf = NULL;
	struct rt_libbpf scope;
	int err = 0;

	/* Opening copies its tables, which may be 64 MiB: that is done once where once will do. */
	if (!image)
		bpf = __atomic_exchange_n(&((struct xdpf_object *)(uintptr_t)o)->bpf, NULL, __ATOMIC_ACQ_REL);
	if (bpf) {
		*out = take_ptr(bpf);
		return 0;
	}
	rt_libbpf_begin(&scope, log);
	bpf = bpf_object__open_mem(image ? image : o->data, o->len, &opts);
	if (!bpf)
		err = rt_fail(log, EBADMSG, "the object is broken: %s", scope.last[0] ? scope.last : strerror(errno));
	rt_libbpf_end(&scope);
	if (!err)
		err = check_object(bpf, o->meta, log);
	if (!err)
		*out = take_ptr(bpf);
	return err;
}

/* ---- files ---- */

/* Takes @data over. */
static int object_new(struct xdpf_object **out, char *data, size_t len, const struct xdpf_log *log)
{
	_cleanup_(object_freep) struct xdpf_object *o = calloc(1, sizeof(*o));
	struct rt_elf_texts texts = { 0 };
	int err;

	if (!o) {
		free(data);
		return rt_fail(log, ENOMEM, "out of memory");
	}
	o->data = data;
	o->len = len;
	o->turn_fd = -1;
	err = rt_elf_metadata(&texts, data, len, log);
	if (!err)
		err = rt_meta_parse(&o->meta, texts.meta, texts.meta_len, log);
	o->text = texts.meta;
	o->text_len = texts.meta_len;
	o->tests = texts.tests;
	o->tests_len = texts.tests_len;
	o->sets = texts.sets;
	o->sets_len = texts.sets_len;
	if (!err)
		err = rt_sets_check(o->sets, o->sets_len, rt_meta_get(o->meta), log);
	if (!err && texts.nic)
		err = rt_nic_parse(&o->nic, texts.nic, texts.nic_len, rt_meta_get(o->meta), log);
	if (!err)
		err = rt_object_open_bpf(&o->bpf, o, NULL, log);
	if (!err)
		*out = take_ptr(o);
	return err;
}

/* Errors are told with the object's name before them. */
struct named_log {
	const struct xdpf_log *log;
	const char *name;
};

static void log_named(void *arg, enum xdpf_log_level level, const char *text)
{
	const struct named_log *n = arg;

	rt_log(n->log, level, "%s: %s", n->name, text);
}

int xdpf_object_open_mem(struct xdpf_object **out, const void *data, size_t len, const char *name, const struct xdpf_log *log)
{
	struct named_log named = { log, name };
	const struct xdpf_log inner = { log_named, &named };
	char *copy = malloc(len ? len : 1);

	if (!copy)
		return rt_fail(log, ENOMEM, "out of memory");
	memcpy(copy, data, len);
	return object_new(out, copy, len, name ? &inner : log);
}

static int read_file(char **out, size_t *len, const char *path, const struct xdpf_log *log)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *buf = NULL;
	size_t n = 0, cap = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		int err = errno;

		return rt_fail(log, err, "%s: %s", path, strerror(err));
	}
	if (S_ISDIR(st.st_mode))
		return rt_fail(log, EISDIR, "%s: a directory; give an object or a rule file", path);
	for (;;) {
		ssize_t got;

		if (n == cap) {
			size_t want = cap || st.st_size <= 0 || st.st_size >= OBJECT_MAX ? cap * 2 + 65536 : (size_t)st.st_size + 1;
			char *grown = cap < OBJECT_MAX ? realloc(buf, want) : NULL;

			if (!grown)
				return rt_fail(log, EFBIG, "%s: too large", path);
			buf = grown;
			cap = want;
		}
		got = read(fd, buf + n, cap - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int err = errno;

			return rt_fail(log, err, "%s: %s", path, strerror(err));
		}
		if (!got)
			break;
		n += (size_t)got;
	}
	*out = take_ptr(buf);
	*len = n;
	return 0;
}

int xdpf_object_open(struct xdpf_object **out, const char *path, const struct xdpf_log *log)
{
	struct named_log named = { log, path };
	const struct xdpf_log inner = { log_named, &named };
	char *data = NULL;
	size_t len = 0;
	int err = read_file(&data, &len, path, log);

	return err ? err : object_new(out, data, len, &inner);
}
