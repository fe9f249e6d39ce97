/*
 * Is this BTF sound? In come the bytes of an object's .BTF and .BTF.ext, which may be anything; out goes a yes or no. libbpf
 * takes more on trust than we may: here every name and type id is in bounds, every element within its type's record, no chain
 * of types goes in circles, and there is nothing to relocate against another kernel (our compiler makes no such objects).
 */
#include <linux/btf.h>

#include "private.h"

enum { TYPES_MAX = 1 << 20, CHAIN_MAX = 32 };

struct btf_view {
	const unsigned char *types, *strings;
	size_t types_len, strings_len;
	uint32_t *at;		/* where each type's record begins; [0] is void */
	uint32_t n;
};

/* Bytes behind the common record of a type; -1: an unknown kind. */
static long extra(const struct btf_type *t)
{
	size_t n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return (long)(n * sizeof(struct btf_member));
	case BTF_KIND_ENUM:
		return (long)(n * sizeof(struct btf_enum));
	case BTF_KIND_ENUM64:
		return (long)(n * sizeof(struct btf_enum64));
	case BTF_KIND_FUNC_PROTO:
		return (long)(n * sizeof(struct btf_param));
	case BTF_KIND_DATASEC:
		return (long)(n * sizeof(struct btf_var_secinfo));
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return 0;
	}
	return -1;
}

/* A record is copied out: it need not be aligned. */
static struct btf_type type_at(const struct btf_view *b, uint32_t id)
{
	struct btf_type t = { 0 };

	if (id && id < b->n)
		memcpy(&t, b->types + b->at[id], sizeof(t));
	return t;
}

static bool walk(struct btf_view *b)
{
	size_t at = 0;

	b->at = calloc(b->types_len / sizeof(struct btf_type) + 2, sizeof(*b->at));
	if (!b->at)
		return false;
	for (b->n = 1; at < b->types_len; b->n++) {
		struct btf_type t;
		long more;

		if (b->types_len - at < sizeof(t) || b->n > TYPES_MAX)
			return false;
		memcpy(&t, b->types + at, sizeof(t));
		more = extra(&t);
		if (more < 0 || (size_t)more > b->types_len - at - sizeof(t))
			return false;
		b->at[b->n] = (uint32_t)at;
		at += sizeof(t) + (size_t)more;
	}
	return true;
}

static bool name_ok(const struct btf_view *b, uint32_t off)
{
	return off < b->strings_len;
}

static bool id_ok(const struct btf_view *b, uint32_t id)
{
	return id < b->n;
}

static uint32_t word(const unsigned char *p, size_t i)
{
	uint32_t w;

	memcpy(&w, p + i * sizeof(w), sizeof(w));
	return w;
}

/* A section's variables, or functions where it is .ksyms. */
static bool datasec_member(const struct btf_view *b, uint32_t id)
{
	unsigned kind = BTF_INFO_KIND(type_at(b, id).info);

	return kind == BTF_KIND_VAR || kind == BTF_KIND_FUNC;
}

/* Every element: a name and a type where it has them. Records of elements are arrays of 32-bit words. */
static bool elements_ok(const struct btf_view *b, const struct btf_type *t, const unsigned char *p)
{
	size_t n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_ARRAY:
		return id_ok(b, word(p, 0)) && id_ok(b, word(p, 1));
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		for (size_t i = 0; i < n; i++)
			if (!name_ok(b, word(p, 3 * i)) || !id_ok(b, word(p, 3 * i + 1)))
				return false;
		return true;
	case BTF_KIND_ENUM:
		for (size_t i = 0; i < n; i++)
			if (!name_ok(b, word(p, 2 * i)))
				return false;
		return true;
	case BTF_KIND_ENUM64:
		for (size_t i = 0; i < n; i++)
			if (!name_ok(b, word(p, 3 * i)))
				return false;
		return true;
	case BTF_KIND_FUNC_PROTO:
		for (size_t i = 0; i < n; i++)
			if (!name_ok(b, word(p, 2 * i)) || !id_ok(b, word(p, 2 * i + 1)))
				return false;
		return true;
	case BTF_KIND_DATASEC:
		for (size_t i = 0; i < n; i++)
			if (!id_ok(b, word(p, 3 * i)) || !datasec_member(b, word(p, 3 * i)))
				return false;
		return true;
	}
	return true;
}

static bool has_target(unsigned kind)
{
	return kind == BTF_KIND_PTR || kind == BTF_KIND_TYPEDEF || kind == BTF_KIND_VOLATILE || kind == BTF_KIND_CONST ||
	       kind == BTF_KIND_RESTRICT || kind == BTF_KIND_FUNC || kind == BTF_KIND_FUNC_PROTO || kind == BTF_KIND_VAR ||
	       kind == BTF_KIND_DECL_TAG || kind == BTF_KIND_TYPE_TAG;
}

/* From every type an end is reached through modifiers, typedefs, variables and arrays; pointers and members may lead back. */
static bool ends(const struct btf_view *b, uint32_t id)
{
	for (int i = 0; i < CHAIN_MAX; i++) {
		struct btf_type t = type_at(b, id);
		unsigned kind = BTF_INFO_KIND(t.info);

		if (kind == BTF_KIND_ARRAY)
			id = word(b->types + b->at[id] + sizeof(t), 0);
		else if (kind != BTF_KIND_PTR && kind != BTF_KIND_FUNC_PROTO && has_target(kind))
			id = t.type;
		else
			return true;
	}
	return false;
}

static bool types_ok(const struct btf_view *b)
{
	for (uint32_t id = 1; id < b->n; id++) {
		struct btf_type t = type_at(b, id);
		unsigned kind = BTF_INFO_KIND(t.info);

		if (!name_ok(b, t.name_off) || (has_target(kind) && !id_ok(b, t.type)))
			return false;
		if (kind == BTF_KIND_FUNC && BTF_INFO_KIND(type_at(b, t.type).info) != BTF_KIND_FUNC_PROTO)
			return false;
		if (!elements_ok(b, &t, b->types + b->at[id] + sizeof(t)) || !ends(b, id))
			return false;
	}
	return true;
}

bool rt_btf_sound(const void *data, size_t len)
{
	struct btf_view b = { 0 };
	struct btf_header h;
	bool ok;

	if (len < sizeof(h))
		return false;
	memcpy(&h, data, sizeof(h));
	if (h.magic != BTF_MAGIC || h.version != BTF_VERSION || h.hdr_len != sizeof(h) || h.type_off % 4 || h.type_len % 4)
		return false;
	len -= sizeof(h);
	if (h.type_off > len || h.type_len > len - h.type_off || h.str_off > len || h.str_len > len - h.str_off || !h.str_len)
		return false;
	b.types = (const unsigned char *)data + sizeof(h) + h.type_off;
	b.types_len = h.type_len;
	b.strings = (const unsigned char *)data + sizeof(h) + h.str_off;
	b.strings_len = h.str_len;
	ok = !b.strings[0] && !b.strings[b.strings_len - 1] && walk(&b) && types_ok(&b);
	free(b.at);
	return ok;
}

/* The header of .BTF.ext, up to what old compilers wrote and with what newer ones add. */
struct ext_header {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t hdr_len, func_off, func_len, line_off, line_len, core_off, core_len;
};

bool rt_btf_ext_sound(const void *data, size_t len)
{
	struct ext_header h = { 0 };
	size_t old = offsetof(struct ext_header, core_off);
	uint32_t hdr_len;

	if (len < old)
		return false;
	memcpy(&h, data, old);
	hdr_len = h.hdr_len;
	if (h.magic != BTF_MAGIC || h.version != BTF_VERSION || hdr_len < old || hdr_len > len)
		return false;
	memcpy(&h, data, hdr_len < sizeof(h) ? hdr_len : sizeof(h));
	len -= hdr_len;
	return !h.core_len && h.func_off % 4 == 0 && h.line_off % 4 == 0 && h.func_off <= len && h.func_len <= len - h.func_off &&
	       h.line_off <= len && h.line_len <= len - h.line_off;
}
