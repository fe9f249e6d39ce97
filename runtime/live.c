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

		if (s->set.room == room && 2 * s->at + 2 > least)
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
	if (bpf_obj_get_info_by_fd(p->live_fd, &info, &len))
		return rt_fail_sys(log, errno, "set %s: its turn cannot be looked at", l->name);
	if (info.value_size < sizeof(*l->turns))
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
	size_t n = rt_meta_get(m)->n_sets;
	_cleanup_close_ int inner = -1, fd = -1;

	if (!n)
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

/* ---- making ---- */

static int make_table(int *out_fd, const struct rt_live *l, const struct live_elements *e, const struct live_head *head, uint32_t *where,
		      const struct xdpf_log *log)
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
	bad = live_build(&l->snap->set, e, head, seed, &im, where);
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

static int make_list(int *out_fd, const struct rt_live *l, const struct live_elements *e, const uint32_t *where, const struct xdpf_log *log)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	struct xdpf_list head = { e->n, l->snap->set.key_size, where[0] != 0 };
	size_t begin = xdpf_list_states(e->n, head.key_size), states = head.states ? e->n * sizeof(*where) : 0;
	size_t pages = (begin + states + XDPF_LIST_PAGE - 1) / XDPF_LIST_PAGE;
	_cleanup_close_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "xdpf_list", sizeof(uint32_t), XDPF_LIST_PAGE, (uint32_t)pages, &opts);
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, begin + states, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return rt_fail_sys(log, errno, "set %s: memory for the list of its elements cannot be had", l->name);
	memcpy(at, &head, sizeof(head));
	memcpy((char *)at + sizeof(head), e->keys, e->n * head.key_size);
	memcpy((char *)at + begin, where, states);
	munmap(at, begin + states);
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

/* A snapshot, and the list of what is in it in its place, which is one that is not in use. *table_fd -1: there is nothing in it. @where: room for
 * where states are. */
static int make(int *table_fd, const struct rt_live *l, const struct live_elements *e, uint64_t until, unsigned list, uint32_t *where,
		const struct xdpf_log *log)
{
	const struct live_head head = { .until = until, .list = list };
	_cleanup_close_ int list_fd = -1;
	int err;

	if (!where)
		return rt_fail(log, ENOMEM, "out of memory");
	if (!e->n)
		return 0;
	err = make_table(table_fd, l, e, &head, where, log);
	if (!err)
		err = make_list(&list_fd, l, e, where, log);
	return err ? err : put(l->p->lists_fd, (uint32_t)(2 * l->set + list), list_fd, l, log);
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
	int err = rt_live_head(&head, l, rt_live_turn(l));

	if (err && err != -ENOENT)
		return rt_fail_sys(log, -err, "set %s: its snapshot cannot be read", l->name);
	/* into a place that nobody looks at */
	place = (uint32_t)(2 * l->set + !head.list);
	if (fd < 0 || bpf_map_update_elem(l->p->lists_fd, &place, &fd, BPF_ANY) || bpf_map_delete_elem(l->p->lists_fd, &place))
		return rt_fail_sys(log, errno, "set %s: packets cannot be waited for", l->name);
	return 0;
}

/* One after the other: a rule may have put one there anew meanwhile, or taken it out. */
static int sweep_each(const struct rt_live *l, int fd, struct rt_snapshot *s, unsigned gone, int now)
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
			if (bpf_map_update_elem(fd, key, e, BPF_EXIST) && errno != ENOENT)
				return -errno;
		}
	}
	return 0;
}

/* The same where no rule changes any of it, and we have the lock. */
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
	err = l->snap->added || l->snap->set.taken ? sweep_each(l, fd, &s, gone, now) : sweep_all(l, fd, &s, gone, now);
	return err ? rt_fail_sys(log, -err, "set %s: its elements cannot be changed", l->name) : 0;
}

static void be_busy(const struct rt_live *l, bool busy)
{
	if (busy)
		__atomic_or_fetch(&l->turns->busy, (uint64_t)1 << l->set, __ATOMIC_SEQ_CST);
	else
		__atomic_and_fetch(&l->turns->busy, ~((uint64_t)1 << l->set), __ATOMIC_SEQ_CST);
}

int rt_live_replace(const struct rt_live *l, int fd, const struct live_elements *e, uint64_t until, const struct xdpf_log *log)
{
	unsigned turn = rt_live_turn(l), next = !turn;
	struct live_head head = { .list = 1 };
	_cleanup_free_ uint32_t *where = malloc((e->n + 1) * sizeof(*where));
	_cleanup_close_ int table_fd = -1;
	int err = rt_live_head(&head, l, turn);

	if (err && err != -ENOENT)
		return rt_fail_sys(log, -err, "set %s: its snapshot cannot be read", l->name);
	err = 0;
	if (__atomic_load_n(&l->turns->busy, __ATOMIC_SEQ_CST) >> l->set & 1)
		err = wait_for_packets(l, log);
	be_busy(l, true);
	if (!err)
		err = sweep(l, fd, next, (int)turn, log);
	if (!err)
		err = make(&table_fd, l, e, until, !head.list, where, log);
	if (!err)
		err = put(tables_fd(l), table_place(l, next), table_fd, l, log);
	if (err)
		return err;
	__atomic_xor_fetch(&l->turns->turn, (uint64_t)1 << l->set, __ATOMIC_SEQ_CST);
	/* it is done: what goes wrong from here on leaves something to the next one, which sees that it is busy */
	if (bpf_map_delete_elem(tables_fd(l), &(uint32_t){ table_place(l, turn) }))
		err = wait_for_packets(l, NULL);
	if (!err)
		err = sweep(l, fd, turn, -1, NULL);
	drop_list(l, head.list);
	if (err)
		rt_log(log, XDPF_LOG_WARNING, "set %s: it is replaced, but elements from before hold room until it is the next time: %s", l->name,
		       strerror(-err));
	else
		be_busy(l, false);
	return 0;
}

/* What rules took out since the list was loaded goes from what was made of it, too. */
static int take_late(const struct rt_live *l, const struct rt_list *list, const struct live_elements *e, const uint32_t *where, int table_fd,
		     const struct xdpf_log *log)
{
	size_t size = (size_t)1 << l->snap->set.room;
	unsigned char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, table_fd, 0);

	if (at == MAP_FAILED)
		return rt_fail_sys(log, errno, "set %s: its snapshot cannot be mapped", l->name);
	for (size_t i = 0; i < list->n; i++) {
		size_t k = rt_list_late(list, i) ? live_find(list->s, e->keys, e->n, list->keys + i * list->s->key_size) : e->n;

		if (k < e->n)
			__atomic_store_n(at + where[k], LIVE_GONE, __ATOMIC_SEQ_CST);
	}
	munmap(at, size);
	return 0;
}

int rt_live_patch(const struct rt_live *l, const struct rt_list *list, const struct live_elements *e, const struct xdpf_log *log)
{
	unsigned turn = rt_live_turn(l);
	struct live_head head = { .list = 1 };
	_cleanup_free_ uint32_t *where = malloc((e->n + 1) * sizeof(*where));
	_cleanup_close_ int table_fd = -1;
	int err = rt_live_head(&head, l, turn);
	bool late;

	if (err && err != -ENOENT)
		return rt_fail_sys(log, -err, "set %s: its snapshot cannot be read", l->name);
	err = make(&table_fd, l, e, 0, !head.list, where, log);
	/* rules take elements out of both places: once all packets find it in the other one, it misses no more */
	late = l->snap->set.taken && list && list->table && table_fd >= 0;
	if (!err && late)
		err = put(tables_fd(l), table_place(l, !turn), table_fd, l, log);
	if (!err && late)
		err = take_late(l, list, e, where, table_fd, log);
	if (!err)
		err = put(tables_fd(l), table_place(l, turn), table_fd, l, log);
	if (err)
		return err;
	/* where it stays there nobody asks it, and the next one takes its place */
	if (late)
		put(tables_fd(l), table_place(l, !turn), -1, l, NULL);
	drop_list(l, head.list);
	return 0;
}
