/*
 * What no kernel and no compiler of ours brings about: records that no program of ours writes, and maps that want to be shared by pins. The linker
 * has the libraries' part played here.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "compile_priv.h"
#include "private.h"

/* ---- a ring with one record ---- */

static ring_buffer_sample_fn receive;
static void *receiver;
static int ready = -1;
static char ring;			/* only its address is used */
static struct {
	struct xdpf_event event;
	uint8_t behind[8];		/* what lies there is no part of a record */
} sent;
static size_t sent_len;

int __wrap_bpf_obj_get_info_by_fd(int fd, void *info, uint32_t *len);
int __wrap_rt_lock_reader(struct rt_lock *out, const char *kind, uint32_t map_id, const char *what, const struct xdpf_log *log);
struct ring_buffer *__wrap_ring_buffer__new(int fd, ring_buffer_sample_fn fn, void *arg, const struct ring_buffer_opts *opts);
void __wrap_ring_buffer__free(struct ring_buffer *rb);
int __wrap_ring_buffer__epoll_fd(const struct ring_buffer *rb);
int __wrap_ring_buffer__consume(struct ring_buffer *rb);

int __wrap_bpf_obj_get_info_by_fd(int fd, void *info, uint32_t *len)
{
	struct bpf_map_info map = { .type = BPF_MAP_TYPE_RINGBUF, .id = 1 };

	(void)fd;
	memcpy(info, &map, *len < sizeof(map) ? *len : sizeof(map));
	return 0;
}

int __wrap_rt_lock_reader(struct rt_lock *out, const char *kind, uint32_t map_id, const char *what, const struct xdpf_log *log)
{
	(void)kind;
	(void)map_id;
	(void)what;
	(void)log;
	*out = RT_NO_LOCK;
	return 0;
}

struct ring_buffer *__wrap_ring_buffer__new(int fd, ring_buffer_sample_fn fn, void *arg, const struct ring_buffer_opts *opts)
{
	(void)fd;
	(void)opts;
	receive = fn;
	receiver = arg;
	return (struct ring_buffer *)&ring;
}

void __wrap_ring_buffer__free(struct ring_buffer *rb)
{
	(void)rb;
}

int __wrap_ring_buffer__epoll_fd(const struct ring_buffer *rb)
{
	(void)rb;
	return ready;
}

int __wrap_ring_buffer__consume(struct ring_buffer *rb)
{
	int err = receive(receiver, &sent, sent_len);

	(void)rb;
	return err < 0 ? err : 1;
}

/* ---- records ---- */

static const char meta_text[] =
	"{\"xdpf\":1,\"compiler\":\"xdpfc\",\"program\":\"p\","
	"\"files\":[{\"name\":\"a.xdpf\",\"default\":{\"index\":1,\"verdict\":\"pass\"},\"counters\":true}],"
	"\"rules\":[{\"index\":0,\"file\":0,\"label\":\"one\",\"shown\":\"one\",\"source\":\"a.xdpf\",\"line\":1,\"column\":1,\"text\":\"log, drop\","
	"\"verdict\":\"drop\"}],\"counters\":[],\"actions\":[],\"ifaces\":[],\"logs\":[{\"rule\":0,\"sample\":false}],"
	"\"ways\":{\"others\":0,\"ports\":[],\"floods\":[],\"cpus\":[],\"sockets\":false,\"forwards\":false}}";

struct got {
	unsigned n;
	size_t caplen;
};

static bool on_record(void *arg, const struct xdpf_record *r)
{
	struct got *g = arg;

	g->n++;
	g->caplen = r->caplen;
	assert_string_equal(r->rule->label, "one");
	return true;
}

/* What the reader says of a record of @len bytes, good but for what the caller wrote into it. */
static int read_one(size_t len, struct got *got)
{
	struct xdpf_reader *r = NULL;
	struct xdpf_program p = { .log_fd = ready, .meta_fd = -1, .metas_fd = -1, .swap_fd = -1 };
	int err;

	assert_int_equal(rt_meta_parse(&p.meta, meta_text, strlen(meta_text), NULL), 0);
	assert_int_equal(xdpf_reader_open(&r, &p, NULL), 0);
	sent_len = len;
	err = xdpf_reader_poll(r, 0, on_record, got);
	xdpf_reader_free(r);
	rt_meta_free(p.meta);
	return err;
}

static void begin(void)
{
	sent.event = (struct xdpf_event){ .time = 5, .len = XDPF_EVENT_BYTES, .caplen = XDPF_EVENT_BYTES, .verdict = XDP_DROP };
}

static void records(void **state)
{
	struct got got = { 0 };

	(void)state;
	ready = eventfd(1, EFD_CLOEXEC);
	assert_true(ready >= 0);
	begin();
	assert_int_equal(read_one(sizeof(sent.event), &got), 1);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.caplen, XDPF_EVENT_BYTES);
	assert_int_equal(read_one(sizeof(sent.event) - 1, &got), -EBADMSG);
	/* more of it than a record has room for */
	sent.event.len = 1500;
	sent.event.caplen = XDPF_EVENT_BYTES + 1;
	assert_int_equal(read_one(sizeof(sent), &got), -EBADMSG);
	/* more of it than there was */
	begin();
	sent.event.len = XDPF_EVENT_BYTES - 1;
	assert_int_equal(read_one(sizeof(sent.event), &got), -EBADMSG);
	begin();
	sent.event.verdict = XDPF_N_VERDICTS;
	assert_int_equal(read_one(sizeof(sent.event), &got), -EBADMSG);
	begin();
	sent.event.rule = 2;
	assert_int_equal(read_one(sizeof(sent.event), &got), -EBADMSG);
	assert_int_equal(got.n, 1);
	close(ready);
}

/* ---- pins ---- */

static const char *pin;

const char *__wrap_bpf_map__pin_path(const struct bpf_map *map);

const char *__wrap_bpf_map__pin_path(const struct bpf_map *map)
{
	return strcmp(bpf_map__name(map), "odd") ? NULL : pin;
}

static void pins(void **state)
{
	static const char rules[] = "odd: count odd per ip.src if udp;\n";
	const struct compile_options o = { .mcpu = NULL };
	struct diag_list d = { .arena = arena_new() };
	const struct source *src = source_new(d.arena, "pins.xdpf", rules, strlen(rules));
	const struct ast_program *program = compile_front(d.arena, &src, 1, &d);
	struct xdpf_message said = { "" };
	const struct xdpf_log log = xdpf_log_keep(&said);
	struct xdpf_object *object = NULL;
	void *elf;
	size_t len;

	(void)state;
	assert_non_null(program);
	assert_true(compile_object(program, &o, &d, &elf, &len));
	assert_int_equal(xdpf_object_open_mem(&object, elf, len, "pins.o", &log), 0);
	xdpf_object_free(object);
	object = NULL;
	pin = "/sys/fs/bpf/odd";
	assert_int_equal(xdpf_object_open_mem(&object, elf, len, "pins.o", &log), -EBADMSG);
	assert_null(object);
	assert_string_equal(said.text, "pins.o: the object's map odd wants to be shared by pinning: our objects keep their maps to themselves");
	compile_object_free(elf, len);
	arena_free(d.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(pins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
