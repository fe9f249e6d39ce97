/*
 * Rule files in memory. In: names and texts. Out: copies of them, in their order. A call that fails leaves what was there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib.h"

enum { TEXT_MOST = 256 << 20 };		/* as of files that are read */

const char *xdpfc_version(void)
{
	return XDPF_VERSION;
}

int xdpfc_program_new(struct xdpfc_program **out)
{
	struct xdpfc_program *p;

	if (!out)
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	*out = p;
	return 0;
}

void xdpfc_program_free(struct xdpfc_program *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++) {
		free(p->file[i].name);
		free(p->file[i].text);
	}
	free(p->file);
	free(p);
}

static bool has_room(struct xdpfc_program *p)
{
	size_t cap = p->cap ? p->cap * 2 : 4;
	struct lib_file *file;

	if (p->n < p->cap)
		return true;
	file = reallocarray(p->file, cap, sizeof(*file));
	if (!file)
		return false;
	p->file = file;
	p->cap = cap;
	return true;
}

int xdpfc_program_add(struct xdpfc_program *p, const char *name, const char *text, size_t len)
{
	struct lib_file f = { .len = len };

	if (!p || !name || !*name || (!text && len))
		return -EINVAL;
	if (len > TEXT_MOST)
		return -E2BIG;
	if (!has_room(p))
		return -ENOMEM;
	f.name = strdup(name);
	f.text = malloc(len + 1);
	if (!f.name || !f.text) {
		free(f.name);
		free(f.text);
		return -ENOMEM;
	}
	if (len)
		memcpy(f.text, text, len);
	f.text[len] = '\0';
	p->file[p->n++] = f;
	return 0;
}
