/*
 * Where the words of a text that was made from JSON come from. In: a place in the text. Out: the pointer to the value that said it, the
 * innermost one that said all of it, and what its statement says of where it was made.
 */
#include <string.h>

#include "json_priv.h"

/* The token at @offset, or the last one before it. */
static size_t token_at(const struct json_origin *o, uint32_t offset)
{
	size_t lo = 0, hi = o->n;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (o->begin[mid] <= offset)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

static unsigned depth_of(const struct json_origin *o, uint32_t node)
{
	unsigned n = 0;

	for (; node; node = o->node.v[node].up)
		n++;
	return n;
}

static uint32_t innermost(const struct json_origin *o, uint32_t a, uint32_t b)
{
	unsigned da = depth_of(o, a), db = depth_of(o, b);

	for (; da > db; da--)
		a = o->node.v[a].up;
	for (; db > da; db--)
		b = o->node.v[b].up;
	while (a != b) {
		a = o->node.v[a].up;
		b = o->node.v[b].up;
	}
	return a;
}

/* Who said the words in @sp. */
static uint32_t node_of(const struct json_origin *o, struct span sp)
{
	if (!o->n)
		return 0;
	/* Words stand in the order of the values that said them. */
	return innermost(o, o->by[token_at(o, sp.begin)], o->by[token_at(o, sp.end > sp.begin ? sp.end - 1 : sp.begin)]);
}

const char *json_pointer(const struct json_origin *o, struct arena *a, uint32_t node)
{
	const char *s = "";

	for (; node; node = o->node.v[node].up) {
		const struct json_node *n = &o->node.v[node];

		if (n->member)
			s = arena_printf(a, "/%s%s", n->member, s);
		else
			s = arena_printf(a, "/%u%s", n->index, s);
	}
	return s;
}

static const char *place(const struct source_origin *of, struct arena *a, struct span sp)
{
	const struct json_origin *o = (const struct json_origin *)of;

	return json_pointer(o, a, node_of(o, sp));
}

static void written(const struct source_origin *of, struct span sp, const char **file, unsigned *line)
{
	const struct json_origin *o = (const struct json_origin *)of;

	for (uint32_t node = node_of(o, sp); node; node = o->node.v[node].up) {
		size_t lo = 0, hi = o->written.n;

		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;

			if (o->written.v[mid].node < node)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (lo < o->written.n && o->written.v[lo].node == node) {
			*file = o->written.v[lo].file;
			*line = o->written.v[lo].line;
			return;
		}
	}
}

struct json_origin *json_origin_new(struct arena *a, const char *path)
{
	struct json_origin *o = arena_alloc(a, sizeof(*o));

	o->of = (struct source_origin){ .path = path, .place = place, .written = written };
	*heap_add(&o->node, 1) = (struct json_node){ 0 };
	return o;
}
