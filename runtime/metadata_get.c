/*
 * Members of the metadata. In: JSON that may be anything, and what a member must be. Out: the member, or a complaint, of which the first
 * one wins, and a harmless value.
 */
#include <errno.h>
#include <stdio.h>

#include "metadata.h"

void meta_bad(struct meta_parse *p, const char *what, const char *why)
{
	if (!p->err)
		p->err = rt_fail(p->log, EBADMSG, "the object's metadata is broken: \"%s\" %s", what, why);
}

bool meta_harmless(const char *s)
{
	for (const unsigned char *c = (const unsigned char *)s; *c; c++)
		if (*c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0))
			return false;
	return true;
}

const char *meta_string_of(struct meta_parse *p, struct meta_value v, const char *key)
{
	if (v.type != META_STRING)
		meta_bad(p, key, "is missing or no string");
	else if (!meta_harmless(v.string))
		meta_bad(p, key, "has control characters");
	else
		return v.string;
	return "";
}

unsigned meta_number_of(struct meta_parse *p, struct meta_value v, const char *key, unsigned max)
{
	if (v.type != META_NUMBER)
		meta_bad(p, key, "is missing or no number");
	else if (v.number < 0 || v.number > max)
		meta_bad(p, key, "is out of bounds");
	else
		return (unsigned)v.number;
	return 0;
}

enum xdpf_verdict meta_verdict_of(struct meta_parse *p, struct meta_value v, bool required)
{
	if (v.type == META_NULL && !required)
		return XDPF_NO_VERDICT;
	for (int i = XDPF_ABORT; v.type == META_STRING && i < XDPF_N_VERDICTS; i++)
		if (!strcmp(v.string, xdpf_verdict_name((enum xdpf_verdict)i)))
			return (enum xdpf_verdict)i;
	meta_bad(p, "verdict", "is missing or unknown to this version of xdpf");
	return XDPF_NO_VERDICT;
}

const char *meta_string(struct meta_parse *p, const json_t *o, const char *key)
{
	return meta_string_of(p, meta_value_of(json_object_get(o, key)), key);
}

unsigned meta_number(struct meta_parse *p, const json_t *o, const char *key, unsigned max)
{
	return meta_number_of(p, meta_value_of(json_object_get(o, key)), key, max);
}

enum xdpf_verdict meta_verdict(struct meta_parse *p, const json_t *o, bool required)
{
	return meta_verdict_of(p, meta_value_of(json_object_get(o, "verdict")), required);
}

size_t meta_long_size(struct meta_parse *p, const struct meta_long *l, size_t max, bool required)
{
	if (!l->begin && !required && !json_object_get(p->meta->root, l->name))
		return 0;
	if (!l->begin)
		meta_bad(p, l->name, "is missing or no array");
	else if (l->n > max)
		meta_bad(p, l->name, "has too many elements");
	else
		return l->n;
	return 0;
}

/* An array of objects (or strings) of at most @max elements. */
const json_t *meta_array(struct meta_parse *p, const json_t *o, const char *key, size_t max, bool required)
{
	const json_t *a = json_object_get(o, key);

	if (!a && !required)
		return NULL;
	if (!json_is_array(a))
		meta_bad(p, key, "is missing or no array");
	else if (json_array_size(a) > max)
		meta_bad(p, key, "has too many elements");
	else
		return a;
	return NULL;
}

void *meta_alloc(struct meta_parse *p, size_t n, size_t size)
{
	void *v = p->err ? NULL : calloc(n ? n : 1, size);

	if (!v && !p->err)
		p->err = rt_fail(p->log, ENOMEM, "out of memory");
	return v;
}
