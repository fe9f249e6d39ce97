/*
 * The runtime's reader of objects on bytes that nobody chose. In: an object, or, where it begins as such a text does, metadata as a program in the
 * kernel has it. Out: nothing; it must be accepted or refused with a reason, and not crash, leak, overrun or hang. What is accepted is read whole.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static size_t length(const char *s)
{
	return s ? strlen(s) : 0;
}

/* All that is said to be there must be. */
static size_t read_all(const struct xdpf_meta *m)
{
	size_t sum = length(m->compiler) + length(m->program);

	for (size_t i = 0; i < m->n_files; i++)
		sum += length(m->files[i].name) + m->files[i].default_index;
	for (size_t i = 0; i < m->n_rules; i++)
		sum += length(m->rules[i].label) + length(m->rules[i].shown) + length(m->rules[i].text) + length(m->files[m->rules[i].file].name);
	for (size_t i = 0; i < m->n_indexes; i++)
		sum += m->by_index[i] ? m->by_index[i]->line : 0;
	for (size_t i = 0; i < m->n_tables; i++)
		sum += length(m->tables[i].name) + length(m->files[m->tables[i].file].name);
	for (size_t i = 0; i < m->n_sets; i++) {
		unsigned char key[64] = { 0 };
		char text[256];

		sum += length(m->files[m->sets[i].file].name) + length(xdpf_set_format(&m->sets[i], key, text, sizeof(text)));
	}
	for (size_t i = 0; i < m->n_limits; i++)
		sum += length(m->limits[i].name) + length(m->limits[i].rate) + length(m->files[m->limits[i].file].name);
	for (size_t i = 0; i < m->n_actions; i++)
		sum += length(m->actions[i].text) + !xdpf_meta_rule(m, m->actions[i].rule);
	for (size_t i = 0; i < m->n_logs; i++)
		sum += length(xdpf_meta_rule(m, m->logs[i].rule)->shown);
	for (size_t i = 0; i < m->n_sources; i++)
		sum += length(m->sources[i].name) + length(m->sources[i].text) + length(m->sources[i].sha256);
	return sum;
}

static void read_tests(const struct xdpf_object *o, const struct xdpf_log *log)
{
	const struct xdpf_test *t;
	struct xdpf_tests *tests;
	size_t n, sum = 0;

	if (xdpf_object_tests(&tests, o, log))
		return;
	t = xdpf_tests_get(tests, &n);
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < t[k].n_steps; i++)
			if (t[k].steps[i].kind == XDPF_STEP_PACKET)
				sum += t[k].steps[i].frame[t[k].steps[i].len - 1];
	xdpf_tests_free(tests);
	if (sum == SIZE_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xdpf_message said = { "" };
	const struct xdpf_log log = xdpf_log_keep(&said);
	struct xdpf_object *o = NULL;
	struct rt_meta *m = NULL;
	int err;

	if (size && data[0] == '{') {
		err = rt_meta_parse(&m, (const char *)data, size, &log);
		if (!err && read_all(rt_meta_get(m)) == SIZE_MAX)
			abort();
		rt_meta_free(m);
	} else {
		err = xdpf_object_open_mem(&o, data, size, "fuzz.o", &log);
		if (!err) {
			if (read_all(xdpf_object_meta(o)) == SIZE_MAX)
				abort();
			read_tests(o, &log);
		}
		xdpf_object_free(o);
	}
	/* a refusal says why */
	if (err && (!said.text[0] || (err != -EBADMSG && err != -EOPNOTSUPP)))
		abort();
	return 0;
}

/* Most often some bytes in their place, for what stands behind would else stand where nothing leads to. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	size_t at, len;

	srand(seed);
	if (size < 64 || rand() % 4 == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	for (int i = rand() % 3; i >= 0; i--) {
		at = (size_t)rand() % size;
		len = 1 + (size_t)rand() % 16;
		len = len < size - at ? len : size - at;
		len = LLVMFuzzerMutate(data + at, len, len);
	}
	return size;
}
