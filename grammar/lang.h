/*
 * The language's facts: types, headers, fields, known names, verdicts, actions. Everything here is a view on the *.def tables.
 * Knows neither LLVM nor libbpf, allocates nothing, is constant.
 */
#ifndef XDPF_GRAMMAR_LANG_H
#define XDPF_GRAMMAR_LANG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "value.h"

enum type_kind { KIND_NUM, KIND_FLAG, KIND_IP4, KIND_IP6, KIND_IP, KIND_MAC, KIND_BYTES, KIND_IFACE };

enum names_id {
	NAMES_NONE,
#define NAMES(ID, doc) NAMES_##ID,
#define NAME(ID, name, value)
#include "names.def"
#undef NAMES
#undef NAME
	NAMES_COUNT
};

enum type_id {
#define TYPE(ID, name, kind, bits, names, doc) TYPE_##ID,
#include "types.def"
#undef TYPE
	TYPE_COUNT
};

struct type_info {
	const char *name;
	enum type_kind kind;
	unsigned bits;
	enum names_id names;
	const char *doc;
};

enum layer { LAYER_L2, LAYER_L3, LAYER_EXT, LAYER_L4, LAYER_PART, LAYER_GROUP };

enum header_id {
#define HEADER(ID, name, len, layer, doc) HDR_##ID,
#define PART(...)
#define NEXT(...)
#define MEMBER(...)
#define OPTION(...)
#include "headers.def"
#undef HEADER
	HDR_COUNT,
	HDR_NONE = HDR_COUNT	/* of a meta field that belongs to no header */
};

struct header_info {
	const char *name;	/* NULL: no condition of its own */
	unsigned len;
	enum layer layer;
	const char *doc;
};

/* A part at a fixed place of its parent (see headers.def). */
struct part_info {
	enum header_id id, parent;
	unsigned off, guard_off, guard_len;
	uint64_t guard_mask;
	unsigned n;
	uint64_t value[8];
};

enum next_by { NEXT_ETHERTYPE, NEXT_IPPROTO };

struct next_info {
	enum next_by by;
	uint32_t number;
	enum header_id header;
};

/* A checksum that rewriting keeps right (see rewrite.def). */
struct sum_info {
	enum header_id header, owner;
	unsigned off;
	bool pseudo, none;
};

/* A TCP option: the header that it is, and of which length. */
struct tcpopt_info {
	enum header_id header;
	unsigned kind, len, more;
};

struct member_info {
	enum header_id group, member;
};

enum field_id {
#define FIELD(ID, name, hdr, type, off, len, shift, bits, tshark, doc) FIELD_##ID,
#define META(ID, name, hdr, type, bits, tshark, doc) FIELD_##ID,
#define ALIAS(ID, name, type, bits, n, a, b, c, d, e, tshark, doc) FIELD_##ID,
#include "fields.def"
#undef FIELD
#undef META
#undef ALIAS
	FIELD_COUNT,
	FIELD_NONE = FIELD_COUNT
};

enum field_form { FORM_WIRE, FORM_META, FORM_ALIAS };

struct field_info {
	const char *name;
	enum field_form form;
	enum type_id type;
	unsigned bits;
	enum header_id header;		/* WIRE, META (HDR_NONE: none) */
	unsigned off, len, shift;	/* WIRE: bytes; see fields.def */
	unsigned n;			/* ALIAS */
	enum field_id alt[5];
	const char *tshark;
	const char *doc;
};

enum verdict {
	VERDICT_NONE = -1,	/* an action that does not decide */
#define VERDICT(ID, name, xdp) VERDICT_##ID,
#include "verdicts.def"
#undef VERDICT
	VERDICT_COUNT
};

enum input_id {
#define INPUT(ID, name, type, bits, of, doc) INPUT_##ID,
#include "inputs.def"
#undef INPUT
	INPUT_COUNT
};

enum input_class { INPUT_OF_ANY, INPUT_OF_FLOWS };

struct input_info {
	const char *name;
	enum type_id type;
	unsigned bits;
	enum input_class of;
	const char *doc;
};

struct verdict_info {
	const char *name;	/* as --run prints it */
	int xdp;		/* enum xdp_action, <linux/bpf.h> */
};

struct name_info {
	enum names_id table;
	const char *name;
	uint64_t value;
};

extern const struct type_info lang_types[TYPE_COUNT];
extern const struct header_info lang_headers[HDR_COUNT];
extern const struct field_info lang_fields[FIELD_COUNT];
extern const struct verdict_info lang_verdicts[VERDICT_COUNT];
extern const struct input_info lang_inputs[INPUT_COUNT];
extern const struct part_info lang_parts[];
extern const size_t lang_n_parts;
extern const struct next_info lang_nexts[];
extern const size_t lang_n_nexts;
extern const struct member_info lang_members[];
extern const size_t lang_n_members;
extern const struct sum_info lang_sums[];
extern const size_t lang_n_sums;
/* Why the field is not written to; NULL: it may be. */
extern const char *const lang_fixed[FIELD_COUNT];
extern const struct tcpopt_info lang_options[];
extern const size_t lang_n_options;
extern const struct name_info lang_names[];
extern const size_t lang_n_names;

/* Look-ups by name; the name is @len bytes and need not end in NUL. Return the id, or the COUNT of its kind. */
enum type_id lang_type_by_name(const char *name, size_t len);
enum header_id lang_header_by_name(const char *name, size_t len);
enum field_id lang_field_by_name(const char *name, size_t len);
/* The known value @name of table @t; false where there is none. */
bool lang_name_value(enum names_id t, const char *name, size_t len, uint64_t *out);
/* Is @name a known value of any table? */
bool lang_name_exists(const char *name, size_t len);
/* The first name of @value in table @t, or NULL. */
const char *lang_value_name(enum names_id t, uint64_t value);
/* The part with this id, or NULL where the header is none. */
const struct part_info *lang_part(enum header_id id);
/* The fields that are written to as @f: itself, its alternatives, or the same bytes of a group's members; returns how many. Each is of a
 * header that is no group. */
unsigned lang_targets(enum field_id f, enum field_id out[5]);
/* May it be written to, in some packet at least? */
bool lang_written(enum field_id f);
/* The header from whose first byte on a checksum is computed that is over a field of @h. */
enum header_id lang_sum_owner(enum header_id h);
/* The header that @number leads to, or HDR_NONE. */
enum header_id lang_next(enum next_by by, uint32_t number);
/* The other way round; UINT32_MAX: no number leads there. */
uint32_t lang_number(enum next_by by, enum header_id header);

#endif
