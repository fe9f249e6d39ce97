/*
 * Elements into the map of a set that lives, and out of it, while rules use it: what came while the set was copied, and many that go at once. The map
 * is the kernel's.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "private.h"
#include "sets.h"

enum { SIZE = 2, NOW = 1000, TURN = 3 };

static const char meta_text[] =
	"{\"xdpf\":1,\"compiler\":\"xdpfc\",\"program\":\"p\","
	"\"files\":[{\"name\":\"a.xdpf\",\"default\":{\"index\":0,\"verdict\":\"pass\"},\"counters\":true}],"
	"\"rules\":[],\"counters\":[],\"actions\":[],\"ifaces\":[],"
	"\"sets\":[{\"name\":\"banned\",\"file\":0,\"size\":2,\"timeout\":10000,\"expires\":true,"
	"\"prefix\":false,\"key_size\":4,\"added\":true,\"taken\":false,\"snap\":[16,0],"
	"\"key\":[{\"name\":\"ip4\",\"type\":\"ip4\",\"kind\":\"ip4\",\"offset\":0,\"size\":4}]}],"
	"\"ways\":{\"others\":0,\"ports\":[],\"floods\":[],\"cpus\":[],\"sockets\":false,\"forwards\":false}}";

struct fixture {
	struct xdpf_program p;
	struct rt_place at;
};

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	if (rt_meta_parse(&f.p.meta, meta_text, strlen(meta_text), NULL))
		return -1;
	f.at = (struct rt_place){ .p = &f.p, .set = &rt_meta_get(f.p.meta)->sets[0], .queue = -1, .turn = TURN };
	f.at.fd = bpf_map_create(BPF_MAP_TYPE_HASH, "xdpf_place", 4, sizeof(struct xdpf_element), SIZE, NULL);
	*state = &f;
	return f.at.fd < 0 && errno != EPERM ? -1 : 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	if (f->at.fd >= 0)
		close(f->at.fd);
	rt_meta_free(f->p.meta);
	return 0;
}

/* What a rule, or who was there before, has put there. */
static void is_there(const struct fixture *f, uint32_t key, uint64_t until, uint32_t turn)
{
	struct xdpf_element e = { .until = until, .turn = turn };

	assert_int_equal(bpf_map_update_elem(f->at.fd, &key, &e, BPF_ANY), 0);
}

static int put(const struct fixture *f, uint32_t key, uint64_t until, bool there, bool *swept)
{
	struct xdpf_element e = { .until = until };

	return rt_place_put_one(&f->at, (const unsigned char *)&key, &e, there, swept, NOW, NULL);
}

/* 0: it is not there. */
static uint64_t until(const struct fixture *f, uint32_t key)
{
	struct xdpf_element e;

	if (bpf_map_lookup_elem(f->at.fd, &key, &e))
		return 0;
	assert_in_set(e.turn, ((const unsigned long[]){ 0, TURN }), 2);
	return e.until;
}

static struct fixture *ready(void **state)
{
	struct fixture *f = *state;

	if (f->at.fd < 0)
		skip();
	return f;
}

static void meets_others(void **state)
{
	struct fixture *f = ready(state);
	bool swept = false;

	assert_int_equal(put(f, 1, NOW + 50, false, &swept), 0);
	assert_int_equal(until(f, 1), NOW + 50);
	/* what a rule put there meanwhile stays */
	is_there(f, 2, NOW + 10, TURN);
	assert_int_equal(put(f, 2, NOW + 60, false, &swept), 0);
	assert_int_equal(until(f, 2), NOW + 10);
	/* unless it was there, for less */
	assert_int_equal(put(f, 2, NOW + 60, true, &swept), 0);
	assert_int_equal(until(f, 2), NOW + 60);
	assert_false(swept);
}

static void meets_what_has_expired(void **state)
{
	struct fixture *f = ready(state);
	bool swept = false;

	is_there(f, 1, NOW, TURN);
	assert_int_equal(put(f, 1, NOW + 50, false, &swept), 0);
	assert_int_equal(until(f, 1), NOW + 50);
	/* of another turn */
	is_there(f, 2, NOW + 90, TURN - 1);
	assert_int_equal(put(f, 2, NOW + 70, false, &swept), 0);
	assert_int_equal(until(f, 2), NOW + 70);
	assert_false(swept);
}

static void finds_room(void **state)
{
	struct fixture *f = ready(state);
	bool swept = false;

	is_there(f, 1, NOW - 1, TURN);
	is_there(f, 2, NOW + 10, TURN);
	assert_int_equal(put(f, 3, NOW + 50, false, &swept), 0);
	assert_true(swept);
	assert_int_equal(until(f, 1), 0);
	assert_int_equal(until(f, 3), NOW + 50);
	/* once is enough */
	is_there(f, 2, NOW - 1, TURN);
	assert_int_equal(put(f, 4, NOW + 50, false, &swept), -ENOSPC);
	assert_int_equal(until(f, 4), 0);
}

/* A rule took some of them meanwhile: at each of those the kernel stops, behind what it has done. */
static void removes_around_what_has_gone(void **state)
{
	enum { N = 12 };
	static const bool here[N] = { true, true, false, true, false, false, true, true, true, false, true, false };
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "xdpf_gone", 4, sizeof(struct xdpf_element), N, NULL);
	uint32_t keys[N], next;
	size_t gone = 0, n = 0;

	ready(state);
	assert_true(fd >= 0);
	for (uint32_t i = 0; i < N; i++) {
		const struct xdpf_element e = { .until = NOW };

		keys[i] = 7 * i + 1;
		if (here[i])
			assert_int_equal(bpf_map_update_elem(fd, &keys[i], &e, BPF_ANY), 0);
		n += here[i];
	}
	assert_int_equal(rt_batch_delete(fd, (const unsigned char *)keys, N, sizeof(*keys), &gone), 0);
	assert_int_equal(gone, n);
	assert_int_equal(bpf_map_get_next_key(fd, NULL, &next), -ENOENT);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(meets_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(meets_what_has_expired, set_up, tear_down),
		cmocka_unit_test_setup_teardown(finds_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(removes_around_what_has_gone, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
