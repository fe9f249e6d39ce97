/*
 * The frame of an import. In: a source and its kind. Out: a text, or a list of what could not be translated. A text with refusals in it that
 * nobody accepted is none.
 */
#include "import.h"

#include <stdlib.h>
#include <string.h>

const struct import_kind_info import_kinds[IMPORT_COUNT] = {
#define IMPORT(ID, name, run, engine, doc) [IMPORT_##ID] = { name, run, engine, doc },
#include "import.def"
#undef IMPORT
};

static const struct {
	const char *name;
	unsigned bit;
} accepts[] = {
	{ "left-out", IMPORT_LEFT_OUT }, { "state", IMPORT_STATE }, { "limit", IMPORT_LIMIT }, { "timeout", IMPORT_TIMEOUT },
	{ "reject", IMPORT_REJECT }, { "fragments", IMPORT_FRAGMENTS },
};

enum { N_ACCEPTS = sizeof(accepts) / sizeof(accepts[0]) };

enum import_kind import_find(const char *name)
{
	int i = 0;

	while (i < IMPORT_COUNT && strcmp(import_kinds[i].name, name) != 0)
		i++;
	return (enum import_kind)i;
}

bool import_accept_read(const char *text, unsigned *out)
{
	*out = 0;
	for (;;) {
		size_t len = strcspn(text, ","), i = 0;

		while (i < N_ACCEPTS && (strlen(accepts[i].name) != len || memcmp(accepts[i].name, text, len) != 0))
			i++;
		if (i == N_ACCEPTS)
			return false;
		*out |= accepts[i].bit;
		if (!text[len])
			return true;
		text += len + 1;
	}
}

const char *import_accept_name(unsigned accept)
{
	for (size_t i = 0; i < N_ACCEPTS; i++)
		if (accept & accepts[i].bit)
			return accepts[i].name;
	return NULL;
}

void import_free(struct import *im)
{
	free(im->text);
	im->text = NULL;
	im->len = 0;
}

bool import_run(struct import *im)
{
	import_free(im);
	im->refused.n = 0;
	im->place.n = 0;
	im->n_rules = 0;
	im->out = arena_stream(&im->text, &im->len);
	import_kinds[im->kind].run(im);
	arena_stream_close(im->out, &im->text);
	im->out = NULL;
	for (size_t i = 0; i < im->refused.n; i++)
		if (!(im->refused.v[i].accepted & im->o.accept))
			return false;
	return true;
}

bool import_rule_at(const struct import *im, size_t offset, uint64_t *rule)
{
	bool found = false;

	/* Rules of chains stand inside of those that call them: the last that began before it is the innermost. */
	for (size_t i = 0; i < im->place.n; i++)
		if (im->place.v[i].begin <= offset && offset < im->place.v[i].end) {
			*rule = im->place.v[i].rule;
			found = true;
		}
	return found;
}
