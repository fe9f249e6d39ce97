/*
 * The .def tables as constant arrays, and look-ups in them. In: names and numbers. Out: ids. Nothing is allocated.
 */
#include "lang.h"

#include <string.h>

const struct type_info lang_types[TYPE_COUNT] = {
#define TYPE(ID, name, kind, bits, names, doc) [TYPE_##ID] = { name, KIND_##kind, bits, NAMES_##names, doc },
#include "types.def"
#undef TYPE
};

const struct header_info lang_headers[HDR_COUNT] = {
#define HEADER(ID, name, len, layer, doc) [HDR_##ID] = { name, len, LAYER_##layer, doc },
#include "headers.def"
#undef HEADER
};

#define HEADER(...)
#undef PART
#undef NEXT
#undef MEMBER

const struct part_info lang_parts[] = {
#define PART(ID, parent, off, goff, glen, gmask, n, ...) \
	{ HDR_##ID, HDR_##parent, off, goff, glen, gmask, n, { __VA_ARGS__ } },
#define NEXT(...)
#define MEMBER(...)
#include "headers.def"
#undef PART
#undef NEXT
#undef MEMBER
};
const size_t lang_n_parts = sizeof(lang_parts) / sizeof(lang_parts[0]);

const struct next_info lang_nexts[] = {
#define PART(...)
#define NEXT(by, number, header) { NEXT_##by, number, HDR_##header },
#define MEMBER(...)
#include "headers.def"
#undef NEXT
#undef MEMBER
};
const size_t lang_n_nexts = sizeof(lang_nexts) / sizeof(lang_nexts[0]);

const struct member_info lang_members[] = {
#define NEXT(...)
#define MEMBER(group, member) { HDR_##group, HDR_##member },
#include "headers.def"
#undef MEMBER
#undef OPTION
};
const size_t lang_n_members = sizeof(lang_members) / sizeof(lang_members[0]);

const struct tcpopt_info lang_options[] = {
#define MEMBER(...)
#define OPTION(header, kind, len, more) { HDR_##header, kind, len, more },
#include "headers.def"
#undef HEADER
#undef PART
#undef NEXT
#undef MEMBER
#undef OPTION
};
const size_t lang_n_options = sizeof(lang_options) / sizeof(lang_options[0]);

const struct field_info lang_fields[FIELD_COUNT] = {
#define FIELD(ID, name_, hdr, type_, off_, len_, shift_, bits_, tshark_, doc_) \
	[FIELD_##ID] = { .name = name_, .form = FORM_WIRE, .type = TYPE_##type_, .bits = bits_, .header = HDR_##hdr, \
			 .off = off_, .len = len_, .shift = shift_, .tshark = tshark_, .doc = doc_ },
#define META(ID, name_, hdr, type_, bits_, tshark_, doc_) \
	[FIELD_##ID] = { .name = name_, .form = FORM_META, .type = TYPE_##type_, .bits = bits_, .header = HDR_##hdr, \
			 .tshark = tshark_, .doc = doc_ },
#define ALIAS(ID, name_, type_, bits_, n_, a, b, c, d, e, tshark_, doc_) \
	[FIELD_##ID] = { .name = name_, .form = FORM_ALIAS, .type = TYPE_##type_, .bits = bits_, .header = HDR_NONE, .n = n_, \
			 .alt = { FIELD_##a, FIELD_##b, FIELD_##c, FIELD_##d, FIELD_##e }, .tshark = tshark_, .doc = doc_ },
#include "fields.def"
#undef FIELD
#undef META
#undef ALIAS
};

const struct sum_info lang_sums[] = {
#define SUM(hdr, off_, owner_, pseudo_, none_) \
	{ .header = HDR_##hdr, .owner = HDR_##owner_, .off = off_, .pseudo = pseudo_, .none = none_ },
#define FIXED(...)
#include "rewrite.def"
#undef SUM
#undef FIXED
};
const size_t lang_n_sums = sizeof(lang_sums) / sizeof(lang_sums[0]);

const char *const lang_fixed[FIELD_COUNT] = {
#define SUM(...)
#define FIXED(ID, why) [FIELD_##ID] = why,
#include "rewrite.def"
#undef SUM
#undef FIXED
};

const struct verdict_info lang_verdicts[VERDICT_COUNT] = {
#define VERDICT(ID, name, xdp) [VERDICT_##ID] = { name, xdp },
#include "verdicts.def"
#undef VERDICT
};

const struct input_info lang_inputs[INPUT_COUNT] = {
#define INPUT(ID, name, type, bits, of, doc) [INPUT_##ID] = { name, TYPE_##type, bits, INPUT_OF_##of, doc },
#include "inputs.def"
#undef INPUT
};

const struct name_info lang_names[] = {
#define NAMES(ID, doc)
#define NAME(ID, name, value) { NAMES_##ID, name, value },
#include "names.def"
#undef NAMES
#undef NAME
};
const size_t lang_n_names = sizeof(lang_names) / sizeof(lang_names[0]);

static bool same(const char *have, const char *name, size_t len)
{
	return have && strlen(have) == len && !memcmp(have, name, len);
}

enum type_id lang_type_by_name(const char *name, size_t len)
{
	for (int i = 0; i < TYPE_COUNT; i++)
		if (same(lang_types[i].name, name, len))
			return i;
	return TYPE_COUNT;
}

enum header_id lang_header_by_name(const char *name, size_t len)
{
	for (int i = 0; i < HDR_COUNT; i++)
		if (same(lang_headers[i].name, name, len))
			return i;
	return HDR_COUNT;
}

enum field_id lang_field_by_name(const char *name, size_t len)
{
	for (int i = 0; i < FIELD_COUNT; i++)
		if (same(lang_fields[i].name, name, len))
			return i;
	return FIELD_COUNT;
}

bool lang_name_value(enum names_id t, const char *name, size_t len, uint64_t *out)
{
	for (size_t i = 0; i < lang_n_names; i++)
		if (lang_names[i].table == t && same(lang_names[i].name, name, len)) {
			*out = lang_names[i].value;
			return true;
		}
	return false;
}

bool lang_name_exists(const char *name, size_t len)
{
	for (size_t i = 0; i < lang_n_names; i++)
		if (same(lang_names[i].name, name, len))
			return true;
	return false;
}

const char *lang_value_name(enum names_id t, uint64_t value)
{
	for (size_t i = 0; i < lang_n_names; i++)
		if (lang_names[i].table == t && lang_names[i].value == value)
			return lang_names[i].name;
	return NULL;
}

const struct part_info *lang_part(enum header_id id)
{
	for (size_t i = 0; i < lang_n_parts; i++)
		if (lang_parts[i].id == id)
			return &lang_parts[i];
	return NULL;
}

enum header_id lang_next(enum next_by by, uint32_t number)
{
	for (size_t i = 0; i < lang_n_nexts; i++)
		if (lang_nexts[i].by == by && lang_nexts[i].number == number)
			return lang_nexts[i].header;
	return HDR_NONE;
}

uint32_t lang_number(enum next_by by, enum header_id header)
{
	for (size_t i = 0; i < lang_n_nexts; i++)
		if (lang_nexts[i].by == by && lang_nexts[i].header == header)
			return lang_nexts[i].number;
	return UINT32_MAX;
}

unsigned lang_targets(enum field_id f, enum field_id out[5])
{
	const struct field_info *info = &lang_fields[f];
	unsigned n = 0;

	if (info->form == FORM_ALIAS) {
		for (; n < info->n; n++)
			out[n] = info->alt[n];
		return n;
	}
	if (info->header == HDR_NONE || lang_headers[info->header].layer != LAYER_GROUP) {
		out[0] = f;
		return 1;
	}
	for (size_t i = 0; i < lang_n_members; i++)
		for (int o = 0; o < FIELD_COUNT && lang_members[i].group == info->header; o++) {
			const struct field_info *own = &lang_fields[o];

			if (own->form == FORM_WIRE && own->header == lang_members[i].member && own->off == info->off && own->len == info->len &&
			    own->shift == info->shift && own->bits == info->bits && n < 5)
				out[n++] = (enum field_id)o;
		}
	return n;
}

bool lang_written(enum field_id f)
{
	enum field_id to[5];
	unsigned n = lang_fields[f].form == FORM_META ? 0 : lang_targets(f, to);

	for (unsigned i = 0; i < n; i++)
		if (!lang_fixed[to[i]])
			return true;
	return false;
}

enum header_id lang_sum_owner(enum header_id h)
{
	const struct part_info *part = lang_part(h);

	if (part)
		return part->parent;
	return h == HDR_GRECSUM || h == HDR_GREKEY || h == HDR_GRESEQ ? HDR_GRE : h;
}
