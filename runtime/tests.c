/*
 * The tests of an object. In comes JSON text that may be anything; out go structs in which every frame has a length that can be run, every
 * number is in bounds, every index is of somebody who decides, an expectation follows a packet, elements are as long as their sets', and every
 * string is free of control characters.
 */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>

#include "lang.h"
#include "private.h"
#include "xdpf/owners.h"

#define INPUT(ID, name, type, bits, of, doc) _Static_assert((int)XDPF_INPUT_##ID == (int)INPUT_##ID, "said twice");
#include "inputs.def"
#undef INPUT
_Static_assert((int)XDPF_N_INPUTS == (int)INPUT_COUNT, "said twice");

enum { MAX_TESTS = 1 << 20, MAX_STEPS = 100000, MAX_FRAME = 9216, MAX_REPEAT = 1000000, MAX_TEXT = 255 };

#define MAX_AFTER (1000 * 86400 * 1000000000ll)
#define MAX_KEEP (365 * 86400 * 1000000000ll)

struct xdpf_tests {
	json_t *root;			/* where the strings stand */
	struct xdpf_test *test;
	unsigned *file;			/* by test; UINT_MAX: it does not say */
	size_t n;
	struct xdpf_step *step;		/* of all tests */
	uint8_t *bytes;			/* of all frames */
	size_t next_byte;
};

struct parse {
	struct xdpf_tests *t;
	const struct xdpf_meta *m;
	const struct xdpf_log *log;
};

void xdpf_tests_free(struct xdpf_tests *t)
{
	if (!t)
		return;
	json_decref(t->root);
	free(t->test);
	free(t->file);
	free(t->step);
	free(t->bytes);
	free(t);
}

static void tests_freep(struct xdpf_tests **t)
{
	xdpf_tests_free(*t);
}

const struct xdpf_test *xdpf_tests_get(const struct xdpf_tests *t, size_t *n)
{
	*n = t->n;
	return t->test;
}

unsigned xdpf_tests_file(const struct xdpf_tests *t, size_t test)
{
	return test < t->n ? t->file[test] : UINT_MAX;
}

static int broken(const struct parse *p, const char *what, const char *why)
{
	return rt_fail(p->log, EBADMSG, "the object's tests are broken: \"%s\" %s", what, why);
}

static const char *get_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	if (!s || strlen(s) > MAX_TEXT)
		return NULL;
	for (const unsigned char *c = (const unsigned char *)s; *c; c++)
		if (*c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0))
			return NULL;
	return s;
}

static bool get_number(const json_t *o, const char *key, json_int_t least, json_int_t most, uint64_t *out)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v) || json_integer_value(v) < least || json_integer_value(v) > most)
		return false;
	*out = (uint64_t)json_integer_value(v);
	return true;
}

/* ---- steps ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes that the digits say, in the room that was made for them; NULL: they are none. */
static const uint8_t *parse_hex(struct parse *p, const json_t *o, const char *key, size_t *len)
{
	const char *hex = json_string_value(json_object_get(o, key));
	size_t n = hex ? strlen(hex) : 1;
	uint8_t *out = p->t->bytes + p->t->next_byte;

	if (n % 2)
		return NULL;
	for (size_t i = 0; i < n; i += 2) {
		if (hex_digit(hex[i]) < 0 || hex_digit(hex[i + 1]) < 0)
			return NULL;
		out[i / 2] = (uint8_t)(hex_digit(hex[i]) << 4 | hex_digit(hex[i + 1]));
	}
	p->t->next_byte += n / 2;
	*len = n / 2;
	return out;
}

static int parse_frame(struct parse *p, const json_t *o, struct xdpf_step *step)
{
	step->frame = parse_hex(p, o, "packet", &step->len);
	if (!step->frame || step->len < XDPF_MIN_FRAME || step->len > MAX_FRAME)
		return broken(p, "packet", "is no frame");
	return get_number(o, "repeat", 1, MAX_REPEAT, &step->repeat) ? 0 : broken(p, "repeat", "is missing or out of bounds");
}

static int parse_inputs(struct parse *p, const json_t *o, struct xdpf_step *step)
{
	for (int i = 0; i < INPUT_COUNT; i++) {
		unsigned bits = lang_inputs[i].bits;

		if (!json_object_get(o, lang_inputs[i].name))
			continue;
		if (!get_number(o, lang_inputs[i].name, 0, bits < 63 ? ((json_int_t)1 << bits) - 1 : INT64_MAX, &step->input[i]))
			return broken(p, lang_inputs[i].name, "is out of bounds");
		step->inputs |= 1u << i;
	}
	return 0;
}

/* Where all packets of a test come from is said by each of them. */
static int parse_place(struct parse *p, const json_t *o, struct xdpf_test *t, bool first)
{
	const json_t *iface = json_object_get(o, "iface"), *queue = json_object_get(o, "rxqueue");
	const char *name = iface ? get_text(o, "iface") : NULL;
	uint64_t n = 0;

	if (iface && (!name || !*name || strlen(name) > 15))
		return broken(p, "iface", "is no interface's name");
	if (queue && !get_number(o, "rxqueue", 0, UINT32_MAX, &n))
		return broken(p, "rxqueue", "is out of bounds");
	if (!first && (!name != !t->iface || (name && strcmp(name, t->iface)) || !queue != !t->has_rxqueue || n != t->rxqueue))
		return broken(p, "iface", "or \"rxqueue\" is not the same in all packets of a test");
	t->iface = name;
	t->has_rxqueue = queue;
	t->rxqueue = (uint32_t)n;
	return 0;
}

static bool decides(const struct xdpf_meta *m, unsigned index)
{
	const struct xdpf_rule *r = xdpf_meta_rule(m, index);

	for (size_t i = 0; !r && i < m->n_files; i++)
		if (m->files[i].default_index == index)
			return true;
	return r && r->verdict != XDPF_NO_VERDICT;
}

static int parse_source(struct parse *p, const json_t *o, struct xdpf_step *step)
{
	uint64_t n;

	step->source = get_text(o, "source");
	if (!step->source || !get_number(o, "line", 0, INT_MAX, &n))
		return broken(p, "source", "or \"line\" is missing or out of bounds");
	step->line = (unsigned)n;
	return 0;
}

static int parse_expect(struct parse *p, const json_t *o, struct xdpf_step *step)
{
	const char *verdict = json_string_value(json_object_get(o, "expect"));
	const json_t *by = json_object_get(o, "by");
	uint64_t n;

	step->verdict = XDPF_NO_VERDICT;
	for (int v = XDPF_ABORT; verdict && v < XDPF_N_VERDICTS; v++)
		if (!strcmp(verdict, xdpf_verdict_name((enum xdpf_verdict)v)))
			step->verdict = (enum xdpf_verdict)v;
	if (step->verdict == XDPF_NO_VERDICT)
		return broken(p, "expect", "is no verdict that this version of xdpf knows");
	step->index = UINT_MAX;
	if (!json_is_null(by)) {
		if (!get_number(o, "by", 0, INT_MAX, &n) || !decides(p->m, (unsigned)n))
			return broken(p, "by", "is nobody who decides");
		step->index = (unsigned)n;
	}
	return parse_source(p, o, step);
}

static int parse_set(struct parse *p, const json_t *o, struct xdpf_step *step)
{
	bool add = step->kind == XDPF_STEP_ADD;
	const struct xdpf_set *set;
	uint64_t n;
	size_t len;

	if (!get_number(o, add ? "add" : "remove", 0, UINT32_MAX, &n) || n >= p->m->n_sets)
		return broken(p, add ? "add" : "remove", "is no set that lives");
	step->set = n;
	set = &p->m->sets[step->set];
	step->elements = parse_hex(p, o, "elements", &len);
	if (!step->elements || !len || !set->key_size || len % set->key_size)
		return broken(p, "elements", "are none of the set's");
	step->n_elements = len / set->key_size;
	if (add && !get_number(o, "keep", 0, MAX_KEEP, &step->keep))
		return broken(p, "keep", "is missing or out of bounds");
	if (step->keep && !set->expires)
		return broken(p, "keep", "is a time, and the elements of that set do not expire");
	return parse_source(p, o, step);
}

static int parse_steps(struct parse *p, const json_t *a, struct xdpf_test *t, struct xdpf_step *step)
{
	bool first = true, open = false;
	int err = 0;

	t->steps = step;
	t->n_steps = json_array_size(a);
	for (size_t i = 0; i < t->n_steps && !err; i++, step++) {
		const json_t *o = json_array_get(a, i);

		if (json_object_get(o, "packet")) {
			step->kind = XDPF_STEP_PACKET;
			err = parse_frame(p, o, step);
			err = err ? err : parse_place(p, o, t, first);
			err = err ? err : parse_inputs(p, o, step);
			first = false;
			open = true;
			if (step->len > t->longest)
				t->longest = step->len;
		} else if (json_object_get(o, "after")) {
			step->kind = XDPF_STEP_AFTER;
			if (!get_number(o, "after", 0, MAX_AFTER, &step->after))
				err = broken(p, "after", "is out of bounds");
		} else if (json_object_get(o, "elements")) {
			step->kind = json_object_get(o, "add") ? XDPF_STEP_ADD : XDPF_STEP_REMOVE;
			err = parse_set(p, o, step);
		} else {
			step->kind = XDPF_STEP_EXPECT;
			err = open ? parse_expect(p, o, step) : broken(p, "expect", "stands behind no packet");
		}
	}
	return err;
}

/* ---- tests ---- */

static int parse_file(const struct parse *p, const json_t *o, unsigned *file)
{
	uint64_t n = UINT_MAX;

	if (json_object_get(o, "file") && !get_number(o, "file", 0, (json_int_t)p->m->n_files - 1, &n))
		return broken(p, "file", "is none of its files");
	*file = (unsigned)n;
	return 0;
}

static int parse_root(struct parse *p)
{
	const json_t *tests = json_object_get(p->t->root, "tests"), *o, *step;
	size_t i, k, n_steps = 0, n_bytes = 0, next = 0;
	int err = 0;

	if (!json_is_array(tests) || json_array_size(tests) > MAX_TESTS)
		return broken(p, "tests", "is missing or no array, or too large");
	json_array_foreach(tests, i, o) {
		const json_t *steps = json_object_get(o, "steps");

		if (!json_is_array(steps) || json_array_size(steps) > MAX_STEPS)
			return broken(p, "steps", "is missing or no array, or too large");
		n_steps += json_array_size(steps);
		json_array_foreach(steps, k, step)
			n_bytes += json_string_length(json_object_get(step, "packet")) / 2 +
				   json_string_length(json_object_get(step, "elements")) / 2;
	}
	p->t->n = json_array_size(tests);
	p->t->test = calloc(p->t->n + 1, sizeof(*p->t->test));
	p->t->file = calloc(p->t->n + 1, sizeof(*p->t->file));
	p->t->step = calloc(n_steps + 1, sizeof(*p->t->step));
	p->t->bytes = malloc(n_bytes + 1);
	if (!p->t->test || !p->t->file || !p->t->step || !p->t->bytes)
		return rt_fail(p->log, ENOMEM, "out of memory");
	json_array_foreach(tests, i, o) {
		struct xdpf_test *t = &p->t->test[i];

		t->name = get_text(o, "name");
		err = t->name ? parse_steps(p, json_object_get(o, "steps"), t, p->t->step + next) :
				broken(p, "name", "is missing or no name");
		if (!err)
			err = parse_file(p, o, &p->t->file[i]);
		if (err)
			return err;
		next += t->n_steps;
	}
	return 0;
}

int xdpf_object_tests(struct xdpf_tests **out, const struct xdpf_object *o, const struct xdpf_log *log)
{
	_cleanup_(tests_freep) struct xdpf_tests *t = calloc(1, sizeof(*t));
	struct parse p = { t, rt_meta_get(o->meta), log };
	json_error_t err;
	int status;

	if (!t)
		return rt_fail(log, ENOMEM, "out of memory");
	if (o->tests) {
		t->root = json_loadb(o->tests, o->tests_len, JSON_REJECT_DUPLICATES, &err);
		if (!t->root)
			return rt_fail(log, EBADMSG, "the object's tests are no JSON text: %s", err.text);
		status = parse_root(&p);
		if (status)
			return status;
	}
	*out = take_ptr(t);
	return 0;
}
