/*
 * The dissector's promises, over frames of every kind cut off at every length and with bytes changed: what is present is whole, groups
 * follow their members, ends are in order, and the table's rows lie within their headers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eval_cond.h"

struct frame {
	uint8_t data[512];
	size_t len;
};

static void put(struct frame *f, const char *hex)
{
	for (; *hex; hex++) {
		unsigned byte;

		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		f->data[f->len++] = (uint8_t)byte;
		hex++;
	}
}

#define ETH(type) "020000000002 020000000001 " type
#define IP4(total, flags, proto) "4500" total "0001" flags "40" proto "0000 c0000201 c6336402"
#define IP6(plen, nh) "60000000" plen nh "40 20010db8000000000000000000000001 20010db8000000000000000000000002"
#define UDP8 "0fa0 0035 0008 0000"
#define TCP20 "0fa0 0050 00000001 00000002 5002 0003 0004 0005"

static const char *const frames[] = {
	ETH("88b5"),
	ETH("0026") "4242030000",
	ETH("8100") "0064 0800" IP4("001c", "0000", "11") UDP8,
	ETH("88a8") "0064 8100 0065 86dd" IP6("0008", "11") UDP8,
	ETH("8100") "0064 8100 0065 8100 0066 0800" IP4("001c", "0000", "11") UDP8,
	ETH("0806") "0001 0800 06 04 0001 020000000001 c0000201 000000000000 c0000202",
	ETH("0806") "0006 0800 02 02 0001 0102 0304 0506 0708",
	ETH("0800") IP4("0028", "0000", "06") TCP20,
	ETH("0800") IP4("001c", "2000", "11") UDP8,
	ETH("0800") IP4("001c", "2003", "11") UDP8,
	ETH("0800") IP4("0020", "0000", "11") "0fa0 0035 000a 0000 01020304 eeee",
	ETH("0800") IP4("0034", "0000", "33") "1104 0000 00000009 0000000a 000000000000000000000000" UDP8,
	ETH("0800") IP4("0028", "0000", "2f") "b000 0800 beef0000 00000001 00000002 00010203",
	ETH("0800") IP4("0020", "0000", "21") "0fa0 0035 03 00 0000 04 010203",
	ETH("0800") IP4("0024", "0000", "21") "0fa0 0035 04 00 0000 05 00 010203040506",
	ETH("0800") IP4("001c", "0000", "01") "0800 0000 0001 0002",
	ETH("0800") IP4("001c", "0000", "02") "1600 0000 e0000001",
	ETH("0800") IP4("001c", "0000", "32") "00000100 00000001",
	ETH("86dd") IP6("0014", "06") TCP20,
	ETH("86dd") IP6("0018", "3a") "8700 0000 00000000 fe800000000000000000000000000001",
	ETH("86dd") IP6("0028", "00") "2c00 010400000000 3c00 0000 00000007 1100 010400000000" UDP8 "0000000000000000",
	ETH("86dd") IP6("0010", "2c") "1100 0001 00000007" UDP8,
	ETH("86dd") IP6("0010", "2c") "1100 0109 00000007" UDP8,
	ETH("86dd") IP6("0010", "87") "3b01 0500 1234 00000000000000000000",
	ETH("86dd") IP6("000c", "84") "0fa0 0035 01020304 05060708",
	ETH("86dd") IP6("0008", "88") "0fa0 0035 0008 1234",
};

static bool is_l4(enum header_id h)
{
	return lang_headers[h].layer == LAYER_L4;
}

/* Everything that the dissector promises of any frame. */
static void check(const uint8_t *data, size_t len)
{
	/* Of exactly its size, so that a sanitizer sees what reads beyond it. */
	uint8_t *copy = malloc(len ? len : 1);
	struct eval_packet pkt = { .data = copy, .len = len };
	struct eval_view w = { .pkt = &pkt };
	const struct dissect *d = &w.d;
	struct eval_value v;
	unsigned l4 = 0;

	assert_non_null(copy);
	memcpy(copy, data, len);
	dissect_frame(&w.d, copy, len);
	assert_true(len >= 14 || (d->malformed && !d->present));
	assert_true(d->end <= len);
	for (enum header_id h = 0; h < HDR_COUNT; h++) {
		if (!dissect_has(d, h))
			continue;
		assert_true(d->offset[h] + lang_headers[h].len <= len);
		if (is_l4(h)) {
			l4++;
			assert_true(d->offset[h] + lang_headers[h].len <= d->payload);
		}
		if (lang_part(h))
			assert_true(dissect_has(d, lang_part(h)->parent));
	}
	for (size_t i = 0; i < lang_n_members; i++)
		if (dissect_has(d, lang_members[i].member)) {
			assert_true(dissect_has(d, lang_members[i].group));
			assert_int_equal(d->offset[lang_members[i].group], d->offset[lang_members[i].member]);
		}
	assert_int_equal(l4, d->has_payload);
	if (d->has_payload) {
		assert_true(dissect_has(d, HDR_IP) && !d->malformed);
		assert_true(d->payload <= d->payload_end && d->payload_end <= d->end);
	}
	assert_true(!d->first_fragment || d->fragment);
	assert_true(!d->fragment || d->first_fragment || !l4);
	assert_false(dissect_has(d, HDR_IP4) && dissect_has(d, HDR_IP6));
	for (enum field_id f = 0; f < FIELD_COUNT; f++)
		if (eval_field(&w, f, &v))
			assert_true(value_cmp(v.v, value_ones(lang_fields[f].type == TYPE_IFACE ? 128 : lang_fields[f].bits)) <= 0);
	free(copy);
}

static void test_cut_off(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct frame f = { .len = 0 };
		struct dissect d;

		put(&f, frames[i]);
		for (size_t n = 0; n <= f.len; n++)
			check(f.data, n);
		/* One byte more is padding: it changes nothing but the length. */
		dissect_frame(&d, f.data, f.len);
		if (dissect_has(&d, HDR_IP) && !d.malformed) {
			struct dissect padded;

			dissect_frame(&padded, f.data, f.len + 1);
			assert_true(padded.present == d.present && padded.payload_end == d.payload_end && !padded.malformed);
		}
	}
}

static void test_changed(void **state)
{
	uint64_t x = 88172645463325252;		/* xorshift: the same frames each time */

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct frame f = { .len = 0 };

		put(&f, frames[i]);
		for (unsigned round = 0; round < 4000; round++) {
			struct frame g = f;

			for (unsigned k = 0; k < 1 + round % 4; k++) {
				x ^= x << 13;
				x ^= x >> 7;
				x ^= x << 17;
				g.data[12 + x % (f.len - 12)] = (uint8_t)(x >> 32);
			}
			check(g.data, round % 3 ? g.len : x % (g.len + 1));
		}
	}
}

static void test_chain(void **state)
{
	(void)state;
	for (unsigned n = 0; n <= 12; n++) {
		struct frame f = { .len = 0 };
		struct dissect d;

		put(&f, ETH("86dd") IP6("0000", "3c"));
		f.data[19] = (uint8_t)(8 * n + 8);
		if (!n)
			f.data[20] = 17;
		for (unsigned i = 0; i < n; i++) {
			put(&f, "3c00 010400000000");
			if (i + 1 == n)
				f.data[f.len - 8] = 17;
		}
		put(&f, UDP8);
		dissect_frame(&d, f.data, f.len);
		assert_int_equal(d.malformed, n > DISSECT_MAX_EXT);
		assert_int_equal(dissect_has(&d, HDR_UDP), n <= DISSECT_MAX_EXT);
		assert_int_equal(d.ip_proto, n <= DISSECT_MAX_EXT ? 17 : 60);
		if (n)
			assert_int_equal(d.offset[HDR_DSTOPTS], 54);
	}
}

/* Rows that lie outside of their header would make the evaluator read what the dissector did not look for. */
static void test_tables(void **state)
{
	(void)state;
	for (enum field_id f = 0; f < FIELD_COUNT; f++) {
		const struct field_info *info = &lang_fields[f];

		if (info->form == FORM_WIRE) {
			assert_true(info->header < HDR_COUNT);
			assert_true(info->off + info->len <= lang_headers[info->header].len);
			assert_true((info->len >= 1 && info->len <= 8) || info->len == 16);
			assert_true(info->bits >= 1 && info->shift + info->bits <= 8 * info->len);
			assert_true(info->bits <= lang_types[info->type].bits);
		} else if (info->form == FORM_ALIAS) {
			assert_true(info->n >= 1 && info->n <= sizeof(info->alt) / sizeof(info->alt[0]));
			for (unsigned i = 0; i < info->n; i++)
				assert_true(lang_fields[info->alt[i]].form == FORM_WIRE && lang_fields[info->alt[i]].bits <= info->bits);
		}
	}
	for (size_t i = 0; i < lang_n_parts; i++) {
		const struct part_info *p = &lang_parts[i];

		assert_true(p->guard_len <= 8 && p->guard_off + p->guard_len <= lang_headers[p->parent].len);
		assert_true(p->n >= 1 && p->n <= sizeof(p->value) / sizeof(p->value[0]));
		for (unsigned k = 0; k < p->n; k++)
			assert_true((p->value[k] & ~p->guard_mask) == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_chain),
	};

	return cmocka_run_group_tests_name("dissect", tests, NULL, NULL);
}
