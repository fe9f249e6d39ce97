/*
 * Other tables for a program that runs. In: an object, and a program in the kernel. Out: the object's image in the place of what the program looks
 * into, or the reason why a program must be loaded instead. Guaranteed: a packet meets the one image or the other, whole; whoever ends us at any
 * moment leaves the one or the other, with the metadata that belongs to it; a counter of a rule that goes on is not touched.
 *
 * The order of work: wait until no packet is on its way through an image that is not in use (a predecessor may have been ended before it could);
 * fill the place that is not in use; clear the counters of new rules; store the number that chooses the place; wait again; empty the other place.
 * The kernel waits when an element of a map of maps is replaced or taken out.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/mman.h>

#include "private.h"

struct rt_swap {
	struct xdpf_program *prog;
	struct rt_relabel relabel;
	volatile struct xdpf_swap *at;		/* in the kernel's map */
	uint32_t number, was;
	int image_fd, meta_fd;			/* of the new image and what belongs to it */
	bool filled, done;
	const char *why;			/* it cannot be done so, because */
};

static void bpf_freep(struct bpf_object **o)
{
	bpf_object__close(*o);
}

static size_t page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

void rt_swap_free(struct rt_swap *s)
{
	uint32_t place;

	if (!s)
		return;
	place = (s->done ? s->was : s->number) - 1;
	if (s->filled && (!s->done || s->was)) {
		/* this waits for packets that are on their way with the old number: then nobody asks for its image */
		bpf_map_delete_elem(s->prog->metas_fd, &place);
		bpf_map_delete_elem(s->prog->images_fd, &place);
	}
	if (s->at)
		munmap((void *)(uintptr_t)s->at, page());
	close_fd(&s->image_fd);
	close_fd(&s->meta_fd);
	rt_relabel_free(&s->relabel);
	xdpf_program_free(s->prog);
	free(s);
}

static void swap_freep(struct rt_swap **s)
{
	rt_swap_free(*s);
}

void rt_swap_commit(struct rt_swap *s)
{
	s->at->number = s->number;
	s->done = true;
}

int rt_swap_meta_fd(const struct rt_swap *s)
{
	return s->meta_fd;
}

void rt_swap_counts(const struct rt_swap *s, size_t *kept, size_t *fresh, size_t *gone)
{
	*kept = s->relabel.kept;
	*gone = s->relabel.gone;
	*fresh = s->relabel.n - rt_meta_get(s->prog->meta)->n_files - s->relabel.kept;
}

/* ---- can it be done? ---- */

/* What redirects is filled in when a program is loaded. */
static bool redirects(const struct xdpf_meta *m)
{
	return m->ways.n_ports || m->ways.n_floods || m->ways.forwards;
}

/* Rules are known by their files' names, too. */
static bool same_files(const struct rt_meta *a, const struct rt_meta *b)
{
	const struct xdpf_meta *x = rt_meta_get(a), *y = rt_meta_get(b);
	bool same = x->n_files == y->n_files;

	for (size_t i = 0; same && i < x->n_files; i++)
		same = !strcmp(x->files[i].name, y->files[i].name);
	return same;
}

static const char *reason(const struct xdpf_program *p, const struct xdpf_object *o, bool frags)
{
	const struct rt_image *was = rt_meta_image(p->meta), *is = rt_meta_image(o->meta);

	if (!is->shape)
		return "the new one has no tables";
	if (!was->shape)
		return "what ran had no tables";
	if (strcmp(is->shape, was->shape) != 0 && !same_files(p->meta, o->meta))
		return "its files have other names";
	if (strcmp(is->shape, was->shape) != 0)
		return "more than what stands in tables is different";
	if (p->swap_fd < 0 || p->images_fd < 0 || p->metas_fd < 0 || p->rules_fd < 0)
		return "what ran was loaded by another version of xdpf";
	if (redirects(rt_meta_get(o->meta)))
		return "it redirects to interfaces, which are looked up when it is loaded";
	if (frags && !rt_meta_get(p->meta)->frags)
		return "the interface's frames may be larger now";
	return NULL;
}

/* ---- making ready ---- */

static int map_number(struct rt_swap *s, const struct xdpf_log *log)
{
	void *at = mmap(NULL, page(), PROT_READ | PROT_WRITE, MAP_SHARED, s->prog->swap_fd, 0);

	if (at == MAP_FAILED)
		return rt_fail_sys(log, errno, "what chooses the program's tables cannot be mapped");
	s->at = at;
	s->was = s->at->number;
	if (s->was > XDPF_IMAGES)
		return rt_fail(log, EBADMSG, "the program's tables are in a place that there is not");
	s->number = s->was == 1 ? 2 : 1;
	return 0;
}

/* Waits for packets that are on their way with a number that is not in use any more. */
static int wait_for_packets(struct rt_swap *s, const struct xdpf_log *log)
{
	uint32_t place = s->was - 1, id;
	_cleanup_close_ int fd = -1;

	if (!s->was)
		return 0;
	if (bpf_map_lookup_elem(s->prog->metas_fd, &place, &id))
		return rt_fail_sys(log, errno, "the program's metadata cannot be found");
	fd = rt_map_get(id);
	if (fd < 0 || bpf_map_update_elem(s->prog->metas_fd, &place, &fd, BPF_ANY))
		return rt_fail_sys(log, errno, "the program's metadata cannot be put back");
	return 0;
}

static int relabel(struct rt_swap *s, const struct xdpf_object *o, const struct xdpf_log *log)
{
	size_t n = rt_meta_get(s->prog->meta)->n_indexes;
	_cleanup_free_ struct xdpf_count *counts = calloc(n + 1, sizeof(*counts));
	int room = rt_counted_room(s->prog, log), err;
	_cleanup_free_ bool *noted = room < 0 ? NULL : calloc((size_t)room, sizeof(*noted));

	if (room < 0)
		return room;
	if (!counts || !noted)
		return rt_fail(log, ENOMEM, "out of memory");
	err = rt_meta_moved(s->prog->meta)->n_past ? rt_rules_read(s->prog, counts, n, log) : 0;
	if (!err)
		err = rt_counted_noted(s->prog, noted, (size_t)room, log);
	return err ? err : rt_relabel(&s->relabel, s->prog->meta, o->meta, (size_t)room, noted, counts, n, log);
}

/* Have names of interfaces the indexes that they had when the program was loaded? */
static bool same_interfaces(const struct rt_swap *s, struct bpf_object *bpf, const struct xdpf_meta *m)
{
	_cleanup_free_ unsigned char *ifaces = NULL;
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info), zero = 0, index;
	size_t size = 0, at = 0;

	if (!m->n_ifaces)
		return true;
	if (s->prog->ifaces_fd < 0 || !rt_variable(bpf, XDPF_SECTION_IFACES, XDPF_VAR_IFACES, &size, &at) || size < m->n_ifaces * sizeof(index) ||
	    bpf_obj_get_info_by_fd(s->prog->ifaces_fd, &info, &len) || info.key_size != sizeof(zero) || info.value_size < at + size)
		return false;
	ifaces = malloc(info.value_size);
	if (!ifaces || bpf_map_lookup_elem(s->prog->ifaces_fd, &zero, ifaces))
		return false;
	for (size_t i = 0; i < m->n_ifaces; i++) {
		memcpy(&index, ifaces + at + i * sizeof(index), sizeof(index));
		if (index != if_nametoindex(m->ifaces[i]))
			return false;
	}
	return true;
}

static int make_image(struct rt_swap *s, const struct xdpf_object *o, const struct xdpf_log *log)
{
	_cleanup_(bpf_freep) struct bpf_object *bpf = NULL;
	_cleanup_free_ void *image = NULL;
	const struct rt_image *im = rt_meta_image(o->meta);
	struct bpf_map *map;
	const void *bytes = NULL;
	uint32_t zero = 0;
	size_t size = 0;
	int err = rt_object_open_bpf(&bpf, o, NULL, log);

	if (!err && !same_interfaces(s, bpf, rt_meta_get(o->meta))) {
		s->why = "an interface that it names is another now";
		return -ENOTSUP;
	}
	if (err)
		return err;
	map = bpf_object__find_map_by_name(bpf, XDPF_SECTION_TABLES);
	bytes = map ? bpf_map__initial_value(map, &size) : NULL;
	if (!bytes || size != im->size)
		return rt_fail(log, EBADMSG, "the object's tables are not what its metadata says");
	image = malloc(size);
	if (!image)
		return rt_fail(log, ENOMEM, "out of memory");
	memcpy(image, bytes, size);
	err = rt_relabel_image(image, size, im, &s->relabel, log);
	if (err)
		return err;
	s->image_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "xdpf_image", sizeof(uint32_t), (uint32_t)size, 1, NULL);
	if (s->image_fd < 0 || bpf_map_update_elem(s->image_fd, &zero, image, BPF_ANY))
		return rt_fail_sys(log, errno, "a map for new tables cannot be made");
	return 0;
}

static int make_meta(struct rt_swap *s, const struct xdpf_object *o, const struct xdpf_log *log)
{
	_cleanup_free_ char *moved = NULL, *text = NULL;
	int err = rt_moved_text(&moved, &s->relabel, s->prog->meta, log);

	if (!err)
		err = rt_meta_text(&text, o->meta, o->text, o->text_len, rt_meta_get(s->prog->meta)->frags, moved, log);
	if (!err)
		err = rt_metamap_new(&s->meta_fd, text, log);
	return err ? err : rt_hold_map(s->meta_fd, log);
}

static int fill(struct rt_swap *s, const struct xdpf_log *log)
{
	uint32_t place = s->number - 1;

	s->filled = true;
	if (bpf_map_update_elem(s->prog->images_fd, &place, &s->image_fd, BPF_ANY))
		return rt_fail_sys(log, errno, "new tables cannot be put beside the program's");
	if (bpf_map_update_elem(s->prog->metas_fd, &place, &s->meta_fd, BPF_ANY))
		return rt_fail_sys(log, errno, "new metadata cannot be put beside the program's");
	return 0;
}

static int make_ready(struct rt_swap *s, const struct xdpf_object *o, const struct xdpf_log *log)
{
	int err = map_number(s, log);

	if (!err)
		err = wait_for_packets(s, log);
	if (!err)
		err = relabel(s, o, log);
	if (!err)
		err = make_image(s, o, log);
	if (!err)
		err = make_meta(s, o, log);
	if (!err)
		err = fill(s, log);
	if (!err)
		err = rt_counted_clear(s->prog, s->relabel.fresh, s->relabel.n_fresh, log);
	return err ? err : rt_carried_clear(s->prog, s->relabel.fresh, s->relabel.n_fresh, log);
}

/* What runs says nothing, or nothing that we understand: that is no mistake, only a reason. */
static void log_reason(void *arg, enum xdpf_log_level level, const char *text)
{
	rt_log(arg, level < XDPF_LOG_INFO ? XDPF_LOG_DEBUG : level, "%s", text);
}

int rt_swap_prepare(struct rt_swap **out, char *why, size_t size, int prog_fd, const struct xdpf_object *o, const char *iface, bool frags,
		    const struct xdpf_log *log)
{
	_cleanup_(swap_freep) struct rt_swap *s = calloc(1, sizeof(*s));
	const struct xdpf_log quiet = { log_reason, (void *)(uintptr_t)log };
	const char *no;
	int err, fd;

	if (!s)
		return rt_fail(log, ENOMEM, "out of memory");
	s->image_fd = s->meta_fd = -1;
	s->number = 1;
	fd = dup(prog_fd);
	if (fd < 0)
		return rt_fail_sys(log, errno, "%s: its program cannot be held", iface);
	if (rt_program_open(&s->prog, fd, iface, &quiet)) {
		snprintf(why, size, "what ran does not say what it was made from");
		return 0;
	}
	no = reason(s->prog, o, frags);
	if (no) {
		snprintf(why, size, "%s", no);
		return 0;
	}
	err = make_ready(s, o, log);
	if (err && (s->why || s->relabel.why[0])) {
		snprintf(why, size, "%s", s->why ? s->why : s->relabel.why);
		return 0;
	}
	if (!err)
		*out = take_ptr(s);
	return err;
}
