/*
 * Snapshots of sets that live, in the kernel. In: elements, sorted. Out: the tables that programs look into, and beside them the list of what is in
 * them, in maps of their own that are put in their places when they are complete. Guaranteed: to a packet a set is all that it was given before, or
 * all that it is given now; whoever ends us at any moment leaves the one or the other, with the list that belongs to it.
 *
 * A set has two places for a snapshot and a bit that says which is in use, its turn; elements that it has besides, in the kernel's map, say of which
 * turn they are. To replace all: wait for packets of a turn that was cut short; fill the other place; turn the bit; wait for packets of the old turn;
 * empty its place and take its elements out. The kernel waits when an element of a map of maps is replaced or taken out.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "private.h"

static size_t page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static uint32_t table_place(const struct rt_live *l, unsigned turn)
{
	return 2 * l->snap->at + turn;
}

static int tables_fd(const struct rt_live *l)
{
	return l->p->snap_fd[l->snap->set.room];
}

/* ---- finding ---- */

int *rt_live_place(struct xdpf_program *p, const char *name)
{
	size_t len = strlen(XDPF_MAP_SNAP);
	unsigned long room;
	char *end;

	if (!strcmp(name, XDPF_SECTION_LIVE))
		return &p->live_fd;
	if (!strcmp(name, XDPF_MAP_LISTS))
		return &p->lists_fd;
	if (strncmp(name, XDPF_MAP_SNAP, len) || name[len] < '1' || name[len] > '9')
		return NULL;
	room = strtoul(name + len, &end, 10);
	return *end || room > LIVE_ROOM_MOST ? NULL : &p->snap_fd[room];
}

int rt_live_map(const struct bpf_map *map, const struct rt_meta *m, const struct xdpf_log *log)
{
	const char *name = bpf_map__name(map);
	size_t len = strlen(XDPF_MAP_SNAP);
	unsigned long room;
	uint32_t least = 0;

	if (strncmp(name, XDPF_MAP_SNAP, len))
		return -ENOENT;
	room = strtoul(name + len, NULL, 10);
	for (size_t i = 0; i < rt_meta_get(m)->n_sets; i++) {
		const struct rt_snap *s = rt_meta_snap(m, i);

		if (s->set.form != LIVE_NONE && s->set.room == room && 2 * s->at + 2 > least)
			least = 2 * s->at + 2;
	}
	if (!least || bpf_map__type(map) != BPF_MAP_TYPE_ARRAY_OF_MAPS || bpf_map__key_size(map) != 4 || bpf_map__max_entries(map) < least)
		return rt_fail(log, EBADMSG, "the object's map %s is not as its metadata says", name);
	return 0;
}

void rt_live_close(struct rt_live *l)
{
	if (l->turns)
		munmap(l->turns, page());
}

int rt_live_open(struct rt_live *l, const struct xdpf_program *p, size_t set, const struct xdpf_log *log)
{
	const struct rt_snap *snap = rt_meta_snap(p->meta, set);
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	void *at;

	*l = (struct rt_live){ p, set, snap, rt_meta_get(p->meta)->sets[set].name, NULL };
	if (p->live_fd < 0 || p->lists_fd < 0 || p->snap_fd[snap->set.room] < 0)
		return rt_fail(log, ENOENT, "set %s: the program was loaded by something else, and has no place for its snapshots", l->name);
	if (bpf_obj_get_info_by_fd(p->live_fd, &info, &len) || info.value_size < sizeof(*l->turns))
		return rt_fail(log, EBADMSG, "set %s: the program's turns of sets are not what its metadata says", l->name);
	at = mmap(NULL, page(), PROT_READ | PROT_WRITE, MAP_SHARED, p->live_fd, 0);
	if (at == MAP_FAILED)
		return rt_fail_sys(log, errno, "set %s: its turn cannot be mapped", l->name);
	l->turns = at;
	return 0;
}

unsigned rt_live_turn(const struct rt_live *l)
{
	return __atomic_load_n(&l->turns->turn, __ATOMIC_ACQUIRE) >> l->set & 1;
}

int rt_live_bind(int *out_fd, int prog_fd, const struct rt_meta *m, const struct xdpf_log *log)
{
	LIBBPF_OPTS(bpf_map_create_opts, inner_opts, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	size_t n = rt_meta_get(m)->n_sets, any = 0;
	_cleanup_close_ int inner = -1, fd = -1;

	for (size_t i = 0; i < n; i++)
		any += rt_meta_snap(m, i)->set.form != LIVE_NONE;
	if (!any)
		return 0;
	inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "xdpf_list", sizeof(uint32_t), XDPF_LIST_PAGE, 1, &inner_opts);
	if (inner >= 0) {
		LIBBPF_OPTS(bpf_map_create_opts, opts, .inner_map_fd = (uint32_t)inner);

		fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, XDPF_MAP_LISTS, sizeof(uint32_t), sizeof(uint32_t), 2 * (uint32_t)n, &opts);
	}
	if (fd < 0 || bpf_prog_bind_map(prog_fd, fd, NULL))
		return rt_fail_sys(log, errno, "the map of what is in sets cannot be made");
	*out_fd = take_fd(fd);
	return 0;
}

/* ---- lists ---- */

/* The map in this place: -ENOENT, where there is none. */
static int inner(int *out_fd, int outer, uint32_t place)
{
	for (;;) {
		uint32_t id;
		int fd;

		if (bpf_map_lookup_elem(outer, &place, &id))
			return -errno;
		fd = rt_map_get(id);
		if (fd >= 0) {
			*out_fd = fd;
			return 0;
		}
		if (errno != ENOENT)	/* else another one has come to stand there */
			return -errno;
	}
}

void rt_list_close(struct rt_list *list)
{
	if (list->map)
		munmap(list->map, list->len);
}

size_t rt_list_find(const struct rt_list *list, const struct live_set *s, const void *key)
{
	size_t lo = 0, hi = list->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = live_cmp(s, list->keys + mid * s->key_size, key);

		if (!c)
			return mid;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return list->n;
}

/* The head of the snapshot of this turn: -ENOENT, there is none. */
static int read_head(struct live_head *out, const struct rt_live *l, unsigned turn)
{
	_cleanup_close_ int fd = -1;
	int err = inner(&fd, tables_fd(l), table_place(l, turn));
	void *at;

	if (err)
		return err;
	at = mmap(NULL, page(), PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	memcpy(out, at, sizeof(*out));
	munmap(at, page());
	return out->list > 1 ? -EBADMSG : 0;
}

static int map_list(struct rt_list *out, const struct rt_live *l, int fd, const struct xdpf_log *log)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	struct xdpf_list head;
	void *at;

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return rt_fail_sys(log, errno, "set %s: the list of its elements cannot be looked at", l->name);
	out->len = (size_t)info.max_entries * XDPF_LIST_PAGE;
	at = info.type == BPF_MAP_TYPE_ARRAY && info.value_size == XDPF_LIST_PAGE ? mmap(NULL, out->len, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (at == MAP_FAILED)
		return rt_fail_sys(log, errno, "set %s: the list of its elements cannot be mapped", l->name);
	out->map = at;
	memcpy(&head, at, sizeof(head));
	if (head.key_size != l->snap->set.key_size || head.n > (out->len - sizeof(head)) / head.key_size)
		return rt_fail(log, EBADMSG, "set %s: the list of its elements is broken", l->name);
	out->n = head.n;
	out->until = head.until;
	out->keys = (const unsigned char *)at + sizeof(head);
	return 0;
}

int rt_list_open(struct rt_list *out, const struct rt_live *l, const struct xdpf_log *log)
{
	/* what is exchanged meanwhile is asked for again */
	for (int i = 0;; i++) {
		unsigned turn = rt_live_turn(l);
		struct live_head head, again;
		_cleanup_close_ int fd = -1;
		int err = read_head(&head, l, turn);

		out->turn = turn;
		if (err == -ENOENT && rt_live_turn(l) == turn)
			return 0;
		if (!err)
			err = inner(&fd, l->p->lists_fd, (uint32_t)(2 * l->set + head.list));
		if (!err && rt_live_turn(l) == turn && !read_head(&again, l, turn) && again.list == head.list) {
			out->slot = head.list;
			return map_list(out, l, fd, log);
		}
		if (err && (err != -ENOENT || i > 10))
			return rt_fail_sys(log, -err, "set %s: its elements cannot be read", l->name);
	}
}

/* ---- making ---- */

static int make_table(int *out_fd, const struct rt_live *l, const void *keys, size_t n, const struct live_head *head, const struct xdpf_log *log)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	size_t size = (size_t)1 << l->snap->set.room;
	_cleanup_close_ int fd = -1;
	struct image im = { 0 };
	const char *bad;
	uint64_t seed;
	void *at;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return rt_fail_sys(log, errno, "no random number can be had");
	bad = live_build(&l->snap->set, keys, n, head, seed, &im);
	if (bad || im.n > size) {
		image_free(&im);
		return rt_fail(log, ENOSPC, "set %s: %s; a greater `size` in its declaration makes room", l->name,
			       bad ? bad : "the table would be larger than there is room for");
	}
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "xdpf_snap", sizeof(uint32_t), (uint32_t)size, 1, &opts);
	at = fd < 0 ? MAP_FAILED : mmap(NULL, im.n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at != MAP_FAILED) {
		memcpy(at, im.v, im.n);
		munmap(at, im.n);
	}
	image_free(&im);
	if (at == MAP_FAILED)
		return rt_fail_sys(log, errno, "set %s: memory for %zu MB of tables cannot be had", l->name, size >> 20);
	*out_fd = take_fd(fd);
	return 0;
}

static int make_list(int *out_fd, const struct rt_live *l, const void *keys, size_t n, uint64_t until, const struct xdpf_log *log)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	struct xdpf_list head = { n, until, l->snap->set.key_size, 0 };
	size_t bytes = sizeof(head) + n * head.key_size, pages = (bytes + XDPF_LIST_PAGE - 1) / XDPF_LIST_PAGE;
	_cleanup_close_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "xdpf_list", sizeof(uint32_t), XDPF_LIST_PAGE, (uint32_t)pages, &opts);
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return rt_fail_sys(log, errno, "set %s: memory for the list of its elements cannot be had", l->name);
	memcpy(at, &head, sizeof(head));
	memcpy((char *)at + sizeof(head), keys, n * head.key_size);
	munmap(at, bytes);
	*out_fd = take_fd(fd);
	return 0;
}

static int put(int outer, uint32_t place, int fd, const struct rt_live *l, const struct xdpf_log *log)
{
	int err = fd < 0 ? 0 : rt_hold_map(fd, log);

	if (err)
		return err;
	if (fd < 0 ? bpf_map_delete_elem(outer, &place) && errno != ENOENT : bpf_map_update_elem(outer, &place, &fd, BPF_ANY))
		return rt_fail_sys(log, errno, "set %s: what was made for it cannot be put into its place", l->name);
	return 0;
}

/* What has become of a turn's snapshot; both places are the ones that are not in use, or the table's is. */
static int fill(const struct rt_live *l, unsigned turn, const void *keys, size_t n, uint64_t until, unsigned list, const struct xdpf_log *log)
{
	const struct live_head head = { .until = until, .list = list };
	_cleanup_close_ int table_fd = -1, list_fd = -1;
	int err = 0;

	if (n)
		err = make_table(&table_fd, l, keys, n, &head, log);
	if (!err && n)
		err = make_list(&list_fd, l, keys, n, until, log);
	if (!err && n)
		err = put(l->p->lists_fd, (uint32_t)(2 * l->set + list), list_fd, l, log);
	return err ? err : put(tables_fd(l), table_place(l, turn), table_fd, l, log);
}

/* Lets go of a list that is not in use any more. */
static void drop_list(const struct rt_live *l, unsigned list)
{
	uint32_t place = (uint32_t)(2 * l->set + list);

	bpf_map_delete_elem(l->p->lists_fd, &place);
}

/* ---- turns ---- */

/* Until no packet is on its way that found another turn than this. */
static int wait_for_packets(const struct rt_live *l, const struct xdpf_log *log)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	_cleanup_close_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "xdpf_list", sizeof(uint32_t), XDPF_LIST_PAGE, 1, &opts);
	struct live_head head = { .list = 1 };
	uint32_t place;
	int err = read_head(&head, l, rt_live_turn(l));

	if (err && err != -ENOENT)
		return rt_fail_sys(log, -err, "set %s: its snapshot cannot be read", l->name);
	/* into a place that nobody looks at */
	place = (uint32_t)(2 * l->set + !head.list);
	if (fd < 0 || bpf_map_update_elem(l->p->lists_fd, &place, &fd, BPF_ANY) || bpf_map_delete_elem(l->p->lists_fd, &place))
		return rt_fail_sys(log, errno, "set %s: packets cannot be waited for", l->name);
	return 0;
}

/* One after the other: a rule may have put one there anew meanwhile. */
static void sweep_each(const struct rt_live *l, int fd, struct rt_snapshot *s, unsigned gone, int now)
{
	const struct xdpf_set *m = &rt_meta_get(l->p->meta)->sets[l->set];

	for (size_t i = 0; i < s->n; i++) {
		const void *key = s->keys + i * m->key_size;
		struct xdpf_element *e = &s->values[i], is;

		if (e->turn == gone + 1) {
			if (!bpf_map_lookup_elem(fd, key, &is) && is.turn == gone + 1)
				bpf_map_delete_elem(fd, key);
		} else if (!e->turn && now >= 0) {
			e->turn = (uint32_t)now + 1;
			bpf_map_update_elem(fd, key, e, BPF_EXIST);
		}
	}
}

/* The same where nobody but us puts any there, and we have the lock. */
static int sweep_all(const struct rt_live *l, int fd, struct rt_snapshot *s, unsigned gone, int now)
{
	size_t size = rt_meta_get(l->p->meta)->sets[l->set].key_size, n_gone = 0, n_any = 0, done = 0;
	_cleanup_free_ unsigned char *old = malloc(s->n * size + 1);
	int err;

	if (!old)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		const unsigned char *key = s->keys + i * size;

		if (s->values[i].turn == gone + 1) {
			memcpy(old + n_gone++ * size, key, size);
		} else if (!s->values[i].turn && now >= 0) {
			s->values[i].turn = (uint32_t)now + 1;
			memmove(s->keys + n_any * size, key, size);
			s->values[n_any++] = s->values[i];
		}
	}
	err = rt_batch_delete(fd, old, n_gone, size, &done);
	done = 0;
	return err ? err : rt_batch_put(fd, s->keys, s->values, n_any, size, &done);
}

/* Elements of the kernel's map that are of turn @gone only are taken out; those of any, if @now is one (0 or 1), are of that. */
static int sweep(const struct rt_live *l, int fd, unsigned gone, int now, const struct xdpf_log *log)
{
	_cleanup_(rt_snapshot_free) struct rt_snapshot s = { 0 };
	int err = rt_snapshot_read(&s, fd, &rt_meta_get(l->p->meta)->sets[l->set], log);

	if (err)
		return err;
	if (l->snap->added) {
		sweep_each(l, fd, &s, gone, now);
		return 0;
	}
	err = sweep_all(l, fd, &s, gone, now);
	return err ? rt_fail_sys(log, -err, "set %s: its elements cannot be changed", l->name) : 0;
}

static void be_busy(const struct rt_live *l, bool busy)
{
	if (busy)
		__atomic_or_fetch(&l->turns->busy, (uint64_t)1 << l->set, __ATOMIC_SEQ_CST);
	else
		__atomic_and_fetch(&l->turns->busy, ~((uint64_t)1 << l->set), __ATOMIC_SEQ_CST);
}

int rt_live_replace(const struct rt_live *l, int fd, const void *keys, size_t n, uint64_t until, const struct xdpf_log *log)
{
	unsigned turn = rt_live_turn(l), next = !turn;
	struct live_head head = { .list = 1 };
	int err = read_head(&head, l, turn);

	if (err && err != -ENOENT)
		return rt_fail_sys(log, -err, "set %s: its snapshot cannot be read", l->name);
	err = 0;
	if (__atomic_load_n(&l->turns->busy, __ATOMIC_SEQ_CST) >> l->set & 1)
		err = wait_for_packets(l, log);
	be_busy(l, true);
	if (!err)
		err = sweep(l, fd, next, (int)turn, log);
	if (!err)
		err = fill(l, next, keys, n, until, !head.list, log);
	if (err)
		return err;
	__atomic_xor_fetch(&l->turns->turn, (uint64_t)1 << l->set, __ATOMIC_SEQ_CST);
	if (bpf_map_delete_elem(tables_fd(l), &(uint32_t){ table_place(l, turn) }))
		err = wait_for_packets(l, log);
	if (!err)
		err = sweep(l, fd, turn, -1, log);
	drop_list(l, head.list);
	if (!err)
		be_busy(l, false);
	return err;
}

int rt_live_patch(const struct rt_live *l, const void *keys, size_t n, uint64_t until, const struct xdpf_log *log)
{
	unsigned turn = rt_live_turn(l);
	struct live_head head = { .list = 1 };
	int err = read_head(&head, l, turn);

	if (err && err != -ENOENT)
		return rt_fail_sys(log, -err, "set %s: its snapshot cannot be read", l->name);
	err = fill(l, turn, keys, n, until, !head.list, log);
	if (!err)
		drop_list(l, head.list);
	return err;
}
