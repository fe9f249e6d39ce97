/*
 * Sets that live, as the parts of libxdpf see them: their snapshots, their maps, many keys at once. Included by private.h, whose types it uses.
 */
#ifndef XDPF_RUNTIME_SETS_H
#define XDPF_RUNTIME_SETS_H

/* ---- live.c: snapshots of sets ---- */

struct xdpf_program;
struct rt_carry;

/* A set's snapshots. */
struct rt_live {
	const struct xdpf_program *p;
	size_t set;
	const struct rt_snap *snap;
	const char *name;
	struct xdpf_turns *turns;		/* in the kernel's map */
};

/* What a snapshot was made of, some of which may be in the set no more: see rt_list_until(). Zero it to begin with. */
struct rt_list {
	const struct live_set *s;
	const unsigned char *keys;		/* as live_sort() makes them */
	size_t n;
	unsigned slot, turn;			/* which of the set's two lists it is; of which turn, also where there is none */
	uint64_t now, until;			/* when it was opened; of all elements, as live_until() says it */
	void *map;				/* the kernel's, as is .table */
	unsigned char *table;			/* NULL: they have no states */
	size_t len, table_len;
	const uint32_t *where;			/* of each, in .table, its state */
	const uint64_t *times;			/* there: what states say */
	unsigned char *states;			/* NULL, or of each what that was when it was loaded */
};

int rt_live_open(struct rt_live *l, const struct xdpf_program *p, size_t set, const struct xdpf_log *log);
void rt_live_close(struct rt_live *l);
/* 0 or 1 */
unsigned rt_live_turn(const struct rt_live *l);

/* ---- live_list.c ---- */

/* Of the snapshot of this turn: -ENOENT, there is none. */
int rt_live_head(struct live_head *out, const struct rt_live *l, unsigned turn);
/* What is in the snapshot that is in use. */
int rt_list_open(struct rt_list *out, const struct rt_live *l, const struct xdpf_log *log);
void rt_list_close(struct rt_list *list);
/* Until when the @i-th is in the set, as live_until() says it. */
uint64_t rt_list_until(const struct rt_list *list, size_t i);
/* The same for struct live_head and struct xdpf_element, of one that is in the set. */
static inline uint64_t rt_list_time(const struct rt_list *list, size_t i)
{
	uint64_t until = rt_list_until(list, i);

	return until == UINT64_MAX ? 0 : until;
}
/* Asks it of all of them, as it is now: from here on they are asked no more. */
int rt_list_load(struct rt_list *list, const struct xdpf_log *log);
/* Was the @i-th taken out since? Only of a snapshot with states. */
bool rt_list_late(const struct rt_list *list, size_t i);
/* The place of one that is in the set; .n: it is not. */
size_t rt_list_find(const struct rt_list *list, const void *key);
/* Takes the @i-th out of a snapshot with states. */
void rt_list_take(const struct rt_list *list, size_t i);

/* ---- live.c ---- */

/* Makes these all that is in the set: to packets at once. Those of the map @fd, which the set had besides, are taken out. @until: of all, as struct
 * live_head's. */
int rt_live_replace(const struct rt_live *l, int fd, const struct live_elements *e, uint64_t until, const struct xdpf_log *log);
/* Makes them all that is in the snapshot; a packet on its way may have asked it before, and what the set has besides stays. @list: NULL, or what they
 * were made of, loaded: what a rule took out of that meanwhile is in them no more. */
int rt_live_patch(const struct rt_live *l, const struct rt_list *list, const struct live_elements *e, const struct xdpf_log *log);
/* The map of lists, tied to a program; none, where no set has snapshots. */
int rt_live_bind(int *out_fd, int prog_fd, const struct rt_meta *m, const struct xdpf_log *log);
/* -ENOENT: @map is none of those of snapshots; 0: it is as its readers expect. */
int rt_live_map(const struct bpf_map *map, const struct rt_meta *m, const struct xdpf_log *log);
int *rt_live_place(struct xdpf_program *p, const char *name);

/* ---- keytab.c ---- */

/* Places of keys that are .size bytes long, found by their bytes. */
struct rt_keytab {
	const unsigned char *keys;	/* the caller's */
	size_t n, size, mask;
	uint32_t *slot;
	uint64_t seed;
};

/* Of keys that are there twice, the first is found. */
int rt_keytab_make(struct rt_keytab *t, const void *keys, size_t n, size_t size, const struct xdpf_log *log);
/* .n: it is none of them. */
size_t rt_keytab_find(const struct rt_keytab *t, const void *key);
void rt_keytab_free(struct rt_keytab *t);

/* ---- sets_batch.c: @n keys of @size bytes; 0 or -errno without a message ---- */

/* From the *@done-th on, which counts on. -ENOSPC: there is no room for the next. */
int rt_batch_put(int fd, const unsigned char *keys, const struct xdpf_element *values, size_t n, size_t size, size_t *done);
/* Those that are there; *gone: how many. */
int rt_batch_delete(int fd, const unsigned char *keys, size_t n, size_t size, size_t *gone);

/* ---- sets_put.c: what a set has in its map, beside what is in its snapshot ---- */

struct rt_place {
	const struct xdpf_program *p;
	const struct xdpf_set *set;
	int fd, queue;
	uint32_t turn;			/* of the set, as struct xdpf_element has it */
};

static inline bool rt_element_is_live(const struct xdpf_element *e, uint32_t turn, uint64_t now)
{
	return (!e->turn || e->turn == turn) && (!e->until || e->until > now);
}

/* Is it less work to read all of the map than to ask for @n elements? */
static inline bool rt_place_many(const struct xdpf_set *set, size_t n)
{
	return n > 64 && n > set->size / 16;
}

/* The element itself, no shorter prefix, and none of another turn. */
bool rt_place_has(int fd, const struct xdpf_set *set, const void *key, uint32_t turn, struct xdpf_element *out);
/* What an addition of @n elements says where there is no room: none of them is in the set because of it. */
int rt_place_full(const struct xdpf_set *set, size_t n, const struct xdpf_log *log);
/* Is there room for these elements beside the list? Where that has nothing, the map says so. */
int rt_place_room(const struct rt_place *at, const struct rt_list *list, const unsigned char *keys, size_t n, uint64_t now,
		  const struct xdpf_log *log);
/* All of them or, where there is no room, none. */
int rt_place_put(const struct rt_place *at, const struct rt_list *list, const unsigned char *keys, size_t n, uint64_t keep, uint64_t now,
		 const struct xdpf_log *log);

/* One, with its own time, where the set has not got it for as long; @there: but in some way. What has expired is looked for once, @swept. -ENOSPC,
 * without a message: there is no room. */
int rt_place_put_one(const struct rt_place *at, const unsigned char *key, const struct xdpf_element *e, bool there, bool *swept, uint64_t now,
		     const struct xdpf_log *log);

/* ---- sets.c ---- */

/* What an object's sets begin with must fit its metadata. */
int rt_sets_check(const char *data, size_t len, const struct xdpf_meta *m, const struct xdpf_log *log);
/* Puts it into the maps of a loaded program, but for sets that go on. */
int rt_sets_fill(const struct xdpf_program *p, const char *data, size_t len, const struct rt_carry *carry, const struct xdpf_log *log);
/* -ENOENT: @map is none of the sets'; 0: it is as its readers expect. */
int rt_sets_map(const struct bpf_map *map, const struct xdpf_meta *m, const struct xdpf_log *log);
/* The map of a set, if it is as the metadata says; it stays the program's. */
int rt_set_open(int *out, const struct xdpf_program *p, size_t set, const struct xdpf_log *log);
/* What is in a map of elements, expired ones too. Zero it to begin with. */
struct rt_snapshot {
	unsigned char *keys;
	struct xdpf_element *values;
	size_t n, cap;
	size_t listed;			/* from here on they are from the snapshot, with a .turn of 0 and in its order: rt_set_view() says it */
};

int rt_snapshot_read(struct rt_snapshot *s, int fd, const struct xdpf_set *set, const struct xdpf_log *log);
/* All elements that are in a set of a program, each once, from its snapshot or its map: where it stays longer. */
int rt_set_view(struct rt_snapshot *s, const struct xdpf_program *p, size_t set, const struct xdpf_log *log);
void rt_snapshot_free(struct rt_snapshot *s);
/* Now, by the clock that elements expire by. */
uint64_t rt_set_now(void);
/* Only one change of sets at a time; until the fd is closed. */
int rt_set_lock(int *out_fd, const struct xdpf_program *p, const struct xdpf_log *log);
/* The set's snapshots, and what is in the one in use. */
int rt_set_snapshot(struct rt_live *l, struct rt_list *list, const struct xdpf_program *p, size_t set, const struct xdpf_log *log);
/* xdpf_set_add() at a time of the clock that the program goes by. */
int rt_set_put(const struct xdpf_program *p, size_t set, const void *key, uint64_t keep, uint64_t now, const struct xdpf_log *log);
int rt_set_put_all(const struct xdpf_program *p, size_t set, const void *keys, size_t n, uint64_t keep, uint64_t now, const struct xdpf_log *log);
/* As xdpf_set_remove_all(), under the lock. */
int rt_set_remove_all(const struct xdpf_program *p, size_t set, const void *keys, size_t n, bool *was, const struct xdpf_log *log);
/* Is this very element in the set, to stay? @until not 0: or until then, at least? */
bool rt_set_stays(const struct xdpf_program *p, size_t set, const void *key, uint64_t until);
/* Is it, until this very time (0: to stay)? */
bool rt_set_is(const struct xdpf_program *p, size_t set, const void *key, uint64_t until);
/* Where the fd of a map of this name belongs; NULL: it is none of the sets'. */
int *rt_sets_place(struct xdpf_program *p, const char *name);

#endif
