/*
 * The types that an object says of (.BTF). In: the section. Out: where each type is.
 */
#include "object_priv.h"

#include <linux/btf.h>
#include <string.h>

static bool layout_of(unsigned kind, struct object_layout *l)
{
	static const struct object_layout layouts[] = {
		[BTF_KIND_INT] = { 1, 0, false }, [BTF_KIND_PTR] = { 0, 0, false }, [BTF_KIND_ARRAY] = { 3, 0, false },
		[BTF_KIND_STRUCT] = { 0, 3, true }, [BTF_KIND_UNION] = { 0, 3, true }, [BTF_KIND_ENUM] = { 0, 2, true },
		[BTF_KIND_FWD] = { 0, 0, false }, [BTF_KIND_TYPEDEF] = { 0, 0, false }, [BTF_KIND_VOLATILE] = { 0, 0, false },
		[BTF_KIND_CONST] = { 0, 0, false }, [BTF_KIND_RESTRICT] = { 0, 0, false },
		/* a function's vlen is its linkage */
		[BTF_KIND_FUNC] = { 0, 0, false }, [BTF_KIND_FUNC_PROTO] = { 0, 2, true }, [BTF_KIND_VAR] = { 1, 0, false },
		[BTF_KIND_DATASEC] = { 0, 3, false },
	};

	if (!kind || kind >= sizeof(layouts) / sizeof(layouts[0]))
		return false;
	*l = layouts[kind];
	return true;
}

size_t object_type(const uint32_t *w, size_t left, struct object_layout *l)
{
	size_t words;

	if (left < 3 || !layout_of(BTF_INFO_KIND(w[1]), l))
		return 0;
	words = 3 + l->words + (size_t)BTF_INFO_VLEN(w[1]) * l->each;
	return words > left ? 0 : words;
}

bool object_types(struct finish *f, const Elf_Data *d, struct object_types *t)
{
	struct btf_header h;
	const char *p = d->d_buf;

	if (d->d_size < sizeof(h))
		return object_failed(f, "the object's types are broken");
	memcpy(&h, p, sizeof(h));
	if (h.magic != BTF_MAGIC || h.hdr_len > d->d_size || h.type_off > d->d_size - h.hdr_len || h.type_len > d->d_size - h.hdr_len - h.type_off ||
	    h.str_off > d->d_size - h.hdr_len || h.str_len > d->d_size - h.hdr_len - h.str_off)
		return object_failed(f, "the object's types are broken");
	t->n = h.type_len / 4;
	t->word = arena_copy(f->arena, p + h.hdr_len + h.type_off, h.type_len);
	t->text = p + h.hdr_len + h.str_off;
	t->text_len = h.str_len;
	return true;
}

const char *object_type_name(const struct object_types *t, uint32_t off)
{
	return off < t->text_len && memchr(t->text + off, 0, t->text_len - off) ? t->text + off : NULL;
}
