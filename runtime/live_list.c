/*
 * What is in the snapshots of sets that live. In: the list that one was made of, and where its elements have states, the snapshot itself. Out: which
 * of them are in the set, and until when.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sys/mman.h>

#include "private.h"

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
	if (list->table)
		munmap(list->table, list->table_len);
	free(list->states);
}

static uint8_t state_of(const struct rt_list *list, size_t i)
{
	return list->where[i] < list->table_len ? __atomic_load_n(list->table + list->where[i], __ATOMIC_SEQ_CST) : LIVE_GONE;
}

uint64_t rt_list_until(const struct rt_list *list, size_t i)
{
	uint64_t until = list->until;

	if (list->table)
		until = list->times[list->states ? list->states[i] : state_of(list, i)];
	return until > list->now ? until : 0;
}

int rt_list_load(struct rt_list *list, const struct xdpf_log *log)
{
	if (!list->table)
		return 0;
	free(list->states);
	list->states = malloc(list->n + 1);
	if (!list->states)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < list->n; i++)
		list->states[i] = state_of(list, i);
	return 0;
}

bool rt_list_late(const struct rt_list *list, size_t i)
{
	return list->states[i] != LIVE_GONE && state_of(list, i) == LIVE_GONE;
}

size_t rt_list_find(const struct rt_list *list, const void *key)
{
	size_t i = list->n ? live_find(list->s, list->keys, list->n, key) : list->n;

	return i < list->n && rt_list_until(list, i) ? i : list->n;
}

void rt_list_take(const struct rt_list *list, size_t i)
{
	if (list->where[i] < list->table_len)
		__atomic_store_n(list->table + list->where[i], LIVE_GONE, __ATOMIC_SEQ_CST);
}

/* The snapshot of this turn: -ENOENT, there is none. */
static int open_table(int *out_fd, struct live_head *head, const struct rt_live *l, unsigned turn)
{
	_cleanup_close_ int fd = -1;
	int err = inner(&fd, l->p->snap_fd[l->snap->set.room], 2 * l->snap->at + turn);
	void *at;

	if (err)
		return err;
	at = mmap(NULL, sizeof(*head), PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	memcpy(head, at, sizeof(*head));
	munmap(at, sizeof(*head));
	if (head->list > 1)
		return -EBADMSG;
	*out_fd = take_fd(fd);
	return 0;
}

int rt_live_head(struct live_head *out, const struct rt_live *l, unsigned turn)
{
	_cleanup_close_ int fd = -1;

	return open_table(&fd, out, l, turn);
}

/* @times: where in the snapshot that is. */
static int map_table(struct rt_list *out, const struct rt_live *l, int fd, uint32_t times, const struct xdpf_log *log)
{
	size_t size = (size_t)1 << l->snap->set.room;
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	void *at = MAP_FAILED;

	if (!bpf_obj_get_info_by_fd(fd, &info, &len) && info.value_size == size)
		at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return rt_fail_sys(log, errno, "set %s: its snapshot cannot be mapped", l->name);
	out->table = at;
	out->table_len = size;
	if (!out->where || times % sizeof(*out->times) || times > size - LIVE_STATES * sizeof(*out->times))
		return rt_fail(log, EBADMSG, "set %s: its snapshot is broken", l->name);
	out->times = (const uint64_t *)(const void *)(out->table + times);
	return 0;
}

static int map_list(struct rt_list *out, const struct rt_live *l, int fd, const struct xdpf_log *log)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	struct xdpf_list head;
	size_t need;
	void *at;

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return rt_fail_sys(log, errno, "set %s: the list of its elements cannot be looked at", l->name);
	out->len = (size_t)info.max_entries * XDPF_LIST_PAGE;
	at = info.type == BPF_MAP_TYPE_ARRAY && info.value_size == XDPF_LIST_PAGE ? mmap(NULL, out->len, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (at == MAP_FAILED)
		return rt_fail_sys(log, errno, "set %s: the list of its elements cannot be mapped", l->name);
	out->map = at;
	memcpy(&head, at, sizeof(head));
	/* how many it can have says that the sum is one that can be had */
	need = head.n > out->len ? SIZE_MAX : head.states ? xdpf_list_states(head.n, head.key_size) + head.n * sizeof(*out->where) :
		sizeof(head) + head.n * head.key_size;
	if (head.key_size != l->snap->set.key_size || head.states > 1 || need > out->len)
		return rt_fail(log, EBADMSG, "set %s: the list of its elements is broken", l->name);
	out->n = head.n;
	out->keys = (const unsigned char *)at + sizeof(head);
	if (head.states)
		out->where = (const void *)((const char *)at + xdpf_list_states(head.n, head.key_size));
	return 0;
}

int rt_list_open(struct rt_list *out, const struct rt_live *l, const struct xdpf_log *log)
{
	out->s = &l->snap->set;
	out->now = rt_set_now();
	/* what is exchanged meanwhile is asked for again */
	for (int i = 0;; i++) {
		unsigned turn = rt_live_turn(l);
		struct live_head head, again;
		_cleanup_close_ int fd = -1, table_fd = -1;
		int err = open_table(&table_fd, &head, l, turn);

		out->turn = turn;
		if (err == -ENOENT && rt_live_turn(l) == turn)
			return 0;
		if (!err)
			err = inner(&fd, l->p->lists_fd, (uint32_t)(2 * l->set + head.list));
		if (!err && rt_live_turn(l) == turn && !rt_live_head(&again, l, turn) && again.list == head.list) {
			out->slot = head.list;
			out->until = head.until ? head.until : UINT64_MAX;
			err = map_list(out, l, fd, log);
			return err || !head.times ? err : map_table(out, l, table_fd, head.times, log);
		}
		if (err && (err != -ENOENT || i > 10))
			return rt_fail_sys(log, -err, "set %s: its elements cannot be read", l->name);
	}
}
