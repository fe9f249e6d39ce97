/*
 * JSON text, written piece by piece. In: numbers, sound texts, trees. Out: what jansson writes of the same, compact, in one buffer that
 * grows. Running out of memory is remembered and told at the end.
 */
#include "meta_text.h"

#include <stdlib.h>
#include <string.h>

static int append(const char *s, size_t len, void *to)
{
	struct meta_text *t = to;

	if (t->cap - t->n <= len && !t->failed) {
		size_t cap = t->cap * 2 + len + 4096;
		char *bigger = realloc(t->s, cap);

		t->failed = !bigger;
		t->s = bigger ? bigger : t->s;
		t->cap = bigger ? cap : t->cap;
	}
	if (t->failed)
		return -1;
	memcpy(t->s + t->n, s, len);
	t->n += len;
	t->s[t->n] = '\0';
	return 0;
}

void meta_put(struct meta_text *t, const char *s)
{
	append(s, strlen(s), t);
}

void meta_put_number(struct meta_text *t, uint64_t v)
{
	char digits[20];
	size_t n = sizeof(digits);

	do
		digits[--n] = (char)('0' + v % 10);
	while (v /= 10);
	append(digits + n, sizeof(digits) - n, t);
}

/* What stands for @c in a string; NULL: itself. */
static const char *escape(unsigned char c, char buf[8])
{
	static const char hex[] = "0123456789ABCDEF", letter[] = "bfnrt\"\\", of[] = "\b\f\n\r\t\"\\";
	const char *at = c ? strchr(of, c) : NULL;

	if (at) {
		memcpy(buf, (char[]){ '\\', letter[at - of], '\0' }, 3);
		return buf;
	}
	if (c >= 0x20)
		return NULL;
	memcpy(buf, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15], '\0' }, 7);
	return buf;
}

void meta_put_string(struct meta_text *t, const char *s)
{
	char buf[8];

	append("\"", 1, t);
	while (*s) {
		const char *end = s, *instead;

		while ((unsigned char)*end >= 0x20 && *end != '"' && *end != '\\')
			end++;
		if (end > s)
			append(s, (size_t)(end - s), t);
		s = end;
		instead = *s ? escape((unsigned char)*s++, buf) : NULL;
		if (instead)
			meta_put(t, instead);
	}
	append("\"", 1, t);
}

void meta_put_tree(struct meta_text *t, json_t *v)
{
	if (!v || json_dump_callback(v, append, t, JSON_COMPACT | JSON_ENCODE_ANY))
		t->failed = true;
	json_decref(v);
}
