/*
 * Texts that come from rule files as JSON, which is UTF-8. In: any bytes. Out: the same text, or with `?` for each byte that is no part of a
 * character.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "utf8.h"

struct json_t *utf8_json(const char *s)
{
	json_t *j = json_string(s);
	size_t n = strlen(s);
	char *copy;

	if (j)
		return j;
	copy = memcpy(arena_malloc(n + 1), s, n + 1);
	for (size_t i = 0; i < n;) {
		uint32_t cp;
		unsigned len = utf8_decode(copy + i, n - i, &cp);

		if (!len)
			copy[i] = '?';
		i += len ? len : 1;
	}
	j = json_string(copy);
	free(copy);
	return j;
}
