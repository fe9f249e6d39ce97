/*
 * Texts that come from rule files as JSON, which is UTF-8. In: any bytes. Out: the same text, or with `?` for each byte that is no part of a
 * character.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

struct json_t *utf8_json(const char *s)
{
	json_t *j = json_string(s);
	size_t n = strlen(s);
	char *copy;

	if (j)
		return j;
	copy = strdup(s);
	for (size_t i = 0; copy && i < n;) {
		uint32_t cp;
		unsigned len = utf8_decode(copy + i, n - i, &cp);

		if (!len)
			copy[i] = '?';
		i += len ? len : 1;
	}
	j = copy ? json_string(copy) : NULL;
	free(copy);
	return j ? j : json_null();
}
