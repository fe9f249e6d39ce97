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

const char *meta_string(struct meta_parse *p, const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	if (!s)
		meta_bad(p, key, "is missing or no string");
	else if (!meta_harmless(s))
		meta_bad(p, key, "has control characters");
	else
		return s;
	return "";
}

unsigned meta_number(struct meta_parse *p, const json_t *o, const char *key, unsigned max)
{
	const json_t *v = json_object_get(o, key);
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v))
		meta_bad(p, key, "is missing or no number");
	else if (n < 0 || n > max)
		meta_bad(p, key, "is out of bounds");
	else
		return (unsigned)n;
	return 0;
}

enum xdpf_verdict meta_verdict(struct meta_parse *p, const json_t *o, bool required)
{
	const json_t *v = json_object_get(o, "verdict");
	const char *s = json_string_value(v);

	if (json_is_null(v) && !required)
		return XDPF_NO_VERDICT;
	for (int i = XDPF_ABORT; s && i < XDPF_N_VERDICTS; i++)
		if (!strcmp(s, xdpf_verdict_name((enum xdpf_verdict)i)))
			return (enum xdpf_verdict)i;
	meta_bad(p, "verdict", "is missing or unknown to this version of xdpf");
	return XDPF_NO_VERDICT;
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
