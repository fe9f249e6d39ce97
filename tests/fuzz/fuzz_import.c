/*
 * Importers under libFuzzer. In: a byte that says which, and the source. Holds: nothing is read or written out of bounds, a refused source says
 * why, and what is translated is text that parses.
 */
#include <stdlib.h>
#include <string.h>

#include "ast.h"
#include "import.h"

struct addrinfo;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res);

/* libpcap asks here for names in expressions: the network is not to be asked. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	enum { NO_NAME = -2 };

	(void)node;
	(void)service;
	(void)hints;
	(void)res;
	return NO_NAME;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct import im = { .arena = arena };
	struct diag_list d = { .arena = arena };
	struct ast_program p = { .arena = arena };

	if (size < 2) {
		arena_free(arena);
		return 0;
	}
	im.kind = (enum import_kind)(data[0] % IMPORT_COUNT);
	im.o.accept = data[0] / IMPORT_COUNT;
	im.src = source_new(arena, "fuzzed", (const char *)data + 1, size - 1);
	im.o.ipset = im.src;
	if (!import_run(&im)) {
		if (!im.refused.n)
			abort();
	} else if (!parse_unit(&p, source_new(arena, "translation", im.text, im.len), &d)) {
		abort();
	}
	import_free(&im);
	arena_free(arena);
	return 0;
}
